/*
 * One table says where times and trace ids stand; a walk finds the latest time, a second one
 * changes them all. Times are 8 bytes, little endian; what has another length is left as it is.
 */
#include "gateway/demo/moved.h"

#include "base/text/wire.h"

#include <assert.h>
#include <endian.h>

#include "base/banned.h"

enum message { REQUEST, RESOURCE_GROUP, SCOPE_GROUP, SPAN, EVENT, LINK };
enum kind { INNER, TIME, TRACE_ID };

static const struct place {
    enum message in;
    uint32_t number;
    enum kind kind;
    enum message inner; /* of INNER */
} places[] = {
    {REQUEST, NV_OTLP_REQUEST_GROUPS, INNER, RESOURCE_GROUP},
    {RESOURCE_GROUP, NV_OTLP_RESOURCE_GROUP_SCOPES, INNER, SCOPE_GROUP},
    {SCOPE_GROUP, NV_OTLP_SCOPE_GROUP_ITEMS, INNER, SPAN},
    {SPAN, NV_OTLP_SPAN_TRACE_ID, TRACE_ID, SPAN},
    {SPAN, NV_OTLP_SPAN_START, TIME, SPAN},
    {SPAN, NV_OTLP_SPAN_END, TIME, SPAN},
    {SPAN, NV_OTLP_SPAN_EVENTS, INNER, EVENT},
    {SPAN, NV_OTLP_SPAN_LINKS, INNER, LINK},
    {EVENT, NV_OTLP_EVENT_TIME, TIME, EVENT},
    {LINK, NV_OTLP_LINK_TRACE_ID, TRACE_ID, LINK},
};

struct walk {
    uint64_t latest_ns;
    uint64_t ahead_ns;               /* added to each time, modulo 2^64 */
    const struct nv_demo_salt *salt; /* NULL: nothing is changed */
};

static const struct place *find_place(enum message in, uint32_t number)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i].in == in && places[i].number == number)
            return &places[i];
    }
    return NULL;
}

/* The 8 bytes of a time end at `end`. */
static void visit_time(struct walk *walk, char *end, uint64_t time_ns)
{
    if (time_ns > walk->latest_ns)
        walk->latest_ns = time_ns;
    if (!walk->salt || time_ns == 0)
        return;
    uint64_t moved = htole64(time_ns + walk->ahead_ns);
    memcpy(end - sizeof moved, &moved, sizeof moved);
}

/*
 * XOR with one salt: ids that were different stay so, those that were equal (a link and the
 * trace that it points to) stay equal, and no table of ids is needed.
 */
static void visit_id(const struct walk *walk, char *id, size_t len)
{
    for (size_t i = 0; walk->salt && i < len && i < sizeof walk->salt->bytes; i++)
        id[i] = (char)(id[i] ^ (char)walk->salt->bytes[i]);
}

static enum nv_err visit(struct walk *walk, enum message message, char *bytes, size_t len)
{
    struct nv_wire wire = nv_wire_read((struct nv_str){bytes, len});
    struct nv_wire_field field;
    enum nv_err err;

    while ((err = nv_wire_next(&wire, &field)) == NV_OK) {
        const struct place *place = find_place(message, field.number);
        char *end = bytes + (wire.pos - bytes);
        if (!place)
            continue;
        if (place->kind == TIME && field.type == NV_WIRE_FIXED64)
            visit_time(walk, end, field.value);
        if (place->kind == TRACE_ID && field.type == NV_WIRE_BYTES)
            visit_id(walk, end - field.bytes.len, field.bytes.len);
        if (place->kind == INNER && field.type == NV_WIRE_BYTES)
            err = visit(walk, place->inner, end - field.bytes.len, field.bytes.len);
        if (err != NV_OK)
            return err;
    }
    return err == NV_ERR_END ? NV_OK : err;
}

/*
 * Twice over the body, since how far all times move is known only when the latest was seen.
 * The sum wraps, which is right: differences between times are what must stay.
 */
enum nv_err nv_demo_move(char *body, size_t len, uint64_t now_ns,
                         const struct nv_demo_salt *salt)
{
    struct walk walk = {.salt = NULL};

    assert(salt != NULL);
    enum nv_err err = visit(&walk, REQUEST, body, len);
    if (err != NV_OK)
        return err;
    walk.salt = salt;
    walk.ahead_ns = now_ns - walk.latest_ns;
    return visit(&walk, REQUEST, body, len);
}
