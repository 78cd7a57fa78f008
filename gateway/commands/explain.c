/*
 * explain: files through the door and the translation, with nothing between them.
 *
 * What assembly would do over time is done here at once: the items of one trace id are one
 * trace, whichever file they are in. Bodies are read by the same decoder as at the door, so
 * that what explain accepts the gateway accepts, and the other way round.
 *
 * The path tells the gateway which signal a body is; a file has none. In JSON the first key
 * says it. In protobuf both requests look alike down to the third level, but a Span begins with
 * an id where a LogRecord has a fixed64, so that only one of them decodes to something.
 */
#include "gateway/commands/explain.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/text/mask.h"
#include "base/json/json_read.h"
#include "base/text/shown.h"
#include "base/text/text.h"
#include "gateway/commands/cli.h"
#include "gateway/commands/explain_values.h"
#include "gateway/dead/raw_join.h"
#include "gateway/view/line.h"
#include "gateway/commands/run.h"
#include "gateway/stages.h"
#include "otlp/request/inflate.h"
#include "otlp/request/request.h"
#include "redaction/redact.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * Of a file that was inflated: what a person explains is a capture, and a bomb is one here,
 * too.
 */
#define BODY_BYTES_MAX ((size_t)256 << 20)

/* ---- one body ---------------------------------------------------------------------------- */

/* By magic numbers: a file has no Content-Encoding. */
static enum nv_coding coding_of(struct nv_str body)
{
    if (nv_str_starts(body, NV_STR("\x1f\x8b")))
        return NV_CODING_GZIP;
    return nv_str_starts(body, NV_STR("\x28\xb5\x2f\xfd")) ? NV_CODING_ZSTD
                                                           : NV_CODING_IDENTITY;
}

/* Undoes compression in place. */
static enum nv_err inflate(char **body, size_t *len, struct nv_fail *fail)
{
    struct nv_str data = {*body, *len};
    enum nv_coding coding = coding_of(data);
    const struct nv_room room = {.max = BODY_BYTES_MAX};
    char *plain = NULL;
    if (coding == NV_CODING_IDENTITY)
        return NV_OK;
    enum nv_err err = nv_inflate(coding, data, &room, &plain, len, fail);
    free(*body);
    *body = plain;
    return err;
}

/* A mark of byte order before it is what editors on Windows leave. */
static bool looks_like_json(struct nv_str body)
{
    struct nv_str text = nv_str_trim(body);
    return nv_str_starts(text, NV_STR("{")) || nv_str_starts(text, NV_STR("\xef\xbb\xbf{"));
}

/*
 * Keys in any order, both spellings that the door takes, each value skipped whole: a
 * "resourceLogs" in some text must not decide.
 */
static bool has_key_of_logs(struct nv_str json)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, json, NV_JSON_DEPTH_LIMIT);
    if (nv_json_next(&reader) != NV_JSON_OBJECT_BEGIN)
        return false;
    while (nv_json_next(&reader) == NV_JSON_KEY) {
        if (nv_str_eq(reader.raw, NV_STR("resourceLogs")) ||
            nv_str_eq(reader.raw, NV_STR("resource_logs")))
            return true;
        if (nv_json_skip(&reader, nv_json_next(&reader)) != NV_OK)
            return false;
    }
    return false;
}

struct decoded {
    struct nv_request_result result;
    struct nv_batch *batch;
    struct nv_fail fail;
};

/*
 * A copy, since decoding takes the body, on failure too, and a protobuf body may have to be
 * tried as the other signal.
 */
static enum nv_err decode_copy(enum nv_signal signal, struct nv_str body, struct decoded *out)
{
    char *copy = malloc(body.len + 1);
    *out = (struct decoded){0};
    if (!copy)
        return NV_ERR_NO_MEMORY;
    if (body.len > 0)
        memcpy(copy, body.ptr, body.len);
    return nv_request_decode(
        &(struct nv_request_body){signal, NV_MEDIA_PROTOBUF, copy, body.len}, NULL,
        &out->result, &out->batch, &out->fail);
}

/* What does not give a single span, and is a logs request, is one. */
static enum nv_err decode_protobuf(struct nv_str body, struct decoded *out)
{
    struct decoded logs = {0};
    enum nv_err err = decode_copy(NV_SIGNAL_TRACES, body, out);
    if (err == NV_ERR_NO_MEMORY || (err == NV_OK && out->result.accepted > 0))
        return err;
    if (decode_copy(NV_SIGNAL_LOGS, body, &logs) != NV_OK || logs.result.log_records == 0) {
        nv_batch_free(logs.batch);
        return err;
    }
    nv_batch_free(out->batch);
    *out = logs;
    return NV_OK;
}

/* Takes `body`. */
static enum nv_err decode(char *body, size_t len, struct decoded *out)
{
    struct nv_str view = {body, len};
    *out = (struct decoded){0};
    if (looks_like_json(view)) {
        return nv_request_decode(
            &(struct nv_request_body){has_key_of_logs(view) ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES,
                                      NV_MEDIA_JSON, body, len},
            NULL, &out->result, &out->batch, &out->fail);
    }
    enum nv_err err = decode_protobuf(view, out);
    free(body);
    return err;
}

/*
 * Batches live until the end: one trace may be in several files, and its spans are views into
 * them.
 */
static enum nv_err keep(struct nv_explain *explain, struct nv_batch *batch)
{
    if (explain->count == explain->capacity) {
        size_t capacity = explain->capacity * 2 + 4;
        struct nv_batch **batches =
            reallocarray(explain->batches, capacity, sizeof(struct nv_batch *));
        if (!batches) {
            nv_batch_free(batch);
            return NV_ERR_NO_MEMORY;
        }
        explain->batches = batches;
        explain->capacity = capacity;
    }
    explain->batches[explain->count++] = batch;
    return NV_OK;
}

enum nv_err nv_explain_add(struct nv_explain *explain, char *body, size_t len,
                           struct nv_buf *report, struct nv_fail *fail)
{
    struct decoded decoded;
    enum nv_err err = inflate(&body, &len, fail);
    if (err != NV_OK) {
        free(body);
        return err;
    }
    err = decode(body, len, &decoded);
    if (err != NV_OK) {
        *fail = decoded.fail;
        return err;
    }
    if (decoded.result.rejected > 0)
        (void)nv_buf_printf(report, "rejected at the door: %s\n", decoded.result.message);
    return keep(explain, decoded.batch);
}

void nv_explain_release(struct nv_explain *explain)
{
    for (size_t i = 0; i < explain->count; i++)
        nv_batch_free(explain->batches[i]);
    free(explain->batches);
    *explain = (struct nv_explain){0};
}

/* ---- the traces -------------------------------------------------------------------------- */

/* A trace of log records alone is never sent: there is nothing to hang them on. */
static enum nv_err say_no_span(const struct nv_raw_trace *raw, struct nv_buf *report)
{
    char id[2 * NV_TRACE_ID_BYTES];
    if (raw->item_count == 0)
        return NV_OK;
    nv_hex_encode(raw->trace_id, NV_TRACE_ID_BYTES, id);
    return nv_buf_printf(report, "trace %.*s: %u log records and no span, nothing is sent\n",
                         (int)sizeof id, id, raw->item_count);
}

/*
 * Picks are all items of all batches with those of a trace behind each other, so a trace is a
 * run of them. One trace at a time is joined and given away: the arena is `each`'s, and
 * beside the files, which are kept whole, memory is that of the largest trace, not of all.
 */
enum nv_err nv_explain_each(const struct nv_explain *explain,
                            enum nv_err (*each)(void *ctx, struct nv_raw_trace *raw), void *ctx)
{
    size_t count = 0;
    struct nv_raw_pick *picks = nv_raw_picks(explain->batches, explain->count, &count);
    enum nv_err err = picks ? NV_OK : NV_ERR_NO_MEMORY;
    for (size_t i = 0, n; i < count && err == NV_OK; i += n) {
        n = nv_raw_picks_of_trace(picks + i, count - i);
        struct nv_raw_trace *raw = nv_raw_join(explain->batches, picks + i, n);
        uint32_t unused;
        if (raw && raw->of_records)
            err = nv_mapping_make_spans(raw, &unused);
        if (raw && err != NV_OK)
            nv_arena_free(raw->arena);
        else
            err = raw ? each(ctx, raw) : NV_ERR_NO_MEMORY;
    }
    free(picks);
    return err;
}

struct explaining {
    const struct nv_mapping *mapping;
    const struct nv_redaction_config *redaction; /* NULL: no values */
    size_t columns;
    struct nv_buf *report;
};

/*
 * Told before it is redacted, shown after: the report's rows name keys, its values are what
 * would leave. The translated trace lives in the raw one's arena, so one of the two is freed,
 * never both.
 */
static enum nv_err explain_trace(void *ctx, struct nv_raw_trace *raw)
{
    const struct explaining *explaining = ctx;
    struct nv_trace *trace = NULL;
    enum nv_err err = raw->span_count > 0 ? nv_mapping_explain(explaining->mapping, raw,
                                                               explaining->report, &trace)
                                          : say_no_span(raw, explaining->report);
    if (err == NV_OK && trace && explaining->redaction)
        err = nv_redact(explaining->redaction, trace, NULL);
    if (err == NV_OK && trace && explaining->redaction)
        err = nv_explain_values_write(trace, explaining->columns, explaining->report);
    nv_arena_free(trace != NULL ? trace->arena : raw->arena);
    return err;
}

enum nv_err nv_explain_write(const struct nv_explain *explain, const struct nv_mapping *mapping,
                             const struct nv_redaction_config *redaction, struct nv_buf *report)
{
    struct explaining explaining = {mapping, redaction, nv_line_columns(STDOUT_FILENO), report};
    return nv_explain_each(explain, explain_trace, &explaining);
}

/* ---- the command ------------------------------------------------------------------------- */

/* `-` is standard input, which stays open for who names it twice: the second is empty. */
static enum nv_err read_file(const char *path, struct nv_buf *file, struct nv_fail *fail)
{
    if (strcmp(path, "-") != 0)
        return nv_file_read(path, -1, NV_CAP_EXPLAIN_FILE, file, fail);
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return nv_file_cant_open("standard input", fail);
    return nv_file_read_fd(fd, "standard input", -1, NV_CAP_EXPLAIN_FILE, file, fail);
}

enum nv_err nv_explain_add_file(struct nv_explain *explain, const char *path,
                                struct nv_buf *report, struct nv_fail *fail)
{
    struct nv_buf file;
    char *body = NULL;
    nv_buf_init(&file, NV_CAP_EXPLAIN_FILE);
    enum nv_err err = read_file(path, &file, fail);
    if (err != NV_OK) {
        nv_buf_release(&file);
        return err;
    }
    size_t len = nv_buf_take(&file, &body);
    err = nv_explain_add(explain, body, len, report, fail);
    if (err != NV_OK && fail->path[0] == '\0')
        (void)snprintf(fail->path, sizeof fail->path, "%s", path);
    return err;
}

/*
 * The report is redacted once more as a text: rows quote keys and pieces of values that a
 * client chose, and what is printed lands in tickets.
 */
int nv_command_explain(const struct nv_options *options, const char *const *paths, size_t count)
{
    struct nv_mapping_config config;
    struct nv_redaction_config redaction = {.secrets = true};
    struct nv_explain explain = {0};
    struct nv_fail fail = {0};
    struct nv_buf report;
    enum nv_err err = NV_OK;
    nv_stage_mapping(options, &config);
    struct nv_mapping *mapping = nv_mapping_new(&config, &fail);
    if (!mapping) {
        nv_run_print_failure(&fail);
        return NV_EXIT_USAGE;
    }
    nv_buf_init(&report, NV_CAP_EXPLAIN_REPORT);
    for (size_t i = 0; i < count && err == NV_OK; i++)
        err = nv_explain_add_file(&explain, paths[i], &report, &fail);
    if (err == NV_OK)
        err = nv_stage_redaction(options, &redaction, &fail);
    if (err == NV_OK)
        err = nv_explain_write(&explain, mapping, &redaction, &report);
    nv_redact_buf(&redaction, &report);
    nv_pii_free(redaction.pii);
    nv_mask_buf(&report);
    nv_shown_print(stdout, nv_buf_str(&report), NV_SHOWN_LINES);
    nv_buf_release(&report);
    nv_explain_release(&explain);
    nv_mapping_free(mapping);
    if (err == NV_OK)
        return NV_EXIT_OK;
    fail.code = err;
    nv_run_print_failure(&fail);
    return NV_EXIT_FAILED;
}
