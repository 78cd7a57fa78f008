/* Where the settings of Noveum came from, told at the start. */
#ifndef NV_GATEWAY_CONFIG_OPTION_ORIGINS_H
#define NV_GATEWAY_CONFIG_OPTION_ORIGINS_H

#include "gateway/config/options.h"

/*
 * Logs the endpoint, and each other setting of exporter.noveum or of the SDK's sources that is
 * not a default, with its place ("NOVEUM_API_KEY", "./noveum-trace.yaml:3:1"); secrets as
 * `***`. Warns when a key goes to an endpoint that a file found in the working directory chose.
 * Not folded.
 */
void nv_options_log_origins(const struct nv_options *options);

#endif
