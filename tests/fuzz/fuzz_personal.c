/*
 * Any text, searched for personal data.
 *
 * Whatever it holds: no crash, what is JSON stays JSON, and the candidates of telephone numbers
 * are those of the package's pattern.
 */
#include "base/json/json_read.h"
#include "base/limits.h"
#include "redaction/personal/nested.h"
#include "redaction/personal/phone_candidates.h"
#include "redaction/personal/phone_plans.inc"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nv_nested *nested;
static struct nv_regex *pattern;
static struct nv_regex_work *work;

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fuzz_personal: %s\n", what);
    abort();
}

static void make_rules(void)
{
    const struct nv_str regions[] = {NV_STR("AE"), NV_STR("US"), NV_STR("GB")};
    const struct nv_personal_setup setup = {.mode = NV_PERSONAL_PSEUDONYMISE,
                                            .salt = NV_STR("a salt of this test"),
                                            .regions = regions,
                                            .region_count = 3};
    struct nv_personal *rules = NULL;
    check(nv_personal_new(&setup, &rules, NULL) == NV_OK &&
              nv_regex_new(NV_STR(NV_PHONE_CANDIDATE), NV_REGEX_NO_CASE, &pattern, NULL) ==
                  NV_OK,
          "no rules");
    nested = nv_nested_new(rules);
    work = nv_regex_work_new();
    check(nested && work, "no memory");
}

/* A document; a number alone is text as any, and may be a telephone's. */
static bool is_json(struct nv_str text)
{
    struct nv_json_reader reader;
    const struct nv_str trimmed = nv_str_trim(text);
    if (trimmed.len == 0 || !strchr("{[\"", trimmed.ptr[0]))
        return false;
    nv_json_read_init(&reader, text, NV_JSON_DEPTH_LIMIT);
    return nv_json_skip(&reader, nv_json_next(&reader)) == NV_OK &&
           nv_json_next(&reader) == NV_JSON_END;
}

static void check_candidates(struct nv_str text, bool ascii)
{
    const struct nv_regex_text subject = {text, ascii};
    struct nv_regex_match want = {0, 0}, found = {0, 0};
    for (size_t at = 0; at < text.len; at = want.to) {
        enum nv_regex_result result = nv_regex_find(pattern, work, &subject, at, &want);
        check(nv_phone_candidate_find(pattern, work, &subject, at, &found) == result,
              "a candidate too few or too many");
        if (result != NV_REGEX_FOUND)
            return;
        check(want.from == found.from && want.to == found.to, "another candidate");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct nv_str text = {(const char *)data, size};
    struct nv_personal_counts counts = {0};
    struct nv_str made = text;
    if (!nested)
        make_rules();
    struct nv_arena *arena = nv_arena_new(NV_CAP_RECORD);
    check(arena != NULL, "no memory");
    check(nv_nested_text(nested, arena, NV_NESTED_ALL, &made, &counts) == NV_OK, "no memory");
    if (is_json(text) && counts.of[NV_PERSONAL_LIMIT] == 0)
        check(is_json(made), "broken JSON");
    check_candidates(text, nv_hints_of(text).ascii);
    nv_arena_free(arena);
    return 0;
}
