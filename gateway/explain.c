/*
 * explain: one file through the door and the translation, with nothing between them.
 *
 * What assembly would do over time is done here at once: the items of one trace id are one trace.
 * The body is read by the same decoder as at the door, so that what explain accepts the gateway
 * accepts, and the other way round.
 */
#include "gateway/explain.h"

#include "gateway/cli.h"
#include "gateway/option_expand.h"
#include "gateway/raw_join.h"
#include "gateway/run.h"
#include "gateway/stages.h"
#include "otlp/request.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)
#define REPORT_BYTES_MAX ((size_t)256 << 20)

static bool same_trace(const struct nv_batch *batch, uint32_t a, uint32_t b)
{
    return memcmp(batch->items[a].trace_id, batch->items[b].trace_id, NV_TRACE_ID_BYTES) == 0;
}

static bool seen_before(const struct nv_batch *batch, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (same_trace(batch, i, index))
            return true;
    }
    return false;
}

static enum nv_err explain_batch(const struct nv_mapping *mapping, struct nv_batch *batch,
                                 struct nv_buf *report)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; i < batch->item_count && err == NV_OK; i++) {
        if (seen_before(batch, i))
            continue;
        struct nv_raw_trace *raw = nv_raw_join(&batch, 1, batch->items[i].trace_id);
        struct nv_trace *trace = NULL;
        if (raw == NULL)
            return NV_ERR_NO_MEMORY;
        err = nv_mapping_explain(mapping, raw, report, &trace);
        nv_arena_free(err == NV_OK ? trace->arena : raw->arena);
    }
    return err;
}

static bool looks_like_json(const char *body, size_t len)
{
    struct nv_str text = nv_str_trim((struct nv_str){body, len});
    return nv_str_starts(text, NV_STR("{")) || nv_str_starts(text, NV_STR("\xef\xbb\xbf{"));
}

enum nv_err nv_explain_body(const struct nv_mapping *mapping, char *body, size_t len,
                            struct nv_buf *report, struct nv_fail *fail)
{
    struct nv_request_result result;
    struct nv_batch *batch = NULL;
    enum nv_media media = looks_like_json(body, len) ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF;
    enum nv_err err =
        nv_request_decode(NV_SIGNAL_TRACES, media, body, len, NULL, &result, &batch, fail);
    if (err != NV_OK)
        return err;
    if (result.rejected > 0)
        (void)nv_buf_printf(report, "rejected at the door: %s\n", result.message);
    err = explain_batch(mapping, batch, report);
    nv_batch_free(batch);
    return err;
}

static enum nv_err explain_file(const struct nv_mapping *mapping, const char *path,
                                struct nv_buf *report, struct nv_fail *fail)
{
    assert(path != NULL);
    struct nv_buf file;
    char *body = NULL;
    nv_buf_init(&file, FILE_BYTES_MAX);
    enum nv_err err = nv_read_file(path, FILE_BYTES_MAX, &file, fail);
    if (err != NV_OK) {
        nv_buf_release(&file);
        return err;
    }
    size_t len = nv_buf_take(&file, &body);
    return nv_explain_body(mapping, body, len, report, fail);
}

int nv_command_explain(const struct nv_options *options, const char *path)
{
    struct nv_mapping_config config;
    struct nv_fail fail = {0};
    struct nv_buf report;
    nv_stage_mapping(options, &config);
    struct nv_mapping *mapping = nv_mapping_new(&config, &fail);
    if (mapping == NULL) {
        nv_run_print_failure(&fail);
        return NV_EXIT_USAGE;
    }
    nv_buf_init(&report, REPORT_BYTES_MAX);
    enum nv_err err = explain_file(mapping, path, &report, &fail);
    (void)fwrite(report.bytes, 1, report.len, stdout);
    nv_buf_release(&report);
    nv_mapping_free(mapping);
    if (err == NV_OK)
        return NV_EXIT_OK;
    fail.code = err;
    nv_run_print_failure(&fail);
    return NV_EXIT_FAILED;
}
