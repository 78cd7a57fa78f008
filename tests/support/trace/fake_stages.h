/*
 * Stages that do as they are told, for what sends through them: each request becomes one trace
 * of its own, whole when `holds` is false or all is finished.
 */
#ifndef NV_TESTS_SUPPORT_TRACE_FAKE_STAGES_H
#define NV_TESTS_SUPPORT_TRACE_FAKE_STAGES_H

#include "noveum/trace.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FAKE_TRACES_MAX 200

static struct fake_stages {
    /* told by the test while the sending thread asks */
    _Atomic bool fails, holds, finished;
    _Atomic int no_room;             /* so many requests are asked to come again first */
    _Atomic int says;                /* what accept says of the others */
    _Atomic uint64_t spans;          /* of each trace */
    _Atomic uint64_t rejects, drops; /* of each request: rejected, left out later */
    _Atomic int taken, pulled, open;
    _Atomic int settled, refused, closed;
    _Atomic uint64_t left_out;
    char settings[200], json[64];
    const char *large; /* of the traces, instead of a small text */
    size_t large_size;
} fake;

static inline void *fake_open(const char *const *settings, char *why, size_t why_size)
{
    fake.settings[0] = '\0';
    for (; *settings; settings++) {
        size_t len = strlen(fake.settings);
        (void)snprintf(fake.settings + len, sizeof fake.settings - len, "%s;", *settings);
    }
    if (fake.fails)
        (void)snprintf(why, why_size, "told to");
    fake.open += !fake.fails;
    return fake.fails ? NULL : &fake;
}

static inline int fake_accept(void *stages, const void *bytes, size_t length,
                              uint64_t *rejected)
{
    (void)stages;
    (void)bytes;
    (void)length;
    if (fake.no_room > 0) {
        fake.no_room--;
        return 1;
    }
    *rejected = fake.rejects;
    fake.taken += fake.says == 0;
    fake.left_out += fake.says == 0 ? fake.drops : 0;
    return fake.says;
}

static inline uint64_t fake_tick(void *stages)
{
    (void)stages;
    return UINT64_MAX;
}

static inline void fake_finish(void *stages)
{
    (void)stages;
    fake.finished = true;
}

static inline int fake_pull(void *stages, noveum_stages_payload *payload)
{
    (void)stages;
    if (fake.pulled == fake.taken || (fake.holds && !fake.finished))
        return 0;
    (void)snprintf(fake.json, sizeof fake.json, "{\"trace\":1}");
    fake.pulled++;
    if (fake.large) {
        *payload = (noveum_stages_payload){.id = (uint64_t)fake.pulled,
                                           .json = fake.large,
                                           .length = fake.large_size,
                                           .spans = fake.spans};
        return 1;
    }
    *payload = (noveum_stages_payload){.id = (uint64_t)fake.pulled,
                                       .json = fake.json,
                                       .length = strlen(fake.json),
                                       .spans = fake.spans};
    return 1;
}

static inline void fake_settle(void *stages, const noveum_stages_payload *payload,
                               int delivered)
{
    (void)stages;
    (void)payload;
    fake.settled++;
    fake.refused += !delivered;
}

static inline uint64_t fake_left_out(void *stages)
{
    (void)stages;
    return fake.left_out;
}

static inline void fake_close(void *stages)
{
    (void)stages;
    fake.closed++;
}

static const noveum_stages fake_table = {
    sizeof fake_table, fake_open,   fake_accept,   fake_tick,  fake_finish,
    fake_pull,         fake_settle, fake_left_out, fake_close,
};

#endif
