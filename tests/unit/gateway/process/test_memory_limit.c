/*
 * The control group's limit: both versions, the least on the way up, what can't be read, and
 * what is no limit. The files stand in a directory of the test's own.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/process/memory_limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define MACHINE (UINT64_C(1) << 33)

static char directory[] = "/tmp/noveum-limit-XXXXXX";
static char groups[64], mount[64];
static const struct nv_memory_places places = {groups, mount};

/* What a test has written, to be removed behind it. */
static const char *const files[] = {"proc",
                                    "fs/memory.max",
                                    "fs/a/memory.max",
                                    "fs/a/b/memory.max",
                                    "fs/memory/memory.limit_in_bytes",
                                    "fs/memory/a/memory.limit_in_bytes"};
static const char *const directories[] = {"fs", "fs/a", "fs/a/b", "fs/memory", "fs/memory/a"};

static void place_of(char out[128], const char *name)
{
    (void)snprintf(out, 128, "%s/%s", directory, name);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    place_of(path, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void set_up(void)
{
    char path[128];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(groups, sizeof groups, "%s/proc", directory);
    (void)snprintf(mount, sizeof mount, "%s/fs", directory);
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        place_of(path, directories[i]);
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
}

static void tear_down(void)
{
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        place_of(path, files[i]);
        (void)unlink(path);
    }
    for (size_t i = sizeof directories / sizeof directories[0]; i > 0; i--) {
        place_of(path, directories[i - 1]);
        (void)rmdir(path);
    }
    (void)rmdir(directory);
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
}

START_TEST(the_least_on_the_way_up_in_version_2)
{
    static const struct {
        const char *here, *above, *root;
        uint64_t limit;
    } rows[] = {
        {"max\n", "max\n", "max\n", 0},         {"67108864\n", "max\n", "max\n", 67108864},
        {"67108864\n", "1000\n", "max", 1000},  {"max\n", "2000\n", "3000\n", 2000},
        {"max\n", "max\n", "3000\n", 3000},     {"nonsense", "", "-1", 0},
        {"8589934592", "8589934593", "max", 0},
    };
    write_file("proc", "0::/a/b\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file("fs/a/b/memory.max", rows[i].here);
        write_file("fs/a/memory.max", rows[i].above);
        write_file("fs/memory.max", rows[i].root);
        ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), rows[i].limit);
    }
}
END_TEST

START_TEST(version_1_and_both_at_once)
{
    write_file("proc", "5:devices:/a\n4:cpu,memory:/a\n0::/\n");
    write_file("fs/memory/a/memory.limit_in_bytes", "5000\n");
    ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 5000);
    write_file("fs/memory/memory.limit_in_bytes", "9223372036854771712\n");
    ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 5000);
    write_file("fs/memory.max", "4000\n");
    ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 4000);
    write_file("proc", "5:devices:/a\n");
    ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 0);
}
END_TEST

START_TEST(the_hosts_path_inside_a_container)
{
    write_file("proc", "0::/system.slice/docker-1234.scope\n");
    write_file("fs/memory.max", "123456\n");
    ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 123456);
}
END_TEST

START_TEST(what_is_no_such_file)
{
    static const char *const texts[] = {"", "\n", "::", "0:", "a:b", "0::\n\n", "4:memory:"};
    ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file("proc", texts[i]);
        ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 0);
    }
    char path[6000];
    memset(path, 'p', sizeof path);
    (void)snprintf(path, sizeof path, "0::/");
    path[4] = 'p';
    path[sizeof path - 1] = '\0';
    write_file("proc", path);
    ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 0);
}
END_TEST

START_TEST(without_memory_there_is_none)
{
    write_file("proc", "0::/a\n");
    write_file("fs/a/memory.max", "7000\n");
    ck_assert_uint_eq(nv_memory_limit(&places, MACHINE), 7000);
    for (unsigned long n = 1; n <= 2; n++) { /* of the one file, of the other */
        oom_fail_nth(n);
        uint64_t limit = nv_memory_limit(&places, MACHINE);
        ck_assert(oom_end());
        ck_assert_uint_eq(limit, 0);
    }
}
END_TEST

START_TEST(this_machine)
{
    uint64_t machine = nv_memory_machine_bytes();
    ck_assert_uint_gt(machine, UINT64_C(1) << 24);
    ck_assert_uint_lt(nv_memory_limit(nv_memory_places_system(), machine), machine);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/memory_limit");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_least_on_the_way_up_in_version_2);
    tcase_add_test(tcase, version_1_and_both_at_once);
    tcase_add_test(tcase, the_hosts_path_inside_a_container);
    tcase_add_test(tcase, what_is_no_such_file);
    tcase_add_test(tcase, without_memory_there_is_none);
    tcase_add_test(tcase, this_machine);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
