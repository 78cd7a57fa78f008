/*
 * The error table and the record of a parse's first failure.
 *
 * The rows are generated from NV_ERR_TABLE, so that a new code cannot lack a text or a status.
 * A lookup walks the rows: there are about thirty and it happens once a failed request. Text of
 * failures is formatted only for the first failure of a parse; what follows it is mostly noise
 * caused by it, and an attacker must not be able to buy formatting by the thousand.
 */
#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/banned.h"

static const struct nv_err_info table[] = {
#define NV_ERR_ROW(code, value, text, http, grpc, retry) {code, #code, text, http, grpc, retry},
    NV_ERR_TABLE(NV_ERR_ROW)
#undef NV_ERR_ROW
};

const struct nv_err_info *nv_err_info(enum nv_err code)
{
    const size_t count = sizeof table / sizeof table[0];
    for (size_t i = 0; i < count; i++) {
        if (table[i].code == code)
            return &table[i];
    }
    assert(table[count - 1].code == NV_ERR_INTERNAL);
    return &table[count - 1];
}

enum nv_err nv_fail_set(struct nv_fail *fail, enum nv_err code, size_t offset,
                        const char *format, ...)
{
    assert(code != NV_OK);
    if (!fail || fail->code != NV_OK)
        return code;
    fail->code = code;
    fail->offset = offset;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fail->what, sizeof fail->what, format, args);
    va_end(args);
    return code;
}
