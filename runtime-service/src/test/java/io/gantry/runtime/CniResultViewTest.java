package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

class CniResultViewTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void addressesStandWithTheirInterface() throws Exception {
        JsonNode view = view("""
                {"cniVersion": "1.0.0",
                 "interfaces": [{"name": "br0", "mac": "aa:00:00:00:00:01"}, {"name": "eth0", "mac": "aa:00:00:00:00:02", "sandbox": "/run/netns/x"}],
                 "ips": [{"address": "10.1.0.2/24", "gateway": "10.1.0.1", "interface": 1}, {"address": "fd00::2/64", "interface": 1}],
                 "routes": [{"dst": "0.0.0.0/0"}], "dns": {"nameservers": ["10.1.0.1"]}}""");

        assertThat(view).isEqualTo(JSON.readTree("""
                {"Interfaces": {
                   "br0": {"IPConfigs": [], "Mac": "aa:00:00:00:00:01", "Sandbox": ""},
                   "eth0": {"IPConfigs": [{"IP": "10.1.0.2", "Gateway": "10.1.0.1"}, {"IP": "fd00::2", "Gateway": ""}],
                            "Mac": "aa:00:00:00:00:02", "Sandbox": "/run/netns/x"}},
                 "DNS": [{"nameservers": ["10.1.0.1"]}], "Routes": [{"dst": "0.0.0.0/0"}]}"""));
    }

    @Test
    void anEmptyResultHasTheSameKeys() throws Exception {
        assertThat(view("{\"cniVersion\": \"1.0.0\"}"))
                .isEqualTo(JSON.readTree("{\"Interfaces\": {}, \"DNS\": [{}], \"Routes\": []}"));
    }

    private static JsonNode view(String result) throws Exception {
        return CniResultView.of(JSON.readTree(result));
    }
}
