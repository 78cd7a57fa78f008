/*
 * The gateway that runs here, by its own words: is it well, and where are the spans?
 *
 *   refused at the door ▸ held until complete ▸ queued for the backend ▸ delivered, or dead
 *
 * A finding for each place where some are, so that "nothing arrives" has an answer.
 *
 * Numbers are of this run of the gateway, since its start: what was lost yesterday is in the
 * log. That spans are held or queued is no fault and has no advice; that some became dead
 * letters is a note, for they are safe and wait for a person.
 */
#include "gateway/doctor/checks.h"

#include "model/sink.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

#define ADDRESS_SHOWN "http://%.80s"

/* When every delivery in a row was refused the state's own words mislead: the gateway works,
 * and what it sends to is no Noveum API. Then the address is the finding. */
static void add_state(const struct nv_running *running, struct nv_findings *out)
{
    bool sending = strcmp(running->state, nv_sink_state_text(NV_SINK_SENDING)) == 0;

    if (running->refused_in_row >= NV_SINK_REFUSED_ALL) {
        nv_finding_add(out, NV_FINDING_BAD, "gateway",
                       "mend exporter.noveum.endpoint or the proxy before it, then "
                       "`noveum-gateway dead retry all`",
                       "%.180s (%.180s): look at exporter.noveum.endpoint and any proxy before "
                       "it, then `noveum-gateway dead retry all`",
                       running->reason, running->last_error);
        return;
    }
    nv_finding_add(out, sending ? NV_FINDING_OK : NV_FINDING_BAD, "gateway",
                   "mend what its state names; it goes on by itself",
                   "one runs here: %.60s%s%.180s%s%.150s", running->state,
                   running->reason[0] != '\0' ? ": " : "", running->reason,
                   !sending && running->last_error[0] != '\0' ? "; last answer: " : "",
                   !sending ? running->last_error : "");
}

/* None came: only then is it told how to send some. An application that was refused does send,
 * and its advice stands above. */
static void add_door(const struct nv_running *running, struct nv_findings *out)
{
    char next[200];

    if (running->refusing) {
        nv_finding_add(out, NV_FINDING_BAD, "journal",
                       "make room for journal.directory, or raise journal.max_bytes",
                       "takes nothing more, applications are told to come again: %.300s",
                       running->refusing);
    }
    if (running->refused > 0) {
        nv_finding_add(out, NV_FINDING_NOTE, "refused",
                       "look into the gateway's log: it says of refused requests why",
                       "%" PRId64 " requests since it started (%s)", running->refused,
                       running->refused_for);
    }
    if (running->rejected > 0) {
        nv_finding_add(out, NV_FINDING_NOTE, "refused",
                       "look into the gateway's log: it says what is wrong with them",
                       "%" PRId64 " spans of requests that were taken", running->rejected);
    }
    if (running->received > 0 || running->refused > 0)
        return;
    (void)snprintf(next, sizeof next,
                   "set OTEL_EXPORTER_OTLP_ENDPOINT=" ADDRESS_SHOWN
                   " in the application and run it",
                   running->listen.http ? running->listen.http : "127.0.0.1:4318");
    nv_finding_add(out, NV_FINDING_NOTE, "spans", next, "none came since it started%s",
                   running->metrics > 0 ? ", only metrics, which are not kept" : "");
}

static void add_spans(const struct nv_running *running, struct nv_findings *out)
{
    if (running->received > 0) {
        nv_finding_add(out, NV_FINDING_OK, "spans", NULL,
                       "%" PRId64 " received since it started, %" PRId64 " delivered",
                       running->received, running->delivered);
    }
    if (running->open_traces > 0) {
        nv_finding_add(out, NV_FINDING_OK, "waits", NULL,
                       "%" PRId64 " traces with %" PRId64 " spans until they are complete, the "
                       "oldest for %" PRId64 " s (docs/operations.md has the waits)",
                       running->open_traces, running->held, running->oldest_age_ms / 1000);
    }
    if (running->queued > 0) {
        nv_finding_add(out, NV_FINDING_OK, "waits", NULL,
                       "%" PRId64 " spans of complete traces to be delivered, next try in "
                       "%" PRId64 " ms",
                       running->queued, running->next_try_ms);
    }
    if (running->dead_lettered > 0 && running->refused_in_row < NV_SINK_REFUSED_ALL) {
        nv_finding_add(out, NV_FINDING_NOTE, "gateway",
                       "`noveum-gateway dead list`, then retry or drop them",
                       "%" PRId64 " spans became dead letters since it started: "
                       "`noveum-gateway dead list` shows why",
                       running->dead_lettered);
    }
}

/* Three ways of not knowing, each with its own step: none runs, one runs and is stuck, one runs
 * and is of another version. After any of them nothing below could be right. */
void nv_check_gateway(const struct nv_running *running, bool keyless, struct nv_findings *out)
{
    char next[100];

    if (!running->any)
        return;
    if (running->silent) {
        (void)snprintf(next, sizeof next,
                       "look at process %d; kill -9 and a new start lose "
                       "nothing that is in the journal",
                       running->pid);
        nv_finding_add(out, NV_FINDING_BAD, "gateway", next,
                       "process %d has the journal and does not answer", running->pid);
        return;
    }
    if (!running->understood) {
        nv_finding_add(out, NV_FINDING_BAD, "gateway",
                       "use the program that the gateway runs, of the same version",
                       "one runs here, and what it says is not understood");
        return;
    }
    add_state(running, out);
    add_door(running, out);
    add_spans(running, out);
    if (running->unnamed) {
        nv_finding_add(out, NV_FINDING_NOTE, "project",
                       "set OTEL_SERVICE_NAME in the application",
                       "a service has no name: its project is called %.60s", running->unnamed);
    }
    if (keyless && running->mode && strcmp(running->mode, "noveum") == 0) {
        nv_finding_add(
            out, NV_FINDING_NOTE, "gateway",
            "run doctor with the gateway's environment and options",
            "it has a key, doctor has none: with the same environment and options doctor "
            "checks key and backend, too");
    }
}
