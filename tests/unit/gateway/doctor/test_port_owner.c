/*
 * Who listens: in a /proc of the test's own, and of this very process in the real one.
 */
#include "expect.h"
#include "listening.h"

#include "gateway/doctor/port_owner.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static char proc[64];

static void make_directory(const char *name)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", proc, name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void make_file(const char *name, const char *text)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", proc, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void make_link(const char *name, const char *target)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", proc, name);
    ck_assert_int_eq(symlink(target, path), 0);
}

#define LINE(address, state, uid, inode)                                                       \
    "   0: " address " 00000000:0000 " state " 00000000:00000000 00:00000000 00000000 " uid    \
    "        0 " inode " 1 0000000000000000 100 0 0 10 0\n"

static void set_up(void)
{
    (void)snprintf(proc, sizeof proc, "/tmp/noveum-proc-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(proc));
    make_directory("net");
    make_file("net/tcp",
              "  sl  local_address rem_address   st\nshort line\n" LINE(
                  "0100007F:10DE", "01", " 7", "99") /* a connection, not a listener */
              LINE("0100007F:10DE", "0A", " 1000", "4711")
                  LINE("0100007F:10DF", "0A", " 33", "4712"));
    make_file("net/tcp6",
              "  sl\n" LINE("00000000000000000000000000000000:10E0", "0A", "0", "4713"));
    make_directory("self");
    make_directory("12");
    make_directory("12/fd");
    make_link("12/fd/0", "/dev/null");
    make_directory("34");
    make_directory("34/fd");
    make_link("34/fd/5", "socket:[4711]");
    make_file("34/comm", "other server\n");
    make_directory("56");
    make_directory("56/fd");
    make_link("56/fd/3", "socket:[4713]");
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void tear_down(void)
{
    ck_assert_int_eq(nftw(proc, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Ports of the tables above. */
static const struct {
    unsigned port, uid;
    int pid;
    const char *name;
} owners[] = {
    {4318, 1000, 34, "other server"},
    {4319, 33, 0, ""}, /* its descriptors are not ours to see */
    {4320, 0, 56, ""}, /* IPv6, a process without a name */
};

START_TEST(who_listens)
{
    struct nv_port_owner owner;
    nv_port_owner_find(proc, owners[_i].port, &owner);
    ck_assert(owner.listens);
    ck_assert_uint_eq(owner.uid, owners[_i].uid);
    ck_assert_int_eq(owner.pid, owners[_i].pid);
    ck_assert_str_eq(owner.name, owners[_i].name);
}
END_TEST

START_TEST(nobody)
{
    struct nv_port_owner owner;
    nv_port_owner_find(proc, 4321, &owner);
    ck_assert(!owner.listens);
    nv_port_owner_find("/nonexistent", 4318, &owner);
    ck_assert(!owner.listens);
}
END_TEST

START_TEST(this_process)
{
    char address[NV_TEST_ADDRESS_SIZE];
    struct nv_port_owner owner;
    uint64_t port = 0;
    int fd = nv_test_listening(address);
    ck_assert_int_eq(nv_str_to_uint64(nv_str_from(strrchr(address, ':') + 1), &port), NV_OK);
    nv_port_owner_find("/proc", (unsigned)port, &owner);
    ck_assert(owner.listens);
    ck_assert_int_eq(owner.pid, (int)getpid());
    ck_assert_uint_eq(owner.uid, geteuid());
    (void)close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/port_owner");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, who_listens, 0, (int)(sizeof owners / sizeof owners[0]));
    tcase_add_test(tcase, nobody);
    tcase_add_test(tcase, this_process);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
