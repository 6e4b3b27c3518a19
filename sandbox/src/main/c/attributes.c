#include "attributes.h"

#include "kernel.h"
#include "spawn.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int oom_score(const char *score, bool must, struct error *error) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return fail(error, "oomscore", NULL, errno, "cannot open oom_score_adj");
    ssize_t n = write(fd, score, strlen(score));
    int number = errno;
    close(fd);
    if (n < 0 && (must || (number != EACCES && number != EPERM)))
        return fail(error, "oomscore", NULL, number, "cannot set it to %s", score);
    return 0;
}

static int limit(const struct record *r, struct error *error) {
    struct rlimit limit = {.rlim_cur = number_of(r->arg[1], 10), .rlim_max = number_of(r->arg[2], 10)};
    uint64_t resource = number_of(r->arg[0], 10);

    if (resource >= RLIM_NLIMITS)
        return fail(error, "rlimit", NULL, EINVAL, "there is no limit of number %s", r->arg[0]);
    if (prlimit(0, (__rlimit_resource_t)resource, &limit, NULL) < 0 && !(r->type == R_RLIMIT_TRY && errno == EPERM))
        return fail(error, "rlimit", NULL, errno, "cannot set limit %s to %s, %s", r->arg[0], r->arg[1], r->arg[2]);
    return 0;
}

static int label_open(const struct spec *spec, struct error *error) {
    const char *path = "/proc/self/attr/exec";

    if (!spec_has(spec, R_APPARMOR) && !spec_has(spec, R_SELINUX))
        return -1;
    if (spec_has(spec, R_APPARMOR) && access("/proc/self/attr/apparmor/exec", F_OK) == 0)
        path = "/proc/self/attr/apparmor/exec";
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        fail(error, spec_has(spec, R_APPARMOR) ? "apparmor" : "selinux", path, errno, "cannot open");
    return fd;
}

/* Else a container would find the keys of whoever started the daemon. By its name the container's execs join the same one. */
static int keyring_join(const struct spec *spec, struct error *error) {
    char name[140];

    snprintf(name, sizeof name, "_ses.%s", spec_value(spec, R_ID) == NULL ? "" : spec_value(spec, R_ID));
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) < 0 && errno != ENOSYS)
        return fail(error, "keyring", NULL, errno, "cannot join a session keyring");
    return 0;
}

int attributes_early(struct attributes *attributes, const struct spec *spec, struct error *error) {
    const struct record *user = spec_next(spec, R_USER, NULL);
    const char *score = spec_value(spec, R_OOMSCORE), *score_try = spec_value(spec, R_OOMSCORE_TRY);

    *attributes = (struct attributes){.spec = spec};
    if (user != NULL) {
        attributes->uid = (uid_t)number_of(user->arg[0], 10);
        attributes->gid = (gid_t)number_of(user->arg[1], 10);
    }
    if (score != NULL && oom_score(score, true, error) < 0)
        return -1;
    if (score_try != NULL && oom_score(score_try, false, error) < 0)
        return -1;
    for (size_t i = 0; i < spec->count; i++)
        if ((spec->records[i].type == R_RLIMIT || spec->records[i].type == R_RLIMIT_TRY)
                && limit(&spec->records[i], error) < 0)
            return -1;
    if (keyring_join(spec, error) < 0)
        return -1;
    error->number = 0;
    attributes->label = label_open(spec, error);
    return attributes->label < 0 && error->number != 0 ? -1 : 0;
}

int attributes_label_again(struct attributes *attributes, struct error *error) {
    if (attributes->label < 0)
        return 0;
    close(attributes->label);
    attributes->label = label_open(attributes->spec, error);
    return attributes->label < 0 ? -1 : 0;
}

void attributes_streams_give(const struct attributes *attributes, const int streams[3]) {
    uid_t outside = userns_uid_outside(attributes->uid);

    /* A pipe that stays the shim's serves all the same, but by its number only. */
    for (int i = 0; i < 3; i++)
        if (streams[i] >= 0 && outside != attributes->uid && outside != (uid_t)-1
                && fchown(streams[i], outside, ~(gid_t)0) < 0)
            note("cannot give stream %d to user %u: %m", i, outside);
}

static int stream_place(const struct attributes *attributes, int stream, int place, struct error *error) {
    /* So that the container's user may open /dev/stdout anew. */
    if (stream >= 0 && attributes->uid != 0 && fchown(stream, attributes->uid, ~(gid_t)0) < 0 && errno != EINVAL
            && errno != EPERM && errno != EROFS)
        return fail(error, "user", NULL, errno, "cannot give stream %d to user %u", place, attributes->uid);
    if (stream < 0) {
        stream = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (stream < 0)
            return fail(error, "stdio", "/dev/null", errno, "cannot open");
    }
    if (dup2(stream, place) < 0)
        return fail(error, "stdio", NULL, errno, "dup2");
    return 0;
}

int attributes_streams(const struct attributes *attributes, const int streams[3], int terminal, struct error *error) {
    for (int i = 0; i < 3; i++)
        if (stream_place(attributes, terminal >= 0 ? terminal : streams[i], i, error) < 0)
            return -1;
    return 0;
}

/*
 * A folder left open from outside the root would make "." lead out of it (CVE-2024-21626); the kernel then gives the working folder as "(unreachable)...".
 * As root first, for folders only root may enter; else once more as the user, for file systems where root is nobody.
 */
static int working_folder(const struct spec *spec, bool again, bool *done, struct error *error) {
    const char *cwd = spec_value(spec, R_CWD);
    char path[PATH_MAX];

    if (*done)
        return 0;
    if (chdir(cwd == NULL ? "/" : cwd) < 0)
        return !again && (errno == EACCES || errno == EPERM)
                ? 0
                : fail(error, "cwd", cwd, errno, "cannot enter the working folder");
    *done = true;
    if (syscall(SYS_getcwd, path, sizeof path) < 0)
        return fail(error, "cwd", cwd, errno, "getcwd");
    if (path[0] != '/')
        return fail(error, "cwd", cwd, EPERM, "the working folder lies outside the container's root");
    return 0;
}

static int become_user(const struct attributes *attributes, struct error *error) {
    gid_t groups[NGROUPS_MAX > 1024 ? 1024 : NGROUPS_MAX];
    size_t count = 0;

    for (const struct record *r = NULL; (r = spec_next(attributes->spec, R_GROUP, r)) != NULL; count++) {
        if (count == sizeof groups / sizeof groups[0])
            return fail(error, "group", NULL, E2BIG, "too many supplementary groups");
        groups[count] = (gid_t)number_of(r->arg[0], 10);
    }
    if (setgroups(count, groups) < 0)
        return fail(error, "group", NULL, errno, "cannot set %zu supplementary groups", count);
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return fail(error, "user", NULL, errno, "PR_SET_KEEPCAPS");
    /* By system call: the library's wrappers would signal threads that there are none of. */
    if (syscall(SYS_setresgid, attributes->gid, attributes->gid, attributes->gid) < 0)
        return fail(error, "user", NULL, errno, "cannot become group %u", attributes->gid);
    if (syscall(SYS_setresuid, attributes->uid, attributes->uid, attributes->uid) < 0)
        return fail(error, "user", NULL, errno, "cannot become user %u", attributes->uid);
    return 0;
}

/* A change of user takes the death signal away, so it comes after; a shim that died before shows as a closed channel. */
static int die_with_shim(struct error *error) {
    char word;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return fail(error, "init", NULL, errno, "PR_SET_PDEATHSIG");
    if (recv(CHANNEL_FD, &word, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        _exit(125);
    return 0;
}

static int label_write(const struct attributes *attributes, struct error *error) {
    const char *profile = spec_value(attributes->spec, R_APPARMOR);
    const char *label = spec_value(attributes->spec, R_SELINUX);
    char text[PATH_MAX];

    if (attributes->label < 0)
        return 0;
    int length = profile != NULL ? snprintf(text, sizeof text, "exec %s", profile) : snprintf(text, sizeof text, "%s", label);
    if (length >= (int)sizeof text || write(attributes->label, text, (size_t)length) < 0)
        return fail(error, profile != NULL ? "apparmor" : "selinux", profile != NULL ? profile : label, errno,
                "cannot set the profile of the exec");
    close(attributes->label);
    return 0;
}

static void pass_over(int signal) {
    (void)signal;
}

static bool is_fault(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP || signal == SIGABRT;
}

/* What is caught has no effect before the exec, and is the program's default after it: without a call that a filter may refuse. */
static void signals_catch(void) {
    struct sigaction fresh = {.sa_handler = SIG_DFL}, caught = {.sa_handler = pass_over};
    sigset_t none;

    /* The C library keeps the first two real-time signals to itself and refuses them; as the kernel has it, all zero is the default. */
    for (int signal = 1; signal < NSIG; signal++)
        if (sigaction(signal, is_fault(signal) ? &fresh : &caught, NULL) < 0)
            syscall(SYS_rt_sigaction, signal, &fresh, NULL, (size_t)NSIG / 8);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static char **strings_of(const struct spec *spec, enum record_type type) {
    char **strings = calloc(spec_count(spec, type) + 1, sizeof *strings);
    size_t n = 0;

    for (const struct record *r = NULL; strings != NULL && (r = spec_next(spec, type, r)) != NULL;)
        strings[n++] = r->arg[0];
    return strings;
}

static const char *search_path(char **env) {
    const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    for (; *env != NULL; env++)
        if (strncmp(*env, "PATH=", 5) == 0)
            path = *env + 5; /* the last one counts, as for a shell */
    return path;
}

/* As execvp(3) goes through PATH, but nothing is handed to a shell. The errno of the failure. */
static int execute(const char *name, char **args, char **env) {
    char file[PATH_MAX];
    bool refused = false;

    if (strchr(name, '/') != NULL) {
        execve(name, args, env);
        return errno;
    }
    if (*name == '\0')
        return ENOENT;
    for (const char *at = search_path(env);;) {
        size_t length = strcspn(at, ":");

        if (snprintf(file, sizeof file, "%.*s%s%s", (int)length, at, length > 0 ? "/" : "", name) < (int)sizeof file) {
            execve(file, args, env);
            if (errno == EACCES)
                refused = true;
            else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT)
                return errno;
        }
        if (at[length] == '\0')
            return refused ? EACCES : ENOENT;
        at += length + 1;
    }
}

static int exec_fail(const char *name, int number, struct error *error) {
    if (number == ENOENT && strchr(name, '/') == NULL) {
        fail(error, "exec", name, 0, "exec: \"%s\": executable file not found in $PATH", name);
        error->number = number;
        return -1;
    }
    return fail(error, "exec", name, number, "exec: \"%s\"", name);
}

static int filter(struct attributes *attributes, struct error *error) {
    const struct spec *spec = attributes->spec;

    attributes->filtered = true;
    if (seccomp_load(spec, error) < 0)
        return -1;
    return spec_has(spec, R_NNP) ? 0 : capabilities_set(&attributes->capabilities, 0, error);
}

int attributes_settle(struct attributes *attributes, struct error *error) {
    const struct spec *spec = attributes->spec;
    const char *mask = spec_value(spec, R_UMASK);
    bool nnp = spec_has(spec, R_NNP), filtered = spec_has(spec, R_SECCOMP);
    struct capabilities *capabilities = &attributes->capabilities;
    bool in_folder = false;

    attributes->args = strings_of(spec, R_ARG);
    attributes->env = strings_of(spec, R_ENV);
    if (attributes->args == NULL || attributes->env == NULL)
        return fail(error, "exec", NULL, ENOMEM, "no memory for the arguments");
    if (attributes->args[0] == NULL)
        return fail(error, "exec", NULL, EINVAL, "there is no command");
    if (capabilities_parse(capabilities, spec, error) < 0 || working_folder(spec, false, &in_folder, error) < 0
            || capabilities_bound(capabilities, error) < 0 || become_user(attributes, error) < 0
            || working_folder(spec, true, &in_folder, error) < 0)
        return -1;
    if (die_with_shim(error) < 0 || label_write(attributes, error) < 0)
        return -1;
    /* Without no_new_privs only CAP_SYS_ADMIN may load a filter; what is left to do after it is to drop that. */
    if (capabilities_set(capabilities, filtered && !nnp ? 1ULL << CAP_SYS_ADMIN : 0, error) < 0
            || capabilities_ambient(capabilities, error) < 0)
        return -1;
    if (nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(error, "nnp", NULL, errno, "PR_SET_NO_NEW_PRIVS");
    /* A change of user may have made it dumpable (fs.suid_dumpable), and its memory is the shim's. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return fail(error, "init", NULL, errno, "PR_SET_DUMPABLE");
    signals_catch();
    umask(mask == NULL ? 0022 : (mode_t)number_of(mask, 8));
    close_range(CHANNEL_FD + 1, ~0U, 0);
    /* With no_new_privs it needs no capability, and comes as late as it can: then it need allow the exec alone. */
    return !nnp && filtered && seccomp_lets_wait(spec) ? filter(attributes, error) : 0;
}

int attributes_execute(struct attributes *attributes, struct error *error) {
    const char *name = attributes->args[0];

    if (!attributes->filtered && spec_has(attributes->spec, R_SECCOMP) && filter(attributes, error) < 0)
        return -1;
    return exec_fail(name, execute(name, attributes->args, attributes->env), error);
}
