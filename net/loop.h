/*
 * One event loop: descriptors that become ready, a coarse tick, alarms, and tasks posted by
 * other threads.
 *
 *   other threads ──post──▶ [ mailbox, eventfd ] ──▶ loop thread ──▶ task->run
 *   epoll ──ready──▶ io->ready             every NV_LOOP_TICK_MS ──▶ tick->run
 *                                         when its time has come ──▶ alarm->ring
 *
 * Only loop.c knows libevent; this header has it as an opaque name. HTTP/1.1 and gRPC
 * connections of all ports live on the same loops, the exporter's connections on one of their
 * own. Unless said otherwise a function is called on the loop's own thread, or before the loop
 * is started or after it was stopped.
 */
#ifndef NV_NET_LOOP_H
#define NV_NET_LOOP_H

#include "base/clock.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deadlines are checked this often: coarse enough to cost nothing with 10,000 connections. */
#define NV_LOOP_TICK_MS 100
/* Size of the scratch area shared by all connections of a loop for reading. */
#define NV_LOOP_SCRATCH_BYTES ((size_t)64 * 1024)

struct event;
struct nv_loop;

/* Pointer to the struct that `field` is embedded in. */
#define NV_CONTAINER(ptr, type, field) ((type *)(void *)((char *)(ptr)-offsetof(type, field)))

/* A piece of work for a loop; embedded in what it works on, which lives until `run` is
 * called. */
struct nv_loop_task {
    struct nv_loop_task *next;
    void (*run)(struct nv_loop_task *task);
};

/* Something that looks at the time on every tick. */
struct nv_loop_tick {
    struct nv_loop_tick *next;
    void (*run)(struct nv_loop_tick *tick, uint64_t now_ns); /* monotonic */
};

/* Version of the library under it. Static. */
const char *nv_loop_library(void);
/* New loop, not running; NULL without memory or descriptors. `clock` is borrowed for its
 * life. */
struct nv_loop *nv_loop_new(const struct nv_clock *clock);
/* Frees a stopped loop. Tasks still posted are run first. NULL is allowed. */
void nv_loop_free(struct nv_loop *loop);
/* Names its thread from the next start on, for top, perf and the like: at most 15 characters,
 * borrowed for the loop's life. Without it: as the thread that starts it. */
void nv_loop_set_name(struct nv_loop *loop, const char *name);
/* Starts a thread that runs the loop, with all signals blocked. NV_ERR_NO_MEMORY, NV_ERR_IO. */
enum nv_err nv_loop_start(struct nv_loop *loop) NV_MUST_USE;
/* Ends the thread, waits for it and runs the tasks that are left. Any thread but the loop's.
 * Nothing happens when not started. */
void nv_loop_stop(struct nv_loop *loop);
/* As stop, but the loop ends itself by nv_loop_end: waits until it has. */
void nv_loop_join(struct nv_loop *loop);
/* Without a thread: runs the loop on the caller's until nv_loop_end. */
void nv_loop_run(struct nv_loop *loop);
/* Ends a running loop when the callback that calls this returns. On the loop's thread; outside
 * of a callback nothing happens. */
void nv_loop_end(struct nv_loop *loop);
/* Without a thread: handles what is ready now and returns; for tests. */
void nv_loop_turn(struct nv_loop *loop);
/* Runs the ticks now, with the loop's clock; for tests with a fake clock. */
void nv_loop_tick_now(struct nv_loop *loop);
/* Has `task->run` called on the loop's thread, in order of posting. Takes the task, never
 * refuses it; it is its run's again, which may free it or post it anew. Any thread. */
void nv_loop_post(struct nv_loop *loop, struct nv_loop_task *task);
/* Is the caller the loop's thread (or is the loop not started)? Any thread. */
bool nv_loop_is_current(const struct nv_loop *loop);
/* The loop's clock; any thread. Borrowed. */
const struct nv_clock *nv_loop_clock(const struct nv_loop *loop);
/* NV_LOOP_SCRATCH_BYTES of memory for one callback's use. Borrowed. */
char *nv_loop_scratch(struct nv_loop *loop);
/* Adds a tick (borrowed until it is removed). A loop without any does not wake for them. */
void nv_loop_add_tick(struct nv_loop *loop, struct nv_loop_tick *tick);
/* Removes a tick, also while ticks run; one that is not there is no error. */
void nv_loop_remove_tick(struct nv_loop *loop, struct nv_loop_tick *tick);

enum nv_io_what { NV_IO_NONE = 0, NV_IO_READ = 1, NV_IO_WRITE = 2 };

/* A watched descriptor; embedded in the connection. `ready` may close and free it. */
struct nv_io {
    void (*ready)(struct nv_io *io, unsigned what); /* enum nv_io_what, or'ed */
    struct nv_loop *loop;
    struct event *event;
    int fd;
    unsigned wanted;
};

/* Prepares a watch on `fd` that wants nothing yet; the descriptor is borrowed.
 * NO_MEMORY. */
enum nv_err nv_io_init(struct nv_io *io, struct nv_loop *loop, int fd,
                       void (*ready)(struct nv_io *io, unsigned what)) NV_MUST_USE;
/* Sets what to wait for, level-triggered. Cheap when nothing changes. NO_MEMORY, IO. */
enum nv_err nv_io_want(struct nv_io *io, unsigned what) NV_MUST_USE;
/* Wants nothing for now, which can't fail. */
void nv_io_rest(struct nv_io *io);
/* Stops watching; a second call does nothing. */
void nv_io_release(struct nv_io *io);

/* Rings once, when its time has come; embedded in what it wakes. `ring` may set it again or
 * release it. */
struct nv_alarm {
    void (*ring)(struct nv_alarm *alarm);
    struct event *event;
};

/* Prepares an alarm that is not set. NV_ERR_NO_MEMORY. */
enum nv_err nv_alarm_init(struct nv_alarm *alarm, struct nv_loop *loop,
                          void (*ring)(struct nv_alarm *alarm)) NV_MUST_USE;
/*
 * Has it ring in `wait_ns` nanoseconds, rounded up to the microsecond, instead of when it was
 * set to; more than 30 years: not at all. System time, not the loop's clock.
 */
void nv_alarm_set(struct nv_alarm *alarm, uint64_t wait_ns);
/* Frees what it holds; it rings no more. A second call does nothing. */
void nv_alarm_release(struct nv_alarm *alarm);

/* A group of loops with a thread each. */
struct nv_loops {
    struct nv_loop **items;
    unsigned count;
};

/* Makes `count` (1..256) loops. NV_ERR_NO_MEMORY, NV_ERR_IO. Release also after failure. */
enum nv_err nv_loops_init(struct nv_loops *loops, unsigned count,
                          const struct nv_clock *clock) NV_MUST_USE;
/* Names the threads of all, as nv_loop_set_name. */
void nv_loops_set_name(const struct nv_loops *loops, const char *name);
/* Starts all threads; NV_ERR_NO_MEMORY, NV_ERR_IO leave some started: stop and release. */
enum nv_err nv_loops_start(struct nv_loops *loops) NV_MUST_USE;
/* Stops all threads. */
void nv_loops_stop(struct nv_loops *loops);
/* Frees stopped loops. */
void nv_loops_release(struct nv_loops *loops);

#endif
