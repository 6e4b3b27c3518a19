/*
 * The only program of the test's root file systems: "probe VERB ARGUMENT... [; VERB ...]". Each verb prints what it sees, or does one thing; a verb that fails
 * prints "error NAME" with the errno's name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static void result(bool ok) {
    if (!ok)
        printf("error %s\n", strerrorname_np(errno));
    else
        puts("ok");
}

static void wait_ms(const char *ms) {
    usleep((useconds_t)atol(ms) * 1000);
}

static void do_cat(const char *path) {
    char buffer[65536];
    int fd = path == NULL ? 0 : open(path, O_RDONLY);

    if (fd < 0) {
        result(false);
        return;
    }
    fflush(stdout);
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
        for (ssize_t done = 0; done < n;) {
            ssize_t written = write(1, buffer + done, (size_t)(n - done));
            if (written < 0)
                return;
            done += written;
        }
}

static void do_id(void) {
    gid_t groups[64];
    int count = getgroups(64, groups);

    printf("uid=%u gid=%u groups=", getuid(), getgid());
    for (int i = 0; i < count; i++)
        printf("%s%u", i > 0 ? "," : "", groups[i]);
    putchar('\n');
}

static void do_status(const char *key) {
    char line[512];
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
            fputs(line, stdout);
    if (file != NULL)
        fclose(file);
}

static void do_fds(void) {
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d ", fd);
    putchar('\n');
}

static void do_stat(const char *path) {
    struct stat s;

    if (lstat(path, &s) < 0)
        result(false);
    else
        printf("%o %u:%u %lld nlink=%lu rdev=%u:%u mtime=%lld\n", s.st_mode, s.st_uid, s.st_gid, (long long)s.st_size,
                (unsigned long)s.st_nlink, major(s.st_rdev), minor(s.st_rdev), (long long)s.st_mtim.tv_sec);
}

static void do_ls(const char *path) {
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);

    if (n < 0) {
        result(false);
        return;
    }
    for (int i = 0; i < n; i++)
        if (names[i]->d_name[0] != '.')
            printf("%s ", names[i]->d_name);
    putchar('\n');
}

static void do_write(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    result(ok);
    if (fd >= 0)
        close(fd);
}

static void do_link(const char *path) {
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target - 1);

    if (n < 0) {
        result(false);
        return;
    }
    target[n] = '\0';
    puts(target);
}

static void do_mounts(const char *point) {
    char line[2048], want[300];
    FILE *file = fopen("/proc/self/mountinfo", "r");

    snprintf(want, sizeof want, " %s ", point);
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strstr(line, want) != NULL)
            fputs(line, stdout);
    if (file != NULL)
        fclose(file);
}

static void do_size(void) {
    struct winsize size = {0};

    if (ioctl(0, TIOCGWINSZ, &size) < 0)
        result(false);
    else
        printf("%ux%u\n", size.ws_col, size.ws_row);
}

/* N orphans in sessions of their own that hold stdout, or not. */
static void do_spawn(int count, bool hold) {
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        if (fork() != 0)
            continue;
        setsid();
        if (fork() != 0)
            _exit(0);
        if (!hold) {
            int null = open("/dev/null", O_RDWR);
            dup2(null, 0);
            dup2(null, 1);
            dup2(null, 2);
        }
        for (;;)
            pause();
    }
    while (wait(NULL) > 0) {
    }
}

static void do_bytes(size_t count) {
    char buffer[4096];

    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (char)('a' + i % 23);
    fflush(stdout);
    while (count > 0) {
        size_t part = count < sizeof buffer ? count : sizeof buffer;
        ssize_t n = write(1, buffer, part);
        if (n <= 0)
            _exit(9);
        count -= (size_t)n;
    }
}

static void do_lines(int count, int length) {
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < length; j++)
            putchar('a' + (i + j) % 26);
        putchar('\n');
    }
}

/* The name of the session keyring. */
static void do_keyring(void) {
    char text[256];
    long length = syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text);

    if (length < 0)
        result(false);
    else
        puts(strrchr(text, ';') + 1);
}

/* As many processes as there may be, for ever. */
static void do_forkbomb(void) {
    puts("bombing");
    fflush(stdout);
    for (;;)
        fork();
}

static void do_memhog(size_t megabytes) {
    for (size_t i = 0; i < megabytes; i++) {
        char *block = malloc(1 << 20);
        if (block != NULL)
            memset(block, 1, 1 << 20);
    }
}

static volatile sig_atomic_t resized;

static void on_resize(int number) {
    resized = number;
}

static void do_resized(void) {
    struct sigaction action = {.sa_handler = on_resize};
    sigset_t block, before;

    sigemptyset(&block);
    sigaddset(&block, SIGWINCH);
    sigprocmask(SIG_BLOCK, &block, &before);
    sigaction(SIGWINCH, &action, NULL);
    puts("waiting");
    fflush(stdout);
    while (resized == 0)
        sigsuspend(&before);
    do_size();
}

static void do_trap(int number) {
    sigset_t set;
    int got;

    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    puts("trapping");
    fflush(stdout);
    sigwait(&set, &got);
    printf("got %d\n", got);
}

static void do_xattr(const char *path, const char *name) {
    char value[256];
    ssize_t n = getxattr(path, name, value, sizeof value);

    if (n < 0)
        result(false);
    else
        printf("%.*s\n", (int)n, value);
}

static void do_rlimit(int resource) {
    struct rlimit limit;

    getrlimit((__rlimit_resource_t)resource, &limit);
    printf("%lld %lld\n", (long long)limit.rlim_cur, (long long)limit.rlim_max);
}

static void do_cwd(void) {
    char path[PATH_MAX];

    puts(getcwd(path, sizeof path) == NULL ? "none" : path);
}

static void do_umask(void) {
    mode_t mask = umask(0);

    umask(mask);
    printf("%04o\n", mask);
}

/* The processes that /proc shows, by name. */
static void do_ps(void) {
    char path[64], name[64];

    for (int pid = 1; pid < 1000; pid++) {
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        FILE *file = fopen(path, "r");
        if (file == NULL)
            continue;
        if (fgets(name, sizeof name, file) != NULL)
            printf("%d:%s", pid, name);
        fclose(file);
    }
}

static const struct verb {
    const char *name;
    int arguments;
} verbs[] = {{"echo", 1}, {"text", 1}, {"err", 1}, {"exit", 1}, {"sleep", 1}, {"cat", 0}, {"read", 1}, {"id", 0}, {"status", 1},
        {"fds", 0}, {"stat", 1}, {"ls", 1}, {"write", 2}, {"link", 1}, {"mounts", 1}, {"isatty", 0}, {"size", 0}, {"spawn", 1},
        {"spawn-holding", 1}, {"bytes", 1}, {"lines", 2}, {"memhog", 1}, {"resized", 0}, {"trap", 1}, {"xattr", 2}, {"rlimit", 1},
        {"cwd", 0}, {"umask", 0}, {"ps", 0}, {"env", 1}, {"mkdir", 1}, {"bindmount", 2}, {"hostname", 0}, {"pid", 0}, {"kill", 1},
        {"open", 1}, {"forkbomb", 0}, {"keyring", 0}};

static void run(size_t verb, char **a) {
    char name[256];

    switch (verb) {
    case 0: puts(a[0]); break;
    case 1: fputs(a[0], stdout); break;
    case 2: fprintf(stderr, "%s\n", a[0]); break;
    case 3: fflush(stdout); _exit(atoi(a[0])); break;
    case 4: fflush(stdout); wait_ms(a[0]); break;
    case 5: do_cat(NULL); break;
    case 6: do_cat(a[0]); break;
    case 7: do_id(); break;
    case 8: do_status(a[0]); break;
    case 9: do_fds(); break;
    case 10: do_stat(a[0]); break;
    case 11: do_ls(a[0]); break;
    case 12: do_write(a[0], a[1]); break;
    case 13: do_link(a[0]); break;
    case 14: do_mounts(a[0]); break;
    case 15: printf("%d%d%d\n", isatty(0), isatty(1), isatty(2)); break;
    case 16: do_size(); break;
    case 17: do_spawn(atoi(a[0]), false); break;
    case 18: do_spawn(atoi(a[0]), true); break;
    case 19: do_bytes((size_t)atol(a[0])); break;
    case 20: do_lines(atoi(a[0]), atoi(a[1])); break;
    case 21: do_memhog((size_t)atol(a[0])); break;
    case 22: do_resized(); break;
    case 23: do_trap(atoi(a[0])); break;
    case 24: do_xattr(a[0], a[1]); break;
    case 25: do_rlimit(atoi(a[0])); break;
    case 26: do_cwd(); break;
    case 27: do_umask(); break;
    case 28: do_ps(); break;
    case 29: puts(getenv(a[0]) == NULL ? "unset" : getenv(a[0])); break;
    case 30: result(mkdir(a[0], 0755) == 0); break;
    case 31: result(mount(a[0], a[1], NULL, MS_BIND, NULL) == 0); break;
    case 32: gethostname(name, sizeof name); puts(name); break;
    case 33: printf("%d\n", getpid()); break;
    case 34: fflush(stdout); kill(getpid(), atoi(a[0])); break;
    case 36: do_forkbomb(); break;
    case 37: do_keyring(); break;
    case 35: result(open(a[0], O_WRONLY) >= 0); break;
    default: break;
    }
    fflush(stdout);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc;) {
        size_t verb = 0;

        while (verb < sizeof verbs / sizeof verbs[0] && strcmp(verbs[verb].name, argv[i]) != 0)
            verb++;
        if (verb == sizeof verbs / sizeof verbs[0] || i + verbs[verb].arguments >= argc) {
            fprintf(stderr, "probe: %s?\n", argv[i]);
            return 99;
        }
        run(verb, argv + i + 1);
        i += verbs[verb].arguments + 1;
    }
    return 0;
}
