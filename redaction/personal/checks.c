/*
 * Digits may be of any script: \d matches them, and the SDK counts with their values. Lengths
 * of IBANs are fixed by country, which keeps the remainder by 97 from accepting one word in 97
 * that looks like one.
 */
#include "redaction/personal/checks.h"

#include "redaction/personal/characters.h"

#include "base/banned.h"

#define IBAN_MAX 40u

bool nv_check_is_uuid(struct nv_str text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], low = (char)(c | 0x20);
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (c >= '0' && c <= '9') || (low >= 'a' && low <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}

size_t nv_check_none(struct nv_str match)
{
    return match.len;
}

/* Punctuation at the end is the sentence's, not the address's. */
size_t nv_check_url(struct nv_str match)
{
    static const struct nv_str ends = NV_STR_INIT(".,;:!?)]}'\"");
    size_t len = match.len;
    while (len > 0 && nv_str_find_char(ends, match.ptr[len - 1]) != SIZE_MAX)
        len--;
    return len;
}

/*
 * Luhn's sum, from the right. A match that has anything but digits in it is taken as it is:
 * dashes mean that somebody wrote an id.
 */
size_t nv_check_emirates_id(struct nv_str match)
{
    int digits[16];
    size_t count = 0;
    int sum = 0;
    for (size_t i = 0; i < match.len;) {
        struct nv_character c = nv_character_at(match, i);
        int value = nv_digit_value(c.code);
        if (value < 0)
            return match.len;
        if (count < sizeof digits / sizeof digits[0])
            digits[count++] = value;
        i += c.len;
    }
    for (size_t i = 0; i < count; i++) {
        int value = digits[count - 1 - i] * (i % 2 ? 2 : 1);
        sum += value > 9 ? value - 9 : value;
    }
    return sum % 10 == 0 ? match.len : 0;
}

static size_t iban_length(const char *country)
{
    /* lengths of the SWIFT registry, as the SDK 1.5.28 has them */
    static const struct {
        char name[3];
        unsigned char len;
    } countries[] = {
        {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16},
        {"BG", 22}, {"BH", 22}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28},
        {"CZ", 24}, {"DE", 22}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24},
        {"FI", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18},
        {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23},
        {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32},
        {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24},
        {"ME", 22}, {"MK", 19}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NL", 18}, {"NO", 15},
        {"OM", 23}, {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24},
        {"RS", 22}, {"SA", 24}, {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24},
        {"SM", 27}, {"ST", 25}, {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29},
        {"VA", 22}, {"VG", 24}, {"XK", 20}};
    for (size_t i = 0; i < sizeof countries / sizeof countries[0]; i++) {
        if (memcmp(countries[i].name, country, 2) == 0)
            return countries[i].len;
    }
    return 0;
}

/* What a character counts: 0 to 35. */
static unsigned value_of(uint32_t code)
{
    int digit = nv_digit_value(code);
    return digit >= 0 ? (unsigned)digit : (unsigned)(code - 'A' + 10) % 36;
}

/*
 * ISO 7064, MOD 97-10: the first four characters count last, letters as two digits.
 * Remainders are taken as it goes, since the number has more digits than 64 bits hold.
 */
static bool remainder_is_one(const unsigned char *values, size_t len)
{
    unsigned rest = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned value = values[(i + 4) % len];
        rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
    }
    return rest == 1;
}

/*
 * The match may be longer than the number, as the pattern can't know each country's length:
 * it is cut to it, and what follows must be a space or the end.
 */
size_t nv_check_iban(struct nv_str match)
{
    unsigned char values[IBAN_MAX];
    size_t want = match.len < 2 ? 0 : iban_length(match.ptr);
    size_t count = 0, i = 0;
    while (i < match.len && count < want) {
        struct nv_character c = nv_character_at(match, i);
        if (c.code != ' ')
            values[count++] = (unsigned char)value_of(c.code);
        i += c.len;
    }
    if (want == 0 || count < want || !remainder_is_one(values, want))
        return 0;
    /* not in the middle of a word */
    return i == match.len || match.ptr[i] == ' ' ? i : 0;
}
