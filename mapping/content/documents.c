/*
 * Retrieved documents of every shape in one: {id?, content?, score?, metadata?, ...}.
 *
 *   {document: {id, content, score, metadata: "{...}"}}    OpenInference
 *   {page_content, metadata, type: "Document"}              LangChain, MLflow
 *   {node: {id_, text, metadata}, score}                    LlamaIndex
 *   {ids: [[...]], documents: [[...]], distances: [[...]]}  Chroma's columns
 *   {matches: [{id, score, metadata}]}, {points: [...]}     vector stores
 *
 * Spellings of the four members are one table; containers are opened; unknown members stay. A
 * distance is kept as distance: it is no score, for less is better.
 */
#include "mapping/content/documents.h"
#include "base/meter.h"
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"

#include "base/banned.h"

#define DOCUMENTS_DEPTH_MAX 6u

enum document_member {
    DOCUMENT_OTHER,
    DOCUMENT_ID,
    DOCUMENT_CONTENT,
    DOCUMENT_SCORE,
    DOCUMENT_METADATA,
    DOCUMENT_INNER, /* one document inside, or text */
    DOCUMENT_LIST   /* documents inside */
};

static const struct {
    struct nv_str key;
    enum document_member member;
} document_members[] = {
    {NV_STR_INIT("content"), DOCUMENT_CONTENT},
    {NV_STR_INIT("page_content"), DOCUMENT_CONTENT},
    {NV_STR_INIT("pageContent"), DOCUMENT_CONTENT},
    {NV_STR_INIT("text"), DOCUMENT_CONTENT},
    {NV_STR_INIT("id"), DOCUMENT_ID},
    {NV_STR_INIT("id_"), DOCUMENT_ID},
    {NV_STR_INIT("node_id"), DOCUMENT_ID},
    {NV_STR_INIT("doc_id"), DOCUMENT_ID},
    {NV_STR_INIT("documentId"), DOCUMENT_ID},
    {NV_STR_INIT("score"), DOCUMENT_SCORE},
    {NV_STR_INIT("relevance_score"), DOCUMENT_SCORE},
    {NV_STR_INIT("similarity"), DOCUMENT_SCORE},
    {NV_STR_INIT("metadata"), DOCUMENT_METADATA},
    {NV_STR_INIT("meta"), DOCUMENT_METADATA},
    {NV_STR_INIT("payload"), DOCUMENT_METADATA},
    {NV_STR_INIT("document"), DOCUMENT_INNER},
    {NV_STR_INIT("node"), DOCUMENT_INNER},
    {NV_STR_INIT("kwargs"), DOCUMENT_INNER},
    {NV_STR_INIT("documents"), DOCUMENT_LIST},
    {NV_STR_INIT("results"), DOCUMENT_LIST},
    {NV_STR_INIT("matches"), DOCUMENT_LIST},
    {NV_STR_INIT("hits"), DOCUMENT_LIST},
    {NV_STR_INIT("points"), DOCUMENT_LIST},
    {NV_STR_INIT("nodes"), DOCUMENT_LIST},
    {NV_STR_INIT("source_nodes"), DOCUMENT_LIST},
    {NV_STR_INIT("retrievalResults"), DOCUMENT_LIST},
    {NV_STR_INIT("output"), DOCUMENT_LIST},
    {NV_STR_INIT("outputs"), DOCUMENT_LIST},
    {NV_STR_INIT("data"), DOCUMENT_LIST},
};

struct document {
    struct nv_arena *arena;
    const struct nv_value *id, *content, *score, *metadata; /* NULL when not there */
    struct nv_attributes rest;
};

struct walk {
    struct nv_arena *arena;
    struct nv_values list;
    bool partial;
};

static enum document_member member_of(struct nv_str key)
{
    for (size_t i = 0; i < sizeof document_members / sizeof document_members[0]; i++) {
        if (nv_str_eq(document_members[i].key, key))
            return document_members[i].member;
    }
    return DOCUMENT_OTHER;
}

/* ---- one document ------------------------------------------------------------------------ */

/* The first spelling is the member; a second one says something else and stays under its own
 * name. */
static enum nv_err take(struct document *document, const struct nv_value **slot,
                        const struct nv_attribute *member)
{
    if (*slot)
        return nv_attributes_add(&document->rest, document->arena, member->key, member->value);
    *slot = &member->value;
    return NV_OK;
}

static bool is_type_word(const struct nv_attribute *member)
{
    return nv_str_eq(member->key, NV_STR("type")) && member->value.type == NV_VALUE_STRING &&
           nv_str_eq(member->value.as.string, NV_STR("Document"));
}

static enum nv_err gather(struct document *document, const struct nv_value *map, unsigned depth)
{
    enum nv_err err = nv_meter_spend(1 + map->as.map.count) ? NV_OK : NV_ERR_LIMIT;
    for (uint32_t i = 0; err == NV_OK && i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        const enum document_member what = member_of(member->key);
        if (nv_value_empty(&member->value) || is_type_word(member))
            continue;
        if (what == DOCUMENT_ID) {
            err = take(document, &document->id, member);
        } else if (what == DOCUMENT_CONTENT) {
            err = take(document, &document->content, member);
        } else if (what == DOCUMENT_SCORE) {
            err = take(document, &document->score, member);
        } else if (what == DOCUMENT_METADATA) {
            err = take(document, &document->metadata, member);
            /* LlamaIndex' node and LangChain's kwargs: the document is inside, its score beside
         * it */
        } else if (what == DOCUMENT_INNER && member->value.type == NV_VALUE_MAP &&
                   depth < DOCUMENTS_DEPTH_MAX) {
            err = gather(document, &member->value, depth + 1);
        } else if (what == DOCUMENT_INNER && member->value.type == NV_VALUE_STRING) {
            err = take(document, &document->content, member);
        } else {
            err =
                nv_attributes_add(&document->rest, document->arena, member->key, member->value);
        }
    }
    return err;
}

static enum nv_err put(struct document *document, struct nv_attributes *members,
                       struct nv_str key, const struct nv_value *value)
{
    return !value ? NV_OK : nv_attributes_add(members, document->arena, key, *value);
}

static enum nv_err write_document(struct walk *walk, struct document *document)
{
    struct nv_attributes members = {0};
    struct nv_value metadata;
    enum nv_err err = put(document, &members, NV_STR("id"), document->id);
    if (err == NV_OK)
        err = put(document, &members, NV_STR("content"), document->content);
    if (err == NV_OK)
        err = put(document, &members, NV_STR("score"), document->score);
    if (err == NV_OK && document->metadata) {
        err = nv_json_text_parse(walk->arena, document->metadata, NV_JSON_TEXT_LEVELS, NULL,
                                 &metadata);
        if (err == NV_OK)
            err = nv_attributes_add(&members, walk->arena, NV_STR("metadata"), metadata);
    }
    for (uint32_t i = 0; err == NV_OK && i < document->rest.count; i++) {
        err = nv_attributes_add(&members, walk->arena, document->rest.items[i].key,
                                document->rest.items[i].value);
    }
    if (err != NV_OK)
        return err;
    /* partial, so that the source goes out as well and nothing is lost */
    if (walk->list.count >= NV_DOCUMENTS_MAX) {
        walk->partial = true;
        return NV_OK;
    }
    const struct nv_value out = {.type = NV_VALUE_MAP,
                                 .as.map = {members.items, members.count}};
    return nv_values_push(&walk->list, walk->arena, out);
}

/* ---- columns ----------------------------------------------------------------------------- */

/* Chroma answers in columns, one list a query: [[a, b]] is [a, b] for the only query. */
static const struct nv_value *column(const struct nv_value *map, struct nv_str key)
{
    const struct nv_value *value = nv_map_get(map, key);
    if (!value || value->type != NV_VALUE_ARRAY)
        return NULL;
    if (value->as.array.count == 1 && value->as.array.items[0].type == NV_VALUE_ARRAY)
        return &value->as.array.items[0];
    return value;
}

static const struct nv_value *cell(const struct nv_value *column_value, uint32_t row)
{
    if (!column_value || row >= column_value->as.array.count ||
        nv_value_empty(&column_value->as.array.items[row]))
        return NULL;
    return &column_value->as.array.items[row];
}

static enum nv_err visit_columns(struct walk *walk, const struct nv_value *map)
{
    const struct nv_value *ids = column(map, NV_STR("ids"));
    const struct nv_value *texts = column(map, NV_STR("documents"));
    const struct nv_value *metadata = column(map, NV_STR("metadatas"));
    const struct nv_value *distances = column(map, NV_STR("distances"));
    enum nv_err err = nv_meter_spend(1 + ids->as.array.count) ? NV_OK : NV_ERR_LIMIT;
    for (uint32_t row = 0; err == NV_OK && row < ids->as.array.count; row++) {
        struct document document = {.arena = walk->arena,
                                    .id = cell(ids, row),
                                    .content = cell(texts, row),
                                    .metadata = cell(metadata, row)};
        const struct nv_value *distance = cell(distances, row);
        if (distance)
            err = nv_attributes_add(&document.rest, walk->arena, NV_STR("distance"), *distance);
        if (err == NV_OK)
            err = write_document(walk, &document);
    }
    for (uint32_t i = 0; i < map->as.map.count; i++) {
        const struct nv_str key = map->as.map.items[i].key;
        const bool used =
            nv_str_eq(key, NV_STR("ids")) || nv_str_eq(key, NV_STR("documents")) ||
            nv_str_eq(key, NV_STR("metadatas")) || nv_str_eq(key, NV_STR("distances"));
        walk->partial |= !used && !nv_value_empty(&map->as.map.items[i].value);
    }
    return err;
}

/* ---- the walk ---------------------------------------------------------------------------- */

static enum nv_err visit(struct walk *walk, const struct nv_value *in, unsigned depth);

/* The list of documents that an answer holds, or NULL; its other members are the answer's. An
 * object with a text of its own is a document, whatever else it holds. */
static const struct nv_value *list_inside(const struct nv_value *map)
{
    const struct nv_value *list = NULL;
    (void)nv_meter_spend(1 + map->as.map.count);
    for (uint32_t i = 0; i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        const enum document_member what = member_of(member->key);
        if (what == DOCUMENT_CONTENT && member->value.type == NV_VALUE_STRING)
            return NULL;
        if (what == DOCUMENT_LIST && !list &&
            (member->value.type == NV_VALUE_ARRAY || member->value.type == NV_VALUE_MAP))
            list = &member->value;
    }
    return list;
}

static enum nv_err visit_map(struct walk *walk, const struct nv_value *map, unsigned depth)
{
    if (column(map, NV_STR("ids")))
        return visit_columns(walk, map);
    const struct nv_value *list = list_inside(map);
    if (list) {
        for (uint32_t i = 0; i < map->as.map.count; i++) {
            const struct nv_value *value = &map->as.map.items[i].value;
            walk->partial |= value != list && !nv_value_empty(value);
        }
        return visit(walk, list, depth + 1);
    }
    struct document document = {.arena = walk->arena};
    enum nv_err err = gather(&document, map, 0);
    return err != NV_OK ? err : write_document(walk, &document);
}

static enum nv_err visit(struct walk *walk, const struct nv_value *in, unsigned depth)
{
    struct nv_value value;
    enum nv_err err = nv_json_text_parse(walk->arena, in, NV_JSON_TEXT_LEVELS, NULL, &value);
    if (err != NV_OK || nv_value_empty(&value))
        return err;
    if (value.type == NV_VALUE_MAP && depth <= DOCUMENTS_DEPTH_MAX)
        return visit_map(walk, &value, depth);
    if (value.type == NV_VALUE_ARRAY && depth <= DOCUMENTS_DEPTH_MAX) {
        for (uint32_t i = 0; err == NV_OK && i < value.as.array.count; i++)
            err = visit(walk, &value.as.array.items[i], depth + 1);
        return err;
    }
    struct document document = {.arena = walk->arena, .content = &value};
    return write_document(walk, &document);
}

/* Scores of all documents, or an empty list when one has none: a list that is shorter than the
 * documents could not be matched to them. */
static enum nv_err gather_scores(struct nv_arena *arena, const struct nv_value *documents,
                                 struct nv_value *out)
{
    struct nv_values scores = {0};
    *out = (struct nv_value){.type = NV_VALUE_ARRAY};
    for (uint32_t i = 0; i < documents->as.array.count; i++) {
        const struct nv_value *score =
            nv_map_get(&documents->as.array.items[i], NV_STR("score"));
        if (!score || (score->type != NV_VALUE_DOUBLE && score->type != NV_VALUE_INT))
            return NV_OK;
        enum nv_err err = nv_values_push(&scores, arena, *score);
        if (err != NV_OK)
            return err;
    }
    out->as.array = (struct nv_array){scores.items, scores.count};
    return NV_OK;
}

enum nv_err nv_documents_normalise(struct nv_arena *arena, const struct nv_value *in,
                                   struct nv_documents *out)
{
    struct walk walk = {.arena = arena};
    enum nv_err err = nv_value_absent(in) ? NV_OK : visit(&walk, in, 0);
    *out = (struct nv_documents){
        .list = {.type = NV_VALUE_ARRAY, .as.array = {walk.list.items, walk.list.count}},
        .scores = {.type = NV_VALUE_ARRAY},
        .partial = walk.partial};
    return err != NV_OK ? err : gather_scores(arena, &out->list, &out->scores);
}
