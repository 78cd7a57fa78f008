// The panel of one span: what was said, what it cost, what failed, and all the rest.

import {h, icon, bdi, chip, kindIcon, number, counted, inOut, duration, money, copyButton, stat} from "./dom.js";
import {link} from "./api.js";
import {inputMessages, outputMessages, inputOutput, textOf} from "./model.js";
import {conversation, spoken, value, longText, rawJson, fold} from "./chat.js";
import {whichKeyWon, leftUnmapped, maskedIn, maskedRows} from "./origins.js";

const USAGE = [["input", "llm.input_tokens", "llm.cost.input"], ["cached of input", "llm.cached_input_tokens", null],
  ["written to cache", "llm.cache_creation_tokens", null], ["output", "llm.output_tokens", "llm.cost.output"],
  ["reasoning of output", "llm.reasoning_tokens", null], ["total", "llm.total_tokens", "llm.cost.total"]];
const PARAMETERS = /^llm\.(temperature|top_p|top_k|max_tokens|seed|stop|presence_penalty|frequency_penalty|finish_reason|provider|operation|request\.model|response_model|request_id|streaming|tool_choice|response_format|tokens_per_second|system_fingerprint|prompt\..*|invocation_parameters|request\..*)$/;
const SHOWN = /^(llm\.(input\.messages|output\.(messages|response|tool_calls))|tool\.(input|output)|agent\.(input|output)|chain\.(inputs|output\.outputs)|retrieval\.documents|agent_graph\.(nodes|connections))$/;

function errorBox(span) {
  const exception = span.json.exception;
  if (!span.failed && !exception) return null;
  return h("div.error-box", {role: "note"},
    h("div.error-head", null, icon("error"), h("strong", null, bdi(exception?.type ?? span.json.status))),
    longText(exception?.message ?? span.json.status_message ?? "The span has failed and does not say why.", 600),
    exception?.stack_trace ? h("details", null, h("summary", null, "Stack trace"), h("pre.stack", null, exception.stack_trace)) : null);
}

function usage(span) {
  const rows = USAGE.filter(([, key]) => typeof span.attributes[key] === "number");
  if (rows.length === 0) return null;
  return h("table.facts", null, h("thead", null, h("tr", null, h("th", null, "Usage"), h("th.right", null, "tokens"), h("th.right", null, "cost"))),
    h("tbody", null, rows.map(([name, tokens, cost]) => h("tr", null, h("td", null, name), h("td.right", null, number(span.attributes[tokens])),
      h("td.right", null, cost ? money(span.attributes[cost]) : "")))));
}

function pairs(entries) {
  return h("table.facts.pairs", null, h("tbody", null, entries.map(([key, v]) => h("tr", null, h("th", {scope: "row"}, bdi(key)), h("td", null, value(v))))));
}

function documents(span) {
  const list = span.attributes["retrieval.documents"];
  if (!Array.isArray(list)) return null;
  return h("div.documents", null, h("h3", null, counted(list.length, "document")), list.slice(0, 100).map((one, index) => {
    const text = typeof one === "string" ? one : one?.content ?? one?.text ?? textOf(one);
    const score = typeof one?.score === "number" ? one.score : null;
    return h("div.document", null, h("div.document-head", null, h("span.dim", null, `#${index + 1}`), one?.id ? bdi(one.id) : null,
      score !== null ? h("span.score", {title: "score"}, h("i", {style: {width: `${Math.max(2, Math.min(1, score) * 60)}px`}}), score.toFixed(3)) : null), longText(textOf(text), 500));
  }));
}

function said(span) {
  if (span.kind === "llm") {
    const messages = [...inputMessages(span), ...outputMessages(span)];
    if (messages.length) return conversation(messages);
  }
  const {input, output} = inputOutput(span);
  if (input === undefined && output === undefined) return null;
  return h("div.io", null,
    input !== undefined ? h("section", null, h("h3", null, span.kind === "tool" ? "Arguments" : "Input", copyButton("", () => textOf(input))), spoken(input)) : null,
    output !== undefined ? h("section", null, h("h3", null, span.kind === "tool" ? "Result" : "Output", copyButton("", () => textOf(output))), spoken(output)) : null);
}

/** The panel's content for `span` of `model`. */
export function spanPanel(model, span) {
  const a = span.attributes;
  const parameters = Object.entries(a).filter(([key]) => PARAMETERS.test(key));
  const rest = Object.entries(a).filter(([key]) => !SHOWN.test(key));
  const {events = [], links = []} = span.json;
  const tools = a["llm.tools"];
  const masked = maskedIn(model, span);
  return [
    h("div.panel-head", null, kindIcon(span.kind), h("h2", {title: span.name}, bdi(span.name)), span.model ? chip(span.model) : null,
      copyButton("JSON", () => JSON.stringify(span.json, null, 2))),
    h("div.stats", null, stat("duration", duration(span.duration)), stat("begins at", `+${duration(span.start - model.start)}`),
      span.firstToken !== null ? stat("first token", duration(span.firstToken)) : null,
      span.input !== null || span.output !== null ? stat("tokens", inOut(span.input, span.output)) : null,
      span.kind === "llm" || span.cost !== null ? stat("cost", money(span.cost), span.cost === null ? "The price of the model is not known" : null) : null,
      span.attributes["llm.cached_input_tokens"] ? stat("cached", number(a["llm.cached_input_tokens"]), "input tokens from the cache") : null,
      a["llm.prompt.name"] || a["llm.prompt.version"] !== undefined ? stat("prompt", [bdi(a["llm.prompt.name"] ?? ""), a["llm.prompt.version"] !== undefined ? ` version ${a["llm.prompt.version"]}` : ""]) : null,
      a["agent.name"] ? stat("agent", bdi(a["agent.name"])) : null),
    errorBox(span), said(span), documents(span), usage(span),
    masked.length ? fold(`Masked (${masked.length})`, () => maskedRows(masked), true) : null,
    parameters.length ? fold("Parameters", () => pairs(parameters)) : null,
    Array.isArray(tools) && tools.length ? fold(`Tools offered (${tools.length})`, () => pairs(tools.map((tool, i) => [tool.name ?? tool.function?.name ?? String(i), tool]))) : null,
    events.length ? fold(`Events (${events.length})`, () => events.slice(0, 200).map(event => h("div.event", null, h("strong", null, bdi(event.name)),
      h("span.dim", null, ` +${duration(Date.parse(event.timestamp) - model.start)}`), event.attributes && Object.keys(event.attributes).length ? pairs(Object.entries(event.attributes)) : null))) : null,
    links.length ? fold(`Links (${links.length})`, () => links.slice(0, 200).map(one => h("div", null, h("a", {href: link("trace", [one.trace_id], {span: one.span_id})}, one.trace_id, " / ", one.span_id)))) : null,
    fold(`Attributes (${rest.length})`, () => pairs(rest)),
    fold("Which key won", () => whichKeyWon(model, span)),
    fold("Left unmapped", () => leftUnmapped(model, span)),
    fold("As it was sent", () => pairs(Object.entries(span.json.otel ?? {}))),
    fold("Raw JSON", () => rawJson(span.json)),
  ];
}
