/*
 * Does a result say of itself that it failed? Internal to the mapping.
 *
 *   {"content": [{"text": "no such city"}], "isError": true}          a tool's answer
 *   {"object": "response", "status": "failed", "error": {"message"}}  a model's answer
 *
 * The words are those of MCP, of the tool answers of models' APIs and of frameworks, of
 * JSON-RPC and of response objects; an object that only holds an error is one, too. An answer
 * that a filter or the length cut short is no failure.
 */
#ifndef NV_MAPPING_CONTENT_FAILURE_H
#define NV_MAPPING_CONTENT_FAILURE_H

#include "model/value.h"

struct nv_failure {
    bool failed;
    struct nv_str message; /* empty: none told */
};

/* Looks at `result`, a parsed value: an object, those of a list and what wraps them. The
 * message is borrowed. Takes time in proportion to the members it looks at. */
struct nv_failure nv_failure_of(const struct nv_value *result);
/* May JSON text hold one? Told by its words, so that other texts need not be parsed. */
bool nv_failure_may(struct nv_str text);

#endif
