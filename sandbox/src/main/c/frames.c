#include "frames.h"

#include <stdlib.h>
#include <string.h>

void frame_header(unsigned char header[FRAME_HEADER], enum frame_type type, uint32_t length) {
    header[0] = (unsigned char)(length & 0xff);
    header[1] = (unsigned char)(length >> 8 & 0xff);
    header[2] = (unsigned char)(length >> 16 & 0xff);
    header[3] = (unsigned char)(length >> 24 & 0xff);
    header[4] = (unsigned char)type;
    header[5] = header[6] = header[7] = 0;
}

static bool header_valid(const unsigned char *header, uint32_t length) {
    unsigned type = header[4];
    bool data = type == FRAME_STDIN || type == FRAME_STDOUT || type == FRAME_STDERR;

    if (header[5] != 0 || header[6] != 0 || header[7] != 0)
        return false;
    return length <= (data ? FRAME_MAX_DATA : FRAME_MAX_PAYLOAD);
}

bool frame_reader_feed(
        struct frame_reader *reader, const char *data, size_t length, frame_taker *take, void *context, bool *malformed) {
    *malformed = false;
    while (length > 0) {
        if (reader->have < FRAME_HEADER) {
            size_t part = FRAME_HEADER - reader->have < length ? FRAME_HEADER - reader->have : length;

            memcpy(reader->header + reader->have, data, part);
            reader->have += part;
            data += part;
            length -= part;
            if (reader->have < FRAME_HEADER)
                return true;
            const unsigned char *h = reader->header;
            reader->length = (uint32_t)h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16 | (uint32_t)h[3] << 24;
            if (!header_valid(h, reader->length)) {
                *malformed = true;
                return false;
            }
            reader->payload = malloc((size_t)reader->length + 1);
            if (reader->payload == NULL) {
                *malformed = true;
                return false;
            }
        }
        size_t offset = reader->have - FRAME_HEADER;
        size_t part = reader->length - offset < length ? reader->length - offset : length;
        memcpy(reader->payload + offset, data, part);
        reader->have += part;
        data += part;
        length -= part;
        if (reader->have - FRAME_HEADER < reader->length)
            return true;
        char *payload = reader->payload;
        payload[reader->length] = '\0';
        reader->payload = NULL;
        reader->have = 0;
        bool more = take(context, reader->header[4], &payload, reader->length);
        free(payload);
        if (!more)
            return false;
    }
    return true;
}

void frame_reader_free(struct frame_reader *reader) {
    free(reader->payload);
    *reader = (struct frame_reader){0};
}

int text_split(char *payload, uint32_t length, char **fields, int max) {
    int count = 0;

    if (length > 0 && payload[length - 1] != '\0')
        return -1;
    for (uint32_t i = 0; i < length; i += (uint32_t)strlen(payload + i) + 1) {
        if (count == max)
            return -1;
        fields[count++] = payload + i;
    }
    return count;
}
