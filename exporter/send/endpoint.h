/* Where the backend is: the configured endpoint taken apart, and the configuration's check. */
#ifndef NV_EXPORTER_SEND_ENDPOINT_H
#define NV_EXPORTER_SEND_ENDPOINT_H

#include "exporter/answer/transport.h"
#include "exporter/send/config.h"

#define NV_ENDPOINT_URL_MAX 2048

struct nv_endpoint {
    char traces_url[NV_ENDPOINT_URL_MAX];  /* {base}/v1/traces */
    char status_url[NV_ENDPOINT_URL_MAX];  /* {base}/v1/status */
    char image_url[NV_ENDPOINT_URL_MAX];   /* {base}/v1/image */
    char audio_url[NV_ENDPOINT_URL_MAX];   /* {base}/v1/audio */
    char metrics_url[NV_ENDPOINT_URL_MAX]; /* {base}/v1/metrics */
    bool tls;
    bool loopback; /* localhost, 127.0.0.0/8 or [::1] */
};

/*
 * Takes apart `text`: http or https, a host, no user:password@, no query, no white space; a
 * full .../v1/traces URL and slashes at the end are accepted. NV_ERR_CONFIG with a sentence in
 * `fail`.
 */
enum nv_err nv_endpoint_parse(struct nv_str text, struct nv_endpoint *out,
                              struct nv_fail *fail) NV_MUST_USE;
/* The URL of `route`; borrowed, lives as long as `endpoint`. */
const char *nv_endpoint_url(const struct nv_endpoint *endpoint, enum nv_route route);

#endif
