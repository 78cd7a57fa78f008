/*
 * What a gateway shows of itself, of one that is made and not started: stages that are not
 * there yet are asked for nothing.
 */
#include "expect.h"

#include "gateway/gateway_state.h"

#include "base/banned.h"

static struct nv_options options;
static struct nv_gateway *gateway;
static struct nv_admin_source source;

static void set_up(void)
{
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_journal_durability, NV_STR("memory"),
                                    NV_SOURCE_SET, "--set", &fail),
                     NV_OK);
    ck_assert_int_eq(nv_gateway_new(&options, &fail, &gateway), NV_OK);
    nv_gateway_source(gateway, &source);
}

static void tear_down(void)
{
    nv_gateway_free(gateway);
    nv_options_release(&options);
}

START_TEST(a_status_before_the_start)
{
    struct nv_gateway_status status = {.stopping = true};
    struct nv_service_facts services[2];
    source.read_status(source.ctx, &status);
    ck_assert(!status.stopping && status.local);
    ck_assert_str_eq(status.role, "all");
    ck_assert_uint_eq(status.stuck_ns, 0);
    atomic_store(&gateway->stopping, true);
    source.read_status(source.ctx, &status);
    ck_assert(status.stopping);
    ck_assert_uint_eq(source.read_services(source.ctx, services, 2), 0);
    ck_assert_int_eq(source.retry_dead(source.ctx, 1), NV_ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_mapping_for_looks_is_made_once)
{
    const struct nv_mapping *mapping = source.look_mapping(source.ctx);
    ck_assert_ptr_nonnull(mapping);
    ck_assert_ptr_ne(mapping, gateway->mapping);
    ck_assert_ptr_eq(mapping, source.look_mapping(source.ctx));
}
END_TEST

START_TEST(the_text_of_metrics)
{
    struct nv_buf text;
    nv_buf_init(&text, 1u << 20);
    ck_assert_int_eq(nv_gateway_write_metrics(gateway, &text), NV_OK);
    ck_assert(nv_str_find(nv_buf_str(&text), NV_STR("\nnoveum_ready ")) != SIZE_MAX);
    ck_assert(nv_str_find(nv_buf_str(&text), NV_STR("\nnoveum_agent_")) == SIZE_MAX);
    nv_buf_clear(&text);
    gateway->agent_series = nv_agent_series_new(1);
    ck_assert_int_eq(nv_gateway_write_metrics(gateway, &text), NV_OK);
    ck_assert(nv_str_find(nv_buf_str(&text), NV_STR("\nnoveum_agent_runs_total{")) != SIZE_MAX);
    nv_buf_release(&text);
    nv_buf_init(&text, 100);
    ck_assert_int_eq(nv_gateway_write_metrics(gateway, &text), NV_ERR_LIMIT);
    nv_buf_release(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/gateway_source");
    TCase *tcase = tcase_create("source");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_status_before_the_start);
    tcase_add_test(tcase, a_mapping_for_looks_is_made_once);
    tcase_add_test(tcase, the_text_of_metrics);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
