/*
 * Names and values: replaced whole, the last of a name counts, secrets are masked by their
 * names, at the cap and one past it.
 */
#include "expect.h"
#include "oom.h"

#include "base/text/mask.h"
#include "gateway/config/option_map.h"
#include "gateway/config/option_value.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_text_list map;
static struct nv_fail fail;

static enum nv_err set(const char *text)
{
    fail = (struct nv_fail){0};
    return nv_option_map_set(&map, nv_str_from(text), &fail);
}

static void expect_written(const char *expected)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 4096);
    ck_assert_int_eq(nv_option_map_write(&map, false, &buf), NV_OK);
    ck_assert_msg(nv_str_eq(nv_buf_str(&buf), nv_str_from(expected)), "%.*s", (int)buf.len,
                  buf.bytes);
    nv_buf_release(&buf);
}

static void tear_down(void)
{
    nv_text_list_release(&map);
    nv_mask_clear();
}

START_TEST(lines_are_entries_and_the_last_of_a_name_counts)
{
    ck_assert_int_eq(set("linger.ms = 5\n\n  a=b=c \nempty=\nlinger.ms=7"), NV_OK);
    ck_assert_uint_eq(map.count, 3);
    expect_written("linger.ms=7\na=b=c\nempty=");
    ck_assert_int_eq(set("x=1"), NV_OK);
    expect_written("x=1");
    ck_assert_int_eq(set(""), NV_OK);
    expect_written("");
}
END_TEST

START_TEST(what_is_no_entry_is_told_by_its_number_and_changes_nothing)
{
    static const char *const wrong[] = {"a=1\nmy-secret-word", "a=1\n=my-secret-word"};
    ck_assert_int_eq(set("kept=1"), NV_OK);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(set(wrong[i]), NV_ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(fail.what, "entry 2"));
        ck_assert_ptr_null(strstr(fail.what, "my-secret-word"));
        expect_written("kept=1");
    }
}
END_TEST

START_TEST(secrets_are_known_by_their_names)
{
    static const char *const secret[] = {"sasl.password",
                                         "ssl.key.password",
                                         "ssl.key.pem",
                                         "sasl.oauthbearer.client.secret",
                                         "sasl.oauthbearer.config",
                                         "SASL.Password"};
    static const char *const plain[] = {"linger.ms", "sasl.username", "ssl.key.location",
                                        "client.id"};
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
        ck_assert_msg(nv_option_map_is_secret(nv_str_from(secret[i])), "%s", secret[i]);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        ck_assert_msg(!nv_option_map_is_secret(nv_str_from(plain[i])), "%s", plain[i]);
    ck_assert_int_eq(set("sasl.password=hunter22hunter\nclient.id=x"), NV_OK);
    expect_written("sasl.password=***\nclient.id=x");
    ck_assert_int_eq(
        nv_option_map_remember(
            NV_STR("client.id=notasecretatall\nsasl.password=hunter22hunter"), false),
        NV_OK);
    char text[] = "hunter22hunter notasecretatall";
    size_t len = nv_mask_text(text, sizeof text - 1);
    ck_assert(nv_str_eq((struct nv_str){text, len}, NV_STR("*** notasecretatall")));
}
END_TEST

/* As of telemetry.otlp.headers: the word behind Bearer is one for itself. */
START_TEST(of_a_secret_option_every_value_is_one)
{
    struct nv_buf buf;
    ck_assert_int_eq(set("a=Bearer opensesame77\nb=x"), NV_OK);
    nv_buf_init(&buf, 1000);
    ck_assert_int_eq(nv_option_map_write(&map, true, &buf), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), "a=***\nb=***");
    nv_buf_release(&buf);
    ck_assert_int_eq(nv_option_map_remember(NV_STR("a=Bearer opensesame77"), true), NV_OK);
    char text[] = "Bearer opensesame77, opensesame77";
    size_t len = nv_mask_text(text, sizeof text - 1);
    ck_assert_nv_str(((struct nv_str){text, len}), "***, ***");
}
END_TEST

START_TEST(at_the_cap_and_one_past_it)
{
    struct nv_buf text;
    nv_buf_init(&text, 1u << 16);
    for (int i = 0; i < NV_OPTION_MAP_MAX; i++)
        (void)nv_buf_printf(&text, "n%d=1\n", i);
    ck_assert_int_eq(nv_option_map_set(&map, nv_buf_str(&text), &fail), NV_OK);
    ck_assert_uint_eq(map.count, NV_OPTION_MAP_MAX);
    (void)nv_buf_printf(&text, "one-more=1\n");
    ck_assert_int_eq(nv_option_map_set(&map, nv_buf_str(&text), &fail), NV_ERR_CONFIG);
    ck_assert_uint_eq(map.count, NV_OPTION_MAP_MAX);
    nv_buf_release(&text);
}
END_TEST

START_TEST(without_memory_the_map_stays)
{
    ck_assert_int_eq(set("kept=1"), NV_OK);
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = set("a=1\nb=2");
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        expect_written("kept=1");
    }
    expect_written("a=1\nb=2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/config/option_map");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, lines_are_entries_and_the_last_of_a_name_counts);
    tcase_add_test(tcase, what_is_no_entry_is_told_by_its_number_and_changes_nothing);
    tcase_add_test(tcase, secrets_are_known_by_their_names);
    tcase_add_test(tcase, of_a_secret_option_every_value_is_one);
    tcase_add_test(tcase, at_the_cap_and_one_past_it);
    tcase_add_test(tcase, without_memory_the_map_stays);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
