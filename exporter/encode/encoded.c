/*
 * Lists of encoded traces and the facts inside them.
 *
 * A singly linked list with sums is all that a first-in first-out path needs: appending and
 * splicing are O(1) and never allocate, so that moving traces between queue, body and outbox
 * cannot fail. Only the creation of an element can.
 */
#include "exporter/encode/encoded.h"

#include "base/json/json_read.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* Head and JSON in one block: an outbox of a hundred thousand traces is that many allocations,
 * not twice as many. */
struct nv_encoded *nv_encoded_new(struct nv_str json, uint64_t spans)
{
    struct nv_encoded *encoded = malloc(sizeof *encoded + json.len);

    if (!encoded)
        return NULL;
    *encoded = (struct nv_encoded){.spans = spans, .json_len = json.len};
    if (json.len > 0)
        memcpy(encoded->json, json.ptr, json.len);
    return encoded;
}

/* Room for the head in front, so that the encoder writes the JSON where it stays. */
enum nv_err nv_encoded_begin(struct nv_buf *buf)
{
    static const struct nv_encoded blank;

    assert(buf->len == 0);
    return nv_buf_append(buf, &blank, sizeof blank);
}

struct nv_encoded *nv_encoded_take(struct nv_buf *buf, uint64_t spans)
{
    struct nv_encoded *encoded;
    char *bytes;

    if (buf->failed != NV_OK)
        return NULL;
    size_t len = nv_buf_take(buf, &bytes);
    assert(len >= sizeof *encoded);
    /* What doubling reserved in vain goes back. A block that can't shrink is as good. */
    char *exact = realloc(bytes, len);
    encoded = (struct nv_encoded *)(void *)(exact != NULL ? exact : bytes);
    *encoded = (struct nv_encoded){.spans = spans, .json_len = len - sizeof *encoded};
    return encoded;
}

size_t nv_encoded_bytes(const struct nv_encoded *encoded)
{
    return sizeof *encoded + encoded->json_len;
}

struct nv_str nv_encoded_json(const struct nv_encoded *encoded)
{
    return (struct nv_str){encoded->json, encoded->json_len};
}

void nv_encoded_list_push(struct nv_encoded_list *list, struct nv_encoded *encoded)
{
    encoded->next = NULL;
    if (list->last)
        list->last->next = encoded;
    else
        list->first = encoded;
    list->last = encoded;
    list->count++;
    list->json_bytes += encoded->json_len;
    list->spans += encoded->spans;
}

struct nv_encoded *nv_encoded_list_pop(struct nv_encoded_list *list)
{
    struct nv_encoded *encoded = list->first;

    if (!encoded)
        return NULL;
    assert(list->count > 0 && list->json_bytes >= encoded->json_len);
    list->first = encoded->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    list->json_bytes -= encoded->json_len;
    list->spans -= encoded->spans;
    encoded->next = NULL;
    return encoded;
}

void nv_encoded_list_append(struct nv_encoded_list *to, struct nv_encoded_list *from)
{
    if (!from->first)
        return;
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->count += from->count;
    to->json_bytes += from->json_bytes;
    to->spans += from->spans;
    *from = (struct nv_encoded_list){0};
}

/* END when all is known: what is asked for stands before the spans, and the spans of a large
 * trace need not be read. */
static enum nv_err read_member(struct nv_json_reader *reader, struct nv_encoded_facts *out)
{
    struct nv_str key = reader->raw;
    enum nv_json_token token = nv_json_next(reader);

    if (nv_str_eq(key, NV_STR("trace_id")) && token == NV_JSON_STRING) {
        out->trace_id = reader->raw;
    } else if (nv_str_eq(key, NV_STR("name")) && token == NV_JSON_STRING) {
        out->name = reader->raw;
    } else if (nv_str_eq(key, NV_STR("span_count")) && token == NV_JSON_NUMBER) {
        return nv_str_to_uint64(reader->raw, &out->spans) != NV_OK ? NV_ERR_MALFORMED
                                                                   : NV_ERR_END;
    } else if (nv_json_skip(reader, token) != NV_OK) {
        return NV_ERR_MALFORMED;
    }
    return NV_OK;
}

enum nv_err nv_encoded_read_facts(struct nv_str json, struct nv_encoded_facts *out)
{
    struct nv_json_reader reader;
    enum nv_err err = NV_OK;

    *out = (struct nv_encoded_facts){0};
    nv_json_read_init(&reader, json, NV_JSON_DEPTH_LIMIT);
    if (nv_json_next(&reader) != NV_JSON_OBJECT_BEGIN)
        return NV_ERR_MALFORMED;
    while (err == NV_OK && nv_json_next(&reader) == NV_JSON_KEY)
        err = read_member(&reader, out);
    return err == NV_ERR_END && out->trace_id.len > 0 ? NV_OK : NV_ERR_MALFORMED;
}
