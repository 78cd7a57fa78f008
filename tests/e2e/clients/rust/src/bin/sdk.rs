//! The SDK of Rust as its users set it up: a batch processor, an exporter with its defaults over gRPC or HTTP. Prints the trace id.
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::SdkTracerProvider;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exporter = match std::env::args().nth(1).as_deref() {
        Some("grpc") => SpanExporter::builder().with_tonic().build()?,
        _ => SpanExporter::builder().with_http().build()?,
    };
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    let tracer = provider.tracer("e2e");
    let turn = Context::new().with_span(tracer.start("turn"));
    let call = tracer
        .span_builder("chat gpt-4o-mini")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", "openai"),
            KeyValue::new("gen_ai.request.model", "gpt-4o-mini"),
            KeyValue::new("gen_ai.usage.input_tokens", 12),
            KeyValue::new("gen_ai.usage.output_tokens", 3),
        ])
        .start_with_context(&tracer, &turn);
    drop(call);
    turn.span().end();
    println!("{}", turn.span().span_context().trace_id());
    tokio::task::spawn_blocking(move || provider.shutdown()).await??;
    Ok(())
}
