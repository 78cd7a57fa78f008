/*
 * The gateway that runs on a journal directory, as its status tells it: what `doctor` asks
 * before it judges ports and exporter. jansson stays in the .c.
 */
#ifndef NV_GATEWAY_COMMANDS_RUNNING_H
#define NV_GATEWAY_COMMANDS_RUNNING_H

#include "base/str.h"
#include "gateway/config/options.h"

struct nv_running {
    bool any;        /* one answers */
    bool understood; /* and says what a status says; else all below but `listen` is unset */
    /* Borrowed from `document`; the three of `listen` are NULL when it does not say them. */
    const char *mode, *state, *reason, *last_error;
    struct {
        const char *http, *grpc, *admin;
    } listen;
    int64_t refused_in_row; /* traces that the backend refused, one after the other */
    int64_t dead_lettered;  /* spans since it started */
    void *document;         /* owned; NULL when none runs or it talks of something else */
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
