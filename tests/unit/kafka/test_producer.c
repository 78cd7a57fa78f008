/*
 * Role receive against a mock cluster: a request is answered when the brokers have it and not
 * before, a full buffer refuses, a broker that goes loses nothing that was acknowledged, a
 * client that has failed for good is replaced.
 */
#include "expect.h"
#include "kafka_kit.h"
#include "oom.h"
#include "otlp_build.h"

#include "base/log/counters.h"
#include "base/text/text.h"
#include "kafka/producer.h"
#include "kafka/split.h"
#include "model/ledger.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

#ifdef NOVEUM_KAFKA
#define WAIT_S 30

static struct nv_test_kafka kafka;
static struct nv_kafka_producer *producer;
static struct nv_acceptor acceptor;
static struct nv_fail fail;

/* Answers, counted by what they say. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned answered, taken;
static enum nv_err last;

static void on_done(void *ctx, enum nv_err err)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    answered++;
    taken += err == NV_OK;
    last = err;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_answers(unsigned count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&lock);
    int failed = 0;
    while (answered < count && failed == 0)
        failed = pthread_cond_timedwait(&changed, &lock, &until);
    ck_assert_uint_eq(answered, count);
    pthread_mutex_unlock(&lock);
}

static void set_up(void)
{
    answered = taken = 0;
    fail = (struct nv_fail){0};
    nv_ledger_reset();
    nv_count_reset();
    nv_test_kafka_start(&kafka, 4);
}

static void tear_down(void)
{
    nv_kafka_producer_free(producer);
    producer = NULL;
    nv_test_kafka_stop(&kafka);
}

static void start(void)
{
    ck_assert_msg(nv_kafka_producer_start(&kafka.config, &fail, &producer) == NV_OK, "%s",
                  fail.what);
    acceptor = nv_kafka_producer_acceptor(producer);
}

static void send_span(unsigned number)
{
    acceptor.accept(acceptor.ctx, nv_test_kafka_request(number, NULL), on_done, NULL);
}

static uint64_t delivered(void)
{
    struct nv_ledger now;
    nv_ledger_read(&now);
    ck_assert_uint_eq(now.received, now.delivered);
    ck_assert_uint_eq(now.held + now.queued, 0);
    return now.delivered;
}

START_TEST(what_is_answered_lies_in_the_log)
{
    enum { COUNT = 40 };
    start();
    for (unsigned i = 0; i < COUNT; i++)
        acceptor.accept(acceptor.ctx, nv_test_kafka_request(i, "shop"), on_done, NULL);
    wait_answers(COUNT);
    ck_assert_uint_eq(taken, COUNT);
    ck_assert_uint_eq(delivered(), COUNT);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_PRODUCED), COUNT);
    struct nv_test_record *records = nv_test_kafka_read(&kafka, "spans", COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        struct nv_str key = {records[i].key, records[i].key_len};
        struct nv_test_decoded decoded =
            nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF,
                           (struct nv_str){records[i].bytes, records[i].len});
        char hex[NV_KAFKA_KEY_BYTES];
        ck_assert_int_eq(decoded.err, NV_OK);
        nv_hex_encode(decoded.batch->items[0].trace_id, NV_TRACE_ID_BYTES, hex);
        ck_assert(nv_str_eq(key, (struct nv_str){hex, sizeof hex}));
        ck_assert_int_eq(records[i].partition, nv_test_kafka_partition(key, 4));
        ck_assert_str_eq(records[i].project, "shop");
        ck_assert(!records[i].key_only);
        nv_batch_free(decoded.batch);
    }
    nv_test_records_free(records, COUNT);
    struct nv_kafka_status status;
    nv_kafka_producer_status(producer, &status);
    ck_assert(status.on && status.up);
    ck_assert_uint_eq(status.partitions, 4);
    ck_assert_uint_eq(status.buffered_messages + status.buffered_bytes, 0);
}
END_TEST

/* ---- what librdkafka is given ------------------------------------------------------------ */

static const struct {
    const char *property, *value;
} given[] = {{"compression.codec", "lz4"},
             {"enable.idempotence", "false"},
             {"linger.ms", "17"},
             {"message.timeout.ms", "12345"},
             {"message.max.bytes", "123456"},
             {"bootstrap.servers", NULL}};
static unsigned given_count;

/* In the place of rd_kafka_new: looks at the configuration before it is used up. */
static rd_kafka_t *look_and_make(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text,
                                 size_t size)
{
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        char value[256];
        size_t len = sizeof value;
        const char *want = given[i].value ? given[i].value : kafka.config.brokers;
        given_count +=
            rd_kafka_conf_get(conf, given[i].property, value, &len) == RD_KAFKA_CONF_OK &&
                    strcmp(value, want) == 0
                ? 1
                : 0;
    }
    return rd_kafka_new(type, conf, text, size);
}

START_TEST(librdkafka_has_what_the_options_say)
{
    const struct nv_rd *rd = NULL;
    ck_assert_int_eq(nv_rd_load(&rd, &fail), NV_OK);
    struct nv_rd *table = (struct nv_rd *)(uintptr_t)rd;
    kafka.config.compression = "lz4";
    kafka.config.idempotence = false;
    kafka.config.linger_ms = 17;
    kafka.config.timeout_ms = 12345;
    kafka.config.message_bytes_max = 123456;
    table->new = look_and_make;
    start();
    table->new = rd_kafka_new;
    ck_assert_uint_eq(given_count, sizeof given / sizeof given[0]);
}
END_TEST

START_TEST(without_spans_it_is_answered_at_once)
{
    start();
    struct nv_test_decoded decoded =
        nv_test_decode(NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, NV_STR(""));
    acceptor.accept(acceptor.ctx, decoded.batch, on_done, NULL);
    ck_assert_uint_eq(answered, 1);
    ck_assert_int_eq(last, NV_OK);
}
END_TEST

START_TEST(a_broker_that_is_away_fills_the_buffer_and_is_waited_for)
{
    kafka.config.buffer_bytes = 400;
    kafka.config.timeout_ms = 60000;
    start();
    nv_test_kafka_down(&kafka);
    unsigned sent = 0;
    while (answered == 0 && sent < 1000)
        send_span(sent++);
    /* the one that found no room was refused at once, all before it wait */
    ck_assert_uint_eq(answered, 1);
    ck_assert_int_eq(last, NV_ERR_FULL);
    ck_assert_int_eq(acceptor.admit(acceptor.ctx, 400), NV_ERR_FULL);
    ck_assert_uint_gt(sent, 2);
    nv_test_kafka_up(&kafka);
    wait_answers(sent);
    ck_assert_uint_eq(taken, sent - 1);
    ck_assert_uint_eq(delivered(), sent - 1);
    ck_assert_int_eq(acceptor.admit(acceptor.ctx, 400), NV_OK);
    nv_test_records_free(nv_test_kafka_read(&kafka, "spans", sent - 1), sent - 1);
}
END_TEST

START_TEST(what_the_brokers_do_not_take_in_time_is_refused)
{
    kafka.config.timeout_ms = 1000;
    start();
    nv_test_kafka_down(&kafka);
    send_span(1);
    wait_answers(1);
    ck_assert_int_eq(last, NV_ERR_FULL);
    ck_assert_uint_eq(delivered(), 0);
    ck_assert_uint_eq(nv_count_get(NV_COUNT_KAFKA_FAILED), 1);
}
END_TEST

START_TEST(a_stop_waits_for_the_brokers)
{
    enum { COUNT = 200 };
    static const struct nv_kafka_property slow[] = {
        {NV_STR_INIT("linger.ms"), NV_STR_INIT("2000")}};
    kafka.config.properties = slow;
    kafka.config.property_count = 1;
    start();
    for (unsigned i = 0; i < COUNT; i++)
        send_span(i);
    nv_kafka_producer_stop(producer, 20000);
    ck_assert_uint_eq(answered, COUNT);
    ck_assert_uint_eq(taken, COUNT);
    send_span(COUNT);
    ck_assert_int_eq(last, NV_ERR_STOPPING);
    nv_test_records_free(nv_test_kafka_read(&kafka, "spans", COUNT), COUNT);
}
END_TEST

START_TEST(a_stop_without_brokers_answers_all_the_same)
{
    start();
    nv_test_kafka_down(&kafka);
    for (unsigned i = 0; i < 10; i++)
        send_span(i);
    nv_kafka_producer_stop(producer, 100);
    ck_assert_uint_eq(answered, 10);
    ck_assert_uint_eq(taken, delivered());
}
END_TEST

START_TEST(a_client_that_failed_for_good_is_made_anew)
{
    start();
    send_span(1);
    wait_answers(1);
    nv_kafka_producer_break(producer);
    /* until it is replaced requests are refused; their clients send them again */
    unsigned sent = 1;
    do {
        send_span(++sent);
        wait_answers(sent);
    } while (last != NV_OK && sent < 10000);
    ck_assert_int_eq(last, NV_OK);
    ck_assert_uint_ge(nv_count_get(NV_COUNT_KAFKA_RENEWED), 1);
    ck_assert_uint_eq(delivered(), taken);
    nv_test_records_free(nv_test_kafka_read(&kafka, "spans", taken), taken);
}
END_TEST

START_TEST(topics_with_unequal_partitions_are_refused)
{
    ck_assert_int_eq(rd_kafka_mock_topic_create(kafka.cluster, "three", 3, 1), 0);
    kafka.config.logs_topic = "three";
    ck_assert_int_eq(nv_kafka_producer_start(&kafka.config, &fail, &producer), NV_ERR_CONFIG);
    ck_assert_ptr_null(producer);
    ck_assert_ptr_nonnull(strstr(fail.what, "\"spans\" has 4 partitions, \"three\" 3"));
}
END_TEST

START_TEST(a_topic_that_is_not_there_is_refused)
{
    kafka.config.start_wait_ms = 0;
    rd_kafka_mock_topic_set_error(kafka.cluster, "logs",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    ck_assert_int_eq(nv_kafka_producer_start(&kafka.config, &fail, &producer), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "logs"));
    ck_assert_ptr_nonnull(strstr(fail.what, "make it first"));
}
END_TEST

START_TEST(brokers_that_come_later_are_found)
{
    kafka.config.start_wait_ms = 0;
    nv_test_kafka_down(&kafka);
    start();
    struct nv_kafka_status status;
    nv_kafka_producer_status(producer, &status);
    ck_assert(status.on && !status.up);
    ck_assert_str_ne(status.reason, "");
    nv_test_kafka_up(&kafka);
    send_span(1);
    wait_answers(1);
    ck_assert_int_eq(last, NV_OK);
    nv_kafka_producer_status(producer, &status);
    ck_assert(status.up);
    ck_assert_str_eq(status.reason, "");
}
END_TEST

START_TEST(without_memory_it_is_refused_and_nothing_leaks)
{
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        fail = (struct nv_fail){0};
        enum nv_err err = nv_kafka_producer_start(&kafka.config, &fail, &producer);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_ptr_null(producer);
    }
    acceptor = nv_kafka_producer_acceptor(producer);
    for (unsigned long n = 1;; n++) {
        struct nv_batch *batch = nv_test_kafka_request(1, NULL);
        unsigned before = answered;
        oom_fail_nth(n);
        acceptor.accept(acceptor.ctx, batch, on_done, NULL);
        bool failed = oom_end();
        wait_answers(before + 1);
        if (!failed)
            break;
        ck_assert_int_eq(last, NV_ERR_NO_MEMORY);
    }
    ck_assert_int_eq(last, NV_OK);
    ck_assert_uint_eq(delivered(), 1);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("kafka/producer");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
#ifdef NOVEUM_KAFKA
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_answered_lies_in_the_log);
    tcase_add_test(tcase, librdkafka_has_what_the_options_say);
    tcase_add_test(tcase, without_spans_it_is_answered_at_once);
    tcase_add_test(tcase, a_broker_that_is_away_fills_the_buffer_and_is_waited_for);
    tcase_add_test(tcase, what_the_brokers_do_not_take_in_time_is_refused);
    tcase_add_test(tcase, a_stop_waits_for_the_brokers);
    tcase_add_test(tcase, a_stop_without_brokers_answers_all_the_same);
    tcase_add_test(tcase, a_client_that_failed_for_good_is_made_anew);
    tcase_add_test(tcase, topics_with_unequal_partitions_are_refused);
    tcase_add_test(tcase, a_topic_that_is_not_there_is_refused);
    tcase_add_test(tcase, brokers_that_come_later_are_found);
    tcase_add_test(tcase, without_memory_it_is_refused_and_nothing_leaks);
#endif
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
