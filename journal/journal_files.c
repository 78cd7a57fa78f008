/*
 * The journal's directory as it is found: whose it is, its lock, which names are files of the
 * journal, what a file's header says (journal_internal.h has the format).
 *
 *   journal-0000000a   eight digits, no more and no less: a file of ours
 *     a link, directory, device; beyond 4 GiB without a header   never was: moved aside, told
 *     can't be opened, can't be read                             may hold what was acknowledged:
 *                                                                the start ends with file and cause
 *     belongs to neither us nor root                             not read: the start ends, as above
 *   anything else      a stranger, not looked at
 *
 * Links are never followed: in a directory that others may write a link would have us write
 * into whatever it names. A directory that everybody can write is mended when it is ours. When
 * it is not it is warned of and used: it is what a pod gets (emptyDir, 0777, of root), and
 * there nobody else is. What others could do in it is take files away; they can't have theirs
 * taken for ours, nor read what we write.
 */
#include "journal/journal_internal.h"
#include "base/log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/banned.h"

#define NAME_PREFIX "journal-"
#define NAME_DIGITS 8u
/* Names tried for what is moved aside. */
#define ASIDE_MAX 100u

/* ---- names ------------------------------------------------------------------------------- */

/* The number in a journal file's name, 0 when it is the name of something else. */
static uint32_t number_of(const char *name)
{
    size_t prefix = strlen(NAME_PREFIX);
    uint32_t number = 0;
    if (strlen(name) != prefix + NAME_DIGITS || strncmp(name, NAME_PREFIX, prefix) != 0)
        return 0;
    for (const char *at = name + prefix; *at != '\0'; at++) {
        bool digit = *at >= '0' && *at <= '9';
        if (!digit && (*at < 'a' || *at > 'f'))
            return 0;
        number = number << 4 | (uint32_t)(digit ? *at - '0' : *at - 'a' + 10);
    }
    return number <= NV_SEGMENTS_MAX ? number : 0;
}

int nv_segment_named(const struct dirent *entry)
{
    return number_of(entry->d_name) != 0;
}

/* ---- one file ---------------------------------------------------------------------------- */

/* A file cut within its page may still have its header. */
static enum nv_err read_page(struct nv_journal *journal, const struct nv_segment *segment,
                             uint8_t page[NV_SEGMENT_PAGE])
{
    memset(page, 0, NV_SEGMENT_PAGE);
    if (nv_journal_read(journal, segment->fd, page, NV_SEGMENT_PAGE, 0) == NV_OK)
        return NV_OK;
    memset(page, 0, NV_SEGMENT_PAGE);
    return nv_journal_read(journal, segment->fd, page, NV_SEGMENT_HEADER, 0);
}

static enum nv_err read_header(struct nv_journal *journal, struct nv_opened *opened,
                               struct nv_fail *fail)
{
    uint8_t bytes[NV_SEGMENT_PAGE];
    struct nv_segment *segment = opened->segment;
    if (read_page(journal, segment, bytes))
        return NV_OK;
    uint32_t crc = nv_segment_header_crc(bytes);
    if (nv_get64(bytes) != NV_SEGMENT_MAGIC || nv_get32(bytes + NV_SEGMENT_CRC_AT) != crc) {
        bool clean;
        segment->damaged = !nv_bytes_are_zero(bytes, NV_SEGMENT_HEADER);
        return nv_segment_get_lock(journal, segment, bytes, false, &clean);
    }
    if (nv_get32(bytes + NV_SEGMENT_FORMAT_AT) > NV_JOURNAL_FORMAT) {
        return nv_fail_set(
            fail, NV_ERR_CONFIG, 0,
            "the journal in '%.80s' was written by a newer version (format %u, this "
            "one reads up to %u)",
            journal->directory, (unsigned)nv_get32(bytes + NV_SEGMENT_FORMAT_AT),
            NV_JOURNAL_FORMAT);
    }
    uint32_t found = segment->size;
    nv_segment_layout(segment, nv_get32(bytes + NV_SEGMENT_SIZE_AT));
    segment->cut = found < segment->size;
    segment->size = segment->cut ? found : segment->size;
    segment->epoch = nv_get32(bytes + NV_SEGMENT_EPOCH_AT);
    segment->cold = nv_get32(bytes + NV_SEGMENT_FLAGS_AT) & NV_SEGMENT_FLAG_COLD;
    segment->encrypted = nv_get32(bytes + NV_SEGMENT_FLAGS_AT) & NV_SEGMENT_FLAG_ENCRYPTED;
    opened->spare = nv_get32(bytes + NV_SEGMENT_FLAGS_AT) & NV_SEGMENT_FLAG_SPARE;
    opened->first_id = nv_get64(bytes + NV_SEGMENT_FIRST_ID_AT);
    opened->known = true;
    if (!opened->spare)
        segment->due_slots = nv_segment_read_seal(bytes, segment);
    bool clean;
    enum nv_err err = nv_segment_get_lock(journal, segment, bytes, true, &clean);
    opened->stained = !clean || !nv_seal_is_clean(bytes);
    return err;
}

/* What no file of the journal fails with: a link, a directory, a socket, a device that is not
 * there. */
static bool is_foreign(int error)
{
    return error == ELOOP || error == EISDIR || error == ENXIO || error == ENODEV;
}

/* Who the files that we make belong to: on a share that maps users it is not who we are. */
static uid_t maker(const struct nv_journal *journal)
{
    struct stat stat;
    uid_t uid = geteuid();
    char *path = nv_journal_path(journal, "owner.tmp");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd >= 0) {
        uid = fstat(fd, &stat) == 0 ? stat.st_uid : uid;
        (void)unlink(path);
        (void)close(fd);
    }
    free(path);
    return uid;
}

/* Root may look at a directory of the gateway's user, who can do as he likes there anyway. */
static bool is_trusted(const struct nv_journal *journal, uid_t uid)
{
    struct stat directory;
    if (uid == 0 || uid == geteuid())
        return true;
    if (geteuid() == 0 && stat(journal->directory, &directory) == 0 &&
        directory.st_uid == uid && !(directory.st_mode & S_IWOTH))
        return true;
    return uid == maker(journal);
}

static enum nv_err check_owner(const struct nv_journal *journal, const char *name, uid_t uid,
                               struct nv_fail *fail)
{
    return is_trusted(journal, uid)
               ? NV_OK
               : nv_fail_set(
                     fail, NV_ERR_CONFIG, 0,
                     "'%s' in '%.30s' is user %u's, neither root's nor ours (%u): chown "
                     "it or move it away",
                     name, journal->directory, (unsigned)uid, (unsigned)geteuid());
}

static enum nv_err open_file(struct nv_journal *journal, const char *name, int *fd,
                             uint64_t *size, struct nv_fail *fail)
{
    struct stat stat = {0};
    char *path = nv_journal_path(journal, name);
    if (!path)
        return NV_ERR_NO_MEMORY;
    *fd = journal->ops->open(journal->ops->ctx, path,
                             O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
    int error = *fd < 0 || fstat(*fd, &stat) ? errno : 0;
    free(path);
    enum nv_err err = NV_OK;
    if (error == ENOENT) {
        err = NV_ERR_NOT_FOUND;
    } else if (is_foreign(error) || (error == 0 && !S_ISREG(stat.st_mode))) {
        err = NV_ERR_MALFORMED;
    } else if (error != 0) {
        err = nv_fail_set(fail, NV_ERR_IO, 0, "cannot open '%s' in '%.40s': %s", name,
                          journal->directory, strerror(error));
    } else {
        err = check_owner(journal, name, stat.st_uid, fail);
    }
    if (err == NV_OK)
        *size = (uint64_t)stat.st_size;
    if (err != NV_OK && *fd >= 0)
        journal->ops->close(journal->ops->ctx, *fd);
    return err;
}

static enum nv_err read_file(struct nv_journal *journal, uint64_t size, struct nv_opened *out,
                             struct nv_fail *fail)
{
    bool huge = size > NV_SEGMENT_MAX;
    nv_segment_layout(out->segment, huge ? NV_SEGMENT_MAX : (uint32_t)size);
    enum nv_err err = read_header(journal, out, fail);
    /* With its header it is ours, whoever made it longer. */
    return err == NV_OK && huge && !out->known ? NV_ERR_MALFORMED : err;
}

enum nv_err nv_segment_open(struct nv_journal *journal, const char *name, struct nv_opened *out,
                            struct nv_fail *fail)
{
    uint64_t size = 0;
    int fd = -1;
    *out = (struct nv_opened){0};
    enum nv_err err = open_file(journal, name, &fd, &size, fail);
    if (err != NV_OK)
        return err;
    struct nv_segment *segment = calloc(1, sizeof *segment);
    err = segment ? NV_OK : NV_ERR_NO_MEMORY;
    if (segment) {
        segment->fd = fd;
        segment->number = number_of(name);
        segment->state = NV_SEGMENT_SEALED;
        out->segment = segment;
        err = read_file(journal, size, out, fail);
    }
    if (err != NV_OK) {
        journal->ops->close(journal->ops->ctx, fd);
        if (segment)
            nv_segment_disarm(segment);
        free(segment);
        out->segment = NULL;
    }
    return err;
}

char *nv_journal_aside_path(const struct nv_journal *journal, const char *why, uint32_t number)
{
    for (unsigned i = 0; i < ASIDE_MAX; i++) {
        char name[40];
        struct stat stat;
        if (i == 0)
            (void)snprintf(name, sizeof name, "%s-%08x", why, (unsigned)number);
        else
            (void)snprintf(name, sizeof name, "%s-%08x.%u", why, (unsigned)number, i);
        char *path = nv_journal_path(journal, name);
        if (!path || lstat(path, &stat) != 0)
            return path;
        free(path);
    }
    return NULL;
}

enum nv_err nv_journal_set_aside(struct nv_journal *journal, const char *name,
                                 struct nv_fail *fail)
{
    char *from = nv_journal_path(journal, name);
    char *to = nv_journal_aside_path(journal, "damaged", number_of(name));
    bool moved = from && to && journal->ops->rename(journal->ops->ctx, from, to) == 0;
    int error = errno;
    if (moved) {
        journal->damaged++;
        NV_LOG(NV_LOG_ERROR, "journal",
               "no file of the journal (a link, a directory or beyond 4 GiB), moved aside "
               "from=%s to=%s",
               from, to);
    }
    free(from);
    free(to);
    return moved ? NV_OK
                 : nv_fail_set(fail, NV_ERR_CONFIG, 0,
                               "'%s' in '%.40s' is no file of the journal: move it away (%s)",
                               name, journal->directory, strerror(error));
}

/* ---- the directory ----------------------------------------------------------------------- */

enum nv_err nv_journal_make_directory(const char *directory, struct nv_fail *fail)
{
    char path[NV_PATH_MAX];
    int len = snprintf(path, sizeof path, "%s", directory);
    if (len <= 0 || len >= (int)sizeof path)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "journal.directory is empty or too long");
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char was = *at;
        *at = '\0';
        if (mkdir(path, 0700) && errno != EEXIST) {
            return nv_fail_set(fail, errno == ENOSPC ? NV_ERR_NO_SPACE : NV_ERR_CONFIG, 0,
                               "cannot make the directory '%.70s': %s", path, strerror(errno));
        }
        *at = was;
        if (was == '\0')
            return NV_OK;
    }
}

/* Who can write the directory can take files of ours away, but where only owners may
 * (sticky). */
static void check_mode(struct nv_journal *journal)
{
    struct stat stat;
    if (fstat(journal->directory_fd, &stat))
        return;
    bool all = stat.st_mode & S_IWOTH;
    mode_t mode = stat.st_mode & 07777u;
    if (all && stat.st_uid == geteuid() &&
        fchmod(journal->directory_fd, mode & ~(mode_t)S_IWOTH) == 0) {
        NV_LOG(NV_LOG_WARN, "journal",
               "everybody could write the directory, which is no longer so directory=%s",
               journal->directory);
        return;
    }
    journal->exposed = all;
    /* A volume of a pod is its group's (fsGroup, the image's own): told, no reason to warn. */
    if (all || mode & S_IWGRP) {
        NV_LOG(
            all ? NV_LOG_WARN : NV_LOG_INFO, "journal",
            "%s can write the directory and take away what was accepted: chown it, take that "
            "permission back, or name a directory in it directory=%s mode=%o uid=%u",
            all ? "everybody" : "its group", journal->directory, (unsigned)mode,
            (unsigned)stat.st_uid);
    }
}

/* Says whose the directory is, or its lock where the directory is not what refuses, and who
 * asks: of a container's volume nobody knows either without looking. */
static enum nv_err refuse_lock(const struct nv_journal *journal, int cause,
                               struct nv_fail *fail)
{
    struct stat of = {0};
    int dir = journal->directory_fd;
    bool lock = dir >= 0 && faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == 0 &&
                fstatat(dir, "lock", &of, AT_SYMLINK_NOFOLLOW) == 0;
    if (lock || stat(journal->directory, &of) == 0) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "cannot write '%.40s%s': %s (user %u:%u, it is of %u:%u, mode %o)",
                           journal->directory, lock ? "/lock" : "", strerror(cause),
                           (unsigned)geteuid(), (unsigned)getegid(), (unsigned)of.st_uid,
                           (unsigned)of.st_gid, (unsigned)of.st_mode & 07777u);
    }
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "cannot use the directory '%.70s': %s",
                       journal->directory, strerror(cause));
}

enum nv_err nv_journal_take_lock(struct nv_journal *journal, struct nv_fail *fail)
{
    char *path = nv_journal_path(journal, "lock");
    if (!path)
        return NV_ERR_NO_MEMORY;
    journal->directory_fd = open(journal->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (journal->directory_fd >= 0) {
        journal->lock_fd =
            open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    }
    int cause = errno;
    free(path);
    if (journal->directory_fd < 0 || journal->lock_fd < 0)
        return refuse_lock(journal, cause, fail);
    struct stat stat;
    if (fstat(journal->lock_fd, &stat) || !S_ISREG(stat.st_mode)) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "'lock' in '%.80s' is no regular file",
                           journal->directory);
    }
    enum nv_err err = check_owner(journal, "lock", stat.st_uid, fail);
    if (err != NV_OK)
        return err;
    if (flock(journal->lock_fd, LOCK_EX | LOCK_NB)) {
        return nv_fail_set(fail, NV_ERR_LOCKED, 0,
                           "the directory '%.80s' is used by another gateway",
                           journal->directory);
    }
    check_mode(journal);
    return NV_OK;
}
