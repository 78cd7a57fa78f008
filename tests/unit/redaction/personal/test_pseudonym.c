/*
 * Pseudonyms against Python's hmac: salts shorter and longer than a block, values that are
 * written in several ways, bytes that are no UTF-8.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/personal/pseudonym.h"

#include "base/banned.h"

#define S16 "ssssssssssssssss"
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* hmac.new(salt, re.sub(r"\s+", "", normalize("NFC", value)).lower().encode(), sha256) */
static const struct {
    const char *salt, *value, *word;
} cases[] = {
    {"test-salt-1", "john@corp.com", "X_6e6bbb5afcec"},
    {"test-salt-1", " John @Corp.com", "X_6e6bbb5afcec"},
    {"test-salt-1", "", "X_e67d0cd88ba6"},
    {S16 S16 S16 S16, "x", "X_08e3a6fe5335"},
    {S16 S16 S16 S16 "s", "x", "X_06a9468e979e"},
    {"s\xc3\xa4ltig!!",
     "\xe1\xbd\x88\xce\xb4\xcf\x85\xcf\x83\xcf\x83\xce\xb5\xcf\x8d\xcf\x82 "
     "\xce\x9f\xce\x94\xce\x9f\xce\xa3",
     "X_5b0eac9d9b8d"},
    {"k", A50 A50 A50 A50, "X_31a43c4c4524"},
};

START_TEST(as_python)
{
    struct nv_buf out;
    struct nv_pseudonyms *pseudonyms = nv_pseudonyms_new(nv_str_from(cases[_i].salt));
    ck_assert_ptr_nonnull(pseudonyms);
    for (int again = 0; again < 2; again++) {
        nv_buf_init(&out, 100);
        ck_assert_int_eq(
            nv_pseudonym_append(pseudonyms, &out, NV_STR("X"), nv_str_from(cases[_i].value)),
            NV_OK);
        ck_assert_nv_str(nv_buf_str(&out), cases[_i].word);
        nv_buf_release(&out);
    }
    nv_pseudonyms_free(pseudonyms);
}
END_TEST

START_TEST(no_utf8_and_no_room)
{
    struct nv_buf out;
    struct nv_pseudonyms *pseudonyms = nv_pseudonyms_new(NV_STR("salt"));
    nv_buf_init(&out, 14);
    ck_assert_int_eq(nv_pseudonym_append(pseudonyms, &out, NV_STR("X"), NV_STR("\xff")), NV_OK);
    ck_assert_uint_eq(out.len, 14);
    ck_assert_int_eq(nv_pseudonym_append(pseudonyms, &out, NV_STR("X"), NV_STR("a")),
                     NV_ERR_LIMIT);
    nv_buf_release(&out);
    nv_pseudonyms_free(pseudonyms);
    oom_fail_nth(1);
    pseudonyms = nv_pseudonyms_new(NV_STR("salt"));
    (void)oom_end();
    ck_assert_ptr_null(pseudonyms);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/pseudonym");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, as_python, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, no_utf8_and_no_room);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
