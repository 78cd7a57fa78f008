// Genkit's flows with a model of our own: chat, tools, error. Run by genkit_flow.py.
import { createRequire } from "node:module";
import { appendFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.MODULES}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { genkit, z } = await load("genkit");
const { enableTelemetry } = await load("genkit/tracing").catch(() => load("@genkit-ai/core/tracing"));
const { OTLPTraceExporter } = await load("@opentelemetry/exporter-trace-otlp-http");
const { BatchSpanProcessor } = await load("@opentelemetry/sdk-trace-base");

const mode = process.env.SCENARIO;
const tell = (fact) => appendFileSync(process.env.CAPTURE_TOLD, JSON.stringify(fact) + "\n");
const processor = new BatchSpanProcessor(
  new OTLPTraceExporter({ url: `${process.env.CAPTURE_URL}/v1/traces` }));
await enableTelemetry({ spanProcessors: [processor], serviceName: "fx-genkit" });
const ai = genkit({});

// The model: asks the stand-in as OpenAI's API, so that what was said is recorded there.
const text = (message) => message.content.map((part) => part.text ?? "").join("");
const toOpenAI = (message) => message.content.some((part) => part.toolResponse)
  ? message.content.map(({ toolResponse: r }) =>
      ({ role: "tool", tool_call_id: r.ref, content: JSON.stringify(r.output).slice(1, -1) }))
  : [{ role: message.role === "model" ? "assistant" : message.role, content: text(message) }];
const model = ai.defineModel({ name: "fixture/gpt-4o-mini", supports: { tools: true } },
  async (request) => {
    if (mode === "error") throw new Error("model unavailable 🚦");
    const answer = await (await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
      method: "POST",
      body: JSON.stringify({
        model: "gpt-4o-mini", temperature: request.config?.temperature,
        messages: request.messages.flatMap(toOpenAI),
        tools: request.tools?.length ? request.tools.map((tool) => ({ type: "function", function:
          { name: tool.name, description: tool.description, parameters: tool.inputSchema } }))
          : undefined }) })).json();
    const { message } = answer.choices[0];
    return {
      message: { role: "model", content: message.tool_calls
        ? message.tool_calls.map((call) => ({ toolRequest: { ref: call.id,
          name: call.function.name, input: JSON.parse(call.function.arguments) } }))
        : [{ text: message.content }] },
      finishReason: "stop",
      usage: { inputTokens: answer.usage.prompt_tokens, outputTokens: answer.usage.completion_tokens,
        totalTokens: answer.usage.total_tokens } };
  });
const weather = ai.defineTool({ name: "get_weather", description: "Get the weather for a city",
  inputSchema: z.object({ city: z.string() }), outputSchema: z.string() }, async ({ city }) => {
  const result = `${city}: 21.5°C ☀️`;
  tell({ tool_executed: "get_weather", args: { city }, result });
  return result;
});
const flow = ai.defineFlow({ name: "answer", inputSchema: z.string(), outputSchema: z.string() },
  async (prompt) => (await ai.generate({ model, system: "help 帮助", prompt,
    tools: mode === "tools" ? [weather] : [], config: { temperature: 0.25 } })).text);
try {
  tell({ output: await flow(process.env.PROMPT) });
} catch (error) {
  tell({ exception_type: error.constructor.name, exception_message: error.message });
}
await processor.forceFlush();
process.exit(0);
