/*
 * What is seen without asking anybody: key, project, clock.
 *
 * A key is judged by its characters alone, whether it is known says the backend; a missing
 * project is a note and no fault, because `service.name` takes its place.
 */
#include "gateway/doctor/checks.h"

#include "base/clock.h"
#include "gateway/config/option_value.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

/* 2025-01-01 and 2100-01-01: a clock outside was never set. */
#define WALL_MIN_NS (UINT64_C(1735689600) * NV_NS_PER_S)
#define WALL_MAX_NS (UINT64_C(4102444800) * NV_NS_PER_S)

void nv_check_key(const struct nv_options *options, struct nv_findings *out)
{
    const char *key = options->exporter_noveum_api_key;
    if (options->role == NV_ROLE_RECEIVE) {
        nv_finding_add(out, NV_FINDING_OK, "key", NULL,
                       "role receive delivers to Kafka and needs none");
        return;
    }
    if (!key) {
        nv_finding_add(out, NV_FINDING_OK, "key", NULL,
                       "none: local mode, traces go to files; set NOVEUM_API_KEY to deliver");
        return;
    }
    const char *where = options->where[NV_OPT_exporter_noveum_api_key];
    for (const char *c = key; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            nv_finding_add(
                out, NV_FINDING_BAD, "key",
                "set the key again without what was copied along: a space, quotes, a line end",
                "from %.80s: holds a space, line end or other character no key has", where);
            return;
        }
    }
    bool usual = strncmp(key, "nv_", 3) == 0 || strncmp(key, "noveum_", 7) == 0;
    nv_finding_add(out, NV_FINDING_OK, "key", NULL, "from %.80s, %zu characters%s", where,
                   strlen(key), usual ? "" : "; keys usually begin with nv_");
}

void nv_check_project(const struct nv_options *options, struct nv_findings *out)
{
    if (nv_options_local(options))
        return;
    if (options->exporter_noveum_project) {
        nv_finding_add(out, NV_FINDING_OK, "project", NULL, "%.100s, from %.80s",
                       options->exporter_noveum_project,
                       options->where[NV_OPT_exporter_noveum_project]);
        return;
    }
    nv_finding_add(
        out, NV_FINDING_NOTE, "project",
        "set NOVEUM_PROJECT to the project's exact name, or give each application "
        "an OTEL_SERVICE_NAME",
        "none is set: traces that name none go to a project called as their service, "
        "which Noveum makes when there is none");
}

void nv_check_clock(uint64_t wall_ns, bool in_step, struct nv_findings *out)
{
    char time[NV_TIME_TEXT_SIZE];
    unsigned len = nv_time_format(wall_ns, time);
    assert(len < sizeof time);
    time[len] = '\0';
    if (wall_ns < WALL_MIN_NS || wall_ns > WALL_MAX_NS) {
        nv_finding_add(out, NV_FINDING_BAD, "clock",
                       "set the clock: timedatectl set-ntp true, or date -s",
                       "%s is not now: set the clock", time);
        return;
    }
    nv_finding_add(out, NV_FINDING_OK, "clock", NULL, "%s%s", time,
                   in_step ? ""
                           : ", not known to be in step: NTP keeps spans of machines in order");
}
