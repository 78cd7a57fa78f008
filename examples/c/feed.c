/*
 * The gateway's stages inside a program: reads OTLP requests (protobuf) from files, prints the
 * Noveum traces that they make, one a line. No thread, no socket, the program's own clock and
 * memory.
 *
 *   cc feed.c $(pkg-config --cflags --libs noveum) -o feed
 *   ./feed request.pb more.pb >traces.ndjson
 */
#include <noveum/pipeline.h>
#include <stdio.h>
#include <stdlib.h>

/* Memory with a budget: past it the pipeline is told no, and says so. */
struct budget {
    size_t used, most, max;
};

static void *resize(void *ctx, void *block, size_t size)
{
    struct budget *budget = (struct budget *)ctx;
    size_t *old = block ? (size_t *)block - 2 : NULL; /* two: malloc's alignment is kept */
    size_t had = old ? *old : 0;
    if (size > budget->max || budget->used - had > budget->max - size)
        return NULL;
    size_t *grown = (size_t *)realloc(old, 2 * sizeof *grown + size);
    if (!grown)
        return NULL;
    *grown = size;
    budget->used += size - had;
    budget->most = budget->used > budget->most ? budget->used : budget->most;
    return grown + 2;
}

static void *allocate(void *ctx, size_t size)
{
    return resize(ctx, NULL, size);
}

static void release(void *ctx, void *block)
{
    size_t *old = (size_t *)block - 2;
    ((struct budget *)ctx)->used -= *old;
    free(old);
}

/* Time moves when the program says so: here to when the next trace is due. */
static uint64_t tell_time(void *ctx)
{
    return *(const uint64_t *)ctx;
}

/* A file's bytes, or NULL; at most 64 MiB, as the gateway takes. */
static unsigned char *read_file(const char *path, size_t *len)
{
    static unsigned char bytes[64u << 20];
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    *len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    return bytes;
}

/* This is where a real program would send, and settle when the answer is there. */
static void print_ready(noveum_pipeline *pipeline)
{
    noveum_pipeline_payload payload;
    while (noveum_pipeline_pull(pipeline, &payload) == NOVEUM_PIPELINE_OK) {
        int sent = fwrite(payload.json, 1, payload.json_len, stdout) == payload.json_len &&
                   putchar('\n') != EOF;
        (void)noveum_pipeline_settle(
            pipeline, &payload, sent ? NOVEUM_PIPELINE_DELIVERED : NOVEUM_PIPELINE_REFUSED);
    }
}

static int feed(noveum_pipeline *pipeline, const char *path, uint64_t *now_ns)
{
    noveum_pipeline_receipt receipt;
    size_t len = 0;
    const unsigned char *bytes = read_file(path, &len);
    receipt.size = sizeof receipt;
    noveum_pipeline_result result =
        bytes ? noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, bytes, len, &receipt)
              : NOVEUM_PIPELINE_INVALID;
    if (result != NOVEUM_PIPELINE_OK) {
        fprintf(stderr, "%s: %s: %s\n", path, noveum_pipeline_result_text(result),
                bytes ? receipt.why : "can't be read");
        return 0;
    }
    uint64_t wait_ns = noveum_pipeline_tick(pipeline);
    *now_ns += wait_ns < 1000000 ? wait_ns : 1000000; /* the next file, a millisecond later */
    print_ready(pipeline);
    return 1;
}

int main(int argc, char **argv)
{
    struct budget budget = {0, 0, (size_t)256 << 20};
    uint64_t now_ns = UINT64_C(1700000000000000000);
    const noveum_allocator allocator = {&budget, allocate, resize, release};
    const char *const settings[] = {"exporter.noveum.project=example", NULL};
    noveum_pipeline_options options = {sizeof options, settings, tell_time, &now_ns,
                                       &allocator,     NULL,     NULL};
    noveum_pipeline *pipeline;
    char why[NOVEUM_PIPELINE_WHY_SIZE];
    int fed = 1;
    if (noveum_pipeline_open(&options, &pipeline, why, sizeof why) != NOVEUM_PIPELINE_OK) {
        fprintf(stderr, "feed: %s\n", why);
        return 1;
    }
    for (int i = 1; i < argc; i++)
        fed &= feed(pipeline, argv[i], &now_ns);
    fed &= noveum_pipeline_finish(pipeline) == NOVEUM_PIPELINE_OK;
    print_ready(pipeline);
    noveum_pipeline_close(pipeline);
    fprintf(stderr, "feed: at most %zu bytes at a time, %zu left\n", budget.most, budget.used);
    return fed && budget.used == 0 ? 0 : 1;
}
