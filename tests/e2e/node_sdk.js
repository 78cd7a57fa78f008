// One agent turn with OpenTelemetry's Node SDK, exported to the port given as the second argument says (json, proto or
// grpc); prints the trace id. Packages: tests/package.json, found through NODE_PATH.
const { trace, context } = require("@opentelemetry/api");
const [port, kind] = process.argv.slice(2);
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind === "json" ? "http" : kind}`);
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");

const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}${kind === "grpc" ? "" : "/v1/traces"}` });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "node-bot" }),
  spanProcessors: [new BatchSpanProcessor(exporter)],
});
provider.register();

async function main() {
  const tracer = provider.getTracer("e2e");
  const agent = tracer.startSpan("invoke_agent node", {
    attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "node" },
  });
  const chat = tracer.startSpan(
    "chat gpt-4o-mini",
    {
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
      },
    },
    trace.setSpan(context.active(), agent),
  );
  chat.end();
  agent.end();
  await provider.shutdown();
  console.log(agent.spanContext().traceId);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
