/*
 * The page's files: each is there, packed, small, and goes out with the policy.
 */
#include "expect.h"
#include "http_rig.h"

#include "gateway/admin/page.h"

#include <stdio.h>

#include "base/banned.h"

static struct http_rig rig;
static struct nv_http_route routes[NV_PAGE_FILES_MAX];

static void ask(const char *path)
{
    char request[200];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    http_rig_ask(&rig, (struct nv_str){request, (size_t)length});
}

START_TEST(every_file_goes_out_under_the_policy)
{
    static const char *const parts[] = {
        "Content-Encoding: gzip\r\n", "default-src 'none'; script-src 'self';",
        "require-trusted-types-for 'script'", "Referrer-Policy: no-referrer",
        "Cross-Origin-Resource-Policy: same-origin"};
    size_t count = nv_page_routes(routes);
    ck_assert_uint_eq(count, nv_page_file_count);
    http_rig_open(&rig, routes, count, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        ask(nv_page_files[i].path);
        ck_assert_int_eq(http_rig_status(&rig, 0), 200);
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
            ck_assert_msg(strstr(rig.text, parts[k]) != NULL, "%s", parts[k]);
        ck_assert_ptr_null(strstr(rig.text, "unsafe-inline"));
        ck_assert_ptr_null(strstr(rig.text, "Access-Control"));
    }
    http_rig_close(&rig);
}
END_TEST

START_TEST(its_own_paths_and_no_others)
{
    static const struct {
        const char *path;
        bool has;
    } rows[] = {{"/", true},
                {"/ui/app.js", true},
                {"/ui/style.css", true},
                {"/ui/", false},
                {"/ui/none.js", false},
                {"/index.html", false},
                {"/api/traces", false},
                {"/ui/../status", false},
                {"", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(nv_page_has(nv_str_from(rows[i].path)) == rows[i].has, "%s",
                      rows[i].path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/page");
    TCase *tcase = tcase_create("page");
    tcase_add_test(tcase, every_file_goes_out_under_the_policy);
    tcase_add_test(tcase, its_own_paths_and_no_others);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
