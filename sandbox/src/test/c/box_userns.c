/* Pods with a user namespace, as seen from the host and from within. */
#include "box.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define UIDS "200000"
#define GIDS "300000"

static void maps(struct message *m) {
    fields(m, "ns", "user", "idmap", "uid", "0", UIDS, "65536", "idmap", "gid", "0", GIDS, "65536", NULL);
}

/* Net, ipc and uts of its own where `all`, pid where `pid`. */
static bool contained_start(struct pod *pod, bool all, bool pid) {
    struct message m = {0};

    if (!pod_start(pod, false, false))
        return false;
    fields(&m, "id", "pod", NULL);
    maps(&m);
    if (all)
        fields(&m, "ns", "net", "ns", "ipc", "ns", "uts", "hostname", "testpod", "loopback", "netns", in_run(pod, "netns"), "shm", in_run(pod, "shm"),
                "1048576", "sysctl", "kernel/shm_rmid_forced", "1", "sysctl", "net/ipv4/ping_group_range", "1 77", "sysctl",
                "net/ipv4/ip_unprivileged_port_start", "99", NULL);
    if (pid)
        fields(&m, "ns", "pid", NULL);
    struct frame answer = request(pod->run, POD, &m);
    message_free(&m);
    if (answer.type != OK)
        printf("  pod: %s %s: %s\n", frame_field(&answer, 0), frame_field(&answer, 1), frame_field(&answer, 3));
    pod->init = atoi(frame_value(&answer, "pid"));
    pod->mounted = answer.type == OK && all;
    bool made = answer.type == OK && (pod->init > 0) == pid;
    frame_free(&answer);
    return made;
}

/* The same container in the pod's user namespace. */
static void contained_records(struct message *m, const struct pod *pod, const char *id, bool tty) {
    container_records(m, pod, id, tty);
    fields(m, "ns", "user", "pod", NULL);
}

static bool run(const struct pod *pod, struct message *m, const char *id) {
    struct frame answer = request(pod->run, CREATE, m);
    bool good = answer.type == OK;

    message_free(m);
    if (!good)
        printf("  %s %s: %s\n", frame_field(&answer, 0), frame_field(&answer, 1), frame_field(&answer, 3));
    frame_free(&answer);
    return good && container_start(pod, id);
}

static bool run_to_end(const struct pod *pod, struct message *m, const char *id) {
    return run(pod, m, id) && container_wait(pod, id) == 0;
}

static bool owned_by(const char *path, unsigned uid, unsigned gid) {
    struct stat s;

    if (lstat(path, &s) < 0 || s.st_uid != uid || s.st_gid != gid) {
        printf("  %s is owned by %u:%u\n", path, s.st_uid, s.st_gid);
        return false;
    }
    return true;
}

/* The inode of the user namespace that owns a namespace, or, for `user` itself, of that one. */
static ino_t owner(const char *path) {
    struct stat s = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int user = fd < 0 ? -1 : ioctl(fd, NS_GET_USERNS);

    if (user >= 0)
        fstat(user, &s);
    close(fd);
    close(user);
    return s.st_ino;
}

static ino_t inode(const char *path) {
    struct stat s = {0};

    return stat(path, &s) < 0 ? 0 : s.st_ino;
}

static const char *proc(pid_t pid, const char *name) {
    static char paths[4][64];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "/proc/%d/%s", (int)pid, name);
    return path;
}

static bool owns_all(const struct pod *pod, pid_t pid, ino_t user, bool cgroup) {
    static const char *const kinds[] = {"net", "ipc", "uts", "pid", "mnt", "cgroup"};

    (void)pod;
    for (int i = 0; i < (cgroup ? 6 : 5); i++) {
        char name[16];
        snprintf(name, sizeof name, "ns/%s", kinds[i]);
        if (owner(proc(pid, name)) != user) {
            printf("  its %s namespace belongs to another user namespace\n", kinds[i]);
            return false;
        }
    }
    return true;
}

static void pod_namespaces(void) {
    struct pod pod;

    CHECK(contained_start(&pod, true, true));
    ino_t user = inode(proc(pod.init, "ns/user"));
    CHECK(user != 0 && user != inode("/proc/self/ns/user"));
    CHECK(owns_all(&pod, pod.init, user, false));
    CHECK(owner(in_run(&pod, "netns")) == user);
    const char *map = content(proc(pod.init, "uid_map"));
    CHECK_TEXT(strstr(map, " " UIDS " ") != NULL && strstr(map, " 65536\n") != NULL, map);
    const char *status = content(proc(pod.init, "status"));
    CHECK_TEXT(strstr(status, "Uid:\t200000\t200000\t200000\t200000") != NULL && strstr(status, "Gid:\t300000\t300000") != NULL
                    && strstr(status, "CapPrm:\t0000000000000000") != NULL && strstr(status, "CapBnd:\t0000000000000000") != NULL,
            status);
    const char *mounts = content(proc(pod.init, "mountinfo"));
    CHECK_TEXT(strchr(mounts, '\n') == mounts + strlen(mounts) - 1, mounts);
    CHECK(owned_by(in_run(&pod, "shm"), 200000, 300000));
    CHECK(pod_stop(&pod));
}

static const char *const sights[] = {"id", NULL, "status", "Uid", "read", "/proc/self/uid_map", "read", "/proc/self/gid_map", "stat", "/etc/motd", "stat", "/",
        "stat", "/dev/null", "write", "/dev/null", "x", "write", "/new", "x", "write", "/etc/motd", "more", "stat", "/dev/shm", "read",
        "/proc/sys/net/ipv4/ping_group_range", "read", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "read", "/proc/sys/kernel/shm_rmid_forced",
        "hostname", NULL, "write", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "88", "open", "/proc/self/fd/1", "pid", NULL};

static void sights_add(struct message *m) {
    fields(m, "arg", "probe", NULL);
    for (size_t i = 0; i < sizeof sights / sizeof sights[0]; i++)
        if (sights[i] != NULL)
            fields(m, "arg", sights[i], NULL);
}

static bool sights_good(const struct pod *pod, const char *id, bool own_pid) {
    char text[3000];

    snprintf(text, sizeof text, "%s", log_text(pod, id));
    static const char *const wanted[] = {"uid=0 gid=0 groups=\n", "Uid:\t0\t0\t0\t0\n", " 200000      65536\n", " 300000      65536\n", "\n100644 0:0 8 ",
            "\n40755 0:0 ", "\n20666 0:0 0 nlink=1 rdev=1:3", "\nok\nok\nok\n41777 0:0 ", "1\t77\n99\n1\ntestpod\nok\nok\n"};
    const char *at = text;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const char *found = strstr(at, wanted[i]);
        if (found == NULL) {
            printf("  not \"%s\" in:\n%s\n", wanted[i], text);
            return false;
        }
        at = found;
    }
    return (strcmp(at + strlen(wanted[8]), "1\n") == 0) == own_pid;
}

static void container_sights(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(contained_start(&pod, true, true));
    contained_records(&m, &pod, "c1", false);
    sights_add(&m);
    CHECK(run_to_end(&pod, &m, "c1"));
    CHECK(sights_good(&pod, "c1", false));
    CHECK(owned_by(in_run(&pod, "c1.upper"), 200000, 300000) && owned_by(in_run(&pod, "c1.upper/new"), 200000, 300000)
            && owned_by(in_run(&pod, "c1.upper/etc/motd"), 200000, 300000));
    CHECK(owned_by(log_path(&pod, "c1"), 0, 0));
    CHECK(strcmp(content("/tmp/does-not-exist"), "") == 0);
    CHECK(pod_stop(&pod));
}

/* A pid namespace of the container's own belongs to the user namespace too; the process that the shim made at first leaves another in its place. */
static void own_pid_namespace(void) {
    struct pod pod;
    struct message m = {0};
    struct session session;

    CHECK(contained_start(&pod, true, false));
    contained_records(&m, &pod, "c1", false);
    fields(&m, "ns", "pid", "new", NULL);
    sights_add(&m);
    fields(&m, "arg", "trap", "arg", "10", "arg", "exit", "arg", "5", NULL);
    CHECK(run(&pod, &m, "c1"));
    for (int i = 0; i < 5000 && strstr(content(log_path(&pod, "c1")), "trapping") == NULL; i++)
        usleep(1000);
    struct frame state = request_fields(pod.run, STATE, NULL);
    CHECK(state.type == OK && strcmp(frame_field(&state, 2), "running") == 0);
    pid_t pid = atoi(frame_field(&state, 3));
    CHECK(atoll(frame_field(&state, 4)) > 0);
    frame_free(&state);
    CHECK(owns_all(&pod, pid, inode(proc(pid, "ns/user")), true) && inode(proc(pid, "ns/user")) == owner(in_run(&pod, "netns")));
    exec_probe(&pod, "c1", &session, "pid", "id", "write", "/by-exec", "x", "ps", NULL);
    CHECK_TEXT(session.last.type == EXIT && strstr(session.out, "uid=0 gid=0 groups=\nok\n1:probe\n") != NULL, session.out);
    session_free(&session);
    CHECK(owned_by(in_run(&pod, "c1.upper/by-exec"), 200000, 300000));
    struct frame answer = request_fields(pod.run, KILL, "c1", "10", "one", NULL);
    frame_free(&answer);
    CHECK(container_wait(&pod, "c1") == 5);
    CHECK(container_remove(&pod, "c1"));
    /* And one that cannot be made: the error of the second process arrives. */
    contained_records(&m, &pod, "c2", false);
    fields(&m, "ns", "pid", "new", "mount", "nonsense", "x", "/mnt", "-", "", "arg", "probe", NULL);
    answer = request(pod.run, CREATE, &m);
    message_free(&m);
    CHECK_TEXT(answer.type == ERROR && strcmp(frame_field(&answer, 0), "mount") == 0 && strcmp(frame_field(&answer, 2), "19") == 0, frame_field(&answer, 3));
    frame_free(&answer);
    /* Deleted before its start. */
    contained_records(&m, &pod, "c3", false);
    fields(&m, "ns", "pid", "new", "arg", "probe", NULL);
    answer = request(pod.run, CREATE, &m);
    message_free(&m);
    CHECK(answer.type == OK);
    frame_free(&answer);
    CHECK(container_remove(&pod, "c3"));
    CHECK(pod_stop(&pod));
}

/* The end may come at any time: before the second process is there, while nobody knows it, and after. */
static void ended_while_created(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(contained_start(&pod, true, false));
    for (int i = 0; i < 60; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        contained_records(&m, &pod, id, false);
        fields(&m, "ns", "pid", "new", "arg", "probe", NULL);
        int creator = client_connect(pod.run);
        client_send(creator, CREATE, m.data, m.length);
        message_free(&m);
        usleep((useconds_t)(i % 30) * 200);
        struct frame answer = request_fields(pod.run, DELETE, id, NULL);
        bool early = answer.type == ERROR && strcmp(frame_field(&answer, 2), "2") == 0; /* not even begun */
        CHECK(answer.type == OK || early);
        frame_free(&answer);
        answer = client_receive(creator);
        if (answer.type != OK && answer.type != ERROR) { /* the greeting first */
            frame_free(&answer);
            answer = client_receive(creator);
        }
        CHECK(answer.type == OK || answer.type == ERROR);
        frame_free(&answer);
        close(creator);
        if (early) {
            answer = request_fields(pod.run, DELETE, id, NULL);
            frame_free(&answer);
        }
    }
    struct frame state = request_fields(pod.run, STATE, NULL);
    CHECK(state.type == OK && state.length == 0);
    frame_free(&state);
    /* And one that is not waited for at all. */
    contained_records(&m, &pod, "last", false);
    fields(&m, "ns", "pid", "new", "arg", "probe", NULL);
    int creator = client_connect(pod.run);
    client_send(creator, CREATE, m.data, m.length);
    message_free(&m);
    usleep(1000);
    close(creator);
    CHECK(pod_stop(&pod));
}

static void users_and_terminals(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(contained_start(&pod, true, true));
    contained_records(&m, &pod, "c1", true);
    fields(&m, "user", "1000", "1001", "group", "44", "arg", "probe", "arg", "isatty", "arg", "size", "arg", "stat", "arg", "/dev/console", "arg", "open",
            "arg", "/dev/tty", NULL);
    /* The records of the fixture say `user 0 0` first, and the first one counts. */
    for (char *at = m.data; at < m.data + m.length; at += strlen(at) + 1)
        if (strcmp(at, "user") == 0 && strcmp(at + 5, "0") == 0)
            memcpy(at, "size\0" "1\0" "1", 9);
    CHECK(run_to_end(&pod, &m, "c1"));
    const char *text = log_text(&pod, "c1");
    CHECK_TEXT(strncmp(text, "111\r\n1x1\r\n20620 1000:5 ", 23) == 0, text);
    contained_records(&m, &pod, "c2", false);
    fields(&m, "arg", "probe", "arg", "sleep", "arg", "1000000", NULL);
    CHECK(run(&pod, &m, "c2"));
    struct session session;
    int client = client_connect(pod.run);
    fields(&m, "id", "c2", "user", "65535", "65535", "group", "7", "tty", "size", "3", "4", "arg", "/bin/probe", "arg", "id", "arg", "size", "arg", "isatty",
            NULL);
    client_send(client, EXEC, m.data, m.length);
    message_free(&m);
    session_collect(client, &session);
    close(client);
    CHECK_TEXT(session.out != NULL && strcmp(session.out, "uid=65535 gid=65535 groups=7\r\n3x4\r\n111\r\n") == 0, session.out);
    session_free(&session);
    client = client_connect(pod.run);
    fields(&m, "id", "c2", "user", "65536", "0", "arg", "/bin/probe", NULL);
    client_send(client, EXEC, m.data, m.length);
    message_free(&m);
    session_collect(client, &session);
    close(client);
    CHECK_TEXT(session.first.type == ERROR && strcmp(frame_field(&session.first, 0), "user") == 0, frame_field(&session.first, 3));
    session_free(&session);
    CHECK(pod_stop(&pod));
}

static void mapped_binds(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(contained_start(&pod, true, true));
    CHECK(chmod(in_run(&pod, "host"), 0700) == 0);
    write_file(in_run(&pod, "host/file"), "from the host");
    CHECK(chown(in_run(&pod, "host/file"), 12, 34) == 0);
    mkdir(in_run(&pod, "host/sub"), 0755);
    CHECK(mount("tmpfs", in_run(&pod, "host/sub"), "tmpfs", 0, "size=64k") == 0);
    mkdir(in_run(&pod, "lower/data"), 0755);
    write_file(in_run(&pod, "lower/data/file"), "content");
    CHECK(chown(in_run(&pod, "lower/data/file"), 12, 34) == 0 && chmod(in_run(&pod, "lower/data/file"), 04751) == 0);
    contained_records(&m, &pod, "c1", false);
    fields(&m, "bind", in_run(&pod, "host"), "/mapped", "rec,idmap", "bind", in_run(&pod, "host"), "/plain", "rec", "bind", in_run(&pod, "host/file"),
            "/file", "ro,idmap,mkfile", "volume", in_run(&pod, "volume"), "/data", NULL);
    static const char *const verbs[] = {"stat", "/mapped/file", "write", "/mapped/new", "x", "stat", "/mapped/new", "stat", "/mapped/sub", "stat", "/plain",
            "ls", "/plain", "stat", "/file", "write", "/file", "x", "stat", "/data", "stat", "/data/file", "write", "/data/new", "x"};
    fields(&m, "arg", "probe", NULL);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        fields(&m, "arg", verbs[i], NULL);
    bool ran = run_to_end(&pod, &m, "c1");
    CHECK(umount(in_run(&pod, "host/sub")) == 0);
    CHECK(ran);
    const char *text = log_text(&pod, "c1");
    char *save = NULL, *copy = strdup(text);
    static const char *const wanted[] = {"100644 12:34 13 ", "ok", "100644 0:0 1 ", "41777 65534:65534 ", "40700 65534:65534 ", "error EACCES",
            "100644 12:34 13 ", "error EROFS", "40755 0:0 ", "104751 12:34 7 ", "ok"};
    size_t n = 0;
    bool good = true;
    for (char *line = strtok_r(copy, "\n", &save); line != NULL && good; line = strtok_r(NULL, "\n", &save), n++)
        good = n < sizeof wanted / sizeof wanted[0] && strncmp(line, wanted[n], strlen(wanted[n])) == 0;
    free(copy);
    CHECK_TEXT(good && n == sizeof wanted / sizeof wanted[0], text);
    CHECK(owned_by(in_run(&pod, "host/new"), 0, 0));
    CHECK(owned_by(in_run(&pod, "volume"), 200000, 300000) && owned_by(in_run(&pod, "volume/file"), 200012, 300034));
    CHECK(pod_stop(&pod));
}

/* Of an image of two layers and of one: the container sees the ids that the image has. */
static void mapped_images(void) {
    struct pod pod;
    struct message m = {0};
    char bottom[300], top[300];

    CHECK(contained_start(&pod, true, true));
    snprintf(bottom, sizeof bottom, "%s", in_run(&pod, "bottom"));
    snprintf(top, sizeof top, "%s", in_run(&pod, "top"));
    mkdir(bottom, 0755);
    mkdir(top, 0755);
    mkdir(in_run(&pod, "bottom/data"), 0755);
    write_file(in_run(&pod, "bottom/data/file"), "image");
    write_file(in_run(&pod, "top/more"), "more");
    CHECK(chown(in_run(&pod, "bottom/data/file"), 12, 34) == 0 && chmod(in_run(&pod, "bottom/data/file"), 0640) == 0);
    contained_records(&m, &pod, "c1", false);
    fields(&m, "layer", top, "layer", bottom, "image", "/both", "", "ro,private", "layer", bottom, "image", "/one", "data", "ro,private", "layer", top, "layer",
            bottom, "image", "/file", "data/file", "ro,private", "arg", "probe", "arg", "stat", "arg", "/both/data/file", "arg", "stat", "arg", "/one/file",
            "arg", "stat", "arg", "/file", "arg", "stat", "arg", "/both/more", "arg", "write", "arg", "/both/x", "arg", "x", "arg", "write", "arg", "/one/x",
            "arg", "x", NULL);
    CHECK(run_to_end(&pod, &m, "c1"));
    const char *text = log_text(&pod, "c1");
    char *save = NULL, *copy = strdup(text);
    static const char *const wanted[] = {"100640 12:34 5 ", "100640 12:34 5 ", "100640 12:34 5 ", "100644 0:0 4 ", "error EROFS", "error EROFS"};
    size_t n = 0;
    bool good = true;
    for (char *line = strtok_r(copy, "\n", &save); line != NULL && good; line = strtok_r(NULL, "\n", &save), n++)
        good = n < sizeof wanted / sizeof wanted[0] && strncmp(line, wanted[n], strlen(wanted[n])) == 0;
    free(copy);
    CHECK_TEXT(good && n == sizeof wanted / sizeof wanted[0], text);
    CHECK(pod_stop(&pod));
}

static bool refused(const struct pod *pod, int type, struct message *m, const char *step, const char *number) {
    struct frame answer = request(pod->run, type, m);
    bool good = answer.type == ERROR && strcmp(frame_field(&answer, 0), step) == 0 && strcmp(frame_field(&answer, 2), number) == 0;

    if (!good)
        printf("  %d: %s %s %s: %s\n", answer.type, frame_field(&answer, 0), frame_field(&answer, 1), frame_field(&answer, 2), frame_field(&answer, 3));
    frame_free(&answer);
    message_free(m);
    return good;
}

static void refusals(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, false, false));
    /* A namespace without maps, overlapping ones, one that is beyond the ids, a name that is none. */
    fields(&m, "id", "pod", "ns", "user", "ns", "net", "netns", in_run(&pod, "netns"), NULL);
    CHECK(refused(&pod, POD, &m, "idmap", "22"));
    fields(&m, "id", "pod", "idmap", "uid", "0", "1000", "10", NULL);
    maps(&m);
    CHECK(refused(&pod, POD, &m, "idmap", "22"));
    fields(&m, "id", "pod", "ns", "user", "idmap", "uid", "0", "4294967290", "10", NULL);
    CHECK(refused(&pod, POD, &m, "idmap", "22"));
    fields(&m, "id", "pod", "ns", "user", "idmap", "pid", "0", "1", "10", NULL);
    CHECK(refused(&pod, POD, &m, "idmap", "22"));
    /* What the host's root does for the pod fails; what the pod's root does fails: nothing is left. */
    fields(&m, "id", "pod", "ns", "net", "netns", in_run(&pod, "netns"), "shm", in_run(&pod, "not/there"), "1024", NULL);
    maps(&m);
    CHECK(refused(&pod, POD, &m, "shm", "2"));
    fields(&m, "id", "pod", "ns", "net", "ns", "pid", "netns", in_run(&pod, "netns"), "shm", in_run(&pod, "shm"), "1024", "sysctl", "net/nonsense", "1", NULL);
    maps(&m);
    CHECK(refused(&pod, POD, &m, "sysctl", "2"));
    CHECK(strstr(content("/proc/self/mountinfo"), in_run(&pod, "netns")) == NULL && strstr(content("/proc/self/mountinfo"), in_run(&pod, "shm")) == NULL);
    /* An ordinary pod has no user namespace to share or to map by. */
    fields(&m, "id", "pod", "ns", "net", NULL);
    struct frame answer = request(pod.run, POD, &m);
    message_free(&m);
    CHECK(answer.type == OK);
    frame_free(&answer);
    container_records(&m, &pod, "c1", false);
    fields(&m, "bind", in_run(&pod, "host"), "/mapped", "idmap", "arg", "probe", NULL);
    CHECK(refused(&pod, CREATE, &m, "bind", "22"));
    container_records(&m, &pod, "c2", false);
    fields(&m, "ns", "user", "new", "arg", "probe", NULL);
    CHECK(refused(&pod, CREATE, &m, "ns", "22"));
    CHECK(pod_stop(&pod));
    /* A file system that has no id-mapped mounts. */
    CHECK(contained_start(&pod, true, true));
    contained_records(&m, &pod, "c1", false);
    fields(&m, "bind", "/proc/sys", "/mapped", "idmap", "arg", "probe", NULL);
    CHECK(refused(&pod, CREATE, &m, "bind", "22"));
    CHECK(pod_stop(&pod));
}

/* Without namespaces of its own but the user namespace: what shows the host's is mounted all the same, and changes nothing there. */
static void host_namespaces(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(contained_start(&pod, false, false));
    contained_records(&m, &pod, "c1", false);
    fields(&m, "ns", "cgroup", "host", "mount", "sysfs", "sysfs", "/sys", "nosuid,nodev,noexec", "", "arg", "probe", "arg", "read", "arg",
            "/proc/self/uid_map", "arg", "ls", "arg", "/sys/class/net", "arg", "write", "arg", "/proc/sys/kernel/shm_rmid_forced", "arg", "0", "arg", "write",
            "arg", "/proc/sys/net/ipv4/ip_default_ttl", "arg", "64", "arg", "write", "arg", "/sys/kernel/mm/ksm/run", "arg", "0", "arg", "stat", "arg",
            "/proc/1", NULL);
    CHECK(run_to_end(&pod, &m, "c1"));
    const char *text = log_text(&pod, "c1");
    CHECK_TEXT(strstr(text, " 200000 ") != NULL && strstr(text, "lo ") != NULL && strstr(text, "error EACCES\nerror EACCES\nerror EACCES\n40555 65534:65534 ") != NULL,
            text);
    CHECK(pod_stop(&pod));
}

const struct test box_userns[] = {{"user namespace of a pod", pod_namespaces}, {"user namespace seen from within", container_sights},
        {"user namespace with an own pid namespace", own_pid_namespace}, {"user namespace, ended while created", ended_while_created}, {"user namespace with users and terminals", users_and_terminals},
        {"user namespace with mapped binds", mapped_binds}, {"user namespace with mapped images", mapped_images},
        {"user namespace refused", refusals}, {"user namespace in the host's namespaces", host_namespaces}};
const size_t box_userns_count = sizeof box_userns / sizeof box_userns[0];
