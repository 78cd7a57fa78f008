/*
 * The system's clocks, the fake one, and the backend's form of a timestamp.
 *
 * Dates are computed here rather than by gmtime_r: a span has two or more timestamps, the
 * calendar arithmetic is ten lines, and it cannot fail for any uint64 (the last year it can
 * name is 2554). Leap seconds do not exist in Unix time and so not here.
 */
#include "base/clock.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"

#define SECONDS_PER_DAY UINT64_C(86400)

static uint64_t read_clock(clockid_t id)
{
    struct timespec now = {0};
    int err = clock_gettime(id, &now);
    assert(err == 0);
    (void)err;
    return (uint64_t)now.tv_sec * NV_NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t system_mono(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t system_wall(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

const struct nv_clock *nv_clock_system(void)
{
    static const struct nv_clock clock = {NULL, system_mono, system_wall};
    return &clock;
}

uint64_t nv_clock_mono_ns(const struct nv_clock *clock)
{
    return clock->mono_ns(clock->ctx);
}

uint64_t nv_clock_wall_ns(const struct nv_clock *clock)
{
    return clock->wall_ns(clock->ctx);
}

static uint64_t fake_mono(void *ctx)
{
    return ((struct nv_fake_clock *)ctx)->mono;
}

static uint64_t fake_wall(void *ctx)
{
    return ((struct nv_fake_clock *)ctx)->wall;
}

void nv_fake_clock_init(struct nv_fake_clock *fake, uint64_t mono_ns, uint64_t wall_ns)
{
    *fake = (struct nv_fake_clock){{fake, fake_mono, fake_wall}, mono_ns, wall_ns};
}

void nv_fake_clock_advance(struct nv_fake_clock *fake, uint64_t ns)
{
    fake->mono += ns;
    fake->wall += ns;
}

struct date {
    unsigned year, month, day;
};

/* Gregorian date of a day since 1970. Years are counted from March, so that a leap day is the
 * last day of its year and needs no case of its own. */
static struct date date_of(uint64_t days)
{
    uint64_t since = days + 719468; /* 0000-03-01 */
    uint64_t era = since / 146097;  /* of 400 years */
    unsigned day = (unsigned)(since % 146097);
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    unsigned day_of_year = day - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * day_of_year + 2) / 153; /* 0 is March */
    assert(year < 400 && month < 12);
    return (struct date){
        .year = (unsigned)(era * 400) + year + (month >= 10 ? 1 : 0),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };
}

/* Two digits of `value`, which has no more. */
static inline char *put_pair(char *at, unsigned value)
{
    unsigned tens = value * 205 >> 11; /* a tenth, exact below 1029 */
    assert(value < 100);
    at[0] = (char)('0' + tens);
    at[1] = (char)('0' + value - 10 * tens);
    return at + 2;
}

#define SECONDS_TEXT (sizeof "2026-09-21T14:13:20." - 1)

static void put_seconds(uint64_t seconds, char text[SECONDS_TEXT])
{
    unsigned second_of_day = (unsigned)(seconds % SECONDS_PER_DAY);
    struct date date = date_of(seconds / SECONDS_PER_DAY);
    char *at = put_pair(put_pair(text, date.year / 100), date.year % 100);
    *at++ = '-';
    at = put_pair(at, date.month);
    *at++ = '-';
    at = put_pair(at, date.day);
    *at++ = 'T';
    at = put_pair(at, second_of_day / 3600);
    *at++ = ':';
    at = put_pair(at, second_of_day / 60 % 60);
    *at++ = ':';
    at = put_pair(at, second_of_day % 60);
    *at++ = '.';
    assert(at - text == SECONDS_TEXT);
}

/* The second that was written last is kept: spans of a trace are of few seconds. */
unsigned nv_time_format(uint64_t wall_ns, char text[NV_TIME_TEXT_SIZE])
{
    static const char zone[] = "+00:00";
    static _Thread_local struct {
        uint64_t seconds;
        char text[SECONDS_TEXT];
    } last = {.seconds = UINT64_MAX}; /* of no time in nanoseconds */
    uint64_t seconds = wall_ns / NV_NS_PER_S;
    unsigned us = (unsigned)(wall_ns % NV_NS_PER_S / 1000);
    if (seconds != last.seconds) {
        put_seconds(seconds, last.text);
        last.seconds = seconds;
    }
    memcpy(text, last.text, SECONDS_TEXT);
    char *at = text + SECONDS_TEXT;
    at = put_pair(put_pair(put_pair(at, us / 10000), us / 100 % 100), us % 100);
    memcpy(at, zone, sizeof zone);
    at += sizeof zone - 1;
    assert(at - text < NV_TIME_TEXT_SIZE);
    return (unsigned)(at - text);
}
