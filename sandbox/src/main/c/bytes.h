/* A growing byte queue: appended at the end, consumed at the front, no memory held while it is empty. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    char *data;
    size_t start;
    size_t end;
    size_t capacity;
    bool failed; /* an append found no memory; nothing is appended any more */
};

static inline size_t bytes_length(const struct bytes *bytes) {
    return bytes->end - bytes->start;
}

static inline const char *bytes_front(const struct bytes *bytes) {
    return bytes->data + bytes->start;
}

bool bytes_append(struct bytes *bytes, const void *data, size_t length);
void bytes_consume(struct bytes *bytes, size_t length);
void bytes_free(struct bytes *bytes);

/* Text payloads: fields, each ended by a NUL. */
void text_add(struct bytes *bytes, const char *field);
void text_number(struct bytes *bytes, int64_t number);
void text_pair(struct bytes *bytes, const char *key, int64_t number);
