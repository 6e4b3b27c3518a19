/* Mounts, and what an image can try with them. */
#include "box.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool create(const struct pod *pod, const struct message *m, struct frame *answer) {
    *answer = request(pod->run, CREATE, m);
    if (answer->type != OK)
        printf("  %s %s: %s\n", frame_field(answer, 0), frame_field(answer, 1), frame_field(answer, 3));
    return answer->type == OK;
}

/* Creates from what is in `m`, runs to the end, and frees `m`. */
static bool run(const struct pod *pod, struct message *m, const char *id) {
    struct frame answer;
    bool good = create(pod, m, &answer);

    frame_free(&answer);
    message_free(m);
    return good && container_start(pod, id) && container_wait(pod, id) == 0;
}

static void binds(void) {
    struct pod pod;
    struct message m = {0};
    char text[300];

    CHECK(pod_start(&pod, true, true));
    mkdir(in_run(&pod, "host/sub"), 0755);
    CHECK(mount("tmpfs", in_run(&pod, "host/sub"), "tmpfs", 0, "size=64k") == 0);
    write_file(in_run(&pod, "host/file"), "from the host");
    CHECK(symlink("file", in_run(&pod, "host/link")) == 0);
    container_records(&m, &pod, "c1", false);
    fields(&m, "bind", in_run(&pod, "host"), "/rw", "rec", "bind", in_run(&pod, "host"), "/ro", "ro,rec", "bind", in_run(&pod, "host"), "/rro",
            "rro,rec,noexec", "bind", in_run(&pod, "host"), "/flat", "ro", "bind", in_run(&pod, "host/link"), "/a/new/place", "-", "arg", "probe", NULL);
    static const char *const writes[] = {"/rw/a", "/rw/sub/a", "/ro/b", "/ro/sub/b", "/rro/c", "/rro/sub/c", "/flat/d"};
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
        fields(&m, "arg", "write", "arg", writes[i], "arg", "x", NULL);
    fields(&m, "arg", "ls", "arg", "/flat/sub", "arg", "read", "arg", "/a/new/place", NULL);
    bool ran = run(&pod, &m, "c1");
    snprintf(text, sizeof text, "%s", log_text(&pod, "c1"));
    CHECK(umount(in_run(&pod, "host/sub")) == 0);
    CHECK_TEXT(ran && strcmp(text, "ok\nok\nerror EROFS\nok\nerror EROFS\nerror EROFS\nerror EROFS\n\nfrom the host") == 0, text);
    CHECK(pod_stop(&pod));
}

static void propagation(void) {
    struct pod pod;
    struct message m = {0};
    struct frame answer;

    CHECK(pod_start(&pod, true, true));
    char host[300];
    snprintf(host, sizeof host, "%s", in_run(&pod, "host"));
    /* A private mount first: neither slave nor shared is to be had. */
    CHECK(mount("tmpfs", host, "tmpfs", 0, "size=64k") == 0 && mount(NULL, host, NULL, MS_PRIVATE, NULL) == 0);
    static const char *const flags[] = {"rec,shared", "rec,slave"};
    for (int i = 0; i < 2; i++) {
        container_records(&m, &pod, "c1", false);
        fields(&m, "bind", host, "/mnt", flags[i], "arg", "probe", NULL);
        answer = request(pod.run, CREATE, &m);
        CHECK_TEXT(answer.type == ERROR && strcmp(frame_field(&answer, 0), "bind") == 0 && strcmp(frame_field(&answer, 2), "22") == 0
                        && strstr(frame_field(&answer, 3), i == 0 ? "but it is not a shared mount" : "but it is not a shared or slave mount") != NULL,
                frame_field(&answer, 3));
        frame_free(&answer);
        message_free(&m);
    }
    CHECK(mount(NULL, host, NULL, MS_SHARED, NULL) == 0);
    mkdir(in_run(&pod, "host/from-host"), 0755);
    mkdir(in_run(&pod, "host/from-shared"), 0755);
    mkdir(in_run(&pod, "host/from-slave"), 0755);
    mkdir(in_run(&pod, "host/from-private"), 0755);
    write_file(in_run(&pod, "host/marker"), "");
    static const char *const ids[] = {"private", "slave", "shared"};
    for (int i = 0; i < 3; i++) {
        char all[64];
        snprintf(all, sizeof all, "/mnt/from-%s", ids[i]);
        container_records(&m, &pod, ids[i], false);
        for (char *at = m.data; at < m.data + m.length; at += strlen(at) + 1)
            if (strcmp(at, "effective") == 0 || strcmp(at, "permitted") == 0)
                memcpy(at + 10, "a8a425fb", 8); /* CAP_SYS_ADMIN */
        snprintf(all + 40, sizeof all - 40, "rec,%s", ids[i]);
        fields(&m, "bind", host, "/mnt", all + 40, "arg", "probe", "arg", "bindmount", "arg", "/dev", "arg", all, "arg", "trap", "arg", "10", "arg", "ls",
                "arg", "/mnt/from-host", NULL);
        CHECK(create(&pod, &m, &answer));
        frame_free(&answer);
        message_free(&m);
        CHECK(container_start(&pod, ids[i]));
        for (int wait = 0; wait < 5000 && strstr(content(log_path(&pod, ids[i])), "trapping") == NULL; wait++)
            usleep(1000);
    }
    CHECK(access(in_run(&pod, "host/from-shared/pts"), F_OK) == 0);
    CHECK(access(in_run(&pod, "host/from-slave/pts"), F_OK) < 0 && access(in_run(&pod, "host/from-private/pts"), F_OK) < 0);
    CHECK(mount(in_run(&pod, "host"), in_run(&pod, "host/from-host"), NULL, MS_BIND, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        answer = request_fields(pod.run, KILL, ids[i], "10", "one", NULL);
        frame_free(&answer);
        CHECK(container_wait(&pod, ids[i]) == 0);
        CHECK_TEXT((strstr(log_text(&pod, ids[i]), "marker") != NULL) == (i > 0), log_text(&pod, ids[i]));
    }
    CHECK(umount(in_run(&pod, "host/from-host")) == 0);
    CHECK(umount2(in_run(&pod, "host"), MNT_DETACH) == 0);
    CHECK(pod_stop(&pod));
}

static void masked_and_read_only(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    write_file(in_run(&pod, "lower/secret"), "secret");
    mkdir(in_run(&pod, "lower/hidden"), 0755);
    mkdir(in_run(&pod, "lower/hidden2"), 0755);
    mkdir(in_run(&pod, "lower/fixed"), 0755);
    write_file(in_run(&pod, "lower/hidden/x"), "x");
    write_file(in_run(&pod, "lower/hidden2/x"), "x");
    container_records(&m, &pod, "c1", false);
    fields(&m, "mkdir", "/run/lock", "1777", "mask", "/secret", "mask", "/hidden", "mask", "/hidden2", "mask", "/not/there", "readonly", "/fixed", "readonly",
            "/not/there", "readonly", "/proc/sys", "arg", "probe", "arg", "read", "arg", "/secret", "arg", "ls", "arg", "/hidden", "arg", "ls", "arg",
            "/hidden2", "arg", "write", "arg", "/hidden/y", "arg", "y", "arg", "write", "arg", "/fixed/y", "arg", "y", "arg", "write", "arg", "/free", "arg",
            "y", "arg", "write", "arg", "/proc/sys/kernel/shm_rmid_forced", "arg", "0", "arg", "read", "arg", "/proc/sys/kernel/shm_rmid_forced", "arg",
            "stat", "arg", "/run/lock", NULL);
    CHECK(run(&pod, &m, "c1"));
    const char *text = log_text(&pod, "c1");
    CHECK_TEXT(strncmp(text, "\n\nerror EROFS\nerror EROFS\nok\nerror EROFS\n1\n41777 0:0 ", 53) == 0, text);
    container_records(&m, &pod, "c2", false);
    fields(&m, "bind", in_run(&pod, "host"), "/mnt", "-", "rootro", "arg", "probe", "arg", "write", "arg", "/free", "arg", "y", "arg", "write", "arg",
            "/mnt/y", "arg", "y", "arg", "write", "arg", "/dev/y", "arg", "y", NULL);
    CHECK(run(&pod, &m, "c2"));
    CHECK_TEXT(strcmp(log_text(&pod, "c2"), "error EROFS\nok\nok\n") == 0, log_text(&pod, "c2"));
    CHECK(access(in_run(&pod, "c1.upper/free"), F_OK) == 0 && access(in_run(&pod, "lower/free"), F_OK) < 0);
    CHECK(pod_stop(&pod));
}

/* The container sees its own group as the root of each hierarchy. */
static void cgroup_mounts(void) {
    struct pod pod;
    struct message m = {0};
    char group[256], mark[300];
    bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;

    snprintf(group, sizeof group, "%s", cgroup_make(v2 ? "" : "pids", "seen"));
    CHECK(group[0] != '\0');
    snprintf(mark, sizeof mark, "%s/marker", group);
    CHECK(mkdir(mark, 0755) == 0);
    CHECK(pod_start(&pod, true, true));
    container_records(&m, &pod, "c1", false);
    fields(&m, "cgroup", v2 ? "v2" : "v1", group, "killgroup", group, "mount", "sysfs", "sysfs", "/sys", "ro,nosuid,nodev,noexec", "", "mount", "tmpfs",
            "tmpfs", "/sys/fs/cgroup", "nosuid", "mode=755", "mount", v2 ? "cgroup2" : "cgroup", "cgroup", "/sys/fs/cgroup/pids",
            "ro,nosuid,nodev,noexec", v2 ? "" : "pids", "arg", "probe", "arg", "stat", "arg", "/sys/fs/cgroup/pids/marker", "arg", "read", "arg",
            "/proc/self/cgroup", "arg", "mkdir", "arg", "/sys/fs/cgroup/pids/x", "arg", "ls", "arg", "/sys/class/net", NULL);
    bool ran = run(&pod, &m, "c1");
    rmdir(mark);
    CHECK(rmdir(group) == 0);
    const char *text = log_text(&pod, "c1");
    CHECK_TEXT(ran && strncmp(text, "40755", 5) == 0 && strstr(text, v2 ? "0::/\n" : "pids:/\n") != NULL && strstr(text, "error EROFS\nlo \n") != NULL, text);
    CHECK(pod_stop(&pod));
}

/* Links in the image lead where the container sees them lead, never to the host. */
static void image_links(void) {
    struct pod pod;
    struct message m = {0};
    char outside[300], link[300];

    CHECK(pod_start(&pod, true, true));
    snprintf(outside, sizeof outside, "%s", in_run(&pod, "host"));
    CHECK(symlink("/../../../../../../../../../../../../", in_run(&pod, "lower/up")) == 0);
    snprintf(link, sizeof link, "%s", in_run(&pod, "lower/abs"));
    CHECK(symlink(outside, link) == 0);
    mkdir(in_run(&pod, "lower/etc"), 0755);
    CHECK(symlink("../run/stub/resolv.conf", in_run(&pod, "lower/etc/resolv.conf")) == 0);
    CHECK(symlink("/proc/self/root/up", in_run(&pod, "lower/magic")) == 0);
    write_file(in_run(&pod, "resolv"), "nameserver\n");
    container_records(&m, &pod, "c1", false);
    fields(&m, "bind", in_run(&pod, "resolv"), "/etc/resolv.conf", "ro,mkfile", "mkdir", "/abs/made", "755", "mkdir", "/up/made", "755", "symlink", "target",
            "/abs/link", "device", "/up/up/abs/null", "c", "1", "3", "666", "5", "6", "mask", "/up/etc/motd", "arg", "probe", "arg", "read", "arg",
            "/etc/resolv.conf", "arg", "read", "arg", "/etc/motd", "arg", "ls", "arg", "/abs", "arg", "stat", "arg", "/abs/null", "arg", "stat", "arg",
            "/made", NULL);
    CHECK(run(&pod, &m, "c1"));
    CHECK_TEXT(strncmp(log_text(&pod, "c1"), "nameserver\nlink made null \n20666 5:6 0 nlink=1 rdev=1:3", 55) == 0, log_text(&pod, "c1"));
    CHECK(access(in_run(&pod, "host/made"), F_OK) < 0 && access(in_run(&pod, "host/null"), F_OK) < 0 && access("/made", F_OK) < 0);
    container_records(&m, &pod, "c2", false);
    fields(&m, "bind", in_run(&pod, "resolv"), "/magic/x", "mkfile", "arg", "probe", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    /* In the image it is a link into a folder that is missing there, made in the container: all right, as long as it stays inside. */
    CHECK(answer.type == OK || answer.type == ERROR);
    frame_free(&answer);
    message_free(&m);
    CHECK(access("/x", F_OK) < 0 && access(in_run(&pod, "host/x"), F_OK) < 0);
    CHECK(pod_stop(&pod));
}

static void no_terminal_but_devpts(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    mkdir(in_run(&pod, "lower/dev"), 0755);
    mkdir(in_run(&pod, "lower/dev/pts"), 0755);
    CHECK(symlink("/etc/motd", in_run(&pod, "lower/dev/pts/ptmx")) == 0);
    process_records(&m, "c1");
    mkdir(in_run(&pod, "c1.upper"), 0755);
    mkdir(in_run(&pod, "c1.work"), 0755);
    mkdir(in_run(&pod, "c1.root"), 0755);
    fields(&m, "lower", in_run(&pod, "lower"), "overlay", in_run(&pod, "c1.upper"), in_run(&pod, "c1.work"), "-", in_run(&pod, "c1.root"), "tty", "arg", "x", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    CHECK_TEXT(answer.type == ERROR && strcmp(frame_field(&answer, 0), "tty") == 0, frame_field(&answer, 0));
    frame_free(&answer);
    message_free(&m);
    CHECK(pod_stop(&pod));
}

static void volumes(void) {
    struct pod pod;
    struct message m = {0};
    struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};

    CHECK(pod_start(&pod, true, true));
    mkdir(in_run(&pod, "lower/data"), 0755);
    mkdir(in_run(&pod, "lower/data/sub"), 0700);
    write_file(in_run(&pod, "lower/data/file"), "content");
    CHECK(setxattr(in_run(&pod, "lower/data/file"), "user.kind", "test", 4, 0) == 0);
    CHECK(link(in_run(&pod, "lower/data/file"), in_run(&pod, "lower/data/sub/again")) == 0);
    CHECK(symlink("../file", in_run(&pod, "lower/data/sub/link")) == 0);
    CHECK(mkfifo(in_run(&pod, "lower/data/fifo"), 0640) == 0);
    CHECK(chown(in_run(&pod, "lower/data/file"), 12, 34) == 0 && chmod(in_run(&pod, "lower/data/file"), 04751) == 0);
    CHECK(chown(in_run(&pod, "lower/data"), 56, 78) == 0 && chmod(in_run(&pod, "lower/data"), 02770) == 0);
    CHECK(utimensat(AT_FDCWD, in_run(&pod, "lower/data/file"), times, 0) == 0 && utimensat(AT_FDCWD, in_run(&pod, "lower/data"), times, 0) == 0);
    container_records(&m, &pod, "c1", false);
    mkdir(in_run(&pod, "volume2"), 0755);
    fields(&m, "volume", in_run(&pod, "volume"), "/data", "volume", in_run(&pod, "volume2"), "/not/in/image", "arg", "probe", "arg", "stat", "arg", "/data",
            "arg", "stat", "arg", "/data/file", "arg", "stat", "arg", "/data/fifo", "arg", "link", "arg", "/data/sub/link", "arg", "read", "arg",
            "/data/sub/again", "arg", "echo", "arg", "", "arg", "xattr", "arg", "/data/file", "arg", "user.kind", "arg", "write", "arg", "/data/new", "arg",
            "n", "arg", "write", "arg", "/not/in/image/new", "arg", "n", NULL);
    CHECK(run(&pod, &m, "c1"));
    char text[1000], expected[300];
    snprintf(text, sizeof text, "%s", log_text(&pod, "c1"));
    snprintf(expected, sizeof expected, "104751 12:34 7 nlink=2 rdev=0:0 mtime=1000000000\n10640 0:0 0 nlink=1");
    CHECK_TEXT(strncmp(text, "42770 56:78 ", 12) == 0 && strstr(text, "mtime=1000000000\n") != NULL && strstr(text, expected) != NULL, text);
    CHECK_TEXT(strstr(text, "../file\ncontent\ntest\nok\nok\n") != NULL, text);
    CHECK(access(in_run(&pod, "volume/new"), F_OK) == 0 && access(in_run(&pod, "volume2/new"), F_OK) == 0);
    CHECK(access(in_run(&pod, "lower/data/new"), F_OK) < 0);
    CHECK(pod_stop(&pod));
}

/* The content is the image's: not that of what is mounted over it, be it /proc, and not that of another volume. */
static void volumes_of_odd_places(void) {
    struct pod pod;
    struct message m = {0};

    CHECK(pod_start(&pod, true, true));
    mkdir(in_run(&pod, "lower/proc"), 0755);
    write_file(in_run(&pod, "lower/proc/odd"), "of the image");
    mkdir(in_run(&pod, "lower/data"), 0755);
    mkdir(in_run(&pod, "lower/data/sub"), 0755);
    write_file(in_run(&pod, "lower/data/sub/file"), "content");
    write_file(in_run(&pod, "lower/file"), "no folder");
    mkdir(in_run(&pod, "volume2"), 0755);
    mkdir(in_run(&pod, "volume3"), 0755);
    container_records(&m, &pod, "c1", false);
    fields(&m, "bind", in_run(&pod, "host"), "/data", "rec", "volume", in_run(&pod, "volume"), "/proc", "volume", in_run(&pod, "volume2"), "/data/sub", "arg",
            "probe", "arg", "ls", "arg", "/proc", "arg", "ls", "arg", "/data", "arg", "ls", "arg", "/data/sub", NULL);
    CHECK(run(&pod, &m, "c1"));
    CHECK_TEXT(strcmp(log_text(&pod, "c1"), "odd \nsub \nfile \n") == 0, log_text(&pod, "c1"));
    container_records(&m, &pod, "c2", false);
    fields(&m, "volume", in_run(&pod, "volume3"), "/file", "arg", "probe", NULL);
    struct frame answer = request(pod.run, CREATE, &m);
    message_free(&m);
    CHECK_TEXT(answer.type == ERROR && strcmp(frame_field(&answer, 0), "volume") == 0, frame_field(&answer, 3));
    frame_free(&answer);
    CHECK(pod_stop(&pod));
}

/* More layers, with longer paths, than fit into a page of mount options. */
static void many_layers(void) {
    struct pod pod;
    struct message m = {0};
    char name[256], path[512];

    CHECK(pod_start(&pod, true, true));
    mkdir(in_run(&pod, "c1.upper"), 0755);
    mkdir(in_run(&pod, "c1.work"), 0755);
    mkdir(in_run(&pod, "c1.root"), 0755);
    process_records(&m, "c1");
    memset(name, 'n', sizeof name);
    for (int i = 0; i < 120; i++) {
        snprintf(name + 200, sizeof name - 200, "-%d", i);
        snprintf(path, sizeof path, "%s/%s", pod.run, name);
        CHECK(mkdir(path, 0755) == 0);
        fields(&m, "lower", path, NULL);
        snprintf(name + 200, sizeof name - 200, "-%d/layer%d", i, i);
        snprintf(path, sizeof path, "%s/%s", pod.run, name);
        write_file(path, "");
    }
    snprintf(path, sizeof path, "%s/lower", scratch);
    fields(&m, "lower", path, "overlay", in_run(&pod, "c1.upper"), in_run(&pod, "c1.work"), "-", in_run(&pod, "c1.root"), "log", log_path(&pod, "c1"), "arg",
            "probe", "arg", "ls", "arg", "/", NULL);
    CHECK(run(&pod, &m, "c1"));
    CHECK(strstr(log_text(&pod, "c1"), "bin ") != NULL && strstr(log_text(&pod, "c1"), "layer119") != NULL);
    CHECK(pod_stop(&pod));
}

/* Two images of one container, of several layers and of one, whole and in parts; links in them lead nowhere else. */
static void image_volumes(void) {
    struct pod pod;
    struct message m = {0};
    char bottom[300], top[300];

    CHECK(pod_start(&pod, true, true));
    snprintf(bottom, sizeof bottom, "%s", in_run(&pod, "bottom"));
    snprintf(top, sizeof top, "%s", in_run(&pod, "top"));
    mkdir(bottom, 0755);
    mkdir(top, 0755);
    mkdir(in_run(&pod, "bottom/data"), 0755);
    mkdir(in_run(&pod, "top/data"), 0755);
    write_file(in_run(&pod, "bottom/data/gone"), "gone");
    write_file(in_run(&pod, "bottom/data/kept"), "kept");
    write_file(in_run(&pod, "top/data/added"), "added");
    CHECK(mknod(in_run(&pod, "top/data/gone"), S_IFCHR, 0) == 0);
    CHECK(symlink("/../../../../../../../data", in_run(&pod, "top/up")) == 0);
    CHECK(symlink("/etc", in_run(&pod, "top/host")) == 0);
    container_records(&m, &pod, "c1", false);
    fields(&m, "layer", top, "layer", bottom, "image", "/whole", "", "ro,private", "layer", top, "layer", bottom, "image", "/part", "up", "ro,nodev,private",
            "layer", bottom, "image", "/one", "/data/", "ro,private", "layer", top, "layer", bottom, "image", "/file", "data/kept", "ro,private", "arg",
            "probe", "arg", "ls", "arg", "/whole", "arg", "ls", "arg", "/part", "arg", "ls", "arg", "/one", "arg", "read", "arg", "/file", "arg", "write",
            "arg", "/whole/x", "arg", "x", "arg", "write", "arg", "/one/x", "arg", "x", "arg", "write", "arg", "/file", "arg", "x", NULL);
    CHECK(run(&pod, &m, "c1"));
    const char *text = log_text(&pod, "c1");
    CHECK_TEXT(strcmp(text, "data host up \nadded kept \ngone kept \nkepterror EROFS\nerror EROFS\nerror EROFS\n") == 0, text);
    CHECK(access(in_run(&pod, "bottom/data/x"), F_OK) < 0 && access(in_run(&pod, "top/x"), F_OK) < 0);
    static const char *const wrong[] = {"host", "data/none", "data/kept/x", "../../../../../../../../../proc"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        container_records(&m, &pod, "c2", false);
        fields(&m, "layer", top, "layer", bottom, "image", "/mnt", wrong[i], "ro", "arg", "probe", NULL);
        struct frame answer = request(pod.run, CREATE, &m);
        CHECK_TEXT(answer.type == ERROR && strcmp(frame_field(&answer, 0), "image") == 0 && strcmp(frame_field(&answer, 1), "/mnt") == 0
                        && strcmp(frame_field(&answer, 2), i == 2 ? "20" : "2") == 0,
                frame_field(&answer, 3));
        frame_free(&answer);
        message_free(&m);
    }
    CHECK(pod_stop(&pod));
}

const struct test box_rootfs[] = {{"binds", binds}, {"propagation", propagation}, {"masked and read-only paths", masked_and_read_only},
        {"cgroup mounts", cgroup_mounts}, {"links of the image", image_links}, {"no terminal but by devpts", no_terminal_but_devpts}, {"volumes", volumes},
        {"volumes of odd places", volumes_of_odd_places},
        {"many layers", many_layers}, {"image volumes", image_volumes}};
const size_t box_rootfs_count = sizeof box_rootfs / sizeof box_rootfs[0];
