/*
 * What the log says of a start and of a stop that take longer than two seconds.
 *
 * On the teller's thread, while another one works: a start is told by what it has noted of
 * itself, since its stages are half made; a stop by their status, which any thread may ask for.
 */
#include "gateway/gateway_state.h"

#include "base/log/log.h"

#include <inttypes.h>

#include "base/banned.h"

void nv_gateway_tell_start(void *ctx, unsigned seconds)
{
    static const char *const steps[] = {[NV_START_JOURNAL] = "the journal is read",
                                        [NV_START_STORE] =
                                            "the store of the page is opened (store.file)",
                                        [NV_START_SINKS] = "what delivers is started",
                                        [NV_START_PORTS] = "ports are opened"};
    const struct nv_gateway *gateway = ctx;
    const unsigned step = atomic_load(&gateway->start_step);
    const unsigned of = atomic_load(&gateway->reading.of);
    if (step == NV_START_JOURNAL && of > 0) {
        NV_LOG(NV_LOG_INFO, "gateway", "still starting seconds=%u files=%u of=%u: %s", seconds,
               (unsigned)atomic_load(&gateway->reading.files), of, steps[step]);
    } else {
        NV_LOG(NV_LOG_INFO, "gateway", "still starting seconds=%u: %s", seconds, steps[step]);
    }
}

void nv_gateway_tell_stop(void *ctx, unsigned seconds)
{
    struct nv_gateway *gateway = ctx;
    struct nv_sink_status sink = {0};
    struct nv_assembly_status assembly = {0};
    const uint64_t now_ns = nv_clock_mono_ns(gateway->clock);
    const uint64_t deadline_ns = atomic_load(&gateway->stop_deadline_ns);
    if (gateway->assembly)
        nv_assembly_read_status(gateway->assembly, &assembly);
    if (gateway->sinks.keeper)
        nv_sinks_status(&gateway->sinks, &sink);
    NV_LOG(NV_LOG_INFO, "gateway",
           "still stopping seconds=%u left_s=%" PRIu64 " claims=%" PRIu64
           " queued=%zu outbox=%" PRIu64 ": %s",
           seconds, now_ns < deadline_ns ? (deadline_ns - now_ns) / NV_NS_PER_S : 0,
           assembly.claims, sink.queued_traces, sink.outbox_records,
           sink.reason[0] != '\0' ? sink.reason : "what is complete is delivered");
}
