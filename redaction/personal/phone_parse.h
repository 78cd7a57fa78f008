/*
 * Is a candidate a valid telephone number? As libphonenumber decides it (parse, is_valid_number
 * and the checks of its matcher at leniency VALID), of which this keeps the digits only.
 *
 *   "+971 (0)50 123-4567" ─▶ digits ─▶ country, number inside of it ─▶ plan ─▶ valid?
 *
 * Not done, as no text of a prompt has it: letters as digits, carriers' codes of Brazil written
 * as xx.
 */
#ifndef NV_REDACTION_PERSONAL_PHONE_PARSE_H
#define NV_REDACTION_PERSONAL_PHONE_PARSE_H

#include "redaction/personal/phone_plans.h"

/* Longer candidates are none, in characters: libphonenumber's limit. */
#define NV_PHONE_CANDIDATE_MAX 250u

/* All borrowed. */
struct nv_phone_parser {
    struct nv_phone_plans *plans;
    struct nv_regex_work *work;
    const struct nv_regex *extension; /* NV_PHONE_EXTENSION */
    const struct nv_phone_plan *plan; /* of numbers without a country; NULL: they are none */
};

struct nv_phone_digits {
    char text[NV_PHONE_CANDIDATE_MAX + 8];
    size_t len;
};

/* Does the country say it all, so that the parser's plan changes nothing? */
enum nv_phone_abroad { NV_PHONE_NOT_ASKED, NV_PHONE_NO_NUMBER, NV_PHONE_NUMBER };

/* What a candidate says before a plan is asked: for each plan the same. */
struct nv_phone_written {
    struct nv_str text;            /* borrowed */
    struct nv_phone_digits digits; /* without the extension's */
    bool plus;
    enum nv_phone_abroad abroad; /* set by nv_phone_is_valid */
};

/* `text` begins with a digit, a plus or an opening bracket; false: it is no number, whatever
 * the plan. The parser's plan is not asked. */
bool nv_phone_read(const struct nv_phone_parser *parser, struct nv_str text,
                   struct nv_phone_written *written);
/* Asks the parser's plan. A pattern that has no memory counts as one that doesn't match. */
bool nv_phone_is_valid(const struct nv_phone_parser *parser, struct nv_phone_written *written);

#endif
