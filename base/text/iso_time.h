/*
 * Times as text: ISO 8601 with a date, a time and a zone (RFC 3339 and what senders make of
 * it).
 */
#ifndef NV_BASE_TEXT_ISO_TIME_H
#define NV_BASE_TEXT_ISO_TIME_H

#include "base/str.h"

/*
 * Nanoseconds since 1970 of `2023-11-14T22:13:20.5+01:00`. Digits past nanoseconds are cut;
 * without a zone it is UTC; text behind it is ignored. False, and `*ns` as it was, for anything
 * else and for times before 1970. Any thread.
 */
bool nv_iso_time_parse(struct nv_str text, uint64_t *ns);

#endif
