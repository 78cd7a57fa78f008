/*
 * Options into the configurations of the stages: with stages_io.c the only file that knows both
 * sides.
 *
 * The stages keep enums of their own, so that they need nothing of gateway/. Their values are
 * the places in the option's list of choices; the asserts below hold the two together.
 *
 * Here are those that an embedded pipeline has, too: they need no network (CMakeLists.txt
 * leaves out of libnoveum.so what nothing in it calls).
 */
#include "gateway/stages.h"

#include "base/limits.h"
#include "base/openssl.h"
#include "base/processors.h"
#include "gateway/config/memory_budget.h"
#include "gateway/config/option_personal.h"

#include <assert.h>
#include <limits.h>

#include "base/banned.h"

static_assert(NV_KEEP_UNMAPPED == 0 && NV_KEEP_ALL == 1, "mapping.keep_source: unmapped|all");
static_assert(NV_SPANS_ALL == 0 && NV_SPANS_AI == 1, "mapping.spans: all|ai");
static_assert(NV_ON_STOP_KEEP == 0 && NV_ON_STOP_SEND == 1, "assembly.on_stop: keep|send");
static_assert(NV_DURABILITY_FSYNC == 0 && NV_DURABILITY_OS == 1 && NV_DURABILITY_MEMORY == 2,
              "journal.durability: fsync|os|memory");

static_assert(NV_STACK_TRACES_OFF == 0 && NV_STACK_TRACES_LAST == 1 &&
                  NV_STACK_TRACES_FULL == 2,
              "redaction.stack_traces: off|last|full");

static_assert(NV_MEDIA_KEEP == 0 && NV_MEDIA_MARKER == 1 && NV_MEDIA_UPLOAD == 2,
              "media.mode: keep|marker|upload");

/* Traces are independent; more shards than processors only cost memory. */
#define SHARDS_MAX 8
/* As many as requests are sent at once (exporter.noveum.max_in_flight). */
#define PACKERS_MAX 4
/* Of memory.max_bytes, what waits for the local store. */
#define STORE_QUEUE_SHARE 64
/* Of assembly.memory_bytes, for each trace that is remembered: some 16 bytes for most and 136
 * for the newest, without their names. */
#define SENT_SHARE_BYTES 256

void nv_stage_store(const struct nv_options *options, struct nv_traces_config *config)
{
    uint64_t share = options->memory_max_bytes / STORE_QUEUE_SHARE;
    *config = (struct nv_traces_config){
        .path = options->store_file,
        .limits = {.traces = options->store_max_traces,
                   .age_ms = options->store_max_age_ms,
                   .bytes = options->store_max_bytes},
        .form = (enum nv_trace_id_form)options->exporter_noveum_trace_id,
        .trace_bytes_max = options->exporter_noveum_max_trace_bytes,
        .queue_bytes_max = share < NV_CAP_STORE_QUEUE ? (size_t)share : NV_CAP_STORE_QUEUE};
}

static unsigned shard_count(const struct nv_options *options)
{
    unsigned processors = nv_processors();
    unsigned most = processors > SHARDS_MAX ? SHARDS_MAX : processors;
    return (unsigned)nv_memory_share(options, NV_MEMORY_THREADS, most);
}

unsigned nv_stage_packers(const struct nv_options *options)
{
    if (options->exporter_noveum_compression_threads > 0)
        return (unsigned)options->exporter_noveum_compression_threads;
    unsigned processors = nv_processors();
    unsigned most = processors > PACKERS_MAX ? PACKERS_MAX : processors;
    return processors == 1 ? 0 : (unsigned)nv_memory_share(options, NV_MEMORY_PACKERS, most);
}

uint64_t nv_stage_account_bytes(const struct nv_options *options)
{
    struct nv_memory_line lines[NV_MEMORY_LINES];
    nv_memory_lines(options, shard_count(options), nv_stage_packers(options), lines);
    return lines[0].bytes;
}

void nv_stage_assembly(const struct nv_options *options, struct nv_assembly_config *config)
{
    nv_assembly_config_init(config);
    config->quiet_ms = options->assembly_quiet_ms;
    config->quiet_distributed_ms = options->assembly_quiet_distributed_ms;
    config->quiet_logs_ms = options->assembly_quiet_logs_ms;
    config->open_ms = options->assembly_open_ms;
    config->remote_parent_ms = options->assembly_remote_parent_ms;
    config->max_wait_ms = options->assembly_max_wait_ms;
    config->max_spans = (uint32_t)options->assembly_max_spans;
    config->max_trace_bytes = options->assembly_max_trace_bytes;
    config->memory_bytes = options->assembly_memory_bytes;
    config->on_stop = (enum nv_on_stop)options->assembly_on_stop;
    config->journal_directory = options->journal_directory;
    config->durability = (enum nv_durability)options->journal_durability;
    config->journal_max_bytes = options->journal_max_bytes;
    config->journal_encrypt = nv_options_encrypt(options);
    config->journal_stay_encrypted = options->journal_encryption == NV_ENCRYPTION_AUTO;
    config->journal_key_file = options->journal_key_file;
    config->journal_set_locked_aside = options->journal_key_lost == NV_KEY_LOST_ASIDE;
    /* A quota below a few segments would be full before its first record. */
    if (config->journal_segment_bytes > options->journal_max_bytes / 8)
        config->journal_segment_bytes = (uint32_t)(options->journal_max_bytes / 8);
    config->shards = shard_count(options);
    config->queue_bytes = nv_memory_share(options, NV_MEMORY_COMMIT, config->queue_bytes);
    config->work_bytes = nv_memory_share(options, NV_MEMORY_WORK, config->work_bytes);
    config->turn_bytes = nv_memory_share(options, NV_MEMORY_TURN, config->turn_bytes);
    /* The ids of sent traces, some 20 bytes each, are part of memory_bytes: a tenth of it. What
     * else is remembered of the recent has a share of its own (assembly/hold/shard.c). */
    if (config->sent_max > config->memory_bytes / SENT_SHARE_BYTES)
        config->sent_max = (uint32_t)(config->memory_bytes / SENT_SHARE_BYTES);
}

void nv_stage_mapping(const struct nv_options *options, struct nv_mapping_config *config)
{
    *config = (struct nv_mapping_config){
        .keep_source = (enum nv_keep_source)options->mapping_keep_source,
        .spans = (enum nv_spans)options->mapping_spans,
        .work_per_byte = (uint64_t)options->mapping_work_per_byte,
        .explain = options->admin_ui,
        .prices_file = nv_str_from(options->mapping_prices_file),
        .rules_file = nv_str_from(options->mapping_rules_file),
        .project = nv_str_from(options->exporter_noveum_project),
        .environment = nv_str_from(options->exporter_noveum_environment),
        .service_version = nv_str_from(options->exporter_noveum_service_version),
        .gateway_version = nv_str_from(NOVEUM_VERSION)};
}

enum nv_err nv_stage_redaction(const struct nv_options *options,
                               struct nv_redaction_config *config, struct nv_fail *fail)
{
    *config = (struct nv_redaction_config){
        .secrets = options->redaction_secrets,
        .stack_traces = (enum nv_stack_traces)options->redaction_stack_traces,
        .media = {.mode = (enum nv_media_mode)options->media_mode,
                  .bytes_max = options->media_max_bytes}};
    enum nv_err err = nv_openssl_find(fail);
    if (err != NV_OK)
        return err;
    for (size_t i = 0; i < options->mapping_content.count; i++)
        (void)nv_content_add(&config->content, nv_str_from(options->mapping_content.items[i]));
    return nv_options_personal(options, &config->pii, fail);
}
