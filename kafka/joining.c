/*
 * By librdkafka's interceptors, because nothing else tells: the rebalance callback comes when
 * all is over.
 */
#include "kafka/joining.h"

#ifdef NOVEUM_KAFKA
#include "base/banned.h"

/* Keys of Kafka's protocol (kafka.apache.org/protocol, "API Keys"). */
#define JOIN_GROUP 11
#define SYNC_GROUP 14
#define NAME "noveum-joining"

static rd_kafka_resp_err_t on_request_sent(rd_kafka_t *handle, int socket, const char *broker,
                                           int32_t broker_id, int16_t key, int16_t version,
                                           int32_t number, size_t size, void *ctx)
{
    struct nv_kafka_joining *joining = ctx;
    (void)handle;
    (void)socket;
    (void)broker;
    (void)broker_id;
    (void)version;
    (void)number;
    (void)size;
    if (key == JOIN_GROUP)
        atomic_store(&joining->on, true);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* An answer to JoinGroup that is an error is followed by another JoinGroup. */
static rd_kafka_resp_err_t on_response_received(rd_kafka_t *handle, int socket,
                                                const char *broker, int32_t broker_id,
                                                int16_t key, int16_t version, int32_t number,
                                                size_t size, int64_t took_us,
                                                rd_kafka_resp_err_t code, void *ctx)
{
    struct nv_kafka_joining *joining = ctx;
    (void)handle;
    (void)socket;
    (void)broker;
    (void)broker_id;
    (void)version;
    (void)number;
    (void)size;
    (void)took_us;
    (void)code;
    if (key == SYNC_GROUP)
        atomic_store(&joining->on, false);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *handle, const rd_kafka_conf_t *conf, void *ctx,
                                  char *text, size_t text_size)
{
    struct nv_kafka_joining *joining = ctx;
    (void)conf;
    (void)text;
    (void)text_size;
    rd_kafka_resp_err_t code =
        joining->rd->interceptor_add_on_request_sent(handle, NAME, on_request_sent, joining);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? joining->rd->interceptor_add_on_response_received(
                     handle, NAME, on_response_received, joining)
               : code;
}

void nv_kafka_joining_watch(struct nv_kafka_joining *joining, rd_kafka_conf_t *conf)
{
    (void)joining->rd->conf_interceptor_add_on_new(conf, NAME, on_new, joining);
}
#endif
