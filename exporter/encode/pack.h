/*
 * Bodies: traces that travel together in one request, {"traces":[...],"timestamp":...}.
 *
 *   list ──take──▶ nv_body { traces, attempt, due } ──write──▶ JSON
 *                     │ split
 *                     ▼
 *                  nv_body (second half)
 */
#ifndef NV_EXPORTER_ENCODE_PACK_H
#define NV_EXPORTER_ENCODE_PACK_H

#include "base/buf.h"
#include "exporter/encode/encoded.h"

struct nv_body {
    struct nv_body *next;
    struct nv_encoded_list traces; /* owned */
    uint32_t attempt;              /* attempts made so far */
    uint64_t due_ns;               /* monotonic; not before */
    uint64_t first_try_ns;         /* monotonic, of the first attempt */
    uint64_t try_ns;               /* the same of the last */
    uint64_t start;                /* number of the last attempt among all of the sender's */
    uint64_t refused;   /* starts when others than the API first refused it; 0: never */
    uint32_t alone;     /* such refusals of it as one trace while others passed */
    bool again;         /* the next attempt is a retry: it costs from the budget */
    bool identity;      /* without gzip from now on */
    bool identity_test; /* unchanged since gzip was refused: proves who is at fault */
    bool gzip;          /* the attempt in flight went out as gzip */
    bool old;           /* out of the outbox, or tried before */
    struct nv_buf wire; /* bytes of the attempt in flight */
    /* of exporter/send/packing.h, while and after it packs the body */
    struct nv_body *packing_next;
    uint64_t packed_wall_ns;
    enum nv_err packed;
    void *owner; /* of whoever has it in flight */
};

/* Caps of one body: traces, and bytes of JSON. Both positive. */
struct nv_pack_limits {
    uint32_t traces_max;
    size_t bytes_max;
};

/*
 * New body (nv_body_free) that takes traces from the front of `list` up to the limits, at least
 * one. NULL without memory (the list is untouched then). The list must not be empty.
 */
struct nv_body *nv_body_take(struct nv_encoded_list *list, const struct nv_pack_limits *limits);
/* New body (nv_body_free) with the second half of the traces of `body` (>= 2 traces), which has
 * them no more; NULL without memory, `body` unchanged. */
struct nv_body *nv_body_split(struct nv_body *body);
/* Would nv_body_take on this list give a body that can't take another trace? */
bool nv_body_is_full(const struct nv_encoded_list *list, const struct nv_pack_limits *limits);
/* What stands before the traces, which commas part, and behind them: the timestamp `wall_ns`
 * as unix seconds, written into `text`. */
#define NV_BODY_TAIL 64
extern const struct nv_str nv_body_head;
struct nv_str nv_body_tail(uint64_t wall_ns, char text[NV_BODY_TAIL]);
/* At least the bytes of the request's JSON. */
size_t nv_body_length_max(const struct nv_body *body);
/* Appends the request's JSON; timestamp is `wall_ns` as unix seconds. Errors are the
 * buffer's. */
enum nv_err nv_body_write(const struct nv_body *body, uint64_t wall_ns,
                          struct nv_buf *buf) NV_MUST_USE;
/* Frees the body; its list must be empty. NULL is allowed. */
void nv_body_free(struct nv_body *body);

#endif
