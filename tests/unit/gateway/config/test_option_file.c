/*
 * The YAML walk: paths, places, sequences, limits, and every truncation of a document.
 */
#include "expect.h"
#include "base/limits.h"
#include "oom.h"

#include "gateway/config/option_file.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_buf seen; /* "path=value@where;" of every visit */

static enum nv_err visit(void *visit_ctx, const struct nv_config_entry *entry,
                         struct nv_fail *fail)
{
    const char *stop_at = visit_ctx;
    if (stop_at && nv_str_eq(entry->path, nv_str_from(stop_at)))
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "stopped");
    if (entry->is_section)
        return NV_OK;
    (void)nv_buf_printf(&seen, "%.*s=%.*s%s@%s;", NV_STR_ARG(entry->path),
                        NV_STR_ARG(entry->value), entry->is_null ? "(null)" : "",
                        entry->where + strlen("f:"));
    return seen.failed;
}

static enum nv_err read_text(const char *text, size_t len, struct nv_fail *fail)
{
    nv_buf_clear(&seen);
    return nv_config_read((struct nv_str){text, len}, "f", visit, NULL, fail);
}

static const char *const documents[][2] = {
    {"a: 1\n", "a=1@1:1;"},
    {"a:\n  b: x y # c\n  d: 'q'\n", "a.b=x y@2:3;a.d=q@3:3;"},
    {"{\"a\": {\"b\": \"\\u00e9\", \"c\": true}}", "a.b=\xc3\xa9@1:8;a.c=true@1:23;"},
    {"a: [1, \"b,c\"]\n", "a=1\nb,c\n@1:1;"},
    {"a:\n- x\n- y\n", "a=x\ny\n@1:1;"},
    {"a: []\n", "a=@1:1;"},
    {"a:\nb: ~\nc: null\nd: 'null'\n",
     "a=(null)@1:1;b=~(null)@2:1;c=null(null)@3:1;d=null@4:1;"},
    {"a.b: 1\n", "a.b=1@1:1;"},
    {"a: |\n  x\n  y\n", "a=x\ny\n@1:1;"},
    {"# nothing\n", ""},
    {"", ""},
    {"---\n", ""},
    {"--- \na: 1\n...\n", "a=1@2:1;"}};

START_TEST(paths_values_and_places)
{
    struct nv_fail fail = {0};
    const char *text = documents[_i][0];
    enum nv_err err = read_text(text, strlen(text), &fail);
    ck_assert_msg(err == NV_OK, "%s: %s", fail.path, fail.what);
    ck_assert_nv_str(nv_buf_str(&seen), documents[_i][1]);
}
END_TEST

static const char *const refusals[][2] = {{"a: 1\na: 2\n", "f:2:1"},
                                          {"a: {b: 1}\na.b: 2\n", "f:2:1"},
                                          {"a: &x 1\nb: *x\n", "f:2:4"},
                                          {"- 1\n", "f:1:1"},
                                          {"text\n", "f:1:1"},
                                          {"a: [[1]]\n", "f:1:5"},
                                          {"a: [{b: 1}]\n", "f:1:5"},
                                          {"'': 1\n", "f:1:1"},
                                          {"a: \"\n", "f:2:1"},
                                          {"a: 1\n b: 2\n", "f:2:3"},
                                          {"a: 1\n---\nb: 2\n", "f:2:1"},
                                          {"[a]: 1\n", "f:1:1"},
                                          {"a: \xff\n", "f:"}};

START_TEST(refused_at_their_place)
{
    struct nv_fail fail = {0};
    const char *text = refusals[_i][0];
    ck_assert_int_eq(read_text(text, strlen(text), &fail), NV_ERR_CONFIG);
    ck_assert_msg(strncmp(fail.path, refusals[_i][1], strlen(refusals[_i][1])) == 0,
                  "%s: %s: %s", text, fail.path, fail.what);
    ck_assert_uint_gt(strlen(fail.what), 5);
}
END_TEST

static const struct {
    const char *text;
    struct nv_config_place key;
    size_t number;
    struct nv_config_place item; /* 0: none */
} items[] = {
    {"a:\n- x\n- yy\n", {1, 1}, 1, {3, 3}},
    {"a: [x, ' y', \"z\"]\n", {1, 1}, 1, {1, 9}},
    {"a: [x, '', \"z\"]\n", {1, 1}, 1, {1, 13}},
    {"b: {a: [x]}\n", {1, 5}, 0, {1, 9}},
    {"a: [x]\n", {1, 1}, 1, {0, 0}},
    {"a: [x]\n", {1, 2}, 0, {0, 0}},
    {"a: x\nb: [y]\n", {1, 1}, 0, {0, 0}},
    {"a:\n- |\n  x\n", {1, 1}, 0, {0, 0}},
    {"a: [\"\\x41\"]\n", {1, 1}, 0, {0, 0}},
    {"a: [\"x\n  y\"]\n", {1, 1}, 0, {0, 0}},
    {"a: [", {1, 1}, 0, {0, 0}},
    {"", {1, 1}, 0, {0, 0}},
};

START_TEST(places_of_items)
{
    struct nv_config_place place = {0, 0};
    bool found = nv_config_item_place(nv_str_from(items[_i].text), items[_i].key,
                                      items[_i].number, &place);
    ck_assert(found == (items[_i].item.line > 0));
    if (found) {
        ck_assert_uint_eq(place.line, items[_i].item.line);
        ck_assert_uint_eq(place.column, items[_i].item.column);
    }
}
END_TEST

/* Mappings in each other, whole. */
static enum nv_err read_deep(int depth, struct nv_fail *fail)
{
    char text[NV_CONFIG_DEPTH_MAX * 8 + 16];
    size_t len = 0;
    for (int i = 0; i < depth; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "{a: ");
    text[len++] = '1';
    for (int i = 0; i < depth; i++)
        text[len++] = '}';
    return read_text(text, len, fail);
}

START_TEST(limits_of_depth_and_length)
{
    char text[2000];
    struct nv_fail fail = {0};
    ck_assert_int_eq(read_deep(NV_CONFIG_DEPTH_MAX, &fail), NV_OK);
    ck_assert_int_eq(read_deep(NV_CONFIG_DEPTH_MAX + 1, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "deep"));
    for (size_t path = NV_CONFIG_PATH_MAX - 1; path <= NV_CONFIG_PATH_MAX; path++) {
        memset(text, 'k', path);
        memcpy(text + path, ": 1\n", 4);
        fail = (struct nv_fail){0};
        bool fits = path < NV_CONFIG_PATH_MAX; /* with the NUL behind it */
        ck_assert_int_eq(read_text(text, path + 4, &fail), fits ? NV_OK : NV_ERR_CONFIG);
        ck_assert_int_eq(strstr(fail.what, "too long") == NULL, fits);
    }
    fail = (struct nv_fail){0};
    ck_assert_int_eq(read_text(text, NV_CAP_CONFIG_FILE + 1, &fail), NV_ERR_CONFIG);
}
END_TEST

START_TEST(a_visitor_can_stop_it)
{
    struct nv_fail fail = {0};
    char stop_at[] = "a.c";
    nv_buf_clear(&seen);
    ck_assert_int_eq(
        nv_config_read(NV_STR("a:\n  b: 1\n  c: 2\n  d: 3\n"), "f", visit, stop_at, &fail),
        NV_ERR_CONFIG);
    ck_assert_str_eq(fail.what, "stopped");
    ck_assert_str_eq(fail.path, "f:3:3");
    ck_assert_nv_str(nv_buf_str(&seen), "a.b=1@2:3;");
}
END_TEST

START_TEST(every_truncation_ends_well)
{
    static const char text[] = "a: {b: \"x\", c: [1, 2]}\nd:\n  e: |\n    long\nf: 'q'\n";
    for (size_t len = 0; len < sizeof text; len++) {
        struct nv_fail fail = {0};
        enum nv_err err = read_text(text, len, &fail);
        ck_assert(err == NV_OK || (err == NV_ERR_CONFIG && fail.path[0] != '\0'));
    }
}
END_TEST

START_TEST(out_of_memory)
{
    for (unsigned long n = 1;; n++) {
        struct nv_fail fail = {0};
        nv_buf_clear(&seen);
        (void)nv_buf_reserve(&seen, 100);
        oom_fail_nth(n);
        enum nv_err err = nv_config_read(NV_STR("a: [1]\n"), "f", visit, NULL, &fail);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/option_file");
    TCase *tcase = tcase_create("all");
    nv_buf_init(&seen, 1u << 16);
    tcase_add_loop_test(tcase, paths_values_and_places, 0, COUNT(documents));
    tcase_add_loop_test(tcase, refused_at_their_place, 0, COUNT(refusals));
    tcase_add_loop_test(tcase, places_of_items, 0, (int)(sizeof items / sizeof items[0]));
    tcase_add_test(tcase, limits_of_depth_and_length);
    tcase_add_test(tcase, a_visitor_can_stop_it);
    tcase_add_test(tcase, every_truncation_ends_well);
    tcase_add_test(tcase, out_of_memory);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    nv_buf_release(&seen);
    return failed;
}
