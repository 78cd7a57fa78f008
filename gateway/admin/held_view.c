/*
 * One held trace after the other becomes a row; a copy lives as long as that takes.
 *
 * A trace that is too large to be translated for a row each second has one all the same, with
 * what its shard knows of it: spans, bytes, why it waits. Opened by itself it is shown whole.
 *
 *   shard ──copy──▶ raw trace ──translate──▶ mask ──encode──▶ JSON ──▶ summary ──▶ row
 *                   in an arena of its own, freed before the next is begun
 *
 * The same steps as on delivery, in the same order: what is shown of a trace that is held has
 * been masked as what is sent, and a row is made by the code that makes stored rows. Only the
 * counters are left alone, because the same trace is looked at each second and delivered once.
 */
#include "gateway/admin/held_view.h"

#include "base/json/json_member.h"
#include "base/limits.h"
#include "base/text/text.h"
#include "exporter/encode/encode.h"
#include "gateway/traces/trace_summary.h"
#include "mapping/mapping.h"

#include <stdlib.h>

#include "base/banned.h"

/* Of one that is opened by itself. */
#define OPENED_BYTES_MAX NV_CAP_MIB(16)

/* ---- from a copy to JSON ----------------------------------------------------------------- */

/* Takes `raw`. NV_ERR_NOT_FOUND: there is nothing to show of it. */
static enum nv_err encode(const struct nv_admin_source *source, struct nv_raw_trace *raw,
                          struct nv_buf *json)
{
    const struct nv_mapping *mapping = source->look_mapping(source->ctx);
    struct nv_arena *arena = raw->arena;
    struct nv_trace *trace = NULL;
    struct nv_redaction_config redaction = *source->redaction;
    uint32_t unused = 0;
    redaction.uncounted = true;
    enum nv_err err = mapping ? NV_OK : NV_ERR_NO_MEMORY;
    if (err == NV_OK && raw->of_records)
        err = nv_mapping_make_spans(raw, &unused);
    if (err == NV_OK) {
        err =
            raw->span_count > 0 ? nv_mapping_translate(mapping, raw, &trace) : NV_ERR_NOT_FOUND;
    }
    if (err == NV_OK)
        err = trace->span_count > 0 ? nv_redact(&redaction, trace, NULL) : NV_ERR_NOT_FOUND;
    if (err == NV_OK)
        err = nv_encode_trace(json, trace, source->trace_id_form);
    nv_arena_free(arena);
    return err;
}

/* ---- JSON of a row ----------------------------------------------------------------------- */

/* Below zero: not known, as nv_json_put_known. The page shows nothing then, and a zero is a
 * number like others. */
static void put_count(struct nv_json_writer *json, const char *key, int64_t value)
{
    nv_json_write_key(json, nv_str_from(key));
    if (value < 0)
        nv_json_write_null(json);
    else
        nv_json_write_int(json, value);
}

/* Times are of the wall clock though ages are measured by the other: the page counts down from
 * them by itself, without asking again. */
static void put_wait(struct nv_json_writer *json, const struct nv_held_trace *held,
                     double now_ms)
{
    nv_json_write_key(json, NV_STR("wait"));
    nv_json_write_begin_object(json);
    nv_json_put_text(json, "reason", nv_str_from(nv_wait_name(held->wait)));
    nv_json_put_text(json, "text", nv_str_from(nv_wait_text(held->wait)));
    nv_json_put_bool(json, "root", held->root);
    put_count(json, "part", held->part);
    put_count(json, "spans", held->spans);
    put_count(json, "log_records", held->records);
    put_count(json, "bytes", (int64_t)held->bytes);
    nv_json_put_known(json, "since_ms", now_ms - (double)held->age_ns / 1e6);
    nv_json_put_known(json, "last_ms", now_ms - (double)held->quiet_ns / 1e6);
    nv_json_put_known(json, "until_ms", now_ms + (double)held->left_ns / 1e6);
    nv_json_write_end_object(json);
}

/* The columns of a row of /api/traces, but for its id: it has none yet. */
static void put_row(struct nv_json_writer *json, const struct nv_trace_summary *row,
                    uint64_t bytes)
{
    nv_json_put_text(json, "trace_id", row->trace_id);
    nv_json_put_text(json, "source_id", row->source_id);
    nv_json_put_text(json, "name", row->name);
    nv_json_put_text(json, "kind", row->kind);
    nv_json_put_text(json, "status", row->status);
    nv_json_put_text(json, "status_message", row->status_message);
    nv_json_put_text(json, "service", row->service);
    nv_json_put_text(json, "session", row->session);
    nv_json_put_text(json, "user", row->user);
    nv_json_put_text(json, "model", row->model);
    nv_json_put_text(json, "question", row->question);
    nv_json_put_text(json, "answer", row->answer);
    nv_json_put_known(json, "duration_ms", row->duration_ms);
    put_count(json, "input_tokens", row->input_tokens);
    put_count(json, "output_tokens", row->output_tokens);
    nv_json_put_known(json, "cost", row->cost);
    nv_json_put_known(json, "first_token_ms", row->first_token_ms);
    put_count(json, "span_count", row->span_count);
    put_count(json, "error_count", row->error_count);
    put_count(json, "bytes", (int64_t)bytes);
    nv_json_put_known(json, "start_ms", (double)row->start_us / 1000.0);
}

/* Of a trace that can't be shown: what its shard knows. It was not read, so that its times are
 * those of its arrival, and a status that nobody looked at is ok. */
static void put_stub(struct nv_json_writer *json, const struct nv_held_trace *held,
                     double now_ms)
{
    char id[2 * NV_TRACE_ID_BYTES];
    nv_hex_encode(held->trace_id, NV_TRACE_ID_BYTES, id);
    struct nv_trace_summary row = {.trace_id = {id, sizeof id},
                                   .source_id = {id, sizeof id},
                                   .name = NV_STR("held"),
                                   .status = NV_STR("ok"),
                                   .start_us =
                                       (int64_t)(now_ms * 1e3) - (int64_t)(held->age_ns / 1000),
                                   .duration_ms = (double)(held->age_ns - held->quiet_ns) / 1e6,
                                   .input_tokens = -1,
                                   .output_tokens = -1,
                                   .cost = -1,
                                   .first_token_ms = -1,
                                   .span_count = held->spans};
    put_row(json, &row, held->bytes);
}

/* Takes held->raw. Whatever is wrong with one trace, its row is there as a stub; only without
 * memory does the whole list end, because the next row would fail as well. */
static enum nv_err put_held(const struct nv_admin_source *source, struct nv_held_trace *held,
                            struct nv_trace_summary *row, struct nv_json_writer *json)
{
    double now_ms = (double)nv_clock_wall_ns(nv_clock_system()) / 1e6;
    struct nv_arena *arena = nv_arena_new(NV_CAP_STORE_ARENA);
    struct nv_buf trace, text;
    nv_buf_init(&trace, NV_CAP_API_ANSWER);
    nv_buf_init(&text, NV_CAP_STORE_TEXT);
    enum nv_err err = held->raw ? encode(source, held->raw, &trace) : NV_ERR_NOT_FOUND;
    if (err == NV_OK) {
        err = arena ? nv_trace_summary_read(arena, nv_buf_str(&trace), row, &text)
                    : NV_ERR_NO_MEMORY;
    }
    nv_json_write_begin_object(json);
    if (err == NV_OK)
        put_row(json, row, held->bytes);
    else
        put_stub(json, held, now_ms);
    put_wait(json, held, now_ms);
    nv_json_write_end_object(json);
    nv_buf_release(&text);
    nv_buf_release(&trace);
    nv_arena_free(arena);
    return err == NV_ERR_NO_MEMORY ? err : NV_OK;
}

/* All copies are made under their shards' locks by one call, before the first is translated: a
 * shard waits for a copy, never for a translation. */
enum nv_err nv_held_list_write(const struct nv_admin_source *source, struct nv_buf *out)
{
    const struct nv_held_ask ask = {.max = NV_HELD_LISTED_MAX,
                                    .raw_bytes_max = NV_HELD_SHOWN_BYTES};
    struct nv_held_trace *held = calloc(NV_HELD_LISTED_MAX, sizeof *held);
    struct nv_trace_summary *row = malloc(sizeof *row);
    struct nv_json_writer json;
    enum nv_err err = held && row ? NV_OK : NV_ERR_NO_MEMORY;
    size_t count = 0;
    if (err == NV_OK && source->read_held)
        count = source->read_held(source->ctx, &ask, held);
    nv_json_write_init(&json, out);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("held"));
    nv_json_write_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        if (err == NV_OK)
            err = put_held(source, &held[i], row, &json);
        else if (held[i].raw)
            nv_arena_free(held[i].raw->arena);
    }
    nv_json_write_end_array(&json);
    nv_json_write_end_object(&json);
    free(row);
    free(held);
    return err != NV_OK ? err : out->failed;
}

/* FNV-1a over counts, of which each span, each log record and each trace that leaves changes
 * one. Of their 64 bits 52 are kept: a page reads numbers as doubles. */
uint64_t nv_held_mark(const struct nv_admin_source *source)
{
    struct nv_gateway_status status;
    uint64_t mark = UINT64_C(14695981039346656037);
    source->read_status(source->ctx, &status);
    const uint64_t counts[] = {status.assembly.open_traces, status.assembly.held_spans,
                               status.assembly.held_bytes};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        mark = (mark ^ counts[i]) * UINT64_C(1099511628211);
    return (mark >> 12) | 1;
}

/* ---- one trace --------------------------------------------------------------------------- */

/* Gone is an answer, not an error: between the list and the click a trace completes, and the
 * page then looks for it among those that are stored. */
enum nv_err nv_held_trace_write(const struct nv_admin_source *source, struct nv_str id,
                                struct nv_buf *out)
{
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    const struct nv_held_ask ask = {.trace_id = trace_id, .raw_bytes_max = OPENED_BYTES_MAX};
    struct nv_held_trace held = {0};
    struct nv_json_writer json;
    struct nv_buf trace;
    if (!source->read_held || nv_hex_decode_uuid(id, trace_id) != NV_OK ||
        source->read_held(source->ctx, &ask, &held) == 0)
        return nv_buf_append_str(out, NV_STR("{\"wait\":null,\"trace\":null}"));
    nv_buf_init(&trace, NV_CAP_API_ANSWER);
    enum nv_err err = held.raw ? encode(source, held.raw, &trace) : NV_ERR_NOT_FOUND;
    nv_json_write_init(&json, out);
    nv_json_write_begin_object(&json);
    put_wait(&json, &held, (double)nv_clock_wall_ns(nv_clock_system()) / 1e6);
    nv_json_write_key(&json, NV_STR("trace"));
    if (err == NV_OK)
        nv_json_write_raw(&json, nv_buf_str(&trace));
    else
        nv_json_write_null(&json);
    nv_json_write_end_object(&json);
    nv_buf_release(&trace);
    return out->failed;
}
