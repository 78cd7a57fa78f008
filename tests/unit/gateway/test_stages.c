/*
 * Options into stage configurations: every value arrives where it belongs, defaults agree with
 * the stages' own, and what is not set stays not set.
 */
#include "expect.h"
#include "oom.h"
#include "options_kit.h"

#include "base/processors.h"
#include "gateway/config/memory_budget.h"
#include "gateway/stages.h"

#include "base/banned.h"

static struct nv_options options;

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

/* What has no key follows the budget too. */
START_TEST(little_memory_reaches_every_stage)
{
    struct nv_exporter_config exporter;
    struct nv_assembly_config assembly;
    struct nv_receiver_config receiver;
    struct nv_buf origins;
    nv_buf_init(&origins, 1000);
    nv_test_set(&options, NV_OPT_memory_max_bytes, "16MiB");
    ck_assert_int_eq(nv_memory_budget_apply(&options, NULL), NV_OK);
    nv_stage_exporter(&options, &exporter);
    nv_stage_assembly(&options, &assembly);
    ck_assert_int_eq(nv_stage_receiver(&options, &origins, &receiver), NV_OK);
    nv_buf_release(&origins);
    ck_assert_uint_eq(exporter.queue_bytes_max, 1u << 20);
    ck_assert_uint_eq(exporter.spill_bytes, 1u << 19);
    ck_assert_uint_eq(assembly.memory_bytes, 2u << 20);
    ck_assert_uint_eq(assembly.queue_bytes, 2u << 20);
    ck_assert_uint_eq(assembly.turn_bytes, 2u << 20);
    ck_assert_uint_eq(assembly.sent_max, 8192);
    ck_assert_uint_eq(assembly.shards, 1);
    ck_assert_uint_eq(receiver.threads_max, 1);
    ck_assert_uint_eq(receiver.limits.undecoded_bytes_max, 8u << 20);
}
END_TEST

/* As told; else by what memory allows, where there is more than one processor. */
START_TEST(threads_that_compress)
{
    struct nv_exporter_config exporter;
    unsigned processors = nv_processors();
    unsigned most = processors < 4 ? processors : 4;

    nv_test_set(&options, NV_OPT_memory_max_bytes, "4GiB");
    nv_stage_exporter(&options, &exporter);
    ck_assert_uint_eq(exporter.compression_threads, processors == 1 ? 0 : most);
    nv_test_set(&options, NV_OPT_memory_max_bytes, "64MiB");
    ck_assert_uint_eq(nv_stage_packers(&options), processors == 1 ? 0 : 1);
    nv_test_set(&options, NV_OPT_exporter_noveum_compression_threads, "7");
    nv_stage_exporter(&options, &exporter);
    ck_assert_uint_eq(exporter.compression_threads, 7);
}
END_TEST

START_TEST(the_assemblys_defaults_agree)
{
    struct nv_assembly_config own, ours;
    nv_assembly_config_init(&own);
    nv_stage_assembly(&options, &ours);
    ck_assert_uint_eq(ours.quiet_ms, own.quiet_ms);
    ck_assert_uint_eq(ours.quiet_distributed_ms, own.quiet_distributed_ms);
    ck_assert_uint_eq(ours.quiet_logs_ms, own.quiet_logs_ms);
    ck_assert_uint_eq(ours.open_ms, own.open_ms);
    ck_assert_uint_eq(ours.remote_parent_ms, own.remote_parent_ms);
    ck_assert_uint_eq(ours.max_wait_ms, own.max_wait_ms);
    ck_assert_uint_eq(ours.max_spans, own.max_spans);
    ck_assert_uint_eq(ours.max_trace_bytes, own.max_trace_bytes);
    ck_assert_uint_eq(ours.memory_bytes, own.memory_bytes);
    ck_assert_int_eq(ours.on_stop, own.on_stop);
    ck_assert_int_eq(ours.durability, own.durability);
    ck_assert_uint_eq(ours.journal_max_bytes, own.journal_max_bytes);
    ck_assert_uint_eq(ours.queue_bytes, own.queue_bytes);
    ck_assert_uint_eq(ours.turn_bytes, own.turn_bytes);
    ck_assert_uint_eq(ours.sent_max, own.sent_max);
    ck_assert_uint_ge(ours.shards, 1);
}
END_TEST

START_TEST(what_is_journalled_is_encrypted_where_personal_data_is_taken_out)
{
    struct nv_assembly_config config;
    static const bool wanted[3][2] = {{false, true}, {true, true}, {false, false}};
    for (unsigned choice = 0; choice < 3; choice++) {
        for (unsigned pii = 0; pii < 2; pii++) {
            options.journal_encryption = choice; /* auto, on, off */
            options.redaction_pii = pii ? NV_PII_PSEUDONYMISE : NV_PII_OFF;
            nv_stage_assembly(&options, &config);
            ck_assert_int_eq(config.journal_encrypt, wanted[choice][pii]);
            ck_assert(!config.journal_set_locked_aside);
            ck_assert_int_eq(config.journal_stay_encrypted, choice == NV_ENCRYPTION_AUTO);
        }
    }
    options.journal_key_lost = NV_KEY_LOST_ASIDE;
    nv_stage_assembly(&options, &config);
    ck_assert(config.journal_set_locked_aside);
}
END_TEST

START_TEST(what_the_mapping_is_given)
{
    struct nv_mapping_config config;
    nv_stage_mapping(&options, &config);
    ck_assert_uint_eq(config.project.len, 0);
    ck_assert_int_eq(config.keep_source, NV_KEEP_UNMAPPED);
    ck_assert_int_eq(config.spans, NV_SPANS_ALL);
    ck_assert_nv_str(config.gateway_version, NOVEUM_VERSION);
    nv_test_set(&options, NV_OPT_exporter_noveum_project, "shop");
    nv_test_set(&options, NV_OPT_mapping_keep_source, "all");
    nv_test_set(&options, NV_OPT_mapping_spans, "ai");
    nv_stage_mapping(&options, &config);
    ck_assert_nv_str(config.project, "shop");
    ck_assert_int_eq(config.keep_source, NV_KEEP_ALL);
    ck_assert_int_eq(config.spans, NV_SPANS_AI);
    nv_test_set(&options, NV_OPT_mapping_work_per_byte, "7");
    nv_stage_mapping(&options, &config);
    ck_assert_uint_eq(config.work_per_byte, 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/stages");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, little_memory_reaches_every_stage);
    tcase_add_test(tcase, threads_that_compress);
    tcase_add_test(tcase, the_assemblys_defaults_agree);
    tcase_add_test(tcase, what_is_journalled_is_encrypted_where_personal_data_is_taken_out);
    tcase_add_test(tcase, what_the_mapping_is_given);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
