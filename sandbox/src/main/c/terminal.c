#include "terminal.h"

#include "inroot.h"
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>

#define PTMX "/dev/pts/ptmx"

int terminal_open(int root, int *master, int *slave, struct error *error) {
    struct statfs system;
    struct stat status;
    int unlock = 0;
    /* Looked at before it is opened: opening a device of the image's choice may do something. */
    int seen = inroot_open(root, PTMX, O_PATH | O_NOFOLLOW);

    if (seen < 0)
        return fail(error, "tty", PTMX, errno, "cannot open");
    int looked = fstatfs(seen, &system) == 0 && fstat(seen, &status) == 0;
    close(seen);
    if (!looked || system.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2))
        return fail(error, "tty", PTMX, EINVAL, "it is not a devpts");
    *master = inroot_open(root, PTMX, O_RDWR | O_NOCTTY | O_NOFOLLOW);
    if (*master < 0)
        return fail(error, "tty", PTMX, errno, "cannot open");
    if (fstatfs(*master, &system) < 0 || system.f_type != DEVPTS_SUPER_MAGIC || fstat(*master, &status) < 0
            || status.st_rdev != makedev(5, 2)) {
        close(*master);
        return fail(error, "tty", PTMX, EINVAL, "it is not a devpts");
    }
    *slave = -1;
    if (ioctl(*master, TIOCSPTLCK, &unlock) == 0)
        *slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*slave < 0) {
        int number = errno;
        close(*master);
        return fail(error, "tty", PTMX, number, "cannot make a pty");
    }
    return 0;
}

int terminal_adopt(const struct spec *spec, int slave, struct error *error) {
    const struct record *size = spec_next(spec, R_SIZE, NULL);

    if (size != NULL) {
        struct winsize window = {.ws_col = (unsigned short)number_of(size->arg[0], 10),
                .ws_row = (unsigned short)number_of(size->arg[1], 10)};
        ioctl(slave, TIOCSWINSZ, &window);
    }
    if (ioctl(slave, TIOCSCTTY, 0) < 0)
        return fail(error, "tty", NULL, errno, "TIOCSCTTY");
    return 0;
}
