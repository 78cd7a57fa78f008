/*
 * SQLite, loaded when a store is opened (base/late.h): a gateway that delivers has none.
 *
 *   nv_sqlite_load ──▶ nv_sqlite, a table of the functions that are used
 *                      sqlite3_step(...) is (nv_sqlite.step)(...)
 */
#ifndef NV_GATEWAY_TRACES_SQLITE_H
#define NV_GATEWAY_TRACES_SQLITE_H

#include "base/late.h"

#include <sqlite3.h>

/* X(name): sqlite3_<name> */
#define NV_SQLITE_TABLE(X)                                                                     \
    X(bind_double)                                                                             \
    X(bind_int64)                                                                              \
    X(bind_null)                                                                               \
    X(bind_text64)                                                                             \
    X(busy_timeout)                                                                            \
    X(clear_bindings)                                                                          \
    X(close)                                                                                   \
    X(column_bytes)                                                                            \
    X(column_double)                                                                           \
    X(column_int64)                                                                            \
    X(column_text)                                                                             \
    X(column_type)                                                                             \
    X(errcode)                                                                                 \
    X(errmsg)                                                                                  \
    X(exec)                                                                                    \
    X(finalize)                                                                                \
    X(last_insert_rowid)                                                                       \
    X(libversion)                                                                              \
    X(open_v2)                                                                                 \
    X(prepare_v2)                                                                              \
    X(progress_handler)                                                                        \
    X(reset)                                                                                   \
    X(step)

struct nv_sqlite {
#define NV_SQLITE_FIELD(name) __typeof__(&sqlite3_##name) name;
    NV_SQLITE_TABLE(NV_SQLITE_FIELD)
#undef NV_SQLITE_FIELD
};

/* Pointers, set since nv_sqlite_load was NV_OK. */
extern struct nv_sqlite nv_sqlite;

/* Loads it, once. NV_ERR_CONFIG with `fail` (may be NULL): it is missing. Any thread. */
enum nv_err nv_sqlite_load(struct nv_fail *fail) NV_MUST_USE;

/* clang-format off */
#define sqlite3_bind_double nv_sqlite.bind_double
#define sqlite3_bind_int64 nv_sqlite.bind_int64
#define sqlite3_bind_null nv_sqlite.bind_null
#define sqlite3_bind_text64 nv_sqlite.bind_text64
#define sqlite3_busy_timeout nv_sqlite.busy_timeout
#define sqlite3_clear_bindings nv_sqlite.clear_bindings
#define sqlite3_close nv_sqlite.close
#define sqlite3_column_bytes nv_sqlite.column_bytes
#define sqlite3_column_double nv_sqlite.column_double
#define sqlite3_column_int64 nv_sqlite.column_int64
#define sqlite3_column_text nv_sqlite.column_text
#define sqlite3_column_type nv_sqlite.column_type
#define sqlite3_errcode nv_sqlite.errcode
#define sqlite3_errmsg nv_sqlite.errmsg
#define sqlite3_exec nv_sqlite.exec
#define sqlite3_finalize nv_sqlite.finalize
#define sqlite3_last_insert_rowid nv_sqlite.last_insert_rowid
#define sqlite3_libversion nv_sqlite.libversion
#define sqlite3_open_v2 nv_sqlite.open_v2
#define sqlite3_prepare_v2 nv_sqlite.prepare_v2
#define sqlite3_progress_handler nv_sqlite.progress_handler
#define sqlite3_reset nv_sqlite.reset
#define sqlite3_step nv_sqlite.step
/* clang-format on */

#endif
