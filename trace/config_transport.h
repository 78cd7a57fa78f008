/*
 * Where spans go and how: an OTLP receiver, or Noveum's API with the stages in between.
 *
 *   options ▸ OTEL_EXPORTER_OTLP_* ▸ file   ─▶ URL, headers, certificates, gzip
 *   with stages: options ▸ NOVEUM_* ▸ file  ─▶ URL, key, project, settings of the stages
 */
#ifndef NV_TRACE_CONFIG_TRANSPORT_H
#define NV_TRACE_CONFIG_TRANSPORT_H

#include "trace/config_reading.h"

/* Whether anything asks for tracing to be on, the file's part of it aside. */
bool nv_trace_is_wanted(const noveum_options *options);
/* The key for Noveum's API, NULL: none. Borrowed from options, environment or file. */
const char *nv_trace_api_key(const struct nv_trace_reading *reading);
/* Fills in the configuration's transport, or refuses. */
void nv_trace_read_transport(struct nv_trace_reading *reading);

#endif
