/*
 * For tests of assembly: batches from a line of text each, and a completer that keeps what
 * comes.
 *
 * A span is written as letters: `kit_batch(kit, "shop", "1a 1b<a 1c<b! 2d")` is one request of
 * service shop with spans a, b (child of a), c (child of b, whose parent is remote) of trace 1
 * and d of trace 2. `^` is a SERVER, `@` a CLIENT, `+` has ended.
 */
#ifndef NV_TESTS_ASSEMBLY_KIT_H
#define NV_TESTS_ASSEMBLY_KIT_H

#include "assembly/assembly.h"

#define KIT_TRACES_MAX 4096

/* What was completed, as text. */
struct kit_trace {
    char trace; /* its letter */
    uint32_t part;
    enum nv_incomplete incomplete;
    uint32_t spans; /* as the raw trace counts them */
    uint32_t groups;
    char items[512]; /* "a b c", log records as "(a)", in order, cut */
    char services[128];
    char first_name[64], first_session[64], first_user[64];
    char project[64];
    uint64_t first_ns, last_ns, at_ns;
    const char *waited_for;
};

struct kit {
    struct nv_fake_clock clock;
    struct nv_assembly_config config;
    struct nv_assembly *assembly;
    struct nv_fail fail;
    bool hold_claims; /* keep the claims in `claims` instead of settling at once */
    bool remember;    /* give the names n<trace>, s<trace>, u<trace> */
    struct kit_trace *traces;
    size_t trace_count;
    struct nv_claim *claims[KIT_TRACES_MAX];
    size_t claim_count;
    int done_count;
    enum nv_err done_last;
    char directory[64]; /* made by kit_directory */
};

/* Readies config (memory, inline) and clock; kit_start makes the assembly and starts it. */
void kit_init(struct kit *kit);
void kit_start(struct kit *kit);
/* Makes the assembly without starting it; an error's code. */
enum nv_err kit_make(struct kit *kit);
/* As kit_start, but gives the error back. */
enum nv_err kit_try_start(struct kit *kit);
/* kit_start after kit_crash or kit_stop, with the ledger and what was completed forgotten. */
void kit_restart(struct kit *kit);
/* Leaves the journal as a crash at this moment would, and frees the assembly. */
void kit_crash(struct kit *kit);
/* Stops and frees the assembly, keeps what was completed. */
void kit_stop(struct kit *kit);
/* Frees all; removes the directory. */
void kit_release(struct kit *kit);
/* Empties the directory; the assembly must have been stopped. */
void kit_clear_directory(struct kit *kit);
/* Makes an empty directory and sets the configuration to a journal in it. */
void kit_directory(struct kit *kit);

/* A request of `service` from text (see above); flags behind a span: '!' parent is remote, '.'
 * parent is local, '^' server kind, digits behind '*': so many more bytes, '=x' other
 * content. */
struct nv_batch *kit_batch(const char *service, const char *spans);
/* The same as log records that name these spans; '%' and letters behind it: what a coding agent's
 * record is (NV_ITEM_RECORD R, MARK M, TURNS T, BEGINS B, MAKES K, DUE D, OPENS O, CLOSES C,
 * EVALUATES E). */
struct nv_batch *kit_logs(const char *service, const char *spans);
/* Accepts and returns what `done` said. */
enum nv_err kit_accept(struct kit *kit, struct nv_batch *batch);
/* The `done` that kit_accept uses; its ctx is the kit. */
nv_accept_done kit_note_done;
#define kit_spans(kit, service, spans) kit_accept((kit), kit_batch((service), (spans)))
/* Moves the clock on by `ms`, ticking at every deadline on the way. */
void kit_advance(struct kit *kit, uint64_t ms);
/* Settles all held claims. */
void kit_settle_all(struct kit *kit);
/* The decoder for replay: reads what kit_batch wrote. */
nv_assembly_decode kit_decode;

#endif
