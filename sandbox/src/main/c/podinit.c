#include "podinit.h"

#include "attributes.h"
#include "cgroup.h"
#include "kernel.h"
#include "spawn.h"
#include "sysctl.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define TITLE "gantry-pause"

static char *title;
static size_t title_size;

void podinit_arguments(char **argv) {
    title = argv[0];
    title_size = 0;
    /* They lie one after the other. */
    for (; *argv != NULL && *argv == title + title_size; argv++)
        title_size += strlen(*argv) + 1;
}

static int hostname_set(const char *name, struct error *error) {
    return sethostname(name, strlen(name)) < 0 ? fail(error, "hostname", name, errno, "sethostname") : 0;
}

static int loopback_up(struct error *error) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fail(error, "loopback", NULL, errno, "socket");
    int result = ioctl(fd, SIOCGIFFLAGS, &request);
    if (result == 0) {
        request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
        result = ioctl(fd, SIOCSIFFLAGS, &request);
    }
    int number = errno;
    close(fd);
    return result < 0 ? fail(error, "loopback", "lo", number, "cannot set it up") : 0;
}

static int netns_bind(const char *path, struct error *error) {
    return mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0
            ? fail(error, "netns", path, errno, "cannot bind the network namespace")
            : 0;
}

static int shm_mount(const struct record *r, struct error *error) {
    char options[96];

    snprintf(options, sizeof options, "mode=1777,size=%s,uid=%u,gid=%u", r->arg[1], userns_uid_outside(0), userns_gid_outside(0));
    return mount("shm", r->arg[0], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0
            ? fail(error, "shm", r->arg[0], errno, "cannot mount a tmpfs")
            : 0;
}

/* net.ipv4.ping_group_range holds group ids of the writer's user namespace. */
static bool by_pods_root(const struct record *r) {
    return r->type == R_SYSCTL && strncmp(r->arg[0], "net/", 4) == 0;
}

static int execute(const struct record *r, struct error *error) {
    switch ((int)r->type) {
    case R_HOSTNAME:
        return hostname_set(r->arg[0], error);
    case R_LOOPBACK:
        return loopback_up(error);
    case R_SYSCTL:
        return sysctl_write(r->arg[0], r->arg[1], error);
    case R_NETNS:
        return netns_bind(r->arg[0], error);
    case R_SHM:
        return shm_mount(r, error);
    default:
        return 0;
    }
}

/* An empty read-only tmpfs, so that the init of a pod that lives for months holds nothing of the host. */
static int empty_root(struct error *error) {
    if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail(error, "init", "/", errno, "cannot leave the host's mounts");
    /* /proc is there on every host, and its place in the old tree does not matter. */
    if (mount("gantry-pause", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0,nr_inodes=1") < 0
            || chdir("/proc") < 0 || sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return fail(error, "init", "/", errno, "cannot make an empty root");
    return 0;
}

static int bare(struct error *error) {
    const struct capabilities none = {0};

    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NAME, TITLE, 0, 0, 0);
    if (title_size > sizeof TITLE) {
        /* A last byte that is not NUL tells the kernel to end the command line at the first NUL. */
        memset(title, 0, title_size);
        memcpy(title, TITLE, sizeof TITLE);
        title[title_size - 1] = ' ';
    }
    if (capabilities_bound(&none, error) < 0 || capabilities_set(&none, 0, error) < 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(error, "init", NULL, errno, "PR_SET_NO_NEW_PRIVS");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return fail(error, "init", NULL, errno, "PR_SET_PDEATHSIG");
    return 0;
}

static int execute_all(const struct spec *spec, struct error *error) {
    for (size_t i = 0; i < spec->count; i++)
        if (execute(&spec->records[i], error) < 0)
            return -1;
    return 0;
}

/* Tells that all is done, and waits until the shim has what it wants of this process. */
_Noreturn static void stand(bool stay) {
    channel_ready(-1);
    if (!channel_await())
        _exit(1);
    if (!stay)
        _exit(0);
    close_range(0, ~0U, 0);
    for (;;)
        pause();
}

static int become_init(bool stay, struct error *error) {
    if (!stay)
        return 0;
    /* The kernel reaps for a process that ignores its children's ends; other signals never reach the init of a namespace. */
    signal(SIGCHLD, SIG_IGN);
    return empty_root(error) < 0 || bare(error) < 0 ? -1 : 0;
}

static int leave_host(const struct spec *spec, struct error *error) {
    struct attributes attributes;

    if (setsid() < 0)
        return fail(error, "init", NULL, errno, "setsid");
    return cgroup_join(spec, error) < 0 || attributes_early(&attributes, spec, error) < 0 ? -1 : 0;
}

_Noreturn void podinit_run(const struct spec *spec, bool stay) {
    struct error error = {0};

    if (leave_host(spec, &error) == 0 && execute_all(spec, &error) == 0 && become_init(stay, &error) == 0)
        stand(stay);
    channel_error(&error);
    _exit(1);
}

_Noreturn void podinit_hold(const struct spec *spec, bool stay) {
    struct error error = {0};

    if (!channel_await()) /* the maps are written and podinit_equip has done its part */
        _exit(1);
    if (leave_host(spec, &error) < 0 || userns_become_root(&error) < 0)
        goto failed;
    for (size_t i = 0; i < spec->count; i++)
        if (by_pods_root(&spec->records[i]) && execute(&spec->records[i], &error) < 0)
            goto failed;
    if (become_init(stay, &error) == 0)
        stand(stay);
failed:
    channel_error(&error);
    _exit(1);
}

/* Settings of IPC belong to the host's root on older kernels, to the pod's on newer ones, whatever capabilities say. */
static int sysctl_by_either(const struct record *r, struct error *error) {
    struct error first;

    if (sysctl_write(r->arg[0], r->arg[1], &first) == 0)
        return 0;
    *error = first;
    if (first.number != EACCES && first.number != EPERM)
        return -1;
    if (syscall(SYS_setresuid, -1, userns_uid_outside(0), -1) < 0)
        return fail(error, "sysctl", r->arg[0], errno, "cannot become the pod's root");
    int result = sysctl_write(r->arg[0], r->arg[1], error);
    if (syscall(SYS_setresuid, -1, 0, -1) < 0)
        return fail(error, "sysctl", r->arg[0], errno, "cannot become the host's root again");
    return result;
}

static int equip(const struct record *r, struct error *error) {
    if (by_pods_root(r))
        return 0;
    return r->type == R_SYSCTL ? sysctl_by_either(r, error) : execute(r, error);
}

_Noreturn void podinit_equip(const struct spec *spec, const struct ns_plan *plan) {
    struct error error = {0};

    if (ns_plan_enter(plan, &error) < 0)
        goto failed;
    for (size_t i = 0; i < spec->count; i++)
        if (equip(&spec->records[i], &error) < 0)
            goto failed;
    channel_ready(-1);
    _exit(0);
failed:
    channel_error(&error);
    _exit(1);
}
