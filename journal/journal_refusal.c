/*
 * Who may have room, who is refused for want of it, and why.
 *
 *   open ── a request finds no room: nv_room_refuse ──▶ refusing [ smallest refused, reason ]
 *     ◀── a file is had without the reserve: nv_room_open ──┘   │ another reason: still_refused
 *
 * State and arithmetic only: no file is made, read or written here, so that whoever makes files
 * can ask. The files are made by journal_segment.c, room is looked for by journal_room.c.
 * Refusals are told by attempts and not computed: quotas, reserved blocks and what others write
 * to the same disk are known to the file system alone.
 */
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <string.h>
#include "base/banned.h"

/* ---- shares ---------------------------------------------------------------------------- */

uint32_t nv_room_spare_max(const struct nv_journal *journal)
{
    uint32_t kept = journal->config.reserve + 2;
    return kept > NV_JOURNAL_SPARE_MAX ? kept : NV_JOURNAL_SPARE_MAX;
}

uint32_t nv_room_kept_from(const struct nv_journal *journal, enum nv_use use)
{
    if (use == NV_USE_REQUEST)
        return journal->config.reserve;
    /* Dead letters stay: they may not use up what notes and copies need. */
    return use == NV_USE_LETTER ? (journal->config.reserve + 1) / 2 : 0;
}

uint64_t nv_journal_few_bytes(const struct nv_journal *journal,
                              const struct nv_segment *segment)
{
    bool tight = atomic_load(&journal->file_bytes) > journal->config.max_bytes / 2 ||
                 atomic_load(&journal->refusing);
    uint64_t few = segment->size / (tight ? 3 : 20);
    /* What is copied must fit: a file of before, when files were larger, waits until it
     * does. */
    uint64_t most = journal->config.segment_bytes / 3;
    return few < most ? few : most;
}

uint64_t nv_journal_capacity(const struct nv_journal *journal)
{
    return journal->capacity;
}

/* ---- refusing -------------------------------------------------------------------------- */

void nv_room_trouble(struct nv_journal *journal, const char *doing, int error)
{
    pthread_mutex_lock(&journal->lock);
    journal->trouble = (struct nv_journal_trouble){.doing = doing, .error = error};
    pthread_mutex_unlock(&journal->lock);
}

/* The quota has no errno; whatever the last one was, it is not the reason. */
static struct nv_journal_trouble reason(const struct nv_journal *journal, enum nv_err err)
{
    struct nv_journal_trouble trouble = journal->trouble;
    if (err == NV_ERR_FULL || !trouble.doing)
        trouble = (struct nv_journal_trouble){.doing = "staying below journal.max_bytes"};
    trouble.err = err;
    return trouble;
}

void nv_room_refuse(struct nv_journal *journal, enum nv_err err, uint64_t need, uint64_t bytes)
{
    /* One that needs a file of its own says nothing of the others'. */
    if (need > journal->config.segment_bytes || err == NV_ERR_TOO_LARGE ||
        err == NV_ERR_NO_MEMORY)
        return;
    pthread_mutex_lock(&journal->lock);
    bool first = !journal->refusing;
    if (first || need < journal->refused_need) {
        atomic_store(&journal->refused_need, need);
        atomic_store(&journal->refused_bytes, bytes);
    }
    if (first)
        journal->refusal = reason(journal, err);
    struct nv_journal_trouble why = journal->refusal;
    atomic_store(&journal->refusing, true);
    pthread_mutex_unlock(&journal->lock);
    if (!first)
        return;
    NV_LOG(
        NV_LOG_WARN, "journal",
        "no room, requests are refused until there is error=\"%s\" while=\"%s\" errno=%d (%s) "
        "directory=%s",
        nv_err_info(err)->text, why.doing, why.error, why.error ? strerror(why.error) : "none",
        journal->directory);
}

void nv_room_still_refused(struct nv_journal *journal, enum nv_err err)
{
    pthread_mutex_lock(&journal->lock);
    journal->refusal = reason(journal, err);
    pthread_mutex_unlock(&journal->lock);
}

void nv_room_open(struct nv_journal *journal)
{
    if (atomic_exchange(&journal->refusing, false))
        NV_LOG(NV_LOG_INFO, "journal", "there is room again, requests are taken");
}

bool nv_journal_is_full(struct nv_journal *journal, size_t bytes)
{
    /* Told by attempts, not computed: quotas, reserved blocks and what others write are known
     * to the file system alone. Smaller ones than what was refused may fit into the last
     * file. */
    return atomic_load(&journal->refusing) &&
           (bytes == 0 || bytes >= atomic_load(&journal->refused_bytes));
}

bool nv_journal_refusal(struct nv_journal *journal, struct nv_journal_trouble *out)
{
    pthread_mutex_lock(&journal->lock);
    bool refusing = atomic_load(&journal->refusing);
    *out = refusing ? journal->refusal : (struct nv_journal_trouble){0};
    pthread_mutex_unlock(&journal->lock);
    return refusing;
}

bool nv_journal_is_used_up(struct nv_journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    bool used_up = journal->config.reserve > 0 && journal->spare == 0;
    pthread_mutex_unlock(&journal->lock);
    return used_up && atomic_load(&journal->refusing);
}
