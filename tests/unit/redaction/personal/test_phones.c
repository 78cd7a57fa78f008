/*
 * Telephone numbers in texts: a thousand as the package `phonenumbers` finds them
 * (tools/make-phone-cases.py), what is no number, and bounds.
 */
#include "expect.h"
#include "fixtures.h"
#include "oom.h"

#include "redaction/personal/phones.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* More than any text of the file has. */
#define STRETCHES_MAX 256u

static struct nv_phones *phones;
static struct nv_regex_work *work;

struct seen {
    char text[400];
    size_t len, count;
};

static enum nv_err see(void *ctx, size_t from, size_t to)
{
    struct seen *seen = ctx;
    if (seen->len + 50 < sizeof seen->text) {
        seen->len += (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len,
                                      "%s%zu-%zu", seen->len > 0 ? " " : "", from, to);
    }
    seen->count++;
    return NV_OK;
}

static bool is_ascii(struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

/* A text of ASCII says the same by the programs for it and by those for all. */
static struct seen of(struct nv_str text)
{
    struct seen seen = {.len = 0}, other = {.len = 0};
    const struct nv_regex_text any = {text, false}, ascii = {text, true};
    ck_assert_int_eq(nv_phones_find(phones, work, &any, see, &seen), NV_OK);
    if (is_ascii(text)) {
        ck_assert_int_eq(nv_phones_find(phones, work, &ascii, see, &other), NV_OK);
        ck_assert_str_eq(seen.text, other.text);
    }
    return seen;
}

static void make(const char *regions)
{
    struct nv_str list[16], rest = nv_str_from(regions);
    size_t count = 0;
    while (rest.len > 0) {
        size_t comma = nv_str_find_char(rest, ',');
        list[count++] = nv_str_slice(rest, 0, comma);
        rest = nv_str_slice(rest, comma == SIZE_MAX ? rest.len : comma + 1, rest.len);
    }
    ck_assert_int_eq(nv_phones_new(list, count, &phones, NULL), NV_OK);
    work = nv_regex_work_new();
    ck_assert_ptr_nonnull(work);
}

static void tear_down(void)
{
    nv_phones_free(phones);
    nv_regex_work_free(work);
    phones = NULL;
    work = NULL;
}

struct stretch {
    unsigned long from, to;
};

static int compare(const void *left, const void *right)
{
    const struct stretch *a = left, *b = right;
    int by_from = (a->from > b->from) - (a->from < b->from);
    return by_from != 0 ? by_from : (a->to > b->to) - (a->to < b->to);
}

/* Stretches of "5-21 30-42", sorted: how many. */
static size_t read_stretches(struct nv_str text, struct stretch *out)
{
    size_t count = 0;
    for (size_t at = 0; at < text.len; count++) {
        char *end = NULL;
        ck_assert_uint_lt(count, STRETCHES_MAX);
        out[count].from = strtoul(text.ptr + at, &end, 10);
        ck_assert_int_eq(*end, '-');
        out[count].to = strtoul(end + 1, &end, 10);
        at = (size_t)(end - text.ptr) + 1;
    }
    qsort(out, count, sizeof *out, compare);
    return count;
}

/* The regions take turns: the same stretches, each as often, in another order than one region
 * after another. */
static bool same_stretches(struct nv_str wanted, struct nv_str seen)
{
    struct stretch lists[2][STRETCHES_MAX];
    size_t count = read_stretches(wanted, lists[0]);
    return count == read_stretches(seen, lists[1]) &&
           (count == 0 || memcmp(lists[0], lists[1], count * sizeof *lists[0]) == 0);
}

START_TEST(as_the_package_finds_them)
{
    struct nv_str file = nv_test_read_file(NOVEUM_SOURCE_DIR "/tests/data/phones.tsv");
    struct nv_str rest = file;
    unsigned lines = 0;
    make("AE,SA,QA,EG,TR,GB,IN,US");
    while (rest.len > 0) {
        size_t end = nv_str_find_char(rest, '\n');
        struct nv_str line = nv_str_slice(rest, 0, end);
        size_t tab = nv_str_find_char(line, '\t');
        struct seen seen = of(nv_str_slice(line, 0, tab));
        struct nv_str wanted = nv_str_slice(line, tab + 1, line.len);
        ck_assert_msg(same_stretches(wanted, nv_str_from(seen.text)), "%.*s: %s",
                      NV_STR_ARG(line), seen.text);
        rest = nv_str_slice(rest, end + 1, rest.len);
        lines++;
    }
    ck_assert_uint_ge(lines, 1000);
    free((void *)(uintptr_t)file.ptr);
}
END_TEST

static const struct {
    const char *text, *found;
} cases[] = {
    {"call +971 50 123 4567", "5-21"},
    {"call +971501234567x", ""},
    {"call 050 123 4567", ""}, /* no region */
    {"call +971 50 123 4567 extension 12", "5-34"},
    {"call +971501234567 or +971501234568 ext. 5", "5-18 22-42"},
    {"+", ""},
    {"+9", ""},
    {"(+971) 50 123 4567", "0-18"},
    {"\xef\xbc\x8b"
     "971 50 123 4567",
     "0-18"},
    {"+999 50 123 4567", ""},
    {"", ""},
};

START_TEST(with_a_country_only)
{
    make("");
    ck_assert_str_eq(of(nv_str_from(cases[_i].text)).text, cases[_i].found);
}
END_TEST

START_TEST(regions)
{
    const struct nv_str list[] = {NV_STR(" de "), NV_STR("ZZ")};
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_phones_new(list, 2, &phones, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "\"ZZ\" is no region"));
    ck_assert_str_eq(fail.path, "1");
    make("de");
    ck_assert_str_eq(of(NV_STR("Tel. 030 123456 oder")).text, "5-15");
}
END_TEST

START_TEST(regions_at_their_cap_and_past_it)
{
    struct nv_str list[NV_PHONES_REGIONS_MAX + 1];
    struct nv_fail fail = {0};
    for (size_t i = 0; i <= NV_PHONES_REGIONS_MAX; i++)
        list[i] = NV_STR("AE");
    ck_assert_int_eq(nv_phones_new(list, NV_PHONES_REGIONS_MAX + 1, &phones, &fail),
                     NV_ERR_CONFIG);
    ck_assert_uint_eq(strtoul(fail.path, NULL, 10), NV_PHONES_REGIONS_MAX);
    ck_assert_int_eq(nv_phones_new(list, NV_PHONES_REGIONS_MAX, &phones, &fail), NV_OK);
}
END_TEST

/* A number behind as many that are none, less one, and behind as many. */
START_TEST(tries_at_their_cap_and_past_it)
{
    static const char none[] = "1234567 a\n", number[] = "+44 20 7946 0958";
    size_t size = NV_PHONES_TRIES_MAX * (sizeof none - 1);
    char *text = malloc(size + sizeof number);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size; i++)
        text[i] = none[i % (sizeof none - 1)];
    memcpy(text + size, number, sizeof number);
    make("");
    struct nv_str all = {text, size + sizeof number - 1};
    ck_assert_uint_eq(of(nv_str_slice(all, sizeof none - 1, all.len)).count, 1);
    ck_assert_uint_eq(of(all).count, 0);
    free(text);
}
END_TEST

/* 2 MB of digits in groups: as many tries as libphonenumber makes, then no more. */
START_TEST(nothing_takes_long)
{
    static const char *const groups[] = {"1234-",
                                         "0",
                                         "(1) 2/",
                                         "+1 ",
                                         "12345678 ",
                                         "123456 x12 ",
                                         "[[[((+",
                                         "\xf0\x91\xbd\x90" /* a newer digit */,
                                         "7 \xf0\x9d\x9f\x98"};
    size_t size = (size_t)2 << 20, len = strlen(groups[_i]);
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size; i++)
        text[i] = groups[_i][i % len];
    make("AE,US");
    (void)of((struct nv_str){text, size});
    free(text);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    for (unsigned long n = 1;; n++) {
        const struct nv_str region = NV_STR("AE");
        struct nv_phones *made = NULL;
        oom_fail_nth(n);
        enum nv_err err = nv_phones_new(&region, 1, &made, NULL);
        bool failed = oom_end();
        nv_phones_free(made);
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/phones");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, as_the_package_finds_them);
    tcase_add_loop_test(tcase, with_a_country_only, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, regions);
    tcase_add_test(tcase, regions_at_their_cap_and_past_it);
    tcase_add_test(tcase, tries_at_their_cap_and_past_it);
    tcase_add_loop_test(tcase, nothing_takes_long, 0, 9);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
