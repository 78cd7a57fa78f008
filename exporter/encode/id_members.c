/*
 * A text with two places in it: one copy a span instead of three keys and three values.
 *
 * Where the places are is found out while the text is made, so that its members can change
 * without a number that has to change with them.
 */
#include "exporter/encode/id_members.h"

#include "base/text/text.h"

#include <assert.h>

#include "base/banned.h"

#define DIGITS "0000000000000000"

static void add(struct nv_id_members *members, struct nv_str text)
{
    assert(members->len + text.len <= sizeof members->text);
    memcpy(members->text + members->len, text.ptr, text.len);
    members->len += text.len;
}

/* Adds a member with an id; returns where its digits stand. */
static size_t add_id(struct nv_id_members *members, struct nv_str key)
{
    add(members, key);
    add(members, NV_STR("\"" DIGITS "\","));
    return members->len - sizeof DIGITS - 1;
}

static void add_trace_id(struct nv_id_members *members, struct nv_str id)
{
    add(members, NV_STR("\"trace_id\":\""));
    add(members, id);
    add(members, NV_STR("\","));
}

void nv_id_members_init_span(struct nv_id_members *members, struct nv_str trace_id)
{
    members->len = 0;
    members->span_id = add_id(members, NV_STR("\"span_id\":"));
    add_trace_id(members, trace_id);
    members->parent_id = add_id(members, NV_STR("\"parent_span_id\":"));
    add(members, NV_STR("\"name\":"));
}

void nv_id_members_init_otel(struct nv_id_members *members, struct nv_str trace_id)
{
    members->len = 0;
    add_trace_id(members, trace_id);
    members->span_id = add_id(members, NV_STR("\"span_id\":"));
    members->parent_id = add_id(members, NV_STR("\"parent_span_id\":"));
    add(members, NV_STR("\"kind\":"));
}

void nv_id_members_write(struct nv_id_members *members, struct nv_json_writer *json,
                         const uint8_t span_id[NV_SPAN_ID_BYTES],
                         const uint8_t parent_id[NV_SPAN_ID_BYTES])
{
    nv_hex_encode(span_id, NV_SPAN_ID_BYTES, members->text + members->span_id);
    nv_hex_encode(parent_id, NV_SPAN_ID_BYTES, members->text + members->parent_id);
    nv_json_write_known_key(json, (struct nv_str){members->text, members->len});
}
