/*
 * Regular expressions on texts of any bytes: PCRE2 behind three functions, with limits.
 *
 *   pattern ─▶ two programs: for ASCII, for UTF-8 with Unicode's classes ─▶ machine code
 *
 * In texts that aren't UTF-8 nothing matches across the bad bytes. A match that costs more than
 * NV_REGEX_STEPS_MAX steps is given up: the caller can't know what it missed. Programs are for
 * any thread, work is for one.
 */
#ifndef NV_REDACTION_PERSONAL_REGEX_H
#define NV_REDACTION_PERSONAL_REGEX_H

#include "base/str.h"

#include <stdint.h>

/* Steps back that a match may take from one place: the built-in patterns need a few dozen. */
#define NV_REGEX_STEPS_MAX 20000u
/* A pattern of the user, in bytes. */
#define NV_REGEX_PATTERN_MAX 4096u

struct nv_regex;
struct nv_regex_work;

enum nv_regex_flag {
    NV_REGEX_ANCHORED = 1, /* matches only where the search begins */
    NV_REGEX_NO_CASE = 2,
    /* \s is Python's: U+001C to U+001F too. Not with [ inside a class. */
    NV_REGEX_PYTHON_SPACE = 4,
    NV_REGEX_BOUNDED = 8, /* for nv_regex_find_within */
    NV_REGEX_EMPTY = 16,  /* a match may be empty */
    NV_REGEX_DIGITS = 32, /* only for texts of ASCII */
};

enum nv_regex_result { NV_REGEX_NONE, NV_REGEX_FOUND, NV_REGEX_LIMIT };

struct nv_regex_match {
    size_t from, to; /* in bytes */
};

struct nv_regex_text {
    struct nv_str text;
    bool ascii; /* no byte of it has its highest bit set */
};

/*
 * New program of `pattern`. NV_ERR_CONFIG: it doesn't compile; `fail` has the offset in it and
 * why. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_regex_new(struct nv_str pattern, unsigned flags, struct nv_regex **out,
                         struct nv_fail *fail) NV_MUST_USE;
/* NULL is allowed. */
void nv_regex_free(struct nv_regex *regex);
/* New memory that searches need, or NULL without memory. */
struct nv_regex_work *nv_regex_work_new(void);
/* NULL is allowed. */
void nv_regex_work_free(struct nv_regex_work *work);
/* The first match that is not empty, at `from` (<= the length) or behind. */
enum nv_regex_result nv_regex_find(const struct nv_regex *regex, struct nv_regex_work *work,
                                   const struct nv_regex_text *subject, size_t from,
                                   struct nv_regex_match *match) NV_MUST_USE;
/* May a match of an ANCHORED program for DIGITS begin with this digit, 0 to 9? False is
 * sure. */
bool nv_regex_may_begin(const struct nv_regex *regex, unsigned digit);
/* What group `number` of the last match holds; false: nothing, it took no part. */
bool nv_regex_group(const struct nv_regex_work *work, unsigned number,
                    struct nv_regex_match *group);

/* Of a thread's time, for the patterns of a user over a text of so many bytes: linear in it,
 * and some 50 times what a pattern takes that does not run away. */
#define NV_REGEX_TIME_NS(bytes) (UINT64_C(20000000) + (uint64_t)200 * (bytes))

/*
 * The same of a BOUNDED program within *left_ns of the thread's processor time, which is
 * counted down: past it NV_REGEX_LIMIT. The limit of steps counts anew at each place where a
 * match may begin, so that \d+x takes the square of a text of digits and no step too many.
 */
enum nv_regex_result nv_regex_find_within(const struct nv_regex *regex,
                                          struct nv_regex_work *work,
                                          const struct nv_regex_text *subject, size_t from,
                                          uint64_t *left_ns,
                                          struct nv_regex_match *match) NV_MUST_USE;

#endif
