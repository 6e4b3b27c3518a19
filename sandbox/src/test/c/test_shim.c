/* Drives the real shim over its socket. test_shim SHIM PROBE [PART-OF-A-NAME]; needs root. */
#include "box.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TESTS_MAX 200

/* What a test's process still holds at its end is of no interest; what the shim holds is. */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
    return "detect_leaks=0";
}

int main(int argc, char **argv) {
    static struct test all[TESTS_MAX];
    size_t count = 0;
    const struct {
        const struct test *tests;
        size_t count;
    } parts[] = {{box_life, box_life_count}, {box_process, box_process_count}, {box_rootfs, box_rootfs_count},
            {box_session, box_session_count}, {box_pod, box_pod_count}, {box_userns, box_userns_count}};

    if (argc < 3) {
        fprintf(stderr, "usage: box SHIM PROBE [PART-OF-A-NAME]\n");
        return 2;
    }
    if (geteuid() != 0) {
        fprintf(stderr, "the black-box tests of the shim need root\n");
        return 1;
    }
    shim_binary = argv[1];
    probe_binary = argv[2];
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* of the shim, when it is a sanitized one */
    setenv("UBSAN_OPTIONS", "print_stacktrace=1", 1);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (size_t j = 0; j < parts[i].count && count < TESTS_MAX; j++)
            all[count++] = parts[i].tests[j];
    check_cleanup = pods_abandon;
    scratch_make();
    bool sanitized = strstr(shim_binary, "sanitized") != NULL;
    int result = check_run(sanitized ? "sanitized shim" : "shim", all, count, argc > 3 ? argv[3] : NULL);
    if (!scratch_remove()) {
        printf("FAIL shim: something was left under %s, or a sanitizer complained\n", scratch);
        result = 1;
    }
    return result;
}
