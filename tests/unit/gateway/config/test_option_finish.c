/*
 * The last step of configuration alone: what it fills in, and what it refuses before a port is
 * bound, each at the place where the value was written.
 */
#include "expect.h"
#include "gateway/config/options.h"
#include "oom.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct nv_options options;
static struct nv_fail fail;

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_FILE, "file:3:5", &fail),
        NV_OK);
}

static void set_up(void)
{
    (void)unsetenv("STATE_DIRECTORY");
    (void)setenv("XDG_STATE_HOME", "/state", 1);
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

/* ---- defaults ---------------------------------------------------------------------------- */

static const struct {
    const char *systemd, *state, *home;
    const char *root, *user; /* the journal's directory as root and as another */
} places[] = {
    {"/var/lib/x", "/state", "/home/u", "/var/lib/x/journal", "/var/lib/x/journal"},
    {"/a:/b", "/state", NULL, "/state/noveum-gateway", "/state/noveum-gateway"},
    {"x", "/state", NULL, "/state/noveum-gateway", "/state/noveum-gateway"},
    {NULL, "relative", "/home/u", "/var/lib/noveum-gateway",
     "/home/u/.local/state/noveum-gateway"},
    {NULL, NULL, "/home/u", "/var/lib/noveum-gateway", "/home/u/.local/state/noveum-gateway"},
    {NULL, NULL, "relative", "/var/lib/noveum-gateway", "/var/lib/noveum-gateway"},
    {NULL, NULL, NULL, "/var/lib/noveum-gateway", "/var/lib/noveum-gateway"},
};

static void put_variable(const char *name, const char *value)
{
    (void)(value ? setenv(name, value, 1) : unsetenv(name));
}

START_TEST(place_of_the_journal)
{
    put_variable("STATE_DIRECTORY", places[_i].systemd);
    put_variable("XDG_STATE_HOME", places[_i].state);
    put_variable("HOME", places[_i].home);
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_OK);
    ck_assert_str_eq(options.journal_directory,
                     geteuid() == 0 ? places[_i].root : places[_i].user);
}
END_TEST

START_TEST(a_place_that_was_given_stays)
{
    set(NV_OPT_journal_directory, "/tmp");
    set(NV_OPT_exporter_file_directory, "/tmp/traces");
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_OK);
    ck_assert_str_eq(options.journal_directory, "/tmp");
    ck_assert_str_eq(options.exporter_file_directory, "/tmp/traces");
}
END_TEST

START_TEST(files_are_the_default_without_a_key_alone)
{
    ck_assert(nv_options_local(&options));
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_OK);
    ck_assert_str_eq(options.exporter_file_directory, ".noveum_trace_dev");
    tear_down();
    set_up();
    set(NV_OPT_exporter_noveum_api_key, "nv_x");
    ck_assert(!nv_options_local(&options));
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_OK);
    ck_assert_ptr_null(options.exporter_file_directory);
}
END_TEST

START_TEST(a_directory_for_media_gives_marks_in_local_mode)
{
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_OK);
    ck_assert_uint_eq(options.media_mode, NV_MEDIA_STAYS);
    tear_down();
    set_up();
    set(NV_OPT_media_directory, "/tmp/media");
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_OK);
    ck_assert_uint_eq(options.media_mode, NV_MEDIA_MARKED);
}
END_TEST

static const struct {
    const char *endpoint, *option;                  /* NULL: not set */
    const char *small, *capital, *other, *no_proxy; /* https_proxy, HTTPS_PROXY, HTTP_PROXY */
    const char *proxy, *from, *without;             /* what comes of it */
} proxies[] = {
    {NULL, NULL, NULL, "http://c:1", "http://o:1", NULL, "http://c:1", "HTTPS_PROXY", NULL},
    {NULL, NULL, "s:1", "c:1", NULL, "a.b", "s:1", "https_proxy", "a.b"},
    {NULL, NULL, "", "c:1", NULL, NULL, "c:1", "HTTPS_PROXY", NULL},
    {NULL, "mine:1", "s:1", NULL, NULL, "a.b", "mine:1", "file:3:5", "a.b"},
    {NULL, "none", "s:1", NULL, NULL, NULL, "none", "file:3:5", NULL},
    {NULL, NULL, NULL, NULL, "o:1", "a.b", NULL, NULL, NULL},
    {"http://x.example/api", NULL, "s:1", NULL, "o:1", NULL, "o:1", "HTTP_PROXY", NULL},
    {"https://localhost/api", NULL, "s:1", NULL, "o:1", NULL, NULL, NULL, NULL},
    {"https://[::1]:1/api", NULL, "s:1", NULL, "o:1", NULL, NULL, NULL, NULL},
};

START_TEST(the_machines_proxy)
{
    put_variable("https_proxy", proxies[_i].small);
    put_variable("HTTPS_PROXY", proxies[_i].capital);
    put_variable("HTTP_PROXY", proxies[_i].other);
    put_variable("http_proxy", NULL);
    put_variable("no_proxy", NULL);
    put_variable("NO_PROXY", proxies[_i].no_proxy);
    set(NV_OPT_exporter_noveum_api_key, "nv_x");
    set(NV_OPT_exporter_noveum_allow_insecure_transport, "true");
    if (proxies[_i].endpoint)
        set(NV_OPT_exporter_noveum_endpoint, proxies[_i].endpoint);
    if (proxies[_i].option)
        set(NV_OPT_exporter_noveum_proxy, proxies[_i].option);
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_OK);
    ck_assert_pstr_eq(options.exporter_noveum_proxy, proxies[_i].proxy);
    ck_assert_pstr_eq(options.exporter_noveum_no_proxy, proxies[_i].without);
    if (proxies[_i].from)
        ck_assert_str_eq(options.where[NV_OPT_exporter_noveum_proxy], proxies[_i].from);
}
END_TEST

START_TEST(a_proxy_of_the_machine_that_is_none)
{
    put_variable("https_proxy", "ftp://me:secret-word@x");
    put_variable("NO_PROXY", NULL);
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_OK); /* local: not used */
    tear_down();
    set_up();
    set(NV_OPT_exporter_noveum_api_key, "nv_x");
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.path, "https_proxy");
    ck_assert_ptr_null(strstr(fail.what, "secret-word"));
    put_variable("https_proxy", NULL);
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------- */

#define KEY                                                                                    \
    {                                                                                          \
        NV_OPT_exporter_noveum_api_key, "nv_x"                                                 \
    }
struct given {
    size_t id;
    const char *text; /* NULL: nothing */
};
static const struct {
    struct given given[3];
    const char *what; /* NULL: allowed */
} sets[] = {
    {{KEY, {NV_OPT_exporter_noveum_endpoint, "http://example.com"}}, "use https"},
    {{{NV_OPT_exporter_noveum_endpoint, "http://example.com"}}, NULL}, /* local: not used */
    {{KEY, {NV_OPT_exporter_noveum_endpoint, "http://127.0.0.1:9"}}, NULL},
    {{KEY,
      {NV_OPT_exporter_noveum_endpoint, "http://example.com"},
      {NV_OPT_exporter_noveum_allow_insecure_transport, "true"}},
     NULL},
    {{KEY, {NV_OPT_exporter_noveum_ssl_verify, "false"}}, "ca_bundle"},
    {{KEY,
      {NV_OPT_exporter_noveum_ssl_verify, "false"},
      {NV_OPT_exporter_noveum_allow_insecure_transport, "true"}},
     NULL},
    {{{NV_OPT_receiver_http_tls_cert_file, "/etc/hostname"}}, "needs its key"},
    {{{NV_OPT_receiver_grpc_tls_cert_file, "/etc/hostname"}}, "needs its key"},
    {{{NV_OPT_receiver_http_tls_key_file, "/etc/hostname"}}, "tls.cert_file"},
    {{{NV_OPT_receiver_grpc_tls_client_ca_file, "/etc/hostname"}}, "tls.cert_file"},
    {{{NV_OPT_receiver_auth_tokens_file, "/nowhere"}}, "can't read \"/nowhere\""},
    {{{NV_OPT_mapping_rules_file, "/nowhere"}}, "can't read"},
    {{{NV_OPT_mapping_prices_file, "/nowhere"}}, "can't read"},
    {{{NV_OPT_exporter_noveum_ca_bundle, "/nowhere"}}, "can't read"},
    {{{NV_OPT_exporter_noveum_ca_files, "/etc/hostname,/nowhere"}}, "can't read \"/nowhere\""},
    {{{NV_OPT_exporter_noveum_client_cert_file, "/etc/hostname"}}, "client_key_file"},
    {{{NV_OPT_exporter_noveum_client_key_file, "/etc/hostname"}}, "client_cert_file"},
    {{{NV_OPT_exporter_noveum_client_key_password, "word"}}, "client_key_file"},
    {{{NV_OPT_exporter_noveum_client_cert_file, "/etc/hostname"},
      {NV_OPT_exporter_noveum_client_key_file, "/nowhere"}},
     "can't read \"/nowhere\""},
    {{{NV_OPT_journal_directory, "/etc/hostname"}}, "is not a directory"},
    {{{NV_OPT_journal_directory, "/nowhere/at/all"}}, "no directory \"/nowhere/at\""},
    {{{NV_OPT_journal_directory, "/nowhere/at/all//"}}, "no directory \"/nowhere/at\""},
    {{{NV_OPT_journal_directory, "/made-at-the-root"}}, NULL},
    {{{NV_OPT_journal_directory, "made-here"}}, NULL},
    {{{NV_OPT_exporter_file_directory, "/nowhere/at/all"}}, "make it first"},
    {{{NV_OPT_media_directory, "/nowhere/at/all"}}, "make it first"},
    {{{NV_OPT_media_directory, "/tmp/media"}}, NULL}, /* local: marks */
    {{KEY, {NV_OPT_media_directory, "/tmp/media"}}, NULL},
    {{KEY, {NV_OPT_media_directory, "/tmp/media"}, {NV_OPT_media_mode, "keep"}},
     "nothing is taken out"},
    {{{NV_OPT_media_mode, "upload"}}, "needs a backend"},
};

START_TEST(combinations)
{
    for (int i = 0; i < 3 && sets[_i].given[i].text; i++)
        set(sets[_i].given[i].id, sets[_i].given[i].text);
    enum nv_err err = nv_options_finish(&options, &fail);
    if (!sets[_i].what) {
        ck_assert_msg(err == NV_OK, "%s", fail.what);
        return;
    }
    ck_assert_int_eq(err, NV_ERR_CONFIG);
    ck_assert_msg(strstr(fail.what, sets[_i].what) != NULL, "\"%s\" lacks \"%s\"", fail.what,
                  sets[_i].what);
}
END_TEST

START_TEST(a_refusal_names_the_option_and_its_place)
{
    set(NV_OPT_receiver_http_tls_cert_file, "/etc/hostname");
    ck_assert_int_eq(nv_options_finish(&options, &fail), NV_ERR_CONFIG);
    ck_assert_int_eq(strncmp(fail.what, "receiver.http.tls.cert_file: ", 29), 0);
    ck_assert_str_eq(fail.path, "file:3:5");
}
END_TEST

START_TEST(the_dev_mode_of_the_sdk_is_refused_in_production)
{
    static const struct {
        const char *environment;
        enum nv_option_source source;
        enum nv_err want;
    } modes[] = {
        {"production", NV_SOURCE_SDK_ENVIRONMENT, NV_ERR_CONFIG},
        {"PROD", NV_SOURCE_SDK_FILE, NV_ERR_CONFIG},
        {"staging", NV_SOURCE_SDK_FILE, NV_OK},
        {"production", NV_SOURCE_FILE, NV_OK}, /* by our key it is just a directory */
    };
    for (int i = 0; i < COUNT(modes); i++) {
        tear_down();
        set_up();
        set(NV_OPT_exporter_noveum_environment, modes[i].environment);
        ck_assert_int_eq(nv_options_set(&options, NV_OPT_exporter_file_directory,
                                        NV_STR("/tmp"), modes[i].source, "w", &fail),
                         NV_OK);
        ck_assert_int_eq(nv_options_finish(&options, &fail), modes[i].want);
    }
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    for (unsigned long n = 1;; n++) {
        tear_down();
        set_up();
        oom_fail_nth(n);
        enum nv_err err = nv_options_finish(&options, &fail);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            ck_assert_uint_gt(n, 2);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/option_finish");
    TCase *tcase = tcase_create("finish");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, place_of_the_journal, 0, COUNT(places));
    tcase_add_test(tcase, a_place_that_was_given_stays);
    tcase_add_test(tcase, files_are_the_default_without_a_key_alone);
    tcase_add_test(tcase, a_directory_for_media_gives_marks_in_local_mode);
    tcase_add_loop_test(tcase, the_machines_proxy, 0, COUNT(proxies));
    tcase_add_test(tcase, a_proxy_of_the_machine_that_is_none);
    tcase_add_loop_test(tcase, combinations, 0, COUNT(sets));
    tcase_add_test(tcase, a_refusal_names_the_option_and_its_place);
    tcase_add_test(tcase, the_dev_mode_of_the_sdk_is_refused_in_production);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
