/*
 * The user's patterns: labels as the SDK writes them, what is refused with its place, and the
 * values that pass.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/personal/custom.h"

#include "base/banned.h"

static enum nv_err make(const struct nv_personal_pattern *patterns, size_t count,
                        struct nv_custom **out, struct nv_fail *fail)
{
    struct nv_personal_setup setup = {.patterns = patterns, .pattern_count = count};
    return nv_custom_new(&setup, out, fail);
}

START_TEST(labels)
{
    static const struct nv_personal_pattern patterns[] = {
        {NV_STR_INIT(" employee id "), NV_STR_INIT("EMP-\\d+")},
        {NV_STR_INIT(""), NV_STR_INIT("a")},
        {NV_STR_INIT(""), NV_STR_INIT("b")},
    };
    struct nv_custom *custom = NULL;
    ck_assert_int_eq(make(patterns, 3, &custom, NULL), NV_OK);
    ck_assert_uint_eq(nv_custom_count(custom), 3);
    ck_assert_nv_str(nv_custom_label(custom, 0), "EMPLOYEE_ID");
    ck_assert_nv_str(nv_custom_label(custom, 1), "CUSTOM");
    ck_assert_nv_str(nv_custom_label(custom, 2), "CUSTOM");
    ck_assert_ptr_nonnull(nv_custom_regex(custom, 2));
    nv_custom_free(custom);
    ck_assert_int_eq(make(NULL, 0, &custom, NULL), NV_OK);
    ck_assert_ptr_null(custom);
    ck_assert_uint_eq(nv_custom_count(custom), 0);
}
END_TEST

static const struct {
    struct nv_str label, pattern;
    size_t offset;
    const char *why; /* NULL: allowed */
} cases[] = {
    {NV_STR_INIT("x"), NV_STR_INIT("a(b"), 3, "parenthesis"},
    {NV_STR_INIT("x"), NV_STR_INIT(""), 0, "empty"},
    {NV_STR_INIT("  "), NV_STR_INIT("a"), 0, "blank"},
    {NV_STR_INIT("a\nb"), NV_STR_INIT("a"), 0, "control"},
    {NV_STR_INIT("first"), NV_STR_INIT("a"), 0, "twice"},
    {NV_STR_INIT("FIRST "), NV_STR_INIT("a"), 0, "twice"},
    {NV_STR_INIT("x"), NV_STR_INIT("(a+)+"), 4, "run away"},
    {NV_STR_INIT("x"), NV_STR_INIT("z(?:a*b?)*"), 9, "run away"},
    {NV_STR_INIT("x"), NV_STR_INIT("(x(y{2,})z){3,}"), 11, "run away"},
    {NV_STR_INIT("x"), NV_STR_INIT("(\\w+\\s?)*$"), 8, "run away"},
    {NV_STR_INIT("x"), NV_STR_INIT("([)]a+)+"), 7, "run away"},
    {NV_STR_INIT("x"), NV_STR_INIT("(?>a+)+"), 0, NULL},
    {NV_STR_INIT("x"), NV_STR_INIT("(a++)+"), 0, NULL},
    {NV_STR_INIT("x"), NV_STR_INIT("(a+){1,3}"), 0, NULL},
    {NV_STR_INIT("x"), NV_STR_INIT("(a{1,3})+b+"), 0, NULL},
    {NV_STR_INIT("x"), NV_STR_INIT("\\(a+\\)+"), 0, NULL},
    {NV_STR_INIT("x"), NV_STR_INIT("[(]a+[)]+"), 0, NULL},
    {NV_STR_INIT("x"), NV_STR_INIT("(?i)emp-\\d{2,}"), 0, NULL},
};

START_TEST(what_is_refused)
{
    const struct nv_personal_pattern patterns[] = {{NV_STR_INIT("first"), NV_STR_INIT("q")},
                                                   {cases[_i].label, cases[_i].pattern}};
    struct nv_custom *custom = NULL;
    struct nv_fail fail = {0};
    enum nv_err err = make(patterns, 2, &custom, &fail);
    if (!cases[_i].why) {
        ck_assert_int_eq(err, NV_OK);
        nv_custom_free(custom);
        return;
    }
    ck_assert_int_eq(err, NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, cases[_i].why));
    ck_assert_uint_eq(fail.offset, cases[_i].offset);
    ck_assert_str_eq(fail.path, "1");
}
END_TEST

/* As custom.c has it. */
#define DEPTH_MAX 64u

/* Deeper than is looked for repeats in repeats: refused where it is too deep. */
START_TEST(groups_to_the_depth)
{
    for (size_t depth = DEPTH_MAX - 1; depth <= DEPTH_MAX; depth++) {
        char pattern[2 * DEPTH_MAX + 2] = {0};
        struct nv_custom *custom = NULL;
        struct nv_fail fail = {0};
        memset(pattern, '(', depth);
        pattern[depth] = 'a';
        memset(pattern + depth + 1, ')', depth);
        const struct nv_personal_pattern one = {NV_STR("x"), nv_str_from(pattern)};
        enum nv_err err = make(&one, 1, &custom, &fail);
        ck_assert_int_eq(err, depth < DEPTH_MAX ? NV_OK : NV_ERR_CONFIG);
        if (err != NV_OK)
            ck_assert_uint_eq(fail.offset, DEPTH_MAX - 1);
        else
            nv_custom_free(custom);
    }
}
END_TEST

START_TEST(values_that_pass)
{
    static const struct nv_str allowed[] = {NV_STR_INIT("Support@Corp.com"),
                                            NV_STR_INIT("*@example.org")};
    struct nv_personal_setup setup = {.allowed = allowed, .allowed_count = 2};
    struct nv_custom *custom = NULL;
    ck_assert_int_eq(nv_custom_new(&setup, &custom, NULL), NV_OK);
    ck_assert(nv_custom_is_allowed(custom, NV_STR("support@corp.com")));
    ck_assert(nv_custom_is_allowed(custom, NV_STR("a.b@EXAMPLE.org")));
    ck_assert(!nv_custom_is_allowed(custom, NV_STR("a@support@corp.com")));
    ck_assert(!nv_custom_is_allowed(custom, NV_STR("a@example.org.uk")));
    ck_assert(!nv_custom_is_allowed(NULL, NV_STR("support@corp.com")));
    nv_custom_free(custom);
}
END_TEST

START_TEST(caps_and_no_memory)
{
    struct nv_personal_pattern patterns[NV_PERSONAL_PATTERNS_MAX + 1];
    struct nv_custom *custom = NULL;
    for (size_t i = 0; i < NV_PERSONAL_PATTERNS_MAX + 1; i++)
        patterns[i] = (struct nv_personal_pattern){NV_STR(""), NV_STR("a")};
    ck_assert_int_eq(make(patterns, NV_PERSONAL_PATTERNS_MAX, &custom, NULL), NV_OK);
    nv_custom_free(custom);
    ck_assert_int_eq(make(patterns, NV_PERSONAL_PATTERNS_MAX + 1, &custom, NULL),
                     NV_ERR_CONFIG);

    char label[NV_PERSONAL_LABEL_BYTES_MAX + 1];
    memset(label, 'a', sizeof label);
    patterns[0].label = (struct nv_str){label, NV_PERSONAL_LABEL_BYTES_MAX};
    ck_assert_int_eq(make(patterns, 1, &custom, NULL), NV_OK);
    nv_custom_free(custom);
    patterns[0].label.len++;
    ck_assert_int_eq(make(patterns, 1, &custom, NULL), NV_ERR_CONFIG);

    static const struct nv_str allowed = NV_STR_INIT("a@b.cc");
    struct nv_personal_setup setup = {
        .patterns = patterns + 1, .pattern_count = 1, .allowed = &allowed, .allowed_count = 1};
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_custom_new(&setup, &custom, NULL);
        bool failed = oom_end();
        nv_custom_free(custom);
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/custom");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, labels);
    tcase_add_loop_test(tcase, what_is_refused, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, groups_to_the_depth);
    tcase_add_test(tcase, values_that_pass);
    tcase_add_test(tcase, caps_and_no_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
