/*
 * Conversations that this process knows: their ids and how many messages they have. The lock is
 * taken around a fork.
 */
#ifndef NV_TRACE_CONVERSATIONS_H
#define NV_TRACE_CONVERSATIONS_H

/* Conversations that are known; the one that was used longest ago makes room. */
#define NV_TRACE_CONVERSATIONS_MAX 1024u

void nv_trace_conversations_lock(void);
void nv_trace_conversations_unlock(void);

#endif
