/*
 * Conversations: the order of their messages, and spans that are part of them.
 *
 * A table of 1024 rows that is made with the first conversation and looked through from its
 * start to where rows were ever used: what a turn of a conversation costs is its model's time.
 * A row that was used longest ago is taken when there is no other.
 */
#include "trace/conversations.h"

#include "trace/agents.h"
#include "trace/attributes.h"
#include "trace/span.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

struct row {
    char id[NOVEUM_ID_SIZE];
    uint64_t next; /* order of the next message */
    uint64_t used; /* by the clock of uses */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static struct row *rows;
static size_t row_count;
static uint64_t uses;

void nv_trace_conversations_lock(void)
{
    pthread_mutex_lock(&lock);
}

void nv_trace_conversations_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static struct row *find(const char *id)
{
    char cut[NOVEUM_ID_SIZE];
    nv_trace_copy_text(cut, sizeof cut, id);
    for (size_t i = 0; i < row_count; i++) {
        if (strcmp(rows[i].id, cut) == 0)
            return &rows[i];
    }
    return NULL;
}

static struct row *oldest(void)
{
    struct row *found = rows;
    for (size_t i = 1; i < row_count; i++) {
        if (rows[i].used < found->used)
            found = &rows[i];
    }
    return found;
}

/* The row of an id, made where there is none; NULL: no memory. */
static struct row *use(const char *id, uint64_t next)
{
    struct row *row = id ? find(id) : NULL;
    if (!rows)
        rows = calloc(NV_TRACE_CONVERSATIONS_MAX, sizeof *rows);
    if (!rows)
        return NULL;
    if (!row) {
        row = row_count < NV_TRACE_CONVERSATIONS_MAX ? &rows[row_count++] : oldest();
        row->next = next;
        if (id)
            nv_trace_copy_text(row->id, sizeof row->id, id);
        else
            nv_trace_make_id(row->id);
    }
    row->used = ++uses;
    return row;
}

noveum_result noveum_thread_resume(const char *id, uint64_t next, char out[NOVEUM_ID_SIZE])
{
    if (out)
        out[0] = '\0';
    if (!nv_trace_on())
        return NOVEUM_OFF;
    nv_trace_conversations_lock();
    const struct row *row = use(id && id[0] != '\0' ? id : NULL, next);
    if (row && out)
        nv_trace_copy_text(out, NOVEUM_ID_SIZE, row->id);
    nv_trace_conversations_unlock();
    return row ? NOVEUM_OK : NOVEUM_NO_MEMORY;
}

void noveum_thread_join(noveum_span span, const char *id)
{
    noveum_session(span, id);
}

uint64_t noveum_thread_message(noveum_span span, const char *id, noveum_direction direction,
                               const char *role, const char *text, size_t length)
{
    uint64_t order = UINT64_MAX;
    if (!nv_trace_on())
        return order;
    nv_trace_conversations_lock();
    struct row *row = id && id[0] != '\0' ? use(id, 0) : NULL;
    if (row)
        order = row->next++;
    nv_trace_conversations_unlock();
    const char *usual = direction == NOVEUM_OUTPUT ? "assistant" : "user";
    const noveum_attribute attributes[] = {
        noveum_str("thread.message.role", role ? role : usual),
        noveum_int("thread.message.order", order < INT64_MAX ? (int64_t)order : 0),
    };
    noveum_session(span, id);
    noveum_message(span, direction, role, text, length);
    if (order != UINT64_MAX)
        noveum_event(span, "thread.message", 0, attributes, 2);
    return order;
}

uint64_t noveum_thread_length(const char *id)
{
    nv_trace_conversations_lock();
    const struct row *row = id ? find(id) : NULL;
    uint64_t length = row ? row->next : 0;
    nv_trace_conversations_unlock();
    return length;
}
