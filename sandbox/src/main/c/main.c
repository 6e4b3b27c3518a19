/*
 * gantry-shim POD_RUN_DIR [CGROUP]: holds the containers of one pod.
 * gantry-shim --probe-user-namespaces FOLDER: see usernsprobe.h.
 *
 * - It runs from a read-only bind of its own file, so that a container cannot overwrite the binary through /proc/PID/exe.
 * - It outlives the daemon that starts it: its own session, parent, and standard streams.
 * - It ends by SHUTDOWN or SIGKILL only, and takes its containers along in either case.
 */
#include "connection.h"
#include "kernel.h"
#include "podinit.h"
#include "shim.h"
#include "usernsprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#define SEALED "sealed"
#define PROBE "--probe-user-namespaces"
#define OOM_SCORE_KEEPER (-999)

static int run_folder = -1;

static int seal(char *folder, char *group, struct error *error) {
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    char name[] = "gantry-shim", mark[] = SEALED;
    char *args[] = {name, folder, mark, group, NULL};
    int fd = open_tree(AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &read_only, sizeof read_only) < 0)
        return fail(error, "seal", "/proc/self/exe", errno, "cannot make a read-only bind of the binary");
    syscall(SYS_execveat, fd, "", args, environ, AT_EMPTY_PATH);
    return fail(error, "seal", "/proc/self/exe", errno, "cannot execute the read-only bind of the binary");
}

static int check_sealed(struct error *error) {
    struct statvfs system;

    if (statvfs("/proc/self/exe", &system) < 0)
        return fail(error, "seal", "/proc/self/exe", errno, "cannot look at the binary");
    return (system.f_flag & ST_RDONLY) != 0 ? 0 : fail(error, "seal", NULL, EINVAL, "the binary is not read-only");
}

static int folder_open(const char *path, struct error *error) {
    run_folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return run_folder < 0 ? fail(error, "run folder", path, errno, "cannot open") : 0;
}

/* By /proc/self/fd, since a long root may not fit into sun_path. */
static int socket_open(struct error *error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return fail(error, "socket", NULL, errno, "socket");
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/shim.sock", run_folder);
    mode_t before = umask(0177);
    int result = bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(before);
    if (result < 0 || listen(fd, 128) < 0) {
        fail(error, "socket", "shim.sock", errno, "cannot listen");
        close(fd);
        return -1;
    }
    return fd;
}

static int pid_write(const struct child *self, struct error *error) {
    char text[64];
    int length = snprintf(text, sizeof text, "%d %llu\n", (int)self->pid, (unsigned long long)self->start_time);
    int fd = openat(run_folder, "shim.pid", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return fail(error, "pid file", "shim.pid", errno, "cannot make");
    ssize_t n = write(fd, text, (size_t)length);
    int number = errno;
    close(fd);
    return n == length ? 0 : fail(error, "pid file", "shim.pid", number, "cannot write");
}

static int streams_replace(struct error *error) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log = openat(run_folder, "shim.log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (null < 0 || log < 0)
        return fail(error, "log", "shim.log", errno, "cannot open");
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(log, 2) < 0)
        return fail(error, "log", "shim.log", errno, "dup2");
    close(null);
    close(log);
    return 0;
}

static void signals_ignore(void) {
    /* Only SHUTDOWN ends the shim; a service stop that signals the whole group must not. */
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGTSTP};

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
}

/*
 * As low as the daemon's own by its unit, whoever started that: the kernel must not choose the keeper where a pod's limit is met, be all its containers at
 * -997 as a Guaranteed pod's are. Without CAP_SYS_RESOURCE it stays as it is.
 */
static void oom_score_lower(void) {
    char text[16] = "";
    int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    if (read(fd, text, sizeof text - 1) > 0 && strtol(text, NULL, 10) > OOM_SCORE_KEEPER && dprintf(fd, "%d", OOM_SCORE_KEEPER) < 0 && errno != EACCES)
        note("cannot lower oom_score_adj: %s", strerror(errno));
    close(fd);
}

void shim_exit(void) {
    connections_close_socket();
    unlinkat(run_folder, "shim.sock", 0);
    loop_end();
}

/* The lasting process. `ready` tells the first one how it went. */
static int serve(int socket, int ready, struct error *error) {
    struct child self = {.pid = getpid()};

    if (setsid() < 0 || chdir("/") < 0)
        return fail(error, "session", NULL, errno, "setsid");
    umask(0); /* every file is made with the mode that it shall have */
    self.start_time = process_start_time(self.pid);
    signals_ignore();
    oom_score_lower();
    if (loop_open(error) < 0 || spawn_open(error) < 0 || pid_write(&self, error) < 0 || streams_replace(error) < 0)
        return -1;
    connections_open(socket);
    if (write(ready, "", 1) < 0)
        return fail(error, "launch", NULL, errno, "cannot report");
    close(ready);
    /* Specs and buffers come from mmap and go back at once, rather than leave a high heap behind. */
    mallopt(M_MMAP_THRESHOLD, 16 << 10);
    mallopt(M_TRIM_THRESHOLD, 32 << 10);
    mallopt(M_TOP_PAD, 0);
    loop_run();
    return 0;
}

/* As fork(2), but the child is born into a cgroup of version 2 if there is one: a process that is moved later waits for a grace period of the kernel's. */
static pid_t fork_into(const char *group, struct error *error) {
    struct clone3_args args = {.exit_signal = SIGCHLD};
    int fd = -1;

    if (group != NULL) {
        fd = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return fail(error, "cgroup", group, errno, "cannot open the group");
        args.flags = CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)fd;
    }
    pid_t pid = sys_clone3(&args);
    if (pid < 0)
        fail(error, "launch", group, errno, "cannot make a process");
    if (fd >= 0)
        close(fd);
    return pid;
}

/* 0 in the lasting process once it ends; the first process leaves by exit. */
static int launch(const char *group, struct error *error) {
    char line[1200];
    int ready[2];
    int socket = socket_open(error);

    if (socket < 0)
        return -1;
    if (pipe2(ready, O_CLOEXEC) < 0)
        return fail(error, "launch", NULL, errno, "pipe");
    pid_t pid = fork_into(group, error);
    if (pid < 0) {
        unlinkat(run_folder, "shim.sock", 0);
        return -1;
    }
    if (pid == 0) {
        close(ready[0]);
        if (serve(socket, ready[1], error) == 0)
            _exit(0);
        error_line(error, line, sizeof line);
        if (write(ready[1], line, strlen(line)) < 0)
            note("%s", line);
        _exit(1);
    }
    close(ready[1]);
    ssize_t n = read(ready[0], line, sizeof line - 1);
    if (n == 1 && line[0] == '\0')
        _exit(0);
    line[n > 0 ? n : 0] = '\0';
    unlinkat(run_folder, "shim.sock", 0);
    dprintf(2, "gantry-shim: %s\n", n > 0 ? line : "the lasting process ended at once");
    _exit(1);
}

static int probe(const char *folder) {
    struct error error = {0};
    char line[1200];
    enum userns_answer answer = userns_probe(folder, &error);

    if (answer != USERNS_WORKS)
        dprintf(2, "%s\n", error_line(&error, line, sizeof line));
    return (int)answer;
}

int main(int argc, char **argv) {
    struct error error = {0};
    char line[1200];

    if (argc == 3 && strcmp(argv[1], PROBE) == 0)
        return probe(argv[2]);
    bool sealed = argc >= 3 && strcmp(argv[2], SEALED) == 0;
    if (argc < 2 || argc > (sealed ? 4 : 3)) {
        dprintf(2, "usage: gantry-shim POD_RUN_DIR [sealed] [CGROUP]\n");
        return 2;
    }
    close_range(3, ~0U, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (!sealed)
        seal(argv[1], argv[2], &error);
    else {
        prctl(PR_SET_NAME, "gantry-shim", 0, 0, 0);
        podinit_arguments(argv);
        umask(0077);
        if (check_sealed(&error) == 0 && channel_reserve(&error) == 0 && folder_open(argv[1], &error) == 0)
            launch(argv[3], &error);
    }
    dprintf(2, "gantry-shim: %s\n", error_line(&error, line, sizeof line));
    return 1;
}
