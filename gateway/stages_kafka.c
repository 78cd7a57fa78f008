/*
 * Options of Kafka as librdkafka's properties.
 *
 * What has an option of its own comes first and the user's properties last, so that a service
 * with its own ideas can be given whatever it wants.
 */
#include "gateway/stages_kafka.h"

#include "base/limits.h"

#include <stdlib.h>

#include "base/banned.h"

/* Brokers that answer do so at once; without them the start goes on. */
#define START_WAIT_MS 5000
/* Properties that options of ours stand for. */
#define OWN_MAX 8

static const char *const securities[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512",
                                         "OAUTHBEARER"};
static const char *const compressions[] = {"zstd", "lz4", "gzip", "snappy", "none"};

static void add(struct nv_stage_kafka *stage, const char *name, const char *value)
{
    if (!value)
        return;
    stage->properties[stage->config.property_count++] =
        (struct nv_kafka_property){nv_str_from(name), nv_str_from(value)};
}

static void add_all(struct nv_stage_kafka *stage, const struct nv_options *options)
{
    const bool login = options->kafka_security >= 2;
    add(stage, "security.protocol", securities[options->kafka_security]);
    add(stage, "ssl.ca.location", options->kafka_ca_bundle);
    add(stage, "ssl.certificate.location", options->kafka_cert_file);
    add(stage, "ssl.key.location", options->kafka_key_file);
    if (login) {
        add(stage, "sasl.mechanisms", mechanisms[options->kafka_sasl_mechanism]);
        add(stage, "sasl.username", options->kafka_username);
        add(stage, "sasl.password", options->kafka_password);
    }
    for (size_t i = 0; i < options->kafka_properties.count; i++) {
        struct nv_str entry = nv_str_from(options->kafka_properties.items[i]);
        size_t equals = nv_str_find_char(entry, '=');
        stage->properties[stage->config.property_count++] = (struct nv_kafka_property){
            nv_str_slice(entry, 0, equals), nv_str_slice(entry, equals + 1, entry.len)};
    }
    stage->config.token_file = login ? options->kafka_token_file : NULL;
}

enum nv_err nv_stage_kafka_init(struct nv_stage_kafka *stage, const struct nv_options *options)
{
    *stage = (struct nv_stage_kafka){
        .config = {.traces_topic = options->kafka_traces_topic,
                   .logs_topic = options->kafka_logs_topic,
                   .group = options->kafka_group,
                   .delivered_topic = options->kafka_delivered_topic,
                   .dead_topic = options->kafka_dead_topic,
                   .rekeys = options->role == NV_ROLE_ASSEMBLE && options->kafka_rekey,
                   .message_bytes_max = options->kafka_max_message_bytes,
                   .buffer_bytes = options->kafka_buffer_bytes,
                   .timeout_ms = options->kafka_timeout_ms,
                   .linger_ms = options->kafka_linger_ms,
                   .idempotence = options->kafka_idempotence,
                   .compression = compressions[options->kafka_compression],
                   .start_wait_ms = START_WAIT_MS,
                   .max_wait_ms =
                       options->role == NV_ROLE_ASSEMBLE ? options->assembly_max_wait_ms : 0}};
    nv_buf_init(&stage->brokers, NV_CAP_CONFIG_FILE);
    for (size_t i = 0; i < options->kafka_brokers.count; i++) {
        (void)nv_buf_printf(&stage->brokers, "%s%s", i > 0 ? "," : "",
                            options->kafka_brokers.items[i]);
    }
    enum nv_err err = nv_buf_append_char(&stage->brokers, '\0');
    stage->properties =
        calloc(OWN_MAX + options->kafka_properties.count, sizeof *stage->properties);
    if (err == NV_OK && !stage->properties)
        err = NV_ERR_NO_MEMORY;
    if (err != NV_OK)
        return err;
    add_all(stage, options);
    stage->config.brokers = stage->brokers.bytes;
    stage->config.properties = stage->properties;
    return NV_OK;
}

void nv_stage_kafka_release(struct nv_stage_kafka *stage)
{
    nv_buf_release(&stage->brokers);
    free(stage->properties);
    *stage = (struct nv_stage_kafka){0};
}
