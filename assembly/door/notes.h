/*
 * What assembly writes down of traces that leave, for the replay after a restart.
 *
 *   SENT record  [ PLANNED T part 0 r1..r2 | SETTLED T part 0 r1..r2 | ... ]      48 bytes a note
 *
 * Before a part is handed on, its extent is noted (planned); when it is settled, that is noted
 * too. The records go when no request they speak of lives any more and the traces they name are
 * beyond what is remembered of sent traces (nv_assembly_config.sent_max, sent_ttl_ms).
 */
#ifndef NV_ASSEMBLY_DOOR_NOTES_H
#define NV_ASSEMBLY_DOOR_NOTES_H

#include "assembly/door/state.h"

enum nv_note_state { NV_NOTE_PLANNED = 1, NV_NOTE_SETTLED = 2 };

struct nv_note {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint32_t part;
    uint32_t state;
    struct nv_place first, last; /* its first and last item */
};

/* Notes that the claims' parts are about to be handed on; not synced by itself. Shard
 * threads. */
void nv_notes_write_planned(struct nv_assembly *assembly, struct nv_claim *const *claims,
                            size_t count);
/* Appends the notes of settled claims; returns their length. Failure is the buffer's. */
size_t nv_notes_encode_settled(struct nv_buf *out, const struct nv_claim *settled);
/* The record `id` with those notes was written: it is released when nobody can need it. */
void nv_notes_wrote_settled(struct nv_assembly *assembly, uint64_t id,
                            const struct nv_claim *settled);
/*
 * Releases records of notes that nobody can need and merges small ones, once a second at most.
 * Not bound to the writing of a note: on a full disk none can be written until some have gone.
 */
void nv_notes_sweep(struct nv_assembly *assembly);
/*
 * Reads all notes of the journal: *notes is new, sorted by trace, part and state. Damaged
 * records are passed over: at worst something is delivered twice. IO, NO_MEMORY.
 */
enum nv_err nv_notes_read(struct nv_assembly *assembly, struct nv_note **notes,
                          size_t *count) NV_MUST_USE;
/* Frees what is kept about the records. */
void nv_notes_release(struct nv_notes *notes);

#endif
