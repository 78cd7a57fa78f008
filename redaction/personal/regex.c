/*
 * Two programs a pattern: Unicode's classes cost a look-up in a table at each character, and
 * most texts are ASCII.
 *
 * PCRE2's limit counts from each place where a match may begin, so a search costs at most
 * length times limit. The built-in patterns are bounded by what they are (patterns.h); those of
 * a user are searched for a few places at a time, and the clock is asked in between.
 */
#include "redaction/personal/regex.h"

#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/banned.h"

/* Of machine code; the first is what it needs mostly, the second what it may grow to. */
#define STACK_MIN ((size_t)32 * 1024)
#define STACK_MAX ((size_t)512 * 1024)
/* The whole match and groups that are asked for. */
#define GROUPS_MAX 8u
/* KiB that a match may take where there is no machine code. */
#define HEAP_KIB 4096u
/* Places where a match may begin that are tried before the clock is asked, at least; a step of
 * so many that took less than CHEAP_NS makes the next one larger. */
#define PLACES_MIN ((size_t)16)
#define CHEAP_NS 200000u
/* Shorter texts have no time to run away. */
#define BOUNDED_MIN ((size_t)512)

struct nv_regex {
    pcre2_code *ascii, *utf8; /* utf8: NULL with NV_REGEX_DIGITS */
    bool empty;
    bool fast;       /* `ascii` is machine code */
    uint32_t least;  /* bytes of a match, of DIGITS; else 0 */
    uint16_t begins; /* bit d: one may begin with the digit d; of DIGITS, else 0: not known */
};

/* What a search writes into, apart from the programs, which many threads share. */
struct nv_regex_work {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static bool is_machine_code(const pcre2_code *code)
{
    size_t size = 0;
    return pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &size) == 0 && size > 0;
}

/*
 * What Python's \s has and PCRE2's hasn't, added to the class that it is in or is. Escapes
 * are skipped in pairs, or the second backslash of two would begin one. Only what our own
 * patterns have is read; those of a user are not widened, they are PCRE2's by contract.
 */
static void widen_space(struct nv_str pattern, struct nv_buf *out)
{
    bool in_class = false;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (c == '\\' && i + 1 < pattern.len) {
            bool space = pattern.ptr[++i] == 's';
            if (space) {
                (void)nv_buf_append_str(out, in_class ? NV_STR("\\s\\x1c-\\x1f")
                                                      : NV_STR("[\\s\\x1c-\\x1f]"));
            } else {
                (void)nv_buf_append(out, pattern.ptr + i - 1, 2);
            }
            continue;
        }
        if (c == '[')
            in_class = true;
        if (c == ']')
            in_class = false;
        (void)nv_buf_append_char(out, c);
    }
}

/* \C matches one byte of a character and so breaks UTF-8: it is refused for everybody. */
static enum nv_err compile(struct nv_str pattern, uint32_t options, pcre2_code **out,
                           struct nv_fail *fail)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    char why[96] = "";
    *out = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                         options | PCRE2_NEVER_BACKSLASH_C, &error, &offset, NULL);
    if (*out) {
        /* Without machine code, as where a system forbids it, matches are only slower. */
        (void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);
        return NV_OK;
    }
    if (error == PCRE2_ERROR_HEAP_FAILED || error == PCRE2_ERROR_NOMEMORY)
        return NV_ERR_NO_MEMORY;
    (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
    return nv_fail_set(fail, NV_ERR_CONFIG, offset, "%s", why);
}

/*
 * How the matches of a program for digits begin, and how long they are at least: most numbers
 * are told apart by it. PCRE2 doesn't say of an anchored pattern, so it is asked of its twin.
 */
static enum nv_err learn(struct nv_str pattern, struct nv_regex *regex)
{
    uint32_t type = 0, unit = 0;
    const uint8_t *map = NULL;
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *twin =
        pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, 0, &error, &offset, NULL);
    if (!twin)
        return NV_ERR_NO_MEMORY;
    (void)pcre2_pattern_info(twin, PCRE2_INFO_MINLENGTH, &regex->least);
    (void)pcre2_pattern_info(twin, PCRE2_INFO_FIRSTCODETYPE, &type);
    (void)pcre2_pattern_info(twin, PCRE2_INFO_FIRSTCODEUNIT, &unit);
    (void)pcre2_pattern_info(twin, PCRE2_INFO_FIRSTBITMAP, &map);
    for (unsigned d = 0; d <= 9 && regex->least > 0; d++) {
        unsigned c = '0' + d;
        bool may = type == 1 ? unit == c : !map || ((unsigned)map[c / 8] >> (c % 8) & 1u) != 0;
        regex->begins |= (uint16_t)(may << d);
    }
    pcre2_code_free(twin);
    return NV_OK;
}

enum nv_err nv_regex_new(struct nv_str pattern, unsigned flags, struct nv_regex **out,
                         struct nv_fail *fail)
{
    /* At one place only, a look through the rest of the text for a character that every match
     * has costs more than the attempt. */
    uint32_t anchored = PCRE2_ANCHORED | PCRE2_NO_START_OPTIMIZE;
    uint32_t options = ((flags & NV_REGEX_ANCHORED) ? anchored : 0) |
                       ((flags & NV_REGEX_NO_CASE) ? PCRE2_CASELESS : 0) |
                       ((flags & NV_REGEX_BOUNDED) ? PCRE2_USE_OFFSET_LIMIT : 0);
    struct nv_buf widened;
    enum nv_err err = NV_OK;
    *out = NULL;
    if (pattern.len > NV_REGEX_PATTERN_MAX) {
        return nv_fail_set(fail, NV_ERR_CONFIG, NV_REGEX_PATTERN_MAX,
                           "pattern is longer than %u bytes", NV_REGEX_PATTERN_MAX);
    }
    struct nv_regex *regex = calloc(1, sizeof *regex);
    if (!regex)
        return NV_ERR_NO_MEMORY;
    nv_buf_init(&widened, (size_t)NV_REGEX_PATTERN_MAX * 8);
    if (flags & NV_REGEX_PYTHON_SPACE)
        widen_space(pattern, &widened);
    else
        (void)nv_buf_append_str(&widened, pattern);
    err = widened.failed;
    if (err != NV_OK)
        goto out;
    regex->empty = flags & NV_REGEX_EMPTY;
    if (!(flags & NV_REGEX_DIGITS)) {
        err = compile(nv_buf_str(&widened),
                      options | PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &regex->utf8,
                      fail);
    }
    if (err == NV_OK)
        err = compile(nv_buf_str(&widened), options, &regex->ascii, fail);
    if (err == NV_OK && (flags & NV_REGEX_DIGITS) && (flags & NV_REGEX_ANCHORED))
        err = learn(nv_buf_str(&widened), regex);
    regex->fast = regex->ascii && is_machine_code(regex->ascii);
out:
    nv_buf_release(&widened);
    if (err != NV_OK) {
        nv_regex_free(regex);
        return err;
    }
    *out = regex;
    return NV_OK;
}

void nv_regex_free(struct nv_regex *regex)
{
    if (!regex)
        return;
    pcre2_code_free(regex->ascii);
    pcre2_code_free(regex->utf8);
    free(regex);
}

struct nv_regex_work *nv_regex_work_new(void)
{
    struct nv_regex_work *work = calloc(1, sizeof *work);
    if (!work)
        return NULL;
    work->data = pcre2_match_data_create(GROUPS_MAX, NULL);
    work->context = pcre2_match_context_create(NULL);
    work->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
    if (!work->data || !work->context || !work->stack) {
        nv_regex_work_free(work);
        return NULL;
    }
    pcre2_jit_stack_assign(work->context, NULL, work->stack);
    (void)pcre2_set_match_limit(work->context, NV_REGEX_STEPS_MAX);
    (void)pcre2_set_heap_limit(work->context, HEAP_KIB);
    return work;
}

void nv_regex_work_free(struct nv_regex_work *work)
{
    if (!work)
        return;
    pcre2_match_data_free(work->data);
    pcre2_match_context_free(work->context);
    pcre2_jit_stack_free(work->stack);
    free(work);
}

/*
 * By what is known of a program for digits. Before PCRE2 is called: of plans that are asked
 * about one number, most end here.
 */
static inline bool cannot_match(const struct nv_regex *regex, struct nv_str text)
{
    unsigned first = text.len > 0 ? (unsigned)(unsigned char)text.ptr[0] - '0' : 10;
    return text.len < regex->least ||
           (regex->begins != 0 && (first > 9 || !(regex->begins >> first & 1u)));
}

/*
 * pcre2_jit_match skips the checks of arguments, and with them that of UTF-8: it is for the
 * program of ASCII only. Any error counts as the limit: whoever asks must not take it for
 * "nothing there".
 */
enum nv_regex_result nv_regex_find(const struct nv_regex *regex, struct nv_regex_work *work,
                                   const struct nv_regex_text *subject, size_t from,
                                   struct nv_regex_match *match)
{
    assert(from <= subject->text.len);
    const pcre2_code *code =
        (subject->ascii && regex->ascii) || !regex->utf8 ? regex->ascii : regex->utf8;
    uint32_t options = regex->empty ? 0 : PCRE2_NOTEMPTY;
    PCRE2_SPTR text = (PCRE2_SPTR)subject->text.ptr;
    if (cannot_match(regex, nv_str_slice(subject->text, from, subject->text.len)))
        return NV_REGEX_NONE;
    /* what pcre2_match checks before are our own mistakes, and UTF-8 */
    int found = code == regex->ascii && regex->fast
                    ? pcre2_jit_match(code, text, subject->text.len, from, options, work->data,
                                      work->context)
                    : pcre2_match(code, text, subject->text.len, from, options, work->data,
                                  work->context);
    if (found == PCRE2_ERROR_NOMATCH)
        return NV_REGEX_NONE;
    if (found < 0)
        return NV_REGEX_LIMIT;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(work->data);
    *match = (struct nv_regex_match){ends[0], ends[1]};
    /* \K in a lookahead can put the begin behind the end */
    return match->from < match->to + regex->empty ? NV_REGEX_FOUND : NV_REGEX_LIMIT;
}

bool nv_regex_may_begin(const struct nv_regex *regex, unsigned digit)
{
    assert(digit <= 9);
    return regex->begins == 0 || (regex->begins >> digit & 1u);
}

bool nv_regex_group(const struct nv_regex_work *work, unsigned number,
                    struct nv_regex_match *group)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(work->data);
    if (number >= GROUPS_MAX || ends[2 * (size_t)number] == PCRE2_UNSET)
        return false;
    *group = (struct nv_regex_match){ends[2 * (size_t)number], ends[2 * (size_t)number + 1]};
    return true;
}

/* ---- patterns of a user ------------------------------------------------------------------ */

static uint64_t thread_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The last place of a step: the next one begins with a character. */
static size_t step_end(struct nv_str text, size_t from, size_t places)
{
    size_t end = text.len - from > places ? from + places : text.len;
    while (end + 1 < text.len && ((unsigned char)text.ptr[end + 1] & 0xc0u) == 0x80u)
        end++;
    return end;
}

/*
 *   text  |··16··|····64····|··········256··········|
 *         └ clock asked after each; cheap: four times as many places, dear: half
 *
 * CPU time of this thread and not the wall's: a machine under load must not mask what an idle
 * one lets pass. What is left goes from pattern to pattern, so a user's patterns have one
 * time together.
 */
enum nv_regex_result nv_regex_find_within(const struct nv_regex *regex,
                                          struct nv_regex_work *work,
                                          const struct nv_regex_text *subject, size_t from,
                                          uint64_t *left_ns, struct nv_regex_match *match)
{
    enum nv_regex_result result = NV_REGEX_NONE;
    if (subject->text.len < BOUNDED_MIN)
        return nv_regex_find(regex, work, subject, from, match);
    uint64_t before = thread_ns();
    for (size_t places = PLACES_MIN; result == NV_REGEX_NONE && from <= subject->text.len;) {
        size_t end = step_end(subject->text, from, places);
        (void)pcre2_set_offset_limit(work->context, end);
        result = nv_regex_find(regex, work, subject, from, match);
        uint64_t now = thread_ns(), spent = now - before;
        before = now;
        if (spent >= *left_ns)
            result = NV_REGEX_LIMIT;
        *left_ns -= spent < *left_ns ? spent : *left_ns;
        if (spent < CHEAP_NS)
            places *= 4;
        else if (places > PLACES_MIN)
            places /= 2;
        from = end + 1;
    }
    (void)pcre2_set_offset_limit(work->context, PCRE2_UNSET);
    return result;
}
