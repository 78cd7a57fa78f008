/*
 * A stand-in until the journal has landed: opening it fails.
 *
 * Durability `memory` does not touch it. Everything else is held in memory too, and a line in the
 * log says so.
 */
#include "assembly/journal.h"
#include "assembly/replay.h"
#include "base/banned.h"

enum nv_err nv_journal_open(const struct nv_journal_config *config, struct nv_journal **out,
                            struct nv_fail *fail)
{
    (void)config;
    *out = NULL;
    (void)fail;
    return NV_ERR_INTERNAL;
}

void nv_journal_close(struct nv_journal *journal)
{
    (void)journal;
}

enum nv_err nv_journal_commit(struct nv_journal *journal, struct nv_journal_put *puts, size_t count,
                              bool sync)
{
    (void)journal, (void)puts, (void)count, (void)sync;
    return NV_ERR_INTERNAL;
}

void nv_journal_release(struct nv_journal *journal, const uint64_t *ids, size_t count)
{
    (void)journal, (void)ids, (void)count;
}

enum nv_err nv_journal_read_body(struct nv_journal *journal, uint64_t id, size_t offset, size_t len,
                                 char *to)
{
    (void)journal, (void)id, (void)offset, (void)len, (void)to;
    return NV_ERR_INTERNAL;
}

enum nv_err nv_journal_get(struct nv_journal *journal, uint64_t id, enum nv_record_kind *kind,
                           struct nv_buf *head, struct nv_buf *body)
{
    (void)journal, (void)id, (void)kind, (void)head, (void)body;
    return NV_ERR_INTERNAL;
}

enum nv_err nv_journal_list(struct nv_journal *journal, unsigned kinds, uint64_t **ids,
                            size_t *count)
{
    (void)journal, (void)kinds, (void)ids, (void)count;
    return NV_ERR_INTERNAL;
}

void nv_journal_maintain(struct nv_journal *journal)
{
    (void)journal;
}

bool nv_journal_is_full(struct nv_journal *journal, size_t bytes)
{
    (void)journal, (void)bytes;
    return true;
}

void nv_journal_read_status(struct nv_journal *journal, struct nv_journal_status *out)
{
    (void)journal;
    *out = (struct nv_journal_status){0};
}

enum nv_err nv_replay_open(struct nv_assembly *assembly, struct nv_fail *fail)
{
    (void)assembly, (void)fail;
    return NV_OK;
}

bool nv_replay_step(struct nv_assembly *assembly)
{
    (void)assembly;
    return false;
}

void nv_replay_stop(struct nv_assembly *assembly)
{
    (void)assembly;
}

void nv_replay_dispatch(struct nv_assembly *assembly, struct nv_arrivals *arrivals)
{
    nv_committer_dispatch(assembly, arrivals);
}

size_t nv_replay_write_head(struct nv_buf *out, const struct nv_request *request, uint32_t spans)
{
    (void)out, (void)request, (void)spans;
    return 0;
}

size_t nv_replay_write_settled(struct nv_buf *out, const struct nv_claim *settled)
{
    (void)out, (void)settled;
    return 0;
}

void nv_replay_wrote_settled(struct nv_assembly *assembly, uint64_t id,
                             const struct nv_claim *settled)
{
    (void)assembly, (void)id, (void)settled;
}

void nv_replay_note_planned(struct nv_assembly *assembly, struct nv_claim *const *claims,
                            size_t count)
{
    (void)assembly, (void)claims, (void)count;
}
