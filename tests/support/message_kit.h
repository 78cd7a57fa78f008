/*
 * Shared by the tests of the messages_*.c files: a normalisation in progress, and its list as
 * JSON.
 */
#ifndef NV_TESTS_SUPPORT_MESSAGE_KIT_H
#define NV_TESTS_SUPPORT_MESSAGE_KIT_H

#include "mapping/content/messages_build.h"

struct nv_test_messages {
    struct nv_arena *arena;
    struct nv_messages_state state;
};

/* Readies an empty normalisation; frees it. */
void nv_test_messages_open(struct nv_test_messages *kit, enum nv_messages_direction direction);
void nv_test_messages_close(struct nv_test_messages *kit);
/* A value out of JSON text; fails the test when it is none. Lives in the kit's arena. */
const struct nv_value *nv_test_messages_value(struct nv_test_messages *kit, const char *json);
/* The list so far must be `expected` (JSON). */
void nv_test_messages_expect(struct nv_test_messages *kit, const char *expected);

#endif
