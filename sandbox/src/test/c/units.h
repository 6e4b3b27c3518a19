/* What the files of the unit tests share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A path below the test's own folder; good until eight more have been asked for. */
const char *in_folder(const char *name);
/* A whole file with a NUL behind it; 0 if it cannot be read. */
size_t read_whole(const char *path, char *buffer, size_t size);
/* The next of a row of numbers that the same seed gives again. */
uint32_t chance(uint32_t *state);

void log_time(void);
void log_lines(void);
void log_long_lines(void);
void log_any_pieces(void);
void log_reopened(void);
void log_refused(void);
void log_disk_full(void);
