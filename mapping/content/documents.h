/*
 * Retrieved documents of every convention in one form: [{id?, content?, score?, metadata?,
 * ...}].
 *
 * Accepted: OpenInference `document.*` members, LangChain {page_content, metadata}, Haystack
 * and MLflow {page_content | content, id, score, metadata}, LlamaIndex {node: {...}, score},
 * vector store hits {id, distance | score, payload | document | text}, Chroma's columns (ids,
 * documents, metadatas, distances), Vertex and Bedrock retrieval results, bare strings; as a
 * list, one object, or wrapped (`documents`, `results`, `matches`, `hits`, `points`, `nodes`,
 * ...). Unknown members are kept. Same lifetimes as mapping/content/messages.h.
 */
#ifndef NV_MAPPING_CONTENT_DOCUMENTS_H
#define NV_MAPPING_CONTENT_DOCUMENTS_H

#include "model/value.h"

/* Most documents kept of one list. */
#define NV_DOCUMENTS_MAX 10000u

struct nv_documents {
    struct nv_value list; /* ARRAY of MAPs */
    /* ARRAY of numbers, one a document; empty unless each has a score */
    struct nv_value scores;
    bool partial; /* the source held more than the documents: keep it */
};

/* Normalises JSON text or a tree. Borrows `in`. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_documents_normalise(struct nv_arena *arena, const struct nv_value *in,
                                   struct nv_documents *out) NV_MUST_USE;

#endif
