/*
 * The running program.
 *
 * Signals are blocked in every thread and taken one at a time by the main thread, which waits:
 * no handler, nothing async-signal-unsafe, nothing to lose. Only while stopping is a handler
 * set, so that a second SIGTERM or SIGINT ends the process at once; the journal is made for
 * that. One that comes within TOGETHER_MS of the first is the same wish told twice: who ends a
 * process group reaches `make run`, which hands the signal on, and the gateway itself.
 */
#include "gateway/commands/run.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "base/log/log.h"
#include "base/output.h"
#include "base/text/shown.h"
#include "gateway/notices/notices.h"
#include "gateway/process/browser.h"
#include "gateway/process/descriptors.h"
#include "gateway/process/file_watch.h"
#include "gateway/config/memory_budget.h"
#include "gateway/process/memory_trim.h"
#include "gateway/process/notify.h"
#include "gateway/config/option_kafka.h"
#include "gateway/config/option_origins.h"
#include "gateway/config/option_value.h"
#include "gateway/process/progress.h"
#include "gateway/process/scheduling.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/banned.h"

/* After stop.deadline_ms, for what only has to be put away. */
#define LATE_MS 250

/* What make and a supervisor need to hand a signal on, and less than a person to press
 * again. */
#define TOGETHER_MS 500

/*
 * Words of the configuration and of libraries go to a terminal here, before a log exists:
 * shown without control characters, secrets masked, on one line.
 */
void nv_run_print_failure(const struct nv_fail *fail)
{
    const char *what = fail->what[0] != '\0' ? fail->what : nv_err_info(fail->code)->text;
    char text[sizeof fail->path + sizeof fail->what + 64];
    int len = snprintf(text, sizeof text, "%s%s%s", fail->path,
                       fail->path[0] != '\0' ? ": " : "", what);
    assert(len > 0 && (size_t)len < sizeof text);
    (void)fputs("noveum-gateway: ", stderr);
    nv_shown_print(stderr, (struct nv_str){text, nv_mask_text(text, (size_t)len)},
                   NV_SHOWN_LINE);
    (void)fputs("\n", stderr);
}

void nv_run_configure_log(const struct nv_options *options)
{
    static_assert(NV_LOG_DEBUG == 0 && NV_LOG_INFO == 1 && NV_LOG_WARN == 2 &&
                      NV_LOG_ERROR == 3,
                  "log.level: debug|info|warn|error");
    bool text = options->log_format == NV_FORMAT_TEXT ||
                (options->log_format == NV_FORMAT_AUTO && isatty(STDERR_FILENO) == 1);
    nv_log_configure((enum nv_log_level)options->log_level, text ? NV_LOG_TEXT : NV_LOG_JSON);
}

/*
 * Before the log is told its form and level, lines are held back (nv_log_hold in main): a
 * warning about the configuration would otherwise come in the wrong form. A failure lets them
 * go.
 */
bool nv_run_load(struct nv_options *options, const struct nv_option_sources *sources)
{
    struct nv_fail fail = {0};
    bool loaded = nv_options_load(options, sources, &fail) == NV_OK;
    if (loaded) {
        nv_run_configure_log(options);
    } else {
        nv_log_let_go();
        nv_run_print_failure(&fail);
    }
    return loaded;
}

/* ---- banner ------------------------------------------------------------------------------ */

/* An address that clients on this machine can use: 0.0.0.0 and [::] are none. */
static void write_client_url(const char *address, bool tls, struct nv_buf *buf)
{
    struct nv_str text = nv_str_from(address);
    const char *scheme = tls ? "https" : "http";
    static const struct nv_str any[] = {NV_STR_INIT("0.0.0.0:"), NV_STR_INIT("[::]:")};
    for (size_t i = 0; i < 2; i++) {
        if (nv_str_starts(text, any[i])) {
            (void)nv_buf_printf(buf, "%s://localhost:%.*s", scheme,
                                NV_STR_ARG(nv_str_slice(text, any[i].len, text.len)));
            return;
        }
    }
    if (nv_str_starts(text, NV_STR("unix:")))
        (void)nv_buf_append_str(buf, text);
    else
        (void)nv_buf_printf(buf, "%s://%s", scheme, address);
}

/* Of an address that there is none of, nothing: a banner lists what can be used. */
static void write_line(const char *name, const char *address, bool tls, struct nv_buf *buf)
{
    if (!address)
        return;
    (void)nv_buf_printf(buf, "  %-10s ", name);
    write_client_url(address, tls, buf);
    (void)nv_buf_append_char(buf, '\n');
}

enum nv_err nv_run_write_page(const struct nv_gateway *gateway, struct nv_buf *buf)
{
    if (!nv_gateway_has_page(gateway))
        return buf->failed;
    (void)nv_buf_append_str(buf, NV_STR("See your traces: "));
    write_client_url(nv_gateway_admin_address(gateway, 0), false, buf);
    return nv_buf_append_str(buf, NV_STR("/\n\n"));
}

enum nv_err nv_run_write_banner(const struct nv_gateway *gateway, struct nv_buf *buf)
{
    const struct nv_options *options = nv_gateway_options(gateway);
    const char *http = nv_gateway_http_address(gateway, 0);
    bool http_tls = options->receiver_http_tls_cert_file != NULL;
    (void)nv_buf_append_str(buf, NV_STR("noveum-gateway " NOVEUM_VERSION
                                        ", local mode: no API key, nothing leaves this "
                                        "machine\n\n"));
    write_line("OTLP/HTTP", http, http_tls, buf);
    write_line("OTLP/gRPC", nv_gateway_grpc_address(gateway, 0),
               options->receiver_grpc_tls_cert_file != NULL, buf);
    write_line("admin", nv_gateway_admin_address(gateway, 0), false, buf);
    if (options->journal_durability != NV_DURABILITY_MEMORY)
        (void)nv_buf_printf(buf, "  %-10s %s/\n", "journal", options->journal_directory);
    if (options->exporter_file_directory)
        (void)nv_buf_printf(buf, "  %-10s %s/\n", "traces", options->exporter_file_directory);
    if (http) {
        (void)nv_buf_append_str(buf, NV_STR("\nSet in your application, then run it:\n"
                                            "  OTEL_EXPORTER_OTLP_ENDPOINT="));
        write_client_url(http, http_tls, buf);
        (void)nv_buf_append_str(buf, NV_STR("\n  OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n"));
    }
    (void)nv_buf_append_str(
        buf, NV_STR("\nWith NOVEUM_API_KEY set, traces go to Noveum. Ctrl-C stops.\n\n"));
    return nv_run_write_page(gateway, buf);
}

static void print_banner(const struct nv_gateway *gateway)
{
    struct nv_buf text;
    nv_buf_init(&text, NV_CAP_HELP);
    if (nv_gateway_is_local(gateway) && nv_run_write_banner(gateway, &text) == NV_OK)
        (void)nv_mask_print(&text, nv_output_stdout());
    nv_buf_release(&text);
}

/*
 * A browser that can't be started is no failure of the gateway: the page is there without it,
 * and in local mode the banner has its address.
 */
static void open_page(const struct nv_gateway *gateway)
{
    struct nv_buf url;
    nv_buf_init(&url, NV_CAP_HELP);
    if (nv_gateway_has_page(gateway)) {
        write_client_url(nv_gateway_admin_address(gateway, 0), false, &url);
        if (nv_buf_append(&url, "/", 2) == NV_OK)
            (void)nv_browser_open(url.bytes);
    }
    nv_buf_release(&url);
}

/* ---- signals ----------------------------------------------------------------------------- */

/*
 * Before any thread is made, since threads inherit the mask: a signal that found one thread
 * with another mask would run the default, which is to end without a drain.
 */
static void block_signals(sigset_t *set)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    (void)sigemptyset(set);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)sigaddset(set, signals[i]);
    int failed = pthread_sigmask(SIG_BLOCK, set, NULL);
    assert(failed == 0);
    (void)failed;
    /* a client that goes away is an error of its write, not the end of the gateway */
    (void)signal(SIGPIPE, SIG_IGN);
}

/* When the stop began. Written before the handler is set, only read by it. */
static struct timespec stopping_since;

static void end_at_once(int signal)
{
    struct timespec now;
    (void)signal;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (long)(now.tv_sec - stopping_since.tv_sec) * 1000 +
              (now.tv_nsec - stopping_since.tv_nsec) / 1000000;
    if (ms >= TOGETHER_MS)
        _exit(NV_EXIT_OK);
}

/* What becomes of traces that a stop leaves undelivered. Static. */
static const char *fate_of_rest(const struct nv_gateway *gateway)
{
    return nv_gateway_options(gateway)->journal_durability == NV_DURABILITY_MEMORY
               ? "what was not delivered is lost: there is no journal"
               : "the journal keeps what was not delivered";
}

/* As stopping_since: written before the handler is set. */
static const char *fate_when_late;

/* The last resort: whatever does not end, the journal is made for that. */
static void end_late(int signal)
{
    nv_output_write_now(STDERR_FILENO, NV_STR("noveum-gateway: stop.deadline_ms is over, "));
    nv_output_write_now(STDERR_FILENO, nv_str_from(fate_when_late));
    nv_output_write_now(STDERR_FILENO, NV_STR("\n"));
    (void)signal;
    _exit(NV_EXIT_OK);
}

/*
 *   SIGTERM ──▶ drain ── stop.deadline_ms ──▶ put away ── LATE_MS ──▶ SIGALRM: _exit
 *
 * A timer of the kernel and not a thread: what hangs may hold any lock, and what ends the
 * process then may take none. With a journal nothing accepted is lost by it, only delivered
 * later; without one (journal.durability: memory) what is left is lost, and the line says so.
 */
static void arm_deadline(const struct nv_gateway *gateway)
{
    const uint64_t ms = nv_gateway_options(gateway)->stop_deadline_ms + LATE_MS;
    const struct itimerval timer = {.it_value = {.tv_sec = (time_t)(ms / 1000),
                                                 .tv_usec = (suseconds_t)(ms % 1000 * 1000)}};
    const struct sigaction action = {.sa_handler = end_late};
    fate_when_late = fate_of_rest(gateway);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * stopping_since is written while the signals are still blocked, so that no handler sees half
 * of it. SIGHUP is ignored from here on: a reload of what is being taken down helps nobody.
 */
static void arm_second_signal(const sigset_t *set)
{
    struct sigaction action = {.sa_handler = end_at_once, .sa_flags = SA_RESTART};
    (void)clock_gettime(CLOCK_MONOTONIC, &stopping_since);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)signal(SIGHUP, SIG_IGN);
    (void)pthread_sigmask(SIG_UNBLOCK, set, NULL);
}

/* ---- reload ------------------------------------------------------------------------------ */

/* The options of the last reload; those of the start stay, the stages may point into them. */
struct reloaded {
    struct nv_options *options;
};

static void free_options(struct nv_options *options)
{
    if (options)
        nv_options_release(options);
    free(options);
}

/*
 *   load ─┬─ wrong ─▶ said, nothing changed: a typo must not take a gateway down
 *         └─ good ──▶ log ▸ gateway takes over what can change ▸ those of the last reload go
 *
 * The options are loaded whole and from the same sources as at the start, environment too, so
 * that a reload and a restart come to the same. READY=1 follows in every case: systemd waits
 * for it.
 */
static void reload(struct nv_gateway *gateway, const struct nv_option_sources *sources,
                   struct reloaded *reloaded)
{
    struct nv_fail fail = {0};
    struct nv_options *options = calloc(1, sizeof *options);
    (void)nv_notify("RELOADING=1");
    enum nv_err err =
        options == NULL ? NV_ERR_NO_MEMORY : nv_options_load(options, sources, &fail);
    if (err != NV_OK) {
        NV_LOG(NV_LOG_ERROR, "gateway", "reload refused, nothing changed: %s%s%s", fail.path,
               fail.path[0] != '\0' ? ": " : "",
               fail.what[0] != '\0' ? fail.what : nv_err_info(err)->text);
        free_options(options);
        (void)nv_notify("READY=1");
        return;
    }
    nv_run_configure_log(options);
    err = nv_gateway_reload(gateway, options, &fail);
    free_options(reloaded->options);
    reloaded->options = options;
    if (err != NV_OK) {
        NV_LOG(NV_LOG_ERROR, "gateway", "reloaded but for tokens or certificates: %s",
               fail.what);
    } else {
        NV_LOG(NV_LOG_INFO, "gateway", "configuration reloaded");
    }
    (void)nv_notify("READY=1");
}

struct watched {
    const char *paths[NV_FILE_WATCH_MAX]; /* borrowed from the options in force */
    struct nv_file_watch watch;
};

/*
 * Anew after a reload, which may have named other files. The paths are borrowed from the
 * options in force, which live until the reload after.
 */
static void watch(struct watched *watched, const struct nv_gateway *gateway)
{
    const struct nv_options *options = nv_gateway_options(gateway);
    const char *const paths[NV_FILE_WATCH_MAX] = {
        options->receiver_http_tls_cert_file,      options->receiver_http_tls_key_file,
        options->receiver_http_tls_client_ca_file, options->receiver_grpc_tls_cert_file,
        options->receiver_grpc_tls_key_file,       options->receiver_grpc_tls_client_ca_file,
        options->receiver_auth_tokens_file};

    memcpy(watched->paths, paths, sizeof paths);
    nv_file_watch_init(&watched->watch, watched->paths);
}

/* Certificates and tokens are renewed by others, and a container has no shell to send a
 * signal. */
static void look_at_files(struct nv_gateway *gateway, struct watched *watched)
{
    struct nv_fail fail = {0};

    if (!nv_file_watch_look(&watched->watch, watched->paths))
        return;
    if (nv_gateway_reload(gateway, nv_gateway_options(gateway), &fail) != NV_OK) {
        NV_LOG(NV_LOG_ERROR, "gateway", "changed tokens or certificates not taken over: %s",
               fail.what);
    } else {
        NV_LOG(NV_LOG_INFO, "gateway", "changed tokens or certificates taken over");
    }
}

/*
 *   sigtimedwait ─┬─ a look's time is over ─▶ watchdog, notices, now and then memory and files
 *                 ├─ SIGHUP ────────────────▶ reload
 *                 └─ SIGTERM, SIGINT ───────▶ back, to stop
 *
 * The watchdog is told only when the shards get on (nv_gateway_look): a supervisor that hears
 * from the main thread alone would keep a gateway whose shards hang.
 */
static int wait_for_end(struct nv_gateway *gateway, const sigset_t *set,
                        const struct nv_option_sources *sources, struct reloaded *reloaded,
                        const struct nv_admin_source *source)
{
    const struct timespec look = {.tv_sec = NV_PROGRESS_LOOK_S};
    struct nv_memory_trim trim = {0};
    struct nv_notices notices = {0};
    struct watched watched;
    watch(&watched, gateway);
    for (unsigned looks = 1;; looks++) {
        int got = sigtimedwait(set, NULL, &look);
        if (nv_gateway_look(gateway))
            (void)nv_notify_watchdog();
        nv_notices_look(&notices, source, nv_clock_mono_ns(nv_clock_system()));
        if (got >= 0 && got != SIGHUP)
            return got;
        if (got == SIGHUP) {
            reload(gateway, sources, reloaded);
            watch(&watched, gateway);
        } else if (looks % (NV_MEMORY_TRIM_LOOK_S / NV_PROGRESS_LOOK_S) == 0) {
            nv_memory_trim_look(&trim);
            look_at_files(gateway, &watched);
        }
    }
}

/* ---- the whole of it --------------------------------------------------------------------- */

/*
 * A shard that does not end owns memory that others point to: then nothing is freed, and the
 * process ends. Otherwise all is freed, which is how leaks show under a sanitizer, and the
 * timer is taken back before main returns.
 */
static void stop(struct nv_gateway *gateway, const sigset_t *set, int code)
{
    const struct itimerval never = {0};
    arm_second_signal(set);
    arm_deadline(gateway);
    nv_gateway_stop(gateway);
    if (nv_gateway_is_stuck(gateway)) {
        NV_LOG(NV_LOG_ERROR, "gateway", "a shard did not end in time, %s",
               fate_of_rest(gateway));
        _exit(code);
    }
    nv_gateway_free(gateway);
    (void)setitimer(ITIMER_REAL, &never, NULL);
}

/*
 * Three failures that nearly every installation meets once get the command that mends them: a
 * port in use, a journal that another gateway has, a directory of somebody else.
 */
static int fail_to_start(struct nv_gateway *gateway, enum nv_err err, struct nv_fail *fail,
                         const sigset_t *set)
{
    fail->code = err;
    nv_run_print_failure(fail);
    if (strstr(fail->what, "in use") && strstr(fail->path, ".listen")) {
        (void)fprintf(stderr,
                      "noveum-gateway: `ss -ltnp` shows who has it; another address: --set "
                      "%s=127.0.0.1:0 (any free port)\n",
                      fail->path);
    }
    if (err == NV_ERR_LOCKED) {
        (void)fprintf(
            stderr,
            "noveum-gateway: stop the other one (`ps -C noveum-gateway` shows it), or "
            "name another directory: --set %s=DIR\n",
            fail->path);
    } else if (strstr(fail->path, ".directory")) {
        (void)fprintf(stderr,
                      "noveum-gateway: give the directory to this user (chown; in Kubernetes "
                      "securityContext.fsGroup), or name another one: --set %s=DIR\n",
                      fail->path);
    }
    if (gateway)
        stop(gateway, set, nv_exit_code_of(err));
    return nv_exit_code_of(err);
}

static void begin_extras(const struct nv_run_extras *extras, const struct nv_gateway *gateway)
{
    if (extras->open)
        open_page(gateway);
    if (extras->started)
        extras->started(extras->ctx, gateway);
}

/*
 *   signals ▸ origins ▸ memory ▸ descriptors ▸ new ▸ start ▸ banner ▸ READY=1 ▸ extras
 *           ... wait ...
 *   extras ▸ STOPPING=1 ▸ last notices ▸ stop ▸ options of the last reload
 *
 * The order is of dependencies: nothing is bound before everything was checked, and READY=1
 * is said when clients are served, not when we hope so.
 */
int nv_run(const struct nv_options *options, const struct nv_option_sources *sources,
           const struct nv_run_extras *extras)
{
    static const struct nv_run_extras none;
    assert(options != NULL && sources != NULL);
    if (!extras)
        extras = &none;
    sigset_t set;
    struct nv_fail fail = {0};
    struct nv_gateway *gateway = NULL;
    struct reloaded reloaded = {0};
    struct nv_admin_source source;
    /* keys and contents of prompts live in this memory: no core files, no ptrace by others */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    block_signals(&set);
    nv_options_log_origins(options);
    nv_memory_budget_begin(options);
    (void)nv_descriptors_raise();
    (void)nv_scheduling_as_batch();
    enum nv_err err = nv_gateway_new(options, &fail, &gateway);
    if (err == NV_OK)
        err = nv_gateway_start(gateway, &fail);
    if (err != NV_OK)
        return fail_to_start(gateway, err, &fail, &set);
    print_banner(gateway);
    NV_LOG(NV_LOG_INFO, "gateway", "started version=%s mode=%s role=%s", NOVEUM_VERSION,
           nv_gateway_is_local(gateway) ? "local" : "noveum", nv_role_name(options->role));
    (void)nv_notify("READY=1");
    nv_gateway_source(gateway, &source);
    begin_extras(extras, gateway);
    int got = wait_for_end(gateway, &set, sources, &reloaded, &source);
    if (extras->stopping)
        extras->stopping(extras->ctx);
    (void)nv_notify("STOPPING=1");
    NV_LOG(NV_LOG_INFO, "gateway", "stopping signal=%s", got == SIGINT ? "SIGINT" : "SIGTERM");
    nv_notices_stop(&source);
    stop(gateway, &set, NV_EXIT_OK);
    free_options(reloaded.options);
    NV_LOG(NV_LOG_INFO, "gateway", "stopped");
    return NV_EXIT_OK;
}
