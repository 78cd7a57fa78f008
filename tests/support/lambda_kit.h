/*
 * For tests of the Lambda extension: a runtime API that answers what it is told to, one
 * connection after the other, and keeps what it was asked.
 */
#ifndef NV_TESTS_LAMBDA_KIT_H
#define NV_TESTS_LAMBDA_KIT_H

#include <pthread.h>
#include <stddef.h>

#define LAMBDA_KIT_CALLS_MAX 16

struct lambda_kit {
    int listener;
    char address[32];
    const char *const *answers; /* whole HTTP answers; "" closes without one, NULL at the end */
    char asked[LAMBDA_KIT_CALLS_MAX][2048];
    size_t count;
    pthread_t thread;
};

/* Listens at any port and answers from a thread; after the last answer connections are taken and
 * never answered. */
void lambda_kit_open(struct lambda_kit *kit, const char *const *answers);
/* Closes everything; what was asked stays. */
void lambda_kit_close(struct lambda_kit *kit);

#endif
