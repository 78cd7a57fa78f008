/*
 * Options of personal data into its rules.
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_PERSONAL_H
#define NV_GATEWAY_CONFIG_OPTION_PERSONAL_H

#include "gateway/config/options.h"
#include "redaction/pii.h"

/* What older versions of the SDK fell back to: known to all, so that it hides nothing. */
#define NV_PERSONAL_SALT_SHARED "noveum-pii-default-salt"

/*
 * Makes the rules that `redaction.pii` and what belongs to it say: new in *out, NULL when it is
 * off. Reads the file of the salt. NV_ERR_CONFIG with `fail`: which option, where it was
 * written, which of its items is wrong at which column and offset of its pattern, what to do;
 * never a salt. `path` is the pattern's own place where the file has it in a list on one line.
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_options_personal(const struct nv_options *options, struct nv_pii **out,
                                struct nv_fail *fail) NV_MUST_USE;

#endif
