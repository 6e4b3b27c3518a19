package io.gantry.image.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EnvironmentProxyTest {
    private static final Map<String, String> ENVIRONMENT = Map.of(
            "HTTP_PROXY", "http://plain:3128",
            "https_proxy", "user:p%40ss@secure:3129",
            "NO_PROXY", "exact.example, .suffix.example,*.star.example,port.example:8443,10.1.0.0/16,192.168.7.7");

    private static String proxy(String uri) {
        Proxy proxy = new EnvironmentProxy(ENVIRONMENT).select(URI.create(uri)).getFirst();
        return proxy.address() instanceof InetSocketAddress address
                ? address.getHostString() + ":" + address.getPort()
                : "direct";
    }

    @ParameterizedTest
    @CsvSource({
        "http://registry.io/v2/, plain:3128",
        "https://registry.io/v2/, secure:3129",
        "https://exact.example/, direct",
        "https://sub.exact.example/, direct",
        "https://notexact.example/, secure:3129",
        "https://a.suffix.example/, direct",
        "https://suffix.example/, secure:3129",
        "https://a.star.example/, direct",
        "https://port.example:8443/, direct",
        "https://port.example/, secure:3129",
        "http://10.1.2.3:5000/, direct",
        "http://10.2.2.3:5000/, plain:3128",
        "http://192.168.7.7/, direct",
        "http://127.0.0.1:5000/, direct",
        "http://localhost:5000/, direct",
        "http://[::1]:5000/, direct",
    })
    void choosesByHost(String uri, String expected) {
        assertThat(proxy(uri)).isEqualTo(expected);
    }

    @Test
    void userOfAProxyIsSentToItOnly() {
        EnvironmentProxy proxies = new EnvironmentProxy(ENVIRONMENT);

        assertThat(proxies.authorization(URI.create("https://registry.io/"))).hasValue("Basic dXNlcjpwQHNz");
        assertThat(proxies.authorization(URI.create("http://registry.io/"))).isEmpty();
        assertThat(proxies.authorization(URI.create("https://exact.example/"))).isEmpty();
    }

    @Test
    void emptyEnvironmentMeansNone() {
        assertThat(new EnvironmentProxy(Map.of()).select(URI.create("http://registry.io/")))
                .containsExactly(Proxy.NO_PROXY);
    }
}
