/*
 * Any request that the door takes, translated.
 *
 * The first byte says protobuf or JSON, the rest is the body. What the door refuses is left.
 * All its spans, of whatever trace, go into one raw trace: that is a trace with strange
 * parents, and every id is there once or more. Whatever they hold: no crash, no error but "no
 * spans" and memory, every span in the trace or told as a placeholder or a repeat, names that
 * are not empty, times that do not run backwards, attributes that can be written, and masked a
 * second time as the first.
 */
#include "any_request.h"
#include "mapping/mapping.h"
#include "redaction/redact.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nv_mapping *mapping;

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fuzz_translate: %s\n", what);
    abort();
}

static void write_all(struct nv_buf *buf, const struct nv_trace *trace)
{
    struct nv_json_writer writer;
    nv_buf_init(buf, SIZE_MAX);
    nv_json_write_init(&writer, buf);
    nv_json_write_begin_array(&writer);
    nv_attributes_write(&writer, &trace->attributes);
    for (uint32_t i = 0; i < trace->span_count; i++)
        nv_attributes_write(&writer, &trace->spans[i].attributes);
    nv_json_write_end_array(&writer);
}

static void check_trace(const struct nv_trace *trace, uint32_t sent)
{
    check(trace->span_count > 0, "a trace without spans");
    check(trace->span_count + trace->left_out.placeholders <= sent,
          "more spans than were sent");
    check(trace->name.len > 0 && trace->project.len > 0, "a trace without a name or project");
    for (uint32_t i = 0; i < trace->span_count; i++) {
        const struct nv_span *span = &trace->spans[i];
        check(span->name.len > 0, "a span without a name");
        check(span->end_ns >= span->start_ns, "a span that ends before it starts");
        check(i == 0 || span->start_ns >= span[-1].start_ns, "spans out of order");
    }
}

static const struct nv_redaction_config redaction = {.secrets = true,
                                                     .stack_traces = NV_STACK_TRACES_LAST};

static void check_masked(struct nv_trace *trace)
{
    struct nv_buf once, twice;
    check(nv_redact(&redaction, trace, NULL) == NV_OK, "masking failed");
    write_all(&once, trace);
    check(nv_redact(&redaction, trace, NULL) == NV_OK, "masking failed the second time");
    write_all(&twice, trace);
    check(nv_str_eq(nv_buf_str(&once), nv_buf_str(&twice)), "masked twice is not masked once");
    nv_buf_release(&once);
    nv_buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nv_mapping_config config = {.gateway_version = NV_STR("0")};
    if (!mapping)
        mapping = nv_mapping_new(&config, NULL);
    struct nv_batch *batch =
        size > 1 && mapping != NULL ? any_request_decode(data, size) : NULL;
    if (!batch || batch->item_count == 0) {
        nv_batch_free(batch);
        return 0;
    }
    struct nv_raw_trace *raw = any_request_raw(batch);
    struct nv_arena *arena = raw->arena;
    struct nv_trace *trace = NULL;
    enum nv_err err = nv_mapping_translate(mapping, raw, &trace);
    check(err == NV_OK || err == NV_ERR_NO_MEMORY, "a checked request can't be translated");
    if (err == NV_OK) {
        struct nv_buf buf;
        check_trace(trace, batch->item_count);
        write_all(&buf, trace);
        nv_buf_release(&buf);
        check_masked(trace);
    }
    nv_arena_free(arena);
    nv_batch_free(batch);
    return 0;
}
