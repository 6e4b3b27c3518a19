package io.gantry.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NetworkListsTest {
    @TempDir
    Path top;

    private Path dir;
    private NetworkLists lists;

    @BeforeEach
    void setUp() throws IOException {
        dir = Files.createDirectory(top.resolve("net.d"));
        lists = new NetworkLists(List.of(dir));
    }

    private void write(String file, String json) throws IOException {
        Files.writeString(dir.resolve(file), json);
    }

    private static String list(String name) {
        return "{\"cniVersion\":\"1.0.0\",\"name\":\"" + name + "\",\"plugins\":[{\"type\":\"x\"}]}";
    }

    @Test
    void firstValidFileByNameIsTheDefault() throws Exception {
        write("30-c.conflist", list("c"));
        write("20-b.conf", "{\"cniVersion\":\"0.3.1\",\"name\":\"b\",\"type\":\"x\",\"mtu\":1400}");
        write("10-a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"plugins\":[]}");
        write("05-broken.json", "{");
        write("00-ignored.txt", list("ignored"));
        Files.createSymbolicLink(dir.resolve("01-dangling.conflist"), dir.resolve("absent"));

        NetworkList network = lists.defaultNetwork();

        assertThat(network.name()).isEqualTo("b");
        assertThat(network.version()).isEqualTo("0.3.1");
        assertThat(network.plugins().getFirst().path("mtu").asInt()).isEqualTo(1400);
        assertThat(lists.current().errors())
                .satisfiesExactly(
                        error -> assertThat(error).startsWith(dir + "/05-broken.json: "),
                        error -> assertThat(error).isEqualTo(dir + "/10-a.conflist: network a has no plugins"));
    }

    @Test
    void followsChanges() throws Exception {
        assertThatThrownBy(() -> lists.defaultNetwork()).hasMessage("no network config found in " + dir);
        write("10-a.conflist", list("a"));
        assertThat(lists.defaultNetwork().name()).isEqualTo("a");
        write("05-b.conflist", list("b"));
        assertThat(lists.defaultNetwork().name()).isEqualTo("b");
        write("05-b.conflist", list("longer"));
        assertThat(lists.defaultNetwork().name()).isEqualTo("longer");
        Files.delete(dir.resolve("05-b.conflist"));
        assertThat(lists.defaultNetwork().name()).isEqualTo("a");
    }

    @Test
    void folderMayGoAndComeBack() throws Exception {
        write("10-a.conflist", list("a"));
        assertThat(lists.defaultNetwork().name()).isEqualTo("a");
        Files.delete(dir.resolve("10-a.conflist"));
        Files.delete(dir);
        assertThat(lists.current().defaultNetwork()).isNull();
        Files.createDirectory(dir);
        write("10-a.conflist", list("again"));
        assertThat(lists.defaultNetwork().name()).isEqualTo("again");
    }

    @Test
    void unchangedFolderIsNotReadAgain() throws Exception {
        write("10-a.conflist", list("a"));

        assertThat(lists.current()).isSameAs(lists.current());
    }

    @Test
    void highestVersionInCommonIsSpoken() throws Exception {
        assertThat(version("\"cniVersion\":\"0.4.0\",\"cniVersions\":[\"0.3.1\",\"1.1.0\",\"2.0.0\"]"))
                .isEqualTo("1.1.0");
        assertThat(version("\"cniVersion\":\"1.0.0\"")).isEqualTo("1.0.0");
        assertThatThrownBy(() -> version("\"cniVersion\":\"2.0.0\""))
                .hasMessage("network n wants CNI version 2.0.0, spoken are 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
        assertThatThrownBy(() -> version("\"x\":1")).hasMessageContaining("wants CNI version 0.1.0");
    }

    private static String version(String fields) throws CniException {
        String json = "{\"name\":\"n\",\"plugins\":[{\"type\":\"x\"}]," + fields + "}";
        return NetworkList.parse(json.getBytes(StandardCharsets.UTF_8)).version();
    }

    @Test
    void whatIsNoListSaysWhy() {
        assertThat(error("{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"type\":\"x\"}"))
                .isEqualTo("it has a type but no plugins: a single plugin's file is named .conf");
        assertThat(error("{\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"x\"}]}"))
                .isEqualTo("it has no name");
        assertThat(error("{\"cniVersion\":\"1.0.0\",\"name\":\"../n\",\"plugins\":[{\"type\":\"x\"}]}"))
                .isEqualTo("\"../n\" cannot be a network's name");
        assertThat(error("{\"cniVersion\":\"1.0.0\",\"name\":\"n\",\"plugins\":[{}]}"))
                .isEqualTo("plugin 0 of network n has no type");
        assertThat(error("[]")).isEqualTo("not a JSON object");
    }

    private static String error(String json) {
        try {
            NetworkList.parse(json.getBytes(StandardCharsets.UTF_8));
            return "no error";
        } catch (CniException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
