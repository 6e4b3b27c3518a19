package io.gantry.sandbox;

import io.gantry.sandbox.dbus.Bus;
import io.gantry.sandbox.dbus.CallFailedException;
import io.gantry.sandbox.dbus.Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The machine's service manager, over D-Bus (org.freedesktop.systemd1(5)). One connection, made when it is first needed and anew after it ended: systemd and the bus may be
 * restarted at any time, units stay.
 */
final class Systemd {
    /** As sd_booted(3) finds out who is PID 1. */
    private static final Path BOOTED = Path.of("/run/systemd/system");

    private static final Path BUS = Path.of("/run/dbus/system_bus_socket");
    /** Systemd's own socket: what there is without a bus daemon. */
    private static final Path DIRECT = Path.of("/run/systemd/private");

    private static final String NAME = "org.freedesktop.systemd1";
    private static final String PATH = "/org/freedesktop/systemd1";
    private static final String MANAGER = NAME + ".Manager";
    private static final String NO_SUCH_UNIT = NAME + ".NoSuchUnit";
    private static final String UNIT_EXISTS = NAME + ".UnitExists";
    private static final Duration ANSWER = Duration.ofSeconds(30);

    private final ReentrantLock connecting = new ReentrantLock();
    private final ConcurrentHashMap<String, Job> jobs = new ConcurrentHashMap<>();
    private @Nullable Bus bus;

    /** The jobs of one unit that are waited for; their ends may be told before the call that queued them has returned. */
    private static final class Job {
        private final ConcurrentHashMap<String, CompletableFuture<String>> results = new ConcurrentHashMap<>();

        private CompletableFuture<String> result(String job) {
            return results.computeIfAbsent(job, path -> new CompletableFuture<>());
        }
    }

    /** Whether systemd is PID 1 and can be spoken to. */
    static boolean isRunning() {
        return Files.isDirectory(BOOTED) && (Files.exists(BUS) || Files.exists(DIRECT));
    }

    /** Starts a scope, and returns once its cgroup stands with the first processes in it. */
    void startScope(String unit, List<Value.Property> properties) throws SandboxException {
        runJob(
                "start",
                unit,
                "StartTransientUnit",
                List.of(
                        new Value.Text(unit),
                        new Value.Text("fail"),
                        new Value.Properties(properties),
                        new Value.NoUnits()));
    }

    /** Stops a unit, and returns once its processes have ended and its cgroup has gone. One that does not exist is no error. */
    void stop(String unit) throws SandboxException {
        try {
            runJob("stop", unit, "StopUnit", List.of(new Value.Text(unit), new Value.Text("replace")));
        } catch (SandboxException e) {
            if (e.kind() != SandboxException.Kind.NOT_FOUND) {
                throw e;
            }
        }
    }

    /** Sets properties of a running unit until it ends; returns once they are in its cgroup. */
    void setProperties(String unit, List<Value.Property> properties) throws SandboxException {
        String what = "cannot set properties of unit " + unit;
        call(
                what,
                "SetUnitProperties",
                List.of(new Value.Text(unit), new Value.Flag(true), new Value.Properties(properties)));
        // Systemd answers first and writes the cgroup's files then, but before it takes the next message.
        call(what, "GetUnit", List.of(new Value.Text(unit)));
    }

    private void runJob(String verb, String unit, String method, List<Value> arguments) throws SandboxException {
        String what = "cannot " + verb + " unit " + unit;
        Job job = new Job();
        if (jobs.putIfAbsent(unit, job) != null) {
            throw new SandboxException(
                    SandboxException.Kind.UNAVAILABLE, what + ": another job of it is under way; try again");
        }
        try {
            Object path = call(what, method, arguments).getFirst();
            String result = job.result(path.toString()).get(ANSWER.toNanos(), TimeUnit.NANOSECONDS);
            if (!result.equals("done") && !result.equals("skipped")) {
                throw new SandboxException(
                        SandboxException.Kind.INTERNAL, what + ": its job ended as '" + result + "'");
            }
        } catch (TimeoutException e) {
            throw new SandboxException(
                    SandboxException.Kind.UNAVAILABLE,
                    what + ": systemd has not done it within " + ANSWER.toSeconds() + " s",
                    e);
        } catch (ExecutionException e) {
            throw new SandboxException(SandboxException.Kind.UNAVAILABLE, what + ": " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException(SandboxException.Kind.UNAVAILABLE, what + ": interrupted", e);
        } finally {
            jobs.remove(unit, job);
        }
    }

    private List<Object> call(String what, String method, List<Value> arguments) throws SandboxException {
        try {
            return connected().call(new Bus.Method(NAME, PATH, MANAGER, method), arguments, ANSWER);
        } catch (CallFailedException e) {
            SandboxException.Kind kind = e.name().equals(NO_SUCH_UNIT)
                    ? SandboxException.Kind.NOT_FOUND
                    : e.name().equals(UNIT_EXISTS)
                            ? SandboxException.Kind.ALREADY_EXISTS
                            : SandboxException.Kind.INTERNAL;
            throw new SandboxException(kind, what + ": systemd answered: " + e.getMessage(), e);
        } catch (IOException e) {
            throw new SandboxException(
                    SandboxException.Kind.UNAVAILABLE, what + ": systemd cannot be reached: " + e.getMessage(), e);
        }
    }

    private Bus connected() throws IOException {
        connecting.lock();
        try {
            Bus present = bus;
            if (present != null && present.isOpen()) {
                return present;
            }
            boolean isDirect = !Files.exists(BUS);
            Bus fresh = Bus.connect(isDirect ? DIRECT : BUS, isDirect, this::signal);
            try {
                if (!isDirect) {
                    fresh.match("type='signal',sender='" + NAME + "',path='" + PATH + "',interface='" + MANAGER
                            + "',member='JobRemoved'");
                }
            } catch (IOException e) {
                fresh.close();
                throw e;
            }
            bus = fresh;
            return fresh;
        } finally {
            connecting.unlock();
        }
    }

    /** JobRemoved: number, path, unit, result. */
    private void signal(String path, String member, List<Object> arguments) {
        if (member.equals("JobRemoved") && arguments.size() == 4) {
            Job job = jobs.get(arguments.get(2).toString());
            if (job != null) {
                job.result(arguments.get(1).toString())
                        .complete(arguments.get(3).toString());
            }
        }
    }
}
