/*
 * Secrets in texts: what is masked, look-alikes that are not, JSON that stays JSON, keys that
 * others' rules make (tests/data/secrets.csv), and that nothing changes the second time.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/secrets/scan.h"
#include "tests/support/chance.h"
#include "tests/support/fixtures.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ROW(rule, before, anchor, behind, edge, entropy, source) +1
#define SHAPES (0 NV_SECRET_SHAPES(ROW))
#define KEY36 "abcdefghijklmnopqrstuvwxyz0123456789"

static struct nv_arena *arena;

static void set_up(void)
{
    nv_secrets_ready();
    arena = nv_arena_new(1u << 26);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static struct nv_str mask(struct nv_arena *in, struct nv_str text)
{
    struct nv_secret_counts counts;
    ck_assert_int_eq(nv_secrets_mask_text(in, &text, &counts), NV_OK);
    return text;
}

/* The SDK's own examples are three of these (docs/noveum-backend.md#secrets); the others are
 * their neighbours. */
static const char *const texts[][2] = {
    {"nothing to see here, 12:30 and a=b", NULL},
    {"", NULL},
    {"my key sk-abcdefghij0123456789 ok", "my key *** ok"},
    {"sk-proj-" KEY36, "***"},
    {"sk-short", NULL},
    {"task-" KEY36, NULL},
    {"AKIAIOSFODNN7EXAMPLE", "***"},
    {"id=AKIAIOSFODNN7EXAMPLE.", "id=***."},
    {"AIzaSyA-0123456789abcdefghijklmnopqrstuv", "***"},
    {"ghp_" KEY36 " and gho_" KEY36, "*** and ***"},
    {"github_pat_0123456789abcdefghijkl", "***"},
    {"Authorization: Bearer abcdefghijklmnop.qrst", "Authorization: Bearer ***"},
    {"use bearer ABCDEFGHIJKLMNOPQRST/+=", "use bearer ***"},
    {"Bearer short", NULL},
    {"{\"api_key\": \"abc def\", \"k\":1}", "{\"api_key\": \"***\", \"k\":1}"},
    {"https://h/?access_token=abc123&x=1", "https://h/?access_token=***&x=1"},
    {"password: hunter2, then", "password: ***, then"},
    {"{\"a\":\"{\\\"password\\\": \\\"p w\\\"}\"}",
     "{\"a\":\"{\\\"password\\\": \\\"***\\\"}\"}"},
    {"{'secret': 'x', 'n': 5}", "{'secret': '***', 'n': 5}"},
    {"{\"password\": null, \"credentials\": {\"a\": 1}}",
     "{\"password\": null, \"credentials\": \"***\"}"},
    {"{\"total_tokens\": 5, \"prompt\": \"password\"}", NULL},
    {"what is a password: ", NULL},
    {"api_key=***", NULL},
    {"a=sk-abcdefghij0123456789=sk-abcdefghij0123456789", "a=***=***"},
    {"password=a password=b", "password=*** password=***"},
    {"{\"password\": 12345, \"x\": 1}", "{\"password\": \"***\", \"x\": 1}"},
    {"{\"a\":\"{\\\"pin_password\\\": 5, \\\"b\\\": 2}\"}",
     "{\"a\":\"{\\\"pin_password\\\": \\\"***\\\", \\\"b\\\": 2}\"}"},
    {"{\"credentials\": {\"user\": \"u\", \"deep\": [\"x\", \"}\"]}, \"k\": 1}",
     "{\"credentials\": \"***\", \"k\": 1}"},
    {"{\"password\": {\"type\": \"string\", \"description\": \"x\"}}", NULL},
    {"{\"secret\": [], \"password\": {}}", NULL},
    /* a list is a value as an object is: headers have one each in Go's and Node's JSON */
    {"{\"password\":[\"hunter2\"],\"k\":1}", "{\"password\":\"***\",\"k\":1}"},
    {"{'X-Api-Key': ['abc', ['d']], 'k': 1}", "{'X-Api-Key': '***', 'k': 1}"},
    {"{\"a\":\"{\\\"secret\\\": [\\\"type\\\", 5]}\"}",
     "{\"a\":\"{\\\"secret\\\": \\\"***\\\"}\"}"},
    {"{\"Authorization\": [\"Basic dTpw\"], \"Cookie\": [\"sid=abc\"]}",
     "{\"Authorization\": \"***\", \"Cookie\": \"***\"}"},
    {"{\"token\": [\"a\", \"b\"], \"cookie\": null, \"password\": [ ]}", NULL},
    {"postgres:\\/\\/user:p\\u0040ss@host/db", "postgres:\\/\\/user:***@host/db"},
    {"mysql://root:hunter2@db:3306/x", "mysql://root:***@db:3306/x"},
    /* a scheme called as secrets are, masked once and not again */
    {"password://root:hunter2@db", "password://root:***@db"},
    {"password://root:***@db", NULL},
    {"mysql://my*api_key:hunter2@db", "mysql://my*api_key:***@db"},
    {"mysql://my*api_key:***@db", NULL},
    {"mysql://my*api_key:***@db?password=***@hunter2",
     "mysql://my*api_key:***@db?password=***"},
    /* that begins like a masked one */
    {"password=***@hunter2", "password=***"},
    {"{\"api_key\": \"***@hunter2\"}", "{\"api_key\": \"***\"}"},
    {"Server=x;User Id=a;Password=***@hunter2;Encrypt=1",
     "Server=x;User Id=a;Password=***;Encrypt=1"},
    {"curl -u bob:***@hunter2 https://x", "curl -u bob:*** https://x"},
    {"password://root:*x1@db", "password:***"},
    /* a quote that closes what was taken begins no string of JSON */
    {"password: \",\"0 password: \",\"", "password: \"***\"0 password: \"***\""},
    {"password: \"***\"0 password: \",\"", "password: \"***\"0 password: \"***\""},
    {"{\"password\":5 password: \",\"", "{\"password\":\"***\" password: \"***\""},
    {"{\"a\":\"password=b password: \",\"k\":1}",
     "{\"a\":\"password=*** password: \",\"k\":1}"},
    {"{\"a\":\"x \\\"secret\\\": \",\"k\":2}", NULL},
    {"{\"a\":\"x \\\"secret\\\": 'hunter2'\",\"k\":2}",
     "{\"a\":\"x \\\"secret\\\": '***'\",\"k\":2}"},
    {"{\"a\":\"x \\\"secret\\\": \\\",1\\\" \",\"k\":2}",
     "{\"a\":\"x \\\"secret\\\": \\\"***\\\" \",\"k\":2}"},
    {"https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/1",
     "https://***@o1.ingest.sentry.io/1"},
    {"https://0123456789abcdef0123456789abcdef@password=a@b", "https://***@password=***"},
    {"mailto://someone@example.com and http://[::1]:80/x@y", NULL},
    {"q=Bearer%20abcdefghijklmnopqrstu x", "q=Bearer%20*** x"},
    {"Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"},
    {"\"Authorization\": \"Digest username=x, response=y\"", "\"Authorization\": \"***\""},
    {"use Basic dXNlcjpwYXNzd29yZA== now", "use Basic *** now"},
    {"use Basic dXNlcjpwYXNzd29yZDEy. Then", "use Basic *** Then"},
    {"use Basic "
     "dXNlcjpSSSSSSSSSSSSSSSSSSSSSSSSSSSpscale_pw_zQK9.SSSSSSSSSSSSSSSSSSSSSSSSSSSSas.b",
     "use Basic ***"},
    {"the pscale_pw_0123456789.0123456789.0123456789_abc.def-g.hij. It", "the ***. It"},
    {"the abc8Q~0123456789012345678901234567890.a~b. It", "the ***. It"},
    {"Basic understanding-of-things, Basic 0123456789abcdefgh", NULL},
    {"line\\nsk-abcdefghij0123456789\\nnext", "line\\n***\\nnext"},
    {"-----BEGIN RSA PRIVATE KEY-----\\nMIIEowIBAAKCAQEA1234567890abcdef\\nabc\\n-----END RSA "
     "PRIVATE KEY-----\\nrest",
     "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\\nrest"},
    {"private_key: -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQE",
     "private_key: -----BEGIN PRIVATE KEY-----***"},
    {"\"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQE\", \"next\": 1",
     "\"-----BEGIN PRIVATE KEY-----***\", \"next\": 1"},
    {"it begins with -----BEGIN PRIVATE KEY----- and ends", NULL},
    {"-----BEGIN sk-abcdefghij0123456789 PRIVATE "
     "KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQE",
     "-----BEGIN *** PRIVATE KEY-----***"},
    {"-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA1234567890abcdef", NULL},
    {"Server=x;User Id=sa;Password=p@s,w(rd;Encrypt=True",
     "Server=x;User Id=sa;Password=***;Encrypt=True"},
    {"AccountName=x;AccountKey=abcd+/==;EndpointSuffix=core",
     "AccountName=x;AccountKey=***;EndpointSuffix=core"},
    {"Cookie: session=abc; id=5", "Cookie: ***"},
    {"cookie: with chocolate", NULL},
    {"api_key=os.environ[\"OPENAI_API_KEY\"], password=get_password()", NULL},
    {"os.environ[\"API_KEY\"] = \"abc\"", "os.environ[\"API_KEY\"] = \"***\""},
    {"password=${DB_PASSWORD} password={{ x }} password=$PASS password=<secret>", NULL},
    {"PWD=/home/user OLDPWD=/x pwd=secret", "PWD=/home/user OLDPWD=/x pwd=***"},
    {"curl -u admin:hunter2 https://x", "curl -u admin:*** https://x"},
    {"curl -u admin https://x: y", NULL},
    {"pwd=of.pscale_pw_0123456789012345678901234567890123.x(y", "pwd=of.***(y"},
    {"pwd=of.***.x(y", NULL},
    {"bot 123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1 x", "bot *** x"},
    {"{\"token\": \"Hello\", \"logprob\": -0.3}", NULL},
    {"?token=abcd1234efgh5678ijkl", "?token=***"},
    {"total_tokens: 55, max_tokens=4096, token_type: Bearer", NULL},
    {"Bearer aaaaaaaaaaaaaa== x", "Bearer *** x"},
    {"{\\u0022api_key\\u0022:\\u0022abc\\u0022}", "{\\u0022api_key\\u0022:\\u0022***\\u0022}"},
    {"{'authorization': b'Bearer xyz', 'password': None}",
     "{'authorization': b'***', 'password': None}"},
    {"/etc/passwd: no such file", NULL},
    {"self.password = password; api_key: str", NULL},
    {"5b8efff7-9803-8103-d269-b633813fc60c 5b8efff798038103d269b633813fc60c gpt-4o-2024-08-06",
     NULL},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)", NULL},
    {"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", NULL}};

START_TEST(texts_and_look_alikes)
{
    struct nv_str text = nv_str_from(texts[_i][0]);
    struct nv_str masked = mask(arena, text);
    const char *expected = texts[_i][1] != NULL ? texts[_i][1] : texts[_i][0];
    ck_assert_nv_str(masked, expected);
    ck_assert(texts[_i][1] != NULL || masked.ptr == text.ptr);
    ck_assert_nv_str(mask(arena, masked), expected);
}
END_TEST

/* A text of several lines is masked as each line of it is, wherever that lies in the blocks
 * that are looked at: white space before it, and words. */
START_TEST(the_same_is_found_at_every_place)
{
    struct nv_str text = nv_str_from(texts[_i][0]);
    const char *expected = texts[_i][1] != NULL ? texts[_i][1] : texts[_i][0];
    static const char words[] = "Words of any length, as they come in prose (or not), and\n";
    char moved[1200];
    for (size_t at = 1; at < 140; at++) {
        for (size_t i = 0; i < at; i++) {
            moved[i] =
                words[(i + sizeof words - 1 - at % (sizeof words - 1)) % (sizeof words - 1)];
        }
        memset(moved, '\n', _i % 2 == 0 ? at : 1);
        moved[at - 1] = '\n';
        memcpy(moved + at, text.ptr, text.len);
        struct nv_str masked = mask(arena, (struct nv_str){moved, at + text.len});
        ck_assert_msg(masked.len >= at && memcmp(masked.ptr, moved, at) == 0, "%zu", at);
        ck_assert_nv_str(nv_str_slice(masked, at, masked.len), expected);
    }
}
END_TEST

START_TEST(a_key_is_found_at_every_place)
{
    char text[200];
    for (size_t at = 0; at < 100; at++) {
        memset(text, ' ', sizeof text);
        memcpy(text + at, "sk-0123456789abcdefghij", 23);
        struct nv_str masked = mask(arena, (struct nv_str){text, sizeof text});
        ck_assert_uint_eq(masked.len, sizeof text - 20);
        ck_assert_uint_eq(nv_str_find(masked, NV_STR("***")), at);
        masked = mask(arena, (struct nv_str){text, at + 23});
        ck_assert_uint_eq(masked.len, at + 3);
    }
}
END_TEST

/* The same in prose: words of all lengths up to a block before it, other runs behind it. */
/* However the two lie in the blocks that are looked at. */
START_TEST(a_short_value_before_a_private_key_is_found)
{
    for (size_t before = 0; before < 40; before++) {
        char text[160];
        (void)snprintf(
            text, sizeof text,
            "%.*sPASSWORD=k3y\n-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ",
            (int)before, "................................................");
        struct nv_str masked = mask(arena, nv_str_from(text));
        ck_assert_msg(nv_str_find(masked, NV_STR("k3y")) == SIZE_MAX &&
                          nv_str_find(masked, NV_STR("MIIE")) == SIZE_MAX,
                      "%.*s", NV_STR_ARG(masked));
        struct nv_str again = mask(arena, masked);
        ck_assert(nv_str_eq(again, masked));
    }
}
END_TEST

/* Neither hides the other, which stands beside it without a break. */
START_TEST(a_key_that_touches_a_private_key_is_found)
{
    static const char *const rows[] = {"AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE@@@@@@@@@@",
                                       "password=hunter2", "Bearer abcdefghijklmnop.IOSFODN"};
    static const char line[] = "-----BEGIN PRIVATE KEY-----";
    for (size_t before = 0; before < 4 * 66; before++) {
        char text[256];
        (void)snprintf(text, sizeof text, "%*s%s%s\nMIIEvQIBADANBgkqhkiG9w0BAQ",
                       (int)before / 4, "", rows[before % 4], line);
        struct nv_str masked = mask(arena, nv_str_from(text));
        ck_assert_msg(nv_str_find(masked, NV_STR("IOSFODN")) == SIZE_MAX &&
                          nv_str_find(masked, NV_STR("hunter2")) == SIZE_MAX &&
                          nv_str_find(masked, NV_STR("MIIE")) == SIZE_MAX,
                      "%.*s", NV_STR_ARG(masked));
        struct nv_str again = mask(arena, masked);
        ck_assert(nv_str_eq(again, masked));
    }
}
END_TEST

START_TEST(a_key_is_found_behind_any_words)
{
    static const char prose[] =
        "It is, \"as\" said, a-rather-long word: 0123456789abcde {x=1} [y] ";
    char text[400];
    for (size_t at = 1; at < 200; at++) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = prose[(i + at * 7) % (sizeof prose - 1)];
        text[at - 1] = '(';
        memcpy(text + at, "sk-0123456789abcdefghij)", 24);
        struct nv_str masked = mask(arena, (struct nv_str){text, sizeof text});
        ck_assert_uint_eq(masked.len, sizeof text - 20);
        ck_assert_uint_eq(nv_str_find(masked, NV_STR("(***)")), at - 1);
        memcpy(text + at, "tk-0123456789abcdefghij)", 24);
        masked = mask(arena, (struct nv_str){text, sizeof text});
        ck_assert_ptr_eq(masked.ptr, text);
    }
}
END_TEST

/* Values escaped as JSON does, once and twice, between other members. */
START_TEST(json_stays_json)
{
    static const char *const values[] = {
        "x", "a b", "with \" quote", "\\",   "{}",          "1,2", "=",
        "'", "",    "ends in \\\"",  "\\\\", "password: y", "\n"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_t *inner =
            json_pack("{s:s, s:i, s:s}", "api_key", values[i], "password", 5, "z", "end");
        char *once = json_dumps(inner, 0);
        json_t *outer = json_pack("{s:s, s:s}", "text", once, "last", "end");
        char *twice = json_dumps(outer, 0);
        struct nv_str masked = mask(arena, nv_str_from(twice));
        json_t *doc = json_loadb(masked.ptr, masked.len, 0, NULL);
        ck_assert_msg(doc != NULL, "%s: %.*s", twice, NV_STR_ARG(masked));
        ck_assert_str_eq(json_string_value(json_object_get(doc, "last")), "end");
        json_t *text = json_loads(json_string_value(json_object_get(doc, "text")), 0, NULL);
        ck_assert_msg(text != NULL, "%.*s", NV_STR_ARG(masked));
        ck_assert_str_eq(json_string_value(json_object_get(text, "z")), "end");
        const char *key = json_string_value(json_object_get(text, "api_key"));
        ck_assert_str_eq(key, values[i][0] == '\0' ? "" : "***");
        json_decref(text);
        json_decref(doc);
        json_decref(outer);
        json_decref(inner);
        free(once);
        free(twice);
    }
}
END_TEST

/* A megabyte of pairs must take milliseconds: quadratic search would take minutes. */
START_TEST(a_text_full_of_pairs_is_quick)
{
    static const char pair[] = "password=a ";
    size_t len = (sizeof pair - 1) * 100000;
    struct nv_arena *large = nv_arena_new(1u << 26);
    char *text = malloc(len);
    ck_assert(large && text);
    for (size_t i = 0; i < len; i++)
        text[i] = pair[i % (sizeof pair - 1)];
    struct nv_str masked = mask(large, (struct nv_str){text, len});
    ck_assert_uint_eq(masked.len, len + 2 * 100000);
    free(text);
    nv_arena_free(large);
}
END_TEST

/* One run of a megabyte, as base64 has, is looked at once. */
START_TEST(a_long_word_is_quick)
{
    size_t len = 4u << 20;
    char *text = malloc(len);
    ck_assert_ptr_nonnull(text);
    memset(text, 'a', len);
    struct nv_str masked = mask(arena, (struct nv_str){text, len});
    ck_assert_ptr_eq(masked.ptr, text);
    free(text);
}
END_TEST

/* A megabyte of what makes a search go far and find nothing. */
START_TEST(what_looks_like_the_begin_of_a_secret_is_quick)
{
    static const char *const pieces[] = {
        "token=", "cookie:",    "pwd=/",     "password=$A",  "tvly-",
        "eyJ",    "://",        "api_key:[", "-----BEGIN ",  "auth: Digest ",
        "\\",     "%",          "a@",        "\"token\":\"", "\\\"secret\":{\"type\"",
        "SG.",    "123456789:", "Bearer "};
    const char *piece = pieces[_i];
    size_t unit = strlen(piece), len = unit * ((1u << 20) / unit);
    char *text = malloc(len);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < len; i++)
        text[i] = piece[i % unit];
    (void)mask(arena, (struct nv_str){text, len});
    free(text);
}
END_TEST

/* ---- keys made from others' rules -------------------------------------------------------- */

/* The next field of a line of CSV, its quotes undone in place. */
static struct nv_str next_field(char **at)
{
    char *from = *at, *to = from;
    bool quoted = *from == '"';
    char *read = from + (quoted ? 1 : 0);
    for (; *read != '\0' && (quoted || (*read != ',' && *read != '\n')); read++) {
        if (quoted && *read == '"' && *++read != '"')
            break;
        *to++ = *read;
    }
    *at = *read == '\0' ? read : read + 1;
    return (struct nv_str){from, (size_t)(to - from)};
}

/* What is known not to be found, and why it need not be. */
static bool is_left_out(struct nv_str source, struct nv_str text)
{
    static const char *const sources[] = {
        "gitleaks asana-client-id",   /* an id */
        "gitleaks discord-client-id", /* an id */
        "gitleaks linkedin-client-id",
        "detect-secrets CloudantDetector",    /* a name and a value with only spaces between */
        "detect-secrets IbmCloudIamDetector", /* likewise */
        "detect-secrets AWSKeyDetector",      /* likewise */
        "detect-secrets SoftlayerDetector",   /* a path of a URL */
        "gitleaks jwt",                       /* by chance: their header is no JSON */
        "gitleaks jwt-base64",                /* likewise, in two alphabets at once */
        "gitleaks private-key",               /* by chance: `BEGINPRIVATE` */
        "gitleaks vault-service-token",       /* `s.` and 24 letters, of before 2022 */
        "gitleaks authress-service-client-access-key",
        "detect-secrets ArtifactoryDetector", /* AP and eight letters */
        "detect-secrets SquareOAuthDetector", /* a backslash inside */
        "detect-secrets SlackDetector",       /* of 10 bytes */
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (nv_str_eq(source, nv_str_from(sources[i])))
            return true;
    }
    /* an account's id */
    return nv_str_eq(source, NV_STR("detect-secrets TwilioKeyDetector")) &&
           nv_str_starts(text, NV_STR("AC"));
}

static void plant(char *out, size_t size, unsigned way, struct nv_str text)
{
    static const char *const before[] = {"", "see ", "x\\n", "a=", "<"};
    static const char *const behind[] = {"", " now", "\\n", "&b=1", ">"};
    int len = snprintf(out, size, "%s%.*s%s", before[way], NV_STR_ARG(text), behind[way]);
    ck_assert(len > 0 && (size_t)len < size);
}

/* Every key in five ways; what is not found must be known, and be few. */
START_TEST(keys_of_other_rules)
{
    struct nv_str file = nv_test_read_file(NOVEUM_SOURCE_DIR "/tests/data/secrets.csv");
    char *at = strdup(file.ptr);
    char planted[4096];
    unsigned cases = 0, missed = 0;
    char *begin = at;
    for (unsigned i = 0; i < 3; i++)
        (void)next_field(&at);
    while (*at != '\0') {
        struct nv_str source = next_field(&at), text = next_field(&at), key = next_field(&at);
        bool found = true;
        for (unsigned way = 0; way < 5; way++) {
            plant(planted, sizeof planted, way, text);
            struct nv_str masked = mask(arena, nv_str_from(planted));
            found = found && nv_str_find(masked, key) == SIZE_MAX;
        }
        cases++;
        missed += found ? 0 : 1;
        ck_assert_msg(found || is_left_out(source, text), "%.*s: %.*s", NV_STR_ARG(source),
                      NV_STR_ARG(text));
    }
    printf("%u of %u keys found\n", cases - missed, cases);
    ck_assert_uint_ge(cases, 450);
    ck_assert_uint_le(missed * 100, cases * 6);
    free(begin);
    free((char *)(uintptr_t)file.ptr);
}
END_TEST

/* Texts that were looked at are remembered by their bytes: a secret is masked whatever its
 * neighbours were, and each text is answered the same each time. */
START_TEST(what_was_looked_at_changes_no_answer)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct nv_str text = nv_str_from(texts[i][0]);
        for (size_t at = 0; at <= text.len; at++) {
            struct nv_str other = nv_arena_dup(arena, text);
            if (at < text.len)
                ((char *)(uintptr_t)other.ptr)[at] = '_';
            struct nv_str first = mask(arena, other), again = mask(arena, other);
            ck_assert_uint_eq(first.len, again.len);
            ck_assert_mem_eq(first.ptr, again.ptr, first.len);
        }
        ck_assert_nv_str(mask(arena, text), texts[i][1] ? texts[i][1] : texts[i][0]);
    }
}
END_TEST

static size_t put_word(char *out, const char *word)
{
    const size_t len = strlen(word);
    memcpy(out, word, len);
    return len;
}

/* An anchor of any key, words that announce a secret, and bytes of words around them. */
static size_t some_text(uint64_t *seed, char out[128])
{
    static const char bytes[] = "0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZghijkz-_./+~ ,B";
    static const char *const words[] = {"Bearer ", "Basic ", "-----BEGIN ", "dXNlcjpwYXNz",
                                        " "};
    size_t len = 0;
    for (unsigned part = 0; part < 3; part++) {
        for (unsigned n = chance_below(seed, part == 2 ? 50 : 12); n > 0; n--)
            out[len++] = bytes[chance_below(seed, sizeof bytes - 1)];
        const char *word = chance_below(seed, 4) == 0
                               ? words[chance_below(seed, 5)]
                               : nv_shapes[chance_below(seed, SHAPES)].anchor;
        if (part < 2 && chance_below(seed, 3) > 0)
            len += put_word(out + len, word);
    }
    return len < 63 ? len : 63;
}

/* A short text is looked at by another way than a long one, which blanks make of it. */
START_TEST(a_short_text_is_masked_as_a_long_one)
{
    uint64_t seed = (uint64_t)_i;
    unsigned masked = 0;
    for (unsigned round = 0; round < 100000; round++) {
        char text[128];
        size_t len = some_text(&seed, text);
        memset(text + len, ' ', sizeof text - len);
        struct nv_str own = nv_arena_dup(arena, (struct nv_str){text, len});
        struct nv_str found = mask(arena, own);
        struct nv_str longer = mask(arena, (struct nv_str){text, sizeof text});
        ck_assert_uint_eq(sizeof text - longer.len, len - found.len);
        ck_assert_mem_eq(longer.ptr, found.ptr, found.len);
        masked += found.ptr != own.ptr;
    }
    ck_assert_uint_gt(masked, 100);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_arena *small = nv_arena_new(8192);
    struct nv_secret_counts counts;
    char *large = malloc(100000);
    ck_assert(small && large);
    memset(large, ' ', 100000);
    memcpy(large, "password=x", 10);
    struct nv_str text = {large, 100000};
    ck_assert_int_eq(nv_secrets_mask_text(small, &text, &counts), NV_ERR_NO_MEMORY);
    memcpy(large, "\\u0041 ", 7);
    text = (struct nv_str){large, 100000};
    ck_assert_int_eq(nv_secrets_mask_text(small, &text, &counts), NV_ERR_NO_MEMORY);
    free(large);
    nv_arena_free(small);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/scan");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, texts_and_look_alikes, 0, COUNT(texts));
    tcase_add_loop_test(tcase, the_same_is_found_at_every_place, 0, COUNT(texts));
    tcase_add_test(tcase, a_key_is_found_at_every_place);
    tcase_add_test(tcase, a_short_value_before_a_private_key_is_found);
    tcase_add_test(tcase, a_key_that_touches_a_private_key_is_found);
    tcase_add_test(tcase, a_key_is_found_behind_any_words);
    tcase_add_test(tcase, json_stays_json);
    tcase_add_test(tcase, a_text_full_of_pairs_is_quick);
    tcase_add_test(tcase, a_long_word_is_quick);
    tcase_add_loop_test(tcase, what_looks_like_the_begin_of_a_secret_is_quick, 0, 18);
    tcase_add_test(tcase, keys_of_other_rules);
    tcase_add_test(tcase, what_was_looked_at_changes_no_answer);
    tcase_add_loop_test(tcase, a_short_text_is_masked_as_a_long_one, 0, 3);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
