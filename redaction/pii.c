/*
 * Personal data in a trace.
 *
 *   nv_pii  ── rules, keys ── shared by all threads, changed by none after the start
 *     └ pool of readers ─take─▶ one trace ─give─▶ pool
 *                               └ buffers, HMAC states, known keys: of one thread meanwhile
 *
 * Readers are taken for a trace and not for a text: the lock is met twice a trace. There are
 * as many as threads redact at one time: one is made when the pool is empty, and none is
 * freed before the end, since what it has learned of keys (nv_known) is worth more than its
 * memory.
 *
 * Rejected: a reader a thread, by thread-local storage. Threads of the page and of an
 * embedding program come and go, and each would leave buffers behind.
 */
#include "redaction/pii.h"

#include "base/limits.h"
#include "redaction/personal/identifying.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

struct key_rule {
    char key[NV_PII_KEY_MAX]; /* one * at its begin or end */
    size_t len;
    enum nv_nested_act act;
};

struct nv_pii_reader {
    struct nv_pii_reader *next; /* in the pool */
    const struct nv_pii *pii;
    const struct nv_personal *rules;
    struct nv_nested *nested;
    struct nv_known known;
    struct nv_personal_counts counts; /* of the text at hand, else 0 */
    /* of the walk */
    struct nv_arena *arena;
    struct nv_redacted *redacted;
    enum nv_err failed;
};

struct nv_pii {
    struct nv_personal *rules;
    struct key_rule keys[NV_PII_KEYS_MAX];
    size_t key_count;
    pthread_mutex_t lock; /* of the pool; rules and keys are read without it */
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

static enum nv_nested_act act_of_key(const struct nv_pii *pii, struct nv_str key);

static enum nv_nested_act act_of_member(const void *ctx, struct nv_str key)
{
    return act_of_key(ctx, key);
}

static struct nv_pii_reader *new_reader(const struct nv_pii *pii)
{
    struct nv_pii_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    reader->pii = pii;
    reader->rules = pii->rules;
    reader->nested = nv_nested_new(pii->rules);
    if (!reader->nested) {
        free(reader);
        return NULL;
    }
    if (pii->key_count > 0)
        nv_nested_set_keys(reader->nested, (struct nv_nested_keys){pii, act_of_member});
    return reader;
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

/* Shrunk before the lock is taken: it frees, and nobody should wait for that. */
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

/* ---- rules of keys ----------------------------------------------------------------------- */

static enum nv_nested_act act_of_word(struct nv_str word)
{
    static const struct nv_str words[] = {NV_STR_INIT(""), NV_STR_INIT("drop"),
                                          NV_STR_INIT("hash"), NV_STR_INIT("keep")};
    for (unsigned act = NV_NESTED_ACT_DROP; act <= NV_NESTED_ACT_KEEP; act++) {
        if (nv_str_eq(word, words[act]))
            return (enum nv_nested_act)act;
    }
    return NV_NESTED_ACT_NONE;
}

/*
 * Wrong items are told in words and not by an error code: who reads the option knows which
 * item it was, and puts both together.
 */
const char *nv_pii_add_key(struct nv_pii *pii, struct nv_str item)
{
    size_t equals = nv_str_find_char(item, '=');
    struct nv_str key = nv_str_trim(nv_str_slice(item, 0, equals));
    if (equals == SIZE_MAX)
        return "is not KEY=drop, KEY=hash or KEY=keep";
    enum nv_nested_act act = act_of_word(nv_str_trim(nv_str_slice(item, equals + 1, item.len)));
    if (act == NV_NESTED_ACT_NONE)
        return "says neither drop, hash nor keep";
    if (key.len == 0 || key.len > NV_PII_KEY_MAX)
        return "has a key that is empty or longer than 64 bytes";
    size_t star = nv_str_find_char(nv_str_slice(key, 1, key.len), '*');
    if (star != SIZE_MAX && (star + 2 != key.len || key.ptr[0] == '*'))
        return "has a * that is neither at the begin nor at the end of its key";
    if (pii->key_count == NV_PII_KEYS_MAX)
        return "is one more than 64";
    struct key_rule *rule = &pii->keys[pii->key_count++];
    memcpy(rule->key, key.ptr, key.len);
    rule->len = key.len;
    rule->act = act;
    return NULL;
}

/* Without case, as the names of secrets: who asks for `comment` means `Comment` too. */
static bool names(const struct key_rule *rule, struct nv_str key)
{
    struct nv_str glob = {rule->key, rule->len};
    if (glob.ptr[0] == '*') {
        glob = nv_str_slice(glob, 1, glob.len);
        key = nv_str_slice(key, key.len > glob.len ? key.len - glob.len : 0, glob.len);
    } else if (glob.ptr[glob.len - 1] == '*') {
        glob.len--;
        key = nv_str_slice(key, 0, glob.len);
    }
    return nv_str_ieq(key, glob);
}

/*
 * From the last to the first: a later item is an exception of one before it, as
 * `*.comment=drop, blog.comment=keep`.
 */
static enum nv_nested_act act_of_key(const struct nv_pii *pii, struct nv_str key)
{
    for (size_t i = pii->key_count; i > 0; i--) {
        if (names(&pii->keys[i - 1], key))
            return pii->keys[i - 1].act;
    }
    return NV_NESTED_ACT_NONE;
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
    if (reader->counts.keys > 0)
        nv_redacted_note(reader->redacted, NV_RULE_PII_KEY, place, reader->counts.keys);
    reader->counts.keys = 0;
}

static enum nv_err personal_of_text(void *ctx, const struct nv_text_place *place,
                                    struct nv_str *text)
{
    struct nv_pii_reader *reader = ctx;
    const char *before = text->ptr;
    enum nv_nested_numbers numbers = place->json ? NV_NESTED_IDENTIFYING : NV_NESTED_ALL;
    if (act_of_key(reader->pii, place->key) == NV_NESTED_ACT_KEEP)
        numbers = NV_NESTED_KEPT;
    enum nv_err err =
        nv_nested_text(reader->nested, reader->arena, numbers, text, &reader->counts);
    if (text->ptr != before)
        note(reader, place);
    return err;
}

/* Asked once a key and remembered by the walk: of most keys the answer is no, for good. */
static bool may_be_wanted(void *ctx, struct nv_str key)
{
    const struct nv_pii_reader *reader = ctx;
    return nv_personal_is_identifying(key) ||
           act_of_key(reader->pii, key) != NV_NESTED_ACT_NONE;
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
static void redact_numbers(struct nv_pii_reader *reader, const struct nv_text_place *place,
                           struct nv_value *value)
{
    if (value->type == NV_VALUE_INT)
        redact_integer(reader, place, value);
    for (uint32_t i = 0; value->type == NV_VALUE_ARRAY && i < value->as.array.count; i++)
        redact_numbers(reader, place, &value->as.array.items[i]);
}

/*
 * What is no text is hashed as the JSON that would have been sent, so a map has one pseudonym
 * in every trace that sends it with its members in one order.
 */
static enum nv_err hash_value(struct nv_pii_reader *reader, struct nv_value *value)
{
    struct nv_personal_finder *finder = nv_nested_finder(reader->nested);
    struct nv_json_writer writer;
    struct nv_buf json;
    nv_buf_init(&json, NV_CAP_RECORD);
    struct nv_str text = value->as.string;
    if (value->type != NV_VALUE_STRING) {
        nv_json_write_init(&writer, &json);
        nv_value_write(&writer, value);
        text = nv_buf_str(&json);
    }
    enum nv_err err =
        json.failed == NV_OK ? nv_personal_whole(finder, reader->arena, &text) : json.failed;
    nv_buf_release(&json);
    if (err == NV_OK)
        *value = nv_value_string(text);
    return err;
}

static bool take_value(struct nv_pii_reader *reader, const struct nv_text_place *place,
                       enum nv_nested_act act, struct nv_value *value)
{
    enum nv_err err = NV_OK;
    bool hashed = value->type == NV_VALUE_STRING && nv_personal_is_whole(value->as.string);
    /* what a first time left */
    if (value->type == NV_VALUE_NULL || hashed)
        return true;
    if (act == NV_NESTED_ACT_HASH)
        err = hash_value(reader, value);
    else
        *value = nv_value_null();
    if (err != NV_OK)
        reader->failed = err;
    nv_redacted_note(reader->redacted, NV_RULE_PII_KEY, place, 1);
    return true;
}

/* True: the value is done with, and no finder of texts looks into it any more. */
static bool value_of_key(void *ctx, const struct nv_text_place *place, struct nv_str key,
                         struct nv_value *value)
{
    struct nv_pii_reader *reader = ctx;
    enum nv_nested_act act = act_of_key(reader->pii, key);
    if (act == NV_NESTED_ACT_DROP || act == NV_NESTED_ACT_HASH)
        return take_value(reader, place, act, value);
    if (nv_personal_is_identifying(key) &&
        act_of_key(reader->pii, place->key) != NV_NESTED_ACT_KEEP)
        redact_numbers(reader, place, value);
    return false;
}

struct nv_redaction_handler nv_pii_handler(struct nv_pii_reader *reader, struct nv_arena *arena,
                                           struct nv_redacted *redacted)
{
    reader->arena = arena;
    reader->redacted = redacted;
    reader->failed = NV_OK;
    return (struct nv_redaction_handler){
        .ctx = reader, .text = personal_of_text, .value = value_of_key, .key = may_be_wanted};
}

enum nv_err nv_pii_failed(const struct nv_pii_reader *reader)
{
    return reader->failed;
}

struct nv_known *nv_pii_known(struct nv_pii_reader *reader)
{
    return &reader->known;
}

enum nv_err nv_pii_text(struct nv_pii_reader *reader, struct nv_arena *arena,
                        struct nv_str *text)
{
    struct nv_personal_counts counts = {0};
    return nv_nested_text(reader->nested, arena, NV_NESTED_IDENTIFYING, text, &counts);
}
