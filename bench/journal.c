/*
 * What the journal costs with encryption and without: processor time a byte.
 *
 *   bench-journal [MB]     writes, reads back in stretches and recovers so many MB (256) in
 *                          bodies of 127 KB, plain, then encrypted; one line a step
 *
 * In /dev/shm and without syncs: a disk's own time is not what is asked for, and is the same for
 * both. User and system time of the process, best of three rounds. Stretches are of 2 KB, each a
 * read of its own, as an interleaved trace would need them, and of 64 KB.
 */
#include "journal/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

#define BODY ((size_t)127 << 10)
#define ROUNDS 3

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void check(enum nv_err err)
{
    if (err != NV_OK)
        abort();
}

static char body[BODY], got[BODY];

struct cost {
    double write_ns, small_ns, large_ns, recover_ns; /* a byte */
};

static void keep_best(double *best, double begin, double bytes)
{
    double ns = (cpu_s() - begin) * 1e9 / bytes;
    if (*best == 0 || ns < *best)
        *best = ns;
}

static double read_all(struct nv_journal *journal, const uint64_t *ids, size_t count,
                       size_t stretch)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at + stretch <= BODY; at += stretch)
            check(nv_journal_read_body(journal, ids[i], at, stretch, got));
    }
    return (double)count * (double)(BODY / stretch * stretch);
}

static void round_of(const struct nv_journal_config *config, size_t count, struct cost *cost)
{
    struct nv_journal *journal = NULL;
    uint64_t *ids = calloc(count, sizeof *ids);
    struct nv_journal_put put = {.kind = NV_RECORD_TRACES, .body = {body, BODY}};
    check(nv_journal_open(config, &journal, NULL));
    double begin = cpu_s();
    for (size_t i = 0; i < count; i++) {
        check(nv_journal_commit(journal, &put, 1, true));
        ids[i] = put.id;
    }
    keep_best(&cost->write_ns, begin, (double)count * (double)BODY);
    begin = cpu_s();
    keep_best(&cost->small_ns, begin, read_all(journal, ids, count, 2048));
    begin = cpu_s();
    keep_best(&cost->large_ns, begin, read_all(journal, ids, count, 65536));
    nv_journal_close(journal);
    begin = cpu_s();
    check(nv_journal_open(config, &journal, NULL));
    keep_best(&cost->recover_ns, begin, (double)count * (double)BODY);
    nv_journal_release(journal, ids, count);
    nv_journal_close(journal);
    free(ids);
}

int main(int argc, char **argv)
{
    char directory[] = "/dev/shm/noveum-bench-journal-XXXXXX";
    size_t mb = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 256;
    size_t count = (mb << 20) / BODY;
    if (!mkdtemp(directory))
        return 1;
    for (size_t i = 0; i < BODY; i++)
        body[i] = (char)(' ' + i * 7 % 90);
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        struct cost cost = {0};
        const struct nv_journal_config config = {.directory = directory,
                                                 .max_bytes = UINT64_C(4) << 30,
                                                 .segment_bytes = 64u << 20,
                                                 .encrypt = encrypt != 0};
        for (int i = 0; i < ROUNDS; i++)
            round_of(&config, count, &cost);
        (void)printf("%-9s write %.3f  read 2 KB %.3f  read 64 KB %.3f  recover %.3f ns/byte\n",
                     encrypt ? "encrypted" : "plain", cost.write_ns, cost.small_ns,
                     cost.large_ns, cost.recover_ns);
    }
    (void)fprintf(stderr, "remove %s\n", directory);
    return 0;
}
