/*
 * Any request that the door takes, translated, masked and encoded: how much work for each byte?
 *
 * The first byte says protobuf or JSON, the rest is the body; all its spans go into one trace.
 * The fitness is the work: each further eighth of a unit for a byte lights a counter that
 * libFuzzer takes for coverage, so that inputs evolve towards those that cost most. What is
 * past WORK_MAX aborts; small inputs may cost more a byte, for some things cost the same
 * however small. Without a limit of its own the translation goes on to its end, so that what is
 * too much is seen as such.
 */
#include "any_request.h"
#include "base/meter.h"
#include "exporter/encode/encode.h"
#include "mapping/mapping.h"
#include "redaction/redact.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define JSON_MAX ((size_t)64 << 20)
/* Units for a byte that no input of BYTES_MIN or more may take; captured traces take less than
 * 4, and mapping.work_per_byte is 64. */
#define WORK_MAX 48u
#define BYTES_MIN 1024u
#define STEPS 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer reads every byte of this section as a counter of an edge. */
__attribute__((section("__libfuzzer_extra_counters"), used)) static uint8_t reached[STEPS];

static struct nv_mapping *mapping;

static const struct nv_redaction_config redaction = {.secrets = true,
                                                     .stack_traces = NV_STACK_TRACES_LAST};

static uint64_t work_of(const struct nv_batch *batch)
{
    struct nv_trace *trace = NULL;
    struct nv_raw_trace *raw = any_request_raw(batch);
    struct nv_arena *arena = raw->arena;
    nv_meter_start(UINT64_MAX);
    if (nv_mapping_translate(mapping, raw, &trace) == NV_OK &&
        nv_redact(&redaction, trace, NULL) == NV_OK) {
        struct nv_buf buf;
        nv_buf_init(&buf, JSON_MAX);
        enum nv_err err = nv_encode_trace(&buf, trace, NV_TRACE_ID_UUID);
        nv_buf_release(&buf);
        if (err != NV_OK && err != NV_ERR_LIMIT && err != NV_ERR_NO_MEMORY)
            abort();
    }
    nv_arena_free(arena);
    return nv_meter_spent();
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
    uint64_t work = work_of(batch), bytes = size < BYTES_MIN ? BYTES_MIN : size;
    uint64_t step = work * 8 / bytes;
    reached[step < STEPS ? step : STEPS - 1] = 1;
    nv_batch_free(batch);
    if (work <= WORK_MAX * bytes)
        return 0;
    (void)fprintf(stderr, "fuzz_work: %llu units for %zu bytes\n", (unsigned long long)work,
                  size);
    abort();
}
