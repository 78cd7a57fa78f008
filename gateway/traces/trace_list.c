/*
 * The list: SQL put together of fixed parts, with every value bound.
 *
 *   parts ──▶ "SELECT ... WHERE a AND b ORDER BY c LIMIT n"     bindings ──▶ ?, ?, ?
 *
 * Keyset paging: a page begins behind the (sort value, id) of the row before it, so that page
 * 1,000 costs what page 1 does and rows that arrive meanwhile shift nothing. FTS5 has a
 * language of its own in its argument; a term in quotes, with its quotes doubled, is no part of
 * it but a phrase.
 */
#include "gateway/traces/trace_list.h"

#include "base/limits.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

#define BINDINGS_MAX 64u
#define CURSOR_SIZE 64
#define TRIGRAM 3u

struct binding {
    enum { BIND_TEXT, BIND_INT, BIND_DOUBLE } type;
    struct nv_str text;
    int64_t integer;
    double number;
};

/* One statement serves the page and the totals: conditions of the filter come first, then the
 * cursor's, so that the totals are the front part of both the text and the bindings. */
struct statement {
    struct nv_buf text;  /* of the conditions */
    struct nv_buf match; /* FTS5's argument */
    struct binding bindings[BINDINGS_MAX];
    unsigned count;
    unsigned without_cursor; /* bindings of the conditions that say which, not from where */
    size_t text_without_cursor;
};

struct nv_str nv_trace_sort_name(enum nv_trace_sort sort)
{
#define SORT_NAME(id, name, sql) [id] = NV_STR_INIT(name),
    static const struct nv_str names[] = {NV_TRACE_SORT_TABLE(SORT_NAME)};
#undef SORT_NAME
    return names[sort];
}

struct nv_str nv_trace_range_name(enum nv_trace_range range)
{
#define RANGE_NAME(field, name, sql) [NV_RANGE_##field] = NV_STR_INIT(name),
    static const struct nv_str names[] = {NV_TRACE_RANGE_TABLE(RANGE_NAME)};
#undef RANGE_NAME
    return names[range];
}

static const char *sort_sql(enum nv_trace_sort sort)
{
#define SORT_SQL(id, name, sql) [id] = (sql),
    static const char *const texts[] = {NV_TRACE_SORT_TABLE(SORT_SQL)};
#undef SORT_SQL
    return texts[sort];
}

static const char *range_sql(enum nv_trace_range range)
{
#define RANGE_SQL(field, name, sql) [NV_RANGE_##field] = (sql),
    static const char *const texts[] = {NV_TRACE_RANGE_TABLE(RANGE_SQL)};
#undef RANGE_SQL
    return texts[range];
}

/* ---- conditions -------------------------------------------------------------------------- */

static void condition(struct statement *to, const char *sql)
{
    (void)nv_buf_printf(&to->text, "%s%s", to->text.len == 0 ? " WHERE " : " AND ", sql);
}

static void bind(struct statement *to, struct binding binding)
{
    assert(to->count < BINDINGS_MAX);
    to->bindings[to->count++] = binding;
}

static void bind_text(struct statement *to, struct nv_str text)
{
    bind(to, (struct binding){.type = BIND_TEXT, .text = text});
}

/* A subselect for each name and no join: a trace may have many of a kind, and a join would give
 * it a row for each. */
static void add_names(struct statement *to, const struct nv_trace_filter *filter)
{
    for (unsigned i = 0; i < NV_MENTION_COUNT; i++) {
        if (!filter->names[i].ptr)
            continue;
        condition(to, "id IN (SELECT trace FROM mention WHERE kind=? AND name=?)");
        bind_text(to, nv_mention_name((enum nv_mention_kind)i));
        bind_text(to, filter->names[i]);
    }
    if (filter->source_id.ptr) {
        condition(to, "source_id=?");
        bind_text(to, filter->source_id);
    }
}

/* `sql` and `sign` are ours; the value, as all that a client sends, is bound. */
static void add_range(struct statement *to, const char *sql, const char *sign, double value)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s%s?", sql, sign);
    condition(to, text);
    bind(to, (struct binding){.type = BIND_DOUBLE, .number = value});
}

static void add_ranges(struct statement *to, const struct nv_trace_filter *filter)
{
    for (unsigned i = 0; i < NV_TRACE_RANGE_COUNT; i++) {
        const struct nv_trace_range_ends *ends = &filter->ranges[i];
        if (ends->has_min)
            add_range(to, range_sql((enum nv_trace_range)i), ">=", ends->min);
        if (ends->has_max)
            add_range(to, range_sql((enum nv_trace_range)i), "<=", ends->max);
    }
    if (filter->newer_than > 0) {
        condition(to, "id>?");
        bind(to, (struct binding){.type = BIND_INT, .integer = filter->newer_than});
    }
}

/* ---- search ------------------------------------------------------------------------------ */

/* Of UTF-8: bytes that begin one. Two ideographs are six bytes and still no trigram. */
static size_t characters(struct nv_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

static void add_phrase(struct statement *to, struct nv_str term)
{
    (void)nv_buf_append_str(&to->match, to->match.len == 0 ? NV_STR("\"") : NV_STR(" AND \""));
    for (size_t i = 0; i < term.len; i++) {
        if (term.ptr[i] == '"')
            (void)nv_buf_append_char(&to->match, '"');
        (void)nv_buf_append_char(&to->match, term.ptr[i]);
    }
    (void)nv_buf_append_char(&to->match, '"');
}

/* Terms shorter than a trigram are in no index: the texts are looked through, which is slow and
 * right; the other terms have made the set small when there are any. */
static void add_term(struct statement *to, struct nv_str term)
{
    if (characters(term) >= TRIGRAM) {
        add_phrase(to, term);
        return;
    }
    condition(to, "id IN (SELECT id FROM words WHERE instr(lower(text),lower(?)))");
    bind_text(to, term);
}

/* What nv_str_trim takes off, so that a term is never empty. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static enum nv_err add_search(struct statement *to, struct nv_str search)
{
    unsigned terms = 0;
    if (search.len > NV_SEARCH_BYTES_MAX)
        return NV_ERR_CONFIG;
    for (search = nv_str_trim(search); search.len > 0; search = nv_str_trim(search)) {
        size_t end = 0;
        while (end < search.len && !is_space(search.ptr[end]))
            end++;
        if (++terms > NV_SEARCH_TERMS_MAX)
            return NV_ERR_CONFIG;
        add_term(to, nv_str_slice(search, 0, end));
        search = nv_str_slice(search, end, search.len);
    }
    if (to->match.len == 0)
        return NV_OK;
    condition(to, "id IN (SELECT rowid FROM found WHERE found MATCH ?)");
    bind_text(to, nv_buf_str(&to->match));
    return to->match.failed;
}

/* ---- paging ------------------------------------------------------------------------------ */

/* The id makes a place of each row, also among thousands of the same duration. Compared as a
 * pair, which SQLite answers from the index of the order. */
static enum nv_err add_cursor(struct statement *to, const struct nv_trace_filter *filter)
{
    struct nv_str cursor = filter->cursor;
    double value = 0;
    int64_t id = 0;
    char text[96];
    if (cursor.len == 0)
        return NV_OK;
    size_t middle = nv_str_find_char(cursor, '_');
    if (middle == SIZE_MAX ||
        nv_str_to_double(nv_str_slice(cursor, 0, middle), &value) != NV_OK ||
        nv_str_to_int64(nv_str_slice(cursor, middle + 1, cursor.len), &id) != NV_OK)
        return NV_ERR_CONFIG;
    (void)snprintf(text, sizeof text, "(%s,id)%s(?,?)", sort_sql(filter->sort),
                   filter->ascending ? ">" : "<");
    condition(to, text);
    bind(to, (struct binding){.type = BIND_DOUBLE, .number = value});
    bind(to, (struct binding){.type = BIND_INT, .integer = id});
    return NV_OK;
}

static enum nv_err build(struct statement *to, const struct nv_trace_filter *filter)
{
    add_names(to, filter);
    add_ranges(to, filter);
    enum nv_err err = add_search(to, filter->search);
    /* noted before the cursor is added */
    to->without_cursor = to->count;
    to->text_without_cursor = to->text.len;
    if (err == NV_OK)
        err = add_cursor(to, filter);
    return err != NV_OK ? err : to->text.failed;
}

static enum nv_err prepare(struct nv_sql *sql, const struct statement *from, unsigned count,
                           const struct nv_buf *text, struct nv_sql_query **out)
{
    *out = NULL;
    if (text->failed != NV_OK)
        return text->failed;
    enum nv_err err = nv_sql_prepare(sql, text->bytes, out);
    for (unsigned i = 0; i < count && err == NV_OK; i++) {
        const struct binding *binding = &from->bindings[i];
        if (binding->type == BIND_TEXT)
            nv_sql_bind_text(*out, (int)i + 1, binding->text);
        else if (binding->type == BIND_INT)
            nv_sql_bind_int(*out, (int)i + 1, binding->integer);
        else
            nv_sql_bind_double(*out, (int)i + 1, binding->number);
    }
    return err;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* X(name, type): columns in the order of the statement. */
#define COLUMN_TABLE(X)                                                                        \
    X(id, INTEGER)                                                                             \
    X(trace_id, TEXT)                                                                          \
    X(source_id, TEXT)                                                                         \
    X(name, TEXT)                                                                              \
    X(kind, TEXT)                                                                              \
    X(status, TEXT)                                                                            \
    X(status_message, TEXT)                                                                    \
    X(service, TEXT)                                                                           \
    X(session, TEXT)                                                                           \
    X(user, TEXT)                                                                              \
    X(model, TEXT)                                                                             \
    X(question, TEXT)                                                                          \
    X(answer, TEXT)                                                                            \
    X(duration_ms, REAL)                                                                       \
    X(input_tokens, INTEGER)                                                                   \
    X(output_tokens, INTEGER)                                                                  \
    X(cost, REAL)                                                                              \
    X(first_token_ms, REAL)                                                                    \
    X(span_count, INTEGER)                                                                     \
    X(error_count, INTEGER)                                                                    \
    X(bytes, INTEGER)                                                                          \
    X(start_ms, REAL)

enum column_type { TEXT, INTEGER, REAL };

static void write_row(struct nv_sql_query *query, struct nv_json_writer *json)
{
#define COLUMN_ROW(name, type) {NV_STR_INIT(#name), type},
    static const struct {
        struct nv_str name;
        enum column_type type;
    } columns[] = {COLUMN_TABLE(COLUMN_ROW)};
#undef COLUMN_ROW
    nv_json_write_begin_object(json);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        nv_json_write_key(json, columns[i].name);
        if (nv_sql_is_null(query, (int)i))
            nv_json_write_null(json);
        else if (columns[i].type == TEXT)
            nv_json_write_string(json, nv_sql_text(query, (int)i));
        else if (columns[i].type == INTEGER)
            nv_json_write_int(json, nv_sql_int(query, (int)i));
        else
            nv_json_write_double(json, nv_sql_double(query, (int)i));
    }
    nv_json_write_end_object(json);
}

static void page_text(const struct statement *from, const struct nv_trace_filter *filter,
                      uint32_t limit, struct nv_buf *text)
{
#define COLUMN_SQL(name, type) #name ","
    const char *order = filter->ascending ? "" : " DESC";
    const char *by = sort_sql(filter->sort);
    (void)nv_buf_printf(
        text,
        "SELECT " COLUMN_TABLE(COLUMN_SQL) "%s FROM (SELECT *,start_us/1000.0 AS "
                                           "start_ms FROM trace)",
        by);
#undef COLUMN_SQL
    (void)nv_buf_append_str(text, nv_buf_str(&from->text));
    (void)nv_buf_printf(text, " ORDER BY %s%s,id%s LIMIT %u", by, order, order, limit + 1);
    (void)nv_buf_append_char(text, '\0');
}

/* One row more than the page is asked for: it tells that there is a next. */
static enum nv_err write_rows(struct nv_sql_query *query, uint32_t limit,
                              struct nv_json_writer *json)
{
#define COLUMN_ONE(name, type) +1
    enum { COLUMNS = 0 COLUMN_TABLE(COLUMN_ONE) };
#undef COLUMN_ONE
    char next[CURSOR_SIZE] = "";
    enum nv_err err = NV_OK;
    bool row = true, more = false;
    nv_json_write_key(json, NV_STR("traces"));
    nv_json_write_begin_array(json);
    for (uint32_t i = 0; row && err == NV_OK; i++) {
        err = nv_sql_step(query, &row);
        more = row && i == limit;
        if (!row || more)
            break;
        write_row(query, json);
        /* 17 digits bring back the very double: a rounded one would repeat a row, or leave one
         * out */
        (void)snprintf(next, sizeof next, "%.17g_%lld", nv_sql_double(query, COLUMNS),
                       (long long)nv_sql_int(query, 0));
    }
    nv_json_write_end_array(json);
    nv_json_write_key(json, NV_STR("next"));
    if (more)
        nv_json_write_string(json, nv_str_from(next));
    else
        nv_json_write_null(json);
    return err;
}

static enum nv_err write_page(struct nv_sql *sql, const struct statement *from,
                              const struct nv_trace_filter *filter, struct nv_json_writer *json)
{
    struct nv_sql_query *query = NULL;
    struct nv_buf text;
    uint32_t limit = filter->limit != 0 ? filter->limit : NV_TRACE_LIST_DEFAULT;
    limit = limit < NV_TRACE_LIST_MAX ? limit : NV_TRACE_LIST_MAX;
    nv_buf_init(&text, NV_CAP_SQL);
    page_text(from, filter, limit, &text);
    enum nv_err err = prepare(sql, from, from->count, &text, &query);
    if (err == NV_OK)
        err = write_rows(query, limit, json);
    nv_sql_finish(query);
    nv_buf_release(&text);
    return err;
}

/* How many there are, and of all of them tokens and cost; once, with the first page. */
static enum nv_err write_totals(struct nv_sql *sql, const struct statement *from,
                                struct nv_json_writer *json)
{
    static const struct nv_str names[] = {NV_STR_INIT("traces"), NV_STR_INIT("errors"),
                                          NV_STR_INIT("tokens"), NV_STR_INIT("cost")};
    struct nv_sql_query *query = NULL;
    struct nv_buf text;
    bool row = false;
    nv_buf_init(&text, NV_CAP_SQL);
    (void)nv_buf_append_str(&text, NV_STR("SELECT count(*),coalesce(sum(error_count>0),0),"
                                          "coalesce(sum(tokens),0),sum(cost) FROM trace"));
    (void)nv_buf_append_str(
        &text, nv_str_slice(nv_buf_str(&from->text), 0, from->text_without_cursor));
    (void)nv_buf_append_char(&text, '\0');
    enum nv_err err = prepare(sql, from, from->without_cursor, &text, &query);
    if (err == NV_OK)
        err = nv_sql_step(query, &row);
    nv_json_write_key(json, NV_STR("total"));
    nv_json_write_begin_object(json);
    for (int i = 0; err == NV_OK && row && i < 4; i++) {
        nv_json_write_key(json, names[i]);
        if (nv_sql_is_null(query, i))
            nv_json_write_null(json);
        else if (i == 3)
            nv_json_write_double(json, nv_sql_double(query, i));
        else
            nv_json_write_int(json, nv_sql_int(query, i));
    }
    nv_json_write_end_object(json);
    nv_sql_finish(query);
    nv_buf_release(&text);
    return err;
}

enum nv_err nv_trace_list_write(struct nv_sql *sql, const struct nv_trace_filter *filter,
                                struct nv_buf *out)
{
    struct statement from = {.count = 0};
    struct nv_json_writer json;
    nv_buf_init(&from.text, NV_CAP_SQL);
    nv_buf_init(&from.match, NV_CAP_SQL);
    enum nv_err err = build(&from, filter);
    nv_json_write_init(&json, out);
    nv_json_write_begin_object(&json);
    if (err == NV_OK)
        err = write_page(sql, &from, filter, &json);
    /* a count over all rows is the dear part; later pages and the live list don't need it
     * again */
    if (err == NV_OK && filter->cursor.len == 0 && filter->newer_than == 0)
        err = write_totals(sql, &from, &json);
    nv_json_write_end_object(&json);
    nv_buf_release(&from.text);
    nv_buf_release(&from.match);
    return err != NV_OK ? err : out->failed;
}
