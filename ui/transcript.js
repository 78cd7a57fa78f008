// A trace as what was said and done, in order: question, turns, tool calls with results, answer.
//
// Each model call brings all messages before it; those that were shown already are counted and
// not shown again. Agents below an agent are cards that open. What is said is told as functions that
// make it: of a trace of thousands of spans only what is looked at is made.

import {h, icon, bdi, counted, inOut, duration, money, kindIcon} from "./dom.js";
import {inputMessages, outputMessages, messageKey, inputOutput} from "./model.js";
import {bubble, toolCall, spoken} from "./chat.js";
import {chunks, forgetChunks} from "./scroll.js";

const DEPTH_MAX = 60; // of spans in spans; what is deeper is not put into cards

export function transcript(model, select) {
  const state = {seen: new Set(), asked: callsOf(model), select, tools: toolsOf(model), open: localStorage.getItem("open-all") === "yes"};
  state.made = blocks => { if (state.open) for (const one of blocks.querySelectorAll("details")) one.open = true; };
  const items = model.roots.flatMap(root => say(root, state, 0));
  const box = h("div.transcript", {tabindex: 0}, chunks(items, state.made));
  const button = h("button.quiet", {
    type: "button", "aria-pressed": state.open,
    onclick() {
      state.open = !state.open;
      localStorage.setItem("open-all", state.open ? "yes" : "no");
      forgetChunks(box);
      for (const one of box.querySelectorAll("details")) one.open = state.open;
      button.setAttribute("aria-pressed", state.open);
    },
  }, icon("down"), h("span", null, "open all"));
  if (items.length === 0) box.append(h("p.dim", null, "Nothing was said in this trace: it has no model call and no input or output."));
  return h("div.transcript-frame", null, h("div.transcript-tools", null, button), box);
}

/** What models asked of tools: by id, and by name in their order, since ids of the two may differ. */
function callsOf(model) {
  const calls = model.spans.flatMap(span => span.kind === "llm" ? outputMessages(span) : []).flatMap(one => one.calls);
  const asked = {byId: new Map(), byName: new Map()};
  for (const {id, name, args} of calls) {
    if (id) asked.byId.set(id, args);
    if (!asked.byName.has(name)) asked.byName.set(name, []);
    asked.byName.get(name).push(args);
  }
  return asked;
}

/** Tools that ran, so that a call is shown once: by the span that ran it. */
function toolsOf(model) {
  const tools = {ids: new Set(), names: new Set()};
  for (const span of model.spans) {
    if (span.kind !== "tool") continue;
    if (span.attributes["tool.call_id"]) tools.ids.add(span.attributes["tool.call_id"]);
    tools.names.add(span.attributes["tool.name"] ?? span.name);
  }
  return tools;
}

const ran = (call, tools) => tools.ids.has(call.id) || tools.names.has(call.name);

function mark(span, state) {
  return h("button.turn-mark", {type: "button", title: "Show in the timeline", onclick: event => { event.preventDefault(); state.select(span); }},
    span.model ? bdi(span.model) : null, span.input !== null || span.output !== null ? h("span", null, inOut(span.input, span.output)) : null,
    span.cost !== null ? h("span", null, money(span.cost)) : null, h("span", null, duration(span.duration)));
}

function sayCall(span, state) {
  const out = [];
  let again = 0;
  for (const message of inputMessages(span)) {
    const key = messageKey(message);
    if (state.seen.has(key)) {
      again++;
      continue;
    }
    state.seen.add(key);
    const role = message.role.toLowerCase();
    if ((role === "tool" || role === "function") && (state.tools.ids.has(message.callId) || state.tools.names.size)) continue;
    if (role === "assistant" && message.parts.length === 0) continue;
    out.push(() => bubble({...message, calls: message.calls.filter(call => !ran(call, state.tools))}));
  }
  if (again > 0) out.push(() => h("div.again", null, counted(again, "earlier message")));
  for (const message of outputMessages(span)) {
    const calls = message.calls.filter(call => !ran(call, state.tools));
    state.seen.add(messageKey(message));
    state.seen.add(messageKey({...message, name: null}));
    if (message.parts.length || calls.length) out.push(() => bubble({...message, calls}, undefined, mark(span, state)));
    else if (message.calls.length) out.push(() => h("div.calls", null, icon("llm"), h("span", null, `calls ${message.calls.map(call => call.name).join(", ")}`), mark(span, state)));
  }
  if (span.failed) out.push(() => failure(span, state));
  return out;
}

function failure(span, state) {
  return h("button.failure", {type: "button", onclick: () => state.select(span)}, icon("error"), h("strong", null, bdi(span.name)),
    h("span", null, bdi(span.json.exception?.message?.slice(0, 300) ?? span.json.status_message ?? "failed")));
}

function sayTool(span, state) {
  const a = span.attributes;
  const next = state.asked.byName.get(a["tool.name"])?.shift();
  const {input = state.asked.byId.get(a["tool.call_id"]) ?? next, output} = inputOutput(span); // else what the model asked for
  return [() => h(`div.turn${span.failed ? ".failed" : ""}`, null, toolCall({name: a["tool.name"] ?? span.name, args: input ?? null}, output, mark(span, state)),
    span.failed ? failure(span, state) : null)];
}

/** All below a span that lies too deep for cards in cards, in their order. */
function sayFlat(top, state) {
  const out = [];
  const stack = [top];
  while (stack.length) {
    const span = stack.pop();
    if (span.kind === "llm") out.push(...sayCall(span, state));
    else if (span.kind === "tool") out.push(...sayTool(span, state));
    for (let i = span.children.length; i-- > 0;) stack.push(span.children[i]);
  }
  return out;
}

function say(span, state, depth) {
  if (depth > DEPTH_MAX) return sayFlat(span, state);
  const inside = () => span.children.flatMap(child => say(child, state, depth + 1));
  if (span.kind === "llm") return [...sayCall(span, state), ...inside()];
  if (span.kind === "tool") return [...sayTool(span, state), ...inside()];
  const inner = inside();
  if (span.kind === "retrieval") return [() => h("div.turn", null, toolCall({name: span.name, args: span.attributes["retrieval.query"] ?? null}, span.attributes["retrieval.documents"], mark(span, state))), ...inner];
  if (span.kind === "agent" && depth > 0) {
    return [() => h("details.agent-card", {open: state.open || inner.length <= 12}, h("summary", null, kindIcon("agent"), bdi(span.attributes["agent.name"] ?? span.name, "bdi.name"),
      h("span.dim", null, duration(span.duration)), span.failed ? h("span.badge.bad", null, "failed") : null), h("div.agent-inside", null, chunks(inner.length ? inner : ownWords(span), state.made)))];
  }
  return inner.length ? inner : ownWords(span);
}

function ownWords(span) {
  const {input, output} = inputOutput(span);
  const words = [];
  if (input !== undefined) words.push(() => h("div.bubble.r-user", null, h("div.bubble-head", null, icon("user"), h("span.role", null, "input")), spoken(input)));
  if (output !== undefined) words.push(() => h("div.bubble.r-assistant", null, h("div.bubble-head", null, icon("span"), h("span.role", null, "output")), spoken(output)));
  return words;
}
