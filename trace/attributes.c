/*
 * Attributes, events and links of a span.
 *
 * They are written as the bytes in which they will be sent, when they are said: the sending
 * thread copies them in one piece. A key that comes again is replaced in place when its bytes
 * are as many, else taken out and written at the end. Keys are looked for one after another:
 * at most attributes_max (128) are there, and there are usually ten. Nearly all keys are new,
 * which two bits of each key that was put tell without a look.
 *
 *   attributes  [pair][pair][pair]            replaced in place, or taken out and put at the end
 *   rest        [event][link][event]          only ever added to
 */
#include "trace/attributes.h"

#include "base/known.h"
#include "base/text/utf8.h"
#include "base/text/wire.h"
#include "model/otlp_fields.h"
#include "trace/value.h"
#include "trace/w3c.h"

#include "base/banned.h"

/* Of an event or link besides name and attributes: ids, time, tags, lengths. */
#define HEAD_ROOM ((size_t)96)

void nv_trace_leave_out(struct nv_trace_span *span)
{
    span->attributes_dropped++;
    nv_trace_add(NV_TRACE_COUNT_attributes_dropped, 1);
}

/* NULL from the caller's function takes the text out; its length may have changed. */
struct nv_str nv_trace_redacted(const struct nv_trace_span *span, const char *key,
                                struct nv_str text)
{
    const struct nv_trace_config *config = span->config;
    if (!config->redact || !text.ptr)
        return text;
    size_t len = text.len;
    const char *kept = config->redact(config->user, key, text.ptr, &len);
    return (struct nv_str){kept, kept ? len : 0};
}

static bool is_text(const noveum_attribute *attribute)
{
    return attribute->type == NOVEUM_TYPE_STR && attribute->value.str;
}

/* The attribute as it may be kept: measured; `copy` holds it where its text is redacted. */
static bool make(struct nv_trace_span *span, const noveum_attribute *attribute,
                 noveum_attribute *copy, struct nv_trace_value *value)
{
    if (span->config->redact && is_text(attribute)) {
        struct nv_str text = nv_trace_redacted(
            span, attribute->key, nv_trace_text(attribute->value.str, attribute->count));
        *copy = *attribute;
        copy->value.str = text.ptr;
        copy->count = text.len;
        attribute = copy;
    }
    if (!nv_trace_value_make(attribute, span->config->value_bytes_max, value))
        return false;
    /* asked, because an atomic addition costs as much as writing the attribute */
    if (value->repaired > 0)
        nv_trace_add(NV_TRACE_COUNT_values_repaired, value->repaired);
    return true;
}

static void take_out(struct nv_trace_span *span, size_t at, size_t len)
{
    struct nv_buf *buf = &span->attributes;
    memmove(buf->bytes + at, buf->bytes + at + len, buf->len - at - len);
    buf->len -= len;
    span->attribute_count--;
}

/* Over the old one, which has as many bytes. */
static void overwrite(struct nv_buf *buf, size_t at, const struct nv_trace_value *value)
{
    size_t len = buf->len;
    buf->len = at;
    nv_trace_value_put(buf, NV_OTLP_SPAN_ATTRIBUTES, value);
    buf->len = len;
}

/* Two bits of 64 for a key, by its length and the words at its end and in its middle: keys
 * begin alike (gen_ai.usage.), and many end alike (_tokens). */
static uint64_t key_bits(struct nv_str key)
{
    uint64_t word = key.len < 8 ? nv_known_short(key)
                                : nv_known_word(key.ptr + key.len - 8) ^
                                      nv_known_word(key.ptr + (key.len - 8) / 2) << 1;
    uint64_t hash = (word ^ key.len << 24) * UINT64_C(0x9e3779b97f4a7c15);
    return UINT64_C(1) << (hash >> 58) | UINT64_C(1) << (hash >> 52 & 63);
}

/* The key as it would be written: behind the attributes where it is repaired. Empty: no
 * room. */
static struct nv_str key_of(struct nv_trace_span *span, const struct nv_trace_value *value)
{
    struct nv_buf *buf = &span->attributes;
    if (value->repaired > 0 && !nv_trace_span_room(span, buf, value->key_size))
        return (struct nv_str){NULL, 0};
    return nv_trace_value_key(value, buf->bytes ? buf->bytes + buf->len : NULL);
}

/* Is the key there, and where? */
static bool find(struct nv_trace_span *span, const struct nv_trace_value *value, size_t *at,
                 size_t *len)
{
    struct nv_str key = key_of(span, value);
    if (key.len == 0)
        return false;
    uint64_t bits = key_bits(key);
    bool perhaps = (span->key_bits & bits) == bits;
    span->key_bits |= bits;
    return perhaps && nv_trace_value_find(&span->attributes, key, at, len);
}

void nv_trace_set(struct nv_trace_span *span, const noveum_attribute *attribute)
{
    noveum_attribute copy;
    struct nv_trace_value value;
    size_t at = 0, len = 0;
    if (!make(span, attribute, &copy, &value)) {
        nv_trace_leave_out(span);
        return;
    }
    size_t size = nv_trace_value_size(&value);
    bool found = find(span, &value, &at, &len);
    /* no new bytes: allowed also where the span is full */
    if (found && len == size) {
        overwrite(&span->attributes, at, &value);
        return;
    }
    if ((!found && span->attribute_count >= span->config->attributes_max) ||
        !nv_trace_span_room(span, &span->attributes, size)) {
        nv_trace_leave_out(span);
        return;
    }
    /* the room is there: taking the old one out can't leave the span with neither */
    if (found)
        take_out(span, at, len);
    nv_trace_value_put(&span->attributes, NV_OTLP_SPAN_ATTRIBUTES, &value);
    span->attribute_count++;
}

bool nv_trace_has(const struct nv_trace_span *span, const char *key)
{
    size_t at, len;
    return nv_trace_value_find(&span->attributes, nv_str_from(key), &at, &len);
}

/* Attributes of an event or a link, in the message that is open at the end of `rest`. Returns
 * how many were left out, of more than `most` all past it. */
static uint32_t put_list(struct nv_trace_span *span, uint32_t field, uint32_t most,
                         const noveum_attribute *attributes, size_t count)
{
    uint32_t dropped = 0;
    for (size_t i = 0; attributes && i < count; i++) {
        noveum_attribute copy;
        struct nv_trace_value value;
        if (i < most && make(span, &attributes[i], &copy, &value) &&
            nv_trace_span_room(span, &span->rest, nv_trace_value_size(&value) + HEAD_ROOM))
            nv_trace_value_put(&span->rest, field, &value);
        else
            dropped++;
    }
    nv_trace_add(NV_TRACE_COUNT_attributes_dropped, dropped);
    return dropped;
}

/* A valid UTF-8 text of at most the limit into a field of `rest`, which has the room. */
static void put_text(struct nv_trace_span *span, uint32_t field, struct nv_str text)
{
    (void)nv_wire_put_bytes(&span->rest, field,
                            nv_str_slice(text, 0, nv_utf8_valid_prefix(text)));
}

void nv_trace_add_event(struct nv_trace_span *span, const char *name, uint64_t time_ns,
                        const noveum_attribute *attributes, size_t count)
{
    struct nv_buf *rest = &span->rest;
    struct nv_str text = nv_str_from(name);
    text.len = nv_utf8_cut(text, span->config->value_bytes_max);
    if (span->event_count >= span->config->events_max ||
        !nv_trace_span_room(span, rest, text.len + HEAD_ROOM)) {
        span->events_dropped++;
        return;
    }
    size_t mark = nv_wire_begin(rest, NV_OTLP_SPAN_EVENTS);
    (void)nv_wire_put_fixed64(rest, NV_OTLP_EVENT_TIME, time_ns);
    put_text(span, NV_OTLP_EVENT_NAME, text);
    uint32_t dropped = put_list(span, NV_OTLP_EVENT_ATTRIBUTES,
                                span->config->event_attributes_max, attributes, count);
    if (dropped > 0)
        (void)nv_wire_put_uint(rest, NV_OTLP_EVENT_DROPPED_ATTRIBUTES, dropped);
    (void)nv_wire_end(rest, mark);
    span->event_count++;
}

void nv_trace_add_link(struct nv_trace_span *span, const noveum_context *to,
                       const noveum_attribute *attributes, size_t count)
{
    struct nv_buf *rest = &span->rest;
    struct nv_str state = {to->state, strnlen(to->state, sizeof to->state)};
    if (span->link_count >= span->config->links_max ||
        !nv_trace_span_room(span, rest, state.len + HEAD_ROOM)) {
        span->links_dropped++;
        return;
    }
    size_t mark = nv_wire_begin(rest, NV_OTLP_SPAN_LINKS);
    (void)nv_wire_put_bytes(rest, NV_OTLP_LINK_TRACE_ID,
                            (struct nv_str){(const char *)to->trace_id, sizeof to->trace_id});
    (void)nv_wire_put_bytes(rest, NV_OTLP_LINK_SPAN_ID,
                            (struct nv_str){(const char *)to->span_id, sizeof to->span_id});
    if (state.len > 0)
        put_text(span, NV_OTLP_LINK_TRACE_STATE, state);
    uint32_t dropped = put_list(span, NV_OTLP_LINK_ATTRIBUTES,
                                span->config->link_attributes_max, attributes, count);
    if (dropped > 0)
        (void)nv_wire_put_uint(rest, NV_OTLP_LINK_DROPPED_ATTRIBUTES, dropped);
    (void)nv_wire_put_fixed32(rest, NV_OTLP_LINK_FLAGS, to->sampled ? 1 : 0);
    (void)nv_wire_end(rest, mark);
    span->link_count++;
}

void nv_trace_set_buf(struct nv_trace_span *span, struct nv_buf *buf, struct nv_str text)
{
    size_t valid = nv_utf8_valid_prefix(text);
    buf->len = 0;
    if (!nv_trace_span_room(span, buf, text.len * 3 + 1)) {
        nv_trace_leave_out(span);
        return;
    }
    while (text.len > 0) {
        size_t invalid = 0;
        (void)nv_buf_append(buf, text.ptr, valid);
        text = nv_str_slice(text, valid, text.len);
        if (text.len == 0)
            break;
        /* one U+FFFD for each maximal stretch that can't begin a character, as Unicode
         * recommends */
        (void)nv_utf8_char(text, &invalid);
        (void)nv_buf_append_str(buf, nv_str_from(NV_UTF8_REPLACEMENT));
        text = nv_str_slice(text, invalid, text.len);
        valid = nv_utf8_valid_prefix(text);
    }
}
