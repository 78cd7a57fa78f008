/*
 * Plays the captured requests into a gateway that runs here, one after the other, over its own
 * door: what is seen afterwards went the whole way.
 */
#ifndef NV_GATEWAY_DEMO_PLAYER_H
#define NV_GATEWAY_DEMO_PLAYER_H

#include "base/clock.h"
#include "base/error.h"
#include "gateway/demo/captures.h"

struct nv_demo_player;

/* How a player is made; `said` is called with a line for each capture on the player's thread,
 * and at the end with "" (borrowed). */
struct nv_demo_config {
    const char *address;          /* of OTLP/HTTP, "127.0.0.1:4318"; borrowed until stop */
    unsigned pause_ms;            /* between two of them */
    const struct nv_clock *clock; /* borrowed */
    void (*said)(void *ctx, const char *line);
    void *ctx;
};

/*
 * A new player, and its thread that plays all captures once. NV_ERR_NO_MEMORY, NV_ERR_IO with
 * `fail`.
 */
enum nv_err nv_demo_player_start(const struct nv_demo_config *config, struct nv_fail *fail,
                                 struct nv_demo_player **out) NV_MUST_USE;
/* Ends it after the request that it is at, and frees. NULL is allowed. */
void nv_demo_player_stop(struct nv_demo_player *player);
/*
 * Sends one capture to `address` as OTLP/HTTP, its times ending at `now_ns`, its ids made with
 * random bits. NV_ERR_IO with `fail` when it was not taken; what inflating says.
 */
enum nv_err nv_demo_send(const struct nv_demo_capture *capture, const char *address,
                         uint64_t now_ns, struct nv_fail *fail) NV_MUST_USE;

#endif
