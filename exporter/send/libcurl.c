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
static pthread_mutex_t beginning = PTHREAD_MUTEX_INITIALIZER; /* of begun */
static bool begun;

/* Once, and again when it failed. */
static bool begin(void)
{
    (void)pthread_mutex_lock(&beginning);
    begun = begun || curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    bool is_begun = begun;
    (void)pthread_mutex_unlock(&beginning);
    return is_begun;
}

enum nv_err nv_libcurl_load(struct nv_fail *fail)
{
    enum nv_err err = nv_late_load(&library, fail);
    if (err != NV_OK)
        return err;
    return begin() ? NV_OK : nv_fail_set(fail, NV_ERR_CONFIG, 0, "libcurl does not begin");
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
