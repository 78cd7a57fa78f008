/*
 * Slowing down for everybody's sake.
 *
 * One failed body says little, so only it waits; three in a row say that the backend is in
 * trouble, and then one request at a time probes it until one passes. Width grows back by one a
 * success. A Retry-After closes the gate for all at once, because the backend's limit is on the
 * client's address, not on a body (docs/noveum-backend.md#answers). A success that was already
 * on its way when a hold began proves nothing and does not end it, but where the question is
 * who answers.
 *
 * Budget: thousandths of a retry. Each attempt adds 100 and each second 200, a retry costs 1000
 * and gets it back when it succeeds; so a healthy backend never runs it dry, and a failing one
 * is retried at most once in ten attempts or once in five seconds.
 *
 *              failure 1, 2: width halved          failure 3: shut, backoff
 *    open ───────────────────────────▶ narrow ───────────────────────────▶ shut ──▶ one at a time
 *     ▲  ◀──────success: width + 1──────┘  ◀────────────success────────────────────────┘
 *     │
 *     └◀─success after its wait─ held (key: a probe asks, no body goes; credit, endpoint: one body;
 *                                 foreign: pilots go within the wait, each meant for other traces)
 *
 * Pilots are for a refusal that may be meant for one trace: until NV_GATE_PILOTS first tries
 * were refused in a row it is not known to be one for all, and holding everybody for it would
 * be wrong.
 */
#include "exporter/answer/gate.h"

#include "base/clock.h"

#include <assert.h>

#include "base/banned.h"

#define RETRY_COST 1000u
#define ATTEMPT_FILL 100u
#define SECOND_FILL 200u
#define BUDGET_MAX (10u * RETRY_COST)

void nv_gate_init(struct nv_gate *gate, uint32_t width_max, uint64_t now_ns)
{
    assert(width_max >= 1);
    *gate = (struct nv_gate){.width = 1,
                             .width_max = width_max,
                             .pilots = NV_GATE_PILOTS,
                             .budget = BUDGET_MAX,
                             .filled_ns = now_ns,
                             .why = ""};
}

bool nv_gate_is_open(const struct nv_gate *gate, uint32_t in_flight, uint64_t now_ns)
{
    return gate->hold != NV_HOLD_AUTH && now_ns >= gate->until_ns && in_flight < gate->width;
}

bool nv_gate_takes_pilot(const struct nv_gate *gate, uint32_t in_flight)
{
    return gate->hold == NV_HOLD_FOREIGN && in_flight < gate->width && in_flight < gate->pilots;
}

bool nv_gate_wants_probe(const struct nv_gate *gate, uint64_t now_ns)
{
    return gate->hold == NV_HOLD_AUTH && now_ns >= gate->until_ns;
}

static uint64_t filled(const struct nv_gate *gate, uint64_t now_ns)
{
    uint64_t elapsed_ms = (now_ns - gate->filled_ns) / NV_NS_PER_MS;
    uint64_t budget = gate->budget + elapsed_ms * SECOND_FILL / 1000;

    return budget < BUDGET_MAX ? budget : BUDGET_MAX;
}

static void add(struct nv_gate *gate, uint64_t amount)
{
    gate->budget = gate->budget + amount < BUDGET_MAX ? gate->budget + amount : BUDGET_MAX;
}

void nv_gate_attempt(struct nv_gate *gate, uint64_t now_ns)
{
    (void)now_ns;
    add(gate, ATTEMPT_FILL);
}

bool nv_gate_pay_retry(struct nv_gate *gate, uint64_t now_ns)
{
    uint64_t budget = filled(gate, now_ns);

    if (budget < RETRY_COST)
        return false;
    gate->budget = budget - RETRY_COST;
    gate->filled_ns = now_ns;
    return true;
}

uint64_t nv_gate_retry_due_ns(const struct nv_gate *gate, uint64_t now_ns)
{
    uint64_t budget = filled(gate, now_ns);

    if (budget >= RETRY_COST)
        return now_ns;
    return now_ns + ((RETRY_COST - budget) * 1000 / SECOND_FILL + 1) * NV_NS_PER_MS;
}

bool nv_gate_success(struct nv_gate *gate, bool was_retry, uint64_t now_ns)
{
    bool ended = false;

    if (was_retry)
        add(gate, RETRY_COST);
    gate->troubles = 0;
    gate->pilots = NV_GATE_PILOTS;
    /* Whoever stood there let this one through, whenever it was sent. */
    if (gate->hold == NV_HOLD_FOREIGN)
        gate->until_ns = now_ns;
    if (now_ns < gate->until_ns)
        return false;
    ended = gate->hold != NV_HOLD_NONE;
    gate->holds = 0;
    gate->hold = NV_HOLD_NONE;
    if (gate->width < gate->width_max)
        gate->width++;
    return ended;
}

static void close_until(struct nv_gate *gate, uint64_t until_ns)
{
    if (until_ns > gate->until_ns)
        gate->until_ns = until_ns;
    gate->width = 1;
}

void nv_gate_failure(struct nv_gate *gate, const struct nv_retry_knobs *knobs,
                     const struct nv_verdict *verdict, uint64_t now_ns, uint64_t random)
{
    uint32_t width = gate->width;
    bool foreign = verdict->action == NV_ACTION_HOLD && verdict->hold == NV_HOLD_FOREIGN;

    assert(verdict->action == NV_ACTION_HOLD || verdict->trouble);
    gate->why = verdict->why;
    if (foreign && verdict->first && gate->pilots > 0)
        gate->pilots--;
    /* A pilot's failure is no news: the wait goes on. */
    if (foreign && gate->hold == NV_HOLD_FOREIGN && now_ns < gate->until_ns)
        return;
    if (verdict->action == NV_ACTION_HOLD) {
        gate->hold = verdict->hold;
        gate->holds++;
        gate->until_ns = 0;
        close_until(gate, now_ns + verdict->wait_ns);
        if (foreign && gate->pilots > 0)
            gate->width = width;
        return;
    }
    if (now_ns >= gate->until_ns)
        gate->hold = NV_HOLD_NONE; /* another trouble has taken its place */
    gate->troubles++;
    gate->width = gate->width > 1 ? gate->width / 2 : 1;
    if (verdict->asked) {
        close_until(gate, now_ns + verdict->wait_ns);
    } else if (gate->troubles >= NV_GATE_TROUBLES_MAX) {
        close_until(
            gate, now_ns + nv_retry_backoff_ns(knobs, gate->troubles - NV_GATE_TROUBLES_MAX + 1,
                                               random));
    }
}

void nv_gate_let_through(struct nv_gate *gate, uint64_t now_ns)
{
    gate->hold = NV_HOLD_NONE;
    gate->until_ns = now_ns;
    gate->width = 1;
}
