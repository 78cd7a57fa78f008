/*
 * The limit of descriptors: raised to the hard one and never above, told when it is low. Each case
 * runs in a child, because a hard limit that was lowered can't be taken back.
 */
#include "expect.h"

#include "base/log.h"
#include "gateway/descriptors.h"

#include <stdlib.h>
#include <sys/resource.h>
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

START_TEST(the_soft_limit_becomes_the_hard_one)
{
    static const struct example examples[] = {
        {64, 300, 300, true}, {300, 300, 300, true}, {64, 4096, 4096, false}, {64, 0, 0, false}};
    int status = -1;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(is_right(&examples[_i]) ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptors");
    TCase *tcase = tcase_create("descriptors");
    tcase_add_loop_test(tcase, the_soft_limit_becomes_the_hard_one, 0, 4);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
