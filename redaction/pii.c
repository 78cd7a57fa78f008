/*
 * Personal data in a trace.
 *
 * Readers are taken for a trace and not for a text: the lock is met twice a trace. There are as
 * many as threads redact at one time.
 */
#include "redaction/pii.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

struct nv_pii_reader {
    struct nv_pii_reader *next; /* in the pool */
    const struct nv_personal *rules;
    struct nv_nested *nested;
    struct nv_known_keys known;
    struct nv_personal_counts counts; /* of the text at hand, else 0 */
    /* of the walk */
    struct nv_arena *arena;
    struct nv_redacted *redacted;
    enum nv_err failed;
};

struct nv_pii {
    struct nv_personal *rules;
    pthread_mutex_t lock;
    struct nv_pii_reader *pool;
};

enum nv_err nv_pii_new(const struct nv_personal_setup *setup, struct nv_pii **out,
                       struct nv_fail *fail)
{
    struct nv_pii *pii = calloc(1, sizeof *pii);
    *out = NULL;
    if (!pii)
        return NV_ERR_NO_MEMORY;
    enum nv_err err = nv_personal_new(setup, &pii->rules, fail);
    if (err == NV_OK && pthread_mutex_init(&pii->lock, NULL) != 0)
        err = NV_ERR_NO_MEMORY;
    if (err != NV_OK) {
        nv_personal_free(pii->rules);
        free(pii);
        return err;
    }
    *out = pii;
    return NV_OK;
}

static void free_reader(struct nv_pii_reader *reader)
{
    nv_nested_free(reader->nested);
    free(reader);
}

void nv_pii_free(struct nv_pii *pii)
{
    if (!pii)
        return;
    while (pii->pool) {
        struct nv_pii_reader *reader = pii->pool;
        pii->pool = reader->next;
        free_reader(reader);
    }
    nv_personal_free(pii->rules);
    (void)pthread_mutex_destroy(&pii->lock);
    free(pii);
}

static struct nv_pii_reader *new_reader(const struct nv_pii *pii)
{
    struct nv_pii_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    reader->rules = pii->rules;
    reader->nested = nv_nested_new(pii->rules);
    if (reader->nested)
        return reader;
    free(reader);
    return NULL;
}

struct nv_pii_reader *nv_pii_take(struct nv_pii *pii)
{
    (void)pthread_mutex_lock(&pii->lock);
    struct nv_pii_reader *reader = pii->pool;
    if (reader)
        pii->pool = reader->next;
    (void)pthread_mutex_unlock(&pii->lock);
    return reader ? reader : new_reader(pii);
}

void nv_pii_give(struct nv_pii *pii, struct nv_pii_reader *reader)
{
    if (!reader)
        return;
    nv_nested_shrink(reader->nested);
    (void)pthread_mutex_lock(&pii->lock);
    reader->next = pii->pool;
    pii->pool = reader;
    (void)pthread_mutex_unlock(&pii->lock);
}

/* ---- the handler ------------------------------------------------------------------------- */

/* Notes what was counted, and counts from 0 again. */
static void note(struct nv_pii_reader *reader, const struct nv_text_place *place)
{
    size_t labels = nv_personal_label_count(reader->rules);
    for (size_t label = 0; label < labels; label++) {
        unsigned rule =
            label < NV_PERSONAL_LABEL_COUNT ? NV_RULE_OF_LABEL(label) : NV_RULE_PII_CUSTOM;
        if (reader->counts.of[label] > 0)
            nv_redacted_note(reader->redacted, rule, place, reader->counts.of[label]);
        reader->counts.of[label] = 0;
    }
}

static enum nv_err personal_of_text(void *ctx, const struct nv_text_place *place,
                                    struct nv_str *text)
{
    struct nv_pii_reader *reader = ctx;
    const char *before = text->ptr;
    enum nv_nested_numbers numbers = place->json ? NV_NESTED_IDENTIFYING : NV_NESTED_ALL;
    enum nv_err err =
        nv_nested_text(reader->nested, reader->arena, numbers, text, &reader->counts);
    if (text->ptr != before)
        note(reader, place);
    return err;
}

static bool may_identify(void *ctx, struct nv_str key)
{
    (void)ctx;
    return nv_personal_is_identifying(key);
}

static void redact_integer(struct nv_pii_reader *reader, const struct nv_text_place *place,
                           struct nv_value *value)
{
    struct nv_str text;
    enum nv_err err = nv_personal_number(nv_nested_finder(reader->nested), reader->arena,
                                         value->as.integer, &text, &reader->counts);
    if (err != NV_OK)
        reader->failed = err;
    if (err != NV_OK || !text.ptr)
        return;
    *value = nv_value_string(text);
    note(reader, place);
}

/* Numbers of an identifying key, in lists of it too; texts are left to the walk. Recursion is
 * bounded: values are no deeper than NV_VALUE_DEPTH_MAX. */
static bool numbers_of_key(void *ctx, const struct nv_text_place *place, struct nv_str key,
                           struct nv_value *value)
{
    if (!nv_personal_is_identifying(key))
        return false;
    if (value->type == NV_VALUE_INT)
        redact_integer(ctx, place, value);
    for (uint32_t i = 0; value->type == NV_VALUE_ARRAY && i < value->as.array.count; i++)
        (void)numbers_of_key(ctx, place, key, &value->as.array.items[i]);
    return false;
}

struct nv_redaction_handler nv_pii_handler(struct nv_pii_reader *reader, struct nv_arena *arena,
                                           struct nv_redacted *redacted)
{
    reader->arena = arena;
    reader->redacted = redacted;
    reader->failed = NV_OK;
    return (struct nv_redaction_handler){reader, personal_of_text, numbers_of_key,
                                         may_identify};
}

enum nv_err nv_pii_failed(const struct nv_pii_reader *reader)
{
    return reader->failed;
}

struct nv_known_keys *nv_pii_known(struct nv_pii_reader *reader)
{
    return &reader->known;
}

enum nv_err nv_pii_text(struct nv_pii_reader *reader, struct nv_arena *arena,
                        struct nv_str *text)
{
    struct nv_personal_counts counts = {0};
    return nv_nested_text(reader->nested, arena, NV_NESTED_IDENTIFYING, text, &counts);
}
