/*
 * Test cases kept as JSON files beside the tests (tests/unit/<stage>/<name>.json): a list of
 * objects.
 */
#ifndef NV_TESTS_SUPPORT_CASES_H
#define NV_TESTS_SUPPORT_CASES_H

#include "model/value.h"

/* The list in `path` (below the source folder). Lives until the process ends; ends the program
 * when the file can't be read. */
const struct nv_array *nv_test_cases(const char *path);
/* Text of a member, or empty. Borrowed. */
struct nv_str nv_test_text(const struct nv_value *test, const char *member);
/* A member, or a null value. Borrowed. */
const struct nv_value *nv_test_member(const struct nv_value *test, const char *member);
/* `value` must be what the case has as `member`; on a difference the case's "name" is told. */
void nv_test_expect_member(const struct nv_value *test, const char *member,
                           const struct nv_value *value);
/* `set` must be whether the case has `member`: for flags, which are left out when they are
 * off. */
void nv_test_expect_flag(const struct nv_value *test, const char *member, bool set);
/* JSON text of `value` appended to `buf` (initialised here, released by the caller). */
struct nv_str nv_test_json(const struct nv_value *value, struct nv_buf *buf);

#endif
