/*
 * Trace context as headers, and the ids in it.
 *
 * Ids come from xoshiro256**, one generator a thread: no lock, and no system call for each. It
 * is seeded by getrandom; where that fails (a sandbox), by clock, address and thread, which is
 * unique enough for an id and no worse. The generators' states are copied by fork, so that the
 * child would draw what the parent draws: a counter of forks makes them seed anew.
 *
 * Reading follows the recommendation to the letter: lower-case hex only, version ff refused,
 * later versions read as far as they are known, a traceparent that is wrong makes the
 * tracestate void too.
 */
#include "trace/w3c.h"

#include "base/text/text.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/banned.h"

#define STATE_MAX 512
#define PARENT_LEN (NOVEUM_TRACEPARENT_SIZE - 1)

static _Atomic uint32_t forks = 1;
static _Thread_local uint64_t generator[4];
static _Thread_local uint32_t seeded; /* the count of forks when it was, 0: never */

static void seed(void)
{
    seeded = atomic_load_explicit(&forks, memory_order_relaxed);
    if (getrandom(generator, sizeof generator, GRND_NONBLOCK) == (ssize_t)sizeof generator)
        return;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    generator[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
    generator[1] = (uint64_t)(uintptr_t)generator;
    generator[2] = (uint64_t)time(NULL) << 16 ^ seeded;
    generator[3] = UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t rotated(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t draw(void)
{
    uint64_t *s = generator;
    uint64_t result = rotated(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return result;
}

void nv_trace_random_after_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

void nv_trace_random(uint8_t *bytes, size_t len)
{
    if (seeded != atomic_load_explicit(&forks, memory_order_relaxed))
        seed();
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t word = draw();
        memcpy(bytes + at, &word, len - at < sizeof word ? len - at : sizeof word);
    }
    if (nv_trace_is_zero(bytes, len))
        bytes[0] = 1;
}

bool nv_trace_is_zero(const uint8_t *bytes, size_t len)
{
    uint8_t all = 0;
    for (size_t i = 0; i < len; i++)
        all |= bytes[i];
    return all == 0;
}

/* Lower-case hex, of `len` bytes. */
static bool read_hex(const char *text, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < 2 * len; i++) {
        if (text[i] >= 'A' && text[i] <= 'F')
            return false;
    }
    return nv_hex_decode((struct nv_str){text, 2 * len}, bytes, len) == NV_OK;
}

static bool read_parent(struct nv_str text, noveum_context *context)
{
    uint8_t version = 0xff, flags = 0;
    if (text.len < PARENT_LEN || !read_hex(text.ptr, &version, 1) || version == 0xff)
        return false;
    if (text.len > PARENT_LEN && (version == 0 || text.ptr[PARENT_LEN] != '-'))
        return false;
    if (text.ptr[2] != '-' || text.ptr[35] != '-' || text.ptr[52] != '-')
        return false;
    if (!read_hex(text.ptr + 3, context->trace_id, sizeof context->trace_id) ||
        !read_hex(text.ptr + 36, context->span_id, sizeof context->span_id) ||
        !read_hex(text.ptr + 53, &flags, 1))
        return false;
    context->sampled = flags & 1;
    context->remote = 1;
    return !nv_trace_is_zero(context->trace_id, sizeof context->trace_id) &&
           !nv_trace_is_zero(context->span_id, sizeof context->span_id);
}

/* Longer ones are left out whole: cut ones would be wrong. */
static void read_state(const char *text, noveum_context *context)
{
    struct nv_str state = nv_str_trim(nv_str_from(text));
    if (state.len == 0 || state.len > STATE_MAX)
        return;
    for (size_t i = 0; i < state.len; i++) {
        if (state.ptr[i] < ' ' || state.ptr[i] > '~')
            return;
    }
    memcpy(context->state, state.ptr, state.len);
}

noveum_result noveum_parse_traceparent(const char *traceparent, const char *tracestate,
                                       noveum_context *context)
{
    if (!context)
        return NOVEUM_INVALID;
    memset(context, 0, sizeof *context);
    if (!read_parent(nv_str_trim(nv_str_from(traceparent)), context)) {
        memset(context, 0, sizeof *context);
        return NOVEUM_INVALID;
    }
    read_state(tracestate, context);
    return NOVEUM_OK;
}

size_t nv_trace_write_parent(const noveum_context *context, char text[NOVEUM_TRACEPARENT_SIZE])
{
    text[0] = '\0';
    if (nv_trace_is_zero(context->trace_id, sizeof context->trace_id))
        return 0;
    memcpy(text, "00-", 3);
    nv_hex_encode(context->trace_id, sizeof context->trace_id, text + 3);
    text[35] = '-';
    nv_hex_encode(context->span_id, sizeof context->span_id, text + 36);
    memcpy(text + 52, context->sampled ? "-01" : "-00", 4);
    return PARENT_LEN;
}

/* ---- baggage ----------------------------------------------------------------------------- */

size_t nv_trace_decode(struct nv_str encoded, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < encoded.len; i++) {
        uint8_t byte = 0;
        char c = encoded.ptr[i];
        if (c == '%' && nv_hex_decode(nv_str_slice(encoded, i + 1, 2), &byte, 1) == NV_OK) {
            c = (char)byte;
            i += 2;
        }
        out[len++] = c;
    }
    return len;
}
