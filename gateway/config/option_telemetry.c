/*
 * telemetry.otlp.*, checked before anything starts.
 *
 * Headers mostly hold a token, so they follow the rule of the API key: not over plain http to
 * another machine unless that is allowed by name. Without them plain http is fine, because the
 * telemetry itself has numbers and ids alone, and a Collector beside the gateway speaks no TLS.
 *
 *   OTEL_EXPORTER_OTLP_HEADERS  a=1,b=2      one line here: refused, it would be one header
 *   telemetry.otlp.headers      a=1 NEWLINE b=2
 */
#include "gateway/config/option_telemetry.h"

#include "gateway/config/option_value.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

/* RFC 9110, 5.6.2. */
static bool is_token(struct nv_str name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '\0' || !strchr(marks, name.ptr[i]))
            return false;
    }
    return name.len > 0;
}

/* Those that say how the body is sent: two of them would contradict each other. */
static bool is_ours(struct nv_str name)
{
    static const char *const ours[] = {
        "content-type", "content-length", "content-encoding", "transfer-encoding",
        "host",         "expect",         "connection"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (nv_str_ieq(name, nv_str_from(ours[i])))
            return true;
    }
    return false;
}

/* Does `value` go on with ",name=", as several headers in one line of OTEL_... do? */
static bool has_more(struct nv_str value)
{
    size_t comma;
    while ((comma = nv_str_find_char(value, ',')) != SIZE_MAX) {
        value = nv_str_slice(value, comma + 1, value.len);
        size_t equals = nv_str_find_char(value, '=');
        if (equals != SIZE_MAX && is_token(nv_str_trim(nv_str_slice(value, 0, equals))))
            return true;
    }
    return false;
}

/* What is wrong with "name=value", static; NULL: nothing. */
static const char *wrong_header(struct nv_str entry)
{
    size_t equals = nv_str_find_char(entry, '=');
    struct nv_str name = nv_str_slice(entry, 0, equals);
    struct nv_str value = nv_str_slice(entry, equals + 1, entry.len);
    assert(equals != SIZE_MAX); /* of a map */
    if (!is_token(name))
        return "the name of a header holds a character that none may hold";
    if (is_ours(name))
        return "Content-Type and others that say how a body is sent are set by the gateway";
    if (value.len == 0)
        return "a header without a value";
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return "the value of a header holds a control character";
    }
    return has_more(value) ? "one header a line: a comma does not part them" : NULL;
}

static enum nv_err refuse(const struct nv_options *options, size_t id, struct nv_fail *fail,
                          const char *what)
{
    enum nv_err err =
        nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s: %s", nv_option_table[id].path, what);
    if (fail) {
        (void)snprintf(fail->path, sizeof fail->path, "%.*s", (int)sizeof fail->path - 1,
                       options->where[id]);
    }
    return err;
}

static enum nv_err check_headers(const struct nv_options *options, struct nv_fail *fail)
{
    const struct nv_text_list *headers = &options->telemetry_otlp_headers;
    struct nv_url url;
    const char *what = NULL;
    for (size_t i = 0; i < headers->count; i++) {
        what = wrong_header(nv_str_from(headers->items[i]));
        if (what)
            return refuse(options, NV_OPT_telemetry_otlp_headers, fail, what);
    }
    if (headers->count == 0 || options->telemetry_otlp_allow_insecure_transport)
        return NV_OK;
    enum nv_err err =
        nv_option_parse_url(nv_str_from(options->telemetry_otlp_endpoint), &url, &what);
    if (err != NV_OK || url.secure || nv_host_is_loopback(url.host))
        return err;
    return refuse(options, NV_OPT_telemetry_otlp_headers, fail,
                  "plain http would show them to the network; use https, or set "
                  "telemetry.otlp.allow_insecure_transport");
}

enum nv_err nv_options_check_telemetry(const struct nv_options *options, struct nv_fail *fail)
{
    const bool cert = options->telemetry_otlp_client_cert_file != NULL;
    const bool key = options->telemetry_otlp_client_key_file != NULL;
    if (!options->telemetry_otlp_endpoint)
        return NV_OK;
    if (cert && !key) {
        return refuse(options, NV_OPT_telemetry_otlp_client_cert_file, fail,
                      "a certificate needs its key: set client_key_file too");
    }
    if (key && !cert) {
        return refuse(options, NV_OPT_telemetry_otlp_client_key_file, fail,
                      "a key needs its certificate: set client_cert_file too");
    }
    return check_headers(options, fail);
}
