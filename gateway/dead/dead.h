/*
 * What can be done with dead letters, wherever their store is: in the running gateway or in the
 * journal of one that is stopped.
 */
#ifndef NV_GATEWAY_DEAD_DEAD_H
#define NV_GATEWAY_DEAD_DEAD_H

#include "base/buf.h"
#include "base/clock.h"
#include "model/store.h"

enum nv_dead_verb { NV_VERB_LIST, NV_VERB_SHOW, NV_VERB_RETRY, NV_VERB_DROP };

struct nv_dead_request {
    enum nv_dead_verb verb;
    bool all;    /* RETRY, DROP: every one of them */
    uint64_t id; /* else this one; unused by LIST */
};

/* Where dead letters are and how one is tried again. All borrowed. */
struct nv_dead_place {
    const struct nv_store *store;
    void *ctx;
    enum nv_err (*retry)(void *ctx, uint64_t id); /* as nv_dead_retry */
};

/* So long at least are letters acted on in one slice, and twice as long as it took to list
 * them: who asks is shown how far it is, and the thread that does it is free in between. */
#define NV_DEAD_SLICE_NS (500 * NV_NS_PER_MS)

/*
 * A part of RETRY or DROP of all: letters above `after` up to `last`, as many as there is time
 * for. Zero: the first, which sets `last`, so that a letter that comes back is not tried again
 * and again. Each sets the rest for the next.
 */
struct nv_dead_slice {
    uint64_t after, last;
    uint64_t done, left; /* out: in this slice, after it */
};

/* Reads "all" or a number. NV_ERR_CONFIG. */
enum nv_err nv_dead_parse(enum nv_dead_verb verb, struct nv_str id,
                          struct nv_dead_request *out) NV_MUST_USE;
/*
 * Does it, of all at once, and appends what there is to say, as text. NV_ERR_NOT_FOUND (no
 * such dead letter), what retry says of the one that was asked for, the store's and buffer's
 * errors.
 */
enum nv_err nv_dead_run(const struct nv_dead_request *request,
                        const struct nv_dead_place *place, struct nv_buf *out) NV_MUST_USE;
/* The same of a slice, by `clock`; what is not RETRY or DROP of all is done whole. */
enum nv_err nv_dead_run_slice(const struct nv_dead_request *request,
                              const struct nv_dead_place *place, const struct nv_clock *clock,
                              struct nv_dead_slice *slice, struct nv_buf *out) NV_MUST_USE;

/* Dead letters that nv_dead_write lists. */
#define NV_DEAD_WRITTEN_MAX 200u

/* Appends {"letters": [...], "total": n, "token": `token`}, the oldest NV_DEAD_WRITTEN_MAX of
 * them; `store` NULL: none. The store's and buffer's errors. */
enum nv_err nv_dead_write(const struct nv_store *store, const char *token,
                          struct nv_buf *out) NV_MUST_USE;

#endif
