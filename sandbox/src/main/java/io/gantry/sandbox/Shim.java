package io.gantry.sandbox;

import io.gantry.linux.Errno;
import io.gantry.linux.LinuxException;
import io.gantry.linux.Pidfd;
import io.gantry.linux.ProcessId;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The client of one pod's shim. Each call is a connection of its own, so calls do not wait for each other. A call of which the duration is the shim's has a deadline:
 * when it does not answer, UNAVAILABLE with "shim of pod X does not answer". A failure of the container's making carries the shim's step and errno.
 */
public final class Shim {
    /**
     * How long an answer may take.
     *
     * @param create longer, since it may copy the content of volumes
     * @param grace beyond an exec's own time-out
     */
    record Deadlines(Duration brief, Duration start, Duration create, Duration grace) {
        static final Deadlines USUAL = new Deadlines(
                Duration.ofSeconds(10), Duration.ofSeconds(30), Duration.ofMinutes(4), Duration.ofSeconds(15));
    }

    private static final int SIGKILL = 9;

    private final Path podRunDir;
    private final String pod;
    private final ProcessId process;
    private final Deadlines deadlines;

    Shim(Path podRunDir, ProcessId process) {
        this(podRunDir, process, Deadlines.USUAL);
    }

    Shim(Path podRunDir, ProcessId process, Deadlines deadlines) {
        this.deadlines = deadlines;
        this.podRunDir = podRunDir;
        this.pod = String.valueOf(podRunDir.getFileName());
        this.process = process;
    }

    /** A handle that ends a subscription; closing it twice is fine. */
    public interface Subscription extends AutoCloseable {
        @Override
        void close();
    }

    /** The shim's own process. */
    public ProcessId process() {
        return process;
    }

    /** Whether the shim's process is there. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Makes what the pod has. Once per shim. Gives the pod's init if it has one. */
    public Optional<ProcessId> startPod(PodSpec spec) throws SandboxException {
        ProcessId init = processId(
                call(frame(Frame.POD, spec::encode), deadlines.create(), "cannot set up pod " + spec.id(), ""));
        return init.pid() == 0 ? Optional.empty() : Optional.of(init);
    }

    /** Makes a container, complete up to the exec of its init. */
    public ProcessId create(ContainerSpec spec) throws SandboxException {
        return processId(call(
                frame(Frame.CREATE, spec::encode),
                deadlines.create(),
                "cannot create container " + spec.id(),
                spec.id()));
    }

    /** Lets the container's init exec. Gives when, in nanoseconds since the epoch. */
    public long start(String id) throws SandboxException {
        return number(
                call(Frame.text(Frame.START, id), deadlines.start(), "cannot start container " + id, id), "started");
    }

    /**
     * Sends a signal to the container's init, or to all of its processes.
     *
     * @return false if the container has exited already
     */
    public boolean kill(String id, int signal, boolean all) throws SandboxException {
        try {
            call(
                    Frame.text(Frame.KILL, id, signal, all ? "all" : "one"),
                    deadlines.brief(),
                    "cannot send signal " + signal + " to container " + id,
                    id);
            return true;
        } catch (SandboxException e) {
            if (e.errno() == Errno.ESRCH) {
                return false;
            }
            throw e;
        }
    }

    /** Forgets a container that has not started, which ends it, or has exited. FAILED_PRECONDITION while it runs, NOT_FOUND if the shim does not know it. */
    public void delete(String id) throws SandboxException {
        call(Frame.text(Frame.DELETE, id), deadlines.start(), "cannot delete container " + id, id);
    }

    /** Blocks until the container has exited. */
    public ContainerExit waitFor(String id) throws SandboxException {
        try (ShimConnection connection = open(Frame.text(Frame.WAIT, id), deadlines.brief())) {
            connection.disarm();
            return readExit(connection, "cannot wait for container " + id, id);
        }
    }

    /** Blocks until the container has exited; empty if it has not after this time. */
    public Optional<ContainerExit> waitFor(String id, Duration timeout) throws SandboxException {
        try (ShimConnection connection = open(Frame.text(Frame.WAIT, id), deadlines.brief())) {
            connection.arm(timeout);
            try {
                return Optional.of(readExit(connection, "cannot wait for container " + id, id));
            } catch (SandboxException e) {
                if (connection.isExpired()) {
                    return Optional.empty();
                }
                throw e;
            }
        }
    }

    /** Starts a process in a running container; FAILED_PRECONDITION (ESRCH) if it does not run. */
    public StreamSession exec(ExecSpec spec) throws SandboxException {
        String what = "cannot exec in container " + spec.container();
        return session(frame(Frame.EXEC, spec::encode), what, spec.container());
    }

    /** Takes what a command prints, piece by piece. What it throws ends the session. */
    public interface Output {
        void stdout(byte[] data) throws IOException;

        void stderr(byte[] data) throws IOException;
    }

    /** Runs a process in a container to its end. */
    public ContainerExit execSync(ExecSpec spec, Output output) throws SandboxException, IOException {
        String what = "cannot exec in container " + spec.container();
        try (ShimConnection connection = open(frame(Frame.EXEC, spec::encode), deadlines.start())) {
            connection.readOk(what, spec.container());
            connection.disarm();
            if (spec.timeout() != null && !spec.timeout().isZero()) {
                connection.arm(spec.timeout().plus(deadlines.grace()));
            }
            StreamSession session = new StreamSession(connection, what, spec.container(), 0, this::setSize);
            while (true) {
                switch (session.next()) {
                    case StreamEvent.Stdout piece -> output.stdout(piece.data());
                    case StreamEvent.Stderr piece -> output.stderr(piece.data());
                    case StreamEvent.Exit end -> {
                        return end.exit();
                    }
                    case null -> throw ended(what);
                }
            }
        }
    }

    /** Connects to the standard streams of a container's init. */
    public StreamSession attach(String id, boolean stdin, boolean stdout, boolean stderr) throws SandboxException {
        return session(
                Frame.text(Frame.ATTACH, id, stdin ? 1 : 0, stdout ? 1 : 0, stderr ? 1 : 0),
                "cannot attach to container " + id,
                id);
    }

    private void setSize(String id, long pid, int width, int height) throws SandboxException {
        call(
                Frame.text(Frame.SIZE, id, pid, width, height),
                deadlines.brief(),
                "cannot set the size of a terminal in container " + id,
                id);
    }

    /** Opens the log's path anew, after a rotation. */
    public void reopenLog(String id) throws SandboxException {
        call(Frame.text(Frame.REOPEN_LOG, id), deadlines.brief(), "cannot reopen the log of container " + id, id);
    }

    /** All containers that the shim knows. */
    public List<ContainerState> state() throws SandboxException {
        String what = "cannot ask the shim of pod " + pod + " for its containers";
        try (ShimConnection connection = open(Frame.text(Frame.STATE), deadlines.brief())) {
            return states(connection.readOk(what, ""));
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new SandboxException(SandboxException.Kind.INTERNAL, what + ": " + e, e);
        }
    }

    /**
     * Tells of each container that exits from now on; what has exited before is in {@link #state}, so ask that after this. The callbacks run on a virtual thread.
     *
     * @param ended runs once if the connection ends otherwise than by closing the subscription: the shim has died, or was shut down
     */
    public Subscription events(Consumer<ContainerExit> exited, Runnable ended) throws SandboxException {
        String what = "cannot subscribe to the shim of pod " + pod;
        ShimConnection connection = open(Frame.text(Frame.EVENTS), deadlines.brief());
        try {
            connection.readOk(what, "");
            connection.disarm();
        } catch (SandboxException e) {
            connection.close();
            throw e;
        }
        ShimEvents events = new ShimEvents(connection, exited, ended);
        Thread.ofVirtual().name("gantry-shim-events-" + pod).start(events);
        return events;
    }

    /** Kills every container, ends the pod's init and the shim. */
    public void shutdown() throws SandboxException {
        call(Frame.text(Frame.SHUTDOWN), deadlines.start(), "cannot shut down the shim of pod " + pod, "");
    }

    /** Kills the shim's process: the last resort when it does not answer. The containers' processes remain, so kill their cgroups. */
    public void destroy() throws SandboxException {
        try (Pidfd pidfd = Pidfd.open(process.pid())) {
            // The start time is compared with the descriptor open: the number cannot be reused in between.
            if (process.isAlive()) {
                pidfd.sendSignal(SIGKILL);
                pidfd.awaitExit(deadlines.brief());
            }
        } catch (LinuxException e) {
            if (process.isAlive()) {
                throw new SandboxException(
                        SandboxException.Kind.INTERNAL,
                        "cannot kill the shim of pod " + pod + ": " + e.getMessage(),
                        e);
            }
        }
    }

    /** Makes a process that does nothing, in the shim's own cgroup; it ends when this is closed, or this process ends. */
    public Hold hold() throws SandboxException {
        String what = "cannot make a process in pod " + pod;
        ShimConnection connection = open(Frame.text(Frame.HOLD), deadlines.brief());
        try {
            long pid = number(Records.pairs(connection.readOk(what, "")), "pid");
            connection.disarm();
            return new Hold(connection, pid);
        } catch (SandboxException e) {
            connection.close();
            throw e;
        } catch (IllegalArgumentException e) {
            connection.close();
            throw connection.malformed(e.getMessage());
        }
    }

    /** A process that is there until this is closed. */
    public static final class Hold implements AutoCloseable {
        private final ShimConnection connection;
        private final long pid;

        private Hold(ShimConnection connection, long pid) {
            this.connection = connection;
            this.pid = pid;
        }

        /** As the host numbers it. */
        public long pid() {
            return pid;
        }

        @Override
        public void close() {
            connection.close();
        }
    }

    private StreamSession session(Frame request, String what, String id) throws SandboxException {
        ShimConnection connection = open(request, deadlines.start());
        try {
            List<String> fields = connection.readOk(what, id);
            connection.disarm();
            String pid = Records.pairs(fields).getOrDefault("pid", "0");
            return new StreamSession(connection, what, id, Long.parseLong(pid), this::setSize);
        } catch (SandboxException e) {
            connection.close();
            throw e;
        } catch (IllegalArgumentException e) {
            connection.close();
            throw connection.malformed(e.getMessage());
        }
    }

    private static Frame frame(int type, Supplier<byte[]> payload) throws SandboxException {
        try {
            return new Frame(type, payload.get());
        } catch (IllegalArgumentException e) {
            throw new SandboxException(SandboxException.Kind.INVALID, String.valueOf(e.getMessage()), e);
        }
    }

    private ShimConnection open(Frame request, Duration limit) throws SandboxException {
        return ShimConnection.open(podRunDir, pod, request, limit);
    }

    private Map<String, String> call(Frame request, Duration limit, String what, String id) throws SandboxException {
        try (ShimConnection connection = open(request, limit)) {
            return Records.pairs(connection.readOk(what, id));
        } catch (IllegalArgumentException e) {
            throw new SandboxException(SandboxException.Kind.INTERNAL, what + ": " + e.getMessage(), e);
        }
    }

    private ContainerExit readExit(ShimConnection connection, String what, String id) throws SandboxException {
        Frame frame = connection.read();
        if (frame == null) {
            throw ended(what);
        }
        if (frame.type() == Frame.ERROR) {
            throw ShimErrors.toException(what, id, frame.fields());
        }
        if (frame.type() != Frame.EXIT) {
            throw connection.malformed("a frame of type " + frame.type() + " for an exit");
        }
        try {
            return ContainerExit.of(Records.pairs(frame.fields()));
        } catch (IllegalArgumentException e) {
            throw connection.malformed(e.getMessage());
        }
    }

    private SandboxException ended(String what) {
        return new SandboxException(
                SandboxException.Kind.UNAVAILABLE, what + ": the shim of pod " + pod + " ended the connection");
    }

    private ProcessId processId(Map<String, String> answer) throws SandboxException {
        return new ProcessId(number(answer, "pid"), number(answer, "starttime"));
    }

    private long number(Map<String, String> answer, String key) throws SandboxException {
        try {
            return Long.parseLong(answer.getOrDefault(key, ""));
        } catch (NumberFormatException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "the shim of pod " + pod + " gave no " + key + ": " + answer, e);
        }
    }

    /** {@code container ID STATE PID STARTTIME STARTED [exit KEY VALUE ...]}, repeated. */
    static List<ContainerState> states(List<String> fields) {
        List<ContainerState> states = new ArrayList<>();
        int at = 0;
        while (at < fields.size()) {
            if (!fields.get(at).equals("container")) {
                throw new IllegalArgumentException("'" + fields.get(at) + "' in place of a container");
            }
            String id = fields.get(at + 1);
            ContainerState.Status status = switch (fields.get(at + 2)) {
                case "created" -> ContainerState.Status.CREATED;
                case "running" -> ContainerState.Status.RUNNING;
                case "exited" -> ContainerState.Status.EXITED;
                default -> throw new IllegalArgumentException("the state " + fields.get(at + 2));
            };
            ProcessId process = new ProcessId(Long.parseLong(fields.get(at + 3)), Long.parseLong(fields.get(at + 4)));
            long started = Long.parseLong(fields.get(at + 5));
            at += 6;
            Optional<ContainerExit> exit = Optional.empty();
            if (at < fields.size() && fields.get(at).equals("exit")) {
                int from = ++at;
                while (at < fields.size() && !fields.get(at).equals("container")) {
                    at += 2;
                }
                exit = Optional.of(ContainerExit.of(Records.pairs(fields.subList(from, at))));
            }
            states.add(new ContainerState(id, status, process, started, exit));
        }
        return List.copyOf(states);
    }
}
