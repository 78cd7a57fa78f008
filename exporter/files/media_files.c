/*
 * Files of media.
 *
 * A ring of what there is, oldest first, is all that is remembered: who it is, how long, how
 * old. Room is made before a file is written, so that the limits hold at each moment; what is
 * being written is reserved meanwhile, outside of the lock, since shards write at once.
 *
 *   ring   [ oldest ... newest ]     + reserved (being written)  ≤ files_max, bytes_max
 *             └─ unlinked first
 *
 * A file that somebody else removed costs nothing: its place in the ring ends with its turn.
 */
#include "exporter/files/media_files.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "base/log/log.h"
#include "base/text/base64_text.h"
#include "base/text/text.h"
#include "exporter/files/directory.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define PIECE 12288u
/* Files that one call removes for their age. */
#define EXPIRE_MAX 256u
#define TEMPORARY_MAX 40
#define TEMPORARY NV_STR(".writing-")

struct file {
    uint8_t uuid[NV_MEDIA_UUID_BYTES];
    uint64_t bytes, wall_ns;
    uint32_t ending; /* in `endings` */
};

struct nv_media_files {
    int directory;
    struct nv_media_files_config config;
    const struct nv_clock *clock;
    struct nv_media_keeper keeper;
    pthread_mutex_t lock; /* all below */
    struct file *ring;    /* config.files_max of them */
    uint32_t first, count, reserved;
    uint64_t bytes, reserved_bytes;
    uint64_t written; /* temporary names so far */
    bool failing;
};

/* ---- names ------------------------------------------------------------------------------- */

/* The first is that of all other types. */
static const struct {
    struct nv_str mime, ending;
} endings[] = {
#define ENDING(mime, ending)                                                                   \
    {                                                                                          \
        NV_STR_INIT(mime), NV_STR_INIT(ending)                                                 \
    }
    ENDING("", "bin"),
    ENDING("application/pdf", "pdf"),
    ENDING("video/mp4", "mp4"),
    ENDING("video/webm", "webm"),
    ENDING("video/quicktime", "mov"),
    ENDING("video/x-msvideo", "avi"),
    ENDING("video/mpeg", "mpeg"),
    ENDING("application/zip", "zip"),
    ENDING("application/gzip", "gz"),
    ENDING("application/json", "json"),
    ENDING("application/msword", "doc"),
    ENDING("application/vnd.ms-excel", "xls"),
    ENDING("application/vnd.ms-powerpoint", "ppt"),
    ENDING("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ENDING("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ENDING("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ENDING("text/plain", "txt"),
    ENDING("text/markdown", "md"),
    ENDING("text/csv", "csv"),
    ENDING("image/png", "png"),
    ENDING("image/jpeg", "jpeg"),
    ENDING("image/gif", "gif"),
    ENDING("image/webp", "webp"),
    ENDING("image/avif", "avif"),
    ENDING("image/heic", "heic"),
    ENDING("image/heif", "heif"),
    ENDING("image/bmp", "bmp"),
    ENDING("image/tiff", "tiff"),
    ENDING("image/x-icon", "ico"),
    ENDING("audio/wav", "wav"),
    ENDING("audio/mpeg", "mp3"),
    ENDING("audio/aac", "aac"),
    ENDING("audio/flac", "flac"),
    ENDING("audio/ogg", "ogg"),
    ENDING("audio/opus", "opus"),
    ENDING("audio/mp4", "m4a"),
    ENDING("audio/aiff", "aiff"),
    ENDING("audio/amr", "amr"),
    ENDING("audio/midi", "mid"),
    ENDING("audio/pcm", "pcm"),
#undef ENDING
};

#define ENDINGS (sizeof endings / sizeof *endings)

/* By comparing them all: a medium has been hashed byte by byte when it comes here, and forty
 * names are nothing beside that. */
static uint32_t ending_of(struct nv_str mime)
{
    for (uint32_t i = 1; i < ENDINGS; i++) {
        if (nv_str_eq(endings[i].mime, mime))
            return i;
    }
    return 0;
}

static void file_name(const uint8_t uuid[NV_MEDIA_UUID_BYTES], uint32_t ending,
                      char out[NV_MEDIA_FILE_NAME])
{
    char text[NV_MEDIA_UUID_TEXT];
    nv_media_uuid_text(uuid, text);
    (void)snprintf(out, NV_MEDIA_FILE_NAME, "%s.%.*s", text,
                   NV_STR_ARG(endings[ending].ending));
}

/* Is it a name of ours? Written again and compared, so that a file has one name alone: capital
 * letters, or dashes elsewhere, are of somebody else. */
static bool read_name(struct nv_str name, struct file *out)
{
    char hex[2 * NV_MEDIA_UUID_BYTES];
    char again[NV_MEDIA_FILE_NAME];
    size_t n = 0;
    if (name.len < NV_MEDIA_UUID_TEXT || name.len >= NV_MEDIA_FILE_NAME)
        return false;
    for (size_t i = 0; i < NV_MEDIA_UUID_TEXT - 1; i++) {
        if (name.ptr[i] != '-' && n < sizeof hex)
            hex[n++] = name.ptr[i];
    }
    if (n != sizeof hex ||
        nv_hex_decode((struct nv_str){hex, n}, out->uuid, sizeof out->uuid) != NV_OK)
        return false;
    for (out->ending = 0; out->ending < ENDINGS; out->ending++) {
        file_name(out->uuid, out->ending, again);
        if (nv_str_eq(nv_str_from(again), name))
            return true;
    }
    return false;
}

/* ---- the ring ---------------------------------------------------------------------------- */

static struct file *oldest(const struct nv_media_files *files)
{
    return &files->ring[files->first];
}

static void remove_oldest(struct nv_media_files *files)
{
    const struct file *file = oldest(files);
    char name[NV_MEDIA_FILE_NAME];
    assert(files->count > 0);
    file_name(file->uuid, file->ending, name);
    if (unlinkat(files->directory, name, 0) == 0)
        nv_count(NV_COUNT_MEDIA_FILES_REMOVED, 1);
    files->bytes -= file->bytes;
    files->first = (files->first + 1) % files->config.files_max;
    files->count--;
}

static bool is_full(const struct nv_media_files *files, uint64_t bytes)
{
    return files->count + files->reserved >= files->config.files_max ||
           files->bytes + files->reserved_bytes + bytes > files->config.bytes_max;
}

/*
 * Room for one more of so many bytes. Under the lock. What would not fit beside those that are
 * being written, were all others gone, removes none.
 */
static enum nv_err make_room(struct nv_media_files *files, uint64_t bytes)
{
    if (files->reserved >= files->config.files_max || bytes > files->config.bytes_max ||
        files->reserved_bytes > files->config.bytes_max - bytes)
        return NV_ERR_LIMIT;
    while (files->count > 0 && is_full(files, bytes))
        remove_oldest(files);
    return NV_OK;
}

/* There is room for it. */
static void push(struct nv_media_files *files, const struct file *file)
{
    assert(files->count < files->config.files_max);
    files->ring[(files->first + files->count) % files->config.files_max] = *file;
    files->count++;
    files->bytes += file->bytes;
}

/* ---- what an earlier run left ------------------------------------------------------------ */

static int by_age(const void *left, const void *right)
{
    const struct file *a = left;
    const struct file *b = right;
    return a->wall_ns < b->wall_ns ? -1 : a->wall_ns > b->wall_ns;
}

/* What was being written when an earlier run ended goes. What has no name of ours stays, and is
 * not counted: it may be anybody's. */
static enum nv_err note_file(const struct nv_media_files *files, const char *name,
                             struct nv_buf *found)
{
    struct file file;
    struct stat info;
    if (nv_str_starts(nv_str_from(name), TEMPORARY))
        (void)unlinkat(files->directory, name, 0);
    if (!read_name(nv_str_from(name), &file) ||
        fstatat(files->directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode))
        return NV_OK;
    file.bytes = (uint64_t)info.st_size;
    file.wall_ns = (uint64_t)info.st_mtim.tv_sec * NV_NS_PER_S + (uint64_t)info.st_mtim.tv_nsec;
    return nv_buf_append(found, &file, sizeof file);
}

static enum nv_err read_directory(const struct nv_media_files *files, struct nv_buf *found)
{
    const struct dirent *entry;
    enum nv_err err = NV_OK;
    int own = fcntl(files->directory, F_DUPFD_CLOEXEC, 0);
    DIR *directory = own >= 0 ? fdopendir(own) : NULL;
    if (!directory) {
        err = nv_directory_error(errno);
        if (own >= 0)
            (void)close(own);
        return err;
    }
    while (err == NV_OK && (entry = readdir(directory)) != NULL)
        err = note_file(files, entry->d_name, found);
    (void)closedir(directory);
    return err;
}

/* The oldest go in first, so that limits that became smaller keep the newest. */
static enum nv_err load(struct nv_media_files *files)
{
    struct nv_buf found;
    struct file file;
    nv_buf_init(&found, NV_CAP_MEDIA_SCAN);
    enum nv_err err = read_directory(files, &found);
    if (err == NV_OK && found.len > 0)
        qsort(found.bytes, found.len / sizeof file, sizeof file, by_age);
    for (size_t at = 0; err == NV_OK && at < found.len; at += sizeof file) {
        memcpy(&file, found.bytes + at, sizeof file);
        if (make_room(files, file.bytes) == NV_OK) {
            push(files, &file);
            continue;
        }
        char name[NV_MEDIA_FILE_NAME]; /* alone it is more than all may be */
        file_name(file.uuid, file.ending, name);
        if (unlinkat(files->directory, name, 0) == 0)
            nv_count(NV_COUNT_MEDIA_FILES_REMOVED, 1);
    }
    nv_buf_release(&found);
    return err;
}

/* ---- writing ----------------------------------------------------------------------------- */

static enum nv_err write_base64(int fd, const struct nv_medium *medium)
{
    struct nv_base64_reader reader;
    uint8_t piece[PIECE];
    uint64_t written = 0;
    size_t len;
    enum nv_err err = NV_OK;
    nv_base64_read_init(&reader, medium->text, 0);
    while (err == NV_OK && (len = nv_base64_read(&reader, piece, sizeof piece)) > 0) {
        written += len;
        err = nv_directory_write(fd, (struct nv_str){(const char *)piece, len});
    }
    return err == NV_OK && written != medium->bytes ? NV_ERR_MALFORMED : err;
}

static enum nv_err write_temporary(const struct nv_media_files *files, const char *temporary,
                                   const struct nv_medium *medium)
{
    int fd = openat(files->directory, temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return nv_directory_error(errno);
    enum nv_err err =
        medium->raw ? nv_directory_write(fd, medium->text) : write_base64(fd, medium);
    if (err == NV_OK && files->config.sync && fdatasync(fd) != 0)
        err = nv_directory_error(errno);
    if (close(fd) != 0 && err == NV_OK)
        err = nv_directory_error(errno);
    return err;
}

/* Whole under its name, or not there: one that stayed under it would be in no limit until the
 * next start. */
static enum nv_err write_file(const struct nv_media_files *files, uint64_t number,
                              const struct nv_medium *medium, const char *name)
{
    char temporary[TEMPORARY_MAX];
    (void)snprintf(temporary, sizeof temporary, "%.*s%llu.tmp", NV_STR_ARG(TEMPORARY),
                   (unsigned long long)number);
    enum nv_err err = write_temporary(files, temporary, medium);
    if (err == NV_OK && renameat(files->directory, temporary, files->directory, name) != 0)
        err = nv_directory_error(errno);
    if (err != NV_OK) {
        (void)unlinkat(files->directory, temporary, 0);
        return err;
    }
    if (files->config.sync && fsync(files->directory) != 0) {
        err = nv_directory_error(errno);
        (void)unlinkat(files->directory, name, 0);
    }
    return err;
}

/* A replay finds what it wrote before, and no other medium has this uuid. */
static bool is_there(const struct nv_media_files *files, const char *name, uint64_t bytes)
{
    struct stat info;
    return fstatat(files->directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(info.st_mode) && (uint64_t)info.st_size == bytes;
}

/* The number is of a temporary name: shards write at once, each under its own. */
static enum nv_err reserve(struct nv_media_files *files, uint64_t bytes, uint64_t *number)
{
    (void)pthread_mutex_lock(&files->lock);
    enum nv_err err = make_room(files, bytes);
    if (err == NV_OK) {
        files->reserved++;
        files->reserved_bytes += bytes;
        *number = files->written++;
    }
    (void)pthread_mutex_unlock(&files->lock);
    return err;
}

/* What was reserved becomes a file, or is free again. */
static void settle(struct nv_media_files *files, const struct file *file, enum nv_err err)
{
    (void)pthread_mutex_lock(&files->lock);
    files->reserved--;
    files->reserved_bytes -= file->bytes;
    if (err == NV_OK)
        push(files, file);
    (void)pthread_mutex_unlock(&files->lock);
}

/* Counts it, and says so when files begin to fail and when they are written again. */
static void tell(struct nv_media_files *files, enum nv_err err)
{
    nv_count(err == NV_OK ? NV_COUNT_MEDIA_FILES_WRITTEN : NV_COUNT_MEDIA_FILES_FAILED, 1);
    (void)pthread_mutex_lock(&files->lock);
    bool changed = files->failing != (err != NV_OK);
    files->failing = err != NV_OK;
    (void)pthread_mutex_unlock(&files->lock);
    if (changed && err != NV_OK) {
        NV_LOG(NV_LOG_ERROR, "exporter",
               "media can't be written to media.directory, marks stand for them: %s",
               nv_err_info(err)->text);
    } else if (changed) {
        NV_LOG(NV_LOG_INFO, "exporter", "media are written to media.directory again");
    }
}

static enum nv_err keep(void *ctx, const struct nv_medium *medium,
                        char name[NV_MEDIA_FILE_NAME])
{
    struct nv_media_files *files = ctx;
    struct file file = {.bytes = medium->bytes,
                        .wall_ns = nv_clock_wall_ns(files->clock),
                        .ending = ending_of(medium->type.mime)};
    uint64_t number = 0;
    memcpy(file.uuid, medium->uuid, sizeof file.uuid);
    file_name(file.uuid, file.ending, name);
    if (is_there(files, name, medium->bytes))
        return NV_OK;
    enum nv_err err = reserve(files, medium->bytes, &number);
    if (err == NV_OK) {
        err = write_file(files, number, medium, name);
        settle(files, &file, err);
    }
    tell(files, err);
    return err;
}

/* ---- making ------------------------------------------------------------------------------ */

struct nv_media_files *nv_media_files_new(const struct nv_media_files_config *config,
                                          const struct nv_clock *clock, struct nv_fail *fail)
{
    assert(config->files_max > 0 && config->files_max <= NV_MEDIA_FILES_MAX);
    struct nv_media_files *files = calloc(1, sizeof *files);
    if (files)
        files->ring = calloc(config->files_max, sizeof *files->ring);
    if (!files || !files->ring || pthread_mutex_init(&files->lock, NULL) != 0) {
        (void)nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
        if (files)
            free(files->ring);
        free(files);
        return NULL;
    }
    files->config = *config;
    files->config.directory = NULL;
    files->clock = clock;
    files->keeper = (struct nv_media_keeper){.ctx = files, .keep = keep};
    files->directory = nv_directory_open(config->directory, "media.directory", fail);
    enum nv_err err = files->directory >= 0 ? load(files) : NV_ERR_IO;
    if (err != NV_OK) {
        (void)nv_fail_set(fail, err, 0, "media.directory '%.60s' can't be read: %s",
                          config->directory, nv_err_info(err)->text);
        nv_media_files_free(files);
        return NULL;
    }
    return files;
}

void nv_media_files_free(struct nv_media_files *files)
{
    if (!files)
        return;
    if (files->directory >= 0)
        (void)close(files->directory);
    (void)pthread_mutex_destroy(&files->lock);
    free(files->ring);
    free(files);
}

const struct nv_media_keeper *nv_media_files_keeper(const struct nv_media_files *files)
{
    return &files->keeper;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* -1 with `err`. A name of ours only, and no link: nothing else in the directory, or outside of
 * it, is reached by what somebody asks for. */
static int open_file(const struct nv_media_files *files, struct nv_str name, enum nv_err *err)
{
    struct file file;
    char text[NV_MEDIA_FILE_NAME];
    *err = NV_ERR_NOT_FOUND;
    if (!read_name(name, &file))
        return -1;
    file_name(file.uuid, file.ending, text);
    int fd = openat(files->directory, text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != ELOOP)
        *err = nv_directory_error(errno);
    return fd;
}

static enum nv_err size_of(int fd, uint64_t *bytes)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return nv_directory_error(errno);
    *bytes = (uint64_t)info.st_size;
    return S_ISREG(info.st_mode) ? NV_OK : NV_ERR_NOT_FOUND;
}

enum nv_err nv_media_files_bytes(const struct nv_media_files *files, struct nv_str name,
                                 uint64_t *bytes)
{
    enum nv_err err;
    int fd = open_file(files, name, &err);
    if (fd < 0)
        return err;
    err = size_of(fd, bytes);
    (void)close(fd);
    return err;
}

static enum nv_err read_all(int fd, uint64_t bytes, struct nv_buf *out)
{
    while (bytes > 0) {
        enum nv_err err = nv_buf_reserve(out, (size_t)bytes);
        if (err != NV_OK)
            return err;
        ssize_t got = read(fd, out->bytes + out->len, (size_t)bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) /* files are whole or not there: this one was cut by somebody */
            return NV_ERR_IO;
        out->len += (size_t)got;
        bytes -= (uint64_t)got;
    }
    return NV_OK;
}

enum nv_err nv_media_files_read(const struct nv_media_files *files, struct nv_str name,
                                struct nv_buf *out)
{
    uint64_t bytes = 0;
    enum nv_err err;
    int fd = open_file(files, name, &err);
    if (fd < 0)
        return err;
    err = size_of(fd, &bytes);
    if (err == NV_OK)
        err = read_all(fd, bytes, out);
    (void)close(fd);
    return err;
}

/* ---- age --------------------------------------------------------------------------------- */

/*
 * From the oldest on: the ring is in the order in which files were written, so the first that
 * is young enough ends it. The lock is held while they are unlinked, which shards that write
 * wait for; hence EXPIRE_MAX, with the rest due at once.
 */
uint64_t nv_media_files_expire(struct nv_media_files *files)
{
    uint64_t age_ns = files->config.age_ms * NV_NS_PER_MS;
    uint64_t now_ns = nv_clock_wall_ns(files->clock);
    uint64_t wait_ns = UINT64_MAX;
    if (files->config.age_ms == 0)
        return wait_ns;
    (void)pthread_mutex_lock(&files->lock);
    for (uint32_t i = 0; i < EXPIRE_MAX && files->count > 0; i++) {
        if (now_ns < oldest(files)->wall_ns + age_ns)
            break;
        remove_oldest(files);
    }
    if (files->count > 0) {
        uint64_t due_ns = oldest(files)->wall_ns + age_ns;
        wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    }
    (void)pthread_mutex_unlock(&files->lock);
    return wait_ns;
}
