/*
 * For tests of mapping: spans written short, and what became of them looked up by name and key.
 *
 *     struct told *told = told_by("[{'name': 'chat', 'attributes': {'gen_ai.request.model':
 * 'm'}}]"); told_is(told, "chat", "llm.model", "'m'"); told_free(told);
 *
 * `'` stands for `"` in all texts (`` ` `` for a plain `'`). A span has name, id and parent
 * (numbers; ids default to 1, 2, ...), scope, kind (OTLP's number), start and end (ms), status
 * (code), message, attributes (an object; nested values become AnyValues), events
 * ([{name, at (ms), attributes}]), links ([span id]). Beside the spans, `resource` attributes
 * may be given to told_with.
 */
#ifndef NV_TESTS_MAPPING_SPANS_H
#define NV_TESTS_MAPPING_SPANS_H

#include "mapping/mapping.h"

#include <jansson.h>

struct told {
    json_t *traces; /* as sent */
};

/* Translates with a mapping of defaults. Aborts on failure; told_free. */
struct told *told_by(const char *spans);
/* The same with a mapping of the caller's, and resource attributes (NULL: only
 * service.name). */
struct told *told_with(const struct nv_mapping *mapping, const char *resource,
                       const char *spans);
/* Whole OTLP/JSON requests, with the same quotes: one of spans, and one of log records
 * (either may be NULL).
 */
struct told *told_requests(const char *traces, const char *logs);
void told_free(struct told *told);
/* The span of that name (borrowed); aborts when there is none. */
json_t *told_span(const struct told *told, const char *name);
/* Asserts that a span's attribute is this JSON; NULL: that it is absent. */
void told_is(const struct told *told, const char *span, const char *key, const char *json);
/* Asserts a member of a span or, with span NULL, of the first trace: `path` with dots. */
void told_member(const struct told *told, const char *span, const char *path, const char *json);
/* A mapping with a rules file of this text (see mapping/conventions/README.md), written to a
 * temporary file. `fail` may be NULL: then a wrong text aborts; else NULL is returned for
 * it. */
struct nv_mapping *told_mapping(const char *rules, struct nv_fail *fail);
/* Kind by the attribute namespace, as the backend tells it (docs/noveum-backend.md#kinds); ""
 * for none. */
const char *told_kind(const struct told *told, const char *span);

#endif
