/*
 * May a file say where the key goes, which tokens are taken, what is translated how?
 *
 * Whoever can write such a file can be the gateway. The stricter the less the user has named
 * it:
 *
 *   role             everybody writes   other owner   group writes   no regular file
 *   NV_FILE_FOUND    refused            refused       warned of      refused
 *   NV_FILE_NAMED    refused            warned of     warned of      taken (a pipe)
 *
 * Owners that are trusted: root and the user the gateway runs as. Another one is only warned of
 * where the file was named: a volume of a container keeps the owner that it has on the host,
 * and what hands out secrets writes as a user of its own. One thread.
 */
#ifndef NV_GATEWAY_CONFIG_FILE_TRUST_H
#define NV_GATEWAY_CONFIG_FILE_TRUST_H

#include "base/buf.h"

#include <sys/stat.h>

enum nv_file_role {
    NV_FILE_FOUND, /* noveum-trace.yaml in the working directory: nobody asked for it */
    NV_FILE_NAMED  /* --config, and what a configuration names: tokens, keys, rules, prices */
};
enum nv_file_verdict { NV_FILE_TRUSTED, NV_FILE_DOUBTED, NV_FILE_REFUSED };

/* Room for any sentence of nv_file_judge. */
#define NV_FILE_WHY_SIZE 120

/*
 * Judges a file by its facts for a gateway that runs as `self`. *why (NV_FILE_WHY_SIZE bytes)
 * says what is wrong and what to do, "" when all is well.
 */
enum nv_file_verdict nv_file_judge(const struct stat *info, uid_t self, enum nv_file_role role,
                                   char *why);
/*
 * The file at `path`, links followed. NV_ERR_CONFIG with `fail` (what; path = the file) when it
 * is refused; doubts go to the log. NV_OK when there is no such file: who opens it says so
 * better.
 */
enum nv_err nv_file_check(const char *path, enum nv_file_role role,
                          struct nv_fail *fail) NV_MUST_USE;
/* nv_file_read (base/file.h) of a file that passes; what is judged is what is read. A pipe is
 * waited for NV_FILE_WAIT_MS for each of its pieces. Errors as nv_file_check's and
 * nv_file_read's. */
enum nv_err nv_file_read_trusted(const char *path, enum nv_file_role role, size_t max,
                                 struct nv_buf *out, struct nv_fail *fail) NV_MUST_USE;

#endif
