/*
 * What a client is told about bad input: tests/golden/errors/<case>/ holds what comes in and
 * want.json what must come out, through the decoder, over HTTP and over gRPC.
 *
 *   in.json | in.hex ─┬─▶ decoder      code, byte, path, text; spans refused alone
 *                     ├─▶ OTLP/HTTP    status, content type, body
 *                     └─▶ OTLP/gRPC    status, message, details (protobuf only)
 *
 * A case with a file `headers` is asked over HTTP alone, with these lines. UPDATE_GOLDEN=1
 * writes want.json anew: the difference is then reviewed as any other change. What must hold of
 * every case, whatever its golden says, is in check_agreement.
 */
#include "base/buf.h"
#include "base/json/json_write.h"
#include "base/text/text.h"
#include "base/text/wire.h"
#include "expect.h"
#include "fixtures.h"
#include "grpc_rig.h"
#include "http_rig.h"
#include "otlp/grpc/otlp_grpc.h"
#include "otlp/http/otlp_http.h"
#include "otlp_build.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define ROOT NOVEUM_SOURCE_DIR "/tests/golden/errors"
#define BODY_MAX ((size_t)1 << 20)
/* Cases of each encoding that there must be: a directory that was moved away would pass. */
#define CASES_MIN 35

struct error_case {
    const char *name;
    bool json, logs;
    struct nv_str body;    /* owned */
    struct nv_str headers; /* owned; ptr NULL: asked of all */
    struct nv_test_decoded decoded;
    /* what HTTP said */
    int http_status, http_code;
    char content_type[64];
    struct nv_buf reply;
    struct nv_buf http_message;
    /* what gRPC said */
    struct grpc_rig_stream grpc;
};

static unsigned seen_json, seen_protobuf, seen_codes;

/* ---- input ------------------------------------------------------------------------------- */

static struct nv_str read_if(const char *name, const char *file)
{
    char path[1024];
    (void)snprintf(path, sizeof path, ROOT "/%s/%s", name, file);
    return access(path, R_OK) == 0 ? nv_test_read_file(path) : (struct nv_str){0};
}

/* Hex in lines; from `#` to the end of a line is a comment. */
static struct nv_str from_hex(struct nv_str text)
{
    char *digits = calloc(1, text.len + 2);
    size_t count = 0;
    ck_assert_ptr_nonnull(digits);
    for (size_t i = 0; i < text.len; i++) {
        while (i < text.len && text.ptr[i] == '#')
            i += nv_str_find_char(nv_str_slice(text, i, text.len), '\n');
        if (text.ptr[i] != ' ' && text.ptr[i] != '\n')
            digits[count++] = text.ptr[i];
    }
    char *bytes = calloc(1, count / 2 + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(nv_hex_decode((struct nv_str){digits, count}, (uint8_t *)bytes, count / 2),
                     NV_OK);
    free(digits);
    free((char *)(uintptr_t)text.ptr);
    return (struct nv_str){bytes, count / 2};
}

static void read_case(struct error_case *test, const char *name)
{
    *test = (struct error_case){.name = name, .logs = strstr(name, "-logs-") != NULL};
    test->body = read_if(name, "in.json");
    test->json = test->body.ptr != NULL;
    if (!test->json)
        test->body = from_hex(read_if(name, "in.hex"));
    test->headers = read_if(name, "headers");
    nv_buf_init(&test->reply, BODY_MAX);
    nv_buf_init(&test->http_message, BODY_MAX);
}

static void free_case(struct error_case *test)
{
    free((char *)(uintptr_t)test->body.ptr);
    free((char *)(uintptr_t)test->headers.ptr);
    nv_batch_free(test->decoded.batch);
    nv_buf_release(&test->reply);
    nv_buf_release(&test->http_message);
}

/* ---- asking ------------------------------------------------------------------------------ */

static void accept_all(void *ctx, struct nv_batch *batch, nv_accept_done *done, void *done_ctx)
{
    (void)ctx;
    nv_batch_free(batch);
    done(done_ctx, NV_OK);
}

static enum nv_err admit_all(void *ctx, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    return NV_OK;
}

static const struct nv_acceptor acceptor = {.accept = accept_all, .admit = admit_all};

static void put_request(const struct error_case *test, struct nv_buf *out)
{
    const char *type = test->json ? "application/json" : "application/x-protobuf";
    (void)nv_buf_printf(out, "POST /v1/%s HTTP/1.1\r\nHost: a\r\n",
                        test->logs ? "logs" : "traces");
    if (!test->headers.ptr)
        (void)nv_buf_printf(out, "Content-Type: %s\r\n", type);
    for (size_t i = 0; i < test->headers.len; i++) {
        if (test->headers.ptr[i] == '\n')
            (void)nv_buf_append_char(out, '\r');
        (void)nv_buf_append_char(out, test->headers.ptr[i]);
    }
    (void)nv_buf_printf(out, "Content-Length: %zu\r\n\r\n", test->body.len);
    ck_assert_int_eq(nv_buf_append_str(out, test->body), NV_OK);
}

/* Code and message of a google.rpc.Status. */
static void read_status(struct error_case *test)
{
    struct nv_wire wire = nv_wire_read(nv_buf_str(&test->reply));
    struct nv_wire_field field;
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == 1)
            test->http_code = (int)field.value;
        if (field.number == 2)
            (void)nv_buf_append_str(&test->http_message, field.bytes);
    }
}

static void ask_http(struct error_case *test)
{
    static struct http_rig rig;
    struct nv_otlp_http *service;
    struct nv_otlp_http_config config = {.acceptor = &acceptor, .max_body_bytes = BODY_MAX};
    struct nv_buf request;
    size_t count;
    struct nv_auth *auth;
    ck_assert_int_eq(nv_auth_new(NULL, NULL, NULL, &auth), NV_OK);
    config.auth = auth;
    ck_assert_int_eq(nv_otlp_http_new(&config, NULL, &service), NV_OK);
    const struct nv_http_route *routes = nv_otlp_http_routes(service, &count);
    struct nv_http_hooks hooks = nv_otlp_http_hooks(service);
    http_rig_open(&rig, routes, count, NULL, &hooks);
    nv_buf_init(&request, 2 * BODY_MAX);
    put_request(test, &request);
    http_rig_ask(&rig, nv_buf_str(&request));
    test->http_status = http_rig_status(&rig, 0);
    struct nv_str text = {rig.text, rig.len};
    size_t head = nv_str_find(text, NV_STR("\r\n\r\n"));
    ck_assert_uint_ne(head, SIZE_MAX);
    const char *type = strstr(rig.text, "Content-Type: ");
    ck_assert_msg(type != NULL, "%s: %s", test->name, rig.text);
    type += strlen("Content-Type: ");
    (void)snprintf(test->content_type, sizeof test->content_type, "%.*s",
                   (int)strcspn(type, "\r"), type);
    (void)nv_buf_append_str(&test->reply, nv_str_slice(text, head + 4, text.len));
    const char *code = strstr(rig.text, "{\"code\":");
    if (strcmp(test->content_type, "application/x-protobuf") == 0)
        read_status(test);
    else if (code)
        test->http_code = (int)strtol(code + strlen("{\"code\":"), NULL, 10);
    nv_buf_release(&request);
    http_rig_close(&rig);
    nv_otlp_http_free(service);
    nv_auth_free(auth);
}

static void ask_grpc(struct error_case *test)
{
    static struct grpc_rig rig;
    static const char *const paths[] = {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export"};
    struct nv_otlp_grpc otlp = {.acceptor = &acceptor, .message_bytes_max = BODY_MAX};
    struct nv_buf body;
    ck_assert_int_eq(nv_auth_new(NULL, NULL, NULL, &otlp.auth), NV_OK);
    grpc_rig_open(&rig, nv_otlp_grpc_service(&otlp));
    rig.shared.limits.message_bytes_max = BODY_MAX;
    nv_buf_init(&body, 2 * BODY_MAX);
    grpc_rig_frame(&body, 0, test->body);
    int32_t id = grpc_rig_request(&rig, paths[test->logs], NULL, nv_buf_str(&body), true);
    grpc_rig_pump(&rig);
    test->grpc = *grpc_rig_stream(&rig, id);
    nv_buf_release(&body);
    grpc_rig_close(&rig);
    nv_auth_free(otlp.auth);
}

static void ask(struct error_case *test)
{
    if (!test->headers.ptr) {
        test->decoded =
            nv_test_decode(test->logs ? NV_SIGNAL_LOGS : NV_SIGNAL_TRACES,
                           test->json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF, test->body);
        if (!test->json)
            ask_grpc(test);
    }
    ask_http(test);
}

/* ---- what was said, as JSON -------------------------------------------------------------- */

static void put_text(struct nv_json_writer *writer, const char *key, const char *text)
{
    nv_json_write_key(writer, nv_str_from(key));
    nv_json_write_string(writer, nv_str_from(text));
}

static void put_number(struct nv_json_writer *writer, const char *key, uint64_t value)
{
    nv_json_write_key(writer, nv_str_from(key));
    nv_json_write_uint(writer, value);
}

static void put_decoder(const struct error_case *test, struct nv_json_writer *writer)
{
    const struct nv_test_decoded *decoded = &test->decoded;
    nv_json_write_begin_object(writer);
    put_text(writer, "code", nv_err_info(decoded->err)->name);
    if (decoded->err == NV_OK) {
        put_number(writer, "accepted", decoded->result.accepted);
        put_number(writer, "rejected", decoded->result.rejected);
        put_text(writer, "text", decoded->result.message);
    } else {
        put_number(writer, "offset", decoded->fail.offset);
        put_text(writer, "path", decoded->fail.path);
        put_text(writer, "text", decoded->fail.what);
    }
    nv_json_write_end_object(writer);
}

static void put_http(const struct error_case *test, struct nv_json_writer *writer)
{
    struct nv_str reply = nv_buf_str(&test->reply);
    nv_json_write_begin_object(writer);
    put_number(writer, "status", (uint64_t)test->http_status);
    put_text(writer, "type", test->content_type);
    if (strcmp(test->content_type, "application/json") == 0) {
        nv_json_write_key(writer, NV_STR("body"));
        nv_json_write_raw(writer, reply);
    } else if (test->http_status == 200) {
        nv_json_write_key(writer, NV_STR("base64"));
        nv_json_write_base64(writer, reply);
    } else {
        put_number(writer, "code", (uint64_t)test->http_code);
        nv_json_write_key(writer, NV_STR("message"));
        nv_json_write_string(writer, nv_buf_str(&test->http_message));
    }
    nv_json_write_end_object(writer);
}

static void put_grpc(const struct error_case *test, struct nv_json_writer *writer)
{
    nv_json_write_begin_object(writer);
    put_number(writer, "status", (uint64_t)test->grpc.grpc_status);
    put_text(writer, "message", test->grpc.message);
    put_text(writer, "details", test->grpc.details);
    nv_json_write_end_object(writer);
}

static void put_part(const struct error_case *test, const char *key,
                     void (*put)(const struct error_case *, struct nv_json_writer *),
                     struct nv_buf *out)
{
    struct nv_json_writer writer;
    (void)nv_buf_printf(out, "%s\"%s\":", out->len == 0 ? "{" : ",\n ", key);
    nv_json_write_init(&writer, out);
    put(test, &writer);
}

static void put_all(const struct error_case *test, struct nv_buf *out)
{
    if (!test->headers.ptr)
        put_part(test, "decoder", put_decoder, out);
    put_part(test, "http", put_http, out);
    if (!test->headers.ptr && !test->json)
        put_part(test, "grpc", put_grpc, out);
    ck_assert_int_eq(nv_buf_append_str(out, NV_STR("}\n")), NV_OK);
}

/* ---- what must hold of every case -------------------------------------------------------- */

static void check_place(const struct error_case *test)
{
    const struct nv_fail *fail = &test->decoded.fail;
    ck_assert_msg(fail->code == test->decoded.err, "%s: two codes", test->name);
    ck_assert_msg(fail->what[0] != '\0', "%s: no text", test->name);
    ck_assert_msg(fail->offset <= test->body.len, "%s: byte behind the end", test->name);
}

static void check_agreement(const struct error_case *test)
{
    const struct nv_err_info *info = nv_err_info(test->decoded.err);
    if (test->headers.ptr) {
        ck_assert_msg(test->http_status >= 400, "%s: not refused", test->name);
        return;
    }
    ck_assert_msg(test->http_status == info->http_status, "%s: HTTP %d", test->name,
                  test->http_status);
    ck_assert_msg(test->http_code == info->grpc_code, "%s: code %d over HTTP", test->name,
                  test->http_code);
    ck_assert_msg(test->json || test->grpc.grpc_status == info->grpc_code, "%s: gRPC %d",
                  test->name, test->grpc.grpc_status);
    if (test->decoded.err != NV_OK) {
        check_place(test);
        ck_assert_msg(!info->retryable, "%s: sent again for ever", test->name);
    } else {
        ck_assert_msg(test->decoded.result.rejected > 0, "%s: nothing is wrong", test->name);
    }
}

static void write_file(const char *path, const struct nv_buf *buf)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "can't write %s", path);
    ck_assert_uint_eq(fwrite(buf->bytes, 1, buf->len, file), buf->len);
    (void)fclose(file);
}

static void compare(const struct error_case *test, const struct nv_buf *got)
{
    char path[1024];
    (void)snprintf(path, sizeof path, ROOT "/%s/want.json", test->name);
    if (getenv("UPDATE_GOLDEN"))
        write_file(path, got);
    struct nv_str want = nv_test_read_file(path);
    ck_assert_msg(nv_str_eq(want, nv_buf_str(got)), "%s: want %.*s got %.*s", test->name,
                  NV_STR_ARG(want), NV_STR_ARG(nv_buf_str(got)));
    free((char *)(uintptr_t)want.ptr);
}

static void check_case(const char *name)
{
    static struct error_case test;
    struct nv_buf got;
    read_case(&test, name);
    nv_buf_init(&got, BODY_MAX);
    ask(&test);
    check_agreement(&test);
    put_all(&test, &got);
    compare(&test, &got);
    if (!test.headers.ptr) {
        seen_json += test.json;
        seen_protobuf += !test.json;
        if (test.decoded.err != NV_OK)
            seen_codes |= 1u << (NV_ERR_MALFORMED - test.decoded.err);
    }
    nv_buf_release(&got);
    free_case(&test);
}

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strchr(entry->d_name, '.') == NULL;
}

START_TEST(bad_input_is_answered_with_code_place_and_text)
{
    struct dirent **cases;
    int count = scandir(ROOT, &cases, is_case, alphasort);
    ck_assert_int_gt(count, 0);
    for (int i = 0; i < count; i++) {
        check_case(cases[i]->d_name);
        free(cases[i]);
    }
    free(cases);
    ck_assert_uint_ge(seen_json, CASES_MIN);
    ck_assert_uint_ge(seen_protobuf, CASES_MIN);
    unsigned codes = 1u | 1u << (NV_ERR_MALFORMED - NV_ERR_DEPTH) |
                     1u << (NV_ERR_MALFORMED - NV_ERR_TRUNCATED);
    ck_assert_uint_eq(seen_codes, codes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/error_golden");
    TCase *tcase = tcase_create("errors");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, bad_input_is_answered_with_code_place_and_text);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
