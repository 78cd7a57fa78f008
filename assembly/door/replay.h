/*
 * After a restart: what the journal holds goes through the same door, and what was sent is not
 * sent again in pieces. Internal to assembly.
 *
 * Items of a part that was settled are skipped, and those of a part that was on its way
 * (notes.h) make exactly the same part again, so that the backend, which may have it already,
 * ignores it whole and loses nothing. Everything else is assembled anew.
 */
#ifndef NV_ASSEMBLY_DOOR_REPLAY_H
#define NV_ASSEMBLY_DOOR_REPLAY_H

#include "assembly/door/state.h"

struct nv_replay;

/*
 * Reads what was noted before the restart into the shards and readies the replay of the
 * requests. NV_ERR_NO_MEMORY, IO, NV_ERR_CONFIG (requests, but no decoder).
 */
enum nv_err nv_replay_open(struct nv_assembly *assembly, struct nv_fail *fail) NV_MUST_USE;
/* Replays some requests. False: there are no more. The committing thread. */
bool nv_replay_step(struct nv_assembly *assembly);
/* Requests still to be replayed, and one for the end of it; 0: it is over. */
size_t nv_replay_left(const struct nv_assembly *assembly);
/* Gives up what is left; it stays in the journal. */
void nv_replay_stop(struct nv_assembly *assembly);
/* Frees it. NULL replay is allowed. */
void nv_replay_free(struct nv_assembly *assembly);
/* Takes arrivals, always, and dispatches them once all older ones have been: during the replay
 * they wait. The committing thread. */
void nv_replay_dispatch(struct nv_assembly *assembly, struct nv_arrivals *arrivals);
/* Appends the head of a request's record; returns its length. Failure is the buffer's. */
size_t nv_replay_write_head(struct nv_buf *out, const struct nv_request *request,
                            uint32_t spans);

#endif
