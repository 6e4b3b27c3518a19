/* Parts of the shim by themselves. */
#include "../../main/c/attributes.h"
#include "../../main/c/bytes.h"
#include "../../main/c/cgroup.h"
#include "../../main/c/files.h"
#include "../../main/c/frames.h"
#include "../../main/c/inroot.h"
#include "../../main/c/kernel.h"
#include "../../main/c/mountflags.h"
#include "../../main/c/propagation.h"
#include "../../main/c/records.h"
#include "check.h"
#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static const char *golden;

const char *in_folder(const char *name) {
    static char buffers[8][256];
    static int next;
    char *buffer = buffers[next++ % 8];

    snprintf(buffer, sizeof buffers[0], "%s/%s", folder, name);
    return buffer;
}

size_t read_whole(const char *path, char *buffer, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

    if (fd >= 0)
        close(fd);
    buffer[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* ---- frames ---- */

struct seen {
    int count;
    unsigned type;
    uint32_t length;
    char payload[8192];
};

static bool see(void *context, unsigned type, char **payload, uint32_t length) {
    struct seen *seen = context;

    seen->count++;
    seen->type = type;
    seen->length = length;
    memcpy(seen->payload, *payload, length < sizeof seen->payload ? length : sizeof seen->payload);
    return true;
}

static void frames_golden(void) {
    static const char *const names[] = {"hello", "pod", "create", "start", "kill", "delete", "exec", "attach", "wait", "events", "state",
            "reopen-log", "shutdown", "hold", "size", "stdin", "stdin-eof", "resize", "ok", "ok-pod", "ok-start", "ok-state", "error", "exit",
            "exit-timeout", "stdout", "pod-userns", "create-userns"};
    char path[512], frame[8192], text[8192];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct frame_reader reader = {0};
        struct seen seen = {0};
        struct bytes built = {0};
        bool malformed;

        snprintf(path, sizeof path, "%s/%s.frame", golden, names[i]);
        size_t length = read_whole(path, frame, sizeof frame);
        CHECK_TEXT(length >= FRAME_HEADER, path);
        CHECK_TEXT(frame_reader_feed(&reader, frame, length, see, &seen, &malformed) && !malformed, path);
        CHECK_TEXT(seen.count == 1 && seen.length == length - FRAME_HEADER, path);
        snprintf(path, sizeof path, "%s/%s.fields", golden, names[i]);
        if (read_whole(path, text, sizeof text) == 0)
            continue; /* a raw frame */
        char *line = strtok(text, "\n");
        CHECK_TEXT((unsigned)atoi(line) == seen.type, path);
        /* strtok would skip an empty field. */
        for (char *at = line + strlen(line) + 1; *at != '\0';) {
            char *end = strchr(at, '\n'), *next = end + 1;
            for (char *from = at; from < end; from++) {
                char c = *from == '\\' ? (*++from == 'n' ? '\n' : '\\') : *from;
                bytes_append(&built, &c, 1);
            }
            bytes_append(&built, "", 1);
            at = next;
        }
        CHECK_TEXT(bytes_length(&built) == seen.length && (seen.length == 0 || memcmp(bytes_front(&built), seen.payload, seen.length) == 0),
                path);
        bytes_free(&built);
    }
}

static void records_golden(void) {
    static const struct {
        const char *name;
        enum spec_kind kind;
        size_t records;
    } specs[] = {{"pod", SPEC_POD, 12}, {"create", SPEC_CREATE, 52}, {"exec", SPEC_EXEC, 28}, {"pod-userns", SPEC_POD, 7},
            {"create-userns", SPEC_CREATE, 13}};
    char path[512], frame[8192];

    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        struct error error = {0};
        struct spec spec;

        snprintf(path, sizeof path, "%s/%s.frame", golden, specs[i].name);
        size_t length = read_whole(path, frame, sizeof frame) - FRAME_HEADER;
        char *payload = malloc(length + 1);
        memcpy(payload, frame + FRAME_HEADER, length);
        CHECK_TEXT(spec_parse(&spec, payload, (uint32_t)length, specs[i].kind, &error) == 0, error.message);
        CHECK(spec.count == specs[i].records);
        if (strcmp(specs[i].name, "create") == 0) {
            const struct record *env = spec_next(&spec, R_ENV, NULL);
            CHECK(strcmp(spec_value(&spec, R_ID), "c1") == 0 && spec_count(&spec, R_LOWER) == 2 && spec_has(&spec, R_ROOTRO));
            env = spec_next(&spec, R_ENV, env);
            CHECK(strcmp(env->arg[0], "A=b\nc\\d \xc3\xa9") == 0);
            CHECK(strcmp(spec_next(&spec, R_DEVICE, NULL)->arg[6], "0") == 0);
            CHECK(spec_next(&spec, R_MOUNT, NULL)->arg[4][0] == 'm');
        }
        spec_free(&spec);
    }
}

static void frames_in_pieces(void) {
    struct frame_reader reader = {0};
    struct seen seen = {0};
    bool malformed;
    char stream[3 * 13];

    for (int i = 0; i < 3; i++) {
        frame_header((unsigned char *)stream + 13 * i, FRAME_START, 5);
        memcpy(stream + 13 * i + 8, "abcd", 5);
    }
    for (size_t i = 0; i < sizeof stream; i++)
        CHECK(frame_reader_feed(&reader, stream + i, 1, see, &seen, &malformed));
    CHECK(seen.count == 3 && seen.type == FRAME_START && strcmp(seen.payload, "abcd") == 0);
    CHECK(frame_reader_feed(&reader, stream, sizeof stream, see, &seen, &malformed) && seen.count == 6);
}

static void frames_too_long(void) {
    static const struct {
        unsigned char header[8];
        bool malformed;
    } cases[] = {{{1, 0, 64, 0, FRAME_CREATE, 0, 0, 0}, true}, {{0, 0, 64, 0, FRAME_CREATE, 0, 0, 0}, false},
            {{1, 0, 1, 0, FRAME_STDIN, 0, 0, 0}, true}, {{0, 0, 1, 0, FRAME_STDIN, 0, 0, 0}, false},
            {{0, 0, 0, 0, FRAME_START, 1, 0, 0}, true}, {{0xff, 0xff, 0xff, 0xff, FRAME_START, 0, 0, 0}, true}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct frame_reader reader = {0};
        struct seen seen = {0};
        bool malformed;

        frame_reader_feed(&reader, (const char *)cases[i].header, 8, see, &seen, &malformed);
        CHECK(malformed == cases[i].malformed);
        frame_reader_free(&reader);
    }
}

/* xorshift, so that a failure can be had again. */
uint32_t chance(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static bool parse_any(void *context, unsigned type, char **payload, uint32_t length) {
    static const enum spec_kind kinds[] = {SPEC_POD, SPEC_CREATE, SPEC_EXEC};
    struct error error;
    struct spec spec;
    char *fields[8];

    (void)context;
    text_split(*payload, length, fields, 8);
    if (spec_parse(&spec, *payload, length, kinds[type % 3], &error) == 0)
        spec_free(&spec);
    *payload = NULL;
    return true;
}

static void frames_fuzzed(void) {
    char path[512], seed[8192], data[8192];
    uint32_t state = 20260101;

    snprintf(path, sizeof path, "%s/create.frame", golden);
    size_t length = read_whole(path, seed, sizeof seed);
    CHECK(length > 100);
    for (int round = 0; round < 20000; round++) {
        struct frame_reader reader = {0};
        bool malformed = false;

        memcpy(data, seed, length);
        for (uint32_t i = chance(&state) % 20; i > 0; i--) {
            uint32_t at = chance(&state) % (uint32_t)length;
            /* The length's high bytes are left alone in most rounds, else hardly a frame would ever be complete. */
            if (at >= 4 || chance(&state) % 16 == 0)
                data[at] = (char)(chance(&state) % 4 == 0 ? 0 : chance(&state));
        }
        size_t cut = chance(&state) % 4 == 0 ? chance(&state) % length : length;
        for (size_t at = 0; at < cut && !malformed;) {
            size_t part = chance(&state) % 700 + 1;
            if (part > cut - at)
                part = cut - at;
            if (!frame_reader_feed(&reader, data + at, part, parse_any, NULL, &malformed))
                break;
            at += part;
        }
        frame_reader_free(&reader);
    }
}

/* ---- records ---- */

static int parse(const char *payload, size_t length, enum spec_kind kind, struct error *error) {
    struct spec spec;
    char *copy = malloc(length + 1);

    memcpy(copy, payload, length);
    copy[length] = '\0';
    int result = spec_parse(&spec, copy, (uint32_t)length, kind, error);
    if (result == 0)
        spec_free(&spec);
    return result;
}

#define PARSE(text, kind, error) parse(text, sizeof(text) - 1, kind, error)

static void records_refused(void) {
    struct error error = {0};

    CHECK(PARSE("nosuch\0x\0", SPEC_CREATE, &error) < 0 && error.number == ENOSYS && strcmp(error.path, "nosuch") == 0);
    CHECK(PARSE("lower\0/a\0", SPEC_EXEC, &error) < 0 && error.number == ENOSYS);
    CHECK(PARSE("user\0""1\0", SPEC_CREATE, &error) < 0 && error.number == EINVAL && strcmp(error.step, "user") == 0);
    CHECK(PARSE("user\0""1\0-1\0", SPEC_CREATE, &error) < 0 && error.number == EINVAL);
    CHECK(PARSE("user\0""1\0 1\0", SPEC_CREATE, &error) < 0);
    CHECK(PARSE("user\0""1\0""99999999999999999999\0", SPEC_CREATE, &error) < 0);
    CHECK(PARSE("id\0../x\0", SPEC_CREATE, &error) < 0);
    CHECK(PARSE("id\0a/b\0", SPEC_CREATE, &error) < 0);
    CHECK(PARSE("bind\0relative\0/x\0-\0", SPEC_CREATE, &error) < 0);
    CHECK(PARSE("bind\0/a/../b\0/x\0-\0", SPEC_CREATE, &error) < 0);
    CHECK(PARSE("umask\0""8\0", SPEC_CREATE, &error) < 0);
    CHECK(PARSE("nnp", SPEC_CREATE, &error) < 0);
    CHECK(PARSE("", SPEC_CREATE, &error) == 0);
    CHECK(PARSE("oomscore\0-998\0rlimit\0""7\0""1\0max\0arg\0\0overlay\0-\0-\0ro\0/r\0", SPEC_CREATE, &error) == 0);
    CHECK(PARSE("mkdir\0/a/../b\0""755\0", SPEC_CREATE, &error) == 0); /* inner paths may: they are resolved in the root */
}

static void flags_parsed(void) {
    struct mount_flags flags;
    struct error error;

    CHECK(flag_set("a,bc,d", "bc") && flag_set("a", "a") && !flag_set("abc", "ab") && !flag_set("-", "a"));
    CHECK(mount_flags_parse(&flags, "rro,nosuid,rec,slave,mkfile", "bind", "/", &error) == 0);
    CHECK(flags.set == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID) && flags.recursive && flags.recursive_read_only && flags.make_file
            && flags.propagation == MS_SLAVE && !flags.make_directory);
    CHECK(mount_flags_parse(&flags, "-", "bind", "/", &error) == 0 && flags.set == 0);
    CHECK(mount_flags_parse(&flags, "ro,bogus", "bind", "/x", &error) < 0 && error.number == EINVAL && strcmp(error.path, "/x") == 0);
}

static void capabilities_parsed(void) {
    struct capabilities capabilities;
    struct error error = {0};
    struct spec spec;
    static const char text[] = "caps\0bounding\0""1fffeffffff\0caps\0ambient\0""400\0caps\0effective\0A80425fb\0";
    char *payload = malloc(sizeof text);

    memcpy(payload, text, sizeof text);
    CHECK(spec_parse(&spec, payload, sizeof text - 1, SPEC_EXEC, &error) == 0);
    CHECK(capabilities_parse(&capabilities, &spec, &error) == 0);
    CHECK(capabilities.bounding == 0x1fffeffffffULL && capabilities.ambient == 0x400 && capabilities.effective == 0xa80425fbULL
            && capabilities.permitted == 0 && capabilities.inheritable == 0);
    spec_free(&spec);
}

/* ---- bytes ---- */

static void bytes_queue(void) {
    struct bytes bytes = {0};
    unsigned expected = 0, next = 0;
    uint32_t state = 7;

    for (int round = 0; round < 2000; round++) {
        unsigned char part[300];
        size_t n = chance(&state) % sizeof part;

        for (size_t i = 0; i < n; i++)
            part[i] = (unsigned char)next++;
        CHECK(bytes_append(&bytes, part, n));
        size_t take = chance(&state) % (bytes_length(&bytes) + 1);
        for (size_t i = 0; i < take; i++)
            CHECK((unsigned char)bytes_front(&bytes)[i] == (unsigned char)expected++);
        if (take > 0)
            bytes_consume(&bytes, take);
    }
    bytes_consume(&bytes, bytes_length(&bytes));
    CHECK(bytes.data == NULL);
}

/* ---- paths in a root ---- */

static bool same(int fd, const char *path) {
    struct stat a, b;
    bool is = fd >= 0 && fstat(fd, &a) == 0 && stat(in_folder(path), &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;

    if (fd >= 0)
        close(fd);
    return is;
}

static void inroot_paths(void) {
    struct error error;
    const char *name;
    mkdir(in_folder("root"), 0755);
    mkdir(in_folder("root/etc"), 0755);
    mkdir(in_folder("outside"), 0755);
    int root = open(in_folder("root"), O_PATH | O_DIRECTORY | O_CLOEXEC);

    CHECK(root >= 0);
    CHECK(symlink("/../../../../../../..", in_folder("root/up")) == 0);
    CHECK(symlink(in_folder("outside"), in_folder("root/absolute")) == 0);
    CHECK(symlink("../run/resolv.conf", in_folder("root/etc/dangling")) == 0);
    CHECK(symlink("loop", in_folder("root/loop")) == 0);
    CHECK(same(inroot_open(root, "/up/etc", O_PATH), "root/etc"));
    CHECK(same(inroot_open(root, "../../../../etc", O_PATH), "root/etc"));
    CHECK(same(inroot_make(root, "/a/b/c", INROOT_DIRECTORY, 0755, "t", &error), "root/a/b/c"));
    CHECK(same(inroot_make(root, "/a/../../../x/./y", INROOT_FILE, 0644, "t", &error), "root/x/y"));
    CHECK(same(inroot_make(root, "/up/deep/er", INROOT_DIRECTORY, 0755, "t", &error), "root/deep/er"));
    CHECK(same(inroot_make(root, "/etc/dangling", INROOT_FILE, 0644, "t", &error), "root/run/resolv.conf"));
    /* An absolute link means the container's root: the folder outside stays empty. */
    int fd = inroot_make(root, "/absolute/new", INROOT_DIRECTORY, 0755, "t", &error);
    CHECK(fd >= 0);
    close(fd);
    CHECK(access(in_folder("outside/new"), F_OK) < 0);
    CHECK(inroot_make(root, "/loop/x", INROOT_DIRECTORY, 0755, "t", &error) < 0 && error.number == ELOOP);
    CHECK(inroot_make(root, "/x/y/z", INROOT_DIRECTORY, 0755, "t", &error) < 0 && error.number == ENOTDIR);
    CHECK(same(inroot_parent(root, "/dev/null", &name, "t", &error), "root/dev") && strcmp(name, "null") == 0);
    CHECK(inroot_parent(root, "/dev/..", &name, "t", &error) < 0 && inroot_parent(root, "/", &name, "t", &error) < 0);
    char deep[3000] = "";
    for (int i = 0; i < 300; i++)
        strcat(deep, "/d");
    CHECK(inroot_make(root, deep, INROOT_DIRECTORY, 0755, "t", &error) < 0 && error.number == ENAMETOOLONG);
    close(root);
}

/* ---- the rest ---- */

static void files_replaced(void) {
    struct error error;
    char text[64];

    CHECK(file_replace(in_folder("exit"), "first", 5, &error) == 0 && file_replace(in_folder("exit"), "second", 6, &error) == 0);
    CHECK(read_whole(in_folder("exit"), text, sizeof text) == 6 && strcmp(text, "second") == 0);
    CHECK(access(in_folder("exit.tmp"), F_OK) < 0);
    CHECK(file_replace(in_folder("none/exit"), "x", 1, &error) < 0 && error.number == ENOENT);
}

static void counts_read(void) {
    uint64_t count = 7;
    struct error error;

    CHECK(file_replace(in_folder("events"), "low 1\noom 5\noom_kill 3\noom_group_kill 0\n", 40, &error) == 0);
    CHECK(cgroup_count(in_folder("events"), "oom_kill", &count) && count == 3);
    CHECK(cgroup_count(in_folder("events"), "oom", &count) && count == 5);
    CHECK(!cgroup_count(in_folder("events"), "kill", &count) && !cgroup_count(in_folder("nothing"), "oom", &count));
}

static void errors_told(void) {
    struct error error;
    char line[100];

    CHECK(fail(&error, "bind", "/x", ENOENT, "cannot open %d", 5) == -1);
    CHECK(strcmp(error.message, "cannot open 5: No such file or directory") == 0);
    CHECK(strcmp(error_line(&error, line, sizeof line), "bind /x: cannot open 5: No such file or directory") == 0);
}

static const struct test tests[] = {{"golden frames", frames_golden}, {"golden records", records_golden},
        {"frames in pieces", frames_in_pieces}, {"frames too long", frames_too_long}, {"frames fuzzed", frames_fuzzed},
        {"records refused", records_refused}, {"flags", flags_parsed}, {"capabilities", capabilities_parsed}, {"byte queue", bytes_queue},
        {"log time", log_time}, {"log lines", log_lines}, {"log long lines", log_long_lines}, {"log any pieces", log_any_pieces},
        {"log reopened", log_reopened}, {"log refused", log_refused}, {"log disk full", log_disk_full}, {"paths in a root", inroot_paths},
        {"files replaced", files_replaced}, {"counts", counts_read}, {"errors", errors_told}};

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

int main(int argc, char **argv) {
    golden = argc > 1 ? argv[1] : "../golden";
    snprintf(folder, sizeof folder, "/tmp/gantry-shim-unit.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 2;
    int result = check_run("shim units", tests, sizeof tests / sizeof tests[0], argc > 2 ? argv[2] : NULL);
    nftw(folder, remove_entry, 32, FTW_DEPTH | FTW_PHYS);
    return result;
}
