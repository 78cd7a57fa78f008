/*
 * What the admin port says: JSON that parses, Prometheus text that is well formed, readiness.
 */
#include "expect.h"

#include "gateway/admin/admin.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/log/counters.h"

#include "base/banned.h"

static struct nv_gateway_status status;

START_TEST(ready_unless_stopping_or_full)
{
    const char *why = NULL;
    status = (struct nv_gateway_status){0};
    ck_assert(nv_admin_ready(&status, &why));
    status.exporter.state = NV_SINK_HELD_AUTH;
    ck_assert(nv_admin_ready(&status, &why));
    ck_assert_ptr_nonnull(strstr(why, "key is refused"));
    status.exporter.state = NV_SINK_HELD_FOREIGN;
    ck_assert(nv_admin_ready(&status, &why));
    ck_assert_ptr_nonnull(strstr(why, "does not answer as"));
    status.exporter.state = NV_SINK_BACKING_OFF;
    ck_assert(nv_admin_ready(&status, &why));
    ck_assert_str_eq(why, "ready");
    status.exporter.refused_in_row = NV_SINK_REFUSED_ALL;
    ck_assert(nv_admin_ready(&status, &why));
    ck_assert_ptr_nonnull(strstr(why, "refuses every trace"));
    status.assembly.journal_full = true;
    ck_assert(!nv_admin_ready(&status, &why));
    ck_assert_str_eq(why, "journal full");
    status.stopping = true;
    ck_assert(!nv_admin_ready(&status, &why));
    ck_assert_str_eq(why, "stopping");
}
END_TEST

START_TEST(a_journal_that_refuses_says_what_failed_where)
{
    struct nv_buf text;
    nv_buf_init(&text, 1u << 16);
    status = (struct nv_gateway_status){0};
    ck_assert(nv_admin_write_ready(&status, "/var/lib/x", &text));
    ck_assert(nv_str_eq(nv_buf_str(&text), NV_STR("ready\n")));
    nv_buf_clear(&text);
    status.assembly.journal_full = true;
    status.assembly.refusal = NV_ERR_IO;
    status.assembly.refused_doing = "making a file";
    status.assembly.refused_errno = EACCES;
    ck_assert(!nv_admin_write_ready(&status, "/var/lib/x", &text));
    ck_assert(
        nv_str_eq(nv_buf_str(&text),
                  NV_STR("journal can't be written in '/var/lib/x': input or output failed "
                         "while making a file: Permission denied (errno 13)\n")));
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_admin_write_status(&status, NULL, 0, &text), NV_OK);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&text), NV_STR("Permission denied")), SIZE_MAX);
    ck_assert_uint_eq(nv_str_find(nv_buf_str(&text), NV_STR("/var/lib")), SIZE_MAX);
    nv_buf_release(&text);
}
END_TEST

START_TEST(status_is_json_whatever_a_service_is_called)
{
    struct nv_service_facts services[2] = {{.name = "shop", .logs = true},
                                           {.name = "\xff\"\n\x1b", .distributed = true}};
    struct nv_buf text;
    nv_buf_init(&text, 1u << 16);
    status = (struct nv_gateway_status){.local = true,
                                        .uptime_ns = 5 * NV_NS_PER_S,
                                        .http_listen = "127.0.0.1:4318",
                                        .grpc_listen = "none"};
    status.exporter.last_delivery_wall_ns = NV_NS_PER_S;
    (void)memcpy(status.exporter.reason, "a \"reason\"", 11);
    ck_assert_int_eq(nv_admin_write_status(&status, services, 2, &text), NV_OK);
    json_t *doc = json_loadb(text.bytes, text.len, 0, NULL);
    ck_assert_ptr_nonnull(doc);
    ck_assert_str_eq(json_string_value(json_object_get(doc, "mode")), "local");
    ck_assert_int_eq(json_integer_value(json_object_get(doc, "uptime_ms")), 5000);
    json_t *listen = json_object_get(doc, "listen");
    ck_assert_str_eq(json_string_value(json_object_get(listen, "http")), "127.0.0.1:4318");
    ck_assert_str_eq(json_string_value(json_object_get(listen, "grpc")), "none");
    json_t *list = json_object_get(doc, "services");
    ck_assert_uint_eq(json_array_size(list), 2);
    ck_assert(json_is_true(json_object_get(json_array_get(list, 0), "logs")));
    json_t *exporter = json_object_get(doc, "exporter");
    ck_assert_str_eq(json_string_value(json_object_get(exporter, "last_delivery_time")),
                     "1970-01-01T00:00:01.000000+00:00");
    ck_assert(json_is_null(json_object_get(exporter, "last_error_time")));
    ck_assert_str_eq(json_string_value(json_object_get(exporter, "reason")), "a \"reason\"");
    json_decref(doc);
    nv_buf_release(&text);
}
END_TEST

START_TEST(refused_requests_by_reason)
{
    struct nv_buf text;
    nv_buf_init(&text, 1u << 16);
    nv_count_reset();
    nv_count(NV_COUNT_REQUESTS_OK, 5);
    nv_count(NV_COUNT_REFUSED_PATH, 3);
    ck_assert_int_eq(nv_admin_write_status(&status, NULL, 0, &text), NV_OK);
    ck_assert(nv_str_find(nv_buf_str(&text),
                          NV_STR("\"requests\":{\"ok\":5,\"partial\":0,\"metrics\":0,"
                                 "\"refused\":{\"path\":3}}")) != SIZE_MAX);
    nv_count_reset();
    nv_buf_release(&text);
}
END_TEST

START_TEST(metrics_name_every_gauge_once)
{
    struct nv_buf text;
    nv_buf_init(&text, 1u << 16);
    status = (struct nv_gateway_status){.uptime_ns = 7 * NV_NS_PER_S,
                                        .assembly.journal_capacity = 8000};
    ck_assert_int_eq(nv_admin_write_metrics(&status, NULL, &text), NV_OK);
    struct nv_str all = nv_buf_str(&text);
    ck_assert(nv_str_find(all, NV_STR("\nnoveum_uptime_seconds 7\n")) != SIZE_MAX);
    ck_assert(nv_str_find(all, NV_STR("\nnoveum_ready 1\n")) != SIZE_MAX);
    ck_assert(nv_str_find(all, NV_STR("\nnoveum_journal_capacity_bytes 8000\n")) != SIZE_MAX);
    ck_assert(nv_str_find(all, NV_STR("\nnoveum_build_info{version=\"")) != SIZE_MAX);
    ck_assert(nv_str_find(all, NV_STR("noveum_spans_received_total")) != SIZE_MAX);
    nv_buf_release(&text);
    nv_buf_init(&text, 100);
    ck_assert_int_eq(nv_admin_write_metrics(&status, NULL, &text), NV_ERR_LIMIT);
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_admin_write_status(&status, NULL, 0, &text), NV_ERR_LIMIT);
    nv_buf_release(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin_text");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, ready_unless_stopping_or_full);
    tcase_add_test(tcase, a_journal_that_refuses_says_what_failed_where);
    tcase_add_test(tcase, status_is_json_whatever_a_service_is_called);
    tcase_add_test(tcase, refused_requests_by_reason);
    tcase_add_test(tcase, metrics_name_every_gauge_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
