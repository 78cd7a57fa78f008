/*
 * The registry of agents across traces: a bounded map with a time to live, seen at /agents.
 *
 *   (project, name) ─▶ entry [ id, role, runs, errors, calls, tools, connections, last seen ]
 *
 * It is a view for people, not a record: it lives in memory, forgets after the TTL, and lets
 * the agent go that was seen longest ago when it is full. uthash keeps entries in the order
 * they were added; an entry that is seen again is moved to the end, so the oldest is always the
 * first. One mutex guards all; a trace with agents takes it once, and who writes the list takes
 * it once for each entry.
 */
#include "mapping/settle/agents.h"

#include "base/tables/hash_map.h"
#include "base/json/json_write.h"
#include "base/text/shown.h"
#include "base/text/utf8.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/banned.h"

#define AGENTS_DEFAULT_MAX 1000u
#define TTL_NS_DEFAULT (UINT64_C(3600) * NV_NS_PER_S)
#define CONNECTIONS_MAX 64u
#define NAME_BYTES_MAX 256u
#define NONE UINT32_MAX
/* Most that one entry takes in JSON: each text escaped, six bytes for one. */
#define ENTRY_JSON_MAX                                                                         \
    ((size_t)(NV_AGENT_TOOLS_MAX + CONNECTIONS_MAX + 8) * (6 * NAME_BYTES_MAX + 128))
/* Most that a node and its edges take in a graph. */
#define ENTRY_GRAPH_MAX ((size_t)24 * NAME_BYTES_MAX + (size_t)CONNECTIONS_MAX * 96)

struct connection {
    char *to;
    enum nv_agent_connection_type type;
    uint64_t count;
};

struct entry {
    char *key; /* project, a NUL, name */
    size_t key_len, name_at;
    char *id, *role; /* NULL: not told */
    uint64_t runs, errors, calls, traces;
    uint64_t first_seen_ns, last_seen_ns; /* wall clock */
    char *tools[NV_AGENT_TOOLS_MAX];
    uint32_t tool_count;
    struct connection connections[CONNECTIONS_MAX];
    uint32_t connection_count;
    uint32_t holders; /* the map, and each writing that has it on its list */
    uint32_t number;  /* its place in the writing under way */
    UT_hash_handle hh;
};

struct nv_agents {
    pthread_mutex_t lock; /* of the entries */
    /* one writing at a time: `number` is its own; taken before `lock` */
    pthread_mutex_t writing;
    struct entry *entries;
    uint32_t agents_max;
    uint64_t ttl_ns;
    const struct nv_clock *clock;
};

struct nv_str nv_agent_connection_name(enum nv_agent_connection_type type)
{
    static const struct nv_str names[] = {NV_STR_INIT("delegation"), NV_STR_INIT("handoff"),
                                          NV_STR_INIT("message")};
    assert((size_t)type < sizeof names / sizeof *names);
    return names[type];
}

struct nv_agents *nv_agents_new(const struct nv_agents_config *config)
{
    struct nv_agents *agents = calloc(1, sizeof *agents);
    if (!agents)
        return NULL;
    agents->agents_max = config->agents_max ? config->agents_max : AGENTS_DEFAULT_MAX;
    agents->ttl_ns = config->ttl_ns ? config->ttl_ns : TTL_NS_DEFAULT;
    agents->clock = config->clock ? config->clock : nv_clock_system();
    if (pthread_mutex_init(&agents->lock, NULL) != 0) {
        free(agents);
        return NULL;
    }
    if (pthread_mutex_init(&agents->writing, NULL) != 0) {
        (void)pthread_mutex_destroy(&agents->lock);
        free(agents);
        return NULL;
    }
    return agents;
}

/* Frees an entry that is not in the map. */
static void free_loose(struct entry *entry)
{
    for (uint32_t i = 0; i < entry->tool_count; i++)
        free(entry->tools[i]);
    for (uint32_t i = 0; i < entry->connection_count; i++)
        free(entry->connections[i].to);
    free(entry->key);
    free(entry->id);
    free(entry->role);
    free(entry);
}

static void let_go(struct entry *entry)
{
    assert(entry->holders > 0);
    if (--entry->holders == 0)
        free_loose(entry);
}

static void free_entry(struct nv_agents *agents, struct entry *entry)
{
    HASH_DEL(agents->entries, entry);
    let_go(entry);
}

void nv_agents_free(struct nv_agents *agents)
{
    if (!agents)
        return;
    while (agents->entries)
        free_entry(agents, agents->entries);
    pthread_mutex_destroy(&agents->lock);
    pthread_mutex_destroy(&agents->writing);
    free(agents);
}

static void expire(struct nv_agents *agents, uint64_t now_ns)
{
    while (agents->entries && agents->entries->last_seen_ns + agents->ttl_ns < now_ns)
        free_entry(agents, agents->entries);
}

/* What is kept of a name, not cut inside a character. */
static struct nv_str kept(struct nv_str text)
{
    return nv_str_slice(text, 0, nv_utf8_cut(text, NAME_BYTES_MAX));
}

/* Copy of at most NAME_BYTES_MAX, or NULL. */
static char *copy_text(struct nv_str text)
{
    text = kept(text);
    size_t len = text.len;
    char *copy = malloc(len + 1);
    if (copy) {
        if (len > 0)
            memcpy(copy, text.ptr, len);
        copy[len] = '\0';
    }
    return copy;
}

/* The entry of an agent, made when it is new and moved to the end; NULL without memory. */
static struct entry *touch(struct nv_agents *agents, struct nv_str project, struct nv_str name,
                           uint64_t now_ns)
{
    char key[2 * NAME_BYTES_MAX + 2];
    struct nv_str head = kept(project);
    struct nv_str tail = kept(name);
    size_t len = head.len + 1 + tail.len;
    if (head.len > 0)
        memcpy(key, head.ptr, head.len);
    key[head.len] = '\0';
    memcpy(key + head.len + 1, tail.ptr, tail.len);
    struct entry *entry = NULL;
    HASH_FIND(hh, agents->entries, key, len, entry);
    if (entry) {
        HASH_DEL(agents->entries, entry);
    } else {
        entry = calloc(1, sizeof *entry);
        char *copy = entry ? malloc(len) : NULL;
        if (!copy) {
            free(entry);
            return NULL;
        }
        memcpy(copy, key, len);
        entry->key = copy;
        entry->key_len = len;
        entry->name_at = head.len + 1;
        entry->first_seen_ns = now_ns;
        entry->holders = 1;
        entry->number = NONE;
    }
    entry->last_seen_ns = now_ns;
    HASH_ADD_KEYPTR(hh, agents->entries, entry->key, entry->key_len, entry);
    if (!nv_hash_added(entry, hh)) {
        let_go(entry);
        return NULL;
    }
    return entry;
}

static void add_tool(struct entry *entry, struct nv_str name)
{
    for (uint32_t i = 0; i < entry->tool_count; i++) {
        if (nv_str_eq(nv_str_from(entry->tools[i]), kept(name)))
            return;
    }
    char *copy = entry->tool_count < NV_AGENT_TOOLS_MAX ? copy_text(name) : NULL;
    if (copy)
        entry->tools[entry->tool_count++] = copy;
}

static void add_connection(struct entry *entry, struct nv_str to,
                           enum nv_agent_connection_type type, uint32_t count)
{
    for (uint32_t i = 0; i < entry->connection_count; i++) {
        struct connection *known = &entry->connections[i];
        if (known->type == type && nv_str_eq(nv_str_from(known->to), kept(to))) {
            known->count += count;
            return;
        }
    }
    char *copy = entry->connection_count < CONNECTIONS_MAX ? copy_text(to) : NULL;
    if (copy)
        entry->connections[entry->connection_count++] = (struct connection){copy, type, count};
}

static void replace_text(char **text, struct nv_str by)
{
    char *copy = by.len > 0 ? copy_text(by) : NULL;
    if (!copy)
        return;
    free(*text);
    *text = copy;
}

/* The entry of a node, which stays where it is until the oldest are let go; NULL without
 * memory. */
static struct entry *note_node(struct nv_agents *agents, const struct nv_agent_graph *graph,
                               uint32_t index, uint64_t now_ns)
{
    const struct nv_agent_node *node = &graph->nodes[index];
    struct entry *entry = touch(agents, graph->project, node->name, now_ns);
    if (!entry)
        return NULL;
    entry->runs += node->runs;
    entry->errors += node->errors;
    entry->calls += node->calls;
    entry->traces++;
    replace_text(&entry->id, node->id);
    replace_text(&entry->role, node->role);
    for (uint32_t i = 0; i < node->tool_count; i++)
        add_tool(entry, node->tools[i]);
    return entry;
}

void nv_agents_note(struct nv_agents *agents, const struct nv_agent_graph *graph)
{
    struct entry *entries[NV_AGENT_NODES_MAX] = {NULL};
    uint64_t now_ns = nv_clock_wall_ns(agents->clock);
    assert(graph->node_count <= NV_AGENT_NODES_MAX);
    pthread_mutex_lock(&agents->lock);
    expire(agents, now_ns);
    bool told = true;
    for (uint32_t i = 0; told && i < graph->node_count; i++) {
        if (graph->nodes[i].name.len == 0)
            continue;
        /* without memory an entry that two nodes share may be gone: then nothing is
         * connected */
        entries[i] = note_node(agents, graph, i, now_ns);
        told = entries[i];
    }
    for (uint32_t i = 0; told && i < graph->connection_count; i++) {
        const struct nv_agent_connection *connection = &graph->connections[i];
        if (entries[connection->from]) {
            add_connection(entries[connection->from], graph->nodes[connection->to].name,
                           connection->type, connection->count);
        }
    }
    while (HASH_COUNT(agents->entries) > agents->agents_max)
        free_entry(agents, agents->entries);
    pthread_mutex_unlock(&agents->lock);
}

/* ---- one entry in JSON ------------------------------------------------------------------- */

static struct nv_str project_of(const struct entry *entry)
{
    return (struct nv_str){entry->key, entry->name_at - 1};
}

static struct nv_str name_of(const struct entry *entry)
{
    return (struct nv_str){entry->key + entry->name_at, entry->key_len - entry->name_at};
}

static void write_member(struct nv_json_writer *json, const char *key, struct nv_str value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_string(json, value);
}

static void write_count(struct nv_json_writer *json, const char *key, uint64_t value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_uint(json, value);
}

static void write_time(struct nv_json_writer *json, const char *key, uint64_t ns)
{
    char text[NV_TIME_TEXT_SIZE];
    unsigned len = nv_time_format(ns, text);
    write_member(json, key, (struct nv_str){text, len});
}

static void write_lists(struct nv_json_writer *json, const struct entry *entry)
{
    nv_json_write_key(json, NV_STR("tools"));
    nv_json_write_begin_array(json);
    for (uint32_t i = 0; i < entry->tool_count; i++)
        nv_json_write_string(json, nv_str_from(entry->tools[i]));
    nv_json_write_end_array(json);
    nv_json_write_key(json, NV_STR("connections"));
    nv_json_write_begin_array(json);
    for (uint32_t i = 0; i < entry->connection_count; i++) {
        const struct connection *connection = &entry->connections[i];
        nv_json_write_begin_object(json);
        write_member(json, "to", nv_str_from(connection->to));
        write_member(json, "type", nv_agent_connection_name(connection->type));
        write_count(json, "count", connection->count);
        nv_json_write_end_object(json);
    }
    nv_json_write_end_array(json);
}

/* ---- writing ----------------------------------------------------------------------------- */

/*
 *   lock, list of all entries, each held ─▶ for each: lock, write it ─▶ lock, let all go
 *
 * So no trace waits for more than one entry's text, and an answer of megabytes costs the shards
 * nothing. What is noted meanwhile may or may not be in it.
 */

struct writing {
    struct nv_agents *agents;
    struct entry **list; /* each held */
    uint32_t count;
    struct nv_buf *buf;
};

static enum nv_err begin(struct writing *writing)
{
    struct nv_agents *agents = writing->agents;
    pthread_mutex_lock(&agents->lock);
    expire(agents, nv_clock_wall_ns(agents->clock));
    writing->list = calloc(HASH_COUNT(agents->entries) + 1, sizeof(struct entry *));
    for (struct entry *entry = agents->entries; writing->list && entry;
         entry = entry->hh.next) {
        entry->number = writing->count;
        entry->holders++;
        writing->list[writing->count++] = entry;
    }
    pthread_mutex_unlock(&agents->lock);
    return writing->list ? NV_OK : NV_ERR_NO_MEMORY;
}

static void end(struct writing *writing)
{
    pthread_mutex_lock(&writing->agents->lock);
    for (uint32_t i = 0; i < writing->count; i++) {
        writing->list[i]->number = NONE;
        let_go(writing->list[i]);
    }
    pthread_mutex_unlock(&writing->agents->lock);
    free(writing->list);
}

/* Room for one more entry and the end? */
static bool has_room(const struct writing *writing, size_t most)
{
    return writing->buf->len + 2 * most <= writing->buf->max;
}

static void write_entry(struct nv_json_writer *json, const struct entry *entry)
{
    nv_json_write_begin_object(json);
    write_member(json, "project", project_of(entry));
    write_member(json, "name", name_of(entry));
    if (entry->id)
        write_member(json, "id", nv_str_from(entry->id));
    if (entry->role)
        write_member(json, "role", nv_str_from(entry->role));
    write_count(json, "traces", entry->traces);
    write_count(json, "runs", entry->runs);
    write_count(json, "errors", entry->errors);
    write_count(json, "calls", entry->calls);
    write_time(json, "first_seen", entry->first_seen_ns);
    write_time(json, "last_seen", entry->last_seen_ns);
    write_lists(json, entry);
    nv_json_write_end_object(json);
}

static void write_json(struct writing *writing)
{
    struct nv_json_writer json;
    uint32_t i = 0;
    nv_json_write_init(&json, writing->buf);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("agents"));
    nv_json_write_begin_array(&json);
    for (; i < writing->count && has_room(writing, ENTRY_JSON_MAX); i++) {
        pthread_mutex_lock(&writing->agents->lock);
        write_entry(&json, writing->list[i]);
        pthread_mutex_unlock(&writing->agents->lock);
    }
    nv_json_write_end_array(&json);
    if (i < writing->count)
        write_count(&json, "left_off", writing->count - i);
    nv_json_write_end_object(&json);
}

/*
 * Text inside the quotes of a label. Mermaid takes #name; and #number; for characters, Markdown
 * between backticks and directives after %%; DOT takes escapes and HTML's entities. What is
 * special to either goes out by number.
 */
static void write_label(struct nv_buf *buf, struct nv_str text, bool dot)
{
    char escape[NV_SHOWN_ESCAPE_SIZE];
    while (text.len > 0) {
        struct nv_str piece = nv_shown_next(&text, NV_SHOWN_LINE, escape);
        for (size_t i = 0; i < piece.len; i++) {
            char c = piece.ptr[i];
            bool special = memchr("\"\\#&<>`[]{}|%", c, 13) != NULL;
            if (!special)
                (void)nv_buf_append_char(buf, c);
            else if (dot)
                (void)nv_buf_printf(buf, "&#%d;", c);
            else
                (void)nv_buf_printf(buf, "#%d;", c);
        }
    }
}

/* Number of the agent of this name in the same project, or NONE when it is not in this
 * writing. */
static uint32_t number_of(const struct nv_agents *agents, const struct entry *from,
                          struct nv_str name)
{
    char key[2 * NAME_BYTES_MAX + 2];
    struct entry *entry = NULL;
    assert(name.len <= NAME_BYTES_MAX);
    memcpy(key, from->key, from->name_at);
    if (name.len > 0)
        memcpy(key + from->name_at, name.ptr, name.len);
    HASH_FIND(hh, agents->entries, key, from->name_at + name.len, entry);
    return entry ? entry->number : NONE;
}

static void write_edges(const struct writing *writing, const struct entry *entry,
                        uint32_t nodes, bool dot)
{
    for (uint32_t i = 0; i < entry->connection_count; i++) {
        const struct connection *connection = &entry->connections[i];
        uint32_t to = number_of(writing->agents, entry, nv_str_from(connection->to));
        struct nv_str type = nv_agent_connection_name(connection->type);
        unsigned long long count = connection->count;
        if (to >= nodes)
            continue;
        if (dot) {
            (void)nv_buf_printf(writing->buf, "  a%u -> a%u [label=\"%.*s %llu\"];\n",
                                entry->number, to, NV_STR_ARG(type), count);
        } else {
            (void)nv_buf_printf(writing->buf, "  a%u -->|%.*s %llu| a%u\n", entry->number,
                                NV_STR_ARG(type), count, to);
        }
    }
}

static void write_node(const struct writing *writing, const struct entry *entry, bool dot)
{
    (void)nv_buf_printf(writing->buf, dot ? "  a%u [label=\"" : "  a%u[\"", entry->number);
    write_label(writing->buf, name_of(entry), dot);
    (void)nv_buf_printf(writing->buf, dot ? "\"];\n" : "\"]\n");
}

static void write_graph(struct writing *writing, bool dot)
{
    uint32_t nodes = 0, edges = 0;
    (void)nv_buf_printf(writing->buf, dot ? "digraph agents {\n" : "graph LR\n");
    for (; nodes < writing->count && has_room(writing, ENTRY_GRAPH_MAX); nodes++)
        write_node(writing, writing->list[nodes], dot); /* a name never changes: no lock */
    for (; edges < nodes && has_room(writing, ENTRY_GRAPH_MAX); edges++) {
        pthread_mutex_lock(&writing->agents->lock);
        write_edges(writing, writing->list[edges], nodes, dot);
        pthread_mutex_unlock(&writing->agents->lock);
    }
    if (edges < writing->count) {
        (void)nv_buf_printf(writing->buf, "%s %u agents, and edges of %u, left off\n",
                            dot ? "//" : "%%", writing->count - nodes, writing->count - edges);
    }
    if (dot)
        (void)nv_buf_append_str(writing->buf, NV_STR("}\n"));
}

enum nv_err nv_agents_write(struct nv_agents *agents, enum nv_agents_form form,
                            struct nv_buf *buf)
{
    struct writing writing = {.agents = agents, .buf = buf};
    pthread_mutex_lock(&agents->writing);
    enum nv_err err = begin(&writing);
    if (err == NV_OK && form == NV_AGENTS_JSON)
        write_json(&writing);
    else if (err == NV_OK)
        write_graph(&writing, form == NV_AGENTS_DOT);
    if (writing.list)
        end(&writing);
    pthread_mutex_unlock(&agents->writing);
    return err == NV_OK ? buf->failed : err;
}
