/*
 * The log: one line an event, folded by call site.
 *
 *   2026-11-22T14:20:49.929944+00:00 warn exporter: backend refused the key status=401
 *   {"time":"...","level":"warn","area":"exporter","message":"backend refused the key status=401"}
 *
 * A line is built in a buffer on the stack and cut to it: logging must work when memory is what
 * has run out. Nobody is held up by a reader that has stopped (base/output.h); the lock here
 * guards only the call sites' folding state.
 * Foreign text reaches the message through format arguments, so it is made fit to be shown
 * after formatting.
 */
#include "base/log/log.h"

#include "base/clock.h"
#include "base/json/json_string.h"
#include "base/text/mask.h"
#include "base/output.h"
#include "base/text/shown.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

#define MESSAGE_MAX 1024
/* Worst case of escaping, six bytes for one, and the fields around it. */
#define LINE_BYTES_MAX (MESSAGE_MAX * 6 + 256)
#define SINK_EPOCH_WINDOWS (1ull << 32)

static _Atomic int level_min = NV_LOG_INFO;
static _Atomic int line_format = NV_LOG_TEXT;
static pthread_mutex_t site_lock = PTHREAD_MUTEX_INITIALIZER; /* of sites */
static struct nv_output output = NV_OUTPUT_INIT(STDERR_FILENO);
static _Atomic unsigned lines_lost;
static void (*line_sink)(void *ctx, struct nv_str line);
static void *line_sink_ctx;
static _Thread_local void (*lent_sink)(void *ctx, struct nv_str line);
static _Thread_local void *lent_sink_ctx;
/* Sinks set so far; each begins windows that no clock has reached. */
static unsigned long long sink_epoch;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* Lines of before the configuration was read: one thread writes them and lets them go. `on` is
 * asked by all, for at each reload the log is configured again. */
static struct {
    atomic_bool on;
    unsigned count;
    struct {
        enum nv_log_level level;
        const char *area;
        size_t len;
        char message[MESSAGE_MAX];
    } lines[NV_LOG_HELD_MAX];
} held;

void nv_log_hold(void)
{
    atomic_store(&held.on, true);
}

void nv_log_configure(enum nv_log_level level, enum nv_log_format format)
{
    atomic_store(&level_min, (int)level);
    atomic_store(&line_format, (int)format);
    nv_log_let_go();
}

void nv_log_set_sink(void (*sink)(void *ctx, struct nv_str line), void *ctx)
{
    line_sink = sink;
    line_sink_ctx = ctx;
    sink_epoch++;
}

void nv_log_lend(void (*sink)(void *ctx, struct nv_str line), void *ctx)
{
    lent_sink = sink;
    lent_sink_ctx = ctx;
}

/* A line under construction; what does not fit is left out. */
struct line {
    char bytes[LINE_BYTES_MAX];
    size_t len;
};

static void add(struct line *line, struct nv_str s)
{
    size_t room = sizeof line->bytes - line->len;
    size_t len = s.len < room ? s.len : room;
    if (len > 0)
        memcpy(line->bytes + line->len, s.ptr, len);
    line->len += len;
}

/* Text as base/text/shown.h lets it be seen; `json` adds JSON's own escapes. */
static void add_shown(struct line *line, struct nv_str s, bool json)
{
    char escape[NV_SHOWN_ESCAPE_SIZE];
    while (s.len > 0) {
        size_t special = json ? nv_json_find_special(s, 0) : s.len;
        struct nv_str run = nv_str_slice(s, 0, special);
        s = nv_str_slice(s, special, SIZE_MAX);
        while (run.len > 0)
            add(line, nv_shown_next(&run, json ? NV_SHOWN_JSON : NV_SHOWN_LINE, escape));
        if (s.len == 0)
            return;
        int n = snprintf(escape, sizeof escape, (uint8_t)s.ptr[0] < ' ' ? "\\u%04x" : "\\%c",
                         (uint8_t)s.ptr[0]);
        add(line, (struct nv_str){escape, (size_t)n});
        s = nv_str_slice(s, 1, SIZE_MAX);
    }
}

static bool emit(enum nv_log_level level, const char *area, struct nv_str message)
{
    struct line line;
    char now[NV_TIME_TEXT_SIZE];
    bool json = atomic_load(&line_format) == NV_LOG_JSON;
    unsigned now_len = nv_time_format(nv_clock_wall_ns(nv_clock_system()), now);
    line.len = 0;
    add(&line, json ? NV_STR("{\"time\":\"") : NV_STR(""));
    add(&line, (struct nv_str){now, now_len});
    add(&line, json ? NV_STR("\",\"level\":\"") : NV_STR(" "));
    add(&line, nv_str_from(level_names[level]));
    add(&line, json ? NV_STR("\",\"area\":\"") : NV_STR(" "));
    add(&line, nv_str_from(area));
    add(&line, json ? NV_STR("\",\"message\":\"") : NV_STR(": "));
    add_shown(&line, message, json);
    add(&line, json ? NV_STR("\"}\n") : NV_STR("\n"));
    assert(line.len < sizeof line.bytes);
    struct nv_str text = {line.bytes, line.len};
    if (lent_sink) {
        lent_sink(lent_sink_ctx, text);
        return true;
    }
    if (!line_sink)
        return nv_output_write(&output, text);
    line_sink(line_sink_ctx, text);
    return true;
}

/* Whoever reads standard error may have stopped to; it is told what it missed. */
static void emit_or_count(enum nv_log_level level, const char *area, struct nv_str message)
{
    char text[96];
    unsigned lost = atomic_exchange(&lines_lost, 0);
    if (lost > 0) {
        int n =
            snprintf(text, sizeof text, "%u lines are missing here, nobody read them", lost);
        if (emit(NV_LOG_WARN, "log", (struct nv_str){text, (size_t)n}))
            lost = 0;
    }
    lost += !emit(level, area, message);
    atomic_fetch_add(&lines_lost, lost);
}

/*
 * Counts a line of a site. False when it is one too many in this window; *folded is what the
 * window before left unsaid.
 */
static bool admit(struct nv_log_site *site, unsigned *folded)
{
    unsigned long long window =
        nv_clock_mono_ns(nv_clock_system()) / (NV_NS_PER_S * NV_LOG_WINDOW_S) + 1 +
        sink_epoch * SINK_EPOCH_WINDOWS;
    (void)pthread_mutex_lock(&site_lock);
    *folded = 0;
    if (site->window != window) {
        *folded = site->count > NV_LOG_BURST ? site->count - NV_LOG_BURST : 0;
        site->window = window;
        site->count = 0;
    }
    bool admitted = ++site->count <= NV_LOG_BURST;
    (void)pthread_mutex_unlock(&site_lock);
    return admitted;
}

static bool hold(enum nv_log_level level, const char *area, struct nv_str message)
{
    if (!atomic_load(&held.on) || held.count == NV_LOG_HELD_MAX)
        return false;
    held.lines[held.count].level = level;
    held.lines[held.count].area = area;
    held.lines[held.count].len = message.len;
    memcpy(held.lines[held.count++].message, message.ptr, message.len);
    return true;
}

void nv_log_let_go(void)
{
    if (!atomic_exchange(&held.on, false))
        return;
    for (unsigned i = 0; i < held.count; i++) {
        if ((int)held.lines[i].level < atomic_load(&level_min))
            continue;
        size_t len = nv_mask_text(held.lines[i].message, held.lines[i].len);
        emit_or_count(held.lines[i].level, held.lines[i].area,
                      (struct nv_str){held.lines[i].message, len});
    }
    held.count = 0;
}

void nv_log_write(struct nv_log_site *site, enum nv_log_level level, const char *area,
                  const char *format, ...)
{
    if ((int)level < atomic_load(&level_min) && !atomic_load(&held.on))
        return;
    unsigned folded = 0;
    if (!admit(site, &folded))
        return;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    assert(length >= 0);
    size_t len = (size_t)length < sizeof message ? (size_t)length : sizeof message - 1;
    len = nv_mask_text(message, len);
    if (folded > 0) {
        int n = snprintf(message + len, sizeof message - len, " (%u more like this before)",
                         folded);
        len += n > 0 && (size_t)n < sizeof message - len ? (size_t)n : 0;
    }
    if (!hold(level, area, (struct nv_str){message, len}))
        emit_or_count(level, area, (struct nv_str){message, len});
}
