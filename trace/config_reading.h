/*
 * A configuration while it is read: where settings come from, and what was wrong with them.
 *
 *   option ▸ variable for traces ▸ general variable ▸ file    refuse: the program's mistake
 *                                                             warn: the environment's or a file's
 */
#ifndef NV_TRACE_CONFIG_READING_H
#define NV_TRACE_CONFIG_READING_H

#include "trace/config.h"
#include "trace/config_file.h"
#include "trace/config_list.h"

#define NV_TRACE_WHY_SIZE 200

struct nv_trace_reading {
    const noveum_options *options; /* complete, zero where the caller's struct ended */
    struct nv_trace_file file;
    struct nv_trace_config *config;
    char *why;
    noveum_result result;
};

/* A variable of the environment, borrowed of it, NULL where it is not set or empty. Read at the
 * start only. */
const char *nv_trace_environment(const char *name);
/* The option, or the first of two variables (each may be NULL) that is set; borrowed of whom it
 * is, NULL: none. */
const char *nv_trace_first_of(const char *option, const char *one, const char *two);
/* Whether a variable is a word, in whatever case. */
bool nv_trace_says(const char *variable, const char *word);
/* The text of a key of the file (both may be missing). Borrowed from the reading. */
const char *nv_trace_from_file(const struct nv_trace_reading *reading, const char *key);
/* Whether a text, which may be NULL, is one of the SDK's words for yes, for no. */
bool nv_trace_is_true(const char *text);
bool nv_trace_is_false(const char *text);
/* Refuses the configuration; only the first reason counts. `value` is shown: no secrets. */
void nv_trace_refuse(struct nv_trace_reading *reading, noveum_result result, const char *what,
                     const char *value);
/* Refuses what a list or buffer of NV_TRACE_LIST_BYTES_MAX couldn't take; nothing for NV_OK. */
void nv_trace_refuse_failed(struct nv_trace_reading *reading, const char *what,
                            enum nv_err err);
/* Notes what can't be used and is left out; only the first one is kept. */
void nv_trace_warn(struct nv_trace_reading *reading, const char *what, const char *why);
/* A copy of a text in *to, instead of what was there; without memory it is refused. */
void nv_trace_keep_text(struct nv_trace_reading *reading, char **to, const char *value);
/* Every pair of a list (may be NULL), with the reading as context; one that is too long, or
 * without memory, is refused as `what`. */
void nv_trace_read_list(struct nv_trace_reading *reading, const char *what, const char *list,
                        nv_trace_pair *each);

#endif
