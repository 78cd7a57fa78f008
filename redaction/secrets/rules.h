/*
 * What counts as a secret: the rules, and the forms of keys that are known by how they begin.
 *
 *   NV_SECRET_RULES    what a mask is counted and told under: metrics, noveum.gateway.redacted
 *   NV_SECRET_SHAPES   a key's form: how it begins, what must follow, where that is published
 *
 * Both are data: a key of another maker is a row. docs/privacy.md shows them
 * (tools/make-privacy-docs.py).
 *
 * A form is matched from left to right without going back: each item takes all bytes of its
 * class up to its largest count. So it costs no more than its length, and a row whose item
 * swallows what the next one needs can't match at all, which a test finds. Forms are what the
 * sources demand or wider, never narrower. The rest of the word behind a match is masked too.
 *
 *   d [0-9]  h [0-9a-f]  H [0-9a-fA-F]  l [a-z0-9]  U [A-Z0-9]  a [A-Za-z0-9]
 *   w [A-Za-z0-9_-]  b [A-Za-z0-9+/]  v [A-Za-z0-9_=.-]  q [A-Za-z0-9_~.-]
 *   x{20} exactly 20 of class x, x{20,} 20 or more, x{20,40}; any other character is itself
 *
 * Sources: gitleaks v8 config/gitleaks.toml by rule id, detect-secrets 1.5 by plugin, the SDK
 * of the vendor (docs/noveum-backend.md#secrets), and the makers' own pages.
 */
#ifndef NV_REDACTION_SECRETS_RULES_H
#define NV_REDACTION_SECRETS_RULES_H

/* X(id, name, what it is) */
#define NV_SECRET_RULES(X)                                                                     \
    X(KEY, "secret-key", "the whole value of an attribute whose key names a secret")           \
    X(NAMED, "named-value", "the value behind a name in text: `password: x`, `api_key=x`")     \
    X(OPENAI, "openai", "keys beginning with `sk-`: OpenAI, Anthropic, OpenRouter, Langfuse")  \
    X(AI, "ai-provider", "keys of other makers of models and of tools around them")            \
    X(AWS, "aws", "AWS access key ids and Bedrock keys")                                       \
    X(GOOGLE, "google", "Google API keys, OAuth tokens and client secrets")                    \
    X(AZURE, "azure", "Azure client secrets and keys")                                         \
    X(GITHUB, "github", "GitHub tokens")                                                       \
    X(GITLAB, "gitlab", "GitLab tokens")                                                       \
    X(SLACK, "slack", "Slack tokens and webhooks")                                             \
    X(STRIPE, "stripe", "Stripe keys")                                                         \
    X(TWILIO, "twilio", "Twilio API keys")                                                     \
    X(SENDGRID, "sendgrid", "SendGrid keys")                                                   \
    X(NPM, "npm", "npm tokens")                                                                \
    X(PYPI, "pypi", "PyPI tokens")                                                             \
    X(HUGGINGFACE, "huggingface", "Hugging Face tokens")                                       \
    X(SERVICE, "service-token", "tokens of other services")                                    \
    X(JWT, "jwt", "JSON Web Tokens")                                                           \
    X(BEARER, "bearer", "what follows `Bearer`, of 16 characters or more")                     \
    X(BASIC, "basic", "what follows `Basic` and decodes to `user:password`")                   \
    X(URL, "url-credentials", "the password in `scheme://user:password@host`")                 \
    X(PEM, "private-key", "the body of a PEM or PGP private key")

enum nv_secret_rule {
#define NV_SECRET_RULE_ENUM(id, name, what) NV_SECRET_##id,
    NV_SECRET_RULES(NV_SECRET_RULE_ENUM)
#undef NV_SECRET_RULE_ENUM
        NV_SECRET_RULE_COUNT
};

/* Where a key may begin: anywhere, or not behind a letter or digit. */
#define NV_SHAPE_ANY 0
#define NV_SHAPE_EDGE 1

/* X(rule, form before the anchor, anchor, form behind it, edge, least entropy in tenths of a
 * bit a character, source). The anchor is what all texts are searched for. */
#define NV_SECRET_SHAPES(X)                                                                    \
    X(OPENAI, "", "sk-", "w{20,}", EDGE, 0, "vendor's SDK; gitleaks openai-api-key")           \
    X(AI, "", "gsk_", "a{40,}", EDGE, 0, "console.groq.com/docs")                              \
    X(AI, "", "xai-", "a{60,}", EDGE, 0, "docs.x.ai")                                          \
    X(AI, "", "pplx-", "a{40,}", EDGE, 0, "gitleaks perplexity-api-key")                       \
    X(AI, "", "r8_", "a{37,}", EDGE, 30, "replicate.com/docs/topics/security/api-tokens")      \
    X(AI, "", "lsv2_pt_", "w{32,}", ANY, 0, "docs.langchain.com LangSmith API keys")           \
    X(AI, "", "lsv2_sk_", "w{32,}", ANY, 0, "docs.langchain.com LangSmith API keys")           \
    X(AI, "", "pcsk_", "w{40,}", EDGE, 0, "docs.pinecone.io API keys")                         \
    X(AI, "", "tvly-", "w{20,}", EDGE, 30, "docs.tavily.com")                                  \
    X(AI, "", "fw_", "a{22,}", EDGE, 35, "docs.fireworks.ai API keys")                         \
    X(AI, "", "sk_", "h{48}", EDGE, 30, "elevenlabs.io/docs authentication")                   \
    X(AI, "", "nvapi-", "w{60,}", ANY, 0, "docs.nvidia.com NIM API keys")                      \
    X(AI, "", "pk_", "a{40,}", EDGE, 35, "docs.cohere.com, docs.sambanova.ai")                 \
    X(AI, "", "jina_", "w{50,}", EDGE, 0, "jina.ai/api-dashboard")                             \
    X(AI, "", "nv_", "w{24,}", EDGE, 38, "noveum.ai API keys")                                 \
    X(AI, "", "noveum_", "w{24,}", EDGE, 38, "noveum.ai API keys")                             \
    X(AWS, "", "AKIA", "U{16}", EDGE, 0, "vendor's SDK; gitleaks aws-access-token")            \
    X(AWS, "", "ASIA", "U{16}", EDGE, 0, "gitleaks aws-access-token")                          \
    X(AWS, "", "ABIA", "U{16}", EDGE, 0, "gitleaks aws-access-token")                          \
    X(AWS, "", "ACCA", "U{16}", EDGE, 0, "gitleaks aws-access-token")                          \
    X(AWS, "", "A3T", "U{17}", EDGE, 0, "gitleaks aws-access-token")                           \
    X(AWS, "", "ABSK", "b{100,}", EDGE, 30, "gitleaks aws-amazon-bedrock-api-key-long-lived")  \
    X(AWS, "", "bedrock-api-key-", "b{20,}", ANY, 0, "gitleaks aws-amazon-bedrock-api-key")    \
    X(GOOGLE, "", "AIza", "w{35}", EDGE, 0, "vendor's SDK; gitleaks gcp-api-key")              \
    X(GOOGLE, "", "ya29.", "w{30,}", EDGE, 0, "developers.google.com/identity OAuth 2.0")      \
    X(GOOGLE, "", "GOCSPX-", "w{28}", ANY, 0, "developers.google.com/identity OAuth 2.0")      \
    X(GOOGLE, "", "1//0", "w{40,}", EDGE, 30, "developers.google.com/identity OAuth 2.0")      \
    X(AZURE, "q{3}d{1}", "Q~", "q{31,34}", ANY, 30, "gitleaks azure-ad-client-secret")         \
    X(AZURE, "a{52}", "JQQJ9", "a{20,}", ANY, 0, "learn.microsoft.com Azure keys")             \
    X(AZURE, "b{76}", "+ASt", "b{6}==", ANY, 0, "learn.microsoft.com storage account keys")    \
    X(AZURE, "b{76}", "ACDb", "b{6}==", ANY, 0, "learn.microsoft.com Cosmos DB keys")          \
    X(AZURE, "b{33}", "+ASb", "b{6}=", ANY, 0, "learn.microsoft.com Service Bus keys")         \
    X(AZURE, "b{33}", "+AEh", "b{6}=", ANY, 0, "learn.microsoft.com Event Hubs keys")          \
    X(AZURE, "a{42}", "AzSe", "a{6}", ANY, 0, "learn.microsoft.com Search keys")               \
    X(GITHUB, "", "ghp_", "w{36}", ANY, 0, "vendor's SDK; gitleaks github-pat")                \
    X(GITHUB, "", "gho_", "w{36}", ANY, 0, "vendor's SDK; gitleaks github-oauth")              \
    X(GITHUB, "", "ghu_", "w{36}", ANY, 0, "vendor's SDK; gitleaks github-app-token")          \
    X(GITHUB, "", "ghs_", "w{36}", ANY, 0, "vendor's SDK; gitleaks github-app-token")          \
    X(GITHUB, "", "ghr_", "w{36}", ANY, 0, "vendor's SDK; gitleaks github-refresh-token")      \
    X(GITHUB, "", "github_pat_", "w{20,}", ANY, 0,                                             \
      "vendor's SDK; gitleaks github-fine-grained-pat")                                        \
    X(GITLAB, "", "glpat-", "w{20,}", ANY, 0, "gitleaks gitlab-pat")                           \
    X(GITLAB, "", "glptt-", "w{20,}", ANY, 0, "gitleaks gitlab-ptt")                           \
    X(GITLAB, "", "glrt-", "w{20,}", ANY, 0, "gitleaks gitlab-runner-authentication-token")    \
    X(GITLAB, "", "gldt-", "w{20,}", ANY, 0, "gitleaks gitlab-deploy-token")                   \
    X(GITLAB, "", "glft-", "w{20,}", ANY, 0, "gitleaks gitlab-feed-token")                     \
    X(GITLAB, "", "glsoat-", "w{20,}", ANY, 0, "gitleaks gitlab-scim-token")                   \
    X(GITLAB, "", "glcbt-", "w{20,}", ANY, 0, "gitleaks gitlab-cicd-job-token")                \
    X(GITLAB, "", "glimt-", "w{25}", ANY, 0, "gitleaks gitlab-incoming-mail-token")            \
    X(GITLAB, "", "glagent-", "w{50,}", ANY, 0, "gitleaks gitlab-kubernetes-agent-token")      \
    X(GITLAB, "", "gloas-", "w{64}", ANY, 0, "gitleaks gitlab-oauth-app-secret")               \
    X(GITLAB, "", "glffct-", "w{20,}", ANY, 0, "gitleaks gitlab-feature-flag-client-token")    \
    X(GITLAB, "", "GR1348941", "w{20,}", ANY, 0, "gitleaks gitlab-rrt")                        \
    X(SLACK, "", "xoxb-", "w{10,}", ANY, 0, "gitleaks slack-bot-token")                        \
    X(SLACK, "", "xoxp-", "w{10,}", ANY, 0, "gitleaks slack-user-token")                       \
    X(SLACK, "", "xoxe-", "w{10,}", ANY, 0, "gitleaks slack-user-token")                       \
    X(SLACK, "", "xoxe.xox", "w{20,}", ANY, 0, "gitleaks slack-config-access-token")           \
    X(SLACK, "", "xoxa-", "w{10,}", ANY, 0, "gitleaks slack-legacy-workspace-token")           \
    X(SLACK, "", "xoxr-", "w{10,}", ANY, 0, "gitleaks slack-legacy-workspace-token")           \
    X(SLACK, "", "xoxo-", "w{10,}", ANY, 0, "gitleaks slack-legacy-token")                     \
    X(SLACK, "", "xoxs-", "w{10,}", ANY, 0, "gitleaks slack-legacy-token")                     \
    X(SLACK, "", "xapp-", "d{1}-w{8,}", ANY, 0, "gitleaks slack-app-token")                    \
    X(SLACK, "", "hooks.slack.com/services/", "b{8,}", ANY, 0, "gitleaks slack-webhook-url")   \
    X(SLACK, "", "hooks.slack.com/workflows/", "b{8,}", ANY, 0, "gitleaks slack-webhook-url")  \
    X(SLACK, "", "hooks.slack.com/triggers/", "b{8,}", ANY, 0, "gitleaks slack-webhook-url")   \
    X(STRIPE, "", "sk_live_", "a{10,}", EDGE, 0, "gitleaks stripe-access-token")               \
    X(STRIPE, "", "sk_test_", "a{10,}", EDGE, 0, "gitleaks stripe-access-token")               \
    X(STRIPE, "", "sk_prod_", "a{10,}", EDGE, 0, "gitleaks stripe-access-token")               \
    X(STRIPE, "", "rk_live_", "a{10,}", EDGE, 0, "gitleaks stripe-access-token")               \
    X(STRIPE, "", "rk_test_", "a{10,}", EDGE, 0, "gitleaks stripe-access-token")               \
    X(STRIPE, "", "rk_prod_", "a{10,}", EDGE, 0, "gitleaks stripe-access-token")               \
    X(STRIPE, "", "whsec_", "b{24,}", EDGE, 0, "docs.stripe.com/webhooks")                     \
    X(TWILIO, "", "SK", "a{32}", EDGE, 30, "gitleaks twilio-api-key")                          \
    X(SENDGRID, "", "SG.", "v{60,}", EDGE, 30, "gitleaks sendgrid-api-token")                  \
    X(NPM, "", "npm_", "a{36}", EDGE, 20, "gitleaks npm-access-token")                         \
    X(PYPI, "", "pypi-", "w{50,}", ANY, 0, "gitleaks pypi-upload-token")                       \
    X(HUGGINGFACE, "", "hf_", "a{34}", EDGE, 20, "gitleaks huggingface-access-token")          \
    X(HUGGINGFACE, "", "api_org_", "a{34}", EDGE, 20,                                          \
      "gitleaks huggingface-organization-api-token")                                           \
    X(JWT, "", "eyJ", "w{7,}.w{10,}", EDGE, 30, "RFC 7519; gitleaks jwt; detect-secrets jwt")  \
    X(JWT, "", "ZXlK", "b{40,}", EDGE, 30, "gitleaks jwt-base64")                              \
    X(SERVICE, "", "ops_eyJ", "b{100,}", ANY, 0, "gitleaks 1password-service-account-token")   \
    X(SERVICE, "", "A3-", "U{6}-U{6,11}-U{5}", EDGE, 0, "gitleaks 1password-secret-key")       \
    X(SERVICE, "", "p8e-", "l{32}", EDGE, 20, "gitleaks adobe-client-secret")                  \
    X(SERVICE, "", "AGE-SECRET-KEY-1", "U{58}", ANY, 0, "gitleaks age-secret-key")             \
    X(SERVICE, "", "LTAI", "a{20}", EDGE, 20, "gitleaks alibaba-access-key-id")                \
    X(SERVICE, "", "AKC", "a{12,}", EDGE, 33,                                                  \
      "gitleaks artifactory-api-key; detect-secrets artifactory")                              \
    X(SERVICE, "", "cmVmd", "a{59}", EDGE, 0, "gitleaks artifactory-reference-token")          \
    X(SERVICE, "", "ATATT3", "v{150,}", EDGE, 0, "gitleaks atlassian-api-token")               \
    X(SERVICE, "", "4b1d", "a{38}", EDGE, 30, "gitleaks clickhouse-cloud-api-secret-key")      \
    X(SERVICE, "", "CLOJARS_", "l{60}", ANY, 0, "gitleaks clojars-api-token")                  \
    X(SERVICE, "", "v1.0-", "h{24}-h{100,}", EDGE, 0, "gitleaks cloudflare-origin-ca-key")     \
    X(SERVICE, "", "dapi", "h{32}", EDGE, 30, "gitleaks databricks-api-token")                 \
    X(SERVICE, "", "dnkey-", "w{26}", EDGE, 30, "gitleaks defined-networking-api-token")       \
    X(SERVICE, "", "doo_v1_", "h{64}", ANY, 0, "gitleaks digitalocean-access-token")           \
    X(SERVICE, "", "dop_v1_", "h{64}", ANY, 0, "gitleaks digitalocean-pat")                    \
    X(SERVICE, "", "dor_v1_", "h{64}", ANY, 0, "gitleaks digitalocean-refresh-token")          \
    X(SERVICE, "w{24}", ".", "w{6}.w{27,}", ANY, 42, "detect-secrets discord")                 \
    X(SERVICE, "", "/api/webhooks/", "d{17,20}/w{60,}", ANY, 0,                                \
      "discord.com/developers webhooks")                                                       \
    X(SERVICE, "", "dckr_pat_", "w{27,}", ANY, 0, "docs.docker.com personal access tokens")    \
    X(SERVICE, "", "dp.pt.", "a{40,}", ANY, 0, "gitleaks doppler-api-token")                   \
    X(SERVICE, "", "sl.", "v{130,}", EDGE, 30, "gitleaks dropbox-short-lived-api-token")       \
    X(SERVICE, "", "duffel_test_", "v{43}", ANY, 0, "gitleaks duffel-api-token")               \
    X(SERVICE, "", "duffel_live_", "v{43}", ANY, 0, "gitleaks duffel-api-token")               \
    X(SERVICE, "", "dt0c01.", "a{24}.a{64}", ANY, 0, "gitleaks dynatrace-api-token")           \
    X(SERVICE, "", "EZAK", "a{54}", EDGE, 20, "gitleaks easypost-api-token")                   \
    X(SERVICE, "", "EZTK", "a{54}", EDGE, 20, "gitleaks easypost-test-api-token")              \
    X(SERVICE, "", "EAAM", "a{100,}", EDGE, 40, "gitleaks facebook-page-access-token")         \
    X(SERVICE, "", "EAAC", "a{100,}", EDGE, 40, "gitleaks facebook-page-access-token")         \
    X(SERVICE, "", "figd_", "w{36,}", EDGE, 0, "figma.com/developers access tokens")           \
    X(SERVICE, "", "FLWSECK_TEST-", "a{12,}", ANY, 0, "gitleaks flutterwave-secret-key")       \
    X(SERVICE, "", "FLWPUBK_TEST-", "a{12,}", ANY, 0, "gitleaks flutterwave-public-key")       \
    X(SERVICE, "", "fo1_", "w{43}", EDGE, 30, "gitleaks flyio-access-token")                   \
    X(SERVICE, "", "fm1a_", "b{100,}", EDGE, 0, "gitleaks flyio-access-token")                 \
    X(SERVICE, "", "fm1r_", "b{100,}", EDGE, 0, "gitleaks flyio-access-token")                 \
    X(SERVICE, "", "fm2_", "b{100,}", EDGE, 0, "gitleaks flyio-access-token")                  \
    X(SERVICE, "", "fio-u-", "v{64}", ANY, 0, "gitleaks frameio-api-token")                    \
    X(SERVICE, "", "glc_", "b{32,}", EDGE, 30, "gitleaks grafana-cloud-api-token")             \
    X(SERVICE, "", "glsa_", "a{32}_H{8}", ANY, 0, "gitleaks grafana-service-account-token")    \
    X(SERVICE, "", "eyJrIjoi", "a{70,}", EDGE, 0, "gitleaks grafana-api-key")                  \
    X(SERVICE, "", "pat.", "w{22}.a{24}.a{20}", ANY, 0, "gitleaks harness-api-key")            \
    X(SERVICE, "", "sat.", "w{22}.a{24}.a{20}", ANY, 0, "gitleaks harness-api-key")            \
    X(SERVICE, "a{14}", ".atlasv1.", "v{60,}", ANY, 0, "gitleaks hashicorp-tf-api-token")      \
    X(SERVICE, "", "HRKU-AA", "w{58}", EDGE, 0, "gitleaks heroku-api-key-v2")                  \
    X(SERVICE, "", "ico-", "a{32}", EDGE, 30, "gitleaks infracost-api-token")                  \
    X(SERVICE, "", "s-s4t2ud-", "H{64}", EDGE, 0, "gitleaks intra42-client-secret")            \
    X(SERVICE, "", "s-s4t2af-", "H{64}", EDGE, 0, "gitleaks intra42-client-secret")            \
    X(SERVICE, "", "lin_api_", "a{40}", ANY, 0, "gitleaks linear-api-key")                     \
    X(SERVICE, "", "live_", "h{35}", EDGE, 30, "gitleaks lob-api-key")                         \
    X(SERVICE, "", "test_", "h{35}", EDGE, 30, "gitleaks lob-api-key")                         \
    X(SERVICE, "", "key-", "h{32}", EDGE, 30, "gitleaks mailgun-private-api-token")            \
    X(SERVICE, "l{32}", "-us", "d{1,2}", EDGE, 30, "detect-secrets mailchimp")                 \
    X(SERVICE, "a{6}_a{29}", "_mmk", "", EDGE, 0, "gitleaks maxmind-license-key")              \
    X(SERVICE, "", ".webhook.office.com/webhookb2/", "l{8}-w{20,}", ANY, 0,                    \
      "gitleaks microsoft-teams-webhook")                                                      \
    X(SERVICE, "", "NRAK-", "U{27}", EDGE, 0, "gitleaks new-relic-user-api-key")               \
    X(SERVICE, "", "NRII-", "w{32}", EDGE, 0, "gitleaks new-relic-insert-key")                 \
    X(SERVICE, "", "NRJS-", "h{19}", EDGE, 0, "gitleaks new-relic-browser-api-token")          \
    X(SERVICE, "", "ntn_", "a{40,}", EDGE, 0, "gitleaks notion-api-token")                     \
    X(SERVICE, "", "secret_", "a{43}", EDGE, 38, "developers.notion.com, older tokens")        \
    X(SERVICE, "", "API-", "U{26}", EDGE, 30, "gitleaks octopus-deploy-api-key")               \
    X(SERVICE, "", "sha256~", "w{43}", EDGE, 0, "gitleaks openshift-user-token")               \
    X(SERVICE, "", "access-sandbox-", "w{36}", ANY, 0, "gitleaks plaid-api-token")             \
    X(SERVICE, "", "access-production-", "w{36}", ANY, 0, "gitleaks plaid-api-token")          \
    X(SERVICE, "", "access-development-", "w{36}", ANY, 0, "gitleaks plaid-api-token")         \
    X(SERVICE, "", "pscale_tkn_", "v{32,}", ANY, 0, "gitleaks planetscale-api-token")          \
    X(SERVICE, "", "pscale_oauth_", "v{32,}", ANY, 0, "gitleaks planetscale-oauth-token")      \
    X(SERVICE, "", "pscale_pw_", "v{32,}", ANY, 0, "gitleaks planetscale-password")            \
    X(SERVICE, "", "PMAK-", "H{24}-H{34}", ANY, 0, "gitleaks postman-api-token")               \
    X(SERVICE, "", "pnu_", "a{36}", EDGE, 20, "gitleaks prefect-api-token")                    \
    X(SERVICE, "", "pul-", "h{40}", EDGE, 20, "gitleaks pulumi-api-token")                     \
    X(SERVICE, "", "rdme_", "l{70}", ANY, 0, "gitleaks readme-api-token")                      \
    X(SERVICE, "", "rubygems_", "h{48}", ANY, 0, "gitleaks rubygems-api-token")                \
    X(SERVICE, "", "tk-us-", "w{48}", EDGE, 0, "gitleaks scalingo-api-token")                  \
    X(SERVICE, "", "xkeysib-", "h{64}", ANY, 0, "gitleaks sendinblue-api-token")               \
    X(SERVICE, "", "sntrys_eyJ", "b{40,}", ANY, 0, "gitleaks sentry-org-token")                \
    X(SERVICE, "", "sntryu_", "h{64}", ANY, 0, "gitleaks sentry-user-token")                   \
    X(SERVICE, "", "sm_aat_", "a{16}", EDGE, 0,                                                \
      "gitleaks settlemint-application-access-token")                                          \
    X(SERVICE, "", "sm_pat_", "a{16}", EDGE, 0, "gitleaks settlemint-personal-access-token")   \
    X(SERVICE, "", "sm_sat_", "a{16}", EDGE, 0, "gitleaks settlemint-service-access-token")    \
    X(SERVICE, "", "shippo_live_", "H{40}", ANY, 0, "gitleaks shippo-api-token")               \
    X(SERVICE, "", "shippo_test_", "H{40}", ANY, 0, "gitleaks shippo-api-token")               \
    X(SERVICE, "", "shpat_", "H{32}", ANY, 0, "gitleaks shopify-access-token")                 \
    X(SERVICE, "", "shpca_", "H{32}", ANY, 0, "gitleaks shopify-custom-access-token")          \
    X(SERVICE, "", "shppa_", "H{32}", ANY, 0, "gitleaks shopify-private-app-access-token")     \
    X(SERVICE, "", "shpss_", "H{32}", ANY, 0, "gitleaks shopify-shared-secret")                \
    X(SERVICE, "", "sgp_", "w{40,}", EDGE, 0, "gitleaks sourcegraph-access-token")             \
    X(SERVICE, "", "sq0atp-", "w{22,}", ANY, 0, "gitleaks square-access-token")                \
    X(SERVICE, "", "sq0csp-", "w{43}", ANY, 0, "detect-secrets square_oauth")                  \
    X(SERVICE, "", "EAAA", "w{22,}", EDGE, 38, "gitleaks square-access-token")                 \
    X(SERVICE, "", "sbp_", "h{40}", EDGE, 0, "supabase.com/docs access tokens")                \
    X(SERVICE, "", "tfp_", "v{40,}", EDGE, 0, "gitleaks typeform-api-token")                   \
    X(SERVICE, "", "hvs.", "w{90,}", EDGE, 0, "gitleaks vault-service-token")                  \
    X(SERVICE, "", "hvb.", "w{100,}", EDGE, 0, "gitleaks vault-batch-token")                   \
    X(SERVICE, "", "AQVN", "w{35,}", EDGE, 35, "gitleaks yandex-api-key")                      \
    X(SERVICE, "", "t1.", "v{90,}", EDGE, 35, "gitleaks yandex-access-token")

#endif
