/*
 * Files written so that a reader never sees half of one and an attacker gains nothing.
 *
 * The directory is held open and everything is done relative to it, so that it can't be swapped
 * under us. A file is written under a temporary name (O_EXCL, O_NOFOLLOW) and renamed: rename
 * replaces a planted symlink instead of following it. Not synced to disk: local mode is for
 * looking, and a crash of the machine may cost the newest files; the journal still has the
 * spans.
 *
 * Indenting works on the encoder's text, which is known to be valid, token by token; strings
 * are copied as they are.
 */
#include "exporter/files/files.h"

#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define INDENT_LEVELS_MAX 256
#define NAME_MAX_BYTES 128

static const char temporary[] = ".writing.tmp";

struct nv_files {
    int directory; /* open on the directory */
    struct nv_buf text;
};

struct nv_files *nv_files_new(const char *directory, struct nv_fail *fail)
{
    struct nv_files *files = calloc(1, sizeof *files);

    if (!files) {
        nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
        return NULL;
    }
    nv_buf_init(&files->text, NV_CAP_RECORD);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        nv_fail_set(fail, NV_ERR_IO, 0, "cannot make the directory '%.70s': %s", directory,
                    strerror(errno));
    }
    files->directory = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (files->directory < 0) {
        nv_fail_set(fail, NV_ERR_IO, 0, "cannot open the directory '%.70s': %s", directory,
                    strerror(errno));
        if (fail)
            (void)snprintf(fail->path, sizeof fail->path, "exporter.file.directory");
        nv_files_free(files);
        return NULL;
    }
    return files;
}

void nv_files_free(struct nv_files *files)
{
    if (!files)
        return;
    if (files->directory >= 0)
        (void)close(files->directory);
    nv_buf_release(&files->text);
    free(files);
}

static void new_line(struct nv_buf *buf, unsigned depth)
{
    (void)nv_buf_append_char(buf, '\n');
    for (unsigned i = 0; i < depth; i++)
        (void)nv_buf_append(buf, "  ", 2);
}

/* Index just behind the string that begins at `from`. */
static size_t string_end(struct nv_str json, size_t from)
{
    size_t i = from + 1;

    while (i < json.len && json.ptr[i] != '"')
        i += json.ptr[i] == '\\' ? 2 : 1;
    return i < json.len ? i + 1 : json.len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blank(struct nv_str json, size_t i)
{
    while (i < json.len && is_blank(json.ptr[i]))
        i++;
    return i;
}

/* Writes an opening bracket; an empty pair stays on its line. Returns the index behind. */
static size_t open_bracket(struct nv_buf *buf, struct nv_str json, size_t i, unsigned *depth)
{
    size_t next = skip_blank(json, i + 1);

    (void)nv_buf_append_char(buf, json.ptr[i]);
    if (next < json.len && (json.ptr[next] == '}' || json.ptr[next] == ']')) {
        (void)nv_buf_append_char(buf, json.ptr[next]);
        return next + 1;
    }
    if (*depth < INDENT_LEVELS_MAX)
        ++*depth;
    new_line(buf, *depth);
    return i + 1;
}

static size_t punctuation(struct nv_buf *buf, struct nv_str json, size_t i, unsigned *depth)
{
    char c = json.ptr[i];

    if (c == '{' || c == '[')
        return open_bracket(buf, json, i, depth);
    if (c == '}' || c == ']') {
        *depth -= *depth > 0;
        new_line(buf, *depth);
    }
    if (!is_blank(c))
        (void)nv_buf_append_char(buf, c);
    if (c == ',')
        new_line(buf, *depth);
    else if (c == ':')
        (void)nv_buf_append_char(buf, ' ');
    return i + 1;
}

enum nv_err nv_json_indent(struct nv_buf *buf, struct nv_str json)
{
    unsigned depth = 0;
    size_t i = 0;

    while (i < json.len && buf->failed == NV_OK) {
        if (json.ptr[i] == '"') {
            size_t end = string_end(json, i);

            (void)nv_buf_append(buf, json.ptr + i, end - i);
            i = end;
        } else {
            i = punctuation(buf, json, i, &depth);
        }
    }
    (void)nv_buf_append_char(buf, '\n');
    return buf->failed;
}

static void file_name(struct nv_str trace_id, char name[NAME_MAX_BYTES + 8])
{
    size_t n = 0;

    for (size_t i = 0; i < trace_id.len && n < NAME_MAX_BYTES; i++) {
        char c = trace_id.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (plain || c == '-' || c == '_')
            name[n++] = c;
    }
    assert(n <= NAME_MAX_BYTES);
    /* the id comes from a client: what is no letter, digit, - or _ can't be part of a path */
    (void)snprintf(name + n, NAME_MAX_BYTES + 8 - n, "%s", n == 0 ? "unknown.json" : ".json");
}

static enum nv_err error_of(int code)
{
    return code == ENOSPC || code == EDQUOT ? NV_ERR_NO_SPACE : NV_ERR_IO;
}

static enum nv_err write_all(int fd, struct nv_str text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_of(errno);
        text.ptr += n;
        text.len -= (size_t)n;
    }
    return NV_OK;
}

static enum nv_err write_temporary(const struct nv_files *files)
{
    int fd = openat(files->directory, temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum nv_err err;

    if (fd < 0)
        return error_of(errno);
    err = write_all(fd, nv_buf_str(&files->text));
    /* on network file systems a full disk shows here */
    if (close(fd) != 0 && err == NV_OK)
        err = error_of(errno);
    return err;
}

enum nv_err nv_files_write(struct nv_files *files, struct nv_str trace_id, struct nv_str json)
{
    char name[NAME_MAX_BYTES + 8];
    enum nv_err err;

    file_name(trace_id, name);
    nv_buf_clear(&files->text);
    err = nv_json_indent(&files->text, json);
    if (err != NV_OK) {
        nv_buf_release(&files->text);
        return err;
    }
    /* What an earlier crash left behind; nobody else writes this name. */
    (void)unlinkat(files->directory, temporary, 0);
    err = write_temporary(files);
    if (err == NV_OK && renameat(files->directory, temporary, files->directory, name) != 0)
        err = error_of(errno);
    if (err != NV_OK)
        (void)unlinkat(files->directory, temporary, 0);
    return err;
}
