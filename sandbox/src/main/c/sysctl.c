#include "sysctl.h"

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int sysctl_write(const char *name, const char *value, struct error *error) {
    int base = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (base < 0)
        return fail(error, "sysctl", "/proc/sys", errno, "cannot open");
    int fd = sys_openat2(base, name, O_WRONLY | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    int number = errno;
    close(base);
    if (fd < 0)
        return fail(error, "sysctl", name, number, "cannot open the setting");
    ssize_t n = write(fd, value, strlen(value));
    number = errno;
    close(fd);
    return n < 0 ? fail(error, "sysctl", name, number, "cannot set it to \"%s\"", value) : 0;
}
