/*
 * Standard output and error, as threads that have other work write to them.
 *
 * Whoever reads them may stop to: a pipe to a program that hangs, a terminal that was halted. A
 * plain write then never comes back, and with it whoever wanted to say something: a client's
 * loop, a shard, the end of the program. Here a text waits for its reader for
 * NV_OUTPUT_WAIT_MS in all, and once one has waited in vain the next wait for nothing, until
 * the reader goes on. What does not get through is left out.
 *
 *   struct nv_output out = NV_OUTPUT_INIT(STDERR_FILENO);
 *   if (!nv_output_write(&out, line))
 *       lost++;
 *
 * Any thread; texts don't mix.
 */
#ifndef NV_BASE_OUTPUT_H
#define NV_BASE_OUTPUT_H

#include "base/str.h"

#include <pthread.h>
#include <stdbool.h>

#define NV_OUTPUT_WAIT_MS 1000

struct nv_output {
    int fd;
    pthread_mutex_t lock; /* of the next two, and so that texts come one after another */
    bool stalled;         /* the last text waited in vain */
    bool torn; /* the last text was cut in its middle: the next begins on a line of its own */
};

#define NV_OUTPUT_INIT(descriptor)                                                             \
    {                                                                                          \
        .fd = (descriptor), .lock = PTHREAD_MUTEX_INITIALIZER                                  \
    }

/* Standard output of this process. Borrowed, static. */
struct nv_output *nv_output_stdout(void);
/* Writes `text` whole, or says that it did not. */
bool nv_output_write(struct nv_output *output, struct nv_str text);
/* Writes what can be written without waiting, at most PIPE_BUF bytes. For signal handlers. */
void nv_output_write_now(int fd, struct nv_str text);

#endif
