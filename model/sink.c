/*
 * What people are told of a sink's state. "held" is for states that end only when somebody does
 * something: the key, the plan, the endpoint, the disk. Backing off ends by itself.
 */
#include "model/sink.h"

#include <assert.h>

#include "base/banned.h"

const char *nv_sink_state_text(enum nv_sink_state state)
{
    static const char *const names[] = {
        [NV_SINK_SENDING] = "sending",
        [NV_SINK_BACKING_OFF] = "backing off",
        [NV_SINK_HELD_AUTH] = "held: the key is refused",
        [NV_SINK_HELD_CREDIT] = "held: the plan's credit is used up",
        [NV_SINK_HELD_CONFIG] = "held: the endpoint is wrong",
        [NV_SINK_HELD_FOREIGN] = "held: the endpoint does not answer as Noveum's API does",
        [NV_SINK_HELD_FILES] = "held: files can't be written",
        [NV_SINK_STOPPED] = "stopped",
    };

    assert((size_t)state < sizeof names / sizeof *names);
    return names[state];
}
