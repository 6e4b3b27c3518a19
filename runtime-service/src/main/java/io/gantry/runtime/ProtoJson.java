package io.gantry.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * Messages as JSON, as protobuf's JsonFormat prints them with the fields' own names: 64-bit numbers and bytes (base64) are strings, what has its
 * default value is left out. JsonFormat itself gives a text that would have to be parsed to become part of another, at several times the cost.
 */
final class ProtoJson {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private ProtoJson() {}

    static ObjectNode of(Message message) {
        ObjectNode object = NODES.objectNode();
        for (Map.Entry<FieldDescriptor, Object> entry : message.getAllFields().entrySet()) {
            object.set(entry.getKey().getName(), field(entry.getKey(), entry.getValue()));
        }
        return object;
    }

    private static JsonNode field(FieldDescriptor field, Object value) {
        if (field.isMapField()) {
            return map(field, (List<?>) value);
        }
        if (!field.isRepeated()) {
            return value(field, value);
        }
        ArrayNode array = NODES.arrayNode();
        for (Object element : (List<?>) value) {
            array.add(value(field, element));
        }
        return array;
    }

    private static ObjectNode map(FieldDescriptor field, List<?> entries) {
        FieldDescriptor key = field.getMessageType().findFieldByName("key");
        FieldDescriptor value = field.getMessageType().findFieldByName("value");
        ObjectNode object = NODES.objectNode();
        for (Object entry : entries) {
            object.set(
                    String.valueOf(((Message) entry).getField(key)), value(value, ((Message) entry).getField(value)));
        }
        return object;
    }

    private static JsonNode value(FieldDescriptor field, Object value) {
        return switch (field.getType()) {
            case INT32, SINT32, SFIXED32 -> NODES.numberNode((Integer) value);
            case UINT32, FIXED32 -> NODES.numberNode(Integer.toUnsignedLong((Integer) value));
            case INT64, SINT64, SFIXED64 -> NODES.textNode(value.toString());
            case UINT64, FIXED64 -> NODES.textNode(Long.toUnsignedString((Long) value));
            case FLOAT -> NODES.numberNode((Float) value);
            case DOUBLE -> NODES.numberNode((Double) value);
            case BOOL -> NODES.booleanNode((Boolean) value);
            case STRING -> NODES.textNode((String) value);
            case BYTES -> NODES.textNode(Base64.getEncoder().encodeToString(((ByteString) value).toByteArray()));
            case ENUM -> enumeration((EnumValueDescriptor) value);
            case MESSAGE, GROUP -> of((Message) value);
        };
    }

    /** What a newer client's schema has and ours has not is a number. */
    private static JsonNode enumeration(EnumValueDescriptor value) {
        return value.getIndex() < 0 ? NODES.numberNode(value.getNumber()) : NODES.textNode(value.getName());
    }
}
