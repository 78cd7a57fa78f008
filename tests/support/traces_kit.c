/*
 * A store of traces for tests.
 */
#include "traces_kit.h"

#include "base/clock.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

void traces_kit_init(struct traces_kit *kit, const struct nv_shelf_limits *limits)
{
    static const struct nv_shelf_limits none;
    struct nv_fail fail = {0};
    *kit = (struct traces_kit){.directory = "/tmp/noveum-traces-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(kit->directory));
    (void)snprintf(kit->path, sizeof kit->path, "%s/traces.db", kit->directory);
    ck_assert_msg(nv_shelf_open(kit->path, limits ? limits : &none, &fail, &kit->shelf) ==
                      NV_OK,
                  "%s", fail.what);
    ck_assert_int_eq(nv_sql_open(kit->path, true, &fail, &kit->reader), NV_OK);
    nv_buf_init(&kit->out, 1u << 24);
}

void traces_kit_release(struct traces_kit *kit)
{
    static const char *const names[] = {"traces.db", "traces.db-wal", "traces.db-shm"};
    char path[128];
    nv_sql_close(kit->reader);
    nv_shelf_close(kit->shelf);
    nv_buf_release(&kit->out);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", kit->directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(kit->directory);
}

static void member(struct nv_json_writer *json, const char *key, const char *text)
{
    nv_json_write_key(json, nv_str_from(key));
    if (text)
        nv_json_write_string(json, nv_str_from(text));
    else
        nv_json_write_null(json);
}

static void number(struct nv_json_writer *json, const char *key, double value)
{
    nv_json_write_key(json, nv_str_from(key));
    if (value >= 0 && value < 1e15 && value == (double)(int64_t)value)
        nv_json_write_int(json, (int64_t)value);
    else
        nv_json_write_double(json, value);
}

static void head(struct nv_json_writer *json, const struct kit_trace *trace, const char *name)
{
    char time[NV_TIME_TEXT_SIZE];
    (void)nv_time_format((uint64_t)trace->start_ms * NV_NS_PER_MS, time);
    member(json, "name", name);
    member(json, "start_time", time);
    number(json, "duration_ms", trace->ms);
    member(json, "status", trace->failed ? "error" : "ok");
    member(json, "status_message", trace->failed ? "it broke" : NULL);
}

static void messages(struct nv_json_writer *json, const char *question)
{
    nv_json_write_key(json, NV_STR("llm.input.messages"));
    nv_json_write_begin_array(json);
    nv_json_write_begin_object(json);
    member(json, "role", "user");
    member(json, "content", question);
    nv_json_write_end_object(json);
    nv_json_write_end_array(json);
}

static void span(struct nv_json_writer *json, const struct kit_trace *trace, unsigned number_of)
{
    static const char *const ids[] = {"00000000000000a0", "00000000000000a1",
                                      "00000000000000a2"};
    static const char *const names[] = {"invoke", "chat", "execute"};
    nv_json_write_begin_object(json);
    member(json, "span_id", ids[number_of]);
    member(json, "parent_span_id", number_of == 0 ? NULL : ids[0]);
    head(json, trace, names[number_of]);
    nv_json_write_key(json, NV_STR("attributes"));
    nv_json_write_begin_object(json);
    if (number_of == 0) {
        member(json, "agent.name", "desk");
    } else if (number_of == 2) {
        member(json, "tool.name", trace->tool);
    } else {
        member(json, "llm.model", trace->model);
        number(json, "llm.input_tokens", 100);
        number(json, "llm.output_tokens", 20);
        number(json, "llm.time_to_first_token_ms", 12.5);
        if (trace->cost >= 0)
            number(json, "llm.cost.total", trace->cost);
        messages(json, trace->question);
        member(json, "llm.output.response", trace->answer);
    }
    nv_json_write_end_object(json);
    nv_json_write_end_object(json);
}

void traces_kit_write(const struct kit_trace *trace, struct nv_buf *buf)
{
    struct nv_json_writer json;
    nv_json_write_init(&json, buf);
    nv_json_write_begin_object(&json);
    member(&json, "trace_id", trace->id);
    head(&json, trace, trace->name ? trace->name : "work");
    number(&json, "span_count", trace->tool ? 3 : 2);
    number(&json, "error_count", trace->failed ? 1 : 0);
    member(&json, "project", "shop");
    member(&json, "environment", "test");
    nv_json_write_key(&json, NV_STR("metadata"));
    nv_json_write_begin_object(&json);
    member(&json, "session_id", trace->session);
    nv_json_write_end_object(&json);
    nv_json_write_key(&json, NV_STR("otel"));
    nv_json_write_begin_object(&json);
    member(&json, "trace_id", trace->id);
    nv_json_write_key(&json, NV_STR("resource"));
    nv_json_write_begin_object(&json);
    member(&json, "service.name", "support");
    nv_json_write_end_object(&json);
    nv_json_write_end_object(&json);
    nv_json_write_key(&json, NV_STR("spans"));
    nv_json_write_begin_array(&json);
    for (unsigned i = 0; i < (trace->tool ? 3u : 2u); i++)
        span(&json, trace, i);
    nv_json_write_end_array(&json);
    nv_json_write_end_object(&json);
    ck_assert_int_eq(buf->failed, NV_OK);
}

void traces_kit_put(struct traces_kit *kit, const struct kit_trace *trace, int64_t now_ms)
{
    struct nv_trace_summary *summary = malloc(sizeof *summary);
    struct nv_arena *arena = nv_arena_new(1u << 24);
    struct nv_buf json, text;
    nv_buf_init(&json, 1u << 22);
    nv_buf_init(&text, 1u << 16);
    traces_kit_write(trace, &json);
    ck_assert_int_eq(nv_trace_summary_read(arena, nv_buf_str(&json), summary, &text), NV_OK);
    ck_assert_int_eq(nv_shelf_begin(kit->shelf), NV_OK);
    ck_assert_int_eq(nv_shelf_put(kit->shelf, nv_buf_str(&json), summary, nv_buf_str(&text)),
                     NV_OK);
    ck_assert_int_eq(nv_shelf_trim(kit->shelf, now_ms * 1000), NV_OK);
    ck_assert_int_eq(nv_shelf_commit(kit->shelf), NV_OK);
    nv_buf_release(&json);
    nv_buf_release(&text);
    nv_arena_free(arena);
    free(summary);
}

int64_t traces_kit_count(struct traces_kit *kit)
{
    struct nv_sql_query *query = NULL;
    bool row = false;
    ck_assert_int_eq(nv_sql_prepare(kit->reader, "SELECT count(*) FROM trace", &query), NV_OK);
    ck_assert_int_eq(nv_sql_step(query, &row), NV_OK);
    int64_t count = nv_sql_int(query, 0);
    nv_sql_finish(query);
    return count;
}

const char *traces_kit_text(struct traces_kit *kit)
{
    (void)nv_buf_append_char(&kit->out, '\0');
    ck_assert_int_eq(kit->out.failed, NV_OK);
    return kit->out.bytes;
}
