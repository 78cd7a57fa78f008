// OpenTelemetry's SDK for C++ as its users set it up: a batch processor, OTLP/HTTP with its defaults. Prints the trace id.
#include <opentelemetry/exporters/otlp/otlp_http_exporter_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/sdk/trace/tracer_provider_factory.h>

#include <iostream>
#include <string>

namespace trace = opentelemetry::trace;
namespace sdk = opentelemetry::sdk::trace;

int main()
{
    auto exporter = opentelemetry::exporter::otlp::OtlpHttpExporterFactory::Create();
    auto processor = sdk::BatchSpanProcessorFactory::Create(std::move(exporter),
                                                            sdk::BatchSpanProcessorOptions{});
    auto provider = sdk::TracerProviderFactory::Create(std::move(processor));
    auto tracer = provider->GetTracer("e2e");

    auto turn = tracer->StartSpan("turn");
    trace::StartSpanOptions options;
    options.kind = trace::SpanKind::kClient;
    options.parent = turn->GetContext();
    tracer
        ->StartSpan("chat gpt-4o-mini",
                    {{"gen_ai.operation.name", "chat"},
                     {"gen_ai.provider.name", "openai"},
                     {"gen_ai.request.model", "gpt-4o-mini"},
                     {"gen_ai.usage.input_tokens", 12},
                     {"gen_ai.usage.output_tokens", 3}},
                    options)
        ->End();
    turn->End();

    char id[32];
    turn->GetContext().trace_id().ToLowerBase16(id);
    std::cout << std::string(id, sizeof id) << std::endl;
    return 0;
}
