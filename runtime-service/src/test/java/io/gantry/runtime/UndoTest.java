package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class UndoTest {
    private final List<String> done = new ArrayList<>();

    @Test
    void goesBackInReverse() {
        try (Undo undo = new Undo("a pod")) {
            undo.pushRecord("record", () -> done.add("record"));
            undo.push("first", () -> done.add("first"));
            undo.push("second", () -> done.add("second"));
        }
        assertThat(done).containsExactly("second", "first", "record");
    }

    @Test
    void doesNothingWhenAllWentWell() {
        try (Undo undo = new Undo("a pod")) {
            undo.push("first", () -> done.add("first"));
            undo.keep();
        }
        assertThat(done).isEmpty();
    }

    @Test
    void goesOnAfterAFailureButKeepsTheRecord() {
        try (Undo undo = new Undo("a pod")) {
            undo.pushRecord("record", () -> done.add("record"));
            undo.push("first", () -> done.add("first"));
            undo.push("second", () -> {
                throw new IllegalStateException("cannot");
            });
        }
        assertThat(done).containsExactly("first");
    }
}
