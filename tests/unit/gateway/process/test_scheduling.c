/*
 * The policy of the process: batch unless it was chosen, also of threads that are made later.
 */
#include "expect.h"

#include "gateway/process/scheduling.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

/* In a child: a policy that was set is not taken back without a right. */
static bool holds(bool (*act)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(act() ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void *policy(void *ctx)
{
    *(int *)ctx = sched_getscheduler(0);
    return NULL;
}

static bool becomes_batch(void)
{
    int of_thread = -1;
    pthread_t thread;
    return nv_scheduling_as_batch() && sched_getscheduler(0) == SCHED_BATCH &&
           pthread_create(&thread, NULL, policy, &of_thread) == 0 &&
           pthread_join(thread, NULL) == 0 && of_thread == SCHED_BATCH;
}

static bool stays_idle(void)
{
    const struct sched_param none = {.sched_priority = 0};
    return sched_setscheduler(0, SCHED_IDLE, &none) == 0 && !nv_scheduling_as_batch() &&
           sched_getscheduler(0) == SCHED_IDLE;
}

/* As under a filter of system calls that knows none of these. */
static bool goes_on_where_refused(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setscheduler, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog filter = {sizeof steps / sizeof steps[0], steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 &&
           !nv_scheduling_as_batch() && sched_getscheduler(0) == SCHED_OTHER;
}

START_TEST(batch_unless_it_was_chosen)
{
    ck_assert(holds(becomes_batch));
    ck_assert(holds(stays_idle));
    ck_assert(holds(goes_on_where_refused));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/process/scheduling");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, batch_unless_it_was_chosen);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
