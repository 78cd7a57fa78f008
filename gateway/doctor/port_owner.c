/*
 * The kernel's table of sockets names an inode, and a process has it among its descriptors as
 * the link "socket:[inode]". Written for a machine with some thousand processes: it is read
 * once in a doctor's run.
 *
 *   /proc/net/tcp{,6}       local_address  st ... uid ... inode
 *                           0100007F:10DE  0A     1000    48213      4318, listening
 *   /proc/PID/fd/7          -> socket:[48213]                        whose it is
 *   /proc/PID/comm          its name
 *
 * Another user's descriptors can't be read without root. Then it is said that somebody listens,
 * and which user: enough to know whom to ask.
 */
#include "gateway/doctor/port_owner.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define PATH_SIZE 400
#define STATE_LISTEN "0A"
/* Fields of a line in /proc/net/tcp (proc(5)), from 0. */
enum { FIELD_LOCAL = 1, FIELD_STATE = 3, FIELD_UID = 7, FIELD_INODE = 9, FIELDS = 10 };

/* To be read; NULL when it can't be. */
static FILE *open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (fd >= 0 && !file)
        (void)close(fd);
    return file;
}

/* The first FIELDS words of a line; false when it has fewer. */
static bool split(struct nv_str line, struct nv_str words[FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++) {
        line = nv_str_trim(line);
        if (line.len == 0)
            return false;
        size_t end = nv_str_find_char(line, ' ');
        words[i] = nv_str_slice(line, 0, end);
        line = nv_str_slice(line, end == SIZE_MAX ? line.len : end, line.len);
    }
    return true;
}

/* The address is not compared: one is asked for after the port could not be had, so that who
 * listens on it at all is the one to name. */
static bool listens_on(const struct nv_str words[FIELDS], unsigned port)
{
    char wanted[8];
    size_t colon = nv_str_find_char(words[FIELD_LOCAL], ':');

    (void)snprintf(wanted, sizeof wanted, "%04X", port & 0xffffu);
    return colon != SIZE_MAX && nv_str_eq(words[FIELD_STATE], NV_STR(STATE_LISTEN)) &&
           nv_str_eq(nv_str_slice(words[FIELD_LOCAL], colon + 1, SIZE_MAX),
                     nv_str_from(wanted));
}

/* The inode of who listens, 0: nobody in this table. */
static uint64_t find_inode(const char *proc, const char *table, unsigned port, unsigned *uid)
{
    char path[PATH_SIZE], line[512];
    uint64_t inode = 0, user = 0;

    (void)snprintf(path, sizeof path, "%s/net/%s", proc, table);
    FILE *file = open_file(path);
    while (file && inode == 0 && fgets(line, sizeof line, file)) {
        struct nv_str words[FIELDS];
        if (!split(nv_str_from(line), words) || !listens_on(words, port) ||
            nv_str_to_uint64(words[FIELD_UID], &user) != NV_OK ||
            nv_str_to_uint64(words[FIELD_INODE], &inode) != NV_OK)
            inode = 0;
    }
    *uid = (unsigned)user;
    if (file)
        (void)fclose(file);
    return inode;
}

static bool has_socket(const char *proc, uint64_t pid, const char *wanted)
{
    char path[PATH_SIZE], link[64];
    bool found = false;

    (void)snprintf(path, sizeof path, "%s/%llu/fd", proc, (unsigned long long)pid);
    DIR *directory = opendir(path);
    for (const struct dirent *entry = NULL;
         directory && !found && (entry = readdir(directory)) != NULL;) {
        int len = snprintf(path, sizeof path, "%s/%llu/fd/%s", proc, (unsigned long long)pid,
                           entry->d_name);
        ssize_t got = len < (int)sizeof path ? readlink(path, link, sizeof link - 1) : -1;
        if (got > 0) {
            link[got] = '\0';
            found = strcmp(link, wanted) == 0;
        }
    }
    if (directory)
        (void)closedir(directory);
    return found;
}

static void read_name(const char *proc, struct nv_port_owner *out)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof path, "%s/%d/comm", proc, out->pid);
    FILE *file = open_file(path);
    if (!file)
        return;
    if (!fgets(out->name, sizeof out->name, file))
        out->name[0] = '\0';
    out->name[strcspn(out->name, "\n")] = '\0';
    (void)fclose(file);
}

static void find_process(const char *proc, uint64_t inode, struct nv_port_owner *out)
{
    char wanted[64];
    DIR *directory = opendir(proc);

    (void)snprintf(wanted, sizeof wanted, "socket:[%llu]", (unsigned long long)inode);
    const struct dirent *entry = NULL;
    for (unsigned looked = 0; directory && out->pid == 0 && looked < NV_PORT_OWNER_PROCESSES &&
                              (entry = readdir(directory)) != NULL;
         looked++) {
        uint64_t pid = 0;
        if (nv_str_to_uint64(nv_str_from(entry->d_name), &pid) == NV_OK && pid > 0 &&
            pid <= INT32_MAX && has_socket(proc, pid, wanted))
            out->pid = (int)pid;
    }
    if (directory)
        (void)closedir(directory);
}

void nv_port_owner_find(const char *proc, unsigned port, struct nv_port_owner *out)
{
    *out = (struct nv_port_owner){.listens = false};
    uint64_t inode = find_inode(proc, "tcp", port, &out->uid);
    if (inode == 0)
        inode = find_inode(proc, "tcp6", port, &out->uid);
    if (inode == 0)
        return;
    out->listens = true;
    find_process(proc, inode, out);
    if (out->pid != 0)
        read_name(proc, out);
}
