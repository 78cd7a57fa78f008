/*
 * The last step of configuration: defaults that depend on others, and checks over several
 * options.
 *
 * Everything that can be refused is refused here, before a port is bound or a directory made,
 * each with what to do about it. A key whose feature this version lacks is refused too: a
 * privacy switch that silently did nothing would be worse than none.
 *
 *   values as written ─▶ defaults from others ─▶ memory budget ─▶ checks ─▶ in force
 *
 * Checks come last and look at values after defaults, so that what a default brought about is
 * checked as well. They stop at the first trouble: a second message is often the first one's
 * echo.
 */
#include "gateway/config/file_trust.h"
#include "gateway/config/memory_budget.h"
#include "gateway/config/option_kafka.h"
#include "gateway/config/option_personal.h"
#include "gateway/config/option_telemetry.h"
#include "gateway/config/option_value.h"
#include "redaction/content.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define LOCAL_DIRECTORY ".noveum_trace_dev"
#define STATE_NAME "noveum-gateway"

/* No key, no backend: that is what a first try on a laptop looks like, and it must not fail. */
bool nv_options_local(const struct nv_options *options)
{
    return options->exporter_noveum_api_key == NULL;
}

/* A failure of option `id`, placed where its value was written. */
static enum nv_err refuse(const struct nv_options *options, size_t id, struct nv_fail *fail,
                          const char *what)
{
    assert(id < NV_OPTION_TOTAL);
    enum nv_err err =
        nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s: %s", nv_option_table[id].path, what);
    if (fail) {
        (void)snprintf(fail->path, sizeof fail->path, "%.*s", (int)sizeof fail->path - 1,
                       options->where[id]);
    }
    return err;
}

/* ---- defaults that depend on others ------------------------------------------------------ */

static enum nv_err set_joined(char **field, const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (!path)
        return NV_ERR_NO_MEMORY;
    (void)snprintf(path, size, "%s/%s", directory, name);
    free(*field);
    *field = path;
    return NV_OK;
}

/* systemd's StateDirectory=, then the XDG base directory specification, then the system's
 * place. */
static enum nv_err default_journal(struct nv_options *options)
{
    const char *systemd = getenv("STATE_DIRECTORY");
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    /* several directories in the unit: none of them is more ours than another */
    if (systemd && systemd[0] == '/' && !strchr(systemd, ':'))
        return set_joined(&options->journal_directory, systemd, "journal");
    if (state && state[0] == '/')
        return set_joined(&options->journal_directory, state, STATE_NAME);
    if (geteuid() != 0 && home && home[0] == '/')
        return set_joined(&options->journal_directory, home, ".local/state/" STATE_NAME);
    return set_joined(&options->journal_directory, "/var/lib", STATE_NAME);
}

/* Are all addresses of the admin port such that only this machine reaches them? A name other
 * than localhost is not looked up: it may mean another address when the listener asks. */
static bool admin_is_private(const struct nv_options *options)
{
    struct nv_str rest = nv_str_from(options->admin_listen);
    while (rest.len > 0) {
        size_t comma = nv_str_find_char(rest, ',');
        struct nv_str one = nv_str_trim(nv_str_slice(rest, 0, comma));
        size_t colon = one.len;
        while (colon > 0 && one.ptr[colon - 1] != ':')
            colon--;
        struct nv_str host = nv_str_slice(one, 0, colon > 0 ? colon - 1 : 0);
        if (nv_str_starts(host, NV_STR("[")))
            host = nv_str_slice(host, 1, host.len - 2);
        if (!nv_str_starts(one, NV_STR("unix:")) && !nv_host_is_loopback(host))
            return false;
        rest = nv_str_slice(rest, comma == SIZE_MAX ? rest.len : comma + 1, rest.len);
    }
    return true;
}

/* The page shows contents: by itself it is there only for who sits at this machine. */
static enum nv_err default_page(struct nv_options *options)
{
    bool told = options->source[NV_OPT_admin_ui] != NV_SOURCE_DEFAULT;
    const char *directory = options->exporter_file_directory;
    if (!told) {
        options->admin_ui = nv_options_local(options) &&
                            !nv_address_is_none(nv_str_from(options->admin_listen)) &&
                            (options->admin_token || admin_is_private(options));
    }
    if (options->store_file || !options->admin_ui)
        return NV_OK;
    return set_joined(&options->store_file, directory ? directory : options->journal_directory,
                      "traces.db");
}

/* The first of two variables that is set, and its name. */
static const char *first_variable(const char *const names[2], const char **name)
{
    for (size_t i = 0; i < 2; i++) {
        const char *text = getenv(names[i]);
        if (text && text[0] != '\0') {
            *name = names[i];
            return text;
        }
    }
    return NULL;
}

/*
 * The proxy that the machine has for everybody. Not for loopback, which no proxy reaches. Both
 * spellings, the small one first, as libcurl and most others read them.
 */
static enum nv_err default_proxy(struct nv_options *options, struct nv_fail *fail)
{
    static const char *const names[2][2] = {{"http_proxy", "HTTP_PROXY"},
                                            {"https_proxy", "HTTPS_PROXY"}};
    static const char *const none[2] = {"no_proxy", "NO_PROXY"};
    const char *what = NULL, *name = NULL;
    struct nv_url url;
    enum nv_err err = NV_OK;
    if (nv_options_local(options) ||
        nv_option_parse_url(nv_str_from(options->exporter_noveum_endpoint), &url, &what) !=
            NV_OK)
        return NV_OK;
    const char *text =
        nv_host_is_loopback(url.host) ? NULL : first_variable(names[url.secure], &name);
    if (text && !options->exporter_noveum_proxy) {
        err = nv_options_set(options, NV_OPT_exporter_noveum_proxy, nv_str_from(text),
                             NV_SOURCE_SDK_ENVIRONMENT, name, fail);
    }
    text = first_variable(none, &name);
    if (err == NV_OK && text && options->exporter_noveum_proxy &&
        !options->exporter_noveum_no_proxy) {
        err = nv_options_set(options, NV_OPT_exporter_noveum_no_proxy, nv_str_from(text),
                             NV_SOURCE_SDK_ENVIRONMENT, name, fail);
    }
    return err;
}

/* Without a key files are what there is, so the SDK's name for their place counts also when its
 * dev mode was not asked for. */
static enum nv_err default_files(struct nv_options *options, struct nv_fail *fail)
{
    if (options->exporter_file_directory || !nv_options_local(options))
        return NV_OK;
    if (options->sdk.dev_directory) {
        return nv_options_set(options, NV_OPT_exporter_file_directory,
                              nv_str_from(options->sdk.dev_directory), options->sdk.dev_source,
                              options->sdk.dev_where, fail);
    }
    options->exporter_file_directory = strdup(LOCAL_DIRECTORY);
    return options->exporter_file_directory ? NV_OK : NV_ERR_NO_MEMORY;
}

static enum nv_err fill_defaults(struct nv_options *options, struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    if (!options->journal_directory)
        err = default_journal(options);
    if (err == NV_OK)
        err = default_proxy(options, fail);
    if (err == NV_OK)
        err = default_files(options, fail);
    if (err == NV_OK)
        err = default_page(options);
    /* nothing leaves the machine */
    if (options->source[NV_OPT_redaction_stack_traces] == NV_SOURCE_DEFAULT &&
        nv_options_local(options))
        options->redaction_stack_traces = NV_STACKS_FULL;
    if (options->source[NV_OPT_media_mode] == NV_SOURCE_DEFAULT && nv_options_local(options))
        options->media_mode = options->media_directory ? NV_MEDIA_MARKED : NV_MEDIA_STAYS;
    return err;
}

/* ---- checks ------------------------------------------------------------------------------ */

static enum nv_err check_transport(const struct nv_options *options, struct nv_fail *fail)
{
    struct nv_url url;
    const char *what = NULL;
    if (nv_options_local(options))
        return NV_OK;
    enum nv_err err =
        nv_option_parse_url(nv_str_from(options->exporter_noveum_endpoint), &url, &what);
    /* it was parsed when it was set */
    assert(err == NV_OK);
    (void)err;
    bool allowed = options->exporter_noveum_allow_insecure_transport;
    if (!url.secure && !allowed && !nv_host_is_loopback(url.host)) {
        return refuse(options, NV_OPT_exporter_noveum_endpoint, fail,
                      "plain http would show the key to the network; use https, or set "
                      "allow_insecure_transport");
    }
    if (!options->exporter_noveum_ssl_verify && !allowed) {
        return refuse(
            options, NV_OPT_exporter_noveum_ssl_verify, fail,
            "switching checks off also needs allow_insecure_transport; better name your "
            "authority in ca_bundle");
    }
    return NV_OK;
}

/* A client_ca without a certificate would be a port that asks for no client's certificate at
 * all. */
static enum nv_err check_tls_pair(const struct nv_options *options, size_t cert_id,
                                  const char *cert, const char *key, const char *client_ca,
                                  struct nv_fail *fail)
{
    if (cert && !key) {
        return refuse(options, cert_id, fail,
                      "a certificate needs its key: set tls.key_file too");
    }
    if (!cert && (key || client_ca)) {
        return refuse(options, cert_id, fail,
                      "missing; TLS needs tls.cert_file and tls.key_file");
    }
    return NV_OK;
}

static enum nv_err check_client_certificate(const struct nv_options *options,
                                            struct nv_fail *fail)
{
    const bool cert = options->exporter_noveum_client_cert_file != NULL;
    const bool key = options->exporter_noveum_client_key_file != NULL;
    if (cert && !key) {
        return refuse(options, NV_OPT_exporter_noveum_client_cert_file, fail,
                      "a certificate needs its key: set client_key_file too");
    }
    if (key && !cert) {
        return refuse(options, NV_OPT_exporter_noveum_client_key_file, fail,
                      "a key needs its certificate: set client_cert_file too");
    }
    if (options->exporter_noveum_client_key_password && !key) {
        return refuse(options, NV_OPT_exporter_noveum_client_key_password, fail,
                      "a password needs its key: set client_key_file too");
    }
    return NV_OK;
}

static enum nv_err check_tls(const struct nv_options *options, struct nv_fail *fail)
{
    enum nv_err err = check_tls_pair(
        options, NV_OPT_receiver_http_tls_cert_file, options->receiver_http_tls_cert_file,
        options->receiver_http_tls_key_file, options->receiver_http_tls_client_ca_file, fail);
    if (err != NV_OK)
        return err;
    err = check_tls_pair(
        options, NV_OPT_receiver_grpc_tls_cert_file, options->receiver_grpc_tls_cert_file,
        options->receiver_grpc_tls_key_file, options->receiver_grpc_tls_client_ca_file, fail);
    return err == NV_OK ? check_client_certificate(options, fail) : err;
}

/* `by_name`: OpenSSL and libcurl open it themselves, and would wait for a pipe for ever. */
static enum nv_err check_file(const struct nv_options *options, size_t id, const char *path,
                              bool by_name, struct nv_fail *fail)
{
    struct stat info;
    if (!path)
        return NV_OK;
    if (by_name && stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return refuse(options, id, fail, "is not a regular file");
    if (access(path, R_OK) == 0)
        return nv_file_check(path, NV_FILE_NAMED, fail);
    char what[96];
    (void)snprintf(what, sizeof what, "can't read \"%.48s\": %s", path, strerror(errno));
    return refuse(options, id, fail, what);
}

static enum nv_err check_files(const struct nv_options *options, struct nv_fail *fail)
{
    static const struct {
        size_t id;
        bool by_name;
    } files[] = {{NV_OPT_receiver_http_tls_cert_file, true},
                 {NV_OPT_receiver_http_tls_key_file, true},
                 {NV_OPT_receiver_http_tls_client_ca_file, true},
                 {NV_OPT_receiver_grpc_tls_cert_file, true},
                 {NV_OPT_receiver_grpc_tls_key_file, true},
                 {NV_OPT_receiver_grpc_tls_client_ca_file, true},
                 {NV_OPT_receiver_auth_tokens_file, false},
                 {NV_OPT_journal_key_file, false},
                 {NV_OPT_exporter_noveum_ca_bundle, true},
                 {NV_OPT_kafka_ca_bundle, true},
                 {NV_OPT_kafka_cert_file, true},
                 {NV_OPT_kafka_key_file, true},
                 {NV_OPT_kafka_token_file, false},
                 {NV_OPT_telemetry_otlp_ca_bundle, true},
                 {NV_OPT_telemetry_otlp_client_cert_file, true},
                 {NV_OPT_telemetry_otlp_client_key_file, true},
                 {NV_OPT_exporter_noveum_client_cert_file, true},
                 {NV_OPT_exporter_noveum_client_key_file, true},
                 {NV_OPT_mapping_prices_file, false},
                 {NV_OPT_mapping_rules_file, false}};
    enum nv_err err = NV_OK;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && err == NV_OK; i++) {
        size_t id = files[i].id;
        /* by the table, so that a file is one row here */
        const char *base = (const char *)options + nv_option_table[id].offset;
        err =
            check_file(options, id, *(char *const *)(const void *)base, files[i].by_name, fail);
    }
    const struct nv_text_list *more = &options->exporter_noveum_ca_files;
    for (size_t i = 0; i < more->count && err == NV_OK; i++)
        err = check_file(options, NV_OPT_exporter_noveum_ca_files, more->items[i], true, fail);
    return err;
}

/* A directory given by hand may be made, but not its parents: a typo would hide there. */
static enum nv_err check_directory(const struct nv_options *options, size_t id,
                                   const char *path, struct nv_fail *fail)
{
    char parent[4096];
    struct stat info;
    if (!path || options->source[id] == NV_SOURCE_DEFAULT)
        return NV_OK;
    if (stat(path, &info) == 0)
        return S_ISDIR(info.st_mode) ? NV_OK : refuse(options, id, fail, "is not a directory");
    size_t len = strlen(path);
    if (len >= sizeof parent)
        return refuse(options, id, fail, "the path is too long");
    memcpy(parent, path, len + 1);
    while (len > 1 && parent[len - 1] == '/')
        parent[--len] = '\0';
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return NV_OK;
    *slash = '\0';
    if (stat(parent, &info) == 0 && S_ISDIR(info.st_mode))
        return NV_OK;
    char what[100];
    (void)snprintf(what, sizeof what, "there is no directory \"%.60s\"; make it first", parent);
    return refuse(options, id, fail, what);
}

/* Parsed here and thrown away: the mapping parses it again when it is made, and can then not
 * fail for what was written. */
static enum nv_err check_content(const struct nv_options *options, struct nv_fail *fail)
{
    struct nv_content_policy policy = {.count = 0};
    for (size_t i = 0; i < options->mapping_content.count; i++) {
        const char *item = options->mapping_content.items[i];
        const char *wrong = nv_content_add(&policy, nv_str_from(item));
        if (wrong) {
            char what[160];
            (void)snprintf(what, sizeof what, "\"%.64s\" %s", item, wrong);
            return refuse(options, NV_OPT_mapping_content, fail, what);
        }
    }
    return NV_OK;
}

static enum nv_err check_media(const struct nv_options *options, struct nv_fail *fail)
{
    if (options->media_mode == NV_MEDIA_UPLOADED && nv_options_local(options)) {
        return refuse(options, NV_OPT_media_mode, fail,
                      "upload needs a backend: set exporter.noveum.api_key, or keep or marker");
    }
    if (options->media_directory && options->media_mode == NV_MEDIA_STAYS) {
        return refuse(options, NV_OPT_media_directory, fail,
                      "with media.mode keep nothing is taken out of traces: set marker or "
                      "upload, or no directory");
    }
    return check_directory(options, NV_OPT_media_directory, options->media_directory, fail);
}

/* Made as a whole and freed: patterns are compiled, which is the only way to know that they can
 * be. */
static enum nv_err check_personal(const struct nv_options *options, struct nv_fail *fail)
{
    struct nv_pii *pii;
    enum nv_err err = nv_options_personal(options, &pii, fail);
    nv_pii_free(pii);
    return err;
}

static enum nv_err check_page(const struct nv_options *options, struct nv_fail *fail)
{
    if (!options->admin_ui || options->admin_token || admin_is_private(options))
        return NV_OK;
    return refuse(options, NV_OPT_admin_ui, fail,
                  "the page shows what traces hold, and admin.listen can be reached by others; "
                  "set admin.token, or listen on 127.0.0.1");
}

/* The SDK refuses its dev mode in production (docs/noveum-backend.md#sdk-configuration); asked
 * for by our key it is just a directory. */
static enum nv_err check_dev_mode(const struct nv_options *options, struct nv_fail *fail)
{
    enum nv_option_source source = options->source[NV_OPT_exporter_file_directory];
    bool by_mode =
        !options->sdk.dev_directory ||
        strcmp(options->where[NV_OPT_exporter_file_directory], options->sdk.dev_where) != 0;
    bool by_sdk =
        by_mode && (source == NV_SOURCE_SDK_FILE || source == NV_SOURCE_SDK_ENVIRONMENT);
    struct nv_str environment = nv_str_from(options->exporter_noveum_environment);
    if (by_sdk && (nv_str_ieq(environment, NV_STR("prod")) ||
                   nv_str_ieq(environment, NV_STR("production")))) {
        return refuse(options, NV_OPT_exporter_file_directory, fail,
                      "the SDK's dev mode is refused when the environment is production");
    }
    return NV_OK;
}

enum nv_err nv_options_finish(struct nv_options *options, struct nv_fail *fail)
{
    enum nv_err err = fill_defaults(options, fail);
    if (err == NV_OK)
        err = nv_memory_budget_apply(options, fail);
    if (err == NV_OK)
        err = check_transport(options, fail);
    if (err == NV_OK)
        err = check_tls(options, fail);
    if (err == NV_OK)
        err = check_files(options, fail);
    if (err == NV_OK) {
        err = check_directory(options, NV_OPT_journal_directory, options->journal_directory,
                              fail);
    }
    if (err == NV_OK) {
        err = check_directory(options, NV_OPT_exporter_file_directory,
                              options->exporter_file_directory, fail);
    }
    if (err == NV_OK)
        err = check_content(options, fail);
    if (err == NV_OK)
        err = check_media(options, fail);
    if (err == NV_OK)
        err = check_personal(options, fail);
    if (err == NV_OK)
        err = check_page(options, fail);
    if (err == NV_OK)
        err = nv_options_check_kafka(options, fail);
    if (err == NV_OK)
        err = nv_options_check_telemetry(options, fail);
    return err == NV_OK ? check_dev_mode(options, fail) : err;
}
