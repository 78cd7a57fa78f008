/*
 * noveum/pipeline.h: the gateway's stages inside another program, without its threads, sockets
 * and clocks: bytes of OTLP requests in, finished Noveum traces as JSON out.
 *
 *   bytes ──accept──▶ [ check ▸ hold until whole ▸ translate ▸ mask ▸ encode ] ──pull──▶ JSON
 *                        ▲                                                       │
 *        clock ──tick────┘                               settle ◀──── delivered ─┘
 *
 *     noveum_pipeline *pipeline;
 *     char why[NOVEUM_PIPELINE_WHY_SIZE];
 *     if (noveum_pipeline_open(NULL, &pipeline, why, sizeof why) != NOVEUM_PIPELINE_OK)
 *         ...
 *     noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, body, body_len, NULL);
 *     wait_ns = noveum_pipeline_tick(pipeline);             again after that time, or sooner
 *     while (noveum_pipeline_pull(pipeline, &payload) == NOVEUM_PIPELINE_OK) {
 *         send(payload.json, payload.json_len);
 *         noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_DELIVERED);
 *     }
 *     noveum_pipeline_finish(pipeline);                     nothing more comes: pull the rest
 *     noveum_pipeline_close(pipeline);
 *
 * Promises to the program that it is in:
 *   - No thread is started, no socket opened, no signal touched, nothing printed, and without
 *     `journal.directory` no file written. It never aborts, exits or waits.
 *   - Each span that was accepted ends in exactly one place of noveum_pipeline_status.
 *   - With an allocator of the caller all memory of a pipeline comes from it and has gone back
 *     by the end of noveum_pipeline_close; but for scratch that libc's qsort takes within a call,
 *     and PCRE2's when redaction.pii is on.
 *     Memory that is refused is an error of that call, and the pipeline goes on; a trace that
 *     finds none in the middle of its translation is given up, counted as untranslated.
 *
 * Threads: one thread at a time uses a pipeline. Several pipelines are independent of each other
 * and may be used by several threads at once.
 *
 * Ownership: what goes in is copied before the call returns, or used during the call only. What
 * comes out says how long it may be read.
 *
 * Binary interface: symbols carry the version NOVEUM_PIPELINE_1. Structs begin with `size`,
 * which the caller sets where it passes one in; new members come at the end, new enumerators
 * get new numbers.
 *
 * C11 or C++17, gcc or clang, Linux. Link with -lnoveum (pkg-config noveum).
 */
#ifndef NOVEUM_PIPELINE_H
#define NOVEUM_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NOVEUM_API __attribute__((visibility("default")))
#else
#define NOVEUM_API
#endif

/* What a reason in words takes at most, its NUL included; more is cut. */
#define NOVEUM_PIPELINE_WHY_SIZE 512

/* ---- results ----------------------------------------------------------------------------- */

/* Negative: failed, and the pipeline is as it was, but for IO. */
typedef enum noveum_pipeline_result {
    NOVEUM_PIPELINE_OK = 0,
    NOVEUM_PIPELINE_EMPTY = 1,      /* nothing is ready to be pulled */
    NOVEUM_PIPELINE_INVALID = -1,   /* an argument or a setting can't be used */
    NOVEUM_PIPELINE_NO_MEMORY = -2, /* memory was refused; the same call may succeed later */
    NOVEUM_PIPELINE_MALFORMED = -3, /* no OTLP request: sending it again changes nothing */
    NOVEUM_PIPELINE_TOO_LARGE = -4, /* more bytes or spans than one request may have */
    NOVEUM_PIPELINE_FULL = -5,   /* come again when something was settled or time has passed */
    NOVEUM_PIPELINE_CLOSED = -6, /* nothing is accepted after noveum_pipeline_finish */
    NOVEUM_PIPELINE_IO = -7      /* the journal could not be written, read or locked */
} noveum_pipeline_result;

/* The result in words: a constant. Any thread. */
NOVEUM_API const char *noveum_pipeline_result_text(noveum_pipeline_result result);
/* Version of the library, as "0.2.0": a constant. Any thread. */
NOVEUM_API const char *noveum_pipeline_version(void);

/* ---- what a pipeline is lent ------------------------------------------------------------- */

/*
 * Where memory comes from. Called only within calls of the pipeline that it was given to, on the
 * caller's thread. Blocks must be aligned for any type, as malloc's are. NULL is a refusal.
 */
typedef struct noveum_allocator {
    void *ctx;
    void *(*allocate)(void *ctx, size_t size);            /* size > 0 */
    void *(*resize)(void *ctx, void *block, size_t size); /* block != NULL, size > 0 */
    void (*release)(void *ctx, void *block);              /* block != NULL */
} noveum_allocator;

/* How to open one. Zero and NULL: the default. */
typedef struct noveum_pipeline_options {
    size_t size; /* sizeof(noveum_pipeline_options) */
    /*
     * "key=value" each, NULL at the end; NULL: all defaults. Keys, values and defaults are those
     * of docs/configuration.md, of the sections memory, assembly, mapping, redaction, media and
     * sampling, and of exporter.noveum: project, environment, service_version, trace_id,
     * max_trace_bytes and queue_bytes (of JSON that waits to be pulled and settled). The
     * environment and files of the host are not read. Unlike the gateway's, journal.durability
     * is `memory` unless journal.directory is given: then accept means on disk, and what was
     * accepted and not settled comes again in the next pipeline over that directory.
     */
    const char *const *settings;
    /* Nanoseconds since 1970, UTC, which never go back; NULL: the system's clocks. */
    uint64_t (*now_ns)(void *ctx);
    void *clock_ctx;
    /* Copied. NULL: malloc and free. INVALID together with journal.directory. */
    const noveum_allocator *allocator;
    /* One line of the log, UTF-8 without line end or NUL, for the call; NULL: there is no log.
     * Lines of one place are folded for the whole process. Must not call the pipeline. */
    void (*log)(void *ctx, const char *line, size_t len);
    void *log_ctx;
} noveum_pipeline_options;

/* ---- opening and closing ----------------------------------------------------------------- */

/* The stages, with what they hold. */
typedef struct noveum_pipeline noveum_pipeline;

/*
 * Opens a pipeline; *out is new (noveum_pipeline_close), NULL on failure. `options` may be NULL
 * and is not needed after the call. `why` (may be NULL) is a text of `why_size` bytes that says
 * what to do on failure and is empty otherwise. INVALID, NO_MEMORY, IO.
 */
NOVEUM_API noveum_pipeline_result noveum_pipeline_open(const noveum_pipeline_options *options,
                                                       noveum_pipeline **out, char *why,
                                                       size_t why_size);
/*
 * Frees the pipeline and what is left in it: payloads that were not settled, traces that were
 * still held. With a journal all of these come again. NULL is allowed.
 */
NOVEUM_API void noveum_pipeline_close(noveum_pipeline *pipeline);

/* ---- in ---------------------------------------------------------------------------------- */

/* What kind of request it is. */
typedef enum noveum_pipeline_signal {
    NOVEUM_PIPELINE_TRACES = 1, /* ExportTraceServiceRequest */
    NOVEUM_PIPELINE_LOGS = 2    /* ExportLogsServiceRequest: joins the spans that it names */
} noveum_pipeline_signal;

/* What a request held. */
typedef struct noveum_pipeline_receipt {
    size_t size;                        /* sizeof(noveum_pipeline_receipt), set by the caller */
    uint64_t accepted;                  /* spans or log records */
    uint64_t rejected;                  /* spans without a usable id: OTLP's partial success */
    char why[NOVEUM_PIPELINE_WHY_SIZE]; /* of the rejection or the refusal, UTF-8; "": none */
} noveum_pipeline_receipt;

/*
 * Takes one export request: `len` bytes of OTLP protobuf without compression (borrowed for the
 * call). All of it or, on failure, nothing. `receipt` may be NULL. Cost: linear in `len`.
 * INVALID, NO_MEMORY, MALFORMED, TOO_LARGE, FULL, CLOSED, IO.
 */
NOVEUM_API noveum_pipeline_result noveum_pipeline_accept(noveum_pipeline *pipeline,
                                                         noveum_pipeline_signal signal,
                                                         const void *bytes, size_t len,
                                                         noveum_pipeline_receipt *receipt);

/* ---- time -------------------------------------------------------------------------------- */

/*
 * Translates the traces that are whole by now. Returns in how many nanoseconds the next is due;
 * UINT64_MAX: not before something is accepted or settled. Calling it late makes traces late
 * and nothing else. Without memory it says a time soon.
 */
NOVEUM_API uint64_t noveum_pipeline_tick(noveum_pipeline *pipeline);
/*
 * Nothing more comes: translates all that is held, whole or not. From then on accept is CLOSED;
 * tick, pull and settle go on. NO_MEMORY: some is held still (noveum_pipeline_status), tick
 * goes on with it as time passes. With a journal and assembly.on_stop=keep, which is the
 * default, what is not whole stays there for the next pipeline.
 */
NOVEUM_API noveum_pipeline_result noveum_pipeline_finish(noveum_pipeline *pipeline);

/* ---- out --------------------------------------------------------------------------------- */

/* A finished trace. All pointers are borrowed until it is settled or the pipeline closed. */
typedef struct noveum_pipeline_payload {
    uint64_t id;      /* of the payload in its pipeline, never 0 */
    const char *json; /* one Trace object of docs/noveum-backend.md, UTF-8, no NUL at its end */
    size_t json_len;
    uint64_t spans;
    /* NULL; else why this is a stub that stands for a trace without its spans: a constant */
    const char *stub;
} noveum_pipeline_payload;

/* What became of a payload. */
typedef enum noveum_pipeline_outcome {
    NOVEUM_PIPELINE_DELIVERED = 1, /* it has arrived */
    NOVEUM_PIPELINE_REFUSED = 2    /* nobody will ever take it: it is given up */
} noveum_pipeline_outcome;

/*
 * Gives the oldest trace that is ready; fills *payload. Each is given once; several may be out
 * at a time. EMPTY, INVALID.
 */
NOVEUM_API noveum_pipeline_result noveum_pipeline_pull(noveum_pipeline *pipeline,
                                                       noveum_pipeline_payload *payload);
/*
 * Says what became of a payload, in any order, and frees it: *payload is zeroed. INVALID: none
 * of this pipeline, or settled already.
 */
NOVEUM_API noveum_pipeline_result noveum_pipeline_settle(noveum_pipeline *pipeline,
                                                         noveum_pipeline_payload *payload,
                                                         noveum_pipeline_outcome outcome);

/* ---- what is where ----------------------------------------------------------------------- */

/*
 * Spans by where they are, since the pipeline was opened:
 *
 *   accepted + replayed = held + ready + pulled + delivered + refused
 *                         + sampled + placeholders + untranslated + left_out
 */
typedef struct noveum_pipeline_status {
    size_t size; /* sizeof(noveum_pipeline_status), set by the caller */
    uint64_t accepted;
    uint64_t replayed; /* out of the journal, when it was opened */
    uint64_t rejected; /* never accepted: partial success */
    uint64_t held;     /* their traces are not whole yet */
    uint64_t ready;    /* to be pulled */
    uint64_t pulled;   /* to be settled */
    uint64_t delivered;
    uint64_t refused;
    uint64_t sampled;      /* left out by sampling.rate, mapping.spans or mapping.rules_file */
    uint64_t placeholders; /* say nothing that another span of the trace does not say */
    uint64_t untranslated; /* could not be translated; told in the log */
    uint64_t left_out;     /* came twice, or were damaged in the journal */
    uint64_t open_traces;  /* traces of the spans held */
    uint64_t held_bytes;   /* memory of the spans held, with their index */
    uint64_t ready_bytes;  /* JSON of ready and pulled */
} noveum_pipeline_status;

/* Fills the members that `size` says the caller knows. INVALID: size is 0. */
NOVEUM_API noveum_pipeline_result noveum_pipeline_read_status(const noveum_pipeline *pipeline,
                                                              noveum_pipeline_status *status);

#ifdef __cplusplus
}
#endif

#endif
