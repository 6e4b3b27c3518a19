/* EXEC and ATTACH: streams, terminals, timeouts, slow clients. */
#include "box.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens an EXEC session of a container with the records of `extra`. */
static int exec_open(const struct pod *pod, const char *id, const struct message *extra) {
    struct message m = {0};
    int client = client_connect(pod->run);

    process_records(&m, id);
    m.data = realloc(m.data, m.length + extra->length);
    memcpy(m.data + m.length, extra->data, extra->length);
    m.length += extra->length;
    client_send(client, EXEC, m.data, m.length);
    message_free(&m);
    return client;
}

static bool code_is(const struct session *session, const char *code) {
    bool good = session->last.type == EXIT && strcmp(frame_value(&session->last, "code"), code) == 0;

    if (!good)
        printf("  ended by %d: %s %s\n", session->last.type, frame_value(&session->last, "code"), frame_field(&session->first, 3));
    return good;
}

static void exec_streams(void) {
    struct pod pod;
    struct session session;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    exec_probe(&pod, "c1", &session, "echo", "out", "err", "oops", "cat", "hostname", "keyring", "exit", "5", NULL);
    CHECK(code_is(&session, "5"));
    CHECK_TEXT(strcmp(session.out, "out\ntestpod\n_ses.c1\n") == 0 && strcmp(session.err, "oops\n") == 0, session.out);
    session_free(&session);
    fields(&m, "arg", "nothere", NULL);
    int client = exec_open(&pod, "c1", &m);
    session_collect(client, &session);
    CHECK_TEXT(session.first.type == ERROR && strcmp(frame_field(&session.first, 0), "exec") == 0
                    && strstr(frame_field(&session.first, 3), "executable file not found in $PATH") != NULL,
            frame_field(&session.first, 3));
    session_free(&session);
    close(client);
    message_free(&m);
    /* Killed by a signal. */
    exec_probe(&pod, "c1", &session, "kill", "9", NULL);
    CHECK(code_is(&session, "137") && strcmp(frame_value(&session.last, "signal"), "9") == 0);
    session_free(&session);
    struct frame answer = request_fields(pod.run, KILL, "c1", "9", "one", NULL);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 137);
    exec_probe(&pod, "c1", &session, "echo", "x", NULL);
    CHECK(session.first.type == ERROR && strcmp(frame_field(&session.first, 2), "3") == 0);
    session_free(&session);
    CHECK(pod_stop(&pod));
}

/* What goes in comes out, more than any buffer between holds. */
static void exec_stdin(void) {
    struct pod pod;
    struct session session;
    struct message m = {0};
    static char chunk[65536];

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    fields(&m, "stdin", "arg", "probe", "arg", "cat", NULL);
    int client = exec_open(&pod, "c1", &m);
    for (size_t i = 0; i < sizeof chunk; i++)
        chunk[i] = (char)(i * 7);
    pid_t writer = fork();
    if (writer == 0) {
        for (int i = 0; i < 64; i++)
            client_send(client, STDIN, chunk, sizeof chunk - (size_t)i);
        client_send(client, STDIN_EOF, NULL, 0);
        _exit(0);
    }
    session_collect(client, &session);
    close(client);
    CHECK(code_is(&session, "0"));
    size_t at = 0;
    for (int i = 0; i < 64; i++) {
        CHECK(session.out_length - at >= sizeof chunk - (size_t)i);
        CHECK(memcmp(session.out + at, chunk, sizeof chunk - (size_t)i) == 0);
        at += sizeof chunk - (size_t)i;
    }
    CHECK(at == session.out_length);
    session_free(&session);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

/* A client that reads slowly gets everything, although the process has long ended. */
static void exec_slow_reader(void) {
    struct pod pod;
    struct session session;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    fields(&m, "drain", "50", "arg", "probe", "arg", "bytes", "arg", "700000", "arg", "echo", "arg", "END", NULL);
    int client = exec_open(&pod, "c1", &m);
    usleep(400000);
    session_collect(client, &session);
    CHECK(code_is(&session, "0"));
    CHECK(session.out_length == 700004 && strcmp(session.out + 700000, "END\n") == 0);
    session_free(&session);
    close(client);
    message_free(&m);
    fields(&m, "arg", "probe", "arg", "bytes", "arg", "33554432", NULL);
    client = exec_open(&pod, "c1", &m);
    usleep(100000);
    session_collect(client, &session);
    CHECK(code_is(&session, "0") && session.out_length == 33554432);
    session_free(&session);
    close(client);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

/* A child that holds stdout costs the drain's time, no more; it lives on. */
static void exec_background(void) {
    struct pod pod;
    struct session session;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    fields(&m, "drain", "100", "arg", "probe", "arg", "spawn-holding", "arg", "1", "arg", "echo", "arg", "started", NULL);
    int client = exec_open(&pod, "c1", &m);
    session_collect(client, &session);
    CHECK(code_is(&session, "0") && strcmp(session.out, "started\n") == 0);
    session_free(&session);
    close(client);
    message_free(&m);
    exec_probe(&pod, "c1", &session, "ps", NULL);
    const char *first = strstr(session.out, ":probe\n");
    CHECK_TEXT(first != NULL && strstr(first + 1, ":probe\n") != NULL && strstr(strstr(first + 1, ":probe\n") + 1, ":probe\n") != NULL, session.out);
    session_free(&session);
    CHECK(pod_stop(&pod));
}

static void exec_timeout_in(struct pod *pod, const char *id, const char *group) {
    struct session session;
    struct message m = {0};

    fields(&m, "timeout", "300", "arg", "probe", NULL);
    if (group != NULL)
        fields(&m, "execgroup", group, "arg", "spawn-holding", "arg", "3", NULL);
    fields(&m, "arg", "echo", "arg", "begun", "arg", "sleep", "arg", "1000000", NULL);
    int client = exec_open(pod, id, &m);
    session_collect(client, &session);
    close(client);
    CHECK_TEXT(session.last.type == EXIT && strcmp(frame_value(&session.last, "code"), "137") == 0
                    && strcmp(frame_value(&session.last, "timeout"), "1") == 0 && strcmp(session.out, "begun\n") == 0,
            frame_field(&session.first, 3));
    session_free(&session);
    message_free(&m);
    exec_probe(pod, id, &session, "ps", NULL);
    /* init, this one, and in a pid namespace the pause process */
    const char *first = strstr(session.out, ":probe\n");
    const char *second = first == NULL ? NULL : strstr(first + 1, ":probe\n");
    CHECK_TEXT(second != NULL && strstr(second + 1, ":probe\n") == NULL, session.out);
    session_free(&session);
}

static void exec_timeout(void) {
    struct pod pod;
    char group[256];
    static const char *const hierarchies[] = {"pids", "unified", ""};

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    exec_timeout_in(&pod, "c1", NULL);
    if (check_failed)
        return;
    int tried = 0;
    for (size_t i = 0; i < 3; i++) {
        snprintf(group, sizeof group, "%s", cgroup_make(hierarchies[i], "exec"));
        if (group[0] == '\0')
            continue;
        tried++;
        exec_timeout_in(&pod, "c1", group);
        if (check_failed)
            return;
        CHECK(rmdir(group) == 0); /* the exec-N group went with the exec */
    }
    CHECK(tried > 0);
    CHECK(pod_stop(&pod));
}

/* In a group, what an exec leaves behind keeps the group until the container ends. */
static void exec_group_left(void) {
    struct pod pod;
    struct session session;
    struct message m = {0};
    char group[256], below[300];

    snprintf(group, sizeof group, "%s", cgroup_make("pids", "left"));
    if (group[0] == '\0')
        snprintf(group, sizeof group, "%s", cgroup_make("", "left"));
    CHECK(group[0] != '\0');
    CHECK(pod_start(&pod, true, true));
    container_records(&m, &pod, "c1", false);
    fields(&m, "killgroup", group, "arg", "probe", "arg", "sleep", "arg", "1000000", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == OK);
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(&pod, "c1"));
    fields(&m, "execgroup", group, "arg", "probe", "arg", "spawn", "arg", "2", NULL);
    int client = exec_open(&pod, "c1", &m);
    session_collect(client, &session);
    close(client);
    CHECK(code_is(&session, "0"));
    session_free(&session);
    message_free(&m);
    snprintf(below, sizeof below, "%s/exec-0", group);
    CHECK(access(below, F_OK) == 0);
    /* Another that still runs when the container ends. */
    fields(&m, "execgroup", group, "arg", "probe", "arg", "sleep", "arg", "1000000", NULL);
    client = exec_open(&pod, "c1", &m);
    answer = client_receive(client);
    CHECK(answer.type == OK);
    frame_free(&answer);
    message_free(&m);
    answer = request_fields(pod.run, KILL, "c1", "15", "one", NULL);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 143);
    CHECK(access(below, F_OK) < 0 && rmdir(group) == 0);
    close(client);
    CHECK(pod_stop(&pod));
}

/* Reads STDOUT frames until `text` has come; the frames before it are gone. */
static bool read_until(int client, const char *text) {
    char seen[8192] = "";

    while (strstr(seen, text) == NULL) {
        struct frame frame = client_receive(client);
        size_t have = strlen(seen);
        if (frame.type != STDOUT || have + frame.length >= sizeof seen) {
            printf("  frame %d after: %s\n", frame.type, seen);
            frame_free(&frame);
            return false;
        }
        memcpy(seen + have, frame.payload, frame.length);
        seen[have + frame.length] = '\0';
        frame_free(&frame);
    }
    return true;
}

static void exec_tty(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    fields(&m, "tty", "stdin", "size", "80", "24", "arg", "probe", "arg", "isatty", "arg", "size", "arg", "link", "arg", "/proc/self/fd/0", "arg", "resized",
            "arg", "cat", "arg", "exit", "arg", "6", NULL);
    int client = exec_open(&pod, "c1", &m);
    struct frame answer = client_receive(client);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    CHECK(read_until(client, "111\r\n80x24\r\n/dev/pts/0\r\nwaiting\r\n"));
    client_send(client, RESIZE, "132\00043", 7);
    CHECK(read_until(client, "132x43\r\n"));
    client_send(client, STDIN, "typed\n", 6);
    CHECK(read_until(client, "typed\r\ntyped\r\n")); /* the echo, and cat's */
    client_send(client, STDIN_EOF, NULL, 0); /* has no effect */
    client_send(client, STDIN, "more\n", 5);
    CHECK(read_until(client, "more\r\nmore\r\n"));
    client_send(client, STDIN, "\004", 1);
    answer = client_receive(client);
    CHECK(answer.type == EXIT && strcmp(frame_value(&answer, "code"), "6") == 0);
    frame_free(&answer);
    answer = client_receive(client);
    CHECK(answer.type == -1);
    frame_free(&answer);
    close(client);
    /* A client that leaves hangs the terminal up: the process gets SIGHUP. */
    message_free(&m);
    fields(&m, "tty", "stdin", "arg", "probe", "arg", "pid", "arg", "sleep", "arg", "1000000", NULL);
    client = exec_open(&pod, "c1", &m);
    answer = client_receive(client);
    pid_t pid = atoi(frame_value(&answer, "pid"));
    CHECK(answer.type == OK && process_lives(pid));
    frame_free(&answer);
    CHECK(read_until(client, "\r\n"));
    close(client);
    CHECK(process_ends(pid));
    message_free(&m);
    CHECK(pod_stop(&pod));
}

static int attach(const struct pod *pod, const char *id, const char *in, const char *out, const char *err) {
    struct message m = {0};
    int client = client_connect(pod->run);

    fields(&m, id, in, out, err, NULL);
    client_send(client, ATTACH, m.data, m.length);
    message_free(&m);
    struct frame answer = client_receive(client);
    if (answer.type != OK) {
        close(client);
        client = -1;
    }
    frame_free(&answer);
    return client;
}

static bool create_with_stdin(const struct pod *pod, const char *id, const char *mode, bool tty) {
    struct message m = {0};

    container_records(&m, pod, id, tty);
    fields(&m, "stdin", mode, "arg", "probe", "arg", "cat", "arg", "exit", "arg", "3", NULL);
    struct frame answer = request(pod->run, CREATE, &m);
    bool created = answer.type == OK;
    if (!created)
        printf("  %s\n", frame_field(&answer, 3));
    frame_free(&answer);
    message_free(&m);
    return created && container_start(pod, id);
}

static void attach_open(void) {
    struct pod pod;

    CHECK(pod_start(&pod, true, true));
    CHECK(create_with_stdin(&pod, "c1", "open", false));
    int one = attach(&pod, "c1", "1", "1", "1"), two = attach(&pod, "c1", "1", "1", "0"), mute = attach(&pod, "c1", "0", "0", "1");
    CHECK(one >= 0 && two >= 0 && mute >= 0);
    client_send(one, STDIN, "hello\n", 6);
    CHECK(read_until(one, "hello\n") && read_until(two, "hello\n"));
    client_send(two, STDIN_EOF, NULL, 0); /* of no effect for `open` */
    close(two);
    client_send(one, STDIN, "again\n", 6);
    CHECK(read_until(one, "again\n"));
    close(one);
    one = attach(&pod, "c1", "1", "1", "1");
    client_send(one, STDIN, "third\n", 6);
    CHECK(read_until(one, "third\n"));
    struct frame answer = request_fields(pod.run, KILL, "c1", "9", "one", NULL);
    frame_free(&answer);
    answer = client_receive(one);
    CHECK(answer.type == EXIT && strcmp(frame_value(&answer, "code"), "137") == 0);
    frame_free(&answer);
    answer = client_receive(mute);
    CHECK(answer.type == EXIT);
    frame_free(&answer);
    close(one);
    close(mute);
    CHECK(strcmp(log_text(&pod, "c1"), "hello\nagain\nthird\n") == 0);
    one = attach(&pod, "c1", "0", "1", "1"); /* after the exit: OK, EXIT */
    answer = client_receive(one);
    CHECK(answer.type == EXIT);
    frame_free(&answer);
    close(one);
    CHECK(pod_stop(&pod));
}

static void attach_once(void) {
    struct pod pod;

    CHECK(pod_start(&pod, true, true));
    CHECK(create_with_stdin(&pod, "c1", "once", false) && create_with_stdin(&pod, "c2", "once", false));
    int client = attach(&pod, "c1", "1", "1", "1");
    client_send(client, STDIN, "only", 4);
    client_send(client, STDIN_EOF, NULL, 0);
    CHECK(read_until(client, "only"));
    struct frame answer = client_receive(client);
    CHECK(answer.type == EXIT && strcmp(frame_value(&answer, "code"), "3") == 0);
    frame_free(&answer);
    close(client);
    int watcher = attach(&pod, "c2", "0", "1", "1"); /* one without stdin does not count */
    close(watcher);
    client = attach(&pod, "c2", "1", "1", "1");
    client_send(client, STDIN, "bye", 3);
    CHECK(read_until(client, "bye"));
    close(client);
    CHECK(container_wait(&pod, "c2") == 3);
    CHECK(pod_stop(&pod));
}

static void attach_tty(void) {
    struct pod pod;

    CHECK(pod_start(&pod, true, true));
    CHECK(create_with_stdin(&pod, "c1", "open", true));
    int client = attach(&pod, "c1", "1", "1", "0");
    client_send(client, RESIZE, "100\00030", 7);
    client_send(client, STDIN, "hi\n", 3);
    CHECK(read_until(client, "hi\r\nhi\r\n"));
    struct session session;
    exec_probe(&pod, "c1", &session, "stat", "/dev/console", NULL);
    CHECK_TEXT(strncmp(session.out, "20", 2) == 0 && strstr(session.out, "rdev=136:0") != NULL, session.out);
    session_free(&session);
    client_send(client, STDIN, "\004", 1);
    struct frame answer = client_receive(client);
    CHECK(answer.type == EXIT && strcmp(frame_value(&answer, "code"), "3") == 0);
    frame_free(&answer);
    close(client);
    CHECK_TEXT(strcmp(log_text(&pod, "c1"), "hi\r\nhi\r\n") == 0, log_text(&pod, "c1"));
    CHECK(pod_stop(&pod));
}

/* An attached client that takes nothing delays the container, and is dropped after 10 s. */
static void attach_stuck(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    container_records(&m, &pod, "c1", false);
    fields(&m, "arg", "probe", "arg", "trap", "arg", "10", "arg", "lines", "arg", "40000", "arg", "99", "arg", "exit", "arg", "8", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == OK);
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(&pod, "c1"));
    int client = attach(&pod, "c1", "0", "1", "1");
    for (int i = 0; i < 5000 && strstr(content(log_path(&pod, "c1")), "trapping") == NULL; i++)
        usleep(1000);
    answer = request_fields(pod.run, KILL, "c1", "10", "one", NULL);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 8);
    CHECK(strlen(log_text(&pod, "c1")) == 16 + 40000 * 100);
    int type = 0;
    while (type >= 0) {
        frame_free(&answer);
        answer = client_receive(client);
        type = answer.type;
        if (type == ERROR)
            break;
    }
    CHECK(type == ERROR && strcmp(frame_field(&answer, 0), "attach") == 0 && atoi(frame_field(&answer, 2)) == ETIMEDOUT);
    frame_free(&answer);
    close(client);
    CHECK(pod_stop(&pod));
}

static long private_kb(pid_t pid) {
    char path[64];
    long total = 0;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    for (const char *at = content(path); (at = strstr(at, "Private_")) != NULL; at++)
        total += atol(strchr(at, ':') + 1);
    return total;
}

/* Nothing stays of an exec: no memory, no descriptor. */
static void exec_leaves_nothing(void) {
    struct pod pod;
    struct session session;
    char path[64];
    struct stat before, after;

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    for (int i = 0; i < 20; i++) {
        exec_probe(&pod, "c1", &session, "echo", "x", NULL);
        CHECK(code_is(&session, "0"));
        session_free(&session);
    }
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pod.shim);
    usleep(100000); /* the last connection is closed after its answer */
    CHECK(stat(path, &before) == 0);
    long kb = private_kb(pod.shim);
    for (int i = 0; i < 300; i++) {
        exec_probe(&pod, "c1", &session, "echo", "x", NULL);
        CHECK(code_is(&session, "0"));
        session_free(&session);
    }
    for (int i = 0; i < 5000 && stat(path, &after) == 0 && after.st_size > before.st_size; i++)
        usleep(1000);
    CHECK(after.st_size <= before.st_size); /* the number of descriptors, since Linux 6.2 */
    char grown[64];
    snprintf(grown, sizeof grown, "%ld kB became %ld kB", kb, private_kb(pod.shim));
    if (strstr(shim_binary, "sanitized") == NULL)
        CHECK_TEXT(private_kb(pod.shim) <= kb + 16, grown);
    CHECK(pod_stop(&pod));
}

const struct test box_session[] = {{"streams of an exec", exec_streams}, {"stdin of an exec", exec_stdin}, {"an exec's slow reader", exec_slow_reader},
        {"an exec's background child", exec_background}, {"an exec's timeout", exec_timeout}, {"an exec's group", exec_group_left},
        {"an exec's terminal", exec_tty}, {"attach to an open stdin", attach_open}, {"attach to a stdin once", attach_once},
        {"attach to a terminal", attach_tty}, {"a stuck client", attach_stuck}, {"an exec leaves nothing", exec_leaves_nothing}};
const size_t box_session_count = sizeof box_session / sizeof box_session[0];
