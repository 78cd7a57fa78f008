/*
 * The journal for the eyes of an operator (journal_check.h).
 *
 * Uses the same walk as the recovery, so that what it calls sound is what would be delivered.
 * It changes nothing: no byte is marked, no file moved aside.
 *
 *   file ─▶ open ─┬─ gone meanwhile            not told: the gateway may run and reclaim it
 *                 ├─ no header of ours         damaged, and on to the next
 *                 └─ walk ─▶ records, of them released; damaged; missing; its key
 *
 * It takes no lock, so beside a gateway that runs the picture is that of a moment: counts are
 * told and nothing is concluded from them here.
 */
#include "journal/journal_check.h"
#include "journal/journal_internal.h"

#include <stdlib.h>

#include "base/banned.h"

struct checking {
    struct nv_buf *out;
    struct nv_journal_report *report;
    const struct nv_journal_look *look;
};

const char *nv_record_kind_name(unsigned kind)
{
    static const char *const names[] = {
        [NV_RECORD_TRACES] = "traces", [NV_RECORD_LOGS] = "logs",
        [NV_RECORD_OUTBOX] = "outbox", [NV_RECORD_DEAD_LETTER] = "dead-letter",
        [NV_RECORD_SENT] = "sent",     [NV_RECORD_MEDIUM] = "medium"};
    return kind < sizeof names / sizeof names[0] && names[kind] ? names[kind] : "unknown";
}

/* A released record is nobody's any more: it is counted and its bytes are not. */
static enum nv_err see_record(void *ctx, struct nv_segment *segment,
                              const struct nv_record_header *record, bool released)
{
    struct checking *checking = ctx;
    checking->report->records++;
    checking->report->released += released;
    if (released)
        return NV_OK;
    checking->report->bytes += record->length;
    checking->report->locked += segment->locked;
    if (!checking->look->list)
        return NV_OK;
    return nv_buf_printf(
        checking->out, "  record %llu %s length=%u file=journal-%08x offset=%u\n",
        (unsigned long long)record->id, nv_record_kind_name(record->kind),
        (unsigned)record->length, (unsigned)segment->number, (unsigned)record->offset);
}

/* Twice when the header has lost its epoch: the first walk learns it from the first record that
 * is sound, as the recovery does, and the second counts. A file whose epoch is 0 after that
 * holds nothing: it was made ahead for records that never came. */
static enum nv_err walk(struct nv_journal *journal, const struct nv_opened *opened,
                        struct checking *checking, struct nv_walk *found)
{
    struct nv_walk first = {0};
    struct nv_segment *segment = opened->segment;
    *found = (struct nv_walk){.ctx = checking, .record = see_record};
    if (segment->epoch == 0 && !opened->known && !nv_segment_walk(journal, segment, &first))
        segment->epoch = first.epoch;
    if (opened->spare || segment->epoch == 0) {
        checking->report->spare++;
        found->damaged += opened->stained;
        return NV_OK;
    }
    enum nv_err err = nv_segment_walk(journal, segment, found);
    found->damaged += !opened->known;
    found->damaged += opened->stained;
    return err;
}

/* The end of a file's line. */
static enum nv_err print_key(const struct nv_segment *segment, struct nv_buf *out)
{
    char id[NV_KEY_ID_TEXT];
    if (!segment->encrypted)
        return nv_buf_append_char(out, '\n');
    nv_journal_key_text(segment->key_id, id);
    const char *state = segment->cipher   ? ""
                        : segment->locked ? " (not here)"
                                          : " (its salt is damaged)";
    return nv_buf_printf(out, " key=%s%s\n", id, state);
}

static enum nv_err check_file(struct nv_journal *journal, const char *name,
                              struct checking *checking, struct nv_fail *fail)
{
    struct nv_opened opened;
    enum nv_err err = nv_segment_open(journal, name, &opened, fail);
    if (err == NV_ERR_NOT_FOUND)
        return NV_OK;
    if (err == NV_ERR_MALFORMED) {
        checking->report->damaged++;
        return nv_buf_printf(checking->out, "%s no file of a journal\n", name);
    }
    if (err != NV_OK)
        return err;
    struct nv_segment *segment = opened.segment;
    /* what the walk adds is told on the file's line, as the difference */
    struct nv_journal_report before = *checking->report;
    struct nv_walk found = {0};
    err = walk(journal, &opened, checking, &found);
    struct nv_journal_report *report = checking->report;
    report->files++;
    report->damaged += found.damaged;
    report->missing += found.missing;
    report->encrypted += segment->encrypted;
    uint64_t records = report->records - before.records;
    uint64_t released = report->released - before.released;
    if (err == NV_OK) {
        err = nv_buf_printf(
            checking->out,
            "%s epoch=%u size=%u records=%llu live=%llu damaged=%llu missing=%llu", name,
            (unsigned)segment->epoch, (unsigned)segment->size, (unsigned long long)records,
            (unsigned long long)(records - released), (unsigned long long)found.damaged,
            (unsigned long long)found.missing);
    }
    if (err == NV_OK)
        err = print_key(segment, checking->out);
    journal->ops->close(journal->ops->ctx, segment->fd);
    /* the keys of the file are wiped before the memory goes back */
    nv_segment_disarm(segment);
    free(segment);
    return err;
}

static enum nv_err check_files(struct nv_journal *journal, struct checking *checking,
                               struct nv_fail *fail)
{
    struct dirent **names;
    /* sorted: names are numbers with leading zeros, so this is the order in which they were
     * written */
    int count = scandir(journal->directory, &names, nv_segment_named, alphasort);
    enum nv_err err = NV_OK;
    if (count < 0) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "cannot read the directory '%.90s'",
                           journal->directory);
    }
    struct nv_journal_advance *advance = checking->look->advance;
    if (advance)
        atomic_store(&advance->total, (uint64_t)count);
    for (int i = 0; i < count; i++) {
        if (err == NV_OK)
            err = check_file(journal, names[i]->d_name, checking, fail);
        if (advance)
            atomic_store(&advance->done, (uint64_t)i + 1);
        free(names[i]);
    }
    free((void *)names);
    return err;
}

enum nv_err nv_journal_check(const struct nv_journal_look *look, struct nv_buf *out,
                             struct nv_journal_report *report, struct nv_fail *fail)
{
    /* not opened as the gateway opens it: that takes the directory's lock */
    struct nv_journal journal = {.ops = nv_file_ops_system()};
    struct checking checking = {.out = out, .report = report, .look = look};
    *report = (struct nv_journal_report){0};
    journal.directory = strdup(look->directory);
    enum nv_err err = journal.directory ? nv_journal_keys_new(&journal.keys) : NV_ERR_NO_MEMORY;
    if (err == NV_OK)
        err = nv_journal_keys_load(journal.keys, look->key_file, look->directory, fail);
    if (err == NV_OK)
        err = check_files(&journal, &checking, fail);
    nv_journal_keys_free(journal.keys);
    free(journal.directory);
    return err;
}
