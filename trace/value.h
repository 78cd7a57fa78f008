/*
 * One attribute as OTLP writes it: KeyValue with AnyValue, measured first and then written in
 * one go.
 *
 *   noveum_attribute ──make──▶ struct nv_trace_value (lengths known) ──put──▶ field of a message
 *
 * Written into a buffer that has the room, so that nothing fails half way and nothing is
 * written twice. Text that is no UTF-8 is repaired on the way, which the measure knows of.
 */
#ifndef NV_TRACE_VALUE_H
#define NV_TRACE_VALUE_H

#include "base/buf.h"
#include "noveum/trace.h"

/* Numbers or strings in a list; longer ones are refused. */
#define NV_TRACE_LIST_MAX 65536u

/* An attribute that can be written. Borrows the attribute and all that it points to. */
struct nv_trace_value {
    const noveum_attribute *from;
    struct nv_str key, text;    /* text: of STR and BYTES */
    size_t key_size, text_size; /* as written */
    size_t list_size, any_size; /* ArrayValue's contents; AnyValue's */
    unsigned repaired;          /* texts with invalid UTF-8 */
};

/*
 * Measures. `text_max` cuts texts, at a character. False for what is no attribute: a key that
 * is NULL or empty, a NULL where there should be a text or numbers, an unknown type, a list
 * that is too long.
 */
bool nv_trace_value_make(const noveum_attribute *attribute, size_t text_max,
                         struct nv_trace_value *out);
/* Bytes that it takes as a field with a number up to 15. */
size_t nv_trace_value_size(const struct nv_trace_value *value);
/* Writes it at the end of a buffer that has room for it. */
void nv_trace_value_put(struct nv_buf *buf, uint32_t field, const struct nv_trace_value *value);
/* The key as it goes out: the attribute's own, or, where something had to be repaired, written
 * to `room`, which has key_size bytes. Borrowed from either. */
struct nv_str nv_trace_value_key(const struct nv_trace_value *value, char *room);
/* The field in `buf`, which holds such fields alone, whose key is `key`: its place and
 * length. */
bool nv_trace_value_find(const struct nv_buf *buf, struct nv_str key, size_t *at, size_t *len);
/* The text of the attribute `key` in such a buffer; empty: there is none, or it is no text. */
struct nv_str nv_trace_value_text(const struct nv_buf *buf, struct nv_str key);
/* `text` and a length or NOVEUM_NUL as a view; NULL is empty. */
struct nv_str nv_trace_text(const char *text, size_t length);

#endif
