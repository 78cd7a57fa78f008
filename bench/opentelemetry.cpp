/*
 * The span of bench/trace.c by the SDK of opentelemetry-cpp, for comparison: the same ten
 * attributes, a batch processor, an exporter that throws away. Of Debian 13's packages:
 *
 *   c++ -std=c++17 -O3 opentelemetry.cpp -o bench-opentelemetry -lopentelemetry_trace \
 *       -lopentelemetry_resources -lopentelemetry_common -pthread
 */
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <thread>

#include <opentelemetry/sdk/trace/batch_span_processor.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/exporter.h>
#include <opentelemetry/sdk/trace/span_data.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/trace/noop.h>
#include <opentelemetry/trace/scope.h>

namespace trace = opentelemetry::trace;
namespace sdk = opentelemetry::sdk::trace;

static const unsigned SPANS = 10000, OFF_CALLS = 1000000;

class Nowhere final : public sdk::SpanExporter
{
  public:
    std::unique_ptr<sdk::Recordable> MakeRecordable() noexcept override
    {
        return std::make_unique<sdk::SpanData>();
    }
    opentelemetry::sdk::common::ExportResult Export(
        const opentelemetry::nostd::span<std::unique_ptr<sdk::Recordable>> &) noexcept override
    {
        return opentelemetry::sdk::common::ExportResult::kSuccess;
    }
    bool ForceFlush(std::chrono::microseconds) noexcept override
    {
        return true;
    }
    bool Shutdown(std::chrono::microseconds) noexcept override
    {
        return true;
    }
};

static double seconds(clockid_t clock)
{
    timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void one_span(trace::Tracer &tracer, unsigned i)
{
    auto span = tracer.StartSpan("chat gpt-4o-mini");
    trace::Scope scope(span);
    span->SetAttribute("gen_ai.provider.name", "openai");
    span->SetAttribute("gen_ai.request.model", "gpt-4o-mini");
    span->SetAttribute("gen_ai.response.id", "chatcmpl-123");
    span->SetAttribute("gen_ai.response.model", "gpt-4o-mini-2024-07-18");
    span->SetAttribute("gen_ai.usage.input_tokens", (int64_t)i);
    span->SetAttribute("gen_ai.usage.output_tokens", (int64_t)9);
    span->SetAttribute("session.id", "conversation-7");
    span->SetAttribute("user.id", "u-1");
    span->SetAttribute("gen_ai.request.temperature", 0.2);
    span->SetAttribute("gen_ai.request.stream", true);
    span->End();
}

static void spans(trace::Tracer *tracer, double *cpu, double *wall)
{
    *cpu = -seconds(CLOCK_THREAD_CPUTIME_ID);
    *wall = -seconds(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < SPANS; i++)
        one_span(*tracer, i);
    *cpu += seconds(CLOCK_THREAD_CPUTIME_ID);
    *wall += seconds(CLOCK_MONOTONIC);
}

/* The best of several rounds, as bench/trace.c has it. */
static void measure(sdk::TracerProvider &provider, trace::Tracer *tracer, unsigned threads,
                    unsigned rounds)
{
    double best_cpu = 1e9, best_wall = 1e9;
    for (unsigned i = 0; i < rounds; i++) {
        double cpu[2] = {0, 0}, wall[2] = {0, 0};
        if (threads == 1) {
            spans(tracer, &cpu[0], &wall[0]);
        } else {
            std::thread one(spans, tracer, &cpu[0], &wall[0]);
            std::thread other(spans, tracer, &cpu[1], &wall[1]);
            one.join();
            other.join();
        }
        provider.ForceFlush();
        double longer = wall[0] > wall[1] ? wall[0] : wall[1];
        best_cpu = cpu[0] < best_cpu ? cpu[0] : best_cpu;
        best_wall = longer < best_wall ? longer : best_wall;
    }
    std::printf("threads=%u cpu_ns_per_span=%.0f wall_ns_per_span=%.0f spans_per_s=%.0f\n",
                threads, best_cpu * 1e9 / SPANS, best_wall * 1e9 / SPANS,
                SPANS * threads / best_wall);
}

static void measure_off()
{
    std::shared_ptr<trace::Tracer> tracer = std::make_shared<trace::NoopTracer>();
    double began = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (unsigned i = 0; i < OFF_CALLS; i++)
        tracer->StartSpan("chat")->SetAttribute("a", (int64_t)i);
    double took = seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    std::printf("off cpu_ns_per_call=%.1f\n", took * 1e9 / (2.0 * OFF_CALLS));
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)std::strtoul(argv[1], nullptr, 10) : 50;
    sdk::BatchSpanProcessorOptions options;
    options.max_queue_size = 65536;
    options.max_export_batch_size = 65536;
    options.schedule_delay_millis = std::chrono::milliseconds(3600000);
    auto processor =
        std::make_unique<sdk::BatchSpanProcessor>(std::make_unique<Nowhere>(), options);
    sdk::TracerProvider provider(std::move(processor));
    auto tracer = provider.GetTracer("bench");
    measure_off();
    measure(provider, tracer.get(), 1, rounds);
    measure(provider, tracer.get(), 2, rounds);
    return 0;
}
