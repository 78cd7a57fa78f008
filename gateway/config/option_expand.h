/*
 * ${env:NAME} and ${file:PATH} inside configuration values.
 *
 *   ${env:NAME}           the variable; an error when it is not set
 *   ${env:NAME:-text}     the variable, or `text` when it is not set or empty
 *   ${file:PATH}          the file without its last line end: for mounted secrets
 *   $${                   the text "${"; any other dollar stays as it is, "$$" too
 *
 * What comes in is not expanded again, so that a secret may hold "${".
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_EXPAND_H
#define NV_GATEWAY_CONFIG_OPTION_EXPAND_H

#include "base/buf.h"

/*
 * Appends `text` (borrowed) with its references replaced. `lookup` finds variables (getenv in
 * the program). NV_ERR_CONFIG with `fail->what` set, or the buffer's errors.
 */
enum nv_err nv_option_expand(struct nv_str text, char *(*lookup)(const char *name),
                             struct nv_buf *out, struct nv_fail *fail) NV_MUST_USE;

#endif
