/*
 * The backend: one question with the exporter's own transport, and what its answer means.
 *
 *   transfer failed ──by cause──▶ the name, the way, the proxy, TLS
 *   reply ──by whose words──▶ a page in its place, a denial
 *         └─by status───────▶ key, credit, endpoint, trouble
 *         └─by Date─────────▶ our clock against the backend's
 *
 * Each line of advice is what a person does next, not what the protocol calls it. What is told
 * is told of the first thing in the way only: behind a proxy that refuses nobody knows the key.
 */
#include "gateway/doctor/checks.h"

#include "base/limits.h"
#include "gateway/config/option_value.h"
#include "gateway/stages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* Date has whole seconds and the answer takes some: less than this is no difference. */
#define CLOCK_NOTE_S 10
/* Beyond it traces stand at a wrong place in every list and chart of the backend. */
#define CLOCK_BAD_S 120
#define MINUTE_S 60
#define HOUR_S 3600

struct advice {
    const char *text, *next;
};

/* ---- a reply ----------------------------------------------------------------------------- */

static const struct advice page = {
    "but a page, not Noveum's API: exporter.noveum.endpoint should end in /api; else a proxy, "
    "firewall, sign-in or maintenance page answers in its place",
    "open the endpoint's address in a browser on this network: sign in where it asks, or mend "
    "exporter.noveum.endpoint"};
static const struct advice denial = {
    "but it says \"success\": false: the backend does not take the key or is in trouble",
    "make a new key in Noveum's settings and set NOVEUM_API_KEY"};
static const struct advice redirect = {
    "a redirect, which is not followed: the key would go along; the endpoint moved, or a "
    "network asks you to sign in first",
    "set exporter.noveum.endpoint to where the API is now, or sign in to the network"};
static const struct advice trouble = {
    "the backend has trouble: nothing to do here, traces wait",
    "wait: traces are kept and sent when the backend is back"};
static const struct advice unexpected = {"unexpected: is this Noveum's API?",
                                         "set exporter.noveum.endpoint to the API's base, "
                                         "https://api.noveum.ai/api"};

static const struct {
    int status;
    struct advice advice;
} statuses[] = {
    {200, {"the backend knows the key", NULL}},
    {401,
     {"the key is wrong or expired: make a new one in Noveum's settings",
      "make a new key in Noveum's settings and set NOVEUM_API_KEY"}},
    {402,
     {"the plan's credit is used up: traces wait until there is more",
      "add credit or change the plan in Noveum's settings"}},
    {403,
     {"the key may not do this: it needs the permission traces:write",
      "give the key the permission traces:write in Noveum's settings, or make one that has "
      "it"}},
    {404,
     {"no such address: exporter.noveum.endpoint should end in /api",
      "set exporter.noveum.endpoint to the API's base, which ends in /api"}},
    {407,
     {"the proxy asks for a user and a password",
      "set exporter.noveum.proxy to http://USER:PASSWORD@HOST:PORT"}},
    {429,
     {"the backend asks us to slow down, or the plan is used up",
      "wait, or look at the plan in Noveum's settings"}},
};

/* 5xx pass by themselves. No other number is an answer of Noveum's API to this question. */
static const struct advice *status_advice(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].status == status)
            return &statuses[i].advice;
    }
    return status >= 500 ? &trouble : &unexpected;
}

/* An answer is believed for its body, not its number: a page can have any status. A redirect
 * and a proxy's refusal have pages of their own. */
static const struct advice *reply_advice(const struct nv_probe *probe)
{
    if (probe->status >= 300 && probe->status <= 399)
        return &redirect;
    if (probe->status == 407)
        return status_advice(probe->status);
    if (probe->body == NV_REPLY_FOREIGN)
        return &page;
    if (probe->body == NV_REPLY_DENIAL && probe->status >= 200 && probe->status <= 299)
        return &denial;
    return status_advice(probe->status);
}

static void check_answer(const struct nv_probe *probe, struct nv_findings *out)
{
    const struct advice *advice = reply_advice(probe);
    bool api = probe->body == NV_REPLY_EMPTY || probe->body == NV_REPLY_OBJECT;
    bool good = api && probe->status == 200;

    nv_finding_add(out, good ? NV_FINDING_OK : NV_FINDING_BAD, "backend", advice->next,
                   "%d after %" PRIu64 " ms: %s%s%s%s%s", probe->status, probe->took_ms,
                   advice->text, probe->location[0] != '\0' ? "; it points to " : "",
                   probe->location, probe->said[0] != '\0' ? "; it says: " : "", probe->said);
}

/* ---- no reply ---------------------------------------------------------------------------- */

static const struct advice causes[] = {
    [NV_CAUSE_NONE] = {"the connection broke: is this an HTTP server? One that speaks TLS "
                       "needs https:// in exporter.noveum.endpoint",
                       "look at scheme, host and port of exporter.noveum.endpoint"},
    [NV_CAUSE_RESOLVE] = {"the endpoint's name has no address: a typing error, or no DNS here",
                          "look at the host of exporter.noveum.endpoint; where only a proxy "
                          "leads out, set exporter.noveum.proxy"},
    [NV_CAUSE_CONNECT] = {"no connection: wrong address, no network, or a firewall",
                          "look at host and port of exporter.noveum.endpoint; where only a "
                          "proxy leads out, set exporter.noveum.proxy"},
    [NV_CAUSE_PROXY_NAME] = {"the proxy's name has no address",
                             "look at the host of exporter.noveum.proxy"},
    [NV_CAUSE_PROXY] = {"the proxy lets nothing through to the endpoint",
                        "ask who runs the proxy to allow the endpoint's host and port"},
    [NV_CAUSE_HANDSHAKE] = {"no TLS there: cut off, or a server that speaks plain http",
                            "look at the port of exporter.noveum.endpoint; a firewall that "
                            "opens TLS needs its authority in exporter.noveum.ca_bundle"},
    [NV_CAUSE_CERTIFICATE] = {"TLS refused: for an authority of your own set "
                              "exporter.noveum.ca_bundle",
                              "set exporter.noveum.ca_bundle to the PEM file of the authority "
                              "that made the certificate"},
    [NV_CAUSE_OWN_FILES] = {"TLS refused: a certificate file of ours can't be used",
                            "look at exporter.noveum.ca_bundle and the client's certificate "
                            "and key"},
};
static const struct advice slow = {
    "no answer in time",
    "a firewall that drops packets looks like this: where only a proxy leads out, set "
    "exporter.noveum.proxy"};
static const struct advice bad_time = {
    "TLS refused: by this machine's clock the certificate is not valid now",
    "look at this machine's clock (timedatectl); if it is right, the backend's certificate "
    "needs renewal"};
static const struct advice other_name = {
    "TLS refused: the certificate is another host's",
    "use the name in exporter.noveum.endpoint that the certificate is made for"};

/* From the most certain to the least: a proxy's own status, then what the TLS library says in
 * words, then the kind of failure. Words of a library may change with its version: without them
 * the advice of the cause is given, which is wider and still true. */
static const struct advice *failure_advice(const struct nv_probe *probe)
{
    if (probe->proxy_status == 407)
        return status_advice(407);
    if (probe->cause == NV_CAUSE_CERTIFICATE &&
        (strstr(probe->detail, "expired") || strstr(probe->detail, "not yet valid")))
        return &bad_time;
    if (probe->cause == NV_CAUSE_CERTIFICATE && strstr(probe->detail, "subject name"))
        return &other_name;
    if (probe->transfer == NV_TRANSFER_TIMEOUT)
        return &slow;
    if (probe->transfer == NV_TRANSFER_TLS && probe->cause == NV_CAUSE_NONE)
        return &causes[NV_CAUSE_CERTIFICATE];
    return &causes[probe->cause];
}

static void check_failure(const struct nv_probe *probe, struct nv_findings *out)
{
    const struct advice *advice = failure_advice(probe);

    nv_finding_add(out, NV_FINDING_BAD, "backend", advice->next, "%s (%.150s)", advice->text,
                   probe->detail);
}

/* ---- clock ------------------------------------------------------------------------------- */

static void write_span(uint64_t seconds, char *text, size_t size)
{
    if (seconds >= HOUR_S) {
        (void)snprintf(text, size, "%" PRIu64 " h %" PRIu64 " min", seconds / HOUR_S,
                       seconds % HOUR_S / MINUTE_S);
    } else if (seconds >= MINUTE_S) {
        (void)snprintf(text, size, "%" PRIu64 " min %" PRIu64 " s", seconds / MINUTE_S,
                       seconds % MINUTE_S);
    } else {
        (void)snprintf(text, size, "%" PRIu64 " s", seconds);
    }
}

/* The backend's Date, not a time server's: traces are looked at by its idea of now, and the
 * answer is here already. */
static void check_date(int64_t date_s, uint64_t wall_ns, struct nv_findings *out)
{
    char span[64];
    int64_t ahead_s = (int64_t)(wall_ns / NV_NS_PER_S) - date_s;
    uint64_t apart_s = ahead_s < 0 ? (uint64_t)-ahead_s : (uint64_t)ahead_s;

    write_span(apart_s, span, sizeof span);
    if (apart_s < CLOCK_NOTE_S) {
        nv_finding_add(out, NV_FINDING_OK, "clock", NULL, "as the backend's, to %s", span);
        return;
    }
    nv_finding_add(out, apart_s < CLOCK_BAD_S ? NV_FINDING_NOTE : NV_FINDING_BAD, "clock",
                   "set this machine's clock: timedatectl set-ntp true, or date -s",
                   "%s %s the backend's: traces will stand at the wrong time", span,
                   ahead_s > 0 ? "ahead of" : "behind");
}

/* ---- all of it --------------------------------------------------------------------------- */

/* A status came although the transfer failed: a body was cut off or too long. The number says
 * more than the break. */
void nv_check_reply(const struct nv_probe *probe, uint64_t wall_ns, struct nv_findings *out)
{
    if (probe->transfer == NV_TRANSFER_REPLY || probe->status != 0)
        check_answer(probe, out);
    else
        check_failure(probe, out);
    if (probe->date_s > 0)
        check_date(probe->date_s, wall_ns, out);
}

/* Where to, by which way, and who said so. */
static void add_endpoint(const struct nv_options *options,
                         const struct nv_exporter_config *config, struct nv_findings *out)
{
    struct nv_buf proxy;
    bool chosen = options->source[NV_OPT_exporter_noveum_endpoint] != NV_SOURCE_DEFAULT;

    nv_buf_init(&proxy, NV_CAP_CONFIG_SHOWN);
    if (config->proxy) {
        (void)nv_buf_append_str(&proxy, NV_STR(", by the proxy "));
        (void)nv_option_write(options, NV_OPT_exporter_noveum_proxy, &proxy);
        (void)nv_buf_printf(&proxy, " from %s", options->where[NV_OPT_exporter_noveum_proxy]);
    }
    nv_finding_add(out, NV_FINDING_OK, "endpoint", NULL, "%.300s, %s%.80s%.*s",
                   config->endpoint, chosen ? "from " : "the default",
                   chosen ? options->where[NV_OPT_exporter_noveum_endpoint] : "",
                   NV_STR_ARG(nv_buf_str(&proxy)));
    nv_buf_release(&proxy);
}

void nv_check_backend(const struct nv_options *options, unsigned deadline_ms,
                      struct nv_findings *out)
{
    struct nv_exporter_config config;
    struct nv_probe probe;
    struct nv_fail fail = {0};

    if (nv_options_local(options))
        return;
    nv_stage_exporter(options, &config);
    if (config.timeout_ms > deadline_ms)
        config.timeout_ms = deadline_ms;
    add_endpoint(options, &config, out);
    if (nv_exporter_probe(&config, nv_clock_system(), &probe, &fail) == NV_OK) {
        nv_check_reply(&probe, nv_clock_wall_ns(nv_clock_system()), out);
        return;
    }
    nv_finding_add(out, NV_FINDING_BAD, "backend", "look at the options of exporter.noveum",
                   "%s", fail.what);
}
