#include "check.h"

#include <string.h>

bool check_failed;
void (*check_cleanup)(void);

int check_run(const char *title, const struct test *tests, size_t count, const char *only) {
    int passed = 0, failed = 0;

    for (size_t i = 0; i < count; i++) {
        if (only != NULL && strstr(tests[i].name, only) == NULL)
            continue;
        check_failed = false;
        tests[i].run();
        if (check_failed) {
            failed++;
            printf("FAIL %s: %s\n", title, tests[i].name);
            if (check_cleanup != NULL)
                check_cleanup();
        } else
            passed++;
        fflush(stdout);
    }
    printf("%s: %d passed, %d failed\n", title, passed, failed);
    return failed == 0 ? 0 : 1;
}
