/* The framing of PROTOCOL.md: an 8 byte header, a payload. Knows types and limits, no meaning. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_NAME "gantry-shim"
#define PROTOCOL_VERSION "1"

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_POD = 2,
    FRAME_CREATE = 3,
    FRAME_START = 4,
    FRAME_KILL = 5,
    FRAME_DELETE = 6,
    FRAME_EXEC = 7,
    FRAME_ATTACH = 8,
    FRAME_WAIT = 9,
    FRAME_EVENTS = 10,
    FRAME_STATE = 11,
    FRAME_REOPEN_LOG = 12,
    FRAME_SHUTDOWN = 13,
    FRAME_HOLD = 14,
    FRAME_SIZE = 15,
    FRAME_STDIN = 32,
    FRAME_STDIN_EOF = 33,
    FRAME_RESIZE = 34,
    FRAME_OK = 64,
    FRAME_ERROR = 65,
    FRAME_EXIT = 66,
    FRAME_STDOUT = 67,
    FRAME_STDERR = 68,
};

#define FRAME_HEADER 8
#define FRAME_MAX_PAYLOAD (4u << 20)
#define FRAME_MAX_DATA (64u << 10)

void frame_header(unsigned char header[FRAME_HEADER], enum frame_type type, uint32_t length);

/* Takes a byte stream apart. */
struct frame_reader {
    unsigned char header[FRAME_HEADER];
    size_t have; /* of header and payload together */
    uint32_t length;
    char *payload;
};

/*
 * Called for each complete frame with its payload, which has a NUL after its last byte and may be changed. A taker that keeps it sets *payload to NULL. False
 * ends the reading: the reader may be gone by then.
 */
typedef bool frame_taker(void *context, unsigned type, char **payload, uint32_t length);

/* False when the taker said so; false and *malformed when the stream is not one of frames. */
bool frame_reader_feed(
        struct frame_reader *reader, const char *data, size_t length, frame_taker *take, void *context, bool *malformed);
void frame_reader_free(struct frame_reader *reader);

/* Splits a text payload; the number of fields, at most `max`, or -1 when it does not end with a NUL or there are more. */
int text_split(char *payload, uint32_t length, char **fields, int max);
