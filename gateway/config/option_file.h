/*
 * YAML (and so JSON) files as a flat list of "a.b.c" = text, with the place of each value.
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_FILE_H
#define NV_GATEWAY_CONFIG_OPTION_FILE_H

#include "base/buf.h"

/* Longest path of keys and deepest nesting. */
#define NV_CONFIG_PATH_MAX 256
#define NV_CONFIG_DEPTH_MAX 12

/* One key with a value, during the visit only. */
struct nv_config_entry {
    struct nv_str path;  /* keys joined by dots */
    struct nv_str value; /* a scalar; of a sequence its scalars, each followed by a newline */
    bool is_null;        /* `key:` or `key: null`: as if the key were not there */
    bool is_section;     /* the key of a mapping; value is empty, its keys follow */
    const char *where;   /* "file:line:column" of the key */
};
/* NV_OK goes on; anything else ends the reading with that error. */
typedef enum nv_err nv_config_visit(void *visit_ctx, const struct nv_config_entry *entry,
                                    struct nv_fail *fail);

/*
 * Visits every key of the YAML document in `text` (borrowed); `name` is the file's, for
 * messages. NV_ERR_CONFIG with `fail` (what, path = name:line:column) on a syntax error, a key
 * given twice, an alias (never needed here, and how YAML bombs are made), a second document, a
 * sequence of anything but scalars, or a limit; NV_ERR_NO_MEMORY; else what `visit` returned.
 */
enum nv_err nv_config_read(struct nv_str text, const char *name, nv_config_visit *visit,
                           void *visit_ctx, struct nv_fail *fail) NV_MUST_USE;

/* Where something stands in a file, from 1, columns in characters. */
struct nv_config_place {
    size_t line, column;
};

/*
 * Where the text of item `number` begins, from 0 and of those that aren't blank, of the list
 * whose key stands at `key` in a document that was read before. False: there is no such list,
 * or the item does not stand on one line as it is read.
 */
bool nv_config_item_place(struct nv_str text, struct nv_config_place key, size_t number,
                          struct nv_config_place *place);

#endif
