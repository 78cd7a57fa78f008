/*
 * What the admin port says: Prometheus text and JSON, from one copy of the status.
 *
 * Written with our own JSON writer, because names of services come from clients and may hold
 * any bytes. Ready means "a request sent now would be kept": a backend that is away does not
 * matter, and a load balancer that took us out for it would lose us the traffic we could keep.
 *
 *   status (copied once) ─┬─▶ /ready    a line and 200 or 503
 *                         ├─▶ /metrics  counters, ledger, gauges
 *                         └─▶ /status   JSON, for people and `doctor`
 *
 * One copy, because numbers of different moments contradict each other: a span that moves from
 * held to queued between two reads would be in both or in neither. Counters and gauges have no
 * label whose values come from clients, since each value is a series that Prometheus keeps for
 * good; names of services are in /status alone.
 *
 * Failures of a buffer are looked at once, at the end: a page of metrics is whole or an error.
 */
#include "gateway/admin/admin.h"
#include "gateway/admin/admin_kafka.h"
#include "base/json/json_member.h"
#include "base/limits.h"
#include "gateway/process/progress.h"
#include "redaction/redact.h"

#include "base/log/counters.h"
#include "base/json/json_write.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

/* What is accepted is kept, so these are no reason to take us out; but a person should see
 * them. */
static const char *held_text(enum nv_sink_state state)
{
    static const char *const texts[] = {
        [NV_SINK_HELD_AUTH] = "ready, but held: the key is refused: see /status",
        [NV_SINK_HELD_CREDIT] = "ready, but held: the plan's credit is used up: see /status",
        [NV_SINK_HELD_CONFIG] = "ready, but held: the endpoint is wrong: see /status",
        [NV_SINK_HELD_FOREIGN] =
            "ready, but held: the endpoint does not answer as Noveum's API does: see /status",
        [NV_SINK_HELD_FILES] = "ready, but held: files can't be written: see /status",
    };

    return (size_t)state < sizeof texts / sizeof *texts ? texts[state] : NULL;
}

/* Liveness asks one thing: would a restart help? It helps a shard that hangs and a member that
 * has left its group. It does not help a full disk, a wrong key or a backend that is away, so
 * none of these is unhealthy. */
bool nv_admin_healthy(const struct nv_gateway_status *status)
{
    return status->stuck_ns < NV_STUCK_FATAL_NS && !status->kafka.left;
}

bool nv_admin_ready(const struct nv_gateway_status *status, const char **why)
{
    /* the order is what a person should mend first: what stops us from taking requests comes
     * before what only stops them from going on */
    *why = "ready";
    if (status->stopping) {
        *why = "stopping";
    } else if (status->kafka.left) {
        *why = "this member has left its group: start it again";
    } else if (status->kafka.on && !status->kafka.up) {
        *why = "the Kafka brokers do not answer: see /status";
    } else if (status->kafka.assembles && status->kafka.assigned == 0) {
        *why = "ready, but no partition is ours";
    } else if (status->assembly.journal_full) {
        *why =
            status->assembly.refusal == NV_ERR_IO ? "journal can't be written" : "journal full";
    } else if (status->stuck_ns >= NV_STUCK_TOLD_NS) {
        *why = "a shard makes no progress: see /status";
    } else if (status->exporter.refused_in_row >= NV_SINK_REFUSED_ALL) {
        *why = "ready, but the backend refuses every trace: see /status";
    } else if (held_text(status->exporter.state)) {
        *why = held_text(status->exporter.state);
    }
    return !status->stopping && !status->assembly.journal_full &&
           (!status->kafka.on || status->kafka.up) && status->stuck_ns < NV_STUCK_TOLD_NS;
}

/* Why the journal refuses, in words. errno is told beside our own code, which has one word for
 * all that a file system can have against us. */
static void write_refusal(const struct nv_assembly_status *assembly, struct nv_buf *buf)
{
    (void)nv_buf_printf(buf, "%s while %s", nv_err_info(assembly->refusal)->text,
                        assembly->refused_doing != NULL ? assembly->refused_doing : "writing");
    if (assembly->refused_errno != 0) {
        (void)nv_buf_printf(buf, ": %s (errno %d)", strerror(assembly->refused_errno),
                            assembly->refused_errno);
    }
}

bool nv_admin_write_ready(const struct nv_gateway_status *status, const char *directory,
                          struct nv_buf *buf)
{
    const char *why = NULL;
    bool ready = nv_admin_ready(status, &why);
    (void)nv_buf_printf(buf, "%s", why);
    if (!status->stopping && status->assembly.journal_full) {
        (void)nv_buf_printf(buf, " in '%s': ", directory != NULL ? directory : "");
        write_refusal(&status->assembly, buf);
    }
    (void)nv_buf_append_char(buf, '\n');
    return ready;
}

/* ---- /metrics ---------------------------------------------------------------------------- */

/* What goes up and down; what only grows is a row of base/log/counters.h and written from
 * there. */
static void gauge(struct nv_buf *buf, const char *name, const char *help, uint64_t value)
{
    (void)nv_buf_printf(buf, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help,
                        name, name, value);
}

static void write_gauges(const struct nv_gateway_status *status, struct nv_buf *buf)
{
    const struct nv_assembly_status *assembly = &status->assembly;
    const struct nv_sink_status *exporter = &status->exporter;
    gauge(buf, "noveum_uptime_seconds", "Seconds since the start",
          status->uptime_ns / NV_NS_PER_S);
    gauge(buf, "noveum_connections", "Open connections of OTLP/HTTP",
          status->receiver.connections);
    gauge(buf, "noveum_grpc_connections", "Open connections of OTLP/gRPC",
          status->grpc.connections);
    gauge(buf, "noveum_undecoded_bytes", "Bytes of requests being read",
          status->receiver.undecoded_bytes + status->grpc.undecoded_bytes);
    gauge(buf, "noveum_open_traces", "Traces that wait for spans", assembly->open_traces);
    gauge(buf, "noveum_held_bytes", "Bytes of spans held", assembly->held_bytes);
    gauge(buf, "noveum_held_memory_bytes",
          "Bytes of held spans and of their index that are in memory", assembly->memory_bytes);
    gauge(buf, "noveum_oldest_trace_age_seconds", "Age of the oldest trace that waits",
          assembly->oldest_age_ns / NV_NS_PER_S);
    gauge(buf, "noveum_unsettled_traces", "Traces handed on and not settled", assembly->claims);
    gauge(buf, "noveum_journal_bytes", "Bytes of the journal's files", assembly->journal_bytes);
    gauge(buf, "noveum_journal_capacity_bytes",
          "Bytes that the journal may fill: its limit, or what the volume had room for at the "
          "start",
          assembly->journal_capacity);
    gauge(buf, "noveum_journal_records", "Live records of the journal",
          assembly->journal_records);
    gauge(buf, "noveum_journal_damaged_records", "Records found damaged since the start",
          assembly->journal_damaged);
    gauge(buf, "noveum_journal_missing_records",
          "Records that were in the journal before the start and are gone",
          assembly->journal_missing);
    gauge(buf, "noveum_journal_locked_records",
          "Records set aside at the start because no key opens them", assembly->journal_locked);
    gauge(buf, "noveum_shard_stuck_seconds",
          "A shard makes no progress with a trace for so long", status->stuck_ns / NV_NS_PER_S);
    gauge(buf, "noveum_traces_set_aside", "Traces not tried: the process died twice over them",
          status->set_aside);
    gauge(buf, "noveum_queued_traces", "Encoded traces in memory", exporter->queued_traces);
    gauge(buf, "noveum_queued_bytes", "Bytes of encoded traces in memory",
          exporter->queued_bytes);
    gauge(buf, "noveum_outbox_records", "Encoded traces on disk", exporter->outbox_records);
    gauge(buf, "noveum_media_pending", "Pictures and sounds that wait for their upload",
          exporter->media_pending);
    gauge(buf, "noveum_requests_in_flight", "Requests to the backend", exporter->in_flight);
    gauge(buf, "noveum_exporter_sending", "1 unless the exporter waits or is held",
          exporter->state == NV_SINK_SENDING ? 1 : 0);
    gauge(buf, "noveum_traces_refused_in_row",
          "Traces the backend has refused since it accepted one", exporter->refused_in_row);
    gauge(buf, "noveum_last_delivery_timestamp_seconds", "Unix time, 0: none yet",
          exporter->last_delivery_wall_ns / NV_NS_PER_S);
}

/* A line for each rule, also one that took nothing yet: no label is a client's. */
static void write_redacted(struct nv_buf *buf)
{
    (void)nv_buf_printf(
        buf,
        "# HELP noveum_redacted_total What was taken out of traces, by rule (docs/privacy.md)\n"
        "# TYPE noveum_redacted_total counter\n"
        "noveum_redacted_total{rule=\"%s\"} %" PRIu64 "\n",
        nv_redaction_rule_name(0), nv_redaction_count(0));
    for (unsigned rule = 1; rule < NV_REDACTION_RULE_COUNT; rule++) {
        (void)nv_buf_printf(buf, "noveum_redacted_total{rule=\"%s\"} %" PRIu64 "\n",
                            nv_redaction_rule_name(rule), nv_redaction_count(rule));
    }
}

enum nv_err nv_admin_write_metrics(const struct nv_gateway_status *status,
                                   struct nv_agent_series *agents, struct nv_buf *buf)
{
    const char *why = NULL;
    (void)nv_count_write(buf);
    write_redacted(buf);
    (void)nv_ledger_write(buf);
    gauge(buf, "noveum_ready", "1 when a request sent now would be kept",
          nv_admin_ready(status, &why) ? 1 : 0);
    write_gauges(status, buf);
    nv_admin_write_kafka_metrics(&status->kafka, buf);
    (void)nv_buf_printf(buf,
                        "# HELP noveum_build_info Version of the program\n"
                        "# TYPE noveum_build_info gauge\n"
                        "noveum_build_info{version=\"%s\"} 1\n",
                        NOVEUM_VERSION);
    enum nv_err err = agents ? nv_agent_series_write(agents, buf) : NV_OK;
    return err == NV_OK ? buf->failed : err;
}

/* ---- /status ----------------------------------------------------------------------------- */

static void put_text(struct nv_json_writer *json, const char *key, const char *value)
{
    nv_json_put_text(json, key, nv_str_from(value));
}

/* ISO 8601, or null for "never". */
static void put_time(struct nv_json_writer *json, const char *key, uint64_t wall_ns)
{
    char text[NV_TIME_TEXT_SIZE];
    nv_json_write_key(json, nv_str_from(key));
    if (wall_ns == 0) {
        nv_json_write_null(json);
        return;
    }
    unsigned len = nv_time_format(wall_ns, text);
    nv_json_write_string(json, (struct nv_str){text, len});
}

static void begin(struct nv_json_writer *json, const char *key)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_begin_object(json);
}

/* As configured: `doctor` compares it with what it would listen on itself. */
static void put_listen(struct nv_json_writer *json, const struct nv_gateway_status *status)
{
    begin(json, "listen");
    put_text(json, "http", status->http_listen);
    put_text(json, "grpc", status->grpc_listen);
    put_text(json, "admin", status->admin_listen);
    nv_json_write_end_object(json);
}

/* Summed by group: reasons are in /metrics. What was received is what stands in all of the
 * rest, and a reader can check that by adding (model/ledger.h). */
static void put_spans(struct nv_json_writer *json)
{
    struct nv_ledger ledger;
    uint64_t rejected = 0, dropped = 0, dead = 0;
    nv_ledger_read(&ledger);
    for (unsigned i = 0; i < NV_REJECT_COUNT; i++)
        rejected += ledger.rejected[i];
    for (unsigned i = 0; i < NV_DROP_COUNT; i++)
        dropped += ledger.dropped[i];
    for (unsigned i = 0; i < NV_DEAD_COUNT; i++)
        dead += ledger.dead[i];
    begin(json, "spans");
    nv_json_put_uint(json, "received", ledger.received);
    nv_json_put_uint(json, "replayed", ledger.replayed);
    nv_json_put_uint(json, "rejected", rejected);
    nv_json_put_uint(json, "held", ledger.held);
    nv_json_put_uint(json, "queued", ledger.queued);
    nv_json_put_uint(json, "delivered", ledger.delivered);
    nv_json_put_uint(json, "dropped", dropped);
    nv_json_put_uint(json, "dead_lettered", dead);
    nv_json_write_end_object(json);
}

/* Export requests by what became of them, the refused ones by reason; none of a reason: no
 * member. */
static void put_requests(struct nv_json_writer *json)
{
    static const struct {
        const char *reason;
        enum nv_counter id;
    } reasons[] = {{"malformed", NV_COUNT_REFUSED_MALFORMED},
                   {"protocol", NV_COUNT_REFUSED_PROTOCOL},
                   {"path", NV_COUNT_REFUSED_PATH},
                   {"method", NV_COUNT_REFUSED_METHOD},
                   {"content_type", NV_COUNT_REFUSED_CONTENT_TYPE},
                   {"content_encoding", NV_COUNT_REFUSED_CONTENT_ENCODING},
                   {"too_large", NV_COUNT_REFUSED_TOO_LARGE},
                   {"token", NV_COUNT_REFUSED_TOKEN},
                   {"timeout", NV_COUNT_REFUSED_TIMEOUT},
                   {"busy", NV_COUNT_REFUSED_BUSY},
                   {"internal", NV_COUNT_REFUSED_INTERNAL}};
    begin(json, "requests");
    nv_json_put_uint(json, "ok", nv_count_get(NV_COUNT_REQUESTS_OK));
    nv_json_put_uint(json, "partial", nv_count_get(NV_COUNT_REQUESTS_PARTIAL));
    nv_json_put_uint(json, "metrics", nv_count_get(NV_COUNT_METRIC_POINTS));
    begin(json, "refused");
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (nv_count_get(reasons[i].id) > 0)
            nv_json_put_uint(json, reasons[i].reason, nv_count_get(reasons[i].id));
    }
    nv_json_write_end_object(json);
    nv_json_write_end_object(json);
}

static void put_receiver(struct nv_json_writer *json, const struct nv_http_status *receiver)
{
    begin(json, "receiver");
    nv_json_put_uint(json, "connections", receiver->connections);
    nv_json_put_uint(json, "requests_in_progress", receiver->exchanges);
    nv_json_put_uint(json, "undecoded_bytes", receiver->undecoded_bytes);
    nv_json_put_uint(json, "accepted_connections", receiver->accepted);
    nv_json_put_uint(json, "requests", receiver->requests);
    nv_json_put_uint(json, "refused_connections", receiver->refused_connections);
    nv_json_put_uint(json, "timeouts", receiver->timeouts);
    nv_json_write_end_object(json);
}

static void put_grpc(struct nv_json_writer *json, const struct nv_grpc_status *grpc)
{
    begin(json, "receiver_grpc");
    nv_json_put_uint(json, "connections", grpc->connections);
    nv_json_put_uint(json, "calls_in_progress", grpc->calls);
    nv_json_put_uint(json, "undecoded_bytes", grpc->undecoded_bytes);
    nv_json_put_uint(json, "accepted_connections", grpc->accepted);
    nv_json_put_uint(json, "requests", grpc->requests);
    nv_json_put_uint(json, "refused_connections", grpc->refused_connections);
    nv_json_put_uint(json, "floods", grpc->floods);
    nv_json_put_uint(json, "timeouts", grpc->timeouts);
    nv_json_write_end_object(json);
}

/* null, or why requests are refused. */
static void put_refusal(struct nv_json_writer *json, const struct nv_assembly_status *assembly)
{
    struct nv_buf why;
    nv_json_write_key(json, NV_STR("refusing"));
    if (!assembly->journal_full) {
        nv_json_write_null(json);
        return;
    }
    nv_buf_init(&why, NV_CAP_ADMIN_WHY);
    write_refusal(assembly, &why);
    nv_json_write_string(json, nv_buf_str(&why));
    nv_buf_release(&why);
}

static void put_journal(struct nv_json_writer *json, const struct nv_assembly_status *assembly)
{
    begin(json, "journal");
    nv_json_put_uint(json, "bytes", assembly->journal_bytes);
    nv_json_put_uint(json, "records", assembly->journal_records);
    nv_json_put_uint(json, "damaged", assembly->journal_damaged);
    nv_json_put_uint(json, "missing", assembly->journal_missing);
    nv_json_put_uint(json, "locked", assembly->journal_locked);
    nv_json_put_bool(json, "encrypted", assembly->journal_key_source != NULL);
    put_text(json, "key_from",
             assembly->journal_key_source ? assembly->journal_key_source : "none");
    /* the id tells which key is meant and nothing of the key */
    put_text(json, "key_id", assembly->journal_key_source ? assembly->journal_key_id : NULL);
    nv_json_put_bool(json, "everybody_can_write", assembly->journal_exposed);
    nv_json_put_bool(json, "full", assembly->journal_full);
    put_refusal(json, assembly);
    nv_json_put_bool(json, "replaying", assembly->replaying);
    nv_json_put_uint(json, "replayed_requests", assembly->replayed);
    nv_json_write_end_object(json);
}

static void put_assembly(struct nv_json_writer *json, const struct nv_assembly_status *assembly)
{
    begin(json, "assembly");
    nv_json_put_uint(json, "open_traces", assembly->open_traces);
    nv_json_put_uint(json, "held_spans", assembly->held_spans);
    nv_json_put_uint(json, "held_bytes", assembly->held_bytes);
    nv_json_put_uint(json, "memory_bytes", assembly->memory_bytes);
    nv_json_put_uint(json, "oldest_age_ms", assembly->oldest_age_ns / NV_NS_PER_MS);
    nv_json_put_uint(json, "unsettled_traces", assembly->claims);
    nv_json_write_end_object(json);
}

static void put_translation(struct nv_json_writer *json, const struct nv_gateway_status *status)
{
    begin(json, "translation");
    nv_json_put_uint(json, "stuck_ms", status->stuck_ns / NV_NS_PER_MS);
    put_text(json, "stuck_trace", status->stuck_trace);
    nv_json_put_uint(json, "set_aside", status->set_aside);
    nv_json_write_end_object(json);
}

static void put_exporter(struct nv_json_writer *json, const struct nv_sink_status *exporter)
{
    begin(json, "exporter");
    put_text(json, "state", nv_sink_state_text(exporter->state));
    put_text(json, "reason", exporter->reason);
    put_text(json, "last_error", exporter->last_error);
    put_time(json, "last_error_time", exporter->last_error_wall_ns);
    put_time(json, "last_delivery_time", exporter->last_delivery_wall_ns);
    nv_json_put_uint(json, "next_try_ms", exporter->next_try_ms);
    nv_json_put_uint(json, "queued_traces", exporter->queued_traces);
    nv_json_put_uint(json, "queued_bytes", exporter->queued_bytes);
    nv_json_put_uint(json, "outbox_records", exporter->outbox_records);
    nv_json_put_uint(json, "outbox_spans", exporter->outbox_spans);
    nv_json_put_uint(json, "media_pending", exporter->media_pending);
    nv_json_put_uint(json, "requests_in_flight", exporter->in_flight);
    nv_json_put_uint(json, "bodies_to_retry", exporter->retry_bodies);
    nv_json_put_uint(json, "dead_letters", exporter->dead_letters);
    nv_json_put_uint(json, "refused_in_row", exporter->refused_in_row);
    nv_json_put_uint(json, "warnings", exporter->warnings);
    nv_json_put_bool(json, "gzip_refused", exporter->identity);
    nv_json_write_end_object(json);
}

static void put_services(struct nv_json_writer *json, const struct nv_service_facts *services,
                         size_t count)
{
    nv_json_write_key(json, NV_STR("services"));
    nv_json_write_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        nv_json_write_begin_object(json);
        put_text(json, "name", services[i].name);
        nv_json_put_bool(json, "distributed", services[i].distributed);
        nv_json_put_bool(json, "logs", services[i].logs);
        nv_json_put_bool(json, "remote_parents_missing", services[i].remote_parents_missing);
        nv_json_put_uint(json, "seen_ms_ago", services[i].seen_ns_before / NV_NS_PER_MS);
        nv_json_write_end_object(json);
    }
    nv_json_write_end_array(json);
}

enum nv_err nv_admin_write_status(const struct nv_gateway_status *status,
                                  const struct nv_service_facts *services, size_t service_count,
                                  struct nv_buf *buf)
{
    struct nv_json_writer json;
    const char *why = NULL;
    nv_json_write_init(&json, buf);
    nv_json_write_begin_object(&json);
    put_text(&json, "version", NOVEUM_VERSION);
    put_text(&json, "mode", status->local ? "local" : "noveum");
    put_text(&json, "role", status->role ? status->role : "all");
    nv_json_put_bool(&json, "ready", nv_admin_ready(status, &why));
    put_text(&json, "ready_reason", why);
    nv_json_put_uint(&json, "uptime_ms", status->uptime_ns / NV_NS_PER_MS);
    put_listen(&json, status);
    put_spans(&json);
    put_requests(&json);
    put_receiver(&json, &status->receiver);
    put_grpc(&json, &status->grpc);
    put_assembly(&json, &status->assembly);
    put_translation(&json, status);
    put_journal(&json, &status->assembly);
    put_exporter(&json, &status->exporter);
    nv_admin_put_kafka(&json, &status->kafka);
    put_services(&json, services, service_count);
    nv_json_write_end_object(&json);
    return nv_buf_append_char(buf, '\n');
}
