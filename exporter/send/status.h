/*
 * How the exporter is, for /status, /readyz and the log. Written by the sender's thread alone;
 * what others see is a copy (nv_exporter_read_status).
 */
#ifndef NV_EXPORTER_SEND_STATUS_H
#define NV_EXPORTER_SEND_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nv_exporter_state {
    NV_EXPORTER_SENDING,
    NV_EXPORTER_BACKING_OFF,  /* the backend is failing or asked us to wait */
    NV_EXPORTER_HELD_AUTH,    /* 401, 403: the key */
    NV_EXPORTER_HELD_CREDIT,  /* CREDIT_QUOTA_EXCEEDED: the plan */
    NV_EXPORTER_HELD_CONFIG,  /* 404, TLS, ...: the endpoint */
    NV_EXPORTER_HELD_FOREIGN, /* pages, redirects, `success: false`: not the API's yes */
    NV_EXPORTER_HELD_FILES,   /* the file directory can't be written */
    NV_EXPORTER_STOPPED
};

/* So many traces refused in a row with one status and none accepted: it is hardly the
 * traces. */
#define NV_EXPORTER_REFUSED_ALL 20

/* For /status and /readyz. */
struct nv_exporter_status {
    enum nv_exporter_state state;
    char reason[160];     /* in words; empty while sending, unless all is refused */
    char last_error[160]; /* of the last failed request, kept after recovery */
    uint64_t last_error_wall_ns;
    uint64_t last_delivery_wall_ns;     /* 0: none yet */
    uint64_t next_try_ms;               /* from now, while not sending */
    size_t queued_traces, queued_bytes; /* in memory, in flight included */
    uint64_t outbox_records, outbox_spans;
    uint32_t in_flight; /* requests */
    uint32_t retry_bodies;
    uint64_t dead_letters;   /* written by this process */
    uint64_t refused_in_row; /* traces that became dead letters since one was accepted */
    int refused_status;      /* with this HTTP status, all of them */
    uint64_t warnings;       /* entries of warnings[] and errors[] in accepted replies */
    bool identity;           /* auto: gzip was refused lately */
};

/* "sending", "held: key", ... Static. */
const char *nv_exporter_state_text(enum nv_exporter_state state);

#endif
