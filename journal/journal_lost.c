/*
 * Files whose key is not here, found at the start
 * (docs/design/0018-encrypted-journal.md#the-key-is-lost).
 *
 *   key is here ──▶ cipher, records are read
 *   is not      ──▶ locked: records are counted by their headers, which are not encrypted
 *                     none lives ──▶ the file is used again
 *                     some live  ──▶ the start ends, or the file is set aside
 *   no lock     ──▶ damage: each record of it counts
 */
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/banned.h"

/* What the locked files hold together. */
struct lost {
    uint32_t files;
    uint64_t records, bytes;
    const struct nv_segment *first;
};

static void tell(const struct nv_segment *segment)
{
    char id[NV_KEY_ID_TEXT];
    nv_journal_key_text(segment->key_id, id);
    NV_LOG(NV_LOG_ERROR, "journal",
           "no key opens a file, what it holds may have been acknowledged number=%u key=%s "
           "records=%" PRIu64 " bytes=%" PRIu64,
           (unsigned)segment->number, id, segment->locked_records, segment->locked_bytes);
}

static enum nv_err set_aside(struct nv_journal *journal, struct nv_segment *segment,
                             struct nv_fail *fail)
{
    char name[32];
    (void)snprintf(name, sizeof name, "journal-%08x", (unsigned)segment->number);
    char *from = nv_journal_path(journal, name);
    char *to = nv_journal_aside_path(journal, "locked", segment->number);
    bool moved = from && to && journal->ops->rename(journal->ops->ctx, from, to) == 0;
    int error = errno;
    if (moved) {
        NV_LOG(NV_LOG_ERROR, "journal", "set aside, not deleted: from=%s to=%s", from, to);
        journal->segments[segment->number - 1] = NULL;
        atomic_fetch_sub(&journal->file_bytes, segment->size);
        journal->locked += segment->locked_records;
        journal->aside++;
        journal->ops->close(journal->ops->ctx, segment->fd);
        nv_segment_doubt(journal, segment, NV_ALL_SURE);
        free(segment);
    }
    free(from);
    free(to);
    return moved ? NV_OK
                 : nv_fail_set(fail, NV_ERR_IO, 0, "cannot set '%s' aside in '%.50s': %s", name,
                               journal->directory, strerror(error));
}

static struct lost look(const struct nv_journal *journal)
{
    struct lost lost = {0};
    for (uint32_t i = 0; i < journal->segment_count; i++) {
        const struct nv_segment *segment = journal->segments[i];
        if (!segment || segment->locked_records == 0)
            continue;
        tell(segment);
        lost.first = lost.first ? lost.first : segment;
        lost.files++;
        lost.records += segment->locked_records;
        lost.bytes += segment->locked_bytes;
    }
    return lost;
}

enum nv_err nv_journal_settle_locked(struct nv_journal *journal, struct nv_fail *fail)
{
    struct lost lost = look(journal);
    enum nv_err err = NV_OK;
    if (lost.files == 0)
        return NV_OK;
    if (!journal->config.set_locked_aside) {
        char id[NV_KEY_ID_TEXT];
        nv_journal_key_text(lost.first->key_id, id);
        (void)nv_fail_set(fail, NV_ERR_CONFIG, 0,
                          "%u files, %" PRIu64 " records, %" PRIu64 " bytes want key %s: put "
                          "it back, or journal.key_lost: aside",
                          (unsigned)lost.files, lost.records, lost.bytes, id);
        return NV_ERR_CONFIG;
    }
    for (uint32_t i = 0; i < journal->segment_count && err == NV_OK; i++) {
        struct nv_segment *segment = journal->segments[i];
        if (segment && segment->locked_records > 0)
            err = set_aside(journal, segment, fail);
    }
    return err != NV_OK ? err : nv_journal_sync_directory(journal);
}
