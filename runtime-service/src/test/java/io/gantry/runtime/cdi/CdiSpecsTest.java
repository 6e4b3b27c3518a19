package io.gantry.runtime.cdi;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.runtime.cdi.CdiSpecs.Ambiguous;
import io.gantry.runtime.cdi.CdiSpecs.Found;
import io.gantry.runtime.cdi.CdiSpecs.Malformed;
import io.gantry.runtime.cdi.CdiSpecs.Unknown;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CdiSpecsTest {
    private static final String FULL = """
            cdiVersion: "1.1.0"
            kind: vendor.example/gpu
            annotations: {note: whatever}
            containerEdits:
              env: [ALL=1]
              additionalGids: [44, 0]
            devices:
              - name: "0"
                containerEdits:
                  env: ["ONE=a=b"]
                  deviceNodes:
                    - path: /dev/gpu0
                      hostPath: /dev/null
                      type: c
                      major: 1
                      minor: 3
                      fileMode: 432
                      permissions: rw
                      uid: 5
                      gid: 6
                    - path: /dev/zero
                  mounts:
                    - hostPath: /usr/lib
                      containerPath: /usr/lib/gpu
                      options: [ro, nosuid]
              - name: hooked
                containerEdits:
                  hooks:
                    - {hookName: createContainer, path: /usr/bin/hook, args: [hook], timeout: 3}
                  intelRdt: {closID: x}
                  netDevices: [{hostInterfaceName: eth9, name: eth0}]
            """;

    @TempDir
    Path root;

    private Path low;
    private Path high;
    private CdiSpecs specs;

    @BeforeEach
    void folders() throws IOException {
        low = Files.createDirectory(root.resolve("etc"));
        high = root.resolve("run");
        specs = new CdiSpecs(List.of(low, high, root.resolve("missing")));
    }

    private static void write(Path folder, String name, String text) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve(name), text);
    }

    private static String simple(String device, String variable) {
        return "{\"cdiVersion\": \"0.3.0\", \"kind\": \"vendor.example/nic\", \"devices\": [{\"name\": \"" + device
                + "\", \"containerEdits\": {\"env\": [\"" + variable + "\"]}}]}";
    }

    private List<ContainerEdits> found(String... names) {
        CdiSpecs.Outcome outcome = specs.resolve(List.of(names));
        assertThat(outcome).isInstanceOf(Found.class);
        return ((Found) outcome).edits();
    }

    private String unknown(String name) {
        CdiSpecs.Outcome outcome = specs.resolve(List.of(name));
        assertThat(outcome).isInstanceOf(Unknown.class);
        return ((Unknown) outcome).reason();
    }

    @Test
    void everyFieldIsRead() throws IOException {
        write(low, "gpu.yaml", FULL);
        List<ContainerEdits> edits = found("vendor.example/gpu=0");
        assertThat(edits).hasSize(2);
        assertThat(edits.get(0).environment()).containsExactly("ALL=1");
        assertThat(edits.get(0).additionalGids()).containsExactly(44L, 0L);
        assertThat(edits.get(1))
                .isEqualTo(new ContainerEdits(
                        List.of("ONE=a=b"),
                        List.of(
                                new ContainerEdits.DeviceNode(
                                        "/dev/gpu0", "/dev/null", "c", 1L, 3L, 432L, "rw", 5L, 6L),
                                new ContainerEdits.DeviceNode(
                                        "/dev/zero", "/dev/zero", "", null, null, null, "rwm", null, null)),
                        List.of(new ContainerEdits.Mount("/usr/lib", "/usr/lib/gpu", "", List.of("ro", "nosuid"))),
                        List.of(),
                        List.of()));
        assertThat(found("vendor.example/gpu=hooked").get(1).unserved())
                .containsExactly("the createContainer hook /usr/bin/hook", "intelRdt", "netDevices");
    }

    @Test
    void editsOfAFileComeOnceHoweverManyOfItsDevices() throws IOException {
        write(low, "gpu.yaml", FULL);
        assertThat(found("vendor.example/gpu=0", "vendor.example/gpu=hooked", "vendor.example/gpu=0"))
                .hasSize(3);
    }

    @Test
    void aLaterFolderWinsAndEqualsAreAConflict() throws IOException {
        write(low, "a.json", simple("x", "FROM=low"));
        assertThat(found("vendor.example/nic=x").get(1).environment()).containsExactly("FROM=low");
        write(high, "z.json", simple("x", "FROM=high"));
        assertThat(found("vendor.example/nic=x").get(1).environment()).containsExactly("FROM=high");
        write(high, "b.json", simple("x", "FROM=other"));
        CdiSpecs.Outcome outcome = specs.resolve(List.of("vendor.example/nic=x"));
        assertThat(outcome).isInstanceOf(Ambiguous.class);
        assertThat(((Ambiguous) outcome).reason()).contains("vendor.example/nic=x", "run/b.json", "run/z.json");
        Files.delete(high.resolve("b.json"));
        assertThat(found("vendor.example/nic=x").get(1).environment()).containsExactly("FROM=high");
    }

    @Test
    void changesAreSeenAtOnce() throws IOException {
        assertThat(unknown("vendor.example/nic=x")).contains("vendor.example/nic=x", low.toString());
        write(low, "a.json", simple("x", "A=1"));
        assertThat(found("vendor.example/nic=x").get(1).environment()).containsExactly("A=1");
        // The same length, and perhaps within the same tick of the clock.
        write(low, "a.json", simple("x", "A=2"));
        Files.move(low.resolve("a.json"), low.resolve("b.json"));
        assertThat(found("vendor.example/nic=x").get(1).environment()).containsExactly("A=2");
        Files.delete(low.resolve("b.json"));
        unknown("vendor.example/nic=x");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "vendor.example/nic",
                "nic=x",
                "vendor.example/nic=",
                "=x",
                "a/b/c=x",
                "v/c=-x",
                "v/c=x y",
                "-v/c=x",
                "v/c=x\0"
            })
    void namesMustBeQualified(String name) {
        CdiSpecs.Outcome outcome = specs.resolve(List.of(name));
        assertThat(outcome).isInstanceOf(Malformed.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nonsense",
                "[1, 2]",
                "{",
                "\0\0\0",
                "{\"cdiVersion\": \"2.0.0\", \"kind\": \"v/c\", \"devices\": []}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"devices\": []}",
                "{\"cdiVersion\": 1, \"kind\": \"v/c\", \"devices\": []}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v c\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {}}]}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"devices\": [{\"name\": \"x\"}]}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {\"new\": 1}}]}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"kind\": \"v/d\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {}}]}",
                "{\"cdiVersion\": \"0.6.0\", \"kind\": \"v/c\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {\"additionalGids\": [1]}}]}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {\"env\": [\"A\"]}}]}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {\"env\": [\"A=\\u0000\"]}}]}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {\"deviceNodes\": [{\"path\": \"dev\"}]}}]}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {\"deviceNodes\": [{\"path\": \"/d\", \"major\": -1}]}}]}",
                "{\"cdiVersion\": \"1.0.0\", \"kind\": \"v/c\", \"devices\": [{\"name\": \"x\", \"containerEdits\": {\"additionalGids\": [99999999999999999999]}}]}",
            })
    void aBadFileIsNamedAndHarmsNoOther(String text) throws IOException {
        write(low, "bad.json", text);
        write(low, "bad.yaml", text);
        write(low, "good.json", simple("x", "A=1"));
        found("vendor.example/nic=x");
        assertThat(unknown("v/c=x")).contains("bad.json: ", "bad.yaml: ");
    }

    @Test
    void hostileFilesAreBadFiles() throws IOException {
        write(low, "deep.json", "[".repeat(1_000_000));
        write(low, "deep.yaml", "[".repeat(1_000_000));
        write(low, "nested.yaml", "a:\n" + " ".repeat(10) + "- ".repeat(200_000));
        // What a hundred million laughs need is an anchor that is taken at its word.
        write(low, "laughs.yaml", """
                a: &a [l,l,l,l,l,l,l,l,l]
                b: &b [*a,*a,*a,*a,*a,*a,*a,*a]
                c: &c [*b,*b,*b,*b,*b,*b,*b,*b]
                d: &d [*c,*c,*c,*c,*c,*c,*c,*c]
                e: [*d,*d,*d,*d,*d,*d,*d,*d]
                """);
        write(low, "long.yaml", "# " + "x".repeat(5 << 20));
        write(low, "binary.yaml", new String(new byte[] {(byte) 0xff, 0, 1, 2}, StandardCharsets.ISO_8859_1));
        Files.createDirectory(low.resolve("folder.json"));
        Files.createSymbolicLink(low.resolve("nowhere.json"), Path.of("/no/such/file"));
        Files.createSymbolicLink(low.resolve("endless.json"), Path.of("/dev/zero"));
        write(low, "good.json", simple("x", "A=1"));
        found("vendor.example/nic=x");
        assertThat(unknown("v/c=x"))
                .contains(
                        "deep.json: ",
                        "deep.yaml: ",
                        "nested.yaml: ",
                        "laughs.yaml: ",
                        "long.yaml: ",
                        "binary.yaml: ",
                        "folder.json: ",
                        "nowhere.json: ",
                        "endless.json: ");
        // Else JUnit warns of where it leads.
        Files.delete(low.resolve("endless.json"));
    }

    @Test
    void numbersOfYamlAreAsItsAuthorsMeanThem() throws IOException {
        write(low, "a.yaml", """
                cdiVersion: 0.6.0
                kind: v/c
                devices:
                - name: 1x
                  containerEdits:
                    deviceNodes:
                    - {path: /dev/x, type: c, major: 0x10, minor: 7, fileMode: 0660}
                """);
        ContainerEdits.DeviceNode node = found("v/c=1x").get(1).deviceNodes().getFirst();
        assertThat(node.fileMode()).isEqualTo(0660L);
        assertThat(node.major()).isEqualTo(16L);
        assertThat(node.type()).isEqualTo("c");
    }
}
