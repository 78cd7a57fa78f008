/*
 * Time, injected: everything that waits or stamps takes an nv_clock, so that tests own time.
 *
 * Durations and deadlines use the monotonic clock, which no clock jump moves; timestamps that
 * leave the program use the wall clock.
 */
#ifndef NV_BASE_CLOCK_H
#define NV_BASE_CLOCK_H

#include <stdint.h>

#define NV_NS_PER_MS UINT64_C(1000000)
#define NV_NS_PER_S UINT64_C(1000000000)

struct nv_clock {
    void *ctx;
    uint64_t (*mono_ns)(void *ctx); /* CLOCK_MONOTONIC; never goes back */
    uint64_t (*wall_ns)(void *ctx); /* nanoseconds since 1970, UTC */
};

/* The system's clocks. Borrowed, static; any thread. */
const struct nv_clock *nv_clock_system(void);
/* Shorthands that call through `clock`. */
uint64_t nv_clock_mono_ns(const struct nv_clock *clock);
/* Wall clock time: nanoseconds since 1970. For what leaves the program, never for waiting. */
uint64_t nv_clock_wall_ns(const struct nv_clock *clock);

/* A clock that stands still until told otherwise. Set the fields at will; one thread. */
struct nv_fake_clock {
    struct nv_clock clock;
    uint64_t mono;
    uint64_t wall;
};

/* Starts both times at the given values and wires `fake->clock` to them. */
void nv_fake_clock_init(struct nv_fake_clock *fake, uint64_t mono_ns, uint64_t wall_ns);
/* Moves both times on by `ns`. */
void nv_fake_clock_advance(struct nv_fake_clock *fake, uint64_t ns);

/* "2026-11-22T14:20:49.929944+00:00" and a NUL: six digits, truncated
 * (docs/noveum-backend.md#times-and-ids). */
#define NV_TIME_TEXT_SIZE 40
/* Writes the ISO 8601 form of `wall_ns` into `text`; returns its length. Any uint64 is
 * accepted. */
unsigned nv_time_format(uint64_t wall_ns, char text[NV_TIME_TEXT_SIZE]);

#endif
