/*
 * What only shows in combination among the options of Kafka.
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_KAFKA_H
#define NV_GATEWAY_CONFIG_OPTION_KAFKA_H

#include "gateway/config/options.h"

/* Does this process speak to Kafka? */
bool nv_options_kafka(const struct nv_options *options);
/* The word of a role. Static. */
const char *nv_role_name(unsigned role);
/* Checks the options of Kafka when the role needs it; files are checked elsewhere.
 * NV_ERR_CONFIG with `fail`: what to set. */
enum nv_err nv_options_check_kafka(const struct nv_options *options,
                                   struct nv_fail *fail) NV_MUST_USE;

#endif
