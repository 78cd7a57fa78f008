/*
 * Reading log records of coding agents by the tables of agent_records.inc.
 *
 * The name of an event stands in one of three places: the body ("claude_code.user_prompt",
 * where the attribute leaves the prefix out), the attribute `event.name` (where Rust names the
 * record after its place in the source), the field event_name. The first that begins with the
 * agent's prefix counts.
 *
 * Ids are hashed without the seed of nv_str_hash: a replay in another process must give the
 * same. Whoever can send records can send spans under any id, so that nothing is won by finding
 * two sessions of one hash.
 */
#include "model/agent_records.h"

#include "base/text/wire.h"
#include "model/otlp_fields.h"

#include "base/banned.h"

enum agent_id {
#define AGENT(id, name, scope, service, prefix, session, prompt, span_session, span_prompt,    \
              provider, own)                                                                   \
    AGENT_##id,
#define EVENT(agent, name, condition, role, span, duration, call, traits)
#define EVALUATION(prefix)
#include "model/agent_records.inc"
#undef AGENT
#undef EVENT
#undef EVALUATION
    AGENT_COUNT
};

static const struct nv_record_agent agents[] = {
#define AGENT(id, name, scope, service, prefix, session, prompt, span_session, span_prompt,    \
              provider, own)                                                                   \
    {NV_STR_INIT(name),         NV_STR_INIT(scope),                                            \
     NV_STR_INIT(service),      NV_STR_INIT(prefix),                                           \
     NV_STR_INIT(session),      NV_STR_INIT(prompt),                                           \
     NV_STR_INIT(span_session), NV_STR_INIT(span_prompt),                                      \
     NV_STR_INIT(provider),     NV_RECORD_##own},
#define EVENT(agent, name, condition, role, span, duration, call, traits)
#define EVALUATION(prefix)
#include "model/agent_records.inc"
#undef AGENT
#undef EVENT
#undef EVALUATION
};

static const struct nv_record_event events[] = {
#define AGENT(id, name, scope, service, prefix, session, prompt, span_session, span_prompt,    \
              provider, own)
#define EVENT(agent, name, condition, role, span, duration, call, traits)                      \
    {AGENT_##agent,     NV_STR_INIT(name),     NV_STR_INIT(condition), NV_RECORD_##role,       \
     NV_STR_INIT(span), NV_STR_INIT(duration), NV_STR_INIT(call),      NV_RECORD_##traits},
#define EVALUATION(prefix)
#include "model/agent_records.inc"
#undef AGENT
#undef EVENT
#undef EVALUATION
};

static const struct nv_str evaluations[] = {
#define AGENT(id, name, scope, service, prefix, session, prompt, span_session, span_prompt,    \
              provider, own)
#define EVENT(agent, name, condition, role, span, duration, call, traits)
#define EVALUATION(prefix) NV_STR_INIT(prefix),
#include "model/agent_records.inc"
#undef AGENT
#undef EVENT
#undef EVALUATION
};

#define EVENTS (sizeof events / sizeof *events)

/* ---- parts of a record ------------------------------------------------------------------- */

/* The last member of the oneof is what holds, and another type takes a text back. */
static struct nv_str record_text(struct nv_str any_value)
{
    struct nv_wire wire = nv_wire_read(any_value);
    struct nv_wire_field field;
    struct nv_str text = {0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        bool is_text = field.number == NV_OTLP_ANY_STRING && field.type == NV_WIRE_BYTES;
        text = is_text ? field.bytes : (struct nv_str){0};
    }
    return text;
}

/* The last of each counts, as protobuf has it for fields that come again. */
static void read_pair(struct nv_str pair, struct nv_str *key, struct nv_str *value)
{
    struct nv_wire wire = nv_wire_read(pair);
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_PAIR_KEY)
            *key = field.bytes;
        else if (field.number == NV_OTLP_PAIR_VALUE)
            *value = field.bytes;
    }
}

/* The value of a KeyValue when that is its key; else `value` stays. */
static void value_of(struct nv_str pair, struct nv_str key, struct nv_str *value)
{
    struct nv_str there = {0};
    struct nv_str found = {0};
    read_pair(pair, &there, &found);
    if (found.ptr && nv_str_eq(there, key))
        *value = found;
}

/* Of a message whose attributes have that field number. */
static struct nv_str attribute_of(struct nv_str bytes, uint32_t number, struct nv_str key)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    struct nv_str value = {0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == number && field.type == NV_WIRE_BYTES)
            value_of(field.bytes, key, &value);
    }
    return value;
}

struct nv_str nv_record_attribute(struct nv_str bytes, struct nv_str key)
{
    return attribute_of(bytes, NV_OTLP_LOG_ATTRIBUTES, key);
}

/* Zero is "not known" in OTLP. When it was observed is the collector's own clock, later by the
 * way that the record took, and better than none. */
uint64_t nv_record_time(struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    uint64_t time_ns = 0;
    uint64_t observed_ns = 0;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_LOG_TIME)
            time_ns = field.value;
        else if (field.number == NV_OTLP_LOG_OBSERVED_TIME)
            observed_ns = field.value;
    }
    return time_ns != 0 ? time_ns : observed_ns;
}

/* What a record may be called by, in the order in which it is asked. */
struct names {
    struct nv_str names[3];
};

static struct nv_str before_colon(struct nv_str text)
{
    const size_t at = nv_str_find_char(text, ':');
    return at == SIZE_MAX ? text : nv_str_slice(text, 0, at);
}

static struct names names_of(struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    struct names all = {{{0}}};
    struct nv_str told = {0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_LOG_BODY) /* "copilot_chat.tool.call: readFile" */
            all.names[0] = before_colon(record_text(field.bytes));
        else if (field.number == NV_OTLP_LOG_ATTRIBUTES)
            value_of(field.bytes, NV_STR("event.name"), &told);
        else if (field.number == NV_OTLP_LOG_EVENT_NAME)
            all.names[2] = field.bytes;
    }
    all.names[1] = record_text(told);
    return all;
}

/* ---- agents and events ------------------------------------------------------------------- */

/* An empty prefix in the table means "not told by this", not "everything". */
static bool begins(struct nv_str text, struct nv_str with)
{
    return with.len > 0 && nv_str_starts(text, with);
}

/* An event that is called as it is, by no agent's prefix. */
static bool is_standard(struct nv_str name)
{
    return nv_str_starts(name, NV_STR("gen_ai."));
}

static bool is_evaluation(struct nv_str name)
{
    for (size_t i = 0; i < sizeof evaluations / sizeof *evaluations; i++) {
        if (nv_str_starts(name, evaluations[i]))
            return true;
    }
    return false;
}

bool nv_record_is_evaluation(struct nv_str bytes)
{
    const struct names names = names_of(bytes);
    return is_evaluation(names.names[1]) || is_evaluation(names.names[2]);
}

/* Asked for each record without a trace id, of whatever program: a name that no table has makes
 * it one that is let go at the door. */
static bool fits_any(struct nv_str name)
{
    if (is_evaluation(name))
        return true;
    for (size_t i = 0; i < AGENT_COUNT; i++) {
        if (begins(name, agents[i].prefix))
            return true;
    }
    for (size_t i = 0; is_standard(name) && i < EVENTS; i++) {
        if (nv_str_eq(name, events[i].name))
            return true;
    }
    return false;
}

bool nv_record_is_candidate(struct nv_str bytes)
{
    const struct names names = names_of(bytes);
    return fits_any(names.names[0]) || fits_any(names.names[1]) || fits_any(names.names[2]);
}

static struct nv_str scope_name(struct nv_str scope)
{
    struct nv_wire wire = nv_wire_read(scope);
    struct nv_wire_field field;
    struct nv_str name = {0};
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_SCOPE_NAME)
            name = field.bytes;
    }
    return name;
}

/* By the scope or by the service: agents that are built on others' SDKs have a generic
 * scope. */
const struct nv_record_agent *nv_record_agent_of(struct nv_str scope, struct nv_str service)
{
    const struct nv_str name = scope_name(scope);
    for (size_t i = 0; i < AGENT_COUNT; i++) {
        if (begins(name, agents[i].scope) || begins(service, agents[i].service))
            return &agents[i];
    }
    return NULL;
}

/* `key=text`: begins with that text. `key`: is there and is not empty; what is no text says
 * something by being there. Nothing: holds. */
static bool condition_holds(struct nv_str condition, struct nv_str bytes)
{
    const size_t at = nv_str_find_char(condition, '=');
    const struct nv_str key = nv_str_slice(condition, 0, at == SIZE_MAX ? condition.len : at);
    if (key.len == 0)
        return true;
    const struct nv_str value = nv_record_attribute(bytes, key);
    if (at == SIZE_MAX) /* a text or a number that says something */
        return value.len > 0 && (!record_text(value).ptr || record_text(value).len > 0);
    return nv_str_starts(record_text(value), nv_str_slice(condition, at + 1, condition.len));
}

/* The name as the table has it: behind the prefix, or whole; ptr NULL: not this agent's. */
static struct nv_str short_name(const struct nv_record_agent *agent, struct nv_str name)
{
    if (begins(name, agent->prefix))
        return nv_str_slice(name, agent->prefix.len, name.len);
    return is_standard(name) ? name : (struct nv_str){0};
}

/* The first row that fits, so that a row with a condition stands above the one without. "*"
 * takes whatever else has the agent's own prefix, and no standard event: those that are not in
 * the table are no step of a session. */
static const struct nv_record_event *find_event(const struct nv_record_agent *agent,
                                                struct nv_str name, struct nv_str bytes)
{
    const unsigned number = (unsigned)(agent - agents);
    const bool standard = is_standard(name);
    for (size_t i = 0; i < EVENTS; i++) {
        const bool any = !standard && nv_str_eq(events[i].name, NV_STR("*"));
        if (events[i].agent == number && (any || nv_str_eq(events[i].name, name)) &&
            condition_holds(events[i].condition, bytes))
            return &events[i];
    }
    return NULL;
}

static const struct nv_record_event *event_of(const struct nv_record_agent *agent,
                                              struct nv_str bytes)
{
    const struct names names = names_of(bytes);
    for (size_t i = 0; i < sizeof names.names / sizeof *names.names; i++) {
        const struct nv_str name = short_name(agent, names.names[i]);
        if (name.len > 0)
            return find_event(agent, name, bytes);
    }
    return NULL;
}

static struct nv_str text_attribute(struct nv_str bytes, struct nv_str key)
{
    const struct nv_str none = {NULL, 0};
    return key.len == 0 ? none : record_text(nv_record_attribute(bytes, key));
}

/* Without a session there is no trace to put it into. Some agents tell it once, as an attribute
 * of the resource; one on the record is nearer and goes first. */
bool nv_record_read(const struct nv_record_agent *agent, struct nv_str bytes,
                    struct nv_str resource, struct nv_record *out)
{
    *out = (struct nv_record){.agent = agent, .event = event_of(agent, bytes)};
    if (!out->event)
        return false;
    out->session = text_attribute(bytes, agent->session);
    if (out->session.len == 0) {
        out->session =
            record_text(attribute_of(resource, NV_OTLP_RESOURCE_ATTRIBUTES, agent->session));
    }
    out->prompt = text_attribute(bytes, agent->prompt);
    out->call = text_attribute(bytes, out->event->call);
    return out->session.len > 0;
}

/* A span belongs to a session's trace when it says as much as the agent's records do: where
 * those have prompts, a span without one can't be placed among them. */
bool nv_record_read_span(const struct nv_record_agent *agent, struct nv_str bytes,
                         struct nv_str resource, struct nv_record *out)
{
    const uint32_t attributes = NV_OTLP_SPAN_ATTRIBUTES;
    *out = (struct nv_record){.agent = agent};
    out->session = record_text(attribute_of(bytes, attributes, agent->span_session));
    if (out->session.len == 0) {
        out->session = record_text(
            attribute_of(resource, NV_OTLP_RESOURCE_ATTRIBUTES, agent->span_session));
    }
    if (agent->span_prompt.len > 0)
        out->prompt = record_text(attribute_of(bytes, attributes, agent->span_prompt));
    return out->session.len > 0 && (out->prompt.len > 0 || agent->prompt.len == 0);
}

/* ---- ids --------------------------------------------------------------------------------- */

/* Parts are hashed one by one first, so that no two lists of parts give the same text. */
static void hash_parts(const struct nv_str *parts, size_t count, uint8_t out[NV_TRACE_ID_BYTES])
{
    uint8_t hashes[4][NV_HASH128_BYTES] = {{0}};
    for (size_t i = 0; i < count; i++)
        nv_str_hash128(parts[i], hashes[i]);
    nv_str_hash128((struct nv_str){(const char *)hashes, count * sizeof hashes[0]}, out);
    out[0] |= 1; /* never all zero */
}

static struct nv_str id_text(const uint8_t id[NV_TRACE_ID_BYTES])
{
    return (struct nv_str){(const char *)id, NV_TRACE_ID_BYTES};
}

void nv_record_trace_id(struct nv_str service, const struct nv_record *record,
                        uint8_t out[NV_TRACE_ID_BYTES])
{
    const struct nv_str parts[] = {NV_STR("log records"), service, record->session,
                                   record->prompt};
    hash_parts(parts, sizeof parts / sizeof *parts, out);
}

void nv_record_identity(struct nv_str bytes, uint8_t out[NV_HASH128_BYTES])
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    const uint64_t time_ns = nv_record_time(bytes);
    nv_str_hash128((struct nv_str){(const char *)&time_ns, sizeof time_ns}, out);
    while (nv_wire_next(&wire, &field) == NV_OK) {
        struct nv_str pair[2] = {{0}};
        if (field.number != NV_OTLP_LOG_ATTRIBUTES || field.type != NV_WIRE_BYTES)
            continue;
        read_pair(field.bytes, &pair[0], &pair[1]);
        const struct nv_str parts[] = {id_text(out), pair[0], pair[1]};
        hash_parts(parts, sizeof parts / sizeof *parts, out);
    }
}

void nv_record_turn_id(const uint8_t session_id[NV_TRACE_ID_BYTES],
                       const uint8_t first[NV_HASH128_BYTES], uint8_t out[NV_TRACE_ID_BYTES])
{
    const struct nv_str parts[] = {NV_STR("turn"), id_text(session_id), id_text(first)};
    hash_parts(parts, sizeof parts / sizeof *parts, out);
}

void nv_record_span_id(const uint8_t trace_id[NV_TRACE_ID_BYTES], struct nv_str what,
                       uint8_t out[NV_SPAN_ID_BYTES])
{
    uint8_t hash[NV_TRACE_ID_BYTES];
    const struct nv_str parts[] = {NV_STR("span"), id_text(trace_id), what};
    hash_parts(parts, sizeof parts / sizeof *parts, hash);
    memcpy(out, hash, NV_SPAN_ID_BYTES);
}
