/*
 * Clients of librdkafka: made of our options and the user's properties.
 *
 * Log lines of the library go to ours, folded by site; what a client was told of passwords is
 * masked there as everywhere. The bearer token is read from its file each time that librdkafka
 * asks: it does so at 80 % of the life it was told, so a file that is renewed in time is
 * enough.
 */
#include "kafka/client.h"

#ifdef NOVEUM_KAFKA
#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define ERROR_TEXT_SIZE 512
/* Told to librdkafka as the life of a token: it reads the file again after four fifths. */
#define TOKEN_LIFE_MS 300000

static void log_line(const rd_kafka_t *handle, int level, const char *facility,
                     const char *text)
{
    (void)handle;
    static struct nv_log_site site;
    /* what syslog calls errors is told by the error callback too, in better words */
    nv_log_write(&site, level <= 2 ? NV_LOG_WARN : NV_LOG_DEBUG, "kafka", "%s: %s", facility,
                 text);
}

static enum nv_err set(const struct nv_rd *rd, rd_kafka_conf_t *conf, const char *name,
                       const char *value, struct nv_fail *fail)
{
    char text[ERROR_TEXT_SIZE];
    if (rd->conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return NV_OK;
    if (fail)
        (void)snprintf(fail->path, sizeof fail->path, "kafka.properties: %.64s", name);
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s", text);
}

static enum nv_err set_property(const struct nv_rd *rd, rd_kafka_conf_t *conf,
                                const struct nv_kafka_property *property, struct nv_fail *fail)
{
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_CONFIG_FILE);
    (void)nv_buf_append_str(&text, property->name);
    (void)nv_buf_append_char(&text, '\0');
    (void)nv_buf_append_str(&text, property->value);
    enum nv_err err = nv_buf_append_char(&text, '\0');
    if (err == NV_OK)
        err = set(rd, conf, text.bytes, text.bytes + property->name.len + 1, fail);
    nv_buf_release(&text);
    return err == NV_ERR_LIMIT ? NV_ERR_CONFIG : err;
}

/* ---- the token --------------------------------------------------------------------------- */

static int64_t wall_ms(void)
{
    return (int64_t)(nv_clock_wall_ns(nv_clock_system()) / NV_NS_PER_MS);
}

static void refresh_token(rd_kafka_t *handle, const char *unused, void *opaque)
{
    const struct nv_kafka_owner *owner = opaque;
    const struct nv_rd *rd = owner->rd;
    char text[ERROR_TEXT_SIZE] = "the token's file can't be read";
    struct nv_buf token;
    (void)unused;
    nv_buf_init(&token, NV_CAP_CONFIG_VALUE_FILE);
    enum nv_err err = nv_file_read(owner->config->token_file, NV_FILE_WAIT_MS,
                                   NV_CAP_CONFIG_VALUE_FILE, &token, NULL);
    while (token.len > 0 && (unsigned char)token.bytes[token.len - 1] <= ' ')
        token.len--;
    if (err == NV_OK)
        err = nv_buf_append_char(&token, '\0');
    bool set = err == NV_OK &&
               rd->oauthbearer_set_token(handle, token.bytes, wall_ms() + TOKEN_LIFE_MS,
                                         "noveum-gateway", NULL, 0, text,
                                         sizeof text) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!set)
        (void)rd->oauthbearer_set_token_failure(handle, text);
    nv_buf_release(&token);
}

/* ---- the whole --------------------------------------------------------------------------- */

static enum nv_err fill(const struct nv_rd *rd, const struct nv_kafka_config *config,
                        const char *const *own, rd_kafka_conf_t *conf, struct nv_fail *fail)
{
    enum nv_err err = set(rd, conf, "bootstrap.servers", config->brokers, fail);
    for (; err == NV_OK && *own; own += 2)
        err = set(rd, conf, own[0], own[1], fail);
    for (size_t i = 0; err == NV_OK && i < config->property_count; i++)
        err = set_property(rd, conf, &config->properties[i], fail);
    return err;
}

enum nv_err nv_kafka_conf_new(struct nv_kafka_owner *owner, const char *const *own,
                              rd_kafka_conf_t **out, struct nv_fail *fail)
{
    const struct nv_rd *rd = owner->rd;
    *out = NULL;
    rd_kafka_conf_t *conf = rd->conf_new();
    if (!conf)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for a client of Kafka");
    rd->conf_set_opaque(conf, owner);
    rd->conf_set_log_cb(conf, log_line);
    if (owner->config->token_file)
        rd->conf_set_oauthbearer_token_refresh_cb(conf, refresh_token);
    enum nv_err err = fill(rd, owner->config, own, conf, fail);
    if (err != NV_OK) {
        rd->conf_destroy(conf);
        return err;
    }
    *out = conf;
    return NV_OK;
}

enum nv_err nv_kafka_client_new(struct nv_kafka_owner *owner, rd_kafka_type_t type,
                                rd_kafka_conf_t *conf, rd_kafka_t **out, struct nv_fail *fail)
{
    char text[ERROR_TEXT_SIZE] = "";
    *out = owner->rd->new (type, conf, text, sizeof text);
    if (*out)
        return NV_OK;
    owner->rd->conf_destroy(conf);
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "kafka: %s", text);
}

enum nv_err nv_kafka_partitions(const struct nv_kafka_owner *owner, rd_kafka_t *handle,
                                const char *topic, int timeout_ms, uint64_t *out,
                                char why[NV_KAFKA_WHY_SIZE])
{
    const struct nv_rd *rd = owner->rd;
    const struct rd_kafka_metadata *data = NULL;
    enum nv_err err = NV_OK;
    *out = 0;
    rd_kafka_topic_t *of = rd->topic_new(handle, topic, NULL);
    rd_kafka_resp_err_t code =
        of ? rd->metadata(handle, 0, of, &data, timeout_ms) : RD_KAFKA_RESP_ERR__INVALID_ARG;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        err = code == RD_KAFKA_RESP_ERR__INVALID_ARG ? NV_ERR_CONFIG : NV_ERR_TIMEOUT;
    } else if (data->topic_cnt != 1 || data->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR ||
               data->topics[0].partition_cnt <= 0) {
        code = data->topic_cnt == 1 ? data->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN;
        err = NV_ERR_NOT_FOUND;
    } else {
        *out = (uint64_t)data->topics[0].partition_cnt;
    }
    (void)snprintf(why, NV_KAFKA_WHY_SIZE, "%s", err == NV_OK ? "" : rd->err2str(code));
    if (data)
        rd->metadata_destroy(data);
    if (of)
        rd->topic_destroy(of);
    return err;
}
#endif
