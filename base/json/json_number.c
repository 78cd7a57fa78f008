/*
 * Numbers of JSON without printf where that is exact.
 *
 * Doubles are written with the fewest digits that read back the same. Values with up to six
 * decimals, which most are, come from integer arithmetic: the quotient of two exact doubles is
 * rounded once, just as a reader of the text would. Those with more are tried one by one, and
 * the rest by printf at 15, 16, 17 digits.
 *
 *   double ─▶ integer ─▶ "N.0"
 *        ├──▶ N millionths ─▶ zeros off
 *        ├──▶ 7, 8 ... 22 decimals
 *        └──▶ printf
 */
#include "base/json/json_number.h"

#include "base/str.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "base/banned.h"

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

/* Two digits a division: the divisor is known, so that it is a multiplication. */
char *nv_json_number_uint(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

/* Below 2^53 every integer is a double. */
#define EXACT_INTEGER_MAX 9007199254740992.0
/* Fewer digits than these always come back from a double: what printf would find, too. */
#define SURE_INTEGER_MAX 1e15
/* With so many decimals a number is written out however small it is. */
#define PLAIN_DECIMALS_MAX 6
/* The last power of ten that is a double. */
#define DECIMALS_MAX 22

static const double powers[DECIMALS_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Text of `digits` / 10^decimals, right-aligned before `end`. */
static char *put_fixed(char *end, uint64_t digits, unsigned decimals, bool negative)
{
    char *at = end;
    for (unsigned i = 0; i < decimals; i++, digits /= 10)
        *--at = (char)('0' + digits % 10);
    *--at = '.';
    at = nv_json_number_uint(at, digits);
    if (negative)
        *--at = '-';
    return at;
}

/* The same as one digit, the rest and an exponent of two digits, as printf's %g has it. */
static char *put_scientific(char *end, uint64_t digits, unsigned decimals, bool negative)
{
    char text[NV_JSON_NUMBER_MAX];
    char *first = nv_json_number_uint(text + sizeof text, digits);
    size_t rest = (size_t)(text + sizeof text - first) - 1;
    unsigned exponent = decimals - (unsigned)rest;
    char *at = end - 2;
    memcpy(at, digit_pairs + exponent * 2, 2);
    memcpy(at -= 2, "e-", 2);
    if (rest > 0) {
        memcpy(at -= rest, first + 1, rest);
        *--at = '.';
    }
    *--at = *first;
    if (negative)
        *--at = '-';
    return at;
}

/* Is `scaled` / 10^decimals what a reader of that text gets for `magnitude`? */
static bool reads_back(double scaled, unsigned decimals, double magnitude)
{
    double back = scaled / powers[decimals];
    return back >= magnitude && back <= magnitude;
}

/* rint of a number that is not negative, without the call: from 2^52 on all are integers, and
 * adding that rounds to one. */
static double nearest(double x)
{
    const double first = 0x1p52;
    return x < first ? x + first - first : x;
}

/* Numbers of so few digits differ by more than a double's rounding: what does not read back
 * with six decimals does not with fewer either, and what does is not also another one with
 * fewer. */
#define FEW_DIGITS_MAX 0x1p50

/* `digits` millionths, without zeros at their end. */
static char *put_few(char *end, uint64_t digits, bool negative)
{
    unsigned decimals = PLAIN_DECIMALS_MAX;
    if (digits % 1000 == 0) {
        digits /= 1000;
        decimals -= 3;
    }
    while (digits % 10 == 0) { /* it is no integer: one is left */
        digits /= 10;
        decimals--;
    }
    return put_fixed(end, digits, decimals, negative);
}

/* The same for others, from so many decimals on. */
static char *put_decimals_from(char *end, double value, unsigned decimals)
{
    const double magnitude = fabs(value);
    for (; decimals <= DECIMALS_MAX; decimals++) {
        bool plain = decimals <= PLAIN_DECIMALS_MAX;
        double scaled = nearest(magnitude * powers[decimals]);
        if (scaled >= (plain ? EXACT_INTEGER_MAX : SURE_INTEGER_MAX))
            return NULL;
        if (!reads_back(scaled, decimals, magnitude))
            continue;
        return plain || magnitude >= 1e-4
                   ? put_fixed(end, (uint64_t)scaled, decimals, signbit(value))
                   : put_scientific(end, (uint64_t)scaled, decimals, signbit(value));
    }
    return NULL;
}

/* Six decimals first: what few there are come from them by taking zeros off. */
char *nv_json_number_decimal(char *end, double value)
{
    double magnitude = fabs(value);
    if (magnitude >= EXACT_INTEGER_MAX)
        return NULL;
    double whole = (double)(uint64_t)magnitude;
    if (whole >= magnitude) {
        *--end = '0';
        return put_fixed(end, (uint64_t)magnitude, 0, signbit(value));
    }
    unsigned decimals = 1;
    const double scaled = nearest(magnitude * powers[PLAIN_DECIMALS_MAX]);
    if (scaled < FEW_DIGITS_MAX) {
        if (reads_back(scaled, PLAIN_DECIMALS_MAX, magnitude))
            return put_few(end, (uint64_t)scaled, signbit(value));
        decimals = PLAIN_DECIMALS_MAX + 1;
    }
    return put_decimals_from(end, value, decimals);
}

/* Seventeen digits read back any double. */
size_t nv_json_number_print(double value, char text[NV_JSON_NUMBER_MAX])
{
    int length = 0;
    for (int digits = 15; digits <= 17; digits++) {
        length = snprintf(text, NV_JSON_NUMBER_MAX, "%.*g", digits, value);
        assert(length > 0 && length < 30);
        for (int i = 0; i < length; i++) {
            if (text[i] == ',') /* the decimal point of another locale */
                text[i] = '.';
        }
        double back = 0;
        if (nv_str_to_double((struct nv_str){text, (size_t)length}, &back) == NV_OK &&
            back >= value && back <= value)
            break;
    }
    struct nv_str written = {text, (size_t)length};
    if (nv_str_find_char(written, '.') != SIZE_MAX ||
        nv_str_find_char(written, 'e') != SIZE_MAX)
        return written.len;
    memcpy(text + length, ".0", 2);
    return written.len + 2;
}
