/*
 * What looks like a telephone number: libphonenumber's pattern of candidates
 * (NV_PHONE_CANDIDATE), found by hand wherever no extension can follow, as nearly everywhere.
 *
 *   brackets, + ─▶ digits ─▶ up to four of -x./()~ and spaces, digits ─▶ ... ─▶ extension?
 *   └─ at most two, each with up to four of the others behind          no: done, yes: PCRE2
 */
#ifndef NV_REDACTION_PERSONAL_PHONE_CANDIDATES_H
#define NV_REDACTION_PERSONAL_PHONE_CANDIDATES_H

#include "redaction/personal/regex.h"

/* What parts a candidate has: bit of what is between them. */
enum nv_phone_cut {
    NV_PHONE_SLASH,
    NV_PHONE_BRACKET, /* ( */
    NV_PHONE_HYPHEN,  /* with a space before or behind */
    NV_PHONE_WIDE,    /* hyphens beyond ASCII */
    NV_PHONE_DOT,
    NV_PHONE_SPACE,
    NV_PHONE_CUTS
};

struct nv_phone_survey {
    size_t digits;
    unsigned cuts; /* bit: a cut that the text may have; others it hasn't */
    bool brackets; /* it may have a bracket */
};

/* A text of a candidate, seen once. */
struct nv_phone_survey nv_phone_survey_of(struct nv_str text);
/*
 * As nv_regex_find with the program of NV_PHONE_CANDIDATE and NV_REGEX_NO_CASE, and with the
 * same result.
 */
enum nv_regex_result nv_phone_candidate_find(const struct nv_regex *pattern,
                                             struct nv_regex_work *work,
                                             const struct nv_regex_text *subject, size_t from,
                                             struct nv_regex_match *match) NV_MUST_USE;

#endif
