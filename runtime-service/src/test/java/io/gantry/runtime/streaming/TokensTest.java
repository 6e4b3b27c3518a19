package io.gantry.runtime.streaming;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TokensTest {
    private static final Target TARGET = new Target.Ports(TokensTest::dial, List.of());

    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5);
    private final Tokens tokens = new Tokens(now::get);

    private static SocketChannel dial(int port) throws IOException {
        throw new IOException("nothing is dialled here, not port " + port);
    }

    private String add() {
        return Objects.requireNonNull(tokens.add(TARGET));
    }

    @Test
    void isGoodForOneUseOnItsOwnPath() {
        String token = add();
        assertThat(tokens.take("exec", token)).isNull();
        assertThat(tokens.take("portforward", token + "x")).isNull();
        assertThat(tokens.take("portforward", token)).isSameAs(TARGET);
        assertThat(tokens.take("portforward", token)).isNull();
    }

    @Test
    void lapsesAfterAMinute() {
        String first = add();
        now.addAndGet(Tokens.LIFETIME.toNanos() - 1);
        String second = add();
        assertThat(tokens.take("portforward", first)).isSameAs(TARGET);
        now.addAndGet(Tokens.LIFETIME.toNanos());
        assertThat(tokens.take("portforward", second)).isNull();
    }

    @Test
    void thoseThatLapsedMakeRoom() {
        Set<String> given = new HashSet<>();
        for (int i = 0; i < Tokens.MAX_PENDING; i++) {
            given.add(add());
        }
        assertThat(given).hasSize(Tokens.MAX_PENDING);
        assertThat(tokens.add(TARGET)).isNull();
        assertThat(tokens.take("portforward", given.iterator().next())).isNotNull();
        assertThat(tokens.add(TARGET)).isNotNull();
        assertThat(tokens.add(TARGET)).isNull();
        now.addAndGet(Tokens.LIFETIME.toNanos());
        for (int i = 0; i < Tokens.MAX_PENDING; i++) {
            add();
        }
    }
}
