#include "mountflags.h"

#include "kernel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct word {
    const char *name;
    uint64_t set;
    uint64_t clear;
    uint64_t propagation;
    size_t flag; /* offset of a bool, 0 for none */
} words_known[] = {
        {.name = "-"},
        {.name = "ro", .set = MOUNT_ATTR_RDONLY},
        {.name = "rro", .set = MOUNT_ATTR_RDONLY, .flag = offsetof(struct mount_flags, recursive_read_only)},
        {.name = "nosuid", .set = MOUNT_ATTR_NOSUID},
        {.name = "nodev", .set = MOUNT_ATTR_NODEV},
        {.name = "noexec", .set = MOUNT_ATTR_NOEXEC},
        {.name = "relatime", .set = MOUNT_ATTR_RELATIME, .clear = MOUNT_ATTR__ATIME},
        {.name = "noatime", .set = MOUNT_ATTR_NOATIME, .clear = MOUNT_ATTR__ATIME},
        {.name = "strictatime", .set = MOUNT_ATTR_STRICTATIME, .clear = MOUNT_ATTR__ATIME},
        {.name = "nodiratime", .set = MOUNT_ATTR_NODIRATIME},
        {.name = "private", .propagation = MS_PRIVATE},
        {.name = "slave", .propagation = MS_SLAVE},
        {.name = "shared", .propagation = MS_SHARED},
        {.name = "rec", .flag = offsetof(struct mount_flags, recursive)},
        {.name = "idmap", .flag = offsetof(struct mount_flags, id_mapped)},
        {.name = "mkfile", .flag = offsetof(struct mount_flags, make_file)},
        {.name = "mkdir", .flag = offsetof(struct mount_flags, make_directory)},
};

static const struct word *word_find(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof words_known / sizeof words_known[0]; i++)
        if (strlen(words_known[i].name) == length && strncmp(words_known[i].name, name, length) == 0)
            return &words_known[i];
    return NULL;
}

int mount_flags_parse(
        struct mount_flags *flags, const char *words, const char *step, const char *path, struct error *error) {
    *flags = (struct mount_flags){0};
    for (const char *at = words; *at != '\0';) {
        size_t length = strcspn(at, ",");
        const struct word *word = word_find(at, length);

        if (word == NULL)
            return fail(error, step, path, EINVAL, "unknown flag in \"%s\"", words);
        flags->set |= word->set;
        flags->clear |= word->clear;
        if (word->propagation != 0)
            flags->propagation = word->propagation;
        if (word->flag != 0)
            *(bool *)((char *)flags + word->flag) = true;
        at += length;
        if (*at == ',')
            at++;
    }
    return 0;
}
