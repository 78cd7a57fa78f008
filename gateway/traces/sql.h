/*
 * SQLite, as much of it as the store of traces needs: the only room that knows the library.
 *
 *   open ──▶ run "CREATE ..."          prepare ──▶ bind ──▶ step, step, ... ──▶ reset ──┐
 *     └────▶ close                                  ▲                                   │
 *                                                   └───────────────────────────────────┘
 *
 * A connection and its queries belong to one thread at a time. Texts are bound as values, never
 * pasted into SQL. Binding errors show at the next step.
 */
#ifndef NV_GATEWAY_TRACES_SQL_H
#define NV_GATEWAY_TRACES_SQL_H

#include "base/error.h"
#include "base/str.h"

struct nv_sql;
struct nv_sql_query;

/*
 * Opens the file at `path`, made with mode 0600 when it is not there; `":memory:"` keeps none.
 * `reads_only`: the connection writes nothing. The file's own views and triggers are not
 * trusted. *out is new. NV_ERR_IO with `fail`,
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_sql_open(const char *path, bool reads_only, struct nv_fail *fail,
                        struct nv_sql **out) NV_MUST_USE;
/* Version of the library. Static. */
const char *nv_sql_library(void);
/* Closes it; its queries must be finished. NULL is allowed. */
void nv_sql_close(struct nv_sql *sql);
/* Ends a step with NV_ERR_TIMEOUT that takes longer than `ms` from now; 0: no limit. */
void nv_sql_limit(struct nv_sql *sql, uint32_t ms);
/* Runs statements that give no rows. NV_ERR_IO, NO_SPACE, LOCKED, NO_MEMORY, TIMEOUT. */
enum nv_err nv_sql_run(struct nv_sql *sql, const char *text) NV_MUST_USE;
/* What the last failed call said. Borrowed until the next call. */
const char *nv_sql_message(const struct nv_sql *sql);
/* Did the last failed call find the file damaged? It was a database. */
bool nv_sql_is_damaged(const struct nv_sql *sql);
/* Row id of the last insert of this connection. */
int64_t nv_sql_last_id(const struct nv_sql *sql);

/* New query of one statement. Errors as nv_sql_run. */
enum nv_err nv_sql_prepare(struct nv_sql *sql, const char *text,
                           struct nv_sql_query **out) NV_MUST_USE;
/* Frees it. NULL is allowed. */
void nv_sql_finish(struct nv_sql_query *query);
/* Binds parameter `at` (from 1). */
void nv_sql_bind_int(struct nv_sql_query *query, int at, int64_t value);
/* The same; a negative value is bound as NULL: not known. */
void nv_sql_bind_known(struct nv_sql_query *query, int at, double value);
/* The same of any number. */
void nv_sql_bind_double(struct nv_sql_query *query, int at, double value);
/* The same of text, borrowed until reset; without a pointer NULL is bound. */
void nv_sql_bind_text(struct nv_sql_query *query, int at, struct nv_str value);
/* The next row: *row says whether there is one. Errors as nv_sql_run. */
enum nv_err nv_sql_step(struct nv_sql_query *query, bool *row) NV_MUST_USE;
/* Steps a statement that gives no row, and resets it. Errors likewise. */
enum nv_err nv_sql_do(struct nv_sql_query *query) NV_MUST_USE;
/* Back before the first row; parameters are unbound. */
void nv_sql_reset(struct nv_sql_query *query);
/* Is column `at` (from 0) of the row NULL? */
bool nv_sql_is_null(struct nv_sql_query *query, int at);
/* The column as an integer. */
int64_t nv_sql_int(struct nv_sql_query *query, int at);
/* The column as a number. */
double nv_sql_double(struct nv_sql_query *query, int at);
/* The column as text, borrowed until the next step or reset. */
struct nv_str nv_sql_text(struct nv_sql_query *query, int at);

#endif
