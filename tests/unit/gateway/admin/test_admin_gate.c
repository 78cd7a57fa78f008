/*
 * Names under which the admin port may be asked. Answers: tests/e2e/test_admin.py.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/admin/admin_gate.h"

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const struct {
    const char *host;
    bool allowed;
} rows[] = {
    {"", true}, /* HTTP/1.0 without one */
    {"127.0.0.1:13133", true},
    {"10.1.2.3", true},
    {"[::1]:13133", true},
    {"[fd00::1]", true},
    {"localhost", true},
    {"LOCALHOST:13133", true},
    {"localhost.:13133", true},
    {"app.localhost", true},
    {"pod-7", true},
    {"pod-7.internal.example", true},
    {"POD-7:1", true},
    {"metrics.example:9090", true},
    {"other.example", true}, /* listed with a port */
    {"evil.example", false},
    {"localhost.evil.example", false},
    {"127.0.0.1.evil.example", false},
    {"pod-7.evil.example", false},
    {"pod-7.internal.example.evil", false},
    {"metrics.example.evil", false},
    {"xlocalhost", false},
    {".localhost", false},
    {"evil.example:127.0.0.1", false},
    {"[evil.example]", false},
    {"127.0.0.1evil", false},
    {":", false},
};

START_TEST(by_name)
{
    char metrics[] = "Metrics.example", other[] = "other.example:13133";
    char *items[] = {metrics, other};
    const struct nv_text_list hosts = {items, 2};
    const struct nv_text_list none = {NULL, 0};
    struct nv_str host = nv_str_from(rows[_i].host);
    ck_assert_msg(nv_admin_host_allowed(host, NV_STR("pod-7.internal.example"), &hosts) ==
                      rows[_i].allowed,
                  "%s", rows[_i].host);
    if (!rows[_i].allowed)
        ck_assert(!nv_admin_host_allowed(host, NV_STR(""), &none));
}
END_TEST

START_TEST(made_and_freed)
{
    struct nv_options options;
    struct nv_admin_gate *gate = NULL;
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    ck_assert_int_eq(nv_admin_gate_new(&options, NULL, &gate), NV_OK);
    nv_admin_gate_free(gate);
    nv_admin_gate_free(NULL);
    nv_options_release(&options);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    struct nv_options options;
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    for (unsigned long n = 1;; n++) {
        struct nv_admin_gate *gate = NULL;
        oom_fail_nth(n);
        enum nv_err err = nv_admin_gate_new(&options, NULL, &gate);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert_int_eq(gate == NULL, failed);
        nv_admin_gate_free(gate);
        if (!failed) {
            ck_assert_uint_gt(n, 1);
            break;
        }
    }
    nv_options_release(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin_gate");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, by_name, 0, COUNT(rows));
    tcase_add_test(tcase, made_and_freed);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
