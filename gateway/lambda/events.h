/*
 * What AWS Lambda tells an extension, as JSON: events of the Extensions API (2020-01-01) and
 * records of the Telemetry API (2022-07-01, schema 2022-12-13). Members that are not needed are
 * passed over, as versions to come will have more.
 */
#ifndef NV_GATEWAY_LAMBDA_EVENTS_H
#define NV_GATEWAY_LAMBDA_EVENTS_H

#include "base/error.h"
#include "base/str.h"

/* A request id is a UUID; what is longer is cut, alike in events and records. */
#define NV_LAMBDA_ID_SIZE 64

enum nv_lambda_kind {
    NV_LAMBDA_INVOKE,
    NV_LAMBDA_SHUTDOWN,
    NV_LAMBDA_OTHER /* of a version to come */
};

struct nv_lambda_event {
    enum nv_lambda_kind kind;
    uint64_t deadline_ms;               /* Unix time at which the environment is cut off */
    char request_id[NV_LAMBDA_ID_SIZE]; /* INVOKE, else "" */
    char reason[24];                    /* SHUTDOWN: spindown, timeout or failure; else "" */
};

/* NV_ERR_MALFORMED: no object, or no eventType; NV_ERR_NO_MEMORY. */
enum nv_err nv_lambda_event_read(struct nv_str json, struct nv_lambda_event *out) NV_MUST_USE;
/*
 * Calls `done` with the request id (borrowed) of each platform.runtimeDone in a batch of
 * records. NV_ERR_MALFORMED: no array of objects; NV_ERR_NO_MEMORY; `done` may have been called
 * before.
 */
enum nv_err nv_lambda_records_read(struct nv_str json,
                                   void (*done)(void *ctx, struct nv_str request_id),
                                   void *ctx) NV_MUST_USE;

#endif
