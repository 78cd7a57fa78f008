/*
 * The head is counted over all replies of one request, for a server can send interim ones
 * without end; their headers do not count. Three headers alone are kept, for nothing else
 * decides anything (docs/noveum-backend.md), each in a place of fixed size: what is longer is
 * no value that we act on.
 */
#include "exporter/answer/reply_reading.h"

#include <stdio.h>

#include "base/banned.h"

void nv_reply_reading_init(struct nv_reply_reading *reading)
{
    nv_buf_init(&reading->body, NV_REPLY_BYTES_MAX);
    nv_reply_reading_begin(reading);
}

void nv_reply_reading_release(struct nv_reply_reading *reading)
{
    nv_buf_release(&reading->body);
}

static void forget_headers(struct nv_reply_reading *reading)
{
    reading->retry_after[0] = reading->location[0] = reading->date[0] = '\0';
}

void nv_reply_reading_begin(struct nv_reply_reading *reading)
{
    nv_buf_clear(&reading->body);
    reading->body_oversize = reading->head_oversize = false;
    reading->head_bytes = 0;
    forget_headers(reading);
}

/* Keeps the value of the header `name` when `line` is one. */
static void keep_header(struct nv_str line, struct nv_str name, char *value, size_t size)
{
    if (line.len > name.len && nv_str_ieq(nv_str_slice(line, 0, name.len), name)) {
        (void)snprintf(value, size, "%.*s",
                       NV_STR_ARG(nv_str_trim(nv_str_slice(line, name.len, SIZE_MAX))));
    }
}

bool nv_reply_reading_line(struct nv_reply_reading *reading, struct nv_str line)
{
    reading->head_bytes += line.len;
    reading->head_oversize = reading->head_bytes > NV_REPLY_HEAD_BYTES_MAX;
    if (reading->head_oversize)
        return false;
    /* a status line starts a new reply */
    if (nv_str_starts(line, NV_STR("HTTP/")))
        forget_headers(reading);
    keep_header(line, NV_STR("retry-after:"), reading->retry_after,
                sizeof reading->retry_after);
    keep_header(line, NV_STR("location:"), reading->location, sizeof reading->location);
    keep_header(line, NV_STR("date:"), reading->date, sizeof reading->date);
    return true;
}

bool nv_reply_reading_body(struct nv_reply_reading *reading, struct nv_str piece)
{
    if (nv_buf_append(&reading->body, piece.ptr, piece.len) == NV_OK)
        return true;
    reading->body_oversize = reading->body.failed == NV_ERR_LIMIT;
    return false;
}

void nv_reply_reading_tell(const struct nv_reply_reading *reading, struct nv_reply *reply)
{
    reply->retry_after = nv_str_from(reading->retry_after);
    reply->location = nv_str_from(reading->location);
    reply->body = nv_buf_str(&reading->body);
}
