/*
 * Whole Noveum bodies of captured cases: what goes in is tests/fixtures/<case>, what must come
 * out is tests/golden/<case>/want.json, one trace a line, as the exporter writes it.
 *
 * UPDATE_GOLDEN=1 writes the files anew: the difference is then reviewed as any other change.
 * GOLDEN_ONLY=<globs> looks at some cases only; GOLDEN_OUT=<dir> writes <dir>/<case>.jsonl for
 * all cases and compares nothing (for scoring by hand). A case without want.json is translated
 * all the same: it must not fail.
 */
#include "mapping/rules/rule.h"
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define OUTPUT_MAX ((size_t)512 << 20)

static void append(void *ctx, struct nv_trace *trace)
{
    if (trace->span_count == 0) /* all of them are left out: it is not sent */
        return;
    nv_test_trace_write(ctx, trace);
    ck_assert_int_eq(nv_buf_append_char(ctx, '\n'), NV_OK);
}

static void write_file(const char *path, const struct nv_buf *buf)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "can't write %s", path);
    ck_assert_uint_eq(fwrite(buf->bytes, 1, buf->len, file), buf->len);
    fclose(file);
}

static void compare(const char *name, const char *path, const struct nv_buf *got)
{
    struct nv_str want = nv_test_read_file(path);
    size_t line = 1, at = 0;
    while (at < want.len && at < got->len && want.ptr[at] == got->bytes[at])
        line += want.ptr[at++] == '\n';
    bool same = want.len == got->len && at == want.len;
    size_t from = at > 60 ? at - 60 : 0;
    ck_assert_msg(same, "%s: trace %zu differs near ...%.*s", name, line,
                  (int)(got->len - from < 160 ? got->len - from : 160), got->bytes + from);
    free((char *)(uintptr_t)want.ptr);
}

static void check_case(const struct nv_mapping *mapping, const char *name)
{
    char path[4096];
    const char *out = getenv("GOLDEN_OUT");
    struct nv_fixture *fixture = nv_test_fixture_load(name);
    struct nv_buf buf;
    nv_buf_init(&buf, OUTPUT_MAX);
    nv_test_case_translate(mapping, fixture, append, &buf);
    if (out)
        snprintf(path, sizeof path, "%s/%s.jsonl", out, name);
    else
        snprintf(path, sizeof path, "%s/tests/golden/%s/want.json", NOVEUM_SOURCE_DIR, name);
    if (out || (getenv("UPDATE_GOLDEN") && access(path, F_OK) == 0))
        write_file(path, &buf);
    else if (access(path, F_OK) == 0)
        compare(name, path, &buf);
    nv_buf_release(&buf);
    nv_test_fixture_free(fixture);
}

START_TEST(cases_give_their_golden_bodies)
{
    const char *only = getenv("GOLDEN_ONLY");
    struct nv_fixtures all_cases;
    struct nv_mapping *mapping = nv_test_mapping_new();
    nv_test_fixtures_list(&all_cases);
    for (size_t i = 0; i < all_cases.count; i++) {
        if (!only || nv_glob_any(nv_str_from(only), nv_str_from(all_cases.names[i])))
            check_case(mapping, all_cases.names[i]);
    }
    nv_test_fixtures_release(&all_cases);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/golden");
    TCase *tcase = tcase_create("golden");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, cases_give_their_golden_bodies);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
