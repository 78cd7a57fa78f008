/*
 * Owner and mode of the files that configure the gateway.
 *
 *   path ─▶ open ─▶ fstat ─▶ judge ─┬─ trusted ─▶ read
 *                                   ├─ doubted ─▶ log, read
 *                                   └─ refused ─▶ nv_fail: what to do (chmod, chown)
 *
 * The descriptor is judged and not the name, so that nothing can be put in its place in
 * between. A file that was found by chance must be a regular one (a FIFO there would hang the
 * start) and, when a link led to it, the link's owner is asked for too: a stranger's link to
 * another file of ours would choose for us. Files that the configuration names may belong to
 * others: agents of secret stores write them as users of their own. That a whole directory can
 * be written by others is not looked at: what they put there belongs to them, and that shows.
 */
#include "gateway/config/file_trust.h"

#include "base/file.h"
#include "base/log/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

static enum nv_file_verdict say(enum nv_file_verdict verdict, char *why, const char *what)
{
    (void)snprintf(why, NV_FILE_WHY_SIZE, "%s", what);
    return verdict;
}

enum nv_file_verdict nv_file_judge(const struct stat *info, uid_t self, enum nv_file_role role,
                                   char *why)
{
    bool foreign = info->st_uid != 0 && info->st_uid != self;
    assert(why != NULL);
    why[0] = '\0';
    if (!S_ISREG(info->st_mode)) {
        return role == NV_FILE_FOUND
                   ? say(NV_FILE_REFUSED, why, "is no regular file: remove it")
                   : NV_FILE_TRUSTED;
    }
    if ((info->st_mode & S_IWOTH) != 0) {
        return say(NV_FILE_REFUSED, why,
                   "everybody can write this file and so configure the gateway: chmod o-w it");
    }
    if (foreign) {
        (void)snprintf(why, NV_FILE_WHY_SIZE,
                       "belongs to user %u, neither to root nor to user %u, which the gateway "
                       "runs as: chown it",
                       (unsigned)info->st_uid, (unsigned)self);
        return role == NV_FILE_NAMED ? NV_FILE_DOUBTED : NV_FILE_REFUSED;
    }
    if ((info->st_mode & S_IWGRP) != 0) {
        return say(NV_FILE_DOUBTED, why,
                   "its group can write this file and so configure the gateway: chmod g-w it");
    }
    return NV_FILE_TRUSTED;
}

static enum nv_err act(const struct stat *info, const char *path, enum nv_file_role role,
                       struct nv_fail *fail)
{
    char why[NV_FILE_WHY_SIZE];
    enum nv_file_verdict verdict = nv_file_judge(info, geteuid(), role, why);
    if (verdict == NV_FILE_DOUBTED)
        NV_LOG(NV_LOG_WARN, "config", "\"%s\": %s", path, why);
    if (verdict != NV_FILE_REFUSED)
        return NV_OK;
    (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s", why);
    if (fail && fail->path[0] == '\0')
        (void)snprintf(fail->path, sizeof fail->path, "%s", path);
    return NV_ERR_CONFIG;
}

enum nv_err nv_file_check(const char *path, enum nv_file_role role, struct nv_fail *fail)
{
    struct stat info;
    return stat(path, &info) == 0 ? act(&info, path, role, fail) : NV_OK;
}

/* Of a link that was found, before it is followed; its mode says nothing. */
static enum nv_err check_link(const char *path, struct nv_fail *fail)
{
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISLNK(info.st_mode))
        return NV_OK;
    info.st_mode = S_IFREG;
    return act(&info, path, NV_FILE_FOUND, fail);
}

enum nv_err nv_file_read_trusted(const char *path, enum nv_file_role role, size_t max,
                                 struct nv_buf *out, struct nv_fail *fail)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return nv_file_cant_open(path, fail);
    enum nv_err err = role == NV_FILE_FOUND ? check_link(path, fail) : NV_OK;
    if (err == NV_OK && fstat(fd, &info) == 0)
        err = act(&info, path, role, fail);
    if (err == NV_OK)
        return nv_file_read_fd(fd, path, NV_FILE_WAIT_MS, max, out, fail);
    (void)close(fd);
    return err;
}
