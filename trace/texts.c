/*
 * Lists as JSON.
 *
 * Each list of a span has a buffer and a writer that stands behind its last item, so that an
 * item costs its own bytes. Before an item is written the writer and the length are noted; when
 * memory or a limit stops it in between, both are set back and the list is as it was.
 *
 *   [ {item},{item} | {item that did not fi    ──▶  [ {item},{item} |
 *
 * Why text and not a tree: a message may be megabytes that a stream tells piece by piece, and a
 * tree would hold them twice until the span ends. What is counted against the span's limit is
 * what lies in the buffer, so the limit is exact.
 */
#include "trace/texts.h"

#include "base/json/json_read.h"
#include "trace/attributes.h"

#include "base/banned.h"

/* Levels of JSON in arguments and results; deeper is told as text. */
#define DEPTH_MAX 64
/* Brackets and quotes of a part, and its type: what is asked for before a byte is written. */
#define PART_ROOM ((size_t)128)

const char *nv_trace_text_key(enum nv_trace_text_kind kind)
{
    static const char *const keys[] = {
        [NV_TRACE_TEXT_INPUT] = "gen_ai.input.messages",
        [NV_TRACE_TEXT_OUTPUT] = "gen_ai.output.messages",
        [NV_TRACE_TEXT_INSTRUCTIONS] = "gen_ai.system_instructions",
        [NV_TRACE_TEXT_TOOLS] = "gen_ai.tool.definitions",
        [NV_TRACE_TEXT_DOCUMENTS] = "gen_ai.retrieval.documents",
    };
    return keys[kind];
}

/* Told by reading all of it: arguments that merely look like JSON, put raw into a list, would
 * make the whole list no JSON. A byte order mark is legal before JSON text, not inside. */
bool nv_trace_is_json(struct nv_str text)
{
    struct nv_json_reader reader;
    enum nv_json_token token;
    if (text.len == 0 || (unsigned char)text.ptr[0] == 0xef) /* a byte order mark */
        return false;
    nv_json_read_init(&reader, text, DEPTH_MAX);
    do
        token = nv_json_next(&reader);
    while (token != NV_JSON_END && token != NV_JSON_ERROR);
    return token == NV_JSON_END && nv_utf8_valid_prefix(text) == text.len;
}

/* A list is made when it is first written to: most spans have none of the five. */
static struct nv_json_writer *open_list(struct nv_trace_span *span,
                                        enum nv_trace_text_kind kind)
{
    struct nv_trace_json *list = &span->texts[kind];
    if (list->buf.len == 0) {
        list->buf.max = span->config->span_bytes_max;
        nv_json_write_init(&list->writer, &list->buf);
        nv_json_write_begin_array(&list->writer);
    }
    return &list->writer;
}

static void note_start(struct nv_trace_span *span, enum nv_trace_text_kind kind)
{
    span->message = (int)kind;
    span->message_start = span->texts[kind].buf.len;
    span->message_writer = span->texts[kind].writer;
}

/* The writer is set back with the length, or it would put a comma before an item that is the
 * first. The buffer's failure is forgiven: the next, smaller item may fit. */
static void take_back(struct nv_trace_span *span)
{
    struct nv_trace_json *list = &span->texts[span->message];
    list->buf.failed = NV_OK;
    list->buf.len = span->message_start;
    list->writer = span->message_writer;
    span->message = -1;
    nv_trace_leave_out(span);
}

/* Every part of memory is asked for before and counted after what is written. */
static bool may_write(struct nv_trace_span *span, enum nv_trace_text_kind kind, size_t len)
{
    return nv_trace_span_room(span, &span->texts[kind].buf, len + PART_ROOM);
}

static void put_text(struct nv_json_writer *writer, const struct nv_trace_span *span,
                     struct nv_str text)
{
    text.len = nv_utf8_cut(text, span->config->value_bytes_max);
    nv_json_write_string(writer, text);
}

/* Redacted before it is cut and before it is looked at as JSON: a secret must not slip through
 * by lying across the cut, and the caller's function may return anything. */
static void put_content(struct nv_json_writer *writer, const struct nv_trace_span *span,
                        const struct nv_trace_member *member)
{
    const char *key = nv_trace_text_key((enum nv_trace_text_kind)span->message);
    struct nv_str text = nv_trace_redacted(span, key, member->text);
    if (member->as == NV_TRACE_JSON && text.len <= span->config->value_bytes_max &&
        nv_trace_is_json(text))
        nv_json_write_raw(writer, text);
    else
        put_text(writer, span, text);
}

static void put_member(struct nv_json_writer *writer, const struct nv_trace_span *span,
                       const struct nv_trace_member *member)
{
    bool content = member->as == NV_TRACE_CONTENT || member->as == NV_TRACE_JSON ||
                   member->as == NV_TRACE_BYTES;
    if ((!member->text.ptr && member->as != NV_TRACE_NUMBER) ||
        (content && !span->config->content))
        return;
    nv_json_write_key(writer, nv_str_from(member->key));
    if (member->as == NV_TRACE_NUMBER)
        nv_json_write_double(writer, member->number);
    else if (member->as == NV_TRACE_BYTES)
        nv_json_write_base64(writer, member->text);
    else if (content)
        put_content(writer, span, member);
    else
        put_text(writer, span, member->text);
}

/* One object, into the list that span->message names. Not into what has failed already. */
static void put_object(struct nv_trace_span *span, const char *type,
                       const struct nv_trace_member *members, size_t count)
{
    struct nv_trace_json *list = &span->texts[span->message];
    struct nv_json_writer *writer = &list->writer;
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += members[i].text.len;
    if (!may_write(span, (enum nv_trace_text_kind)span->message, len)) {
        take_back(span);
        return;
    }
    size_t before = list->buf.capacity;
    nv_json_write_begin_object(writer);
    if (type) {
        nv_json_write_key(writer, nv_str_from("type"));
        nv_json_write_string(writer, nv_str_from(type));
    }
    for (size_t i = 0; i < count; i++)
        put_member(writer, span, &members[i]);
    nv_json_write_end_object(writer);
    nv_trace_span_account(span, &list->buf, before);
    if (list->buf.failed != NV_OK)
        take_back(span);
}

void nv_trace_message_begin(struct nv_trace_span *span, enum nv_trace_text_kind kind,
                            struct nv_str role)
{
    nv_trace_message_end(span, nv_str_from(NULL));
    /* six bytes for one is the most that escapes of JSON make of a text */
    if (!may_write(span, kind, role.len * 6)) {
        nv_trace_leave_out(span);
        return;
    }
    struct nv_json_writer *writer = open_list(span, kind);
    note_start(span, kind);
    if (kind == NV_TRACE_TEXT_INSTRUCTIONS)
        return;
    nv_json_write_begin_object(writer);
    nv_json_write_key(writer, nv_str_from("role"));
    nv_json_write_string(writer, role);
    nv_json_write_key(writer, nv_str_from("parts"));
    nv_json_write_begin_array(writer);
}

void nv_trace_message_end(struct nv_trace_span *span, struct nv_str finish_reason)
{
    if (span->message < 0)
        return;
    struct nv_trace_json *list = &span->texts[span->message];
    if (!may_write(span, (enum nv_trace_text_kind)span->message, finish_reason.len * 6)) {
        take_back(span);
        return;
    }
    if (span->message != NV_TRACE_TEXT_INSTRUCTIONS) {
        nv_json_write_end_array(&list->writer);
        if (finish_reason.len > 0) {
            nv_json_write_key(&list->writer, nv_str_from("finish_reason"));
            nv_json_write_string(&list->writer, finish_reason);
        }
        nv_json_write_end_object(&list->writer);
    }
    /* bytes that were no UTF-8: told once a message, since a text of 1 MB of them is one
     * mistake */
    nv_trace_add(NV_TRACE_COUNT_values_repaired, list->writer.replaced);
    list->writer.replaced = 0;
    span->message = -1;
}

bool nv_trace_part(struct nv_trace_span *span, const char *type,
                   const struct nv_trace_member *members, size_t count)
{
    if (span->message < 0)
        return false;
    put_object(span, type, members, count);
    return true;
}

void nv_trace_item(struct nv_trace_span *span, enum nv_trace_text_kind kind, const char *type,
                   const struct nv_trace_member *members, size_t count)
{
    nv_trace_message_end(span, nv_str_from(NULL));
    if (!may_write(span, kind, 0)) {
        nv_trace_leave_out(span);
        return;
    }
    (void)open_list(span, kind);
    note_start(span, kind);
    put_object(span, type, members, count);
    span->message = -1;
}
