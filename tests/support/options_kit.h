/*
 * Options as a test sets them.
 */
#ifndef NV_TESTS_SUPPORT_OPTIONS_KIT_H
#define NV_TESTS_SUPPORT_OPTIONS_KIT_H

#include "gateway/config/options.h"

/* Sets option `id` as --set does; aborts the test when it is refused. */
void nv_test_set(struct nv_options *options, size_t id, const char *text);

#endif
