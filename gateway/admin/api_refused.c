/*
 * Requests that were refused, as the log told them: who sent them, why, how often.
 *
 * Senders and reasons quote clients. They were redacted when they were kept; secrets of the
 * configuration are masked here, over all of it.
 */
#include "gateway/admin/api_refused.h"

#include "base/json/json_member.h"
#include "base/text/mask.h"
#include "otlp/request/refused.h"

#include <stdlib.h>

#include "base/banned.h"

static void write_line(const struct nv_refused *line, struct nv_json_writer *json)
{
    nv_json_write_begin_object(json);
    nv_json_put_text(json, "protocol", nv_str_from(line->protocol));
    nv_json_put_text(json, "reason", nv_str_from(line->reason));
    nv_json_put_text(json, "sender", nv_str_from(line->sender));
    nv_json_put_text(json, "message", nv_str_from(line->message));
    nv_json_put_uint(json, "count", line->count);
    nv_json_put_known(json, "first_ms", (double)line->first_wall_ns / 1e6);
    nv_json_put_known(json, "last_ms", (double)line->wall_ns / 1e6);
    nv_json_write_end_object(json);
}

enum nv_err nv_api_refused_write(struct nv_buf *out)
{
    struct nv_refused *lines = calloc(NV_REFUSED_KEPT_MAX, sizeof *lines);
    struct nv_json_writer json;
    if (!lines)
        return NV_ERR_NO_MEMORY;
    size_t count = nv_refused_read(lines, NV_REFUSED_KEPT_MAX);
    nv_json_write_init(&json, out);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("refused"));
    nv_json_write_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        write_line(&lines[i], &json);
    nv_json_write_end_array(&json);
    nv_json_write_end_object(&json);
    free(lines);
    nv_mask_buf(out);
    return out->failed;
}
