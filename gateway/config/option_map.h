/*
 * Options that hold names and values: properties of a library, passed on as they are.
 *
 *   "linger.ms=5\nsasl.password=..."  ──▶ [ "linger.ms=5" | "sasl.password=..." ]
 *
 * Which of the values are secrets is known by their names: all that speak of a password, a
 * secret, a token, a key in PEM or of what a login module is told. Of an option that is marked
 * secret (`all`) every value is one.
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_MAP_H
#define NV_GATEWAY_CONFIG_OPTION_MAP_H

#include "gateway/config/options.h"

/* Entries of one map: librdkafka has some 170 properties. */
#define NV_OPTION_MAP_MAX 256

/*
 * Replaces the map by `text` (borrowed): lines of "name=value", empty ones left out; a name
 * that comes again replaces its value. NV_ERR_CONFIG with `fail` (may be NULL; says which line,
 * never a value), NV_ERR_NO_MEMORY: the map is as before.
 */
enum nv_err nv_option_map_set(struct nv_text_list *map, struct nv_str text,
                              struct nv_fail *fail) NV_MUST_USE;
/* Has the values that are secrets masked from now on (base/text/mask.h), those of lines that
 * are wrong too. Errors as nv_mask_add. */
enum nv_err nv_option_map_remember(struct nv_str text, bool all) NV_MUST_USE;
/* Appends the entries, one a line, secret values as `***`. Errors: the buffer's. */
enum nv_err nv_option_map_write(const struct nv_text_list *map, bool all, struct nv_buf *buf);
/* Is the value of `name` a secret? */
bool nv_option_map_is_secret(struct nv_str name);

#endif
