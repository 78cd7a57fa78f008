/*
 * What the doctor found: lines of one subject each, and what to do about them.
 *
 *   ok    port      receiver.http.listen 127.0.0.1:4318 is free
 *   note  project   none is set: ...
 *   BAD   backend   401 after 12 ms: the key is wrong or expired
 *
 * Plain data without pointers, so that it can go through a pipe as it is (isolated.h). One
 * thread.
 */
#ifndef NV_GATEWAY_DOCTOR_FINDING_H
#define NV_GATEWAY_DOCTOR_FINDING_H

#include "base/json/json_write.h"

enum nv_finding_level {
    NV_FINDING_OK,
    NV_FINDING_NOTE, /* works, and a person may want to know */
    NV_FINDING_BAD
};

struct nv_finding {
    enum nv_finding_level level;
    char subject[12];
    char text[600]; /* any bytes: it may quote the backend */
    char next[320]; /* what to do, or "" */
};

/* A whole run says some 20 things. */
#define NV_FINDINGS_MAX 40

struct nv_findings {
    size_t count;
    struct nv_finding items[NV_FINDINGS_MAX];
};

/*
 * Adds one, its text by `format`, cut to fit; `next` (borrowed) may be NULL. Beyond
 * NV_FINDINGS_MAX the last is replaced, unless that one is worse.
 */
void nv_finding_add(struct nv_findings *findings, enum nv_finding_level level,
                    const char *subject, const char *next, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The worst level of all; NV_FINDING_OK of none. */
enum nv_finding_level nv_findings_worst(const struct nv_findings *findings);
/* Appends one as a line for people, with the secrets in it masked. Buffer's errors. */
enum nv_err nv_finding_write(const struct nv_finding *finding, struct nv_buf *buf);
/* Writes one as an object: level, subject, text and, unless "", next. */
void nv_finding_write_json(const struct nv_finding *finding, struct nv_json_writer *json);
/*
 * The one next step: of the first that is bad, else of the first note that has one, else NULL.
 * Borrowed.
 */
const char *nv_findings_next(const struct nv_findings *findings);

#endif
