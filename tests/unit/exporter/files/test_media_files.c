/*
 * Files of media: names, modes, whole or not there, limits by number, bytes and age, what an
 * earlier run left, and disks that take nothing.
 */
#include "expect.h"
#include "fixtures.h"
#include "oom.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "exporter/files/media_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define FOOBAR "01010101-0101-0101-0101-010101010101"

/* In the place of libc's: when told to, it fails for what is a directory. */
static bool directory_fails;

int fsync(int fd)
{
    struct stat info;
    if (directory_fails && fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        errno = EIO;
        return -1;
    }
    return 0;
}

static char root[64], directory[96];
static struct nv_fake_clock clock_;
static struct nv_media_files_config config;
static struct nv_media_files *files;
static char name[NV_MEDIA_FILE_NAME];

static void open_files(void)
{
    struct nv_fail fail = {0};
    files = nv_media_files_new(&config, &clock_.clock, &fail);
    ck_assert_msg(files != NULL, "%s", fail.what);
}

static void set_up(void)
{
    (void)snprintf(root, sizeof root, "/tmp/nv-media-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    (void)snprintf(directory, sizeof directory, "%s/media", root);
    config = (struct nv_media_files_config){
        .directory = directory, .files_max = 3, .bytes_max = 1000, .age_ms = 60000};
    nv_fake_clock_init(&clock_, 0, UINT64_C(1800000000) * NV_NS_PER_S);
    nv_count_reset();
    open_files();
}

static void tear_down(void)
{
    nv_media_files_free(files);
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        (void)closedir(dir);
    (void)rmdir(directory);
    (void)rmdir(root);
}

static struct nv_medium medium(uint8_t number, const char *mime)
{
    struct nv_medium one = {
        .type = {.mime = nv_str_from(mime), .format = NV_STR("x"), .kind = NV_MEDIA_FILE},
        .text = NV_STR("Zm9v\\/mFy"),
        .bytes = 6};
    memset(one.uuid, number, sizeof one.uuid);
    return one;
}

static enum nv_err keep(const struct nv_medium *one)
{
    const struct nv_media_keeper *keeper = nv_media_files_keeper(files);
    return keeper->keep(keeper->ctx, one, name);
}

static enum nv_err keep_number(uint8_t number)
{
    struct nv_medium one = medium(number, "application/pdf");
    return keep(&one);
}

static char *path_of(const char *file)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", directory, file);
    return path;
}

static bool is_there(uint8_t number)
{
    char text[NV_MEDIA_UUID_TEXT], file[NV_MEDIA_FILE_NAME];
    struct nv_medium one = medium(number, "");
    nv_media_uuid_text(one.uuid, text);
    (void)snprintf(file, sizeof file, "%s.pdf", text);
    return access(path_of(file), F_OK) == 0;
}

static unsigned file_count(void)
{
    unsigned count = 0;
    DIR *dir = opendir(directory);
    const struct dirent *entry;
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(dir);
    return count;
}

static uint64_t counted(enum nv_counter id)
{
    return nv_count_get(id);
}

START_TEST(a_file_has_its_bytes_and_is_private)
{
    struct stat info;
    ck_assert_int_eq(keep_number(1), NV_OK);
    ck_assert_str_eq(name, FOOBAR ".pdf");
    struct nv_str text = nv_test_read_file(path_of(name));
    ck_assert_nv_str(text, "foo\xfe"
                           "ar");
    free((void *)(uintptr_t)text.ptr);
    ck_assert_int_eq(stat(path_of(name), &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(directory, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0700);
    struct nv_medium raw = medium(2, "video/mp4");
    raw.raw = true;
    raw.text = NV_STR("abcdef");
    ck_assert_int_eq(keep(&raw), NV_OK);
    text = nv_test_read_file(path_of(name));
    ck_assert_nv_str(text, "abcdef");
    free((void *)(uintptr_t)text.ptr);
    ck_assert_uint_eq(file_count(), 2);
    ck_assert_uint_eq(counted(NV_COUNT_MEDIA_FILES_WRITTEN), 2);
}
END_TEST

static const struct {
    const char *mime, *file;
} names[] = {
    {"video/mp4", FOOBAR ".mp4"},
    {"image/jpeg", FOOBAR ".jpeg"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", FOOBAR ".xlsx"},
    {"text/html", FOOBAR ".bin"},
    {"image/svg+xml", FOOBAR ".bin"},
    {"application/x-sh", FOOBAR ".bin"},
    {"", FOOBAR ".bin"},
};

START_TEST(endings_are_of_a_table)
{
    struct nv_medium one = medium(1, names[_i].mime);
    ck_assert_int_eq(keep(&one), NV_OK);
    ck_assert_str_eq(name, names[_i].file);
    ck_assert_uint_eq(file_count(), 1);
}
END_TEST

START_TEST(a_replay_writes_none_twice)
{
    struct stat before, after;
    ck_assert_int_eq(keep_number(1), NV_OK);
    ck_assert_int_eq(stat(path_of(name), &before), 0);
    ck_assert_int_eq(keep_number(1), NV_OK);
    nv_media_files_free(files);
    open_files();
    ck_assert_int_eq(keep_number(1), NV_OK);
    ck_assert_int_eq(stat(path_of(name), &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    ck_assert_uint_eq(counted(NV_COUNT_MEDIA_FILES_WRITTEN), 1);
}
END_TEST

START_TEST(so_many_and_no_more)
{
    for (uint8_t i = 1; i <= 4; i++)
        ck_assert_int_eq(keep_number(i), NV_OK);
    ck_assert(!is_there(1) && is_there(2) && is_there(3) && is_there(4));
    ck_assert_uint_eq(counted(NV_COUNT_MEDIA_FILES_REMOVED), 1);
    ck_assert_uint_eq(file_count(), 3);
}
END_TEST

START_TEST(so_many_bytes_and_no_more)
{
    nv_media_files_free(files);
    config.bytes_max = 12;
    open_files();
    for (uint8_t i = 1; i <= 2; i++)
        ck_assert_int_eq(keep_number(i), NV_OK);
    ck_assert_uint_eq(file_count(), 2);
    ck_assert_int_eq(keep_number(3), NV_OK);
    ck_assert(!is_there(1) && is_there(2) && is_there(3));
    struct nv_medium large = medium(4, "application/pdf");
    large.bytes = 13;
    ck_assert_int_eq(keep(&large), NV_ERR_LIMIT);
    ck_assert_uint_eq(file_count(), 2); /* none makes room in vain */
    ck_assert_uint_eq(counted(NV_COUNT_MEDIA_FILES_FAILED), 1);
    large.bytes = UINT64_MAX;
    ck_assert_int_eq(keep(&large), NV_ERR_LIMIT);
    ck_assert_uint_eq(file_count(), 2);
    ck_assert_int_eq(keep_number(5), NV_OK);
}
END_TEST

START_TEST(so_old_and_no_older)
{
    ck_assert_uint_eq(nv_media_files_expire(files), UINT64_MAX);
    ck_assert_int_eq(keep_number(1), NV_OK);
    clock_.wall += 30000 * NV_NS_PER_MS;
    ck_assert_int_eq(keep_number(2), NV_OK);
    ck_assert_uint_eq(nv_media_files_expire(files), 30000 * NV_NS_PER_MS);
    clock_.wall += 30000 * NV_NS_PER_MS - 1;
    ck_assert_uint_eq(nv_media_files_expire(files), 1);
    ck_assert(is_there(1));
    clock_.wall++;
    ck_assert_uint_eq(nv_media_files_expire(files), 30000 * NV_NS_PER_MS);
    ck_assert(!is_there(1) && is_there(2));
    clock_.wall += 30000 * NV_NS_PER_MS;
    ck_assert_uint_eq(nv_media_files_expire(files), UINT64_MAX);
    ck_assert_uint_eq(file_count(), 0);
    nv_media_files_free(files);
    config.age_ms = 0;
    open_files();
    ck_assert_int_eq(keep_number(3), NV_OK);
    clock_.wall += 60001 * NV_NS_PER_MS;
    ck_assert_uint_eq(nv_media_files_expire(files), UINT64_MAX);
    ck_assert(is_there(3));
}
END_TEST

static void make(const char *file, int seconds)
{
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    int fd = open(path_of(file), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "123456", 6), 6);
    ck_assert_int_eq(futimens(fd, times), 0);
    (void)close(fd);
}

START_TEST(an_earlier_run_counts)
{
    nv_media_files_free(files);
    make("03030303-0303-0303-0303-030303030303.pdf", 300);
    make("01010101-0101-0101-0101-010101010101.pdf", 100);
    make("02020202-0202-0202-0202-020202020202.mp4", 200);
    make("04040404-0404-0404-0404-040404040404.bin", 400);
    make(".writing-7.tmp", 500);
    make("README", 1);
    make("05050505-0505-0505-0505-050505050505.exe", 1);
    make("0505050505050505-0505-0505-0505-05050505.bin", 1);
    open_files();
    ck_assert_int_ne(access(path_of("01010101-0101-0101-0101-010101010101.pdf"), F_OK), 0);
    ck_assert_int_ne(access(path_of(".writing-7.tmp"), F_OK), 0);
    ck_assert_uint_eq(file_count(), 6); /* three of ours, three of others */
    ck_assert_int_eq(keep_number(9), NV_OK);
    ck_assert_int_ne(access(path_of("02020202-0202-0202-0202-020202020202.mp4"), F_OK), 0);
    ck_assert_uint_eq(file_count(), 6);
    nv_media_files_free(files);
    config.bytes_max = 5;
    open_files();
    ck_assert_uint_eq(file_count(), 3);
}
END_TEST

START_TEST(what_others_removed_costs_nothing)
{
    ck_assert_int_eq(keep_number(1), NV_OK);
    (void)unlink(path_of(name));
    for (uint8_t i = 2; i <= 4; i++)
        ck_assert_int_eq(keep_number(i), NV_OK);
    ck_assert_uint_eq(file_count(), 3);
    ck_assert_uint_eq(counted(NV_COUNT_MEDIA_FILES_REMOVED), 0);
}
END_TEST

/* A full disk, as far as a process can have one to itself. */
START_TEST(a_disk_that_takes_nothing_leaves_nothing)
{
    struct rlimit before, none;
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){3, before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum nv_err err = keep_number(1);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_int_eq(err, NV_ERR_IO);
    ck_assert_uint_eq(file_count(), 0);
    ck_assert_uint_eq(counted(NV_COUNT_MEDIA_FILES_FAILED), 1);
    for (uint8_t i = 1; i <= 3; i++) /* nothing stays reserved */
        ck_assert_int_eq(keep_number(i), NV_OK);
    ck_assert_uint_eq(file_count(), 3);
}
END_TEST

START_TEST(fewer_bytes_than_told_are_no_file)
{
    struct nv_medium one = medium(1, "application/pdf");
    one.bytes = 7;
    ck_assert_int_eq(keep(&one), NV_ERR_MALFORMED);
    ck_assert_uint_eq(file_count(), 0);
}
END_TEST

START_TEST(a_planted_link_is_not_followed)
{
    char victim[128];
    struct stat info;
    (void)snprintf(victim, sizeof victim, "%s/victim", root);
    (void)close(open(victim, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ck_assert_int_eq(symlink(victim, path_of(FOOBAR ".pdf")), 0);
    ck_assert_int_eq(symlink(victim, path_of(".writing-0.tmp")), 0);
    ck_assert_int_ne(keep_number(1), NV_OK); /* never through a link */
    ck_assert_int_eq(keep_number(1), NV_OK); /* the next name is free */
    ck_assert_int_eq(stat(victim, &info), 0);
    ck_assert_int_eq(info.st_size, 0);
    ck_assert_int_eq(lstat(path_of(FOOBAR ".pdf"), &info), 0);
    ck_assert(S_ISREG(info.st_mode));
    (void)unlink(victim);
}
END_TEST

static enum nv_err read_back(const char *file, struct nv_buf *out)
{
    nv_buf_clear(out);
    return nv_media_files_read(files, nv_str_from(file), out);
}

START_TEST(a_file_is_read_back_by_its_name_alone)
{
    struct nv_buf out;
    uint64_t bytes = 0;
    nv_buf_init(&out, 100);
    ck_assert_int_eq(keep_number(1), NV_OK);
    ck_assert_int_eq(read_back(name, &out), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "foo\xfe"
                                       "ar");
    ck_assert_int_eq(nv_media_files_bytes(files, nv_str_from(name), &bytes), NV_OK);
    ck_assert_uint_eq(bytes, 6);
    ck_assert_int_eq(read_back("02020202-0202-0202-0202-020202020202.pdf", &out),
                     NV_ERR_NOT_FOUND);
    ck_assert_int_eq(read_back("../media/" FOOBAR ".pdf", &out), NV_ERR_NOT_FOUND);
    ck_assert_int_eq(symlink("/etc/passwd", path_of(FOOBAR ".png")), 0);
    ck_assert_int_eq(read_back(FOOBAR ".png", &out), NV_ERR_NOT_FOUND);
    ck_assert_int_eq(mkfifo(path_of(FOOBAR ".gif"), 0600), 0); /* nobody writes: no wait */
    ck_assert_int_eq(read_back(FOOBAR ".gif", &out), NV_ERR_NOT_FOUND);
    nv_buf_release(&out);
    nv_buf_init(&out, 5);
    ck_assert_int_eq(read_back(FOOBAR ".pdf", &out), NV_ERR_LIMIT);
    nv_buf_release(&out);
}
END_TEST

START_TEST(it_is_synced_when_asked)
{
    nv_media_files_free(files);
    config.sync = true;
    open_files();
    ck_assert_int_eq(keep_number(1), NV_OK);
    ck_assert(is_there(1));
}
END_TEST

/* What stayed would count for nothing until the next start, and be found as whole. */
START_TEST(a_name_that_may_be_lost_leaves_no_file)
{
    nv_media_files_free(files);
    config.sync = true;
    open_files();
    directory_fails = true;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(keep_number(1), NV_ERR_IO);
        ck_assert_uint_eq(file_count(), 0);
    }
    ck_assert_uint_eq(counted(NV_COUNT_MEDIA_FILES_FAILED), 2);
    directory_fails = false;
    ck_assert_int_eq(keep_number(1), NV_OK);
    ck_assert_uint_eq(file_count(), 1);
}
END_TEST

START_TEST(directories_that_do_not_do)
{
    struct nv_fail fail = {0};
    config.directory = "/dev/null";
    ck_assert_ptr_null(nv_media_files_new(&config, &clock_.clock, &fail));
    ck_assert_int_eq(fail.code, NV_ERR_IO);
    ck_assert_str_eq(fail.path, "media.directory");
}
END_TEST

START_TEST(without_memory_there_are_none)
{
    ck_assert_int_eq(keep_number(1), NV_OK);
    nv_media_files_free(files);
    files = NULL;
    config.files_max = NV_MEDIA_FILES_MAX;
    for (unsigned long n = 1; !files; n++) {
        struct nv_fail fail = {0};
        oom_fail_nth(n);
        files = nv_media_files_new(&config, &clock_.clock, &fail);
        bool failed = oom_end();
        ck_assert(failed == !files);
        ck_assert(!failed || fail.code == NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/files/media_files");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_file_has_its_bytes_and_is_private);
    tcase_add_loop_test(tests, endings_are_of_a_table, 0, sizeof names / sizeof *names);
    tcase_add_test(tests, a_replay_writes_none_twice);
    tcase_add_test(tests, so_many_and_no_more);
    tcase_add_test(tests, so_many_bytes_and_no_more);
    tcase_add_test(tests, so_old_and_no_older);
    tcase_add_test(tests, an_earlier_run_counts);
    tcase_add_test(tests, what_others_removed_costs_nothing);
    tcase_add_test(tests, a_disk_that_takes_nothing_leaves_nothing);
    tcase_add_test(tests, fewer_bytes_than_told_are_no_file);
    tcase_add_test(tests, a_planted_link_is_not_followed);
    tcase_add_test(tests, a_file_is_read_back_by_its_name_alone);
    tcase_add_test(tests, it_is_synced_when_asked);
    tcase_add_test(tests, a_name_that_may_be_lost_leaves_no_file);
    tcase_add_test(tests, directories_that_do_not_do);
    tcase_add_test(tests, without_memory_there_are_none);
    suite_add_tcase(suite, tests);
    return nv_test_run(suite);
}
