/*
 * The automaton of anchors, and the matching of forms around them.
 *
 *   next[state][byte]   one look-up a byte; missing steps are those of the failure link
 *   report[state] ─▶ first[state] ─▶ then[form] ...   forms whose anchor ends here, longest first
 *
 * Built in static memory, whose size is known from the table's text, so that building can't
 * fail. States are numbered breadth first; most steps stay in the few rows of the first ones.
 */
#include "redaction/secrets/shapes.h"

#include "base/meter.h"
#include "redaction/secrets/anchors.h"

#include <assert.h>
#include <pthread.h>

#include "base/banned.h"

const struct nv_shape nv_shapes[] = {
#define SHAPE(rule, before, anchor, behind, edge, entropy, source)                             \
    {NV_SECRET_##rule, before, anchor, behind, NV_SHAPE_##edge != 0, entropy, source},
    NV_SECRET_SHAPES(SHAPE)
#undef SHAPE
};

#define SHAPES (sizeof nv_shapes / sizeof nv_shapes[0])

/* One state for each byte of an anchor at most, and the root. */
#define ANCHOR_BYTES(rule, before, anchor, behind, edge, entropy, source) +(sizeof(anchor) - 1)
#define STATES (1 + (0 NV_SECRET_SHAPES(ANCHOR_BYTES)))
#define BYTES 128 /* of ASCII; what is searched has no others */
#define NONE UINT16_MAX
/* Of a step: the state it leads to has a form to report. */
#define REPORTS 0x8000u

static struct {
    uint16_t next[STATES][BYTES];
    uint16_t first[STATES];  /* a form whose anchor ends here, NONE */
    uint16_t then[SHAPES];   /* another one with the same anchor, NONE */
    uint16_t fail[STATES];   /* the state of the longest proper suffix */
    uint16_t report[STATES]; /* this state or the nearest by `fail` that has a form, NONE */
    uint8_t before[SHAPES], anchor[SHAPES]; /* lengths of these parts of a form */
    unsigned states;
} automaton;

static_assert(STATES < REPORTS, "a state and its mark are one number");

/* ---- forms ------------------------------------------------------------------------------- */

#define DIGIT 1
#define HEX_LOW 2 /* a-f */
#define HEX_UP 4  /* A-F */
#define LOW 8     /* the other letters */
#define UP 16
#define DASH 32 /* - and _ */
#define PLUS 64 /* + and / */
#define DOT 128

#define LETTER_CLASS(c)                                                                        \
    ((c) >= 'a' && (c) <= 'f'   ? HEX_LOW                                                      \
     : (c) >= 'A' && (c) <= 'F' ? HEX_UP                                                       \
     : (c) >= 'a' && (c) <= 'z' ? LOW                                                          \
     : (c) >= 'A' && (c) <= 'Z' ? UP                                                           \
                                : 0)

static unsigned class_of(char c)
{
    if (c >= '0' && c <= '9')
        return DIGIT;
    switch (c) {
    case '-':
    case '_':
        return DASH;
    case '+':
    case '/':
        return PLUS;
    case '.':
        return DOT;
    default:
        return (unsigned)LETTER_CLASS(c);
    }
}

#define ALNUM (DIGIT | HEX_LOW | HEX_UP | LOW | UP)

/* Is `c` in the class that a form calls `name`? */
static bool is_in(char name, char c)
{
    unsigned class = class_of(c);
    switch (name) {
    case 'd':
        return (class & DIGIT) != 0;
    case 'h':
        return (class & (DIGIT | HEX_LOW)) != 0;
    case 'H':
        return (class & (DIGIT | HEX_LOW | HEX_UP)) != 0;
    case 'l':
        return (class & (DIGIT | HEX_LOW | LOW)) != 0;
    case 'U':
        return (class & (DIGIT | HEX_UP | UP)) != 0;
    case 'a':
        return (class & ALNUM) != 0;
    case 'w':
        return (class & (ALNUM | DASH)) != 0;
    case 'b':
        return (class & (ALNUM | PLUS)) != 0;
    case 'v':
        return (class & (ALNUM | DASH | DOT)) != 0 || c == '=';
    default:
        assert(name == 'q');
        return (class & (ALNUM | DASH | DOT)) != 0 || c == '~';
    }
}

struct item {
    char class; /* '\0': a literal */
    char literal;
    size_t min, max;
};

static size_t number(const char **at)
{
    size_t n = 0;
    while (**at >= '0' && **at <= '9')
        n = n * 10 + (size_t)(*(*at)++ - '0');
    return n;
}

/* The next item of a form, which is moved behind it. */
static struct item next_item(const char **form)
{
    const char *at = *form;
    struct item item = {.literal = *at++, .min = 1, .max = 1};
    if (*at == '{') {
        at++;
        item.class = item.literal;
        item.min = item.max = number(&at);
        if (*at == ',') {
            at++;
            item.max = *at == '}' ? SIZE_MAX : number(&at);
        }
        assert(*at == '}');
        at++;
    }
    *form = at;
    return item;
}

/* ---- building ---------------------------------------------------------------------------- */

static void add_anchor(uint16_t shape)
{
    unsigned state = 0;
    for (const char *c = nv_shapes[shape].anchor; *c != '\0'; c++) {
        uint16_t *next = &automaton.next[state][(unsigned char)*c];
        if (*next == 0)
            *next = (uint16_t)++automaton.states;
        state = *next;
    }
    assert(automaton.states < STATES);
    automaton.then[shape] = automaton.first[state];
    automaton.first[state] = shape;
}

/* Failure links breadth first; a step that is missing becomes that of the link. */
static void link_states(void)
{
    static uint16_t queue[STATES];
    size_t head = 0, tail = 0;
    queue[tail++] = 0;
    while (head < tail) {
        uint16_t state = queue[head++];
        uint16_t fail = automaton.fail[state];
        bool has_form = automaton.first[state] != NONE;
        automaton.report[state] =
            has_form || state == 0 ? (has_form ? state : NONE) : automaton.report[fail];
        for (unsigned c = 0; c < BYTES; c++) {
            uint16_t *next = &automaton.next[state][c];
            uint16_t other = state == 0 ? 0 : automaton.next[fail][c];
            if (*next == 0) {
                *next = other;
                continue;
            }
            automaton.fail[*next] = other;
            queue[tail++] = *next;
        }
    }
}

static void mark_reports(void)
{
    for (size_t state = 0; state < STATES; state++) {
        for (unsigned c = 0; c < BYTES; c++) {
            uint16_t *next = &automaton.next[state][c];
            if (automaton.report[*next] != NONE)
                *next |= REPORTS;
        }
    }
}

/* Bytes that a form before an anchor takes: its counts are exact. */
static size_t exact_len(const char *form)
{
    size_t len = 0;
    while (*form != '\0')
        len += next_item(&form).min;
    return len;
}

/* Bytes of what is behind an anchor that stand in its run: `=` ends runs. */
static size_t run_len(const char *form)
{
    size_t len = 0;
    while (*form != '\0') {
        const struct item item = next_item(&form);
        if (item.class == 'v' || (item.class == '\0' && item.literal == '='))
            break;
        len += item.min;
    }
    return len;
}

static void build(void)
{
    for (size_t i = 0; i < STATES; i++)
        automaton.first[i] = NONE;
    /* The first row of an anchor is tried first. */
    for (size_t i = SHAPES; i > 0; i--) {
        add_anchor((uint16_t)(i - 1));
        automaton.before[i - 1] = (uint8_t)exact_len(nv_shapes[i - 1].before);
        automaton.anchor[i - 1] = (uint8_t)strlen(nv_shapes[i - 1].anchor);
        const size_t behind = run_len(nv_shapes[i - 1].behind);
        nv_anchors_add(&nv_shapes[i - 1],
                       automaton.before[i - 1] + automaton.anchor[i - 1] + behind, behind);
    }
    link_states();
    mark_reports();
}

void nv_shapes_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, build);
}

/* ---- matching ---------------------------------------------------------------------------- */

/* Where the run of bytes of class w around `at` ends: read once however often it is asked. */
static size_t reach(struct nv_shape_run *run, struct nv_str text, size_t at)
{
    if (at >= run->from && at <= run->to)
        return run->to;
    run->from = at;
    while (at < text.len && is_in('w', text.ptr[at]))
        at++;
    run->to = at;
    return at;
}

static bool is_item(const struct item *item, char c)
{
    return item->class != '\0' ? is_in(item->class, c) : c == item->literal;
}

/*
 * Where the form that begins at `at` ends, SIZE_MAX: it is not there. *last: its last item, of
 * which no more is taken than must be there.
 */
static size_t match(const char *form, struct nv_str text, size_t at, struct nv_shape_run *run,
                    struct item *last)
{
    while (*form != '\0') {
        *last = next_item(&form);
        size_t n = 0, max = *form == '\0' ? last->min : last->max;
        if (max == SIZE_MAX) {
            assert(last->class == 'w');
            n = reach(run, text, at) - at;
        }
        while (max != SIZE_MAX && n < max && at + n < text.len &&
               is_item(last, text.ptr[at + n]))
            n++;
        if (n < last->min)
            return SIZE_MAX;
        at += n;
    }
    return at;
}

bool nv_shape_is_edge(struct nv_str text, size_t floor, size_t at)
{
    if (at <= floor)
        return true;
    char before = text.ptr[at - 1];
    if (before != '_' && (class_of(before) & ALNUM) == 0)
        return true;
    return at - floor >= 2 && text.ptr[at - 2] == '\\' && memchr("nrtbf", before, 5) != NULL;
}

/* log2(n) * 1024 for n of 1 to 64. */
static const uint16_t logs[65] = {
    0,    0,    1024, 1623, 2048, 2378, 2647, 2875, 3072, 3246, 3402, 3542, 3671,
    3789, 3899, 4001, 4096, 4186, 4270, 4350, 4426, 4498, 4566, 4632, 4695, 4755,
    4813, 4869, 4923, 4975, 5025, 5073, 5120, 5166, 5210, 5253, 5294, 5334, 5374,
    5412, 5450, 5486, 5522, 5556, 5590, 5623, 5656, 5688, 5719, 5750, 5779, 5809,
    5837, 5865, 5893, 5920, 5947, 5973, 5999, 6024, 6049, 6073, 6097, 6121, 6144};

unsigned nv_entropy(struct nv_str text)
{
    uint8_t counts[256] = {0};
    size_t n = text.len < 64 ? text.len : 64;
    uint32_t sum = 0;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        counts[(unsigned char)text.ptr[i]]++;
    /* each byte that comes c times adds c * log2(c), once: at its turn the count is cleared */
    for (size_t i = 0; i < n; i++) {
        uint8_t *count = &counts[(unsigned char)text.ptr[i]];
        sum += (uint32_t)*count * logs[*count];
        *count = 0;
    }
    return (unsigned)((logs[n] - sum / n) * 10 / 1024);
}

/* A full stop inside of a key, not the one behind it. */
static bool is_inner_dot(struct nv_str text, size_t at)
{
    return text.ptr[at] == '.' && at + 1 < text.len && is_in('w', text.ptr[at + 1]);
}

static bool is_rest(struct nv_str text, size_t at, char class)
{
    char c = text.ptr[at];
    if (is_in('w', c))
        return true;
    if (class == 'b')
        return is_in('b', c);
    if (class != 'v' && class != 'q')
        return false;
    return c == '.' ? is_inner_dot(text, at)
                    : is_in(class, c) || (class == 'v' && is_in('b', c));
}

/* The rest of the word goes too: of base64 with its padding, of what may hold dots with
 * these. */
static size_t word_end(struct nv_str text, size_t at, char class)
{
    while (at < text.len && is_rest(text, at, class))
        at++;
    while (class == 'b' && at < text.len && text.ptr[at] == '=')
        at++;
    return at;
}

/* A JSON Web Token has a third part, an encrypted one five. */
static size_t parts_end(struct nv_str text, size_t at)
{
    while (at < text.len && is_inner_dot(text, at))
        at = word_end(text, at + 1, 'w');
    return at;
}

/* The key whose anchor ends before `end`, len 0: the form is not there. */
static struct nv_secret_stretch match_around(unsigned number,
                                             const struct nv_shape_search *search, size_t end)
{
    const struct nv_shape *shape = &nv_shapes[number];
    struct nv_str text = search->text;
    size_t floor = search->floor, before = automaton.before[number];
    size_t len = before + automaton.anchor[number];
    if (end - floor < len || (shape->edge && !nv_shape_is_edge(text, floor, end - len)))
        return (struct nv_secret_stretch){0};
    struct item last = {.class = 'w'};
    size_t from = end - len;
    if (match(shape->before, text, from, search->run, &last) != from + before)
        return (struct nv_secret_stretch){0};
    size_t to = match(shape->behind, text, end, search->run, &last);
    if (to == SIZE_MAX)
        return (struct nv_secret_stretch){0};
    if (shape->entropy > 0 && nv_entropy(nv_str_slice(text, from, to - from)) < shape->entropy)
        return (struct nv_secret_stretch){0};
    to = word_end(text, to, last.class);
    if (shape->rule == NV_SECRET_JWT)
        to = parts_end(text, to);
    return (struct nv_secret_stretch){from, to - from, shape->rule};
}

/* Kept out of the loop that calls it: its registers are worth more there.
 * The first form, longest anchor first, that is there when what ends at `end` led to
 * `state`. */
__attribute__((noinline)) static struct nv_secret_stretch
hit(const struct nv_shape_search *search, size_t end, unsigned state)
{
    struct nv_secret_stretch found = {0};
    for (unsigned at = automaton.report[state]; at != NONE && found.len == 0;
         at = automaton.report[automaton.fail[at]]) {
        for (unsigned i = automaton.first[at]; i != NONE && found.len == 0;
             i = automaton.then[i]) {
            (void)nv_meter_spend(1);
            found = match_around(i, search, end);
        }
    }
    return found;
}

/* Steps through bytes, all of ASCII, until a form is to be reported; behind the last byte
 * read. */
static inline size_t next_report(const char *bytes, size_t from, size_t to, unsigned *state)
{
    unsigned at = *state;
    for (; from < to && (at & REPORTS) == 0; from++)
        at = automaton.next[at][(unsigned char)bytes[from]];
    *state = at;
    return from;
}

struct nv_secret_stretch nv_shape_find(const struct nv_shape_search *search, size_t from,
                                       size_t to)
{
    struct nv_secret_stretch found = {0};
    unsigned state = 0;
    while (found.len == 0) {
        from = next_report(search->text.ptr, from, to, &state);
        if ((state & REPORTS) == 0)
            break;
        state &= ~REPORTS;
        found = hit(search, from, state);
    }
    return found;
}
