package io.gantry.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonNodesTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "[]",
                "\"\"",
                "null",
                "{\"a\":[1,-2147483648,2147483648,9223372036854775807,18446744073709551615,1.5,1.0E300]}",
                "{\"b\":{\"c\":[true,false,null,[],{}]},\"a\":\"x\"}",
                "{\"quotes \\\" and \\n\":\"\\u0001 \\\\ é 😀\"}",
            })
    void treesAreThoseOfJacksonsMapper(String json) throws IOException {
        JsonNode tree = JsonNodes.parse(json);
        assertEquals(new ObjectMapper().readTree(json), tree);
        assertEquals(new ObjectMapper().writeValueAsString(tree), JsonNodes.text(tree));
        assertEquals(JsonNodes.text(tree), new String(JsonNodes.bytes(tree), UTF_8));
    }

    @Test
    void nothingAtAllIsMissing() throws IOException {
        assertTrue(JsonNodes.parse("  ").isMissingNode());
    }

    @Test
    void theLaterOfTwoMembersCounts() throws IOException {
        assertEquals("{\"a\":2}", JsonNodes.text(JsonNodes.parse("{\"a\":1,\"a\":2}")));
    }

    @Test
    void aParserThatRefusesTwoMembersIsHeard() {
        JsonFactory strict = JsonFactory.builder()
                .enable(com.fasterxml.jackson.core.StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .build();
        assertThrows(JsonProcessingException.class, () -> {
            try (JsonParser parser = strict.createParser("{\"a\":1,\"a\":2}")) {
                JsonNodes.read(parser);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"{", "[1,", "{\"a\"}", "{} {}", "1 2", "]", "{\"a\":}", "[1}", "nul", "{\"a\":1]"})
    void whatIsMalformedIsRefused(String json) {
        assertThrows(JsonProcessingException.class, () -> JsonNodes.parse(json));
    }

    @Test
    void depthIsBounded() {
        assertThrows(JsonProcessingException.class, () -> JsonNodes.parse("[".repeat(100_000)));
    }
}
