/*
 * Messages that were read before in the same trace: each call of a model sends the conversation
 * again.
 *
 *   {"role": "user", "parts": [{...}]}    the second time ─▶ the members that were read first
 *   └── its beginning ─▶ one place of the table [ raw | items | count ]
 *
 *   [{...}, {...}, ...]    a list that begins with all of an earlier one ─▶ its messages at once
 *   └── its beginning ─▶ one place of another table [ raw | messages ]
 *
 * Both are found by how they begin, since where they end is not known yet; a place holds what
 * was put there last, so that a look costs one comparison. Lives as long as what it borrows:
 * the trace's arena, and the bytes of its spans. One thread.
 */
#ifndef NV_MAPPING_CONTENT_SAID_MESSAGES_H
#define NV_MAPPING_CONTENT_SAID_MESSAGES_H

#include "base/known.h"
#include "model/value.h"

#define NV_SAID_BITS 9
#define NV_SAID_LISTS_BITS 3
/* What is looked at: behind what all messages of a conversation begin with. */
#define NV_SAID_HEAD 128u

/* The members of a message, texts all of them. */
struct nv_said_members {
    const struct nv_attribute *items; /* borrowed */
    uint32_t count;
};

/* The object as it stands in JSON, and its members. raw.len 0: none. */
struct nv_said_message {
    struct nv_str raw; /* borrowed */
    struct nv_said_members members;
};

/* The messages of a list as they stand in JSON, from the first one's { to the last one's }.
 * raw.len 0: none. */
struct nv_said_list {
    struct nv_str raw;                /* borrowed */
    struct nv_said_members *messages; /* in the arena */
    uint32_t count, capacity;
};

/* Zero `used` and `lists` are empty; the messages need not be set. */
struct nv_said_messages {
    struct nv_said_list lists[1u << NV_SAID_LISTS_BITS];
    uint64_t used[(1u << NV_SAID_BITS) / 64];
    struct nv_said_message messages[1u << NV_SAID_BITS];
};

/* By the first bytes of `ahead`, which are NV_SAID_HEAD at least: NV_SAID_BITS of it. */
static inline unsigned nv_said_place(struct nv_str ahead)
{
    const uint64_t by = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = nv_known_word(ahead.ptr + 8) * by;
    for (size_t at = 24; at < NV_SAID_HEAD; at += 16)
        hash = (hash ^ nv_known_word(ahead.ptr + at)) * by;
    return (unsigned)(hash >> (64 - NV_SAID_BITS));
}

/* The place of the message that `ahead` begins with, which is emptied when it was never asked
 * for; NULL: too short to be remembered. */
static inline struct nv_said_message *nv_said_find(struct nv_said_messages *said,
                                                   struct nv_str ahead)
{
    if (!said || ahead.len < NV_SAID_HEAD)
        return NULL;
    const unsigned place = nv_said_place(ahead);
    const uint64_t bit = UINT64_C(1) << place % 64;
    if ((said->used[place / 64] & bit) == 0)
        said->messages[place].raw.len = 0;
    said->used[place / 64] |= bit;
    return &said->messages[place];
}

/* The same of the list whose first message `ahead` begins with. */
static inline struct nv_said_list *nv_said_list_find(struct nv_said_messages *said,
                                                     struct nv_str ahead)
{
    if (!said || ahead.len < NV_SAID_HEAD)
        return NULL;
    return &said->lists[nv_said_place(ahead) >> (NV_SAID_BITS - NV_SAID_LISTS_BITS)];
}

#endif
