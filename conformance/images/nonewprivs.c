// What the test image nonewprivs runs: a setuid program that tells whom it runs as.
#include <stdio.h>
#include <unistd.h>

int main(void) {
    printf("Effective uid: %d\n", (int)geteuid());
    return 0;
}
