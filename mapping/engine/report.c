/*
 * Lines of explain's report (report.h), in the order in which fields are decided.
 *
 *   span "chat" kind llm
 *     llm.model
 *       won      gen_ai.response.model  (otel_genai.rules:40, precedence 30)
 *     unmapped http.method
 *
 * Names are a client's, so they are shown as on a terminal: cut, and without control bytes.
 */
#include "mapping/engine/report.h"

#include "base/json/json_write.h"
#include "base/text/shown.h"
#include "base/text/text.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_str source_name(const struct nv_translation *t,
                                 const struct nv_span_work *work,
                                 const struct nv_candidate *candidate)
{
    if (candidate->tree)
        return t->rules->keys[candidate->rule->key].pattern;
    if (candidate->attribute == NV_NO_ATTRIBUTE)
        return t->rules->keys[candidate->rule->key].pattern;
    return work->source.items[candidate->attribute].key;
}

/* One element of the JSON array. */
static void put_element(const struct nv_translation *t, const struct nv_str *texts,
                        size_t count)
{
    struct nv_json_writer json;
    if (t->report->len > 0)
        (void)nv_buf_append_char(t->report, ',');
    nv_json_write_init(&json, t->report);
    nv_json_write_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        nv_json_write_string(&json, texts[i]);
    nv_json_write_end_array(&json);
}

static void put_candidate(const struct nv_translation *t, const struct nv_span_work *work,
                          const struct nv_candidate *candidate, const char *verdict)
{
    char place[80];
    const struct nv_rule *rule = candidate->rule;
    (void)snprintf(place, sizeof place, "%.*s:%u", NV_STR_ARG(t->rules->files[rule->file].name),
                   rule->line);
    const struct nv_str texts[] = {nv_str_from(verdict), source_name(t, work, candidate),
                                   nv_str_from(place)};
    put_element(t, texts, sizeof texts / sizeof texts[0]);
}

void nv_report_write(const struct nv_translation *t, const struct nv_span_work *work,
                     const struct nv_candidate *candidate, const char *verdict)
{
    const struct nv_rule *rule = candidate->rule;
    if (t->report_json) {
        put_candidate(t, work, candidate, verdict);
        return;
    }
    (void)nv_buf_printf(t->report, "    %-8s ", verdict);
    (void)nv_shown_append(t->report, source_name(t, work, candidate), NV_SHOWN_LINE);
    (void)nv_buf_printf(t->report, "  (%.*s:%u, precedence %u)\n",
                        NV_STR_ARG(t->rules->files[rule->file].name), rule->line,
                        rule->precedence);
}

void nv_report_span(const struct nv_translation *t, const struct nv_span_work *work)
{
    char id[2 * NV_SPAN_ID_BYTES];
    if (t->report_json) {
        nv_hex_encode(work->span->span_id, NV_SPAN_ID_BYTES, id);
        const struct nv_str texts[] = {
            NV_STR("span"), {id, sizeof id}, nv_kind_name(work->kind)};
        put_element(t, texts, sizeof texts / sizeof texts[0]);
        return;
    }
    (void)nv_buf_append_str(t->report, NV_STR("span \""));
    (void)nv_shown_append(t->report, work->span->source_name, NV_SHOWN_LINE);
    (void)nv_buf_printf(t->report, "\" kind %.*s\n", NV_STR_ARG(nv_kind_name(work->kind)));
}

void nv_report_field(const struct nv_translation *t, struct nv_str name)
{
    if (!t->report)
        return;
    if (t->report_json) {
        const struct nv_str texts[] = {NV_STR("field"), name};
        put_element(t, texts, sizeof texts / sizeof texts[0]);
        return;
    }
    (void)nv_buf_append_str(t->report, NV_STR("  "));
    (void)nv_shown_append(t->report, name, NV_SHOWN_LINE);
    (void)nv_buf_append_char(t->report, '\n');
}

void nv_report_unmapped(const struct nv_translation *t, struct nv_str source,
                        struct nv_str sent)
{
    if (t->report_json) {
        const struct nv_str texts[] = {NV_STR("kept"), source};
        put_element(t, texts, sizeof texts / sizeof texts[0]);
        return;
    }
    if (t->report->len >= NV_REPORT_UNMAPPED_MAX)
        return;
    (void)nv_buf_append_str(t->report, NV_STR("  unmapped "));
    (void)nv_shown_append(t->report, source, NV_SHOWN_LINE);
    if (!nv_str_eq(source, sent)) {
        (void)nv_buf_append_str(t->report, NV_STR(", sent as "));
        (void)nv_shown_append(t->report, sent, NV_SHOWN_LINE);
    }
    (void)nv_buf_append_char(t->report, '\n');
    if (t->report->len >= NV_REPORT_UNMAPPED_MAX)
        (void)nv_buf_append_str(t->report, NV_STR("  unmapped … (more are not listed)\n"));
}
