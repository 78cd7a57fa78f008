/*
 * doctor: what is wrong, in words, and what to do about it.
 *
 * Each check tries the real thing with the program's own code: binds the ports, writes and
 * syncs a file, asks the backend as the exporter would, and the gateway that runs here how it
 * fares. A check that fails does not end the others. Nothing stays behind.
 */
#include "gateway/commands/doctor.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "base/text/shown.h"
#include "gateway/commands/cli.h"
#include "gateway/config/option_value.h"
#include "gateway/stages.h"
#include "net/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/banned.h"

/* 2025-01-01 and 2100-01-01: a clock outside was never set. */
#define WALL_MIN_NS (UINT64_C(1735689600) * NV_NS_PER_S)
#define WALL_MAX_NS (UINT64_C(4102444800) * NV_NS_PER_S)
/* A sync slower than this makes acknowledgements slow; a disk has 1 to 20 ms. */
#define SYNC_SLOW_MS 100

static bool say(struct nv_buf *out, bool good, const char *subject, const char *text)
{
    (void)nv_buf_printf(out, "%s  %-9s ", good ? "ok  " : "BAD ", subject);
    (void)nv_shown_append(out, nv_str_from(text), NV_SHOWN_LINE); /* it may quote the backend */
    (void)nv_buf_append_char(out, '\n');
    return good;
}

/* ---- key --------------------------------------------------------------------------------- */

bool nv_doctor_key(const struct nv_options *options, struct nv_buf *out)
{
    char text[256];
    const char *key = options->exporter_noveum_api_key;
    if (!key) {
        return say(out, true, "key",
                   "none: local mode, traces go to files; set NOVEUM_API_KEY to deliver");
    }
    const char *where = options->where[NV_OPT_exporter_noveum_api_key];
    for (const char *c = key; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            (void)snprintf(text, sizeof text,
                           "from %.80s: holds a space, line end or other character no key has",
                           where);
            return say(out, false, "key", text);
        }
    }
    bool usual = strncmp(key, "nv_", 3) == 0 || strncmp(key, "noveum_", 7) == 0;
    (void)snprintf(text, sizeof text, "from %.80s, %zu characters%s", where, strlen(key),
                   usual ? "" : "; keys usually begin with nv_");
    return say(out, true, "key", text);
}

/* ---- round trip -------------------------------------------------------------------------- */

static const char *status_advice(int status)
{
    switch (status) {
    case 200:
        return "the backend knows the key";
    case 401:
        return "the key is wrong or expired: make a new one in Noveum's settings";
    case 403:
        return "the key may not do this: it needs the permission traces:write";
    case 404:
        return "no such address: exporter.noveum.endpoint should end in /api";
    case 429:
        return "the backend asks us to slow down, or the plan is used up";
    default:
        return status >= 500 ? "the backend has trouble: nothing to do here, traces wait"
                             : "unexpected: is this Noveum's API?";
    }
}

static const char *transfer_advice(enum nv_transfer transfer)
{
    switch (transfer) {
    case NV_TRANSFER_CONNECT:
        return "no connection: wrong address, no network, or a firewall";
    case NV_TRANSFER_TLS:
        return "TLS refused: for an authority of your own set exporter.noveum.ca_bundle";
    case NV_TRANSFER_TIMEOUT:
        return "no answer in time";
    default:
        return "the connection broke: is this an HTTP server?";
    }
}

/* An answer is believed for its body, not its number: a page can have any status. */
static const char *reply_advice(const struct nv_probe *probe)
{
    if (probe->body == NV_REPLY_FOREIGN) {
        return "but a page, not Noveum's API: exporter.noveum.endpoint should end in /api; "
               "else a "
               "proxy, firewall, sign-in or maintenance page answers in its place";
    }
    if (probe->body == NV_REPLY_DENIAL && probe->status >= 200 && probe->status <= 299) {
        return "but it says \"success\": false: the backend does not take the key or is in "
               "trouble";
    }
    return status_advice(probe->status);
}

bool nv_doctor_reply(const struct nv_probe *probe, struct nv_buf *out)
{
    char text[600];
    bool reply = probe->transfer == NV_TRANSFER_REPLY || probe->status != 0;
    bool api = probe->body == NV_REPLY_EMPTY || probe->body == NV_REPLY_OBJECT;
    if (reply) {
        (void)snprintf(text, sizeof text, "%d after %" PRIu64 " ms: %s%s%s", probe->status,
                       probe->took_ms, reply_advice(probe),
                       probe->said[0] != '\0' ? "; it says: " : "", probe->said);
    } else {
        (void)snprintf(text, sizeof text, "%s (%.150s)", transfer_advice(probe->transfer),
                       probe->detail);
    }
    return say(out, reply && api && probe->status == 200, "backend", text);
}

static bool check_backend(const struct nv_options *options, struct nv_buf *out)
{
    struct nv_exporter_config config;
    struct nv_probe probe;
    struct nv_fail fail = {0};
    if (nv_options_local(options))
        return true;
    nv_stage_exporter(options, &config);
    (void)say(out, true, "endpoint", config.endpoint);
    if (nv_exporter_probe(&config, nv_clock_system(), &probe, &fail) != NV_OK)
        return say(out, false, "backend", fail.what);
    return nv_doctor_reply(&probe, out);
}

/* ---- the gateway that runs here ---------------------------------------------------------- */

/* The exporter's state in one line; is it well? */
static bool exporter_state(const struct nv_running *running, bool all_refused,
                           struct nv_buf *out)
{
    char text[600];
    if (all_refused) {
        (void)snprintf(
            text, sizeof text,
            "%.180s (%.180s): look at exporter.noveum.endpoint and any proxy before it, "
            "then `noveum-gateway dead retry all`",
            running->reason, running->last_error);
        return say(out, false, "gateway", text);
    }
    (void)snprintf(text, sizeof text, "one runs here: %.60s%s%.180s", running->state,
                   running->reason[0] != '\0' ? ": " : "", running->reason);
    return say(out, strcmp(running->state, nv_sink_state_text(NV_SINK_SENDING)) == 0, "gateway",
               text);
}

bool nv_doctor_status(const struct nv_running *running, bool keyless, struct nv_buf *out)
{
    char text[200];
    if (!running->understood)
        return say(out, false, "gateway", "one runs here, and what it says is not understood");
    bool all_refused = running->refused_in_row >= NV_SINK_REFUSED_ALL;
    bool good = exporter_state(running, all_refused, out);
    if (running->dead_lettered > 0 && !all_refused) {
        (void)snprintf(text, sizeof text,
                       "%" PRId64 " spans became dead letters since it started: "
                       "`noveum-gateway dead list` shows why",
                       running->dead_lettered);
        (void)say(out, true, "gateway", text);
    }
    if (keyless && running->mode && strcmp(running->mode, "noveum") == 0) {
        (void)say(out, true, "gateway",
                  "it has a key, doctor has none: with the same environment and options doctor "
                  "checks key and backend, too");
    }
    return good;
}

/* ---- clock ------------------------------------------------------------------------------- */

bool nv_doctor_clock(uint64_t wall_ns, bool in_step, struct nv_buf *out)
{
    char time[NV_TIME_TEXT_SIZE];
    char text[160];
    unsigned len = nv_time_format(wall_ns, time);
    assert(len < sizeof time);
    time[len] = '\0';
    if (wall_ns < WALL_MIN_NS || wall_ns > WALL_MAX_NS) {
        (void)snprintf(text, sizeof text, "%s is not now: set the clock", time);
        return say(out, false, "clock", text);
    }
    (void)snprintf(text, sizeof text, "%s%s", time,
                   in_step ? ""
                           : ", not known to be in step: NTP keeps spans of machines in order");
    return say(out, true, "clock", text);
}

static bool check_clock(struct nv_buf *out)
{
    struct timex state = {0};
    bool in_step = adjtimex(&state) != TIME_ERROR;
    return nv_doctor_clock(nv_clock_wall_ns(nv_clock_system()), in_step, out);
}

/* ---- ports ------------------------------------------------------------------------------- */

bool nv_doctor_ports(const char *key, const char *addresses, const char *served,
                     struct nv_buf *out)
{
    char text[400];
    struct nv_listener_config config = {.addresses = addresses};
    struct nv_listener *listener = NULL;
    struct nv_fail fail = {0};
    if (nv_address_is_none(nv_str_from(addresses)))
        return true;
    bool free_to_use = nv_listener_open(&config, &fail, &listener) == NV_OK;
    bool ours = !free_to_use && served && strcmp(served, addresses) == 0;
    nv_listener_free(listener);
    if (free_to_use || ours) {
        (void)snprintf(text, sizeof text, "%s %.200s is %s", key, addresses,
                       ours ? "served by the gateway that runs here" : "free");
    } else {
        (void)snprintf(text, sizeof text, "%s: %s (%s%.100s)", key, fail.what,
                       served ? "the gateway that runs here has "
                              : "a gateway with another journal.directory?",
                       served ? served : "");
    }
    return say(out, free_to_use || ours, "port", text);
}

static bool check_ports(const struct nv_options *options, const struct nv_running *running,
                        struct nv_buf *out)
{
    const struct {
        const char *key, *addresses, *served;
    } ports[] = {
        {"receiver.http.listen", options->receiver_http_listen, running->listen.http},
        {"receiver.grpc.listen", options->receiver_grpc_listen, running->listen.grpc},
        {"admin.listen", options->admin_listen, running->listen.admin},
    };
    bool good = true;
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        good = nv_doctor_ports(ports[i].key, ports[i].addresses, ports[i].served, out) && good;
    return good;
}

/* ---- disk -------------------------------------------------------------------------------- */

/* Time of one write and sync in ms, or UINT64_MAX with errno set. */
static uint64_t try_sync(const char *directory)
{
    char path[4200], block[4096];
    uint64_t started_ns = nv_clock_mono_ns(nv_clock_system());
    (void)snprintf(path, sizeof path, "%s/doctor-%ld", directory, (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return UINT64_MAX;
    memset(block, 0, sizeof block);
    bool good = write(fd, block, sizeof block) == (ssize_t)sizeof block && fdatasync(fd) == 0;
    int cause = errno;
    (void)close(fd);
    (void)unlink(path);
    errno = cause;
    return good ? (nv_clock_mono_ns(nv_clock_system()) - started_ns) / NV_NS_PER_MS
                : UINT64_MAX;
}

bool nv_doctor_disk(const char *key, const char *directory, uint64_t wanted_bytes,
                    struct nv_buf *out)
{
    char text[400];
    struct statvfs room;
    bool made = mkdir(directory, 0700) == 0;
    if (!made && errno != EEXIST) {
        (void)snprintf(text, sizeof text, "%s: can't make %.200s: %s", key, directory,
                       strerror(errno));
        return say(out, false, "disk", text);
    }
    uint64_t took_ms = try_sync(directory);
    int cause = errno;
    bool known = statvfs(directory, &room) == 0;
    if (made)
        (void)rmdir(directory);
    if (took_ms == UINT64_MAX) {
        (void)snprintf(text, sizeof text, "%s: can't write in %.200s: %s", key, directory,
                       strerror(cause));
        return say(out, false, "disk", text);
    }
    uint64_t free_bytes = known ? (uint64_t)room.f_bavail * room.f_frsize : 0;
    (void)snprintf(text, sizeof text,
                   "%s %.200s: %" PRIu64 " MB free, a sync takes %" PRIu64 " ms%s%s", key,
                   directory, free_bytes / 1000000, took_ms,
                   free_bytes < wanted_bytes ? ", less room than journal.max_bytes" : "",
                   took_ms > SYNC_SLOW_MS ? ", slow: acknowledgements wait for it" : "");
    return say(out, true, "disk", text);
}

static bool check_disks(const struct nv_options *options, struct nv_buf *out)
{
    bool good = true;
    if (options->journal_durability != NV_DURABILITY_MEMORY) {
        good = nv_doctor_disk("journal.directory", options->journal_directory,
                              options->journal_max_bytes, out);
    }
    if (options->exporter_file_directory) {
        good = nv_doctor_disk("exporter.file.directory", options->exporter_file_directory, 0,
                              out) &&
               good;
    }
    return good;
}

int nv_command_doctor(const struct nv_options *options)
{
    struct nv_buf out;
    nv_buf_init(&out, NV_CAP_DOCTOR);
    struct nv_running running;
    nv_running_ask(&running, options);
    bool good = nv_doctor_key(options, &out);
    good = check_clock(&out) && good;
    good = check_ports(options, &running, &out) && good;
    good = check_disks(options, &out) && good;
    good = check_backend(options, &out) && good;
    good =
        (!running.any || nv_doctor_status(&running, nv_options_local(options), &out)) && good;
    nv_running_release(&running);
    (void)nv_buf_append_str(&out, good ? NV_STR("all is well\n") : NV_STR("not all is well\n"));
    nv_mask_buf(&out);
    nv_shown_print(stdout, nv_buf_str(&out), NV_SHOWN_LINES);
    nv_buf_release(&out);
    return good ? NV_EXIT_OK : NV_EXIT_FAILED;
}
