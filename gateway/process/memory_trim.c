/*
 * Free pages back to the system when a burst is over.
 *
 * glibc keeps what is freed inside its arenas: after traces of 0.8 MB from eight clients 150 to
 * 190 MB stayed with an idle gateway for ever, and malloc_trim left 20 MB, in 5 to 10 ms once. It
 * holds each arena's lock for part of that, so it waits for a moment when nobody is being
 * served; and it is not called again until so much has passed through that there is something
 * to gain. The main thread has time for it: it only waits for signals. Deliberately not done:
 * trimming under load, where the pages would be wanted again at once.
 */
#include "gateway/process/memory_trim.h"

#include "base/log/counters.h"
#include "model/ledger.h"

#include <assert.h>
#include <malloc.h>

#include "base/banned.h"

/* Requests of so many bytes between two looks are no load. */
#define QUIET_BYTES (UINT64_C(1) << 20)
/* Requests of fewer bytes can't have left much behind. */
#define WORTH_BYTES (UINT64_C(16) << 20)

bool nv_memory_trim_due(struct nv_memory_trim *trim, uint64_t request_bytes,
                        uint64_t queued_spans)
{
    assert(request_bytes >= trim->seen_bytes);
    bool quiet = request_bytes - trim->seen_bytes < QUIET_BYTES && queued_spans == 0;
    bool worth = !trim->trimmed || request_bytes - trim->trimmed_bytes >= WORTH_BYTES;
    trim->seen_bytes = request_bytes;
    if (!quiet || !worth)
        return false;
    trim->trimmed = true;
    trim->trimmed_bytes = request_bytes;
    return true;
}

void nv_memory_trim_look(struct nv_memory_trim *trim)
{
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    if (nv_memory_trim_due(trim, nv_count_get(NV_COUNT_REQUEST_BYTES), ledger.queued))
        (void)malloc_trim(0);
}
