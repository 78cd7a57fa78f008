/*
 * What a piece of the program prints: stdout and stderr kept while it runs.
 *
 *     captured_begin();
 *     int code = nv_command_journal(&options, true);
 *     captured_end();                          // only now may the test assert
 *     ck_assert(captured_has(captured_out, "2 records"));
 */
#ifndef NV_TESTS_SUPPORT_CAPTURED_H
#define NV_TESTS_SUPPORT_CAPTURED_H

#include <stdbool.h>

/* NUL-terminated; what is longer is cut. Until the next captured_begin. */
extern char captured_out[1u << 16], captured_err[1u << 16];

/* From now on both go into files without a name. */
void captured_begin(void);
/* Gives both back their places and reads what came. */
void captured_end(void);
/* Is `part` in one of the two? */
bool captured_has(const char *text, const char *part);

#endif
