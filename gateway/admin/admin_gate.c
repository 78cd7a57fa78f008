/*
 * Host and token of the admin port.
 *
 * Allowed are names that no stranger can point at this machine: literal addresses, localhost
 * and what lies below it (browsers resolve these themselves, RFC 6761), the machine's own name,
 * and what the operator lists. The own name counts whole and up to its first dot, never with
 * something behind it: gateway.evil.example is a stranger's. A request without a Host is no
 * browser's. Probes of health come under any name, from load balancers and kubelets, and tell
 * nothing.
 *
 * Tokens are compared as those of the receiver, by keyed digests (net/auth.h).
 */
#include "gateway/admin/admin_gate.h"

#include "base/log/log.h"
#include "gateway/admin/page.h"
#include "net/auth.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define HOST_NAME_SIZE 256
#define ANSWER_BYTES 512
#define HOST_SHOWN_MAX 100

struct nv_admin_gate {
    const struct nv_text_list *hosts; /* borrowed */
    struct nv_auth *auth;
    char own[HOST_NAME_SIZE];
};

/* ---- names ------------------------------------------------------------------------------- */

/* Without port, brackets and the dot of the root. */
static struct nv_str bare(struct nv_str host)
{
    if (nv_str_starts(host, NV_STR("["))) {
        size_t close = nv_str_find_char(host, ']');
        return close == SIZE_MAX ? host : nv_str_slice(host, 1, close - 1);
    }
    host = nv_str_slice(host, 0, nv_str_find_char(host, ':'));
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--;
    return host;
}

static bool is_address(struct nv_str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.len == 0 || host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_localhost(struct nv_str host)
{
    static const char *const names[] = {"localhost", "localhost.localdomain", "localhost6",
                                        "localhost6.localdomain6", "ip6-localhost"};
    static const struct nv_str below = NV_STR_INIT(".localhost");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (nv_str_ieq(host, nv_str_from(names[i])))
            return true;
    }
    return host.len > below.len &&
           nv_str_ieq(nv_str_slice(host, host.len - below.len, below.len), below);
}

static bool is_own(struct nv_str host, struct nv_str own)
{
    return own.len > 0 && (nv_str_ieq(host, own) ||
                           nv_str_ieq(host, nv_str_slice(own, 0, nv_str_find_char(own, '.'))));
}

bool nv_admin_host_allowed(struct nv_str host, struct nv_str own,
                           const struct nv_text_list *hosts)
{
    if (host.len == 0)
        return true;
    host = bare(host);
    if (is_address(host) || is_localhost(host) || is_own(host, own))
        return true;
    for (size_t i = 0; i < hosts->count; i++) {
        if (nv_str_ieq(host, bare(nv_str_from(hosts->items[i]))))
            return true;
    }
    return false;
}

/* ---- the gate ---------------------------------------------------------------------------- */

enum nv_err nv_admin_gate_new(const struct nv_options *options, struct nv_fail *fail,
                              struct nv_admin_gate **out)
{
    struct nv_admin_gate *gate = calloc(1, sizeof *gate);
    *out = NULL;
    if (!gate)
        return NV_ERR_NO_MEMORY;
    gate->hosts = &options->admin_hosts;
    if (gethostname(gate->own, sizeof gate->own - 1) != 0)
        gate->own[0] = '\0';
    enum nv_err err = nv_auth_new(options->admin_token, NULL, fail, &gate->auth);
    if (err != NV_OK) {
        free(gate);
        return err;
    }
    *out = gate;
    return NV_OK;
}

void nv_admin_gate_free(struct nv_admin_gate *gate)
{
    if (!gate)
        return;
    nv_auth_free(gate->auth);
    free(gate);
}

static bool is_health(const struct nv_http_exchange *exchange)
{
    struct nv_str path = nv_http_request_path(exchange);
    return nv_str_eq(path, NV_STR("/healthz")) || nv_str_eq(path, NV_STR("/readyz"));
}

static void refuse_host(struct nv_http_exchange *exchange, struct nv_str host)
{
    char text[ANSWER_BYTES];
    host = nv_str_slice(bare(host), 0, HOST_SHOWN_MAX);
    (void)snprintf(
        text, sizeof text,
        "the admin port is not asked under the name \"%.*s\"; to allow it add it to "
        "admin.hosts (NOVEUM_GATEWAY_ADMIN_HOSTS=%.*s, more with commas), or ask by an "
        "IP address or localhost",
        NV_STR_ARG(host), NV_STR_ARG(host));
    NV_LOG(NV_LOG_WARN, "gateway", "admin request refused: %s", text);
    nv_http_reply_error(exchange, 403, nv_str_from(text));
}

void nv_admin_gate_check(void *ctx, struct nv_http_exchange *exchange)
{
    const struct nv_admin_gate *gate = ctx;
    struct nv_str host = nv_http_request_header(exchange, NV_STR("host"));
    nv_http_exchange_add_header(exchange, NV_STR("X-Content-Type-Options: nosniff"));
    nv_http_exchange_add_header(exchange, NV_STR("Cache-Control: no-store"));
    if (is_health(exchange))
        return;
    if (!nv_admin_host_allowed(host, nv_str_from(gate->own), gate->hosts)) {
        refuse_host(exchange, host);
        return;
    }
    if (nv_page_has(nv_http_request_path(exchange)))
        return; /* the page's files hold nothing; it asks for the token itself */
    bool once = nv_http_request_header_count(exchange, NV_STR("authorization")) <= 1 &&
                nv_http_request_header_count(exchange, NV_STR("x-api-key")) <= 1;
    if (!nv_auth_required(gate->auth) ||
        (once &&
         nv_auth_check(gate->auth, nv_http_request_header(exchange, NV_STR("authorization")),
                       nv_http_request_header(exchange, NV_STR("x-api-key"))) == NV_OK))
        return;
    NV_LOG(NV_LOG_WARN, "gateway", "admin request refused: missing or unknown token");
    nv_http_exchange_add_header(
        exchange, NV_STR("WWW-Authenticate: Bearer realm=\"noveum-gateway admin\""));
    nv_http_reply_error(exchange, 401,
                        NV_STR("missing or unknown token: send Authorization: Bearer with "
                               "admin.token"));
}
