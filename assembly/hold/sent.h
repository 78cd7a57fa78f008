/*
 * What was sent lately, for spans that come after their trace has gone.
 *
 *   recent  [ id, next part, name, session, user, span ids ]   newest first, a few thousand
 *      │ evicted
 *      ▼
 *   older   4 generations of [ hash of id | parts ]            8 bytes a trace, up to an hour
 *
 * The backend keeps the first POST of a trace id and ignores later ones, so late spans must
 * leave under another id; to know that, the ids are remembered for long. The names and span
 * ids, by which a late part is titled and a repeated request recognised, are remembered for a
 * short time, as long as they fit into so many bytes. Its owner's thread alone, by asserts.
 */
#ifndef NV_ASSEMBLY_HOLD_SENT_H
#define NV_ASSEMBLY_HOLD_SENT_H

#include "base/tables/index.h"
#include "base/arena.h"
#include "base/owner.h"
#include "model/batch.h"

#define NV_SENT_GENERATIONS 4
/* Number of a part that was never sent: spans tell of the same work, so that nothing is made of
 * log records under this id. */
#define NV_PART_TOLD (UINT32_MAX - 1)
/* Traces remembered with names and span ids; what a client repeats comes within seconds. */
#define NV_SENT_RECENT_MAX 8192u
/* Names, sessions and users are cut to this. */
#define NV_SENT_TEXT_MAX 256u
/* Of the bytes for recent traces, what the span ids of one may take: beyond it repeats are not
 * recognised. */
#define NV_SENT_TRACE_SHARE 4u

struct nv_sent_trace {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    struct nv_sent_trace *newer, *older;
    uint64_t sent_ns;
    uint32_t next_part;
    uint32_t service;    /* whose remote parent was missing; 0: none */
    bool cut;            /* its last part was cut: what follows is not late */
    bool root;           /* a part with its root was sent */
    bool incomplete;     /* its last part was sent with something missing */
    uint32_t span_count; /* of span_ids, sorted */
    uint64_t *span_ids;  /* owned */
    char *text;          /* owned: name, session, user, one behind the other */
    uint16_t name_len, session_len, user_len;
};

struct nv_sent_old {
    uint64_t *slots; /* high 56 bits of the id's hash, low 8: parts (saturating); 0 free */
    uint32_t capacity;
    uint32_t count;
    uint64_t begun_ns;
};

struct nv_sent {
    struct nv_owner owner;
    struct nv_index index;
    struct nv_sent_trace *newest, *oldest;
    uint32_t recent_max;
    size_t bytes, bytes_max; /* of the recent: entries and what they own */
    uint32_t old_max;        /* traces in each generation */
    uint64_t generation_ns;  /* how long one collects */
    struct nv_sent_old old[NV_SENT_GENERATIONS];
    unsigned current;
};

/* Readies a memory of at most `max` traces for `ttl_ns`, of which the recent take at most
 * `bytes_max`; allocates nothing. */
void nv_sent_init(struct nv_sent *sent, uint32_t max, size_t bytes_max, uint64_t ttl_ns);
/* Frees all it knows; not usable again before init. */
void nv_sent_release(struct nv_sent *sent);
/* Number of parts known to have been sent of a trace; 0: not known. */
uint32_t nv_sent_parts(const struct nv_sent *sent, const uint8_t trace_id[NV_TRACE_ID_BYTES]);
/* The trace among the recent, or NULL. Borrowed: until the next note. */
struct nv_sent_trace *nv_sent_find(const struct nv_sent *sent,
                                   const uint8_t trace_id[NV_TRACE_ID_BYTES]);
/*
 * Notes that parts up to `part` were sent; returns the recent entry to be filled in, or NULL
 * without memory (the oldest is then forgotten, nothing worse). Borrowed likewise.
 */
struct nv_sent_trace *nv_sent_note(struct nv_sent *sent,
                                   const uint8_t trace_id[NV_TRACE_ID_BYTES], uint32_t part,
                                   uint64_t now_ns);
/* What is remembered of a span: its id, the side of a call that it is and whether it had ended
 * (`flags`: enum nv_held_flags). */
uint64_t nv_sent_key(uint64_t span_id, uint32_t flags);
/* Adds keys of spans to the entry noted last, as far as there is room and memory; sorts them.
 * Older traces may be forgotten for it. */
void nv_sent_add_spans(struct nv_sent *sent, struct nv_sent_trace *entry, uint64_t *keys,
                       uint32_t count);
/* Was such a span sent? The other side of a call with the same id is another span, and one that
 * has ended says more than one that had not. */
bool nv_sent_has_span(const struct nv_sent_trace *entry, uint64_t span_id, uint32_t flags);
/* Notes name, session and user (copied, cut to NV_SENT_TEXT_MAX), unless known already. */
void nv_sent_set_text(struct nv_sent *sent, struct nv_sent_trace *entry, struct nv_str name,
                      struct nv_str session, struct nv_str user);
/* The texts, by index 0 name, 1 session, 2 user. Borrowed from the entry. */
struct nv_str nv_sent_text(const struct nv_sent_trace *entry, unsigned which);
/* Bytes it takes, roughly. */
size_t nv_sent_bytes(const struct nv_sent *sent);

#endif
