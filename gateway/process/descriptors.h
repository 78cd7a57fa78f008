/*
 * How many file descriptors the process may open.
 */
#ifndef NV_GATEWAY_PROCESS_DESCRIPTORS_H
#define NV_GATEWAY_PROCESS_DESCRIPTORS_H

#include <stdint.h>

/* Below this the limit is told in the log: the receivers then keep fewer connections than their
 * default of 10,000, and an agent for each of some thousand clients is no rare thing. */
#define NV_DESCRIPTORS_PLENTY 4096u

/*
 * Raises the soft RLIMIT_NOFILE of the process to the hard one, never above, and logs what is
 * in force when it is below NV_DESCRIPTORS_PLENTY. Returns that; UINT64_MAX: no limit. Where it
 * can't be raised all goes on with what there is. Call before the receivers open: they share
 * the limit out once.
 */
uint64_t nv_descriptors_raise(void);

/* Opens /dev/null where standard input, output or error is closed, so that no file that is
 * opened later gets what is printed. Before any other file is opened. */
void nv_descriptors_hold_standard(void);

#endif
