#include "attributes.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int capabilities_parse(struct capabilities *capabilities, const struct spec *spec, struct error *error) {
    *capabilities = (struct capabilities){0};
    for (const struct record *r = NULL; (r = spec_next(spec, R_CAPS, r)) != NULL;) {
        struct {
            const char *name;
            uint64_t *set;
        } sets[] = {{"bounding", &capabilities->bounding}, {"permitted", &capabilities->permitted},
                {"effective", &capabilities->effective}, {"inheritable", &capabilities->inheritable},
                {"ambient", &capabilities->ambient}};
        size_t i = 0;

        while (i < 5 && strcmp(sets[i].name, r->arg[0]) != 0)
            i++;
        if (i == 5 || !parse_number(r->arg[1], 16, UINT64_MAX, sets[i].set))
            return fail(error, "caps", NULL, EINVAL, "%s %s is not a set of capabilities", r->arg[0], r->arg[1]);
    }
    return 0;
}

int capabilities_bound(const struct capabilities *capabilities, struct error *error) {
    for (unsigned long cap = 0; cap < 64; cap++) {
        int has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

        if (has < 0)
            break; /* EINVAL: after the kernel's last one */
        if (has == 1 && (capabilities->bounding >> cap & 1) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return fail(error, "caps", NULL, errno, "cannot drop capability %lu from the bounding set", cap);
    }
    return 0;
}

int capabilities_set(const struct capabilities *capabilities, uint64_t extra, struct error *error) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    uint64_t permitted = capabilities->permitted | extra;
    uint64_t effective = capabilities->effective | extra;

    for (int i = 0; i < 2; i++) {
        data[i].permitted = (uint32_t)(permitted >> (32 * i));
        data[i].effective = (uint32_t)(effective >> (32 * i));
        data[i].inheritable = (uint32_t)(capabilities->inheritable >> (32 * i));
    }
    if (syscall(SYS_capset, &header, data) < 0)
        return fail(error, "caps", NULL, errno, "cannot set permitted %llx, effective %llx, inheritable %llx",
                (unsigned long long)permitted, (unsigned long long)effective,
                (unsigned long long)capabilities->inheritable);
    return 0;
}

int capabilities_ambient(const struct capabilities *capabilities, struct error *error) {
    for (unsigned long cap = 0; cap < 64; cap++)
        if ((capabilities->ambient >> cap & 1) != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return fail(error, "caps", NULL, errno, "cannot raise capability %lu in the ambient set", cap);
    return 0;
}
