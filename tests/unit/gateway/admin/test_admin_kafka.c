/*
 * Kafka on the admin port: gauges in each role, a member of /status where it is spoken to.
 */
#include "expect.h"

#include "gateway/admin/admin.h"
#include "gateway/admin/admin_kafka.h"

#include "base/banned.h"

static struct nv_buf buf;

static bool has(const char *text)
{
    return nv_str_find(nv_buf_str(&buf), nv_str_from(text)) != SIZE_MAX;
}

START_TEST(gauges_are_there_in_each_role)
{
    struct nv_kafka_status status = {0};
    nv_buf_init(&buf, 1u << 16);
    nv_admin_write_kafka_metrics(&status, &buf);
    ck_assert(has("\nnoveum_kafka_up 0\n"));
    nv_buf_clear(&buf);
    status = (struct nv_kafka_status){
        .on = true, .up = true, .buffered_bytes = 7, .buffered_messages = 2, .partitions = 12};
    nv_admin_write_kafka_metrics(&status, &buf);
    ck_assert(has("\nnoveum_kafka_up 1\n"));
    ck_assert(has("\nnoveum_kafka_buffered_bytes 7\n"));
    ck_assert(has("\nnoveum_kafka_buffered_messages 2\n"));
    ck_assert(has("\nnoveum_kafka_partitions 12\n"));
    nv_buf_release(&buf);
}
END_TEST

START_TEST(brokers_that_are_away_are_no_readiness)
{
    struct nv_gateway_status status = {.role = "receive", .kafka = {.on = true, .up = true}};
    const char *why = NULL;
    nv_buf_init(&buf, 1u << 16);
    ck_assert(nv_admin_ready(&status, &why));
    status.kafka = (struct nv_kafka_status){.on = true, .reason = "all are \"away\""};
    ck_assert(!nv_admin_ready(&status, &why));
    ck_assert_ptr_nonnull(strstr(why, "brokers do not answer"));
    ck_assert_int_eq(nv_admin_write_status(&status, NULL, 0, &buf), NV_OK);
    ck_assert(has("\"role\":\"receive\""));
    ck_assert(has("\"reason\":\"all are \\\"away\\\"\""));
    nv_buf_clear(&buf);
    status = (struct nv_gateway_status){0};
    ck_assert(nv_admin_ready(&status, &why));
    ck_assert_int_eq(nv_admin_write_status(&status, NULL, 0, &buf), NV_OK);
    ck_assert(has("\"role\":\"all\""));
    ck_assert(!has("\"kafka\""));
    nv_buf_release(&buf);
}
END_TEST

START_TEST(a_member_that_left_by_itself_is_to_be_started_again)
{
    struct nv_gateway_status status = {.role = "assemble",
                                       .kafka = {.on = true, .up = true, .assembles = true}};
    const char *why = NULL;
    ck_assert(nv_admin_ready(&status, &why));
    ck_assert(nv_admin_healthy(&status));
    status.kafka.left = true;
    status.kafka.up = false;
    ck_assert(!nv_admin_ready(&status, &why));
    ck_assert(!nv_admin_healthy(&status));
    ck_assert_ptr_nonnull(strstr(why, "left its group"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/admin_kafka");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, gauges_are_there_in_each_role);
    tcase_add_test(tcase, brokers_that_are_away_are_no_readiness);
    tcase_add_test(tcase, a_member_that_left_by_itself_is_to_be_started_again);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
