/*
 * Media for tests of the exporter.
 */
#include "media_kit.h"

#include "model/ledger.h"

#include <check.h>
#include <stdio.h>

#include "base/banned.h"

struct nv_medium kit_medium(uint8_t number, enum nv_media_kind kind)
{
    struct nv_medium medium = {
        .type = {.mime = NV_STR("image/png"), .format = NV_STR("png"), .kind = kind},
        .text = NV_STR("Zm9vYmFy"),
        .bytes = 6};

    if (kind == NV_MEDIA_AUDIO)
        medium.type = (struct nv_media_type){
            .mime = NV_STR("audio/wav"), .format = NV_STR("wav"), .kind = kind};
    memset(medium.uuid, number, sizeof medium.uuid);
    memset(medium.hash, number, sizeof medium.hash);
    return medium;
}

const char *kit_reference(uint8_t number, enum nv_media_kind kind)
{
    static char text[64];
    struct nv_medium medium = kit_medium(number, kind);
    char uuid[NV_MEDIA_UUID_TEXT];

    nv_media_uuid_text(medium.uuid, uuid);
    (void)snprintf(text, sizeof text, "%s://%s", nv_media_kind_text(kind), uuid);
    return text;
}

/* As redaction leaves them: references in a list, and the pictures' names. */
static void refer(struct nv_trace *trace)
{
    struct nv_value *list =
        nv_arena_array(trace->arena, 2 * (size_t)trace->media_count, sizeof *list);
    uint32_t count = trace->media_count;

    ck_assert_ptr_nonnull(list);
    for (uint32_t i = 0; i < count; i++) {
        const struct nv_medium *medium = &trace->media[i];
        char uuid[NV_MEDIA_UUID_TEXT];

        nv_media_uuid_text(medium->uuid, uuid);
        list[i] = nv_value_string(nv_arena_dup(
            trace->arena, nv_str_from(kit_reference(medium->uuid[0], medium->type.kind))));
        list[count + i] = nv_value_string(nv_arena_dup(trace->arena, nv_str_from(uuid)));
    }
    struct nv_value references = {.type = NV_VALUE_ARRAY, .as.array = {list, count}};
    struct nv_value uuids = {.type = NV_VALUE_ARRAY, .as.array = {list + count, count}};
    struct nv_attributes *to = &trace->spans[0].attributes;

    ck_assert_int_eq(nv_attributes_add(to, trace->arena, NV_STR("picture"), references), NV_OK);
    ck_assert_int_eq(
        nv_attributes_add(to, trace->arena, NV_STR("llm.input.image_uuids"), uuids), NV_OK);
    ck_assert_int_eq(nv_attributes_add(to, trace->arena, NV_STR("last"), nv_value_bool(true)),
                     NV_OK);
}

struct nv_trace *kit_trace(struct nv_rig *rig, const struct nv_medium *media, uint32_t count)
{
    struct nv_trace *trace = rig_trace(rig, "trace", 1);

    trace->media = nv_arena_array(trace->arena, count, sizeof *trace->media);
    ck_assert_ptr_nonnull(trace->media);
    memcpy(trace->media, media, count * sizeof *media);
    trace->media_count = count;
    /* Every trace has some. */
    ck_assert_int_eq(nv_attributes_add(&trace->attributes, trace->arena,
                                       NV_STR("noveum.project"), nv_value_bool(true)),
                     NV_OK);
    refer(trace);
    nv_ledger_receive(1, false);
    rig->span_count++;
    return trace;
}

void kit_consume(struct nv_rig *rig, const struct nv_medium *media, uint32_t count)
{
    nv_exporter_consume(rig->exporter, kit_trace(rig, media, count));
}
