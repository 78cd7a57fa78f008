/*
 * Four small tables: spellings of providers, hosts they answer at, how their models are named,
 * and what the price table calls them.
 *
 *   gcp.vertex_ai, google_genai, gemini  ─▶ google          spelling, longest prefix first
 *   api.openai.com, *.openai.azure.com   ─▶ openai, azure_openai
 *   claude-3-5-sonnet                    ─▶ anthropic
 *
 * Tables are searched in order, so the more specific row stands first. Frameworks (LangChain,
 * Strands, ADK) often sign as the provider; mapping/conventions/words.h lists them, they are
 * refused, and the provider is then inferred from host or model. A guess is made only from
 * names that belong to one maker.
 */
#include "mapping/prices/provider.h"

#include "mapping/conventions/words.h"
#include "mapping/rules/rule.h"

#include <assert.h>
#include <pthread.h>

#include "base/banned.h"

struct row {
    struct nv_str globs, provider;
};

#define ROWS_MAX 16

/* Rows, and what a text must be like to match each of them: nearly all are ruled out by
 * that. */
struct table {
    const struct row *rows;
    size_t count;
    struct nv_glob_filter filters[ROWS_MAX]; /* by make_filters */
};

#define GLOB(glob) glob ","
static const struct nv_str frameworks = NV_STR_INIT(NV_FRAMEWORK_SIGNATURES(GLOB));
#undef GLOB

static const struct row spellings[] = {
    {NV_STR_INIT("azure_openai*,azure.ai.openai*,az.ai.openai*,azure-openai*,"
                 "azureopenai*"),
     NV_STR_INIT("azure_openai")},
    {NV_STR_INIT("azure*,az.ai.inference*"), NV_STR_INIT("azure")},
    {NV_STR_INIT("openai_agents,openai*"), NV_STR_INIT("openai")},
    {NV_STR_INIT("anthropic*,claude"), NV_STR_INIT("anthropic")},
    {NV_STR_INIT("gcp.gemini*,gcp.gen_ai*,gcp.genai*,gemini*,google*,"
                 "gcp.vertex_ai*,gcp_vertex*,vertex_ai*,vertexai*,vertex*,"
                 "genai"),
     NV_STR_INIT("google")},
    {NV_STR_INIT("aws.bedrock*,aws_bedrock*,amazon-bedrock*,amazon_bedrock*,"
                 "bedrock*,amazon,amazon.*,aws"),
     NV_STR_INIT("bedrock")},
    {NV_STR_INIT("x_ai,xai,x-ai,xai.*"), NV_STR_INIT("xai")},
    {NV_STR_INIT("mistral_ai*,mistralai*,mistral*"), NV_STR_INIT("mistral")},
    {NV_STR_INIT("meta,meta.*,llama*"), NV_STR_INIT("meta")},
    {NV_STR_INIT("ibm.watsonx*,ibm.watson*,watsonx*"), NV_STR_INIT("watsonx")},
    {NV_STR_INIT("hugging_face*,huggingface*,hugging-face*"), NV_STR_INIT("huggingface")},
    {NV_STR_INIT("together_ai*,togetherai*,together*"), NV_STR_INIT("together")},
    {NV_STR_INIT("cohere*"), NV_STR_INIT("cohere")},
    {NV_STR_INIT("deepseek*"), NV_STR_INIT("deepseek")},
    {NV_STR_INIT("ollama*"), NV_STR_INIT("ollama")},
    {NV_STR_INIT("moonshot*"), NV_STR_INIT("moonshotai")},
};

static const struct row hosts[] = {
    {NV_STR_INIT("*.openai.azure.com,*.cognitiveservices.azure.com"),
     NV_STR_INIT("azure_openai")},
    {NV_STR_INIT("*.inference.ai.azure.com,*.services.ai.azure.com"), NV_STR_INIT("azure")},
    {NV_STR_INIT("api.openai.com,*.api.openai.com"), NV_STR_INIT("openai")},
    {NV_STR_INIT("api.anthropic.com"), NV_STR_INIT("anthropic")},
    {NV_STR_INIT("generativelanguage.googleapis.com,*aiplatform.googleapis.com"),
     NV_STR_INIT("google")},
    {NV_STR_INIT("bedrock-runtime.*,bedrock-agent-runtime.*,"
                 "bedrock.*.amazonaws.com"),
     NV_STR_INIT("bedrock")},
    {NV_STR_INIT("api.mistral.ai"), NV_STR_INIT("mistral")},
    {NV_STR_INIT("api.cohere.com,api.cohere.ai"), NV_STR_INIT("cohere")},
    {NV_STR_INIT("api.deepseek.com"), NV_STR_INIT("deepseek")},
    {NV_STR_INIT("api.groq.com"), NV_STR_INIT("groq")},
    {NV_STR_INIT("api.x.ai"), NV_STR_INIT("xai")},
    {NV_STR_INIT("api.together.xyz,api.together.ai"), NV_STR_INIT("together")},
    {NV_STR_INIT("openrouter.ai"), NV_STR_INIT("openrouter")},
};

static const struct row models[] = {
    {NV_STR_INIT("azure/*"), NV_STR_INIT("azure_openai")},
    {NV_STR_INIT("bedrock/*,us.anthropic.*,eu.anthropic.*,apac.anthropic.*,"
                 "global.anthropic.*,anthropic.claude*,amazon.*,us.amazon.*,"
                 "meta.llama*,mistral.mi*,cohere.*"),
     NV_STR_INIT("bedrock")},
    {NV_STR_INIT("gpt-*,text-embedding-3*,openai/*,chatgpt-*,o1,o1-*,o3,o3-*,o4-*,"
                 "text-embedding-ada*,text-davinci*,dall-e*,"
                 "whisper-1,tts-1*"),
     NV_STR_INIT("openai")},
    {NV_STR_INIT("anthropic/*,claude-*"), NV_STR_INIT("anthropic")},
    {NV_STR_INIT("google/*,gemini/*,vertex_ai/*,gemini-*,models/gemini*,"
                 "gemma-*,text-embedding-00*"),
     NV_STR_INIT("google")},
    {NV_STR_INIT("mistral/*,mistralai/*,mistral-*,codestral*,ministral*,"
                 "pixtral*"),
     NV_STR_INIT("mistral")},
    {NV_STR_INIT("cohere/*,command-*,command"), NV_STR_INIT("cohere")},
    {NV_STR_INIT("deepseek/*,deepseek-*"), NV_STR_INIT("deepseek")},
    {NV_STR_INIT("groq/*"), NV_STR_INIT("groq")},
    {NV_STR_INIT("ollama/*,ollama_chat/*"), NV_STR_INIT("ollama")},
    {NV_STR_INIT("together_ai/*"), NV_STR_INIT("together")},
    {NV_STR_INIT("xai/*,grok-*"), NV_STR_INIT("xai")},
    {NV_STR_INIT("meta-llama/*,llama-*"), NV_STR_INIT("meta")},
};

/* Whose `input_tokens` hold `cached_tokens` in every API: OpenAI's reference, "usage" of Chat
 * Completions and Responses; Azure serves the same. */
static const struct nv_str counts_cached = NV_STR_INIT("openai,azure_openai");

/* Providers whose name in the price table is not the one that spans bear. */
static const struct row sellers[] = {{NV_STR_INIT("fireworks*"), NV_STR_INIT("fireworks")},
                                     {NV_STR_INIT("moonshot*"), NV_STR_INIT("moonshotai")},
                                     {NV_STR_INIT("perplexity*"), NV_STR_INIT("perplexity")},
                                     {NV_STR_INIT("openrouter*"), NV_STR_INIT("openrouter")},
                                     {NV_STR_INIT("cerebras*"), NV_STR_INIT("cerebras")},
                                     {NV_STR_INIT("databricks*"), NV_STR_INIT("databricks")},
                                     {NV_STR_INIT("groq*"), NV_STR_INIT("groq")},
                                     {NV_STR_INIT("novita*"), NV_STR_INIT("novita")},
                                     {NV_STR_INIT("minimax*"), NV_STR_INIT("minimax")},
                                     {NV_STR_INIT("voyage*"), NV_STR_INIT("voyageai")},
                                     {NV_STR_INIT("zhipu*"), NV_STR_INIT("zhipuai")},
                                     {NV_STR_INIT("z_ai,z-ai,z.ai"), NV_STR_INIT("zai")}};

#define TABLE(list)                                                                            \
    {                                                                                          \
        .rows = (list), .count = sizeof(list) / sizeof *(list)                                 \
    }
static struct table spelling_table = TABLE(spellings), host_table = TABLE(hosts),
                    model_table = TABLE(models), seller_table = TABLE(sellers);

static void make_filters(void)
{
    struct table *const tables[] = {&spelling_table, &host_table, &model_table, &seller_table};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        assert(tables[i]->count <= ROWS_MAX);
        for (size_t row = 0; row < tables[i]->count; row++)
            tables[i]->filters[row] = nv_glob_filter_of(tables[i]->rows[row].globs);
    }
}

static struct nv_str find(const struct table *table, struct nv_str text)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct nv_glob_filter bits = nv_glob_bits(text);
    (void)pthread_once(&once, make_filters);
    for (size_t i = 0; i < table->count; i++) {
        if (nv_glob_may(&table->filters[i], bits) && nv_glob_any(table->rows[i].globs, text))
            return table->rows[i].provider;
    }
    return NV_STR("");
}

/* host:port, or a dotted address: some emitters sign with where they called. */
static bool is_address(struct nv_str name)
{
    bool digits = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == ':' || c == '/')
            return true;
        digits = digits && (c == '.' || (c >= '0' && c <= '9'));
    }
    return digits;
}

static struct nv_str lower_case(struct nv_arena *arena, struct nv_str text)
{
    bool upper = false;
    for (size_t i = 0; i < text.len; i++)
        upper = upper || (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z');
    if (!upper)
        return text;
    char *bytes = nv_arena_raw(arena, text.len);
    for (size_t i = 0; bytes && i < text.len; i++) {
        char c = text.ptr[i];
        bytes[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return (struct nv_str){bytes, text.len};
}

struct nv_str nv_provider_normalise(struct nv_arena *arena, struct nv_str name)
{
    struct nv_str trimmed = nv_str_trim(name);
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        if (nv_str_eq(trimmed, spellings[i].provider))
            return spellings[i].provider; /* nearly always it is ours already */
    }
    if (trimmed.len == 0 || nv_glob_any(frameworks, trimmed))
        return NV_STR("");
    struct nv_str known = find(&spelling_table, trimmed);
    if (known.len > 0)
        return known;
    known = find(&host_table, trimmed);
    if (known.len > 0 || is_address(trimmed))
        return known;
    size_t dot = nv_str_find_char(trimmed, '.');
    return lower_case(arena, nv_str_slice(trimmed, 0, dot));
}

struct nv_str nv_provider_seller(struct nv_str name)
{
    struct nv_str known = find(&seller_table, name);
    return known.len > 0 ? known : name;
}

struct nv_str nv_provider_of_model(struct nv_str model)
{
    return find(&model_table, model);
}

struct nv_str nv_provider_of_host(struct nv_str host)
{
    size_t scheme = nv_str_find(host, NV_STR("://"));
    if (scheme != SIZE_MAX)
        host = nv_str_slice(host, scheme + 3, host.len);
    size_t end = 0;
    while (end < host.len && host.ptr[end] != '/' && host.ptr[end] != ':')
        end++;
    return find(&host_table, nv_str_slice(host, 0, end));
}

bool nv_provider_counts_cached(struct nv_str provider)
{
    return nv_glob_any(counts_cached, provider);
}
