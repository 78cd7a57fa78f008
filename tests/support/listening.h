/*
 * A socket of the test's own that listens on a free port of loopback.
 */
#ifndef NV_TESTS_SUPPORT_LISTENING_H
#define NV_TESTS_SUPPORT_LISTENING_H

/* Of the text of an address. */
#define NV_TEST_ADDRESS_SIZE 32

/* A new one, to be closed; its "127.0.0.1:PORT" goes into `address`. Aborts the test when there
 * is none. */
int nv_test_listening(char address[NV_TEST_ADDRESS_SIZE]);

#endif
