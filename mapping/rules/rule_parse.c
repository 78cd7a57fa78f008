/*
 * The parser of convention tables (mapping/conventions/README.md has the form).
 *
 *   line ─▶ cells ─┬─ source     pattern, {x} folded to {i}, {*} cut off
 *                  ├─ where      bits
 *                  ├─ if         kinds bits + tests (+ watches)
 *                  ├─ target     as text; numbered when the set is built
 *                  ├─ transform  steps
 *                  └─ precedence
 *
 * Hand-written, because the form is lines and cells and its errors must name line and column.
 * It allocates only in the draft's arena and keeps views of the text. It does not check that a
 * target is a field Noveum knows: targets are open, as the backend's attributes are. A field's
 * kinds are checked when a value is placed, not here.
 */
#include "mapping/rules/rule_parse.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

#define CELLS 7
/* What an error shows of the cell it is about. */
#define SHOWN_MAX 60
/* mapping/conventions/README.md, Precedence. */
#define PRECEDENCE_MAX 999

/* Where the parser is, for messages. The first mistake of a table is told, with its line and
 * column: what follows it is often its echo. */
struct place {
    struct nv_rule_draft *draft;
    struct nv_fail *fail;
    struct nv_str name;
    struct nv_str line; /* whole line: columns are offsets into it */
    uint32_t number;
    uint16_t file;
    bool user;
};

static const struct nv_str step_names[NV_STEP_COUNT_ALL] = {
#define STEP_NAME(id, name, argument) NV_STR_INIT(name),
    NV_STEP_TABLE(STEP_NAME)
#undef STEP_NAME
};
static const uint8_t step_arguments[NV_STEP_COUNT_ALL] = {
#define STEP_ARGUMENT(id, name, argument) argument,
    NV_STEP_TABLE(STEP_ARGUMENT)
#undef STEP_ARGUMENT
};

void nv_rule_draft_init(struct nv_rule_draft *draft, struct nv_arena *arena)
{
    memset(draft, 0, sizeof *draft);
    draft->arena = arena;
}

/* Room for one more of `size` bytes in an array of the draft; NULL without memory. */
static void *grow(struct nv_rule_draft *draft, void *items, uint32_t count, uint32_t *capacity,
                  size_t size)
{
    if (count < *capacity)
        return items;
    uint32_t wanted = *capacity ? *capacity * 2 : 64;
    void *larger = nv_arena_array(draft->arena, wanted, size);
    if (!larger)
        return NULL;
    if (count > 0)
        memcpy(larger, items, count * size);
    *capacity = wanted;
    return larger;
}

/* Appends a zeroed element and gives its address in `item`, or returns without memory. */
#define APPEND(draft, item, list, counter, cap)                                                \
    do {                                                                                       \
        void *grown_ = grow((draft), (draft)->list, (draft)->counter, &(draft)->cap,           \
                            sizeof *(draft)->list);                                            \
        if (!grown_)                                                                           \
            return NV_ERR_NO_MEMORY;                                                           \
        (draft)->list = grown_;                                                                \
        (item) = &(draft)->list[(draft)->counter++];                                           \
    } while (0)

/* Records what is wrong with `at` (a view into the line). */
static enum nv_err wrong(const struct place *place, struct nv_str at, const char *what)
{
    if (!place->fail || place->fail->code != NV_OK)
        return NV_ERR_CONFIG;
    size_t column = at.ptr >= place->line.ptr && at.ptr <= place->line.ptr + place->line.len
                        ? (size_t)(at.ptr - place->line.ptr) + 1
                        : 1;
    size_t shown = at.len < SHOWN_MAX ? at.len : SHOWN_MAX;
    (void)nv_fail_set(place->fail, NV_ERR_CONFIG, 0, "%s: \"%.*s\"", what, (int)shown,
                      at.ptr ? at.ptr : "");
    snprintf(place->fail->path, sizeof place->fail->path, "%.*s:%u:%zu",
             NV_STR_ARG(place->name), place->number, column);
    return NV_ERR_CONFIG;
}

/* ---- patterns ---------------------------------------------------------------------------- */

/* {i} in the pattern's own letter becomes {i}; a trailing {*} is cut off, a leading one
 * stays. */
static enum nv_err parse_pattern(const struct place *place, struct nv_str text,
                                 struct nv_rule_pattern *out)
{
    if (text.len == 0)
        return wrong(place, text, "empty key");
    struct nv_str copy = nv_arena_dup(place->draft->arena, text);
    if (!copy.ptr)
        return NV_ERR_NO_MEMORY;
    char *bytes = (char *)(uintptr_t)copy.ptr; /* ours, just allocated */
    for (size_t i = 0; i + 2 < copy.len; i++) {
        if (bytes[i] == '{' && bytes[i + 2] == '}' && bytes[i + 1] >= 'a' &&
            bytes[i + 1] <= 'z')
            bytes[i + 1] = 'i';
    }
    const bool ending = nv_str_starts(copy, NV_STR("{*}."));
    out->wild = !ending && nv_str_ends(copy, NV_STR(".{*}"));
    out->text = out->wild ? nv_str_slice(copy, 0, copy.len - 3) : copy;
    if (ending && nv_str_find_char(nv_str_slice(copy, 4, copy.len), '.') != SIZE_MAX)
        return wrong(place, text, "one part only may follow {*}");
    if (nv_str_find(nv_str_slice(out->text, ending ? 3 : 0, out->text.len), NV_STR("{*}")) !=
        SIZE_MAX)
        return wrong(place, text, "{*} must be the first or the last part of a key");
    return NV_OK;
}

static enum nv_err add_watch(const struct place *place, struct nv_str key, uint16_t *index)
{
    struct nv_rule_draft *draft = place->draft;
    struct nv_rule_pattern pattern, *watch;
    enum nv_err err = parse_pattern(place, key, &pattern);
    if (err != NV_OK)
        return err;
    APPEND(draft, watch, watches, watch_count, watch_capacity);
    *watch = pattern;
    *index = (uint16_t)(draft->watch_count - 1);
    return draft->watch_count < UINT16_MAX ? NV_OK : NV_ERR_LIMIT;
}

/* ---- where, kinds ------------------------------------------------------------------------ */

/* Cuts the next comma-separated word off `rest`; false at the end. */
static bool next_word(struct nv_str *rest, struct nv_str *word)
{
    while (rest->ptr && rest->len > 0) {
        size_t comma = nv_str_find_char(*rest, ',');
        size_t len = comma == SIZE_MAX ? rest->len : comma;
        *word = nv_str_trim(nv_str_slice(*rest, 0, len));
        *rest = comma == SIZE_MAX ? (struct nv_str){rest->ptr + rest->len, 0}
                                  : nv_str_slice(*rest, len + 1, rest->len - len - 1);
        if (word->len > 0)
            return true;
    }
    return false;
}

static enum nv_err parse_where(const struct place *place, struct nv_str cell, uint8_t *out)
{
    static const struct {
        struct nv_str name;
        uint8_t bit;
    } places[] = {{NV_STR_INIT("span"), NV_WHERE_SPAN},
                  {NV_STR_INIT("resource"), NV_WHERE_RESOURCE},
                  {NV_STR_INIT("scope"), NV_WHERE_SCOPE},
                  {NV_STR_INIT("field"), NV_WHERE_FIELD}};
    struct nv_str word, rest = cell;
    *out = 0;
    while (next_word(&rest, &word)) {
        uint8_t bit = 0;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            if (nv_str_eq(places[i].name, word))
                bit = places[i].bit;
        }
        if (bit == 0)
            return wrong(place, word, "where must be span, resource, scope or field");
        *out |= bit;
    }
    return *out ? NV_OK : wrong(place, cell, "where is missing");
}

static enum nv_err parse_kinds(const struct place *place, struct nv_str words, uint32_t *out)
{
    struct nv_str word, rest = words;
    *out = 0;
    while (next_word(&rest, &word)) {
        enum nv_kind kind = nv_kind_from_name(word);
        if (kind == NV_KIND_COUNT)
            return wrong(place, word, "unknown kind");
        *out |= NV_KIND_BIT(kind);
    }
    return *out ? NV_OK : wrong(place, words, "no kind named");
}

/* ---- conditions -------------------------------------------------------------------------- */

struct term {
    struct nv_str whole, name, value;
    bool negate;
};

/* Cuts `name=value`, `name!=value` or `name="va lue"` off `rest`. */
static enum nv_err next_term(const struct place *place, struct nv_str *rest, struct term *term)
{
    size_t equals = nv_str_find_char(*rest, '=');
    if (equals == SIZE_MAX || equals == 0)
        return wrong(place, *rest, "a condition is name=value");
    term->negate = rest->ptr[equals - 1] == '!';
    term->name = nv_str_trim(nv_str_slice(*rest, 0, equals - term->negate));
    struct nv_str tail = nv_str_slice(*rest, equals + 1, rest->len);
    /* a value with spaces is quoted; there are no escapes: no value that was seen holds a
     * quote */
    bool quoted = tail.len > 0 && tail.ptr[0] == '"';
    struct nv_str inside = nv_str_slice(tail, quoted, tail.len);
    size_t end = nv_str_find_char(inside, quoted ? '"' : ' ');
    if (quoted && end == SIZE_MAX)
        return wrong(place, tail, "quote is not closed");
    term->value = nv_str_slice(inside, 0, end);
    term->whole = *rest;
    size_t used = equals + 1 + term->value.len + (quoted ? 2 : 0);
    *rest = nv_str_trim(nv_str_slice(*rest, used, rest->len));
    return term->value.len > 0 ? NV_OK : wrong(place, term->whole, "condition without a value");
}

static enum nv_err parse_has(const struct place *place, const struct term *term,
                             struct nv_test *test)
{
    struct nv_str word, rest = term->value;
    test->what = NV_TEST_HAS;
    test->first_watch = (uint16_t)place->draft->watch_count;
    while (next_word(&rest, &word)) {
        uint16_t index;
        enum nv_err err = add_watch(place, word, &index);
        if (err != NV_OK)
            return err;
        test->watch_count++;
    }
    return NV_OK;
}

/* A test on a text: scope, name, value, OTLP kind, event. */
static bool text_test(struct nv_str name, uint8_t *what)
{
    static const struct {
        struct nv_str name;
        uint8_t what;
    } tests[] = {{NV_STR_INIT("value"), NV_TEST_VALUE},
                 {NV_STR_INIT("scope"), NV_TEST_SCOPE},
                 {NV_STR_INIT("name"), NV_TEST_NAME},
                 {NV_STR_INIT("otel.kind"), NV_TEST_SPAN_KIND},
                 {NV_STR_INIT("event"), NV_TEST_EVENT}};
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        if (nv_str_eq(tests[i].name, name)) {
            *what = tests[i].what;
            return true;
        }
    }
    return false;
}

static enum nv_err parse_test(const struct place *place, const struct term *term,
                              struct nv_test *test)
{
    test->negate = term->negate;
    test->globs = term->value;
    test->filter = nv_glob_filter_of(term->value);
    if (text_test(term->name, &test->what))
        return NV_OK;
    if (nv_str_eq(term->name, NV_STR("has")))
        return parse_has(place, term, test);
    if (nv_str_eq(term->name, NV_STR("lacks"))) {
        test->negate = !term->negate;
        return parse_has(place, term, test);
    }
    if (nv_str_starts(term->name, NV_STR("attr:"))) {
        test->what = NV_TEST_ATTRIBUTE;
        test->watch_count = 1;
        return add_watch(place, nv_str_slice(term->name, 5, term->name.len),
                         &test->first_watch);
    }
    return wrong(place, term->whole, "unknown condition");
}

static enum nv_err parse_condition(const struct place *place, struct nv_str cell,
                                   struct nv_rule *rule)
{
    struct nv_rule_draft *draft = place->draft;
    struct nv_str rest = cell;
    rule->kinds = NV_KINDS_ALL;
    rule->first_test = (uint16_t)draft->test_count;
    while (rest.len > 0) {
        struct term term = {0};
        enum nv_err err = next_term(place, &rest, &term);
        if (err != NV_OK)
            return err;
        if (nv_str_eq(term.name, NV_STR("kind"))) {
            uint32_t kinds;
            err = parse_kinds(place, term.value, &kinds);
            /* kinds are bits of the row and no test: they are asked for each row of each
             * attribute */
            rule->kinds &= term.negate ? ~kinds & NV_KINDS_ALL : kinds;
        } else {
            struct nv_test parsed = {0}, *test;
            err = parse_test(place, &term, &parsed);
            APPEND(draft, test, tests, test_count, test_capacity);
            *test = parsed;
            rule->test_count++;
        }
        if (err != NV_OK)
            return err;
    }
    bool fits = rule->test_count <= NV_RULE_TESTS_MAX && draft->test_count < UINT16_MAX;
    return fits ? NV_OK : wrong(place, cell, "too many conditions");
}

/* ---- transforms -------------------------------------------------------------------------- */

static enum nv_err parse_step(const struct place *place, struct nv_str text,
                              struct nv_step *step)
{
    size_t open = nv_str_find_char(text, '(');
    struct nv_str name = nv_str_trim(nv_str_slice(text, 0, open));
    unsigned op = 0;
    while (op < NV_STEP_COUNT_ALL && !nv_str_eq(step_names[op], name))
        op++;
    if (op == NV_STEP_COUNT_ALL)
        return wrong(place, text, "unknown transform");
    bool argument = open != SIZE_MAX;
    if (argument && !nv_str_ends(text, NV_STR(")")))
        return wrong(place, text, "bracket is not closed");
    if ((argument && step_arguments[op] == 0) || (!argument && step_arguments[op] == 2))
        return wrong(place, text, argument ? "takes no argument" : "needs an argument");
    step->op = (uint8_t)op;
    if (argument)
        step->argument = nv_str_slice(text, open + 1, text.len - open - 2);
    if (op == NV_STEP_KIND && argument) {
        enum nv_kind kind = nv_kind_from_name(step->argument);
        if (kind == NV_KIND_COUNT)
            return wrong(place, step->argument, "unknown kind");
        step->kind = (uint8_t)kind;
    }
    return NV_OK;
}

static enum nv_err parse_steps(const struct place *place, struct nv_str cell,
                               struct nv_rule *rule)
{
    struct nv_rule_draft *draft = place->draft;
    rule->first_step = (uint16_t)draft->step_count;
    for (size_t pos = 0; pos < cell.len;) {
        struct nv_str rest = nv_str_slice(cell, pos, cell.len);
        size_t arrow = nv_str_find_char(rest, '>');
        struct nv_step parsed = {0}, *step;
        struct nv_str text = nv_str_trim(nv_str_slice(rest, 0, arrow));
        enum nv_err err = parse_step(place, text, &parsed);
        if (err != NV_OK)
            return err;
        APPEND(draft, step, steps, step_count, step_capacity);
        *step = parsed;
        rule->step_count++;
        if (parsed.op == NV_STEP_KEEP)
            rule->flags |= NV_RULE_KEEP;
        if (parsed.op == NV_STEP_DROP)
            rule->flags |= NV_RULE_DROP;
        pos = arrow == SIZE_MAX ? cell.len : pos + arrow + 1;
    }
    bool fits = rule->step_count > 0 && rule->step_count <= NV_RULE_STEPS_MAX &&
                draft->step_count < UINT16_MAX;
    return fits ? NV_OK : wrong(place, cell, "one to six steps are needed");
}

/* What belongs into these fields is the same whichever key it comes from: text, or the tool's
 * own input and answer, without what SDKs put around them. A field's own key says it
 * already. */
static enum nv_err add_form(const struct place *place, struct nv_rule_row *row)
{
    static const struct {
        struct nv_str target;
        enum nv_step_op op;
    } forms[] = {{NV_STR_INIT("retrieval.query"), NV_STEP_QUERY},
                 {NV_STR_INIT("rerank.query"), NV_STEP_QUERY},
                 {NV_STR_INIT("embedding.input"), NV_STEP_TEXTS},
                 {NV_STR_INIT("tool.input"), NV_STEP_ARGUMENTS},
                 {NV_STR_INIT("tool.output"), NV_STEP_RESULT}};
    struct nv_rule_draft *draft = place->draft;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct nv_step *step;
        if (!nv_str_eq(row->target, forms[i].target) ||
            nv_str_eq(row->source.text, row->target) ||
            (row->rule.flags & (NV_RULE_KEEP | NV_RULE_DROP)) != 0)
            continue;
        APPEND(draft, step, steps, step_count, step_capacity);
        *step = (struct nv_step){.op = (uint8_t)forms[i].op};
        row->rule.step_count++;
    }
    return NV_OK;
}

/* Steps that put the keys below a pattern together again. */
static bool collects(enum nv_step_op op)
{
    return op == NV_STEP_MESSAGES || op == NV_STEP_TOOLS || op == NV_STEP_CALLS ||
           op == NV_STEP_DOCUMENTS || op == NV_STEP_INSTRUCTIONS || op == NV_STEP_EVALUATIONS ||
           op == NV_STEP_TREE;
}

/* ---- rows and lines ---------------------------------------------------------------------- */

static enum nv_err check_row(const struct place *place, const struct nv_str *cells,
                             struct nv_rule_row *row)
{
    struct nv_rule *rule = &row->rule;
    bool kind = nv_str_eq(row->target, NV_STR("kind"));
    enum nv_step_op first = place->draft->steps[rule->first_step].op;
    bool holder = row->source.wild || nv_str_find(row->source.text, NV_STR("{i}")) != SIZE_MAX;
    if (kind)
        rule->flags |= NV_RULE_KIND;
    if (nv_str_find(row->target, NV_STR("{*}")) != SIZE_MAX) {
        rule->flags |= NV_RULE_WILD;
    } else if (holder && collects(first)) {
        /* a pattern with a hole stands for many keys: their values are put together before the
         * step runs */
        rule->flags |= NV_RULE_TREE;
    }
    enum nv_step_op last = place->draft->steps[rule->first_step + rule->step_count - 1].op;
    if ((rule->flags & NV_RULE_WILD) && !row->source.wild && last != NV_STEP_SPREAD)
        return wrong(place, cells[3], "{*} in the target needs {*} in the key, or spread");
    if (nv_str_eq(row->target, NV_STR("span.evaluations")))
        rule->flags |= NV_RULE_WILD; /* each source tells evaluations of its own */
    if (kind != (first == NV_STEP_KIND))
        return wrong(place, cells[4], "target kind and transform kind go together");
    if (kind && rule->kinds != NV_KINDS_ALL)
        return wrong(place, cells[2], "a kind can't depend on the kind");
    return NV_OK;
}

static enum nv_err parse_row(const struct place *place, const struct nv_str *cells)
{
    struct nv_rule_draft *draft = place->draft;
    struct nv_rule_row *row, parsed = {0};
    int64_t precedence;
    parsed.target = cells[3];
    parsed.rule.file = place->file;
    parsed.rule.line = (uint16_t)(place->number < UINT16_MAX ? place->number : UINT16_MAX);
    parsed.rule.flags = place->user ? NV_RULE_USER : 0;
    enum nv_err err = parse_pattern(place, cells[0], &parsed.source);
    if (err == NV_OK)
        err = parse_where(place, cells[1], &parsed.rule.where);
    if (err == NV_OK)
        err = parse_condition(place, cells[2], &parsed.rule);
    if (err == NV_OK)
        err = parse_steps(place, cells[4], &parsed.rule);
    if (err == NV_OK)
        err = add_form(place, &parsed);
    if (err == NV_OK)
        err = check_row(place, cells, &parsed);
    if (err == NV_OK && parsed.target.len == 0)
        err = wrong(place, cells[3], "target is missing");
    if (err == NV_OK && (nv_str_to_int64(cells[5], &precedence) || precedence < 1 ||
                         precedence > PRECEDENCE_MAX))
        err = wrong(place, cells[5], "precedence must be a number from 1 to 999");
    if (err != NV_OK)
        return err;
    parsed.rule.precedence = (uint16_t)precedence;
    APPEND(draft, row, rows, row_count, row_capacity);
    *row = parsed;
    return draft->row_count <= NV_RULES_MAX ? NV_OK : wrong(place, cells[0], "too many rows");
}

/* `field PATTERN KINDS`: which kinds may have a field. */
static enum nv_err parse_gate(const struct place *place, struct nv_str rest)
{
    struct nv_rule_draft *draft = place->draft;
    struct nv_rule_gate parsed = {0}, *gate;
    size_t space = nv_str_find_char(rest, ' ');
    enum nv_err err = parse_pattern(place, nv_str_slice(rest, 0, space), &parsed.field);
    if (err == NV_OK && space == SIZE_MAX)
        err = wrong(place, rest, "field needs a name and kinds");
    if (err == NV_OK)
        err = parse_kinds(place, nv_str_slice(rest, space, rest.len), &parsed.kinds);
    if (err != NV_OK)
        return err;
    APPEND(draft, gate, gates, gate_count, gate_capacity);
    *gate = parsed;
    return NV_OK;
}

/* `convention NAME "title"` */
static enum nv_err parse_convention(const struct place *place, struct nv_str rest)
{
    struct nv_rule_file *file = &place->draft->files[place->file];
    size_t space = nv_str_find_char(rest, ' ');
    file->convention = nv_str_slice(rest, 0, space);
    struct nv_str title = nv_str_trim(nv_str_slice(rest, file->convention.len, rest.len));
    bool quoted = title.len >= 2 && title.ptr[0] == '"' && title.ptr[title.len - 1] == '"';
    if (!quoted)
        return wrong(place, rest, "convention needs a name and a \"title\"");
    file->title = nv_str_slice(title, 1, title.len - 2);
    return NV_OK;
}

static enum nv_err parse_line(const struct place *place, struct nv_str line)
{
    if (line.len == 0 || line.ptr[0] == '#')
        return NV_OK;
    if (nv_str_starts(line, NV_STR("convention ")))
        return parse_convention(place, nv_str_trim(nv_str_slice(line, 11, line.len)));
    if (nv_str_starts(line, NV_STR("field ")))
        return parse_gate(place, nv_str_trim(nv_str_slice(line, 6, line.len)));
    struct nv_str cells[CELLS];
    size_t count = 0;
    for (size_t pos = 0; pos <= line.len && count < CELLS; count++) {
        struct nv_str rest = nv_str_slice(line, pos, line.len);
        size_t bar = count + 1 < CELLS ? nv_str_find_char(rest, '|') : SIZE_MAX;
        cells[count] = nv_str_trim(nv_str_slice(rest, 0, bar));
        pos = bar == SIZE_MAX ? line.len + 1 : pos + bar + 1;
    }
    if (count < CELLS - 1)
        return wrong(place, line, "a row has six cells and a note");
    return parse_row(place, cells);
}

enum nv_err nv_rule_parse(struct nv_rule_draft *draft, struct nv_str name, struct nv_str text,
                          bool user, struct nv_fail *fail)
{
    struct place place = {.draft = draft, .fail = fail, .name = name, .user = user};
    struct nv_rule_file *file;
    APPEND(draft, file, files, file_count, file_capacity);
    *file = (struct nv_rule_file){.name = name};
    place.file = (uint16_t)(draft->file_count - 1);
    for (size_t pos = 0; pos < text.len;) {
        struct nv_str rest = nv_str_slice(text, pos, text.len);
        size_t end = nv_str_find_char(rest, '\n');
        place.line = nv_str_slice(rest, 0, end);
        place.number++;
        enum nv_err err = parse_line(&place, nv_str_trim(place.line));
        if (err != NV_OK)
            return err;
        pos = end == SIZE_MAX ? text.len : pos + end + 1;
    }
    return NV_OK;
}
