/*
 * Files that others replace while we run: certificates, their keys, tokens.
 *
 * Looked at, not subscribed to: mounted secrets are swapped by a link two directories up, which
 * no inotify watch on the file sees. One thread.
 */
#ifndef NV_GATEWAY_PROCESS_FILE_WATCH_H
#define NV_GATEWAY_PROCESS_FILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Three of HTTP, three of gRPC, the tokens. */
#define NV_FILE_WATCH_MAX 7

struct nv_file_watch {
    uint64_t signs[NV_FILE_WATCH_MAX]; /* of the files as they are in force */
    uint64_t seen[NV_FILE_WATCH_MAX];  /* at the last look */
};

/* Takes the files as they are now for those in force. NULL and "" are no file. */
void nv_file_watch_init(struct nv_file_watch *watch,
                        const char *const paths[NV_FILE_WATCH_MAX]);
/*
 * Have they changed since, and stayed so since the last look? True once for a change. A file
 * that is gone is no change: whoever replaces it is not done.
 */
bool nv_file_watch_look(struct nv_file_watch *watch,
                        const char *const paths[NV_FILE_WATCH_MAX]);

#endif
