/*
 * What `explain` says of a span: its kind, and of each field who offered a value and who won.
 *
 * As text for a terminal, or (t->report_json) as elements of one JSON array, for the page:
 *
 *   ["span","0102030405060708","llm"],["field","llm.model"],
 *   ["won","gen_ai.response.model","otel_genai.rules:40"],["kept","acme.flag"], ...
 *
 * Written only where t->report is set; elsewhere each call is one look. Writing that fails is
 * seen by whoever reads the buffer.
 */
#ifndef NV_MAPPING_ENGINE_REPORT_H
#define NV_MAPPING_ENGINE_REPORT_H

#include "mapping/engine/engine.h"

/* Bytes of a report behind which unmapped attributes are not listed: it is held in memory, and
 * a request may be nothing but those. */
#define NV_REPORT_UNMAPPED_MAX ((size_t)1 << 20)

/* The line of one candidate; t->report is set. */
void nv_report_write(const struct nv_translation *t, const struct nv_span_work *work,
                     const struct nv_candidate *candidate, const char *verdict);
/* The head of a span; t->report is set. */
void nv_report_span(const struct nv_translation *t, const struct nv_span_work *work);
/* The head of a field, when there is a report. */
void nv_report_field(const struct nv_translation *t, struct nv_str name);

/* The line of an attribute of the source that no row expressed, and under which key it goes
 * out; t->report is set. In a text, none behind the one that reaches NV_REPORT_UNMAPPED_MAX
 * bytes, of which a line says that there are more. */
void nv_report_unmapped(const struct nv_translation *t, struct nv_str source,
                        struct nv_str sent);

/* The line of one candidate, when there is a report. */
static inline void nv_report_line(const struct nv_translation *t,
                                  const struct nv_span_work *work,
                                  const struct nv_candidate *candidate, const char *verdict)
{
    if (t->report)
        nv_report_write(t, work, candidate, verdict);
}

#endif
