/*
 * Baggage: lists of key=value as the header has them.
 *
 * Kept in the header's own form, because most programs hand it on and look at nothing; a value
 * is decoded when it is asked for. A change writes a new list and lets go of the old one, which
 * spans below may still hold. Properties (";ttl=1") stay with their value and are handed on.
 */
#include "trace/baggage.h"

#include "base/buf.h"
#include "trace/span.h"
#include "trace/value.h"
#include "trace/w3c.h"

#include <stdlib.h>

#include "base/banned.h"

/* ---- the form ---------------------------------------------------------------------------- */

/* A token of RFC 7230, which a key is. */
static bool is_key(struct nv_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return key.len > 0;
}

/* A character that stands for itself in a value (baggage-octet, without %). */
static bool is_plain(unsigned char c)
{
    return c > ' ' && c < 0x7f && !strchr("\",;\\%", c);
}

static bool is_value(struct nv_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (!is_plain(c) && !strchr("%; \t\"", c))
            return false;
    }
    return true;
}

static void put_encoded(struct nv_buf *buf, const char *value)
{
    for (; *value != '\0'; value++) {
        if (is_plain((unsigned char)*value))
            (void)nv_buf_append_char(buf, *value);
        else
            (void)nv_buf_printf(buf, "%%%02X", (unsigned char)*value);
    }
}

struct pair {
    struct nv_str whole, key, value; /* value: encoded, without properties */
};

/* Takes the next pair off a list; false: there is none. One without = has an empty key. */
static bool next_pair(struct nv_str *rest, struct pair *pair)
{
    if (rest->len == 0)
        return false;
    size_t comma = nv_str_find_char(*rest, ',');
    pair->whole = nv_str_trim(nv_str_slice(*rest, 0, comma));
    *rest = comma == SIZE_MAX ? nv_str_from("") : nv_str_slice(*rest, comma + 1, rest->len);
    size_t equals = nv_str_find_char(pair->whole, '=');
    pair->key = equals == SIZE_MAX ? nv_str_from("")
                                   : nv_str_trim(nv_str_slice(pair->whole, 0, equals));
    struct nv_str value = equals == SIZE_MAX
                              ? nv_str_from("")
                              : nv_str_slice(pair->whole, equals + 1, pair->whole.len);
    pair->value = nv_str_trim(nv_str_slice(value, 0, nv_str_find_char(value, ';')));
    return true;
}

static struct nv_str text_of(const struct nv_trace_baggage *baggage)
{
    return baggage ? (struct nv_str){baggage->text, baggage->len} : nv_str_from("");
}

/* ---- change ------------------------------------------------------------------------------ */

static void put_pair(struct nv_buf *list, struct nv_str pair)
{
    if (list->len > 0)
        (void)nv_buf_append_char(list, ',');
    (void)nv_buf_append_str(list, pair);
}

/* The pairs of a list whose key is not `key`. */
static unsigned put_others(struct nv_buf *list, struct nv_str from, struct nv_str key)
{
    struct pair pair;
    unsigned count = 0;
    while (next_pair(&from, &pair)) {
        if (!nv_str_eq(pair.key, key)) {
            put_pair(list, pair.whole);
            count++;
        }
    }
    return count;
}

/* Puts a list in the place of a span's, which is locked. */
static noveum_result replace(struct nv_trace_span *span, const struct nv_buf *list)
{
    struct nv_trace_baggage *made = NULL;
    if (list->len > 0) {
        made = malloc(sizeof *made + list->len);
        if (!made)
            return NOVEUM_NO_MEMORY;
        atomic_init(&made->refs, 1);
        made->len = list->len;
        memcpy(made->text, list->bytes, list->len);
    }
    nv_trace_baggage_unref(span->baggage);
    span->baggage = made;
    return NOVEUM_OK;
}

/* The open span, also one that is not sampled: its context is handed on all the same. */
static struct nv_trace_span *lock(noveum_span span)
{
    return nv_trace_on() ? nv_trace_span_lock(span) : NULL;
}

/* The list without `pair`'s key, and with the pair at its end unless it is empty. */
static noveum_result change(struct nv_trace_span *span, struct nv_str key, struct nv_str pair)
{
    struct nv_buf list;
    nv_buf_init(&list, NV_TRACE_BAGGAGE_MAX);
    unsigned count = put_others(&list, text_of(span->baggage), key);
    if (pair.len > 0)
        put_pair(&list, pair);
    noveum_result result = list.failed == NV_ERR_NO_MEMORY ? NOVEUM_NO_MEMORY : NOVEUM_INVALID;
    if (list.failed == NV_OK && count < NV_TRACE_BAGGAGE_PAIRS)
        result = replace(span, &list);
    nv_buf_release(&list);
    return result;
}

noveum_result noveum_baggage_set(noveum_span span, const char *key, const char *value)
{
    struct nv_str name = nv_str_from(key);
    struct nv_buf pair;
    noveum_result result = nv_trace_on() ? NOVEUM_INVALID : NOVEUM_OFF;
    if (result == NOVEUM_OFF || !is_key(name))
        return result;
    nv_buf_init(&pair, NV_TRACE_BAGGAGE_MAX);
    if (value) {
        (void)nv_buf_append_str(&pair, name);
        (void)nv_buf_append_char(&pair, '=');
        put_encoded(&pair, value);
    }
    struct nv_trace_span *found = pair.failed == NV_OK ? lock(span) : NULL;
    if (found) {
        result = change(found, name, nv_buf_str(&pair));
        nv_trace_span_unlock(found);
    }
    nv_buf_release(&pair);
    return result;
}

noveum_result noveum_baggage_read(noveum_span span, const char *header)
{
    struct nv_str all = nv_str_from(header), rest = all;
    struct pair pair;
    struct nv_trace_span *found = lock(span);
    noveum_result result = found ? NOVEUM_OK : nv_trace_on() ? NOVEUM_INVALID : NOVEUM_OFF;
    bool more = found != NULL;
    while (more && next_pair(&rest, &pair)) {
        noveum_result one = NOVEUM_INVALID;
        /* each pair costs a walk over the list, and a header may be of any length: what ends
         * past the most that fits is not looked at */
        more = all.len - rest.len <= NV_TRACE_BAGGAGE_MAX + 1; /* the comma behind it */
        if (more && is_key(pair.key) && is_value(pair.value))
            one = change(found, pair.key, pair.whole);
        result = one == NOVEUM_OK ? result : one;
        more = more && one != NOVEUM_NO_MEMORY;
    }
    if (found)
        nv_trace_span_unlock(found);
    return result;
}

/* ---- read -------------------------------------------------------------------------------- */

size_t noveum_baggage_get(noveum_span span, const char *key, char *value, size_t size)
{
    char room[NV_TRACE_BAGGAGE_MAX];
    struct pair pair = {0};
    size_t len = 0;
    struct nv_trace_span *found = lock(span);
    struct nv_str rest = found ? text_of(found->baggage) : nv_str_from("");
    while (key && next_pair(&rest, &pair)) {
        if (nv_str_eq(pair.key, nv_str_from(key)))
            len = nv_trace_decode(pair.value, room);
    }
    if (found)
        nv_trace_span_unlock(found);
    return nv_trace_give((struct nv_str){room, len}, value, size);
}

size_t noveum_baggage_write(noveum_span span, char *text, size_t size)
{
    struct nv_trace_span *found = lock(span);
    size_t len = nv_trace_give(found ? text_of(found->baggage) : nv_str_from(""), text, size);
    if (found)
        nv_trace_span_unlock(found);
    return len;
}
