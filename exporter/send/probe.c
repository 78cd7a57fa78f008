/*
 * One question to the backend, with the exporter's own transport.
 *
 * The point of asking this way is that proxy rules, authorities, timeouts and the key are
 * exactly those of the running exporter: what works here works there. A loop of its own, turned
 * until the reply came; the transport's timeout ends it in any case.
 */
#include "exporter/send/probe.h"

#include "exporter/send/libcurl.h"
#include "exporter/send/send_curl.h"

#include <stdio.h>

#include "base/banned.h"

struct asking {
    struct nv_loop *loop;
    struct nv_probe *out;
};

static void done(void *done_ctx, const struct nv_reply *reply)
{
    struct asking *asking = done_ctx;
    struct nv_backend_reply facts;
    asking->out->transfer = reply->transfer;
    asking->out->status = reply->status;
    asking->out->cause = reply->cause;
    asking->out->proxy_status = reply->proxy_status;
    asking->out->date_s = reply->date_s;
    (void)snprintf(asking->out->location, sizeof asking->out->location, "%.*s",
                   NV_STR_ARG(reply->location));
    nv_backend_reply_read(reply->body, &facts);
    asking->out->body = facts.body;
    memcpy(asking->out->said, facts.text, sizeof asking->out->said);
    (void)snprintf(asking->out->detail, sizeof asking->out->detail, "%.*s",
                   NV_STR_ARG(nv_str_slice(reply->detail, 0, sizeof asking->out->detail - 1)));
    nv_loop_end(asking->loop);
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static enum nv_err ask(const struct nv_exporter_config *config,
                       const struct nv_endpoint *endpoint, struct asking *asking,
                       struct nv_fail *fail)
{
    struct nv_send_after after = {.call = nothing};
    struct nv_send_request request = {.route = NV_ROUTE_STATUS};
    struct nv_send_curl *curl = nv_send_curl_new(asking->loop, config, endpoint, &after, fail);
    if (!curl)
        return fail->code != NV_OK ? fail->code : NV_ERR_NO_MEMORY;
    const struct nv_transport *transport = nv_send_curl_transport(curl);
    enum nv_err err = transport->send(transport->ctx, &request, done, asking);
    if (err == NV_OK)
        nv_loop_run(asking->loop);
    nv_send_curl_free(curl);
    return err;
}

enum nv_err nv_exporter_probe(const struct nv_exporter_config *config,
                              const struct nv_clock *clock, struct nv_probe *out,
                              struct nv_fail *fail)
{
    struct nv_endpoint endpoint;
    *out = (struct nv_probe){.transfer = NV_TRANSFER_NO_MEMORY};
    enum nv_err err = nv_libcurl_load(fail);
    if (err == NV_OK)
        err = nv_endpoint_parse(nv_str_from(config->endpoint), &endpoint, fail);
    if (err != NV_OK)
        return err;
    struct asking asking = {.loop = nv_loop_new(clock), .out = out};
    if (!asking.loop)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    uint64_t started_ns = nv_clock_mono_ns(clock);
    err = ask(config, &endpoint, &asking, fail);
    out->took_ms = (nv_clock_mono_ns(clock) - started_ns) / NV_NS_PER_MS;
    nv_loop_free(asking.loop);
    return err;
}
