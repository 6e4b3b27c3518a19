#include "spawn.h"

#include "bytes.h"
#include "frames.h"
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MESSAGE_MAX 2048

static struct {
    int own_pid_namespace;
    struct child *children;
    struct source signals;
} shim = {.own_pid_namespace = -1};

static void reap(void) {
    int status;

    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
        for (struct child **at = &shim.children; *at != NULL; at = &(*at)->next)
            if ((*at)->pid == pid) {
                struct child *child = *at;

                *at = child->next;
                child->exited(child, status);
                break;
            }
        /* Others are orphans of containers in the host's pid namespace. */
    }
}

static void signals_ready(struct source *source, uint32_t events) {
    struct signalfd_siginfo info;

    (void)events;
    while (read(source->fd, &info, sizeof info) > 0) {
    }
    reap();
}

int channel_reserve(struct error *error) {
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return fail(error, "channel", "/dev/null", errno, "cannot open");
    if (fd == CHANNEL_FD)
        return 0;
    int result = dup3(fd, CHANNEL_FD, O_CLOEXEC);
    close(fd);
    return result < 0 ? fail(error, "channel", NULL, errno, "dup3") : 0;
}

int spawn_open(struct error *error) {
    sigset_t set;

    shim.own_pid_namespace = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    if (shim.own_pid_namespace < 0)
        return fail(error, "spawn", "/proc/self/ns/pid", errno, "cannot open");
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return fail(error, "spawn", NULL, errno, "PR_SET_CHILD_SUBREAPER");
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return fail(error, "spawn", NULL, errno, "sigprocmask");
    shim.signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (shim.signals.fd < 0)
        return fail(error, "spawn", NULL, errno, "signalfd");
    shim.signals.ready = signals_ready;
    loop_watch(&shim.signals, EPOLLIN);
    return 0;
}

static void forget(const struct child *child) {
    for (struct child **at = &shim.children; *at != NULL; at = &(*at)->next)
        if (*at == child) {
            *at = child->next;
            break;
        }
}

void spawn_adopt(struct child *child, pid_t pid) {
    siginfo_t info;

    forget(child);
    child->pid = pid;
    child->start_time = process_start_time(pid);
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
        child->exited(child, SIGKILL); /* it has ended, and was reaped while nobody knew it */
        return;
    }
    child->next = shim.children;
    shim.children = child;
}

int status_code(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int status_signal(int status) {
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

uint64_t process_start_time(pid_t pid) {
    char path[32], line[1024];
    unsigned long long value = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n <= 0)
        return 0;
    line[n] = '\0';
    /* The name in parentheses may hold anything: count from its end. */
    const char *at = strrchr(line, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at != NULL)
        value = strtoull(at + 1, NULL, 10);
    return value;
}

static int descriptor_order(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

/* Whatever else the shim has open must not live on in a child that waits for its start: a pipe would never end. */
static void close_others(const int *keep, size_t count) {
    int sorted[64];
    unsigned from = CHANNEL_FD + 1;

    if (count > sizeof sorted / sizeof sorted[0])
        count = sizeof sorted / sizeof sorted[0];
    if (count > 0) {
        memcpy(sorted, keep, count * sizeof *keep);
        qsort(sorted, count, sizeof *sorted, descriptor_order);
    }
    for (size_t i = 0; i < count; i++) {
        if (sorted[i] < (int)from)
            continue;
        if ((unsigned)sorted[i] > from)
            close_range(from, (unsigned)sorted[i] - 1, 0);
        from = (unsigned)sorted[i] + 1;
    }
    close_range(from, ~0U, 0);
}

int spawn(const struct spawn *spawn, struct child *child, struct error *error) {
    struct clone3_args args = {.flags = spawn->flags, .exit_signal = SIGCHLD};

    if (spawn->cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)spawn->cgroup;
    }
    if (spawn->pid_namespace >= 0 && setns(spawn->pid_namespace, CLONE_NEWPID) < 0)
        return fail(error, "ns", "pid", errno, "cannot enter the pid namespace");
    pid_t pid = sys_clone3(&args);
    int number = errno;
    if (pid == 0) {
        sigset_t none;

        if (spawn->channel >= 0)
            dup3(spawn->channel, CHANNEL_FD, O_CLOEXEC);
        close_others(spawn->keep, spawn->keep_count);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        umask(0);
        return 0;
    }
    if (spawn->pid_namespace >= 0 && setns(shim.own_pid_namespace, CLONE_NEWPID) < 0) {
        note("cannot go back to the own pid namespace: %m");
        abort(); /* every later child would be born in the wrong one */
    }
    if (pid < 0) {
        /* ENOMEM is how the kernel says that the init of a pid namespace has gone. */
        if (number == ENOMEM && spawn->pid_namespace >= 0)
            return fail(error, "clone", NULL, number, "cannot make a process (has the init of its pid namespace exited?)");
        return fail(error, "clone", NULL, number, "cannot make a process");
    }
    child->pid = pid;
    child->start_time = process_start_time(pid);
    child->next = shim.children;
    shim.children = child;
    return 1;
}

int channel_open(int channel[2], struct error *error) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0)
        return fail(error, "channel", NULL, errno, "socketpair");
    fcntl(channel[0], F_SETFL, O_NONBLOCK);
    return 0;
}

void channel_ready(int fd) {
    char text[] = "ready";
    struct iovec part = {.iov_base = text, .iov_len = sizeof text};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.space;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    if (sendmsg(CHANNEL_FD, &message, MSG_NOSIGNAL) < 0)
        _exit(125);
}

void channel_error(const struct error *error) {
    char text[MESSAGE_MAX];
    int length = snprintf(text, sizeof text, "error%c%s%c%s%c%d%c%s", 0, error->step, 0, error->path, 0, error->number, 0,
            error->message);

    /* write, not send: a seccomp profile may be in force, and it is likelier to have this one. */
    if (length > 0 && write(CHANNEL_FD, text, (size_t)length + 1) < 0)
        _exit(125);
}

void channel_born(pid_t pid) {
    char text[32];
    int length = snprintf(text, sizeof text, "born%c%d", 0, (int)pid);

    if (write(CHANNEL_FD, text, (size_t)length + 1) < 0)
        _exit(125);
}

bool channel_await(void) {
    char word;
    ssize_t n;

    /* read, not recv, for the same reason as in channel_error. */
    do
        n = read(CHANNEL_FD, &word, 1);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

bool channel_go(int channel) {
    return send(channel, "g", 1, MSG_NOSIGNAL) == 1;
}

static void error_from_fields(struct error *error, char **fields) {
    *error = (struct error){.number = atoi(fields[3])};
    snprintf(error->step, sizeof error->step, "%s", fields[1]);
    snprintf(error->path, sizeof error->path, "%s", fields[2]);
    snprintf(error->message, sizeof error->message, "%s", fields[4]);
}

enum channel_message channel_receive(int channel, struct channel_news *news, struct error *error) {
    char text[MESSAGE_MAX];
    char *fields[5];
    struct iovec part = {.iov_base = text, .iov_len = sizeof text};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};

    *news = (struct channel_news){.fd = -1};
    ssize_t n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return CHANNEL_NOTHING;
    if (n <= 0)
        return CHANNEL_CLOSED;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS
            && header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&news->fd, CMSG_DATA(header), sizeof news->fd);
    int count = text_split(text, (uint32_t)n, fields, 5);
    if (count == 1 && strcmp(fields[0], "ready") == 0)
        return CHANNEL_READY;
    if (count == 2 && strcmp(fields[0], "born") == 0) {
        news->pid = (pid_t)atoi(fields[1]);
        return CHANNEL_BORN;
    }
    if (count == 5 && strcmp(fields[0], "error") == 0) {
        error_from_fields(error, fields);
        return CHANNEL_ERROR;
    }
    return CHANNEL_NOTHING;
}
