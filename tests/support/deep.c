/*
 * Nested values: their text is written out and read like any other, so that what a test gets is
 * what a body would have brought.
 */
#include "deep.h"
#include "expect.h"

#include "base/buf.h"
#include "mapping/content/json_text.h"

#include "base/banned.h"

#define TEXT_BYTES_MAX ((size_t)1 << 20)

static void repeat(struct nv_buf *text, unsigned times, const char *piece)
{
    for (unsigned i = 0; i < times; i++)
        ck_assert_int_eq(nv_buf_append_str(text, nv_str_from(piece)), NV_OK);
}

struct nv_value nv_test_deep(struct nv_arena *arena, unsigned times, const char *open,
                             const char *core, const char *close)
{
    struct nv_value value;
    struct nv_buf text;
    nv_buf_init(&text, TEXT_BYTES_MAX);
    repeat(&text, times, open);
    repeat(&text, 1, core);
    repeat(&text, times, close);
    /* what is in the arena outlives the buffer */
    const struct nv_str kept = nv_arena_dup(arena, nv_buf_str(&text));
    ck_assert_ptr_nonnull(kept.ptr);
    ck_assert_int_eq(nv_value_from_json(arena, kept, NULL, &value), NV_OK);
    nv_buf_release(&text);
    return value;
}
