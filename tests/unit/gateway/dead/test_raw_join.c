/*
 * Joining: items of one trace out of several requests, each in its own group, and nothing of
 * other traces.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/dead/raw_join.h"

#include <stdlib.h>

#include "base/banned.h"

/* A batch of items in a body of letters: "1a4" is span a of trace 1, four bytes long. */
struct made {
    struct nv_batch batch;
    struct nv_item items[8];
    struct nv_group groups[8];
    char body[64];
};

static void make(struct made *made, enum nv_signal signal, const char *words,
                 const char *project)
{
    uint32_t at = 0;
    *made = (struct made){.batch = {.signal = signal, .project = nv_str_from(project)}};
    made->batch.items = made->items;
    made->batch.groups = made->groups;
    made->batch.body = made->body;
    for (const char *word = words; word[0] != '\0'; word += word[3] == ' ' ? 4 : 3) {
        struct nv_item *item = &made->items[made->batch.item_count];
        item->trace_id[0] = (uint8_t)word[0];
        item->span_id[0] = (uint8_t)word[1];
        item->offset = at;
        item->length = (uint32_t)(word[2] - '0');
        item->group = made->batch.item_count++;
        made->groups[made->batch.group_count++].service_name = (struct nv_str){&word[1], 1};
        memset(made->body + at, word[1], item->length);
        at += item->length;
    }
}

/* "a4 b2" for what is in `raw`. */
static void describe(const struct nv_raw_trace *raw, char *out)
{
    for (uint32_t i = 0; i < raw->item_count; i++) {
        const struct nv_raw_item *item = &raw->items[i];
        ck_assert(item->bytes.ptr[0] == raw->groups[item->group].service_name.ptr[0]);
        *out++ = item->bytes.ptr[0];
        *out++ = (char)('0' + item->bytes.len);
        *out++ = item->signal == NV_SIGNAL_LOGS ? '!' : ' ';
    }
    *out = '\0';
}

static const struct {
    const char *first, *second, *logs, *wanted;
    uint32_t spans;
} rows[] = {
    {"1a4", "", "", "a4 ", 1},
    {"1a4 2b3", "1c2 2d1", "1a5 2b5", "a4 c2 a5!", 2},
    {"2b3 1a4", "1b2", "", "a4 b2 ", 2},
    /* which of them is which is translation's to say */
    {"1a4 1b2", "1a5", "1a1 1a1", "a4 b2 a5 a1!a1!", 3},
    {"2b3", "2c1", "1a1", "a1!", 0},
    {"2b3", "", "", "", 0},
};

static struct nv_raw_trace *join(struct nv_batch *const *batches, size_t count, uint8_t trace)
{
    struct nv_raw_trace *raw = NULL;
    size_t total = 0;
    struct nv_raw_pick *picks = nv_raw_picks(batches, count, &total);
    for (size_t i = 0, n; picks && i < total; i += n) {
        n = nv_raw_picks_of_trace(picks + i, total - i);
        if (picks[i].trace_id[0] == trace)
            raw = nv_raw_join(batches, picks + i, n);
    }
    free(picks);
    return raw;
}

START_TEST(rows_of_requests)
{
    struct made made[3];
    struct nv_batch *batches[3] = {&made[0].batch, &made[1].batch, &made[2].batch};
    char text[64];
    make(&made[0], NV_SIGNAL_TRACES, rows[_i].first, "");
    make(&made[1], NV_SIGNAL_TRACES, rows[_i].second, "p");
    make(&made[2], NV_SIGNAL_LOGS, rows[_i].logs, "q");
    struct nv_raw_trace *raw = join(batches, 3, '1');
    if (rows[_i].wanted[0] == '\0') {
        ck_assert_ptr_null(raw);
        return;
    }
    ck_assert_ptr_nonnull(raw);
    describe(raw, text);
    ck_assert_str_eq(text, rows[_i].wanted);
    ck_assert_uint_eq(raw->span_count, rows[_i].spans);
    ck_assert_int_eq(raw->trace_id[0], '1');
    nv_arena_free(raw->arena);
}
END_TEST

START_TEST(the_first_project_counts)
{
    struct made made[3];
    struct nv_batch *batches[3] = {&made[0].batch, &made[1].batch, &made[2].batch};
    make(&made[0], NV_SIGNAL_TRACES, "1a4", "");
    make(&made[1], NV_SIGNAL_TRACES, "1b4", "p");
    make(&made[2], NV_SIGNAL_TRACES, "1c4", "q");
    struct nv_raw_trace *raw = join(batches, 3, '1');
    ck_assert(nv_str_eq(raw->project, NV_STR("p")));
    nv_arena_free(raw->arena);
}
END_TEST

START_TEST(traces_come_as_they_are_named)
{
    struct made made[2];
    struct nv_batch *batches[2] = {&made[0].batch, &made[1].batch};
    size_t count = 0;
    make(&made[0], NV_SIGNAL_TRACES, "9a1 5b1 9c1 1d1", "");
    make(&made[1], NV_SIGNAL_TRACES, "5e1 0f1 9g1", "");
    struct nv_raw_pick *picks = nv_raw_picks(batches, 2, &count);
    char text[16] = "";
    for (size_t i = 0; i < count; i++)
        text[i] = (char)batches[picks[i].batch]->items[picks[i].item].span_id[0];
    ck_assert_str_eq(text, "acgbedf");
    free(picks);
}
END_TEST

START_TEST(out_of_memory)
{
    struct made made;
    struct nv_batch *batch = &made.batch;
    bool failed = true;
    make(&made, NV_SIGNAL_TRACES, "1a4 1b2", "");
    for (unsigned long n = 1; failed; n++) {
        oom_fail_nth(n);
        struct nv_raw_trace *raw = join(&batch, 1, '1');
        failed = oom_end();
        ck_assert((raw == NULL) == failed);
        if (raw)
            nv_arena_free(raw->arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/raw_join");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, rows_of_requests, 0, (int)(sizeof rows / sizeof rows[0]));
    tcase_add_test(tcase, the_first_project_counts);
    tcase_add_test(tcase, traces_come_as_they_are_named);
    tcase_add_test(tcase, out_of_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
