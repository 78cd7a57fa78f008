/*
 * What every reader of a setting asks and says: variables, the file, the first trouble.
 *
 * Only the first is kept of each, since what follows from it would hide it. An empty variable
 * is one that is not set, by the specification of OpenTelemetry.
 */
#include "trace/config_reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/banned.h"

/* Read at the start only. getenv is not safe beside setenv, and a library can't know what other
 * threads do later. */
const char *nv_trace_environment(const char *name)
{
    const char *value = name ? getenv(name) : NULL;
    return value && value[0] != '\0' ? value : NULL;
}

bool nv_trace_says(const char *variable, const char *word)
{
    const char *value = nv_trace_environment(variable);
    return value && strcasecmp(value, word) == 0;
}

/* The words that the SDK takes. */
bool nv_trace_is_true(const char *text)
{
    return text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0 ||
                    strcasecmp(text, "yes") == 0 || strcasecmp(text, "on") == 0);
}

bool nv_trace_is_false(const char *text)
{
    return text && (strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0 ||
                    strcasecmp(text, "no") == 0 || strcasecmp(text, "off") == 0);
}

const char *nv_trace_first_of(const char *option, const char *one, const char *two)
{
    if (option && option[0] != '\0')
        return option;
    const char *value = nv_trace_environment(one);
    return value ? value : nv_trace_environment(two);
}

/* The first trouble is told: what follows from it would only hide it. */
void nv_trace_refuse(struct nv_trace_reading *reading, noveum_result result, const char *what,
                     const char *value)
{
    if (reading->result != NOVEUM_OK)
        return;
    reading->result = result;
    (void)snprintf(reading->why, NV_TRACE_WHY_SIZE, "%s: %.100s", what, value);
}

void nv_trace_refuse_failed(struct nv_trace_reading *reading, const char *what, enum nv_err err)
{
    if (err == NV_ERR_LIMIT)
        nv_trace_refuse(reading, NOVEUM_INVALID, what, "more than 64 KiB");
    else if (err != NV_OK)
        nv_trace_refuse(reading, NOVEUM_NO_MEMORY, "out of memory", what);
}

/* Likewise of what the program can't mend. No values: headers and the like are secrets. */
void nv_trace_warn(struct nv_trace_reading *reading, const char *what, const char *why)
{
    char *warning = reading->config->warning;
    if (warning[0] == '\0')
        (void)snprintf(warning, sizeof reading->config->warning, "%s: %s", what, why);
}

const char *nv_trace_from_file(const struct nv_trace_reading *reading, const char *key)
{
    return key ? nv_trace_file_get(&reading->file, key) : NULL;
}

void nv_trace_keep_text(struct nv_trace_reading *reading, char **to, const char *value)
{
    free(*to);
    *to = value ? strdup(value) : NULL;
    if (value && !*to)
        nv_trace_refuse(reading, NOVEUM_NO_MEMORY, "out of memory", "");
}

void nv_trace_read_list(struct nv_trace_reading *reading, const char *what, const char *list,
                        nv_trace_pair *each)
{
    if (list)
        nv_trace_refuse_failed(reading, what, nv_trace_list_each(list, each, reading));
}
