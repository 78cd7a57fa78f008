/*
 * Spans begin, change and end: the public functions for what all kinds have in common.
 *
 *   begin ▸ room? ▸ ids and parent ▸ sampled? ▸ slot ▸ handle
 *   end   ▸ ENDED, under the lock ▸ room in the queue? ▸ the sending thread's
 *
 * Open spans are counted before a slot is taken and queued ones before the slot is put into the
 * ring, so both limits hold with any number of threads; what is past one is given back at
 * once. A span's end is its start plus what the monotonic clock says has passed: a wall clock
 * that is set meanwhile makes no span negative.
 *
 * A handle is a number and not a pointer, so a span that is used after its end, twice ended, or
 * begun before a fork is found out (NV_TRACE_COUNT_misuse) and never freed memory. Functions
 * that are called with such a handle do nothing.
 *
 *   state of a slot:   free ─ take ▸ filled ─ open ▸ OPEN ─ end ▸ ENDED ─ sent ▸ free
 *                                                     └─ unsampled, discarded, no room ▸ free
 *
 * An unsampled span has a slot as well: its children ask it for their trace and for the
 * decision. It keeps no attributes.
 */
#include "trace/span.h"

#include "base/clock.h"
#include "trace/agents.h"
#include "trace/attributes.h"
#include "trace/baggage.h"
#include "trace/current.h"
#include "trace/texts.h"
#include "trace/usage.h"
#include "trace/w3c.h"
#include "trace/worker.h"

#include "base/banned.h"

/* Where a new span belongs. A child of a span that was dropped is dropped with it: a tree with
 * a hole in it can't be put together by anybody. */
struct place {
    noveum_context context; /* trace_id all zero: a new trace */
    bool dropped;
    struct nv_trace_baggage *baggage; /* held; goes to the span */
};

static uint64_t mono_ns(void)
{
    return nv_clock_mono_ns(nv_clock_system());
}

uint64_t noveum_now(void)
{
    return nv_clock_wall_ns(nv_clock_system());
}

uint64_t noveum_from_monotonic(uint64_t monotonic_ns)
{
    /* both clocks are read now: what lies between the reads is less than what they differ by */
    return noveum_now() - mono_ns() + monotonic_ns;
}

/* ---- context ----------------------------------------------------------------------------- */

/* A tracestate that does not fit is left out whole, as W3C allows; half of one is invalid. */
static void copy_context(const struct nv_trace_span *span, noveum_context *context)
{
    size_t len = span->trace_state.len < sizeof context->state ? span->trace_state.len : 0;
    memcpy(context->trace_id, span->trace_id, sizeof span->trace_id);
    memcpy(context->span_id, span->id, sizeof span->id);
    context->sampled = span->sampled;
    context->remote = 0;
    if (len > 0)
        memcpy(context->state, span->trace_state.bytes, len);
    context->state[len] = '\0';
}

void noveum_get_context(noveum_span span, noveum_context *context)
{
    if (!context)
        return;
    memset(context, 0, sizeof *context);
    struct nv_trace_span *found = nv_trace_span_lock(span);
    if (!found)
        return;
    copy_context(found, context);
    nv_trace_span_unlock(found);
}

size_t noveum_traceparent(noveum_span span, char text[NOVEUM_TRACEPARENT_SIZE])
{
    noveum_context context;
    noveum_get_context(span, &context);
    return text ? nv_trace_write_parent(&context, text) : 0;
}

/* ---- begin ------------------------------------------------------------------------------- */

/* The place below a span of this process. One that has ended begins a new trace. */
static void place_below(noveum_span parent, struct place *place)
{
    place->dropped = parent.id == NV_TRACE_DROPPED;
    place->baggage = NULL;
    place->context.state[0] = '\0';
    memset(place->context.trace_id, 0, sizeof place->context.trace_id);
    if (parent.id == 0 || place->dropped)
        return;
    struct nv_trace_span *span = nv_trace_span_lock(parent);
    if (!span) {
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
        return;
    }
    copy_context(span, &place->context);
    place->baggage = nv_trace_baggage_ref(span->baggage);
    nv_trace_span_unlock(span);
}

/* Sampled by its own id: the same in every process that has this rate (traceidratio). */
static bool sampled_by_ratio(const struct nv_trace_config *config, const uint8_t *trace_id)
{
    uint64_t number = 0;
    for (int i = 8; i < 16; i++)
        number = number << 8 | trace_id[i];
    return number >> 1 < config->sample_below;
}

/* Within the process the parent's decision always holds: half a trace is worth less than
 * none. */
static bool is_sampled(const struct nv_trace_config *config, const noveum_context *parent,
                       const uint8_t *trace_id)
{
    bool has_parent = !nv_trace_is_zero(parent->trace_id, sizeof parent->trace_id);
    if (has_parent && (config->parent_based || !parent->remote))
        return parent->sampled;
    if (config->sampler == NV_TRACE_SAMPLE_RATIO)
        return sampled_by_ratio(config, trace_id);
    return config->sampler == NV_TRACE_SAMPLE_ALL;
}

static void set_ids(struct nv_trace_span *span, const noveum_context *parent)
{
    span->has_parent = !nv_trace_is_zero(parent->trace_id, sizeof parent->trace_id);
    span->parent_remote = span->has_parent && parent->remote;
    nv_trace_random(span->id, sizeof span->id);
    if (span->has_parent) {
        memcpy(span->trace_id, parent->trace_id, sizeof span->trace_id);
        memcpy(span->parent_id, parent->span_id, sizeof span->parent_id);
    } else {
        nv_trace_random(span->trace_id, sizeof span->trace_id);
    }
}

/* A start that was told has no monotonic reading beside it; its end is then read from the
 * wall. */
static void fill(struct nv_trace_span *span, const struct place *place, noveum_kind kind,
                 const char *name, uint64_t start_ns)
{
    const noveum_context *parent = &place->context;
    set_ids(span, parent);
    span->sampled = is_sampled(span->config, parent, span->trace_id);
    span->kind = kind;
    span->start_ns = start_ns > 0 ? start_ns : noveum_now();
    span->start_mono_ns = start_ns > 0 ? 0 : mono_ns();
    span->baggage = place->baggage;
    if (span->config->performance && span->sampled && start_ns == 0)
        span->usage = nv_trace_usage_now();
    if (span->has_parent && parent->state[0] != '\0')
        nv_trace_set_buf(span, &span->trace_state, nv_str_from(parent->state));
    if (name && span->sampled) {
        span->named = true;
        nv_trace_set_buf(span, &span->name, nv_str_from(name));
    }
}

static noveum_span refused(enum nv_trace_count why)
{
    nv_trace_add(why, 1);
    return (noveum_span){NV_TRACE_DROPPED};
}

static noveum_span begin(const struct nv_trace_config *config, const struct place *place,
                         noveum_kind kind, const char *name, uint64_t start_ns)
{
    nv_trace_add(NV_TRACE_COUNT_started, 1);
    if (place->dropped)
        return refused(NV_TRACE_COUNT_dropped_full);
    /* added first and taken back: a look before the addition would let two threads take the
     * last place */
    if (atomic_fetch_add(&nv_trace_state.open, 1) >= config->open_spans) {
        atomic_fetch_sub(&nv_trace_state.open, 1);
        nv_trace_baggage_unref(place->baggage);
        return refused(NV_TRACE_COUNT_dropped_full);
    }
    struct nv_trace_span *span = nv_trace_span_take();
    if (!span) {
        atomic_fetch_sub(&nv_trace_state.open, 1);
        nv_trace_baggage_unref(place->baggage);
        return refused(NV_TRACE_COUNT_dropped_memory);
    }
    span->config = config;
    fill(span, place, kind, name, start_ns);
    return nv_trace_span_open(span);
}

/* Apart from the functions that ask whether tracing is on: its frame is large, and they are to
 * cost a load and a branch while it is off. */
__attribute__((noinline)) static noveum_span begin_below(const struct nv_trace_config *config,
                                                         noveum_span parent, noveum_kind kind,
                                                         const char *name, uint64_t start_ns)
{
    struct place place;
    place_below(parent, &place);
    return begin(config, &place, kind, name, start_ns);
}

noveum_span noveum_begin_at(noveum_span parent, noveum_kind kind, const char *name,
                            uint64_t start_ns)
{
    const struct nv_trace_config *config = nv_trace_on();
    return config ? begin_below(config, parent, kind, name, start_ns) : noveum_null();
}

noveum_span noveum_begin_below(noveum_span parent, noveum_kind kind, const char *name)
{
    const struct nv_trace_config *config = nv_trace_on();
    return config ? begin_below(config, parent, kind, name, 0) : noveum_null();
}

noveum_span noveum_begin_remote(const noveum_context *parent, noveum_kind kind,
                                const char *name)
{
    const struct nv_trace_config *config = nv_trace_on();
    struct place place = {.dropped = false};
    if (!config)
        return noveum_null();
    if (parent)
        place.context = *parent;
    /* the struct is the caller's, and may have been filled from a header by hand */
    place.context.state[sizeof place.context.state - 1] = '\0';
    return begin(config, &place, kind, name, 0);
}

/* The one function that reads and changes the thread's current span; all others are told
 * theirs. */
noveum_span noveum_begin(noveum_kind kind, const char *name)
{
    const struct nv_trace_config *config = nv_trace_on();
    if (!config)
        return noveum_null();
    noveum_span span = begin_below(config, nv_trace_current(), kind, name, 0);
    nv_trace_current_push(span);
    return span;
}

void noveum_record(noveum_span parent, noveum_kind kind, const char *name, uint64_t start_ns,
                   uint64_t end_ns)
{
    noveum_end_at(noveum_begin_at(parent, kind, name, start_ns), end_ns);
}

/* ---- end --------------------------------------------------------------------------------- */

static uint64_t end_time(const struct nv_trace_span *span, uint64_t end_ns)
{
    if (end_ns == 0 && span->start_mono_ns > 0)
        return span->start_ns + (mono_ns() - span->start_mono_ns);
    if (end_ns == 0)
        end_ns = noveum_now();
    if (end_ns >= span->start_ns)
        return end_ns;
    nv_trace_add(NV_TRACE_COUNT_values_repaired, 1);
    return span->start_ns;
}

void nv_trace_end(noveum_span handle, uint64_t end_ns, bool discard)
{
    struct nv_trace_span *span = nv_trace_span_lock(handle);
    if (!span) {
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
        return;
    }
    bool sampled = span->sampled, inherited = span->inherited, failed = span->failed;
    struct nv_trace_agent *agent = inherited ? NULL : span->agent;
    span->end_ns = end_time(span, end_ns);
    if (span->config->performance && sampled && span->start_mono_ns > 0)
        nv_trace_usage_put(span);
    nv_trace_message_end(span, nv_str_from(NULL));
    /* under the lock, so that of two threads that end it one finds it ended; from here on this
     * thread alone has it and needs no lock */
    span->state = NV_TRACE_SPAN_ENDED;
    nv_trace_span_unlock(span);
    if (agent)
        nv_trace_agent_ended(agent, failed);
    /* the parent process has the same span and will send it */
    if (inherited) {
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
        nv_trace_span_give(span);
        return;
    }
    atomic_fetch_sub(&nv_trace_state.open, 1);
    /* the queue counts what it refuses */
    if (sampled && !discard && nv_trace_worker_put(span))
        return;
    if (!sampled || discard) {
        nv_trace_add(
            discard ? NV_TRACE_COUNT_dropped_by_caller : NV_TRACE_COUNT_dropped_unsampled, 1);
    }
    nv_trace_span_give(span);
}

static void end_public(noveum_span span, uint64_t end_ns, bool discard)
{
    if (span.id == 0)
        return;
    nv_trace_current_remove(span, 0);
    if (span.id != NV_TRACE_DROPPED && nv_trace_on())
        nv_trace_end(span, end_ns, discard);
}

void noveum_end(noveum_span span)
{
    end_public(span, 0, false);
}

void noveum_end_at(noveum_span span, uint64_t end_ns)
{
    end_public(span, end_ns, false);
}

void noveum_discard(noveum_span span)
{
    end_public(span, 0, true);
}

noveum_span noveum_current(void)
{
    return nv_trace_on() ? nv_trace_current() : noveum_null();
}

void noveum_enter(noveum_span span)
{
    if (nv_trace_on())
        nv_trace_current_push(span);
}

void noveum_leave(noveum_span span)
{
    if (span.id != 0)
        nv_trace_current_remove(span, 1);
}

/* ---- change ------------------------------------------------------------------------------ */

/* Dropped and unsampled spans are no misuse: the program can't know, and must not have to. */
struct nv_trace_span *nv_trace_edit_some(noveum_span handle)
{
    if (handle.id == NV_TRACE_DROPPED || !nv_trace_on())
        return NULL;
    struct nv_trace_span *span = nv_trace_span_lock(handle);
    if (span && span->sampled && !span->inherited)
        return span;
    if (!span || span->inherited)
        nv_trace_add(NV_TRACE_COUNT_misuse, 1);
    if (span)
        nv_trace_span_unlock(span);
    return NULL;
}

void noveum_set(noveum_span span, const noveum_attribute *attributes, size_t count)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    for (size_t i = 0; attributes && i < count; i++)
        nv_trace_set(found, &attributes[i]);
    nv_trace_span_unlock(found);
}

void noveum_set_text(noveum_span span, const char *key, const char *value, size_t length)
{
    noveum_attribute attribute = noveum_str(key, value);
    attribute.count = length;
    if (value && span.id != 0)
        noveum_set(span, &attribute, 1);
}

void noveum_set_str(noveum_span span, const char *key, const char *value)
{
    noveum_set_text(span, key, value, NOVEUM_NUL);
}

void noveum_set_int(noveum_span span, const char *key, int64_t value)
{
    noveum_attribute attribute = noveum_int(key, value);
    if (span.id != 0)
        noveum_set(span, &attribute, 1);
}

void noveum_set_double(noveum_span span, const char *key, double value)
{
    noveum_attribute attribute = noveum_double(key, value);
    if (span.id != 0)
        noveum_set(span, &attribute, 1);
}

void noveum_set_bool(noveum_span span, const char *key, int value)
{
    noveum_attribute attribute = noveum_bool(key, value);
    if (span.id != 0)
        noveum_set(span, &attribute, 1);
}

void noveum_set_name(noveum_span span, const char *name)
{
    struct nv_trace_span *found = name ? nv_trace_edit(span) : NULL;
    if (!found)
        return;
    found->named = true;
    nv_trace_set_buf(found, &found->name, nv_str_from(name));
    nv_trace_span_unlock(found);
}

void noveum_set_ok(noveum_span span)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    found->ok = true;
    found->failed = false;
    nv_trace_span_unlock(found);
}

void noveum_exception(noveum_span span, const char *type, const char *message,
                      const char *stack_trace)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    noveum_attribute attributes[3];
    size_t count = 0;
    noveum_attribute error =
        /* the value that OpenTelemetry has for "some error": without one, errors can't be
         * counted by type */
        noveum_str("error.type", type && type[0] != '\0' ? type : "_OTHER");
    attributes[count++] = noveum_str("exception.type", error.value.str);
    if (message)
        attributes[count++] = noveum_str("exception.message", message);
    if (stack_trace)
        attributes[count++] = noveum_str("exception.stacktrace", stack_trace);
    found->failed = true;
    found->ok = false;
    /* the status is seen in lists where the event is not, so the redaction must see it as
     * well */
    struct nv_str text =
        nv_trace_redacted(found, "exception.message", nv_str_from(message ? message : type));
    nv_trace_set_buf(found, &found->status_message, text);
    nv_trace_set(found, &error);
    nv_trace_add_event(found, "exception", noveum_now(), attributes, count);
    nv_trace_span_unlock(found);
}

void noveum_error(noveum_span span, const char *type, const char *message)
{
    noveum_exception(span, type, message, NULL);
}

void noveum_event(noveum_span span, const char *name, uint64_t time_ns,
                  const noveum_attribute *attributes, size_t count)
{
    struct nv_trace_span *found = nv_trace_edit(span);
    if (!found)
        return;
    nv_trace_add_event(found, name ? name : "event", time_ns > 0 ? time_ns : noveum_now(),
                       attributes, count);
    nv_trace_span_unlock(found);
}

void noveum_link(noveum_span span, const noveum_context *to, const noveum_attribute *attributes,
                 size_t count)
{
    struct nv_trace_span *found = to ? nv_trace_edit(span) : NULL;
    if (!found)
        return;
    if (!nv_trace_is_zero(to->trace_id, sizeof to->trace_id))
        nv_trace_add_link(found, to, attributes, count);
    nv_trace_span_unlock(found);
}
