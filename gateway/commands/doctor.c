/*
 * doctor: the order of the checks, and how it is told.
 *
 *   settings ▸ disks ▸ ports ▸ kafka ▸ backend ▸ the gateway that runs here ▸ verdict ▸ next step
 *
 * What is nearest comes first, so that the first bad line is the cause and not what follows
 * from it. Each check runs in a child with a deadline (gateway/doctor/isolated.h), and its
 * lines are printed when it ends: who waits sees what for. A check that fails does not end the
 * others.
 */
#include "gateway/commands/doctor.h"

#include "assembly/assembly.h"
#include "base/limits.h"
#include "base/text/mask.h"
#include "base/text/shown.h"
#include "gateway/commands/cli.h"
#include "gateway/config/option_value.h"
#include "gateway/doctor/checks.h"

#include <stdio.h>
#include <sys/timex.h>

#include "base/banned.h"

/* The transport ends a second earlier and says where it stood: its libraries are loaded in the
 * check, which takes half of that on a busy machine. */
#define PROBE_MS (NV_DOCTOR_CHECK_MS - 1000)

/* What the checks are about. */
struct about {
    const struct nv_options *options;
    struct nv_running running;
};

/*
 * The kernel knows whether something keeps its clock in step; whether the clock is right is
 * the backend's `Date` to say, later.
 */
static void check_settings(void *ctx, struct nv_findings *out)
{
    const struct about *about = ctx;
    struct timex state = {0};
    bool in_step = adjtimex(&state) != TIME_ERROR;

    nv_check_key(about->options, out);
    nv_check_project(about->options, out);
    nv_check_clock(nv_clock_wall_ns(nv_clock_system()), in_step, out);
}

/* Of roles that keep a journal: with Kafka between them, the log is the journal. */
static void check_journal_disk(void *ctx, struct nv_findings *out)
{
    const struct nv_options *options = ((const struct about *)ctx)->options;

    if (options->role == NV_ROLE_ALL && options->journal_durability != NV_DURABILITY_MEMORY) {
        nv_check_disk("journal.directory", options->journal_directory,
                      options->journal_max_bytes, out);
    }
}

static void check_file_disk(void *ctx, struct nv_findings *out)
{
    const struct nv_options *options = ((const struct about *)ctx)->options;

    if (options->exporter_file_directory)
        nv_check_disk("exporter.file.directory", options->exporter_file_directory, 0, out);
}

static void check_media_disk(void *ctx, struct nv_findings *out)
{
    const struct nv_options *options = ((const struct about *)ctx)->options;

    if (options->media_directory)
        nv_check_disk("media.directory", options->media_directory, 0, out);
}

static void check_ports(void *ctx, struct nv_findings *out)
{
    const struct about *about = ctx;
    const struct nv_options *options = about->options;
    const struct nv_running *running = &about->running;
    const struct {
        const char *key, *addresses, *served;
    } ports[] = {
        {"receiver.http.listen", options->receiver_http_listen, running->listen.http},
        {"receiver.grpc.listen", options->receiver_grpc_listen, running->listen.grpc},
        {"admin.listen", options->admin_listen, running->listen.admin},
    };

    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        nv_check_ports(ports[i].key, ports[i].addresses, ports[i].served, running, "/proc",
                       out);
    }
}

static void check_kafka(void *ctx, struct nv_findings *out)
{
    nv_check_kafka(((const struct about *)ctx)->options, out);
}

static void check_backend(void *ctx, struct nv_findings *out)
{
    const struct nv_options *options = ((const struct about *)ctx)->options;

    if (options->role != NV_ROLE_RECEIVE)
        nv_check_backend(options, PROBE_MS, out);
}

static void check_gateway(void *ctx, struct nv_findings *out)
{
    const struct about *about = ctx;

    nv_check_gateway(&about->running, nv_options_local(about->options), out);
}

static const struct {
    nv_isolated_check *check;
    const char *subject, *next; /* when it does not end */
} checks[] = {
    {check_settings, "settings", "report this"},
    {check_journal_disk, "disk",
     "look at the disk of journal.directory, or set it to another one: this one does not "
     "answer"},
    {check_file_disk, "disk",
     "look at the disk of exporter.file.directory, or set it to another one: this one does not "
     "answer"},
    {check_media_disk, "disk",
     "look at the disk of media.directory, or set it to another one: this one does not answer"},
    {check_ports, "port",
     "look at the name service: a name in a .listen option is not resolved"},
    {check_kafka, "kafka", "look at the network: a broker's name or address hangs"},
    {check_backend, "backend", "look at the network: the endpoint's name or address hangs"},
    {check_gateway, "gateway", "report this"},
};

/* ---- telling ----------------------------------------------------------------------------- */

static void print_line(struct nv_buf *line)
{
    nv_mask_buf(line);
    nv_shown_print(stdout, nv_buf_str(line), NV_SHOWN_LINES);
    (void)fflush(stdout);
    nv_buf_clear(line);
}

static void print_findings(const struct nv_findings *all, size_t from)
{
    struct nv_buf line;

    nv_buf_init(&line, NV_CAP_DOCTOR);
    for (size_t i = from; i < all->count; i++) {
        (void)nv_finding_write(&all->items[i], &line);
        print_line(&line);
    }
    nv_buf_release(&line);
}

/* One step, of the first bad line: a list of everything to do is read by nobody. */
static const char *next_step(const struct nv_findings *all, const struct nv_running *running)
{
    const char *next = nv_findings_next(all);

    if (next)
        return next;
    return running->any ? "nothing to do" : "start it: noveum-gateway";
}

static void print_end(const struct nv_findings *all, const char *next)
{
    bool good = nv_findings_worst(all) != NV_FINDING_BAD;
    struct nv_buf text;

    nv_buf_init(&text, NV_CAP_DOCTOR);
    (void)nv_buf_printf(&text, "%s\nnext: ", good ? "all is well" : "not all is well");
    (void)nv_shown_append(&text, nv_str_from(next), NV_SHOWN_LINE);
    (void)nv_buf_append_char(&text, '\n');
    print_line(&text);
    nv_buf_release(&text);
}

/* {"good":false,"findings":[{"level":"bad","subject":"key","text":"...","next":"..."}],
 * "next":"..."} */
static void print_json(const struct nv_findings *all, const char *next)
{
    struct nv_buf text;
    struct nv_json_writer json;

    nv_buf_init(&text, NV_CAP_DOCTOR);
    nv_json_write_init(&json, &text);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("good"));
    nv_json_write_bool(&json, nv_findings_worst(all) != NV_FINDING_BAD);
    nv_json_write_key(&json, NV_STR("findings"));
    nv_json_write_begin_array(&json);
    for (size_t i = 0; i < all->count; i++)
        nv_finding_write_json(&all->items[i], &json);
    nv_json_write_end_array(&json);
    nv_json_write_key(&json, NV_STR("next"));
    nv_json_write_string(&json, nv_str_from(next));
    nv_json_write_end_object(&json);
    (void)nv_buf_append_char(&text, '\n');
    nv_mask_buf(&text);
    nv_shown_print(stdout, nv_buf_str(&text), NV_SHOWN_JSON);
    nv_buf_release(&text);
}

/* ---- all of it --------------------------------------------------------------------------- */

void nv_doctor_run(nv_isolated_check *check, void *ctx, unsigned deadline_ms,
                   const char *subject, const char *next, struct nv_findings *all)
{
    enum nv_err err = nv_isolated_run(check, ctx, deadline_ms, all);

    if (err == NV_ERR_TIMEOUT) {
        nv_finding_add(all, NV_FINDING_BAD, subject, next, "did not answer within %u s",
                       deadline_ms / 1000);
    } else if (err != NV_OK) {
        nv_finding_add(all, NV_FINDING_BAD, subject, "report this", "the check itself died");
    }
}

/*
 * The running gateway is asked first and once, since checks of ports need to know what is its
 * own. Warnings alone are exit code 0: they are about what may be meant so.
 */
int nv_command_doctor(const struct nv_options *options, bool json)
{
    struct about about = {.options = options};
    struct nv_findings all = {.count = 0};

    nv_running_ask(&about.running, options);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        size_t before = all.count;
        nv_doctor_run(checks[i].check, &about, NV_DOCTOR_CHECK_MS, checks[i].subject,
                      checks[i].next, &all);
        if (!json)
            print_findings(&all, before);
    }
    if (json)
        print_json(&all, next_step(&all, &about.running));
    else
        print_end(&all, next_step(&all, &about.running));
    nv_running_release(&about.running);
    return nv_findings_worst(&all) == NV_FINDING_BAD ? NV_EXIT_FAILED : NV_EXIT_OK;
}
