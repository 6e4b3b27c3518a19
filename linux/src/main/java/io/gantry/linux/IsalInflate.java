package io.gantry.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * Inflates raw deflate data with Intel's ISA-L, two to three times as fast as zlib, where the machine has the library (Debian: libisal2). It is trusted with
 * speed only: whoever uses it checks what comes out against a digest. For one thread.
 */
public final class IsalInflate implements AutoCloseable {
    /** The ABI whose {@code struct inflate_state} is laid out as below (2.30; its front has been so since 2.16). */
    private static final String LIBRARY = "libisal.so.2";

    private static final int STATE_BYTES = 87_368;
    private static final int NEXT_OUT = 0;
    private static final int AVAIL_OUT = 8;
    private static final int NEXT_IN = 16;
    private static final int AVAIL_IN = 32;
    private static final int READ_IN_LENGTH = 36;
    private static final int BLOCK_STATE = 21_160;
    private static final int BLOCK_FINISH = 5;
    private static final int CHUNK = 128 * 1024;

    private static final Optional<Functions> FUNCTIONS = load();

    private final Functions functions;
    private final Arena arena = Arena.ofShared();
    // Room to spare, should a later library of the same ABI need more.
    private final MemorySegment state = arena.allocate(2 * STATE_BYTES, 64);
    private final MemorySegment in = arena.allocate(CHUNK, 64);
    private final MemorySegment out = arena.allocate(CHUNK, 64);

    private IsalInflate(Functions functions) {
        this.functions = functions;
        reset();
    }

    private record Functions(MethodHandle init, MethodHandle inflate) {}

    private static Optional<Functions> load() {
        try {
            SymbolLookup library = SymbolLookup.libraryLookup(LIBRARY, Arena.global());
            Linker linker = Linker.nativeLinker();
            return Optional.of(new Functions(
                    linker.downcallHandle(
                            library.findOrThrow("isal_inflate_init"), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS)),
                    linker.downcallHandle(
                            library.findOrThrow("isal_inflate"),
                            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS))));
        } catch (IllegalArgumentException | NoSuchElementException e) {
            // Not installed, which is as good as any answer.
            return Optional.empty();
        }
    }

    /** Makes one; empty where the library is not installed. */
    public static Optional<IsalInflate> open() {
        return FUNCTIONS.map(IsalInflate::new);
    }

    /** The most bytes that {@link #input} takes at a time. */
    public static int maxInput() {
        return CHUNK;
    }

    /** Makes ready for another stream. */
    public void reset() {
        try {
            functions.init.invokeExact(state);
        } catch (Throwable e) {
            throw new IllegalStateException("isal_inflate_init broke", e);
        }
        state.set(ValueLayout.JAVA_INT, AVAIL_IN, 0);
    }

    /** Gives input, all of the former having been consumed. The bytes are copied. */
    public void input(byte[] bytes, int from, int count) {
        MemorySegment.copy(bytes, from, in, ValueLayout.JAVA_BYTE, 0, count);
        state.set(ValueLayout.ADDRESS, NEXT_IN, in);
        state.set(ValueLayout.JAVA_INT, AVAIL_IN, count);
    }

    /** Inflates into the range; 0 when more input is needed or the stream has ended. */
    public int inflate(byte[] into, int from, int count) throws IOException {
        if (isFinished()) {
            return 0;
        }
        int room = Math.min(count, CHUNK);
        state.set(ValueLayout.ADDRESS, NEXT_OUT, out);
        state.set(ValueLayout.JAVA_INT, AVAIL_OUT, room);
        int result;
        try {
            result = (int) functions.inflate.invokeExact(state);
        } catch (Throwable e) {
            throw new IllegalStateException("isal_inflate broke", e);
        }
        if (result < 0) {
            throw new IOException("the compressed data is damaged (ISA-L says " + result + ")");
        }
        int got = room - state.get(ValueLayout.JAVA_INT, AVAIL_OUT);
        MemorySegment.copy(out, ValueLayout.JAVA_BYTE, 0, into, from, got);
        return got;
    }

    /** Whether the end mark of the stream has been reached and all of it handed out. */
    public boolean isFinished() {
        return state.get(ValueLayout.JAVA_INT, BLOCK_STATE) == BLOCK_FINISH;
    }

    /** Input bytes not consumed: those not looked at, and whole bytes in the bit buffer. */
    public int remaining() {
        return state.get(ValueLayout.JAVA_INT, AVAIL_IN)
                + Math.max(state.get(ValueLayout.JAVA_INT, READ_IN_LENGTH), 0) / 8;
    }

    @Override
    public void close() {
        arena.close();
    }
}
