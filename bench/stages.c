/*
 * What each stage of the pipeline costs, alone and warm: one request goes through all of them,
 * over and over, on one thread.
 *
 *   bench-stages SHAPE [SECONDS]     genai|small|chat|tools; a line a stage: us of CPU a span
 *   bench-stages SHAPE passes N      exactly so many rounds, for counting instructions
 *
 *   gzip ─inflate─▶ protobuf ─walk─▶ batch ─journal─▶ file in /dev/shm
 *   JSON ─transcode─▶ protobuf                  batch ─translate─▶ trace ─mask─▶ ─encode─▶ JSON
 *                                                                     ─pack─▶ body ─compress─▶
 *
 * Stages are functions that are not inlined, so that a profile shows each by its name
 * (bench/instructions.py). Of a request of eight traces each stage has all before the next one
 * begins, which is about as warm as in the gateway. Hand-over between threads is not in it.
 */
#include "bench/payload.h"
#include "exporter/encode/compress.h"
#include "exporter/encode/encode.h"
#include "exporter/encode/pack.h"
#include "journal/journal.h"
#include "mapping/mapping.h"
#include "otlp/request/inflate.h"
#include "otlp/request/request.h"
#include "otlp/request/transcode.h"
#include "redaction/redact.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

#define TRACES 8u
#define WORK_PER_BYTE 64 /* the default of mapping.work_per_byte */
#define BYTES_MAX ((size_t)512 << 20)
#define STAGE __attribute__((noinline, noclone))

struct work {
    struct nv_buf protobuf, json, gzip; /* the request, three times */
    struct nv_journal *journal;
    struct nv_mapping *mapping;
    struct nv_compressor *compressor;
    /* what stages hand on */
    struct nv_batch *batch;
    struct nv_raw_trace *raw[TRACES];
    struct nv_trace *traces[TRACES];
    struct nv_encoded_list encoded;
    struct nv_buf wire, packed;
    uint64_t spans;
};

static void check(enum nv_err err)
{
    if (err == NV_OK)
        return;
    (void)fprintf(stderr, "stages: %s\n", nv_err_info(err)->text);
    exit(1);
}

static STAGE void stage_inflate(struct work *w)
{
    const struct nv_room room = {.max = BYTES_MAX};
    char *out = NULL;
    size_t len = 0;
    check(nv_inflate(NV_CODING_GZIP, nv_buf_str(&w->gzip), &room, &out, &len, NULL));
    free(out);
}

static STAGE void stage_transcode(struct work *w)
{
    struct nv_fail fail;
    uint64_t int_range = 0;
    nv_buf_clear(&w->wire);
    check(nv_transcode(NV_SIGNAL_TRACES, nv_buf_str(&w->json), &w->wire, &int_range, &fail));
}

/* With a copy of the body, which the batch owns. */
static STAGE void stage_walk(struct work *w)
{
    struct nv_request_result result;
    char *copy = malloc(w->protobuf.len);
    if (!copy)
        check(NV_ERR_NO_MEMORY);
    memcpy(copy, w->protobuf.bytes, w->protobuf.len);
    const struct nv_request_body body = {NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, copy,
                                         w->protobuf.len};
    check(nv_request_decode(&body, NULL, &result, &w->batch, NULL));
    w->spans += result.accepted;
}

static STAGE void stage_journal(struct work *w)
{
    struct nv_journal_put put = {.kind = NV_RECORD_TRACES, .body = nv_buf_str(&w->protobuf)};
    check(nv_journal_commit(w->journal, &put, 1, false));
    nv_journal_release(w->journal, &put.id, 1);
}

/* The `count` items from `first` as a raw trace of their own. */
static struct nv_raw_trace *raw_of(const struct nv_batch *batch, uint32_t first, uint32_t count)
{
    struct nv_arena *arena = nv_arena_new(BYTES_MAX);
    struct nv_raw_trace *raw = arena ? nv_arena_alloc(arena, sizeof *raw) : NULL;
    if (!raw)
        exit(1);
    raw->arena = arena;
    memcpy(raw->trace_id, batch->items[first].trace_id, NV_TRACE_ID_BYTES);
    raw->items = nv_arena_array(arena, count, sizeof *raw->items);
    raw->groups = batch->groups;
    raw->group_count = batch->group_count;
    for (uint32_t i = 0; raw->items && i < count; i++) {
        const struct nv_item *item = &batch->items[first + i];
        raw->items[raw->item_count++] = (struct nv_raw_item){
            {batch->body + item->offset, item->length}, item->group, NV_SIGNAL_TRACES};
    }
    raw->span_count = raw->item_count;
    return raw;
}

static STAGE void stage_gather(struct work *w)
{
    for (uint32_t i = 0; i < TRACES; i++)
        w->raw[i] = raw_of(w->batch, i * PAYLOAD_TRACE_SPANS, PAYLOAD_TRACE_SPANS);
}

static STAGE void stage_translate(struct work *w)
{
    for (uint32_t i = 0; i < TRACES; i++)
        check(nv_mapping_translate(w->mapping, w->raw[i], &w->traces[i]));
}

/* What a gateway that delivers does unless it is told otherwise. */
static STAGE void stage_mask(struct work *w)
{
    static const struct nv_redaction_config all = {.secrets = true,
                                                   .media = {.mode = NV_MEDIA_MARKER}};
    for (uint32_t i = 0; i < TRACES; i++)
        check(nv_redact(&all, w->traces[i], NULL));
}

static STAGE void stage_encode(struct work *w)
{
    for (uint32_t i = 0; i < TRACES; i++) {
        struct nv_buf text;
        nv_buf_init(&text, BYTES_MAX);
        check(nv_encoded_begin(&text));
        check(nv_encode_trace(&text, w->traces[i], NV_TRACE_ID_UUID));
        struct nv_encoded *encoded = nv_encoded_take(&text, w->traces[i]->span_count);
        if (!encoded)
            check(NV_ERR_NO_MEMORY);
        nv_encoded_list_push(&w->encoded, encoded);
    }
}

static STAGE void stage_pack(struct work *w)
{
    const struct nv_pack_limits limits = {TRACES, SIZE_MAX};
    struct nv_body *body = nv_body_take(&w->encoded, &limits);
    struct nv_encoded *encoded;
    if (!body)
        check(NV_ERR_NO_MEMORY);
    nv_buf_clear(&w->wire);
    check(nv_body_write(body, 1, &w->wire));
    while ((encoded = nv_encoded_list_pop(&body->traces)) != NULL)
        free(encoded);
    nv_body_free(body);
}

static STAGE void stage_compress(struct work *w)
{
    nv_buf_clear(&w->packed);
    check(nv_compress_gzip(w->compressor, nv_buf_str(&w->wire), &w->packed));
}

static STAGE void stage_free(struct work *w)
{
    for (uint32_t i = 0; i < TRACES; i++)
        nv_arena_free(w->traces[i]->arena);
    nv_batch_free(w->batch);
}

static struct stage {
    const char *name;
    void (*run)(struct work *w);
    uint64_t ns;
} stages[] = {{"inflate", stage_inflate, 0}, {"transcode", stage_transcode, 0},
              {"walk", stage_walk, 0},       {"journal", stage_journal, 0},
              {"gather", stage_gather, 0},   {"translate", stage_translate, 0},
              {"mask", stage_mask, 0},       {"encode", stage_encode, 0},
              {"pack", stage_pack, 0},       {"compress", stage_compress, 0},
              {"free", stage_free, 0}};

#define STAGES (sizeof stages / sizeof stages[0])

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NV_NS_PER_S + (uint64_t)t.tv_nsec;
}

static void once(struct work *w)
{
    uint64_t at = now_ns();
    for (size_t i = 0; i < STAGES; i++) {
        stages[i].run(w);
        uint64_t now = now_ns();
        stages[i].ns += now - at;
        at = now;
    }
}

static void report(const struct work *w)
{
    uint64_t all = 0;
    for (size_t i = 0; i < STAGES; i++) {
        (void)printf("%-10s %8.3f us/span\n", stages[i].name,
                     (double)stages[i].ns / 1e3 / (double)w->spans);
        all += stages[i].ns;
    }
    (void)printf("%-10s %8.3f us/span, %zu bytes in, %zu out, %zu packed\n", "all",
                 (double)all / 1e3 / (double)w->spans,
                 w->protobuf.len / TRACES / PAYLOAD_TRACE_SPANS,
                 w->wire.len / TRACES / PAYLOAD_TRACE_SPANS,
                 w->packed.len / TRACES / PAYLOAD_TRACE_SPANS);
}

static void forget_times(struct work *w)
{
    for (size_t i = 0; i < STAGES; i++)
        stages[i].ns = 0;
    w->spans = 0;
}

static void make_request(struct work *w, enum payload_shape shape)
{
    struct payload payload, json;
    uint64_t first = 1, again = 1;
    check(payload_make(&payload, shape, TRACES, 1));
    check(payload_make(&json, shape, TRACES, 1));
    check(payload_to_json(&json));
    payload_renew(&payload, 1, &first);
    payload_renew(&json, 1, &again);
    w->protobuf = payload.body;
    w->json = json.body;
    free(payload.id_offsets);
    free(json.id_offsets);
    check(nv_compress_gzip(w->compressor, nv_buf_str(&w->protobuf), &w->gzip));
}

static void begin(struct work *w, const char *shape, const char *directory)
{
    const struct nv_mapping_config mapping = {.gateway_version = NV_STR(NOVEUM_VERSION),
                                              .work_per_byte = WORK_PER_BYTE};
    const struct nv_journal_config journal = {
        .directory = directory, .max_bytes = UINT64_C(1) << 30, .segment_bytes = 64u << 20};
    struct nv_buf *bufs[] = {&w->gzip, &w->wire, &w->packed};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        nv_buf_init(bufs[i], BYTES_MAX);
    w->compressor = nv_compressor_new(NV_GZIP_LEVEL);
    w->mapping = nv_mapping_new(&mapping, NULL);
    if (!w->compressor || !w->mapping)
        check(NV_ERR_NO_MEMORY);
    check(nv_journal_open(&journal, &w->journal, NULL));
    make_request(w, payload_shape_of(shape));
}

static void remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory)
        (void)closedir(directory);
    (void)rmdir(path);
}

int main(int argc, char **argv)
{
    char directory[] = "/dev/shm/noveum-bench-stages-XXXXXX";
    struct work work = {0};
    bool counted = argc > 3 && strcmp(argv[2], "passes") == 0;
    if (argc < 2 || !mkdtemp(directory))
        return 2;
    begin(&work, argv[1], directory);
    if (counted) {
        for (uint64_t i = strtoull(argv[3], NULL, 10); i > 0; i--)
            once(&work);
        (void)printf("%llu spans\n", (unsigned long long)work.spans);
    } else {
        once(&work);
        forget_times(&work);
        uint64_t end = now_ns() + (uint64_t)((argc > 2 ? strtod(argv[2], NULL) : 2) * 1e9);
        while (now_ns() < end)
            once(&work);
        report(&work);
    }
    nv_journal_close(work.journal);
    remove_directory(directory);
    struct nv_buf *bufs[] = {&work.protobuf, &work.json, &work.gzip, &work.wire, &work.packed};
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        nv_buf_release(bufs[i]);
    nv_compressor_free(work.compressor);
    nv_mapping_free(work.mapping);
    return 0;
}
