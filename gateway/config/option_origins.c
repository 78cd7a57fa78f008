/*
 * The start's account of what was configured, and by whom.
 *
 *   gateway: setting exporter.noveum.endpoint="https://api.noveum.ai/api" from=default
 *   gateway: setting exporter.noveum.api_key="***" from=NOVEUM_API_KEY
 *
 * A noveum-trace.yaml that happens to lie in the working directory takes part in the
 * configuration, as it does for the SDK. Nobody may have thought of it, so what it sets is
 * said; and when it sends a key that came from elsewhere to another place, that is said loudly.
 * Not refused: the SDK reads the same file, and the two must agree where traces go.
 */
#include "gateway/config/option_origins.h"

#include "base/limits.h"
#include "base/log/log.h"

#include <assert.h>

#include "base/banned.h"

#define SECTION "exporter.noveum."

static bool is_told(const struct nv_options *options, size_t id)
{
    enum nv_option_source source = options->source[id];
    bool noveum = nv_str_starts(nv_str_from(nv_option_table[id].path), NV_STR(SECTION));
    if (id == NV_OPT_exporter_noveum_endpoint)
        return !nv_options_local(options) || source != NV_SOURCE_DEFAULT;
    return source == NV_SOURCE_SDK_FILE || source == NV_SOURCE_SDK_ENVIRONMENT ||
           (noveum && source != NV_SOURCE_DEFAULT);
}

static void tell(const struct nv_options *options, size_t id)
{
    struct nv_log_site site = {0}; /* of its own: a burst of settings is not to be folded */
    struct nv_buf value;
    nv_buf_init(&value, NV_CAP_CONFIG_SHOWN);
    (void)nv_option_write(options, id, &value);
    nv_log_write(&site, NV_LOG_INFO, "config", "setting %s=\"%.*s\" from=%s",
                 nv_option_table[id].path, NV_STR_ARG(nv_buf_str(&value)),
                 options->source[id] == NV_SOURCE_DEFAULT ? "default" : options->where[id]);
    nv_buf_release(&value);
}

void nv_options_log_origins(const struct nv_options *options)
{
    assert(options != NULL);
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        if (is_told(options, id))
            tell(options, id);
    }
    if (options->source[NV_OPT_exporter_noveum_endpoint] != NV_SOURCE_SDK_FILE ||
        nv_options_local(options) ||
        options->source[NV_OPT_exporter_noveum_api_key] == NV_SOURCE_SDK_FILE)
        return;
    NV_LOG(
        NV_LOG_WARN, "config",
        "the key of %s goes to %s, which only the file %s chose; set NOVEUM_ENDPOINT or remove "
        "the file if that is not meant",
        options->where[NV_OPT_exporter_noveum_api_key], options->exporter_noveum_endpoint,
        options->where[NV_OPT_exporter_noveum_endpoint]);
}
