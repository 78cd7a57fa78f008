/*
 * Findings of one check, one test at a time.
 */
#include "doctor_kit.h"

#include <check.h>
#include <string.h>

#include "base/banned.h"

struct nv_findings nv_test_found;

void nv_test_found_nothing(void)
{
    nv_test_found = (struct nv_findings){.count = 0};
}

void nv_test_found_last(enum nv_finding_level level, const char *subject, const char *part)
{
    ck_assert_uint_ge(nv_test_found.count, 1);
    const struct nv_finding *last = &nv_test_found.items[nv_test_found.count - 1];
    ck_assert_msg(last->level == level && strcmp(last->subject, subject) == 0 &&
                      strstr(last->text, part),
                  "%d %s: %s", (int)last->level, last->subject, last->text);
    ck_assert(level != NV_FINDING_BAD || last->next[0] != '\0');
}
