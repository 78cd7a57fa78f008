/*
 * What stands around a separator.
 *
 *   name_before ─▶ is it a secret's? ─▶ value_behind ─▶ is it one? ─▶ stretch
 *
 * Nearly every `:` has no secret before it, so the last two letters of the name are asked
 * first. Names are read back NAME_MAX bytes, users of URLs AUTHORITY_MAX on: no more, so that a
 * text full of separators costs its length.
 */
#include "redaction/secrets/pairs.h"

#include "redaction/secrets/names.h"

#include "base/banned.h"

#define NAME_BYTES_MAX 64
/* How far before a name the string is looked for that it stands in. */
#define LOOK_BACK 256u
#define AUTHORITY_MAX 512
#define USER_TOKEN_MIN 20 /* a user without a password that is a key: of a DSN */
#define WHITE_MAX 64      /* between a bracket and the first member */
#define VALUE_LOOK 128    /* of a value, to tell whether it is one */
#define GAP_MAX 8         /* spaces between name, separator and value */
#define NAME_OF_ITSELF_MIN 6

/* What a name in text and its value are. */
struct pair {
    struct nv_str text;
    size_t floor, separator;
    bool floor_quoted; /* what becomes of the bytes before `floor` ends with a quote */
    struct nv_str name;
    struct nv_str quote; /* what closes the name: quote with the backslashes before it; empty */
    enum nv_name_kind kind;
};

static struct nv_secret_pair none(void)
{
    return (struct nv_secret_pair){.at = {0}};
}

static struct nv_secret_pair take(enum nv_secret_rule rule, size_t from, size_t to)
{
    return (struct nv_secret_pair){.at = {from, to - from, rule}};
}

static char at(struct nv_str text, size_t i)
{
    return i < text.len ? text.ptr[i] : '\0';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-' || c == '.';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* ---- names ------------------------------------------------------------------------------- */

/* The end of what may be a name: behind the last byte that is no space. */
static size_t back_over_spaces(struct nv_str text, size_t floor, size_t end)
{
    for (size_t n = 0; n < GAP_MAX && end > floor && is_space(text.ptr[end - 1]); n++)
        end--;
    return end;
}

/* Reads the name that ends before the separator; false when it names no secret. */
static bool read_name(struct pair *pair)
{
    struct nv_str text = pair->text;
    size_t end = back_over_spaces(text, pair->floor, pair->separator);
    /* environ["API_KEY"] = */
    if (end > pair->floor && text.ptr[end - 1] == ']')
        end--;
    size_t closed = end;
    if (end > pair->floor && is_quote(text.ptr[end - 1])) {
        end--;
        while (end > pair->floor && text.ptr[end - 1] == '\\')
            end--;
    }
    if (end < pair->floor + NV_NAME_LEN_MIN || !nv_name_may_end(text, end))
        return false;
    size_t from = end;
    while (from > pair->floor && end - from < NAME_BYTES_MAX && is_name(text.ptr[from - 1]))
        from--;
    pair->name = nv_str_slice(text, from, end - from);
    pair->quote = nv_str_slice(text, end, closed - end);
    pair->kind = nv_name_kind(pair->name);
    /* the last part of a path: /etc/passwd: no such file */
    bool path = from > pair->floor && text.ptr[from - 1] == '/' && pair->quote.len == 0;
    return pair->kind != NV_NAME_NONE && !path;
}

/* ---- values ------------------------------------------------------------------------------ */

/*
 * Length of a quoted value that begins at `from`, its opening quote having `escapes`
 * backslashes before it: JSON in JSON escapes its quotes once more a level. Level L closes with
 * 2^L - 1 of them; a quote inside has more, an escaped backslash at the end adds a multiple of
 * 2^(L+1). One with fewer ends the string around: the value was cut.
 */
static size_t quoted_len(struct nv_str text, size_t from, size_t escapes, char quote)
{
    size_t backslashes = 0;
    for (size_t i = from; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == quote && backslashes % (2 * (escapes + 1)) == escapes)
            return i - escapes - from;
        if (c == quote && backslashes < escapes)
            return i - backslashes - from;
        backslashes = c == '\\' ? backslashes + 1 : 0;
    }
    return text.len - from;
}

/* May the string in which a secret ends at `end`, taken or masked before, go on behind it? Not
 * where the secret's own quotes close. */
static bool may_go_on(const struct pair *pair, size_t end)
{
    size_t next = end;
    while (at(pair->text, next) == '*')
        next++;
    return !is_quote(at(pair->text, next)) && at(pair->text, next) != '\\' &&
           !(end == pair->floor && pair->floor_quoted);
}

/* Does a string of JSON begin with the quote at `i`, which has so many backslashes? What stands
 * before it tells. */
static bool begins_string(const struct pair *pair, size_t i, size_t slashes)
{
    const size_t before = back_over_spaces(pair->text, pair->floor, i - slashes);
    return before == 0 ||
           (before > pair->floor && memchr(":,[{", pair->text.ptr[before - 1], 4));
}

/*
 * Is the separator in a string of JSON? Its beginning tells: a quote with so many backslashes,
 * and before it what a string may follow. False where none is found near by. Nothing is looked
 * at that was taken, or masked before: a text says the same once it is masked.
 */
static bool in_string(const struct pair *pair, size_t escapes, char quote)
{
    const struct nv_str text = pair->text;
    const size_t least = pair->separator > LOOK_BACK ? pair->separator - LOOK_BACK : 0;
    for (size_t i = pair->separator; i > least; i--) {
        if (i == pair->floor || nv_str_ends(nv_str_slice(text, 0, i), NV_STR("***")))
            return may_go_on(pair, i);
        if (text.ptr[i - 1] != quote)
            continue;
        size_t slashes = 0;
        while (slashes <= escapes && slashes + 1 < i - pair->floor &&
               text.ptr[i - 2 - slashes] == '\\')
            slashes++;
        if (slashes <= escapes)
            return slashes == escapes && begins_string(pair, i - 1, slashes);
    }
    return false;
}

/*
 * Does the quote before `from`, with so many backslashes, end a string of JSON, whose text ends
 * with the name, and begin no value? Then brackets, commas, numbers and the like follow, `len`
 * bytes up to the next string's quote. A name in quotes has those of its value: never fewer \.
 *
 *   {"note":"password: ","count":1}
 *           └ string    ^└┘ no secret: what stands between two strings
 */
static bool ends_string(const struct pair *pair, size_t from, size_t len, size_t escapes)
{
    static const char structure[] = " \t\r\n,:{}[]\\0123456789+-.eEtruefalsn";
    const struct nv_str text = pair->text;
    const struct nv_str between = nv_str_trim(nv_str_slice(text, from, len));
    const bool same = pair->quote.len > 0 && pair->quote.len <= escapes + 1;
    if (same || between.len == 0 || !memchr(",}]", between.ptr[0], 3))
        return false;
    for (size_t i = 0; i < between.len; i++) {
        if (!memchr(structure, between.ptr[i], sizeof structure - 1))
            return false;
    }
    return in_string(pair, escapes, text.ptr[from - 1]);
}

/* A value that is not masked: it says nothing, is a word of a program, or repeats its name. */
static bool is_plain(struct nv_str value, struct nv_str name)
{
    static const struct nv_str words[] = {
        NV_STR_INIT("null"),   NV_STR_INIT("true"),      NV_STR_INIT("false"),
        NV_STR_INIT("None"),   NV_STR_INIT("True"),      NV_STR_INIT("False"),
        NV_STR_INIT("nil"),    NV_STR_INIT("undefined"), NV_STR_INIT("str"),
        NV_STR_INIT("string"), NV_STR_INIT("***")};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (nv_str_eq(value, words[i]))
            return true;
    }
    return value.len == 0 || (value.len >= NAME_OF_ITSELF_MIN && nv_str_ends(name, value));
}

/* ${PASSWORD}, $PASSWORD, {{ password }}, <password>: where a secret would be put. */
static bool is_placeholder(struct nv_str text, size_t from)
{
    char first = at(text, from), second = at(text, from + 1);
    if (first == '$')
        return second == '{' || second == '(' || (second >= 'A' && second <= 'Z');
    return (first == '{' && second == '{') || first == '<';
}

/* A call or an index of a program, as os.environ["KEY"], where a value could be; it is still
 * one when a key in it was masked. */
static bool is_code(struct nv_str text, size_t from)
{
    static const struct nv_str mask = NV_STR_INIT("***");
    for (;;) {
        if (is_name(at(text, from)) && text.ptr[from] != '-')
            from++;
        else if (at(text, from) == '*' && nv_str_eq(nv_str_slice(text, from, mask.len), mask))
            from += mask.len;
        else
            break;
    }
    return at(text, from) == '(' || at(text, from) == '[';
}

static bool ends_value(char c)
{
    return (unsigned char)c <= ' ' || strchr(",;&\"'`{}[]()<>\\", c) != NULL;
}

/* In a connection string a value goes on to the next semicolon, whatever it holds. */
static bool in_connection_string(const struct pair *pair)
{
    size_t from = (size_t)(pair->name.ptr - pair->text.ptr);
    from = back_over_spaces(pair->text, pair->floor, from);
    /* of `User Password=`, words before it */
    return from > pair->floor && pair->text.ptr[from - 1] == ';' &&
           pair->text.ptr[pair->separator] == '=';
}

static size_t bare_end(const struct pair *pair, size_t from)
{
    struct nv_str text = pair->text;
    bool connection = in_connection_string(pair);
    size_t to = from;
    while (to < text.len &&
           (connection ? !memchr(";\"'\\\r\n", text.ptr[to], 6) : !ends_value(text.ptr[to])))
        to++;
    return to;
}

static size_t over_spaces(struct nv_str text, size_t from)
{
    for (size_t n = 0; n < GAP_MAX && from < text.len && is_space(text.ptr[from]); n++)
        from++;
    return from;
}

/* To the end of the line, of the text, or of the JSON string it is in. */
static size_t line_end(struct nv_str text, size_t from)
{
    while (from < text.len && !memchr("\r\n\"'\\", text.ptr[from], 5))
        from++;
    return from;
}

/* "Authorization: Bearer x": the scheme stays, what follows it goes. 0: no scheme. */
static size_t behind_scheme(struct nv_str text, size_t from)
{
    static const struct nv_str schemes[] = {NV_STR_INIT("Bearer"),    NV_STR_INIT("Basic"),
                                            NV_STR_INIT("Token"),     NV_STR_INIT("ApiKey"),
                                            NV_STR_INIT("Negotiate"), NV_STR_INIT("DPoP")};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t behind = from + schemes[i].len;
        if (nv_str_ieq(nv_str_slice(text, from, schemes[i].len), schemes[i]) &&
            is_space(at(text, behind)))
            return over_spaces(text, behind);
    }
    return 0;
}

/* Schemes with several parameters: all of them go. */
static bool has_parameters(struct nv_str text, size_t from)
{
    struct nv_str rest = nv_str_slice(text, from, 16);
    return nv_str_starts(rest, NV_STR("AWS4-HMAC")) || nv_str_starts(rest, NV_STR("Digest ")) ||
           nv_str_starts(rest, NV_STR("Signature "));
}

/* ---- JSON -------------------------------------------------------------------------------- */

/* Behind white space, also such as JSON escapes it. */
static size_t over_white(struct nv_str text, size_t from)
{
    size_t at = from;
    while (at < text.len && at - from < WHITE_MAX) {
        if (memchr(" \t\r\n", text.ptr[at], 4))
            at++;
        else if (text.ptr[at] == '\\' && at + 1 < text.len &&
                 memchr("nrt", text.ptr[at + 1], 3))
            at += 2;
        else
            break;
    }
    return at;
}

/* Is the object that begins at `from` the schema of a parameter of that name, not its value?
 * Its first member tells: nothing that is masked can change that. */
static bool is_schema(struct nv_str text, size_t from, struct nv_str quote)
{
    static const struct nv_str members[] = {
        NV_STR_INIT("type"),   NV_STR_INIT("description"), NV_STR_INIT("title"),
        NV_STR_INIT("$ref"),   NV_STR_INIT("anyOf"),       NV_STR_INIT("oneOf"),
        NV_STR_INIT("format"), NV_STR_INIT("default"),     NV_STR_INIT("properties")};
    struct nv_str rest = nv_str_slice(text, over_white(text, from + 1), WHITE_MAX);
    if (!nv_str_starts(rest, quote))
        return false;
    rest = nv_str_slice(rest, quote.len, rest.len);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (nv_str_starts(rest, members[i]) &&
            nv_str_starts(nv_str_slice(rest, members[i].len, rest.len), quote))
            return true;
    }
    return false;
}

/* Behind the string that begins at `from` with the quote's last byte; at its end when it is not
 * closed. */
static size_t string_end(struct nv_str text, size_t from, struct nv_str quote, bool *closed)
{
    size_t end = from + 1 + quoted_len(text, from + 1, quote.len - 1, quote.ptr[quote.len - 1]);
    *closed = nv_str_eq(nv_str_slice(text, end, quote.len), quote);
    return *closed ? end + quote.len : end;
}

/* Behind the bracket that closes the one at `from`; brackets in strings don't count. What is
 * cut ends with the text or the string around it. */
static size_t brackets_end(struct nv_str text, size_t from, struct nv_str quote)
{
    char mark = quote.ptr[quote.len - 1];
    size_t depth = 0, backslashes = 0;
    bool closed = true;
    for (size_t i = from; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == mark && backslashes + 1 < quote.len)
            return i - backslashes;
        if (c == mark) {
            i = string_end(text, i, quote, &closed) - 1;
            if (!closed)
                return i + 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
        backslashes = c == '\\' ? backslashes + 1 : 0;
    }
    return text.len;
}

/* The object or list that begins at `from`, unless it is empty or a schema. */
static size_t value_in_brackets(const struct pair *pair, size_t from)
{
    char second = at(pair->text, over_white(pair->text, from + 1));
    bool schema = pair->text.ptr[from] == '{' && is_schema(pair->text, from, pair->quote);
    if (second == '}' || second == ']' || schema)
        return from;
    return brackets_end(pair->text, from, pair->quote);
}

/* A value that is no string behind a name in quotes: it becomes one, so that JSON stays
 * JSON. */
static struct nv_secret_pair take_json(const struct pair *pair, size_t from)
{
    struct nv_str text = pair->text;
    char first = at(text, from);
    size_t to = from;
    if (first == '{' || first == '[')
        to = value_in_brackets(pair, from);
    while (first != '{' && first != '[' && to < text.len && !ends_value(text.ptr[to]))
        to++;
    if (is_plain(nv_str_slice(text, from, to - from), pair->name))
        return none();
    struct nv_secret_pair found = take(NV_SECRET_NAMED, from, to);
    found.quote = pair->quote;
    return found;
}

/* ---- named values ------------------------------------------------------------------------ */

/* Bytes up to the end of the line or string, VALUE_LOOK at most. */
static struct nv_str look(struct nv_str text, size_t from)
{
    struct nv_str head = nv_str_slice(text, from, VALUE_LOOK);
    return nv_str_slice(head, 0, line_end(head, 0));
}

/* The bytes of `text` that can be in a value made by chance, VALUE_LOOK at most. */
static struct nv_str random_run(struct nv_str text, size_t from)
{
    size_t to = from;
    while (to < text.len && to - from < VALUE_LOOK && !ends_value(text.ptr[to]))
        to++;
    return nv_str_slice(text, from, to - from);
}

/* Can a value of this name begin at `from`? Asked before its end is looked for, which may be
 * far. */
static bool may_be_value(const struct pair *pair, size_t from)
{
    char first = at(pair->text, from);
    /* a key in PEM goes on behind spaces: it is found by its dashes */
    if (is_placeholder(pair->text, from) ||
        nv_str_starts(nv_str_slice(pair->text, from, SIZE_MAX), NV_STR("-----BEGIN")))
        return false;
    switch (pair->kind) {
    case NV_NAME_RANDOM:
        return nv_secret_is_random(random_run(pair->text, from));
    case NV_NAME_LOCAL:
        return first != '/' && first != '~';
    case NV_NAME_LINE:
        /* what stood there was taken for another reason */
        return !nv_str_starts(look(pair->text, from), NV_STR("***")) &&
               nv_str_find_char(look(pair->text, from), '=') != SIZE_MAX;
    default:
        return true;
    }
}

static struct nv_secret_pair judge(const struct pair *pair, size_t from, size_t to)
{
    if (is_plain(nv_str_slice(pair->text, from, to - from), pair->name))
        return none();
    return take(NV_SECRET_NAMED, from, to);
}

static struct nv_secret_pair bare_value(const struct pair *pair, size_t from)
{
    struct nv_str text = pair->text;
    size_t behind = behind_scheme(text, from);
    from = behind > 0 ? behind : from;
    if (is_code(text, from) || !may_be_value(pair, from))
        return none();
    if (pair->kind == NV_NAME_LINE ||
        (pair->kind == NV_NAME_SURE && has_parameters(text, from)))
        return judge(pair, from, line_end(text, from));
    return judge(pair, from, bare_end(pair, from));
}

/* A letter before the quotes of a string of Python: b'x', f"x". */
static size_t over_string_prefix(struct nv_str text, size_t from)
{
    return memchr("bfru", at(text, from), 4) && is_quote(at(text, from + 1)) ? from + 1 : from;
}

/* Behind the separator, the rest of `:=`, `=>`, `==` or `::`, and spaces. */
static size_t value_begin(const struct pair *pair)
{
    size_t from = pair->separator + 1;
    while (from < pair->text.len && from < pair->separator + 3 &&
           memchr("=>:", pair->text.ptr[from], 3))
        from++;
    return over_string_prefix(pair->text, over_spaces(pair->text, from));
}

static struct nv_secret_pair named_value(const struct pair *pair)
{
    struct nv_str text = pair->text;
    size_t from = value_begin(pair), open = from;
    while (open < text.len && text.ptr[open] == '\\')
        open++;
    if (is_quote(at(text, open))) {
        if (!may_be_value(pair, open + 1))
            return none();
        size_t len = quoted_len(text, open + 1, open - from, text.ptr[open]);
        return ends_string(pair, open + 1, len, open - from)
                   ? none()
                   : judge(pair, open + 1, open + 1 + len);
    }
    if (pair->quote.len == 0 || text.ptr[pair->separator] != ':')
        return bare_value(pair, from);
    bool brackets = at(text, from) == '[' || at(text, from) == '{';
    if (pair->kind == NV_NAME_RANDOM || (pair->kind == NV_NAME_LINE && !brackets) ||
        (!brackets && is_code(text, from)) || is_placeholder(text, from))
        return none();
    return take_json(pair, from);
}

/* ---- URLs and others --------------------------------------------------------------------- */

static bool ends_authority(char c)
{
    return (unsigned char)c <= ' ' || strchr("/?#\"'`<>\\(){}[]", c) != NULL;
}

/* scheme://user:password@host, `separator` before the slashes. A password that was taken before
 * is told by where it ends: scheme and user may be called as secrets are, and what was masked
 * once stays as it is. */
static struct nv_secret_pair url_password(struct nv_str text, size_t separator)
{
    size_t from = separator + 3, to = from, user = 0, host = 0, colon = 0;
    for (; to < text.len && to - from < AUTHORITY_MAX && !ends_authority(text.ptr[to]); to++) {
        if (text.ptr[to] == '@') {
            user = user == 0 ? to : user;
            host = to;
        } else if (text.ptr[to] == ':' && colon == 0) {
            colon = to;
        }
    }
    if (host <= from)
        return none();
    bool has_password = colon != 0 && colon + 1 < host;
    size_t begin = has_password ? colon + 1 : from;
    /* a key has no '@', and one behind it may be masked for another reason */
    host = has_password ? host : user;
    struct nv_str word = nv_str_slice(text, begin, host - begin);
    if (nv_str_eq(word, NV_STR("***")))
        return (struct nv_secret_pair){.masked_to = host};
    if (is_plain(word, NV_STR("")) || is_placeholder(text, begin) || word.ptr[0] == '*' ||
        (!has_password && (word.len < USER_TOKEN_MIN || !nv_secret_is_random(word))))
        return none();
    return take(NV_SECRET_URL, begin, host);
}

/* A bot's token of Telegram: its number, a colon and 35 more (detect-secrets). */
static struct nv_secret_pair telegram(struct nv_str text, size_t floor, size_t separator)
{
    size_t from = separator, to = separator + 1;
    while (from > floor && separator - from <= 16 && text.ptr[from - 1] >= '0' &&
           text.ptr[from - 1] <= '9')
        from--;
    if (separator - from < 8 || separator - from > 16)
        return none();
    while (to < text.len && to - separator <= 64 && text.ptr[to] != '.' &&
           is_name(text.ptr[to]))
        to++;
    struct nv_str word = nv_str_slice(text, separator + 1, to - separator - 1);
    return word.len >= 35 && nv_secret_is_random(word) ? take(NV_SECRET_SERVICE, from, to)
                                                       : none();
}

/* curl -u user:password */
static struct nv_secret_pair curl_user(struct nv_str text, size_t floor, size_t separator)
{
    size_t from = separator;
    while (from > floor && separator - from < NAME_BYTES_MAX &&
           (is_name(text.ptr[from - 1]) || text.ptr[from - 1] == '@'))
        from--;
    if (from == separator || from < floor + 4)
        return none();
    size_t flag =
        back_over_spaces(text, floor, from - (is_quote(text.ptr[from - 1]) ? 1u : 0u));
    struct nv_str before = nv_str_slice(text, floor, flag - floor);
    if (!nv_str_ends(before, NV_STR(" -u")) && !nv_str_ends(before, NV_STR(" --user")))
        return none();
    size_t to = separator + 1;
    while (to < text.len && !ends_value(text.ptr[to]))
        to++;
    if (to == separator + 1 || is_placeholder(text, separator + 1))
        return none();
    struct nv_str word = nv_str_slice(text, separator + 1, to - separator - 1);
    return is_plain(word, NV_STR("")) ? none() : take(NV_SECRET_NAMED, separator + 1, to);
}

/* Ways of a colon that need no name of a secret before it. */
static struct nv_secret_pair by_form(struct nv_str text, size_t floor, size_t separator)
{
    if (at(text, separator + 1) == '/' && at(text, separator + 2) == '/')
        return url_password(text, separator);
    if (separator == floor)
        return none();
    char before = text.ptr[separator - 1];
    if (before >= '0' && before <= '9' && is_name(at(text, separator + 1))) {
        struct nv_secret_pair found = telegram(text, floor, separator);
        if (found.at.len > 0)
            return found;
    }
    return is_name(before) ? curl_user(text, floor, separator) : none();
}

struct nv_secret_pair nv_pair_find(struct nv_str text, struct nv_secret_floor floor,
                                   size_t separator)
{
    struct pair pair = {
        .text = text, .floor = floor.at, .floor_quoted = floor.quoted, .separator = separator};
    if (text.ptr[separator] == ':') {
        struct nv_secret_pair found = by_form(text, floor.at, separator);
        if (found.at.len > 0 || found.masked_to > 0)
            return found;
    }
    return read_name(&pair) ? named_value(&pair) : none();
}
