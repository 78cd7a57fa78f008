/*
 * Text of /metrics into OTLP's Metric messages.
 *
 *   # HELP / # TYPE counter   ─▶ Sum: cumulative, monotonic, since the start of the program
 *   # HELP / # TYPE gauge     ─▶ Gauge
 *   # HELP / # TYPE histogram ─▶ Histogram: cumulative, explicit bounds of `le`
 *
 * Names are those of the text, labels become attributes, HELP the description, and the unit is
 * what the name ends in: `_bytes` By, `_seconds` s (OpenTelemetry's "Prometheus and OpenMetrics
 * Compatibility"; a name that has its suffixes gets them no second time on the way back).
 */
#ifndef NV_GATEWAY_TELEMETRY_OWN_METRICS_H
#define NV_GATEWAY_TELEMETRY_OWN_METRICS_H

#include "base/buf.h"

/* Unix times of all points, ns. */
struct nv_own_times {
    uint64_t start_ns; /* of the program: counters were 0 */
    uint64_t now_ns;
};

/*
 * Appends a Metric for each name of `text`, Prometheus text format 0.0.4 as this program writes
 * it (samples of a name behind its TYPE), as field NV_OTLP_SCOPE_GROUP_ITEMS. What it can't
 * read is left out. Errors: the buffer's.
 */
enum nv_err nv_own_metrics_write(struct nv_str text, const struct nv_own_times *times,
                                 struct nv_buf *out) NV_MUST_USE;

#endif
