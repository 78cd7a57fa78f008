/*
 * The journal of a stopped gateway as a store.
 *
 * Nothing is replayed and no thread runs: only the six functions of the journal, behind the
 * same struct as assembly's. Puts are synced, because nothing follows that would.
 */
#include "gateway/dead/dead_store.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define SEGMENT_BYTES (UINT32_C(64) << 20)

static enum nv_err put(void *ctx, enum nv_record_kind kind, struct nv_str head,
                       struct nv_str payload, uint64_t *id)
{
    struct nv_journal_put record = {.kind = kind, .head = head, .body = payload};
    enum nv_err err = nv_journal_commit(ctx, &record, 1, true);
    if (err == NV_OK)
        *id = record.id;
    return err;
}

static enum nv_err get(void *ctx, uint64_t id, struct nv_buf *payload)
{
    return nv_journal_read_record(ctx, id, NULL, NULL, payload);
}

static void release(void *ctx, uint64_t id)
{
    nv_journal_release(ctx, &id, 1);
}

static enum nv_err visit_one(struct nv_journal *journal, uint64_t id, nv_store_visit *visit,
                             void *visit_ctx)
{
    struct nv_buf head, body;
    nv_buf_init(&head, NV_JOURNAL_RECORD_MAX);
    nv_buf_init(&body, NV_JOURNAL_RECORD_MAX);
    enum nv_err err = nv_journal_read_record(journal, id, NULL, &head, &body);
    if (err == NV_OK)
        visit(visit_ctx, id, nv_buf_str(&head), nv_buf_str(&body));
    nv_buf_release(&head);
    nv_buf_release(&body);
    return err == NV_ERR_NOT_FOUND || err == NV_ERR_MALFORMED ? NV_OK : err;
}

static enum nv_err each(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                        void *visit_ctx)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    enum nv_err err = nv_journal_list(ctx, 1u << kind, &ids, &count);
    for (size_t i = 0; i < count && err == NV_OK; i++)
        err = visit_one(ctx, ids[i], visit, visit_ctx);
    free(ids);
    return err;
}

enum nv_err nv_dead_store_open(const struct nv_options *options, struct nv_dead_store *out,
                               struct nv_fail *fail)
{
    assert(options->journal_directory != NULL);
    struct nv_journal_config config = {.directory = options->journal_directory,
                                       .sync = true,
                                       .max_bytes = options->journal_max_bytes,
                                       .segment_bytes = SEGMENT_BYTES,
                                       .encrypt = nv_options_encrypt(options),
                                       .stay_encrypted =
                                           options->journal_encryption == NV_ENCRYPTION_AUTO,
                                       .key_file = options->journal_key_file};
    /* opening makes what is missing; a mistyped directory must not look like an empty one */
    if (access(options->journal_directory, F_OK) != 0) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "there is no journal in \"%.80s\"",
                           options->journal_directory);
    }
    enum nv_err err = nv_journal_open(&config, &out->journal, fail);
    if (err == NV_OK) {
        out->store = (struct nv_store){
            .ctx = out->journal, .put = put, .get = get, .release = release, .each = each};
    }
    return err;
}

void nv_dead_store_close(struct nv_dead_store *store)
{
    nv_journal_close(store->journal);
    *store = (struct nv_dead_store){0};
}
