/*
 * Versions are asked of the libraries at run time: what a distribution has updated since the
 * build is what a report of a fault needs to name. The commit is the program's alone, so that a
 * new one links the program anew and not every test.
 */
#include "gateway/commands/version.h"

#include "base/json/json_write.h"
#include "base/openssl.h"
#include "exporter/send/libcurl.h"
#include "gateway/traces/sql.h"
#include "net/loop.h"

#include <jansson.h>
#include <nghttp2/nghttp2.h>
#include <utf8proc.h>
#include <yaml.h>
#include <zstd.h>

#include "base/banned.h"

/*
 * Of the build what changes times and behaviour: a report of "slow" from a build without
 * optimisation, or with a sanitizer, is answered by this line.
 */
#if defined(__SANITIZE_ADDRESS__)
#define BUILD_KIND "asan"
#elif defined(__SANITIZE_THREAD__)
#define BUILD_KIND "tsan"
#elif defined(__OPTIMIZE__)
#define BUILD_KIND "optimised"
#else
#define BUILD_KIND "debug"
#endif
#ifdef NDEBUG
#define BUILD_ASSERTS "asserts off"
#else
#define BUILD_ASSERTS "asserts on"
#endif
#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif
#define BUILD BUILD_KIND ", " BUILD_ASSERTS ", " COMPILER

struct library {
    const char *name, *version;
};

/*
 * Those that a distribution updates on its own, below all that reads what others wrote:
 * network, compression, storage, parsers.
 */
#define LIBRARIES 9

/*
 * Copied from a list of the call: the functions are no constants, and a static list would
 * have to be filled once by one thread.
 */
static void ask_libraries(struct library out[LIBRARIES])
{
    const struct library libraries[LIBRARIES] = {{"libcurl", nv_libcurl_library()},
                                                 {"libevent", nv_loop_library()},
                                                 {"nghttp2", nghttp2_version(0)->version_str},
                                                 {"OpenSSL", nv_openssl_library()},
                                                 {"SQLite", nv_sql_library()},
                                                 {"zstd", ZSTD_versionString()},
                                                 {"jansson", jansson_version_str()},
                                                 {"libyaml", yaml_get_version_string()},
                                                 {"utf8proc", utf8proc_version()}};
    memcpy(out, libraries, sizeof libraries);
}

static void write_member(struct nv_json_writer *json, const char *name, const char *text)
{
    nv_json_write_key(json, nv_str_from(name));
    nv_json_write_string(json, nv_str_from(text));
}

static enum nv_err write_json(const char *commit, const struct library *libraries,
                              struct nv_buf *buf)
{
    struct nv_json_writer json;
    nv_json_write_init(&json, buf);
    nv_json_write_begin_object(&json);
    write_member(&json, "version", NOVEUM_VERSION);
    write_member(&json, "commit", commit);
    write_member(&json, "build", BUILD);
    nv_json_write_key(&json, NV_STR("libraries"));
    nv_json_write_begin_object(&json);
    for (size_t i = 0; i < LIBRARIES; i++)
        write_member(&json, libraries[i].name, libraries[i].version);
    nv_json_write_end_object(&json);
    nv_json_write_end_object(&json);
    return nv_buf_append_char(buf, '\n');
}

enum nv_err nv_version_write(const char *commit, bool json, struct nv_buf *buf)
{
    struct library libraries[LIBRARIES];
    ask_libraries(libraries);
    if (json)
        return write_json(commit, libraries, buf);
    (void)nv_buf_printf(buf, "noveum-gateway " NOVEUM_VERSION "\ncommit %s\nbuild " BUILD "\n",
                        commit);
    for (size_t i = 0; i < LIBRARIES; i++) {
        (void)nv_buf_printf(buf, "%s%s %s", i == 0 ? "with " : ", ", libraries[i].name,
                            libraries[i].version);
    }
    return nv_buf_append_char(buf, '\n');
}
