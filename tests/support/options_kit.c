/*
 * One line of a command for each option.
 */
#include "options_kit.h"

#include <check.h>

void nv_test_set(struct nv_options *options, size_t id, const char *text)
{
    struct nv_fail fail = {0};
    enum nv_err err =
        nv_options_set(options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
}
