/*
 * Files written so that a reader never sees half of one and an attacker gains nothing.
 *
 * Everything is done relative to the directory (directory.h). A file is written under a
 * temporary name (O_EXCL, O_NOFOLLOW) and renamed: rename replaces a planted symlink instead of
 * following it. Not synced to disk: local mode is for looking, and a crash of the machine may
 * cost the newest files; the journal still has the spans.
 *
 * Indenting works on the encoder's text, which is known to be valid, token by token; strings
 * are copied as they are.
 */
#include "exporter/files/files.h"

#include "base/limits.h"
#include "exporter/files/directory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

/* Deeper brackets are not indented further: the spaces of n brackets, one in the other, would
 * be n * n. */
#define INDENT_LEVELS_MAX 256
/* Of a trace id; with its ending below the 255 that file systems take. */
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
    files->directory = nv_directory_open(directory, "exporter.file.directory", fail);
    if (files->directory < 0) {
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

static void new_line(struct nv_buf *buf, size_t depth)
{
    (void)nv_buf_append_char(buf, '\n');
    for (size_t i = 0; i < depth && i < INDENT_LEVELS_MAX; i++)
        (void)nv_buf_append(buf, "  ", 2);
}

/* Index just behind the string that begins at `from`. A backslash takes one byte along, also of
 * \u0022: none of its digits can be a quote. */
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
static size_t open_bracket(struct nv_buf *buf, struct nv_str json, size_t i, size_t *depth)
{
    size_t next = skip_blank(json, i + 1);

    (void)nv_buf_append_char(buf, json.ptr[i]);
    if (next < json.len && (json.ptr[next] == '}' || json.ptr[next] == ']')) {
        (void)nv_buf_append_char(buf, json.ptr[next]);
        return next + 1;
    }
    ++*depth;
    new_line(buf, *depth);
    return i + 1;
}

static size_t punctuation(struct nv_buf *buf, struct nv_str json, size_t i, size_t *depth)
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
    size_t depth = 0, i = 0;

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

static enum nv_err write_temporary(const struct nv_files *files)
{
    int fd = openat(files->directory, temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum nv_err err;

    if (fd < 0)
        return nv_directory_error(errno);
    err = nv_directory_write(fd, nv_buf_str(&files->text));
    /* on network file systems a full disk shows here */
    if (close(fd) != 0 && err == NV_OK)
        err = nv_directory_error(errno);
    return err;
}

enum nv_err nv_files_write(struct nv_files *files, struct nv_str trace_id, struct nv_str json)
{
    char name[NAME_MAX_BYTES + 8];
    enum nv_err err;

    file_name(trace_id, name);
    nv_buf_clear(&files->text);
    err = nv_json_indent(&files->text, json);
    /* kept from trace to trace, but not by one that was too large: all of the cap would stay */
    if (err != NV_OK) {
        nv_buf_release(&files->text);
        return err;
    }
    /* What an earlier crash left behind; nobody else writes this name. */
    (void)unlinkat(files->directory, temporary, 0);
    err = write_temporary(files);
    if (err == NV_OK && renameat(files->directory, temporary, files->directory, name) != 0)
        err = nv_directory_error(errno);
    if (err != NV_OK)
        (void)unlinkat(files->directory, temporary, 0);
    return err;
}
