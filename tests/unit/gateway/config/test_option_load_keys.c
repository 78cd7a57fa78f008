/*
 * Every row of the option table by each of its three ways: the same words in a file, in the
 * variable and after --set are the same value, shown with where it came from, and --set comes
 * before the variable, which comes before the file.
 *
 * Words are made by a row's type; SAMPLES has those that must be of a form, or that need
 * another option. A new option is tested by being in the table.
 */
#include "expect.h"

#include "gateway/config/option_load.h"
#include "gateway/config/option_print.h"

#include <stdio.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define WORDS_MAX 256
#define NEEDS_MAX 3

static char directory[] = "/tmp/noveum-keys-XXXXXX";

/* `one` differs from the default, `other` from `one`; FILE and DIRECTORY are there. */
static const struct sample {
    size_t id;
    const char *one, *other;
    const char *needs[NEEDS_MAX]; /* other options, by --set */
} samples[] = {
    {NV_OPT_memory_max_bytes, "512MiB", "768MiB", {NULL}},
    {NV_OPT_role, "assemble", "receive", {"kafka.brokers=a:1"}},
    {NV_OPT_kafka_brokers, "a:1,b:2", "c:3", {NULL}},
    {NV_OPT_kafka_properties, "linger.ms=5", "linger.ms=6", {NULL}},
    {NV_OPT_receiver_http_tls_cert_file, "FILE", "OTHER", {"receiver.http.tls.key_file=FILE"}},
    {NV_OPT_receiver_http_tls_key_file, "FILE", "OTHER", {"receiver.http.tls.cert_file=FILE"}},
    {NV_OPT_receiver_http_tls_client_ca_file,
     "FILE",
     "OTHER",
     {"receiver.http.tls.cert_file=FILE", "receiver.http.tls.key_file=FILE"}},
    {NV_OPT_receiver_grpc_tls_cert_file, "FILE", "OTHER", {"receiver.grpc.tls.key_file=FILE"}},
    {NV_OPT_receiver_grpc_tls_key_file, "FILE", "OTHER", {"receiver.grpc.tls.cert_file=FILE"}},
    {NV_OPT_receiver_grpc_tls_client_ca_file,
     "FILE",
     "OTHER",
     {"receiver.grpc.tls.cert_file=FILE", "receiver.grpc.tls.key_file=FILE"}},
    {NV_OPT_journal_directory, "DIRECTORY/first", "DIRECTORY/second", {NULL}},
    {NV_OPT_exporter_noveum_queue_bytes, "8MiB", "16MiB", {NULL}},
    {NV_OPT_exporter_noveum_ca_files, "FILE,OTHER", "OTHER", {NULL}},
    {NV_OPT_exporter_noveum_client_cert_file,
     "FILE",
     "OTHER",
     {"exporter.noveum.client_key_file=FILE"}},
    {NV_OPT_exporter_noveum_client_key_file,
     "FILE",
     "OTHER",
     {"exporter.noveum.client_cert_file=FILE"}},
    {NV_OPT_exporter_noveum_client_key_password,
     "one",
     "other",
     {"exporter.noveum.client_cert_file=FILE", "exporter.noveum.client_key_file=FILE"}},
    {NV_OPT_exporter_file_directory, "DIRECTORY/first", "DIRECTORY/second", {NULL}},
    {NV_OPT_mapping_content, "off,tool.output=full", "truncate:9", {NULL}},
    {NV_OPT_redaction_pii, "pseudonymise", "redact", {"redaction.pii_salt=12345678"}},
    {NV_OPT_redaction_pii_salt, "12345678", "87654321", {"redaction.pii=pseudonymise"}},
    {NV_OPT_redaction_pii_salt_file, "FILE", "OTHER", {"redaction.pii=pseudonymise"}},
    {NV_OPT_redaction_patterns, "TICKET=T-[0-9]+", "CASE=C-[0-9]+", {"redaction.pii=redact"}},
    {NV_OPT_redaction_pii_keys, "a.b=drop,*.c=keep", "a.b=keep", {"redaction.pii=redact"}},
    {NV_OPT_redaction_pii_allow, "*@a.example", "me@b.example", {"redaction.pii=redact"}},
    {NV_OPT_redaction_phone_regions, "GB,IN", "none", {"redaction.pii=redact"}},
    {NV_OPT_media_mode, "marker", "keep", {NULL}},
    {NV_OPT_telemetry_otlp_headers, "a=1", "b=2", {NULL}},
    {NV_OPT_media_directory, "DIRECTORY/first", "DIRECTORY/second", {"media.mode=marker"}},
};

/* What one test sets, and what came of it. */
struct subject {
    size_t id;
    char one[WORDS_MAX], other[WORDS_MAX];
    char needs[NEEDS_MAX][WORDS_MAX];
    size_t need_count;
};

/* ---- words ------------------------------------------------------------------------------- */

/* `text` with FILE, OTHER and DIRECTORY as paths below the test's own. */
static void place(const char *text, char out[WORDS_MAX])
{
    size_t len = 0;
    while (*text != '\0') {
        const char *name = strncmp(text, "FILE", 4) == 0    ? "/file"
                           : strncmp(text, "OTHER", 5) == 0 ? "/other"
                                                            : NULL;
        if (strncmp(text, "DIRECTORY", 9) == 0) {
            len += (size_t)snprintf(out + len, WORDS_MAX - len, "%s", directory);
            text += 9;
        } else if (name) {
            len += (size_t)snprintf(out + len, WORDS_MAX - len, "%s%s", directory, name);
            text += strlen(name) - 1;
        } else {
            out[len++] = *text++;
        }
        ck_assert_uint_lt(len, WORDS_MAX);
    }
    out[len] = '\0';
}

/* Two of a row's choices: not its default, and one more. */
static void two_choices(const struct nv_option *option, struct subject *subject)
{
    struct nv_str rest = nv_str_from(option->choices);
    size_t found = 0;
    while (rest.len > 0) {
        struct nv_str word = nv_str_slice(rest, 0, nv_str_find_char(rest, '|'));
        bool is_default = nv_str_eq(word, nv_str_from(option->fallback));
        char *into = is_default || found > 0 ? subject->other : subject->one;
        (void)snprintf(into, WORDS_MAX, "%.*s", NV_STR_ARG(word));
        found += is_default ? 0 : 1;
        rest = nv_str_slice(rest, word.len + 1, rest.len);
    }
}

static void words_of_type(const struct nv_option *option, struct subject *subject)
{
    const char *one = "one", *other = "other";
    bool number = option->type == NV_OPTION_COUNT || option->type == NV_OPTION_MS ||
                  option->type == NV_OPTION_BYTES;
    if (option->type == NV_OPTION_CHOICE) {
        two_choices(option, subject);
        return;
    }
    if (number) {
        (void)snprintf(subject->one, WORDS_MAX, "%" PRIu64, option->min + 2);
        (void)snprintf(subject->other, WORDS_MAX, "%" PRIu64, option->min + 3);
        return;
    }
    if (option->type == NV_OPTION_BOOL) {
        one = strcmp(option->fallback, "true") == 0 ? "false" : "true";
        other = option->fallback;
    } else if (option->type == NV_OPTION_RATE) {
        one = "0.25", other = "0.75";
    } else if (option->type == NV_OPTION_PATH) {
        one = "FILE", other = "OTHER";
    } else if (option->type == NV_OPTION_ADDRESS || option->type == NV_OPTION_PROXY) {
        one = "127.0.0.1:8", other = "127.0.0.1:9";
    } else if (option->type == NV_OPTION_URL) {
        one = "https://one.example/api", other = "https://other.example/api";
    }
    place(one, subject->one);
    place(other, subject->other);
}

static void find_subject(size_t id, struct subject *subject)
{
    *subject = (struct subject){.id = id};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        if (samples[i].id != id)
            continue;
        place(samples[i].one, subject->one);
        place(samples[i].other, subject->other);
        for (size_t n = 0; n < NEEDS_MAX && samples[i].needs[n]; n++)
            place(samples[i].needs[n], subject->needs[subject->need_count++]);
        return;
    }
    words_of_type(&nv_option_table[id], subject);
}

/* ---- the three ways ---------------------------------------------------------------------- */

/* "a: {b: {c: "words"}}" */
static void write_file(const char *path, const char *words)
{
    char name[WORDS_MAX];
    size_t depth = 0;
    (void)snprintf(name, sizeof name, "%s/gateway.yaml", directory);
    FILE *file = fopen(name, "we");
    ck_assert_ptr_nonnull(file);
    for (const char *c = path; *c != '\0'; c++) {
        (void)fputs(*c == '.' ? ": {" : (char[]){*c, '\0'}, file);
        depth += *c == '.' ? 1 : 0;
    }
    (void)fprintf(file, ": \"%s\"", words);
    while (depth-- > 0)
        (void)fputc('}', file);
    (void)fputc('\n', file);
    (void)fclose(file);
}

/* Loads with the subject's words by each way that isn't NULL. */
static void load(const struct subject *subject, const char *file, const char *variable,
                 const char *set, struct nv_options *options)
{
    const char *path = nv_option_table[subject->id].path;
    char config[WORDS_MAX], own_set[2 * WORDS_MAX], own_variable[2 * WORDS_MAX];
    const char *sets[NEEDS_MAX + 1], *environment[] = {variable ? own_variable : NULL, NULL};
    struct nv_fail fail = {0};
    size_t count = 0;
    struct nv_buf name;
    nv_buf_init(&name, WORDS_MAX);
    ck_assert_int_eq(nv_option_variable(subject->id, &name), NV_OK);
    (void)snprintf(own_variable, sizeof own_variable, "%.*s=%s", NV_STR_ARG(nv_buf_str(&name)),
                   variable ? variable : "");
    nv_buf_release(&name);
    for (; count < subject->need_count; count++)
        sets[count] = subject->needs[count];
    (void)snprintf(own_set, sizeof own_set, "%s=%s", path, set ? set : "");
    if (set)
        sets[count++] = own_set;
    (void)snprintf(config, sizeof config, "%s/gateway.yaml", directory);
    if (file)
        write_file(path, file);
    struct nv_option_sources sources = {.config_file = file ? config : NULL,
                                        .sets = sets,
                                        .set_count = count,
                                        .environment = environment,
                                        .directory = directory};
    enum nv_err err = nv_options_load(options, &sources, &fail);
    ck_assert_msg(err == NV_OK, "%s=%s: %s", path, subject->one, fail.what);
}

/* The last part of a path: what a line of --print-config begins with. */
static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* Does --print-config have a line of this option that ends in "# where"? It has the value, too,
 * unless that is a secret. */
static void expect_printed(const struct nv_options *options, size_t id, const char *where)
{
    char *text = NULL;
    struct nv_buf buf, value;
    nv_buf_init(&buf, 1u << 20);
    nv_buf_init(&value, 1u << 12);
    ck_assert_int_eq(nv_options_write_config(options, &buf), NV_OK);
    ck_assert_int_eq(nv_option_write(options, id, &value), NV_OK);
    (void)nv_buf_append_char(&buf, '\0');
    (void)nv_buf_append_char(&value, '\0');
    bool found = false;
    for (char *line = strtok_r(buf.bytes, "\n", &text); line && !found;
         line = strtok_r(NULL, "\n", &text)) {
        const char *name = last_part(nv_option_table[id].path);
        const char *begin = line + strspn(line, " "), *from = strstr(line, "  # ");
        found = strncmp(begin, name, strlen(name)) == 0 && begin[strlen(name)] == ':' && from &&
                strstr(from, where) && strstr(line, value.bytes);
    }
    ck_assert_msg(found, "no line of %s=%s from %s", nv_option_table[id].path, value.bytes,
                  where);
    nv_buf_release(&buf);
    nv_buf_release(&value);
}

START_TEST(the_same_value_by_each_way)
{
    struct subject subject;
    struct nv_options by[3], fallback;
    const size_t id = (size_t)_i;
    find_subject(id, &subject);
    load(&subject, subject.one, NULL, NULL, &by[0]);
    load(&subject, NULL, subject.one, NULL, &by[1]);
    load(&subject, NULL, NULL, subject.one, &by[2]);
    ck_assert_int_eq(nv_options_init(&fallback), NV_OK);
    ck_assert_uint_eq(by[0].source[id], NV_SOURCE_FILE);
    ck_assert_uint_eq(by[1].source[id], NV_SOURCE_ENVIRONMENT);
    ck_assert_uint_eq(by[2].source[id], NV_SOURCE_SET);
    ck_assert(nv_option_same(&by[0], &by[1], id) && nv_option_same(&by[1], &by[2], id));
    ck_assert_msg(!nv_option_same(&by[0], &fallback, id), "%s: \"%s\" is the default",
                  nv_option_table[id].path, subject.one);
    expect_printed(&by[0], id, "gateway.yaml:1:");
    expect_printed(&by[1], id, "NOVEUM_GATEWAY_");
    expect_printed(&by[2], id, "--set");
    for (size_t i = 0; i < 3; i++)
        nv_options_release(&by[i]);
    nv_options_release(&fallback);
}
END_TEST

START_TEST(set_before_variable_before_file)
{
    struct subject subject;
    const size_t id = (size_t)_i;
    find_subject(id, &subject);
    const char *one = subject.one, *other = subject.other;
    const struct {
        const char *file, *variable, *set;
        enum nv_option_source source;
    } rows[] = {{other, one, NULL, NV_SOURCE_ENVIRONMENT},
                {other, NULL, one, NV_SOURCE_SET},
                {NULL, other, one, NV_SOURCE_SET},
                {other, other, one, NV_SOURCE_SET}};
    struct nv_options want, got, not_this;
    load(&subject, NULL, NULL, one, &want);
    load(&subject, NULL, NULL, other, &not_this);
    ck_assert_msg(!nv_option_same(&want, &not_this, id), "%s: one value twice",
                  nv_option_table[id].path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        load(&subject, rows[i].file, rows[i].variable, rows[i].set, &got);
        ck_assert_msg(nv_option_same(&got, &want, id), "%s, row %zu", nv_option_table[id].path,
                      i);
        ck_assert_uint_eq(got.source[id], rows[i].source);
        nv_options_release(&got);
    }
    nv_options_release(&want);
    nv_options_release(&not_this);
}
END_TEST

/* ---- all ---------------------------------------------------------------------------------- */

static void make_file(const char *name, const char *text)
{
    char path[WORDS_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs(text, file);
    (void)fclose(file);
    ck_assert_int_eq(chmod(path, 0600), 0);
}

static void set_up(void)
{
    (void)setenv("XDG_STATE_HOME", "/state", 1);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    make_file("file", "12345678\n");
    make_file("other", "87654321\n");
}

static void tear_down(void)
{
    static const char *const names[] = {"file", "other", "gateway.yaml"};
    char path[WORDS_MAX];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

int main(void)
{
    Suite *suite = suite_create("gateway/config/option_load_keys");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_unchecked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, the_same_value_by_each_way, 0, NV_OPTION_TOTAL);
    tcase_add_loop_test(tcase, set_before_variable_before_file, 0, NV_OPTION_TOTAL);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
