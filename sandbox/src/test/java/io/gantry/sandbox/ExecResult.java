package io.gantry.sandbox;

import java.io.ByteArrayOutputStream;
import java.io.IOException;

/** What a command printed, as far as it is kept, and how it ended. */
@SuppressWarnings("ArrayRecordComponent")
record ExecResult(byte[] stdout, byte[] stderr, int exitCode, boolean timedOut) {

    static ExecResult of(Shim shim, ExecSpec spec) throws SandboxException, IOException {
        ByteArrayOutputStream stdout = new ByteArrayOutputStream();
        ByteArrayOutputStream stderr = new ByteArrayOutputStream();
        ContainerExit exit = shim.execSync(spec, new Shim.Output() {
            @Override
            public void stdout(byte[] data) {
                stdout.writeBytes(data);
            }

            @Override
            public void stderr(byte[] data) {
                stderr.writeBytes(data);
            }
        });
        return new ExecResult(stdout.toByteArray(), stderr.toByteArray(), exit.code(), exit.timedOut());
    }
}
