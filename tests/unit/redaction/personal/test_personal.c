/*
 * Personal data in texts: the SDK's examples in both forms, what overlaps, what only looks like
 * it, the user's patterns, whole numbers by their keys, and inputs made to take long.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/personal/personal.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <stdio.h>

#include "base/banned.h"

#define SALT "test-salt-1"

static struct nv_arena *arena;
static struct nv_personal *rules;
static struct nv_personal_finder *finder;
static struct nv_personal_counts counts;

static const struct nv_str regions[] = {NV_STR_INIT("AE"), NV_STR_INIT("US")};

static void make(const struct nv_personal_setup *setup)
{
    struct nv_personal_setup with_regions = *setup;
    with_regions.regions = regions;
    with_regions.region_count = 2;
    ck_assert_int_eq(nv_personal_new(&with_regions, &rules, NULL), NV_OK);
    finder = nv_personal_finder_new(rules);
    ck_assert_ptr_nonnull(finder);
}

static void drop(void)
{
    nv_personal_finder_free(finder);
    nv_personal_free(rules);
    finder = NULL;
    rules = NULL;
}

static void set_up(void)
{
    arena = nv_arena_new((size_t)1 << 30);
    memset(&counts, 0, sizeof counts);
}

static void tear_down(void)
{
    drop();
    nv_arena_free(arena);
}

static struct nv_str of(struct nv_str text)
{
    struct nv_hints hints = nv_hints_of(text);
    ck_assert_int_eq(nv_personal_text(finder, arena, &text, &hints, &counts), NV_OK);
    return text;
}

/* What noveum-trace 1.5.28 makes of them (docs/privacy.md). */
static const struct {
    const char *text, *redacted, *pseudonymised;
} cases[] = {
    {"Contact john@corp.com or John@Corp.com now", "Contact ************* or ************* now",
     "Contact EMAIL_6e6bbb5afcec or EMAIL_6e6bbb5afcec now"},
    {"call +971 50 123 4567 or 050 123 4567", "call **************** or ************",
     "call PHONE_1e2a7082c41f or PHONE_22de17223909"},
    {"card 4111 1111 1111 1111 ok", "card ******************* ok", "card CARD_322ffd24cfad ok"},
    {"ssn 123-45-6789", "ssn ***********", "ssn SSN_07876b3956c9"},
    {"ip 10.1.2.3 and 999.999.999.999", "ip ******** and ***************",
     "ip IP_2780047c7e98 and IP_1a5fef73f5db"},
    {"see https://x.io/a?b=1, thanks.", "see ******************, thanks.",
     "see URL_de7fcbf5030e, thanks."},
    {"Emirates 784-1987-1234567-1", "Emirates ******************",
     "Emirates EMIRATES_ID_8cb435abb1b2"},
    {"IBAN GB82 WEST 1234 5698 7654 32", "IBAN ***************************",
     "IBAN IBAN_ebe9d8ed2d76"},
    {"aadhaar 1234 5678 9012", "aadhaar **************", "aadhaar AADHAAR_18d1f4631ffc"},
    {"PAN ABCDE1234F", "PAN **********", "PAN PAN_4552da9d6090"},
    {"4155552671", "**********", "PHONE_87c5667b6941"},
    {"123456789012345", "***************", "BANK_ACCOUNT_a9af1d8c6faf"},
    {"at 12:28:58.495185 on 2026-10-07T12:28:58Z", NULL, NULL},
    {"4bf92f3577b34da6a3ce929d0e0e4736", NULL, NULL},
    /* a UUID whose blocks are digits */
    {"12345678-1234-1234-1234-123456789012", NULL, NULL},
    {"", NULL, NULL},
};

START_TEST(the_examples)
{
    struct nv_str text = nv_str_from(cases[_i].text);
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_REDACT});
    ck_assert_nv_str(of(text), cases[_i].redacted ? cases[_i].redacted : cases[_i].text);
    drop();
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_PSEUDONYMISE, .salt = NV_STR(SALT)});
    struct nv_str made = of(text);
    ck_assert_nv_str(made, cases[_i].redacted ? cases[_i].pseudonymised : cases[_i].text);
    ck_assert(cases[_i].redacted || made.ptr == text.ptr);
}
END_TEST

static const struct {
    const char *text, *redacted;
} overlaps[] = {
    /* addresses: a word must begin, the end decides */
    {"a@b@c.dd", "a@******"},
    {".x.@y.zz", ".*******"},
    {"x@y.z", "x@y.z"},
    {"-@y.zz", "-@y.zz"},
    {"+-x@y.zz,u@v.ww", "+-******,******"},
    {"x@y.cc1 z@y.cc", "x@y.cc1 ******"},
    {"\xc3\xa9"
     "a@b.cc",
     "\xc3\xa9"
     "a@b.cc"},
    {"http://u@h.io/x?y=1.2.3.4", "*************************"},
    /* longest first */
    {"4111111111111111", "****************"},
    {"DE89370400440532013000", "**********************"},
    /* digits of other scripts */
    {"\xd9\xa1\xd9\xa2\xd9\xa3-\xd9\xa4\xd9\xa5-\xd9\xa6\xd9\xa7\xd9\xa8\xd9\xa9",
     "***********"},
    /* a time is none, next to a number that is one */
    {"12:28:58 ssn 123-45-6789", "12:28:58 ssn ***********"},
    {"1.5.28", "1.5.28"},
    {"\xff"
     "a@b.cc\xff",
     "\xff******\xff"},
};

START_TEST(overlaps_and_ends)
{
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_REDACT});
    ck_assert_nv_str(of(nv_str_from(overlaps[_i].text)), overlaps[_i].redacted);
}
END_TEST

START_TEST(patterns_of_the_user)
{
    static const struct nv_personal_pattern patterns[] = {
        {NV_STR_INIT("employee id"), NV_STR_INIT("EMP-\\d+")},
        {NV_STR_INIT("part"), NV_STR_INIT("corp")}};
    static const struct nv_str allowed = NV_STR_INIT("*@ours.io");
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_PSEUDONYMISE,
                                     .salt = NV_STR(SALT),
                                     .patterns = patterns,
                                     .pattern_count = 2,
                                     .allowed = &allowed,
                                     .allowed_count = 1});
    ck_assert_nv_str(of(NV_STR("EMP-12345 x")), "EMPLOYEE_ID_a640407c0f75 x");
    ck_assert_uint_eq(nv_personal_label_count(rules), NV_PERSONAL_LABEL_COUNT + 2);
    ck_assert_nv_str(nv_personal_label_name(rules, NV_PERSONAL_LABEL_COUNT), "EMPLOYEE_ID");
    ck_assert_nv_str(nv_personal_label_name(rules, NV_PERSONAL_BANK_ACCOUNT), "BANK_ACCOUNT");
    ck_assert_uint_eq(counts.of[NV_PERSONAL_LABEL_COUNT], 1);
    /* theirs wins though the address is longer */
    struct nv_str text = of(NV_STR("john@corp.com a@ours.io b@corps.io 1.2.3.4"));
    ck_assert_uint_eq(counts.of[NV_PERSONAL_LABEL_COUNT + 1], 2);
    ck_assert_uint_eq(counts.of[NV_PERSONAL_EMAIL], 0);
    ck_assert_uint_eq(counts.of[NV_PERSONAL_IP], 1);
    ck_assert_uint_ne(nv_str_find(text, NV_STR(" a@ours.io ")), SIZE_MAX);
}
END_TEST

START_TEST(numbers_by_their_keys)
{
    struct nv_str text;
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_PSEUDONYMISE, .salt = NV_STR(SALT)});
    ck_assert_int_eq(nv_personal_number(finder, arena, 4155552671, &text, &counts), NV_OK);
    ck_assert_nv_str(text, "PHONE_87c5667b6941");
    ck_assert_int_eq(nv_personal_number(finder, arena, 415, &text, &counts), NV_OK);
    ck_assert_uint_eq(text.len, 0);
}
END_TEST

START_TEST(whole_values)
{
    struct nv_str text = NV_STR("J\xc3\xb6rg");
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_REDACT});
    ck_assert_int_eq(nv_personal_whole(finder, arena, &text), NV_OK);
    ck_assert_nv_str(text, "****");
    drop();
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_PSEUDONYMISE, .salt = NV_STR(SALT)});
    text = NV_STR("john@corp.com");
    ck_assert_int_eq(nv_personal_whole(finder, arena, &text), NV_OK);
    ck_assert_nv_str(text, "VALUE_6e6bbb5afcec");
}
END_TEST

/* Repeated to 4 MiB; each is what some pattern would search for ever with. */
static const char *const slow[] = {
    "a.",       "a.b@", "a@a.",        "1",       "1 ",      "12:",        "(415)",
    " ",        "1.",   "GB82 ",       "A",       "http://", "https://x ", "+91 ",
    "\xd9\xa3", "@",    "1234567890 ", "a@b.cc ", "\xff",    "784-",       "ABCDE1"};
#define SLOW_BYTES ((size_t)4 << 20)

START_TEST(nothing_takes_long)
{
    size_t len = strlen(slow[_i]);
    char *text = malloc(SLOW_BYTES);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < SLOW_BYTES; i++)
        text[i] = slow[_i][i % len];
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_PSEUDONYMISE, .salt = NV_STR(SALT)});
    clock_t begin = clock();
    (void)of((struct nv_str){text, SLOW_BYTES});
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    free(text);
    /* the square of the length would be hours */
    ck_assert_msg(seconds < 5, "%s: %f s", slow[_i], seconds);
}
END_TEST

/* At each @ the rest of the text was looked through for a dot: two seconds of each of these. */
START_TEST(what_begins_like_an_address_is_tried_where_it_stands)
{
    static char text[512 * 1024];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = "a@"[i % 2];
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_PSEUDONYMISE, .salt = NV_STR(SALT)});
    clock_t begin = clock();
    for (int i = 0; i < 8; i++)
        (void)of((struct nv_str){text, sizeof text});
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    ck_assert_msg(seconds < 5, "%f s", seconds);
}
END_TEST

START_TEST(a_limit_takes_the_whole)
{
    static const struct nv_personal_pattern pattern = {
        NV_STR_INIT("x"), NV_STR_INIT("(a|aa|aaa|[ab]a)(a|aa){1,60}(a|aa){1,60}!")};
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_PSEUDONYMISE,
                                     .salt = NV_STR(SALT),
                                     .patterns = &pattern,
                                     .pattern_count = 1});
    ck_assert_nv_str(
        of(NV_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?!")),
        "***");
    ck_assert_uint_eq(counts.of[NV_PERSONAL_LIMIT], 1);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_personal_setup setup = {.mode = NV_PERSONAL_PSEUDONYMISE, .salt = NV_STR(SALT)};
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_personal_new(&setup, &rules, NULL);
        struct nv_personal_finder *made = err == NV_OK ? nv_personal_finder_new(rules) : NULL;
        struct nv_str text = NV_STR("john@corp.com 10.1.2.3");
        struct nv_hints hints = nv_hints_of(text);
        if (made)
            err = nv_personal_text(made, arena, &text, &hints, &counts);
        bool failed = oom_end();
        nv_personal_finder_free(made);
        nv_personal_free(rules);
        rules = NULL;
        ck_assert(failed ? !made || err == NV_ERR_NO_MEMORY || err == NV_OK : err == NV_OK);
        if (!failed)
            break;
    }
}
END_TEST

/* Words around a text change nothing in it, though patterns see only where numbers are. */
START_TEST(in_words)
{
    static const char *const pieces[] = {"4111 1111 1111 1111",
                                         "123-45-6789",
                                         "415.555.2671",
                                         "+91 98765 43210",
                                         "4155552671",
                                         "123456789012",
                                         "784-1987-1234567-1",
                                         "2026-10-07",
                                         "12:30",
                                         "1",
                                         "23",
                                         "456",
                                         "7890",
                                         "12345",
                                         " ",
                                         " ",
                                         "-",
                                         ".",
                                         "+",
                                         "+91",
                                         ", ",
                                         "a",
                                         "\xc2\xa0",
                                         "\xd9\xa3\xd9\xa4\xd9\xa5"};
    static const char before[] = "some words ", behind[] = " and others";
    uint32_t seed = 1;
    unsigned changed = 0;
    make(&(struct nv_personal_setup){.mode = NV_PERSONAL_PSEUDONYMISE, .salt = NV_STR(SALT)});
    for (unsigned round = 0; round < 20000; round++) {
        char text[512];
        size_t len = sizeof before - 1;
        memcpy(text, before, len);
        for (unsigned i = 0; i < 8; i++) {
            seed = seed * 1664525u + 1013904223u;
            struct nv_str piece =
                nv_str_from(pieces[(seed >> 16) % (sizeof pieces / sizeof pieces[0])]);
            memcpy(text + len, piece.ptr, piece.len);
            len += piece.len;
        }
        struct nv_str inside = {text + sizeof before - 1, len - (sizeof before - 1)};
        memcpy(text + len, behind, sizeof behind - 1);
        struct nv_str all = of((struct nv_str){text, len + sizeof behind - 1});
        struct nv_str alone = of(inside);
        changed += alone.ptr != inside.ptr;
        ck_assert_msg(all.len == alone.len + sizeof before + sizeof behind - 2 &&
                          memcmp(all.ptr + sizeof before - 1, alone.ptr, alone.len) == 0,
                      "%.*s: %.*s", NV_STR_ARG(inside), NV_STR_ARG(all));
    }
    ck_assert_uint_gt(changed, 5000);
}
END_TEST

/* ---- memory that may not be made executable ---------------------------------------------- */

/* MemoryDenyWriteExecute=yes of a unit of systemd: what the kernel has for it, else the filter
 * that systemd itself installs. */
static bool deny_executable(void)
{
    static const unsigned mdwe = 65; /* PR_SET_MDWE, of Linux 6.3 */
    if (prctl((int)mdwe, 1UL, 0UL, 0UL, 0UL) == 0)
        return true;
#define LOAD(field)                                                                            \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
    struct sock_filter rules_of_mmap[] = {
        LOAD(nr),
        IS(__NR_mmap, 1, 0),
        IS(__NR_mprotect, 0, 3),
        LOAD(args[2]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof rules_of_mmap / sizeof rules_of_mmap[0],
                                       rules_of_mmap};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* 0: all is found as with machine code; 1: not; 2: this machine can't forbid it. */
static int find_without_machine_code(void)
{
    const struct nv_personal_setup setup = {.mode = NV_PERSONAL_PSEUDONYMISE,
                                            .salt = NV_STR(SALT),
                                            .regions = regions,
                                            .region_count = 2};
    struct nv_arena *own = nv_arena_new((size_t)1 << 24);
    if (!deny_executable())
        return 2;
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
             0) != MAP_FAILED)
        return 2;
    if (nv_personal_new(&setup, &rules, NULL) != NV_OK)
        return 1;
    finder = nv_personal_finder_new(rules);
    for (size_t i = 0; finder && i < sizeof cases / sizeof cases[0]; i++) {
        struct nv_str text = nv_str_from(cases[i].text);
        struct nv_hints hints = nv_hints_of(text);
        const char *becomes = cases[i].pseudonymised ? cases[i].pseudonymised : cases[i].text;
        if (nv_personal_text(finder, own, &text, &hints, &counts) != NV_OK ||
            !nv_str_eq(text, nv_str_from(becomes)))
            return 1;
    }
    return finder ? 0 : 1;
}

START_TEST(without_machine_code)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(find_without_machine_code());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_ne(WEXITSTATUS(status), 1);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* As many patterns as there may be: each has a label of its own, and a place in the counts. */
START_TEST(labels_to_the_cap)
{
    static char names[NV_PERSONAL_PATTERNS_MAX][16];
    struct nv_personal_pattern patterns[NV_PERSONAL_PATTERNS_MAX];
    struct nv_personal *full = NULL;
    for (unsigned i = 0; i < NV_PERSONAL_PATTERNS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "OWN_%u", i);
        patterns[i] = (struct nv_personal_pattern){nv_str_from(names[i]), NV_STR("zzz")};
    }
    const struct nv_personal_setup setup = {.patterns = patterns,
                                            .pattern_count = NV_PERSONAL_PATTERNS_MAX};
    ck_assert_int_eq(nv_personal_new(&setup, &full, NULL), NV_OK);
    ck_assert_uint_eq(nv_personal_label_count(full), NV_PERSONAL_LABELS_MAX);
    nv_personal_free(full);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/personal");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, the_examples, 0, COUNT(cases));
    tcase_add_loop_test(tcase, overlaps_and_ends, 0, COUNT(overlaps));
    tcase_add_test(tcase, patterns_of_the_user);
    tcase_add_test(tcase, numbers_by_their_keys);
    tcase_add_test(tcase, whole_values);
    tcase_add_loop_test(tcase, nothing_takes_long, 0, COUNT(slow));
    tcase_add_test(tcase, what_begins_like_an_address_is_tried_where_it_stands);
    tcase_add_test(tcase, a_limit_takes_the_whole);
    tcase_add_test(tcase, in_words);
    tcase_add_test(tcase, without_machine_code);
    tcase_add_test(tcase, no_memory_is_an_error);
    tcase_add_test(tcase, labels_to_the_cap);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
