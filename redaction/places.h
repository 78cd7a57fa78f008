/*
 * Every member of a translated trace, and whether it has text: the one list of places from
 * which the walk, the documents and the tests follow.
 *
 *   X(structure, member, what, place)   what: TEXT  a text
 *                                             LIST  attributes: keys, and texts inside values
 *                                             INSIDE  walked by walk.c: structures of their own
 *                                             NONE  no text that a client chooses
 *
 * A member that is missing here leaves a gap that test_walk.c finds, so that a new one can't
 * be forgotten. Places are named as in the JSON that is sent (docs/noveum-backend.md), and in
 * docs/privacy.md.
 */
#ifndef NV_REDACTION_PLACES_H
#define NV_REDACTION_PLACES_H

#include "model/trace.h"

#define NV_TRACE_PLACES(X)                                                                     \
    X(nv_trace, arena, NONE, "")                                                               \
    X(nv_trace, trace_id, NONE, "")                                                            \
    X(nv_trace, source_trace_id, NONE, "")                                                     \
    X(nv_trace, name, TEXT, "trace.name")                                                      \
    X(nv_trace, start_ns, NONE, "")                                                            \
    X(nv_trace, end_ns, NONE, "")                                                              \
    X(nv_trace, status, NONE, "")                                                              \
    X(nv_trace, status_message, TEXT, "trace.status_message")                                  \
    X(nv_trace, error_count, NONE, "")                                                         \
    X(nv_trace, project, TEXT, "trace.project")                                                \
    X(nv_trace, environment, TEXT, "trace.environment")                                        \
    X(nv_trace, service_version, TEXT, "trace.service_version")                                \
    X(nv_trace, attributes, LIST, "trace.attributes")                                          \
    X(nv_trace, user_id, TEXT, "trace.user_id")                                                \
    X(nv_trace, session_id, TEXT, "trace.session_id")                                          \
    X(nv_trace, request_id, TEXT, "trace.request_id")                                          \
    X(nv_trace, tags, LIST, "trace.tags")                                                      \
    X(nv_trace, custom_attributes, LIST, "trace.custom_attributes")                            \
    X(nv_trace, origin, INSIDE, "")                                                            \
    X(nv_trace, spans, INSIDE, "")                                                             \
    X(nv_trace, span_count, NONE, "")                                                          \
    X(nv_trace, left_out, NONE, "")                                                            \
    X(nv_trace, explained, NONE, "")                                                           \
    X(nv_trace, untranslated, NONE, "")                                                        \
    X(nv_trace, media, NONE, "")                                                               \
    X(nv_trace, media_count, NONE, "")                                                         \
    X(nv_trace, claim, NONE, "")                                                               \
    X(nv_trace, next, NONE, "")

#define NV_SPAN_PLACES(X)                                                                      \
    X(nv_span, span_id, NONE, "")                                                              \
    X(nv_span, parent_id, NONE, "")                                                            \
    X(nv_span, has_parent, NONE, "")                                                           \
    X(nv_span, source_ids, NONE, "")                                                           \
    X(nv_span, source_name, TEXT, "span.otel.name")                                            \
    X(nv_span, name, TEXT, "span.name")                                                        \
    X(nv_span, start_ns, NONE, "")                                                             \
    X(nv_span, end_ns, NONE, "")                                                               \
    X(nv_span, kind, NONE, "")                                                                 \
    X(nv_span, status_code, NONE, "")                                                          \
    X(nv_span, source_status_message, TEXT, "span.otel.status.message")                        \
    X(nv_span, status, NONE, "")                                                               \
    X(nv_span, status_message, TEXT, "span.status_message")                                    \
    X(nv_span, flags, NONE, "")                                                                \
    X(nv_span, trace_state, TEXT, "span.otel.trace_state")                                     \
    X(nv_span, dropped_attributes, NONE, "")                                                   \
    X(nv_span, dropped_events, NONE, "")                                                       \
    X(nv_span, dropped_links, NONE, "")                                                        \
    X(nv_span, origin, INSIDE, "")                                                             \
    X(nv_span, attributes, LIST, "span.attributes")                                            \
    X(nv_span, events, INSIDE, "")                                                             \
    X(nv_span, event_count, NONE, "")                                                          \
    X(nv_span, links, INSIDE, "")                                                              \
    X(nv_span, link_count, NONE, "")                                                           \
    X(nv_span, has_exception, NONE, "")                                                        \
    X(nv_span, exception_type, TEXT, "span.exception.type")                                    \
    X(nv_span, exception_message, TEXT, "span.exception.message")                              \
    X(nv_span, exception_stacktrace, TEXT, "span.exception.stack_trace")

#define NV_EVENT_PLACES(X)                                                                     \
    X(nv_event, name, TEXT, "event.name")                                                      \
    X(nv_event, time_ns, NONE, "")                                                             \
    X(nv_event, attributes, LIST, "event.attributes")

#define NV_LINK_PLACES(X)                                                                      \
    X(nv_link, trace_id, NONE, "")                                                             \
    X(nv_link, span_id, NONE, "")                                                              \
    X(nv_link, attributes, LIST, "link.attributes")

#define NV_ORIGIN_PLACES(X)                                                                    \
    X(nv_origin, resource, INSIDE, "resource.attributes")                                      \
    X(nv_origin, scope_name, TEXT, "scope.name")                                               \
    X(nv_origin, scope_version, TEXT, "scope.version")                                         \
    X(nv_origin, scope_attributes, LIST, "scope.attributes")                                   \
    X(nv_origin, schema_url, TEXT, "scope.schema_url")                                         \
    X(nv_origin, service_name, TEXT, "resource.service_name")

#endif
