#include "rootfs.h"

#include "inroot.h"
#include "kernel.h"
#include "mountflags.h"
#include "sysctl.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define ATTACH (MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)

static int attributes_set(int mount, bool recursive, const struct mount_attr *attributes) {
    struct mount_attr copy = *attributes;

    if (copy.attr_set == 0 && copy.attr_clr == 0 && copy.propagation == 0)
        return 0;
    return mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &copy, sizeof copy);
}

/* Moves `mount` onto `target`; closes both. */
static int attach(int mount, int target, const char *step, const char *path, struct error *error) {
    int result = move_mount(mount, "", target, "", ATTACH);
    int number = errno;

    close(mount);
    close(target);
    return result < 0 ? fail(error, step, path, number, "cannot attach the mount") : 0;
}

static int do_mkdir(struct rootfs *rootfs, const struct record *r, struct error *error) {
    int fd = inroot_make(rootfs->root, r->arg[0], INROOT_DIRECTORY, (mode_t)number_of(r->arg[1], 8), "mkdir", error);

    if (fd >= 0)
        close(fd);
    return fd < 0 ? -1 : 0;
}

/* DATA is comma-separated: key=value, or a flag. */
static int context_options(int context, char *data, const char *target, struct error *error) {
    char *save = NULL;

    for (char *option = strtok_r(data, ",", &save); option != NULL; option = strtok_r(NULL, ",", &save)) {
        char *value = strchr(option, '=');

        if (value != NULL)
            *value++ = '\0';
        if (fsconfig(context, value == NULL ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, option, value, 0) < 0)
            return fail(error, "mount", target, errno, "the option %s is refused", option);
    }
    return 0;
}

int file_system(
        const char *type, const char *source, char *data, uint64_t attributes, const char *target, struct error *error) {
    int context = fsopen(type, FSOPEN_CLOEXEC);

    if (context < 0)
        return fail(error, "mount", target, errno, "the kernel has no file system %s", type);
    int mount = -1;
    if (fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0) < 0)
        fail(error, "mount", target, errno, "the source %s is refused", source);
    else if (context_options(context, data, target, error) == 0) {
        if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
            fail(error, "mount", target, errno, "cannot make a %s", type);
        else if ((mount = fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes)) < 0)
            fail(error, "mount", target, errno, "cannot mount a %s", type);
    }
    close(context);
    return mount;
}

int mount_make(const struct record *record, struct error *error) {
    struct mount_flags flags;

    if (mount_flags_parse(&flags, record->arg[3], "mount", record->arg[2], error) < 0)
        return -1;
    return file_system(record->arg[0], record->arg[1], record->arg[4], flags.set, record->arg[2], error);
}

static int do_mount(struct rootfs *rootfs, const struct record *r, int source, struct error *error) {
    const char *target = r->arg[2];
    int mount = source >= 0 ? source : mount_make(r, error);

    if (mount < 0)
        return -1;
    int folder = inroot_make(rootfs->root, target, INROOT_DIRECTORY, 0755, "mount", error);
    if (folder < 0) {
        close(mount);
        return -1;
    }
    return attach(mount, folder, "mount", target, error);
}

static int bind_attributes(int source, const struct mount_flags *flags, const char *path, struct error *error) {
    /* What a shared source is cloned from is its peer: that is `shared`, and needs nothing. */
    uint64_t propagation = flags->propagation == MS_SHARED ? 0 : flags->propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
    struct mount_attr top = {.attr_set = flags->set, .attr_clr = flags->clear};
    struct mount_attr all = {.propagation = propagation, .attr_set = flags->recursive_read_only ? MOUNT_ATTR_RDONLY : 0};

    if (attributes_set(source, true, &all) < 0)
        return fail(error, "bind", path, errno, "cannot set the mount's propagation");
    if (attributes_set(source, false, &top) < 0)
        return fail(error, "bind", path, errno, "cannot set the mount's flags");
    return 0;
}

/* For `bind` and `image` alike. `from` is for messages. */
static int bind_to(struct rootfs *rootfs, int source, const char *from, const char *target, const char *words, const char *step,
        struct error *error) {
    struct mount_flags flags;
    struct stat status;

    if (mount_flags_parse(&flags, words, step, target, error) < 0 || bind_attributes(source, &flags, from, error) < 0)
        return -1;
    if (fstat(source, &status) < 0)
        return fail(error, step, from, errno, "cannot look at the source");
    bool folder = flags.make_directory || (!flags.make_file && S_ISDIR(status.st_mode));
    int fd = inroot_make(rootfs->root, target, folder ? INROOT_DIRECTORY : INROOT_FILE, folder ? 0755 : 0644, step, error);
    return fd < 0 ? -1 : attach(source, fd, step, target, error);
}

static int do_bind(struct rootfs *rootfs, const struct record *r, int source, struct error *error) {
    return bind_to(rootfs, source, r->arg[0], r->arg[1], r->arg[2], "bind", error);
}

static int do_image(struct rootfs *rootfs, const struct record *r, int source, struct error *error) {
    return bind_to(rootfs, source, r->arg[0], r->arg[0], r->arg[2], "image", error);
}

/*
 * Volumes get what the image has, not what will be mounted there: many an image calls /sys/fs/cgroup a volume, and a hostile one may call /proc so. Thus they are filled
 * before anything is mounted.
 */
static int volumes_fill(struct rootfs *rootfs, struct error *error) {
    for (const struct record *r = NULL; (r = spec_next(rootfs->spec, R_VOLUME, r)) != NULL;) {
        int folder = inroot_open(rootfs->root, r->arg[1], O_RDONLY | O_DIRECTORY);

        if (folder < 0 && errno != ENOENT && errno != ENOTDIR)
            return fail(error, "volume", r->arg[1], errno, "cannot open the folder of the image");
        if (folder < 0)
            continue;
        int result = volume_copy(folder, rootfs->sources[r - rootfs->spec->records], r->arg[1], error);
        close(folder);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int do_volume(struct rootfs *rootfs, const struct record *r, int source, struct error *error) {
    const char *target = r->arg[1];
    struct mount_flags private = {0};

    if (bind_attributes(source, &private, target, error) < 0)
        return -1;
    int folder = inroot_make(rootfs->root, target, INROOT_DIRECTORY, 0755, "volume", error);
    return folder < 0 ? -1 : attach(source, folder, "volume", target, error);
}

mode_t device_type(const struct record *record) {
    return strcmp(record->arg[1], "c") == 0    ? S_IFCHR
            : strcmp(record->arg[1], "b") == 0 ? S_IFBLK
            : strcmp(record->arg[1], "p") == 0 ? S_IFIFO
                                               : 0;
}

dev_t device_number(const struct record *record, mode_t type) {
    return type == S_IFIFO ? 0 : makedev((unsigned)number_of(record->arg[2], 10), (unsigned)number_of(record->arg[3], 10));
}

/* The node was made on the host's side, where that is allowed. */
static int device_bind(struct rootfs *rootfs, const struct record *r, int source, struct error *error) {
    int file = inroot_make(rootfs->root, r->arg[0], INROOT_FILE, 0600, "device", error);

    return file < 0 ? -1 : attach(source, file, "device", r->arg[0], error);
}

static int do_device(struct rootfs *rootfs, const struct record *r, int source, struct error *error) {
    const char *name;
    struct stat status;
    mode_t type = device_type(r), mode = (mode_t)number_of(r->arg[4], 8);
    dev_t device = device_number(r, type);

    if (source >= 0)
        return device_bind(rootfs, r, source, error);
    if (type == 0)
        return fail(error, "device", r->arg[0], EINVAL, "the type %s is none of c, b, p", r->arg[1]);
    int folder = inroot_parent(rootfs->root, r->arg[0], &name, "device", error);
    if (folder < 0)
        return -1;
    int result = mknodat(folder, name, type | mode, device);
    if (result < 0 && errno == EEXIST && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0
            && (status.st_mode & S_IFMT) == type && status.st_rdev == device)
        result = 0;
    if (result == 0)
        result = fchownat(folder, name, (uid_t)number_of(r->arg[5], 10), (gid_t)number_of(r->arg[6], 10),
                AT_SYMLINK_NOFOLLOW);
    if (result == 0)
        result = fchmodat(folder, name, mode, 0); /* the chown may have taken bits away */
    int number = errno;
    close(folder);
    return result < 0 ? fail(error, "device", r->arg[0], number, "cannot make the device") : 0;
}

static int do_symlink(struct rootfs *rootfs, const struct record *r, struct error *error) {
    const char *name;
    int folder = inroot_parent(rootfs->root, r->arg[1], &name, "symlink", error);

    if (folder < 0)
        return -1;
    int result = symlinkat(r->arg[0], folder, name);
    int number = errno;
    close(folder);
    return result < 0 && number != EEXIST ? fail(error, "symlink", r->arg[1], number, "cannot make the link") : 0;
}

static int terminal(struct rootfs *rootfs, struct error *error) {
    if (rootfs->terminal_master >= 0)
        return 0;
    return terminal_open(rootfs->root, &rootfs->terminal_master, &rootfs->terminal_slave, error);
}

static int do_console(struct rootfs *rootfs, const struct record *r, struct error *error) {
    if (!spec_has(rootfs->spec, R_TTY))
        return fail(error, "console", r->arg[0], EINVAL, "there is no tty");
    if (terminal(rootfs, error) < 0)
        return -1;
    int mount = open_tree(rootfs->terminal_slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (mount < 0)
        return fail(error, "console", r->arg[0], errno, "cannot clone the pty's mount");
    int file = inroot_make(rootfs->root, r->arg[0], INROOT_FILE, 0620, "console", error);
    if (file < 0) {
        close(mount);
        return -1;
    }
    return attach(mount, file, "console", r->arg[0], error);
}

/* A detached mount of an empty read-only tmpfs: the first is made, later ones are its clones. */
static int empty_folder(struct rootfs *rootfs, const char *path, struct error *error) {
    char options[] = "size=0,nr_inodes=1,mode=0755";

    if (rootfs->empty >= 0) {
        int clone = open_tree(rootfs->empty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
        return clone < 0 ? fail(error, "mask", path, errno, "cannot clone the empty folder") : clone;
    }
    int mount = file_system("tmpfs", "tmpfs", options, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
            path, error);
    if (mount >= 0)
        rootfs->empty = fcntl(mount, F_DUPFD_CLOEXEC, 3);
    return mount;
}

static int do_mask(struct rootfs *rootfs, const struct record *r, struct error *error) {
    struct stat status;
    int target = inroot_open(rootfs->root, r->arg[0], O_PATH);

    if (target < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : fail(error, "mask", r->arg[0], errno, "cannot open the path");
    int mount = -1;
    if (fstat(target, &status) < 0)
        fail(error, "mask", r->arg[0], errno, "cannot look at the path");
    else if (S_ISDIR(status.st_mode))
        mount = empty_folder(rootfs, r->arg[0], error);
    else if ((mount = open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)) < 0)
        fail(error, "mask", r->arg[0], errno, "cannot clone /dev/null");
    if (mount < 0) {
        close(target);
        return -1;
    }
    return attach(mount, target, "mask", r->arg[0], error);
}

static int do_readonly(struct rootfs *rootfs, const struct record *r, struct error *error) {
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    int target = inroot_open(rootfs->root, r->arg[0], O_PATH);

    if (target < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : fail(error, "readonly", r->arg[0], errno, "cannot open the path");
    int mount = open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    if (mount < 0 || attributes_set(mount, true, &read_only) < 0) {
        fail(error, "readonly", r->arg[0], errno, "cannot make a read-only clone");
        if (mount >= 0)
            close(mount);
        close(target);
        return -1;
    }
    return attach(mount, target, "readonly", r->arg[0], error);
}

static int do_overlay(struct rootfs *rootfs, const struct record *r, int source, struct error *error) {
    if (rootfs->root >= 0)
        return fail(error, "overlay", r->arg[3], EINVAL, "a second root");
    if (source < 0) {
        rootfs->root = overlay_by_record(rootfs->spec, r, -1, error);
        return rootfs->root < 0 ? -1 : volumes_fill(rootfs, error);
    }
    /* Over the root: its own place need not be within the reach of who is nobody on the host. */
    if (move_mount(source, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return fail(error, "overlay", r->arg[3], errno, "cannot attach the root file system");
    rootfs->root = source;
    return volumes_fill(rootfs, error);
}

static int execute(struct rootfs *rootfs, size_t index, struct error *error) {
    const struct record *r = &rootfs->spec->records[index];
    int source = rootfs->sources[index];

    if (r->type == R_OVERLAY)
        return do_overlay(rootfs, r, source, error);
    switch ((int)r->type) {
    case R_MKDIR:
    case R_MOUNT:
    case R_BIND:
    case R_IMAGE:
    case R_VOLUME:
    case R_DEVICE:
    case R_SYMLINK:
    case R_CONSOLE:
    case R_MASK:
    case R_READONLY:
        if (rootfs->root < 0)
            return fail(error, record_name(r->type), r->arg[0], EINVAL, "it stands before the overlay");
        break;
    default:
        break;
    }
    switch ((int)r->type) {
    case R_MKDIR:
        return do_mkdir(rootfs, r, error);
    case R_MOUNT:
        return do_mount(rootfs, r, source, error);
    case R_BIND:
        return do_bind(rootfs, r, source, error);
    case R_IMAGE:
        return do_image(rootfs, r, source, error);
    case R_VOLUME:
        return do_volume(rootfs, r, source, error);
    case R_DEVICE:
        return do_device(rootfs, r, source, error);
    case R_SYMLINK:
        return do_symlink(rootfs, r, error);
    case R_CONSOLE:
        return do_console(rootfs, r, error);
    case R_MASK:
        return do_mask(rootfs, r, error);
    case R_READONLY:
        return do_readonly(rootfs, r, error);
    case R_SYSCTL:
        return sysctl_write(r->arg[0], r->arg[1], error);
    default:
        return 0;
    }
}

int rootfs_build(struct rootfs *rootfs, struct error *error) {
    const char *cwd = spec_value(rootfs->spec, R_CWD);

    for (size_t i = 0; i < rootfs->spec->count; i++)
        if (execute(rootfs, i, error) < 0)
            return -1;
    if (rootfs->root < 0)
        return fail(error, "overlay", NULL, EINVAL, "there is no root file system");
    if (spec_has(rootfs->spec, R_TTY) && terminal(rootfs, error) < 0)
        return -1;
    if (cwd != NULL) {
        int fd = inroot_make(rootfs->root, cwd, INROOT_DIRECTORY, 0755, "cwd", error);
        if (fd < 0)
            return -1;
        close(fd);
    }
    if (spec_has(rootfs->spec, R_ROOTRO)) {
        struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
        if (attributes_set(rootfs->root, false, &read_only) < 0)
            return fail(error, "rootro", "/", errno, "cannot make the root read-only");
    }
    return 0;
}

int rootfs_enter(struct rootfs *rootfs, struct error *error) {
    if (fchdir(rootfs->root) < 0 || sys_pivot_root(".", ".") < 0)
        return fail(error, "rootfs", "/", errno, "pivot_root");
    free(rootfs->sources);
    rootfs->sources = NULL;
    return 0;
}

int rootfs_detach_host(struct error *error) {
    if (umount2(".", MNT_DETACH) < 0)
        return fail(error, "rootfs", "/", errno, "cannot detach the host's file systems");
    if (chdir("/") < 0)
        return fail(error, "rootfs", "/", errno, "chdir");
    return 0;
}
