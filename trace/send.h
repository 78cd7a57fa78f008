/*
 * One request at a time to an OTLP receiver over HTTP, by libcurl.
 *
 * Belongs to one thread, but for nv_trace_sender_wake. Waits in nv_trace_sender_post for the
 * answer, at most for the configured timeout and never past a deadline that another thread may
 * bring forward.
 */
#ifndef NV_TRACE_SEND_H
#define NV_TRACE_SEND_H

#include "trace/config.h"

#include <stdatomic.h>

struct nv_trace_sender;

/* What came of a request. */
struct nv_trace_answer {
    uint32_t status;        /* HTTP's; 0: none came */
    uint32_t retry_after_s; /* 0: not said */
    struct nv_str body;     /* borrowed until the next request; at most 64 KiB */
    const char *error;      /* status 0: why, in words; borrowed likewise */
};

/* A new sender, or NULL: memory is refused. `config` is borrowed. */
struct nv_trace_sender *nv_trace_sender_new(const struct nv_trace_config *config);
/* Frees it, and closes its connections. NULL is allowed. */
void nv_trace_sender_free(struct nv_trace_sender *sender);
/* Posts `body` (borrowed) and waits; gives up once the monotonic clock has passed
 * *deadline_ns. */
void nv_trace_sender_post(struct nv_trace_sender *sender, struct nv_str body,
                          const _Atomic uint64_t *deadline_ns, struct nv_trace_answer *answer);
/* Makes a nv_trace_sender_post that waits look at its deadline again. Any thread. */
void nv_trace_sender_wake(struct nv_trace_sender *sender);
/* Once a process, before the first sender: libcurl's own state. False: it has none. */
bool nv_trace_sender_ready(void);

#endif
