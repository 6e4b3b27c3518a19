package io.gantry.packaging;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The rules that hold over all modules: who may use whom, what a class may be called, how long a file may be. */
class ArchitectureTest {
    private static final Path REPOSITORY = Path.of("..").toAbsolutePath().normalize();
    private static final String CRI = "io.gantry.cri..";
    private static final int MAX_LINES = 500;

    /** Which modules a module may use, besides itself. */
    private static final Map<String, List<String>> MAY_USE = Map.of(
            "linux", List.of(),
            "cni", List.of("linux"),
            "sandbox", List.of("linux"),
            "image", List.of("linux", "cri"),
            "runtime", List.of("linux", "cni", "sandbox", "image", "cri"),
            "daemon", List.of("runtime", "image", "sandbox", "cni", "linux", "cri"));

    private static JavaClasses ours = new ClassFileImporter().importClasses();

    @BeforeAll
    static void readClasses() {
        // Names and edges are enough: reading gRPC's and protobuf's own classes would take most of a minute.
        ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
        ours = new ClassFileImporter()
                .withImportOption(location -> !location.contains("/io/gantry/cri/"))
                .importPackages("io.gantry");
        assertThat(ours.stream().map(ArchitectureTest::module).distinct())
                .as("modules on the class path")
                .containsAll(MAY_USE.keySet());
    }

    private static String module(JavaClass type) {
        return type.getPackageName().replaceFirst("^io\\.gantry\\.([^.]*).*$", "$1");
    }

    @Test
    void modulesUseOnlyWhatTheyMay() {
        MAY_USE.forEach((module, allowed) -> {
            String[] others = MAY_USE.keySet().stream()
                    .filter(other -> !other.equals(module) && !allowed.contains(other))
                    .map(other -> "io.gantry." + other + "..")
                    .toArray(String[]::new);
            if (others.length > 0) {
                noClasses()
                        .that()
                        .resideInAPackage("io.gantry." + module + "..")
                        .should()
                        .dependOnClassesThat()
                        .resideInAnyPackage(others)
                        .check(ours);
            }
        });
    }

    @Test
    void onlyTheServicesSeeTheWireTypes() {
        noClasses()
                .that()
                .resideInAnyPackage("io.gantry.linux..", "io.gantry.cni..", "io.gantry.sandbox..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(CRI, "com.google.protobuf..", "io.grpc..")
                .check(ours);
    }

    @Test
    void onlyLinuxCallsTheKernel() {
        noClasses()
                .that()
                .resideOutsideOfPackage("io.gantry.linux..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("java.lang.foreign..")
                .check(ours);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("io.gantry.(**)").should().beFreeOfCycles().check(ours);
    }

    @Test
    void namesSayWhatAThingIs() {
        classes()
                .that(resideInAPackage("io.gantry.."))
                .should()
                .haveNameNotMatching(
                        "(?:.*[.$])?(?:\\w*(?:Manager|Helper|Helpers|Util|Utils|Factory|Impl)|Abstract\\w*)")
                .andShould()
                .resideOutsideOfPackages("..util..", "..utils..", "..common..", "..helpers..", "..impl..")
                .check(ours);
    }

    @Test
    void filesAreShort() throws IOException {
        Map<String, Integer> tooLong = new TreeMap<>();
        int seen = 0;
        try (Stream<Path> files = Files.walk(REPOSITORY)) {
            for (Path file : files.filter(ArchitectureTest::isSource).toList()) {
                int lines = Files.readAllLines(file).size();
                seen++;
                if (lines > MAX_LINES) {
                    tooLong.put(REPOSITORY.relativize(file).toString(), lines);
                }
            }
        }
        assertThat(seen).as("source files below %s", REPOSITORY).isGreaterThan(50);
        assertThat(tooLong).isEmpty();
    }

    private static boolean isSource(Path file) {
        String path = REPOSITORY.relativize(file).toString();
        return path.matches(".*\\.(java|c|h)") && !path.contains("target/") && path.contains("src/");
    }
}
