/*
 * For tests of what turns a value of any shape into a list of a canonical form: documents, tool
 * definitions, tool calls.
 *
 * The cases are rows of a JSON file (see cases.h): `name`, `in`, the list `expected` of it, and
 * `partial` when something of `in` had no place in it.
 */
#ifndef NV_TESTS_SUPPORT_LIST_TABLE_H
#define NV_TESTS_SUPPORT_LIST_TABLE_H

#include "cases.h"

#include <check.h>

struct nv_test_list {
    struct nv_value list;
    bool partial;
};

/* The function under test; what it makes lives in `arena`. Returns its error. */
typedef enum nv_err nv_test_list_of(struct nv_arena *arena, const struct nv_value *in,
                                    struct nv_test_list *out);

/*
 * New suite `name` with, for each row of `path` (below the source folder): the list is as
 * expected, an expected list gives itself, and every allocation may fail. One in a process.
 * More tests may be added through `tcase`.
 */
Suite *nv_test_list_suite(const char *name, const char *path, nv_test_list_of *list_of,
                          TCase **tcase);

#endif
