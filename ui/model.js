// A trace as the views need it: tree, kinds, times, messages.
//
// What a field is called stands in docs/noveum-backend.md and docs/mapping.md. Kinds are told by the
// namespaces of attributes, in the backend's order.

const KINDS = [["tool.name", "tool"], ["embedding.", "embedding"], ["rerank.", "rerank"], ["retrieval.", "retrieval"], ["llm.model", "llm"],
  ["llm.provider", "llm"], ["llm.operation", "llm"], ["agent.", "agent"], ["chain.", "chain"], ["stt.", "stt"], ["tts.", "tts"]];

function kindOf(attributes) {
  const keys = Object.keys(attributes);
  for (const [prefix, kind] of KINDS) if (keys.some(key => key.startsWith(prefix))) return kind;
  return "span";
}

const time = text => {
  const at = Date.parse(text);
  const micro = /\.\d{3}(\d+)/.exec(text);
  return at + (micro ? Number(`0.${micro[1]}`) : 0);
};

const asNumber = value => typeof value === "number" ? value : null;

/** The trace's JSON as {trace, spans in tree order, roots, byId, start, end, totals}. */
export function readTrace(json) {
  const spans = (json.spans ?? []).map((span, index) => {
    const attributes = span.attributes ?? {};
    const start = time(span.start_time);
    return {
      json: span, index, id: span.span_id, name: span.name, attributes, kind: kindOf(attributes), start,
      duration: span.duration_ms ?? 0, end: start + (span.duration_ms ?? 0), failed: span.status !== "ok", children: [], depth: 0,
      model: attributes["llm.model"] ?? attributes["embedding.model"] ?? null, input: asNumber(attributes["llm.input_tokens"]),
      output: asNumber(attributes["llm.output_tokens"]), cost: asNumber(attributes["llm.cost.total"]),
      firstToken: asNumber(attributes["llm.time_to_first_token_ms"]), parent: null,
    };
  });
  const byId = new Map(spans.map(span => [span.id, span]));
  const roots = [];
  for (const span of spans) {
    const parent = byId.get(span.json.parent_span_id);
    if (parent && !isBelow(parent, span)) { // a circle of parents would never end
      span.parent = parent;
      parent.children.push(span);
    } else {
      roots.push(span);
    }
  }
  const order = [];
  const stack = roots.sort((a, b) => a.start - b.start).map(root => [root, 0]).reverse();
  while (stack.length) {
    const [span, depth] = stack.pop();
    span.depth = depth;
    order.push(span);
    span.children.sort((a, b) => a.start - b.start);
    for (let i = span.children.length; i-- > 0;) stack.push([span.children[i], depth + 1]);
  }
  let start = order.length ? Infinity : time(json.start_time);
  for (const span of order) start = Math.min(start, span.start);
  let end = start;
  for (const span of order) end = Math.max(end, span.end);
  return {json, spans: order, roots, byId, start, end: Math.max(end, start + 0.001), totals: totalsOf(order)};
}

/** `span` is `above` or below it. */
export function isBelow(span, above) {
  for (let at = span; at; at = at.parent) if (at === above) return true;
  return false;
}

function totalsOf(spans) {
  const totals = {input: null, output: null, cost: null, cached: null, reasoning: null, firstToken: null, calls: 0, tools: 0, failed: 0};
  const sum = (name, value) => { if (typeof value === "number") totals[name] = (totals[name] ?? 0) + value; };
  for (const span of spans) {
    sum("input", span.input);
    sum("output", span.output);
    sum("cost", span.cost);
    sum("cached", span.attributes["llm.cached_input_tokens"]);
    sum("reasoning", span.attributes["llm.reasoning_tokens"]);
    totals.firstToken ??= span.firstToken;
    totals.calls += span.kind === "llm" && !span.children.some(child => child.kind === "llm") ? 1 : 0; // not the span around calls
    totals.tools += span.kind === "tool" ? 1 : 0;
    totals.failed += span.failed ? 1 : 0;
  }
  return totals;
}

/**
 * Spans that the end waited for: from the end of the last root backwards, always the child that
 * ended last before the one that was looked at began.
 */
export function criticalPath(model) {
  const path = new Set();
  const root = model.roots.reduce((last, one) => !last || one.end > last.end ? one : last, null);
  const stack = root ? [[root, root.end]] : [];
  while (stack.length) {
    const [span, until] = stack.pop();
    path.add(span);
    let at = until;
    for (const child of [...span.children].sort((a, b) => b.end - a.end)) {
      if (child.start >= at || (child.end > at && path.has(child))) continue;
      if (child.end > at && at !== until) continue; // it ran beside what is on the path
      stack.push([child, Math.min(at, child.end)]);
      at = child.start;
    }
  }
  return path;
}

// ---- messages

const asList = value => Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/** Messages that went in, as {role, parts, calls, callId, name}. */
export const inputMessages = span => asList(span.attributes["llm.input.messages"]).map(message);

/** What came out, as messages. */
export function outputMessages(span) {
  const {attributes} = span;
  const list = asList(attributes["llm.output.messages"]).map(message);
  if (list.length) return list;
  const text = attributes["llm.output.response"];
  const calls = asList(attributes["llm.output.tool_calls"]);
  const reasoning = attributes["llm.output.reasoning"] ?? attributes["llm.reasoning"];
  if (!text && !calls.length && !reasoning) return [];
  return [message({role: "assistant", content: text ?? "", tool_calls: calls, reasoning})];
}

/** Messages where a value is a list of such, also as JSON text: what agents are given mostly is; null: it is none. */
export function messagesIn(raw) {
  const list = parsed(raw);
  return Array.isArray(list) && list.length > 0 && list.every(one => typeof one?.role === "string") ? list.map(message) : null;
}

function message(raw) {
  if (typeof raw !== "object" || raw === null) return {role: "user", parts: [{type: "text", text: String(raw)}], calls: []};
  const parts = asList(raw.content ?? raw.parts).map(part).filter(one => one.text !== "");
  const thought = raw.reasoning ?? raw.reasoning_content ?? raw.thinking;
  if (thought) parts.unshift({type: "reasoning", text: textOf(thought)});
  const calls = asList(raw.tool_calls).map(call);
  return {role: String(raw.role ?? "unknown"), parts: parts.filter(one => one.type !== "call"), name: raw.name ?? null, callId: raw.tool_call_id ?? null,
    calls: [...calls, ...parts.filter(one => one.type === "call").map(one => one.call)]};
}

const MARK = /\[media: ([a-z0-9.+/-]{3,64}), (cut, )?(\d+) bytes, sha256 [0-9a-f]{64}(?:, file ([0-9a-f-]{36}\.[a-z0-9]{1,5}))?\]/g;

/** Marks that stand for media in a text (docs/privacy.md), as {mime, bytes, cut, file: its name in media.directory or null}. */
export const marksOf = text => typeof text === "string" && text.includes("[media: ")
  ? [...text.matchAll(MARK)].map(([, mime, cut, bytes, file]) => ({mime, bytes: Number(bytes), cut: Boolean(cut), file: file ?? null})) : [];

/** Of a part of a message that is a medium: the mark in the place of its bytes. */
const markOf = raw => [raw.data, raw.url, raw.content, raw.image_url?.url ?? raw.image_url, raw.input_audio?.data, raw.audio?.data, raw.source?.data, raw.file?.file_data]
  .map(one => marksOf(one)[0]).find(Boolean);

function part(raw) {
  if (typeof raw === "string") return {type: "text", text: raw};
  if (typeof raw !== "object" || raw === null) return {type: "text", text: String(raw)};
  const type = String(raw.type ?? "");
  if (/reason|think/.test(type)) return {type: "reasoning", text: textOf(raw.text ?? raw.content ?? raw.thinking ?? raw.reasoning ?? "")};
  if (/^tool_(call|use)$/.test(type)) return {type: "call", call: call(raw)};
  const mark = type === "text" ? null : markOf(raw);
  if (mark) return {type: "media", mark, text: raw.transcript ?? null};
  if (/image/.test(type)) return {type: "image", url: imageUrl(raw), text: null, mime: raw.mime_type ?? null};
  if (/audio/.test(type) || /^audio\//.test(raw.mime_type ?? "")) {
    const sound = soundOf(raw);
    return {type: "audio", sound, text: raw.transcript ?? raw.audio?.transcript ?? (sound ? null : raw.text ?? null)};
  }
  if (typeof raw.text === "string") return {type: "text", text: raw.text};
  if (typeof raw.content === "string") return {type: "text", text: raw.content};
  return {type: "other", value: raw};
}

/** Only what is in the trace itself: a picture from elsewhere would tell its server who looks. */
function imageUrl(raw) {
  const mime = /^image\/(png|jpeg|gif|webp)$/.test(raw.mime_type ?? "") ? raw.mime_type : "image/png";
  const url = raw.url ?? raw.image_url?.url ?? raw.image_url;
  if (typeof raw.data === "string" && /^[A-Za-z0-9+/=\s]+$/.test(raw.data)) return `data:${mime};base64,${raw.data}`;
  return typeof url === "string" && /^data:image\/(png|jpeg|gif|webp);base64,/.test(url) ? url : null;
}

/** A sound that the trace itself has, as {data: base64, mime}; null: it is elsewhere. */
function soundOf(raw) {
  const inner = [raw.input_audio, raw.audio, raw].find(one => typeof one === "object" && one !== null);
  const url = /^data:(audio\/[\w.+-]+(?:;[\w=]+)*?);base64,(.+)$/s.exec(inner.url ?? inner.data ?? inner.content ?? "");
  const data = url ? url[2] : inner.data ?? inner.content;
  if (typeof data !== "string" || data.length < 16 || !/^[A-Za-z0-9+/_=\s-]+$/.test(data)) return null;
  const format = inner.format ?? raw.format;
  return {data, mime: String(url?.[1] ?? inner.mime_type ?? raw.mime_type ?? (format ? `audio/${format}` : "audio")).toLowerCase()};
}

function call(raw) {
  if (typeof raw !== "object" || raw === null) return {id: null, name: String(raw), args: null};
  const inner = raw.function ?? raw;
  return {id: raw.id ?? raw.tool_call_id ?? null, name: String(inner.name ?? raw.name ?? "tool"), args: inner.arguments ?? inner.input ?? inner.args ?? null};
}

export const textOf = value => typeof value === "string" ? value : JSON.stringify(value, null, 2);

/** A JSON text as its value; anything else as it is. */
export function parsed(value) {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** What tells that a message was there before. */
export const messageKey = one => JSON.stringify([one.role, one.parts, one.calls.map(c => [c.name, c.args]), one.callId]);

/** Input and output of any span, by its kind. */
export function inputOutput(span) {
  const a = span.attributes;
  const of = (...keys) => keys.map(key => a[key]).find(value => value !== undefined && value !== null && value !== "");
  return {input: of("tool.input", "agent.input", "chain.inputs", "retrieval.query", "embedding.input", "rerank.query", "input.value"),
    output: of("tool.output", "agent.output", "chain.output.outputs", "output.value")};
}
