/*
 * The running program: configure, start, wait for signals, reload, stop.
 */
#ifndef NV_GATEWAY_COMMANDS_RUN_H
#define NV_GATEWAY_COMMANDS_RUN_H

#include "gateway/commands/cli.h"
#include "gateway/gateway.h"
#include "gateway/config/option_load.h"

/* What a run does besides; each may be false or NULL. */
struct nv_run_extras {
    bool open; /* the page in a browser, where there is one */
    void (*started)(void *ctx, const struct nv_gateway *gateway);
    void (*stopping)(void *ctx); /* before anything is stopped; once, when it was started */
    void *ctx;
};

/*
 * Runs the gateway until a signal ends it; `options` (borrowed) were loaded from `sources`
 * (borrowed), which SIGHUP reads again; `extras` (borrowed) may be NULL. Returns the exit code
 * of cli.h. On the main thread, before any other thread was made.
 */
int nv_run(const struct nv_options *options, const struct nv_option_sources *sources,
           const struct nv_run_extras *extras);
/*
 * Loads `options` (released by the caller in any case) from `sources` and configures the log by
 * them; lines that were kept back are written. False: what is wrong is printed, the exit code
 * is NV_EXIT_USAGE.
 */
bool nv_run_load(struct nv_options *options, const struct nv_option_sources *sources);
/* Configures the log by log.level and log.format. */
void nv_run_configure_log(const struct nv_options *options);
/* Appends what local mode says at its start: addresses and the line to set. Buffer's errors. */
enum nv_err nv_run_write_banner(const struct nv_gateway *gateway, struct nv_buf *buf);
/* Appends the line with the page's address, nothing when there is none. Buffer's errors. */
enum nv_err nv_run_write_page(const struct nv_gateway *gateway, struct nv_buf *buf);
/* Prints "noveum-gateway: WHERE: WHAT" on stderr. */
void nv_run_print_failure(const struct nv_fail *fail);

#endif
