/*
 * Random lives of an assembly: whatever happens in whatever order, no span that was accepted is
 * lost, none is handed on twice, and the counters add up.
 *
 *   life = 120 steps of { accept, accept without memory, let time pass, tick, hold or settle
 *                         what was completed, stop and start, crash and start }
 *
 * A crash may repeat a part whose note was not on disk yet (docs/design/0004-journal.md), so
 * from then on "once" is "at least once". The seed of a failing life is told and may be given
 * as LIVES_SEED, which then runs alone.
 */
#include "expect.h"
#include "assembly/door/state.h"
#include "assembly_kit.h"
#include "chance.h"
#include "oom.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define LIVES 40
#define STEPS 120
#define TRACES 9
#define SPANS 52 /* letters of a trace */
#define WORDS_MAX 8

static struct kit kit;
static uint64_t state;
static uint64_t seed;

/* What is known of each span. */
static struct {
    bool accepted;
    unsigned delivered;
} known[TRACES][SPANS];
static unsigned used[TRACES]; /* letters so far */
static size_t seen;           /* of kit.traces */
static bool crashed;
static const char *doing;

static uint32_t draw(uint32_t end)
{
    return chance_below(&state, end);
}

static char letter_of(unsigned span)
{
    return (char)(span < 26 ? 'a' + span : 'A' + span - 26);
}

static unsigned span_of(char letter)
{
    return (unsigned)(letter >= 'a' ? letter - 'a' : letter - 'A' + 26);
}

/* ---- what came out ----------------------------------------------------------------------- */

static void look_at_item(unsigned trace, char letter)
{
    unsigned span = span_of(letter);
    ck_assert_msg(trace < TRACES && span < SPANS && known[trace][span].accepted,
                  "life %llu, while %s: %u%c was never accepted", (unsigned long long)seed,
                  doing, trace + 1, letter);
    known[trace][span].delivered++;
    ck_assert_msg(crashed || known[trace][span].delivered == 1,
                  "life %llu, while %s: %u%c came twice", (unsigned long long)seed, doing,
                  trace + 1, letter);
}

static void look_at_what_came(void)
{
    for (; seen < kit.trace_count; seen++) {
        const struct kit_trace *trace = &kit.traces[seen];
        unsigned items = 0;
        for (const char *at = trace->items; *at; at++) {
            if (*at == ' ')
                continue;
            look_at_item((unsigned)(trace->trace - '1'), *at);
            items++;
        }
        ck_assert_uint_eq(items, trace->spans);
        ck_assert_uint_le(items, kit.config.max_spans);
    }
}

static void check_counters(void)
{
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    uint64_t sum = ledger.held + ledger.queued + ledger.delivered;
    for (int i = 0; i < NV_DROP_COUNT; i++)
        sum += ledger.dropped[i];
    for (int i = 0; i < NV_DEAD_COUNT; i++)
        sum += ledger.dead[i];
    ck_assert_msg(sum == ledger.received, "life %llu, while %s: %llu received, %llu told of",
                  (unsigned long long)seed, doing, (unsigned long long)ledger.received,
                  (unsigned long long)sum);
}

/* ---- what happens ------------------------------------------------------------------------ */

/* " 3k<a!+": a new span of the trace, perhaps with a parent of those before it. */
static size_t add_word(char *text, size_t size, unsigned trace)
{
    static const char *const marks[] = {"", "!", ".", "^", "@", "+", "^+", "@+", "!^"};
    char parent[3] = "";
    unsigned span = used[trace]++;
    if (span > 0 && draw(4) > 0) {
        parent[0] = '<';
        parent[1] = letter_of(draw(2) ? draw(span) : draw(SPANS)); /* or one to come */
    }
    return (size_t)snprintf(text, size, " %u%c%s%s", trace + 1, letter_of(span), parent,
                            marks[draw(sizeof marks / sizeof *marks)]);
}

static void accept_some(bool without_memory)
{
    char text[256] = "";
    unsigned trace_of[WORDS_MAX];
    unsigned span_at[WORDS_MAX];
    unsigned words = 0;
    size_t len = 0;
    for (uint32_t left = 1 + draw(WORDS_MAX); left > 0; left--) {
        unsigned trace = draw(TRACES);
        if (used[trace] == SPANS)
            continue;
        trace_of[words] = trace;
        span_at[words++] = used[trace];
        len += add_word(text + len, sizeof text - len, trace);
    }
    if (words == 0)
        return;
    static const char *const services[] = {"shop", "web", "pay"};
    struct nv_batch *batch = kit_batch(services[draw(3)], text);
    struct nv_acceptor acceptor = nv_assembly_acceptor(kit.assembly);
    if (without_memory)
        oom_fail_nth(1 + draw(12));
    acceptor.accept(acceptor.ctx, batch, kit_note_done, &kit);
    (void)oom_end();
    enum nv_err err = kit.done_last;
    ck_assert_msg(err == NV_OK || err == NV_ERR_BUSY || err == NV_ERR_FULL ||
                      (without_memory && err == NV_ERR_NO_MEMORY),
                  "life %llu: %s", (unsigned long long)seed, nv_err_info(err)->text);
    for (unsigned i = 0; i < words; i++)
        known[trace_of[i]][span_at[i]].accepted = err == NV_OK;
}

static void start_again(void)
{
    look_at_what_came();
    seen = 0;
    kit_restart(&kit);
}

static void one_step(bool durable)
{
    uint32_t dice = draw(durable ? 100 : 90);
    if (dice < 50) {
        doing = "accepting";
        accept_some(false);
    } else if (dice < 58) {
        doing = "accepting without memory";
        accept_some(true);
    } else if (dice < 78) {
        doing = "waiting";
        kit_advance(&kit, draw(8000));
    } else if (dice < 84) {
        doing = "holding what is completed";
        kit.hold_claims = true;
    } else if (dice < 90) {
        doing = "settling";
        kit.hold_claims = false;
        kit_settle_all(&kit);
    } else if (dice < 96) {
        doing = "stopping and starting";
        kit_stop(&kit);
        start_again();
    } else {
        doing = "crashing and starting";
        look_at_what_came();
        kit_crash(&kit);
        crashed = true;
        start_again();
    }
}

/* ---- a life ------------------------------------------------------------------------------ */

static void begin(bool durable)
{
    memset(known, 0, sizeof known);
    memset(used, 0, sizeof used);
    seen = 0;
    crashed = false;
    kit_init(&kit);
    if (durable)
        kit_directory(&kit);
    kit.config.max_spans = draw(3) ? 1000 : 2 + draw(6); /* parts, now and then */
    kit.config.memory_bytes = draw(4) ? 1 << 20 : 4000;  /* and refusals */
    kit_start(&kit);
}

static void end(void)
{
    doing = "ending";
    kit.hold_claims = false;
    kit_settle_all(&kit);
    kit_advance(&kit, 3600000);
    kit_advance(&kit, 1); /* what was settled in the last tick is forgotten in the next */
    look_at_what_came();
    for (unsigned trace = 0; trace < TRACES; trace++) {
        for (unsigned span = 0; span < SPANS; span++) {
            ck_assert_msg(!known[trace][span].accepted || known[trace][span].delivered > 0,
                          "life %llu: %u%c is lost", (unsigned long long)seed, trace + 1,
                          letter_of(span));
        }
    }
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.held, 0);
    ck_assert_uint_eq(ledger.queued, 0);
    ck_assert_uint_eq(atomic_load(&kit.assembly->arriving), 0);
    ck_assert_uint_eq(atomic_load(&kit.assembly->memory), 0);
    ck_assert_uint_eq(atomic_load(&kit.assembly->claims), 0);
    ck_assert_uint_eq(kit.assembly->groups.index.count, 0);
    ck_assert_uint_eq(kit.assembly->groups.resources.count, 0);
    kit_release(&kit);
}

static void live(uint64_t of, bool durable)
{
    seed = of;
    state = of;
    doing = "starting";
    begin(durable);
    for (int step = 0; step < STEPS; step++) {
        one_step(durable);
        look_at_what_came();
        check_counters();
    }
    end();
}

START_TEST(nothing_is_lost_and_the_counters_add_up)
{
    const bool durable = _i == 1;
    const char *one = getenv("LIVES_SEED");
    if (one) {
        live(strtoull(one, NULL, 10), durable);
        return;
    }
    for (uint64_t i = 1; i <= LIVES; i++)
        live(i, durable);
}
END_TEST

/* What the lives rest on: the words that they make are read as they are meant. */
START_TEST(letters_are_spans_and_back)
{
    for (unsigned span = 0; span < SPANS; span++)
        ck_assert_uint_eq(span_of(letter_of(span)), span);
    ck_assert_int_eq(letter_of(25), 'z');
    ck_assert_int_eq(letter_of(26), 'A');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assembly/random_lives");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, letters_are_spans_and_back);
    tcase_add_loop_test(tcase, nothing_is_lost_and_the_counters_add_up, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
