/*
 * The looks, each bounded.
 *
 * Services are taken from what assembly has learned and not from requests, so that the door
 * pays nothing. A name that was seen is remembered by its hash: two names with one hash, or one
 * that assembly has forgotten and learns again, cost a line at most.
 */
#include "gateway/notices/notices.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/text/text.h"
#include "gateway/process/teller.h"
#include "model/ledger.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

/* Names that one look asks for. */
#define SERVICES_LOOK_MAX 512
#define NAME_SHOWN_MAX 120
#define NAME_ARENA NV_CAP_KIB(64)

/* ---- services ---------------------------------------------------------------------------- */

/* Remembers the name; false: it is known, or there is no room. */
static bool is_new(struct nv_notices *notices, struct nv_str name)
{
    uint64_t hash = nv_str_hash(name);
    for (size_t i = 0; i < notices->seen_count; i++) {
        if (notices->seen[i] == hash)
            return false;
    }
    if (notices->seen_count == NV_NOTICED_SERVICES_MAX) {
        if (!notices->more_told) {
            NV_LOG(NV_LOG_INFO, "gateway",
                   "spans of more than %d services arrive, further ones are not named here",
                   NV_NOTICED_SERVICES_MAX);
        }
        notices->more_told = true;
        return false;
    }
    notices->seen[notices->seen_count++] = hash;
    return true;
}

/*
 * A name is a client's: redacted like any text that is shown, and cut. Without memory for
 * that it is not shown at all, since the line alone says that something new arrived.
 */
static void tell_service(const struct nv_redaction_config *redaction, struct nv_str name)
{
    struct nv_arena *arena = nv_arena_new(NAME_ARENA);
    if (!arena || (redaction && nv_redact_text(redaction, arena, &name) != NV_OK))
        name = NV_STR("***");
    name = nv_str_slice(name, 0, NAME_SHOWN_MAX);
    NV_LOG(NV_LOG_INFO, "gateway", "first spans of a service arrived service=\"%.*s\"",
           NV_STR_ARG(name));
    nv_arena_free(arena);
}

static void look_at_services(struct nv_notices *notices, const struct nv_admin_source *source)
{
    struct nv_service_facts *services = calloc(SERVICES_LOOK_MAX, sizeof *services);
    size_t count =
        services ? source->read_services(source->ctx, services, SERVICES_LOOK_MAX) : 0;
    for (size_t i = 0; i < count; i++) {
        struct nv_str name = nv_str_from(services[i].name);
        if (name.len > 0 && is_new(notices, name))
            tell_service(source->redaction, name);
    }
    free(services);
}

/* ---- waits ------------------------------------------------------------------------------- */

static bool waits_long(const struct nv_held_trace *held)
{
    return held->age_ns >= NV_NOTICE_WAIT_NS && held->left_ns >= NV_NOTICE_WAIT_NS;
}

static void tell_wait(const struct nv_held_trace *held, unsigned alike)
{
    char id[2 * NV_TRACE_ID_BYTES], time[NV_TIME_TEXT_SIZE];
    uint64_t until_ns = nv_clock_wall_ns(nv_clock_system()) + held->left_ns;
    nv_hex_encode(held->trace_id, NV_TRACE_ID_BYTES, id);
    unsigned len = nv_time_format(until_ns, time);
    NV_LOG(NV_LOG_INFO, "gateway",
           "a trace waits trace_id=%.*s spans=%u reason=%s until=%.*s alike=%u: %s It leaves "
           "then when nothing more comes of it",
           (int)sizeof id, id, held->spans, nv_wait_name(held->wait),
           (int)(len < 19 ? len : 19), time, alike, nv_wait_text(held->wait));
}

/* A shard that gets on answers at once. One that hangs would be waited for by the thread that
 * takes the signals, so then nobody is asked. */
static bool is_worth_asking(const struct nv_admin_source *source)
{
    struct nv_gateway_status status;
    source->read_status(source->ctx, &status);
    return status.assembly.open_traces > 0 && status.stuck_ns < NV_NS_PER_S;
}

/*
 * One line for each reason and not for each trace: a thousand traces that wait for the same
 * are one thing to know. Of those that are asked for, the newest NV_HELD_LOOK_MAX, the oldest
 * is named, for it has waited longest, and `alike` counts those that wait long for the same.
 */
static void look_at_held(struct nv_notices *notices, const struct nv_admin_source *source,
                         uint64_t now_ns)
{
    if (!is_worth_asking(source))
        return;
    const struct nv_held_ask ask = {.max = NV_HELD_LOOK_MAX};
    const struct nv_held_trace *first[NV_WAIT_AGE + 1] = {0};
    unsigned alike[NV_WAIT_AGE + 1] = {0};
    struct nv_held_trace *held = calloc(NV_HELD_LOOK_MAX, sizeof *held);
    size_t count = held && source->read_held ? source->read_held(source->ctx, &ask, held) : 0;
    for (size_t i = 0; i < count; i++) {
        if (!waits_long(&held[i]))
            continue;
        first[held[i].wait] = &held[i]; /* the newest come first: the oldest stays */
        alike[held[i].wait]++;
    }
    for (unsigned wait = 0; wait <= NV_WAIT_AGE; wait++) {
        uint64_t *told = &notices->wait_told_ns[wait];
        if (!first[wait] || (*told != 0 && now_ns - *told < NV_NOTICE_AGAIN_NS))
            continue;
        *told = now_ns;
        tell_wait(first[wait], alike[wait]);
    }
    free(held);
}

/* ---- the replay -------------------------------------------------------------------------- */

static void look_at_replay(struct nv_notices *notices, const struct nv_admin_source *source,
                           uint64_t now_ns)
{
    struct nv_gateway_status status;
    source->read_status(source->ctx, &status);
    if (!status.assembly.replaying)
        return;
    if (notices->replay_due_s == 0) {
        notices->replay_began_ns = now_ns;
        notices->replay_due_s = nv_teller_after(0);
    }
    const uint64_t seconds = (now_ns - notices->replay_began_ns) / NV_NS_PER_S;
    if (seconds < notices->replay_due_s)
        return;
    notices->replay_due_s = nv_teller_after((unsigned)seconds);
    NV_LOG(NV_LOG_INFO, "gateway",
           "the journal is replayed requests=%" PRIu64 " of=%" PRIu64 " seconds=%" PRIu64
           ": what is new is accepted, and leaves after it",
           status.assembly.replayed, status.assembly.to_replay, seconds);
}

/* ---- metrics ----------------------------------------------------------------------------- */

/*
 * A few looks long, as an application sends its metrics before its first span has ended. A
 * span at any time ends it: then tracing is on.
 */
static void look_at_metrics(struct nv_notices *notices)
{
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    if (notices->metrics_told || ledger.received > 0 ||
        nv_count_get(NV_COUNT_METRIC_POINTS) == 0)
        return;
    if (++notices->metrics_looks < NV_NOTICE_METRICS_LOOKS)
        return;
    notices->metrics_told = true;
    NV_LOG(NV_LOG_WARN, "gateway",
           "metrics arrive and no spans: metrics are accepted and not kept. Is a span exporter "
           "set in the application (OTEL_TRACES_EXPORTER=otlp), and is its tracing on?");
}

/* ---- all of it --------------------------------------------------------------------------- */

void nv_notices_look(struct nv_notices *notices, const struct nv_admin_source *source,
                     uint64_t now_ns)
{
    look_at_services(notices, source);
    look_at_metrics(notices);
    look_at_replay(notices, source, now_ns);
    if (++notices->looks % NV_NOTICE_HELD_LOOKS == 0)
        look_at_held(notices, source, now_ns);
}

static const char *fate_of_held(const struct nv_options *options)
{
    if (options->assembly_on_stop == NV_ON_STOP_SEND)
        return "what is not complete is sent as it is (assembly.on_stop: send)";
    if (options->journal_durability == NV_DURABILITY_MEMORY)
        return "without a journal they are sent as they are";
    return "complete ones leave now, the others stay in the journal and go on at the next "
           "start "
           "with the same journal.directory (assembly.on_stop: keep)";
}

/*
 * Said before anything is stopped, while the person who asked for it still reads: what
 * becomes of the traces follows from assembly.on_stop and from whether there is a journal.
 */
void nv_notices_stop(const struct nv_admin_source *source)
{
    struct nv_gateway_status status;
    source->read_status(source->ctx, &status);
    if (status.assembly.open_traces > 0) {
        NV_LOG(NV_LOG_INFO, "gateway",
               "traces still wait traces=%" PRIu64 " spans=%" PRIu64 ": %s",
               status.assembly.open_traces, status.assembly.held_spans,
               fate_of_held(source->options));
    }
    if (status.exporter.queued_traces + status.exporter.outbox_records == 0)
        return;
    NV_LOG(NV_LOG_INFO, "gateway",
           "traces are not delivered yet queued=%zu outbox=%" PRIu64
           ": they are tried until stop.deadline_ms is over, %s",
           status.exporter.queued_traces, status.exporter.outbox_records,
           source->options->journal_durability == NV_DURABILITY_MEMORY
               ? "and lost then: there is no journal"
               : "the journal keeps what is left for the next start");
}
