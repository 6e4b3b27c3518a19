#include "attributes.h"

#include "kernel.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

static int digit(char c) {
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static int flags_parse(const char *words, unsigned long *flags) {
    static const struct {
        const char *name;
        unsigned long flag;
    } known[] = {{"-", 0}, {"log", SECCOMP_FILTER_FLAG_LOG}, {"spec_allow", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
            {"tsync", SECCOMP_FILTER_FLAG_TSYNC}};

    *flags = 0;
    for (const char *at = words; *at != '\0';) {
        size_t length = strcspn(at, ","), i = 0;

        while (i < 4 && (strlen(known[i].name) != length || strncmp(at, known[i].name, length) != 0))
            i++;
        if (i == 4)
            return -1;
        *flags |= known[i].flag;
        at += length + (at[length] == ',');
    }
    return 0;
}

int seccomp_load(const struct spec *spec, struct error *error) {
    const struct record *record = spec_next(spec, R_SECCOMP, NULL);
    unsigned long flags;

    if (record == NULL)
        return 0;
    const char *hex = record->arg[1];
    size_t length = strlen(hex) / 2;
    if (strlen(hex) % 2 != 0 || length % sizeof(struct sock_filter) != 0 || length / sizeof(struct sock_filter) > BPF_MAXINSNS)
        return fail(error, "seccomp", NULL, EINVAL, "%zu digits are not a program", strlen(hex));
    if (flags_parse(record->arg[0], &flags) < 0)
        return fail(error, "seccomp", NULL, EINVAL, "unknown flags %s", record->arg[0]);
    struct sock_filter *code = malloc(length);
    if (code == NULL)
        return fail(error, "seccomp", NULL, ENOMEM, "no memory for the program");
    for (size_t i = 0; i < length; i++)
        ((unsigned char *)code)[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    struct sock_fprog program = {.len = (unsigned short)(length / sizeof *code), .filter = code};
    /* Nothing is freed afterwards: a strict filter may not have the calls for it, and the exec follows at once. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0)
        return fail(error, "seccomp", NULL, errno, "cannot load a filter of %u instructions", program.len);
    return 0;
}
