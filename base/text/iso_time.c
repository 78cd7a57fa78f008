/*
 * Reading ISO 8601 times.
 *
 *   2023-11-14T22:13:20.123456789-02:30
 *   date       ^ T or space  fraction  zone: +hh:mm, -hh:mm, or anything else for UTC
 *
 * By hand, because strptime knows neither fractions nor `+hh:mm` and mktime asks for the
 * machine's zone. No leap seconds and no years before 1970: what is read is compared with
 * OTLP's times, which are unsigned nanoseconds of Unix time.
 */
#include "base/text/iso_time.h"

#include "base/clock.h"

#include "base/banned.h"

#define SECONDS_PER_DAY 86400

/* `count` digits at `pos`; advances. */
static bool digits_at(struct nv_str text, size_t *pos, unsigned count, uint32_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < count; i++, (*pos)++) {
        if (*pos >= text.len || text.ptr[*pos] < '0' || text.ptr[*pos] > '9')
            return false;
        *out = *out * 10 + (uint32_t)(text.ptr[*pos] - '0');
    }
    return true;
}

static bool char_at(struct nv_str text, size_t *pos, char c)
{
    return *pos < text.len && text.ptr[(*pos)++] == c;
}

/* Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant's days_from_civil). */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

/* `.digits` as nanoseconds. */
static uint64_t fraction_ns(struct nv_str text, size_t *pos)
{
    uint64_t ns = 0, unit = 100000000;
    if (*pos >= text.len || text.ptr[*pos] != '.')
        return 0;
    for ((*pos)++; *pos < text.len && text.ptr[*pos] >= '0' && text.ptr[*pos] <= '9';
         (*pos)++) {
        ns += unit * (uint64_t)(text.ptr[*pos] - '0');
        unit /= 10;
    }
    return ns;
}

bool nv_iso_time_parse(struct nv_str text, uint64_t *ns)
{
    uint32_t year, month, day, hour, minute, second, zone_hour = 0, zone_minute = 0;
    size_t pos = 0;
    bool date = digits_at(text, &pos, 4, &year) && char_at(text, &pos, '-') &&
                digits_at(text, &pos, 2, &month) && char_at(text, &pos, '-') &&
                digits_at(text, &pos, 2, &day);
    if (!date || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 ||
        pos >= text.len || (text.ptr[pos] != 'T' && text.ptr[pos] != ' '))
        return false;
    pos++;
    if (!digits_at(text, &pos, 2, &hour) || !char_at(text, &pos, ':') ||
        !digits_at(text, &pos, 2, &minute) || !char_at(text, &pos, ':') ||
        !digits_at(text, &pos, 2, &second) || hour > 24 || minute > 59 || second > 60)
        return false;
    uint64_t fraction = fraction_ns(text, &pos);
    int64_t zone = 0;
    if (pos < text.len && (text.ptr[pos] == '+' || text.ptr[pos] == '-')) {
        int64_t sign = text.ptr[pos++] == '+' ? 1 : -1;
        if (!digits_at(text, &pos, 2, &zone_hour) || !char_at(text, &pos, ':') ||
            !digits_at(text, &pos, 2, &zone_minute))
            return false;
        zone = sign * ((int64_t)zone_hour * 3600 + (int64_t)zone_minute * 60);
    }
    int64_t seconds = days_from_civil(year, month, day) * SECONDS_PER_DAY +
                      (int64_t)hour * 3600 + (int64_t)minute * 60 + second - zone;
    if (seconds < 0)
        return false;
    *ns = (uint64_t)seconds * NV_NS_PER_S + fraction;
    return true;
}
