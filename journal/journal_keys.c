/*
 * Keys read, checked and made (journal_keys.h).
 *
 *   generated   getrandom ▸ key.tmp (0600, new) ▸ written, synced ▸ renamed to `key` ▸ directory
 *               synced ▸ only now a segment may be encrypted with it
 *
 * It is synced whatever journal.durability says: a key that a power cut takes costs all that
 * was written under it. A key that is there is never written over, also not one that is
 * refused.
 *
 * Group-readable is allowed of a named file: what Kubernetes mounts for a pod that is not root
 * is its group's to read. Everybody-readable is not, which is the mode of Docker's secrets
 * unless one is asked for.
 */
#include "journal/journal_keys.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include "base/banned.h"

#define DIGITS ((size_t)2 * NV_KEY_BYTES)
/* Of 32 bytes made by chance some 30 differ; fewer than so many differ once in 10^38. */
#define DIFFERENT_MIN 8u
#define PATH_SIZE 4096u

enum nv_err nv_journal_keys_new(struct nv_journal_keys **keys)
{
    *keys = calloc(1, sizeof **keys);
    return *keys ? NV_OK : NV_ERR_NO_MEMORY;
}

void nv_journal_keys_free(struct nv_journal_keys *keys)
{
    if (keys)
        explicit_bzero(keys, sizeof *keys);
    free(keys);
}

const struct nv_journal_key *nv_journal_keys_find(const struct nv_journal_keys *keys,
                                                  const uint8_t id[NV_KEY_ID_BYTES])
{
    for (uint32_t i = 0; i < keys->count; i++) {
        if (memcmp(keys->keys[i].id, id, NV_KEY_ID_BYTES) == 0)
            return &keys->keys[i];
    }
    return NULL;
}

const char *nv_key_source_name(enum nv_key_source source)
{
    return source == NV_KEY_FILE        ? "key_file"
           : source == NV_KEY_GENERATED ? "generated"
                                        : "none";
}

void nv_journal_key_text(const uint8_t id[NV_KEY_ID_BYTES], char text[NV_KEY_ID_TEXT])
{
    nv_hex_encode(id, NV_KEY_ID_BYTES, text);
    text[NV_KEY_ID_TEXT - 1] = '\0';
}

/* ---- one key ----------------------------------------------------------------------------- */

/* Not a measure of entropy: it finds 00112233... and the key of a README. */
static bool looks_made_by_chance(const uint8_t bytes[NV_KEY_BYTES])
{
    bool seen[256] = {false};
    unsigned different = 0;
    for (size_t i = 0; i < NV_KEY_BYTES; i++) {
        different += !seen[bytes[i]];
        seen[bytes[i]] = true;
    }
    return different >= DIFFERENT_MIN;
}

/* Adds a key, unless it is there. NV_ERR_LIMIT: too many. */
static enum nv_err add(struct nv_journal_keys *keys, const uint8_t bytes[NV_KEY_BYTES],
                       bool *added)
{
    uint8_t id[NV_KEY_ID_BYTES];
    *added = false;
    enum nv_err err = nv_key_identify(bytes, id);
    if (err != NV_OK || nv_journal_keys_find(keys, id))
        return err;
    if (keys->count == NV_JOURNAL_KEYS_MAX)
        return NV_ERR_LIMIT;
    struct nv_journal_key *key = &keys->keys[keys->count++];
    memcpy(key->bytes, bytes, NV_KEY_BYTES);
    memcpy(key->id, id, sizeof id);
    *added = true;
    return NV_OK;
}

/* ---- a file of keys ---------------------------------------------------------------------- */

static enum nv_err parse_line(struct nv_journal_keys *keys, struct nv_str line, unsigned number,
                              struct nv_fail *fail)
{
    uint8_t bytes[NV_KEY_BYTES];
    bool added;
    if (line.len != DIGITS) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "line %u has %zu characters, a key is %zu hexadecimal digits: "
                           "openssl rand -hex %u",
                           number, line.len, DIGITS, NV_KEY_BYTES);
    }
    if (nv_hex_decode(line, bytes, sizeof bytes) != NV_OK) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "line %u is not all hexadecimal digits: openssl rand -hex %u",
                           number, NV_KEY_BYTES);
    }
    enum nv_err err = NV_OK;
    if (!looks_made_by_chance(bytes)) {
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0,
                          "the key in line %u was not made by chance: openssl rand -hex %u",
                          number, NV_KEY_BYTES);
    } else {
        err = add(keys, bytes, &added);
        if (err == NV_ERR_LIMIT) {
            err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "line %u: more than %u keys", number,
                              NV_JOURNAL_KEYS_MAX);
        } else if (err == NV_OK && !added) {
            err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "line %u has a key for the second time",
                              number);
        }
    }
    explicit_bzero(bytes, sizeof bytes);
    return err;
}

/* Adds the keys of a file's text. CONFIG with line and reason in `fail`; NO_MEMORY. */
static enum nv_err parse(struct nv_journal_keys *keys, struct nv_str text, struct nv_fail *fail)
{
    unsigned number = 0;
    uint32_t before = keys->count;
    while (text.len > 0) {
        size_t end = nv_str_find_char(text, '\n');
        struct nv_str line = nv_str_trim(nv_str_slice(text, 0, end));
        number++;
        if (line.len > 0 && line.ptr[0] != '#') {
            enum nv_err err = parse_line(keys, line, number, fail);
            if (err != NV_OK)
                return err;
        }
        text = end == SIZE_MAX ? NV_STR("") : nv_str_slice(text, end + 1, SIZE_MAX);
    }
    return keys->count > before
               ? NV_OK
               : nv_fail_set(fail, NV_ERR_CONFIG, 0,
                             "there is no key in it: openssl rand -hex %u", NV_KEY_BYTES);
}

/* Strictest first. A named file that is no regular one (a pipe of a shell) has no mode to
 * judge. */
const char *nv_journal_key_complaint(const struct stat *info, bool generated)
{
    if (!S_ISREG(info->st_mode))
        return generated ? "is no regular file: move it away" : NULL;
    if (info->st_mode & S_IWOTH)
        return "everybody can write this key: chmod 600 it";
    if (info->st_mode & S_IROTH)
        return "everybody can read this key: chmod 600 it, and make a new one if somebody did";
    if (info->st_mode & S_IWGRP)
        return "its group can write this key: chmod 600 it";
    if (generated && info->st_mode & S_IRGRP)
        return "its group can read this key, which is the gateway's alone: chmod 600 it";
    if (generated && info->st_uid != 0 && info->st_uid != geteuid() && geteuid() != 0)
        return "belongs to another user, neither to root nor to the gateway's: chown it";
    return NULL;
}

/* Takes `fd`. The descriptor is judged and not the name. */
static enum nv_err read_keys(struct nv_journal_keys *keys, int fd, const char *path,
                             bool generated, struct nv_fail *fail)
{
    struct stat info;
    struct nv_buf text;
    const char *complaint =
        fstat(fd, &info) == 0 ? nv_journal_key_complaint(&info, generated) : strerror(errno);
    if (complaint) {
        (void)close(fd);
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s", complaint);
    }
    nv_buf_init(&text, NV_CAP_KEY_FILE);
    /* at once, so that nothing of a key stays where it grew out of */
    enum nv_err err = nv_buf_reserve(&text, NV_CAP_KEY_FILE);
    if (err == NV_OK)
        err = nv_file_read_fd(fd, path, NV_FILE_WAIT_MS, NV_CAP_KEY_FILE, &text, fail);
    else
        (void)close(fd);
    if (err == NV_ERR_LIMIT)
        err = nv_fail_set(fail, NV_ERR_CONFIG, 0, "is too large to be a file of keys");
    if (err == NV_OK)
        err = parse(keys, nv_buf_str(&text), fail);
    if (text.len > 0)
        explicit_bzero(text.bytes, text.len);
    nv_buf_release(&text);
    return err;
}

static enum nv_err load_file(struct nv_journal_keys *keys, const char *path, bool generated,
                             struct nv_fail *fail)
{
    struct nv_fail cause = {.code = NV_OK};
    /* a generated key is never a link; a named one often is, as Kubernetes mounts it */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (generated ? O_NOFOLLOW : 0));
    if (fd < 0 && generated && errno == ENOENT)
        return NV_OK;
    uint32_t before = keys->count;
    enum nv_err err =
        fd < 0 ? nv_file_cant_open(path, &cause) : read_keys(keys, fd, path, generated, &cause);
    if (err == NV_OK && before == 0)
        keys->source = generated ? NV_KEY_GENERATED : NV_KEY_FILE;
    if (err == NV_OK)
        return NV_OK;
    (void)nv_fail_set(fail, err, 0, "%s", cause.what[0] ? cause.what : nv_err_info(err)->text);
    if (fail && fail->path[0] == '\0')
        (void)snprintf(fail->path, sizeof fail->path, "%s", path);
    return err;
}

enum nv_err nv_journal_keys_load(struct nv_journal_keys *keys, const char *file,
                                 const char *directory, struct nv_fail *fail)
{
    char path[PATH_SIZE];
    enum nv_err err = file ? load_file(keys, file, false, fail) : NV_OK;
    int len = snprintf(path, sizeof path, "%s/" NV_JOURNAL_KEY_NAME, directory);
    if (err != NV_OK || len < 0 || len >= (int)sizeof path)
        return err;
    /* of the same key in both places one is enough */
    struct nv_journal_keys *found = NULL;
    err = nv_journal_keys_new(&found);
    if (err == NV_OK)
        err = load_file(found, path, true, fail);
    for (uint32_t i = 0; err == NV_OK && i < found->count; i++) {
        bool added;
        if (keys->count == 0)
            keys->source = NV_KEY_GENERATED;
        err = add(keys, found->keys[i].bytes, &added);
    }
    nv_journal_keys_free(found);
    return err == NV_ERR_LIMIT ? nv_fail_set(fail, NV_ERR_CONFIG, 0,
                                             "more than %u keys in all, also in '%.60s'",
                                             NV_JOURNAL_KEYS_MAX, path)
                               : err;
}

/* ---- a key of our own -------------------------------------------------------------------- */

static int make_file(const struct nv_file_ops *ops, const char *path)
{
    int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = ops->open(ops->ctx, path, flags, 0600);
    /* left by a start that ended within it: nothing was encrypted with that one */
    if (fd < 0 && errno == EEXIST && ops->unlink(ops->ctx, path) == 0)
        fd = ops->open(ops->ctx, path, flags, 0600);
    return fd;
}

/* Writes, syncs and closes; 0 or errno. */
static int write_file(const struct nv_file_ops *ops, const char *path, const char *text,
                      size_t len)
{
    int fd = make_file(ops, path);
    if (fd < 0)
        return errno;
    int error = 0;
    for (size_t done = 0; done < len && error == 0;) {
        struct iovec part = {(void *)(uintptr_t)(text + done), len - done};
        ssize_t n = ops->pwritev(ops->ctx, fd, &part, 1, (off_t)done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            error = n == 0 ? EIO : errno;
    }
    if (error == 0 && ops->fdatasync(ops->ctx, fd) != 0)
        error = errno;
    ops->close(ops->ctx, fd);
    return error;
}

/* 0 or errno. EINVAL: a file system that has no such thing. */
static int sync_directory(const struct nv_file_ops *ops, const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = ops->fsync(ops->ctx, fd) == 0 || errno == EINVAL ? 0 : errno;
    (void)close(fd);
    return error;
}

/* The name `key` stands for a whole key or for none, also after a power cut. */
static int put_on_disk(const struct nv_file_ops *ops, const char *directory, const char *text,
                       size_t len)
{
    char path[PATH_SIZE], fresh[PATH_SIZE];
    int fits = snprintf(path, sizeof path, "%s/" NV_JOURNAL_KEY_NAME, directory);
    int more = snprintf(fresh, sizeof fresh, "%s/" NV_JOURNAL_KEY_NAME ".tmp", directory);
    if (fits < 0 || more < 0 || more >= (int)sizeof fresh)
        return ENAMETOOLONG;
    int error = write_file(ops, fresh, text, len);
    if (error == 0 && ops->rename(ops->ctx, fresh, path) != 0)
        error = errno;
    return error ? error : sync_directory(ops, directory);
}

enum nv_err nv_journal_keys_generate(struct nv_journal_keys *keys,
                                     const struct nv_file_ops *ops, const char *directory,
                                     struct nv_fail *fail)
{
    uint8_t bytes[NV_KEY_BYTES];
    char text[DIGITS + 1];
    bool added;
    int error = getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes ? 0 : errno;
    nv_hex_encode(bytes, sizeof bytes, text);
    text[DIGITS] = '\n';
    if (error == 0)
        error = put_on_disk(ops, directory, text, sizeof text);
    enum nv_err err = NV_OK;
    if (error != 0) {
        err =
            nv_fail_set(fail, error == ENOSPC || error == EDQUOT ? NV_ERR_NO_SPACE : NV_ERR_IO,
                        0, "cannot make a key in '%.60s': %s", directory, strerror(error));
    } else {
        err = add(keys, bytes, &added);
        if (keys->count == 1)
            keys->source = NV_KEY_GENERATED;
    }
    explicit_bzero(bytes, sizeof bytes);
    explicit_bzero(text, sizeof text);
    return err;
}
