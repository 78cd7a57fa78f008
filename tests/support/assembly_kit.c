/*
 * The kit of assembly_kit.h.
 *
 * The body of a kit's request is not protobuf: assembly never looks inside the spans, only at
 * the index beside them, and that the bytes come out as they went in is what the tests check.
 * The body is the text itself behind a line with signal and service, so that kit_decode can
 * make the same batch again.
 */
#include "assembly_kit.h"

#include <assert.h>
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_LEN 32

/* ---- batches ----------------------------------------------------------------------------- */

static void set_ids(struct nv_item *item, char trace, char span, char parent)
{
    if (trace != '0')
        memset(item->trace_id, trace, sizeof item->trace_id);
    memset(item->span_id, span, sizeof item->span_id);
    if (parent) {
        memset(item->parent_id, parent, sizeof item->parent_id);
        item->flags |= NV_ITEM_HAS_PARENT;
    }
}

/* What a log record of a coding agent is, one letter each. */
static uint32_t record_flag(char letter)
{
    static const struct {
        char letter;
        uint32_t flag;
    } flags[] = {{'R', NV_ITEM_RECORD}, {'M', NV_ITEM_MARK},   {'T', NV_ITEM_TURNS},
                 {'B', NV_ITEM_BEGINS}, {'K', NV_ITEM_MAKES},  {'D', NV_ITEM_DUE},
                 {'O', NV_ITEM_OPENS},  {'C', NV_ITEM_CLOSES}, {'E', NV_ITEM_EVALUATES}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (flags[i].letter == letter)
            return flags[i].flag;
    }
    return 0;
}

/* Reads one word: trace, span, marks. */
static void read_word(const char *word, size_t len, struct nv_item *item)
{
    char parent = 0;
    for (size_t i = 2; i < len; i++) {
        if (word[i] == '<')
            parent = word[++i];
        else if (word[i] == '!')
            item->flags |= NV_ITEM_PARENT_KNOWN_REMOTE;
        else if (word[i] == '.')
            item->flags |= NV_ITEM_PARENT_KNOWN_LOCAL;
        else if (word[i] == '^')
            item->flags |= NV_ITEM_SERVER;
        else if (word[i] == '@')
            item->flags |= NV_ITEM_CLIENT;
        else if (word[i] == '+')
            item->end_ns = 1;
        else if (word[i] == '%')
            while (i + 1 < len && record_flag(word[i + 1]) != 0)
                item->flags |= record_flag(word[++i]);
        else if (word[i] == '*' || word[i] == '=')
            break;
    }
    set_ids(item, word[0], word[1], parent);
}

static struct nv_batch *batch_of(enum nv_signal signal, char *body, size_t len)
{
    struct nv_batch *batch = calloc(1, sizeof *batch);
    struct nv_group *group = calloc(1, sizeof *group);
    size_t line = (size_t)((char *)memchr(body, '\n', len) - body);
    struct nv_item *items = calloc(len, sizeof *items);
    if (!batch || !group || !items) {
        free(batch);
        free(group);
        free(items);
        free(body);
        return NULL;
    }
    *batch = (struct nv_batch){
        .signal = signal, .body = body, .body_len = len, .groups = group, .group_count = 1};
    group->service_name = (struct nv_str){body, line};
    group->resource = (struct nv_str){body, line};
    group->scope = NV_STR("scope");
    batch->items = items;
    for (size_t i = line + 1; i < len;) {
        size_t end = i;
        while (end < len && body[end] != ' ')
            end++;
        if (end > i) {
            struct nv_item *item = &batch->items[batch->item_count++];
            item->offset = (uint32_t)i;
            item->length = (uint32_t)(end - i);
            read_word(body + i, end - i, item);
        }
        i = end + 1;
    }
    return batch;
}

/* The text with "*n" replaced by n times 'x'. */
static char *expand(const char *service, const char *spans, size_t *len)
{
    size_t size = strlen(service) + 2;
    for (const char *s = spans; *s; s++)
        size += *s == '*' ? strtoul(s + 1, NULL, 10) + 1 : 1;
    char *body = malloc(size + 1);
    assert(body);
    size_t at = (size_t)snprintf(body, size, "%s\n", service);
    for (const char *s = spans; *s;) {
        if (*s != '*') {
            body[at++] = *s++;
            continue;
        }
        char *end;
        size_t more = strtoul(s + 1, &end, 10);
        body[at++] = '*';
        memset(body + at, 'x', more);
        at += more;
        s = end;
    }
    *len = at;
    return body;
}

struct nv_batch *kit_batch(const char *service, const char *spans)
{
    size_t len;
    char *body = expand(service, spans, &len);
    return batch_of(NV_SIGNAL_TRACES, body, len);
}

struct nv_batch *kit_logs(const char *service, const char *spans)
{
    size_t len;
    char *body = expand(service, spans, &len);
    return batch_of(NV_SIGNAL_LOGS, body, len);
}

enum nv_err kit_decode(void *ctx, enum nv_signal signal, char *body, size_t len,
                       struct nv_batch **out)
{
    (void)ctx;
    if (!memchr(body, '\n', len)) {
        free(body);
        return NV_ERR_MALFORMED;
    }
    *out = batch_of(signal, body, len);
    return *out ? NV_OK : NV_ERR_NO_MEMORY;
}

/* ---- what is completed ------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, struct nv_str s)
{
    snprintf(to, size, "%.*s", NV_STR_ARG(s));
}

/* As ck_assert, but allocates nothing while all is well: memory may be failing. */
static void demand(bool fact)
{
    if (!fact)
        ck_abort_msg("a completed trace is not as it came");
}

static void describe(const struct nv_raw_trace *raw, struct kit_trace *out)
{
    out->trace = (char)raw->trace_id[0];
    out->part = raw->part;
    out->incomplete = raw->incomplete;
    out->first_ns = raw->first_ns;
    out->last_ns = raw->last_ns;
    out->waited_for = raw->waited_for;
    out->spans = raw->span_count;
    out->groups = raw->group_count;
    for (uint32_t i = 0; i < raw->item_count; i++) {
        const struct nv_raw_item *item = &raw->items[i];
        size_t at = strlen(out->items);
        demand(item->group < raw->group_count);
        demand(item->bytes.len >= 2);
        demand(item->bytes.ptr[0] == out->trace);
        bool log = item->signal == NV_SIGNAL_LOGS;
        snprintf(out->items + at, sizeof out->items - at, "%s%s%c%s", at ? " " : "",
                 log ? "(" : "", item->bytes.ptr[1], log ? ")" : "");
        const char *other = memchr(item->bytes.ptr, '=', item->bytes.len);
        if (other && strlen(out->items) + 3 < sizeof out->items)
            strncat(out->items, other, 2);
    }
    for (uint32_t i = 0; i < raw->group_count; i++) {
        size_t at = strlen(out->services);
        snprintf(out->services + at, sizeof out->services - at, "%s%.*s", at ? " " : "",
                 NV_STR_ARG(raw->groups[i].service_name));
        demand(nv_str_eq(raw->groups[i].resource, raw->groups[i].service_name));
    }
    copy_text(out->first_name, sizeof out->first_name, raw->first_name);
    copy_text(out->first_session, sizeof out->first_session, raw->first_session);
    copy_text(out->first_user, sizeof out->first_user, raw->first_user);
    copy_text(out->project, sizeof out->project, raw->project);
}

static void complete(void *ctx, struct nv_raw_trace *raw)
{
    struct kit *kit = ctx;
    demand(kit->trace_count < KIT_TRACES_MAX);
    struct kit_trace *trace = &kit->traces[kit->trace_count++];
    describe(raw, trace);
    trace->at_ns = kit->clock.mono;
    if (kit->remember) {
        char text[3][3] = {
            {'n', trace->trace, 0}, {'s', trace->trace, 0}, {'u', trace->trace, 0}};
        nv_assembly_remember(kit->assembly, raw, nv_str_from(text[0]), nv_str_from(text[1]),
                             nv_str_from(text[2]));
    }
    struct nv_claim *claim = raw->claim;
    uint32_t spans = raw->span_count;
    nv_arena_free(raw->arena);
    nv_ledger_queue(spans);
    nv_ledger_deliver(spans);
    if (kit->hold_claims)
        kit->claims[kit->claim_count++] = claim;
    else
        nv_assembly_settler(kit->assembly).settle(kit->assembly, claim, NV_OUTCOME_DELIVERED);
}

/* ---- running ----------------------------------------------------------------------------- */

void kit_init(struct kit *kit)
{
    memset(kit, 0, sizeof *kit);
    nv_fake_clock_init(&kit->clock, 100 * NV_NS_PER_S, UINT64_C(1760000000) * NV_NS_PER_S);
    nv_assembly_config_init(&kit->config);
    kit->config.shards = 0;
    kit->config.durability = NV_DURABILITY_MEMORY;
    kit->config.decode = kit_decode;
    kit->traces = calloc(KIT_TRACES_MAX, sizeof *kit->traces);
    ck_assert_ptr_nonnull(kit->traces);
    nv_ledger_reset();
}

enum nv_err kit_make(struct kit *kit)
{
    struct nv_completer completer = {.ctx = kit, .complete = complete};
    memset(&kit->fail, 0, sizeof kit->fail);
    kit->assembly = nv_assembly_new(&kit->config, &kit->clock.clock, &completer, &kit->fail);
    return kit->assembly ? NV_OK : kit->fail.code;
}

enum nv_err kit_try_start(struct kit *kit)
{
    enum nv_err err = kit_make(kit);
    if (err != NV_OK)
        return err;
    err = nv_assembly_start(kit->assembly, &kit->fail);
    if (err != NV_OK) {
        nv_assembly_free(kit->assembly);
        kit->assembly = NULL;
    }
    return err;
}

void kit_start(struct kit *kit)
{
    enum nv_err err = kit_try_start(kit);
    ck_assert_msg(err == NV_OK, "start: %s", kit->fail.what);
}

void kit_restart(struct kit *kit)
{
    kit->trace_count = 0;
    memset(kit->traces, 0, KIT_TRACES_MAX * sizeof *kit->traces);
    nv_ledger_reset();
    kit_start(kit);
}

void kit_settle_all(struct kit *kit)
{
    struct nv_settler settler = nv_assembly_settler(kit->assembly);
    for (size_t i = 0; i < kit->claim_count; i++)
        settler.settle(settler.ctx, kit->claims[i], NV_OUTCOME_DELIVERED);
    kit->claim_count = 0;
}

void kit_stop(struct kit *kit)
{
    if (!kit->assembly)
        return;
    enum nv_err late =
        nv_assembly_stop(kit->assembly, 0); /* what is held stays: no failure here */
    (void)late;
    kit_settle_all(kit);
    nv_assembly_free(kit->assembly);
    kit->assembly = NULL;
}

static void shell(const char *format, const char *directory)
{
    char command[256];
    /* the callers' formats are literals of this file */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(command, sizeof command, format, directory, directory, directory);
#pragma GCC diagnostic pop
    ck_assert_int_eq(system(command), 0);
}

void kit_crash(struct kit *kit)
{
    size_t traces = kit->trace_count;
    shell("rm -rf '%s.crash' && cp -r '%s' '%s.crash'", kit->directory);
    kit_stop(kit);
    kit->trace_count = traces;
    shell("rm -rf '%s' && mv '%s.crash' '%s'", kit->directory);
}

void kit_clear_directory(struct kit *kit)
{
    shell("rm -rf '%s'/* '%s.crash' '%s.none'", kit->directory);
}

void kit_release(struct kit *kit)
{
    kit_stop(kit);
    free(kit->traces);
    if (kit->directory[0])
        shell("rm -rf '%s' '%s.crash' '%s'", kit->directory);
}

void kit_directory(struct kit *kit)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(kit->directory, sizeof kit->directory, "%s/noveum-assembly-XXXXXX", base);
    ck_assert_ptr_nonnull(mkdtemp(kit->directory));
    kit->config.journal_directory = kit->directory;
    kit->config.durability = NV_DURABILITY_OS;
    kit->config.journal_segment_bytes = 256u << 10;
}

void kit_note_done(void *ctx, enum nv_err err)
{
    struct kit *kit = ctx;
    kit->done_count++;
    kit->done_last = err;
}

enum nv_err kit_accept(struct kit *kit, struct nv_batch *batch)
{
    int before = kit->done_count;
    struct nv_acceptor acceptor = nv_assembly_acceptor(kit->assembly);
    acceptor.accept(acceptor.ctx, batch, kit_note_done, kit);
    ck_assert_int_eq(kit->done_count, before + 1);
    return kit->done_last;
}

void kit_advance(struct kit *kit, uint64_t ms)
{
    uint64_t until = kit->clock.mono + ms * NV_NS_PER_MS;
    for (;;) {
        uint64_t next = nv_assembly_tick(kit->assembly);
        if (next > until)
            break;
        if (next > kit->clock.mono)
            nv_fake_clock_advance(&kit->clock, next - kit->clock.mono);
    }
    nv_fake_clock_advance(&kit->clock, until - kit->clock.mono);
    nv_assembly_tick(kit->assembly);
}
