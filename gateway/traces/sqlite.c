/*
 * SQLite's table.
 *
 *   nv_sqlite_load ──▶ dlopen, a pointer a row
 *
 * Stores come and go, the library stays: what it has begun outlives them.
 */
#include "gateway/traces/sqlite.h"

#include "base/banned.h"

struct nv_sqlite nv_sqlite;

#define ROW(name) {"sqlite3_" #name, (void **)(void *)&nv_sqlite.name},

static const struct nv_late_function functions[] = {NV_SQLITE_TABLE(ROW)};
static struct nv_late library = {.file = "libsqlite3.so.0",
                                 .package = "libsqlite3-0",
                                 .functions = functions,
                                 .count = sizeof functions / sizeof functions[0],
                                 .lock = PTHREAD_MUTEX_INITIALIZER};

enum nv_err nv_sqlite_load(struct nv_fail *fail)
{
    return nv_late_load(&library, fail);
}
