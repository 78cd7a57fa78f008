/*
 * A trace straight to Noveum, without a gateway: set NOVEUM_API_KEY and NOVEUM_PROJECT.
 *
 *   cc direct.c $(pkg-config --cflags --libs noveum-trace noveum) -o direct
 */
#include <noveum/direct.h>

#include <stdio.h>

static void tell(void *user, const char *message)
{
    (void)user;
    (void)fprintf(stderr, "%s\n", message);
}

int main(void)
{
    const char *const settings[] = {"assembly.quiet_ms=200", NULL};
    noveum_counters counters = {.size = sizeof counters};
    noveum_options options = noveum_default_options();
    options.stages = noveum_direct();
    options.settings = settings;
    options.compression = "gzip";
    options.log = tell;
    if (noveum_start(&options) != NOVEUM_OK)
        return 1;
    {
        NOVEUM_SCOPE(run, noveum_begin(NOVEUM_AGENT, NULL));
        noveum_agent(run, NULL, "support", NULL);
        NOVEUM_SCOPE(call, noveum_begin(NOVEUM_LLM, NULL));
        noveum_llm(call, "openai", "gpt-4o-mini");
        noveum_message(call, NOVEUM_INPUT, "user", "Where is order 7?", NOVEUM_NUL);
        noveum_message(call, NOVEUM_OUTPUT, "assistant", "In transit.", NOVEUM_NUL);
        noveum_llm_usage(call, 28, 4);
    }
    noveum_result result = noveum_shutdown(10000);
    noveum_get_counters(&counters);
    printf("%llu delivered\n", (unsigned long long)counters.exported);
    return result == NOVEUM_OK ? 0 : 1;
}
