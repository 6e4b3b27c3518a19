#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * One letter an argument: s any string, t a string that is not empty, d an identifier, h a host path, H a host path or "-", i an inner path, n an unsigned
 * number, j a signed one, l a number or "max", o an octal number, x hexadecimal digits.
 */
static const struct row {
    const char *name;
    enum record_type type;
    unsigned kinds;
    const char *form;
} rows[] = {
        {"id", R_ID, SPEC_POD | SPEC_CREATE | SPEC_EXEC, "d"},
        {"ns", R_NS, SPEC_POD, "t"},
        {"ns", R_NS, SPEC_CREATE, "tt"},
        {"idmap", R_IDMAP, SPEC_POD, "tnnn"},
        {"hostname", R_HOSTNAME, SPEC_POD, "t"},
        {"loopback", R_LOOPBACK, SPEC_POD, ""},
        {"sysctl", R_SYSCTL, SPEC_POD | SPEC_CREATE, "ts"},
        {"netns", R_NETNS, SPEC_POD, "h"},
        {"shm", R_SHM, SPEC_POD, "hn"},
        {"cgroup", R_CGROUP, SPEC_POD | SPEC_CREATE | SPEC_EXEC, "th"},
        {"oomscore", R_OOMSCORE, SPEC_POD | SPEC_CREATE | SPEC_EXEC, "j"},
        {"oomscore-try", R_OOMSCORE_TRY, SPEC_POD | SPEC_CREATE | SPEC_EXEC, "j"},
        {"arg", R_ARG, SPEC_CREATE | SPEC_EXEC, "s"},
        {"env", R_ENV, SPEC_CREATE | SPEC_EXEC, "s"},
        {"cwd", R_CWD, SPEC_CREATE | SPEC_EXEC, "i"},
        {"user", R_USER, SPEC_CREATE | SPEC_EXEC, "nn"},
        {"group", R_GROUP, SPEC_CREATE | SPEC_EXEC, "n"},
        {"umask", R_UMASK, SPEC_CREATE | SPEC_EXEC, "o"},
        {"caps", R_CAPS, SPEC_CREATE | SPEC_EXEC, "tx"},
        {"nnp", R_NNP, SPEC_CREATE | SPEC_EXEC, ""},
        {"rlimit", R_RLIMIT, SPEC_CREATE | SPEC_EXEC, "nll"},
        {"rlimit-try", R_RLIMIT_TRY, SPEC_CREATE | SPEC_EXEC, "nll"},
        {"seccomp", R_SECCOMP, SPEC_CREATE | SPEC_EXEC, "tx"},
        {"apparmor", R_APPARMOR, SPEC_CREATE | SPEC_EXEC, "t"},
        {"selinux", R_SELINUX, SPEC_CREATE | SPEC_EXEC, "t"},
        {"tty", R_TTY, SPEC_CREATE | SPEC_EXEC, ""},
        {"size", R_SIZE, SPEC_CREATE | SPEC_EXEC, "nn"},
        {"stdin", R_STDIN, SPEC_EXEC, ""},
        {"stdin", R_STDIN, SPEC_CREATE, "t"},
        {"timeout", R_TIMEOUT, SPEC_EXEC, "n"},
        {"drain", R_DRAIN, SPEC_EXEC, "n"},
        {"execgroup", R_EXECGROUP, SPEC_EXEC, "h"},
        {"exitfile", R_EXITFILE, SPEC_CREATE, "h"},
        {"log", R_LOG, SPEC_CREATE, "h"},
        {"killgroup", R_KILLGROUP, SPEC_CREATE, "h"},
        {"oom", R_OOM, SPEC_CREATE, "ht"},
        {"lower", R_LOWER, SPEC_CREATE, "h"},
        {"overlay", R_OVERLAY, SPEC_CREATE, "HHth"},
        {"mkdir", R_MKDIR, SPEC_CREATE, "io"},
        {"mount", R_MOUNT, SPEC_CREATE, "ttits"},
        {"bind", R_BIND, SPEC_CREATE, "hit"},
        {"layer", R_LAYER, SPEC_CREATE, "h"},
        {"image", R_IMAGE, SPEC_CREATE, "ist"},
        {"volume", R_VOLUME, SPEC_CREATE, "hi"},
        {"device", R_DEVICE, SPEC_CREATE, "itnnonn"},
        {"symlink", R_SYMLINK, SPEC_CREATE, "ti"},
        {"console", R_CONSOLE, SPEC_CREATE, "i"},
        {"mask", R_MASK, SPEC_CREATE, "i"},
        {"readonly", R_READONLY, SPEC_CREATE, "i"},
        {"rootro", R_ROOTRO, SPEC_CREATE, ""},
};

static const struct row *row_find(const char *name, unsigned kind) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((rows[i].kinds & kind) != 0 && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

const char *record_name(enum record_type type) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].type == type)
            return rows[i].name;
    return "record";
}

bool parse_number(const char *text, int base, uint64_t max, uint64_t *number) {
    char *end;

    /* strtoull takes signs, spaces and 0x, none of which belongs here. */
    for (const char *c = text; *c != '\0'; c++)
        if (strchr(base == 16 ? "0123456789abcdefABCDEF" : base == 8 ? "01234567" : "0123456789", *c) == NULL)
            return false;
    if (*text == '\0')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    if (errno != 0 || *end != '\0' || value > max)
        return false;
    *number = value;
    return true;
}

uint64_t number_of(const char *checked, int base) {
    uint64_t number = 0;

    if (strcmp(checked, "max") == 0)
        return UINT64_MAX;
    parse_number(checked, base, UINT64_MAX, &number);
    return number;
}

static bool has_dot_dot(const char *path) {
    for (const char *part = path; part != NULL; part = strchr(part, '/')) {
        while (*part == '/')
            part++;
        if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || part[2] == '\0'))
            return true;
    }
    return false;
}

static bool id_valid(const char *id) {
    size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return length > 0 && length <= 128 && id[length] == '\0' && id[0] != '.';
}

static bool argument_valid(char form, const char *arg) {
    uint64_t number;

    switch (form) {
    case 's':
        return true;
    case 't':
        return arg[0] != '\0';
    case 'd':
        return id_valid(arg);
    case 'H':
        if (strcmp(arg, "-") == 0)
            return true;
        /* fall through */
    case 'h':
        return arg[0] == '/' && strlen(arg) < 4096 && !has_dot_dot(arg);
    case 'i':
        return arg[0] == '/' && strlen(arg) < 4096;
    case 'n':
        return parse_number(arg, 10, UINT64_MAX, &number);
    case 'j':
        return parse_number(arg[0] == '-' ? arg + 1 : arg, 10, INT32_MAX, &number);
    case 'l':
        return strcmp(arg, "max") == 0 || parse_number(arg, 10, UINT64_MAX, &number);
    case 'o':
        return parse_number(arg, 8, 07777, &number);
    case 'x':
        return arg[0] != '\0' && arg[strspn(arg, "0123456789abcdefABCDEF")] == '\0';
    default:
        return false;
    }
}

/* Walks the payload once. With `records` NULL it only checks and counts. */
static int records_walk(char *payload, uint32_t length, enum spec_kind kind, struct record *records, size_t *count,
        struct error *error) {
    char *end = payload + length;
    size_t n = 0;

    for (char *at = payload; at < end; n++) {
        const struct row *row = row_find(at, kind);
        if (row == NULL)
            return fail(error, "record", at, ENOSYS, "an unknown record");
        at += strlen(at) + 1;
        struct record record = {.type = row->type};
        for (int i = 0; row->form[i] != '\0'; i++) {
            if (at >= end)
                return fail(error, row->name, NULL, EINVAL, "argument %d is missing", i + 1);
            if (!argument_valid(row->form[i], at))
                return fail(error, row->name, at, EINVAL, "argument %d is not of its form", i + 1);
            record.arg[i] = at;
            at += strlen(at) + 1;
        }
        if (records != NULL)
            records[n] = record;
    }
    *count = n;
    return 0;
}

int spec_parse(struct spec *spec, char *payload, uint32_t length, enum spec_kind kind, struct error *error) {
    *spec = (struct spec){.payload = payload};
    if (length > 0 && payload[length - 1] != '\0') {
        spec_free(spec);
        return fail(error, "record", NULL, EINVAL, "the records do not end with a NUL");
    }
    if (records_walk(payload, length, kind, NULL, &spec->count, error) < 0) {
        spec_free(spec);
        return -1;
    }
    spec->records = calloc(spec->count + 1, sizeof *spec->records);
    if (spec->records == NULL) {
        spec_free(spec);
        return fail(error, "record", NULL, ENOMEM, "no memory for %zu records", spec->count);
    }
    return records_walk(payload, length, kind, spec->records, &spec->count, error);
}

void spec_free(struct spec *spec) {
    free(spec->records);
    free(spec->payload);
    *spec = (struct spec){0};
}

const struct record *spec_next(const struct spec *spec, enum record_type type, const struct record *previous) {
    const struct record *end = spec->records + spec->count;

    for (const struct record *r = previous == NULL ? spec->records : previous + 1; r < end; r++)
        if (r->type == type)
            return r;
    return NULL;
}

const char *spec_value(const struct spec *spec, enum record_type type) {
    const struct record *record = spec_next(spec, type, NULL);

    return record == NULL ? NULL : record->arg[0];
}

bool spec_has(const struct spec *spec, enum record_type type) {
    return spec_next(spec, type, NULL) != NULL;
}

size_t spec_count(const struct spec *spec, enum record_type type) {
    size_t count = 0;

    for (const struct record *r = NULL; (r = spec_next(spec, type, r)) != NULL;)
        count++;
    return count;
}

bool flag_set(const char *flags, const char *word) {
    size_t length = strlen(word);

    for (const char *at = flags; at != NULL; at = strchr(at, ',')) {
        if (*at == ',')
            at++;
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}
