/*
 * Dead letters over nv_store.
 *
 * A dead letter is the last copy of somebody's data, so nothing here removes one before its new
 * place is durable: retry stores and syncs the outbox record first and releases afterwards. A
 * crash in between leaves both, and the backend ignores the second delivery.
 *
 *   retry   letter ──1 get──▶ outbox record, synced ──2 release letter──▶ the sender adopts it
 *             crash before 1: a letter    between: letter and record, sent twice   behind: a record
 *   drop    letter ──get: is it one?──▶ release      a damaged one too, it can't be mended
 *
 * A letter is looked up by its id, never by a walk: `all` does this for each of them, and with
 * a hundred thousand letters a walk for each would be for ever.
 */
#include "exporter/outbox/dead_letters.h"

#include "base/text/mask.h"
#include "base/clock.h"
#include "base/json/json_read.h"
#include "base/json/json_write.h"
#include "base/limits.h"
#include "exporter/files/files.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

#define NAME_BYTES_MAX 512

const char *nv_dead_reason_text(enum nv_dead reason)
{
#define NAME(id, name) [id] = name,
    static const char *const names[NV_DEAD_COUNT] = {NV_DEAD_TABLE(NAME)};
#undef NAME

    assert((unsigned)reason < NV_DEAD_COUNT);
    return names[reason];
}

/* Raw text of a JSON string (escapes and all) as a string again. */
static void write_raw_string(struct nv_json_writer *json, struct nv_str raw)
{
    struct nv_buf text;

    nv_buf_init(&text, NV_CAP_DEAD_HEAD);
    /* Unescaped whole and cut afterwards: a cut through an escape would not be JSON. */
    if (nv_json_unescape_to(&text, raw) == NV_OK)
        nv_json_write_string(json, nv_str_slice(nv_buf_str(&text), 0, NAME_BYTES_MAX));
    else
        nv_json_write_string(json, NV_STR("(long)"));
    nv_buf_release(&text);
}

/* The head is what `dead list` shows, so that a list needs no payload. `v` is for whoever reads
 * it in a later version. */
static enum nv_err write_head(struct nv_buf *head, const struct nv_encoded *encoded,
                              const char *said, uint64_t wall_ns)
{
    struct nv_encoded_facts facts;
    struct nv_json_writer json;
    char time[NV_TIME_TEXT_SIZE];
    unsigned time_len = nv_time_format(wall_ns, time);

    if (nv_encoded_read_facts(nv_encoded_json(encoded), &facts) != NV_OK)
        facts = (struct nv_encoded_facts){0};
    nv_json_write_init(&json, head);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("v"));
    nv_json_write_uint(&json, 1);
    nv_json_write_key(&json, NV_STR("trace_id"));
    write_raw_string(&json, facts.trace_id);
    nv_json_write_key(&json, NV_STR("name"));
    write_raw_string(&json, facts.name);
    nv_json_write_key(&json, NV_STR("reason"));
    nv_json_write_string(&json, nv_str_from(nv_dead_reason_text(encoded->dead)));
    nv_json_write_key(&json, NV_STR("status"));
    nv_json_write_int(&json, encoded->status);
    nv_json_write_key(&json, NV_STR("why"));
    nv_json_write_string_begin(&json);
    nv_json_write_string_part(&json, nv_str_from(encoded->why));
    nv_json_write_string_part(&json, nv_str_from(said[0] != '\0' ? ": " : ""));
    nv_json_write_string_part(&json, nv_str_from(said));
    nv_json_write_string_end(&json);
    nv_json_write_key(&json, NV_STR("time"));
    nv_json_write_string(&json, (struct nv_str){time, time_len});
    nv_json_write_key(&json, NV_STR("spans"));
    nv_json_write_uint(&json, encoded->spans);
    nv_json_write_end_object(&json);
    return head->failed;
}

enum nv_err nv_dead_letters_put(const struct nv_store *store, const struct nv_encoded *encoded,
                                const char *said, uint64_t wall_ns)
{
    struct nv_buf head;
    uint64_t id;
    enum nv_err err;

    assert(encoded->why != NULL);
    nv_buf_init(&head, NV_CAP_DEAD_HEAD);
    err = write_head(&head, encoded, said, wall_ns);
    /* what the backend said may quote the key that it refused */
    nv_mask_buf(&head);
    if (err == NV_OK) {
        err = store->put(store->ctx, NV_RECORD_DEAD_LETTER, nv_buf_str(&head),
                         nv_encoded_json(encoded), &id);
    }
    nv_buf_release(&head);
    return err;
}

static void read_text(struct nv_dead_letter *letter, struct nv_str key, struct nv_str text)
{
    if (nv_str_eq(key, NV_STR("trace_id")))
        letter->trace_id = text;
    else if (nv_str_eq(key, NV_STR("name")))
        letter->name = text;
    else if (nv_str_eq(key, NV_STR("reason")))
        letter->reason = text;
    else if (nv_str_eq(key, NV_STR("why")))
        letter->why = text;
    else if (nv_str_eq(key, NV_STR("time")))
        letter->time = text;
}

static void read_number(struct nv_dead_letter *letter, struct nv_str key, struct nv_str text)
{
    uint64_t value = 0;

    if (nv_str_to_uint64(text, &value) != NV_OK)
        return;
    if (nv_str_eq(key, NV_STR("spans")))
        letter->spans = value;
    else if (nv_str_eq(key, NV_STR("status")) && value < 1000)
        letter->status = (int)value;
}

static void read_head(struct nv_arena *arena, struct nv_str head, struct nv_dead_letter *letter)
{
    struct nv_json_reader reader;

    nv_json_read_init(&reader, head, 2);
    if (nv_json_next(&reader) != NV_JSON_OBJECT_BEGIN)
        return;
    while (nv_json_next(&reader) == NV_JSON_KEY) {
        struct nv_str key = reader.raw;
        enum nv_json_token token = nv_json_next(&reader);

        if (token == NV_JSON_STRING)
            read_text(letter, key, nv_json_unescape(arena, reader.raw, reader.escaped));
        else if (token == NV_JSON_NUMBER)
            read_number(letter, key, reader.raw);
    }
}

struct listing {
    nv_dead_letter_visit *visit;
    void *visit_ctx;
    struct nv_arena *arena;
};

/* One arena for all, emptied after each: a list of a hundred thousand letters needs the memory
 * of one. */
static void list_one(void *ctx, uint64_t id, struct nv_str head, struct nv_str payload)
{
    struct listing *listing = ctx;
    struct nv_dead_letter letter = {.id = id};

    (void)payload;
    read_head(listing->arena, head, &letter);
    listing->visit(listing->visit_ctx, &letter);
    nv_arena_reset(listing->arena);
}

enum nv_err nv_dead_letters_list(const struct nv_store *store, nv_dead_letter_visit *visit,
                                 void *visit_ctx)
{
    struct listing listing = {.visit = visit, .visit_ctx = visit_ctx};
    enum nv_err err;

    listing.arena = nv_arena_new(NV_CAP_DEAD_LISTING);
    if (!listing.arena)
        return NV_ERR_NO_MEMORY;
    err = store->each(store->ctx, NV_RECORD_DEAD_LETTER, list_one, &listing);
    nv_arena_free(listing.arena);
    return err;
}

/* Head and payload of one dead letter, copied out of a walk over all of them. */
struct finding {
    uint64_t id;
    bool found;
    struct nv_buf head, payload;
};

static void find_one(void *ctx, uint64_t id, struct nv_str head, struct nv_str payload)
{
    struct finding *finding = ctx;

    if (id != finding->id)
        return;
    finding->found = true;
    (void)nv_buf_append_str(&finding->head, head);
    (void)nv_buf_append_str(&finding->payload, payload);
}

/* The walk also proves that `id` is a dead letter and not some other record. */
static enum nv_err find(const struct nv_store *store, uint64_t id, struct finding *finding)
{
    enum nv_err err;

    *finding = (struct finding){.id = id};
    nv_buf_init(&finding->head, NV_CAP_DEAD_HEAD);
    nv_buf_init(&finding->payload, NV_CAP_RECORD);
    err = store->each(store->ctx, NV_RECORD_DEAD_LETTER, find_one, finding);
    if (err == NV_OK && !finding->found)
        err = NV_ERR_NOT_FOUND;
    if (err == NV_OK)
        err = finding->head.failed != NV_OK ? finding->head.failed : finding->payload.failed;
    return err;
}

static void forget(struct finding *finding)
{
    nv_buf_release(&finding->head);
    nv_buf_release(&finding->payload);
}

/* A medium's members stand beside the head: it is no trace. */
static void write_payload(struct nv_buf *text, struct nv_str payload)
{
    bool medium = nv_str_starts(payload, NV_STR("{\"medium\":"));

    (void)nv_buf_printf(text, medium ? "," : ",\"trace\":");
    (void)nv_buf_append_str(text, medium ? nv_str_slice(payload, 1, payload.len - 2) : payload);
}

enum nv_err nv_dead_letters_show(const struct nv_store *store, uint64_t id, struct nv_buf *out)
{
    struct finding finding;
    struct nv_buf text;
    enum nv_err err = find(store, id, &finding);

    nv_buf_init(&text, NV_CAP_RECORD);
    if (err == NV_OK) {
        (void)nv_buf_printf(&text, "{\"dead_letter\":");
        (void)nv_buf_append_str(&text, nv_buf_str(&finding.head));
        write_payload(&text, nv_buf_str(&finding.payload));
        err = nv_buf_append_char(&text, '}');
    }
    if (err == NV_OK)
        err = nv_json_indent(out, nv_buf_str(&text));
    nv_buf_release(&text);
    forget(&finding);
    return err;
}

static enum nv_err to_outbox(const struct nv_store *store, struct nv_str json,
                             struct nv_outbox_entry *entry)
{
    struct nv_encoded_facts facts;
    struct nv_encoded_list list = {0};
    struct nv_encoded *encoded;
    struct nv_outbox outbox;
    /* on the disk before the letter goes, whatever durability is configured */
    struct nv_store synced = nv_store_synced(store);
    enum nv_err err = nv_encoded_read_facts(json, &facts);

    if (err != NV_OK)
        return err;
    encoded = nv_encoded_new(json, facts.spans);
    if (!encoded)
        return NV_ERR_NO_MEMORY;
    nv_encoded_list_push(&list, encoded);
    nv_outbox_init(&outbox, &synced);
    err = nv_outbox_put(&outbox, &list);
    if (err == NV_OK && entry)
        *entry = outbox.ring[outbox.first];
    nv_outbox_release(&outbox);
    free(encoded);
    return err;
}

/* Not a walk over all letters: `retry all` and `drop all` would read each of them for each. */
enum nv_err nv_dead_letters_retry(const struct nv_store *store, uint64_t id, struct nv_str json,
                                  struct nv_outbox_entry *entry)
{
    struct nv_buf payload;
    enum nv_err err;

    nv_buf_init(&payload, NV_CAP_RECORD);
    err = store->get(store->ctx, id, &payload);
    if (err == NV_OK)
        err = to_outbox(store, json.len > 0 ? json : nv_buf_str(&payload), entry);
    if (err == NV_OK)
        store->release(store->ctx, id);
    nv_buf_release(&payload);
    return err;
}

enum nv_err nv_dead_letters_drop(const struct nv_store *store, uint64_t id)
{
    struct nv_buf payload;
    enum nv_err err;

    nv_buf_init(&payload, NV_CAP_RECORD);
    err = store->get(store->ctx, id, &payload);
    nv_buf_release(&payload);
    /* A damaged one can be dropped, too. */
    if (err == NV_OK || err == NV_ERR_MALFORMED)
        store->release(store->ctx, id);
    return err == NV_ERR_MALFORMED ? NV_OK : err;
}
