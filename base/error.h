/*
 * The one error type of the gateway, grouped by who must act.
 *
 * Every fallible function returns `enum nv_err` (0 is success, failures are negative) and
 * passes results through `out` parameters. One table, NV_ERR_TABLE, gives each code its name,
 * its text, the OTLP/HTTP status, the gRPC code and whether a client may retry (OTLP
 * specification, "Failures": exactly 429, 502, 503 and 504 are retryable over HTTP).
 */
#ifndef NV_BASE_ERROR_H
#define NV_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define NV_MUST_USE __attribute__((warn_unused_result))

/* X(code, value, text, HTTP status, gRPC code, retryable) */
#define NV_ERR_TABLE(X)                                                                        \
    X(NV_OK, 0, "success", 200, 0, false)                                                      \
    /* the caller's data */                                                                    \
    X(NV_ERR_MALFORMED, -100, "malformed data", 400, 3, false)                                 \
    X(NV_ERR_DEPTH, -101, "nested too deeply", 400, 3, false)                                  \
    X(NV_ERR_TRUNCATED, -103, "data ends too early", 400, 3, false)                            \
    X(NV_ERR_NOT_FOUND, -104, "not found", 404, 12, false)                                     \
    X(NV_ERR_MEDIA_TYPE, -106, "unsupported content type", 415, 3, false)                      \
    X(NV_ERR_ENCODING, -107, "unsupported content encoding", 415, 12, false)                   \
    X(NV_ERR_TOO_LARGE, -108, "too large", 413, 8, false)                                      \
    X(NV_ERR_UNAUTHENTICATED, -109, "unauthenticated", 401, 16, false)                         \
    X(NV_ERR_TIMEOUT, -110, "request took too long", 408, 4, false)                            \
    /* the caller's pace */                                                                    \
    X(NV_ERR_BUSY, -200, "too many requests in progress", 429, 14, true)                       \
    X(NV_ERR_FULL, -201, "no room, retry later", 503, 14, true)                                \
    X(NV_ERR_STOPPING, -202, "shutting down, retry later", 503, 14, true)                      \
    /* the operator */                                                                         \
    X(NV_ERR_CONFIG, -400, "bad configuration", 500, 13, false)                                \
    X(NV_ERR_LOCKED, -401, "in use by another process", 500, 13, false)                        \
    /* the host */                                                                             \
    X(NV_ERR_NO_MEMORY, -500, "out of memory", 503, 14, true)                                  \
    X(NV_ERR_NO_SPACE, -501, "no space left on disk", 503, 14, true)                           \
    X(NV_ERR_IO, -502, "input or output failed", 503, 14, true)                                \
    X(NV_ERR_SHARE, -504, "it takes more memory than memory.max_bytes leaves it", 500, 13,     \
      false)                                                                                   \
    /* a limit of a container of ours, to be turned into one of the above */                   \
    X(NV_ERR_LIMIT, -600, "limit reached", 413, 8, false)                                      \
    X(NV_ERR_AGAIN, -601, "not ready yet", 503, 14, true)                                      \
    X(NV_ERR_END, -602, "nothing left", 500, 13, false)                                        \
    X(NV_ERR_POISON, -603, "the process died twice while it was translated", 500, 13, false)   \
    /* ---- the fatal line: NV_ERR_FATAL_LINE ---- */                                          \
    /* a bug */                                                                                \
    X(NV_ERR_INTERNAL, -900, "internal error", 500, 13, false)

enum nv_err {
#define NV_ERR_ENUM(code, value, text, http, grpc, retry) code = value,
    NV_ERR_TABLE(NV_ERR_ENUM)
#undef NV_ERR_ENUM
};

/*
 * A code at or below this line says that the object which returned it may be half changed: only
 * its `free` (or `release`) may be called then. Any other code leaves the object as its header
 * says.
 */
#define NV_ERR_FATAL_LINE (-900)
static inline bool nv_err_is_fatal(enum nv_err code)
{
    return (int)code <= NV_ERR_FATAL_LINE;
}

/* One row of NV_ERR_TABLE. */
struct nv_err_info {
    enum nv_err code;
    const char *name;
    const char *text;
    int http_status;
    int grpc_code;
    bool retryable;
};

/* The row of `code` (borrowed, static); the row of NV_ERR_INTERNAL for a value not in the
 * table. */
const struct nv_err_info *nv_err_info(enum nv_err code);

/*
 * The first failure of a parse: what, where and at which byte. Zero-initialised means "no
 * failure". `path` names the place in the request as OTLP/JSON spells it, for example
 * `resourceSpans[2].scopeSpans[0].spans[7].traceId`; for files `offset` is unused and `path` is
 * `file:line:column`.
 */
struct nv_fail {
    enum nv_err code;
    size_t offset;
    char what[128];
    char path[192];
};

/*
 * Records a failure unless `fail` (may be NULL) already holds one: the first wins. Returns
 * `code`, so that callers write `return nv_fail_set(...)`. `format` is printf's and gives
 * `what`, cut to fit.
 */
enum nv_err nv_fail_set(struct nv_fail *fail, enum nv_err code, size_t offset,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
