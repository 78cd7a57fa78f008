/*
 * Values, one line each: long ones are there to be recognised, not read; `traces show` and the
 * page have all of them.
 */
#include "gateway/commands/explain_values.h"

#include "base/json/json_write.h"
#include "base/limits.h"
#include "gateway/view/line.h"

#include "base/banned.h"

/* Of one value more is not written as JSON than can be shown of it. */
#define VALUE_BYTES_MAX NV_CAP_KIB(16)
#define VALUE_TEXT_MAX 2000
#define VALUE_ITEMS_MAX 64
/* Of one span. Who looks for one among more asks the store; the report is held in memory. */
#define LINES_MAX 4096

static void put_value(struct nv_line *line, const struct nv_value *value)
{
    struct nv_buf text;
    struct nv_json_writer json;
    if (value->type == NV_VALUE_STRING || value->type == NV_VALUE_JSON) {
        nv_line_put(line, NV_LINE_PLAIN, value->as.string, SIZE_MAX);
        return;
    }
    nv_buf_init(&text, VALUE_BYTES_MAX);
    nv_json_write_init(&json, &text);
    json.text_max = VALUE_TEXT_MAX;
    json.items_max = VALUE_ITEMS_MAX;
    nv_value_write(&json, value);
    nv_line_put(line, NV_LINE_PLAIN, nv_buf_str(&text), SIZE_MAX);
    nv_buf_release(&text);
}

static void write_span(const struct nv_span *span, struct nv_line *line)
{
    nv_line_begin(line);
    nv_line_put_text(line, NV_LINE_PLAIN, "values of span \"");
    nv_line_put(line, NV_LINE_PLAIN, span->name, line->room > 1 ? line->room - 1 : 0);
    nv_line_put_text(line, NV_LINE_PLAIN, "\"");
    nv_line_end(line);
    uint32_t count = span->attributes.count < LINES_MAX ? span->attributes.count : LINES_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const struct nv_attribute *item = &span->attributes.items[i];
        nv_line_begin(line);
        nv_line_put_text(line, NV_LINE_PLAIN, "  ");
        nv_line_put(line, NV_LINE_PLAIN, item->key, SIZE_MAX);
        nv_line_put_text(line, NV_LINE_PLAIN, " = ");
        put_value(line, &item->value);
        nv_line_end(line);
    }
    if (count < span->attributes.count)
        (void)nv_buf_printf(line->buf, "  … %u more\n", span->attributes.count - count);
}

enum nv_err nv_explain_values_write(const struct nv_trace *trace, size_t columns,
                                    struct nv_buf *report)
{
    struct nv_line line = {.buf = report, .columns = columns};
    for (uint32_t i = 0; i < trace->span_count; i++)
        write_span(&trace->spans[i], &line);
    return report->failed;
}
