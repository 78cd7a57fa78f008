/*
 * An accepted request as assembly keeps it: what its spans share, and who still needs it.
 *
 *   nv_request [ record | refs | groups ▸ ▸ ]      nv_arrivals [ request | item item item ... ]
 *                                 │ │                for one shard; gone once the shard took it
 *                 shared groups ◀─┴─┘  one copy of equal resource and scope bytes, counted
 *
 * The spans' bytes stay in the journal (or in `body` with durability memory); what is held of a
 * span is 24 bytes in its trace (trace_table.h). A request is released, that is forgotten by
 * the journal, when the last reference goes: every trace that has spans of it was settled.
 */
#ifndef NV_ASSEMBLY_DOOR_REQUEST_H
#define NV_ASSEMBLY_DOOR_REQUEST_H

#include "base/tables/index.h"
#include "assembly/door/services.h"
#include "model/batch.h"
#include "model/stage.h"

#include <pthread.h>
#include <stdatomic.h>

struct nv_assembly;

/* What the scopes of one resource share, by itself: one resource may have thousands of
 * scopes. */
struct nv_shared_resource {
    uint64_t hash;
    struct nv_str resource, schema_url, service_name; /* views into bytes */
    uint32_t refs;                                    /* under the lock of its nv_groups */
    uint32_t len;
    char bytes[];
};

/* Resource, scope and their schema urls: one for all requests that hold the same bytes. */
struct nv_shared_group {
    struct nv_group group; /* views into resource->bytes and bytes */
    struct nv_shared_resource *resource;
    uint64_t hash;
    uint32_t refs;            /* under the lock of its nv_groups */
    _Atomic uint32_t service; /* id in nv_services; read it with nv_group_service */
    uint64_t client;          /* who sent it first */
    uint32_t len;
    char bytes[]; /* scope and its schema url */
};

/* The shared groups. Any thread; one lock, taken once for each group of a request. */
struct nv_groups {
    pthread_mutex_t lock; /* of all but `bytes` */
    struct nv_index index, resources;
    struct nv_services *services; /* borrowed */
    _Atomic uint64_t bytes;       /* of groups, resources and the index, for budgets */
    struct nv_request *spare;     /* freed ones for the next requests, under the lock */
    uint32_t spare_count;         /* at most NV_REQUEST_SPARES_MAX */
};

/* Empty; `services` is borrowed until release. No failure: room is found as groups come. */
void nv_groups_init(struct nv_groups *groups, struct nv_services *services);
/* All must have been dropped. */
void nv_groups_release(struct nv_groups *groups);
/*
 * The shared form of `group` from `client`, borrowed and counted once more: give it back with
 * drop. `group` is copied. NULL without memory. `before` (NULL: none) is the group before it in
 * the same batch and `shared_before` its shared form: a resource that both view is not looked
 * at again.
 */
struct nv_shared_group *nv_groups_share(struct nv_groups *groups, const struct nv_group *group,
                                        const struct nv_group *before,
                                        const struct nv_shared_group *shared_before,
                                        uint64_t client, uint64_t now_ns);
/* Id of its service, asked for anew when the table has forgotten it meanwhile. Any thread. */
uint32_t nv_group_service(struct nv_services *services, struct nv_shared_group *shared,
                          uint64_t now_ns);
/* A request with room for `group_count` groups, all else zero: one that was kept, or a new one.
 * NULL without memory; nv_request_free. Any thread. */
struct nv_request *nv_groups_take_spare(struct nv_groups *groups, uint32_t group_count);
/* Takes the block of a request whose groups, body and project are gone, for the next one. False
 * when it is not of the common size or there are NV_REQUEST_SPARES_MAX: not taken. Any
 * thread. */
bool nv_groups_keep_spare(struct nv_groups *groups, struct nv_request *request);
/* Gives back what share gave; the last one frees the group, and its resource when nothing else
 * shows it. Any thread. */
void nv_groups_drop(struct nv_groups *groups, struct nv_shared_group *shared);

struct nv_request {
    struct nv_request *next; /* in the list of those to release, or of spare ones */
    uint64_t record_id; /* in the journal, 0 without one; numbers requests in their order */
    char *body;         /* owned; NULL once the bytes are in the journal */
    uint32_t body_len;
    atomic_uint refs;
    atomic_bool keep;      /* a trace of it was left open at a stop: it stays in the journal */
    struct nv_str project; /* owned, malloc'ed */
    enum nv_signal signal;
    uint32_t group_count, group_room; /* room: of the block, for as many groups */
    struct nv_shared_group *groups[];
};

/* Folds 8 bytes of a span id to 32 bits: a parent is looked up by it (completion facts
 * only). */
uint32_t nv_span_id_fold(uint64_t span_id);

enum nv_held_flags {
    NV_HELD_PARENT = 1u << 0, /* has a parent */
    NV_HELD_REMOTE = 1u << 1, /* which is in another process */
    NV_HELD_CALLER = 1u << 2, /* kind CLIENT or PRODUCER */
    NV_HELD_SERVED = 1u << 3, /* kind SERVER or CONSUMER */
    NV_HELD_ENDED = 1u << 4,  /* has an end */
    NV_HELD_MARK = 1u << 5,   /* no span: it tells that spans tell of a turn (NV_ITEM_MARK) */
    NV_HELD_FLAGS = 0x3fu     /* bits of `check` that are flags */
};

/* What is held of a span or log record: 24 bytes. */
struct nv_held_item {
    uint64_t span_id; /* 0: a log record that names no span */
    /* folded; meaningless without NV_HELD_PARENT; of a log record its enum nv_item_flags */
    uint32_t parent;
    uint32_t offset; /* of the message in the request's body */
    uint32_t length;
    uint32_t check; /* low 6 bits: enum nv_held_flags; the rest: hash of the bytes */
};

/* Is it a span, of a request of such a signal? */
static inline bool nv_held_is_span(enum nv_signal signal, const struct nv_held_item *item)
{
    return signal == NV_SIGNAL_TRACES && (item->check & NV_HELD_MARK) == 0;
}

/* About what an open trace takes with its places in the index and the timers
 * (trace_table.h). */
#define NV_OPEN_TRACE_BYTES 256u

struct nv_prepared;

struct nv_arrival {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    struct nv_held_item item;
    uint32_t group;   /* index into the request's groups */
    uint32_t ordinal; /* of the item in its request */
};

/* The items of one request that go to one shard. Free it with nv_arrivals_free. */
struct nv_arrivals {
    struct nv_arrivals *next;   /* for another shard, or in a list */
    struct nv_request *request; /* one reference */
    struct nv_prepared *of;     /* whose block it lies in; NULL: a block of its own */
    uint64_t bytes;             /* about what its shard will hold of it, and itself */
    uint32_t shard;
    uint32_t count;
    uint32_t taken;           /* items the shard has dealt with */
    struct nv_arrival *items; /* in the same block */
};

/* 26 bits of hash over the bytes of an item, in the place of `check`. */
uint32_t nv_held_check(struct nv_str bytes);

/*
 * What is made of a batch before it is journalled: one block, which goes when its holder and
 * each of its arrivals have let go of it.
 *
 *   [ nv_prepared | nv_arrivals of shard 0, of shard 2 | items of shard 0 | items of shard 2 ]
 *        refs: 1 of the holder, 1 of each nv_arrivals
 */
struct nv_prepared {
    struct nv_request *request;   /* new, one reference for the holder of this struct */
    struct nv_arrivals *arrivals; /* new, a list; each holds a reference to the request */
    uint32_t spans;               /* 0 for a logs request */
    uint32_t unused;              /* log records that name no trace, left out */
    atomic_uint refs;
    nv_accept_done *done; /* of who waits for the answer; not set by prepare */
    void *done_ctx;
};

/* Shards that an assembly has at most: more than the processors of any host of ours. Ours. */
#define NV_SHARDS_MAX 64u

/*
 * Turns a batch (borrowed; its body and project are moved out on success) into a request and
 * one nv_arrivals for each of the 1 to NV_SHARDS_MAX shards that items of it go to. No
 * arrivals: nothing in it is of use. `*out` is new: give it back with nv_prepared_release, or,
 * once request and arrivals are with others, with nv_prepared_let_go. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_request_prepare(struct nv_groups *groups, struct nv_batch *batch,
                               uint32_t shard_count, uint64_t now_ns,
                               struct nv_prepared **out) NV_MUST_USE;
/* Takes it: frees all of it, as if the request had never been. */
void nv_prepared_release(struct nv_groups *groups, struct nv_prepared *prepared);
/* Lets go of the struct alone; its arrivals, whose list was taken, keep the block. */
void nv_prepared_let_go(struct nv_prepared *prepared);
/* Frees arrivals whose reference to the request was given back. Any thread. */
void nv_arrivals_free(struct nv_arrivals *arrivals);
/* Sum of its arrivals' bytes. */
uint64_t nv_prepared_bytes(const struct nv_prepared *prepared);
/* The shard of a trace. */
uint32_t nv_shard_of(const uint8_t trace_id[NV_TRACE_ID_BYTES], uint32_t shard_count);

/* One more reference. Any thread. */
void nv_request_ref(struct nv_request *request);
/* Drops a reference; true when it was the last one: the caller then releases and frees. */
bool nv_request_unref(struct nv_request *request) NV_MUST_USE;
/*
 * Drops a reference to a request that `assembly` counts; the last one has it forgotten: by the
 * next round of the journal, unless it is to be kept. Any thread.
 */
void nv_request_let_go(struct nv_assembly *assembly, struct nv_request *request);
/* Frees a request without references, or keeps its block for the next one. Any thread. */
void nv_request_free(struct nv_groups *groups, struct nv_request *request);
/* Memory it takes, for budgets, its groups not counted: those are in nv_groups.bytes. */
size_t nv_request_bytes(const struct nv_request *request);

#endif
