/*
 * The check of messages against the table.
 *
 * One recursive function for all messages: the recursion of OTLP's types is only through
 * AnyValue, so bounding AnyValue bounds the stack. The place of a failure costs nothing while
 * all is well: only when an error travels out does each message count which of its fields it
 * stands in.
 *
 * Not done here: ids, groups, facts (otlp/request/walk.c); values are never converted or
 * copied.
 */
#include "otlp/request/check.h"

#include "base/text/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

enum nv_err nv_check_field(struct nv_check *check, enum nv_message_id id,
                           const struct nv_wire_field *field, unsigned depth)
{
    const struct nv_proto_field *known = nv_schema_field(nv_schema(id), field->number);
    if (!known)
        return NV_OK;
    if (field->type != known->wire) {
        return nv_fail_set(check->fail, NV_ERR_MALFORMED, 0, "wire type %d, must be %d",
                           (int)field->type, (int)known->wire);
    }
    if (known->type == NV_PROTO_STRING) {
        check->invalid_utf8 += nv_utf8_valid_prefix(field->bytes) != field->bytes.len;
        return NV_OK;
    }
    if (known->type != NV_PROTO_MESSAGE)
        return NV_OK;
    if (known->of == NV_MESSAGE_ANY_VALUE && ++depth > check->depth_max) {
        return nv_fail_set(check->fail, NV_ERR_DEPTH, 0, "values nested deeper than %u",
                           check->depth_max);
    }
    return nv_check_message(check, (enum nv_message_id)known->of, field->bytes, depth);
}

enum nv_err nv_check_message(struct nv_check *check, enum nv_message_id id, struct nv_str bytes,
                             unsigned depth)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    for (;;) {
        const char *at = wire.pos;
        enum nv_err err = nv_wire_next(&wire, &field);
        if (err == NV_ERR_END)
            return NV_OK;
        if (err == NV_OK)
            err = nv_check_field(check, id, &field, depth);
        if (err != NV_OK)
            return nv_check_blame(check, id, bytes, at, err);
    }
}

void nv_path_prepend(struct nv_fail *fail, const char *head)
{
    char joined[2 * sizeof fail->path];
    assert(strlen(head) < sizeof fail->path);
    (void)snprintf(joined, sizeof joined, "%s%s%s", head, fail->path[0] == '\0' ? "" : ".",
                   fail->path);
    joined[sizeof fail->path - 1] = '\0';
    memcpy(fail->path, joined, sizeof fail->path);
}

static void name_field(enum nv_message_id id, struct nv_str bytes, const char *at, char *out,
                       size_t size)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    uint32_t seen[1024] = {0}; /* by number; no known number is above 1000 */
    out[0] = '\0';
    while (wire.pos < at) {
        if (nv_wire_next(&wire, &field) != NV_OK)
            return;
        if (field.number < sizeof seen / sizeof *seen)
            seen[field.number]++;
    }
    if (nv_wire_next(&wire, &field) != NV_OK)
        return;
    const struct nv_proto_field *known = nv_schema_field(nv_schema(id), field.number);
    if (!known)
        return;
    if (known->repeated) {
        (void)snprintf(out, size, "%.*s[%" PRIu32 "]", NV_STR_ARG(known->name),
                       seen[field.number]);
    } else {
        (void)snprintf(out, size, "%.*s", NV_STR_ARG(known->name));
    }
}

enum nv_err nv_check_blame(struct nv_check *check, enum nv_message_id id, struct nv_str bytes,
                           const char *at, enum nv_err err)
{
    char name[64];
    struct nv_fail *fail = check->fail;
    assert(err != NV_OK && fail != NULL);
    (void)nv_fail_set(fail, err, 0, "%s",
                      err == NV_ERR_TRUNCATED   ? "ends inside a field"
                      : err == NV_ERR_MALFORMED ? "not a protobuf field"
                                                : nv_err_info(err)->text);
    if (fail->offset == 0)
        fail->offset = (size_t)(at - check->body);
    name_field(id, bytes, at, name, sizeof name);
    if (name[0] != '\0')
        nv_path_prepend(fail, name);
    return err;
}
