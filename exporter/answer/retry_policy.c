/*
 * The reaction to every answer, in one place.
 *
 * Three kinds of failure are kept apart, because each needs another cure. The body's fault
 * (400,
 * 413, 422): split until the bad trace stands alone. Everybody's fault (401, 403, 404, redirects,
 * TLS): sending more is useless, so all is held and nothing is lost while a person mends it.
 * The backend's fault (5xx, 429, broken connections): later, with jitter.
 *
 * An ambiguous answer is retried: the backend ignores a trace id that it has
 * (docs/noveum-backend.md#immutability). A 500 that hits one body while others pass smells of a
 * trace that the backend chokes on; it is split too, but a single trace is never given up for a
 * 5xx. Statuses that are not in the table hold instead of dead-lettering: an unknown 4xx comes from
 * a proxy more often than from a trace.
 *
 * An answer whose body is not the API's (a page; docs/design/0012-answers.md) says either that
 * nobody reaches the API, or that a firewall dislikes one trace. Only others tell which: while
 * they pass, the body is halved and its refused trace given up (4xx) or left waiting alone
 * (else); while none does, all is held. Deliberately not here: counting, logging, time, and the
 * choice of what is sent next.
 */
#include "exporter/answer/retry_policy.h"

#include "base/clock.h"

#include <assert.h>
#include <time.h>

#include "base/banned.h"

static struct nv_verdict verdict(enum nv_action action, const char *why)
{
    return (struct nv_verdict){.action = action, .why = why};
}

/* Soon at first, because whoever just mended the key is watching; then rarer, up to
 * probe_ms. */
static struct nv_verdict hold(enum nv_hold reason, const struct nv_retry_knobs *knobs,
                              const struct nv_attempt *a, const char *why)
{
    struct nv_verdict v = verdict(NV_ACTION_HOLD, why);
    uint64_t wait_ms = knobs->max_ms;

    for (uint32_t i = 0; i < a->holds && wait_ms < knobs->probe_ms; i++)
        wait_ms *= 2;
    if (wait_ms > knobs->probe_ms)
        wait_ms = knobs->probe_ms;
    v.hold = reason;
    v.wait_ns = wait_ms * NV_NS_PER_MS;
    return v;
}

uint64_t nv_retry_backoff_ns(const struct nv_retry_knobs *knobs, uint32_t number,
                             uint64_t random)
{
    uint64_t ceiling_ms = knobs->initial_ms;

    assert(number >= 1);
    for (uint32_t i = 1; i < number && ceiling_ms < knobs->max_ms; i++)
        ceiling_ms *= 2;
    if (ceiling_ms > knobs->max_ms)
        ceiling_ms = knobs->max_ms;
    return random % (ceiling_ms * NV_NS_PER_MS + 1);
}

static bool parse_date(struct nv_str value, uint64_t wall_ns, uint64_t *wait_ns)
{
    static const char *const formats[] = {"%a, %d %b %Y %H:%M:%S GMT",
                                          "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
    char text[64];
    uint64_t now_s = wall_ns / NV_NS_PER_S;

    if (value.len == 0 || value.len >= sizeof text)
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, formats[i], &tm);

        if (!end || *end != '\0')
            continue;
        time_t when = timegm(&tm);

        *wait_ns = when > 0 && (uint64_t)when > now_s ? (uint64_t)when - now_s : 0;
        *wait_ns = *wait_ns > UINT64_MAX / NV_NS_PER_S ? UINT64_MAX : *wait_ns * NV_NS_PER_S;
        return true;
    }
    return false;
}

static bool all_digits(struct nv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return s.len > 0;
}

bool nv_retry_after_parse(struct nv_str value, uint64_t wall_ns, uint64_t *wait_ns)
{
    uint64_t seconds = 0;

    value = nv_str_trim(value);
    if (!all_digits(value))
        return parse_date(value, wall_ns, wait_ns);
    if (nv_str_to_uint64(value, &seconds) != NV_OK || seconds > UINT64_MAX / NV_NS_PER_S)
        *wait_ns = UINT64_MAX;
    else
        *wait_ns = seconds * NV_NS_PER_S;
    return true;
}

/* A tenth more and one first backoff at random, so that many gateways do not return at once. */
static uint64_t spread_ns(uint64_t wait_ns, const struct nv_retry_knobs *knobs, uint64_t random)
{
    return wait_ns + random % (wait_ns / 10 + knobs->initial_ms * NV_NS_PER_MS + 1);
}

static bool asked_wait_ns(const struct nv_attempt *a, uint32_t max_ms, uint64_t *wait_ns)
{
    if (!nv_retry_after_parse(a->retry_after, a->wall_ns, wait_ns))
        return false;
    if (*wait_ns > max_ms * NV_NS_PER_MS)
        *wait_ns = max_ms * NV_NS_PER_MS;
    return true;
}

static struct nv_verdict later(const struct nv_retry_knobs *knobs, const struct nv_attempt *a,
                               const char *why)
{
    struct nv_verdict v = verdict(NV_ACTION_RETRY, why);

    v.trouble = true;
    v.asked = asked_wait_ns(a, knobs->retry_after_max_ms, &v.wait_ns);
    v.wait_ns = v.asked ? spread_ns(v.wait_ns, knobs, a->random)
                        : nv_retry_backoff_ns(knobs, a->number, a->random);
    return v;
}

static struct nv_verdict credit(const struct nv_retry_knobs *knobs, const struct nv_attempt *a)
{
    struct nv_verdict v = verdict(NV_ACTION_HOLD, "credit quota exceeded");
    uint64_t wait_ns = 0;

    v.hold = NV_HOLD_CREDIT;
    v.wait_ns = knobs->credit_pause_ms * NV_NS_PER_MS;
    v.asked = asked_wait_ns(a, knobs->credit_pause_max_ms, &wait_ns);
    /* A short Retry-After must not turn the pause into a tight loop: the plan does not
     * refill. */
    if (v.asked && wait_ns > v.wait_ns)
        v.wait_ns = wait_ns;
    v.wait_ns = spread_ns(v.wait_ns, knobs, a->random);
    return v;
}

/* Waits on its own, ever longer: others pass, so there is nothing to slow down for. */
static struct nv_verdict wait_alone(const struct nv_retry_knobs *knobs,
                                    const struct nv_attempt *a, const char *why)
{
    struct nv_verdict v = verdict(NV_ACTION_RETRY, why);
    uint64_t wait_ms = knobs->initial_ms;

    for (uint32_t i = 1; i < a->number && wait_ms < knobs->probe_ms; i++)
        wait_ms *= 2;
    v.wait_ns = (wait_ms < knobs->probe_ms ? wait_ms : knobs->probe_ms) * NV_NS_PER_MS;
    return v;
}

/* Not the API's answer. `fatal`: a refusal, which a trace that is alone in it does not
 * survive. */
static struct nv_verdict foreign(const struct nv_retry_knobs *knobs, const struct nv_attempt *a,
                                 bool fatal, const char *why)
{
    struct nv_verdict v;

    if (!a->passed_since || a->foreign_row >= NV_RETRY_FOREIGN_ROW)
        v = hold(NV_HOLD_FOREIGN, knobs, a, why);
    else if (a->traces > 1)
        v = verdict(NV_ACTION_SPLIT, why);
    else if (fatal && a->alone + 1 >= NV_RETRY_ALONE)
        v = verdict(NV_ACTION_DEAD, why);
    else
        v = wait_alone(knobs, a, why);
    v.dead = a->status == 413 ? NV_DEAD_TOO_LARGE : NV_DEAD_REJECTED;
    v.foreign = true;
    v.first = a->number == 1;
    return v;
}

/* The body's fault: halves, or the end of the one trace. */
static struct nv_verdict narrow(const struct nv_attempt *a, enum nv_dead reason,
                                const char *why)
{
    struct nv_verdict v = verdict(a->traces > 1 ? NV_ACTION_SPLIT : NV_ACTION_DEAD, why);

    v.dead = reason;
    return v;
}

/*
 * A failure that keeps hitting one body while others pass is in the body, whatever the failure:
 * a trace that the backend chokes on, or one at which something cuts the connection.
 */
static struct nv_verdict nobody_elses(const struct nv_retry_knobs *knobs,
                                      const struct nv_attempt *a, const char *why)
{
    struct nv_verdict v = later(knobs, a, why);

    if (!a->others_pass || a->number < NV_RETRY_SPLIT_ATTEMPTS || v.asked)
        return v;
    if (a->traces > 1)
        return verdict(NV_ACTION_SPLIT, "fails on this body only");
    return wait_alone(knobs, a, why);
}

static struct nv_verdict server_error(const struct nv_retry_knobs *knobs,
                                      const struct nv_attempt *a)
{
    return nobody_elses(knobs, a, "backend failed");
}

/* By somebody who is not the API: a firewall, a proxy, another server. */
static struct nv_verdict foreign_refusal(const struct nv_retry_knobs *knobs,
                                         const struct nv_attempt *a)
{
    struct nv_verdict v;

    switch (a->status) {
    case 400:
    case 415:
    case 422:
        if (!a->gzip || (a->status != 415 && a->gzip_proven))
            break;
        v = verdict(NV_ACTION_IDENTITY, "gzip may be refused");
        v.foreign = true;
        return v;
    case 413:
        /* A proxy's limit, said with its page: smaller bodies are the cure, others or not. */
        if (a->traces == 1)
            break;
        v = narrow(a, NV_DEAD_TOO_LARGE, "too large for what stands before the backend");
        v.foreign = true;
        return v;
    case 407:
        return hold(NV_HOLD_AUTH, knobs, a, "the proxy wants a login");
    case 408:
    case 425:
    case 429:
        return later(knobs, a, "asked to send again");
    default:
        break;
    }
    return foreign(knobs, a, true, "refused by something that is not the API");
}

static struct nv_verdict client_error(const struct nv_retry_knobs *knobs,
                                      const struct nv_attempt *a)
{
    if (a->body == NV_REPLY_FOREIGN)
        return foreign_refusal(knobs, a);
    switch (a->status) {
    case 400:
    case 422:
        if (a->gzip && !a->gzip_proven)
            return verdict(NV_ACTION_IDENTITY, "gzip may be refused");
        return narrow(a, NV_DEAD_REJECTED, "backend rejected the trace");
    case 401:
    case 403:
        return hold(NV_HOLD_AUTH, knobs, a, "backend refused the key");
    case 407:
        return hold(NV_HOLD_AUTH, knobs, a, "the proxy wants a login");
    case 402:
        return credit(knobs, a);
    case 408:
    case 425:
        return later(knobs, a, "backend asked to send again");
    case 409:
        return verdict(NV_ACTION_DELIVERED, "trace was stored before");
    case 413:
        return narrow(a, NV_DEAD_TOO_LARGE, "too large for the backend");
    case 415:
        if (a->gzip)
            return verdict(NV_ACTION_IDENTITY, "gzip is refused");
        return hold(NV_HOLD_CONFIG, knobs, a, "backend takes no JSON");
    case 429:
        return a->credit ? credit(knobs, a) : later(knobs, a, "rate limit");
    default:
        return hold(NV_HOLD_CONFIG, knobs, a, "endpoint does not take traces");
    }
}

/* 200, 201 or 202: a yes only in the API's own words, or in none. */
static struct nv_verdict yes(const struct nv_retry_knobs *knobs, const struct nv_attempt *a)
{
    switch (a->body) {
    case NV_REPLY_EMPTY:
    case NV_REPLY_OBJECT:
        return verdict(NV_ACTION_DELIVERED, "accepted");
    case NV_REPLY_DENIAL:
        return a->credit ? credit(knobs, a)
                         : foreign(knobs, a, false, "backend answers \"success\": false");
    case NV_REPLY_FOREIGN:
        break;
    }
    return foreign(knobs, a, false, "answer is no JSON object: a page, not the API");
}

static struct nv_verdict by_status(const struct nv_retry_knobs *knobs,
                                   const struct nv_attempt *a)
{
    if (a->status >= 200 && a->status <= 202)
        return yes(knobs, a);
    if (a->status >= 500 && a->status <= 599)
        return server_error(knobs, a);
    if (a->status >= 400 && a->status <= 499)
        return client_error(knobs, a);
    if (a->status >= 300 && a->status <= 399)
        return foreign(knobs, a, false, "endpoint redirects; the key does not follow");
    return foreign(knobs, a, false, "endpoint gives an unexpected status");
}

struct nv_verdict nv_retry_decide(const struct nv_retry_knobs *knobs,
                                  const struct nv_attempt *attempt)
{
    assert(attempt->number >= 1 && attempt->traces >= 1);
    switch (attempt->transfer) {
    case NV_TRANSFER_REPLY:
        return by_status(knobs, attempt);
    case NV_TRANSFER_OVERSIZE:
        /* The status line came before it, but half a body is nobody's word. */
        return attempt->status != 0 ? by_status(knobs, attempt)
                                    : later(knobs, attempt, "reply too large");
    case NV_TRANSFER_TLS:
        return hold(NV_HOLD_CONFIG, knobs, attempt, "TLS failed");
    case NV_TRANSFER_TIMEOUT:
        return nobody_elses(knobs, attempt, "no answer in time");
    case NV_TRANSFER_CONNECT:
        return later(knobs, attempt, "no connection");
    case NV_TRANSFER_CANCELLED:
        return verdict(NV_ACTION_RETRY, "cancelled");
    case NV_TRANSFER_BROKEN:
        return nobody_elses(knobs, attempt, "connection broken");
    case NV_TRANSFER_NO_MEMORY:
        break;
    }
    return later(knobs, attempt, "out of memory");
}
