/*
 * noveum/trace.h: traces of language models, agents and tools, from C and what calls C.
 *
 *     noveum_start(NULL);                                  at start; on if the environment asks
 *     {
 *         NOVEUM_SCOPE(call, noveum_begin(NOVEUM_LLM, NULL));
 *         noveum_llm(call, "openai", "gpt-4o-mini");
 *         noveum_message(call, NOVEUM_INPUT, "user", "Where is my order?", NOVEUM_NUL);
 *         ...
 *         noveum_message(call, NOVEUM_OUTPUT, "assistant", answer, NOVEUM_NUL);
 *         noveum_llm_usage(call, 21, 9);
 *     }                                                    ended here, sent later
 *
 * Spans follow OpenTelemetry's semantic conventions for generative AI and leave as OTLP/HTTP
 * protobuf, for a Noveum gateway or any other OTLP receiver.
 *
 * Promises to the program that is traced:
 *   - Nothing here aborts, raises a signal, prints, or waits for a network. Only noveum_flush
 *     and noveum_shutdown wait, and the end of the process; each for a time that is given.
 *   - What can't be kept is dropped and counted (noveum_get_counters); nothing grows without
 *     bound.
 *   - Every argument may be NULL and every handle null, old or ended: the call does nothing,
 *     and counts where that is a mistake. No result needs to be looked at.
 *   - While off, which is so until noveum_start turned it on, a call costs a few nanoseconds.
 *
 * Threads: every function may be called from any thread at any time, on one span from several
 * at once too, but for what is said at noveum_start. None may be called in a signal handler.
 *
 * fork: the child may go on tracing. Spans that were begun before belong to the parent: in the
 * child they are parents for new spans and nothing else. Between fork and exec call nothing.
 *
 * Ownership: what goes in is copied before the call returns. What comes out is written to
 * memory of the caller or is a constant of the library. Strings end with NUL, or have a length
 * beside them, which is NOVEUM_NUL for a string that ends with NUL. Bytes that are no UTF-8
 * become U+FFFD.
 *
 * Times are nanoseconds since 1970, UTC (noveum_now); 0 means now. Durations are milliseconds.
 *
 * Binary interface: symbols carry the version NOVEUM_TRACE_1. Structs that may grow begin with
 * `size`, which the caller sets; new members come at the end, new enumerators get new numbers.
 *
 * C11 or C++17, gcc or clang, Linux. Link with -lnoveum-trace (pkg-config noveum-trace).
 */
#ifndef NOVEUM_TRACE_H
#define NOVEUM_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NOVEUM_TRACE_VERSION "0.2.0"

#if defined(__GNUC__)
#define NOVEUM_API __attribute__((visibility("default")))
#else
#define NOVEUM_API
#endif

/* As a length: the string ends with NUL. */
#define NOVEUM_NUL ((size_t)-1)

/* ---- results ----------------------------------------------------------------------------- */

/* What the few functions say that can fail. Negative: failed. */
typedef enum noveum_result {
    NOVEUM_OK = 0,
    NOVEUM_OFF = 1, /* nobody asked for tracing, or it was disabled: all calls do nothing */
    NOVEUM_INVALID = -1,   /* an argument or a variable of the environment can't be used */
    NOVEUM_NO_MEMORY = -2, /* memory or a thread was refused */
    NOVEUM_TIMEOUT = -3,   /* not done in the given time */
    NOVEUM_BUSY = -4       /* started already */
} noveum_result;

/* The result in words: a constant. */
NOVEUM_API const char *noveum_result_text(noveum_result result);

/* ---- handles ----------------------------------------------------------------------------- */

/*
 * A span, by value. Zero is the null span: everything may be done to it, and does nothing. A
 * handle of a span that has ended is never taken for another span.
 */
typedef struct noveum_span {
    uint64_t id;
} noveum_span;

/* The null span. */
static inline noveum_span noveum_null(void)
{
    noveum_span none = {0};
    return none;
}

/* What a span stands for; decides gen_ai.operation.name and OpenTelemetry's span kind. */
typedef enum noveum_kind {
    NOVEUM_FUNCTION = 0,  /* any step of the program */
    NOVEUM_LLM = 1,       /* a call of a model: chat */
    NOVEUM_AGENT = 2,     /* a run of an agent: invoke_agent */
    NOVEUM_TOOL = 3,      /* a tool at work: execute_tool */
    NOVEUM_RETRIEVAL = 4, /* a search for documents: retrieval */
    NOVEUM_EMBEDDING = 5, /* text to vectors: embeddings */
    NOVEUM_WORKFLOW = 6   /* steps or agents put together: invoke_workflow */
} noveum_kind;

/* A span as other processes know it (W3C Trace Context, level 1). */
typedef struct noveum_context {
    uint8_t trace_id[16]; /* all zero: no context */
    uint8_t span_id[8];
    uint8_t sampled; /* 1: recorded and sent */
    uint8_t remote;  /* 1: came from another process */
    char state[513]; /* tracestate, "" for none; at most 512 bytes */
} noveum_context;

/* ---- attributes -------------------------------------------------------------------------- */

/* Of an attribute: which member of its value is used. */
typedef enum noveum_type {
    NOVEUM_TYPE_STR = 1, /* value.str, count: its length or NOVEUM_NUL */
    NOVEUM_TYPE_INT = 2,
    NOVEUM_TYPE_DOUBLE = 3,
    NOVEUM_TYPE_BOOL = 4,
    NOVEUM_TYPE_BYTES = 5,  /* value.bytes, count bytes */
    NOVEUM_TYPE_STRS = 6,   /* value.strs: count strings that end with NUL */
    NOVEUM_TYPE_INTS = 7,   /* value.ints: count numbers */
    NOVEUM_TYPE_DOUBLES = 8 /* value.doubles: count numbers */
} noveum_type;

/* One attribute, for functions that take several. Made by the functions below or by hand. */
typedef struct noveum_attribute {
    const char *key;
    noveum_type type;
    size_t count;
    union {
        const char *str;
        int64_t integer;
        double number;
        int boolean;
        const void *bytes;
        const char *const *strs;
        const int64_t *ints;
        const double *doubles;
    } value;
} noveum_attribute;

/* A text that ends with NUL; borrowed until the call that takes the attribute returns. */
static inline noveum_attribute noveum_str(const char *key, const char *value)
{
    noveum_attribute made = {key, NOVEUM_TYPE_STR, NOVEUM_NUL, {value}};
    return made;
}
static inline noveum_attribute noveum_int(const char *key, int64_t value)
{
    noveum_attribute made = {key, NOVEUM_TYPE_INT, 1, {NULL}};
    made.value.integer = value;
    return made;
}
static inline noveum_attribute noveum_double(const char *key, double value)
{
    noveum_attribute made = {key, NOVEUM_TYPE_DOUBLE, 1, {NULL}};
    made.value.number = value;
    return made;
}
static inline noveum_attribute noveum_bool(const char *key, int value)
{
    noveum_attribute made = {key, NOVEUM_TYPE_BOOL, 1, {NULL}};
    made.value.boolean = value;
    return made;
}

/* ---- straight to Noveum ------------------------------------------------------------------ */

/* A finished trace of the stages. Borrowed until it is settled. */
typedef struct noveum_stages_payload {
    uint64_t id;
    const char *json; /* one Trace object of Noveum's API */
    size_t length;
    uint64_t spans;
} noveum_stages_payload;

/*
 * The stages of a gateway inside the program, for who delivers to Noveum without one: the
 * option `stages`. noveum/direct.h has them, of libnoveum; this library does not need it. All
 * are called by one thread at a time.
 */
typedef struct noveum_stages {
    size_t size; /* of this struct, as the caller was compiled */
    /* New stages by "key=value" each, NULL at the end; NULL: failed, `why` says what to do. */
    void *(*open)(const char *const *settings, char *why, size_t why_size);
    /* An export request; 0: taken but for *rejected spans. 1: no room now. -1: never. */
    int (*accept)(void *stages, const void *bytes, size_t length, uint64_t *rejected);
    uint64_t (*tick)(void *stages); /* goes on; in how many ns again, UINT64_MAX: not needed */
    void (*finish)(void *stages);   /* nothing more comes: all is whole */
    int (*pull)(void *stages, noveum_stages_payload *payload); /* 1: a trace, 0: none */
    void (*settle)(void *stages, const noveum_stages_payload *payload, int delivered);
    uint64_t (*left_out)(void *stages); /* spans that were taken and go nowhere, so far */
    void (*close)(void *stages);
} noveum_stages;

/* ---- start and stop ---------------------------------------------------------------------- */

/* Whether to trace. */
typedef enum noveum_switch {
    NOVEUM_AUTO = 0, /* on if an endpoint is configured, in the options or in the environment */
    NOVEUM_ON = 1,   /* on; without an endpoint to http://localhost:4318 */
    NOVEUM_NEVER = 2 /* off */
} noveum_switch;

/*
 * Zero and NULL mean: as the environment says, else the SDK's file, else the default. An option
 * wins over the environment.
 *
 *   option              environment                                      default
 *   endpoint            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (as it is),   http://localhost:4318
 *                       OTEL_EXPORTER_OTLP_ENDPOINT (+ /v1/traces)         (+ /v1/traces)
 *   headers             OTEL_EXPORTER_OTLP_[TRACES_]HEADERS              none
 *   ca_file             OTEL_EXPORTER_OTLP_[TRACES_]CERTIFICATE          the system's
 *   client_certificate  OTEL_EXPORTER_OTLP_[TRACES_]CLIENT_CERTIFICATE   none
 *   client_key          OTEL_EXPORTER_OTLP_[TRACES_]CLIENT_KEY           none
 *   timeout_ms          OTEL_EXPORTER_OTLP_[TRACES_]TIMEOUT              10000
 *   service_name        OTEL_SERVICE_NAME, service.name of the next      unknown_service:NAME
 *   resource            OTEL_RESOURCE_ATTRIBUTES                         none
 *   sampler             OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG     parentbased_always_on
 *   delay_ms            OTEL_BSP_SCHEDULE_DELAY                          1000
 *   queue_spans         OTEL_BSP_MAX_QUEUE_SIZE                          2048, at most 65536
 *   batch_spans         OTEL_BSP_MAX_EXPORT_BATCH_SIZE                   512
 *   attributes_max      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT,                 128
 *                       OTEL_ATTRIBUTE_COUNT_LIMIT
 *   value_bytes_max     OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,          none
 *                       OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT
 *   events_max          OTEL_SPAN_EVENT_COUNT_LIMIT                      128
 *   links_max           OTEL_SPAN_LINK_COUNT_LIMIT                       128
 *   (of an event)       OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT                 128
 *   (of a link)         OTEL_LINK_ATTRIBUTE_COUNT_LIMIT                  128
 *   compression         OTEL_EXPORTER_OTLP_[TRACES_]COMPRESSION          none
 *   (off)               OTEL_SDK_DISABLED=true, OTEL_TRACES_EXPORTER=none
 *   (no content)        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=false: messages,
 *                       instructions, arguments, results and documents are left out
 *   (resource)          NOVEUM_PROJECT, NOVEUM_ENVIRONMENT, NOVEUM_SERVICE_VERSION become
 *                       noveum.project, deployment.environment.name and service.version
 *
 * The protocol is http/protobuf; when OTEL_EXPORTER_OTLP_[TRACES_]PROTOCOL says another, and
 * where another variable or the file can't be used, that is told once at the start by `log` and
 * noveum_last_error, and the default is taken.
 *
 * The file is that of noveum-trace for Python: `config_file`, or the first of
 * noveum-trace.yaml, .yml, .json and .noveum-trace.yaml, .yml, .json in the working directory,
 * JSON or plain YAML. Of it are read project, environment and service_version; tracing.enabled
 * (false: off, unless `enabled` is NOVEUM_ON) and sample_rate; transport.timeout, batch_timeout
 * (seconds), compression and ca_bundle. Its endpoint and key are those of Noveum's own API. It
 * never turns tracing on.
 */
typedef struct noveum_options {
    size_t size; /* of this struct, as the caller was compiled */
    noveum_switch enabled;
    const char *endpoint; /* http or https; /v1/traces is appended unless it is there */
    const char *headers;  /* "name=value,name=value", values URL-encoded */
    const char *ca_file, *client_certificate, *client_key; /* PEM files */
    const char *service_name;
    const char *resource; /* "key=value,key=value", URL-encoded */
    const char
        *sampler; /* OpenTelemetry's names; "traceidratio=0.1" for one with an argument */
    uint32_t timeout_ms; /* of one request */
    uint32_t delay_ms;   /* a span waits at most so long for others to be sent with */
    uint32_t exit_ms;    /* how long the end of the process may wait for the last spans: 2000 */
    uint32_t queue_spans; /* ended and not sent yet; past it spans are dropped */
    uint32_t open_spans;  /* begun and not ended yet: 4096; past it spans are dropped */
    uint32_t batch_spans; /* in one request */
    uint32_t attributes_max, events_max, links_max; /* of a span */
    uint32_t value_bytes_max;                       /* of one attribute's text */
    size_t span_bytes_max; /* of all texts of a span: 4 MiB; attributes past it are dropped */
    size_t memory_max;     /* of all spans that are open or wait: 64 MiB */
    /*
     * Called for every text that a span is given (attributes, parts of messages), in the thread
     * that gives it. Returns what to keep, `text` itself, another text that lives until the
     * next call in this thread, or NULL for nothing; *length is its length.
     */
    const char *(*redact)(void *user, const char *key, const char *text, size_t *length);
    /* Called once for each span before it is sent, in the library's thread; 0 drops it. */
    int (*before_send)(void *user, const noveum_context *context, noveum_kind kind,
                       const char *name);
    /* Told in words what goes wrong, at most once a second, in any thread. */
    void (*log)(void *user, const char *message);
    void *user; /* handed to the three, which may call nothing of this header */
    /* 1: spans say what CPU time and memory the process used meanwhile (noveum.process.*), by
     * getrusage and /proc, for some microseconds each. Also by NOVEUM_PERFORMANCE=true. */
    uint32_t performance;
    const char *compression; /* of bodies: "gzip" or "none" */
    const char *config_file; /* the SDK's; NULL: looked for in the working directory */
    /*
     * Not NULL (noveum_direct() of noveum/direct.h): spans go through the stages here, in the
     * library's thread, and traces to Noveum's API. Then `endpoint` is the API's
     * (NOVEUM_ENDPOINT, the file's `endpoint`, https://api.noveum.ai/api), and none of
     * OTEL_EXPORTER_OTLP_* is read but TIMEOUT. On with an api_key (NOVEUM_API_KEY, the
     * file's). Plain http is refused but to this host, unless NOVEUM_ALLOW_INSECURE_TRANSPORT
     * or the file's switch is on. A span counts as queued until its trace was delivered; what
     * stages leave out counts as rejected. noveum_flush waits for traces to be whole.
     */
    const noveum_stages *stages; /* borrowed for good */
    const char *api_key;
    const char *const
        *settings; /* of the stages (noveum/pipeline.h), without journal.*; NULL: none */
} noveum_options;

/* Options that say nothing, to be filled in. */
static inline noveum_options noveum_default_options(void)
{
    noveum_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

/*
 * Reads options (NULL: none) and environment, and turns tracing on or stays off. Starts no
 * thread: that comes with the first span that ends, so that a server may start first and fork
 * later. To be called before other threads change the environment.
 *
 * NOVEUM_OK: on. NOVEUM_OFF: off, because nothing asked for it. NOVEUM_BUSY: was on already,
 * nothing changed. NOVEUM_INVALID: off; noveum_last_error says which option. NOVEUM_NO_MEMORY:
 * off; also after 256 different configurations in one process, each of which it keeps.
 */
NOVEUM_API noveum_result noveum_start(const noveum_options *options);
/* 1 while tracing is on. To leave out work that only makes attributes. */
NOVEUM_API int noveum_enabled(void);
/*
 * Waits until what had ended before the call was sent or given up, at most `timeout_ms`.
 * NOVEUM_OK, NOVEUM_OFF, NOVEUM_TIMEOUT (sending goes on).
 */
NOVEUM_API noveum_result noveum_flush(uint32_t timeout_ms);
/*
 * Turns tracing off: open spans are ended with the attribute noveum.unfinished, what waits is
 * sent for at most `timeout_ms`, the rest is dropped and counted. The process may start it
 * again. Called by itself at exit, with the option exit_ms. NOVEUM_OK, NOVEUM_OFF,
 * NOVEUM_TIMEOUT.
 */
NOVEUM_API noveum_result noveum_shutdown(uint32_t timeout_ms);
/* "0.2.0": of the library that runs, where NOVEUM_TRACE_VERSION is of the header. */
NOVEUM_API const char *noveum_version(void);

/*
 * What became of spans since noveum_start; a fork's child begins at zero.
 *
 *   started = open + queued + exported + every dropped_*
 */
typedef struct noveum_counters {
    size_t size; /* set by the caller: sizeof(noveum_counters) */
    uint64_t started;
    uint64_t open;               /* now */
    uint64_t queued;             /* now: ended and not answered for */
    uint64_t exported;           /* the receiver has them */
    uint64_t dropped_full;       /* queue_spans or open_spans reached, or below such a span */
    uint64_t dropped_memory;     /* memory was refused */
    uint64_t dropped_failed;     /* the receiver refused them for good or for too long */
    uint64_t dropped_rejected;   /* a partial success: taken but for these */
    uint64_t dropped_stopped;    /* at noveum_shutdown or exit, when time was up */
    uint64_t dropped_by_caller;  /* before_send, noveum_discard */
    uint64_t dropped_unsampled;  /* the sampler, or the remote parent's flag */
    uint64_t unfinished;         /* ended by noveum_shutdown; counted above as well */
    uint64_t attributes_dropped; /* limits, memory, no key */
    uint64_t values_repaired;    /* invalid UTF-8, NaN counts, times before the start */
    uint64_t misuse;             /* spans used after their end, NULL where it can't be */
    uint64_t requests, retries;  /* that were made */
    uint32_t failures_in_a_row;  /* requests since the last that was taken */
    uint32_t last_status;        /* HTTP's, of the last request; 0: no answer */
} noveum_counters;

/* Fills the first `counters->size` bytes, but for the size. */
NOVEUM_API void noveum_get_counters(noveum_counters *counters);
/* Health: 1 while on and the last request, if there was one, was taken. */
NOVEUM_API int noveum_healthy(void);
/*
 * The last thing that went wrong, in words, cut to `size` bytes with its NUL; returns the
 * length that it has whole. "" and 0: nothing yet.
 */
NOVEUM_API size_t noveum_last_error(char *text, size_t size);

/* ---- spans ------------------------------------------------------------------------------- */

/*
 * Begins a span below the thread's current one, or a new trace when there is none, and makes it
 * current until it ends. `name` NULL: made by the conventions when it ends ("chat
 * gpt-4o-mini"). Where no room is left, it and all that is begun below it are dropped and
 * counted.
 */
NOVEUM_API noveum_span noveum_begin(noveum_kind kind, const char *name);
/*
 * Begins a span below `parent` (the null span: a new trace), whatever is current, and leaves
 * that as it is: for event loops, callbacks and work that moves between threads.
 */
NOVEUM_API noveum_span noveum_begin_below(noveum_span parent, noveum_kind kind,
                                          const char *name);
/* The same below a span of another process. Without a trace id: a new trace. */
NOVEUM_API noveum_span noveum_begin_remote(const noveum_context *parent, noveum_kind kind,
                                           const char *name);
/* As noveum_begin_below, at a time that has passed. */
NOVEUM_API noveum_span noveum_begin_at(noveum_span parent, noveum_kind kind, const char *name,
                                       uint64_t start_ns);
/*
 * A span that is over, told afterwards in one call: the phases of an engine, for one.
 *     noveum_record(request, NOVEUM_FUNCTION, "prefill", t1, t2);
 */
NOVEUM_API void noveum_record(noveum_span parent, noveum_kind kind, const char *name,
                              uint64_t start_ns, uint64_t end_ns);

/* Ends it, from any thread. A second end does nothing. */
NOVEUM_API void noveum_end(noveum_span span);
/* Ends it at a time; one before its start counts as its start. */
NOVEUM_API void noveum_end_at(noveum_span span, uint64_t end_ns);
/* Ends it without sending it. What was begun below it stays. */
NOVEUM_API void noveum_discard(noveum_span span);

/* The thread's current span, or the null span. */
NOVEUM_API noveum_span noveum_current(void);
/* Makes a span current in this thread until noveum_leave or its end; they nest, 64 deep. */
NOVEUM_API void noveum_enter(noveum_span span);
/* Takes the span, and what was entered after it, off this thread. It does not end. */
NOVEUM_API void noveum_leave(noveum_span span);

/* Nanoseconds since 1970. */
NOVEUM_API uint64_t noveum_now(void);
/* The same of a time that clock_gettime(CLOCK_MONOTONIC) gave, in nanoseconds. */
NOVEUM_API uint64_t noveum_from_monotonic(uint64_t monotonic_ns);

/* Ends the span at the end of the scope in which it is declared, by whatever way it is left
 * but longjmp:  NOVEUM_SCOPE(call, noveum_begin(NOVEUM_TOOL, NULL)); */
#if defined(__GNUC__)
/* What NOVEUM_SCOPE calls. */
static inline void noveum_scope_end(const noveum_span *span)
{
    noveum_end(*span);
}
#define NOVEUM_SCOPE(variable, begin)                                                          \
    __attribute__((cleanup(noveum_scope_end))) noveum_span variable = (begin)
#endif

/* ---- what any span may say --------------------------------------------------------------- */

/*
 * Sets an attribute; one that was set before is replaced. A key that is NULL or empty, and what
 * is past a limit, is dropped and counted. A text that is NULL removes nothing and sets
 * nothing.
 */
NOVEUM_API void noveum_set_str(noveum_span span, const char *key, const char *value);
/* The same with a length. */
NOVEUM_API void noveum_set_text(noveum_span span, const char *key, const char *value,
                                size_t length);
NOVEUM_API void noveum_set_int(noveum_span span, const char *key, int64_t value);
NOVEUM_API void noveum_set_double(noveum_span span, const char *key, double value);
NOVEUM_API void noveum_set_bool(noveum_span span, const char *key, int value);
/* Several, of all types. */
NOVEUM_API void noveum_set(noveum_span span, const noveum_attribute *attributes, size_t count);
/* Names it anew, until it ends. */
NOVEUM_API void noveum_set_name(noveum_span span, const char *name);
/* Says that it went well, where nothing else was said; the last word wins. */
NOVEUM_API void noveum_set_ok(noveum_span span);
/*
 * Says that it failed: status, error.type and an exception event. `type` is of few values (a
 * class, a code, "timeout"; NULL: "_OTHER"), `message` for people (may be NULL).
 */
NOVEUM_API void noveum_error(noveum_span span, const char *type, const char *message);
/* The same with a stack trace. */
NOVEUM_API void noveum_exception(noveum_span span, const char *type, const char *message,
                                 const char *stack_trace);
/* Something that happened within it, at a time (0: now), with attributes (NULL: none). */
NOVEUM_API void noveum_event(noveum_span span, const char *name, uint64_t time_ns,
                             const noveum_attribute *attributes, size_t count);
/* It has to do with another span, of this or another trace. */
NOVEUM_API void noveum_link(noveum_span span, const noveum_context *to,
                            const noveum_attribute *attributes, size_t count);
/* The conversation that it is part of: session.id and gen_ai.conversation.id. */
NOVEUM_API void noveum_session(noveum_span span, const char *id);
/* For whom it was done: user.id. */
NOVEUM_API void noveum_user(noveum_span span, const char *id);
/* Words to find the trace by: tag.tags. Replaces those that were set. */
NOVEUM_API void noveum_tags(noveum_span span, const char *const *tags, size_t count);

/* ---- calls of a model -------------------------------------------------------------------- */

/* Attributes of the request for noveum_set_*: numbers but where said. */
#define NOVEUM_TEMPERATURE "gen_ai.request.temperature"
#define NOVEUM_TOP_P "gen_ai.request.top_p"
#define NOVEUM_TOP_K "gen_ai.request.top_k"
#define NOVEUM_MAX_TOKENS "gen_ai.request.max_tokens"
#define NOVEUM_FREQUENCY_PENALTY "gen_ai.request.frequency_penalty"
#define NOVEUM_PRESENCE_PENALTY "gen_ai.request.presence_penalty"
#define NOVEUM_SEED "gen_ai.request.seed"
#define NOVEUM_CHOICES "gen_ai.request.choice.count"
#define NOVEUM_STREAM "gen_ai.request.stream"       /* boolean */
#define NOVEUM_STOP "gen_ai.request.stop_sequences" /* texts */
#define NOVEUM_OPERATION "gen_ai.operation.name"    /* text: text_completion, ... */
#define NOVEUM_OUTPUT_TYPE "gen_ai.output.type"     /* text: text, json, image, speech */
#define NOVEUM_SERVER_ADDRESS "server.address"      /* text */
#define NOVEUM_SERVER_PORT "server.port"

/* Who runs the model ("openai", "anthropic", "llama_cpp") and the model that was asked for. */
NOVEUM_API void noveum_llm(noveum_span span, const char *provider, const char *model);
/* What answered: id, model and why it stopped ("stop", "length", "tool_calls"). NULL:
 * unsaid. */
NOVEUM_API void noveum_llm_response(noveum_span span, const char *id, const char *model,
                                    const char *finish_reason);
/*
 * Tokens: of the input, the cached ones included; of the output, reasoning included. A negative
 * count is not known and not sent. So in the three functions below.
 */
NOVEUM_API void noveum_llm_usage(noveum_span span, int64_t input, int64_t output);
/* Of the input: read from a cache, written to one. */
NOVEUM_API void noveum_llm_usage_cached(noveum_span span, int64_t read, int64_t written);
/* Of the output: spent on reasoning. */
NOVEUM_API void noveum_llm_usage_reasoning(noveum_span span, int64_t reasoning);
/* What the call cost in all, where it is known; else the gateway reckons it by its prices.
 * `currency` NULL: "USD". */
NOVEUM_API void noveum_llm_cost(noveum_span span, double amount, const char *currency);
/* A tool that the model may call; `parameters` is its JSON schema (may be NULL). */
NOVEUM_API void noveum_llm_tool(noveum_span span, const char *name, const char *description,
                                const char *parameters);

/* Which list a message belongs to. */
typedef enum noveum_direction {
    NOVEUM_INPUT = 0,  /* gen_ai.input.messages */
    NOVEUM_OUTPUT = 1, /* gen_ai.output.messages: a choice each */
    NOVEUM_INSTRUCTIONS =
        2 /* gen_ai.system_instructions: beside the messages; role is not used */
} noveum_direction;

/* A message of one text, in the order of the conversation. Also for agents and workflows. */
NOVEUM_API void noveum_message(noveum_span span, noveum_direction direction, const char *role,
                               const char *text, size_t length);
/*
 * A message of parts: begin, any number of parts, end. One that is open is ended by the next
 * begin and by the end of the span. A part without an open message is counted as misuse.
 */
NOVEUM_API void noveum_message_begin(noveum_span span, noveum_direction direction,
                                     const char *role);
NOVEUM_API void noveum_part_text(noveum_span span, const char *text, size_t length);
NOVEUM_API void noveum_part_reasoning(noveum_span span, const char *text, size_t length);
/* The model asks for a tool. `arguments`: JSON, or any text; so in the others below. */
NOVEUM_API void noveum_part_tool_call(noveum_span span, const char *id, const char *name,
                                      const char *arguments, size_t length);
/* What a tool gave; `id` is the call's. */
NOVEUM_API void noveum_part_tool_result(noveum_span span, const char *id, const char *result,
                                        size_t length);
/* Media by address; `modality` is image, audio or video, `mime_type` may be NULL. */
NOVEUM_API void noveum_part_uri(noveum_span span, const char *modality, const char *mime_type,
                                const char *uri);
/* Media by value, sent as base64. */
NOVEUM_API void noveum_part_blob(noveum_span span, const char *modality, const char *mime_type,
                                 const void *bytes, size_t length);
/* Ends the message; `finish_reason` for an output, else NULL. */
NOVEUM_API void noveum_message_end(noveum_span span, const char *finish_reason);

/*
 * A stream: a piece of the answer has come, with so many tokens (0: not known). The first one
 * sets gen_ai.response.time_to_first_chunk; all of them make the count and the tokens a second
 * that are sent when the span ends. Allocates nothing.
 */
NOVEUM_API void noveum_chunk(noveum_span span, uint32_t tokens);
/* The first piece came at this time: for who tells it afterwards. */
NOVEUM_API void noveum_first_token_at(noveum_span span, uint64_t time_ns);
/* The stream ended early: the client left or cancelled. Not an error: gen_ai.response.status is
 * "cancelled" and the finish reason `reason` (NULL: "cancelled"). */
NOVEUM_API void noveum_stream_abandoned(noveum_span span, const char *reason);

/* ---- agents, tools, retrieval, embeddings ------------------------------------------------ */

/* Which agent runs; NULL: unsaid. */
NOVEUM_API void noveum_agent(noveum_span span, const char *id, const char *name,
                             const char *description);
/* Which tool runs; `call_id` is that of the model's call, `type` function, extension,
 * datastore. */
NOVEUM_API void noveum_tool(noveum_span span, const char *name, const char *call_id,
                            const char *type);
/* What it was given and what it gave: JSON, or any text. */
NOVEUM_API void noveum_tool_arguments(noveum_span span, const char *arguments, size_t length);
NOVEUM_API void noveum_tool_result(noveum_span span, const char *result, size_t length);
/* What is searched for, where (may be NULL), and how many are wanted (0: unsaid). */
NOVEUM_API void noveum_retrieval(noveum_span span, const char *source, const char *query,
                                 int64_t top_k);
/* A document that was found, in order of rank. */
NOVEUM_API void noveum_document(noveum_span span, const char *id, double score,
                                const char *content, size_t length);
/* Which model makes vectors, of how many numbers (0: unsaid). */
NOVEUM_API void noveum_embedding(noveum_span span, const char *provider, const char *model,
                                 int64_t dimensions);
/* The name of the workflow. */
NOVEUM_API void noveum_workflow(noveum_span span, const char *name);

/* ---- context across processes ------------------------------------------------------------ */

/* Room for a traceparent with its NUL. */
#define NOVEUM_TRACEPARENT_SIZE 56

/* The span as other processes may know it. All zero for the null span and a dropped one;
 * works for a span of the parent process after fork. */
NOVEUM_API void noveum_get_context(noveum_span span, noveum_context *context);
/*
 * Writes the header's value, "00-TRACE-SPAN-01", and a NUL; returns its length. For a span
 * without a context "" and 0: then send no header. tracestate is context.state of the above.
 */
NOVEUM_API size_t noveum_traceparent(noveum_span span, char text[NOVEUM_TRACEPARENT_SIZE]);
/*
 * Reads the values of the headers (`tracestate` may be NULL). NOVEUM_OK, or NOVEUM_INVALID and
 * *context all zero, which begins a new trace: nothing needs to be looked at.
 */
NOVEUM_API noveum_result noveum_parse_traceparent(const char *traceparent,
                                                  const char *tracestate,
                                                  noveum_context *context);

/*
 * Baggage of a span (W3C): pairs that everything begun below it afterwards has as well, and
 * that are handed on; they are not sent with spans. At most 8192 bytes and 64 pairs. `key` is a
 * token; a value NULL takes the pair out. NOVEUM_OK, NOVEUM_OFF, NOVEUM_INVALID (no span, no
 * key, too much: all stays as it was), NOVEUM_NO_MEMORY.
 */
NOVEUM_API noveum_result noveum_baggage_set(noveum_span span, const char *key,
                                            const char *value);
/* Adds the pairs of a header `baggage`; those that are wrong, or end past its first 8192 bytes,
 * are left out: NOVEUM_INVALID. */
NOVEUM_API noveum_result noveum_baggage_read(noveum_span span, const char *header);
/* A value, decoded, cut to `size` bytes with its NUL; returns its whole length, 0 for none. */
NOVEUM_API size_t noveum_baggage_get(noveum_span span, const char *key, char *value,
                                     size_t size);
/* The header's value, cut likewise; 0: then send no header. */
NOVEUM_API size_t noveum_baggage_write(noveum_span span, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
