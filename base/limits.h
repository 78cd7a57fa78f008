/*
 * How large each buffer and each arena may grow, in bytes, all in one place.
 *
 * A cap here is a backstop for what is bounded elsewhere by an option or by what it is made of:
 * past it the buffer fails with NV_ERR_LIMIT and stays failed (base/buf.h), nothing is cut in
 * silence.
 * Caps that the user sets (receiver.max_body_bytes, exporter.noveum.max_trace_bytes, ...) are
 * rows of the option table and not here. Nothing is allocated ahead: a cap costs no memory.
 *
 *   head of a reply 1 KiB ─ text for people 1 MiB ─ an answer 64 MiB ─ a record 2 GiB
 */
#ifndef NV_BASE_LIMITS_H
#define NV_BASE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define NV_CAP_KIB(n) ((size_t)(n) << 10)
#define NV_CAP_MIB(n) ((size_t)(n) << 20)
#define NV_CAP_GIB(n) ((size_t)(n) << 30)

/* ---- what is kept or moved whole --------------------------------------------------------- */

/* A journal record, head and body together, and whatever is written as one or comes from one:
 * half of what its 32-bit lengths can say, so that sums of two do not wrap. */
#define NV_CAP_RECORD NV_CAP_GIB(2)
/* All notes of a journal, read at the start: a thousand million; memory ends before. */
#define NV_CAP_NOTES NV_CAP_GIB(64)
/* A dead letter's text: base64 of a record in JSON. Its lengths are 32 bits. */
#define NV_CAP_DEAD_LETTER ((size_t)UINT32_MAX)
/* Head of a dead letter: names are cut to 512 bytes, the rest is numbers. */
#define NV_CAP_DEAD_HEAD NV_CAP_KIB(4)
/* One answer of names and ids when dead letters are listed, read and freed a letter. */
#define NV_CAP_DEAD_LISTING NV_CAP_MIB(1)
/* Head of an outbox record: four numbers. */
#define NV_CAP_OUTBOX_HEAD ((size_t)128)
/* Ids of all dead letters, for a command on all of them: 4 million. */
#define NV_CAP_DEAD_IDS NV_CAP_MIB(64)
/* Joined raw trace of `explain` and of a retried dead letter: its spans point into the
 * requests. */
#define NV_CAP_JOIN_ARENA NV_CAP_MIB(512)

/* Blocks of requests that wait for the next: as many as a round of the journal frees four times
 * over; 130 KiB. */
#define NV_REQUEST_SPARES_MAX 1024u
/* Groups of log records that are open, each to become a trace of a coding agent's turn; at the
 * cap the oldest ends early. A thousand developers with eight agents each; 128 KiB of ids. */
#define NV_RECORD_GROUPS_MAX 8192u
/* Head of a medium's record: eleven words, of which the longest have 64 characters. */
#define NV_CAP_UPLOAD_HEAD NV_CAP_KIB(1)
/* Files in media.directory: 40 bytes each are remembered. */
#define NV_MEDIA_FILES_MAX 100000u
/* What is read of media.directory at the start: 1.6 million files. */
#define NV_CAP_MEDIA_SCAN NV_CAP_MIB(64)
/* Media that wait for their upload in memory, where there is no store. */
#define NV_CAP_UPLOADS NV_CAP_MIB(64)

/* ---- HTTP and gRPC ----------------------------------------------------------------------- */

/* Header lines that handlers add to a reply: a handful, none with a client's data. */
#define NV_CAP_HTTP_HEADERS NV_CAP_KIB(1)
/* A reply: /status with a thousand services is the largest, four times over at worst in
 * escapes. */
#define NV_CAP_HTTP_REPLY NV_CAP_MIB(64)
/* Text of an error of the server itself, JSON or plain; the message is at most 128 bytes. */
#define NV_CAP_HTTP_ERROR NV_CAP_KIB(4)
/* One header line with an address. */
#define NV_CAP_HTTP_LINE ((size_t)128)
/* The header with the key, on its way to the backend: what any server takes as a line. */
#define NV_CAP_KEY_HEADER NV_CAP_KIB(64)
/* ExportTraceServiceResponse: one message of at most a few hundred bytes. */
#define NV_CAP_OTLP_REPLY NV_CAP_KIB(4)
/* grpc-message and grpc-status-details-bin, percent- or base64-encoded. */
#define NV_CAP_GRPC_TEXT NV_CAP_KIB(8)
/* Frames that wait for a peer that reads slowly; past half of it nothing new is put in. */
#define NV_CAP_GRPC_OUT NV_CAP_KIB(256)

/* ---- configuration ----------------------------------------------------------------------- */

/* A configuration file: the largest example is 12 KiB. Also any value that is read from one. */
#define NV_CAP_CONFIG_FILE NV_CAP_MIB(1)
/* A file that ${file:...} takes in: keys and certificates' names. */
#define NV_CAP_CONFIG_VALUE_FILE NV_CAP_KIB(64)
/* A value as it is shown in the log. */
#define NV_CAP_CONFIG_SHOWN NV_CAP_KIB(4)
/* receiver.auth.tokens_file: 250 tokens of the longest kind, thousands of usual ones. */
#define NV_CAP_TOKENS_FILE NV_CAP_MIB(1)
/* A file of keys of the journal: 16 of 64 digits, and comments. */
#define NV_CAP_KEY_FILE NV_CAP_KIB(16)
/* mapping.rules_file and mapping.prices_file: our own rows are 415 KB, our prices 185. */
#define NV_CAP_MAPPING_FILE NV_CAP_MIB(4)
/* Rows and prices, ours and the user's, read and sorted: 64 times what one file may be. */
#define NV_CAP_MAPPING_ARENA NV_CAP_MIB(256)
/* Layouts of spans that one thread remembers: some 2 KB each, a program sends a few dozen; past
 * it they are forgotten and learnt anew. */
#define NV_CAP_LAYOUTS NV_CAP_KIB(512)
/* Allowed CORS origins, joined. */
#define NV_CAP_ORIGINS NV_CAP_MIB(1)
/* Files of /proc and /sys that are read: controllers and groups of a process. */
#define NV_CAP_SYSTEM_FILE NV_CAP_KIB(64)

/* ---- Kafka ------------------------------------------------------------------------------- */

/* Notes of what was delivered of a partition that wait to be written, as one message: 8192 of
 * 68 bytes and the version, below what a broker takes by default. */
#define NV_CAP_KAFKA_CHUNK ((size_t)8192 * 68 + 1)

/* ---- what people read -------------------------------------------------------------------- */

/* /metrics, /status, /readyz. */
#define NV_CAP_ADMIN_ANSWER NV_CAP_MIB(4)
/* Agents with series of their own in /metrics: what admin.metrics_agents_max may be. */
#define NV_AGENT_SERIES_MAX 1000u
/* Series of tools, and of models, for each agent on average; all agents share them. */
#define NV_AGENT_TOOL_SERIES 4u
#define NV_AGENT_MODEL_SERIES 2u
/* Bytes of a label's value in them, before escapes: a model's ARN at AWS has 100. */
#define NV_AGENT_LABEL_BYTES ((size_t)128)
/* What they take in /metrics at most: a thousand agents, each byte of their names escaped. It
 * is 1 MiB for a hundred agents of usual names. */
#define NV_CAP_AGENT_METRICS NV_CAP_MIB(56)
/* All of /metrics. */
#define NV_CAP_METRICS (NV_CAP_ADMIN_ANSWER + NV_CAP_AGENT_METRICS)
/* /agents: a thousand agents with their edges. */
#define NV_CAP_ADMIN_AGENTS NV_CAP_MIB(2)
/* Where the values of one trace come from, for the page; what is longer is not kept. */
#define NV_CAP_EXPLAINED NV_CAP_KIB(512)
/* Any answer of the API but a trace: a page of 500 rows, of which each holds question, answer
 * and names of a few hundred bytes. */
#define NV_CAP_API_LIST NV_CAP_MIB(4)
/* An answer of the API: a page of 500 rows, or one trace as it is kept; less than a reply. */
#define NV_CAP_API_ANSWER NV_CAP_MIB(63)
/* A statement of the local store: fixed parts, and a search of at most 1,000 bytes. */
#define NV_CAP_SQL NV_CAP_KIB(64)
/* Values of a trace that is read for its row: about ten times the JSON of a usual one. */
#define NV_CAP_STORE_ARENA NV_CAP_GIB(1)
/* Texts of a trace that can be searched: 80 pages of a book; more is not found, only shown. */
#define NV_CAP_STORE_TEXT NV_CAP_KIB(256)
/* Traces that wait to be written to the local store; past it they are dropped there. */
#define NV_CAP_STORE_QUEUE NV_CAP_MIB(16)
/* Why the journal refuses, a sentence with a path. */
#define NV_CAP_ADMIN_WHY NV_CAP_KIB(1)
/* An answer on the control socket: `dead show` of a large trace. */
#define NV_CAP_CONTROL_ANSWER NV_CAP_MIB(512)
/* The tree of a trace on the terminal. */
#define NV_CAP_TERMINAL_TRACE NV_CAP_MIB(1)
/* --help, --print-config, --print-docs, the banner. */
#define NV_CAP_HELP NV_CAP_MIB(1)
/* What doctor says, and the status that it reads for it. */
#define NV_CAP_DOCTOR NV_CAP_KIB(64)
#define NV_CAP_DOCTOR_STATUS NV_CAP_MIB(4)
/* Lists of `journal` and `dead` on a stopped gateway, a line a record. */
#define NV_CAP_COMMAND_TEXT NV_CAP_GIB(1)
/* A file given to `explain`, and what it says about it. */
#define NV_CAP_EXPLAIN_FILE NV_CAP_MIB(64)
#define NV_CAP_EXPLAIN_REPORT NV_CAP_MIB(256)
/* What AWS Lambda answers or posts: a batch of telemetry is at most 256 KiB as we ask for it,
 * and is not held back past that; read, about ten times that. */
#define NV_CAP_LAMBDA_ANSWER NV_CAP_MIB(1)
#define NV_CAP_LAMBDA_ARENA NV_CAP_MIB(16)

/* ---- the gateway's own telemetry --------------------------------------------------------- */

/* A request with its metrics: about half of the text of /metrics. */
#define NV_CAP_TELEMETRY_METRICS NV_CAP_METRICS
/* Spans that wait for their request, and a request of them: some 4,000; past it they are lost,
 * and counted so. */
#define NV_CAP_TELEMETRY_SPANS NV_CAP_MIB(1)

/* ---- the library for programs of others -------------------------------------------------- */

/* A request of one span that is as large as it may be, escapes and all, and others beside
 * it. */
#define NV_CAP_TRACE_REQUEST NV_CAP_MIB(256)

#endif
