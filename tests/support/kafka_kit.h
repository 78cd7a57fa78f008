/*
 * A cluster of Kafka inside the test: librdkafka's own mock, on free ports of loopback.
 *
 * Topics are made by hand, or with four partitions when somebody first asks for them. What is
 * in them is read by a client of the kit's own.
 */
#ifndef NV_TESTS_SUPPORT_KAFKA_KIT_H
#define NV_TESTS_SUPPORT_KAFKA_KIT_H

#ifdef NOVEUM_KAFKA
#include "base/str.h"
#include "kafka/client.h"
#include "model/batch.h"

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

struct nv_test_kafka {
    rd_kafka_t *handle;
    rd_kafka_mock_cluster_t *cluster;
    struct nv_kafka_config config; /* for clients of this cluster, short waits */
};

/* One message as it lies in a topic. */
struct nv_test_record {
    int partition;
    int64_t offset;
    char key[64];
    size_t key_len;
    char *bytes; /* owned */
    size_t len;
    char project[64]; /* header x-noveum-project; "" without */
    bool key_only;    /* header x-noveum-key-only */
};

/* Starts a cluster of one broker; `partitions` of each topic, 0: made when first asked for. */
void nv_test_kafka_start(struct nv_test_kafka *kafka, int partitions);
void nv_test_kafka_stop(struct nv_test_kafka *kafka);
/* A new producer for the cluster as the gateway makes its clients; fills `owner`, which it
 * borrows. Free with rd_kafka_destroy. */
rd_kafka_t *nv_test_kafka_client(const struct nv_test_kafka *kafka,
                                 struct nv_kafka_owner *owner);
/* A request with one span of trace `number`, of `project` unless that is NULL; new. */
struct nv_batch *nv_test_kafka_request(unsigned number, const char *project);
/* Writes a message to a partition and waits until it is there; a key without bytes is none. */
void nv_test_kafka_write(struct nv_test_kafka *kafka, const char *topic, int partition,
                         struct nv_str key, struct nv_str value);
/* The partition of a key: FNV-1a of 32 bits as a signed number, its magnitude modulo the
 * partitions, which is what the Collector's exporter has (sarama's hasher). */
int nv_test_kafka_partition(struct nv_str key, uint32_t partitions);
/* The broker goes away, and comes back. */
void nv_test_kafka_down(struct nv_test_kafka *kafka);
void nv_test_kafka_up(struct nv_test_kafka *kafka);
/* Reads `count` messages of a topic from its beginning, ordered by partition and offset;
 * aborts the test when they do not come. Free with nv_test_records_free. */
struct nv_test_record *nv_test_kafka_read(struct nv_test_kafka *kafka, const char *topic,
                                          size_t count);
void nv_test_records_free(struct nv_test_record *records, size_t count);
#endif

#endif
