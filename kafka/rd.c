/*
 * Finds the functions of librdkafka.
 *
 * Loaded and never unloaded: its threads may outlive a close by moments. Loaded once under a
 * lock, because several gateways may be in one process (tests).
 */
#include "kafka/rd.h"

#ifdef NOVEUM_KAFKA
#include <dlfcn.h>
#include <pthread.h>

#include "base/banned.h"

#define LIBRARY "librdkafka.so.1"

enum nv_err nv_rd_load_from(const char *library, struct nv_rd *rd, struct nv_fail *fail)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "this role needs librdkafka (Debian: apt-get install librdkafka1): "
                           "no %s",
                           library);
    }
    const struct {
        const char *name;
        void **to;
    } rows[] = {
#define NV_RD_ROW(function) {"rd_kafka_" #function, (void **)(void *)&rd->function},
        NV_RD_TABLE(NV_RD_ROW)
#undef NV_RD_ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i].to = dlsym(handle, rows[i].name);
        if (!*rows[i].to) {
            (void)dlclose(handle);
            return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                               "this role needs librdkafka 2.0 or later: %s has no %s", library,
                               rows[i].name);
        }
    }
    return NV_OK;
}

enum nv_err nv_rd_load(const struct nv_rd **out, struct nv_fail *fail)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the next two */
    static struct nv_rd table;
    static bool loaded;
    enum nv_err err = NV_OK;
    (void)pthread_mutex_lock(&lock);
    if (!loaded)
        err = nv_rd_load_from(LIBRARY, &table, fail);
    loaded = loaded || err == NV_OK;
    (void)pthread_mutex_unlock(&lock);
    *out = err == NV_OK ? &table : NULL;
    return err;
}
#endif
