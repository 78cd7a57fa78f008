/*
 * A row is what fits: numbers first, because they are compared down the page, texts behind
 * them, because they may be cut.
 *
 *   id        time         ✓ duration   in→out      cost        name           question ...
 *   └ as short as it tells the rows apart, never below NV_TABLE_ID_MIN
 *
 * Rows come as the JSON that the page gets, and not from the store's tables: the same numbers
 * stand in both, and a script that has one has the other (`--json`).
 *
 * Columns are cells of a terminal, which nv_line counts: a name in Chinese takes two of them
 * a character, and what is cut there is cut between characters.
 */
#include "gateway/commands/traces_table.h"

#include "base/limits.h"
#include "gateway/view/terminal_facts.h"

#include <stdio.h>
#include <time.h>

#include "base/banned.h"

#define NAME_COLUMNS 24

static struct nv_str text_of(const struct nv_value *row, const char *key)
{
    return nv_string_of(nv_map_get(row, nv_str_from(key)));
}

static double number_of(const struct nv_value *row, const char *key, double otherwise)
{
    return nv_number_of(nv_map_get(row, nv_str_from(key)), otherwise);
}

/* ---- ids --------------------------------------------------------------------------------- */

/* Bytes, as ids are ASCII. */
static size_t common(struct nv_str a, struct nv_str b)
{
    size_t len = 0;
    while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len])
        len++;
    return len;
}

/* Characters that tell all rows apart: few rows, so each is compared with each. */
static size_t id_length(const struct nv_array *rows)
{
    size_t most = NV_TABLE_ID_MIN;
    for (uint32_t i = 0; i < rows->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            size_t same = common(text_of(&rows->items[i], "trace_id"),
                                 text_of(&rows->items[j], "trace_id"));
            most = same >= most ? same + 1 : most;
        }
    }
    return most;
}

/* ---- a row ------------------------------------------------------------------------------- */

/*
 * Of today the time, else the day and the time. In the zone of who looks and compares it with
 * a watch; JSON has start_ms. localtime_r, because the other one is banned: it shares its
 * result.
 */
static void write_time(double start_ms, char text[20])
{
    time_t start = (time_t)(start_ms / 1000.0), now = time(NULL);
    struct tm then, today;
    (void)localtime_r(&start, &then);
    (void)localtime_r(&now, &today);
    bool is_today = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    (void)strftime(text, 20, is_today ? "%H:%M:%S" : "%m-%d %H:%M", &then);
}

static void pad(struct nv_line *line, size_t used, size_t columns)
{
    for (; used < columns; used++)
        nv_line_put_text(line, NV_LINE_PLAIN, " ");
}

static void put_padded(struct nv_line *line, enum nv_line_style style, const char *text,
                       size_t columns)
{
    size_t before = line->room;
    nv_line_put_text(line, style, text);
    pad(line, before - line->room, columns);
}

/*
 * What is not known is left empty, and a cost that is not known is a dash: 0 would say that
 * it was free. A duration past what 64 bits of nanoseconds hold is damage, and left out.
 */
static void put_numbers(struct nv_line *line, const struct nv_value *row)
{
    char text[NV_FACT_TEXT_SIZE] = "", tokens[48] = "";
    double in = number_of(row, "input_tokens", -1), out = number_of(row, "output_tokens", -1);
    double cost = number_of(row, "cost", -1), ms = number_of(row, "duration_ms", 0);
    if (ms > 0 && ms < 9e12)
        nv_fact_duration((uint64_t)(ms * 1e6), text);
    put_padded(line, NV_LINE_PLAIN, text, 11);
    if (in >= 0 || out >= 0)
        (void)snprintf(tokens, sizeof tokens, "%.0f→%.0f", in > 0 ? in : 0, out > 0 ? out : 0);
    put_padded(line, NV_LINE_PLAIN, tokens, 12);
    nv_fact_cost(cost, text);
    put_padded(line, NV_LINE_PLAIN, cost >= 0 ? text : "–", 12);
}

static void write_row(const struct nv_value *row, size_t id_columns, struct nv_line *line)
{
    char time[20], id[80];
    bool error = number_of(row, "error_count", 0) > 0;
    struct nv_str name = text_of(row, "name");
    (void)snprintf(id, sizeof id, "%.*s",
                   NV_STR_ARG(nv_str_slice(text_of(row, "trace_id"), 0, id_columns)));
    write_time(number_of(row, "start_ms", 0), time);
    nv_line_begin(line);
    nv_line_put(line, NV_LINE_BOLD, nv_str_from(id), id_columns);
    nv_line_put_text(line, NV_LINE_PLAIN, "  ");
    put_padded(line, NV_LINE_DIM, time, 13);
    put_padded(line, error ? NV_LINE_RED : NV_LINE_PLAIN, error ? "✗" : "✓", 2);
    put_numbers(line, row);
    size_t room = line->room;
    nv_line_put(line, error ? NV_LINE_RED : NV_LINE_PLAIN, name, NAME_COLUMNS);
    pad(line, room - line->room, NAME_COLUMNS + 2);
    nv_line_put(line, NV_LINE_DIM, text_of(row, "question"), SIZE_MAX);
    nv_line_end(line);
}

/* ---- all rows ---------------------------------------------------------------------------- */

static enum nv_err read_rows(struct nv_arena *arena, struct nv_str list, struct nv_array *rows)
{
    struct nv_value all;
    *rows = (struct nv_array){0};
    enum nv_err err = arena ? nv_value_from_json(arena, list, NULL, &all) : NV_ERR_NO_MEMORY;
    if (err != NV_OK || all.type != NV_VALUE_MAP)
        return err != NV_OK ? err : NV_ERR_MALFORMED;
    const struct nv_value *traces = nv_map_get(&all, NV_STR("traces"));
    if (!traces || traces->type != NV_VALUE_ARRAY)
        return NV_ERR_MALFORMED;
    *rows = traces->as.array;
    return NV_OK;
}

enum nv_err nv_traces_table_write(struct nv_str list, const struct nv_terminal *terminal,
                                  struct nv_buf *out)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_STORE_ARENA);
    struct nv_line line = {.buf = out, .color = terminal->color, .columns = terminal->columns};
    struct nv_array rows;
    enum nv_err err = read_rows(arena, list, &rows);
    size_t columns = id_length(&rows);
    for (uint32_t i = 0; i < rows.count && err == NV_OK; i++)
        write_row(&rows.items[i], columns, &line);
    nv_arena_free(arena);
    return err != NV_OK ? err : out->failed;
}

/*
 * Each row as it came, a line each: what a script wants of a list is to be read line by line.
 */
enum nv_err nv_traces_table_lines(struct nv_str list, struct nv_buf *out)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_STORE_ARENA);
    struct nv_array rows;
    enum nv_err err = read_rows(arena, list, &rows);
    for (uint32_t i = 0; i < rows.count && err == NV_OK; i++) {
        struct nv_json_writer json;
        nv_json_write_init(&json, out);
        nv_value_write(&json, &rows.items[i]);
        err = nv_buf_append_char(out, '\n');
    }
    nv_arena_free(arena);
    return err;
}
