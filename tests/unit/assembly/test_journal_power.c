/*
 * Power cuts: at every operation of random lives, states that the disk may be in are opened.
 * What was promised is there with its bytes, and the start never fails.
 *
 * Promised is what a synced commit has covered, its own records and those before it without a
 * sync (an outbox record whose request goes after the next synced note), and what a restart has
 * found: the replay acts upon it. 2,000 states here, plain and as many encrypted; NOVEUM_SOAK:
 * 100,000 each. The key is a file like the others: it is there whenever something is encrypted.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "base/log/log.h"
#include "power.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 400
#define BODY_MAX 9000
#define LIVES 8

static struct power power;
static struct nv_journal_config config;
static struct nv_journal *journal;
static struct {
    uint64_t id;
    uint32_t len;
    bool promised, released;
} records[RECORDS_MAX];
static size_t record_count;
static unsigned long states, states_max;
static unsigned every; /* one in so many boundaries is looked at */
static const char *doing = "";

static void fill_body(char *body, uint64_t seed, size_t len)
{
    for (size_t i = 0; i < len; i++)
        body[i] = (char)('!' + (seed * 31 + i * 7) % 90);
}

static void check_record(struct nv_journal *found, size_t i)
{
    static char body[BODY_MAX];
    struct nv_buf got;
    nv_buf_init(&got, 1 << 20);
    enum nv_err err = nv_journal_read_record(found, records[i].id, NULL, NULL, &got);
    ck_assert_msg(err == NV_OK, "state %lu, while %s: record %zu of %zu (id %llu) is lost: %s",
                  states, doing, i, record_count, (unsigned long long)records[i].id,
                  nv_err_info(err)->text);
    fill_body(body, i, records[i].len);
    ck_assert(nv_str_eq(nv_buf_str(&got), (struct nv_str){body, records[i].len}));
    nv_buf_release(&got);
}

static void look_at_a_state(void)
{
    struct nv_journal_config later = config;
    struct nv_journal *found;
    struct nv_fail fail = {0};
    power_make_state(&power);
    later.directory = power.state;
    later.ops = NULL;
    states++;
    enum nv_err err = nv_journal_open(&later, &found, &fail);
    ck_assert_msg(err == NV_OK, "state %lu, while %s: %s", states, doing, fail.what);
    for (size_t i = 0; i < record_count; i++) {
        if (records[i].promised && !records[i].released)
            check_record(found, i);
    }
    nv_journal_close(found);
    power_empty(power.state);
}

static void boundary(void *ctx)
{
    (void)ctx;
    if (states < states_max && power_draw(&power, every) == 0)
        look_at_a_state();
}

static void promise_all(void)
{
    for (size_t i = 0; i < record_count; i++)
        records[i].promised = true;
}

static void commit(void)
{
    static char bodies[3][BODY_MAX];
    static const enum nv_record_kind kinds[] = {NV_RECORD_TRACES, NV_RECORD_SENT,
                                                NV_RECORD_OUTBOX, NV_RECORD_DEAD_LETTER};
    struct nv_journal_put puts[3] = {{0}};
    size_t count = 1 + power_draw(&power, 3);
    bool sync = power_draw(&power, 3) > 0;
    if (record_count + count > RECORDS_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        size_t len =
            power_draw(&power, 4) ? power_draw(&power, 900) : power_draw(&power, BODY_MAX);
        fill_body(bodies[i], record_count + i, len);
        puts[i] = (struct nv_journal_put){.kind = kinds[power_draw(&power, 4)],
                                          .head = NV_STR("hd"),
                                          .body = {bodies[i], len}};
    }
    doing = sync ? "committing" : "committing without a sync";
    if (nv_journal_commit(journal, puts, count, sync))
        return;
    for (size_t i = 0; i < count; i++) {
        records[record_count].id = puts[i].id;
        records[record_count].len = (uint32_t)puts[i].body.len;
        records[record_count].released = false;
        records[record_count++].promised = false;
    }
    if (sync)
        promise_all();
}

static void release(void)
{
    doing = "releasing";
    size_t from = record_count ? power_draw(&power, (uint32_t)record_count) : 0;
    for (size_t i = from; i < record_count && i < from + 12; i++) {
        if (!records[i].promised || records[i].released || power_draw(&power, 6) == 0)
            continue;
        records[i].released = true;
        nv_journal_release(journal, &records[i].id, 1);
    }
}

static void open_live(void)
{
    struct nv_fail fail = {0};
    doing = "opening";
    enum nv_err err = nv_journal_open(&config, &journal, &fail);
    ck_assert_msg(err == NV_OK, "open: %s", fail.what);
}

/* The process is killed: nothing is synced by it any more, all that it wrote is still read. */
static void restart(void)
{
    doing = "being killed";
    power_kill(&power);
    nv_journal_close(journal);
    power_revive(&power);
    open_live();
    if (!power.dead && journal->unsure == 0)
        promise_all();
}

static void step(bool failing)
{
    uint32_t what = power_draw(&power, 20);
    if (failing && what == 19) {
        power.fail_sync = (int)power_draw(&power, 3);
        power.fatal = power_draw(&power, 2);
    } else if (what < 9) {
        commit();
    } else if (what < 15) {
        release();
    } else if (what < 18) {
        doing = "maintaining", nv_journal_maintain(journal);
    } else if (what == 18) {
        restart();
    }
    while (power.dead) /* in a sync that failed */
        restart();
}

START_TEST(what_was_promised_survives_a_power_cut)
{
    int life_kind = _i % LIVES;
    states = 0;
    states_max = getenv("NOVEUM_SOAK") ? 100000 / LIVES : 2000 / LIVES;
    every = getenv("NOVEUM_SOAK") ? 1 : 6;
    for (unsigned life = 0; states < states_max && life < 2000; life++) {
        power_init(&power, (uint64_t)life_kind * 100003 + life);
        record_count = 0;
        power.boundary = boundary;
        config = (struct nv_journal_config){.directory = power.directory,
                                            .sync = true,
                                            .max_bytes = 4u << 20,
                                            .segment_bytes = 32u << 10,
                                            .reserve = life_kind % 2 ? NV_JOURNAL_RESERVE : 0,
                                            .ops = &power.ops,
                                            .encrypt = _i >= LIVES};
        open_live();
        for (int i = 0; i < 120; i++)
            step(life_kind >= LIVES / 2);
        doing = "closing";
        nv_journal_close(journal);
        power_release(&power);
    }
    ck_assert_uint_ge(states, states_max);
}
END_TEST

static void drop_line(void *ctx, struct nv_str line)
{
    (void)ctx;
    (void)line;
}

int main(void)
{
    Suite *suite = suite_create("journal_power");
    TCase *tcase = tcase_create("journal_power");
    tcase_set_timeout(tcase, 1200);
    nv_log_set_sink(drop_line, NULL);
    tcase_add_loop_test(tcase, what_was_promised_survives_a_power_cut, 0, 2 * LIVES);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
