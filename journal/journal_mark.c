/*
 * What ought to be in the journal, written where the records are not.
 *
 * A file that was cut short, zeroed or deleted holds no sign that more was there, and its
 * traces were acknowledged. Three witnesses tell at the next start:
 *
 *   slots   count up by one a record, and one that failed is marked as released: a hole in them
 *   seal    in the file itself: so many slots had it when it took no more (byte 64)
 *   mark    in the file `lock`, [ magic 8 | crc 4 | active 12 | cold 12 | last epoch 4 | files 4 |
 *           next id 8 | boot 8 ]: how far the files that are appended to were, and how many files
 * there are
 *
 * The mark is overwritten after every group that is on disk and is not synced itself: it
 * survives the process, and after a power cut it is older than the files, never ahead of them.
 * Only before a file is taken away it is synced, so that an old one does not miss that file. It
 * is in `lock` because that file is open for as long as the journal is and no older version
 * reads it.
 *
 * The mark also tells what is on disk for certain. What a failed fdatasync could not write the
 * kernel still shows, to the next process too, whose own sync of it succeeds and means nothing.
 * A process may end within such a sync (SIGKILL of one that hangs on a sick disk), so nothing
 * can be noted when it fails; but then the mark was not moved on. On the same boot of the
 * machine (after another one nothing is shown but what is on disk) the start takes what is
 * beyond the mark for unsure and writes it anew. For that the mark stands still while files are
 * unsure.
 */
#include "journal/crc32c.h"
#include "journal/journal_internal.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/banned.h"

#define SEAL_MAGIC UINT64_C(0x31304c414553564e) /* "NVSEAL01" */
#define MARK_MAGIC UINT64_C(0x31304b52414d564e) /* "NVMARK01" */
#define MARK_BYTES 64u
/* Both: magic, checksum of what is behind it, and that. */
#define CRC_AT 8u
#define FACTS_AT 12u

static void close_with_crc(uint8_t *bytes, size_t len, uint64_t magic)
{
    nv_put64(bytes, magic);
    nv_put32(bytes + CRC_AT, nv_crc32c(0, bytes + FACTS_AT, len - FACTS_AT));
}

static bool is_sound(const uint8_t *bytes, size_t len, uint64_t magic)
{
    return nv_get64(bytes) == magic &&
           nv_get32(bytes + CRC_AT) == nv_crc32c(0, bytes + FACTS_AT, len - FACTS_AT);
}

void nv_segment_write_seal(struct nv_journal *journal, const struct nv_segment *segment)
{
    uint8_t bytes[NV_SEAL_BYTES] = {0};
    nv_put32(bytes + FACTS_AT, segment->epoch);
    nv_put32(bytes + FACTS_AT + 4, segment->slots);
    close_with_crc(bytes, sizeof bytes, SEAL_MAGIC);
    struct iovec part = {bytes, sizeof bytes};
    enum nv_err err = nv_journal_write(journal, segment->fd, &part, 1, NV_SEAL_OFFSET);
    (void)err; /* without a seal the mark and the slots still tell */
}

uint32_t nv_segment_read_seal(const uint8_t page[NV_SEGMENT_PAGE],
                              const struct nv_segment *segment)
{
    const uint8_t *bytes = page + NV_SEAL_OFFSET;
    if (!is_sound(bytes, NV_SEAL_BYTES, SEAL_MAGIC) ||
        nv_get32(bytes + FACTS_AT) != segment->epoch)
        return 0;
    uint32_t slots = nv_get32(bytes + FACTS_AT + 4);
    return slots < segment->slot_max ? slots : segment->slot_max;
}

bool nv_seal_is_clean(const uint8_t page[NV_SEGMENT_PAGE])
{
    const uint8_t *bytes = page + NV_SEAL_OFFSET;
    return nv_bytes_are_zero(bytes, NV_SEAL_BYTES) ||
           is_sound(bytes, NV_SEAL_BYTES, SEAL_MAGIC);
}

static void put_marked(uint8_t *to, const struct nv_segment *segment)
{
    if (!segment || segment->state != NV_SEGMENT_ACTIVE)
        return;
    nv_put32(to, segment->number);
    nv_put32(to + 4, segment->epoch);
    nv_put32(to + 8, segment->firm_slots);
}

static struct nv_marked get_marked(const uint8_t *from)
{
    return (struct nv_marked){nv_get32(from), nv_get32(from + 4), nv_get32(from + 8)};
}

/* Files that a start would find with an epoch. */
static uint32_t count_files(struct nv_journal *journal)
{
    uint32_t count = 0;
    pthread_mutex_lock(&journal->lock);
    for (uint32_t i = 0; i < journal->segment_count; i++) {
        const struct nv_segment *segment = journal->segments[i];
        count += segment && segment->epoch != 0 && segment->state != NV_SEGMENT_BAD;
    }
    pthread_mutex_unlock(&journal->lock);
    return count;
}

uint64_t nv_mark_boot(void)
{
    char text[36];
    uint64_t boot = 0;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text) : 0;
    if (fd >= 0)
        close(fd);
    unsigned digits = 0;
    for (ssize_t i = 0; i < len && digits < 16; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (!digit && (text[i] < 'a' || text[i] > 'f'))
            continue;
        boot = boot << 4 | (uint64_t)(digit ? text[i] - '0' : text[i] - 'a' + 10);
        digits++;
    }
    return boot;
}

uint32_t nv_mark_sure_slots(const struct nv_journal *journal, const struct nv_mark *mark,
                            const struct nv_segment *segment)
{
    const struct nv_marked *both[] = {&mark->active, &mark->cold};
    if (mark->next_id == 0 || mark->boot != journal->boot)
        return NV_ALL_SURE;
    for (unsigned i = 0; i < 2; i++) {
        if (both[i]->number == segment->number && both[i]->epoch == segment->epoch)
            return segment->slots > both[i]->slots ? both[i]->slots : NV_ALL_SURE;
    }
    return segment->epoch > mark->last_epoch ? 0 : NV_ALL_SURE;
}

void nv_mark_write(struct nv_journal *journal, bool firm)
{
    assert(nv_owner_is_mine(&journal->writing));
    uint8_t bytes[MARK_BYTES] = {0};
    if (journal->lock_fd < 0 || journal->unsure > 0)
        return;
    put_marked(bytes + 12, journal->active);
    put_marked(bytes + 24, journal->cold);
    nv_put32(bytes + 36, journal->next_epoch - 1);
    nv_put32(bytes + 40, count_files(journal));
    nv_put64(bytes + 44, journal->next_id);
    nv_put64(bytes + 52, journal->boot);
    close_with_crc(bytes, sizeof bytes, MARK_MAGIC);
    ssize_t written = pwrite(journal->lock_fd, bytes, sizeof bytes, 0);
    if (written == (ssize_t)sizeof bytes && firm && journal->config.sync)
        (void)fdatasync(journal->lock_fd);
}

void nv_mark_read(struct nv_journal *journal, struct nv_mark *out)
{
    uint8_t bytes[MARK_BYTES];
    *out = (struct nv_mark){0};
    if (pread(journal->lock_fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes ||
        !is_sound(bytes, sizeof bytes, MARK_MAGIC))
        return;
    *out = (struct nv_mark){.active = get_marked(bytes + 12),
                            .cold = get_marked(bytes + 24),
                            .last_epoch = nv_get32(bytes + 36),
                            .files = nv_get32(bytes + 40),
                            .next_id = nv_get64(bytes + 44),
                            .boot = nv_get64(bytes + 52)};
}
