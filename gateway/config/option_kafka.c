/*
 * Options of Kafka that need each other.
 *
 * One table of what must be set when: a login needs a name and a password, a bearer token its
 * file, a certificate its key. librdkafka would find most of it too, but only after brokers
 * were asked, and in its own words.
 */
#include "gateway/config/option_kafka.h"

#include <stdio.h>

#include "base/banned.h"

enum security { PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL };
enum mechanism { PLAIN, SCRAM_256, SCRAM_512, OAUTHBEARER };

bool nv_options_kafka(const struct nv_options *options)
{
    return options->role != NV_ROLE_ALL;
}

const char *nv_role_name(unsigned role)
{
    static const char *const names[] = {"all", "receive", "assemble"};
    return names[role <= NV_ROLE_ASSEMBLE ? role : NV_ROLE_ALL];
}

static enum nv_err refuse(const struct nv_options *options, size_t id, struct nv_fail *fail,
                          const char *what)
{
    enum nv_err err =
        nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s: %s", nv_option_table[id].path, what);
    if (fail) {
        (void)snprintf(fail->path, sizeof fail->path, "%.*s", (int)sizeof fail->path - 1,
                       options->where[id]);
    }
    return err;
}

enum nv_err nv_options_check_kafka(const struct nv_options *options, struct nv_fail *fail)
{
    const bool login =
        options->kafka_security == SASL_PLAINTEXT || options->kafka_security == SASL_SSL;
    const bool tls = options->kafka_security == SSL || options->kafka_security == SASL_SSL;
    const bool token = options->kafka_sasl_mechanism == OAUTHBEARER;
    const bool pair = options->kafka_cert_file != NULL || options->kafka_key_file != NULL;
    const struct {
        bool wrong;
        size_t id;
        const char *what;
    } rows[] = {
        {options->kafka_brokers.count == 0, NV_OPT_kafka_brokers,
         "roles receive and assemble need brokers, as host:9092"},
        {!options->kafka_traces_topic, NV_OPT_kafka_traces_topic, "a name is needed"},
        {!options->kafka_logs_topic, NV_OPT_kafka_logs_topic, "a name is needed"},
        {!options->kafka_group, NV_OPT_kafka_group, "a name is needed"},
        {!options->kafka_delivered_topic, NV_OPT_kafka_delivered_topic, "a name is needed"},
        {!options->kafka_dead_topic, NV_OPT_kafka_dead_topic, "a name is needed"},
        {login && !token && !options->kafka_username, NV_OPT_kafka_username,
         "kafka.security asks for a login: set it and kafka.password"},
        {login && !token && !options->kafka_password, NV_OPT_kafka_password,
         "kafka.security asks for a login: set it and kafka.username"},
        {login && token && !options->kafka_token_file, NV_OPT_kafka_token_file,
         "oauthbearer needs the file that holds the token"},
        {!login && (options->kafka_username || options->kafka_password), NV_OPT_kafka_security,
         "a login is given: set sasl_ssl (or sasl_plaintext)"},
        {pair && !tls, NV_OPT_kafka_security, "a certificate is given: set ssl or sasl_ssl"},
        {pair && !options->kafka_key_file, NV_OPT_kafka_key_file,
         "a certificate needs its key"},
        {pair && !options->kafka_cert_file, NV_OPT_kafka_cert_file,
         "a key needs its certificate"},
    };
    if (!nv_options_kafka(options))
        return NV_OK;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].wrong)
            return refuse(options, rows[i].id, fail, rows[i].what);
    }
    return NV_OK;
}
