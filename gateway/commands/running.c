/*
 * running: from the status of the gateway that runs here to what doctor judges by.
 *
 *   control socket ──JSON, NV_CAP_DOCTOR_STATUS──▶ jansson ──▶ struct nv_running
 *
 * Of the whole status only these members are read, so that a gateway of another version, with
 * members more or fewer elsewhere, is still understood.
 */
#include "gateway/commands/running.h"

#include "base/limits.h"
#include "gateway/admin/control.h"
#include "gateway/config/option_value.h"
#include "assembly/assembly.h"

#include <jansson.h>

#include "base/banned.h"

void nv_running_read(struct nv_running *running, struct nv_str status)
{
    json_int_t refused = 0, dead = 0;
    json_t *root = json_loadb(status.ptr ? status.ptr : "", status.len, 0, NULL);
    const json_t *listen = json_object_get(root, "listen");
    *running = (struct nv_running){.any = true, .document = root};
    running->mode = json_string_value(json_object_get(root, "mode"));
    running->listen.http = json_string_value(json_object_get(listen, "http"));
    running->listen.grpc = json_string_value(json_object_get(listen, "grpc"));
    running->listen.admin = json_string_value(json_object_get(listen, "admin"));
    running->understood =
        json_unpack(root, "{s:{s:s,s:s,s:s,s:I},s:{s:I}}", "exporter", "state", &running->state,
                    "reason", &running->reason, "last_error", &running->last_error,
                    "refused_in_row", &refused, "spans", "dead_lettered", &dead) == 0;
    running->refused_in_row = (int64_t)refused;
    running->dead_lettered = (int64_t)dead;
}

void nv_running_ask(struct nv_running *running, const struct nv_options *options)
{
    struct nv_buf status;
    struct nv_fail fail = {0};
    *running = (struct nv_running){0};
    if (options->journal_durability == NV_DURABILITY_MEMORY)
        return; /* no directory, no control socket */
    nv_buf_init(&status, NV_CAP_DOCTOR_STATUS);
    if (nv_control_status(options->journal_directory, &status, &fail) == NV_OK)
        nv_running_read(running, nv_buf_str(&status));
    nv_buf_release(&status);
}

void nv_running_release(struct nv_running *running)
{
    json_decref(running->document);
    *running = (struct nv_running){0};
}
