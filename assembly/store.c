/*
 * The journal as a store for other stages (model/store.h): outbox and dead letters live in the
 * same log as the requests, with the same durability, quota and space management.
 *
 * Deliberately not done: a sync of its own for each put. What the exporter puts is in the
 * outbox because its requests are in the journal; those are released only by a later round of
 * the journal, whose sync covers the put as well. So a put returns when it is written, and
 * nothing is forgotten before it is on disk. A record that takes the place of another one of
 * the store (a dead letter that goes to the outbox, and back) has no such round before the
 * release, and is synced. Releases survive a crash of the program, and a power cut within
 * seconds.
 */
#include "assembly/assembly.h"
#include "assembly/door/state.h"
#include "journal/journal.h"

#include <stdlib.h>
#include "base/banned.h"

static enum nv_err commit(struct nv_assembly *assembly, struct nv_journal_put record, bool sync,
                          uint64_t *id)
{
    enum nv_err err = nv_journal_commit(assembly->journal, &record, 1, sync);
    if (err == NV_OK)
        *id = record.id;
    return err;
}

static enum nv_err put(void *ctx, enum nv_record_kind kind, struct nv_str head,
                       struct nv_str payload, uint64_t *id)
{
    return commit(ctx, (struct nv_journal_put){.kind = kind, .head = head, .body = payload},
                  false, id);
}

static enum nv_err put_synced(void *ctx, enum nv_record_kind kind, struct nv_str head,
                              struct nv_str payload, uint64_t *id)
{
    return commit(ctx, (struct nv_journal_put){.kind = kind, .head = head, .body = payload},
                  true, id);
}

static enum nv_err get(void *ctx, uint64_t id, struct nv_buf *payload)
{
    struct nv_assembly *assembly = ctx;
    return nv_journal_read_record(assembly->journal, id, NULL, NULL, payload);
}

static void release(void *ctx, uint64_t id)
{
    struct nv_assembly *assembly = ctx;
    nv_journal_release(assembly->journal, &id, 1);
}

/* Visits one record; damaged ones are passed over, they were counted by the journal. */
static enum nv_err visit_one(struct nv_assembly *assembly, uint64_t id, nv_store_visit *visit,
                             void *visit_ctx)
{
    struct nv_buf head;
    struct nv_buf body;
    nv_buf_init(&head, NV_JOURNAL_RECORD_MAX);
    nv_buf_init(&body, NV_JOURNAL_RECORD_MAX);
    enum nv_err err = nv_journal_read_record(assembly->journal, id, NULL, &head, &body);
    if (err == NV_OK)
        visit(visit_ctx, id, nv_buf_str(&head), nv_buf_str(&body));
    nv_buf_release(&head);
    nv_buf_release(&body);
    return err == NV_ERR_NOT_FOUND || err == NV_ERR_MALFORMED ? NV_OK : err;
}

static enum nv_err each(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                        void *visit_ctx)
{
    struct nv_assembly *assembly = ctx;
    uint64_t *ids = NULL;
    size_t count = 0;
    enum nv_err err = nv_journal_list(assembly->journal, 1u << kind, &ids, &count);
    for (size_t i = 0; i < count && err == NV_OK; i++)
        err = visit_one(assembly, ids[i], visit, visit_ctx);
    free(ids);
    return err;
}

const struct nv_store *nv_assembly_store(struct nv_assembly *assembly)
{
    if (!assembly->journal)
        return NULL;
    assembly->store = (struct nv_store){.ctx = assembly,
                                        .put = put,
                                        .get = get,
                                        .release = release,
                                        .each = each,
                                        .put_synced = put_synced};
    return &assembly->store;
}
