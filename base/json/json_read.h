/*
 * Streaming JSON reader (RFC 8259) over bytes in memory: pulls one token at a time, allocates
 * nothing.
 *
 * Depth is bounded by the caller. Strings come as the raw bytes between the quotes, with a flag
 * that says whether they hold escapes; nv_json_unescape gives the text. Numbers come as their
 * text. The reader checks the whole grammar: separators, literals, number syntax, escapes,
 * control characters, nothing behind the value. Invalid UTF-8 in strings is let through
 * (docs/otlp.md#rules-of-the-walk, 4: it is replaced when written). A byte order mark before
 * the value is skipped.
 *
 *   {"a": [1, "x"]}  gives  OBJECT_BEGIN KEY ARRAY_BEGIN NUMBER STRING ARRAY_END OBJECT_END END
 */
#ifndef NV_BASE_JSON_JSON_READ_H
#define NV_BASE_JSON_JSON_READ_H

#include "base/arena.h"
#include "base/buf.h"

#define NV_JSON_DEPTH_LIMIT 256

enum nv_json_token {
    NV_JSON_ERROR,
    NV_JSON_END, /* the value is complete and nothing but white space follows */
    NV_JSON_OBJECT_BEGIN,
    NV_JSON_OBJECT_END,
    NV_JSON_ARRAY_BEGIN,
    NV_JSON_ARRAY_END,
    NV_JSON_KEY,
    NV_JSON_STRING,
    NV_JSON_NUMBER,
    NV_JSON_TRUE,
    NV_JSON_FALSE,
    NV_JSON_NULL
};

struct nv_json_reader {
    struct nv_str text; /* borrowed while reading */
    size_t pos;
    /* KEY, STRING: between the quotes; NUMBER: its text. Borrowed from text, or the text of a
     * string in the arena (nv_json_read_texts). */
    struct nv_str raw;
    bool escaped; /* raw holds escapes */
    bool integer; /* NUMBER without fraction and exponent */
    unsigned depth;
    unsigned depth_max; /* <= NV_JSON_DEPTH_LIMIT */
    uint8_t state;
    uint64_t objects[NV_JSON_DEPTH_LIMIT / 64]; /* bit d: level d is an object */
    enum nv_err err; /* after NV_JSON_ERROR: MALFORMED, TRUNCATED (text ended inside the value),
                         DEPTH,  NO_MEMORY (nv_json_read_texts) */
    const char *what;       /* after NV_JSON_ERROR: static text; pos is the place */
    struct nv_arena *arena; /* nv_json_read_texts, else NULL */
    char *room;             /* what is left for texts */
    size_t room_len;
    /* after TRUNCATED: the text ended inside a value string, raw is what there is */
    bool partial;
};

/* Starts reading `text` (borrowed), at most `depth_max` levels deep (clamped to the limit). */
void nv_json_read_init(struct nv_json_reader *reader, struct nv_str text, unsigned depth_max);
/*
 * From now on strings with escapes are unescaped while they are read, as far as there is room
 * (one allocation of at most 16 KiB in `arena`, borrowed): raw is their text then, and escaped
 * false. Without memory for it the token is an ERROR with NV_ERR_NO_MEMORY. For readers that
 * want all texts: to go over them a second time costs as much as the first.
 */
void nv_json_read_texts(struct nv_json_reader *reader, struct nv_arena *arena);
/* The next token. After ERROR or END the same is returned again. */
enum nv_json_token nv_json_next(struct nv_json_reader *reader);
/* What is not read yet, from the value on that is due: behind white space, and behind the comma
 * between values of an array. Empty where no value is due. Nothing is read. */
struct nv_str nv_json_ahead(const struct nv_json_reader *reader);
/*
 * Is the value that is due `value`, an object, array or string as it was read before, at this
 * depth or deeper? Then it is read as a whole. raw and escaped are not set.
 */
bool nv_json_take(struct nv_json_reader *reader, struct nv_str value);
/* Where a key is due: goes on with the value at `pos`, of a member of the same object. The
 * caller has looked at all that stands before it. */
void nv_json_resume(struct nv_json_reader *reader, size_t pos);
/* Skips the rest of the value whose first token `token` was just returned (behind KEY: the
 * value of that key). NV_OK or reader->err. */
enum nv_err nv_json_skip(struct nv_json_reader *reader, enum nv_json_token token) NV_MUST_USE;
/* A copy of a raw string in the arena with escapes resolved. A lone surrogate becomes U+FFFD.
 * ptr NULL without memory. */
struct nv_str nv_json_unescaped(struct nv_arena *arena, struct nv_str raw);
/* Text of a raw string: `raw` itself when it holds no escapes, else nv_json_unescaped. */
static inline struct nv_str nv_json_unescape(struct nv_arena *arena, struct nv_str raw,
                                             bool escaped)
{
    return escaped ? nv_json_unescaped(arena, raw) : raw;
}
/* The same, appended to a buffer. Errors are the buffer's. */
enum nv_err nv_json_unescape_to(struct nv_buf *buf, struct nv_str raw);

#endif
