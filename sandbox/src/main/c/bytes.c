#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool bytes_append(struct bytes *bytes, const void *data, size_t length) {
    if (bytes->failed)
        return false;
    if (length == 0)
        return true;
    if (bytes->capacity - bytes->end < length && bytes->start > 0) {
        memmove(bytes->data, bytes->data + bytes->start, bytes->end - bytes->start);
        bytes->end -= bytes->start;
        bytes->start = 0;
    }
    if (bytes->capacity - bytes->end < length) {
        size_t wanted = bytes->capacity < 256 ? 256 : bytes->capacity * 2;

        if (wanted < bytes->end + length)
            wanted = bytes->end + length;
        char *grown = realloc(bytes->data, wanted);
        if (grown == NULL) {
            bytes->failed = true;
            return false;
        }
        bytes->data = grown;
        bytes->capacity = wanted;
    }
    memcpy(bytes->data + bytes->end, data, length);
    bytes->end += length;
    return true;
}

void bytes_consume(struct bytes *bytes, size_t length) {
    bytes->start += length;
    if (bytes->start == bytes->end)
        bytes_free(bytes);
}

void bytes_free(struct bytes *bytes) {
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void text_add(struct bytes *bytes, const char *field) {
    bytes_append(bytes, field, strlen(field) + 1);
}

void text_number(struct bytes *bytes, int64_t number) {
    char digits[24];

    snprintf(digits, sizeof digits, "%lld", (long long)number);
    text_add(bytes, digits);
}

void text_pair(struct bytes *bytes, const char *key, int64_t number) {
    text_add(bytes, key);
    text_number(bytes, number);
}
