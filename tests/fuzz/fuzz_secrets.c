/*
 * Any text, searched for secrets.
 *
 * Whatever it holds: no crash, work in proportion to its bytes, nothing more found the second
 * time, what is masked is not longer than three times the text, and JSON that was whole stays
 * whole unless a quote of another kind was open in it.
 */
#include "base/json/json_read.h"
#include "base/meter.h"
#include "redaction/secrets/scan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ARENA_MAX ((size_t)64 << 20)
#define WORK_MAX 8u /* units for 32 bytes, a form tried among them */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fuzz_secrets: %s\n", what);
    abort();
}

static bool is_json(struct nv_str text)
{
    struct nv_json_reader reader;
    nv_json_read_init(&reader, text, NV_JSON_DEPTH_LIMIT);
    return nv_json_skip(&reader, nv_json_next(&reader)) == NV_OK &&
           nv_json_next(&reader) == NV_JSON_END;
}

static uint64_t total(const struct nv_secret_counts *counts)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < NV_SECRET_RULE_COUNT; i++)
        sum += counts->of[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    const struct nv_str text = {(const char *)data, size};
    struct nv_str once = text;
    struct nv_secret_counts counts;
    nv_secrets_ready();
    nv_meter_start(UINT64_MAX);
    check(nv_secrets_mask_text(arena, &once, &counts) == NV_OK, "no memory");
    check(nv_meter_spent() <= 64 + WORK_MAX * size, "too much work");
    if (once.ptr != text.ptr) {
        check(total(&counts) > 0, "changed, and nothing counted");
        check(once.len <= 3 * text.len, "it grew");
        struct nv_str twice = once;
        check(nv_secrets_mask_text(arena, &twice, &counts) == NV_OK, "no memory");
        check(twice.ptr == once.ptr, "masked twice is not masked once");
        bool quotes =
            nv_str_find_char(text, '\'') != SIZE_MAX || nv_str_find_char(text, '`') != SIZE_MAX;
        check(quotes || !is_json(text) || is_json(once), "JSON that is none any more");
    }
    nv_arena_free(arena);
    return 0;
}
