package io.gantry.image.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChallengeTest {
    @Test
    void readsSeveralChallengesInOneHeaderAndInSeveral() {
        assertThat(Challenge.parse(List.of(
                        "Basic realm=\"a, \\\"b\\\"\", charset=UTF-8, Bearer realm=\"https://x/t?y=z\",scope=\"s:r:pull,push\"",
                        "Negotiate")))
                .containsExactly(
                        new Challenge("basic", Map.of("realm", "a, \"b\"", "charset", "UTF-8")),
                        new Challenge("bearer", Map.of("realm", "https://x/t?y=z", "scope", "s:r:pull,push")),
                        new Challenge("negotiate", Map.of()));
    }

    @Test
    void nonsenseIsNoChallenge() {
        assertThat(Challenge.parse(List.of("", "  ,", "=x", "\"", "Basic realm=\"open")))
                .containsExactly(new Challenge("basic", Map.of("realm", "open")));
    }
}
