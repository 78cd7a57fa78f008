/*
 * The journal looked at from outside: `noveum-gateway journal check|list`.
 *
 * Reads only, takes no lock: beside a running gateway the picture is that of a moment.
 */
#ifndef NV_JOURNAL_JOURNAL_CHECK_H
#define NV_JOURNAL_JOURNAL_CHECK_H

#include "base/buf.h"

#include <stdatomic.h>

/* How far a check is: files. Written by it, read by any thread. */
struct nv_journal_advance {
    _Atomic uint64_t done, total;
};

/* What is looked at. All borrowed. */
struct nv_journal_look {
    const char *directory;
    const char *key_file;               /* NULL: only the keys of the directory */
    bool list;                          /* a line for each live record, too */
    struct nv_journal_advance *advance; /* NULL: nobody asks */
};

struct nv_journal_report {
    uint64_t files, spare;
    uint64_t records, released; /* sound ones */
    uint64_t damaged;           /* records or stretches that are not sound */
    uint64_t missing;           /* records that must have been there and left no trace */
    uint64_t bytes;             /* of live records' payloads, as they stand on disk */
    uint64_t encrypted;         /* files */
    uint64_t locked;            /* live records that no key opens */
};

/*
 * Walks every file of the directory. Appends to `out` a line for each file and, when asked for,
 * for each live record: id, kind, length, file, offset. NV_ERR_CONFIG: no such directory, or a
 * newer format, or a key file is refused; IO, NO_MEMORY and the buffer's errors. Damage is no
 * error: see report->damaged, missing, locked.
 */
enum nv_err nv_journal_check(const struct nv_journal_look *look, struct nv_buf *out,
                             struct nv_journal_report *report,
                             struct nv_fail *fail) NV_MUST_USE;
/* Name of a record's kind: "traces", "logs", "outbox", "dead-letter", "sent" or "unknown".
 * Static. */
const char *nv_record_kind_name(unsigned kind);

#endif
