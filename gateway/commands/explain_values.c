/*
 * Values, one line each: long ones are there to be recognised, not read; `traces show` and the
 * page have all of them.
 */
#include "gateway/commands/explain_values.h"

#include "base/limits.h"
#include "gateway/view/line.h"

#include "base/banned.h"

/* Of one span. Who looks for one among more asks the store; the report is held in memory. */
#define LINES_MAX 4096

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
        nv_line_put_value(line, &item->value);
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
