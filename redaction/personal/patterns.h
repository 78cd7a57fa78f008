/*
 * The labels and patterns of personal data, those of the vendor's SDK (noveum-trace 1.5.28,
 * its module pii_redaction, Apache-2.0), byte for byte: what both pseudonymise joins.
 *
 *   X(id, label, rule, what it is)          in the order of the SDK; rule: redaction/rules.h
 *   X(id, need, least, check, pattern)      need: what of nv_hints must be there for a match,
 *                                           least: how much of it; check: of checks.h
 *
 * Every pattern is bounded by itself, so that a search is linear; that of EMAIL is only tried
 * where an @ is (personal.c). The row without a pattern keeps the place of
 * telephones that are found by their plans.
 */
#ifndef NV_REDACTION_PERSONAL_PATTERNS_H
#define NV_REDACTION_PERSONAL_PATTERNS_H

#define NV_PERSONAL_LABELS(X)                                                                  \
    X(EMAIL, "EMAIL", "pii-email", "mail addresses")                                           \
    X(URL, "URL", "pii-url", "web addresses")                                                  \
    X(EMIRATES_ID, "EMIRATES_ID", "pii-emirates-id", "identity numbers of the Emirates")       \
    X(IBAN, "IBAN", "pii-iban", "bank accounts as IBAN, with right check digits")              \
    X(CARD, "CARD", "pii-card", "card numbers")                                                \
    X(AADHAAR, "AADHAAR", "pii-aadhaar", "Aadhaar numbers of India")                           \
    X(PAN, "PAN", "pii-pan", "tax numbers of India (PAN)")                                     \
    X(PHONE, "PHONE", "pii-phone", "telephone numbers")                                        \
    X(SSN, "SSN", "pii-ssn", "social security numbers of the US")                              \
    X(IP, "IP", "pii-ip", "IPv4 addresses")                                                    \
    X(BANK_ACCOUNT, "BANK_ACCOUNT", "pii-bank-account", "11 to 16 digits alone")               \
    /* a value that was redacted as a whole, as finding in it cost too much */                 \
    X(LIMIT, "LIMIT", "pii-limit", "whole values in which finding personal data cost too much")

enum nv_personal_label {
#define NV_PERSONAL_ID(id, label, rule, what) NV_PERSONAL_##id,
    NV_PERSONAL_LABELS(NV_PERSONAL_ID)
#undef NV_PERSONAL_ID
        NV_PERSONAL_LABEL_COUNT
};

#define NV_PERSONAL_PATTERNS(X)                                                                \
    X(EMAIL, AT, 1, none, "\\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Z|a-z]{2,}\\b")            \
    X(URL, URL, 1, url, "https?://[^\\s]+")                                                    \
    X(EMIRATES_ID, JOINED, 15, emirates_id,                                                    \
      "(?<![\\w-])784[- ]?\\d{4}[- ]?\\d{7}[- ]?\\d(?![\\w-])")                                \
    X(IBAN, IBAN, 1, iban, "\\b[A-Z]{2}\\d{2}(?: ?[A-Z0-9]){11,30}\\b")                        \
    X(CARD, JOINED, 16, none,                                                                  \
      "(?<![\\w-])\\d{4}[\\s-]?\\d{4}[\\s-]?\\d{4}[\\s-]?\\d{4}(?![\\w-])")                    \
    X(AADHAAR, JOINED, 12, none, "(?<![\\w-])\\d{4}[\\s-]?\\d{4}[\\s-]?\\d{4}(?![\\w-])")      \
    X(PAN, PAN, 1, none, "\\b[A-Z]{5}\\d{4}[A-Z]\\b")                                          \
    X(PHONE, DENSE, 7, none, NULL)                                                             \
    X(PHONE, JOINED, 10, none, "(?:\\+91[\\s-]?)?\\b[6-9]\\d{4}[\\s-]?\\d{5}\\b")              \
    X(PHONE, JOINED, 10, none, "\\b\\d{3}-\\d{3}-\\d{4}\\b")                                   \
    X(PHONE, AREA, 1, none, "\\b\\(\\d{3}\\)\\s*\\d{3}-\\d{4}\\b")                             \
    X(PHONE, JOINED, 10, none, "\\b\\d{3}\\.\\d{3}\\.\\d{4}\\b")                               \
    X(PHONE, RUN, 10, none, "\\b\\d{10}\\b")                                                   \
    X(SSN, JOINED, 9, none, "\\b\\d{3}-\\d{2}-\\d{4}\\b")                                      \
    X(IP, DOTS, 3, none, "\\b(?:\\d{1,3}\\.){3}\\d{1,3}\\b")                                   \
    X(BANK_ACCOUNT, RUN, 11, none, "(?<![\\w.-])\\d{11,16}(?![\\w-]|\\.\\d)")

/*
 * Dates and times are nobody's, though their digits look like numbers of telephones: what
 * overlaps one of them is not taken.
 */
#define NV_PERSONAL_ZONE "(?:\\s?(?:Z|UTC|GMT|[+-]\\d{2}:?\\d{2}))?"
#define NV_PERSONAL_TIME                                                                       \
    "\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d{1,9})?)?(?:\\s?[AaPp]\\.?[Mm]\\.?)?" NV_PERSONAL_ZONE
#define NV_PERSONAL_DATES                                                                      \
    "(?<![\\d:.])(?:"                                                                          \
    "\\d{4}-\\d{2}-\\d{2}(?:[T ]" NV_PERSONAL_TIME ")?"                                        \
    "|\\d{1,2}([/.-])\\d{1,2}\\1\\d{4}(?:,?\\s" NV_PERSONAL_TIME ")?"                          \
    "|" NV_PERSONAL_TIME ")(?![\\d:])"

#endif
