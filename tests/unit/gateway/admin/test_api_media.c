/*
 * Files of media by the API: what there is, what there isn't, and a head that no browser runs.
 */
#include "expect.h"

#include "gateway/admin/api_media.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[64];
static struct nv_fake_clock clock_;
static struct nv_media_files *files;
static char name[NV_MEDIA_FILE_NAME];
static struct nv_buf out;
static struct nv_fail fail;

static void set_up(void)
{
    const struct nv_media_files_config config = {
        .directory = directory, .files_max = 3, .bytes_max = 1000};
    const struct nv_medium medium = {
        .type = {.mime = NV_STR("image/png"), .format = NV_STR("png")},
        .text = NV_STR("Zm9v/mFy"),
        .bytes = 6};
    (void)snprintf(directory, sizeof directory, "/tmp/nv-api-media-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    nv_fake_clock_init(&clock_, 0, NV_NS_PER_S);
    fail = (struct nv_fail){0};
    files = nv_media_files_new(&config, &clock_.clock, &fail);
    ck_assert_ptr_nonnull(files);
    const struct nv_media_keeper *keeper = nv_media_files_keeper(files);
    ck_assert_int_eq(keeper->keep(keeper->ctx, &medium, name), NV_OK);
    nv_buf_init(&out, 1000);
}

static void tear_down(void)
{
    char path[160];
    nv_buf_release(&out);
    nv_media_files_free(files);
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    (void)unlink(path);
    (void)rmdir(directory);
}

START_TEST(a_file_is_read_by_its_name)
{
    struct nv_str file = nv_str_from(name);
    ck_assert_uint_eq(nv_api_media_bytes(files, file), 6);
    ck_assert_int_eq(nv_api_media_read(files, file, &out, &fail), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "foo\xfe"
                                       "ar");
}
END_TEST

static const struct {
    const char *name;
    enum nv_err err;
    const char *says;
} rows[] = {
    {"", NV_ERR_CONFIG, "ask with file="},
    {"nothing.png", NV_ERR_NOT_FOUND, "no longer kept"},
    {"../../etc/passwd", NV_ERR_NOT_FOUND, "no longer kept"},
    {"00000000-0000-0000-0000-000000000001.png", NV_ERR_NOT_FOUND, "no longer kept"},
    {"00000000-0000-0000-0000-000000000000.html", NV_ERR_NOT_FOUND, "no longer kept"},
};

START_TEST(other_names_are_none)
{
    struct nv_str file = nv_str_from(rows[_i].name);
    ck_assert_uint_eq(nv_api_media_bytes(files, file), 0);
    ck_assert_int_eq(nv_api_media_read(files, file, &out, &fail), rows[_i].err);
    ck_assert_ptr_nonnull(strstr(fail.what, rows[_i].says));
}
END_TEST

START_TEST(without_a_directory_there_is_none)
{
    ck_assert_uint_eq(nv_api_media_bytes(NULL, nv_str_from(name)), 0);
    ck_assert_int_eq(nv_api_media_read(NULL, nv_str_from(name), &out, &fail), NV_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(fail.what, "it is not set"));
}
END_TEST

START_TEST(no_browser_makes_a_document_of_it)
{
    struct nv_http_reply reply = {.status = 200, .content_type = NV_STR("application/json")};
    nv_api_media_head(&reply);
    ck_assert_nv_str(reply.content_type, "application/octet-stream");
    ck_assert_nv_str(reply.headers, "Content-Disposition: attachment\r\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/api_media");
    TCase *tcase = tcase_create("api_media");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_is_read_by_its_name);
    tcase_add_loop_test(tcase, other_names_are_none, 0, sizeof rows / sizeof *rows);
    tcase_add_test(tcase, without_a_directory_there_is_none);
    tcase_add_test(tcase, no_browser_makes_a_document_of_it);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
