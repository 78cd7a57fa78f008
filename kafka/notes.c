/*
 * Chunks and dead messages.
 *
 * Everything that is on its way has a small record of its own, which the report brings back: a
 * partition may have been handed over meanwhile, and is then found by number and generation or
 * not at all. A dead message that could not be written is written again from its report: until
 * it is there its offset pins the mark, so nothing is lost by a restart either.
 */
#include "kafka/notes.h"

#ifdef NOVEUM_KAFKA
#include "base/log/counters.h"
#include "base/log/log.h"
#include "kafka/scan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define POLL_MS 50
#define KEY_SIZE 320
#define PIECE_SIZE 48
#define PURGE_MS 2000
/* A letter is written while its partition waits. */
#define LETTER_MS 5000

enum kind { CHUNK, DEAD, LETTER };

struct sent {
    enum kind kind;
    enum nv_err *result; /* of a letter: of who waits, NULL: nobody does any more */
    int32_t partition;
    uint64_t generation;
    enum nv_signal signal; /* of a dead message */
    int64_t offset;        /* likewise, in the log */
    struct nv_kafka_chunk chunk;
};

/* ---- reports ----------------------------------------------------------------------------- */

static bool is_hopeless(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
           code == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
           code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

/* True when it goes once more: `sent` is still on its way. */
static bool write_again(const struct nv_kafka_notes *notes, const rd_kafka_message_t *message,
                        struct sent *sent)
{
    rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = notes->owner.config->dead_topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, message->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->payload, message->len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = sent}};
    rd_kafka_error_t *error =
        notes->owner.rd->produceva(notes->producer, vus, sizeof vus / sizeof vus[0]);
    if (error)
        notes->owner.rd->error_destroy(error);
    return !error;
}

static void report_dead(struct nv_kafka_notes *notes, const rd_kafka_message_t *message,
                        struct sent *sent)
{
    struct nv_kafka_partition *partition =
        notes->find(notes->find_ctx, sent->partition, sent->generation);
    bool written = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!written) {
        NV_LOG(NV_LOG_ERROR, "kafka", "cannot write a dead message to \"%s\": %s",
               notes->owner.config->dead_topic, notes->owner.rd->err2str(message->err));
    }
    if (!written && !is_hopeless(message->err) && partition &&
        write_again(notes, message, sent))
        return;
    nv_count(NV_COUNT_KAFKA_DEAD, written);
    if (partition && message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
        message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        nv_kafka_partition_done(partition, sent->signal, sent->offset);
    free(sent);
}

static void report_chunk(struct nv_kafka_notes *notes, const rd_kafka_message_t *message,
                         struct sent *sent)
{
    struct nv_kafka_partition *partition =
        notes->find(notes->find_ctx, sent->partition, sent->generation);
    sent->chunk.offset = message->offset;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        NV_LOG(NV_LOG_WARN, "kafka",
               "cannot write what was delivered to \"%s\", after a hand-over it may be sent "
               "again: %s",
               notes->owner.config->delivered_topic, notes->owner.rd->err2str(message->err));
    } else if (partition && nv_kafka_partition_wrote(partition, &sent->chunk) != NV_OK) {
        NV_LOG(NV_LOG_WARN, "kafka", "no memory to remember what was delivered");
    }
    free(sent);
}

static void report_letter(const rd_kafka_message_t *message, struct sent *sent)
{
    if (sent->result)
        *sent->result = message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? NV_OK : NV_ERR_IO;
    free(sent);
}

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    const struct nv_kafka_owner *owner = opaque;
    struct sent *sent = message->_private;
    (void)handle;
    if (sent->kind == LETTER)
        report_letter(message, sent);
    else if (sent->kind == DEAD)
        report_dead(owner->ctx, message, sent);
    else
        report_chunk(owner->ctx, message, sent);
}

/* ---- open and close ---------------------------------------------------------------------- */

static void on_error(rd_kafka_t *handle, int code, const char *text, void *opaque)
{
    const struct nv_kafka_owner *owner = opaque;
    (void)handle;
    NV_LOG(NV_LOG_WARN, "kafka", "%s: %s", owner->rd->err2name(code), text);
}

enum nv_err nv_kafka_notes_open(struct nv_kafka_notes *notes, const struct nv_rd *rd,
                                const struct nv_kafka_config *config, const char *compression,
                                struct nv_fail *fail)
{
    /* a chunk waits for no other: what is delivered and not there is sent again after a kill */
    const char *const own[] = {"acks", "all", "compression.codec", compression, "linger.ms",
                               "0",    NULL};
    rd_kafka_conf_t *conf = NULL;
    notes->owner = (struct nv_kafka_owner){.rd = rd, .config = config, .ctx = notes};
    enum nv_err err = nv_kafka_conf_new(&notes->owner, own, &conf, fail);
    if (err != NV_OK)
        return err;
    rd->conf_set_dr_msg_cb(conf, on_delivery);
    rd->conf_set_error_cb(conf, on_error);
    return nv_kafka_client_new(&notes->owner, RD_KAFKA_PRODUCER, conf, &notes->producer, fail);
}

void nv_kafka_notes_close(struct nv_kafka_notes *notes)
{
    if (!notes->producer)
        return;
    const struct nv_rd *rd = notes->owner.rd;
    (void)rd->purge(notes->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd->flush(notes->producer, PURGE_MS);
    rd->destroy(notes->producer);
    notes->producer = NULL;
}

void nv_kafka_notes_poll(struct nv_kafka_notes *notes, int wait_ms)
{
    (void)notes->owner.rd->poll(notes->producer, wait_ms);
}

void nv_kafka_notes_flush(struct nv_kafka_notes *notes, int wait_ms)
{
    (void)notes->owner.rd->flush(notes->producer, wait_ms);
}

/* ---- writing ----------------------------------------------------------------------------- */

static enum nv_err produce(struct nv_kafka_notes *notes, rd_kafka_vu_t *vus, size_t count,
                           struct sent *sent)
{
    vus[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
    vus[count++].u.ptr = sent;
    rd_kafka_error_t *error = notes->owner.rd->produceva(notes->producer, vus, count);
    if (!error)
        return NV_OK;
    notes->owner.rd->error_destroy(error);
    free(sent);
    return NV_ERR_BUSY;
}

enum nv_err nv_kafka_notes_write(struct nv_kafka_notes *notes,
                                 struct nv_kafka_partition *partition, uint64_t generation)
{
    const struct nv_kafka_config *config = notes->owner.config;
    char key[KEY_SIZE];
    if (partition->fresh.len == 0)
        return NV_OK;
    struct sent *sent = malloc(sizeof *sent);
    if (!sent)
        return NV_ERR_NO_MEMORY;
    uint64_t wall_ns = nv_clock_wall_ns(&partition->clock);
    *sent =
        (struct sent){.partition = partition->number,
                      .generation = generation,
                      .chunk = {.last = {partition->fresh_last[0], partition->fresh_last[1]},
                                .wall_ns = wall_ns}};
    (void)snprintf(key, sizeof key, "%.100s %.100s %" PRId32 " %" PRIu64, config->group,
                   config->traces_topic, partition->number, wall_ns);
    rd_kafka_vu_t vus[7] = {{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = config->delivered_topic},
                            {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition->number},
                            {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
                            {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key, strlen(key)}},
                            {.vtype = RD_KAFKA_VTYPE_VALUE,
                             .u.mem = {partition->fresh.bytes, partition->fresh.len}}};
    enum nv_err err = produce(notes, vus, 5, sent);
    if (err == NV_OK) {
        nv_buf_clear(&partition->fresh);
        partition->fresh_last[0] = partition->fresh_last[1] = -1;
    }
    return err;
}

enum nv_err nv_kafka_notes_bury(struct nv_kafka_notes *notes, const rd_kafka_message_t *message,
                                enum nv_signal signal, uint64_t generation, const char *why)
{
    char place[KEY_SIZE];
    struct sent *sent = malloc(sizeof *sent);
    if (!sent)
        return NV_ERR_NO_MEMORY;
    *sent = (struct sent){.partition = message->partition,
                          .generation = generation,
                          .kind = DEAD,
                          .signal = signal,
                          .offset = message->offset};
    (void)snprintf(place, sizeof place, "%.200s %" PRId32 " %" PRId64,
                   notes->owner.rd->topic_name(message->rkt), message->partition,
                   message->offset);
    rd_kafka_vu_t vus[8] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = notes->owner.config->dead_topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {message->key, message->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {message->payload, message->len}},
        {.vtype = RD_KAFKA_VTYPE_HEADER,
         .u.header = {"x-noveum-reason", why, (ssize_t)strlen(why)}},
        {.vtype = RD_KAFKA_VTYPE_HEADER,
         .u.header = {"x-noveum-place", place, (ssize_t)strlen(place)}}};
    return produce(notes, vus, 6, sent);
}

/* One message of a letter, and waits until it is there. */
static enum nv_err put_piece(struct nv_kafka_notes *notes, struct nv_str head,
                             struct nv_str payload, struct nv_str key, struct nv_str piece)
{
    enum nv_err result = NV_ERR_AGAIN;
    struct sent *sent = malloc(sizeof *sent);
    if (!sent)
        return NV_ERR_NO_MEMORY;
    *sent = (struct sent){.kind = LETTER, .partition = -1, .result = &result};
    rd_kafka_vu_t vus[8] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = notes->owner.config->dead_topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key.ptr, key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)payload.ptr, payload.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADER,
         .u.header = {"x-noveum-reason", head.ptr, (ssize_t)head.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADER,
         .u.header = {"x-noveum-piece", piece.ptr, (ssize_t)piece.len}}};
    enum nv_err err = produce(notes, vus, 6, sent);
    if (err != NV_OK)
        return err;
    nv_kafka_notes_flush(notes, LETTER_MS);
    if (result == NV_ERR_AGAIN) {
        sent->result = NULL; /* its report has not come: it is still on its way */
        return NV_ERR_IO;
    }
    return result;
}

enum nv_err nv_kafka_notes_put(struct nv_kafka_notes *notes, struct nv_str head,
                               struct nv_str payload)
{
    char key[KEY_SIZE];
    size_t room = nv_kafka_request_bytes_of(notes->owner.config->message_bytes_max);
    if (room > 2 * head.len)
        room -= head.len;
    const size_t count = payload.len == 0 ? 1 : (payload.len + room - 1) / room;
    enum nv_err err = NV_OK;
    int key_len = snprintf(key, sizeof key, "letter %.100s %" PRIu64,
                           notes->owner.config->group, nv_clock_wall_ns(nv_clock_system()));
    for (size_t i = 0; i < count && err == NV_OK; i++) {
        char piece[PIECE_SIZE];
        int len = snprintf(piece, sizeof piece, "%zu/%zu", i + 1, count);
        err = put_piece(notes, head, nv_str_slice(payload, i * room, room),
                        (struct nv_str){key, (size_t)key_len},
                        (struct nv_str){piece, (size_t)len});
    }
    return err;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct reading {
    struct nv_kafka_notes *notes;
    struct nv_kafka_partition *const *partitions;
    size_t count, ended;
    bool *has_ended;       /* by place in `partitions` */
    char prefix[KEY_SIZE]; /* of our keys, the number of the partition behind it */
};

/* Its place in `partitions`; `count`: it is none of them. */
static size_t place_of(const struct reading *reading, int32_t number)
{
    size_t i = 0;
    while (i < reading->count && reading->partitions[i]->number != number)
        i++;
    return i;
}

/* The end is told once more when an owner before has written behind it: counted once, or the
 * list of another partition would be left unread. */
static void end_one(struct reading *reading, size_t place, int64_t end)
{
    struct nv_kafka_partition *partition = reading->partitions[place];
    reading->ended += !reading->has_ended[place];
    reading->has_ended[place] = true;
    if (end > partition->notes_end)
        partition->notes_end = end;
}

static enum nv_err read_one(struct reading *reading, const rd_kafka_message_t *message)
{
    const size_t place = place_of(reading, message->partition);
    struct nv_str key = {message->key, message->key_len};
    if (place == reading->count)
        return NV_OK;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        end_one(reading, place, message->offset);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || !message->payload ||
        !nv_str_starts(key, nv_str_from(reading->prefix)))
        return NV_OK;
    int64_t stamp_ms = reading->notes->owner.rd->message_timestamp(message, NULL);
    enum nv_err err =
        nv_kafka_partition_learn(reading->partitions[place], message->offset,
                                 (struct nv_str){message->payload, message->len},
                                 stamp_ms > 0 ? (uint64_t)stamp_ms * NV_NS_PER_MS : 0);
    if (err != NV_ERR_MALFORMED)
        return err;
    NV_LOG(NV_LOG_WARN, "kafka", "\"%s\" holds what is no list of ours partition=%" PRId32,
           reading->notes->owner.config->delivered_topic, message->partition);
    return NV_OK;
}

static enum nv_err assign(const struct reading *reading, rd_kafka_t *reader,
                          const int64_t *from)
{
    const struct nv_rd *rd = reading->notes->owner.rd;
    rd_kafka_topic_partition_list_t *list = rd->topic_partition_list_new((int)reading->count);
    for (size_t i = 0; i < reading->count; i++) {
        rd_kafka_topic_partition_t *at =
            rd->topic_partition_list_add(list, reading->notes->owner.config->delivered_topic,
                                         reading->partitions[i]->number);
        at->offset = from[i] >= 0 ? from[i] : RD_KAFKA_OFFSET_BEGINNING;
    }
    rd_kafka_resp_err_t code = rd->assign(reader, list);
    rd->topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? NV_OK : NV_ERR_IO;
}

static enum nv_err read_all(struct reading *reading, rd_kafka_t *reader, uint64_t timeout_ms)
{
    const struct nv_rd *rd = reading->notes->owner.rd;
    uint64_t until_ns = nv_clock_mono_ns(nv_clock_system()) + timeout_ms * NV_NS_PER_MS;
    enum nv_err err = NV_OK;
    while (err == NV_OK && reading->ended < reading->count) {
        rd_kafka_message_t *message = rd->consumer_poll(reader, POLL_MS);
        if (message) {
            err = read_one(reading, message);
            rd->message_destroy(message);
        } else if (nv_clock_mono_ns(nv_clock_system()) > until_ns) {
            err = NV_ERR_TIMEOUT;
        }
    }
    return err;
}

enum nv_err nv_kafka_notes_read(struct nv_kafka_notes *notes,
                                struct nv_kafka_partition *const *partitions,
                                const int64_t *from, size_t count, uint64_t timeout_ms)
{
    struct reading reading = {.notes = notes, .partitions = partitions, .count = count};
    rd_kafka_t *reader = NULL;
    (void)snprintf(reading.prefix, sizeof reading.prefix, "%.100s %.100s ",
                   notes->owner.config->group, notes->owner.config->traces_topic);
    reading.has_ended = calloc(count + 1, sizeof *reading.has_ended);
    enum nv_err err =
        reading.has_ended
            ? nv_kafka_scanner_new(&notes->owner, "noveum-gateway-notes", &reader, NULL)
            : NV_ERR_NO_MEMORY;
    if (err == NV_OK)
        err = assign(&reading, reader, from);
    if (err == NV_OK)
        err = read_all(&reading, reader, timeout_ms);
    nv_kafka_scanner_free(&notes->owner, reader);
    free(reading.has_ended);
    return err;
}
#endif
