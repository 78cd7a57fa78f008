// Vercel's AI SDK: text with a tool, a stream, an error. Run by ai_sdk_calls.py.
import { createRequire } from "node:module";
import { appendFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.MODULES}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { generateText, streamText, tool, stepCountIs } = await load("ai");
const { createOpenAI } = await load("@ai-sdk/openai");
const { z } = await load("zod");
const { NodeTracerProvider, BatchSpanProcessor } = await load("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter } = await load("@opentelemetry/exporter-trace-otlp-http");
const { resourceFromAttributes } = await load("@opentelemetry/resources");

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "fx-ai", "service.version": "1.2.3" }),
  spanProcessors: [new BatchSpanProcessor(
    new OTLPTraceExporter({ url: `${process.env.CAPTURE_URL}/v1/traces` }))] });
provider.register();
const mode = process.env.SCENARIO;
const tell = (fact) => appendFileSync(process.env.CAPTURE_TOLD, JSON.stringify(fact) + "\n");
const openai = createOpenAI({ apiKey: "sk-fixture", baseURL: process.env.OPENAI_BASE_URL });
const asked = {
  model: openai.chat(mode === "error" ? "error-model" : "gpt-4o-mini"), system: "help 帮助",
  prompt: process.env.PROMPT, temperature: 0.25, maxRetries: 0,
  experimental_telemetry: { isEnabled: true, functionId: "answer",
    metadata: { sessionId: "sess-0001-ü", userId: "user-42" } } };
const get_weather = tool({ description: "Get the weather for a city",
  inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => {
    const result = `${city}: 21.5°C ☀️`;
    tell({ tool_executed: "get_weather", args: { city }, result });
    return result;
  } });
const told = { session_id: "sess-0001-ü", user_id: "user-42" };
try {
  if (mode === "stream") {
    const { textStream } = streamText(asked);
    let output = "";
    for await (const piece of textStream) output += piece;
    tell({ output, ...told });
  } else {
    const more = mode === "tools" ? { tools: { get_weather }, stopWhen: stepCountIs(4) } : {};
    tell({ output: (await generateText({ ...asked, ...more })).text, ...told });
  }
} catch (error) {
  tell({ exception_type: error.name, exception_message: error.message, ...told });
}
await provider.shutdown();
