/*
 * The commands about what is on disk.
 *
 * A gateway that runs holds the lock of its journal, and its exporter must hear of a retry:
 * then the command goes through the control socket. Otherwise it works on the journal itself.
 *
 *   dead ... ─▶ the journal's lock ─┬─ got ─────▶ store here ▸ slices ▸ the next start sends
 *                                   └─ LOCKED ──▶ control socket ▸ slices ▸ sent at once
 *
 * The lock decides, not a file that says who runs: such a file survives a kill, the kernel's
 * lock does not, and between a look at one and the work a gateway could start.
 *
 * Of all letters at once means slices of half a second (gateway/dead/dead.h), in both cases:
 * the gateway's control thread is free between two of them, and here a person sees how far it
 * is. What goes on is told by a thread of its own, on stderr, so that stdout stays what a
 * script reads.
 */
#include "gateway/commands/journal_commands.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "journal/journal_check.h"
#include "base/text/shown.h"
#include "exporter/media/letter.h"
#include "exporter/outbox/dead_letters.h"
#include "gateway/admin/control.h"
#include "gateway/dead/dead_retry.h"
#include "gateway/dead/dead_store.h"
#include "gateway/commands/run.h"
#include "gateway/process/teller.h"
#include "gateway/stages.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/banned.h"

#define MS_A_SECOND 1000

/*
 * What was found is printed whether or not it failed behind that: half a list with its reason
 * is more than the reason. Masked last, over everything, since letters quote backends and
 * clients.
 */
static int finish(struct nv_buf *text, enum nv_shown_form form, enum nv_err err,
                  struct nv_fail *fail)
{
    nv_mask_buf(text);
    nv_shown_print(stdout, nv_buf_str(text), form);
    nv_buf_release(text);
    if (err == NV_OK)
        return NV_EXIT_OK;
    fail->code = err;
    nv_run_print_failure(fail);
    return NV_EXIT_FAILED;
}

/*
 * Damage and a missing key look alike to a reader of bytes and want opposite things of a
 * person: one is lost, the other waits for its key.
 */
static void tell_encrypted(const struct nv_journal_report *report, struct nv_buf *text)
{
    if (report->encrypted == 0)
        return;
    (void)nv_buf_printf(
        text, "%" PRIu64 " files are encrypted, %" PRIu64 " records of them %s\n",
        report->encrypted, report->locked,
        report->locked > 0 ? "want a key that is not here: journal.key_file" : "can't be read");
}

static void tell_check(void *ctx, unsigned seconds)
{
    const struct nv_journal_advance *advance = ctx;
    (void)fprintf(
        stderr, "noveum-gateway: the journal is read: %" PRIu64 " of %" PRIu64 " files, %u s\n",
        atomic_load(&advance->done), atomic_load(&advance->total), seconds);
}

/*
 * It takes no lock: the check reads, beside a gateway that writes, too. Damage, gaps and
 * records without their key are exit code 1, so that a script may ask this before an upgrade.
 */
int nv_command_journal(const struct nv_options *options, bool list)
{
    struct nv_journal_advance advance = {0};
    const struct nv_journal_look look = {.directory = options->journal_directory,
                                         .key_file = options->journal_key_file,
                                         .list = list,
                                         .advance = &advance};
    struct nv_journal_report report = {0};
    struct nv_fail fail = {0};
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_COMMAND_TEXT);
    struct nv_teller *teller = nv_teller_start(tell_check, &advance, MS_A_SECOND);
    enum nv_err err = nv_journal_check(&look, &text, &report, &fail);
    (void)nv_teller_end(teller);
    if (err == NV_OK) {
        (void)nv_buf_printf(&text,
                            "%" PRIu64 " files, %" PRIu64 " spare, %" PRIu64
                            " records of %" PRIu64 " bytes, %" PRIu64 " released, %" PRIu64
                            " damaged, %" PRIu64 " missing\n",
                            report.files, report.spare, report.records, report.bytes,
                            report.released, report.damaged, report.missing);
        tell_encrypted(&report, &text);
    }
    int code = finish(&text, NV_SHOWN_LINES, err, &fail);
    return code == NV_EXIT_OK && report.damaged + report.missing + report.locked > 0
               ? NV_EXIT_FAILED
               : code;
}

/* A stopped gateway finds the record, of the outbox or of a medium, at its next start. */
static enum nv_err send_offline(void *ctx, uint64_t id, struct nv_str json)
{
    bool is = false;
    enum nv_err err = json.len > 0 ? NV_OK : nv_media_letter_retry(ctx, id, NULL, &is);

    return err != NV_OK || is ? err : nv_dead_letters_retry(ctx, id, json, NULL);
}

/*
 * A dead letter of OTLP is translated again by this program's tables, which may be newer than
 * those that failed; what it becomes goes to send_offline.
 */
static enum nv_err retry_offline(void *ctx, uint64_t id)
{
    return nv_dead_retry(ctx, id);
}

/* ---- how far it is ----------------------------------------------------------------------- */

/* Of RETRY and DROP of all; one thread counts, the teller's reads. */
struct advance {
    enum nv_dead_verb verb;
    _Atomic uint64_t done, left;
};

/*
 * Nothing done yet is no zero: the answer to the first slice, which lists all letters, may be
 * what takes long.
 */
static void tell_advance(void *ctx, unsigned seconds)
{
    const struct advance *advance = ctx;
    const char *what = advance->verb == NV_VERB_DROP ? "drop" : "retry";
    const uint64_t done = atomic_load(&advance->done), left = atomic_load(&advance->left);
    if (done == 0) {
        (void)fprintf(stderr, "noveum-gateway: %s of dead letters: no answer yet, %u s\n", what,
                      seconds);
        return;
    }
    (void)fprintf(stderr,
                  "noveum-gateway: %s of dead letters goes on: %" PRIu64 " done, %" PRIu64
                  " left, %u s\n",
                  what, done, left, seconds);
}

/* Slices until nothing is left; of what is not of all there is one. */
static enum nv_err run_slices(enum nv_err (*run)(void *ctx, struct nv_dead_slice *slice),
                              void *ctx, struct advance *advance)
{
    struct nv_dead_slice slice = {0};
    enum nv_err err;
    do {
        err = run(ctx, &slice);
        atomic_fetch_add(&advance->done, slice.done);
        atomic_store(&advance->left, slice.left);
    } while (err == NV_OK && slice.left > 0);
    return err;
}

/* ---- on the journal, or by the gateway that has it --------------------------------------- */

struct offline {
    const struct nv_dead_request *request;
    struct nv_dead_place place;
    struct nv_buf *text;
};

static enum nv_err slice_offline(void *ctx, struct nv_dead_slice *slice)
{
    const struct offline *offline = ctx;
    return nv_dead_run_slice(offline->request, &offline->place, nv_clock_system(), slice,
                             offline->text);
}

/*
 * A letter that was never translated needs what the pipeline needs: tables, redaction,
 * limits, by the same functions that wire the gateway (gateway/stages.h). So a retry here and
 * one in the gateway make the same bytes.
 */
static enum nv_err run_retry(const struct nv_options *options, struct offline *offline,
                             struct advance *advance, struct nv_fail *fail)
{
    struct nv_exporter_config exporter;
    struct nv_mapping_config config;
    nv_stage_exporter(options, &exporter);
    nv_stage_mapping(options, &config);
    struct nv_mapping *mapping = nv_mapping_new(&config, fail);
    if (!mapping)
        return NV_ERR_CONFIG;
    const struct nv_store *store = offline->place.store;
    struct nv_dead_retry retry = {.store = store,
                                  .mapping = mapping,
                                  .trace_id_form = exporter.trace_id_form,
                                  .max_trace_bytes = exporter.max_trace_bytes,
                                  .send = send_offline,
                                  .ctx = (void *)(uintptr_t)store};
    offline->place.ctx = &retry;
    offline->place.retry = retry_offline;
    enum nv_err err = nv_stage_redaction(options, &retry.redaction, fail);
    if (err == NV_OK)
        err = run_slices(slice_offline, offline, advance);
    offline->place.ctx = NULL;
    nv_pii_free(retry.redaction.pii);
    nv_mapping_free(mapping);
    if (err == NV_OK) {
        (void)nv_buf_append_str(offline->text,
                                NV_STR("no gateway runs here: the next start sends them\n"));
    }
    return err;
}

static enum nv_err run_offline(const struct nv_options *options, struct nv_dead_store *opened,
                               struct offline *offline, struct advance *advance,
                               struct nv_fail *fail)
{
    offline->place.store = &opened->store;
    enum nv_err err = offline->request->verb == NV_VERB_RETRY
                          ? run_retry(options, offline, advance, fail)
                          : run_slices(slice_offline, offline, advance);
    nv_dead_store_close(opened);
    return err;
}

struct online {
    const char *directory;
    const struct nv_dead_request *request;
    struct nv_buf *text;
    struct nv_fail *fail;
};

static enum nv_err slice_online(void *ctx, struct nv_dead_slice *slice)
{
    const struct online *online = ctx;
    return nv_control_ask(online->directory, online->request, slice, online->text,
                          online->fail);
}

/*
 * Opening is the question who has the journal. That it is locked is no failure, and its words
 * are forgotten, or they would stand before those of the control socket.
 */
static enum nv_err run_dead(const struct nv_options *options,
                            const struct nv_dead_request *request, struct nv_buf *text,
                            struct nv_fail *fail)
{
    struct nv_dead_store opened = {0};
    struct advance advance = {.verb = request->verb};
    struct offline offline = {.request = request, .text = text};
    struct online online = {options->journal_directory, request, text, fail};
    struct nv_teller *teller =
        request->all ? nv_teller_start(tell_advance, &advance, MS_A_SECOND) : NULL;
    enum nv_err err = nv_dead_store_open(options, &opened, fail);
    if (err == NV_OK) {
        err = run_offline(options, &opened, &offline, &advance, fail);
    } else if (err == NV_ERR_LOCKED) {
        *fail = (struct nv_fail){0};
        err = run_slices(slice_online, &online, &advance);
    }
    (void)nv_teller_end(teller);
    return err;
}

/* The verb is the command's place behind DEAD_LIST: both enums have the four in one order. */
int nv_command_dead(const struct nv_options *options, const struct nv_cli *cli)
{
    struct nv_dead_request request;
    struct nv_fail fail = {0};
    struct nv_buf text;
    const char *word = cli->argument_count > 0 ? cli->arguments[0] : NULL;
    enum nv_dead_verb verb = (enum nv_dead_verb)(cli->command - NV_COMMAND_DEAD_LIST);
    if (nv_dead_parse(verb, nv_str_from(word), &request) != NV_OK) {
        (void)fprintf(stderr, "noveum-gateway: \"%.60s\" is no id; `dead list` shows them\n",
                      word);
        return NV_EXIT_USAGE;
    }
    nv_buf_init(&text, NV_CAP_COMMAND_TEXT);
    enum nv_err err = run_dead(options, &request, &text, &fail);
    if (err == NV_ERR_NOT_FOUND) {
        (void)nv_fail_set(&fail, err, 0, "no dead letter %" PRIu64 "; `dead list` shows them",
                          request.id);
    }
    if (err == NV_OK && verb == NV_VERB_LIST && text.len == 0)
        (void)fputs("noveum-gateway: no dead letters\n", stderr);
    return finish(&text, verb == NV_VERB_SHOW ? NV_SHOWN_JSON : NV_SHOWN_LINES, err, &fail);
}
