/*
 * The file of translating.h.
 *
 *   entry   [ trace id 16 | part 4 | count 4 | crc 4 | 0 ]   slot: count 1 while busy
 *                                                            suspect: count of deaths
 *
 * pwrite and not a mapping: a store to a page that the file system has no room for is a SIGBUS,
 * where a write is an error that may be ignored. It takes most of a microsecond, a fifth of the
 * translation of a small span: so one for eight traces, and none to say that they are done, but
 * at the end of a turn. Once a trace is in a slot, a polite end that had to be cut short counts
 * like a death: the trace did not come to its end.
 *
 *   run 1: begin S T U (written) ─▶ killed in T   run 2: read: S, T, U have died once, suspects
 *   run 2: begin S ─▶ lived, innocent, forgotten
 *          begin T (written) ─▶ killed            run 3: T has died twice ─▶ set aside when it
 *                                                        comes; U has died once
 *
 * Why it is needed: a trace that kills the process is in the journal, and each start would take
 * it up and die of it again.
 */
#include "gateway/translating.h"

#include "journal/crc32c.h"
#include "base/log/log.h"
#include "base/text/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define NAME "translating"
#define ENTRY_BYTES 32u
#define CRC_AT 24u
#define FIRST_SUSPECT (1 + NV_PROGRESS_SLOTS * NV_NOTED_MAX)
#define FILE_ENTRIES (FIRST_SUSPECT + NV_SUSPECTS_MAX)

/* 1 had one trace a slot */
static const char magic[ENTRY_BYTES] = "NVTRANSLATING2";

struct entry {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint32_t part;
    uint32_t count; /* 0: free */
};

/* The traces of a thread's last write. */
struct noted {
    struct entry entries[NV_NOTED_MAX];
    uint32_t count;
    uint32_t at; /* the thread is at this one */
};

struct nv_translating {
    int fd; /* -1: none */
    atomic_bool busy[NV_PROGRESS_SLOTS];
    struct noted slots[NV_PROGRESS_SLOTS]; /* each its thread's */
    struct nv_progress progress;
    pthread_mutex_t lock; /* of the suspects */
    struct entry suspects[NV_SUSPECTS_MAX];
    _Atomic unsigned suspect_count;
    _Atomic uint64_t set_aside;
};

struct nv_translating *nv_translating_new(void)
{
    struct nv_translating *translating = calloc(1, sizeof *translating);
    if (!translating)
        return NULL;
    translating->fd = -1;
    pthread_mutex_init(&translating->lock, NULL);
    nv_progress_init(&translating->progress);
    return translating;
}

void nv_translating_free(struct nv_translating *translating)
{
    if (!translating)
        return;
    if (translating->fd >= 0)
        close(translating->fd);
    nv_progress_release(&translating->progress);
    pthread_mutex_destroy(&translating->lock);
    free(translating);
}

/* ---- entries ----------------------------------------------------------------------------- */

static void encode(const struct entry *entry, uint8_t bytes[ENTRY_BYTES])
{
    memset(bytes, 0, ENTRY_BYTES);
    memcpy(bytes, entry->trace_id, NV_TRACE_ID_BYTES);
    memcpy(bytes + 16, &entry->part, sizeof entry->part);
    memcpy(bytes + 20, &entry->count, sizeof entry->count);
    uint32_t crc = nv_crc32c(0, bytes, CRC_AT);
    memcpy(bytes + CRC_AT, &crc, sizeof crc);
}

/* False: free, or not what was written. */
static bool decode(const uint8_t bytes[ENTRY_BYTES], struct entry *out)
{
    uint32_t crc;
    memcpy(&crc, bytes + CRC_AT, sizeof crc);
    memcpy(out->trace_id, bytes, NV_TRACE_ID_BYTES);
    memcpy(&out->part, bytes + 16, sizeof out->part);
    memcpy(&out->count, bytes + 20, sizeof out->count);
    return crc == nv_crc32c(0, bytes, CRC_AT) && out->count != 0;
}

/* At most NV_NOTED_MAX entries. An error costs the note and no more. */
static void write_entries(const struct nv_translating *translating, size_t place,
                          const struct entry *entries, size_t count)
{
    uint8_t bytes[NV_NOTED_MAX][ENTRY_BYTES];
    if (translating->fd < 0)
        return;
    for (size_t i = 0; i < count; i++)
        encode(&entries[i], bytes[i]);
    if (pwrite(translating->fd, bytes, count * ENTRY_BYTES, (off_t)(place * ENTRY_BYTES)) < 0)
        NV_LOG(NV_LOG_DEBUG, "gateway", "cannot note a trace errno=%d", errno);
}

static size_t place_of(unsigned slot)
{
    return 1 + (size_t)slot * NV_NOTED_MAX;
}

static bool is_same(const struct entry *entry, const uint8_t *trace_id, uint32_t part)
{
    return entry->count != 0 && entry->part == part &&
           memcmp(entry->trace_id, trace_id, NV_TRACE_ID_BYTES) == 0;
}

static struct entry *find_suspect(struct nv_translating *translating, const uint8_t *trace_id,
                                  uint32_t part)
{
    for (unsigned i = 0; i < NV_SUSPECTS_MAX; i++) {
        if (is_same(&translating->suspects[i], trace_id, part))
            return &translating->suspects[i];
    }
    return NULL;
}

/* ---- start ------------------------------------------------------------------------------- */

static void add_death(struct nv_translating *translating, const struct entry *dead)
{
    struct entry *suspect = find_suspect(translating, dead->trace_id, dead->part);
    if (!suspect) {
        /* all places taken: the one with the fewest deaths gives way */
        suspect = &translating->suspects[0];
        for (unsigned i = 1; i < NV_SUSPECTS_MAX; i++) {
            if (translating->suspects[i].count < suspect->count)
                suspect = &translating->suspects[i];
        }
        *suspect = *dead;
        suspect->count = 0;
    }
    suspect->count++;
    char hex[2 * NV_TRACE_ID_BYTES];
    nv_hex_encode(dead->trace_id, NV_TRACE_ID_BYTES, hex);
    NV_LOG(NV_LOG_WARN, "gateway",
           "the process died while it translated this trace or one beside it id=%.32s part=%u "
           "times=%u%s",
           hex, (unsigned)dead->part, (unsigned)suspect->count,
           suspect->count >= NV_DEATHS_MAX ? ", it is set aside when it comes again" : "");
}

/* Of the last run: suspects first, so that a death is added to those of before. */
static void read_file(struct nv_translating *translating)
{
    uint8_t bytes[FILE_ENTRIES][ENTRY_BYTES] = {{0}};
    struct entry entry;
    ssize_t len = pread(translating->fd, bytes, sizeof bytes, 0);
    if (len != (ssize_t)sizeof bytes || memcmp(bytes[0], magic, sizeof magic) != 0)
        return;
    for (unsigned i = 0; i < NV_SUSPECTS_MAX; i++) {
        if (decode(bytes[FIRST_SUSPECT + i], &entry))
            translating->suspects[i] = entry;
    }
    for (unsigned i = 1; i < FIRST_SUSPECT; i++) {
        if (decode(bytes[i], &entry))
            add_death(translating, &entry);
    }
}

static bool write_file(struct nv_translating *translating)
{
    uint8_t bytes[FILE_ENTRIES][ENTRY_BYTES] = {{0}};
    unsigned count = 0;
    memcpy(bytes[0], magic, sizeof magic);
    for (unsigned i = 0; i < NV_SUSPECTS_MAX; i++) {
        encode(&translating->suspects[i], bytes[FIRST_SUSPECT + i]);
        count += translating->suspects[i].count != 0;
    }
    atomic_store(&translating->suspect_count, count);
    return pwrite(translating->fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes;
}

void nv_translating_open(struct nv_translating *translating, const char *directory)
{
    char path[4096];
    assert(translating->fd < 0);
    int len = snprintf(path, sizeof path, "%s/" NAME, directory);
    if (len > 0 && len < (int)sizeof path)
        translating->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (translating->fd >= 0) {
        read_file(translating);
        if (write_file(translating))
            return;
    }
    NV_LOG(
        NV_LOG_WARN, "gateway",
        "cannot note which traces are translated, one that kills the process is not set aside "
        "file=%.200s errno=%d",
        path, errno);
}

/* ---- every trace ------------------------------------------------------------------------- */

/* Deaths of the trace in former runs. */
static uint32_t deaths_of(struct nv_translating *translating, const struct nv_raw_trace *trace)
{
    /* nearly always: one load a trace */
    if (atomic_load(&translating->suspect_count) == 0)
        return 0;
    pthread_mutex_lock(&translating->lock);
    const struct entry *suspect = find_suspect(translating, trace->trace_id, trace->part);
    uint32_t deaths = suspect ? suspect->count : 0;
    pthread_mutex_unlock(&translating->lock);
    return deaths;
}

/* It was tried, or set aside: what comes under this id next is innocent. */
static void forget(struct nv_translating *translating, const struct entry *entry)
{
    if (atomic_load(&translating->suspect_count) == 0)
        return;
    pthread_mutex_lock(&translating->lock);
    struct entry *suspect = find_suspect(translating, entry->trace_id, entry->part);
    if (suspect) {
        *suspect = (struct entry){0};
        write_entries(translating, FIRST_SUSPECT + (size_t)(suspect - translating->suspects),
                      suspect, 1);
        atomic_fetch_sub(&translating->suspect_count, 1);
    }
    pthread_mutex_unlock(&translating->lock);
}

static unsigned take_slot(struct nv_translating *translating)
{
    for (unsigned i = 0; i < NV_PROGRESS_SLOTS; i++) {
        bool free = false;
        if (atomic_compare_exchange_strong(&translating->busy[i], &free, true))
            return i;
    }
    return NV_NO_SLOT;
}

/* How many of the first may be noted together: a suspect is alone. */
static size_t together(struct nv_translating *translating, struct nv_raw_trace *const *traces,
                       size_t count)
{
    size_t max = count < NV_NOTED_MAX ? count : NV_NOTED_MAX;
    if (deaths_of(translating, traces[0]) > 0)
        return 1;
    for (size_t i = 1; i < max; i++) {
        if (deaths_of(translating, traces[i]) > 0)
            return i;
    }
    return max;
}

size_t nv_translating_begin(struct nv_translating *translating,
                            struct nv_raw_trace *const *traces, size_t count, unsigned *slot)
{
    assert(count > 0);
    if (!translating)
        return count;
    if (deaths_of(translating, traces[0]) >= NV_DEATHS_MAX) {
        atomic_fetch_add(&translating->set_aside, 1);
        return 0;
    }
    count = together(translating, traces, count);
    if (*slot == NV_NO_SLOT)
        *slot = take_slot(translating);
    /* more threads than slots: they go unwatched rather than wait */
    if (*slot == NV_NO_SLOT)
        return count;
    struct noted *noted = &translating->slots[*slot];
    *noted = (struct noted){.count = (uint32_t)count};
    for (size_t i = 0; i < count; i++) {
        noted->entries[i] = (struct entry){.part = traces[i]->part, .count = 1};
        memcpy(noted->entries[i].trace_id, traces[i]->trace_id, NV_TRACE_ID_BYTES);
    }
    write_entries(translating, place_of(*slot), noted->entries, NV_NOTED_MAX);
    return count;
}

void nv_translating_next(struct nv_translating *translating, unsigned slot)
{
    if (slot == NV_NO_SLOT)
        return;
    const struct noted *noted = &translating->slots[slot];
    assert(noted->at < noted->count);
    nv_progress_begin(&translating->progress, slot, noted->entries[noted->at].trace_id);
}

void nv_translating_lived(struct nv_translating *translating, unsigned slot)
{
    if (slot == NV_NO_SLOT)
        return;
    struct noted *noted = &translating->slots[slot];
    forget(translating, &noted->entries[noted->at]);
    noted->at++;
    nv_progress_end(&translating->progress, slot);
}

void nv_translating_end(struct nv_translating *translating, unsigned slot)
{
    if (slot == NV_NO_SLOT)
        return;
    translating->slots[slot] = (struct noted){0};
    write_entries(translating, place_of(slot), translating->slots[slot].entries, NV_NOTED_MAX);
    atomic_store(&translating->busy[slot], false);
}

uint64_t nv_translating_set_aside(const struct nv_translating *translating)
{
    return atomic_load(&translating->set_aside);
}

struct nv_progress *nv_translating_progress(struct nv_translating *translating)
{
    return &translating->progress;
}
