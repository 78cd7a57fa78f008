/*
 * redact --dry-run: bodies through the door, the translation and the redaction, which tells
 * what it took.
 *
 *   files ─▶ explain's bodies ─▶ each trace ─▶ translate ─▶ redact ─▶ rule, place, key, count
 *                                                              └ no value is ever printed
 *
 * Whatever the configuration says, secrets are looked for: somebody who turned them off asks
 * this to see what that would let through. Keys are a client's: they are redacted themselves,
 * and shown without control characters.
 *
 * It is the pipeline's redaction on the pipeline's translation, not a search in the file:
 * places are those of the translated trace, where something was masked or was not.
 */
#include "gateway/commands/redact_command.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "base/text/shown.h"
#include "base/text/text.h"
#include "gateway/commands/cli.h"
#include "gateway/commands/run.h"
#include "gateway/stages.h"
#include "redaction/redact.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

struct reporting {
    const struct nv_mapping *mapping;
    struct nv_buf *report;
    struct nv_redaction_config config;
    uint64_t traces, masks, told;
};

static enum nv_err report_lines(struct reporting *reporting, struct nv_arena *arena,
                                const struct nv_redacted *result)
{
    for (uint32_t i = 0; i < result->line_count; i++) {
        const struct nv_redacted_line *line = &result->lines[i];
        struct nv_str key = line->key;
        enum nv_err err = nv_redact_text(&reporting->config, arena, &key);
        if (err != NV_OK)
            return err;
        (void)nv_buf_printf(reporting->report, "%-18s %-26s %-40.*s %" PRIu64 "\n",
                            nv_redaction_rule_name(line->rule), line->place, NV_STR_ARG(key),
                            line->count);
        reporting->told += line->count;
    }
    return reporting->report->failed;
}

/*
 * A trace without a span is never sent, so nothing of it could leak. The arena is the trace's
 * whole life: it is freed here on every way out.
 */
static enum nv_err report_trace(void *ctx, struct nv_raw_trace *raw)
{
    struct reporting *reporting = ctx;
    struct nv_arena *arena = raw->arena;
    struct nv_trace *trace = NULL;
    struct nv_redacted result;
    if (raw->span_count == 0) {
        nv_arena_free(arena);
        return NV_OK;
    }
    enum nv_err err = nv_mapping_translate(reporting->mapping, raw, &trace);
    if (err == NV_OK)
        err = nv_redact(&reporting->config, trace, &result);
    if (err == NV_OK) {
        reporting->traces += trace->span_count > 0;
        reporting->masks += result.total;
        err = report_lines(reporting, arena, &result);
    }
    nv_arena_free(arena);
    return err;
}

/*
 * A trace tells NV_REDACTED_LINES_MAX lines at most, so what is above them is counted and
 * said: a short report must not read as a clean one.
 */
enum nv_err nv_redact_report(const struct nv_explain *explain, const struct nv_mapping *mapping,
                             const struct nv_redaction_config *config, struct nv_buf *report)
{
    struct reporting reporting = {.mapping = mapping, .report = report, .config = *config};
    enum nv_err err = nv_explain_each(explain, report_trace, &reporting);
    if (err != NV_OK)
        return err;
    if (reporting.told < reporting.masks)
        (void)nv_buf_printf(report, "and %" PRIu64 " more\n", reporting.masks - reporting.told);
    return nv_buf_printf(report, "%" PRIu64 " changes in %" PRIu64 " traces\n", reporting.masks,
                         reporting.traces);
}

static enum nv_err report_files(const struct nv_options *options,
                                const struct nv_mapping *mapping, const char *const *paths,
                                size_t count, struct nv_buf *report, struct nv_fail *fail)
{
    struct nv_redaction_config config;
    struct nv_explain explain = {0};
    enum nv_err err = nv_stage_redaction(options, &config, fail);
    config.secrets = true;
    for (size_t i = 0; i < count && err == NV_OK; i++)
        err = nv_explain_add_file(&explain, paths[i], report, fail);
    if (err == NV_OK)
        err = nv_redact_report(&explain, mapping, &config, report);
    nv_explain_release(&explain);
    nv_pii_free(config.pii);
    return err;
}

int nv_command_redact(const struct nv_options *options, const char *const *paths, size_t count)
{
    struct nv_mapping_config config;
    struct nv_fail fail = {0};
    struct nv_buf report;
    nv_stage_mapping(options, &config);
    struct nv_mapping *mapping = nv_mapping_new(&config, &fail);
    if (!mapping) {
        nv_run_print_failure(&fail);
        return NV_EXIT_USAGE;
    }
    nv_buf_init(&report, NV_CAP_EXPLAIN_REPORT);
    enum nv_err err = report_files(options, mapping, paths, count, &report, &fail);
    nv_mask_buf(&report);
    nv_shown_print(stdout, nv_buf_str(&report), NV_SHOWN_LINES);
    nv_buf_release(&report);
    nv_mapping_free(mapping);
    if (err == NV_OK)
        return NV_EXIT_OK;
    fail.code = err;
    nv_run_print_failure(&fail);
    return NV_EXIT_FAILED;
}
