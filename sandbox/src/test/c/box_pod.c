/* The pod, the shim as a process, and clients that misbehave. */
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *proc_file(pid_t pid, const char *name) {
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return content(path);
}

static const char *ns_of(pid_t pid, const char *kind) {
    static char links[2][64];
    static int next;
    char path[64];
    char *link = links[next++ % 2];

    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kind);
    ssize_t n = readlink(path, link, sizeof links[0] - 1);
    link[n > 0 ? n : 0] = '\0';
    return link;
}

static void pause_init(void) {
    struct pod pod;
    static const char *const own[] = {"net", "ipc", "uts", "pid", "mnt"};

    CHECK(pod_start(&pod, true, true));
    for (size_t i = 0; i < 5; i++)
        CHECK(strcmp(ns_of(pod.init, own[i]), ns_of(getpid(), own[i])) != 0);
    CHECK(strcmp(proc_file(pod.init, "comm"), "gantry-pause\n") == 0);
    CHECK_TEXT(strcmp(proc_file(pod.init, "cmdline"), "gantry-pause") == 0, proc_file(pod.init, "cmdline"));
    const char *status = proc_file(pod.init, "status");
    CHECK_TEXT(strstr(status, "CapPrm:\t0000000000000000") != NULL && strstr(status, "CapBnd:\t0000000000000000") != NULL
                    && strstr(status, "NoNewPrivs:\t1") != NULL && strstr(status, "NSpid:") != NULL,
            status);
    const char *mounts = proc_file(pod.init, "mountinfo");
    CHECK_TEXT(strchr(mounts, '\n') == mounts + strlen(mounts) - 1 && strstr(mounts, " / / ro,") != NULL, mounts);
    CHECK(container_run(&pod, "c1", "ps", "hostname", "spawn", "3", "kill", "9", NULL));
    CHECK(container_wait(&pod, "c1") == 137);
    const char *text = log_text(&pod, "c1");
    CHECK_TEXT(strstr(text, "1:gantry-pause\n") == text && strstr(text, "probe\ntestpod\n") != NULL, text);
    /* Signals from inside do nothing to it; orphans are reaped. */
    CHECK(container_run(&pod, "c2", "ps", NULL));
    CHECK(container_wait(&pod, "c2") == 0);
    CHECK(pod_stop(&pod));
}

static void reaps_orphans(void) {
    struct pod pod;
    struct session session;

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    exec_probe(&pod, "c1", &session, "spawn", "4", NULL);
    CHECK(strcmp(frame_value(&session.last, "code"), "0") == 0);
    session_free(&session);
    struct frame answer = request_fields(pod.run, KILL, "c1", "9", "all", NULL);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 137);
    /* The orphans hang on the pod's init now; end them from outside and see that no zombie stays. */
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pod.init, (int)pod.init);
    if (access(path, F_OK) == 0) {
        char *children = strdup(content(path)), *save = NULL;
        int count = 0;
        for (char *pid = strtok_r(children, " ", &save); pid != NULL; pid = strtok_r(NULL, " ", &save), count++)
            kill(atoi(pid), SIGKILL);
        free(children);
        CHECK(count == 4);
        for (int i = 0; i < 5000 && content(path)[0] != '\0'; i++)
            usleep(1000);
        CHECK(content(path)[0] == '\0');
    }
    CHECK(pod_stop(&pod));
}

/* Who keeps a descriptor of a running binary can try to write to it once it no longer runs (CVE-2019-5736). */
static void binary_protected(void) {
    struct pod pod;
    char path[64];

    CHECK(pod_start(&pod, true, true));
    CHECK(strcmp(proc_file(pod.shim, "comm"), "gantry-shim\n") == 0);
    pid_t pids[] = {pod.shim, pod.init};
    int kept[2];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/%d/exe", (int)pids[i]);
        CHECK(open(path, O_WRONLY | O_CLOEXEC) < 0 && (errno == ETXTBSY || errno == EROFS));
        kept[i] = open(path, O_PATH | O_CLOEXEC);
        CHECK(kept[i] >= 0);
    }
    CHECK(pod_stop(&pod));
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", kept[i]);
        CHECK(open(path, O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS);
        close(kept[i]);
    }
}

static void dies_with_all(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    container_records(&m, &pod, "c1", false);
    fields(&m, "user", "1000", "1000", "arg", "probe", "arg", "sleep", "arg", "1000000", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == OK);
    pid_t container = atoi(frame_value(&answer, "pid"));
    frame_free(&answer);
    CHECK(container_start(&pod, "c1"));
    message_free(&m);
    container_records(&m, &pod, "c2", false);
    fields(&m, "arg", "probe", NULL);
    answer = request(pod.run, CREATE, &m);
    pid_t created = atoi(frame_value(&answer, "pid"));
    CHECK(answer.type == OK);
    frame_free(&answer);
    message_free(&m);
    kill(pod.shim, SIGKILL);
    CHECK(process_ends(container) && process_ends(created) && process_ends(pod.init));
    pod.mounted = false;
    CHECK(umount(in_run(&pod, "netns")) == 0 && umount(in_run(&pod, "shm")) == 0);
    CHECK(unlink(in_run(&pod, "shim.sock")) == 0);
}

static void failed_pod_leaves_nothing(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, false, false));
    fields(&m, "id", "p", "ns", "net", "ns", "ipc", "ns", "pid", "netns", in_run(&pod, "netns"), "shm", in_run(&pod, "shm"), "65536",
            "sysctl", "net/no_such/setting", "1", NULL);
    struct frame answer = request(pod.run, POD, &m);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 0), "sysctl") == 0 && strcmp(frame_field(&answer, 1), "net/no_such/setting") == 0
            && strcmp(frame_field(&answer, 2), "2") == 0);
    frame_free(&answer);
    message_free(&m);
    CHECK(strstr(content("/proc/self/mountinfo"), pod.run) == NULL);
    /* The shim can still make the pod. */
    fields(&m, "id", "p", "ns", "net", "netns", in_run(&pod, "netns"), NULL);
    answer = request(pod.run, POD, &m);
    CHECK(answer.type == OK && strcmp(frame_value(&answer, "pid"), "0") == 0);
    frame_free(&answer);
    answer = request(pod.run, POD, &m);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 2), "17") == 0);
    frame_free(&answer);
    message_free(&m);
    CHECK(umount(in_run(&pod, "netns")) == 0);
    CHECK(pod_stop(&pod));
}

static void second_launch_refused(void) {
    struct pod pod;
    int status;

    CHECK(pod_start(&pod, false, false));
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, 2);
        execl(shim_binary, shim_binary, pod.run, (char *)NULL);
        _exit(126);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1);
    struct frame answer = request_fields(pod.run, STATE, NULL);
    CHECK(answer.type == OK); /* the first one still serves */
    frame_free(&answer);
    CHECK(pod_stop(&pod));
}

static int raw_connect(const struct pod *pod) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/shim.sock", pod->run);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return fd;
}

/* Sends bytes after (or without) a HELLO and reads to the end of the connection; the type of the last frame. */
static int misbehave(const struct pod *pod, bool greet, const void *bytes, size_t length) {
    int fd = raw_connect(pod), last = -1;

    if (greet)
        client_send(fd, HELLO, "gantry-shim\0001", 14);
    if (send(fd, bytes, length, MSG_NOSIGNAL) < 0)
        last = -2;
    shutdown(fd, SHUT_WR);
    for (;;) {
        struct frame frame = client_receive(fd);
        if (frame.type < 0) {
            frame_free(&frame);
            break;
        }
        last = frame.type;
        frame_free(&frame);
    }
    close(fd);
    return last;
}

static void bad_clients(void) {
    struct pod pod;
    static const unsigned char huge[] = {0xff, 0xff, 0xff, 0xff, 3, 0, 0, 0}, reserved[] = {0, 0, 0, 0, 11, 1, 0, 0};
    static const unsigned char unknown[] = {0, 0, 0, 0, 99, 0, 0, 0}, unended[] = {2, 0, 0, 0, 4, 0, 0, 0, 'c', '1'};
    static const unsigned char state[] = {0, 0, 0, 0, 11, 0, 0, 0}, partial[] = {100, 0, 0, 0, 3, 0, 0, 0, 'i', 'd'};

    CHECK(pod_start(&pod, true, false));
    CHECK(container_run(&pod, "c1", "sleep", "1000000", NULL));
    CHECK(misbehave(&pod, false, state, sizeof state) == HELLO); /* a request before the greeting */
    CHECK(misbehave(&pod, false, "GET / HTTP/1.1\r\n\r\n", 18) == HELLO);
    CHECK(misbehave(&pod, true, huge, sizeof huge) == HELLO);
    CHECK(misbehave(&pod, true, reserved, sizeof reserved) == HELLO);
    CHECK(misbehave(&pod, true, partial, sizeof partial) == HELLO);
    CHECK(misbehave(&pod, true, unknown, sizeof unknown) == ERROR);
    CHECK(misbehave(&pod, true, unended, sizeof unended) == ERROR);
    CHECK(misbehave(&pod, true, state, sizeof state) == OK);
    for (int i = 0; i < 300; i++) {
        int fd = raw_connect(&pod);
        CHECK(fd >= 0);
        close(fd);
    }
    struct frame answer = request_fields(pod.run, STATE, NULL);
    CHECK(answer.type == OK && strcmp(frame_field(&answer, 2), "running") == 0);
    frame_free(&answer);
    answer = request_fields(pod.run, WAIT, "nobody", NULL);
    CHECK(answer.type == ERROR && strcmp(frame_field(&answer, 2), "2") == 0);
    frame_free(&answer);
    CHECK(pod_stop(&pod));
}

static void holds_a_process(void) {
    struct pod pod;

    CHECK(pod_start(&pod, false, false));
    int first = client_connect(pod.run), second = client_connect(pod.run);
    client_send(first, HOLD, NULL, 0);
    struct frame answer = client_receive(first);
    pid_t pid = (pid_t)atoi(frame_value(&answer, "pid"));
    CHECK(answer.type == OK && process_lives(pid));
    frame_free(&answer);
    client_send(second, HOLD, NULL, 0);
    answer = client_receive(second);
    pid_t other = (pid_t)atoi(frame_value(&answer, "pid"));
    CHECK(answer.type == OK && other != pid && process_lives(other));
    frame_free(&answer);
    close(first); /* what a daemon that is killed does */
    CHECK(process_ends(pid) && process_lives(other));
    /* It ends by the signal that a service manager sends first, and that ends the session. */
    CHECK(kill(other, SIGTERM) == 0 && process_ends(other));
    answer = client_receive(second);
    CHECK(answer.type == -1);
    close(second);
    int third = client_connect(pod.run);
    client_send(third, HOLD, NULL, 0);
    answer = client_receive(third);
    pid = (pid_t)atoi(frame_value(&answer, "pid"));
    frame_free(&answer);
    CHECK(process_lives(pid) && pod_stop(&pod) && process_ends(pid));
    close(third);
}

static void others_refused(void) {
    struct pod pod;
    int status;

    CHECK(pod_start(&pod, false, false));
    CHECK(chmod(in_run(&pod, "shim.sock"), 0666) == 0); /* so that it is the shim that refuses */
    pid_t pid = fork();
    if (pid == 0) {
        if (setresuid(1000, 1000, 1000) < 0)
            _exit(9);
        int fd = raw_connect(&pod);
        struct frame frame = client_receive(fd);
        _exit(fd >= 0 && frame.type == -1 ? 0 : 1);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(pod_stop(&pod));
}

static void shutdown_ends_all(void) {
    struct pod pod;
    struct session session = {0};
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    CHECK(container_run(&pod, "c1", "trap", "15", NULL) && container_run(&pod, "c2", "sleep", "1000000", NULL));
    container_records(&m, &pod, "c3", false);
    fields(&m, "arg", "probe", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK(answer.type == OK);
    frame_free(&answer);
    message_free(&m);
    int client = client_connect(pod.run);
    process_records(&m, "c2");
    fields(&m, "arg", "probe", "arg", "sleep", "arg", "1000000", NULL);
    client_send(client, EXEC, m.data, m.length);
    answer = client_receive(client);
    CHECK(answer.type == OK);
    frame_free(&answer);
    message_free(&m);
    CHECK(pod_stop(&pod));
    answer = client_receive(client);
    CHECK(answer.type == EXIT && strcmp(frame_value(&answer, "code"), "137") == 0);
    frame_free(&answer);
    session_free(&session);
    close(client);
    CHECK(strstr(content(in_run(&pod, "c1.exit")), "code 137\n") != NULL);
}

const struct test box_pod[] = {{"the pod's init", pause_init}, {"orphans are reaped", reaps_orphans},
        {"the binary is protected", binary_protected}, {"a shim that is killed takes all along", dies_with_all},
        {"a failed pod leaves nothing", failed_pod_leaves_nothing}, {"a second launch is refused", second_launch_refused},
        {"clients that misbehave", bad_clients}, {"a process held for a client", holds_a_process},
        {"other users are refused", others_refused}, {"shutdown ends all", shutdown_ends_all}};
const size_t box_pod_count = sizeof box_pod / sizeof box_pod[0];
