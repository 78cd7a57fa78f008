/*
 * The Extensions API of AWS Lambda, as an external extension uses it.
 *
 *   register ──▶ subscribe (Telemetry API) ──▶ next ⟲ waits; the environment may be frozen in it
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html and
 * .../telemetry-api-reference.html. Plain HTTP within the environment: nothing of it leaves the
 * machine, so there is no TLS, no proxy and no token but the id that register gives.
 */
#ifndef NV_GATEWAY_LAMBDA_RUNTIME_API_H
#define NV_GATEWAY_LAMBDA_RUNTIME_API_H

#include "base/buf.h"
#include "gateway/lambda/events.h"

#include <pthread.h>

#define NV_LAMBDA_ADDRESS_SIZE 256
#define NV_LAMBDA_SESSION_SIZE 160

struct nv_lambda_api {
    char address[NV_LAMBDA_ADDRESS_SIZE]; /* AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001" */
    char session[NV_LAMBDA_SESSION_SIZE]; /* Lambda-Extension-Identifier; "": not registered */
    pthread_mutex_t lock;                 /* of what follows */
    int fd;                               /* of the call under way; -1: none */
    bool ended;
};

/* Readies it for `address` (copied). NV_ERR_CONFIG: no host:port. Release in any case. */
enum nv_err nv_lambda_api_init(struct nv_lambda_api *api, const char *address) NV_MUST_USE;
/* No call is under way any more. */
void nv_lambda_api_release(struct nv_lambda_api *api);
/*
 * Registers as `name`, which must be the name of the file below /opt/extensions, for INVOKE and
 * SHUTDOWN. NV_ERR_IO with `fail`: nobody there, or another answer than 200; NV_ERR_STOPPING.
 */
enum nv_err nv_lambda_register(struct nv_lambda_api *api, const char *name,
                               struct nv_fail *fail) NV_MUST_USE;
/* Has platform records posted to `uri`. Errors as register; without it an extension works, and
 * does not know when a function has ended. */
enum nv_err nv_lambda_subscribe(struct nv_lambda_api *api, const char *uri,
                                struct nv_fail *fail) NV_MUST_USE;
/*
 * Says that this extension has done its work and waits, without limit, for the next event.
 * NV_ERR_STOPPING: nv_lambda_api_end was called; NV_ERR_IO with `fail`; NV_ERR_MALFORMED.
 */
enum nv_err nv_lambda_next(struct nv_lambda_api *api, struct nv_lambda_event *out,
                           struct nv_fail *fail) NV_MUST_USE;
/* Breaks off the call under way and refuses later ones. Any thread. */
void nv_lambda_api_end(struct nv_lambda_api *api);

/* The status of a whole HTTP/1.1 answer (0: it is none), its body without chunks in `body`
 * (cleared first), the value of header `name` in `value` ("" when absent or longer). */
int nv_lambda_answer_read(struct nv_str answer, struct nv_str name,
                          char value[NV_LAMBDA_SESSION_SIZE], struct nv_buf *body);

#endif
