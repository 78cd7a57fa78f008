/*
 * Which process listens on a TCP port here, as far as /proc tells this user.
 *
 *   port ──/proc/net/tcp, tcp6──▶ inode, user ──/proc/PID/fd──▶ PID ──/proc/PID/comm──▶ name
 */
#ifndef NV_GATEWAY_DOCTOR_PORT_OWNER_H
#define NV_GATEWAY_DOCTOR_PORT_OWNER_H

#include <stdbool.h>
#include <stdint.h>

struct nv_port_owner {
    bool listens;  /* somebody does; else nothing below is set */
    unsigned uid;  /* the user whose socket it is */
    int pid;       /* 0: its descriptors are not ours to see */
    char name[32]; /* of the program, "" without a pid; any bytes */
};

/*
 * Looks below `proc` ("/proc") for who listens on `port`, on any address. Never fails: what
 * can't be read is not told. Reads at most NV_PORT_OWNER_PROCESSES processes.
 */
void nv_port_owner_find(const char *proc, unsigned port, struct nv_port_owner *out);
/* Process ids beyond this many are not looked at. */
#define NV_PORT_OWNER_PROCESSES 100000

#endif
