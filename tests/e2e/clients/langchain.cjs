// LangChain.js with the instrumentation of OpenInference: a chain of a prompt and a model that answers by itself. Prints the trace id.
const load = require("node:module").createRequire(`${process.env.CLIENT_MODULES}/package.json`);
const { trace } = load("@opentelemetry/api");
const { NodeTracerProvider, BatchSpanProcessor } = load("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter } = load("@opentelemetry/exporter-trace-otlp-proto");
const { LangChainInstrumentation } = load("@arizeai/openinference-instrumentation-langchain");
const manager = load("@langchain/core/callbacks/manager");
const { FakeListChatModel } = load("@langchain/core/utils/testing");
const { ChatPromptTemplate } = load("@langchain/core/prompts");

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();
new LangChainInstrumentation().manuallyInstrument(manager);

trace.getTracer("e2e").startActiveSpan("turn", async (span) => {
  const chain = ChatPromptTemplate.fromTemplate("Capital of {country}?").pipe(new FakeListChatModel({ responses: ["Paris"] }));
  await chain.invoke({ country: "France" });
  span.end();
  await provider.shutdown();
  console.log(span.spanContext().traceId);
});
