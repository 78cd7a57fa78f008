/*
 * librdkafka, found when it is needed: a table of the functions that are used of it.
 *
 *   role all          nothing is loaded: no memory, no threads
 *   receive, assemble dlopen("librdkafka.so.1") ──▶ struct nv_rd ──▶ producer.c, ...
 *
 * The header alone is needed to build, the library (Debian: librdkafka1) only to run one of the
 * two roles. A build without the header has no table, and says so at the start.
 */
#ifndef NV_KAFKA_RD_H
#define NV_KAFKA_RD_H

#include "base/error.h"

#ifdef NOVEUM_KAFKA
#include <librdkafka/rdkafka.h>

/* X(name): rd_kafka_<name> */
#define NV_RD_TABLE(X)                                                                         \
    X(version_str)                                                                             \
    X(err2str)                                                                                 \
    X(err2name)                                                                                \
    X(conf_new)                                                                                \
    X(conf_destroy)                                                                            \
    X(conf_set)                                                                                \
    X(conf_set_opaque)                                                                         \
    X(conf_set_dr_msg_cb)                                                                      \
    X(conf_set_error_cb)                                                                       \
    X(conf_set_log_cb)                                                                         \
    X(conf_set_oauthbearer_token_refresh_cb)                                                   \
    X(oauthbearer_set_token)                                                                   \
    X(oauthbearer_set_token_failure)                                                           \
    X(opaque)                                                                                  \
    X(new)                                                                                     \
    X(destroy_flags)                                                                           \
    X(destroy)                                                                                 \
    X(poll)                                                                                    \
    X(flush)                                                                                   \
    X(purge)                                                                                   \
    X(produceva)                                                                               \
    X(fatal_error)                                                                             \
    X(test_fatal_error)                                                                        \
    X(metadata)                                                                                \
    X(metadata_destroy)                                                                        \
    X(topic_new)                                                                               \
    X(topic_destroy)                                                                           \
    X(error_code)                                                                              \
    X(error_string)                                                                            \
    X(error_destroy)                                                                           \
    X(conf_set_rebalance_cb)                                                                   \
    X(conf_set_offset_commit_cb)                                                               \
    X(poll_set_consumer)                                                                       \
    X(subscribe)                                                                               \
    X(consumer_poll)                                                                           \
    X(consumer_close)                                                                          \
    X(message_destroy)                                                                         \
    X(message_timestamp)                                                                       \
    X(message_headers)                                                                         \
    X(header_get_last)                                                                         \
    X(assign)                                                                                  \
    X(incremental_assign)                                                                      \
    X(incremental_unassign)                                                                    \
    X(assignment_lost)                                                                         \
    X(committed)                                                                               \
    X(commit)                                                                                  \
    X(pause_partitions)                                                                        \
    X(resume_partitions)                                                                       \
    X(offsets_for_times)                                                                       \
    X(get_watermark_offsets)                                                                   \
    X(queue_new)                                                                               \
    X(queue_poll)                                                                              \
    X(queue_destroy)                                                                           \
    X(event_error)                                                                             \
    X(event_error_string)                                                                      \
    X(event_destroy)                                                                           \
    X(event_DescribeConfigs_result)                                                            \
    X(AdminOptions_new)                                                                        \
    X(AdminOptions_set_request_timeout)                                                        \
    X(AdminOptions_set_broker)                                                                 \
    X(AdminOptions_destroy)                                                                    \
    X(ConfigResource_new)                                                                      \
    X(ConfigResource_destroy)                                                                  \
    X(ConfigResource_name)                                                                     \
    X(ConfigResource_error)                                                                    \
    X(ConfigResource_configs)                                                                  \
    X(ConfigEntry_name)                                                                        \
    X(ConfigEntry_value)                                                                       \
    X(DescribeConfigs)                                                                         \
    X(DescribeConfigs_result_resources)                                                        \
    X(conf_interceptor_add_on_new)                                                             \
    X(interceptor_add_on_request_sent)                                                         \
    X(interceptor_add_on_response_received)                                                    \
    X(topic_name)                                                                              \
    X(topic_partition_list_new)                                                                \
    X(topic_partition_list_add)                                                                \
    X(topic_partition_list_destroy)

struct nv_rd {
#define NV_RD_FIELD(name) __typeof__(&rd_kafka_##name) name;
    NV_RD_TABLE(NV_RD_FIELD)
#undef NV_RD_FIELD
};

/*
 * The table; loads the library once. Borrowed for the life of the process. NV_ERR_CONFIG with
 * `fail`: the library is not there, or too old. Any thread.
 */
enum nv_err nv_rd_load(const struct nv_rd **out, struct nv_fail *fail) NV_MUST_USE;
/* The same from a library of that name: for tests of what is said without it. */
enum nv_err nv_rd_load_from(const char *library, struct nv_rd *rd,
                            struct nv_fail *fail) NV_MUST_USE;
#endif

#endif
