/*
 * running: from the status of the gateway that runs here to what doctor judges by.
 *
 *   control socket ──JSON, NV_CAP_DOCTOR_STATUS──▶ jansson ──▶ struct nv_running
 *
 * Of the whole status only these members are read, so that a gateway of another version, with
 * members more or fewer elsewhere, is still understood.
 */
#include "gateway/doctor/running.h"

#include "assembly/assembly.h"
#include "base/limits.h"
#include "gateway/admin/control.h"
#include "gateway/config/option_value.h"

#include <jansson.h>
#include <stdio.h>

#include "base/banned.h"

/* What SDKs call a service that was given no name (OpenTelemetry, resource conventions). */
#define UNNAMED "unknown_service"

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t number_of(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

static void read_requests(struct nv_running *running, const json_t *requests)
{
    const char *reason;
    json_t *count;
    size_t len = 0;
    char *out = running->refused_for;

    running->requests = number_of(requests, "ok") + number_of(requests, "partial");
    running->metrics = number_of(requests, "metrics");
    json_object_foreach(json_object_get(requests, "refused"), reason, count)
    {
        int64_t times = (int64_t)json_integer_value(count);
        running->refused += times;
        if (len < sizeof running->refused_for) {
            len +=
                (size_t)snprintf(out + len, sizeof running->refused_for - len, "%s%.40s %lld",
                                 len > 0 ? ", " : "", reason, (long long)times);
        }
    }
}

static void read_counts(struct nv_running *running, const json_t *root)
{
    const json_t *spans = json_object_get(root, "spans");
    const json_t *assembly = json_object_get(root, "assembly");

    running->received = number_of(spans, "received");
    running->delivered = number_of(spans, "delivered");
    running->rejected = number_of(spans, "rejected");
    running->held = number_of(spans, "held");
    running->queued = number_of(spans, "queued");
    running->open_traces = number_of(assembly, "open_traces");
    running->oldest_age_ms = number_of(assembly, "oldest_age_ms");
    running->next_try_ms = number_of(json_object_get(root, "exporter"), "next_try_ms");
    running->uptime_ms = number_of(root, "uptime_ms");
}

static void read_services(struct nv_running *running, const json_t *services)
{
    size_t i;
    json_t *service;

    json_array_foreach(services, i, service)
    {
        const char *name = text_of(service, "name");
        if (name && strncmp(name, UNNAMED, strlen(UNNAMED)) == 0)
            running->unnamed = name;
    }
}

void nv_running_read(struct nv_running *running, struct nv_str status)
{
    json_int_t refused = 0, dead = 0;
    json_t *root = json_loadb(status.ptr ? status.ptr : "", status.len, 0, NULL);
    const json_t *listen = json_object_get(root, "listen");
    *running = (struct nv_running){.any = true, .document = root};
    running->mode = text_of(root, "mode");
    running->version = text_of(root, "version");
    running->listen.http = text_of(listen, "http");
    running->listen.grpc = text_of(listen, "grpc");
    running->listen.admin = text_of(listen, "admin");
    running->refusing = text_of(json_object_get(root, "journal"), "refusing");
    running->understood =
        json_unpack(root, "{s:{s:s,s:s,s:s,s:I},s:{s:I}}", "exporter", "state", &running->state,
                    "reason", &running->reason, "last_error", &running->last_error,
                    "refused_in_row", &refused, "spans", "dead_lettered", &dead) == 0;
    running->refused_in_row = (int64_t)refused;
    running->dead_lettered = (int64_t)dead;
    read_counts(running, root);
    read_requests(running, json_object_get(root, "requests"));
    read_services(running, json_object_get(root, "services"));
}

void nv_running_ask(struct nv_running *running, const struct nv_options *options)
{
    struct nv_buf status;
    struct nv_fail fail = {0};
    *running = (struct nv_running){0};
    if (options->journal_durability == NV_DURABILITY_MEMORY)
        return; /* no directory, no control socket */
    nv_buf_init(&status, NV_CAP_DOCTOR_STATUS);
    enum nv_err err = nv_control_status(options->journal_directory, &status, &fail);
    if (err == NV_OK)
        nv_running_read(running, nv_buf_str(&status));
    else if (err == NV_ERR_TIMEOUT)
        *running = (struct nv_running){.any = true, .silent = true};
    if (running->any)
        running->pid = nv_control_pid(options->journal_directory);
    nv_buf_release(&status);
}

void nv_running_release(struct nv_running *running)
{
    json_decref(running->document);
    *running = (struct nv_running){0};
}
