/*
 * Options into the configurations of the two stages that meet the network: receivers and
 * exporter. Apart from stages.c, so that who embeds the stages between them (gateway/embed/)
 * links neither.
 */
#include "gateway/stages.h"

#include "gateway/config/memory_budget.h"
#include "gateway/config/option_value.h"
#include "kafka/config.h"
#include "otlp/request/request.h"

#include <assert.h>
#include <limits.h>

#include "base/banned.h"

static_assert(NV_COMPRESSION_AUTO == 0 && NV_COMPRESSION_GZIP == 1 && NV_COMPRESSION_NONE == 2,
              "exporter.noveum.compression: auto|gzip|none");
static_assert(NV_TRACE_ID_UUID == 0 && NV_TRACE_ID_HEX == 1,
              "exporter.noveum.trace_id: uuid|hex");
/* How the backend is reached. */
static void set_way(const struct nv_options *options, struct nv_exporter_config *config)
{
    const char *proxy = options->exporter_noveum_proxy;
    config->ca_bundle_file = options->exporter_noveum_ca_bundle;
    config->ca_files = (const char *const *)options->exporter_noveum_ca_files.items;
    config->ca_file_count = options->exporter_noveum_ca_files.count;
    config->client_cert_file = options->exporter_noveum_client_cert_file;
    config->client_key_file = options->exporter_noveum_client_key_file;
    config->client_key_password = options->exporter_noveum_client_key_password;
    config->proxy = proxy && !nv_address_is_none(nv_str_from(proxy)) ? proxy : NULL;
    config->no_proxy = options->exporter_noveum_no_proxy;
    config->connect_timeout_ms = (uint32_t)options->exporter_noveum_connect_timeout_ms;
}

/* Of queue, spill and retries. */
static void set_limits(const struct nv_options *options, struct nv_exporter_config *config)
{
    uint64_t spill = options->exporter_noveum_spill_bytes;
    config->queue_traces_max = (uint32_t)options->exporter_noveum_queue_traces;
    /* In an outage half of the queue is for what is on its way. */
    config->spill_bytes = spill > 0 ? spill : config->queue_bytes_max / 2;
    config->spill_age_ms = (uint32_t)options->exporter_noveum_spill_age_ms;
    config->retry_initial_ms = (uint32_t)options->exporter_noveum_retry_initial_ms;
    config->retry_max_ms = (uint32_t)options->exporter_noveum_retry_max_ms;
    config->retry_after_max_ms = (uint32_t)options->exporter_noveum_retry_after_max_ms;
    config->credit_pause_ms = (uint32_t)options->exporter_noveum_credit_pause_ms;
    config->credit_pause_max_ms = (uint32_t)options->exporter_noveum_credit_pause_max_ms;
    config->probe_ms = (uint32_t)options->exporter_noveum_probe_ms;
    config->identity_ms = (uint32_t)options->exporter_noveum_identity_ms;
    config->drain_requests_per_s = (uint32_t)options->exporter_noveum_drain_requests_per_s;
}

void nv_stage_exporter(const struct nv_options *options, struct nv_exporter_config *config)
{
    nv_exporter_config_init(config);
    bool local = nv_options_local(options);
    config->endpoint = local ? NULL : options->exporter_noveum_endpoint;
    config->api_key = options->exporter_noveum_api_key;
    set_way(options, config);
    config->tls_verify = options->exporter_noveum_ssl_verify;
    config->allow_insecure_transport = options->exporter_noveum_allow_insecure_transport;
    config->compression = (enum nv_compression)options->exporter_noveum_compression;
    config->compression_level = (uint32_t)options->exporter_noveum_compression_level;
    config->compression_threads = nv_stage_packers(options);
    config->trace_id_form = (enum nv_trace_id_form)options->exporter_noveum_trace_id;
    config->timeout_ms = (uint32_t)options->exporter_noveum_timeout_ms;
    config->max_in_flight = (uint32_t)options->exporter_noveum_max_in_flight;
    config->batch_traces = (uint32_t)options->exporter_noveum_batch_traces;
    config->batch_ms = (uint32_t)options->exporter_noveum_batch_ms;
    config->max_body_bytes = options->exporter_noveum_max_body_bytes;
    config->queue_bytes_max = options->exporter_noveum_queue_bytes;
    config->max_trace_bytes = options->exporter_noveum_max_trace_bytes;
    set_limits(options, config);
    config->media_wait_ms = (uint32_t)options->media_wait_ms;
    config->file_directory = options->exporter_file_directory;
}

void nv_stage_media_files(const struct nv_options *options,
                          struct nv_media_files_config *config)
{
    *config = (struct nv_media_files_config){
        .directory = options->media_directory,
        .files_max = (uint32_t)options->media_directory_max_files,
        .bytes_max = options->media_directory_max_bytes,
        .age_ms = options->media_directory_max_age_ms,
        .sync = options->journal_durability == NV_DURABILITY_FSYNC};
}

static const char *listen_address(const char *address)
{
    return nv_address_is_none(nv_str_from(address)) ? NULL : address;
}

static enum nv_err join(const struct nv_text_list *list, struct nv_buf *out)
{
    for (size_t i = 0; i < list->count; i++)
        (void)nv_buf_printf(out, "%s%s", i > 0 ? "," : "", list->items[i]);
    return nv_buf_append_char(out, '\0');
}

enum nv_err nv_stage_receiver(const struct nv_options *options, struct nv_buf *origins,
                              struct nv_receiver_config *config)
{
    nv_receiver_config_init(config);
    config->http = (struct nv_receiver_endpoint){listen_address(options->receiver_http_listen),
                                                 {options->receiver_http_tls_cert_file,
                                                  options->receiver_http_tls_key_file,
                                                  options->receiver_http_tls_client_ca_file}};
    config->grpc = (struct nv_receiver_endpoint){listen_address(options->receiver_grpc_listen),
                                                 {options->receiver_grpc_tls_cert_file,
                                                  options->receiver_grpc_tls_key_file,
                                                  options->receiver_grpc_tls_client_ca_file}};
    config->auth_token = options->receiver_auth_token;
    config->auth_tokens_file = options->receiver_auth_tokens_file;
    config->max_body_bytes = options->receiver_max_body_bytes;
    config->max_items =
        (uint32_t)nv_memory_share(options, NV_MEMORY_ITEMS, NV_REQUEST_ITEMS_MAX);
    if (options->role == NV_ROLE_RECEIVE)
        config->max_item_bytes = nv_kafka_request_bytes_of(options->kafka_max_message_bytes);
    config->threads = (unsigned)options->receiver_threads;
    config->threads_max = (unsigned)nv_memory_share(options, NV_MEMORY_THREADS, UINT_MAX);
    config->limits.connections_max = options->receiver_max_connections;
    config->limits.undecoded_bytes_max = options->receiver_max_undecoded_bytes;
    config->limits.head_timeout_ms = (unsigned)options->receiver_head_timeout_ms;
    config->limits.body_timeout_ms = (unsigned)options->receiver_body_timeout_ms;
    config->limits.idle_timeout_ms = (unsigned)options->receiver_idle_timeout_ms;
    enum nv_err err = join(&options->receiver_cors_allowed_origins, origins);
    if (err != NV_OK)
        return err;
    if (options->receiver_cors_allowed_origins.count > 0)
        config->cors_allowed_origins = origins->bytes;
    return NV_OK;
}
