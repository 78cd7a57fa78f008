//! rig: an agent that calls a tool, its spans exported by tracing-opentelemetry as rig's users do. Prints the trace id.
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::SdkTracerProvider;
use rig::agent::AgentBuilder;
use rig::providers::openai::{OpenAIConfig, Route};
use rig::rig_tool;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

#[rig_tool(
    description = "Looks an order up",
    params(order_id = "The order's number"),
    required(order_id)
)]
fn get_order(order_id: String) -> Result<String, rig::tool::ToolExecutionError> {
    Ok(format!("order {order_id} is in transit"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exporter = SpanExporter::builder().with_http().build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("e2e"));
    let filter = Targets::new().with_target("rig", tracing::Level::INFO);
    tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(layer).with(filter),
    )?;

    let model = OpenAIConfig::from_env()?
        .with_route(Route::Chat)
        .client()
        .completion("gpt-4o-mini");
    let agent = AgentBuilder::new(model)
        .name("orders")
        .preamble("Look orders up.")
        .tool(GetOrder)
        .default_max_turns(3)
        .record_content_telemetry(true)
        .build();
    let turn = tracing::info_span!(target: "rig", "turn");
    let trace_id = turn.context().span().span_context().trace_id();
    let answer = async { agent.prompt("Where is order 1001?").await }
        .instrument(turn)
        .await?;
    println!("{} {}", answer.output().len(), trace_id);
    tokio::task::spawn_blocking(move || provider.shutdown()).await??;
    Ok(())
}
