/*
 * Notes of what was delivered: written and read back, refused when they are none, found by
 * their extents.
 */
#include "expect.h"
#include "oom.h"

#include "kafka/delivered.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_delivered_note note_of(uint8_t trace, int64_t first, int64_t last)
{
    struct nv_delivered_note note = {
        .part = 3, .first = {{first, 2}, {-1, 0}}, .last = {{last, UINT32_MAX}, {-1, 0}}};
    note.trace_id[0] = trace;
    return note;
}

static enum nv_err keep(void *ctx, const struct nv_delivered_note *note)
{
    struct nv_delivered_note *out = ctx;
    *out = *note;
    return NV_OK;
}

START_TEST(a_note_is_read_as_it_was_written)
{
    struct nv_buf chunk;
    struct nv_delivered_note note = note_of(9, 5, INT64_C(1) << 40);
    struct nv_delivered_note again;
    nv_buf_init(&chunk, 1000);
    ck_assert_int_eq(nv_delivered_write(&chunk, &note), NV_OK);
    ck_assert_int_eq(nv_delivered_write(&chunk, &note), NV_OK);
    ck_assert_uint_eq(chunk.len, 1 + 2 * NV_DELIVERED_NOTE_BYTES);
    ck_assert_int_eq(nv_delivered_read(nv_buf_str(&chunk), keep, &again), NV_OK);
    ck_assert_mem_eq(again.trace_id, note.trace_id, NV_TRACE_ID_BYTES);
    ck_assert_uint_eq(again.part, 3);
    ck_assert_int_eq(again.first[0].offset, 5);
    ck_assert_uint_eq(again.first[0].item, 2);
    ck_assert_int_eq(again.last[0].offset, INT64_C(1) << 40);
    ck_assert_uint_eq(again.last[0].item, UINT32_MAX);
    ck_assert_int_eq(again.last[1].offset, -1);
    chunk.bytes[0] = 7;
    ck_assert_int_eq(nv_delivered_read(nv_buf_str(&chunk), keep, &again), NV_ERR_MALFORMED);
    chunk.bytes[0] = NV_DELIVERED_VERSION;
    chunk.len--;
    ck_assert_int_eq(nv_delivered_read(nv_buf_str(&chunk), keep, &again), NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_delivered_read(NV_STR(""), keep, &again), NV_ERR_MALFORMED);
    nv_buf_release(&chunk);
}
END_TEST

static bool has(const struct nv_delivered *delivered, uint8_t trace, int64_t offset,
                uint32_t item)
{
    struct nv_item wanted = {.flags = 0};
    wanted.trace_id[0] = trace;
    return nv_delivered_has(delivered, &wanted, NV_SIGNAL_TRACES,
                            (struct nv_delivered_place){offset, item});
}

START_TEST(items_are_found_by_their_extent)
{
    struct nv_delivered delivered;
    struct nv_delivered_note notes[] = {note_of(1, 5, 8), note_of(1, 20, 20), note_of(2, 6, 6)};
    nv_delivered_init(&delivered);
    ck_assert(!has(&delivered, 1, 5, 2));
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(nv_delivered_add(&delivered, &notes[i]), NV_OK);
    ck_assert(!has(&delivered, 1, 5, 1)); /* before its first */
    ck_assert(has(&delivered, 1, 5, 2));
    ck_assert(has(&delivered, 1, 8, 99));
    ck_assert(!has(&delivered, 1, 9, 0)); /* between its parts */
    ck_assert(has(&delivered, 1, 20, 2));
    ck_assert(!has(&delivered, 1, 21, 0));
    ck_assert(!has(&delivered, 3, 6, 2));
    ck_assert_int_eq(delivered.end[0], 20);
    ck_assert_int_eq(delivered.end[1], -1);
    nv_delivered_release(&delivered);
    ck_assert(!has(&delivered, 1, 5, 2));
}
END_TEST

START_TEST(a_message_written_again_is_noted_by_its_offset)
{
    struct nv_delivered delivered;
    const struct nv_delivered_note note = nv_delivered_rekeyed(NV_SIGNAL_LOGS, 258);
    const struct nv_delivered_note trace = note_of(1, 5, 8);
    struct nv_item wanted = {0};
    nv_delivered_init(&delivered);
    ck_assert(nv_delivered_is_rekeyed(&note));
    ck_assert(!nv_delivered_is_rekeyed(&trace));
    /* numbers are little-endian, as everywhere in a chunk */
    ck_assert_mem_eq(note.trace_id, "re-keyed\x02\x01\0\0\0\0\0\0", NV_TRACE_ID_BYTES);
    ck_assert_int_eq(nv_delivered_add(&delivered, &note), NV_OK);
    memcpy(wanted.trace_id, note.trace_id, sizeof wanted.trace_id);
    ck_assert(nv_delivered_has(&delivered, &wanted, NV_SIGNAL_LOGS,
                               (struct nv_delivered_place){258, 0}));
    ck_assert(!nv_delivered_has(&delivered, &wanted, NV_SIGNAL_TRACES,
                                (struct nv_delivered_place){258, 0}));
    nv_delivered_release(&delivered);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
    struct nv_delivered delivered;
    struct nv_delivered_note note = note_of(1, 5, 8);
    nv_delivered_init(&delivered);
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_delivered_add(&delivered, &note);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert(!has(&delivered, 1, 5, 2));
    }
    nv_delivered_release(&delivered);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka/delivered");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_note_is_read_as_it_was_written);
    tcase_add_test(tcase, items_are_found_by_their_extent);
    tcase_add_test(tcase, a_message_written_again_is_noted_by_its_offset);
    tcase_add_test(tcase, without_memory_it_says_so);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
