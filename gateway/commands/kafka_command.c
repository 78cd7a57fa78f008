/*
 * kafka inspect: a line for each message, then what it means.
 *
 *   otlp_spans 3 at 1234  2026-11-29T21:50:36Z  812 bytes, delivered
 *
 * For the question "where is my trace?" between two roles of the gateway (docs/scale.md).
 * Three answers are worth a word, since each has another cause: its key is not the trace id
 * (somebody else writes the topic), it is not in the partition that the id leads to
 * (partitions were added, or another hash wrote it), and it lies behind the group's mark
 * (delivered, or a dead letter).
 *
 * Lines are printed as they are found: reading a topic may take two minutes, and the first
 * message is often all that was wanted.
 */
#include "gateway/commands/kafka_command.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "base/text/shown.h"
#include "base/text/text.h"
#include "gateway/commands/run.h"
#include "gateway/stages_kafka.h"
#include "kafka/inspect.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

static void print_found(void *ctx, const struct nv_kafka_found *found)
{
    struct nv_buf *line = ctx;
    char time[NV_TIME_TEXT_SIZE];
    unsigned len = nv_time_format((uint64_t)found->stamp_ms * NV_NS_PER_MS, time);
    (void)nv_buf_printf(line, "%s %" PRId32 " at %" PRId64 "  %.*s  %zu bytes%s%s%s\n",
                        found->topic, found->partition, found->offset, (int)len, time,
                        found->bytes, found->behind_mark ? ", delivered" : "",
                        found->keyed ? "" : ", its key is not the trace id",
                        found->at_home ? "" : ", not in the partition that the id leads to");
    nv_mask_buf(line);
    nv_shown_print(stdout, nv_buf_str(line), NV_SHOWN_LINES);
    nv_buf_clear(line);
}

static void print_mark(struct nv_buf *text, const char *topic, int64_t mark)
{
    if (mark >= 0) {
        (void)nv_buf_printf(
            text, "the group has delivered %s before offset %" PRId64 " there\n", topic, mark);
    } else {
        (void)nv_buf_printf(text, "the group has committed nothing of %s there\n", topic);
    }
}

/*
 * What was not read is said last: "nothing found" of a search that ended early is no answer.
 */
static void print_end(const struct nv_options *options, const struct nv_kafka_inspected *all)
{
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_COMMAND_TEXT);
    (void)nv_buf_printf(&text,
                        "%" PRIu64 " messages hold it, %" PRIu64
                        " read; the id leads to partition %" PRId32 " of %" PRId32 "\n",
                        all->found, all->read, all->home, all->partitions);
    print_mark(&text, options->kafka_traces_topic, all->marks[NV_SIGNAL_TRACES]);
    print_mark(&text, options->kafka_logs_topic, all->marks[NV_SIGNAL_LOGS]);
    if (!all->whole) {
        (void)nv_buf_printf(&text, "not all was read: at most %d messages, %d GiB, %d s\n",
                            NV_KAFKA_INSPECT_MESSAGES, (int)(NV_KAFKA_INSPECT_BYTES >> 30),
                            NV_KAFKA_INSPECT_MS / 1000);
    }
    nv_mask_buf(&text);
    nv_shown_print(stdout, nv_buf_str(&text), NV_SHOWN_LINES);
    nv_buf_release(&text);
}

/* As OTLP has it, or with the dashes that Noveum shows. */
static enum nv_err parse_id(const char *text, uint8_t out[NV_TRACE_ID_BYTES],
                            struct nv_fail *fail)
{
    if (nv_hex_decode_uuid(nv_str_from(text), out) == NV_OK)
        return NV_OK;
    return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                       "\"%.40s\" is no trace id: 32 hexadecimal digits, dashes between them "
                       "are allowed",
                       text);
}

static enum nv_err inspect(const struct nv_options *options, const uint8_t *trace_id,
                           struct nv_kafka_inspected *all, struct nv_fail *fail)
{
    struct nv_stage_kafka stage;
    struct nv_buf line;
    nv_buf_init(&line, NV_CAP_COMMAND_TEXT);
    enum nv_err err = nv_stage_kafka_init(&stage, options);
    if (err == NV_OK)
        err = nv_kafka_inspect(&stage.config, trace_id, print_found, &line, all, fail);
    nv_stage_kafka_release(&stage);
    nv_buf_release(&line);
    return err;
}

/*
 * Nothing found is exit code 1, as of grep. A wrong id or a missing option is 2, before any
 * broker is asked.
 */
int nv_command_kafka_inspect(const struct nv_options *options, const struct nv_cli *cli)
{
    struct nv_kafka_inspected all = {0};
    struct nv_fail fail = {0};
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    enum nv_err err = parse_id(cli->arguments[0], trace_id, &fail);
    if (err == NV_OK && options->kafka_brokers.count == 0) {
        (void)snprintf(fail.path, sizeof fail.path, "kafka.brokers");
        err = nv_fail_set(&fail, NV_ERR_CONFIG, 0,
                          "not set: give the options of the roles that speak to Kafka");
    }
    if (err != NV_OK) {
        nv_run_print_failure(&fail);
        return NV_EXIT_USAGE;
    }
    err = inspect(options, trace_id, &all, &fail);
    if (err != NV_OK) {
        fail.code = err;
        nv_run_print_failure(&fail);
        return NV_EXIT_FAILED;
    }
    print_end(options, &all);
    return all.found > 0 ? NV_EXIT_OK : NV_EXIT_FAILED;
}
