/*
 * See captured.h. Descriptors and not streams are changed, so that what a child or a library
 * writes is kept as well; nothing is asserted while they are, or the failure would go there
 * too.
 */
#include "captured.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/banned.h"

char captured_out[1u << 16], captured_err[1u << 16];

static struct {
    int kept, file;
} places[2];

static void turn(int stream)
{
    places[stream - 1].file = memfd_create("captured", MFD_CLOEXEC);
    places[stream - 1].kept = dup(stream);
    (void)dup2(places[stream - 1].file, stream);
}

static void turn_back(int stream, char *text, size_t size)
{
    (void)dup2(places[stream - 1].kept, stream);
    (void)close(places[stream - 1].kept);
    ssize_t got = pread(places[stream - 1].file, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    (void)close(places[stream - 1].file);
}

void captured_begin(void)
{
    (void)fflush(NULL);
    turn(STDOUT_FILENO);
    turn(STDERR_FILENO);
}

void captured_end(void)
{
    (void)fflush(NULL);
    turn_back(STDOUT_FILENO, captured_out, sizeof captured_out);
    turn_back(STDERR_FILENO, captured_err, sizeof captured_err);
}

bool captured_has(const char *text, const char *part)
{
    bool has = strstr(text, part) != NULL;
    if (!has)
        (void)fprintf(stderr, "no \"%s\" in \"%s\"\n", part, text);
    return has;
}
