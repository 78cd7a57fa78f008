/*
 * Findings, and how they are shown.
 *
 * Texts may quote what the backend said, so they are shown as foreign texts are: without
 * secrets and without what moves a cursor.
 */
#include "gateway/doctor/finding.h"

#include "base/text/mask.h"
#include "base/text/shown.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/banned.h"

static const struct {
    const char *line, *json;
} words[] = {
    [NV_FINDING_OK] = {"ok  ", "ok"},
    [NV_FINDING_NOTE] = {"note", "note"},
    [NV_FINDING_BAD] = {"BAD ", "bad"},
};

void nv_finding_add(struct nv_findings *findings, enum nv_finding_level level,
                    const char *subject, const char *next, const char *format, ...)
{
    va_list arguments;
    struct nv_finding *finding = &findings->items[findings->count];

    if (findings->count == NV_FINDINGS_MAX) {
        finding--;
        if (finding->level > level)
            return;
    } else {
        findings->count++;
    }
    *finding = (struct nv_finding){.level = level};
    (void)snprintf(finding->subject, sizeof finding->subject, "%s", subject);
    (void)snprintf(finding->next, sizeof finding->next, "%s", next ? next : "");
    va_start(arguments, format);
    (void)vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

enum nv_finding_level nv_findings_worst(const struct nv_findings *findings)
{
    enum nv_finding_level worst = NV_FINDING_OK;

    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].level > worst)
            worst = findings->items[i].level;
    }
    return worst;
}

/* The text without secrets, which only ever gets shorter. */
static struct nv_str masked(char *text)
{
    return (struct nv_str){text, nv_mask_text(text, strlen(text))};
}

enum nv_err nv_finding_write(const struct nv_finding *finding, struct nv_buf *buf)
{
    char text[sizeof finding->text];

    memcpy(text, finding->text, sizeof text);
    (void)nv_buf_printf(buf, "%s  %-9s ", words[finding->level].line, finding->subject);
    (void)nv_shown_append(buf, masked(text), NV_SHOWN_LINE);
    return nv_buf_append_char(buf, '\n');
}

static void put(struct nv_json_writer *json, const char *key, struct nv_str value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_string(json, value);
}

void nv_finding_write_json(const struct nv_finding *finding, struct nv_json_writer *json)
{
    char text[sizeof finding->text], next[sizeof finding->next];

    memcpy(text, finding->text, sizeof text);
    memcpy(next, finding->next, sizeof next);
    nv_json_write_begin_object(json);
    put(json, "level", nv_str_from(words[finding->level].json));
    put(json, "subject", nv_str_from(finding->subject));
    put(json, "text", masked(text));
    if (next[0] != '\0')
        put(json, "next", masked(next));
    nv_json_write_end_object(json);
}

static const char *next_of(const struct nv_findings *findings, enum nv_finding_level level)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct nv_finding *finding = &findings->items[i];
        if (finding->level == level && finding->next[0] != '\0')
            return finding->next;
    }
    return NULL;
}

const char *nv_findings_next(const struct nv_findings *findings)
{
    const char *next = next_of(findings, NV_FINDING_BAD);

    if (next || nv_findings_worst(findings) == NV_FINDING_BAD)
        return next;
    return next_of(findings, NV_FINDING_NOTE);
}
