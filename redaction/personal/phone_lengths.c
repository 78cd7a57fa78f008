/*
 * The pattern is read as if it were run on sets of words, of which only the first two digits
 * and the lengths are kept. Groups nest as deep as recursion is allowed to go.
 *
 *   a set     empty?   one: bits 0 to 9   two[00..99]: lengths, a bit each
 *   \d{2}     no       -                  each: bit 2
 *   5[01]     no       -                  50, 51: bit 2
 *   x|y       one with the other          xy   each of x before each of y
 *
 * What two digits can't tell is told too widely: a length that is possible for some number
 * with this begin counts for all. So an answer "no" is sure, which is what it is asked for.
 *
 * Nothing here allocates: a set is some 400 bytes, on the stack, as deep as DEPTH_MAX lets
 * it.
 */
#include "redaction/personal/phone_lengths.h"

#include <stddef.h>
#include <string.h>

#include "base/banned.h"

#define DEPTH_MAX 16u
#define TIMES_MAX 31u

/* A set of words. */
struct set {
    bool empty;                     /* the empty word is in it */
    uint16_t one;                   /* bit d: the word d */
    uint32_t two[NV_PHONE_LENGTHS]; /* those that begin with two digits: bit n: of length n */
};

struct reader {
    const char *at;
    unsigned depth;
    bool failed;
};

/* ---- sets -------------------------------------------------------------------------------- */

/* In place, as the patterns of a plan are alternatives by the dozen. */
static void unite(struct set *set, const struct set *other)
{
    set->empty |= other->empty;
    set->one |= other->one;
    for (size_t i = 0; i < NV_PHONE_LENGTHS; i++)
        set->two[i] |= other->two[i];
}

static uint32_t all_lengths(const struct set *set)
{
    uint32_t lengths = (set->empty ? 1u : 0) | (set->one ? 2u : 0);
    for (size_t i = 0; i < NV_PHONE_LENGTHS; i++)
        lengths |= set->two[i];
    return lengths;
}

/* The sums of a length of each. */
static uint32_t sums(uint32_t lengths, uint32_t others)
{
    uint32_t result = 0;
    for (; others != 0; others &= others - 1)
        result |= lengths << __builtin_ctz(others);
    return result;
}

/* Words that begin with the digit and go on as `behind`. */
static void begin_with(struct set *set, unsigned digit, const struct set *behind)
{
    if (behind->empty)
        set->one |= (uint16_t)(1u << digit);
    for (unsigned next = 0; next < 10; next++) {
        uint32_t *lengths = &set->two[digit * 10 + next];
        if (behind->one >> next & 1u)
            *lengths |= 1u << 2;
        for (unsigned third = 0; third < 10; third++)
            *lengths |= behind->two[next * 10 + third] << 1;
    }
}

/* Each word of the set with each of `behind`. */
static void append(struct set *set, const struct set *behind)
{
    const uint32_t lengths = all_lengths(behind);
    struct set result = {.empty = false};
    if (set->empty)
        result = *behind;
    for (unsigned digit = 0; digit < 10; digit++) {
        if (((unsigned)set->one >> digit) & 1u)
            begin_with(&result, digit, behind);
    }
    for (size_t i = 0; i < NV_PHONE_LENGTHS; i++)
        result.two[i] |= sums(set->two[i], lengths);
    *set = result;
}

/* ---- the pattern ------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Of a digit. */
static unsigned value_of(char c)
{
    return (unsigned)(c - '0') & 15u;
}

static bool skip(struct reader *reader, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

/* [24-6] */
static uint16_t read_class(struct reader *reader)
{
    unsigned digits = 0;
    while (is_digit(*reader->at)) {
        unsigned from = value_of(*reader->at++), to = from;
        if (reader->at[0] == '-' && is_digit(reader->at[1])) {
            to = value_of(reader->at[1]);
            reader->at += 2;
        }
        for (unsigned digit = from; digit <= to; digit++)
            digits |= 1u << digit;
    }
    reader->failed |= !skip(reader, "]");
    return (uint16_t)digits;
}

static void read_choice(struct reader *reader, struct set *set);

static void read_one(struct reader *reader, struct set *set)
{
    *set = (struct set){.empty = false};
    if (skip(reader, "(?:") || skip(reader, "(")) {
        read_choice(reader, set);
        reader->failed |= !skip(reader, ")");
    } else if (skip(reader, "[")) {
        set->one = read_class(reader);
    } else if (skip(reader, "\\d")) {
        set->one = 0x3ff;
    } else if (is_digit(*reader->at)) {
        set->one = (uint16_t)(1u << value_of(*reader->at++));
    } else {
        reader->failed = true;
    }
}

/* Stops past TIMES_MAX: longer numbers have no bit, and {999999} must not loop so often. */
static unsigned read_number(struct reader *reader)
{
    unsigned number = 0;
    while (is_digit(*reader->at) && number <= TIMES_MAX)
        number = number * 10 + value_of(*reader->at++);
    reader->failed |= number > TIMES_MAX;
    return number;
}

/* How often what is before stands there. */
static void read_times(struct reader *reader, unsigned times[2])
{
    times[0] = times[1] = 1;
    if (skip(reader, "?")) {
        times[0] = 0;
    } else if (skip(reader, "{")) {
        times[0] = times[1] = read_number(reader);
        if (skip(reader, ","))
            times[1] = read_number(reader);
        reader->failed |= !skip(reader, "}");
    }
}

/*
 * A repeat is written out: {2,4} is twice, and twice more that may be empty. At most
 * TIMES_MAX.
 */
static void read_sequence(struct reader *reader, struct set *set)
{
    *set = (struct set){.empty = true};
    while (!reader->failed && *reader->at && *reader->at != '|' && *reader->at != ')') {
        struct set one;
        unsigned times[2];
        read_one(reader, &one);
        read_times(reader, times);
        for (unsigned i = 0; i < times[1] && !reader->failed; i++) {
            one.empty |= i >= times[0];
            append(set, &one);
        }
    }
}

/* Recursion is bounded by DEPTH_MAX. */
static void read_choice(struct reader *reader, struct set *set)
{
    struct set other;
    if (++reader->depth > DEPTH_MAX) {
        reader->failed = true;
        return;
    }
    read_sequence(reader, set);
    while (!reader->failed && skip(reader, "|")) {
        read_sequence(reader, &other);
        unite(set, &other);
    }
    reader->depth--;
}

/*
 * What is left behind the pattern's end is something that was not understood: then nothing is
 * said.
 */
bool nv_phone_lengths_of(const char *pattern, uint32_t lengths[NV_PHONE_LENGTHS])
{
    struct reader reader = {.at = pattern};
    struct set set;
    read_choice(&reader, &set);
    if (reader.failed || *reader.at)
        return false;
    memcpy(lengths, set.two, sizeof set.two);
    return true;
}
