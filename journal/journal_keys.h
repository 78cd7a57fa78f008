/*
 * The keys that the journal is encrypted with (docs/design/0018-encrypted-journal.md#keys).
 *
 *   journal.key_file ──▶ keys 0, 1, ...   the first is written with, all are read with
 *   directory/key    ──▶ after those      made when nothing else is there
 *
 * A key file has one key a line, 64 hexadecimal digits; `#` begins a comment. Nothing here
 * shows a digit of a key. One thread.
 */
#ifndef NV_JOURNAL_JOURNAL_KEYS_H
#define NV_JOURNAL_JOURNAL_KEYS_H

#include "journal/journal_cipher.h"
#include "journal/journal.h"

#include <sys/stat.h>

/* Old keys are of use until nothing lives under them any more: days. */
#define NV_JOURNAL_KEYS_MAX 16u
/* Name of the generated key in the journal's directory. */
#define NV_JOURNAL_KEY_NAME "key"
/* Room for the digits of an id. */
#define NV_KEY_ID_TEXT (2 * NV_KEY_ID_BYTES + 1)

struct nv_journal_key {
    uint8_t bytes[NV_KEY_BYTES];
    uint8_t id[NV_KEY_ID_BYTES];
};

struct nv_journal_keys {
    struct nv_journal_key keys[NV_JOURNAL_KEYS_MAX];
    uint32_t count;
    enum nv_key_source source; /* of the first */
};

/* *keys is new and empty. NV_ERR_NO_MEMORY. */
enum nv_err nv_journal_keys_new(struct nv_journal_keys **keys) NV_MUST_USE;
/* Wipes and frees. NULL is allowed. */
void nv_journal_keys_free(struct nv_journal_keys *keys);
/* May a file with these facts hold keys? `generated`: by us, so for its owner alone. NULL: yes,
 * else what is wrong and what to do; static. */
const char *nv_journal_key_complaint(const struct stat *info, bool generated);
/*
 * Reads `file` (NULL: none), then the generated key of the directory, if it is there.
 * NV_ERR_CONFIG with `fail` (path, what): `file` is missing, or one of the two is refused.
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_journal_keys_load(struct nv_journal_keys *keys, const char *file,
                                 const char *directory, struct nv_fail *fail) NV_MUST_USE;
/* Makes a key in the directory, puts it on disk and adds it. NO_SPACE, IO, NO_MEMORY. */
enum nv_err nv_journal_keys_generate(struct nv_journal_keys *keys,
                                     const struct nv_file_ops *ops, const char *directory,
                                     struct nv_fail *fail) NV_MUST_USE;
/* The key of that id, borrowed; NULL: it is not here. */
const struct nv_journal_key *nv_journal_keys_find(const struct nv_journal_keys *keys,
                                                  const uint8_t id[NV_KEY_ID_BYTES]);
/* The digits of an id, ended by NUL. */
void nv_journal_key_text(const uint8_t id[NV_KEY_ID_BYTES], char text[NV_KEY_ID_TEXT]);

#endif
