/*
 * Messages that were read before in the same trace: each call of a model sends the conversation
 * again.
 *
 *   {"role": "user", "parts": [{...}]}    the second time ─▶ the members that were read first
 *   └── its beginning ─▶ one place of the table [ raw | items | count ]
 *
 * A message is found by how it begins, since where it ends is not known yet; a place holds the
 * one that was put there last, so that a look costs one comparison. Lives as long as what it
 * borrows: the trace's arena, and the bytes of its spans. One thread.
 */
#ifndef NV_MAPPING_CONTENT_SAID_MESSAGES_H
#define NV_MAPPING_CONTENT_SAID_MESSAGES_H

#include "base/known.h"
#include "model/value.h"

#define NV_SAID_BITS 9
/* What is looked at: behind what all messages of a conversation begin with. */
#define NV_SAID_HEAD 128u

/* The object as it stands in JSON, and its members, texts all of them. raw.len 0: none. */
struct nv_said_message {
    struct nv_str raw;                /* borrowed */
    const struct nv_attribute *items; /* borrowed */
    uint32_t count;
};

/* Zero `used` is empty; the messages need not be set. */
struct nv_said_messages {
    uint64_t used[(1u << NV_SAID_BITS) / 64];
    struct nv_said_message messages[1u << NV_SAID_BITS];
};

/* The place of the message that `ahead` begins with, which is emptied when it was never asked
 * for; NULL: too short to be remembered. */
static inline struct nv_said_message *nv_said_find(struct nv_said_messages *said,
                                                   struct nv_str ahead)
{
    const uint64_t by = UINT64_C(0x9e3779b97f4a7c15);
    if (!said || ahead.len < NV_SAID_HEAD)
        return NULL;
    uint64_t hash = nv_known_word(ahead.ptr + 8) * by;
    for (size_t at = 24; at < NV_SAID_HEAD; at += 16)
        hash = (hash ^ nv_known_word(ahead.ptr + at)) * by;
    const unsigned place = (unsigned)(hash >> (64 - NV_SAID_BITS));
    const uint64_t bit = UINT64_C(1) << place % 64;
    if ((said->used[place / 64] & bit) == 0)
        said->messages[place].raw.len = 0;
    said->used[place / 64] |= bit;
    return &said->messages[place];
}

#endif
