/*
 * What the admin port, the control socket and the gateway's own telemetry are shown of it.
 *
 *   stages ──each a copy of its own──▶ struct nv_gateway_status ─┬─▶ admin port, control socket
 *                                                                └─▶ text of /metrics ─▶ telemetry
 *
 * Stages are asked one after another, so sums over them may be off by what moved in between;
 * spans are not, they have the ledger.
 */
#include "gateway/gateway_state.h"

#include "base/text/text.h"
#include "gateway/admin/admin.h"
#include "gateway/config/option_kafka.h"
#include "gateway/stages.h"

#include "base/banned.h"

static void read_status(void *ctx, struct nv_gateway_status *out)
{
    struct nv_gateway *gateway = ctx;
    *out = (struct nv_gateway_status){0};
    out->uptime_ns = nv_clock_mono_ns(gateway->clock) - gateway->started_ns;
    out->local = gateway->local;
    out->role = nv_role_name(gateway->role);
    out->stopping = atomic_load(&gateway->stopping);
    uint8_t id[NV_TRACE_ID_BYTES];
    out->stuck_ns = nv_progress_stuck(nv_translating_progress(gateway->translating), id);
    if (out->stuck_ns >= NV_STUCK_TOLD_NS)
        nv_hex_encode(id, sizeof id, out->stuck_trace);
    out->set_aside = nv_translating_set_aside(gateway->translating);
    if (gateway->receiver) {
        nv_receiver_http_status(gateway->receiver, &out->receiver);
        nv_receiver_grpc_status(gateway->receiver, &out->grpc);
    }
    if (gateway->assembly)
        nv_assembly_read_status(gateway->assembly, &out->assembly);
    if (gateway->assembling.consumer)
        nv_assembling_status(&gateway->assembling, &out->assembly, &out->kafka);
    else
        nv_receiving_status(&gateway->receiving, &out->kafka);
    nv_sinks_status(&gateway->sinks, &out->exporter);
}

static size_t read_services(void *ctx, struct nv_service_facts *out, size_t max)
{
    const struct nv_gateway *gateway = ctx;
    return gateway->assembly ? nv_assembly_read_services(gateway->assembly, out, max) : 0;
}

static enum nv_err retry_dead(void *ctx, uint64_t id)
{
    const struct nv_gateway *gateway = ctx;
    return gateway->dead_retry.store != NULL ? nv_dead_retry(&gateway->dead_retry, id)
                                             : NV_ERR_NOT_FOUND;
}

static size_t read_held(void *ctx, const struct nv_held_ask *ask, struct nv_held_trace *out)
{
    const struct nv_gateway *gateway = ctx;
    return gateway->assembly ? nv_assembly_read_held(gateway->assembly, ask, out) : 0;
}

static const struct nv_mapping *look_mapping(void *ctx)
{
    struct nv_gateway *gateway = ctx;
    struct nv_mapping_config config;
    struct nv_fail fail = {0};
    if (!gateway->look_mapping) {
        nv_stage_mapping(gateway->options, &config);
        gateway->look_mapping = nv_mapping_new(&config, &fail);
    }
    return gateway->look_mapping;
}

void nv_gateway_source(struct nv_gateway *gateway, struct nv_admin_source *out)
{
    *out = (struct nv_admin_source){.options = gateway->options,
                                    .store = gateway->pipeline.store,
                                    .agents = gateway->agents,
                                    .agent_series = gateway->agent_series,
                                    .redaction = &gateway->pipeline.redaction,
                                    .traces = gateway->traces,
                                    .media_files = gateway->media_files,
                                    .read_status = read_status,
                                    .read_services = read_services,
                                    .retry_dead = retry_dead,
                                    .read_held = read_held,
                                    .look_mapping = look_mapping,
                                    .trace_id_form = gateway->dead_retry.trace_id_form,
                                    .account = &gateway->memory,
                                    .ctx = gateway};
}

enum nv_err nv_gateway_write_metrics(void *ctx, struct nv_buf *text)
{
    const struct nv_gateway *gateway = ctx;
    struct nv_gateway_status status;
    read_status(ctx, &status);
    return nv_admin_write_metrics(&status, gateway->agent_series, text);
}
