/*
 * One question, one answer, bounded in time.
 *
 *   admin.listen ──has a port──▶ GET /readyz ──200──▶ ready
 *        └─none, port 0, inherited─▶ control socket: GET /status ▸ ready, why
 *
 * The request is written by hand, as the control socket's: /readyz is open to everybody, so
 * there is no token to send, and curl would bring proxies that have no business here.
 */
#include "gateway/commands/health.h"

#include "base/json/json_write.h"
#include "base/limits.h"
#include "base/text/mask.h"
#include "base/text/shown.h"
#include "assembly/assembly.h"
#include "gateway/admin/control.h"
#include "gateway/commands/cli.h"
#include "model/value.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/banned.h"

/* More than any answer of ours: whoever sits on the port may send without end. */
#define REPLY_BYTES_MAX NV_CAP_ADMIN_ANSWER

/* ---- address ----------------------------------------------------------------------------- */

static bool copy_to(struct nv_str text, char *out, size_t size)
{
    if (text.len == 0 || text.len >= size)
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

/*
 * What is listened on everywhere is asked for on this machine: 0.0.0.0 is no address to
 * connect to on every system, and an interface of the outside may be filtered.
 */
static bool is_any(struct nv_str host)
{
    return nv_str_eq(host, NV_STR("0.0.0.0")) || nv_str_eq(host, NV_STR("*")) || host.len == 0;
}

/*
 * The first address of a list, for all of them lead to one server. Port 0 is any that was
 * free, which the configuration can't tell; then the gateway is asked over the control
 * socket. The host is cut at the last colon, since an IPv6 address has others.
 */
bool nv_health_target(const char *addresses, char host[256], char port[8])
{
    struct nv_str all = nv_str_from(addresses);
    struct nv_str first = nv_str_trim(nv_str_slice(all, 0, nv_str_find_char(all, ',')));
    uint64_t number = 0;
    port[0] = '\0';
    if (nv_str_starts(first, NV_STR("unix:")))
        return copy_to(nv_str_slice(first, 5, first.len), host, 256);
    size_t colon = first.len;
    while (colon > 0 && first.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || !copy_to(nv_str_slice(first, colon, first.len), port, 8) ||
        nv_str_to_uint64(nv_str_from(port), &number) != NV_OK || number == 0 || number > 65535)
        return false;
    struct nv_str name = nv_str_slice(first, 0, colon - 1);
    if (nv_str_starts(name, NV_STR("[")) && nv_str_ends(name, NV_STR("]")))
        name = nv_str_slice(name, 1, name.len - 2);
    if (is_any(name))
        name = NV_STR("127.0.0.1");
    else if (nv_str_eq(name, NV_STR("::")))
        name = NV_STR("::1");
    return copy_to(name, host, 256);
}

/* ---- connection -------------------------------------------------------------------------- */

/*
 * The time limits are the kernel's: a connect that waits ends with EINPROGRESS when
 * SO_SNDTIMEO is over, which to a person reads as the opposite of what happened.
 */
static int connect_one(int family, const struct sockaddr *address, socklen_t len)
{
    const struct timeval wait = {.tv_sec = NV_HEALTH_WAIT_MS / 1000};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, address, len) == 0)
        return fd;
    int cause = errno == EINPROGRESS ? ETIMEDOUT : errno;
    (void)close(fd);
    errno = cause;
    return -1;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!copy_to(nv_str_from(path), address.sun_path, sizeof address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return connect_one(AF_UNIX, (const struct sockaddr *)&address, sizeof address);
}

/*
 * A name may have several addresses, and the gateway may listen on one of them only
 * (localhost as ::1 and as 127.0.0.1). The errno of the last is kept over the clean-up, for
 * the message.
 */
static int connect_tcp(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int fd = -1;
    if (getaddrinfo(host, port, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (struct addrinfo *one = list; one && fd < 0; one = one->ai_next)
        fd = connect_one(one->ai_family, one->ai_addr, one->ai_addrlen);
    int cause = errno;
    freeaddrinfo(list);
    errno = cause;
    return fd;
}

/* ---- answers ----------------------------------------------------------------------------- */

/*
 * One line of a foreign text, safe for a terminal and with secrets masked: what answers at
 * that port may be anybody. Cut at 300 bytes, for a monitor shows this beside others.
 */
static void set_why(struct nv_health *health, struct nv_str text)
{
    struct nv_buf line;
    nv_buf_init(&line, sizeof health->why - 1);
    text = nv_str_slice(text, 0, nv_str_find_char(text, '\n'));
    (void)nv_shown_append(&line, nv_str_slice(text, 0, 300), NV_SHOWN_LINE);
    nv_mask_buf(&line);
    if (!copy_to(nv_buf_str(&line), health->why, sizeof health->why))
        (void)snprintf(health->why, sizeof health->why, "it says nothing");
    nv_buf_release(&line);
}

/*
 * A status line of HTTP/1.1 alone is not enough: a dev server that took the port answers 404
 * in perfect HTTP. It must be 200; the reason is the body, which the gateway writes in words.
 */
void nv_health_read(struct nv_str reply, struct nv_health *health)
{
    size_t end = nv_str_find(reply, NV_STR("\r\n\r\n"));
    bool answered = nv_str_starts(reply, NV_STR("HTTP/1.1 ")) && end != SIZE_MAX;
    health->ready = answered && nv_str_starts(reply, NV_STR("HTTP/1.1 200"));
    set_why(health, answered ? nv_str_slice(reply, end + 4, reply.len)
                             : NV_STR("who answers there is no gateway"));
}

/*
 * `ready` must be there and true. Everything else, also an answer that is no JSON, is not
 * ready: a health check that is wrong in this direction costs a restart, in the other one it
 * hides a fault.
 */
void nv_health_read_status(struct nv_str json, struct nv_health *health)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_ADMIN_ANSWER);
    struct nv_value status;
    health->ready = false;
    set_why(health, NV_STR("what the gateway that runs here says is not understood"));
    if (arena && nv_value_from_json(arena, json, NULL, &status) == NV_OK &&
        status.type == NV_VALUE_MAP) {
        const struct nv_value *ready = nv_map_get(&status, NV_STR("ready"));
        const struct nv_value *why = nv_map_get(&status, NV_STR("ready_reason"));
        health->ready = ready && ready->type == NV_VALUE_BOOL && ready->as.boolean;
        if (why && why->type == NV_VALUE_STRING)
            set_why(health, why->as.string);
    }
    nv_arena_free(arena);
}

/*
 * `Connection: close`, so that the end of the answer is the end of the connection and no
 * length has to be believed.
 */
static void ask_at(int fd, struct nv_health *health)
{
    static const char text[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct nv_buf reply;
    char piece[4096];
    nv_buf_init(&reply, REPLY_BYTES_MAX);
    ssize_t got = send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
    while (got > 0 && reply.failed == NV_OK) {
        got = recv(fd, piece, sizeof piece, 0);
        if (got > 0)
            (void)nv_buf_append(&reply, piece, (size_t)got);
    }
    if (got < 0 && reply.len == 0)
        (void)snprintf(health->why, sizeof health->why, "no answer: %s", strerror(errno));
    else
        nv_health_read(nv_buf_str(&reply), health);
    nv_buf_release(&reply);
    (void)close(fd);
}

/*
 * Without a journal there is no directory that both know, and so no socket. That is said,
 * because `none` for the admin port and no journal is a configuration that somebody chose.
 */
static void ask_control(const struct nv_options *options, struct nv_health *health)
{
    struct nv_buf status;
    struct nv_fail fail = {0};
    if (options->journal_durability == NV_DURABILITY_MEMORY) {
        (void)snprintf(health->why, sizeof health->why,
                       "admin.listen names no port and there is no journal: nobody to ask");
        return;
    }
    nv_buf_init(&status, NV_CAP_DOCTOR_STATUS);
    (void)snprintf(health->where, sizeof health->where, "%.140s/control",
                   options->journal_directory);
    if (nv_control_status(options->journal_directory, &status, &fail) == NV_OK)
        nv_health_read_status(nv_buf_str(&status), health);
    else
        set_why(health, nv_str_from(fail.what));
    nv_buf_release(&status);
}

void nv_health_ask(const struct nv_options *options, struct nv_health *health)
{
    char host[256], port[8];
    *health = (struct nv_health){0};
    if (!options->admin_listen || !nv_health_target(options->admin_listen, host, port)) {
        ask_control(options, health);
        return;
    }
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(health->where, sizeof health->where, "%s%.130s%s%s%s", v6 ? "[" : "", host,
                   v6 ? "]" : "", port[0] ? ":" : "", port);
    int fd = port[0] ? connect_tcp(host, port) : connect_unix(host);
    if (fd >= 0) {
        ask_at(fd, health);
    } else {
        (void)snprintf(health->why, sizeof health->why, "no gateway answers: %s",
                       strerror(errno));
    }
}

/* ---- the command ------------------------------------------------------------------------- */

static void print_json(const struct nv_health *health)
{
    struct nv_buf text;
    struct nv_json_writer json;
    nv_buf_init(&text, NV_CAP_ADMIN_WHY);
    nv_json_write_init(&json, &text);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("ready"));
    nv_json_write_bool(&json, health->ready);
    nv_json_write_key(&json, NV_STR("where"));
    nv_json_write_string(&json, nv_str_from(health->where));
    nv_json_write_key(&json, NV_STR("why"));
    nv_json_write_string(&json, nv_str_from(health->why));
    nv_json_write_end_object(&json);
    (void)nv_buf_append_char(&text, '\n');
    nv_shown_print(stdout, nv_buf_str(&text), NV_SHOWN_JSON);
    nv_buf_release(&text);
}

int nv_command_health(const struct nv_options *options, bool json)
{
    struct nv_health health;
    nv_health_ask(options, &health);
    if (json) {
        print_json(&health);
    } else if (health.ready) {
        (void)printf("%s\n", health.why);
    } else {
        (void)fprintf(stderr, "noveum-gateway: not ready at %s: %s\n", health.where,
                      health.why);
    }
    return health.ready ? NV_EXIT_OK : NV_EXIT_FAILED;
}
