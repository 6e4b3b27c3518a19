/* What a container's process and an exec'd one are: user, capabilities, limits, filters, working folder, descriptors. */
#include "box.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Runs a container whose records are those given, twice: as init and by EXEC in another; both outputs must be `expected`. */
static bool runs_both_ways(const struct pod *pod, const struct message *extra, const char *expected) {
    static int number;
    struct message m = {0};
    struct session session;
    char id[16];
    bool good = true;

    snprintf(id, sizeof id, "p%d", number++);
    container_records(&m, pod, id, false);
    m.data = realloc(m.data, m.length + extra->length);
    memcpy(m.data + m.length, extra->data, extra->length);
    m.length += extra->length;
    struct frame answer = request(pod->run, CREATE, &m);
    message_free(&m);
    if (answer.type != OK || !container_start(pod, id)) {
        printf("  %s %s: %s\n", frame_field(&answer, 0), frame_field(&answer, 1), frame_field(&answer, 3));
        frame_free(&answer);
        return false;
    }
    frame_free(&answer);
    if (container_wait(pod, id) != 0 || strcmp(log_text(pod, id), expected) != 0) {
        printf("  init printed: %s\n  not: %s\n", log_text(pod, id), expected);
        good = false;
    }
    snprintf(id, sizeof id, "p%d", number++);
    if (!container_run(pod, id, "sleep", "1000000", NULL))
        return false;
    int client = client_connect(pod->run);
    process_records(&m, id);
    m.data = realloc(m.data, m.length + extra->length);
    memcpy(m.data + m.length, extra->data, extra->length);
    m.length += extra->length;
    client_send(client, EXEC, m.data, m.length);
    message_free(&m);
    session_collect(client, &session);
    close(client);
    if (strcmp(frame_value(&session.last, "code"), "0") != 0 || strcmp(session.out, expected) != 0) {
        printf("  exec printed: %s%s\n  not: %s\n", session.out, frame_field(&session.first, 3), expected);
        good = false;
    }
    session_free(&session);
    return good;
}

static void user_and_groups(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    /* `user` comes first in the usual records, so it is the first that counts: these are made by hand. */
    fields(&m, "group", "50", "group", "1234", "umask", "0027", "rlimit", "7", "100", "200", "rlimit", "4", "0", "0", "arg", "probe", "arg", "id",
            "arg", "umask", "arg", "rlimit", "arg", "7", "arg", "rlimit", "arg", "4", "arg", "fds", "arg", "cwd", "arg", "env", "arg", "A",
            "env", "A=1 2\n3", NULL);
    CHECK(runs_both_ways(&pod, &m, "uid=0 gid=0 groups=50,1234\n0027\n100 200\n0 0\n0 1 2 \n/\n1 2\n3\n"));
    message_free(&m);
    CHECK(pod_stop(&pod));
}

static void set_field(struct message *m, const char *name, const char *value) {
    /* Overwrites the first argument(s) of a record in place; the lengths are the same. */
    for (char *at = m->data; at < m->data + m->length; at += strlen(at) + 1)
        if (strcmp(at, name) == 0) {
            memcpy(at + strlen(name) + 1, value, strlen(value));
            return;
        }
}

static void capabilities(void) {
    struct pod pod;
    struct message m = {0};
    struct frame answer;

    CHECK(pod_start(&pod, true, true));
    CHECK(mkdir(in_run(&pod, "c1.root"), 0755) == 0);
    container_records(&m, &pod, "c1", false);
    set_field(&m, "bounding", "00000000422"); /* DAC_OVERRIDE, KILL, NET_BIND_SERVICE */
    set_field(&m, "permitted", "00000422");
    set_field(&m, "effective", "00000022");
    fields(&m, "caps", "inheritable", "400", "caps", "ambient", "400", "nnp", "arg", "probe", "arg", "status", "arg", "CapInh", "arg", "status", "arg",
            "CapPrm", "arg", "status", "arg", "CapEff", "arg", "status", "arg", "CapBnd", "arg", "status", "arg", "CapAmb", "arg", "status", "arg",
            "NoNewPrivs", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(&pod, "c1") && container_wait(&pod, "c1") == 0);
    /* An exec by root gives it all that the bounding and inheritable sets allow. */
    CHECK_TEXT(strcmp(log_text(&pod, "c1"),
                       "CapInh:\t0000000000000400\nCapPrm:\t0000000000000422\nCapEff:\t0000000000000422\nCapBnd:\t0000000000000422\n"
                       "CapAmb:\t0000000000000400\nNoNewPrivs:\t1\n")
                    == 0,
            log_text(&pod, "c1"));
    /* Another user keeps the ambient ones alone. */
    container_records(&m, &pod, "c2", false);
    for (char *at = m.data; at < m.data + m.length; at += strlen(at) + 1)
        if (strcmp(at, "user") == 0)
            memcpy(at + 5, "7\0008", 4);
    fields(&m, "caps", "inheritable", "400", "caps", "ambient", "400", "arg", "probe", "arg", "id", "arg", "status", "arg", "CapPrm", "arg", "status",
            "arg", "CapEff", "arg", "fds", "arg", "open", "arg", "/dev/null", "arg", "open", "arg", "/proc/self/fd/1", "arg", "mkdir", "arg", "/no", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(&pod, "c2") && container_wait(&pod, "c2") == 0);
    CHECK_TEXT(strcmp(log_text(&pod, "c2"),
                       "uid=7 gid=8 groups=\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000400\n0 1 2 \nok\nok\nerror EACCES\n")
                    == 0,
            log_text(&pod, "c2"));
    /* A capability that the shim does not have: told, not ignored. Bit 45 is nobody's. */
    container_records(&m, &pod, "c3", false);
    fields(&m, "caps", "permitted", "200000000000", "arg", "probe", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == OK);
    frame_free(&answer);
    message_free(&m);
    answer = request_fields(pod.run, START, "c3", NULL);
    CHECK_TEXT(answer.type == ERROR && strcmp(frame_field(&answer, 0), "caps") == 0, frame_field(&answer, 0));
    frame_free(&answer);
    CHECK(pod_stop(&pod));
}

static void add_seccomp(struct message *m, unsigned denied) {
    const struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 95 /* EOPNOTSUPP */),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    char hex[2 * sizeof code + 1];

    for (size_t i = 0; i < sizeof code; i++)
        snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)code)[i]);
    fields(m, "seccomp", "log,spec_allow", hex, NULL);
}

static void seccomp(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    for (int nnp = 0; nnp < 2; nnp++) {
        add_seccomp(&m, SYS_mkdir);
        if (nnp)
            fields(&m, "nnp", NULL);
        fields(&m, "arg", "probe", "arg", "mkdir", "arg", "/x", "arg", "status", "arg", "Seccomp", "arg", "status", "arg", "NoNewPrivs", NULL);
        CHECK(runs_both_ways(&pod, &m,
                nnp ? "error EOPNOTSUPP\nSeccomp:\t2\nNoNewPrivs:\t1\n" : "error EOPNOTSUPP\nSeccomp:\t2\nNoNewPrivs:\t0\n"));
        message_free(&m);
    }
    CHECK(pod_stop(&pod));
}

/* Filters that refuse the calls by which init waits for its start. */
static void strict_seccomp(void) {
    static const unsigned denied[] = {SYS_read, SYS_rt_sigreturn};
    struct pod pod;

    CHECK(pod_start(&pod, true, true));
    for (size_t i = 0; i < 2; i++) {
        struct message m = {0};

        add_seccomp(&m, denied[i]);
        fields(&m, "arg", "probe", "arg", "mkdir", "arg", "/x", "arg", "echo", "arg", "done", NULL);
        CHECK(runs_both_ways(&pod, &m, "ok\ndone\n"));
        message_free(&m);
    }
    CHECK(pod_stop(&pod));
}

/* Waits until /proc/PID/status has the line, at most 10 s. */
static bool status_becomes(const char *pid, const char *line) {
    char path[40];

    snprintf(path, sizeof path, "/proc/%s/status", pid);
    for (int i = 0; i < 10000; i++) {
        if (strstr(content(path), line) != NULL)
            return true;
        usleep(1000);
    }
    printf("  never %s in:\n%s", line, content(path));
    return false;
}

/* Whoever may trace a container that waits for its start gets nothing that the container has not. */
static void no_more_than_the_container_while_it_waits(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    for (int nnp = 0; nnp < 2; nnp++) {
        const char *id = nnp ? "c1" : "c0";

        container_records(&m, &pod, id, false);
        set_field(&m, "bounding", "00000000422");
        set_field(&m, "permitted", "00000422");
        set_field(&m, "effective", "00000022");
        add_seccomp(&m, SYS_mkdir);
        if (nnp)
            fields(&m, "nnp", NULL);
        fields(&m, "arg", "probe", "arg", "status", "arg", "SigIgn", "arg", "status", "arg", "SigCgt", NULL);
        struct frame answer = request(pod.run, CREATE, &m);
        CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
        message_free(&m);
        const char *pid = frame_value(&answer, "pid");
        CHECK(status_becomes(pid, nnp ? "\nNoNewPrivs:\t1\n" : "\nSeccomp:\t2\n"));
        CHECK(status_becomes(pid, "\nCapPrm:\t0000000000000422\nCapEff:\t0000000000000022\nCapBnd:\t0000000000000422\n"));
        CHECK(status_becomes(pid, "\nSigIgn:\t0000000000000000\n"));
        static const int passed_over[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGTSTP};
        for (size_t i = 0; i < sizeof passed_over / sizeof passed_over[0]; i++)
            CHECK(kill(atoi(pid), passed_over[i]) == 0);
        frame_free(&answer);
        CHECK(container_start(&pod, id) && container_wait(&pod, id) == 0);
        CHECK_TEXT(strcmp(log_text(&pod, id), "SigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n") == 0, log_text(&pod, id));
    }
    /* What cannot be had, and so leaves it as it was: it waits with nothing. */
    container_records(&m, &pod, "c2", false);
    fields(&m, "caps", "permitted", "200000000000", "arg", "probe", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    message_free(&m);
    CHECK(status_becomes(frame_value(&answer, "pid"), "\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"));
    frame_free(&answer);
    answer = request_fields(pod.run, START, "c2", NULL);
    CHECK_TEXT(answer.type == ERROR && strcmp(frame_field(&answer, 0), "caps") == 0, frame_field(&answer, 0));
    frame_free(&answer);
    CHECK(pod_stop(&pod));
}

static void working_folder(void) {
    struct pod pod;
    struct message m = {0};
    struct frame answer;

    CHECK(pod_start(&pod, true, true));
    container_records(&m, &pod, "c1", false);
    for (char *at = m.data; at < m.data + m.length; at += strlen(at) + 1)
        if (strcmp(at, "cwd") == 0) {
            memcpy(at, "nnp", 4); /* "cwd" "/" becomes "nnp" and a record of one argument less */
            memmove(at + 4, at + 6, (size_t)(m.data + m.length - at - 6));
            m.length -= 2;
        }
    fields(&m, "cwd", "/made/deep", "arg", "probe", "arg", "cwd", "arg", "stat", "arg", "/made", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(&pod, "c1") && container_wait(&pod, "c1") == 0);
    CHECK_TEXT(strncmp(log_text(&pod, "c1"), "/made/deep\n40755 0:0", 20) == 0, log_text(&pod, "c1"));
    /* EXEC makes none. */
    CHECK(container_run(&pod, "c2", "sleep", "1000000", NULL));
    int client = client_connect(pod.run);
    fields(&m, "id", "c2", "cwd", "/missing", "arg", "probe", NULL);
    client_send(client, EXEC, m.data, m.length);
    answer = client_receive(client);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 0), "cwd") == 0 && strcmp(frame_field(&answer, 1), "/missing") == 0
            && strcmp(frame_field(&answer, 2), "2") == 0);
    frame_free(&answer);
    close(client);
    message_free(&m);
    /* A folder by way of an open descriptor of the runtime: there is none. */
    static const char *const tricks[] = {"/proc/self/fd/7", "/proc/self/fd/3", "/proc/1/root/../..", "/proc/self/fd/8/../.."};
    for (size_t i = 0; i < 4; i++) {
        client = client_connect(pod.run);
        process_records(&m, "c2");
        for (char *at = m.data; at < m.data + m.length; at += strlen(at) + 1)
            if (strcmp(at, "cwd") == 0)
                memcpy(at, "env", 4);
        fields(&m, "cwd", tricks[i], "arg", "probe", "arg", "ls", "arg", ".", NULL);
        struct session session;
        client_send(client, EXEC, m.data, m.length);
        session_collect(client, &session);
        CHECK_TEXT(session.first.type == ERROR || strncmp(session.out, "bin dev etc", 11) == 0, session.out);
        session_free(&session);
        close(client);
        message_free(&m);
    }
    CHECK(pod_stop(&pod));
}

static void oom_scores(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    fields(&m, "oomscore", "777", "arg", "probe", "arg", "read", "arg", "/proc/self/oom_score_adj", NULL);
    CHECK(runs_both_ways(&pod, &m, "777\n"));
    message_free(&m);
    CHECK(pod_stop(&pod));
}

static void namespaces(void) {
    struct pod pod;
    struct message m = {0};
    struct frame answer;

    CHECK(pod_start(&pod, true, false));
    CHECK(container_run(&pod, "c1", "pid", "sleep", "1000000", NULL));
    container_records(&m, &pod, "c2", false);
    for (char *at = m.data; at < m.data + m.length; at += strlen(at) + 1)
        if (strcmp(at, "ns") == 0 && strcmp(at + 3, "pid") == 0)
            memcpy(at + 7, "new", 3);
    fields(&m, "arg", "probe", "arg", "pid", "arg", "ps", "arg", "sleep", "arg", "1000000", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(&pod, "c2"));
    for (int i = 0; i < 5000 && strstr(content(log_path(&pod, "c2")), "1:probe") == NULL; i++)
        usleep(1000);
    container_records(&m, &pod, "c3", false);
    fields(&m, "ns", "pid", "container:c2", "arg", "probe", "arg", "ps", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == OK, frame_field(&answer, 3));
    frame_free(&answer);
    message_free(&m);
    CHECK(container_start(&pod, "c3") && container_wait(&pod, "c3") == 0);
    CHECK_TEXT(strcmp(log_text(&pod, "c2"), "1\n1:probe\n") == 0, log_text(&pod, "c2"));
    CHECK_TEXT(strncmp(log_text(&pod, "c3"), "1:probe\n", 8) == 0, log_text(&pod, "c3"));
    /* In the host's pid namespace the number is the host's. */
    CHECK(atoi(log_text(&pod, "c1")) > 2);
    container_records(&m, &pod, "c4", false);
    fields(&m, "ns", "pid", "container:nobody", "arg", "probe", NULL);
    answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 0), "ns") == 0 && strcmp(frame_field(&answer, 2), "3") == 0);
    frame_free(&answer);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

const struct test box_process[] = {{"groups, limits, environment, descriptors", user_and_groups}, {"users and capabilities", capabilities},
        {"seccomp", seccomp}, {"a strict seccomp filter", strict_seccomp}, {"what waits for its start is no more than its container", no_more_than_the_container_while_it_waits},
        {"the working folder", working_folder}, {"the oom score", oom_scores}, {"pid namespaces", namespaces}};
const size_t box_process_count = sizeof box_process / sizeof box_process[0];
