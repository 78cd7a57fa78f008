/*
 * The whole of it in one process: start on free ports, a request over a socket, the trace in a
 * file, the admin port, reload, stop. No sleeping: every wait is for something that must come.
 */
#include "expect.h"
#include "oom.h"
#include "otlp_build.h"

#include "gateway/admin/admin.h"
#include "gateway/dead/dead.h"
#include "gateway/dead/dead_store.h"
#include "gateway/gateway.h"
#include "gateway/commands/run.h"
#include "gateway/dead/untranslated.h"

#include <arpa/inet.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static char directory[] = "/tmp/noveum-gateway-XXXXXX";
static struct nv_options options;
static struct nv_gateway *gateway;
static struct nv_fail fail;
static char answer[1u << 16];

static void set(struct nv_options *target, size_t id, const char *text)
{
    struct nv_fail why = {0};
    enum nv_err err =
        nv_options_set(target, id, nv_str_from(text), NV_SOURCE_SET, "--set", &why);
    ck_assert_msg(err == NV_OK, "%s", why.what);
}

static void configure(struct nv_options *target)
{
    ck_assert_int_eq(nv_options_init(target), NV_OK);
    set(target, NV_OPT_receiver_http_listen, "127.0.0.1:0");
    set(target, NV_OPT_receiver_grpc_listen, "none");
    set(target, NV_OPT_admin_listen, "127.0.0.1:0");
    set(target, NV_OPT_journal_durability, "memory");
    set(target, NV_OPT_journal_directory, directory);
    set(target, NV_OPT_exporter_file_directory, directory);
    set(target, NV_OPT_assembly_quiet_ms, "10");
    set(target, NV_OPT_terminal_traces, "off");
    set(target, NV_OPT_stop_deadline_ms, "5000");
}

static void set_up(void)
{
    fail = (struct nv_fail){0};
    configure(&options);
    nv_ledger_reset();
}

static void tear_down(void)
{
    if (gateway) {
        nv_gateway_stop(gateway);
        nv_gateway_stop(gateway); /* a second time does nothing */
    }
    nv_gateway_free(gateway);
    gateway = NULL;
    nv_options_release(&options);
}

static void start(void)
{
    ck_assert_int_eq(nv_gateway_new(&options, &fail, &gateway), NV_OK);
    enum nv_err err = nv_gateway_start(gateway, &fail);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
}

/* Sends `request` to "127.0.0.1:port" and reads the reply into `answer`. */
static int ask(const char *address, struct nv_str request)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    uint64_t port = 0;
    size_t colon = nv_str_find_char(nv_str_from(address), ':');
    ck_assert_int_eq(nv_str_to_uint64(nv_str_from(address + colon + 1), &port), NV_OK);
    peer.sin_port = htons((uint16_t)port);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&peer, sizeof peer), 0);
    ck_assert_int_eq(send(fd, request.ptr, request.len, MSG_NOSIGNAL), (ssize_t)request.len);
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len < sizeof answer - 1; len += (size_t)got) {
        got = recv(fd, answer + len, sizeof answer - 1 - len, 0);
        ck_assert_int_ge(got, 0);
    }
    answer[len] = '\0';
    (void)close(fd);
    uint64_t status = 0;
    ck_assert_int_eq(nv_str_to_uint64(nv_str_slice(nv_str_from(answer), 9, 3), &status), NV_OK);
    return (int)status;
}

static int get(const char *path)
{
    char request[200];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    return ask(nv_gateway_admin_address(gateway, 0), (struct nv_str){request, (size_t)len});
}

static int post_span(const char *authorization)
{
    struct nv_test_message more = {0};
    nv_test_add(&more, 5, NV_STR("root"));
    struct nv_test_message span =
        nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, nv_test_view(&more));
    struct nv_test_message body = nv_test_request(nv_test_view(&span));
    struct nv_buf request;
    nv_buf_init(&request, 10000);
    (void)nv_buf_printf(&request,
                        "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s"
                        "Content-Type: application/x-protobuf\r\nContent-Length: %zu\r\n\r\n",
                        authorization, body.len);
    ck_assert_int_eq(nv_buf_append_str(&request, nv_test_view(&body)), NV_OK);
    int status = ask(nv_gateway_http_address(gateway, 0), nv_buf_str(&request));
    nv_buf_release(&request);
    return status;
}

static unsigned count_files(bool remove)
{
    char pattern[128];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s/*.json", directory);
    unsigned count = glob(pattern, 0, NULL, &found) == 0 ? (unsigned)found.gl_pathc : 0;
    for (unsigned i = 0; i < count && remove; i++)
        (void)unlink(found.gl_pathv[i]);
    globfree(&found);
    return count;
}

START_TEST(a_span_in_a_file_out)
{
    start();
    ck_assert_int_eq(post_span(""), 200);
    nv_gateway_stop(gateway);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.delivered, 1);
    ck_assert_uint_eq(count_files(true), 1);
}
END_TEST

START_TEST(the_admin_port_answers)
{
    start();
    ck_assert_int_eq(get("/healthz"), 200);
    ck_assert_int_eq(get("/readyz"), 200);
    ck_assert_int_eq(get("/metrics"), 200);
    ck_assert_ptr_nonnull(strstr(answer, "noveum_spans_received_total"));
    ck_assert_int_eq(get("/status"), 200);
    ck_assert_ptr_nonnull(strstr(answer, "\"mode\":\"local\""));
    ck_assert_int_eq(get("/other"), 404);
    ck_assert_ptr_null(nv_gateway_admin_address(gateway, 9));
    ck_assert_ptr_null(nv_gateway_grpc_address(gateway, 0));
}
END_TEST

START_TEST(reload_takes_new_tokens_and_rates)
{
    struct nv_options changed;
    char tokens[64];
    (void)snprintf(tokens, sizeof tokens, "%s/tokens", directory);
    FILE *file = fopen(tokens, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs("one\n", file);
    (void)fclose(file);
    set(&options, NV_OPT_receiver_auth_tokens_file, tokens);
    start();
    ck_assert_int_eq(post_span(""), 401);
    ck_assert_int_eq(post_span("Authorization: Bearer one\r\n"), 200);
    configure(&changed);
    set(&changed, NV_OPT_sampling_rate, "0.5");
    set(&changed, NV_OPT_assembly_quiet_ms, "99");
    ck_assert_int_eq(nv_gateway_reload(gateway, &changed, &fail), NV_OK);
    ck_assert_ptr_eq(nv_gateway_options(gateway), &changed);
    (void)unlink(tokens);
    ck_assert_int_eq(nv_gateway_reload(gateway, &changed, &fail), NV_ERR_CONFIG);
    ck_assert_int_eq(post_span("Authorization: Bearer one\r\n"), 200);
    nv_gateway_stop(gateway);
    nv_options_release(&changed);
    (void)count_files(true);
}
END_TEST

START_TEST(a_port_in_use_is_named_by_its_key)
{
    struct nv_options second;
    struct nv_gateway *other = NULL;
    start();
    configure(&second);
    set(&second, NV_OPT_receiver_http_listen, nv_gateway_http_address(gateway, 0));
    ck_assert_int_eq(nv_gateway_new(&second, &fail, &other), NV_OK);
    ck_assert_int_eq(nv_gateway_start(other, &fail), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.path, "receiver.http.listen");
    nv_gateway_stop(other);
    nv_gateway_free(other);
    nv_options_release(&second);
}
END_TEST

START_TEST(bad_rules_are_refused_at_new)
{
    set(&options, NV_OPT_mapping_rules_file, "/nowhere");
    ck_assert_int_eq(nv_gateway_new(&options, &fail, &gateway), NV_ERR_CONFIG);
    ck_assert_ptr_null(gateway);
    nv_options_release(&options);
    configure(&options);
    start(); /* for the tear down */
}
END_TEST

/* ---- dead letters over a journal --------------------------------------------------------- */

static char journal[64];

static void use_journal(void)
{
    (void)snprintf(journal, sizeof journal, "%s/journal", directory);
    ck_assert_int_eq(mkdir(journal, 0700), 0);
    set(&options, NV_OPT_journal_durability, "os");
    set(&options, NV_OPT_journal_directory, journal);
}

static void remove_journal(void)
{
    char pattern[80];
    glob_t found;
    nv_gateway_stop(gateway);
    nv_gateway_free(gateway);
    gateway = NULL;
    (void)snprintf(pattern, sizeof pattern, "%s/*", journal);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        (void)unlink(found.gl_pathv[i]);
    globfree(&found);
    ck_assert_int_eq(rmdir(journal), 0);
}

static struct nv_admin_source source_of_gateway(void)
{
    struct nv_admin_source source;
    nv_gateway_source(gateway, &source);
    return source;
}

static enum nv_err retry_dead(uint64_t id)
{
    struct nv_admin_source source = source_of_gateway();
    return source.retry_dead(source.ctx, id);
}

/* As a gateway that was stopped left it. */
static uint64_t put_record(enum nv_record_kind kind, struct nv_str head, struct nv_str payload)
{
    struct nv_dead_store stopped;
    uint64_t id = 0;
    ck_assert_int_eq(nv_dead_store_open(&options, &stopped, &fail), NV_OK);
    ck_assert_int_eq(stopped.store.put(stopped.store.ctx, kind, head, payload, &id), NV_OK);
    nv_dead_store_close(&stopped);
    return id;
}

static struct nv_str list_dead(struct nv_buf *out)
{
    struct nv_dead_place place = {.store = source_of_gateway().store};
    struct nv_dead_request request = {.verb = NV_VERB_LIST};
    nv_buf_clear(out);
    ck_assert_int_eq(nv_dead_run(&request, &place, out), NV_OK);
    return nv_buf_str(out);
}

static void wait_for_replay(void)
{
    struct nv_gateway_status status = {.assembly = {.replaying = true}};
    struct nv_admin_source source = source_of_gateway();
    while (status.assembly.replaying)
        source.read_status(source.ctx, &status);
}

START_TEST(a_journalled_request_that_no_longer_decodes_is_a_dead_letter)
{
    static const char head[12] = {[8] = 4}; /* time, then the number of spans */
    struct nv_ledger ledger;
    struct nv_buf text;
    nv_buf_init(&text, 10000);
    use_journal();
    put_record(NV_RECORD_TRACES, (struct nv_str){head, sizeof head}, NV_STR("\xff\xff"));
    start();
    wait_for_replay();
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 4);
    ck_assert_uint_eq(ledger.dead[NV_DEAD_UNTRANSLATABLE], 4);
    ck_assert_uint_eq(ledger.held + ledger.queued + ledger.delivered, 0);
    (void)list_dead(&text);
    ck_assert(nv_str_find(nv_buf_str(&text), NV_STR("untranslatable  4 spans")) != SIZE_MAX);
    ck_assert(nv_str_find(nv_buf_str(&text), NV_STR("no longer decodes")) != SIZE_MAX);
    nv_buf_release(&text);
    remove_journal();
}
END_TEST

/* As after an upgrade: what was undecodable to the version before is accepted now. */
START_TEST(a_dead_request_is_retried_into_a_file)
{
    struct nv_test_message more = {0};
    nv_test_add(&more, 5, NV_STR("root"));
    struct nv_test_message span =
        nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, nv_test_view(&more));
    struct nv_test_message body = nv_test_request(nv_test_view(&span));
    struct nv_undecoded request = {
        .body = nv_test_view(&body), .spans = 1, .why = NV_ERR_MALFORMED};
    struct nv_buf head, payload;
    struct nv_ledger ledger;
    nv_buf_init(&head, 10000);
    nv_buf_init(&payload, 10000);
    use_journal();
    ck_assert_int_eq(nv_undecoded_write(&request, 0, &head, &payload), NV_OK);
    uint64_t id = put_record(NV_RECORD_DEAD_LETTER, nv_buf_str(&head), nv_buf_str(&payload));
    start();
    ck_assert_int_eq(retry_dead(id + 1), NV_ERR_NOT_FOUND);
    ck_assert_int_eq(retry_dead(id), NV_OK);
    nv_buf_clear(&head);
    ck_assert_uint_eq(list_dead(&head).len, 0);
    nv_gateway_stop(gateway);
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 1);
    ck_assert_uint_eq(ledger.delivered, 1);
    ck_assert_uint_eq(count_files(true), 1);
    nv_buf_release(&head);
    nv_buf_release(&payload);
    remove_journal();
}
END_TEST

/* The same for a trace that could not be translated. */
START_TEST(a_dead_trace_is_retried_into_a_file)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_raw_item item = {.bytes = nv_test_view(&span)};
    struct nv_group group = {0};
    struct nv_raw_trace raw = {
        .items = &item, .item_count = 1, .span_count = 1, .groups = &group, .group_count = 1};
    struct nv_dead_store stopped;
    struct nv_ledger ledger = {0};
    struct nv_buf text;
    uint64_t id = 0;
    nv_buf_init(&text, 10000);
    use_journal();
    ck_assert_int_eq(nv_dead_store_open(&options, &stopped, &fail), NV_OK);
    ck_assert_int_eq(nv_untranslated_put(&stopped.store, &raw, NV_ERR_MALFORMED, 0), NV_OK);
    nv_dead_store_close(&stopped);
    start();
    struct nv_str line = list_dead(&text);
    line = nv_str_slice(line, 0, nv_str_find_char(line, ' '));
    ck_assert_int_eq(nv_str_to_uint64(line, &id), NV_OK);
    ck_assert_int_eq(retry_dead(id), NV_OK);
    ck_assert_uint_eq(list_dead(&text).len, 0);
    while (ledger.delivered == 0)
        nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, 1);
    ck_assert_uint_eq(ledger.delivered, 1);
    ck_assert_uint_eq(count_files(true), 1);
    nv_buf_release(&text);
    remove_journal();
}
END_TEST

START_TEST(the_banner_names_every_address)
{
    struct nv_buf text;
    char line[100];
    nv_buf_init(&text, 10000);
    start();
    ck_assert_int_eq(nv_run_write_banner(gateway, &text), NV_OK);
    (void)snprintf(line, sizeof line, "OTEL_EXPORTER_OTLP_ENDPOINT=http://%s\n",
                   nv_gateway_http_address(gateway, 0));
    ck_assert(nv_str_find(nv_buf_str(&text), nv_str_from(line)) != SIZE_MAX);
    ck_assert(nv_str_find(nv_buf_str(&text), nv_str_from(directory)) != SIZE_MAX);
    ck_assert(nv_str_find(nv_buf_str(&text), NV_STR("  journal ")) == SIZE_MAX);
    ck_assert(nv_gateway_is_local(gateway));
    nv_buf_release(&text);
}
END_TEST

/* It starts or says why not; what a thread of it did not get is an answer it gives later. */
START_TEST(every_allocation_of_a_start_failing_once)
{
    unsigned long n = 1;
    for (bool failed = true; failed; n++) {
        fail = (struct nv_fail){0};
        oom_fail_nth(n);
        enum nv_err err = nv_gateway_new(&options, &fail, &gateway);
        if (err == NV_OK)
            err = nv_gateway_start(gateway, &fail);
        failed = oom_end();
        /* an event loop that can't be made does not say why */
        ck_assert_msg(err == NV_OK || (failed && (err == NV_ERR_NO_MEMORY || err == NV_ERR_IO)),
                      "%lu: %s %s", n, nv_err_info(err)->text, fail.what);
        if (gateway)
            nv_gateway_stop(gateway);
        nv_gateway_free(gateway);
        gateway = NULL;
    }
    ck_assert_uint_gt(n, 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/gateway");
    TCase *tcase = tcase_create("all");
    if (!mkdtemp(directory))
        return 1;
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_span_in_a_file_out);
    tcase_add_test(tcase, the_admin_port_answers);
    tcase_add_test(tcase, reload_takes_new_tokens_and_rates);
    tcase_add_test(tcase, a_port_in_use_is_named_by_its_key);
    tcase_add_test(tcase, bad_rules_are_refused_at_new);
    tcase_add_test(tcase, a_journalled_request_that_no_longer_decodes_is_a_dead_letter);
    tcase_add_test(tcase, a_dead_request_is_retried_into_a_file);
    tcase_add_test(tcase, a_dead_trace_is_retried_into_a_file);
    tcase_add_test(tcase, the_banner_names_every_address);
    tcase_add_test(tcase, every_allocation_of_a_start_failing_once);
    suite_add_tcase(suite, tcase);
    int failed = nv_test_run(suite);
    (void)rmdir(directory);
    return failed;
}
