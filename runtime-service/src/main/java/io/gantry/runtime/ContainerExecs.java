package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.runtime.streaming.ProcessSession;
import io.gantry.runtime.streaming.ProcessStreams;
import io.gantry.sandbox.ContainerExit;
import io.gantry.sandbox.ExecSpec;
import io.gantry.sandbox.ProcessSpec;
import io.gantry.sandbox.ProcessSpec.TerminalSize;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shim;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Commands run in a container besides its own, and its log's rotation. */
final class ContainerExecs {
    /** What is kept of each stream; the rest is read and dropped (CVE-2022-1708). */
    static final int MAX_OUTPUT = 16 << 20;

    private final Node node;
    private final Containers containers;

    ContainerExecs(Node node, Containers containers) {
        this.node = node;
        this.containers = containers;
    }

    /** Where a command's output is kept. */
    CommandOutput output() {
        return new CommandOutput(node.layout().tmp(), MAX_OUTPUT);
    }

    /**
     * Runs a command to its end and gives its exit code.
     *
     * @param timeout 0 for none; after it the command and all that it started are killed
     * @throws CriException DEADLINE_EXCEEDED if it was; FAILED_PRECONDITION if the container does not run; INVALID for no command
     */
    int execSync(
            Container container, List<String> command, Duration timeout, CommandOutput stdout, CommandOutput stderr)
            throws CriException {
        Shim shim = running(container);
        try {
            ExecSpec spec = spec(container, command, new ProcessStreams(false, true, true, false), null, timeout);
            ContainerExit exit = shim.execSync(spec, new Shim.Output() {
                @Override
                public void stdout(byte[] data) throws IOException {
                    stdout.add(data);
                }

                @Override
                public void stderr(byte[] data) throws IOException {
                    stderr.add(data);
                }
            });
            if (exit.timedOut()) {
                throw new CriException(
                        CriException.Kind.DEADLINE_EXCEEDED,
                        "command " + command.getFirst() + " in container " + container.id()
                                + " timed out: it and what it started were killed after " + timeout.toSeconds() + " s");
            }
            return exit.code();
        } catch (SandboxException e) {
            throw Failures.of("exec " + command.getFirst(), e);
        } catch (IOException e) {
            throw Failures.of("keep the output of " + command.getFirst() + " in container " + container.id(), e);
        }
    }

    /**
     * Starts a command whose streams are a client's.
     *
     * @param size of its terminal; null if it has none, or the size is not known yet
     */
    ProcessSession exec(Container container, List<String> command, ProcessStreams streams, @Nullable TerminalSize size)
            throws CriException {
        Shim shim = running(container);
        try {
            return new ShimSession(shim.exec(spec(container, command, streams, size, Duration.ZERO)));
        } catch (SandboxException e) {
            throw Failures.of("exec " + command.getFirst(), e);
        }
    }

    /** Connects to the streams of a container's own process. */
    ProcessSession attach(Container container, ProcessStreams streams) throws CriException {
        Shim shim = running(container);
        try {
            return new ShimSession(shim.attach(container.id(), streams.stdin(), streams.stdout(), streams.stderr()));
        } catch (SandboxException e) {
            throw Failures.of("attach", e);
        }
    }

    /** @throws CriException FAILED_PRECONDITION if the container does not run */
    Shim running(Container container) throws CriException {
        if (!container.state().isRunning()) {
            throw CriException.precondition(
                    "container " + container.id() + " is not running: it is " + ContainerViews.state(container));
        }
        return node.pods().require(container.podId()).requireShim();
    }

    private ExecSpec spec(
            Container container,
            List<String> command,
            ProcessStreams streams,
            @Nullable TerminalSize size,
            Duration timeout)
            throws CriException, SandboxException {
        if (command.isEmpty()) {
            throw CriException.invalid("exec in container " + container.id() + ": no command is given");
        }
        ProcessSpec process = ProcessRecords.of(container.record().getProcess())
                .arguments(command)
                .terminal(streams.terminal())
                .size(size)
                .build();
        return new ExecSpec(
                container.id(), process, containers.cgroup(container).placement(), streams.stdin(), timeout, null);
    }

    /** After a rotation: on return the log's path is a new file, and everything from now on goes there. */
    void reopenLog(Container container) throws CriException {
        if (!container.state().isRunning()) {
            throw CriException.precondition(
                    "container " + container.id() + " is not running: it is " + ContainerViews.state(container));
        }
        try {
            node.pods().require(container.podId()).requireShim().reopenLog(container.id());
        } catch (SandboxException e) {
            throw Failures.of("reopen the log of container " + container.id(), e);
        }
    }
}
