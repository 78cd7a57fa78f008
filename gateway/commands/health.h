/*
 * `noveum-gateway health`: is the gateway of this configuration ready? For containers, which
 * have no other program to ask with.
 */
#ifndef NV_GATEWAY_COMMANDS_HEALTH_H
#define NV_GATEWAY_COMMANDS_HEALTH_H

#include "base/buf.h"
#include "gateway/config/options.h"

/* Longest wait for a connection, and for each piece of an answer. */
#define NV_HEALTH_WAIT_MS 3000

struct nv_health {
    bool ready;
    char where[160]; /* who was asked: "127.0.0.1:13133", "/var/lib/.../control" */
    char why[400];   /* what it said, or why nobody answered; one line */
};

/*
 * Asks `/readyz` at the first of admin.listen, or, where that has no port to ask at, the
 * gateway that runs on journal.directory. Never fails: who does not answer is not ready.
 */
void nv_health_ask(const struct nv_options *options, struct nv_health *health);
/* Splits the first of `addresses` into what connect needs; "0.0.0.0" and "[::]" become
 * loopback. false: nothing that could be asked ("none", port 0, an inherited socket). */
bool nv_health_target(const char *addresses, char host[256], char port[8]);
/* Reads an answer of `/readyz` (borrowed): its status and first line. */
void nv_health_read(struct nv_str reply, struct nv_health *health);
/* Reads `ready` and `ready_reason` of a status (borrowed). */
void nv_health_read_status(struct nv_str json, struct nv_health *health);
/* Asks, prints "ready" or on stderr why not, or with `json` one JSON value; exit code 0 or 1.
 */
int nv_command_health(const struct nv_options *options, bool json);

#endif
