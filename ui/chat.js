// Messages as a conversation; texts stay texts, long ones are folded.

import {h, icon, bdi, number, copyButton} from "./dom.js";
import {parsed, textOf, marksOf, messagesIn} from "./model.js";
import {player} from "./audio.js";
import {markdown, markdownOn} from "./markdown.js";
import {medium, mediaOf} from "./media.js";

const LONG = 1600; // characters of a text that are shown at once
const MARKDOWN_MAX = 100000; // of a text that is shown as Markdown
const ROLES = {system: "gear", developer: "gear", user: "user", assistant: "llm", model: "llm", tool: "tool", function: "tool"};

/** A text, its rest behind a button. */
export function longText(text, limit = LONG) {
  const body = h("div.text", {dir: "auto"}, text.slice(0, limit));
  const media = mediaOf(marksOf(text));
  if (text.length <= limit) return [body, media];
  return [body, media, h("button.more", {
    type: "button",
    onclick(event) {
      body.textContent = text;
      event.target.remove();
    },
  }, `show all ${text.length.toLocaleString("en-US")} characters`)];
}

/** A value: text as text, anything else as a tree that opens. */
export function value(raw) {
  const data = parsed(raw);
  if (typeof data === "object" && data !== null) return h("div.json", null, tree(data, null, 0));
  return longText(textOf(data ?? ""));
}

/** JSON as a tree; what is deep or long is made when it is opened. */
function tree(data, name, depth) {
  const label = name === null ? null : h("span.key", null, bdi(name), ": ");
  if (typeof data !== "object" || data === null) return h("div.leaf", null, label, leaf(data));
  const entries = Array.isArray(data) ? data.map((item, index) => [String(index), item]) : Object.entries(data);
  if (entries.length === 0) return h("div.leaf", null, label, h("span.dim", null, Array.isArray(data) ? "[]" : "{}"));
  const inside = h("div.inside");
  let filled = 0;
  const fillMore = () => {
    for (const [key, item] of entries.slice(filled, filled + 100)) inside.append(tree(item, key, depth + 1));
    filled = Math.min(entries.length, filled + 100);
    if (filled < entries.length)
      inside.append(h("button.more", {type: "button", onclick: event => { event.target.remove(); fillMore(); }}, `${entries.length - filled} more`));
  };
  const open = depth < 2 && entries.length <= 20;
  const fold = h("details", {open, ontoggle: () => fold.open && filled === 0 && fillMore()},
    h("summary", null, label, h("span.dim", null, Array.isArray(data) ? `[${entries.length}]` : `{${entries.length}}`)), inside);
  if (open) fillMore();
  return fold;
}

function leaf(data) {
  if (typeof data === "string") return h("span.str", {dir: "auto"}, data.length > LONG ? longText(data) : [data, mediaOf(marksOf(data))]);
  return h("span.lit", null, String(data));
}

/** A tool call with what came back; `more` stands beside its head. */
export function toolCall(call, result, more) {
  const box = h("details.tool-call", {open: true},
    h("summary", null, icon("tool"), bdi(call.name, "bdi.name"), h("span.dim.brief", null, brief(call.args))),
    call.args !== null && call.args !== "" ? h("div.tool-part", null, h("span.tag", null, "arguments"), value(call.args)) : null,
    result !== undefined ? h("div.tool-part", null, h("span.tag", null, "result"), value(result)) : null);
  return more ? h("div.tool-frame", null, box, more) : box;
}

function brief(args) {
  const data = parsed(args);
  if (data === null || data === undefined || data === "") return "()";
  const text = typeof data === "object" ? Object.entries(data).map(([key, v]) => `${key}: ${typeof v === "string" ? v : JSON.stringify(v)}`).join(", ") : String(data);
  return `(${text.length > 90 ? text.slice(0, 90) + "…" : text})`;
}

function part(one) {
  if (one.type === "reasoning")
    return h("details.reasoning", null, h("summary", null, "Reasoning", h("span.dim", null, ` · ${one.text.length.toLocaleString("en-US")} characters`)), longText(one.text));
  if (one.type === "image")
    return one.url ? h("img.picture", {src: one.url, alt: "Image of the message", loading: "lazy"}) : h("div.media", null, "image, kept elsewhere");
  if (one.type === "media") return [medium(one.mark), one.text ? longText(textOf(one.text)) : null];
  if (one.type === "audio")
    return [one.sound ? player(one.sound) : h("div.media", null, "sound, kept elsewhere"), one.text ? longText(textOf(one.text)) : null];
  if (one.type === "other") return value(one.value);
  const data = parsed(one.text);
  if (typeof data === "object" && data !== null) return value(data);
  return markdownOn() && one.text.length <= MARKDOWN_MAX ? [markdown(one.text), mediaOf(marksOf(one.text))] : longText(one.text);
}

/** One message; `results`: what tools gave, by the id of the call. */
export function bubble(message, results = new Map(), extra = null) {
  const role = message.role.toLowerCase();
  const text = message.parts.filter(one => one.type === "text").map(one => one.text).join("\n");
  const system = role === "system" || role === "developer";
  const content = [message.parts.map(part), message.calls.map(call => toolCall(call, results.get(call.id)))];
  if (message.parts.length === 0 && message.calls.length === 0) content.push(h("div.dim", null, "no text"));
  const head = [icon(ROLES[role] ?? "span"), h("span.role", null, message.role), message.name ? bdi(message.name, "bdi.dim") : null, extra];
  if (system && text.length > 160)
    return h("details.bubble.r-system", null, h("summary.bubble-head", null, head, h("span.dim.brief", null, text.slice(0, 110))), content);
  return h(`div.bubble.r-${ROLES[role] ? role : "other"}`, null,
    h("div.bubble-head", null, head, text ? copyButton("", () => text) : null), content);
}

/** Messages in a row; results stand with their calls and not by themselves. */
export function conversation(messages) {
  const results = new Map();
  const calls = new Set(messages.flatMap(one => one.calls.map(call => call.id)).filter(Boolean));
  for (const one of messages)
    if (one.callId && calls.has(one.callId)) results.set(one.callId, one.parts.map(p => p.text ?? textOf(p.value ?? "")).join("\n"));
  return h("div.chat", null, messages.filter(one => !(one.callId && calls.has(one.callId))).map(one => bubble(one, results)));
}

/** What a span was given or gave: a conversation where it is one. */
export function spoken(raw) {
  const messages = messagesIn(raw);
  return messages ? conversation(messages) : value(raw);
}

/** JSON as text, of which `max` characters are shown. */
export function rawJson(data, max = 200000, what = "pre.raw") {
  const text = JSON.stringify(data, null, 2);
  return [h(what, {tabindex: 0}, text.slice(0, max)), text.length > max ? h("p.dim", null, `Cut: ${number(max)} of ${number(text.length)} characters. The button "JSON" copies all of it.`) : null];
}

export function fold(title, content, open = false) {
  const box = h("details.section", {open}, h("summary", null, title));
  let made = false;
  const make = () => {
    if (made || !box.open) return;
    made = true;
    box.append(h("div.section-body", null, content()));
  };
  box.addEventListener("toggle", make);
  make();
  return box;
}

