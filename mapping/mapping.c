/*
 * The mapping as a whole: what is made once at start and then only read.
 *
 *   config ─▶ nv_mapping [ rules (built in, or merged with the user's), prices, defaults ]
 *
 * Without a rules file the compiled-in rules are used in place, with no start-up cost. With
 * one, the built-in rows are imported into a draft, the user's parsed behind them and the set
 * built anew: a few milliseconds, once. Wrong files are refused here, with line and column, so
 * that a running gateway never meets one.
 */
#include "base/file.h"
#include "base/limits.h"
#include "mapping/engine/layout.h"
#include "mapping/engine/work.h"
#include "mapping/mapping.h"
#include "mapping/prices/price.h"
#include "mapping/rules/rule_parse.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

/* Whole of a small file in the arena. */
static enum nv_err read_file(struct nv_arena *arena, struct nv_str path, struct nv_str *out,
                             struct nv_fail *fail)
{
    struct nv_buf text;
    struct nv_str name = nv_arena_printf(arena, "%.*s", NV_STR_ARG(path));
    if (!name.ptr)
        return NV_ERR_NO_MEMORY;
    nv_buf_init(&text, NV_CAP_MAPPING_FILE);
    enum nv_err err = nv_file_read(name.ptr, NV_FILE_WAIT_MS, NV_CAP_MAPPING_FILE, &text, fail);
    if (err == NV_OK) {
        *out = nv_arena_dup(arena, nv_buf_str(&text));
        err = out->ptr || text.len == 0 ? NV_OK : NV_ERR_NO_MEMORY;
    } else if (err != NV_ERR_NO_MEMORY && fail) {
        (void)snprintf(fail->path, sizeof fail->path, "%s:0:0", name.ptr);
        err = NV_ERR_CONFIG;
    }
    nv_buf_release(&text);
    return err;
}

static const struct nv_str fact_names[NV_FACT_KEYS] = {[NV_FACT_NAME] = NV_STR_INIT("@name"),
                                                       [NV_FACT_SCOPE] = NV_STR_INIT("@scope"),
                                                       [NV_FACT_ANY] = NV_STR_INIT("@any")};

static enum nv_err load_rules(struct nv_mapping *mapping, struct nv_str path,
                              struct nv_fail *fail)
{
    struct nv_rule_draft draft;
    struct nv_str text, name;
    mapping->rules = nv_rules_builtin();
    if (path.len == 0)
        return NV_OK;
    enum nv_err err = read_file(mapping->arena, path, &text, fail);
    if (err != NV_OK)
        return err;
    name = nv_arena_dup(mapping->arena, path);
    if (!name.ptr)
        return NV_ERR_NO_MEMORY;
    nv_rule_draft_init(&draft, mapping->arena);
    err = nv_rule_draft_import(&draft, mapping->rules);
    if (err == NV_OK)
        err = nv_rule_parse(&draft, name, text, true, fail);
    if (err == NV_OK)
        err = nv_rule_build(&draft, &mapping->own_rules);
    if (err == NV_ERR_LIMIT) {
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0,
                          "too many rows (%u with ours), or too many different conditions with "
                          "has, lacks, scope and attr (%u with ours; equal ones count once)",
                          NV_RULES_MAX, NV_SIGNS_MAX);
    }
    if (err == NV_OK)
        mapping->rules = &mapping->own_rules;
    return err;
}

/* The user's prices go before the built-in ones. */
static enum nv_err load_prices(struct nv_mapping *mapping, struct nv_str path,
                               struct nv_fail *fail)
{
    struct nv_str text;
    struct nv_prices *prices = nv_prices_make(mapping->arena);
    enum nv_err err = prices ? NV_OK : NV_ERR_NO_MEMORY;
    if (err == NV_OK && path.len > 0) {
        err = read_file(mapping->arena, path, &text, fail);
        if (err == NV_OK)
            err = nv_prices_add(prices, path, text, fail);
    }
    if (err == NV_OK)
        nv_prices_add_builtin(prices);
    mapping->prices = prices;
    return err;
}

static enum nv_err copy_texts(struct nv_mapping *mapping,
                              const struct nv_mapping_config *config)
{
    const struct {
        struct nv_str from, *to;
    } texts[] = {{config->project, &mapping->project},
                 {config->environment, &mapping->environment},
                 {config->service_version, &mapping->service_version},
                 {config->gateway_version, &mapping->gateway_version}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i].to = nv_arena_dup(mapping->arena, texts[i].from);
        if (texts[i].from.len > 0 && !texts[i].to->ptr)
            return NV_ERR_NO_MEMORY;
    }
    return NV_OK;
}

/* Sorts the rows of one fact by the kinds that may have them: every span asks all of its
 * kind's. */
static enum nv_err sort_fact_rows(struct nv_mapping *mapping, unsigned fact)
{
    const uint16_t index = mapping->fact_keys[fact];
    const struct nv_rule_key *key = &mapping->rules->keys[index];
    for (unsigned kind = 0; index != UINT16_MAX && kind < NV_KIND_COUNT; kind++) {
        struct nv_fact_rows *rows = &mapping->fact_rows[fact][kind];
        uint16_t *at = nv_arena_array(mapping->arena, key->rule_count, sizeof *at);
        if (!at)
            return NV_ERR_NO_MEMORY;
        for (unsigned i = key->kind_count; i < key->rule_count; i++) {
            if (mapping->rules->rules[key->first_rule + i].gives & NV_KIND_BIT(kind))
                at[rows->count++] = (uint16_t)i;
        }
        rows->at = at;
    }
    return NV_OK;
}

static enum nv_err find_facts(struct nv_mapping *mapping)
{
    enum nv_err err = NV_OK;
    for (unsigned fact = 0; err == NV_OK && fact < NV_FACT_KEYS; fact++) {
        mapping->fact_keys[fact] = nv_rules_find_exact(mapping->rules, fact_names[fact], false);
        err = sort_fact_rows(mapping, fact);
    }
    return err;
}

/*
 * All of it lies in one arena: a failure half-way is undone by one call that need not know how
 * far it came. What says nothing of itself is told by its error's text at the end; a place and
 * a reason that are set already stay.
 */
struct nv_mapping *nv_mapping_new(const struct nv_mapping_config *config, struct nv_fail *fail)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_MAPPING_ARENA);
    struct nv_mapping *mapping = arena ? nv_arena_alloc(arena, sizeof *mapping) : NULL;
    enum nv_err err = mapping ? NV_OK : NV_ERR_NO_MEMORY;
    if (err == NV_OK) {
        mapping->arena = arena;
        mapping->keep_all = config->keep_source == NV_KEEP_ALL;
        mapping->explain = config->explain;
        mapping->ai_only = config->spans == NV_SPANS_AI;
        mapping->agents = config->agents;
        mapping->work_per_byte = config->work_per_byte;
        err = copy_texts(mapping, config);
    }
    if (err == NV_OK)
        err = load_rules(mapping, config->rules_file, fail);
    if (err == NV_OK)
        err = load_prices(mapping, config->prices_file, fail);
    if (err == NV_OK)
        err = find_facts(mapping);
    if (err == NV_OK) {
        mapping->layouts = nv_layout_pool_new();
        err = mapping->layouts ? NV_OK : NV_ERR_NO_MEMORY;
    }
    if (err != NV_OK) {
        (void)nv_fail_set(fail, err, 0, "%s", nv_err_info(err)->text);
        nv_arena_free(arena);
        return NULL;
    }
    return mapping;
}

void nv_mapping_free(struct nv_mapping *mapping)
{
    if (!mapping)
        return;
    nv_layout_pool_free(mapping->layouts);
    nv_arena_free(mapping->arena);
}
