/*
 * What captured traces look like on terminals of 40, 80 and 200 columns, live and read back
 * from the store.
 *
 *   tests/fixtures/<case> ▸ translated ──▸ nv_terminal_write ▸ tests/data/terminal/
 *                             └▸ JSON ▸ stored trace ▸ nv_terminal_write ▸ the same
 *
 * UPDATE_GOLDEN=1 writes the files anew: the difference is then reviewed as any other change.
 */
#include "expect.h"

#include "base/text/columns.h"
#include "gateway/view/stored_trace.h"
#include "gateway/view/terminal.h"
#include "tests/support/mapping_kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static const size_t widths[] = {40, 80, 200};

static const char *const cases[] = {
    "oi-agents-tools",   /* agent, turns, a tool */
    "claude-code-tools", /* first token, session, spans of no kind below a tool */
    "adk-handoff",       /* calls told twice */
    "lf4-sdk-nested",    /* retrieval */
    "oi-openai-tools",   /* calls told by models alone */
    "oi-openai-error",   /* an error */
    "edge-pyjson-types"  /* no kind at all, odd values */
};

struct shown {
    struct nv_buf live, stored;
    size_t columns;
};

static void show(void *ctx, struct nv_trace *trace)
{
    struct shown *shown = ctx;
    struct nv_terminal terminal = {.columns = shown->columns};
    struct nv_arena *arena = nv_arena_new(64u << 20);
    struct nv_trace read;
    struct nv_buf json;
    if (trace->span_count == 0) { /* all of them are left out: it is not sent */
        nv_arena_free(arena);
        return;
    }
    nv_buf_init(&json, 64u << 20);
    nv_test_trace_write(&json, trace);
    ck_assert_int_eq(nv_terminal_write(&terminal, trace, &shown->live), NV_OK);
    ck_assert_int_eq(nv_stored_trace_read(arena, nv_buf_str(&json), &read), NV_OK);
    ck_assert_int_eq(nv_terminal_write(&terminal, &read, &shown->stored), NV_OK);
    nv_buf_release(&json);
    nv_arena_free(arena);
}

static void compare(const char *name, const struct shown *shown)
{
    char path[300];
    (void)snprintf(path, sizeof path, NOVEUM_SOURCE_DIR "/tests/data/terminal/%s.%zu", name,
                   shown->columns);
    if (getenv("UPDATE_GOLDEN")) {
        FILE *file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        (void)fwrite(shown->live.bytes, 1, shown->live.len, file);
        ck_assert_int_eq(fclose(file), 0);
    }
    struct nv_str golden = nv_test_read_file(path);
    ck_assert_msg(nv_str_eq(golden, nv_buf_str(&shown->live)), "%s is now\n%.*s", path,
                  NV_STR_ARG(nv_buf_str(&shown->live)));
    ck_assert_msg(nv_str_eq(golden, nv_buf_str(&shown->stored)), "%s from the store is\n%.*s",
                  path, NV_STR_ARG(nv_buf_str(&shown->stored)));
    free((char *)(uintptr_t)golden.ptr);
}

static void keeps_its_width(struct nv_str text, size_t columns)
{
    while (text.len > 0) {
        struct nv_str line = nv_str_slice(text, 0, nv_str_find_char(text, '\n'));
        ck_assert_msg(nv_columns_of(line) <= columns, "%zu columns: %.*s", nv_columns_of(line),
                      NV_STR_ARG(line));
        text = nv_str_slice(text, line.len + 1, text.len);
    }
}

START_TEST(captured_traces)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct nv_fixture *fixture = nv_test_fixture_load(cases[_i]);
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct shown shown = {.columns = widths[i]};
        nv_buf_init(&shown.live, 1u << 20);
        nv_buf_init(&shown.stored, 1u << 20);
        nv_test_case_translate(mapping, fixture, show, &shown);
        compare(cases[_i], &shown);
        keeps_its_width(nv_buf_str(&shown.live), widths[i]);
        nv_buf_release(&shown.live);
        nv_buf_release(&shown.stored);
    }
    nv_test_fixture_free(fixture);
    nv_mapping_free(mapping);
}
END_TEST

/* Every capture: no line too long, nothing that steers a terminal, live as stored. */
START_TEST(all_captures_keep_the_width)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct nv_fixtures all;
    nv_test_fixtures_list(&all);
    for (size_t i = 0; i < all.count; i++) {
        struct nv_fixture *fixture = nv_test_fixture_load(all.names[i]);
        struct shown shown = {.columns = 60};
        nv_buf_init(&shown.live, 16u << 20);
        nv_buf_init(&shown.stored, 16u << 20);
        nv_test_case_translate(mapping, fixture, show, &shown);
        struct nv_str text = nv_buf_str(&shown.live);
        keeps_its_width(text, 60);
        ck_assert_msg(nv_str_eq(text, nv_buf_str(&shown.stored)), "%s: live\n%.*sstored\n%.*s",
                      all.names[i], NV_STR_ARG(text), NV_STR_ARG(nv_buf_str(&shown.stored)));
        ck_assert_msg(nv_str_find_char(text, '\033') == SIZE_MAX, "%s", all.names[i]);
        ck_assert_msg(nv_str_find(text, NV_STR("$0.000000")) == SIZE_MAX, "%s", all.names[i]);
        nv_buf_release(&shown.live);
        nv_buf_release(&shown.stored);
        nv_test_fixture_free(fixture);
    }
    nv_test_fixtures_release(&all);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/terminal_goldens");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, captured_traces, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, all_captures_keep_the_width);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
