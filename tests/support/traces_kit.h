/*
 * A store of traces for tests: a directory of its own, a shelf, a reader, and traces made up.
 */
#ifndef NV_TESTS_SUPPORT_TRACES_KIT_H
#define NV_TESTS_SUPPORT_TRACES_KIT_H

#include "gateway/traces/trace_shelf.h"

/* One trace of an agent with one model call and one tool; texts NULL: left out. */
struct kit_trace {
    const char *id; /* 32 hex digits */
    const char *name, *model, *tool, *session, *question, *answer;
    int64_t start_ms;
    double ms, cost; /* cost negative: not known */
    bool failed;
};

struct traces_kit {
    char directory[64], path[96];
    struct nv_shelf *shelf;
    struct nv_sql *reader;
    struct nv_buf out; /* for answers; cleared by kit_answer */
};

/* A directory, and in it a shelf with these limits (NULL: none) and a reader. */
void traces_kit_init(struct traces_kit *kit, const struct nv_shelf_limits *limits);
/* Closes and removes all of it. */
void traces_kit_release(struct traces_kit *kit);
/* The Noveum JSON of a trace, appended. */
void traces_kit_write(const struct kit_trace *trace, struct nv_buf *json);
/* Puts the trace, in a transaction of its own; `now_ms` is for the trim. */
void traces_kit_put(struct traces_kit *kit, const struct kit_trace *trace, int64_t now_ms);
/* Traces in the shelf's file, as a reader counts them. */
int64_t traces_kit_count(struct traces_kit *kit);
/* What was written into kit->out, as a C string; borrowed until kit->out changes. */
const char *traces_kit_text(struct traces_kit *kit);

#endif
