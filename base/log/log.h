/*
 * The program's own log, on stderr: one line an event, `text` or `json`.
 *
 * Grammar: lower case, the failure first, the subject quoted, facts as key=value. Control
 * characters of foreign text are escaped. Lines of one call site are folded: after NV_LOG_BURST
 * lines in NV_LOG_WINDOW_S seconds further ones are only counted, and the next window opens
 * with that count. Lines that nobody reads are left out and counted, too. Any thread. Never
 * logs secrets: the callers pass none, options marked secret have no text, and what others echo
 * is masked by its value (base/text/mask.h).
 */
#ifndef NV_BASE_LOG_LOG_H
#define NV_BASE_LOG_LOG_H

#include "base/str.h"

#include <stdbool.h>

#define NV_LOG_BURST 5
#define NV_LOG_WINDOW_S 60
#define NV_LOG_HELD_MAX 16

enum nv_log_level { NV_LOG_DEBUG, NV_LOG_INFO, NV_LOG_WARN, NV_LOG_ERROR };
enum nv_log_format { NV_LOG_TEXT, NV_LOG_JSON };

/* Keeps lines back until it is known how to write them: NV_LOG_HELD_MAX, later ones are written
 * at once. One thread, before others start. */
void nv_log_hold(void);
/* Writes what was kept back, by what was configured last. Likewise. */
void nv_log_let_go(void);
/* Sets what is written and how, and lets go. Call before threads start; later calls (reload)
 * are safe too. */
void nv_log_configure(enum nv_log_level level, enum nv_log_format format);
/* Sends lines to `sink` instead of stderr, with `ctx` (borrowed); NULL restores it; every
 * site's window opens anew, so that tests in one process do not use up each other's. For tests.
 * One thread. */
void nv_log_set_sink(void (*sink)(void *ctx, struct nv_str line), void *ctx);
/* Sends the calling thread's lines to `sink` with `ctx` (borrowed) wherever those of others go;
 * NULL ends it. For who runs stages on a thread that isn't ours. */
void nv_log_lend(void (*sink)(void *ctx, struct nv_str line), void *ctx);

/* State of one call site, for folding; use the macros. */
struct nv_log_site {
    unsigned long long window;
    unsigned int count;
};
/* Writes one line, or only counts it when its site has used up its burst; never allocates. */
void nv_log_write(struct nv_log_site *site, enum nv_log_level level, const char *area,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* NV_LOG(NV_LOG_WARN, "exporter", "backend refused the key status=%d", 401); */
#define NV_LOG(level, area, ...)                                                               \
    do {                                                                                       \
        static struct nv_log_site nv_log_site_;                                                \
        nv_log_write(&nv_log_site_, (level), (area), __VA_ARGS__);                             \
    } while (0)

#endif
