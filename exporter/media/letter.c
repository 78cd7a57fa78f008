/*
 * Dead letters of media.
 *
 * A letter is JSON, because it is shown as such; so the bytes are base64 again in it, made once
 * while no upload of the same medium is in memory.
 */
#include "exporter/media/letter.h"

#include "base/clock.h"
#include "base/json/json_write.h"
#include "base/limits.h"
#include "base/text/mask.h"
#include "base/text/text.h"
#include "exporter/outbox/dead_letters.h"

#include "base/banned.h"

static void text(struct nv_json_writer *json, const char *key, const char *value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_string(json, nv_str_from(value));
}

static void number(struct nv_json_writer *json, const char *key, uint64_t value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_uint(json, value);
}

static void write_why(struct nv_json_writer *json, const struct nv_media_letter *letter)
{
    nv_json_write_key(json, NV_STR("why"));
    nv_json_write_string_begin(json);
    nv_json_write_string_part(json, nv_str_from(letter->why));
    nv_json_write_string_part(json, nv_str_from(letter->said[0] != '\0' ? ": " : ""));
    nv_json_write_string_part(json, nv_str_from(letter->said));
    nv_json_write_string_end(json);
}

static enum nv_err write_head(const struct nv_upload_facts *facts,
                              const struct nv_media_letter *letter, uint64_t wall_ns,
                              struct nv_buf *head)
{
    struct nv_json_writer json;
    char time[NV_TIME_TEXT_SIZE];
    unsigned time_len = nv_time_format(wall_ns, time);

    nv_json_write_init(&json, head);
    nv_json_write_begin_object(&json);
    number(&json, "v", 1);
    text(&json, "trace_id", facts->trace_id);
    nv_json_write_key(&json, NV_STR("name"));
    nv_json_write_string_begin(&json);
    nv_json_write_string_part(&json, nv_str_from(facts->mime));
    nv_json_write_string_part(&json, NV_STR(" "));
    nv_json_write_string_part(&json, nv_str_from(facts->uuid));
    nv_json_write_string_end(&json);
    text(&json, "reason", nv_dead_reason_text(letter->dead));
    nv_json_write_key(&json, NV_STR("status"));
    nv_json_write_int(&json, letter->status);
    write_why(&json, letter);
    nv_json_write_key(&json, NV_STR("time"));
    nv_json_write_string(&json, (struct nv_str){time, time_len});
    number(&json, "spans", 0);
    nv_json_write_end_object(&json);
    nv_mask_buf(head);
    return head->failed;
}

static enum nv_err write_payload(const struct nv_upload_facts *facts, struct nv_str bytes,
                                 struct nv_buf *payload)
{
    struct nv_json_writer json;

    nv_json_write_init(&json, payload);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("medium"));
    nv_json_write_begin_object(&json);
    text(&json, "uuid", facts->uuid);
    text(&json, "trace_id", facts->trace_id);
    text(&json, "span_id", facts->span_id);
    text(&json, "mime", facts->mime);
    text(&json, "sha256", facts->hash);
    number(&json, "bytes", facts->bytes);
    nv_json_write_end_object(&json);
    (void)nv_buf_printf(payload, ",\"data\":\"");
    (void)nv_base64_encode(payload, bytes);
    return nv_buf_printf(payload, "\"}");
}

enum nv_err nv_media_letter_put(const struct nv_store *store,
                                const struct nv_upload_facts *facts, uint64_t record,
                                const struct nv_media_letter *letter, uint64_t wall_ns)
{
    struct nv_store synced = nv_store_synced(store);
    struct nv_buf bytes, head, payload;
    uint64_t id;
    enum nv_err err;

    nv_buf_init(&bytes, NV_CAP_RECORD);
    nv_buf_init(&head, NV_CAP_DEAD_HEAD);
    nv_buf_init(&payload, NV_CAP_RECORD);
    err = store->get(store->ctx, record, &bytes);
    if (err == NV_OK)
        err = write_head(facts, letter, wall_ns, &head);
    if (err == NV_OK)
        err = write_payload(facts, nv_buf_str(&bytes), &payload);
    if (err == NV_OK) {
        err = synced.put(store->ctx, NV_RECORD_DEAD_LETTER, nv_buf_str(&head),
                         nv_buf_str(&payload), &id);
    }
    nv_buf_release(&bytes);
    nv_buf_release(&head);
    nv_buf_release(&payload);
    return err;
}
