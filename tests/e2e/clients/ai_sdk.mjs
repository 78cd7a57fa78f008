// Vercel's AI SDK with a model of its own tests: one call with telemetry, exported as its users do. Prints the trace id.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.CLIENT_MODULES}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { generateText, registerTelemetry } = await load("ai");
const { OpenTelemetry } = await load("@ai-sdk/otel");
const { MockLanguageModelV4 } = await load("ai/test");
const { NodeTracerProvider, BatchSpanProcessor } = await load("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter } = await load("@opentelemetry/exporter-trace-otlp-proto");
const { trace } = await load("@opentelemetry/api");

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();
registerTelemetry(new OpenTelemetry());
const usage = { inputTokens: { total: 12, noCache: 12 }, outputTokens: { total: 3, text: 3 } };
const model = new MockLanguageModelV4({
  modelId: "gpt-4o-mini",
  doGenerate: async () => ({
    content: [{ type: "text", text: "Paris" }], finishReason: { unified: "stop", raw: "stop" }, usage, warnings: [],
  }),
});
await trace.getTracer("e2e").startActiveSpan("turn", async (span) => {
  await generateText({ model, prompt: "Capital of France?", telemetry: { isEnabled: true, functionId: "answer" } });
  span.end();
  console.log(span.spanContext().traceId);
});
await provider.shutdown();
