/*
 * Bodies of answers.
 *
 *   Status { code, message, details: [ Any{BadRequest}, Any{RetryInfo} ] }
 *
 * Protobuf through nanopb, whose generated structs are of fixed size and need no heap; JSON
 * through the writer in base. The texts are cut to the sizes in otlp/proto/reply.options, on a
 * character's border: answers are read by people and logged by exporters.
 */
#include "otlp/request/reply.h"

#include "base/json/json_write.h"
#include "base/text/shown.h"
#include "base/text/utf8.h"
#include "otlp/reply.pb.h"

#include <pb_encode.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define TYPE_BAD_REQUEST "type.googleapis.com/google.rpc.BadRequest"
#define TYPE_RETRY_INFO "type.googleapis.com/google.rpc.RetryInfo"

/* Copies text into a field of a message: as it may be shown, as much as fits, terminated. */
static void set_text(char *out, size_t size, struct nv_str text)
{
    char escape[NV_SHOWN_ESCAPE_SIZE];
    size_t len = 0;
    assert(size > 0);
    while (text.len > 0 && len < size - 1) {
        struct nv_str piece = nv_shown_next(&text, NV_SHOWN_LINE, escape);
        size_t room = size - 1 - len;
        if (piece.len > room) { /* never inside a character or an escape */
            piece.len = piece.ptr != escape ? nv_utf8_cut(piece, room) : 0;
            text.len = 0;
        }
        if (piece.len > 0)
            memcpy(out + len, piece.ptr, piece.len);
        len += piece.len;
    }
    out[len] = '\0';
}

/* ---- protobuf ---------------------------------------------------------------------------- */

static bool write_to_buf(pb_ostream_t *stream, const pb_byte_t *bytes, size_t count)
{
    return nv_buf_append(stream->state, bytes, count) == NV_OK;
}

static enum nv_err encode(const pb_msgdesc_t *type, const void *message, struct nv_buf *out)
{
    /* the buffer has the cap */
    pb_ostream_t stream = {.callback = write_to_buf, .state = out, .max_size = SIZE_MAX};
    if (pb_encode(&stream, type, message))
        return NV_OK;
    return out->failed != NV_OK ? out->failed : NV_ERR_INTERNAL;
}

/* The sizes in reply.options leave room for any BadRequest and RetryInfo. */
static void add_detail(nv_reply_Status *status, const char *type_url, const pb_msgdesc_t *type,
                       const void *message)
{
    nv_reply_Any *any = &status->details[status->details_count];
    pb_ostream_t stream = pb_ostream_from_buffer(any->value.bytes, sizeof any->value.bytes);
    assert(status->details_count < sizeof status->details / sizeof *status->details);
    if (!pb_encode(&stream, type, message))
        return;
    set_text(any->type_url, sizeof any->type_url, nv_str_from(type_url));
    any->value.size = (pb_size_t)stream.bytes_written;
    status->details_count++;
}

/* BadRequest says where the client was wrong; for our own failures there is no such place. */
static bool has_violation(const struct nv_fail *fail)
{
    return fail != NULL && fail->code != NV_OK && nv_err_info(fail->code)->http_status == 400;
}

static enum nv_err status_protobuf(int grpc_code, struct nv_str message,
                                   const struct nv_fail *fail, int retry_after_s,
                                   struct nv_buf *out)
{
    nv_reply_Status status = {.code = grpc_code};
    set_text(status.message, sizeof status.message, message);
    if (has_violation(fail)) {
        nv_reply_BadRequest bad = {.field_violations_count = 1};
        nv_reply_FieldViolation *violation = &bad.field_violations[0];
        set_text(violation->field, sizeof violation->field, nv_str_from(fail->path));
        set_text(violation->description, sizeof violation->description,
                 nv_str_from(fail->what));
        add_detail(&status, TYPE_BAD_REQUEST, nv_reply_BadRequest_fields, &bad);
    }
    if (retry_after_s > 0) {
        nv_reply_RetryInfo retry = {true, {retry_after_s}};
        add_detail(&status, TYPE_RETRY_INFO, nv_reply_RetryInfo_fields, &retry);
    }
    return encode(nv_reply_Status_fields, &status, out);
}

/* Full success leaves partial_success unset; with no rejected ones its message is a warning
 * (OTLP, "Full Success" and "Partial Success"). */
static enum nv_err success_protobuf(uint64_t rejected, struct nv_str message,
                                    struct nv_buf *out)
{
    nv_reply_ExportResponse response = {.has_partial_success = rejected > 0 || message.len > 0};
    nv_reply_PartialSuccess *partial = &response.partial_success;
    partial->rejected = rejected <= INT64_MAX ? (int64_t)rejected : INT64_MAX;
    set_text(partial->error_message, sizeof partial->error_message, message);
    return encode(nv_reply_ExportResponse_fields, &response, out);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void write_text(struct nv_json_writer *writer, const char *key, struct nv_str text)
{
    nv_json_write_key(writer, nv_str_from(key));
    nv_json_write_string(writer, text);
}

static void write_shown(struct nv_json_writer *writer, const char *key, struct nv_str text)
{
    char shown[sizeof((struct nv_fail *)NULL)->path];
    set_text(shown, sizeof shown, text);
    write_text(writer, key, nv_str_from(shown));
}

static void write_violation(struct nv_json_writer *writer, const struct nv_fail *fail)
{
    nv_json_write_begin_object(writer);
    write_text(writer, "@type", NV_STR(TYPE_BAD_REQUEST));
    nv_json_write_key(writer, NV_STR("fieldViolations"));
    nv_json_write_begin_array(writer);
    nv_json_write_begin_object(writer);
    write_shown(writer, "field", nv_str_from(fail->path));
    write_shown(writer, "description", nv_str_from(fail->what));
    nv_json_write_end_object(writer);
    nv_json_write_end_array(writer);
    nv_json_write_end_object(writer);
}

static void write_retry(struct nv_json_writer *writer, int retry_after_s)
{
    char delay[16];
    (void)snprintf(delay, sizeof delay, "%ds", retry_after_s);
    nv_json_write_begin_object(writer);
    write_text(writer, "@type", NV_STR(TYPE_RETRY_INFO));
    write_text(writer, "retryDelay", nv_str_from(delay));
    nv_json_write_end_object(writer);
}

static enum nv_err status_json(int grpc_code, struct nv_str message, const struct nv_fail *fail,
                               int retry_after_s, struct nv_buf *out)
{
    struct nv_json_writer writer;
    char text[sizeof((nv_reply_Status *)NULL)->message];
    set_text(text, sizeof text, message);
    nv_json_write_init(&writer, out);
    nv_json_write_begin_object(&writer);
    nv_json_write_key(&writer, NV_STR("code"));
    nv_json_write_int(&writer, grpc_code);
    write_text(&writer, "message", nv_str_from(text));
    if (has_violation(fail) || retry_after_s > 0) {
        nv_json_write_key(&writer, NV_STR("details"));
        nv_json_write_begin_array(&writer);
        if (has_violation(fail))
            write_violation(&writer, fail);
        if (retry_after_s > 0)
            write_retry(&writer, retry_after_s);
        nv_json_write_end_array(&writer);
    }
    nv_json_write_end_object(&writer);
    return out->failed;
}

static enum nv_err success_json(enum nv_signal signal, uint64_t rejected, struct nv_str message,
                                struct nv_buf *out)
{
    struct nv_json_writer writer;
    char text[sizeof((nv_reply_PartialSuccess *)NULL)->error_message];
    char count[24];
    if (rejected == 0 && message.len == 0)
        return nv_buf_append_str(out, NV_STR("{}"));
    set_text(text, sizeof text, message);
    (void)snprintf(count, sizeof count, "%" PRIu64, rejected);
    nv_json_write_init(&writer, out);
    nv_json_write_begin_object(&writer);
    nv_json_write_key(&writer, NV_STR("partialSuccess"));
    nv_json_write_begin_object(&writer);
    if (rejected > 0) { /* int64: a string in proto3 JSON */
        write_text(&writer, signal == NV_SIGNAL_LOGS ? "rejectedLogRecords" : "rejectedSpans",
                   nv_str_from(count));
    }
    write_text(&writer, "errorMessage", nv_str_from(text));
    nv_json_write_end_object(&writer);
    nv_json_write_end_object(&writer);
    return out->failed;
}

enum nv_err nv_reply_success(enum nv_signal signal, enum nv_media media, uint64_t rejected,
                             struct nv_str message, struct nv_buf *out)
{
    if (media == NV_MEDIA_JSON)
        return success_json(signal, rejected, message, out);
    return success_protobuf(rejected, message, out);
}

enum nv_err nv_reply_status(enum nv_media media, int grpc_code, struct nv_str message,
                            const struct nv_fail *fail, int retry_after_s, struct nv_buf *out)
{
    if (media == NV_MEDIA_JSON)
        return status_json(grpc_code, message, fail, retry_after_s, out);
    return status_protobuf(grpc_code, message, fail, retry_after_s, out);
}

/* Seconds by what has to pass: a queue empties in less than one, a restart takes two, a disk is
 * not given room in ten but clients must not ask each second. */
int nv_reply_retry_after_s(enum nv_err err)
{
    if (!nv_err_info(err)->retryable)
        return 0;
    switch (err) {
    case NV_ERR_BUSY:
        return 1;
    case NV_ERR_STOPPING:
        return 2;
    case NV_ERR_NO_SPACE:
        return 10;
    default:
        return 5;
    }
}

struct nv_str nv_reply_message(enum nv_err err, const struct nv_fail *fail, char *text,
                               size_t size)
{
    assert(size > 0);
    if (!fail || fail->code == NV_OK)
        return nv_str_from(nv_err_info(err)->text);
    (void)snprintf(text, size, "%s%s%s", fail->what, fail->path[0] != '\0' ? " at " : "",
                   fail->path);
    return nv_str_from(text);
}
