package io.gantry.image.pull;

import io.gantry.image.ImageException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadFactory;

/**
 * Work that is done once however many ask for it at the same time. Whoever is interrupted leaves; when the last one leaves, the work is interrupted, and who asks
 * from then on begins it anew. Thread-safe.
 */
final class Flights<K, V> {
    private final ThreadFactory threads;
    private final Map<K, Flight> flights = new HashMap<>();
    /** Those that have been cancelled and are still cleaning up, too. */
    private final Set<Flight> running = new HashSet<>();

    private boolean closed;

    Flights(ThreadFactory threads) {
        this.threads = threads;
    }

    /** What is done; runs on a thread of its own. */
    interface Work<V> {
        V run() throws ImageException, InterruptedException;
    }

    private final class Flight {
        private final CompletableFuture<V> result = new CompletableFuture<>();
        private final Thread thread;
        private int waiting;

        Flight(K key, Work<V> work) {
            thread = threads.newThread(() -> run(key, work));
        }

        private void run(K key, Work<V> work) {
            Throwable failure = null;
            V value = null;
            try {
                value = work.run();
            } catch (InterruptedException e) {
                failure = new ImageException(ImageException.Kind.CANCELLED, "the work on " + key + " was cancelled", e);
            } catch (ImageException | RuntimeException | Error e) {
                failure = e;
            }
            synchronized (Flights.this) {
                flights.remove(key, this);
                running.remove(this);
            }
            if (failure != null) {
                result.completeExceptionally(failure);
            } else {
                result.complete(value);
            }
        }
    }

    /** Waits for the work under {@code key}, which begins now unless it is under way. */
    V join(K key, Work<V> work) throws ImageException, InterruptedException {
        Flight flight;
        synchronized (this) {
            if (closed) {
                throw new ImageException(ImageException.Kind.CANCELLED, "the image service is closing");
            }
            Flight present = flights.get(key);
            if (present == null) {
                present = new Flight(key, work);
                flights.put(key, present);
                running.add(present);
                present.thread.start();
            }
            present.waiting++;
            flight = present;
        }
        try {
            return flight.result.get();
        } catch (InterruptedException e) {
            leave(key, flight);
            throw e;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ImageException failure) {
                throw failure;
            }
            throw new IllegalStateException("the work on " + key + " broke", e.getCause());
        }
    }

    private void leave(K key, Flight flight) {
        synchronized (this) {
            flight.waiting--;
            if (flight.waiting > 0) {
                return;
            }
            flights.remove(key, flight);
        }
        flight.thread.interrupt();
    }

    /** Interrupts all work, waits for its end and takes no more. */
    void close() throws InterruptedException {
        List<Flight> last;
        synchronized (this) {
            closed = true;
            last = List.copyOf(running);
        }
        for (Flight flight : last) {
            flight.thread.interrupt();
        }
        for (Flight flight : last) {
            flight.thread.join();
        }
    }
}
