package io.gantry.cri.v1;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Compares the generated descriptors with the table of the CRI's wire facts: every row of it, and nothing beside it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SchemaTest {
    private static final String PACKAGE = "runtime.v1";

    private final List<String> rows = new ArrayList<>();

    @BeforeAll
    void render() {
        Set<FileDescriptor> files = new LinkedHashSet<>();
        collect(CriProto.getDescriptor(), files);
        for (FileDescriptor file : files) {
            assertThat(file.getPackage()).isEqualTo(PACKAGE);
            file.getServices().forEach(this::addService);
            file.getMessageTypes().forEach(this::addMessage);
            file.getEnumTypes().forEach(this::addEnum);
        }
    }

    @Test
    void servicesAreThoseOfTheTable() {
        assertThat(ofKind(rows, "rpc"))
                .hasSize(43)
                .containsExactlyInAnyOrderElementsOf(ofKind(readTable("/cri-schema.tsv"), "rpc"));
    }

    @Test
    void messagesAndFieldsAreThoseOfTheTable() {
        assertThat(ofKind(rows, "field"))
                .containsExactlyInAnyOrderElementsOf(ofKind(readTable("/cri-schema.tsv"), "field"));
        assertThat(ofKind(rows, "message"))
                .containsExactlyInAnyOrderElementsOf(ofKind(readTable("/cri-schema.tsv"), "message"));
    }

    @Test
    void enumsAreThoseOfTheTable() {
        assertThat(ofKind(rows, "enum"))
                .containsExactlyInAnyOrderElementsOf(ofKind(readTable("/cri-schema.tsv"), "enum"));
    }

    @Test
    void tableHoldsNoOtherKindOfRow() {
        assertThat(readTable("/cri-schema.tsv")).hasSameSizeAs(rows);
    }

    @Test
    void stubsAreGeneratedForEveryCall() {
        int methods = RuntimeServiceGrpc.getServiceDescriptor().getMethods().size()
                + ImageServiceGrpc.getServiceDescriptor().getMethods().size();
        assertThat(methods).isEqualTo(43);
        assertThat(RuntimeServiceGrpc.SERVICE_NAME).isEqualTo(PACKAGE + ".RuntimeService");
        assertThat(ImageServiceGrpc.SERVICE_NAME).isEqualTo(PACKAGE + ".ImageService");
    }

    private static void collect(FileDescriptor file, Set<FileDescriptor> into) {
        if (into.add(file)) {
            file.getDependencies().forEach(dependency -> collect(dependency, into));
        }
    }

    private void addService(ServiceDescriptor service) {
        for (MethodDescriptor method : service.getMethods()) {
            assertThat(method.isClientStreaming()).isFalse();
            String answer = (method.isServerStreaming() ? "stream " : "")
                    + method.getOutputType().getName();
            rows.add(String.join(
                    "\t",
                    "rpc",
                    service.getName(),
                    method.getName(),
                    "",
                    method.getInputType().getName() + " -> " + answer,
                    ""));
        }
    }

    private void addMessage(Descriptor message) {
        assertThat(message.getOneofs()).as("oneofs of %s", message.getName()).isEmpty();
        if (message.getFields().isEmpty()) {
            rows.add(String.join("\t", "message", message.getName(), "", "", "", ""));
        }
        for (FieldDescriptor field : message.getFields()) {
            rows.add(String.join(
                    "\t",
                    "field",
                    message.getName(),
                    field.getName(),
                    Integer.toString(field.getNumber()),
                    typeOf(field),
                    optionsOf(field)));
        }
        message.getEnumTypes().forEach(this::addEnum);
    }

    private void addEnum(EnumDescriptor type) {
        type.getValues()
                .forEach(value -> rows.add(String.join(
                        "\t", "enum", shortName(type.getFullName()), value.getName(), "" + value.getNumber(), "", "")));
    }

    private static String typeOf(FieldDescriptor field) {
        if (field.isMapField()) {
            List<FieldDescriptor> entry = field.getMessageType().getFields();
            return "map<" + typeOf(entry.get(0)) + "," + typeOf(entry.get(1)) + ">";
        }
        String type = switch (field.getJavaType()) {
            case MESSAGE -> shortName(field.getMessageType().getFullName());
            case ENUM -> shortName(field.getEnumType().getFullName());
            case INT, LONG, FLOAT, DOUBLE, BOOLEAN, STRING, BYTE_STRING ->
                field.getLiteType().name().toLowerCase(Locale.ROOT);
        };
        return field.isRepeated() ? "repeated " + type : type;
    }

    private static String optionsOf(FieldDescriptor field) {
        List<String> options = new ArrayList<>();
        if (field.getOptions().getDeprecated()) {
            options.add("deprecated");
        }
        if (field.getOptions().getDebugRedact()) {
            options.add("debug_redact");
        }
        return String.join(",", options);
    }

    private static String shortName(String fullName) {
        assertThat(fullName).startsWith(PACKAGE + ".");
        return fullName.substring(PACKAGE.length() + 1);
    }

    private static List<String> ofKind(List<String> rows, String kind) {
        return rows.stream().filter(row -> row.startsWith(kind + "\t")).toList();
    }

    /** The rows below the heading. A row has six columns; the last ones may be empty. */
    private static List<String> readTable(String resource) {
        try (var in = Objects.requireNonNull(SchemaTest.class.getResourceAsStream(resource), resource);
                var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            return reader.lines().skip(1).filter(line -> !line.isBlank()).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
