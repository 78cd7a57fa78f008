/*
 * Notes of what leaves: read back as written, merged when there are many, released when nobody
 * can need them.
 */
#include "expect.h"
#include "assembly/door/notes.h"
#include "journal/journal.h"
#include "assembly_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
    kit_directory(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

static struct nv_claim *new_claim(char trace, uint32_t part, uint64_t first, uint64_t last)
{
    struct nv_claim *claim = calloc(1, sizeof *claim + sizeof claim->requests[0]);
    memset(claim->trace_id, trace, sizeof claim->trace_id);
    claim->part = part;
    claim->first = (struct nv_place){first, 1};
    claim->last = (struct nv_place){last, 2};
    claim->request_count = 1;
    return claim;
}

static void write_planned(char trace, uint32_t part, uint64_t first, uint64_t last)
{
    struct nv_claim *claim = new_claim(trace, part, first, last);
    nv_notes_write_planned(kit.assembly, &claim, 1);
    free(claim);
}

static void write_settled(char trace, uint32_t part, uint64_t first, uint64_t last)
{
    struct nv_claim *claim = new_claim(trace, part, first, last);
    struct nv_buf bytes;
    nv_buf_init(&bytes, 1 << 20);
    size_t len = nv_notes_encode_settled(&bytes, claim);
    ck_assert_uint_eq(len, bytes.len);
    struct nv_journal_put put = {.kind = NV_RECORD_SENT, .body = nv_buf_str(&bytes)};
    ck_assert_int_eq(nv_journal_commit(kit.assembly->journal, &put, 1, true), NV_OK);
    nv_notes_wrote_settled(kit.assembly, put.id, claim);
    nv_buf_release(&bytes);
    free(claim);
}

static size_t records(void)
{
    uint64_t *ids;
    size_t count;
    ck_assert_int_eq(nv_journal_list(kit.assembly->journal, 1u << NV_RECORD_SENT, &ids, &count),
                     NV_OK);
    free(ids);
    return count;
}

START_TEST(they_are_read_back_in_order)
{
    kit_start(&kit);
    write_settled('b', 0, 7, 8);
    write_planned('a', 1, 5, 6);
    write_planned('a', 0, 3, 4);
    write_settled('a', 0, 3, 4);
    struct nv_note *notes;
    size_t count;
    ck_assert_int_eq(nv_notes_read(kit.assembly, &notes, &count), NV_OK);
    ck_assert_uint_eq(count, 4);
    const struct {
        char trace;
        uint32_t part, state;
        uint64_t first;
    } want[] = {{'a', 0, NV_NOTE_PLANNED, 3},
                {'a', 0, NV_NOTE_SETTLED, 3},
                {'a', 1, NV_NOTE_PLANNED, 5},
                {'b', 0, NV_NOTE_SETTLED, 7}};
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(notes[i].trace_id[9], want[i].trace);
        ck_assert_uint_eq(notes[i].part, want[i].part);
        ck_assert_uint_eq(notes[i].state, want[i].state);
        ck_assert_uint_eq(notes[i].first.record_id, want[i].first);
        ck_assert_uint_eq(notes[i].last.record_id, want[i].first + 1);
        ck_assert_uint_eq(notes[i].first.ordinal, 1);
        ck_assert_uint_eq(notes[i].last.ordinal, 2);
    }
    free(notes);
}
END_TEST

START_TEST(claims_that_carry_nothing_are_not_noted)
{
    struct nv_buf bytes;
    nv_buf_init(&bytes, 1000);
    struct nv_claim *claim = new_claim('a', 0, 1, 2);
    claim->request_count = 0;
    ck_assert_uint_eq(nv_notes_encode_settled(&bytes, claim), 0);
    nv_buf_release(&bytes);
    free(claim);
}
END_TEST

START_TEST(planned_notes_go_when_their_requests_have_gone)
{
    kit_start(&kit);
    write_planned('a', 0, 1, 1);
    nv_fake_clock_advance(&kit.clock, 2 * NV_NS_PER_S);
    write_settled('a', 0, 1, 1);
    nv_notes_sweep(kit.assembly);
    ck_assert_uint_eq(records(), 1);
    kit_spans(&kit, "shop", "1x<y.");
    write_planned('b', 0, 1000, 1000); /* of a request that is not there any more, but later */
    nv_fake_clock_advance(&kit.clock, 2 * NV_NS_PER_S);
    write_settled('b', 0, 1000, 1000);
    nv_notes_sweep(kit.assembly);
    ck_assert_uint_eq(records(), 3); /* the open request is older */
}
END_TEST

START_TEST(settled_notes_go_when_their_traces_are_forgotten)
{
    kit.config.sent_max = 10;
    kit_start(&kit);
    for (int i = 0; i < 40; i++) {
        nv_fake_clock_advance(&kit.clock, 2 * NV_NS_PER_S);
        write_settled((char)('A' + i), 0, 1, 1);
        nv_notes_sweep(kit.assembly);
    }
    ck_assert_uint_eq(records(), 10);
}
END_TEST

START_TEST(many_records_become_one_and_lose_nothing)
{
    kit_start(&kit);
    for (int i = 0; i < 700; i++)
        write_settled((char)(' ' + i % 90), (uint32_t)i, (uint64_t)i + 1, (uint64_t)i + 2);
    ck_assert_uint_ge(records(), 256);
    for (int i = 0; i < 4; i++) {
        nv_fake_clock_advance(&kit.clock, 2 * NV_NS_PER_S);
        write_settled('!', 1000 + (uint32_t)i, 1, 1);
        nv_notes_sweep(kit.assembly);
    }
    ck_assert_uint_le(records(), 260);
    struct nv_note *notes;
    size_t count;
    ck_assert_int_eq(nv_notes_read(kit.assembly, &notes, &count), NV_OK);
    ck_assert_uint_eq(count, 704);
    free(notes);
}
END_TEST

START_TEST(without_a_journal_nothing_is_noted)
{
    kit.config.durability = NV_DURABILITY_MEMORY;
    kit_start(&kit);
    write_planned('a', 0, 1, 1);
    ck_assert_ptr_null(nv_assembly_store(kit.assembly));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notes");
    TCase *tcase = tcase_create("notes");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, they_are_read_back_in_order);
    tcase_add_test(tcase, claims_that_carry_nothing_are_not_noted);
    tcase_add_test(tcase, planned_notes_go_when_their_requests_have_gone);
    tcase_add_test(tcase, settled_notes_go_when_their_traces_are_forgotten);
    tcase_add_test(tcase, many_records_become_one_and_lose_nothing);
    tcase_add_test(tcase, without_a_journal_nothing_is_noted);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
