/*
 * Requests that were not taken, told: each has a counter by reason and a line in the log.
 *
 * Lines are folded for each reason and protocol (base/log/log.h), so that a client that is set
 * up wrong shows at once and fills no disk. Any thread.
 */
#ifndef NV_OTLP_REQUEST_REFUSAL_H
#define NV_OTLP_REQUEST_REFUSAL_H

#include "base/error.h"
#include "base/str.h"

enum nv_refusal {
    NV_REFUSAL_MALFORMED,
    NV_REFUSAL_PROTOCOL, /* HTTP/2, HTTP/1.1 or TLS on a port for something else */
    NV_REFUSAL_PATH,
    NV_REFUSAL_METHOD,
    NV_REFUSAL_CONTENT_TYPE,
    NV_REFUSAL_CONTENT_ENCODING,
    NV_REFUSAL_TOO_LARGE,
    NV_REFUSAL_TOKEN,
    NV_REFUSAL_TIMEOUT,
    NV_REFUSAL_BUSY, /* to be sent again: 429, 503, UNAVAILABLE */
    NV_REFUSAL_INTERNAL,
    NV_REFUSAL_COUNT
};

/* What a status of HTTP is as a refusal; one that no row has: malformed, from 500 internal. */
enum nv_refusal nv_refusal_of_http(int status);
/* The same for a code of gRPC. */
enum nv_refusal nv_refusal_of_grpc(int code);
/* The same for an error of ours. */
enum nv_refusal nv_refusal_of_error(enum nv_err err);
/*
 * Counts (noveum_requests_total and noveum_requests_refused_total) and logs one refused
 * request, and keeps it for who looks (refused.h). The same of the same sender is logged when
 * it comes first, for the tenth time, the hundredth, and so on, with that number. `protocol` is
 * "http" or "grpc"; `message` is what the client is told, `sender` who it is, empty when that
 * is not known (both borrowed, foreign text allowed).
 */
void nv_refusal_note(const char *protocol, enum nv_refusal reason, struct nv_str message,
                     struct nv_str sender);

/*
 * Logs and keeps likewise that `rejected` spans of a request were set aside, the others kept.
 * They are counted where the request is (request.h).
 */
void nv_refusal_note_spans(const char *protocol, uint64_t rejected, struct nv_str message,
                           struct nv_str sender);

/*
 * What a client said in a path, a header or a name, as it may be logged and answered, into
 * `text`; borrowed from it, whole words of at most `size` bytes. Words that may be a key or an
 * address of somebody (long, many digits, other characters) are "…".
 */
struct nv_str nv_refusal_shown(struct nv_str said, char *text, size_t size);

/* ---- what to do instead ------------------------------------------------------------------ */

/* Sentence for a client that asked OTLP/HTTP for `path`, into `text`; borrowed from it. */
struct nv_str nv_refusal_path_hint(struct nv_str path, char *text, size_t size);

#endif
