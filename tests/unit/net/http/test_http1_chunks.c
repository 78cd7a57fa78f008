/*
 * The chunked decoder: bodies, refusals, limits, and the same verdict at every split point.
 */
#include "expect.h"

#include "base/buf.h"
#include "net/http/http1.h"

#include <stdlib.h>

#include "base/banned.h"

#define PROBE(name, verdict, text, data)                                                       \
    {                                                                                          \
        name, verdict, NV_STR_INIT(text), data                                                 \
    }
#define DONE NV_HTTP1_DONE
#define BAD NV_HTTP1_BAD
#define MORE NV_HTTP1_MORE

static const struct {
    const char *name;
    enum nv_http1_verdict verdict;
    struct nv_str bytes;
    const char *data; /* the decoded body, of DONE */
} probes[] = {
    PROBE("one chunk", DONE, "5\r\nhello\r\n0\r\n\r\n", "hello"),
    PROBE("two chunks", DONE, "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"),
    PROBE("hex in both cases", DONE, "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n",
          "01234567890123456789a"),
    PROBE("no data", DONE, "0\r\n\r\n", ""),
    PROBE("zeros in front", DONE, "0005\r\nhello\r\n000\r\n\r\n", "hello"),
    PROBE("extensions", DONE, "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", "hello"),
    PROBE("trailers", DONE, "1\r\nx\r\n0\r\nA: b\r\nC:\t d \xc3\xa9\r\n\r\n", "x"),
    PROBE("line ends as data", DONE, "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
    PROBE("incomplete size", MORE, "5", ""),
    PROBE("incomplete data", MORE, "5\r\nhel", ""),
    PROBE("incomplete end", MORE, "0\r\n", ""),
    PROBE("not hex", BAD, "ZZ\r\n", ""),
    PROBE("negative", BAD, "-1\r\n", ""),
    PROBE("plus", BAD, "+2\r\nab\r\n0\r\n\r\n", ""),
    PROBE("0x", BAD, "0x2\r\nab\r\n0\r\n\r\n", ""),
    PROBE("empty size", BAD, "\r\nab\r\n0\r\n\r\n", ""),
    PROBE("leading space", BAD, " 2\r\nab\r\n0\r\n\r\n", ""),
    PROBE("trailing space", BAD, "2 \r\nab\r\n0\r\n\r\n", ""),
    PROBE("junk behind", BAD, "2 junk\r\nab\r\n0\r\n\r\n", ""),
    PROBE("only an extension", BAD, ";a\r\n", ""),
    PROBE("2^64", BAD, "10000000000000000\r\n", ""),
    PROBE("2^64+2", BAD, "10000000000000002\r\nab\r\n0\r\n\r\n", ""),
    PROBE("2^63", BAD, "8000000000000000\r\n", ""),
    PROBE("17 zeros", BAD, "00000000000000000\r\n\r\n", ""),
    PROBE("bare LF behind size", BAD, "2\nab\r\n0\r\n\r\n", ""),
    PROBE("bare CR behind size", BAD, "2\rab\r\n0\r\n\r\n", ""),
    PROBE("bare LF in extension", BAD, "2;a\nab\r\n0\r\n\r\n", ""),
    PROBE("NUL in extension", BAD, "2;a\0b\r\nab\r\n0\r\n\r\n", ""),
    PROBE("no CRLF behind data", BAD, "2\r\nab0\r\n\r\n", ""),
    PROBE("LF behind data", BAD, "2\r\nab\n0\r\n\r\n", ""),
    PROBE("data longer than said", BAD, "2\r\nabc\r\n0\r\n\r\n", ""),
    PROBE("trailer without colon", BAD, "0\r\nabc\r\n\r\n", ""),
    PROBE("trailer with a space", BAD, "0\r\na b: c\r\n\r\n", ""),
    PROBE("trailer folded", BAD, "0\r\na: b\r\n c\r\n\r\n", ""),
    PROBE("trailer without a name", BAD, "0\r\n: b\r\n\r\n", ""),
    PROBE("NUL in trailer", BAD, "0\r\na: \0\r\n\r\n", ""),
    PROBE("bare LF in trailer", BAD, "0\r\na: b\n\r\n", ""),
    PROBE("bare LF at the end", BAD, "0\r\n\n", ""),
    PROBE("CR CR at the end", BAD, "0\r\n\r\r", ""),
};
#define PROBES (sizeof(probes) / sizeof(probes[0]))

/* Feeds `bytes`, appends the data; *used is how far it got. */
static enum nv_http1_verdict feed(struct nv_http1_chunks *chunks, struct nv_str bytes,
                                  struct nv_buf *body, size_t *used)
{
    enum nv_http1_verdict verdict = NV_HTTP1_MORE;
    *used = 0;
    while (verdict == NV_HTTP1_MORE && *used < bytes.len) {
        struct nv_str data;
        size_t step = 0;
        verdict =
            nv_http1_chunks_feed(chunks, nv_str_slice(bytes, *used, SIZE_MAX), &step, &data);
        ck_assert(step > 0 || verdict != NV_HTTP1_MORE);
        ck_assert_int_eq(nv_buf_append_str(body, data), NV_OK);
        *used += step;
    }
    return verdict;
}

/* In pieces of `first` bytes, then of `piece` bytes each. */
static enum nv_http1_verdict run(struct nv_str bytes, size_t first, size_t piece,
                                 struct nv_buf *body, size_t *total)
{
    struct nv_http1_chunks chunks = {0};
    enum nv_http1_verdict verdict = NV_HTTP1_MORE;
    size_t used = 0, len = first;
    *total = 0;
    while (verdict == NV_HTTP1_MORE && *total < bytes.len) {
        char *copy = malloc(len > 0 ? len : 1);
        struct nv_str part = nv_str_slice(bytes, *total, len);
        memcpy(copy, part.ptr, part.len);
        verdict = feed(&chunks, (struct nv_str){copy, part.len}, body, &used);
        *total += used;
        len = piece;
        free(copy);
    }
    return verdict;
}

START_TEST(probe_has_its_verdict_at_every_split)
{
    struct nv_str bytes = probes[_i].bytes;
    for (size_t split = 0; split <= bytes.len; split++) {
        struct nv_buf body;
        size_t total = 0, piece = split == 0 ? 1 : bytes.len;
        nv_buf_init(&body, 100);
        enum nv_http1_verdict verdict =
            run(bytes, split == 0 ? 1 : split, piece, &body, &total);
        ck_assert_msg(verdict == probes[_i].verdict, "%s: split at %zu: %d", probes[_i].name,
                      split, verdict);
        if (verdict == NV_HTTP1_DONE) {
            ck_assert_nv_str(nv_buf_str(&body), probes[_i].data);
            ck_assert_uint_eq(total, bytes.len);
        }
        nv_buf_release(&body);
    }
}
END_TEST

START_TEST(nothing_behind_the_end_is_taken)
{
    struct nv_buf body;
    size_t total;
    nv_buf_init(&body, 100);
    ck_assert_int_eq(run(NV_STR("1\r\nx\r\n0\r\n\r\nGET / "), 100, 100, &body, &total), DONE);
    ck_assert_uint_eq(total, 11);
    nv_buf_release(&body);
}
END_TEST

/* One chunk with `extension` bytes of extension and `trailer` of trailer section. */
static enum nv_http1_verdict run_long(size_t extension, size_t trailer)
{
    struct nv_buf text, body;
    size_t total;
    nv_buf_init(&text, 20000);
    nv_buf_init(&body, 20000);
    nv_buf_append_str(&text, NV_STR("1;"));
    for (size_t i = 0; i < extension; i++)
        nv_buf_append_char(&text, 'e');
    nv_buf_append_str(&text, NV_STR("\r\nx\r\n0\r\n"));
    for (size_t i = 0; i < trailer; i++)
        nv_buf_append_char(&text, i == 1 ? ':' : 't');
    nv_buf_append_str(&text, trailer > 0 ? NV_STR("\r\n\r\n") : NV_STR("\r\n"));
    enum nv_http1_verdict verdict = run(nv_buf_str(&text), 777, 999, &body, &total);
    nv_buf_release(&text);
    nv_buf_release(&body);
    return verdict;
}

START_TEST(limits_to_the_byte)
{
    ck_assert_int_eq(run_long(NV_HTTP1_EXTENSION_BYTES_MAX, 0), DONE);
    ck_assert_int_eq(run_long(NV_HTTP1_EXTENSION_BYTES_MAX + 1, 0), BAD);
    /* the CR of the line and the one of the end are counted */
    ck_assert_int_eq(run_long(0, NV_HTTP1_TRAILER_BYTES_MAX - 2), DONE);
    ck_assert_int_eq(run_long(0, NV_HTTP1_TRAILER_BYTES_MAX - 1), BAD);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http1_chunks");
    TCase *tcase = tcase_create("chunks");
    tcase_add_loop_test(tcase, probe_has_its_verdict_at_every_split, 0, PROBES);
    tcase_add_test(tcase, nothing_behind_the_end_is_taken);
    tcase_add_test(tcase, limits_to_the_byte);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
