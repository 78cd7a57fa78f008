/*
 * The end of a gateway, in the order of the flow: who gives before who takes.
 *
 *   receiver ▸ Kafka (roles receive, assemble) ▸ assembly ▸ sinks ▸ telemetry ▸ admin
 *
 * All share one deadline; what is not delivered by then is kept or was never answered.
 */
#include "gateway/gateway_state.h"

#include "assembly/hold/hasten.h"
#include "base/log/log.h"
#include "gateway/process/teller.h"

#include "base/banned.h"

/* Of the time to stop, what the sinks get when assembly has used up its own. */
#define SINKS_SHARE_MS 2000
#define MS_A_SECOND 1000
/* What the last telemetry gets, of what the stop has left. */
#define TELEMETRY_MS 2000
/* What a sink gets that the backend has refused: time to move its queue to disk. */
#define HELD_SINK_MS 500

/* ---- stop -------------------------------------------------------------------------------- */

static uint64_t left_ms(const struct nv_gateway *gateway, uint64_t deadline_ns)
{
    uint64_t now = nv_clock_mono_ns(gateway->clock);
    return now < deadline_ns ? (deadline_ns - now) / NV_NS_PER_MS : 0;
}

static void stop_receiver(struct nv_gateway *gateway, uint64_t deadline_ns)
{
    if (!gateway->receiver_started)
        return;
    nv_receiver_stop_accepting(gateway->receiver);
    /* clients are slow at most; a quarter of the time is enough for the answers still due */
    uint64_t wait_ms = left_ms(gateway, deadline_ns) / 4;
    if (!nv_receiver_drain(gateway->receiver, (unsigned)wait_ms))
        NV_LOG(NV_LOG_WARN, "gateway", "clients were cut off before their answer");
}

static void stop_assembly(struct nv_gateway *gateway, uint64_t deadline_ns)
{
    if (!gateway->assembly_started)
        return;
    /* a gateway that failed to start holds nothing new: what it found stays where it is */
    uint64_t left = atomic_load(&gateway->gate_open) ? left_ms(gateway, deadline_ns) : 0;
    uint64_t mine = left > 2 * SINKS_SHARE_MS ? left - SINKS_SHARE_MS : left / 2;
    if (nv_assembly_stop(gateway->assembly, mine * NV_NS_PER_MS) != NV_OK && left > 0)
        NV_LOG(NV_LOG_WARN, "gateway", "not every trace left in time, the journal keeps them");
}

/* A backend that has refused the key or the plan will not change its mind in these seconds. */
static bool sink_is_held(const struct nv_gateway *gateway)
{
    struct nv_sink_status status;
    nv_sinks_status(&gateway->sinks, &status);
    return status.state == NV_SINK_HELD_AUTH || status.state == NV_SINK_HELD_CREDIT ||
           status.state == NV_SINK_HELD_CONFIG || status.state == NV_SINK_HELD_FOREIGN;
}

static void stop_sinks(struct nv_gateway *gateway, uint64_t deadline_ns)
{
    if (!gateway->sinks.keeper)
        return;
    uint64_t left = left_ms(gateway, deadline_ns);
    if (sink_is_held(gateway) && left > HELD_SINK_MS)
        left = HELD_SINK_MS;
    nv_sinks_stop(&gateway->sinks, (uint32_t)left);
}

void nv_gateway_stop(struct nv_gateway *gateway)
{
    if (gateway->stopped)
        return;
    gateway->stopped = true;
    atomic_store(&gateway->stopping, true);
    uint64_t deadline_ns = nv_clock_mono_ns(gateway->clock) +
                           nv_gateway_options(gateway)->stop_deadline_ms * NV_NS_PER_MS;
    atomic_store(&gateway->stop_deadline_ns, deadline_ns);
    struct nv_teller *teller = nv_teller_start(nv_gateway_tell_stop, gateway, MS_A_SECOND);
    stop_receiver(gateway, deadline_ns);
    nv_receiving_stop(&gateway->receiving, left_ms(gateway, deadline_ns) / 2);
    nv_assembling_stop(&gateway->assembling, left_ms(gateway, deadline_ns) / 2);
    stop_assembly(gateway, deadline_ns);
    stop_sinks(gateway, deadline_ns);
    (void)nv_teller_end(teller);
    /* with the numbers of the end; the stop is not longer for it than its deadline */
    uint64_t left = left_ms(gateway, deadline_ns);
    nv_telemetry_stop(gateway->telemetry, left < TELEMETRY_MS ? left : TELEMETRY_MS);
    /* last: how far the stop is can be watched to the end */
    nv_admin_stop(gateway->admin);
    gateway->admin = NULL;
}

/* ---- a freeze ---------------------------------------------------------------------------- */

void nv_gateway_hasten(const struct nv_gateway *gateway, uint64_t *received, uint64_t *left)
{
    struct nv_ledger ledger;
    if (gateway->assembly)
        nv_assembly_hasten(gateway->assembly);
    nv_ledger_read(&ledger);
    *received = ledger.received;
    *left = sink_is_held(gateway) ? 0 : ledger.held + ledger.queued;
}
