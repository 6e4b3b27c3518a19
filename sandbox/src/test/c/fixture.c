#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *shim_binary;
const char *probe_binary;
char scratch[200];

static int pod_number;
static bool sanitizer_spoke;

/* Of the pods started so far, for pods_abandon. */
static struct {
    pid_t shim;
    char run[256];
} launched[1000];

static char *text_buffer; /* of content() */

static void copy_file(const char *from, const char *to) {
    char buffer[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

    for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;)
        if (write(out, buffer, (size_t)n) != n)
            break;
    close(in);
    close(out);
}

static const char *join(const char *folder, const char *name) {
    static char buffers[16][512];
    static int next;
    char *buffer = buffers[next++ % 16];

    snprintf(buffer, sizeof buffers[0], "%s/%s", folder, name);
    return buffer;
}

void scratch_make(void) {
    snprintf(scratch, sizeof scratch, "/tmp/gantry-shim-test.XXXXXX");
    if (mkdtemp(scratch) == NULL)
        exit(2);
    chmod(scratch, 0755);
    mkdir(join(scratch, "lower"), 0755);
    mkdir(join(scratch, "lower/bin"), 0755);
    copy_file(probe_binary, join(scratch, "lower/bin/probe"));
    mkdir(join(scratch, "lower/etc"), 0755);
    write_file(join(scratch, "lower/etc/motd"), "welcome\n");
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)ftw;
    return (type == FTW_DP ? rmdir(path) : unlink(path)) < 0 ? 0 : 0;
}

bool scratch_remove(void) {
    bool clean = strstr(content("/proc/self/mountinfo"), scratch) == NULL;

    pods_abandon();
    nftw(scratch, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    free(text_buffer);
    text_buffer = NULL;
    return clean && access(scratch, F_OK) < 0 && !sanitizer_spoke;
}

const char *in_run(const struct pod *pod, const char *name) {
    return join(pod->run, name);
}

const char *content(const char *path) {
    size_t length = 0;
    FILE *file = fopen(path, "r");

    free(text_buffer);
    text_buffer = calloc(1, 1);
    for (char part[65536]; file != NULL;) {
        size_t n = fread(part, 1, sizeof part, file);
        if (n == 0)
            break;
        text_buffer = realloc(text_buffer, length + n + 1);
        memcpy(text_buffer + length, part, n);
        length += n;
        text_buffer[length] = '\0';
    }
    if (file != NULL)
        fclose(file);
    return text_buffer;
}

void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        perror(path);
    close(fd);
}

static bool launch(struct pod *pod) {
    char *args[] = {strdup(shim_binary), strdup(pod->run), NULL};
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        execv(args[0], args);
        _exit(126);
    }
    free(args[0]);
    free(args[1]);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return false;
    pod->shim = (pid_t)atoi(content(in_run(pod, "shim.pid")));
    if (pod->shim > 1 && pod_number < (int)(sizeof launched / sizeof launched[0])) {
        launched[pod_number].shim = pod->shim;
        snprintf(launched[pod_number].run, sizeof launched[0].run, "%s", pod->run);
    }
    return pod->shim > 1;
}

void pods_abandon(void) {
    char path[300];

    for (int i = 0; i <= pod_number && i < (int)(sizeof launched / sizeof launched[0]); i++) {
        if (launched[i].shim == 0)
            continue;
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)launched[i].shim);
        const char *name = content(path);
        if (strcmp(name, "gantry-shim") == 0 && strcmp(name + strlen(name) + 1, launched[i].run) == 0) {
            printf("  %s: %s", launched[i].run, content(join(launched[i].run, "shim.log")));
            kill(launched[i].shim, SIGKILL);
            process_ends(launched[i].shim);
        }
        launched[i].shim = 0;
    }
    for (int tries = 0; tries < 100; tries++) {
        char *point = strstr(content("/proc/self/mountinfo"), scratch);
        if (point == NULL)
            return;
        point[strcspn(point, " ")] = '\0';
        umount2(point, MNT_DETACH);
    }
}

bool pod_start(struct pod *pod, bool make, bool pid) {
    static const char *const folders[] = {"", "shm", "lower", "volume", "host"};
    char name[32];

    *pod = (struct pod){0};
    snprintf(name, sizeof name, "pod%d", ++pod_number);
    snprintf(pod->run, sizeof pod->run, "%s", join(scratch, name));
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        mkdir(in_run(pod, folders[i]), 0755);
    write_file(in_run(pod, "netns"), "");
    if (!launch(pod))
        return false;
    if (!make)
        return true;
    struct message records = {0};
    fields(&records, "id", "pod", "ns", "net", "ns", "ipc", "ns", "uts", "hostname", "testpod", "loopback", "netns", in_run(pod, "netns"),
            "shm", in_run(pod, "shm"), "1048576", "sysctl", "kernel/shm_rmid_forced", "1", NULL);
    if (pid)
        fields(&records, "ns", "pid", NULL);
    struct frame answer = request(pod->run, POD, &records);
    message_free(&records);
    bool made = answer.type == OK;
    pod->init = atoi(frame_value(&answer, "pid"));
    pod->mounted = made;
    frame_free(&answer);
    return made && (pod->init > 0) == pid;
}

bool process_lives(pid_t pid) {
    char path[64];
    char state = '?';

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const char *after = strrchr(content(path), ')');
    if (after != NULL)
        state = after[2];
    return state != '?' && state != 'Z' && state != 'X';
}

bool process_ends(pid_t pid) {
    for (int i = 0; i < 10000; i++) {
        if (!process_lives(pid))
            return true;
        usleep(1000);
    }
    return false;
}

bool pod_stop(struct pod *pod) {
    bool ended = true;

    if (process_lives(pod->shim)) {
        struct frame answer = request_fields(pod->run, SHUTDOWN, NULL);
        ended = answer.type == OK;
        frame_free(&answer);
        if (!ended)
            kill(pod->shim, SIGKILL);
        ended = process_ends(pod->shim) && ended && access(in_run(pod, "shim.sock"), F_OK) < 0;
    }
    if (pod->init > 0)
        ended = process_ends(pod->init) && ended;
    if (pod->mounted)
        ended = umount(in_run(pod, "netns")) == 0 && umount(in_run(pod, "shm")) == 0 && ended;
    const char *log = content(in_run(pod, "shim.log"));
    if (strstr(log, "Sanitizer") != NULL || strstr(log, "runtime error") != NULL) {
        printf("%s\n", log);
        sanitizer_spoke = true;
    }
    return ended;
}

void process_records(struct message *message, const char *id) {
    fields(message, "id", id, "env", "PATH=/nowhere:/bin", "cwd", "/", "user", "0", "0", "caps", "bounding", "1fffeffffff", "caps",
            "permitted", "a82425fb", "caps", "effective", "a82425fb", NULL);
}

static const char *container_file(const struct pod *pod, const char *id, const char *what) {
    char name[100];

    snprintf(name, sizeof name, "%s.%s", id, what);
    return in_run(pod, name);
}

const char *log_path(const struct pod *pod, const char *id) {
    return container_file(pod, id, "log");
}

void container_records(struct message *message, const struct pod *pod, const char *id, bool tty) {
    static const char *const folders[] = {"upper", "work", "root"};

    for (int i = 0; i < 3; i++)
        mkdir(container_file(pod, id, folders[i]), 0755);
    process_records(message, id);
    fields(message, "exitfile", container_file(pod, id, "exit"), "log", log_path(pod, id), "ns", "pid", "pod", "ns", "net", "pod", "ns",
            "ipc", "pod", "ns", "uts", "pod", "ns", "cgroup", "new", "lower", in_run(pod, "lower"), "lower", join(scratch, "lower"),
            "overlay", container_file(pod, id, "upper"), container_file(pod, id, "work"), "-", container_file(pod, id, "root"), "mount",
            "proc", "proc", "/proc", "nosuid,nodev,noexec", "", "mount", "tmpfs", "tmpfs", "/dev", "nosuid,strictatime",
            "mode=755,size=65536k", "mount", "devpts", "devpts", "/dev/pts", "nosuid,noexec",
            "newinstance,ptmxmode=0666,mode=0620,gid=5", "mount", "mqueue", "mqueue", "/dev/mqueue", "nosuid,nodev,noexec", "", "bind",
            in_run(pod, "shm"), "/dev/shm", "nosuid,nodev,noexec", "device", "/dev/null", "c", "1", "3", "0666", "0", "0", "symlink",
            "pts/ptmx", "/dev/ptmx", NULL);
    if (tty)
        fields(message, "tty", "size", "80", "24", "console", "/dev/console", NULL);
}

static void add_args(struct message *message, va_list args) {
    fields(message, "arg", "probe", NULL);
    for (const char *arg; (arg = va_arg(args, const char *)) != NULL;)
        fields(message, "arg", arg, NULL);
}

bool container_start(const struct pod *pod, const char *id) {
    struct frame answer = request_fields(pod->run, START, id, NULL);
    bool started = answer.type == OK && atoll(frame_value(&answer, "started")) > 0;

    if (!started)
        printf("  start %s: %d %s %s\n", id, answer.type, frame_field(&answer, 0), frame_field(&answer, 3));
    frame_free(&answer);
    return started;
}

bool container_run(const struct pod *pod, const char *id, ...) {
    struct message message = {0};
    va_list args;

    container_records(&message, pod, id, false);
    va_start(args, id);
    add_args(&message, args);
    va_end(args);
    struct frame answer = request(pod->run, CREATE, &message);
    message_free(&message);
    bool created = answer.type == OK;
    if (!created)
        printf("  create %s: %s %s %s\n", id, frame_field(&answer, 0), frame_field(&answer, 1), frame_field(&answer, 3));
    frame_free(&answer);
    return created && container_start(pod, id);
}

int container_wait(const struct pod *pod, const char *id) {
    struct frame answer = request_fields(pod->run, WAIT, id, NULL);
    int code = answer.type == EXIT && strcmp(frame_value(&answer, "id"), id) == 0 ? atoi(frame_value(&answer, "code")) : -1;

    frame_free(&answer);
    return code;
}

bool container_remove(const struct pod *pod, const char *id) {
    struct frame answer = request_fields(pod->run, DELETE, id, NULL);
    bool removed = answer.type == OK;

    frame_free(&answer);
    return removed;
}

const char *log_text(const struct pod *pod, const char *id) {
    content(log_path(pod, id)); /* in text_buffer, and shortened there */
    char *to = text_buffer;

    /* "TIME stream T text": the time has 30 characters, the stream 6. */
    for (char *line = text_buffer; *line != '\0';) {
        char *end = strchr(line, '\n');

        if (end == NULL || end - line < 40)
            break;
        bool full = line[38] == 'F';
        size_t length = (size_t)(end - (line + 40));
        memmove(to, line + 40, length);
        to += length;
        if (full)
            *to++ = '\n';
        line = end + 1;
    }
    *to = '\0';
    return text_buffer;
}

void exec_probe(const struct pod *pod, const char *id, struct session *session, ...) {
    struct message message = {0};
    va_list args;
    int client = client_connect(pod->run);

    process_records(&message, id);
    va_start(args, session);
    add_args(&message, args);
    va_end(args);
    client_send(client, EXEC, message.data, message.length);
    message_free(&message);
    session_collect(client, session);
    close(client);
}

const char *cgroup_make(const char *hierarchy, const char *name) {
    static char path[256];
    char files[300];

    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", hierarchy);
    snprintf(files, sizeof files, "%s/cgroup.procs", path);
    if (access(files, F_OK) < 0)
        return "";
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/gantry-test-%d-%s", hierarchy, (int)getpid(), name);
    return mkdir(path, 0755) < 0 ? "" : path;
}

void cgroup_remove(const char *path) {
    for (int i = 0; i < 1000 && rmdir(path) < 0 && errno == EBUSY; i++)
        usleep(1000);
}
