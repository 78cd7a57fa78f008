/*
 * What answers at the admin port may be anybody: answers that are cut off, changed in one byte,
 * or made by chance, and addresses of all forms.
 *
 *   answer of a gateway ─▶ each part of it, each byte another ─▶ health ─▶ ready only when it
 *                                                     says so; why is one line for a terminal
 */
#include "chance.h"
#include "expect.h"

#include "gateway/commands/health.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define READY "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nready\n"
#define NOT_YET                                                                                \
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\n"                     \
    "the journal is replayed\nand more\n"
#define STATUS                                                                                 \
    "{\"version\":\"0.2.0\",\"ready\":true,\"ready_reason\":\"ready\",\"a\":[{\"ready\":0}]}"

static uint64_t state;

static uint32_t draw(uint32_t end)
{
    return chance_below(&state, end);
}

/* Whatever it was: some reason, one line, ended, and nothing that moves a cursor. */
static void expect_line(const struct nv_health *health)
{
    size_t len = strnlen(health->why, sizeof health->why);
    ck_assert(len > 0 && len < sizeof health->why);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)health->why[i];
        ck_assert_msg(c >= ' ' && c != 0x7f, "byte %zu of why is 0x%02x", i, c);
    }
}

static struct nv_health read_answer(struct nv_str answer)
{
    struct nv_health health;
    memset(&health, 0xaa, sizeof health);
    nv_health_read(answer, &health);
    expect_line(&health);
    return health;
}

/* ---- answers of HTTP --------------------------------------------------------------------- */

START_TEST(a_part_of_an_answer_is_none)
{
    const struct nv_str whole = NV_STR(READY);
    size_t head = nv_str_find(whole, NV_STR("\r\n\r\n")) + 4;
    for (size_t len = 0; len <= whole.len; len++) {
        struct nv_health health = read_answer(nv_str_slice(whole, 0, len));
        ck_assert_msg(health.ready == (len >= head), "%zu bytes", len);
        if (len < head)
            ck_assert_ptr_nonnull(strstr(health.why, "no gateway"));
    }
}
END_TEST

START_TEST(one_byte_of_an_answer_is_another)
{
    static const char *const answers[] = {READY, NOT_YET};
    const struct nv_str whole = nv_str_from(answers[_i]);
    char *copy = malloc(whole.len);
    ck_assert_ptr_nonnull(copy);
    for (size_t at = 0; at < whole.len; at++) {
        for (unsigned byte = 0; byte<256; byte += at> 20 ? 2 : 1) {
            memcpy(copy, whole.ptr, whole.len);
            copy[at] = (char)byte;
            struct nv_str answer = {copy, whole.len};
            struct nv_health health = read_answer(answer);
            bool says = nv_str_starts(answer, NV_STR("HTTP/1.1 200"));
            ck_assert_msg(!health.ready || says, "byte %zu is 0x%02x", at, byte);
            ck_assert_msg(_i == 0 || !health.ready || at < 13, "byte %zu is 0x%02x", at, byte);
        }
    }
    free(copy);
}
END_TEST

START_TEST(answers_made_by_chance)
{
    static const char *const pieces[] = {"HTTP/1.1 ",
                                         "200",
                                         "503",
                                         " OK",
                                         "\r\n",
                                         "\n",
                                         "\r",
                                         "ready",
                                         "\x1b[2J",
                                         "\x9b",
                                         "\xe2\x80\xae",
                                         "\xff",
                                         "Content-Length: 5",
                                         "\r\n\r\n",
                                         "\x7f",
                                         "\t"};
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        struct nv_buf answer;
        nv_buf_init(&answer, 1u << 12);
        state = seed;
        for (uint32_t i = draw(20); i > 0; i--) {
            (void)nv_buf_append_str(
                &answer, nv_str_from(pieces[draw(sizeof pieces / sizeof pieces[0])]));
        }
        struct nv_str text = nv_buf_str(&answer);
        struct nv_health health = read_answer(text);
        ck_assert_msg(health.ready == (nv_str_starts(text, NV_STR("HTTP/1.1 200")) &&
                                       nv_str_find(text, NV_STR("\r\n\r\n")) != SIZE_MAX),
                      "seed %llu", (unsigned long long)seed);
        nv_buf_release(&answer);
    }
}
END_TEST

START_TEST(a_long_reason_is_cut)
{
    for (size_t len = 1; len < 5000; len += 1 + len / 40) {
        struct nv_buf answer;
        nv_buf_init(&answer, 1u << 14);
        (void)nv_buf_append_str(&answer, NV_STR("HTTP/1.1 503 x\r\n\r\n"));
        for (size_t i = 0; i < len; i++) /* ends in the middle of a character, too */
            (void)nv_buf_append_char(&answer, i % 2 == 0 ? '\xc3' : '\xa9');
        struct nv_health health = read_answer(nv_buf_str(&answer));
        ck_assert(!health.ready);
        nv_buf_release(&answer);
    }
}
END_TEST

/* ---- a status ---------------------------------------------------------------------------- */

/* By a reader of JSON that is not ours. */
static bool says_ready(struct nv_str json)
{
    json_t *root = json_loadb(json.ptr, json.len, JSON_ALLOW_NUL, NULL);
    bool ready = json_is_true(json_object_get(root, "ready"));
    json_decref(root);
    return ready;
}

static bool read_status(struct nv_str json)
{
    struct nv_health health;
    memset(&health, 0xaa, sizeof health);
    nv_health_read_status(json, &health);
    expect_line(&health);
    return health.ready;
}

START_TEST(a_status_is_ready_when_it_says_so)
{
    const struct nv_str whole = NV_STR(STATUS);
    char *copy = malloc(whole.len);
    ck_assert_ptr_nonnull(copy);
    for (size_t len = 0; len <= whole.len; len++)
        ck_assert(read_status(nv_str_slice(whole, 0, len)) == (len == whole.len));
    for (size_t at = 0; at < whole.len; at++) {
        for (unsigned byte = at % 4; byte < 128; byte += 4) {
            memcpy(copy, whole.ptr, whole.len);
            copy[at] = (char)byte;
            struct nv_str json = {copy, whole.len};
            ck_assert_msg(!read_status(json) || says_ready(json), "byte %zu is 0x%02x", at,
                          byte);
        }
    }
    free(copy);
}
END_TEST

/* ---- addresses --------------------------------------------------------------------------- */

static const struct {
    const char *form, *host;
} hosts[] = {{"127.0.0.1", "127.0.0.1"}, {"0.0.0.0", "127.0.0.1"}, {"*", "127.0.0.1"},
             {"", "127.0.0.1"},          {"[::]", "::1"},          {"[::1]", "::1"},
             {"[fe80::1]", "fe80::1"},   {"gateway", "gateway"},   {"10.1.2.3", "10.1.2.3"}};

START_TEST(each_host_with_each_port)
{
    static const struct {
        const char *text;
        bool good;
    } ports[] = {{"1", true},         {"13133", true}, {"65535", true}, {"0", false},
                 {"65536", false},    {"", false},     {"-1", false},   {"x", false},
                 {"99999999", false}, {"4 3", false},  {"+5", false}};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        char address[128], host[256] = "?", port[8] = "?";
        (void)snprintf(address, sizeof address, " %s:%s , 127.0.0.1:9", hosts[_i].form,
                       ports[i].text);
        bool asked = nv_health_target(address, host, port);
        ck_assert_msg(asked == ports[i].good, "%s", address);
        if (!asked)
            continue;
        ck_assert_str_eq(host, hosts[_i].host);
        ck_assert_str_eq(port, ports[i].text);
    }
}
END_TEST

START_TEST(addresses_made_by_chance)
{
    static const char letters[] = ":,[]*.0123456789 unix:/abc\t";
    for (uint64_t seed = 1; seed <= 6000; seed++) {
        char address[400], host[256 + 8], port[8 + 8];
        uint64_t number = 0;
        state = seed;
        uint32_t len = draw(seed % 50 == 0 ? sizeof address - 1 : 24);
        for (uint32_t i = 0; i < len; i++)
            address[i] = letters[draw(sizeof letters - 1)];
        address[len] = '\0';
        memset(host, 0x55, sizeof host);
        memset(port, 0x55, sizeof port);
        bool asked = nv_health_target(address, host, port);
        for (size_t i = 0; i < 8; i++) {
            ck_assert_int_eq(host[256 + i], 0x55);
            ck_assert_int_eq(port[8 + i], 0x55);
        }
        if (!asked)
            continue;
        ck_assert(memchr(host, '\0', 256) && memchr(port, '\0', 8) && host[0] != '\0');
        if (port[0] == '\0') {
            ck_assert_msg(strstr(address, "unix:"), "%s", address);
            continue;
        }
        ck_assert_int_eq(nv_str_to_uint64(nv_str_from(port), &number), NV_OK);
        ck_assert_msg(number >= 1 && number <= 65535, "%s", address);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/hostile_answers");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_part_of_an_answer_is_none);
    tcase_add_loop_test(tcase, one_byte_of_an_answer_is_another, 0, 2);
    tcase_add_test(tcase, answers_made_by_chance);
    tcase_add_test(tcase, a_long_reason_is_cut);
    tcase_add_test(tcase, a_status_is_ready_when_it_says_so);
    tcase_add_loop_test(tcase, each_host_with_each_port, 0, sizeof hosts / sizeof hosts[0]);
    tcase_add_test(tcase, addresses_made_by_chance);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
