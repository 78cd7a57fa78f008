/*
 * The outbox over a store in memory: order, sums, what comes back, what is lost when a record
 * is damaged, and that no failure of memory or disk loses or doubles anything.
 */
#include "expect.h"
#include "exporter_rig.h"
#include "oom.h"

#include "exporter/outbox/outbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_rig rig;
static struct nv_outbox outbox;

static void setup(void)
{
    rig_init(&rig);
    nv_outbox_init(&outbox, &rig.store);
}

static void teardown(void)
{
    nv_outbox_release(&outbox);
    rig_release(&rig);
}

static struct nv_encoded_list list_of(unsigned from, unsigned count)
{
    struct nv_encoded_list list = {0};
    char text[128];

    for (unsigned i = from; i < from + count; i++) {
        int len =
            snprintf(text, sizeof text, "{\"trace_id\":\"t%u\",\"span_count\":%u}", i, i + 1);

        nv_encoded_list_push(&list, nv_encoded_new((struct nv_str){text, (size_t)len}, i + 1));
    }
    return list;
}

static void free_list(struct nv_encoded_list *list)
{
    struct nv_encoded *encoded;

    while ((encoded = nv_encoded_list_pop(list)) != NULL)
        free(encoded);
}

static void put(unsigned from, unsigned count)
{
    struct nv_encoded_list list = list_of(from, count);

    ck_assert_int_eq(nv_outbox_put(&outbox, &list), NV_OK);
    ck_assert_uint_eq(list.count, count);
    free_list(&list);
}

static void end_all(struct nv_encoded_list *list)
{
    for (struct nv_encoded *e = list->first; e; e = e->next)
        nv_outbox_end(&outbox, e->record);
    free_list(list);
}

START_TEST(first_in_first_out)
{
    struct nv_encoded_list list;
    uint64_t lost;

    for (unsigned i = 0; i < 200; i++)
        put(i * 3, 3);
    ck_assert_uint_eq(outbox.count, 200);
    for (unsigned i = 0; i < 200; i++) {
        char text[128];

        ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_OK);
        ck_assert_uint_eq(list.count, 3);
        (void)snprintf(text, sizeof text, "{\"trace_id\":\"t%u\",\"span_count\":%u}", i * 3,
                       i * 3 + 1);
        ck_assert_nv_str(nv_encoded_json(list.first), text);
        ck_assert_uint_eq(list.first->record->remaining, 3);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 200 - i);
        end_all(&list);
        ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 199 - i);
    }
    ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_ERR_END);
    ck_assert_uint_eq(outbox.spans, 0);
    nv_outbox_end(&outbox, NULL);
}
END_TEST

START_TEST(a_restart_finds_them)
{
    struct nv_encoded_list list;
    uint64_t lost;

    put(0, 2);
    put(2, 2);
    ck_assert_int_eq(rig.store.put(rig.store.ctx, NV_RECORD_OUTBOX, NV_STR("{\"v\":2}"),
                                   NV_STR("future"), &lost),
                     NV_OK);
    nv_outbox_release(&outbox);
    ck_assert_int_eq(nv_outbox_load(&outbox), NV_OK);
    ck_assert_uint_eq(outbox.count, 2);
    ck_assert_uint_eq(outbox.spans, 1 + 2 + 3 + 4);
    ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_OK);
    ck_assert_uint_eq(list.spans, 3);
    end_all(&list);
}
END_TEST

START_TEST(untaken_is_first_again)
{
    struct nv_encoded_list list;
    uint64_t lost;

    put(0, 2);
    put(2, 1);
    ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_OK);
    ck_assert_int_eq(nv_outbox_untake(&outbox, &list), NV_OK);
    ck_assert_uint_eq(list.count, 0);
    ck_assert_uint_eq(outbox.spans, 6);
    ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_OK);
    ck_assert_uint_eq(list.count, 2);
    end_all(&list);
}
END_TEST

static const struct {
    const char *head, *payload;
} damaged[] = {
    {"{\"v\":1,\"traces\":1,\"spans\":5}", ""},
    {"{\"v\":1,\"traces\":1,\"spans\":5}", "{\"trace_id\":\"t\",\"span_count\":5}"},
    {"{\"v\":1,\"traces\":1,\"spans\":5}", "{\"trace_id\":\"t\",\"span_count\":6}\n"},
    {"{\"v\":1,\"traces\":2,\"spans\":5}", "{\"trace_id\":\"t\",\"span_count\":5}\n"},
    {"{\"v\":1,\"traces\":1,\"spans\":5}", "nonsense\n"},
    {"{\"v\":1,\"traces\":1,\"spans\":5}", "\n"},
};

START_TEST(what_is_left_of_a_record_is_on_disk_before_that_goes)
{
    struct nv_encoded_list list, rest = {0};
    uint64_t lost;
    bool synced = false;

    put(1, 3);
    ck_assert(!rig.records[0].synced);
    ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_OK);
    struct nv_encoded *sent = nv_encoded_list_pop(&list);
    nv_outbox_end(&outbox, sent->record);
    free(sent);
    while (list.first)
        nv_encoded_list_push(&rest, nv_encoded_list_pop(&list));
    ck_assert_int_eq(nv_outbox_put(&outbox, &rest), NV_OK);
    for (size_t i = 0; i < rig.record_count; i++) {
        if (rig.records[i].id == rig.last_id)
            synced = rig.records[i].synced;
    }
    ck_assert(synced);
    end_all(&rest);
}
END_TEST

START_TEST(damage_is_told)
{
    struct nv_encoded_list list;
    uint64_t id, lost;

    ck_assert_int_eq(rig.store.put(rig.store.ctx, NV_RECORD_OUTBOX,
                                   nv_str_from(damaged[_i].head),
                                   nv_str_from(damaged[_i].payload), &id),
                     NV_OK);
    ck_assert_int_eq(nv_outbox_load(&outbox), NV_OK);
    ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_ERR_MALFORMED);
    ck_assert_uint_eq(lost, 5);
    ck_assert_uint_eq(outbox.count, 0);
    /* Left for a person to look at. */
    ck_assert_uint_eq(rig_records(&rig, NV_RECORD_OUTBOX), 1);
}
END_TEST

/* A packed record of which each byte in turn is wrong, or the end is missing. */
START_TEST(damaged_gzip_is_told)
{
    struct nv_encoded_list list;
    struct rig_record *record = &rig.records[0];
    unsigned padding = 0;
    uint64_t lost;
    char *bytes;

    put(0, 20);
    bytes = (char *)(uintptr_t)record->payload.ptr;
    ck_assert_int_eq(bytes[0], 0x1f);
    ck_assert_uint_gt(outbox.ring[outbox.first].text_len, record->payload.len);
    for (size_t i = 0; i < record->payload.len; i++) {
        enum nv_err err;

        /* Time, flags and system in gzip's head mean nothing to us. */
        if (i >= 4 && i < 10)
            continue;
        bytes[i] = (char)(bytes[i] ^ 0x10);
        err = nv_outbox_take(&outbox, &list, &lost);
        bytes[i] = (char)(bytes[i] ^ 0x10);
        if (err == NV_OK) {
            /* A padding bit: gzip's checksum says that the text is right. */
            ck_assert_uint_eq(list.count, 20);
            ck_assert_int_eq(nv_outbox_untake(&outbox, &list), NV_OK);
            padding++;
            continue;
        }
        ck_assert_msg(err == NV_ERR_MALFORMED, "byte %zu: %d", i, (int)err);
        ck_assert_int_eq(nv_outbox_load(&outbox), NV_OK);
    }
    ck_assert_uint_le(padding, 1);
    record->payload.len--;
    ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_ERR_MALFORMED);
    record->payload.len++;
    ck_assert_int_eq(nv_outbox_load(&outbox), NV_OK);
    ck_assert_int_eq(nv_outbox_take(&outbox, &list, &lost), NV_OK);
    end_all(&list);
}
END_TEST

START_TEST(heads_that_are_not_ours)
{
    static const char *const heads[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"v\":1}",
                                        "{\"v\":1,\"traces\":0,\"spans\":0}",
                                        "{\"v\":1,\"traces\":\"1\",\"spans\":0}",
                                        "{\"v\":1,\"traces\":99999999999,\"spans\":0}"};
    uint64_t id;

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        ck_assert_int_eq(rig.store.put(rig.store.ctx, NV_RECORD_OUTBOX, nv_str_from(heads[i]),
                                       NV_STR("x"), &id),
                         NV_OK);
    }
    ck_assert_int_eq(nv_outbox_load(&outbox), NV_OK);
    ck_assert_uint_eq(outbox.count, 0);
}
END_TEST

START_TEST(disk_trouble_changes_nothing)
{
    struct nv_encoded_list list = list_of(0, 2), out;
    uint64_t lost;

    rig.put_fails = NV_ERR_NO_SPACE;
    ck_assert_int_eq(nv_outbox_put(&outbox, &list), NV_ERR_NO_SPACE);
    ck_assert_uint_eq(outbox.count, 0);
    rig.put_fails = NV_OK;
    ck_assert_int_eq(nv_outbox_put(&outbox, &list), NV_OK);
    free_list(&list);
    rig.get_fails = NV_ERR_IO;
    ck_assert_int_eq(nv_outbox_take(&outbox, &out, &lost), NV_ERR_IO);
    ck_assert_uint_eq(outbox.count, 1);
    rig.get_fails = NV_ERR_NOT_FOUND;
    ck_assert_int_eq(nv_outbox_take(&outbox, &out, &lost), NV_ERR_NOT_FOUND);
    ck_assert_uint_eq(lost, 3);
    ck_assert_uint_eq(outbox.count, 0);
}
END_TEST

START_TEST(memory_trouble_changes_nothing)
{
    struct nv_encoded_list list = list_of(0, 4), out;
    bool failed = true;
    uint64_t lost;

    for (unsigned long nth = 1; failed; nth++) {
        enum nv_err err;

        oom_fail_nth(nth);
        err = nv_outbox_put(&outbox, &list);
        failed = oom_end();
        /* The rig's own copies fail and are made again: the put may pass all the same. */
        if (err != NV_OK) {
            ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
            ck_assert_uint_eq(outbox.count, 0);
            continue;
        }
        ck_assert_uint_eq(outbox.count, 1);
        ck_assert_int_eq(nv_outbox_take(&outbox, &out, &lost), NV_OK);
        end_all(&out);
        nv_outbox_release(&outbox);
    }
    ck_assert_int_eq(nv_outbox_put(&outbox, &list), NV_OK);
    free_list(&list);
    failed = true;
    for (unsigned long nth = 1; failed; nth++) {
        enum nv_err err;

        oom_fail_nth(nth);
        err = nv_outbox_take(&outbox, &out, &lost);
        failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert_uint_eq(outbox.count, failed ? 1 : 0);
    }
    end_all(&out);
}
END_TEST

START_TEST(without_a_store)
{
    nv_outbox_init(&outbox, NULL);
    ck_assert_int_eq(nv_outbox_load(&outbox), NV_OK);
}
END_TEST

/* As outbox.c has it. */
#define ENTRIES_MAX ((size_t)1 << 24)

/* A ring as large as it may be, of pages that nobody touches. */
START_TEST(as_many_records_as_there_may_be_and_one_more)
{
    const struct nv_outbox_entry entry = {.id = 1, .spans = 2};
    outbox.ring = calloc(ENTRIES_MAX, sizeof *outbox.ring);
    ck_assert_ptr_nonnull(outbox.ring);
    outbox.capacity = ENTRIES_MAX;
    outbox.count = ENTRIES_MAX - 1;
    ck_assert_int_eq(nv_outbox_adopt(&outbox, &entry), NV_OK);
    ck_assert_int_eq(nv_outbox_adopt(&outbox, &entry), NV_ERR_NO_MEMORY);
    ck_assert_uint_eq(outbox.count, ENTRIES_MAX);
    ck_assert_uint_eq(outbox.capacity, ENTRIES_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/outbox");
    TCase *tcase = tcase_create("outbox");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, first_in_first_out);
    tcase_add_test(tcase, a_restart_finds_them);
    tcase_add_test(tcase, untaken_is_first_again);
    tcase_add_test(tcase, what_is_left_of_a_record_is_on_disk_before_that_goes);
    tcase_add_loop_test(tcase, damage_is_told, 0, sizeof damaged / sizeof *damaged);
    tcase_add_test(tcase, damaged_gzip_is_told);
    tcase_add_test(tcase, heads_that_are_not_ours);
    tcase_add_test(tcase, disk_trouble_changes_nothing);
    tcase_add_test(tcase, memory_trouble_changes_nothing);
    tcase_add_test(tcase, without_a_store);
    tcase_add_test(tcase, as_many_records_as_there_may_be_and_one_more);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
