/*
 * Where a trace lies.
 *
 *   id ──hash──▶ home partition ──▶ read, both topics ──▶ nothing? ──▶ all the others
 *
 * The id is looked for as its bytes, which a message in protobuf has as they are, whatever its
 * key: what was written with a null key is found too.
 */
#include "kafka/inspect.h"

#include "base/text/text.h"
#include "kafka/scan.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/*
 * Magnitude and not bits without the sign: that is what the two others do, and a key must
 * lead to the same partition whoever writes it.
 */
int32_t nv_kafka_partition_of(struct nv_str key, int32_t partitions)
{
    uint32_t hash = 0x811c9dc5u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x01000193u;
    return (int32_t)((hash > INT32_MAX ? 0u - hash : hash) % (uint32_t)partitions);
}

#ifdef NOVEUM_KAFKA
#define ASK_MS 5000
#define KEY_BYTES (2 * NV_TRACE_ID_BYTES)

struct looking {
    struct nv_kafka_owner owner;
    rd_kafka_t *handle;
    const uint8_t *trace_id;
    char key[KEY_BYTES];
    enum nv_signal signal;
    const char *topic;
    nv_kafka_inspect_visit *visit;
    void *visit_ctx;
    struct nv_kafka_inspected *out;
    uint64_t until_ns;
};

static bool look(void *ctx, const rd_kafka_message_t *message)
{
    const struct looking *looking = ctx;
    if (!memmem(message->payload, message->len, looking->trace_id, NV_TRACE_ID_BYTES))
        return true;
    int64_t stamp_ms = looking->owner.rd->message_timestamp(message, NULL);
    const bool home = message->partition == looking->out->home;
    const struct nv_kafka_found found = {
        .topic = looking->topic,
        .partition = message->partition,
        .offset = message->offset,
        .stamp_ms = stamp_ms > 0 ? stamp_ms : 0,
        .bytes = message->len,
        .keyed =
            message->key_len == KEY_BYTES && memcmp(message->key, looking->key, KEY_BYTES) == 0,
        .at_home = home,
        .behind_mark = home && message->offset < looking->out->marks[looking->signal]};
    looking->out->found++;
    looking->visit(looking->visit_ctx, &found);
    return true;
}

/*
 * One partition of a topic; false when a cap was met or the partition could not be read. Caps
 * are of the whole question, so each partition gets what those before it have left.
 */
static bool read_partition(struct looking *looking, enum nv_signal signal, int32_t partition)
{
    struct nv_kafka_inspected *out = looking->out;
    const struct nv_kafka_config *config = looking->owner.config;
    const uint64_t now_ns = nv_clock_mono_ns(nv_clock_system());
    struct nv_kafka_scan_result result;
    looking->signal = signal;
    looking->topic = signal == NV_SIGNAL_LOGS ? config->logs_topic : config->traces_topic;
    const struct nv_kafka_scan scan = {
        .topic = looking->topic,
        .partition = partition,
        .partitions = out->partitions,
        .caps = {NV_KAFKA_INSPECT_MESSAGES - out->read,
                 NV_KAFKA_INSPECT_BYTES - out->read_bytes,
                 now_ns < looking->until_ns ? (looking->until_ns - now_ns) / NV_NS_PER_MS : 0},
        .visit = look,
        .visit_ctx = looking};
    if (nv_kafka_scan_run(&looking->owner, looking->handle, &scan, &result) != NV_OK)
        return false;
    out->read += result.messages;
    out->read_bytes += result.bytes;
    return result.whole && out->read < NV_KAFKA_INSPECT_MESSAGES &&
           out->read_bytes < NV_KAFKA_INSPECT_BYTES;
}

/*
 * The home partition is where it should be; all others are read only when it is not there,
 * for they are most of the log.
 */
static void read_all(struct looking *looking)
{
    struct nv_kafka_inspected *out = looking->out;
    bool on = read_partition(looking, NV_SIGNAL_TRACES, out->home) &&
              read_partition(looking, NV_SIGNAL_LOGS, out->home);
    for (int32_t i = 0; on && out->found == 0 && i < out->partitions; i++) {
        on = i == out->home || (read_partition(looking, NV_SIGNAL_TRACES, i) &&
                                read_partition(looking, NV_SIGNAL_LOGS, i));
    }
    out->whole = on;
}

/* How far the group has come with the home partition; unknown is no fault. */
static void ask_marks(const struct looking *looking)
{
    const struct nv_rd *rd = looking->owner.rd;
    const struct nv_kafka_config *config = looking->owner.config;
    struct nv_kafka_inspected *out = looking->out;
    rd_kafka_topic_partition_list_t *list = rd->topic_partition_list_new(2);
    (void)rd->topic_partition_list_add(list, config->traces_topic, out->home);
    (void)rd->topic_partition_list_add(list, config->logs_topic, out->home);
    if (rd->committed(looking->handle, list, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < 2; i++) {
            int64_t offset = list->elems[i].offset;
            out->marks[i == 0 ? NV_SIGNAL_TRACES : NV_SIGNAL_LOGS] = offset >= 0 ? offset : -1;
        }
    }
    rd->topic_partition_list_destroy(list);
}

static enum nv_err find_home(const struct looking *looking, struct nv_fail *fail)
{
    const struct nv_kafka_config *config = looking->owner.config;
    const char *const topics[] = {config->logs_topic, config->traces_topic};
    uint64_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        char why[NV_KAFKA_WHY_SIZE];
        enum nv_err err = nv_kafka_partitions(&looking->owner, looking->handle, topics[i],
                                              ASK_MS, &count, why);
        if (err != NV_OK)
            return nv_fail_set(fail, err, 0, "topic \"%.32s\": %s", topics[i], why);
    }
    looking->out->partitions = (int32_t)count;
    looking->out->home = nv_kafka_partition_of((struct nv_str){looking->key, KEY_BYTES},
                                               looking->out->partitions);
    return NV_OK;
}

enum nv_err nv_kafka_inspect(const struct nv_kafka_config *config,
                             const uint8_t trace_id[NV_TRACE_ID_BYTES],
                             nv_kafka_inspect_visit *visit, void *visit_ctx,
                             struct nv_kafka_inspected *out, struct nv_fail *fail)
{
    struct looking looking = {.owner = {.config = config},
                              .trace_id = trace_id,
                              .visit = visit,
                              .visit_ctx = visit_ctx,
                              .out = out,
                              .until_ns = nv_clock_mono_ns(nv_clock_system()) +
                                          NV_KAFKA_INSPECT_MS * NV_NS_PER_MS};
    *out = (struct nv_kafka_inspected){.marks = {-1, -1}};
    nv_hex_encode(trace_id, NV_TRACE_ID_BYTES, looking.key);
    enum nv_err err = nv_rd_load(&looking.owner.rd, fail);
    if (err == NV_OK)
        err = nv_kafka_scanner_new(&looking.owner, config->group, &looking.handle, fail);
    if (err != NV_OK)
        return err;
    err = find_home(&looking, fail);
    if (err == NV_OK) {
        ask_marks(&looking);
        read_all(&looking);
    }
    nv_kafka_scanner_free(&looking.owner, looking.handle);
    return err;
}

#else
enum nv_err nv_kafka_inspect(const struct nv_kafka_config *config,
                             const uint8_t trace_id[NV_TRACE_ID_BYTES],
                             nv_kafka_inspect_visit *visit, void *visit_ctx,
                             struct nv_kafka_inspected *out, struct nv_fail *fail)
{
    (void)config;
    (void)trace_id;
    (void)visit;
    (void)visit_ctx;
    *out = (struct nv_kafka_inspected){0};
    return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                       "this needs Kafka, and this program was built without librdkafka");
}
#endif
