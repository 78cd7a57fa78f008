/*
 * The whole program as one object.
 *
 * Two knots need untying. The sink that keeps has its outbox in assembly's store, which exists
 * only once assembly has started, and assembly's replay wants the sink: so assembly starts with
 * its gate (may_complete) shut, and the gate opens when the sinks run. Later the same gate
 * carries the sink's pressure back: while its queue is full, complete traces stay in the
 * journal, where they cost nothing, and the door closes only when the journal itself is full.
 *
 *   gate:  shut ──sinks open──▶ open ◀──room── waits       (asked anew for each trace)
 *                                └────pressure────▲
 *
 * Order of the stop: receiver, assembly, sinks, admin. Each stage hands on to the next while
 * that still runs, and each has its share of one deadline.
 */
#include "gateway/gateway_state.h"

#include "base/limits.h"
#include "base/log/log.h"
#include "base/text/text.h"
#include "gateway/config/option_kafka.h"
#include "gateway/config/option_value.h"
#include "gateway/local.h"
#include "gateway/stages.h"
#include "gateway/telemetry/own_traces.h"
#include "gateway/dead/untranslated.h"
#include "gateway/process/teller.h"
#include "otlp/request/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define MS_A_SECOND 1000

/* ---- seams ------------------------------------------------------------------------------- */

/* On the shards' threads, before each trace. */
static bool may_complete(void *ctx)
{
    struct nv_gateway *gateway = ctx;
    return atomic_load(&gateway->gate_open) && nv_sinks_pressure(&gateway->sinks) == NV_OK;
}

static void remember(void *ctx, const struct nv_raw_trace *raw, struct nv_str name,
                     struct nv_str session, struct nv_str user)
{
    struct nv_gateway *gateway = ctx;
    if (gateway->assembly)
        nv_assembly_remember(gateway->assembly, raw, name, session, user);
    else
        nv_assembling_remember(&gateway->assembling, raw, name, session, user);
}

static void begin(void *ctx, const struct nv_raw_trace *raw)
{
    const struct nv_gateway *gateway = ctx;
    if (nv_sampling_keeps(&gateway->own_sampling, raw->trace_id))
        nv_own_traces_begin(gateway->own_traces, raw);
}

static void observe(void *ctx, const struct nv_trace *trace)
{
    struct nv_gateway *gateway = ctx;
    if (gateway->own_traces)
        nv_own_traces_translated(gateway->own_traces, trace);
    nv_sinks_observe(&gateway->sinks, trace);
}

static void consume(void *ctx, struct nv_trace *trace)
{
    struct nv_gateway *gateway = ctx;
    nv_sinks_consume(&gateway->sinks, trace);
}

/* A journalled request goes through the same door as a new one, but is not counted again. */
static enum nv_err decode(void *ctx, enum nv_signal signal, char *body, size_t len,
                          struct nv_batch **out)
{
    (void)ctx;
    struct nv_request_result result;
    struct nv_fail fail = {0};
    return nv_request_decode(&(struct nv_request_body){signal, NV_MEDIA_PROTOBUF, body, len},
                             NULL, &result, out, &fail);
}

static enum nv_err bury(void *ctx, const struct nv_undecoded *request, struct nv_buf *head,
                        struct nv_buf *payload)
{
    struct nv_gateway *gateway = ctx;
    return nv_undecoded_write(request, nv_clock_wall_ns(gateway->clock), head, payload);
}

/* ---- making ------------------------------------------------------------------------------ */

static enum nv_err make_mapping(struct nv_gateway *gateway, const struct nv_options *options,
                                struct nv_fail *fail)
{
    struct nv_mapping_config config;
    struct nv_agents_config agents = {.clock = gateway->clock};
    nv_stage_mapping(options, &config);
    gateway->agents = nv_agents_new(&agents);
    gateway->translating = nv_translating_new();
    if (!gateway->agents || !gateway->translating)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    config.agents = gateway->agents;
    gateway->mapping = nv_mapping_new(&config, fail);
    if (!gateway->mapping)
        return fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    return NV_OK;
}

static enum nv_err wire_pipeline(struct nv_gateway *gateway, const struct nv_options *options,
                                 struct nv_fail *fail)
{
    gateway->pipeline = (struct nv_pipeline){.mapping = gateway->mapping,
                                             .sampling = &gateway->sampling,
                                             .clock = gateway->clock,
                                             .translating = gateway->translating,
                                             .next_ctx = gateway,
                                             .begin = gateway->own_traces ? begin : NULL,
                                             .remember = remember,
                                             .observe = observe,
                                             .consume = consume};
    return nv_stage_redaction(options, &gateway->pipeline.redaction, fail);
}

static enum nv_err make_assembly(struct nv_gateway *gateway, const struct nv_options *options,
                                 struct nv_fail *fail)
{
    struct nv_assembly_config config;
    nv_stage_assembly(options, &config);
    config.account = &gateway->memory;
    config.decode = decode;
    config.bury = bury;
    config.bury_ctx = gateway;
    config.may_complete = may_complete;
    config.may_complete_ctx = gateway;
    config.journal_reading = &gateway->reading;
    struct nv_completer completer = nv_pipeline_completer(&gateway->pipeline);
    gateway->assembly = nv_assembly_new(&config, gateway->clock, &completer, fail);
    if (!gateway->assembly)
        return fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    gateway->settler =
        nv_own_traces_settler(gateway->own_traces, nv_assembly_settler(gateway->assembly));
    gateway->acceptor = nv_assembly_acceptor(gateway->assembly);
    gateway->pipeline.settler = gateway->settler;
    return NV_OK;
}

/* Role assemble: an assembly for each partition, made when it is given to us. */
static void prepare_assembling(struct nv_gateway *gateway, const struct nv_options *options)
{
    nv_assembling_init(&gateway->assembling);
    nv_stage_assembly(options, &gateway->assembling.config);
    gateway->assembling.config.account = &gateway->memory;
    gateway->assembling.completer = nv_pipeline_completer(&gateway->pipeline);
    gateway->assembling.may_complete = may_complete;
    gateway->assembling.ctx = gateway;
    gateway->settler = nv_own_traces_settler(gateway->own_traces, nv_assembly_settler_of_all());
    gateway->pipeline.settler = gateway->settler;
}

static enum nv_err make_telemetry(struct nv_gateway *gateway, const struct nv_options *options,
                                  struct nv_fail *fail)
{
    const struct nv_telemetry_config config = {.options = options,
                                               .clock = gateway->clock,
                                               .read_metrics = nv_gateway_write_metrics,
                                               .ctx = gateway};
    enum nv_err err = nv_telemetry_new(&config, fail, &gateway->telemetry);
    gateway->own_traces = nv_telemetry_traces(gateway->telemetry);
    nv_sampling_set(&gateway->own_sampling, options->telemetry_sampling_rate, false);
    return err;
}

static enum nv_err start_telemetry(struct nv_gateway *gateway, struct nv_fail *fail)
{
    enum nv_err err = nv_telemetry_start(gateway->telemetry);
    if (err != NV_OK) {
        (void)nv_fail_set(fail, err, 0, "can't start the thread of telemetry: %s",
                          nv_err_info(err)->text);
    }
    return err;
}

/* What may change while it runs. Options are borrowed: the caller keeps the old ones until this
 * returns. */
static void set_reloadable(struct nv_gateway *gateway, const struct nv_options *options)
{
    nv_sampling_set(&gateway->sampling, options->sampling_rate, options->sampling_keep_errors);
    nv_sinks_reload(&gateway->sinks, options);
    gateway->options = options;
}

enum nv_err nv_gateway_new(const struct nv_options *options, struct nv_fail *fail,
                           struct nv_gateway **out)
{
    assert(fail != NULL && out != NULL);
    struct nv_gateway *gateway = calloc(1, sizeof *gateway);
    *out = NULL;
    if (!gateway)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    nv_account_init(&gateway->memory, nv_stage_account_bytes(options));
    gateway->clock = nv_clock_system();
    gateway->role = options->role;
    gateway->local = nv_options_local(options) && options->role != NV_ROLE_RECEIVE;
    gateway->started_ns = nv_clock_mono_ns(gateway->clock);
    set_reloadable(gateway, options);
    enum nv_err err = make_mapping(gateway, options, fail);
    if (err == NV_OK)
        err = make_telemetry(gateway, options, fail);
    if (err == NV_OK)
        err = wire_pipeline(gateway, options, fail);
    if (err == NV_OK && options->role == NV_ROLE_ALL)
        err = make_assembly(gateway, options, fail);
    else if (err == NV_OK && options->role == NV_ROLE_ASSEMBLE)
        prepare_assembling(gateway, options);
    if (err != NV_OK) {
        nv_gateway_free(gateway);
        return err;
    }
    *out = gateway;
    return NV_OK;
}

/* ---- start ------------------------------------------------------------------------------- */

static enum nv_err start_assembly(struct nv_gateway *gateway, struct nv_fail *fail)
{
    enum nv_err err = nv_assembly_start(gateway->assembly, fail);
    gateway->assembly_started = err == NV_OK;
    if (err != NV_OK)
        return err;
    gateway->pipeline.store = nv_assembly_store(gateway->assembly);
    /* the gate is shut: nothing is translated yet */
    if (gateway->pipeline.store) {
        nv_translating_open(gateway->translating,
                            nv_gateway_options(gateway)->journal_directory);
    }
    return NV_OK;
}

static enum nv_err send_dead(void *ctx, uint64_t id, struct nv_str json)
{
    struct nv_gateway *gateway = ctx;
    return nv_sinks_again(&gateway->sinks, id, json);
}

/* A letter is encoded as traces on their way are. */
static void wire_dead_retry(struct nv_gateway *gateway, const struct nv_options *options)
{
    struct nv_exporter_config exporter;
    nv_stage_exporter(options, &exporter);
    gateway->dead_retry = (struct nv_dead_retry){.store = gateway->pipeline.store,
                                                 .mapping = gateway->mapping,
                                                 .acceptor = &gateway->acceptor,
                                                 .redaction = gateway->pipeline.redaction,
                                                 .trace_id_form = exporter.trace_id_form,
                                                 .max_trace_bytes = exporter.max_trace_bytes,
                                                 .send = send_dead,
                                                 .ctx = gateway};
}

/* Role assemble keeps no store: what is refused goes to the topic of dead messages. */
static const struct nv_store *letters(struct nv_gateway *gateway,
                                      const struct nv_options *options)
{
    return options->role == NV_ROLE_ASSEMBLE ? nv_assembling_store(&gateway->assembling) : NULL;
}

/* The last line opens the gate: from then on shards translate, also what the replay has put
 * together meanwhile. */
static enum nv_err open_sinks(struct nv_gateway *gateway, const struct nv_options *options,
                              struct nv_fail *fail)
{
    enum nv_err err = nv_local_media(options, gateway->clock, &gateway->media_files,
                                     &gateway->pipeline.redaction.media, fail);
    if (err != NV_OK)
        return err;
    atomic_store(&gateway->start_step, NV_START_STORE);
    nv_local_store(options, &gateway->traces);
    nv_local_agents(options, &gateway->agent_series);
    atomic_store(&gateway->start_step, NV_START_SINKS);
    const struct nv_sink_needs needs = {.options = options,
                                        .settler = &gateway->settler,
                                        .store = gateway->pipeline.store,
                                        .letters = letters(gateway, options),
                                        .clock = gateway->clock,
                                        .traces = gateway->traces,
                                        .agent_series = gateway->agent_series,
                                        .own_traces = gateway->own_traces,
                                        .media_files = gateway->media_files};
    size_t count;
    const struct nv_sink_row *const *rows = nv_sinks_table(&count);
    wire_dead_retry(gateway, options);
    err = nv_sinks_open(&gateway->sinks, rows, count, &needs, fail);
    atomic_store(&gateway->gate_open, err == NV_OK);
    return err;
}

/* Does `what` speak of one of the addresses of option `id`? Then `fail` gets the key as its
 * place.
 */
static bool blame(const char *addresses, size_t id, struct nv_fail *fail)
{
    struct nv_str rest = nv_str_from(addresses);
    while (rest.len > 0) {
        size_t comma = nv_str_find_char(rest, ',');
        struct nv_str one = nv_str_trim(nv_str_slice(rest, 0, comma));
        if (one.len > 0 && nv_str_find(nv_str_from(fail->what), one) != SIZE_MAX) {
            (void)snprintf(fail->path, sizeof fail->path, "%s", nv_option_table[id].path);
            return true;
        }
        rest = nv_str_slice(rest, comma == SIZE_MAX ? rest.len : comma + 1, rest.len);
    }
    return false;
}

/* ---- ports ------------------------------------------------------------------------------- */

static enum nv_err start_admin(struct nv_gateway *gateway, const struct nv_options *options,
                               struct nv_fail *fail)
{
    bool none = nv_address_is_none(nv_str_from(options->admin_listen));
    const char *address = none ? NULL : options->admin_listen;
    struct nv_admin_source source;
    nv_gateway_source(gateway, &source);
    enum nv_err err = nv_admin_start(address, &source, fail, &gateway->admin);
    if (err != NV_OK)
        (void)blame(options->admin_listen, NV_OPT_admin_listen, fail);
    return err;
}

static enum nv_err make_receiver(struct nv_gateway *gateway, const struct nv_options *options,
                                 struct nv_fail *fail)
{
    struct nv_receiver_config config;
    struct nv_buf origins;
    nv_buf_init(&origins, NV_CAP_ORIGINS);
    enum nv_err err = nv_stage_receiver(options, &origins, &config);
    config.limits.account = &gateway->memory;
    if (err == NV_OK) {
        err = nv_receiver_new(&config, &gateway->acceptor, gateway->clock, fail,
                              &gateway->receiver);
    }
    nv_buf_release(&origins);
    if (err != NV_OK &&
        !blame(options->receiver_http_listen, NV_OPT_receiver_http_listen, fail))
        (void)blame(options->receiver_grpc_listen, NV_OPT_receiver_grpc_listen, fail);
    return err;
}

static enum nv_err start_receiver(struct nv_gateway *gateway, struct nv_fail *fail)
{
    enum nv_err err = nv_receiver_start(gateway->receiver);
    gateway->receiver_started = err == NV_OK;
    if (err != NV_OK)
        (void)nv_fail_set(fail, err, 0, "can't start the receiver: %s", nv_err_info(err)->text);
    return err;
}

static void log_addresses(const struct nv_gateway *gateway)
{
    const char *address = NULL;
    for (size_t i = 0; (address = nv_gateway_http_address(gateway, i)) != NULL; i++)
        NV_LOG(NV_LOG_INFO, "gateway", "listening protocol=http address=%s", address);
    for (size_t i = 0; (address = nv_gateway_grpc_address(gateway, i)) != NULL; i++)
        NV_LOG(NV_LOG_INFO, "gateway", "listening protocol=grpc address=%s", address);
    for (size_t i = 0; (address = nv_gateway_admin_address(gateway, i)) != NULL; i++)
        NV_LOG(NV_LOG_INFO, "gateway", "listening protocol=admin address=%s", address);
}

/* A socket unit with an address that the configuration has not. */
static void log_unclaimed(void)
{
    char name[NV_LISTENER_NAME_BYTES];
    for (int fd = 0; nv_listener_unclaimed(&fd, name);) {
        NV_LOG(
            NV_LOG_WARN, "gateway",
            "a socket was handed over (LISTEN_FDS) that nobody listens on: clients wait there "
            "for nothing address=%s; give it and receiver.*.listen the same address",
            name);
    }
}

/* Said at each start: an operator must know what the key is worth. */
static void log_key(struct nv_gateway *gateway)
{
    struct nv_assembly_status status = {0};
    if (gateway->assembly)
        nv_assembly_read_status(gateway->assembly, &status);
    if (!status.journal_key_source)
        return;
    bool generated = strcmp(status.journal_key_source, "generated") == 0;
    NV_LOG(NV_LOG_INFO, "gateway", "the journal is encrypted key=%s from=%s%s",
           status.journal_key_id, status.journal_key_source,
           generated ? ": it lies in the journal's directory and guards only segments that are "
                       "copied without it"
                     : "");
}

/* What spans come in by, bound and not yet open; in role assemble the log alone. */
static enum nv_err start_front(struct nv_gateway *gateway, const struct nv_options *options,
                               struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    if (options->role == NV_ROLE_ALL)
        err = start_assembly(gateway, fail);
    else if (options->role == NV_ROLE_RECEIVE)
        err = nv_receiving_start(&gateway->receiving, options, &gateway->acceptor, fail);
    if (err == NV_OK && options->role != NV_ROLE_ASSEMBLE)
        err = make_receiver(gateway, options, fail);
    return err;
}

static enum nv_err start_assembling(struct nv_gateway *gateway,
                                    const struct nv_options *options, struct nv_fail *fail)
{
    gateway->pipeline.store = nv_assembling_store(&gateway->assembling);
    return nv_assembling_start(&gateway->assembling, options, fail);
}

static enum nv_err start_all(struct nv_gateway *gateway, struct nv_fail *fail)
{
    const struct nv_options *options = nv_gateway_options(gateway);
    /* the journal's lock first: of two gateways with one configuration the second must say that
     * the state is in use, not that the port is */
    enum nv_err err = start_front(gateway, options, fail);
    if (err == NV_OK && options->role != NV_ROLE_RECEIVE)
        err = open_sinks(gateway, options, fail);
    /* the sinks first: what it reads may leave at once */
    if (err == NV_OK && options->role == NV_ROLE_ASSEMBLE)
        err = start_assembling(gateway, options, fail);
    atomic_store(&gateway->start_step, NV_START_PORTS);
    if (err == NV_OK)
        err = start_admin(gateway, options, fail);
    if (err == NV_OK && gateway->receiver)
        err = start_receiver(gateway, fail);
    if (err == NV_OK)
        err = start_telemetry(gateway, fail);
    if (err == NV_OK) {
        log_key(gateway);
        log_addresses(gateway);
        log_unclaimed();
    }
    return err;
}

enum nv_err nv_gateway_start(struct nv_gateway *gateway, struct nv_fail *fail)
{
    assert(gateway->receiver == NULL);
    struct nv_teller *teller = nv_teller_start(nv_gateway_tell_start, gateway, MS_A_SECOND);
    enum nv_err err = start_all(gateway, fail);
    (void)nv_teller_end(teller);
    return err;
}

/* Others have its partitions; it gets none until it is started again. */
static bool has_left_group(struct nv_gateway *gateway)
{
    struct nv_kafka_status status = {0};
    if (gateway->assembling.consumer)
        nv_kafka_consumer_status(gateway->assembling.consumer, &status);
    return status.left;
}

bool nv_gateway_look(struct nv_gateway *gateway)
{
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    struct nv_progress *progress = nv_translating_progress(gateway->translating);
    nv_progress_look(progress, nv_clock_mono_ns(gateway->clock));
    return nv_progress_stuck(progress, trace_id) < NV_STUCK_FATAL_NS &&
           !has_left_group(gateway);
}

bool nv_gateway_is_stuck(const struct nv_gateway *gateway)
{
    return gateway->assembly != NULL && nv_assembly_is_stuck(gateway->assembly);
}

void nv_gateway_free(struct nv_gateway *gateway)
{
    if (!gateway || nv_gateway_is_stuck(gateway))
        return;
    /* each may still call those after it: the door assembly, a sink its claims */
    nv_receiver_free(gateway->receiver);
    nv_receiving_release(&gateway->receiving);
    nv_sinks_release(&gateway->sinks);
    nv_assembling_release(&gateway->assembling);
    nv_traces_free(gateway->traces);
    nv_assembly_free(gateway->assembly);
    nv_media_files_free(gateway->media_files);
    nv_mapping_free(gateway->mapping);
    nv_mapping_free(gateway->look_mapping);
    nv_pii_free(gateway->pipeline.redaction.pii);
    nv_agents_free(gateway->agents);
    nv_agent_series_free(gateway->agent_series);
    nv_telemetry_free(gateway->telemetry);
    nv_translating_free(gateway->translating);
    nv_account_release(&gateway->memory);
    free(gateway);
}

/* ---- reload ------------------------------------------------------------------------------ */

enum nv_err nv_gateway_reload(struct nv_gateway *gateway, const struct nv_options *options,
                              struct nv_fail *fail)
{
    assert(options != NULL && fail != NULL);
    const struct nv_options *old = nv_gateway_options(gateway);
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        if ((nv_option_table[id].flags & NV_OPTION_RELOAD) == 0 &&
            !nv_option_same(old, options, id)) {
            NV_LOG(NV_LOG_WARN, "gateway",
                   "%s changed, restart the gateway to use the new value",
                   nv_option_table[id].path);
        }
    }
    set_reloadable(gateway, options);
    enum nv_err err = NV_OK;
    if (gateway->receiver)
        err = nv_receiver_reload(gateway->receiver, fail);
    return err;
}

/* ---- looking at it ----------------------------------------------------------------------- */

const struct nv_options *nv_gateway_options(const struct nv_gateway *gateway)
{
    return gateway->options;
}

bool nv_gateway_has_page(const struct nv_gateway *gateway)
{
    return gateway->traces && nv_gateway_admin_address(gateway, 0);
}

bool nv_gateway_is_local(const struct nv_gateway *gateway)
{
    return gateway->local;
}

const char *nv_gateway_http_address(const struct nv_gateway *gateway, size_t i)
{
    if (!gateway->receiver || i >= nv_receiver_http_addresses(gateway->receiver))
        return NULL;
    return nv_receiver_http_address(gateway->receiver, i);
}

const char *nv_gateway_grpc_address(const struct nv_gateway *gateway, size_t i)
{
    if (!gateway->receiver || i >= nv_receiver_grpc_addresses(gateway->receiver))
        return NULL;
    return nv_receiver_grpc_address(gateway->receiver, i);
}

const char *nv_gateway_admin_address(const struct nv_gateway *gateway, size_t i)
{
    return gateway->admin == NULL ? NULL : nv_admin_address(gateway->admin, i);
}
