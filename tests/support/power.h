/*
 * Power cuts: file operations that are recorded, and the states that a disk may be in
 * afterwards.
 *
 * The operations go to a real directory, which the program under test sees. Beside it is kept
 * what is certain to be on disk: a file's bytes at its last sync, the directory's entries at
 * its last one. A state is made of that and of any part of what came since: sectors of 512 or
 * 4096 bytes of each write in any order or not at all, each change of a length or of an entry
 * or not. What a failed sync covered may be missing for ever, whatever is synced later, and is
 * read all the same.
 *
 * A process that is killed has no effect any more: its operations fail. Its successor finds
 * what it wrote, synced or not.
 */
#ifndef NV_TESTS_POWER_H
#define NV_TESTS_POWER_H

#include "journal/file_ops.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POWER_FILES_MAX 512
#define POWER_NAMES_MAX 512
#define POWER_MARKS_MAX 64

struct power_change {
    bool length;  /* else bytes at offset */
    bool limbo;   /* was under a sync that failed: there or not, for ever */
    bool certain; /* synced, kept because something in limbo is under it */
    size_t offset, len;
    uint8_t *bytes;
};

struct power_file {
    uint8_t *bytes; /* on disk for certain */
    size_t len;
    struct power_change *changes; /* since */
    size_t change_count, change_capacity;
    bool limbo; /* some of them are */
};

struct power_entry {
    char name[32];
    int file;     /* on disk for certain; -1: no such entry */
    int later[8]; /* what it was set to since, in order */
    int later_count;
};

struct power {
    char directory[64]; /* the program's */
    char state[64];     /* where states are made */
    struct nv_file_ops ops;
    struct power_file files[POWER_FILES_MAX];
    int file_count;
    struct power_entry entries[POWER_NAMES_MAX];
    int entry_count;
    int of_fd[1024];                    /* file of a descriptor; -1 */
    uint8_t marks[POWER_MARKS_MAX][64]; /* what the lock file held */
    int mark_count;
    bool dead;     /* the process was killed: nothing that it does has an effect */
    int fail_sync; /* fails when it counts down to 0; below: none */
    bool fatal;    /* and who called it is killed in it */
    uint8_t last_mark[64];
    bool has_last_mark;
    uint64_t random;
    void (*boundary)(void *ctx); /* at each operation that changes something; may make states */
    void *ctx;
};

void power_init(struct power *power, uint64_t seed);
void power_release(struct power *power);
/* SIGKILL: what the process does from here on (be freed, say) has no effect. */
void power_kill(struct power *power);
/* The next process may be started. */
void power_revive(struct power *power);
/* Makes one state in power->state, empty before. */
void power_make_state(struct power *power);
/* Removes the files of a directory. */
void power_empty(const char *directory);
uint32_t power_draw(struct power *power, uint32_t below);

#endif
