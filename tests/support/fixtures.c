/*
 * Loads captured requests: case.json by jansson, bodies decompressed by zlib.
 *
 * zlib on purpose: the product inflates with libdeflate, and a test body that went through the
 * code under test would prove little. Both gzip and zlib framing are accepted, as the header
 * says.
 */
#include "fixtures.h"

#include <check.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/banned.h"

/* The largest captured body is far below. */
#define BODY_MAX (64u << 20)

static void *need(void *at)
{
    ck_assert_msg(at != NULL, "no memory in a test helper");
    return at;
}

struct nv_str nv_test_read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    ck_assert_msg(size >= 0, "cannot tell the size of %s", path);
    rewind(file);
    char *bytes = need(malloc((size_t)size + 1));
    ck_assert_msg(fread(bytes, 1, (size_t)size, file) == (size_t)size, "cannot read %s", path);
    bytes[size] = '\0';
    (void)fclose(file);
    return (struct nv_str){bytes, (size_t)size};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void nv_test_fixtures_list(struct nv_fixtures *out)
{
    *out = (struct nv_fixtures){0};
    DIR *dir = opendir(NOVEUM_FIXTURES);
    ck_assert_msg(dir != NULL, "no folder %s", NOVEUM_FIXTURES);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct nv_str name = nv_str_from(entry->d_name);
        if (entry->d_name[0] == '.' || nv_str_ends(name, NV_STR(".md")))
            continue;
        out->names = need(realloc(out->names, (out->count + 1) * sizeof *out->names));
        out->names[out->count++] = need(strdup(entry->d_name));
    }
    (void)closedir(dir);
    ck_assert_uint_gt(out->count, 0);
    qsort(out->names, out->count, sizeof *out->names, by_name);
}

void nv_test_fixtures_release(struct nv_fixtures *all)
{
    for (size_t i = 0; i < all->count; i++)
        free(all->names[i]);
    free(all->names);
    *all = (struct nv_fixtures){0};
}

static struct nv_str inflate_body(struct nv_str wire)
{
    z_stream stream = {0};
    char *out = need(malloc(BODY_MAX));
    ck_assert_int_eq(inflateInit2(&stream, 15 + 32), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)wire.ptr;
    stream.avail_in = (uInt)wire.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = BODY_MAX;
    ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t len = stream.total_out;
    (void)inflateEnd(&stream);
    out = need(realloc(out, len + 1));
    out[len] = '\0';
    return (struct nv_str){out, len};
}

static char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return need(strdup(text ? text : otherwise));
}

static long number_of(const json_t *object, const char *key, long otherwise)
{
    const json_t *number = json_object_get(object, key);
    return json_is_integer(number) ? (long)json_integer_value(number) : otherwise;
}

static void load_request(struct nv_fixture_request *request, const char *name,
                         const json_t *row)
{
    char path[4096];
    request->file = text_of(row, "file", "");
    request->path = text_of(row, "path", "");
    request->content_type = text_of(row, "content_type", "");
    request->content_encoding = text_of(row, "content_encoding", "identity");
    const char *signal = json_string_value(json_object_get(row, "signal"));
    request->signal = signal && strcmp(signal, "logs") == 0 ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES;
    request->json = strstr(request->content_type, "json") != NULL;
    request->spans = number_of(row, "spans", -1);
    (void)snprintf(path, sizeof path, "%s/%s/%s", NOVEUM_FIXTURES, name, request->file);
    request->wire = nv_test_read_file(path);
    struct nv_str magic = nv_str_slice(request->wire, 0, 2);
    if (nv_str_eq(magic, NV_STR("\x1f\x8b")) ||
        strcmp(request->content_encoding, "deflate") == 0) {
        request->body = inflate_body(request->wire);
        return;
    }
    char *copy = need(malloc(request->wire.len + 1));
    memcpy(copy, request->wire.ptr, request->wire.len + 1);
    request->body = (struct nv_str){copy, request->wire.len};
}

struct nv_fixture *nv_test_fixture_load(const char *name)
{
    char path[4096];
    json_error_t error;
    struct nv_fixture *fixture = need(calloc(1, sizeof *fixture));
    (void)snprintf(path, sizeof path, "%s/%s/case.json", NOVEUM_FIXTURES, name);
    fixture->name = need(strdup(name));
    fixture->case_json = nv_test_read_file(path);
    json_t *root = json_loadb(fixture->case_json.ptr, fixture->case_json.len, 0, &error);
    ck_assert_msg(root != NULL, "%s: %s at line %d", path, error.text, error.line);
    fixture->convention = text_of(root, "convention", "");
    fixture->span_count = number_of(root, "span_count", 0);
    fixture->log_record_count = number_of(root, "log_record_count", 0);
    const json_t *requests = json_object_get(root, "requests");
    size_t count = json_array_size(requests);
    fixture->requests = need(calloc(count + 1, sizeof *fixture->requests));
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(requests, i);
        const char *signal = json_string_value(json_object_get(row, "signal"));
        if (signal && strcmp(signal, "metrics") == 0)
            continue;
        load_request(&fixture->requests[fixture->request_count++], name, row);
    }
    json_decref(root);
    return fixture;
}

static void free_view(struct nv_str view)
{
    free((void *)(uintptr_t)view.ptr);
}

void nv_test_fixture_free(struct nv_fixture *fixture)
{
    if (!fixture)
        return;
    for (size_t i = 0; i < fixture->request_count; i++) {
        struct nv_fixture_request *request = &fixture->requests[i];
        free(request->file);
        free(request->path);
        free(request->content_type);
        free(request->content_encoding);
        free_view(request->body);
        free_view(request->wire);
    }
    free(fixture->requests);
    free(fixture->name);
    free(fixture->convention);
    free_view(fixture->case_json);
    free(fixture);
}
