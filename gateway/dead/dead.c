/*
 * Dead letters: list, show, retry, drop.
 *
 * Ids are collected before anything is changed, because a store must not change while it is
 * visited. How one is tried again, and whether it can be, is the place's business.
 */
#include "gateway/dead/dead.h"

#include "base/json/json_write.h"
#include "base/limits.h"
#include "exporter/outbox/dead_letters.h"
#include "gateway/view/terminal.h"

#include <assert.h>
#include <inttypes.h>

#include "base/banned.h"

#define UNTRANSLATED NV_STR("untranslatable")

/* One letter, as needed to act on it. Whether it was a translation that failed is kept, because
 * a second failure of the same kind then has another meaning. */
struct entry {
    uint64_t id;
    bool untranslated;
};

struct collect {
    struct nv_buf entries; /* struct entry, one after the other */
    const struct nv_dead_request *request;
    struct nv_dead_slice *slice;
};

enum nv_err nv_dead_parse(enum nv_dead_verb verb, struct nv_str id, struct nv_dead_request *out)
{
    *out = (struct nv_dead_request){.verb = verb};
    if (verb == NV_VERB_LIST)
        return NV_OK;
    if ((verb == NV_VERB_RETRY || verb == NV_VERB_DROP) && nv_str_eq(id, NV_STR("all"))) {
        out->all = true;
        return NV_OK;
    }
    return nv_str_to_uint64(id, &out->id) == NV_OK ? NV_OK : NV_ERR_CONFIG;
}

/* One line for people, of bounded length; name, id and the answer that said why came from
 * outside and may hold what moves a terminal's cursor. */
static void visit_line(void *visit_ctx, const struct nv_dead_letter *letter)
{
    struct nv_buf *out = visit_ctx;
    (void)nv_buf_printf(out, "%" PRIu64 "  %.*s  %.*s  %" PRIu64 " spans  ", letter->id,
                        NV_STR_ARG(letter->time), NV_STR_ARG(letter->reason), letter->spans);
    (void)nv_terminal_escape(letter->trace_id, 64, out);
    (void)nv_buf_append_str(out, NV_STR("  "));
    (void)nv_terminal_escape(letter->name, 60, out);
    (void)nv_buf_append_str(out, NV_STR("  "));
    (void)nv_terminal_escape(letter->why, 200, out);
    (void)nv_buf_append_char(out, '\n');
}

static void visit_collect(void *visit_ctx, const struct nv_dead_letter *letter)
{
    struct collect *collect = visit_ctx;
    struct entry entry = {letter->id, nv_str_eq(letter->reason, UNTRANSLATED)};
    const struct nv_dead_slice *slice = collect->slice;
    if (collect->request->all
            ? letter->id > slice->after && (slice->last == 0 || letter->id <= slice->last)
            : letter->id == collect->request->id)
        (void)nv_buf_append(&collect->entries, &entry, sizeof entry);
}

/* Why it could not be done, in words. A trace that could not be translated, and can't now, is
 * not lost for good: a later version may have learned its form. */
static const char *reason_of(struct entry entry, enum nv_err err)
{
    if (err == NV_ERR_AGAIN)
        return "a whole request, which only a running gateway can take";
    if (entry.untranslated && (err == NV_ERR_MALFORMED || err == NV_ERR_DEPTH ||
                               err == NV_ERR_TRUNCATED || err == NV_ERR_TOO_LARGE))
        return "this version can't translate it either";
    return nv_err_info(err)->text;
}

/* Of all, one that fails doesn't keep the others from their try; asked for alone, its failure
 * is the command's. What failed stays a letter in either case. */
static enum nv_err act(const struct nv_dead_request *request, const struct nv_dead_place *place,
                       struct entry entry, struct nv_buf *out)
{
    assert(request->verb == NV_VERB_DROP || request->verb == NV_VERB_RETRY);
    const char *done = request->verb == NV_VERB_DROP ? "dropped" : "sent again";
    enum nv_err err = NV_OK;
    if (request->verb == NV_VERB_DROP)
        err = nv_dead_letters_drop(place->store, entry.id);
    else
        err = place->retry(place->ctx, entry.id);
    if (err == NV_OK)
        return nv_buf_printf(out, "%" PRIu64 "  %s\n", entry.id, done);
    (void)nv_buf_printf(out, "%" PRIu64 "  it stays: %s\n", entry.id, reason_of(entry, err));
    return request->all ? NV_OK : err;
}

static uint64_t highest(const struct nv_buf *entries)
{
    uint64_t id = 0;
    for (size_t at = 0; at < entries->len; at += sizeof(struct entry)) {
        struct entry entry;
        memcpy(&entry, entries->bytes + at, sizeof entry);
        id = entry.id > id ? entry.id : id;
    }
    return id;
}

/* When a slice that began at `began_ns` and has its list now is over. */
static uint64_t end_of_slice(const struct nv_clock *clock, uint64_t began_ns)
{
    uint64_t now_ns = nv_clock_mono_ns(clock);
    uint64_t listing_ns = now_ns - began_ns;
    return now_ns + (2 * listing_ns > NV_DEAD_SLICE_NS ? 2 * listing_ns : NV_DEAD_SLICE_NS);
}

/* Always one of them, so that slices come to an end. */
static enum nv_err act_on(const struct collect *collect, const struct nv_dead_place *place,
                          const struct nv_clock *clock, uint64_t end_ns, struct nv_buf *out)
{
    struct nv_dead_slice *slice = collect->slice;
    enum nv_err err = NV_OK;
    for (size_t at = 0; at < collect->entries.len && err == NV_OK; at += sizeof(struct entry)) {
        struct entry entry;
        memcpy(&entry, collect->entries.bytes + at, sizeof entry);
        err = act(collect->request, place, entry, out);
        slice->after = entry.id;
        slice->done++;
        slice->left--;
        if (clock && nv_clock_mono_ns(clock) >= end_ns)
            break;
    }
    return err;
}

static enum nv_err act_on_all(const struct nv_dead_request *request,
                              const struct nv_dead_place *place, const struct nv_clock *clock,
                              struct nv_dead_slice *slice, struct nv_buf *out)
{
    struct collect collect = {.request = request, .slice = slice};
    const uint64_t began_ns = clock ? nv_clock_mono_ns(clock) : 0;
    nv_buf_init(&collect.entries, NV_CAP_DEAD_IDS);
    slice->done = slice->left = 0;
    enum nv_err err = nv_dead_letters_list(place->store, visit_collect, &collect);
    if (err == NV_OK)
        err = collect.entries.failed;
    if (err == NV_OK && !request->all && collect.entries.len == 0)
        err = NV_ERR_NOT_FOUND;
    slice->left = collect.entries.len / sizeof(struct entry);
    if (slice->last == 0)
        slice->last = highest(&collect.entries);
    if (err == NV_OK)
        err = act_on(&collect, place, clock, clock ? end_of_slice(clock, began_ns) : 0, out);
    nv_buf_release(&collect.entries);
    return err;
}

enum nv_err nv_dead_run(const struct nv_dead_request *request,
                        const struct nv_dead_place *place, struct nv_buf *out)
{
    struct nv_dead_slice whole = {0};
    return nv_dead_run_slice(request, place, NULL, &whole, out);
}

enum nv_err nv_dead_run_slice(const struct nv_dead_request *request,
                              const struct nv_dead_place *place, const struct nv_clock *clock,
                              struct nv_dead_slice *slice, struct nv_buf *out)
{
    assert(place->store != NULL);
    switch (request->verb) {
    case NV_VERB_LIST: {
        enum nv_err err = nv_dead_letters_list(place->store, visit_line, out);
        return err == NV_OK ? out->failed : err;
    }
    case NV_VERB_SHOW:
        return nv_dead_letters_show(place->store, request->id, out);
    default:
        return act_on_all(request, place, request->all ? clock : NULL, slice, out);
    }
}

/* ---- as JSON ----------------------------------------------------------------------------- */

struct listing {
    struct nv_json_writer json;
    uint64_t total;
};

static void write_member(struct nv_json_writer *json, struct nv_str key, struct nv_str text)
{
    nv_json_write_key(json, key);
    nv_json_write_string(json, text);
}

/* Past the most that is written they are only counted: the page says how many there are. */
static void visit_object(void *visit_ctx, const struct nv_dead_letter *letter)
{
    struct listing *listing = visit_ctx;
    struct nv_json_writer *json = &listing->json;
    if (listing->total++ >= NV_DEAD_WRITTEN_MAX)
        return;
    nv_json_write_begin_object(json);
    nv_json_write_key(json, NV_STR("id"));
    nv_json_write_uint(json, letter->id);
    write_member(json, NV_STR("time"), letter->time);
    write_member(json, NV_STR("reason"), letter->reason);
    write_member(json, NV_STR("why"), letter->why);
    write_member(json, NV_STR("trace_id"), letter->trace_id);
    write_member(json, NV_STR("name"), letter->name);
    nv_json_write_key(json, NV_STR("spans"));
    nv_json_write_uint(json, letter->spans);
    nv_json_write_end_object(json);
}

enum nv_err nv_dead_write(const struct nv_store *store, const char *token, struct nv_buf *out)
{
    struct listing listing = {.total = 0};
    enum nv_err err = NV_OK;
    nv_json_write_init(&listing.json, out);
    nv_json_write_begin_object(&listing.json);
    nv_json_write_key(&listing.json, NV_STR("letters"));
    nv_json_write_begin_array(&listing.json);
    if (store)
        err = nv_dead_letters_list(store, visit_object, &listing);
    nv_json_write_end_array(&listing.json);
    nv_json_write_key(&listing.json, NV_STR("total"));
    nv_json_write_uint(&listing.json, listing.total);
    write_member(&listing.json, NV_STR("token"), nv_str_from(token));
    nv_json_write_end_object(&listing.json);
    return err != NV_OK ? err : out->failed;
}
