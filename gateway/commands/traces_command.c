/*
 * The store for people at a terminal and for scripts.
 *
 *   list, search ▸ nv_trace_list_write ▸ JSON rows ▸ table (traces_table.h), or a line each
 *   show         ▸ nv_find_ids ▸ body ▸ stored trace ▸ tree, or its JSON
 *   follow       ▸ inotify on the directory ▸ traces after the last row ▸ as show
 *   export       ▸ all bodies, a line each
 *
 * What is in the store was redacted before it came there, so nothing is redacted here; secrets
 * of this process are masked as in all output. follow opens the store for each look: it may be
 * made anew by a gateway of another version meanwhile.
 */
#include "gateway/commands/traces_command.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "base/text/shown.h"
#include "gateway/commands/run.h"
#include "gateway/commands/traces_table.h"
#include "gateway/traces/trace_find.h"
#include "gateway/traces/trace_list.h"
#include "gateway/traces/trace_look.h"
#include "gateway/view/line.h"
#include "gateway/view/stored_trace.h"
#include "gateway/view/terminal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/banned.h"

/* A look without an event: of file systems that tell of none. */
#define LOOK_MS 2000

struct asked {
    const struct nv_options *options;
    const struct nv_cli *cli;
    bool json;
    struct nv_terminal terminal;
    int64_t last;      /* of follow: the newest row that was printed */
    size_t unreadable; /* traces that could not be shown */
};

/* ---- store ------------------------------------------------------------------------------- */

/*
 * Opened to be read: a gateway that writes beside it is not held up (SQLite's WAL), and a
 * command that is killed leaves nothing behind. That there is no store, and that there is
 * none yet, want different things of a person.
 */
enum nv_err nv_traces_open_store(const struct nv_options *options, struct nv_fail *fail,
                                 struct nv_sql **out)
{
    *out = NULL;
    if (!options->store_file) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "there is no local store in this configuration: local mode (no API "
                           "key) and admin.ui keep one, store.file names it");
    }
    if (access(options->store_file, F_OK) != 0 && errno == ENOENT) {
        return nv_fail_set(fail, NV_ERR_NOT_FOUND, 0,
                           "no store at \"%.300s\" yet: a gateway makes it when it starts with "
                           "the same configuration, in the same directory",
                           options->store_file);
    }
    return nv_sql_open(options->store_file, true, fail, out);
}

/* SQLite's own words, when nobody had better ones. */
static int fail_with(enum nv_err err, struct nv_fail *fail, const struct nv_sql *sql)
{
    if (err == NV_OK)
        return NV_EXIT_OK;
    if (fail->what[0] == '\0' && sql)
        (void)nv_fail_set(fail, err, 0, "can't read the store: %.200s", nv_sql_message(sql));
    fail->code = err;
    nv_run_print_failure(fail);
    return err == NV_ERR_CONFIG ? NV_EXIT_USAGE : NV_EXIT_FAILED;
}

/* ---- list, search ------------------------------------------------------------------------ */

/* The words of a search, joined: each is found literally. */
static enum nv_err join_words(const struct nv_cli *cli, struct nv_buf *out)
{
    for (size_t i = 0; i < cli->argument_count; i++) {
        (void)nv_buf_append_str(out, i > 0 ? NV_STR(" ") : NV_STR(""));
        (void)nv_buf_append_str(out, nv_str_from(cli->arguments[i]));
    }
    return out->failed;
}

static void make_filter(const struct nv_cli *cli, struct nv_str search,
                        struct nv_trace_filter *filter)
{
    *filter = (struct nv_trace_filter){
        .search = search, .limit = cli->limit > 0 ? cli->limit : NV_TRACES_LIMIT_DEFAULT};
    if (cli->given[NV_CLI_SESSION])
        filter->names[NV_MENTION_SESSION] = nv_str_from(cli->given[NV_CLI_SESSION]);
    if (cli->given[NV_CLI_ERRORS])
        filter->names[NV_MENTION_STATUS] = NV_STR("error");
}

static void print_buf(struct nv_buf *text, enum nv_shown_form form)
{
    nv_mask_buf(text);
    nv_shown_print(stdout, nv_buf_str(text), form);
}

/*
 *   words ─▶ filter ─▶ the list's JSON, as the page gets it ─▶ lines | table
 *
 * Nothing found is said on stderr and is exit code 0: an empty list is an answer.
 */
static int list(struct asked *asked, struct nv_sql *sql)
{
    struct nv_trace_filter filter;
    struct nv_fail fail = {0};
    struct nv_buf words, rows, text;
    nv_buf_init(&words, NV_SEARCH_BYTES_MAX);
    nv_buf_init(&rows, NV_CAP_API_ANSWER);
    nv_buf_init(&text, NV_CAP_API_ANSWER);
    enum nv_err err = join_words(asked->cli, &words);
    if (err == NV_ERR_LIMIT) {
        err = nv_fail_set(&fail, NV_ERR_CONFIG, 0, "a search is at most %u bytes",
                          NV_SEARCH_BYTES_MAX);
    }
    make_filter(asked->cli, nv_buf_str(&words), &filter);
    if (err == NV_OK)
        err = nv_trace_list_write(sql, &filter, &rows);
    if (err == NV_ERR_CONFIG && fail.what[0] == '\0')
        (void)nv_fail_set(&fail, err, 0, "a search has at most %u words", NV_SEARCH_TERMS_MAX);
    if (err == NV_OK) {
        err = asked->json ? nv_traces_table_lines(nv_buf_str(&rows), &text)
                          : nv_traces_table_write(nv_buf_str(&rows), &asked->terminal, &text);
    }
    if (err == NV_OK && text.len == 0)
        (void)fputs("noveum-gateway: no traces\n", stderr);
    if (err == NV_OK && asked->json)
        print_buf(&text, NV_SHOWN_JSON);
    else if (err == NV_OK)
        (void)nv_mask_print(&text, nv_output_stdout());
    nv_buf_release(&words);
    nv_buf_release(&rows);
    nv_buf_release(&text);
    return fail_with(err, &fail, sql);
}

/* ---- show, follow, export ---------------------------------------------------------------- */

static void print_json(struct nv_str json)
{
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_API_ANSWER);
    (void)nv_buf_append_str(&text, json);
    if (nv_buf_append_char(&text, '\n') == NV_OK)
        print_buf(&text, NV_SHOWN_JSON);
    nv_buf_release(&text);
}

static enum nv_err print_tree(const struct asked *asked, struct nv_str json)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_STORE_ARENA);
    struct nv_trace trace;
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_COMMAND_TEXT);
    enum nv_err err = arena ? nv_stored_trace_read(arena, json, &trace) : NV_ERR_NO_MEMORY;
    if (err == NV_OK)
        err = nv_terminal_write(&asked->terminal, &trace, &text);
    if (err == NV_OK)
        (void)nv_mask_print(&text, nv_output_stdout());
    nv_buf_release(&text);
    nv_arena_free(arena);
    return err;
}

static enum nv_err print_trace(const struct asked *asked, struct nv_str json)
{
    if (!asked->json)
        return print_tree(asked, json);
    print_json(json);
    return NV_OK;
}

/* Which one is meant, when the store holds several that begin so. */
static enum nv_err name_all(const struct nv_found_ids *found, const char *prefix,
                            struct nv_fail *fail)
{
    char ids[NV_FIND_MAX * (NV_FIND_ID_BYTES + 2) + 1] = "";
    size_t len = 0;
    for (size_t i = 0; i < found->count; i++) {
        len += (size_t)snprintf(ids + len, sizeof ids - len, "%s%s", i > 0 ? ", " : "",
                                found->ids[i]);
        assert(len < sizeof ids);
    }
    return nv_fail_set(fail, NV_ERR_CONFIG, 0, "several traces begin with \"%.40s\": %s",
                       prefix, ids);
}

static enum nv_err find_one(struct nv_sql *sql, const char *prefix, struct nv_found_ids *found,
                            struct nv_fail *fail)
{
    enum nv_err err = nv_find_ids(sql, nv_str_from(prefix), found);
    if (err != NV_OK)
        return err;
    if (found->count > 1)
        return name_all(found, prefix, fail);
    if (found->count == 0) {
        return nv_fail_set(fail, NV_ERR_NOT_FOUND, 0,
                           "no trace in the store begins with \"%.40s\": \"traces list\" shows "
                           "ids, a trace that still waits is not there yet",
                           prefix);
    }
    return NV_OK;
}

/* One trace by its id, as tree or as JSON. */
static int show(struct asked *asked, struct nv_sql *sql)
{
    struct nv_found_ids found;
    struct nv_fail fail = {0};
    struct nv_buf json;
    nv_buf_init(&json, NV_CAP_API_ANSWER);
    enum nv_err err = find_one(sql, asked->cli->arguments[0], &found, &fail);
    if (err == NV_OK)
        err = nv_look_trace(sql, nv_str_from(found.ids[0]), &json);
    if (err == NV_OK)
        err = print_trace(asked, nv_buf_str(&json));
    nv_buf_release(&json);
    return fail_with(err, &fail, sql);
}

/*
 * Goes on as long as somebody reads: `traces export | head` ends here, not at the last trace.
 */
static bool export_one(void *ctx, int64_t id, struct nv_str json)
{
    (void)ctx;
    (void)id;
    print_json(json);
    return ferror(stdout) == 0;
}

static int export_all(struct asked *asked, struct nv_sql *sql)
{
    struct nv_fail fail = {0};
    const char *session = asked->cli->given[NV_CLI_SESSION];
    asked->json = true;
    if (asked->cli->argument_count > 0)
        return show(asked, sql);
    struct nv_str name = session ? nv_str_from(session) : (struct nv_str){0};
    enum nv_err err = nv_find_each(sql, 0, name, export_one, NULL);
    return fail_with(err, &fail, sql);
}

/* ---- follow ------------------------------------------------------------------------------ */

static bool follow_one(void *ctx, int64_t id, struct nv_str json)
{
    struct asked *asked = ctx;
    asked->last = id;
    if (print_trace(asked, json) != NV_OK)
        asked->unreadable++;
    return fflush(stdout) == 0;
}

/* Prints what is new. A store that is gone, or begins anew, is looked at from its start. */
static enum nv_err look(struct asked *asked, struct nv_fail *fail)
{
    struct nv_sql *sql = NULL;
    int64_t last = 0;
    enum nv_err err = nv_traces_open_store(asked->options, fail, &sql);
    if (err == NV_OK)
        err = nv_find_last(sql, &last);
    if (err == NV_OK && last < asked->last)
        asked->last = 0;
    if (err == NV_OK && last > asked->last)
        err = nv_find_each(sql, asked->last, (struct nv_str){0}, follow_one, asked);
    nv_sql_close(sql);
    return err;
}

/*
 * The directory, because the file may be replaced, and because SQLite writes into files
 * beside it first (-wal). No inotify, or a full one, is no failure: then a look each LOOK_MS
 * finds what is new.
 */
static int watch_directory(const char *file)
{
    char directory[4096];
    const char *slash = strrchr(file, '/');
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    (void)snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - file) : 1,
                   slash ? file : ".");
    if (fd >= 0)
        (void)inotify_add_watch(fd, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    return fd;
}

/* Waits until something was written beside the store; false: nobody reads any more. */
static bool wait_for_more(int watch)
{
    char events[4096];
    struct pollfd fds[] = {{.fd = watch, .events = POLLIN}, {.fd = STDOUT_FILENO, .events = 0}};
    if (poll(fds, 2, LOOK_MS) < 0 && errno != EINTR)
        return false;
    while (watch >= 0 && read(watch, events, sizeof events) > 0)
        continue;
    return (fds[1].revents & (POLLERR | POLLNVAL)) == 0;
}

/*
 * Starts behind what is there: who follows wants what comes. A store that is gone or locked
 * for a moment is a gateway that restarts, and is waited for; it ends when stdout's reader
 * does.
 */
static int follow(struct asked *asked, struct nv_sql *sql)
{
    struct nv_fail fail = {0};
    enum nv_err err = nv_find_last(sql, &asked->last);
    if (err != NV_OK)
        return fail_with(err, &fail, sql);
    int watch = watch_directory(asked->options->store_file);
    (void)fputs("noveum-gateway: waiting for traces, Ctrl-C ends\n", stderr);
    /* a look before each wait: what came between the two is not missed */
    do
        err = look(asked, &fail);
    while ((err == NV_OK || err == NV_ERR_NOT_FOUND || err == NV_ERR_LOCKED) &&
           wait_for_more(watch));
    if (watch >= 0)
        (void)close(watch);
    return err == NV_ERR_NOT_FOUND || err == NV_ERR_LOCKED ? NV_EXIT_OK
                                                           : fail_with(err, &fail, NULL);
}

/* ---- the command ------------------------------------------------------------------------- */

static int run(struct asked *asked, struct nv_sql *sql)
{
    switch (asked->cli->command) {
    case NV_COMMAND_TRACES_SHOW:
        return show(asked, sql);
    case NV_COMMAND_TRACES_FOLLOW:
        return follow(asked, sql);
    case NV_COMMAND_TRACES_EXPORT:
        return export_all(asked, sql);
    default:
        return list(asked, sql);
    }
}

int nv_command_traces(const struct nv_options *options, const struct nv_cli *cli)
{
    struct nv_fail fail = {0};
    struct nv_sql *sql = NULL;
    struct asked asked = {.options = options,
                          .cli = cli,
                          .json = cli->given[NV_CLI_JSON] != NULL,
                          .terminal = {.color = nv_terminal_colored(options, STDOUT_FILENO),
                                       .all = cli->given[NV_CLI_ALL] != NULL,
                                       .columns = nv_line_columns(STDOUT_FILENO)}};
    enum nv_err err = nv_traces_open_store(options, &fail, &sql);
    if (err != NV_OK)
        return fail_with(err, &fail, NULL);
    int code = run(&asked, sql);
    nv_sql_close(sql);
    return code;
}
