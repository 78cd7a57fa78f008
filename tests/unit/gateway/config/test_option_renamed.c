/*
 * Old names of keys are understood; and every key of every released version has a name now.
 */
#include "expect.h"
#include "gateway/config/option_renamed.h"
#include "gateway/config/options.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static const struct nv_renamed rows[] = {{"assembly.calm_ms", "assembly.quiet_ms", "9.1"},
                                         {"hold.on_stop", "assembly.on_stop", "9.2"},
                                         {NULL, NULL, NULL}};

static const char *now(const char *path)
{
    static char text[64];
    struct nv_str got = nv_renamed_now(rows, nv_str_from(path), "here");
    (void)snprintf(text, sizeof text, "%.*s", NV_STR_ARG(got));
    return text;
}

START_TEST(an_old_name_is_the_new_key)
{
    ck_assert_str_eq(now("assembly.calm_ms"), "assembly.quiet_ms");
    ck_assert_str_eq(now("hold.on_stop"), "assembly.on_stop");
    ck_assert_str_eq(now("assembly.quiet_ms"), "assembly.quiet_ms");
    ck_assert_str_eq(now("hold"), "hold");
    ck_assert_ptr_null(nv_renamed_find(rows, NV_STR("assembly.calm")));
}
END_TEST

START_TEST(a_section_that_only_old_names_have)
{
    ck_assert(nv_renamed_is_section(rows, NV_STR("hold")));
    ck_assert(!nv_renamed_is_section(rows, NV_STR("hol")));
    ck_assert(!nv_renamed_is_section(rows, NV_STR("hold.on_stop")));
    ck_assert(!nv_renamed_is_section(rows, NV_STR("")));
}
END_TEST

START_TEST(every_row_names_a_key_that_is_there)
{
    for (const struct nv_renamed *row = nv_renamed_rows(); row->old; row++) {
        ck_assert_msg(nv_option_find(nv_str_from(row->old)) == NV_OPTION_TOTAL,
                      "%s is a key still", row->old);
        ck_assert_msg(nv_option_find(nv_str_from(row->now)) < NV_OPTION_TOTAL, "%s is no key",
                      row->now);
    }
}
END_TEST

static size_t check_keys(const char *path)
{
    char line[128];
    size_t count = 0;
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        struct nv_str key = nv_str_trim(nv_str_from(line));
        ck_assert_msg(nv_option_find(key) < NV_OPTION_TOTAL ||
                          nv_renamed_find(nv_renamed_rows(), key),
                      "%s: %s is not understood any more", path, line);
        count++;
    }
    (void)fclose(file);
    return count;
}

START_TEST(every_key_that_was_released_is_understood)
{
    static const char folder[] = NOVEUM_SOURCE_DIR "/tests/data/keys";
    const struct dirent *entry;
    char path[512];
    size_t files = 0;
    DIR *open = opendir(folder);
    ck_assert_ptr_nonnull(open);
    while ((entry = readdir(open)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        ck_assert_uint_gt(check_keys(path), 50);
        files++;
    }
    (void)closedir(open);
    ck_assert_uint_ge(files, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/config/option_renamed");
    TCase *tcase = tcase_create("renamed");
    tcase_add_test(tcase, an_old_name_is_the_new_key);
    tcase_add_test(tcase, a_section_that_only_old_names_have);
    tcase_add_test(tcase, every_row_names_a_key_that_is_there);
    tcase_add_test(tcase, every_key_that_was_released_is_understood);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
