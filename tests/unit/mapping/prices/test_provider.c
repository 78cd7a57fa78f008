/*
 * Spellings of providers, hosts and models.
 *
 * Frameworks and addresses are no providers.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/prices/provider.h"

#include "base/banned.h"

START_TEST(spellings)
{
    static const struct {
        const char *name, *provider;
    } cases[] = {{"openai", "openai"},
                 {"OpenAI", "openai"},
                 {"openai.chat", "openai"},
                 {"az.ai.openai", "azure_openai"},
                 {"azure.ai.openai", "azure_openai"},
                 {"az.ai.inference", "azure"},
                 {"gcp.gemini", "google"},
                 {"google.generative-ai", "google"},
                 {"vertex_ai", "google"},
                 {"aws.bedrock", "bedrock"},
                 {"amazon-bedrock", "bedrock"},
                 {"mistral_ai", "mistral"},
                 {"x_ai", "xai"},
                 {"groq.chat", "groq"},
                 {"Perplexity", "perplexity"},
                 {" anthropic ", "anthropic"},
                 {"langchain", ""},
                 {"strands-agents", ""},
                 {"autogen-core", ""},
                 {"custom", ""},
                 {"customer", "customer"},
                 {"gcp.vertex.agent", ""},
                 {"127.0.0.1:14400", ""},
                 {"10.0.0.1", ""},
                 {"api.openai.com", "openai"},
                 {"", ""}};
    struct nv_arena *arena = nv_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_nv_str(nv_provider_normalise(arena, nv_str_from(cases[i].name)),
                         cases[i].provider);
    }
    nv_arena_free(arena);
}
END_TEST

START_TEST(models_and_hosts)
{
    static const struct {
        const char *model, *provider;
    } models[] = {{"gpt-4o", "openai"},
                  {"o3-mini", "openai"},
                  {"claude-3-5-sonnet", "anthropic"},
                  {"us.anthropic.claude-3", "bedrock"},
                  {"azure/gpt-4o", "azure_openai"},
                  {"gemini-2.5-flash", "google"},
                  {"models/gemini-1.5-pro", "google"},
                  {"deepseek-chat", "deepseek"},
                  {"my-own", ""},
                  {"", ""}};
    static const struct {
        const char *host, *provider;
    } hosts[] = {{"api.openai.com", "openai"},
                 {"https://x.openai.azure.com/deployments", "azure_openai"},
                 {"bedrock-runtime.us-east-1.amazonaws.com", "bedrock"},
                 {"api.anthropic.com:443", "anthropic"},
                 {"localhost", ""},
                 {"", ""}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        ck_assert_nv_str(nv_provider_of_model(nv_str_from(models[i].model)),
                         models[i].provider);
    }
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        ck_assert_nv_str(nv_provider_of_host(nv_str_from(hosts[i].host)), hosts[i].provider);
}
END_TEST

START_TEST(sellers)
{
    ck_assert_nv_str(nv_provider_seller(NV_STR("fireworks_ai")), "fireworks");
    ck_assert_nv_str(nv_provider_seller(NV_STR("moonshot_ai")), "moonshotai");
    ck_assert_nv_str(nv_provider_seller(NV_STR("z.ai")), "zai");
    ck_assert_nv_str(nv_provider_seller(NV_STR("openai")), "openai");
    ck_assert_nv_str(nv_provider_seller(NV_STR("")), "");
}
END_TEST

START_TEST(whose_input_holds_the_cached_tokens)
{
    ck_assert(nv_provider_counts_cached(NV_STR("openai")));
    ck_assert(nv_provider_counts_cached(NV_STR("azure_openai")));
    ck_assert(!nv_provider_counts_cached(NV_STR("azure")));
    ck_assert(!nv_provider_counts_cached(NV_STR("anthropic")));
    ck_assert(!nv_provider_counts_cached(NV_STR("")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/provider");
    TCase *tcase = tcase_create("provider");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, spellings);
    tcase_add_test(tcase, models_and_hosts);
    tcase_add_test(tcase, sellers);
    tcase_add_test(tcase, whose_input_holds_the_cached_tokens);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
