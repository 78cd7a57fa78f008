/*
 * What tests of the doctor's checks share: the findings of the check that is tried.
 */
#ifndef NV_TESTS_SUPPORT_DOCTOR_KIT_H
#define NV_TESTS_SUPPORT_DOCTOR_KIT_H

#include "gateway/doctor/finding.h"

/* What the check found. */
extern struct nv_findings nv_test_found;

/* Forgets it; a set-up. */
void nv_test_found_nothing(void);
/* The last finding is of that level and subject, and `part` is in its text; one that is bad
 * says what to do next. */
void nv_test_found_last(enum nv_finding_level level, const char *subject, const char *part);

#endif
