/*
 * Texts into typed values.
 *
 * Numbers are whole and unsigned, so that "1.5s" or "-1" is an error and not a surprise; units
 * are spelled out and powers of 1000 and 1024 kept apart. URLs are taken apart by hand: curl's
 * parser is not at hand before the exporter runs, and what has to be refused (credentials,
 * control characters, a query) is less than what it accepts.
 *
 * Each function takes what people write and says no to what may mean two things. It knows no
 * option and no message: who calls it knows which key it was and says so.
 */
#include "gateway/config/option_value.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/banned.h"

enum nv_err nv_option_parse_bool(struct nv_str text, bool *out)
{
    /* YAML 1.1's words, which people write whatever reads them; an empty value is a switch set
     * to nothing */
    static const char *const words[2][5] = {{"false", "0", "no", "off", ""},
                                            {"true", "1", "yes", "on", "true"}};
    for (unsigned value = 0; value < 2; value++) {
        for (size_t i = 0; i < 5; i++) {
            if (nv_str_ieq(text, nv_str_from(words[value][i]))) {
                *out = value == 1;
                return NV_OK;
            }
        }
    }
    return NV_ERR_CONFIG;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* Digits, optional spaces, one of `units` (ends with a NULL name; the first is the default). A
 * product that leaves 64 bits is refused: it would come back as something small. */
static enum nv_err parse_with_unit(struct nv_str text, const struct unit *units, uint64_t *out)
{
    assert(units[0].name != NULL);
    text = nv_str_trim(text);
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    uint64_t number = 0;
    if (nv_str_to_uint64(nv_str_slice(text, 0, digits), &number) != NV_OK)
        return NV_ERR_CONFIG;
    struct nv_str name = nv_str_trim(nv_str_slice(text, digits, text.len));
    uint64_t factor = name.len == 0 ? units[0].factor : 0;
    for (const struct unit *unit = units; unit->name && factor == 0; unit++) {
        if (nv_str_ieq(name, nv_str_from(unit->name)))
            factor = unit->factor;
    }
    if (factor == 0 || __builtin_mul_overflow(number, factor, out))
        return NV_ERR_CONFIG;
    return NV_OK;
}

enum nv_err nv_option_parse_ms(struct nv_str text, uint64_t *out)
{
    static const struct unit units[] = {{"ms", 1},      {"s", 1000},    {"m", 60000},
                                        {"min", 60000}, {"h", 3600000}, {NULL, 0}};
    return parse_with_unit(text, units, out);
}

enum nv_err nv_option_parse_bytes(struct nv_str text, uint64_t *out)
{
    static const struct unit units[] = {{"B", 1},
                                        {"KB", 1000},
                                        {"MB", 1000000},
                                        {"GB", 1000000000},
                                        {"KiB", UINT64_C(1) << 10},
                                        {"MiB", UINT64_C(1) << 20},
                                        {"GiB", UINT64_C(1) << 30},
                                        {NULL, 0}};
    return parse_with_unit(text, units, out);
}

enum nv_err nv_option_parse_choice(struct nv_str text, const char *choices, unsigned *out)
{
    assert(choices != NULL);
    struct nv_str rest = nv_str_from(choices);
    for (unsigned place = 0;; place++) {
        size_t bar = nv_str_find_char(rest, '|');
        bool last = bar == SIZE_MAX;
        if (nv_str_ieq(text, nv_str_slice(rest, 0, last ? rest.len : bar))) {
            *out = place;
            return NV_OK;
        }
        if (last)
            return NV_ERR_CONFIG;
        rest = nv_str_slice(rest, bar + 1, rest.len);
    }
}

void nv_text_list_release(struct nv_text_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct nv_text_list){0};
}

/* One more at a time: lists are what a person wrote. */
static enum nv_err list_add(struct nv_text_list *list, struct nv_str text)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    list->items = items;
    char *copy = strndup(text.ptr, text.len);
    if (!copy)
        return NV_ERR_NO_MEMORY;
    list->items[list->count++] = copy;
    return NV_OK;
}

enum nv_err nv_option_parse_list(struct nv_str text, struct nv_text_list *out)
{
    /* a YAML list arrives with an item a line, so that an item may hold a comma */
    char separator = nv_str_find_char(text, '\n') != SIZE_MAX ? '\n' : ',';
    *out = (struct nv_text_list){0};
    while (text.len > 0) {
        size_t end = nv_str_find_char(text, separator);
        if (end == SIZE_MAX)
            end = text.len;
        struct nv_str item = nv_str_trim(nv_str_slice(text, 0, end));
        enum nv_err err = item.len > 0 ? list_add(out, item) : NV_OK;
        if (err != NV_OK) {
            nv_text_list_release(out);
            return err;
        }
        text = nv_str_slice(text, end + 1, text.len);
    }
    return NV_OK;
}

static enum nv_err parse_port(struct nv_str text, uint16_t *out)
{
    uint64_t port = 0;
    if (text.len == 0 || nv_str_to_uint64(text, &port) != NV_OK || port > UINT16_MAX)
        return NV_ERR_CONFIG;
    *out = (uint16_t)port;
    return NV_OK;
}

/* "host:port" or "[v6]:port"; without a port *port keeps its value when `optional`. */
static enum nv_err parse_host_port(struct nv_str text, bool optional, struct nv_str *host,
                                   uint16_t *port)
{
    struct nv_str after;
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t close = nv_str_find_char(text, ']');
        if (close == SIZE_MAX)
            return NV_ERR_CONFIG;
        *host = nv_str_slice(text, 1, close - 1);
        after = nv_str_slice(text, close + 1, text.len);
    } else {
        size_t colon = nv_str_find_char(text, ':');
        *host = nv_str_slice(text, 0, colon);
        after = nv_str_slice(text, host->len, text.len);
        if (nv_str_find_char(nv_str_slice(after, 1, after.len), ':') != SIZE_MAX)
            return NV_ERR_CONFIG; /* an IPv6 address without brackets */
    }
    if (after.len == 0)
        return optional ? NV_OK : NV_ERR_CONFIG;
    if (after.ptr[0] != ':')
        return NV_ERR_CONFIG;
    return parse_port(nv_str_slice(after, 1, after.len), port);
}

bool nv_address_is_none(struct nv_str text)
{
    return nv_str_ieq(nv_str_trim(text), NV_STR("none"));
}

/* sun_path ends with a NUL by some systems' reading, so a path that fills it is refused. */
static enum nv_err check_address(struct nv_str text)
{
    struct nv_str host;
    uint16_t port = 0;
    if (nv_str_starts(text, NV_STR("unix:"))) {
        return text.len > 6 && text.len - 5 < sizeof((struct sockaddr_un *)NULL)->sun_path
                   ? NV_OK
                   : NV_ERR_CONFIG;
    }
    if (nv_str_starts(text, NV_STR("fd:")))
        return parse_port(nv_str_slice(text, 3, text.len), &port);
    return parse_host_port(text, false, &host, &port);
}

enum nv_err nv_option_check_addresses(struct nv_str text)
{
    if (nv_address_is_none(text))
        return NV_OK;
    for (;;) {
        size_t comma = nv_str_find_char(text, ',');
        struct nv_str one = nv_str_slice(text, 0, comma);
        if (check_address(nv_str_trim(one)) != NV_OK)
            return NV_ERR_CONFIG;
        if (comma == SIZE_MAX)
            return NV_OK;
        text = nv_str_slice(text, comma + 1, text.len);
    }
}

/* RFC 3986 has none of these anywhere; a space or a line end in what becomes a header's line
 * would begin something else. */
static bool has_unsafe_character(struct nv_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c))
            return true;
    }
    return false;
}

static struct nv_str without_trailing(struct nv_str text, struct nv_str tail)
{
    return nv_str_ends(text, tail) ? nv_str_slice(text, 0, text.len - tail.len) : text;
}

/* The base of an endpoint: old documents spell it with /v1/traces
 * (docs/noveum-backend.md#endpoints). */
static struct nv_str url_base(struct nv_str text)
{
    while (text.len > 0 && text.ptr[text.len - 1] == '/')
        text.len--;
    text = without_trailing(text, NV_STR("/v1/traces"));
    while (text.len > 0 && text.ptr[text.len - 1] == '/')
        text.len--;
    return text;
}

enum nv_err nv_option_parse_url(struct nv_str text, struct nv_url *out, const char **what)
{
    *out = (struct nv_url){0};
    text = nv_str_trim(text);
    struct nv_str rest = {0};
    *what = "must start with https:// or http://";
    if (nv_str_ieq(nv_str_slice(text, 0, 8), NV_STR("https://"))) {
        out->secure = true;
        rest = nv_str_slice(text, 8, text.len);
    } else if (nv_str_ieq(nv_str_slice(text, 0, 7), NV_STR("http://"))) {
        rest = nv_str_slice(text, 7, text.len);
    } else {
        return NV_ERR_CONFIG;
    }
    *what = "holds characters that no URL may hold";
    if (has_unsafe_character(text))
        return NV_ERR_CONFIG;
    *what = "must not hold a query or fragment";
    if (nv_str_find_char(rest, '?') != SIZE_MAX || nv_str_find_char(rest, '#') != SIZE_MAX)
        return NV_ERR_CONFIG;
    size_t slash = nv_str_find_char(rest, '/');
    struct nv_str authority = nv_str_slice(rest, 0, slash == SIZE_MAX ? rest.len : slash);
    /* `what` is set before each check, so that a return needs no words of its own */
    *what = "must hold no user name or password";
    if (nv_str_find_char(authority, '@') != SIZE_MAX)
        return NV_ERR_CONFIG;
    *what = "has no valid host and port";
    out->port = out->secure ? 443 : 80;
    enum nv_err err = parse_host_port(authority, true, &out->host, &out->port);
    out->base = url_base(text);
    return err == NV_OK && out->host.len > 0 ? NV_OK : NV_ERR_CONFIG;
}

size_t nv_proxy_login_end(struct nv_str text)
{
    size_t at = text.len;
    while (at > 0 && text.ptr[at - 1] != '@')
        at--;
    return at == 0 ? SIZE_MAX : at - 1;
}

enum nv_err nv_option_check_proxy(struct nv_str text)
{
    static const struct nv_str schemes[] = {NV_STR_INIT("http://"), NV_STR_INIT("https://"),
                                            NV_STR_INIT("socks5://"),
                                            NV_STR_INIT("socks5h://")};
    struct nv_str rest = nv_str_trim(text), host = {0};
    uint16_t port = 1;
    if (nv_address_is_none(rest))
        return NV_OK;
    if (has_unsafe_character(rest))
        return NV_ERR_CONFIG;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (nv_str_ieq(nv_str_slice(rest, 0, schemes[i].len), schemes[i])) {
            rest = nv_str_slice(rest, schemes[i].len, rest.len);
            break;
        }
    }
    if (nv_str_find(rest, NV_STR("://")) != SIZE_MAX)
        return NV_ERR_CONFIG; /* of another scheme */
    if (nv_str_ends(rest, NV_STR("/")))
        rest.len--;
    size_t at = nv_proxy_login_end(rest);
    if (at != SIZE_MAX)
        rest = nv_str_slice(rest, at + 1, rest.len);
    if (nv_str_find_char(rest, '/') != SIZE_MAX ||
        parse_host_port(rest, true, &host, &port) != NV_OK)
        return NV_ERR_CONFIG;
    return host.len > 0 && port != 0 ? NV_OK : NV_ERR_CONFIG;
}

/* Four decimal parts, the first 127: a host name such as 127.example.com is not an address. */
static bool is_loopback_v4(struct nv_str host)
{
    unsigned parts = 0;
    uint64_t first = 0;
    while (host.len > 0) {
        size_t dot = nv_str_find_char(host, '.');
        uint64_t number = 0;
        struct nv_str part = nv_str_slice(host, 0, dot == SIZE_MAX ? host.len : dot);
        if (part.len == 0 || nv_str_to_uint64(part, &number) != NV_OK || number > 255)
            return false;
        if (parts++ == 0)
            first = number;
        host = nv_str_slice(host, part.len + 1, host.len);
    }
    return parts == 4 && first == 127;
}

bool nv_host_is_loopback(struct nv_str host)
{
    return nv_str_ieq(host, NV_STR("localhost")) || nv_str_eq(host, NV_STR("::1")) ||
           is_loopback_v4(host);
}
