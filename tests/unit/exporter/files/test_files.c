/*
 * Files of the local mode: names, modes, whole replacement, symlinks refused, and indentation.
 */
#include "expect.h"
#include "fixtures.h"
#include "oom.h"

#include "exporter/files/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static char root[64], directory[96];
static struct nv_files *files;

static void setup(void)
{
    struct nv_fail fail = {0};

    (void)snprintf(root, sizeof root, "/tmp/nv-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    (void)snprintf(directory, sizeof directory, "%s/traces", root);
    files = nv_files_new(directory, &fail);
    ck_assert_msg(files != NULL, "%s", fail.what);
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        (void)closedir(dir);
    (void)rmdir(path);
}

static void teardown(void)
{
    nv_files_free(files);
    remove_all(directory);
    remove_all(root);
}

static struct nv_str contents(const char *name)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return nv_test_read_file(path);
}

static void expect_contents(const char *name, const char *text)
{
    struct nv_str have = contents(name);

    ck_assert_nv_str(have, text);
    free((void *)(uintptr_t)have.ptr);
}

static const struct {
    const char *id, *file;
} names[] = {
    {"4bdd6520-a260-32ed-5f00-d3897e6a87dc", "4bdd6520-a260-32ed-5f00-d3897e6a87dc.json"},
    {"../../etc/passwd", "etcpasswd.json"},
    {"a_B-9.json", "a_B-9json.json"},
    {"/", "unknown.json"},
    {"", "unknown.json"},
    {"\xff\n..", "unknown.json"},
    {"01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
     "90"
     "12345678901234567890123456789012345678901234567890",
     "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
     "90"
     "1234567890123456789012345678901234567.json"},
};

START_TEST(names_are_reduced)
{
    ck_assert_int_eq(nv_files_write(files, nv_str_from(names[_i].id), NV_STR("{}")), NV_OK);
    expect_contents(names[_i].file, "{}\n");
}
END_TEST

START_TEST(modes_are_private)
{
    struct stat st;
    char path[256];

    ck_assert_int_eq(nv_files_write(files, NV_STR("t"), NV_STR("{\"a\":1}")), NV_OK);
    ck_assert_int_eq(stat(directory, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    (void)snprintf(path, sizeof path, "%s/t.json", directory);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(nv_files_write(files, NV_STR("t"), NV_STR("[2]")), NV_OK);
    expect_contents("t.json", "[\n  2\n]\n");
}
END_TEST

START_TEST(symlinks_are_replaced_not_followed)
{
    char path[256], victim[256];
    struct stat st;
    FILE *file;

    (void)snprintf(victim, sizeof victim, "%s/victim", root);
    (void)snprintf(path, sizeof path, "%s/t.json", directory);
    file = fopen(victim, "w");
    ck_assert_ptr_nonnull(file);
    (void)fclose(file);
    ck_assert_int_eq(symlink(victim, path), 0);
    (void)snprintf(path, sizeof path, "%s/.writing.tmp", directory);
    ck_assert_int_eq(symlink(victim, path), 0);
    ck_assert_int_eq(nv_files_write(files, NV_STR("t"), NV_STR("{}")), NV_OK);
    ck_assert_int_eq(stat(victim, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    expect_contents("t.json", "{}\n");
}
END_TEST

START_TEST(directories_that_do_not_do)
{
    char path[256];
    struct nv_fail fail = {0};

    (void)snprintf(path, sizeof path, "%s/link", root);
    ck_assert_int_eq(symlink(directory, path), 0);
    ck_assert_ptr_null(nv_files_new(path, &fail));
    ck_assert_int_eq(fail.code, NV_ERR_IO);
    ck_assert_str_eq(fail.path, "exporter.file.directory");
    ck_assert_ptr_nonnull(strstr(fail.what, "/link"));
    ck_assert_ptr_null(nv_files_new("/nonexistent/below", NULL));
    ck_assert_ptr_null(nv_files_new("/dev/null", NULL));
    nv_files_free(NULL);
}
END_TEST

START_TEST(a_directory_that_went_away)
{
    remove_all(directory);
    ck_assert_int_eq(nv_files_write(files, NV_STR("t"), NV_STR("{}")), NV_ERR_IO);
}
END_TEST

START_TEST(no_memory)
{
    struct nv_files *none;
    enum nv_err err;

    oom_fail_nth(1);
    err = nv_files_write(files, NV_STR("t"), NV_STR("{}"));
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    ck_assert_int_eq(nv_files_write(files, NV_STR("t"), NV_STR("{}")), NV_OK);
    oom_fail_nth(1);
    none = nv_files_new(directory, NULL);
    ck_assert(oom_end());
    ck_assert_ptr_null(none);
}
END_TEST

static const struct {
    const char *compact, *indented;
} texts[] = {
    {"{}", "{}\n"},
    {"[]", "[]\n"},
    {"1", "1\n"},
    {"{\"a\":[],\"b\":{ },\"c\":[1, 2]}",
     "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    2\n  ]\n}\n"},
    {"{\"k{[,:\\\"\":\"v}],\\\\\"}", "{\n  \"k{[,:\\\"\": \"v}],\\\\\"\n}\n"},
    {"[[1],{\"x\":null}]", "[\n  [\n    1\n  ],\n  {\n    \"x\": null\n  }\n]\n"},
    {"\"open", "\"open\n"},
    {"}}]", "\n}\n}\n]\n"},
};

START_TEST(indentation)
{
    struct nv_buf buf;

    nv_buf_init(&buf, SIZE_MAX);
    ck_assert_int_eq(nv_json_indent(&buf, nv_str_from(texts[_i].compact)), NV_OK);
    ck_assert_nv_str(nv_buf_str(&buf), texts[_i].indented);
    nv_buf_release(&buf);
}
END_TEST

/* As files.c has it. */
#define INDENT_LEVELS_MAX 256

/* Deeper lines stand no further to the right: no square of the depth. */
START_TEST(indentation_to_the_depth)
{
    size_t longest[2];
    for (size_t more = 0; more < 2; more++) {
        char json[2 * INDENT_LEVELS_MAX + 8];
        const size_t depth = INDENT_LEVELS_MAX + more;
        struct nv_buf buf;
        size_t line = 0;
        nv_buf_init(&buf, 1u << 20);
        memset(json, '[', depth);
        json[depth] = '1';
        memset(json + depth + 1, ']', depth);
        ck_assert_int_eq(nv_json_indent(&buf, (struct nv_str){json, 2 * depth + 1}), NV_OK);
        longest[more] = 0;
        for (size_t i = 0; i < buf.len; i++) {
            line = buf.bytes[i] == '\n' ? 0 : line + 1;
            longest[more] = line > longest[more] ? line : longest[more];
        }
        nv_buf_release(&buf);
    }
    ck_assert_uint_gt(longest[0], INDENT_LEVELS_MAX);
    ck_assert_uint_eq(longest[1], longest[0]);
}
END_TEST

/* What follows a value that is deeper stands where it would without it. */
START_TEST(lines_behind_the_deepest_stand_where_they_belong)
{
    for (size_t more = 0; more < 2; more++) {
        char json[2 * INDENT_LEVELS_MAX + 64];
        const size_t depth = INDENT_LEVELS_MAX - 1 + more; /* inside an object */
        const size_t len = (size_t)snprintf(json, sizeof json, "{\"a\":%*s%s%*s,\"b\":2}",
                                            (int)depth, "", "1", (int)depth, "");
        struct nv_buf buf;
        memset(json + 5, '[', depth);
        memset(json + 5 + depth + 1, ']', depth);
        nv_buf_init(&buf, 1u << 20);
        ck_assert_int_eq(nv_json_indent(&buf, (struct nv_str){json, len}), NV_OK);
        ck_assert(nv_str_ends(nv_buf_str(&buf), NV_STR("\n  ],\n  \"b\": 2\n}\n")));
        nv_buf_release(&buf);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/files");
    TCase *tcase = tcase_create("files");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, names_are_reduced, 0, sizeof names / sizeof *names);
    tcase_add_test(tcase, modes_are_private);
    tcase_add_test(tcase, symlinks_are_replaced_not_followed);
    tcase_add_test(tcase, directories_that_do_not_do);
    tcase_add_test(tcase, a_directory_that_went_away);
    tcase_add_test(tcase, no_memory);
    tcase_add_loop_test(tcase, indentation, 0, sizeof texts / sizeof *texts);
    tcase_add_test(tcase, indentation_to_the_depth);
    tcase_add_test(tcase, lines_behind_the_deepest_stand_where_they_belong);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
