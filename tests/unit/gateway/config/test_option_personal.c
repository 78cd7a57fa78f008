/*
 * Options of personal data: what is refused, at which option and place, and what they make.
 */
#include "expect.h"
#include "oom.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "gateway/config/option_load.h"
#include "gateway/config/option_personal.h"
#include "redaction/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;
static struct nv_pii *pii;

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_FILE, "file:3:5", &fail),
        NV_OK);
}

static void set_up(void)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_pii_free(pii);
    pii = NULL;
    nv_options_release(&options);
}

static const struct {
    const char *pii, *salt, *patterns, *allow, *says; /* NULL: not set; nothing wrong */
} cases[] = {
    {NULL, NULL, NULL, NULL, NULL},
    {"redact", NULL, NULL, NULL, NULL},
    {"redact", "short", NULL, NULL, NULL},
    {"pseudonymise", "12345678", NULL, NULL, NULL},
    {"pseudonymise", NULL, NULL, NULL, "redaction.pii: pseudonyms need a salt"},
    {"pseudonymise", "   ", NULL, NULL, "pseudonyms need a salt"},
    {"pseudonymise", "1234567", NULL, NULL, "redaction.pii_salt: shorter than 8 bytes"},
    {"pseudonymise", NV_PERSONAL_SALT_SHARED, NULL, NULL, "everybody knows"},
    {"pseudonymise", NV_PERSONAL_SALT_SHARED " ", NULL, NULL, "everybody knows"},
    {NULL, NULL, "A=a", NULL, "redaction.patterns: has no effect while redaction.pii is off"},
    {NULL, NULL, NULL, "a", "redaction.pii_allow: has no effect while redaction.pii is off"},
    {"redact", NULL, "A=a\nB=b=c\n=d\n=e", "a", NULL},
    {"redact", NULL, "A=a\nb", NULL, "redaction.patterns: item 2: write LABEL=PATTERN"},
    {"redact", NULL, "A=a\nEMP = x(b", NULL,
     "item 2, column 10, offset 4 in the pattern: missing closing parenthesis"},
    {"redact", NULL, "A=a\nA=b", NULL, "item 2, column 3, offset 0 in the pattern: label is"},
    {"redact", NULL, "A=(a+)+", NULL, "item 1, column 7, offset 4 in the pattern: a repeat"},
};

START_TEST(what_is_refused)
{
    if (cases[_i].pii)
        set(NV_OPT_redaction_pii, cases[_i].pii);
    if (cases[_i].salt)
        set(NV_OPT_redaction_pii_salt, cases[_i].salt);
    if (cases[_i].patterns)
        set(NV_OPT_redaction_patterns, cases[_i].patterns);
    if (cases[_i].allow)
        set(NV_OPT_redaction_pii_allow, cases[_i].allow);
    enum nv_err err = nv_options_personal(&options, &pii, &fail);
    ck_assert_int_eq(err, cases[_i].says ? NV_ERR_CONFIG : NV_OK);
    if (!cases[_i].says) {
        ck_assert((pii != NULL) == (cases[_i].pii != NULL));
        return;
    }
    ck_assert_msg(strstr(fail.what, cases[_i].says) != NULL, "%s", fail.what);
    ck_assert_ptr_null(pii);
    ck_assert_ptr_null(strstr(fail.what, "1234567"));
    ck_assert_ptr_null(strstr(fail.what, NV_PERSONAL_SALT_SHARED));
}
END_TEST

/* A pattern in the configuration's file is refused at its own line and column, as far as the
 * file says where it stands. */
static const struct {
    const char *text, *place;
} files[] = {
    {"redaction:\n  pii: redact\n  patterns:\n    - A=a\n    - EMP = x(b\n", "5:16"},
    {"redaction: {pii: redact, patterns: ['A=a', '', \"EMP=(a+)+\"]}\n", "1:57"},
    {"redaction.pii: redact\nredaction.patterns:\n- 'A=a'\n- >\n  EMP=x(\n", "2:1"},
    {"redaction.pii: redact\nredaction.patterns: 'A=x('\n", "2:1"},
};

START_TEST(refused_in_the_file)
{
    char path[] = "/tmp/noveum-patterns-XXXXXX", wanted[96];
    static const char *const nothing[] = {NULL};
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, files[_i].text, strlen(files[_i].text)),
                     (ssize_t)strlen(files[_i].text));
    ck_assert_int_eq(close(fd), 0);
    const struct nv_option_sources sources = {.config_file = path, .environment = nothing};
    (void)snprintf(wanted, sizeof wanted, "%s:%s", path, files[_i].place);
    nv_options_release(&options);
    enum nv_err err = nv_options_load(&options, &sources, &fail);
    (void)unlink(path);
    ck_assert_int_eq(err, NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "redaction.patterns: item "));
    ck_assert_str_eq(fail.path, wanted);
}
END_TEST

/* The file's line end is no part of the salt; others must not read it. */
static const struct {
    const char *keys, *says;
} keys[] = {
    {"a=drop,*.b=hash,c.*=keep,*=keep", NULL},
    {"a=drop,b", "redaction.pii_keys: \"b\" is not KEY=drop"},
    {"a=mask", "says neither drop"},
    {"=drop", "has a key that is empty"},
    {"a*b=drop", "has a * that is neither"},
    {"*a*=drop", "has a * that is neither"},
};

START_TEST(rules_of_keys)
{
    set(NV_OPT_redaction_pii, "redact");
    set(NV_OPT_redaction_pii_keys, keys[_i].keys);
    ck_assert_int_eq(nv_options_personal(&options, &pii, &fail),
                     keys[_i].says ? NV_ERR_CONFIG : NV_OK);
    ck_assert((pii == NULL) == (keys[_i].says != NULL));
    if (keys[_i].says)
        ck_assert_msg(strstr(fail.what, keys[_i].says) != NULL, "%s", fail.what);
}
END_TEST

START_TEST(regions)
{
    struct nv_arena *arena = nv_arena_new(1u << 16);
    static const char *const lists[][2] = {{NULL, "************"},
                                           {"none", "050 123 4567"},
                                           {"ae", "************"},
                                           {"DE", "050 123 4567"}};
    set(NV_OPT_redaction_pii, "redact");
    for (size_t i = 0; i < 4; i++) {
        struct nv_str text = NV_STR("050 123 4567");
        if (lists[i][0])
            set(NV_OPT_redaction_phone_regions, lists[i][0]);
        ck_assert_int_eq(nv_options_personal(&options, &pii, &fail), NV_OK);
        const struct nv_redaction_config config = {.pii = pii};
        ck_assert_int_eq(nv_redact_text(&config, arena, &text), NV_OK);
        ck_assert_nv_str(text, lists[i][1]);
        nv_pii_free(pii);
        pii = NULL;
    }
    set(NV_OPT_redaction_phone_regions, "AE,XX");
    ck_assert_int_eq(nv_options_personal(&options, &pii, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "redaction.phone_regions: \"XX\" is no region"));
    nv_arena_free(arena);
}
END_TEST

/* As option_personal.c has it. */
#define SALT_FILE_MAX NV_CAP_KIB(64)

START_TEST(the_file_of_the_salt_has_a_cap)
{
    for (size_t more = 0; more < 2; more++) {
        static char salt[SALT_FILE_MAX + 1];
        char path[] = "/tmp/noveum-salt-XXXXXX";
        int fd = mkstemp(path);
        const size_t len = SALT_FILE_MAX + more;
        ck_assert_int_ge(fd, 0);
        memset(salt, 's', sizeof salt);
        ck_assert_int_eq(write(fd, salt, len), (ssize_t)len);
        set(NV_OPT_redaction_pii, "pseudonymise");
        set(NV_OPT_redaction_pii_salt_file, path);
        ck_assert_int_eq(nv_options_personal(&options, &pii, &fail),
                         more == 0 ? NV_OK : NV_ERR_LIMIT);
        nv_pii_free(pii);
        pii = NULL;
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(close(fd), 0);
    }
}
END_TEST

START_TEST(the_file_of_the_salt)
{
    char path[] = "/tmp/noveum-salt-XXXXXX";
    struct nv_str text = NV_STR("john@corp.com");
    struct nv_arena *arena = nv_arena_new(1u << 16);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, " test-salt-1\n", 13), 13);
    set(NV_OPT_redaction_pii, "pseudonymise");
    set(NV_OPT_redaction_pii_salt_file, path);
    ck_assert_int_eq(nv_options_personal(&options, &pii, &fail), NV_OK);
    const struct nv_redaction_config config = {.pii = pii};
    char echoed[] = "the salt test-salt-1 is shown";
    ck_assert_int_eq(nv_redact_text(&config, arena, &text), NV_OK);
    ck_assert_nv_str(text, "EMAIL_6e6bbb5afcec");
    ck_assert_nv_str(((struct nv_str){echoed, nv_mask_text(echoed, strlen(echoed))}),
                     "the salt *** is shown");
    nv_pii_free(pii);
    pii = NULL;
    ck_assert_int_eq(fchmod(fd, 0644), 0);
    ck_assert_int_eq(nv_options_personal(&options, &pii, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "everybody can read"));
    fail = (struct nv_fail){0};
    set(NV_OPT_redaction_pii_salt, "12345678");
    ck_assert_int_eq(nv_options_personal(&options, &pii, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "remove one of them"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(close(fd), 0);
    nv_arena_free(arena);
}
END_TEST

START_TEST(each_allocation_fails_once)
{
    set(NV_OPT_redaction_pii, "redact");
    set(NV_OPT_redaction_patterns, "A=a\nB=b");
    set(NV_OPT_redaction_pii_allow, "a@b.cc");
    set(NV_OPT_redaction_pii_salt, "12345678");
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_options_personal(&options, &pii, &fail);
        bool failed = oom_end();
        nv_pii_free(pii);
        pii = NULL;
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/config/option_personal");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_is_refused, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_loop_test(tcase, rules_of_keys, 0, (int)(sizeof keys / sizeof keys[0]));
    tcase_add_loop_test(tcase, refused_in_the_file, 0, (int)(sizeof files / sizeof files[0]));
    tcase_add_test(tcase, regions);
    tcase_add_test(tcase, the_file_of_the_salt);
    tcase_add_test(tcase, the_file_of_the_salt_has_a_cap);
    tcase_add_test(tcase, each_allocation_fails_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
