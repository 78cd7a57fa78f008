/*
 * The limit of descriptors: raised to the hard one and never above, told when it is low. Each
 * case runs in a child, because a hard limit that was lowered can't be taken back.
 */
#include "expect.h"

#include "base/log/log.h"
#include "gateway/process/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/banned.h"

static bool told;

static void sink(void *ctx, struct nv_str line)
{
    (void)ctx;
    told = told || nv_str_find(line, NV_STR("limit=300")) != SIZE_MAX;
}

struct example {
    rlim_t soft, hard, raised; /* hard 0: as it is */
    bool told;
};

static bool is_right(const struct example *example)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = example->soft;
    limit.rlim_max = example->hard > 0 ? example->hard : limit.rlim_max;
    rlim_t hard = limit.rlim_max, raised = example->raised > 0 ? example->raised : hard;
    nv_log_configure(NV_LOG_INFO, NV_LOG_TEXT);
    nv_log_set_sink(sink, NULL);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    uint64_t got = nv_descriptors_raise();
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == raised &&
           limit.rlim_max == hard && got == (raised == RLIM_INFINITY ? UINT64_MAX : raised) &&
           told == example->told;
}

/* The kernel then refuses every change of a limit, as where fs.nr_open was lowered; reading
 * goes.
 */
static bool refuse_changes(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prlimit64, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof steps / sizeof steps[0], steps};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static bool goes_on_when_refused(const struct example *example)
{
    (void)example;
    struct rlimit limit = {.rlim_cur = 300, .rlim_max = 400};
    nv_log_configure(NV_LOG_INFO, NV_LOG_TEXT);
    nv_log_set_sink(sink, NULL);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    /* where no filter can be set there is nothing to see */
    return !refuse_changes() || (nv_descriptors_raise() == 300 && told);
}

/* exit and not _exit: coverage is written by a handler of it. */
static void expect_in_child(bool (*check)(const struct example *),
                            const struct example *example)
{
    int status = -1;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        exit(check(example) ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(the_soft_limit_becomes_the_hard_one)
{
    static const struct example examples[] = {{64, 300, 300, true},
                                              {300, 300, 300, true},
                                              {64, 4096, 4096, false},
                                              {64, 0, 0, false}};
    expect_in_child(is_right, &examples[_i]);
}
END_TEST

START_TEST(a_limit_that_cannot_be_raised_is_used_as_it_is)
{
    expect_in_child(goes_on_when_refused, NULL);
}
END_TEST

static bool holds_what_is_closed(const struct example *unused)
{
    (void)unused;
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
    nv_descriptors_hold_standard();
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return before > STDERR_FILENO && after > STDERR_FILENO &&
           fcntl(STDIN_FILENO, F_GETFD) == 0 && write(STDOUT_FILENO, "x", 1) == 1;
}

START_TEST(no_file_gets_the_number_of_standard_output)
{
    expect_in_child(holds_what_is_closed, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptors");
    TCase *tcase = tcase_create("descriptors");
    tcase_add_loop_test(tcase, the_soft_limit_becomes_the_hard_one, 0, 4);
    tcase_add_test(tcase, a_limit_that_cannot_be_raised_is_used_as_it_is);
    tcase_add_test(tcase, no_file_gets_the_number_of_standard_output);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
