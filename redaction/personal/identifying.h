/*
 * Keys that say whose a number is: the SDK looks at whole numbers under them only.
 */
#ifndef NV_REDACTION_PERSONAL_IDENTIFYING_H
#define NV_REDACTION_PERSONAL_IDENTIFYING_H

#include "base/str.h"

/* Does a key say that a number under it identifies somebody (user.phone, card_number)? */
bool nv_personal_is_identifying(struct nv_str key);

#endif
