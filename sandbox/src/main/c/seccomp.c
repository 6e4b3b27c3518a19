#include "attributes.h"

#include "kernel.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

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

/* The program as hexadecimal; NULL and an error. */
static struct sock_filter *program_of(const char *hex, size_t *count, struct error *error) {
    size_t length = strlen(hex) / 2;

    *count = length / sizeof(struct sock_filter);
    if (strlen(hex) % 2 != 0 || length % sizeof(struct sock_filter) != 0 || *count > BPF_MAXINSNS) {
        fail(error, "seccomp", NULL, EINVAL, "%zu digits are not a program", strlen(hex));
        return NULL;
    }
    struct sock_filter *code = malloc(length);
    if (code == NULL)
        fail(error, "seccomp", NULL, ENOMEM, "no memory for the program");
    for (size_t i = 0; code != NULL && i < length; i++)
        ((unsigned char *)code)[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return code;
}

/* Whether a call is let through whatever its arguments are. False also for a program that uses more than filters usually do. */
static bool lets(const struct sock_filter *code, size_t count, uint32_t call) {
    uint32_t value = 0;

    for (size_t at = 0; at < count; at++) {
        const struct sock_filter *i = &code[at];

        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k != offsetof(struct seccomp_data, nr) && i->k != offsetof(struct seccomp_data, arch))
                return false;
            value = i->k == offsetof(struct seccomp_data, nr) ? call : ARCHITECTURE;
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            value &= i->k;
            break;
        case BPF_JMP | BPF_JA:
            at += i->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += value == i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            at += value > i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            at += value >= i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            at += (value & i->k) != 0 ? i->jt : i->jf;
            break;
        case BPF_RET | BPF_K:
            return (i->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW || (i->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_LOG;
        default:
            return false;
        }
    }
    return false;
}

bool seccomp_lets_wait(const struct spec *spec) {
    const struct record *record = spec_next(spec, R_SECCOMP, NULL);
    struct error ignored; /* seccomp_load tells of it */
    size_t count;

    if (record == NULL)
        return true;
    struct sock_filter *code = program_of(record->arg[1], &count, &ignored);
    bool waits = code != NULL && lets(code, count, SYS_read) && lets(code, count, SYS_rt_sigreturn);
    free(code);
    return waits;
}

int seccomp_load(const struct spec *spec, struct error *error) {
    const struct record *record = spec_next(spec, R_SECCOMP, NULL);
    unsigned long flags;
    size_t count;

    if (record == NULL)
        return 0;
    if (flags_parse(record->arg[0], &flags) < 0)
        return fail(error, "seccomp", NULL, EINVAL, "unknown flags %s", record->arg[0]);
    struct sock_filter *code = program_of(record->arg[1], &count, error);
    if (code == NULL)
        return -1;
    struct sock_fprog program = {.len = (unsigned short)count, .filter = code};
    /* Nothing is freed afterwards: a strict filter may not have the calls for it, and the exec follows at once. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) < 0)
        return fail(error, "seccomp", NULL, errno, "cannot load a filter of %u instructions", program.len);
    return 0;
}
