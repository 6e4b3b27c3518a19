package io.gantry.sandbox;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Runs a seccomp filter as the kernel does, with the instructions that it allows, over struct seccomp_data. */
final class BpfInterpreter {
    private final ByteBuffer program;

    BpfInterpreter(byte[] program) {
        this.program = ByteBuffer.wrap(program).order(ByteOrder.nativeOrder());
    }

    int run(int arch, int number, long... arguments) {
        ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.nativeOrder());
        data.putInt(0, number).putInt(4, arch);
        for (int i = 0; i < arguments.length; i++) {
            data.putLong(16 + 8 * i, arguments[i]);
        }
        int accumulator = 0;
        int at = 0;
        while (true) {
            int code = program.getShort(8 * at);
            int yes = program.get(8 * at + 2) & 0xff;
            int no = program.get(8 * at + 3) & 0xff;
            int k = program.getInt(8 * at + 4);
            at++;
            switch (code) {
                case 0x20 -> accumulator = data.getInt(k);
                case 0x54 -> accumulator &= k;
                case 0x05 -> at += k;
                case 0x15 -> at += accumulator == k ? yes : no;
                case 0x25 -> at += Integer.compareUnsigned(accumulator, k) > 0 ? yes : no;
                case 0x35 -> at += Integer.compareUnsigned(accumulator, k) >= 0 ? yes : no;
                case 0x06 -> {
                    return k;
                }
                default -> throw new IllegalStateException("instruction " + Integer.toHexString(code));
            }
        }
    }
}
