/*
 * Recovery: a small journal with every byte flipped, zeroed and cut off in turn; crashes at
 * every write, sync and allocation; and a random life against a model.
 *
 * Damage may cost the records it covers and no others; whatever is read back is as it was
 * written.
 */
#include "expect.h"
#include "journal/journal_internal.h"
#include "journal_kit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct journal_kit kit;

static void setup(void)
{
    journal_kit_init(&kit);
}

static void setup_encrypted(void)
{
    journal_kit_encrypted = true;
    setup();
    journal_kit_encrypted = false;
}

static void teardown(void)
{
    journal_kit_release(&kit);
}

/* ---- damage at every byte ---------------------------------------------------------------- */

#define SMALL_RECORDS 6

static char *image;
static size_t image_len;
static uint64_t small_ids[SMALL_RECORDS];
static uint32_t small_offsets[SMALL_RECORDS + 1];

static void small_path(char path[128])
{
    snprintf(path, 128, "%s/journal-00000001", kit.directory);
}

static void body_of(int i, char body[300])
{
    memset(body, 'a' + i, 299);
    body[20 + i * 50] = 0;
}

/* A journal of one file of 16 KiB with six records, the third released, and its image. */
static void make_small(void)
{
    char path[128];
    char body[300];
    kit.config.segment_bytes = NV_SEGMENT_MIN;
    kit.config.sync = false;
    journal_kit_open(&kit);
    for (int i = 0; i < SMALL_RECORDS; i++) {
        body_of(i, body);
        small_ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
        small_offsets[i] = kit.journal->entries[i].offset;
    }
    small_offsets[SMALL_RECORDS] = kit.journal->active->end;
    nv_journal_release(kit.journal, &small_ids[2], 1);
    journal_kit_close(&kit);
    small_path(path);
    int fd = open(path, O_RDONLY);
    struct stat stat;
    ck_assert_int_eq(fstat(fd, &stat), 0);
    image_len = (size_t)stat.st_size;
    image = malloc(image_len);
    ck_assert_int_eq(read(fd, image, image_len), (ssize_t)image_len);
    close(fd);
}

static void write_image(const char *bytes, size_t len)
{
    char path[128];
    journal_kit_clear(&kit);
    small_path(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

/* Opens the damaged journal; all but the records in [from, to) of the file must be sound. */
static void check_damaged(size_t from, size_t to, bool release_hit)
{
    journal_kit_open(&kit);
    for (int i = 0; i < SMALL_RECORDS; i++) {
        char body[300];
        struct nv_buf got;
        nv_buf_init(&got, 4096);
        enum nv_err err = nv_journal_read_record(kit.journal, small_ids[i], NULL, NULL, &got);
        body_of(i, body);
        if (err == NV_OK)
            ck_assert(nv_str_eq(nv_buf_str(&got), nv_str_from(body)));
        bool hit = from < small_offsets[i + 1] && to > small_offsets[i];
        if (i == 2)
            ck_assert(err == NV_ERR_NOT_FOUND || release_hit);
        else if (err != NV_OK)
            ck_assert_msg(hit, "record %d is lost, damage at %zu..%zu", i, from, to);
        nv_buf_release(&got);
    }
    uint64_t id = journal_kit_put(&kit, NV_RECORD_TRACES, "goes on");
    journal_kit_expect(&kit, id, "goes on");
}

static bool is_release_byte(size_t at)
{
    return at == NV_SEGMENT_PAGE + 2;
}

/* The parts of the file where a byte matters: the header, some release bytes, the records. */
static bool worth_a_try(size_t at)
{
    return at < 70 || (at >= NV_SEGMENT_PAGE && at < NV_SEGMENT_PAGE + 8) ||
           (at >= small_offsets[0] && at < small_offsets[SMALL_RECORDS] + 70);
}

START_TEST(one_byte_flipped_anywhere)
{
    make_small();
    char *damaged = malloc(image_len);
    for (size_t at = 0; at < image_len; at++) {
        if (!worth_a_try(at))
            continue;
        memcpy(damaged, image, image_len);
        damaged[at] = (char)(damaged[at] ^ (1 << at % 8));
        write_image(damaged, image_len);
        check_damaged(at, at + 1, is_release_byte(at));
    }
    free(damaged);
    free(image);
}
END_TEST

START_TEST(a_stretch_of_zeros_anywhere)
{
    make_small();
    char *damaged = malloc(image_len);
    for (size_t at = small_offsets[0]; at < small_offsets[SMALL_RECORDS]; at += 7) {
        size_t to = at + 200 < image_len ? at + 200 : image_len;
        memcpy(damaged, image, image_len);
        memset(damaged + at, 0, to - at);
        write_image(damaged, image_len);
        check_damaged(at, to, false);
    }
    free(damaged);
    free(image);
}
END_TEST

START_TEST(cut_off_anywhere)
{
    make_small();
    for (size_t len = 0; len < image_len; len++) {
        if (!worth_a_try(len))
            continue;
        write_image(image, len);
        /* A shorter file may have a smaller release area: then nothing is where it was. */
        struct nv_segment layout = {0};
        nv_segment_layout(&layout, (uint32_t)len);
        check_damaged(len, SIZE_MAX, layout.data_start != small_offsets[0] || len < 8192);
    }
    free(image);
}
END_TEST

START_TEST(damage_in_the_middle_is_counted_and_kept_aside)
{
    make_small();
    image[small_offsets[1] + 50] ^= 1;
    write_image(image, image_len);
    journal_kit_open(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.damaged, 1);
    ck_assert_uint_eq(status.records, SMALL_RECORDS - 2);
    nv_journal_release(kit.journal, small_ids, SMALL_RECORDS);
    nv_journal_maintain(kit.journal);
    char path[128];
    snprintf(path, sizeof path, "%s/damaged-00000001", kit.directory);
    ck_assert_int_eq(access(path, F_OK), 0);
    free(image);
}
END_TEST

START_TEST(a_lost_header_of_the_last_record_is_counted)
{
    make_small();
    image[small_offsets[SMALL_RECORDS - 1] + 5] ^= 1;
    write_image(image, image_len);
    journal_kit_open(&kit);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.damaged, 1);
    free(image);
}
END_TEST

START_TEST(damage_while_running_is_found_when_read)
{
    char path[128];
    make_small();
    journal_kit_open(&kit);
    small_path(path);
    int fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "X", 1, small_offsets[0] + 45), 1);
    close(fd);
    struct nv_buf got;
    nv_buf_init(&got, 4096);
    ck_assert_int_eq(nv_journal_read_record(kit.journal, small_ids[0], NULL, NULL, &got),
                     NV_ERR_MALFORMED);
    ck_assert_int_eq(nv_journal_read_record(kit.journal, small_ids[1], NULL, NULL, &got),
                     NV_OK);
    nv_buf_release(&got);
    free(image);
}
END_TEST

/* tests/data/journal-format-1 was written by another program from the description of the
 * format. */
START_TEST(a_file_of_format_1_is_read)
{
    char command[512];
    snprintf(command, sizeof command,
             "cp '%s/tests/data/journal-format-1/journal-00000001' '%s'", NOVEUM_SOURCE_DIR,
             kit.directory);
    ck_assert_int_eq(system(command), 0);
    journal_kit_open(&kit);
    journal_kit_expect(&kit, 41, "first");
    ck_assert_int_eq(nv_journal_read_record(kit.journal, 42, NULL, NULL, NULL),
                     NV_ERR_NOT_FOUND);
    struct nv_buf head;
    enum nv_record_kind kind;
    nv_buf_init(&head, 100);
    ck_assert_int_eq(nv_journal_read_record(kit.journal, 43, &kind, &head, NULL), NV_OK);
    ck_assert_int_eq(kind, NV_RECORD_DEAD_LETTER);
    ck_assert(nv_str_eq(nv_buf_str(&head), NV_STR("why")));
    nv_buf_release(&head);
    journal_kit_expect(&kit, 43, "third");
    ck_assert_uint_eq(journal_kit_put(&kit, NV_RECORD_TRACES, "next"), 44);
    ck_assert_uint_gt(kit.journal->active->epoch, 7);
    struct nv_journal_status status;
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.damaged, 0);
}
END_TEST

/* ---- crashes at every point -------------------------------------------------------------- */

#define LIFE_STEPS 14

/* What a process acknowledged, in memory it shares with the test. */
struct witness {
    uint64_t ids[LIFE_STEPS];
    int acked;
    int released; /* the first so many ids were released, maybe */
};

/* A short life: puts that fill files, releases that free some, stragglers that move. */
static void live(struct witness *witness)
{
    static char body[9000];
    journal_kit_open(&kit);
    for (int i = 0; i < LIFE_STEPS; i++) {
        memset(body, 'a' + i, sizeof body - 1);
        body[i % 3 == 0 ? 100 : sizeof body - 1] = 0;
        witness->ids[i] = journal_kit_put(&kit, NV_RECORD_TRACES, body);
        witness->acked = i + 1;
        if (i % 4 == 3) {
            uint64_t ids[3] = {witness->ids[i - 1], witness->ids[i - 2], witness->ids[i]};
            witness->released = i + 1;
            nv_journal_release(kit.journal, ids, 3);
            nv_journal_maintain(kit.journal);
        }
    }
    nv_journal_close(kit.journal);
}

/* After i % 4 == 3 all but the first of four are released. */
static void check_life(const struct witness *witness)
{
    char body[9000];
    for (int i = 0; i < witness->acked; i++) {
        struct nv_buf got;
        memset(body, 'a' + i, sizeof body - 1);
        body[i % 3 == 0 ? 100 : sizeof body - 1] = 0;
        nv_buf_init(&got, 1 << 20);
        enum nv_err err =
            nv_journal_read_record(kit.journal, witness->ids[i], NULL, NULL, &got);
        bool may_be_gone = i < witness->released && i % 4 != 0;
        ck_assert_msg(err == NV_OK || may_be_gone, "record %d of %d is lost", i,
                      witness->acked);
        if (err == NV_OK)
            ck_assert(nv_str_eq(nv_buf_str(&got), nv_str_from(body)));
        nv_buf_release(&got);
    }
}

START_TEST(a_crash_at_any_point_loses_nothing)
{
    char path[128];
    int points = 0;
    kit.config.segment_bytes = 32 << 10;
    for (bool crashed = true; crashed; points++) {
        struct witness witness = {.acked = 0};
        journal_kit_clear(&kit);
        snprintf(path, sizeof path, "%s/../noveum-witness-%d", kit.directory, (int)getpid());
        int shared = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        ck_assert_int_ge(shared, 0);
        unlink(path);
        pid_t child = fork();
        if (child == 0) {
            kit.crash_at = points;
            kit.any_calls = 0;
            kit.witness_fd = shared;
            kit.witness = &witness;
            kit.witness_len = sizeof witness;
            live(&witness);
            _exit(0);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status));
        crashed = WEXITSTATUS(status) == 77;
        ck_assert(crashed || WEXITSTATUS(status) == 0);
        if (crashed)
            ck_assert_int_eq(pread(shared, &witness, sizeof witness, 0), sizeof witness);
        close(shared);
        journal_kit_open(&kit);
        check_life(&witness);
        journal_kit_put(&kit, NV_RECORD_TRACES, "goes on");
        journal_kit_reopen(&kit);
        check_life(&witness);
    }
    ck_assert_int_gt(points, 50);
}
END_TEST

/* ---- a random life against a model ------------------------------------------------------- */

#define MODEL_MAX 2000

static struct {
    uint64_t id;
    uint32_t seed;
    uint32_t len;
    bool live;
} model[MODEL_MAX];
static size_t model_count;
static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(random_state >> 33) % below;
}

static void model_body(uint32_t seed, uint32_t len, char *body)
{
    for (uint32_t i = 0; i < len; i++)
        body[i] = (char)('!' + (seed + i * 7) % 90);
    body[len] = 0;
}

static void model_put(void)
{
    static char bodies[4][20001];
    struct nv_journal_put puts[4] = {{0}};
    uint32_t count = 1 + draw(4);
    uint32_t seeds[4];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t len = draw(10) == 0 ? draw(20000) : draw(900);
        seeds[i] = draw(1000000);
        model_body(seeds[i], len, bodies[i]);
        puts[i] = (struct nv_journal_put){.kind = NV_RECORD_TRACES, .body = {bodies[i], len}};
    }
    enum nv_err err = nv_journal_commit(kit.journal, puts, count, draw(3) > 0);
    ck_assert(err == NV_OK || err == NV_ERR_FULL);
    for (uint32_t i = 0; i < count && err == NV_OK && model_count < MODEL_MAX; i++) {
        model[model_count].id = puts[i].id;
        model[model_count].seed = seeds[i];
        model[model_count].len = (uint32_t)puts[i].body.len;
        model[model_count++].live = true;
    }
}

static void model_release(void)
{
    if (model_count == 0)
        return;
    uint32_t from = draw((uint32_t)model_count);
    for (uint32_t i = from; i < model_count && i < from + draw(30); i++) {
        nv_journal_release(kit.journal, &model[i].id, 1);
        model[i].live = false;
    }
}

static void model_check(void)
{
    static char body[20001];
    struct nv_journal_status status;
    uint64_t live = 0;
    for (size_t i = 0; i < model_count; i++) {
        if (model[i].live) {
            model_body(model[i].seed, model[i].len, body);
            journal_kit_expect(&kit, model[i].id, body);
        } else {
            ck_assert_int_eq(nv_journal_read_record(kit.journal, model[i].id, NULL, NULL, NULL),
                             NV_ERR_NOT_FOUND);
        }
        live += model[i].live;
    }
    nv_journal_read_status(kit.journal, &status);
    ck_assert_uint_eq(status.records, live);
    ck_assert_uint_eq(status.damaged, 0);
    ck_assert_uint_le(status.file_bytes, kit.config.max_bytes);
}

START_TEST(a_random_life_is_as_the_model_says)
{
    random_state = (uint64_t)_i * 77 + 5;
    model_count = 0;
    kit.config.segment_bytes = 64 << 10;
    kit.config.max_bytes = 3 << 20;
    kit.config.sync = _i % 2;
    journal_kit_open(&kit);
    for (int step = 0; step < 600; step++) {
        uint32_t what = draw(20);
        if (what < 9)
            model_put();
        else if (what < 17)
            model_release();
        else if (what < 19)
            nv_journal_maintain(kit.journal);
        else
            journal_kit_reopen(&kit);
        if (step % 100 == 99)
            model_check();
    }
    model_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal_recover");
    for (int mode = 0; mode < 2; mode++) {
        TCase *tcase = tcase_create(mode ? "encrypted" : "plain");
        tcase_set_timeout(tcase, 110);
        tcase_add_checked_fixture(tcase, mode ? setup_encrypted : setup, teardown);
        tcase_add_test(tcase, one_byte_flipped_anywhere);
        tcase_add_test(tcase, a_stretch_of_zeros_anywhere);
        tcase_add_test(tcase, cut_off_anywhere);
        tcase_add_test(tcase, damage_in_the_middle_is_counted_and_kept_aside);
        tcase_add_test(tcase, a_lost_header_of_the_last_record_is_counted);
        tcase_add_test(tcase, damage_while_running_is_found_when_read);
        tcase_add_test(tcase, a_file_of_format_1_is_read);
        tcase_add_test(tcase, a_crash_at_any_point_loses_nothing);
        tcase_add_loop_test(tcase, a_random_life_is_as_the_model_says, 0, 8);
        suite_add_tcase(suite, tcase);
    }
    return nv_test_run(suite);
}
