/*
 * Personal data in texts with JSON for tests: rules that pseudonymise, an arena, and what was
 * counted. One at a time; as a checked fixture.
 */
#ifndef NV_TESTS_SUPPORT_NESTED_KIT_H
#define NV_TESTS_SUPPORT_NESTED_KIT_H

#include "redaction/personal/nested.h"

/* What the pseudonym of john@corp.com is with the kit's salt. */
#define KIT_MAIL "EMAIL_6e6bbb5afcec"

extern struct nv_arena *kit_arena;
extern struct nv_personal *kit_rules;
extern struct nv_nested *kit_nested;
extern struct nv_personal_counts kit_counts;

/* Made anew, and freed. */
void kit_nested_set_up(void);
void kit_nested_tear_down(void);
/* The text redacted. */
struct nv_str kit_nested_text(struct nv_str text, enum nv_nested_numbers numbers);
/* The text, with all numbers, becomes so (NULL: stays, in its place), and then stays so. */
void kit_nested_becomes(const char *text, const char *becomes);

#endif
