/*
 * References in values: what is replaced, what is left, what is refused, and that nothing is
 * expanded twice.
 */
#include "expect.h"

#include "base/limits.h"
#include "gateway/config/option_expand.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static char file_path[] = "/tmp/noveum-expand-XXXXXX";

static char *lookup(const char *name)
{
    static char value[] = "v", empty[] = "", tricky[] = "${env:A}$$";
    if (strcmp(name, "A") == 0)
        return value;
    if (strcmp(name, "EMPTY") == 0)
        return empty;
    return strcmp(name, "TRICKY") == 0 ? tricky : NULL;
}

static const struct {
    const char *text;
    const char *result; /* NULL: refused */
    const char *what;
} rows[] = {{"plain", "plain", NULL},
            {"", "", NULL},
            {"${env:A}", "v", NULL},
            {"x${env:A}y${env:A}z", "xvyvz", NULL},
            {"${env:EMPTY}", "", NULL},
            {"${env:EMPTY:-d}", "d", NULL},
            {"${env:NONE:-d}", "d", NULL},
            {"${env:NONE:-}", "", NULL},
            {"${env:A:-d}", "v", NULL},
            {"${env:TRICKY}", "${env:A}$$", NULL},
            {"$$", "$$", NULL},
            {"pa$$word$$", "pa$$word$$", NULL},
            {"$$$$", "$$$$", NULL},
            {"$${env:A}", "${env:A}", NULL},
            {"$$${env:A}", "$${env:A}", NULL},
            {"$$x${env:A}", "$$xv", NULL},
            {"a$b", "a$b", NULL},
            {"$", "$", NULL},
            {"${env:NONE}", NULL, "NONE is not set"},
            {"${A}", NULL, "neither"},
            {"${}", NULL, "neither"},
            {"${env:A", NULL, "not closed"},
            {"${file:/nowhere}", NULL, "can't open"},
            {"${file:/}", NULL, "can't read"}};

START_TEST(references)
{
    struct nv_buf out;
    struct nv_fail fail = {0};
    nv_buf_init(&out, 1000);
    enum nv_err err = nv_option_expand(nv_str_from(rows[_i].text), lookup, &out, &fail);
    if (rows[_i].result) {
        ck_assert_int_eq(err, NV_OK);
        ck_assert_nv_str(nv_buf_str(&out), rows[_i].result);
    } else {
        ck_assert_int_eq(err, NV_ERR_CONFIG);
        ck_assert_msg(strstr(fail.what, rows[_i].what) != NULL, "%s", fail.what);
    }
    nv_buf_release(&out);
}
END_TEST

static enum nv_err expand_file_of(const char *content, size_t len, struct nv_buf *out)
{
    char text[64];
    struct nv_fail fail = {0};
    FILE *file = fopen(file_path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(content, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
    (void)snprintf(text, sizeof text, "${file:%s}", file_path);
    return nv_option_expand(nv_str_from(text), lookup, out, &fail);
}

START_TEST(files_lose_one_line_end)
{
    static const char *const contents[][2] = {{"secret\n", "secret"},
                                              {"secret\r\n", "secret"},
                                              {"secret", "secret"},
                                              {"a\nb\n\n", "a\nb\n"},
                                              {"", ""},
                                              {"${env:A}\n", "${env:A}"}};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct nv_buf out;
        nv_buf_init(&out, 1000);
        ck_assert_int_eq(expand_file_of(contents[i][0], strlen(contents[i][0]), &out), NV_OK);
        ck_assert_nv_str(nv_buf_str(&out), contents[i][1]);
        nv_buf_release(&out);
    }
}
END_TEST

/* As option_expand.c has it: with the byte that ends the text. */
#define REFERENCE_MAX 512

START_TEST(limits)
{
    static char large[NV_CAP_CONFIG_VALUE_FILE + 1];
    char reference[REFERENCE_MAX + 3];
    struct nv_buf out;
    struct nv_fail fail = {0};
    memset(large, 'x', sizeof large);
    nv_buf_init(&out, 1u << 20);
    ck_assert_int_eq(expand_file_of(large, sizeof large, &out), NV_ERR_CONFIG);
    nv_buf_clear(&out);
    ck_assert_int_eq(expand_file_of(large, sizeof large - 1, &out), NV_OK);
    memset(reference, 'x', sizeof reference);
    memcpy(reference, "${env:", 6);
    for (size_t more = 0; more < 2; more++) {
        const size_t len = REFERENCE_MAX - 1 + more;
        reference[2 + len] = '}';
        fail = (struct nv_fail){0};
        ck_assert_int_eq(
            nv_option_expand((struct nv_str){reference, len + 3}, lookup, &out, &fail),
            NV_ERR_CONFIG);
        /* the first is a name that nobody set, the other is not looked up */
        ck_assert_int_eq(strstr(fail.what, "longer than") != NULL, more == 1);
        reference[2 + len] = 'x';
    }
    nv_buf_release(&out);
    nv_buf_init(&out, 3);
    ck_assert_int_eq(nv_option_expand(NV_STR("abcd"), lookup, &out, &fail), NV_ERR_LIMIT);
    nv_buf_release(&out);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/option_expand");
    TCase *tcase = tcase_create("all");
    int fd = mkstemp(file_path);
    if (fd < 0)
        return 1;
    (void)close(fd);
    tcase_add_loop_test(tcase, references, 0, COUNT(rows));
    tcase_add_test(tcase, files_lose_one_line_end);
    tcase_add_test(tcase, limits);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    (void)unlink(file_path);
    return failed;
}
