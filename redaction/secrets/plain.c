/*
 * A text that is new pushes the older one of its place out.
 *
 * Traces are counted in 30 bits: when they begin anew the table is emptied, as an address from
 * then would be taken for one of today.
 */
#include "redaction/secrets/plain.h"

#include "base/banned.h"

#define TRACE_STEP (NV_PLAIN_ALL + 1)

_Thread_local struct nv_plain_texts nv_plain_here;

void nv_plain_clear(void)
{
    nv_plain_here.trace += TRACE_STEP;
    if (nv_plain_here.trace == 0)
        nv_plain_here = (struct nv_plain_texts){.trace = TRACE_STEP};
}

void nv_plain_put(struct nv_str text, unsigned what)
{
    struct nv_plain_text *place = nv_plain_place(text);
    if (text.len > UINT32_MAX)
        return;
    for (unsigned i = 0; i < 2; i++) {
        if (nv_plain_is(&place[i], text)) {
            place[i].trace |= what;
            return;
        }
    }
    place[1] = place[0];
    place[0] = (struct nv_plain_text){text.ptr, (uint32_t)text.len, nv_plain_here.trace | what};
}
