/*
 * libcurl's table, and its beginning, which is once a process.
 *
 *   nv_libcurl_load ──▶ dlopen, a pointer a row ──▶ curl_global_init
 *
 * Both are kept for good: handles are made and freed by threads that know nothing of each
 * other.
 */
#include "exporter/send/libcurl.h"

#include "base/banned.h"

struct nv_libcurl nv_libcurl;

#define ROW(name) {"curl_" #name, (void **)(void *)&nv_libcurl.name},

static const struct nv_late_function functions[] = {NV_LIBCURL_TABLE(ROW)};
static struct nv_late library = {.file = "libcurl.so.4",
                                 .package = "libcurl4",
                                 .functions = functions,
                                 .count = sizeof functions / sizeof functions[0],
                                 .lock = PTHREAD_MUTEX_INITIALIZER};
static bool begun;

static void begin(void)
{
    begun = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

enum nv_err nv_libcurl_load(struct nv_fail *fail)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    enum nv_err err = nv_late_load(&library, fail);
    if (err != NV_OK)
        return err;
    (void)pthread_once(&once, begin);
    return begun ? NV_OK : nv_fail_set(fail, NV_ERR_CONFIG, 0, "libcurl does not begin");
}

enum nv_err nv_libcurl_find(struct nv_fail *fail)
{
    return nv_late_find(&library, fail);
}

const char *nv_libcurl_library(void)
{
    return nv_libcurl_load(NULL) == NV_OK ? curl_version_info(CURLVERSION_NOW)->version
                                          : "missing";
}
