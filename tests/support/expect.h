/*
 * Assertions that check lacks: views compared and printed, JSON compared whatever the order of
 * its keys, gzip read back, and the main function every check program shares.
 */
#ifndef NV_TESTS_SUPPORT_EXPECT_H
#define NV_TESTS_SUPPORT_EXPECT_H

#include "base/str.h"

#include <check.h>

/* Two views hold the same bytes; on failure both are printed. */
#define ck_assert_nv_str_eq(actual, expected)                                                  \
    do {                                                                                       \
        struct nv_str actual_ = (actual);                                                      \
        struct nv_str expected_ = (expected);                                                  \
        ck_assert_msg(nv_str_eq(actual_, expected_), "%s is \"%.*s\", expected \"%.*s\"",      \
                      #actual, NV_STR_ARG(actual_), NV_STR_ARG(expected_));                    \
    } while (0)
/* The same with a C string as what is expected. */
#define ck_assert_nv_str(actual, text) ck_assert_nv_str_eq(actual, nv_str_from(text))

/* Two JSON texts mean the same: objects whatever their order, 1 and 1.0 different. */
#define ck_assert_json_eq(actual, expected)                                                    \
    do {                                                                                       \
        char why_[512];                                                                        \
        ck_assert_msg(nv_test_json_eq((actual), (expected), why_, sizeof(why_)), "%s", why_);  \
    } while (0)

/* Compares as ck_assert_json_eq does; on a difference writes the path and both values to
 * `why`. */
bool nv_test_json_eq(struct nv_str actual, struct nv_str expected, char *why, size_t why_size);

/* `gzip` is one member and nothing else, and says `expected`: by zlib, length and checksum
 * included. */
void nv_test_gzip_says(struct nv_str gzip, struct nv_str expected);

/* Runs a suite in this process's mode (CK_FORK), verbosely when it fails; for `return` in
 * main. */
int nv_test_run(Suite *suite);

#endif
