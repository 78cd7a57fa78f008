/*
 * The demo is the program as it always runs, with other options: no key, whatever the
 * environment holds, ports that are free, and all it writes in a directory of its own.
 * Nobody's traces are mixed with it, and a gateway that runs already is not in its way.
 *
 *   settings[] ─▶ --set of the demo, then those of the caller ─▶ nv_run
 *                                                                 │ started
 *   captures ──OTLP/HTTP──▶ the door ◀──── player's thread ◀──────┤
 *                                                                 │ stopping: the thread first
 *   directory below TMPDIR ── made before ────────────────────── removed after
 *
 * What is played goes through the door and not into the store: what a person sees then is
 * what the gateway does, and a demo that works says that the installation does, too.
 *
 * Rejected: recorded answers of the page's API. They would have to be kept in step by hand,
 * and would show what some earlier version made of the captures.
 */
#include "gateway/commands/demo.h"

#include "base/limits.h"
#include "base/log/log.h"
#include "base/output.h"
#include "gateway/commands/cli.h"
#include "gateway/commands/run.h"
#include "gateway/demo/player.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* A list that grows while one looks at it. */
#define PAUSE_MS 400
#define DIRECTORY_SIZE 256
#define SET_SIZE (DIRECTORY_SIZE + 64)
#define OPEN_FILES 8

/* What the demo sets; %s is its directory. */
static const char *const settings[] = {
    "exporter.noveum.api_key=",
    "journal.directory=%s/journal",
    "exporter.file.directory=%s",
    "journal.durability=os",
    "receiver.http.listen=127.0.0.1:0",
    "receiver.grpc.listen=none",
    "admin.listen=127.0.0.1:0",
    "terminal.traces=off",
    "log.level=warn",
};
#define SETTINGS (sizeof settings / sizeof settings[0])

struct demo {
    struct nv_demo_player *player;
    const struct nv_gateway *gateway;
};

/*
 * Called on the player's thread. The address of the page comes last, below what was played,
 * where the eye is; stdout is the program's own, so each line is written at once.
 */
static void say(void *ctx, const char *line)
{
    struct demo *demo = ctx;
    struct nv_buf text;

    nv_buf_init(&text, NV_CAP_HELP);
    if (line[0] != '\0')
        (void)nv_buf_printf(&text, "  played %s\n", line);
    else
        (void)nv_run_write_page(demo->gateway, &text);
    if (text.failed == NV_OK)
        (void)nv_output_write(nv_output_stdout(), nv_buf_str(&text));
    nv_buf_release(&text);
}

/*
 * The address is known only now, since the port was any that is free. A demo without a player
 * is a gateway that runs: it says so and goes on, because traces may be sent to it by hand.
 */
static void started(void *ctx, const struct nv_gateway *gateway)
{
    struct demo *demo = ctx;
    struct nv_fail fail = {0};
    demo->gateway = gateway;
    const struct nv_demo_config config = {.address = nv_gateway_http_address(gateway, 0),
                                          .pause_ms = PAUSE_MS,
                                          .clock = nv_clock_system(),
                                          .said = say,
                                          .ctx = demo};
    if (!config.address)
        (void)nv_fail_set(&fail, NV_ERR_CONFIG, 0, "receiver.http.listen is none");
    if (!config.address || nv_demo_player_start(&config, &fail, &demo->player) != NV_OK)
        NV_LOG(NV_LOG_ERROR, "demo", "nothing is played: %s", fail.what);
}

/*
 * Before the gateway stops, so that no request is refused in front of a person who pressed
 * Ctrl-C.
 */
static void stopping(void *ctx)
{
    struct demo *demo = ctx;
    nv_demo_player_stop(demo->player);
    demo->player = NULL;
}

/*
 * FTW_DEPTH gives what is in a directory before it, FTW_PHYS follows no link out of it. A
 * file that can't be removed stays: there is nobody to ask, and the rest is worth removing, so
 * the walk is told that all is well.
 */
static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    (void)remove(path);
    return 0;
}

/* Makes `directory` below TMPDIR. */
static bool make_directory(char directory[DIRECTORY_SIZE])
{
    const char *place = getenv("TMPDIR");
    int len = snprintf(directory, DIRECTORY_SIZE, "%s/noveum-demo-XXXXXX",
                       place && place[0] != '\0' ? place : "/tmp");
    if (len < DIRECTORY_SIZE && mkdtemp(directory))
        return true;
    (void)fprintf(stderr, "noveum-gateway: demo: can't make a directory %s: %s\n", directory,
                  strerror(errno));
    return false;
}

static int run(const struct nv_option_sources *sources, bool open)
{
    struct nv_options options = {0};
    struct demo demo = {.player = NULL};
    const struct nv_run_extras extras = {
        .open = open, .started = started, .stopping = stopping, .ctx = &demo};
    int code =
        nv_run_load(&options, sources) ? nv_run(&options, sources, &extras) : NV_EXIT_USAGE;
    nv_options_release(&options);
    return code;
}

/*
 * Later settings win, so those of the caller come behind ours: `demo --set
 * receiver.http.listen=...` does what it says. `%s` is found by hand, since a format that is
 * not a literal is a warning, with reason.
 */
int nv_command_demo(const struct nv_option_sources *given, bool open)
{
    char directory[DIRECTORY_SIZE], texts[SETTINGS][SET_SIZE];
    struct nv_option_sources sources = *given;
    const char **sets = calloc(SETTINGS + given->set_count, sizeof *sets);
    int code = NV_EXIT_FAILED;

    if (sets && make_directory(directory)) {
        for (size_t i = 0; i < SETTINGS; i++) {
            const char *mark = strstr(settings[i], "%s");
            int head = mark ? (int)(mark - settings[i]) : (int)strlen(settings[i]);
            (void)snprintf(texts[i], sizeof texts[i], "%.*s%s%s", head, settings[i],
                           mark ? directory : "", mark ? mark + 2 : "");
            sets[i] = texts[i];
        }
        for (size_t i = 0; i < given->set_count; i++)
            sets[SETTINGS + i] = given->sets[i];
        sources.sets = sets;
        sources.set_count = SETTINGS + given->set_count;
        code = run(&sources, open);
        (void)nftw(directory, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
    }
    free(sets);
    return code;
}
