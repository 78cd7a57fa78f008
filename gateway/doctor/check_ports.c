/*
 * Ports: bound for a moment as the gateway would bind them. One that is taken is no fault when
 * the gateway that runs here has it; else its owner is named, because "in use" alone sends
 * people to look for it.
 */
#include "gateway/doctor/checks.h"

#include "gateway/config/option_value.h"
#include "gateway/doctor/port_owner.h"
#include "net/listener.h"

#include <stdio.h>

#include "base/banned.h"

#define OUR_NAME "noveum-gateway"

/* Can `address` be bound? Else `fail` says why. */
static bool can_bind(const char *address, struct nv_fail *fail)
{
    struct nv_listener_config config = {.addresses = address};
    struct nv_listener *listener = NULL;
    bool good = nv_listener_open(&config, fail, &listener) == NV_OK;
    nv_listener_free(listener);
    return good;
}

/* The port of the first of `addresses` that can't be bound, 0 when it has none. */
static unsigned taken_port(const char *addresses)
{
    struct nv_str rest = nv_str_from(addresses);
    char one[256];
    uint64_t port = 0;

    while (rest.len > 0) {
        size_t comma = nv_str_find_char(rest, ',');
        struct nv_str item = nv_str_trim(nv_str_slice(rest, 0, comma));
        rest = nv_str_slice(rest, comma == SIZE_MAX ? rest.len : comma + 1, rest.len);
        (void)snprintf(one, sizeof one, "%.*s", NV_STR_ARG(item));
        const char *colon = strrchr(one, ':');
        if (colon && nv_str_to_uint64(nv_str_from(colon + 1), &port) == NV_OK && port != 0 &&
            port <= UINT16_MAX && !can_bind(one, NULL))
            return (unsigned)port;
    }
    return 0;
}

static void describe(const struct nv_port_owner *owner, char *text, size_t size)
{
    if (owner->pid != 0 && strcmp(owner->name, OUR_NAME) == 0) {
        (void)snprintf(text, size, "another gateway has it, process %d", owner->pid);
    } else if (owner->pid != 0) {
        (void)snprintf(text, size, "process %d has it, %s", owner->pid, owner->name);
    } else {
        (void)snprintf(text, size, "a process of user %u has it, which this user may not see",
                       owner->uid);
    }
}

static void add_taken(const char *key, const char *served, const struct nv_fail *fail,
                      const struct nv_port_owner *owner, struct nv_findings *out)
{
    char who[100] = "", next[320];

    if (owner->listens)
        describe(owner, who, sizeof who);
    if (owner->pid != 0) {
        (void)snprintf(next, sizeof next,
                       "stop process %d, or give this gateway another address: --set "
                       "%s=127.0.0.1:PORT",
                       owner->pid, key);
    } else {
        (void)snprintf(next, sizeof next,
                       "give this gateway another address: --set %s=127.0.0.1:PORT%s", key,
                       owner->listens ? "; `sudo ss -ltnp` shows who has this one" : "");
    }
    nv_finding_add(out, NV_FINDING_BAD, "port", next, "%s: %s%s%s%s%s", key, fail->what,
                   who[0] != '\0' ? ": " : "", who,
                   served ? "; the gateway that runs here has " : "", served ? served : "");
}

void nv_check_ports(const char *key, const char *addresses, const char *served,
                    const struct nv_running *running, const char *proc, struct nv_findings *out)
{
    struct nv_fail fail = {0};
    struct nv_port_owner owner = {.listens = false};

    if (nv_address_is_none(nv_str_from(addresses)))
        return;
    if (can_bind(addresses, &fail)) {
        nv_finding_add(out, NV_FINDING_OK, "port", NULL, "%s %.200s is free", key, addresses);
        return;
    }
    unsigned port = taken_port(addresses);
    if (port != 0)
        nv_port_owner_find(proc, port, &owner);
    bool ours = (served && strcmp(served, addresses) == 0) ||
                (running->any && owner.pid != 0 && owner.pid == running->pid);
    if (ours) {
        nv_finding_add(out, NV_FINDING_OK, "port", NULL,
                       "%s %.200s is served by the gateway that runs here", key, addresses);
    } else {
        add_taken(key, served, &fail, &owner, out);
    }
}
