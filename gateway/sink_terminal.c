/*
 * The one that only looks: each trace as a tree on standard output (gateway/view/).
 *
 * Always open, because `terminal.traces` may change by a reload; while it is off a trace costs
 * one look at a flag. The text is made on the shard's thread and written by one call, so that
 * traces of two shards don't mix. A trace that there is no memory to show, or that a terminal
 * does not take, is not shown: it is kept all the same.
 */
#include "gateway/sinks.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "base/output.h"
#include "exporter/encode/encode.h"
#include "gateway/view/line.h"
#include "gateway/view/terminal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

struct screen {
    struct nv_terminal terminal;
    atomic_bool shows;
};

static bool always(const struct nv_options *options)
{
    (void)options;
    return true;
}

static bool shows_traces(const struct nv_options *options)
{
    if (options->terminal_traces == NV_TERMINAL_AUTO)
        return nv_options_local(options);
    return options->terminal_traces == NV_TERMINAL_ON;
}

static void show(void *ctx, const struct nv_trace *trace)
{
    struct screen *screen = ctx;
    if (!atomic_load(&screen->shows))
        return;
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_TERMINAL_TRACE);
    struct nv_terminal terminal = screen->terminal;
    terminal.columns = nv_line_columns(STDOUT_FILENO); /* windows change their size */
    if (nv_terminal_write(&terminal, trace, &text) == NV_OK)
        (void)nv_mask_print(&text, nv_output_stdout());
    nv_buf_release(&text);
}

static void reload(struct nv_sink *sink, const struct nv_options *options)
{
    struct screen *screen = sink->ctx;
    atomic_store(&screen->shows, shows_traces(options));
}

static enum nv_err open_terminal(const struct nv_sink_needs *needs, struct nv_fail *fail,
                                 struct nv_sink *out)
{
    const struct nv_options *options = needs->options;
    struct screen *screen = calloc(1, sizeof *screen);
    if (!screen)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    screen->terminal =
        (struct nv_terminal){.color = nv_terminal_colored(options, STDOUT_FILENO),
                             .hex_ids = options->exporter_noveum_trace_id == NV_TRACE_ID_HEX,
                             .file_directory = options->exporter_file_directory};
    atomic_store(&screen->shows, shows_traces(options));
    *out = (struct nv_sink){.name = "terminal", .ctx = screen, .observe = show, .free = free};
    return NV_OK;
}

const struct nv_sink_row nv_sink_terminal = {
    .wanted = always, .open = open_terminal, .reload = reload};
