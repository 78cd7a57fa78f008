/*
 * The gateway that runs on a journal directory, as its status tells it: what `doctor` asks
 * before it judges ports and exporter. jansson stays in the .c.
 */
#ifndef NV_GATEWAY_DOCTOR_RUNNING_H
#define NV_GATEWAY_DOCTOR_RUNNING_H

#include "base/str.h"
#include "gateway/config/options.h"

struct nv_running {
    bool any;        /* one is there */
    bool silent;     /* and does not answer */
    bool understood; /* it says what a status says; else all below but `listen` is unset */
    int pid;         /* 0: not known */
    /* Borrowed from `document`; NULL when it does not say them. */
    const char *mode, *version, *state, *reason, *last_error;
    const char *refusing; /* why the journal takes nothing, NULL: it does */
    const char *unnamed;  /* a service without a name of its own, NULL: none */
    struct {
        const char *http, *grpc, *admin;
    } listen;
    int64_t refused_in_row; /* traces that the backend refused, one after the other */
    int64_t dead_lettered;  /* spans since it started */
    /* Spans since it started, and now; of a version that does not say one: 0. */
    int64_t received, delivered, rejected, held, queued;
    int64_t open_traces, oldest_age_ms; /* that wait to be complete */
    int64_t next_try_ms, uptime_ms;
    int64_t requests, metrics; /* export requests taken; of metrics, which are not kept */
    int64_t refused;           /* requests, for the reasons that follow */
    char refused_for[160];     /* "path 3, token 1" */
    void *document;            /* owned; NULL when none runs or it talks of something
                                        else */
};

/* Reads `status`, any bytes (borrowed), into `running`, to be released. Never fails: what is no
 * status is a gateway that is not understood. */
void nv_running_read(struct nv_running *running, struct nv_str status);
/*
 * Asks over the control socket of options->journal_directory. That none runs is no fault,
 * because doctor is asked before the first start, too. Waits as nv_control_status does.
 */
void nv_running_ask(struct nv_running *running, const struct nv_options *options);
/* Drops what is owned. */
void nv_running_release(struct nv_running *running);

#endif
