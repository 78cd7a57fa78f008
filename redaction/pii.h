/*
 * Personal data in a trace: the handler of the walk, and what the threads that redact share.
 *
 *   nv_pii (rules) ──take──▶ reader: one a trace at a time ──give──▶ kept for the next trace
 *
 * Keys are texts like others. Whole numbers are looked at under keys that identify, as the SDK
 * does it (personal/personal.h). Nothing is skipped: what the SDK leaves out by name (ids,
 * times) has no text in places.h.
 */
#ifndef NV_REDACTION_PII_H
#define NV_REDACTION_PII_H

#include "redaction/personal/nested.h"
#include "redaction/told.h"
#include "redaction/walk.h"

/* What the user says of keys. */
#define NV_PII_KEYS_MAX 64u
#define NV_PII_KEY_MAX 64u

struct nv_pii;
struct nv_pii_reader;

/* New. Errors as nv_personal_new; the setup is borrowed for the call. */
enum nv_err nv_pii_new(const struct nv_personal_setup *setup, struct nv_pii **out,
                       struct nv_fail *fail) NV_MUST_USE;
/*
 * Adds a rule of a key, `KEY=drop|hash|keep`, before the first reader is taken; KEY may have
 * one `*` at its begin or end, and its case says nothing. NULL, or what is wrong with it
 * (static). The last rule of a key counts:
 *   drop  a value under such a key, however deep, in JSON text too, becomes null
 *   hash  it becomes VALUE_ and the pseudonym of its text or JSON, or stars
 *   keep  nothing personal is looked for in an attribute of that key, or in a member of JSON text
 */
const char *nv_pii_add_key(struct nv_pii *pii, struct nv_str item);
/* After the last reader was given back. NULL is allowed. */
void nv_pii_free(struct nv_pii *pii);
/* A reader of one's own until it is given back, from any thread; NULL without memory. */
struct nv_pii_reader *nv_pii_take(struct nv_pii *pii);
/* Takes a reader back, always; what was borrowed of it ends. NULL is allowed. */
void nv_pii_give(struct nv_pii *pii, struct nv_pii_reader *reader);
/* The handler that redacts what it is given and notes it. All borrowed until the walk ends. */
struct nv_redaction_handler nv_pii_handler(struct nv_pii_reader *reader, struct nv_arena *arena,
                                           struct nv_redacted *redacted);
/* What failed last where a handler can't say so, NV_OK: nothing; asked after the walk.
 * NV_ERR_NO_MEMORY; NV_ERR_LIMIT of a value too long for its word. */
enum nv_err nv_pii_failed(const struct nv_pii_reader *reader) NV_MUST_USE;
/* Keys of which neither secrets nor this wanted anything, as nv_walk_trace wants them: the
 * reader's, borrowed until it is given back. Never NULL. */
struct nv_known *nv_pii_known(struct nv_pii_reader *reader);
/* Text that is shown and belongs to no place. NV_ERR_NO_MEMORY. */
enum nv_err nv_pii_text(struct nv_pii_reader *reader, struct nv_arena *arena,
                        struct nv_str *text) NV_MUST_USE;

#endif
