package io.gantry.sandbox.dbus;

import java.util.List;

/** A value with its type, of the types that systemd's properties have. */
public sealed interface Value {
    /** Its D-Bus signature. */
    String signature();

    record Text(String value) implements Value {
        @Override
        public String signature() {
            return "s";
        }
    }

    record Flag(boolean value) implements Value {
        @Override
        public String signature() {
            return "b";
        }
    }

    /** Unsigned, of 64 bits. */
    record Unsigned(long value) implements Value {
        @Override
        public String signature() {
            return "t";
        }

        @Override
        public String toString() {
            return Long.toUnsignedString(value);
        }
    }

    /** Of 32 bits. */
    record Signed(int value) implements Value {
        @Override
        public String signature() {
            return "i";
        }
    }

    record Texts(List<String> values) implements Value {
        @Override
        public String signature() {
            return "as";
        }
    }

    /** Unsigned numbers of 32 bits. */
    record Numbers(List<Integer> values) implements Value {
        @Override
        public String signature() {
            return "au";
        }
    }

    record Bytes(List<Byte> values) implements Value {
        @Override
        public String signature() {
            return "ay";
        }
    }

    /** Names with values, in order, each as a structure with a variant. */
    record Properties(List<Property> entries) implements Value {
        @Override
        public String signature() {
            return "a(sv)";
        }
    }

    /** An empty array of a(sa(sv)): the auxiliary units of systemd's StartTransientUnit, which nobody uses. */
    record NoUnits() implements Value {
        @Override
        public String signature() {
            return "a(sa(sv))";
        }
    }

    /** A name and its value. */
    record Property(String name, Value value) {}
}
