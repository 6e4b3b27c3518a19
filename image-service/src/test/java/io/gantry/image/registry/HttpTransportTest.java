package io.gantry.image.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HttpTransportTest {
    private static IOException failure(String variable, int port, String uri) {
        Map<String, String> environment = Map.of(variable, "http://user:secret@127.0.0.1:" + port);
        try (HttpTransport transport = new HttpTransport(environment, Duration.ofSeconds(30))) {
            return catchThrowableOfType(
                    IOException.class,
                    () -> transport.send(TlsSettings.DEFAULT, "GET", URI.create(uri), Map.of(), null));
        }
    }

    @Test
    void aProxyThatCannotBeReachedIsNamedWithoutItsUser() throws Exception {
        try (Socket bound = new Socket()) {
            // It holds the port and does not listen.
            bound.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            IOException failure = failure("HTTP_PROXY", bound.getLocalPort(), "http://registry.example/v2/");
            assertThat(failure).hasCauseInstanceOf(ConnectException.class);
            assertThat(EndpointCaller.reason(failure))
                    .startsWith("through the proxy 127.0.0.1:" + bound.getLocalPort() + ": ")
                    .doesNotContain("secret");
        }
    }

    @Test
    void aProxyThatRefusesATunnelIsNamed() throws Exception {
        try (ServerSocket proxy = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> {
                try (Socket client = proxy.accept()) {
                    client.getOutputStream()
                            .write("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
                                    .getBytes(StandardCharsets.US_ASCII));
                    client.getInputStream().readAllBytes();
                } catch (IOException e) {
                    // The test sees another failure then.
                }
            });
            IOException failure = failure("HTTPS_PROXY", proxy.getLocalPort(), "https://registry.example/v2/");
            assertThat(EndpointCaller.reason(failure))
                    .startsWith("through the proxy 127.0.0.1:" + proxy.getLocalPort() + ": ")
                    .contains("502");
        }
    }

    @Test
    void withoutAProxyNoneIsNamed() throws Exception {
        try (Socket bound = new Socket()) {
            bound.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            IOException failure = failure("HTTP_PROXY", 9, "http://127.0.0.1:" + bound.getLocalPort() + "/v2/");
            assertThat(EndpointCaller.reason(failure)).doesNotContain("proxy");
        }
    }
}
