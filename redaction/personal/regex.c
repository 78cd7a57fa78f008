/*
 * Two programs a pattern: Unicode's classes cost a look-up in a table at each character, and
 * most texts are ASCII.
 *
 * PCRE2's limit counts from each place where a match may begin, so a search costs at most
 * length times limit. That is for patterns of the user; the built-in ones are bounded by what
 * they are (patterns.h).
 */
#include "redaction/personal/regex.h"

#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/banned.h"

/* Of machine code; the first is what it needs mostly, the second what it may grow to. */
#define STACK_MIN ((size_t)32 * 1024)
#define STACK_MAX ((size_t)512 * 1024)
/* KiB that a match may take where there is no machine code. */
#define HEAP_KIB 4096u

struct nv_regex {
    pcre2_code *ascii, *utf8;
};

struct nv_regex_work {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

/* What Python's \s has and PCRE2's hasn't, added to the class that it is in or is. */
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

enum nv_err nv_regex_new(struct nv_str pattern, unsigned flags, struct nv_regex **out,
                         struct nv_fail *fail)
{
    uint32_t options = ((flags & NV_REGEX_ANCHORED) ? PCRE2_ANCHORED : 0) |
                       ((flags & NV_REGEX_NO_CASE) ? PCRE2_CASELESS : 0);
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
    err =
        compile(nv_buf_str(&widened), options | PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF,
                &regex->utf8, fail);
    if (err == NV_OK)
        err = compile(nv_buf_str(&widened), options, &regex->ascii, fail);
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
    work->data = pcre2_match_data_create(1, NULL);
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

enum nv_regex_result nv_regex_find(const struct nv_regex *regex, struct nv_regex_work *work,
                                   const struct nv_regex_text *subject, size_t from,
                                   struct nv_regex_match *match)
{
    assert(from <= subject->text.len);
    int found =
        pcre2_match(subject->ascii ? regex->ascii : regex->utf8, (PCRE2_SPTR)subject->text.ptr,
                    subject->text.len, from, PCRE2_NOTEMPTY, work->data, work->context);
    if (found == PCRE2_ERROR_NOMATCH)
        return NV_REGEX_NONE;
    if (found < 0)
        return NV_REGEX_LIMIT;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(work->data);
    *match = (struct nv_regex_match){ends[0], ends[1]};
    /* \K in a lookahead can put the begin behind the end */
    return match->from < match->to ? NV_REGEX_FOUND : NV_REGEX_LIMIT;
}
