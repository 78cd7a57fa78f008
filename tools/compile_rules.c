/*
 * Build tool: compiles the convention tables into constant arrays.
 *
 *   compile_rules OUT.c mapping/conventions/a.rules mapping/conventions/b.rules ...
 *
 * Links the program's own parser, so that what the build accepts is what a user's table may
 * say. Tables are read in the order of their names, because equal precedence goes by file.
 * Errors are printed as `file:line:column: text`, which editors understand. Nothing of this is
 * in the gateway.
 */
#include "mapping/rules/rule_parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define TABLE_BYTES_MAX (16u << 20)

static void print_string(FILE *out, struct nv_str text)
{
    fputs("NV_STR_INIT(\"", out);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7F || c == '?')
            fprintf(out, "\\%03o", c);
        else
            fputc(c, out);
    }
    fputs("\")", out);
}

static void print_words(FILE *out, const uint64_t *words, unsigned count)
{
    fputs("{{", out);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "%" PRIu64 "u,", words[i]);
    fputs("}}", out);
}

static void print_signs(FILE *out, const struct nv_signs *signs)
{
    print_words(out, signs->bits, NV_SIGNS_MAX / 64);
}

static void print_namespaces(FILE *out, const struct nv_namespaces *spaces)
{
    print_words(out, spaces->bits, sizeof spaces->bits / sizeof *spaces->bits);
    fputc(',', out);
}

static void print_filter(FILE *out, const struct nv_rule_filter *filter)
{
    fprintf(out, "{{%" PRIu64 "u,%" PRIu64 "u},", filter->value.first, filter->value.lengths);
    print_signs(out, &filter->need);
    fputc(',', out);
    print_signs(out, &filter->lack);
    fputc('}', out);
}

static void print_rules(FILE *out, const struct nv_rules *rules)
{
    fputs("static const struct nv_rule rules[] = {\n", out);
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        const struct nv_rule *r = &rules->rules[i];
        fprintf(out, "{%u,%u,%u,%u,%u,%u,%u,%u,%u,%u,%u,%u,%uu,%uu,%u,", r->key, r->field,
                r->first_test, r->first_step, r->test_count, r->step_count, r->sign_tests,
                r->where, r->flags, r->precedence, r->file, r->line, r->kinds, r->gives,
                r->order);
        print_filter(out, &r->filter);
        fputs("},\n", out);
    }
    fputs("{0}};\nstatic const struct nv_rule_key keys[] = {\n", out);
    for (uint32_t i = 0; i < rules->key_count; i++) {
        const struct nv_rule_key *k = &rules->keys[i];
        fputc('{', out);
        print_string(out, k->pattern);
        fprintf(out, ",%uu,%u,%u,%u,%u,%uu,", k->hash, k->first_rule, k->rule_count,
                k->kind_count, k->prefix_len, k->gate);
        print_signs(out, &k->signs);
        fprintf(out, ",%d,%d,%d},\n", k->wild, k->watched, k->messages);
    }
    fputs("{.pattern = NV_STR_INIT(\"\")}};\n", out);
}

static void print_fields(FILE *out, const struct nv_rules *rules)
{
    fputs("static const struct nv_field fields[] = {\n", out);
    for (uint32_t i = 0; i < rules->field_count; i++) {
        const struct nv_field *f = &rules->fields[i];
        fputc('{', out);
        print_string(out, f->name);
        fprintf(out, ",%uu,%u,%d,%d,%d},\n", f->kinds, f->key, f->of_trace, f->outside,
                f->replaces);
    }
    fputs("};\nstatic const struct nv_test tests[] = {\n", out);
    for (uint32_t i = 0; i < rules->test_count; i++) {
        const struct nv_test *t = &rules->tests[i];
        fprintf(out, "{%u,%d,%u,%u,%u,", t->what, t->negate, t->first_watch, t->watch_count,
                t->sign);
        print_string(out, t->globs);
        fprintf(out, ",{%" PRIu64 "u,%" PRIu64 "u},", t->filter.first, t->filter.lengths);
        print_words(out, t->mask.bits, NV_WATCHES_MAX / 64);
        fputs("},\n", out);
    }
    fputs("{.globs = NV_STR_INIT(\"\")}};\nstatic const struct nv_step steps[] = {\n", out);
    for (uint32_t i = 0; i < rules->step_count; i++) {
        const struct nv_step *s = &rules->steps[i];
        fprintf(out, "{%u,%u,", s->op, s->kind);
        print_string(out, s->argument);
        fputs("},\n", out);
    }
    fputs("{0,0,NV_STR_INIT(\"\")}};\n", out);
}

static void print_numbers(FILE *out, const char *name, const uint16_t *numbers, uint32_t count)
{
    fprintf(out, "static const uint16_t %s[] = {\n", name);
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "%u,%s", numbers[i], i % 16 == 15 ? "\n" : "");
    fputs("0};\n", out);
}

static void print_scopes(FILE *out, const struct nv_rules *rules)
{
    fputs("static const struct nv_scope_sign scopes[] = {\n", out);
    for (uint32_t i = 0; i < rules->scope_count; i++) {
        fputc('{', out);
        print_string(out, rules->scopes[i].globs);
        fprintf(out, ",{%" PRIu64 "u,%" PRIu64 "u},%u},\n", rules->scopes[i].filter.first,
                rules->scopes[i].filter.lengths, rules->scopes[i].sign);
    }
    fputs("{.globs = NV_STR_INIT(\"\")}};\n", out);
}

static void print_all(FILE *out, const struct nv_rules *rules)
{
    fputs("/* Made by tools/compile_rules.c from mapping/conventions; not to be edited. */\n"
          "#include \"mapping/rules/rule.h\"\n",
          out);
    print_rules(out, rules);
    print_fields(out, rules);
    print_numbers(out, "watches", rules->watches, rules->watch_count);
    print_numbers(out, "slots", rules->slots, rules->slot_count);
    print_scopes(out, rules);
    fputs("static const struct nv_rule_file files[] = {\n", out);
    for (uint32_t i = 0; i < rules->file_count; i++) {
        fputc('{', out);
        print_string(out, rules->files[i].name);
        fputc(',', out);
        print_string(out, rules->files[i].convention);
        fputc(',', out);
        print_string(out, rules->files[i].title);
        fputs("},\n", out);
    }
    fputs("};\nstatic const struct nv_rules builtin = {rules, keys, fields, tests, steps, "
          "watches, slots, scopes, files, ",
          out);
    print_signs(out, &rules->valued);
    fputc(',', out);
    print_signs(out, &rules->scoped);
    fprintf(out, ", {%" PRIu64 "u,%" PRIu64 "u},", rules->wild.first, rules->wild.lengths);
    print_namespaces(out, &rules->targets);
    print_namespaces(out, &rules->settled);
    fprintf(out,
            "%" PRIu64 "u, %u, %u, %u, %u, %u, %u, %u, %u, %u, 0};\n"
            "const struct nv_rules *nv_rules_builtin(void)\n{\n    return &builtin;\n}\n",
            rules->endings, rules->rule_count, rules->key_count, rules->field_count,
            rules->test_count, rules->step_count, rules->watch_count, rules->slot_count,
            rules->scope_count, rules->file_count);
}

/* Whole of a file in the arena; ptr NULL when it can't be read. */
static struct nv_str read_table(struct nv_arena *arena, const char *path)
{
    struct nv_str text = {NULL, 0};
    FILE *in = fopen(path, "rb");
    char *bytes = in ? nv_arena_raw(arena, TABLE_BYTES_MAX) : NULL;
    if (bytes)
        text = (struct nv_str){bytes, fread(bytes, 1, TABLE_BYTES_MAX, in)};
    if (in)
        fclose(in);
    return text;
}

static struct nv_str base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return nv_str_from(slash ? slash + 1 : path);
}

static int compile(struct nv_arena *arena, int argc, char **argv)
{
    struct nv_rule_draft draft;
    struct nv_rules rules;
    nv_rule_draft_init(&draft, arena);
    for (int i = 2; i < argc; i++) {
        struct nv_fail fail = {0};
        struct nv_str text = read_table(arena, argv[i]);
        if (!text.ptr) {
            fprintf(stderr, "%s: can't be read\n", argv[i]);
            return 1;
        }
        if (nv_rule_parse(&draft, base_name(argv[i]), text, false, &fail)) {
            fprintf(stderr, "mapping/conventions/%s: error: %s\n", fail.path, fail.what);
            return 1;
        }
    }
    if (nv_rule_build(&draft, &rules))
        return 1;
    FILE *out = fopen(argv[1], "wb");
    if (!out)
        return 1;
    print_all(out, &rules);
    return fclose(out) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: compile_rules OUT.c TABLE...\n", stderr);
        return 2;
    }
    struct nv_arena *arena = nv_arena_new((size_t)1 << 31);
    int status = arena ? compile(arena, argc, argv) : 1;
    nv_arena_free(arena);
    return status;
}
