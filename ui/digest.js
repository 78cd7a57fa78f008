// A trace at a glance: where its time went, which call was the dearest and the slowest, what
// failed, and what came before it in its session.

import {h, icon, bdi, number, duration, money, put, when} from "./dom.js";
import {get, link} from "./api.js";

const WORDS = {llm: "models", tool: "tools", retrieval: "retrieval", embedding: "embeddings", rerank: "reranking", agent: "agents", chain: "chains", stt: "speech", tts: "speech", span: "other code"};
const SHARE_MIN = 0.005; // what takes less is not shown

const WORK = new Set(["llm", "tool", "retrieval", "embedding", "rerank", "stt", "tts"]);

/**
 * Time by kind: each moment belongs to the deepest span that ran in it, so that the sum is the
 * whole. A plain span below a model call or a tool is how that does it.
 */
export function timeByKind(model) {
  const sums = new Map();
  const add = (kind, ms) => ms > 0 && sums.set(kind, (sums.get(kind) ?? 0) + ms);
  const stack = [...model.roots].map(span => [span, span.start, span.end, span.kind]);
  while (stack.length) {
    const [span, from, to, kind] = stack.pop();
    let at = from;
    for (const child of span.children) {
      const begin = Math.max(at, child.start), end = Math.min(to, child.end);
      if (end <= begin) continue;
      add(kind, begin - at);
      stack.push([child, begin, end, child.kind === "span" && WORK.has(kind) ? kind : child.kind]);
      at = end;
    }
    add(kind, to - at);
  }
  return [...sums].sort((a, b) => b[1] - a[1]);
}

const best = (spans, of) => spans.reduce((most, span) => of(span) > (most ? of(most) : 0) ? span : most, null);

/** The strip under a trace's head. `select` shows a span. */
export function digest(model, select) {
  const times = timeByKind(model);
  const whole = times.reduce((sum, [, ms]) => sum + ms, 0) || 1;
  const shown = times.filter(([, ms]) => ms / whole >= SHARE_MIN);
  const leaves = model.spans.filter(span => span.children.length === 0 || span.kind === "llm" || span.kind === "tool");
  const dearest = best(model.spans, span => span.cost ?? 0);
  const slowest = best(leaves, span => span.duration);
  const failed = model.spans.find(span => span.failed && !span.children.some(child => child.failed));
  const jump = (label, span, what, tone = "") => span ? h(`button.jump${tone}`, {type: "button", title: `Show ${span.name}`, onclick: () => select(span)}, h("span.stat-label", null, label), bdi(span.name, "bdi.name"), h("span.jump-what", null, what)) : null;
  return h("div.digest", null,
    h("div.time-share", {role: "img", "aria-label": `Where the time went: ${shown.map(([kind, ms]) => `${WORDS[kind]} ${duration(ms)}`).join(", ")}`},
      h("div.share-bar", null, shown.map(([kind, ms]) => h(`i.k-${kind}`, {style: {flex: `${ms / whole} 0 0`}, title: `${WORDS[kind]}: ${duration(ms)}`}))),
      h("div.share-words", null, shown.slice(0, 5).map(([kind, ms]) => h("span", null, h(`i.k-${kind}`), `${WORDS[kind]} ${Math.round(100 * ms / whole)} %`)))),
    jump("failed", failed, failed ? bdi((failed.json.exception?.message ?? failed.json.status_message ?? "no reason given").slice(0, 120)) : null, ".bad"),
    jump("dearest call", dearest, dearest ? money(dearest.cost) : null),
    jump("slowest", slowest !== model.roots[0] ? slowest : null, slowest ? duration(slowest.duration) : null));
}

/** "2 of 5 in session x", with what was said before; nothing when the session has this trace alone. */
export function inSession(model) {
  const session = model.json.metadata?.session_id;
  const box = h("div.session-strip");
  if (!session) return box;
  get("/api/traces", {session, sort: "time", order: "asc", limit: 500}).then(({traces, total}) => {
    const at = traces.findIndex(trace => trace.trace_id === model.json.trace_id);
    if (traces.length < 2) return;
    const before = at > 0 ? traces[at - 1] : at < 0 ? traces.at(-1) : null, after = at >= 0 ? traces[at + 1] : null;
    const step = (trace, label, name) => trace ? h("a.quiet.button", {href: link("trace", [trace.trace_id]), title: label}, name === "back" ? icon("back") : null, h("span", null, label), name === "right" ? icon("right") : null) : null;
    put(box, icon("session"), h("span", null, at >= 0 ? `${number(at + 1)} of ${number(total.traces)} in session ` : "In session ", h("a", {href: link("session", [session])}, bdi(session))), step(before, "before", "back"), step(after, "next", "right"),
      before ? h("details.earlier", null, h("summary", null, "What came before"), h("div.turns", null, traces.slice(Math.max(0, (at < 0 ? traces.length : at) - 5), at < 0 ? traces.length : at).map(trace => h("div.earlier-turn", null,
        h("a", {href: link("trace", [trace.trace_id])}, bdi(trace.name), " ", h("span.dim", null, when(trace.start_ms))),
        trace.question ? h("div", null, h("span.said", null, "Q"), " ", bdi(trace.question)) : null, trace.answer ? h("div.dim", null, h("span.said", null, "A"), " ", bdi(trace.answer)) : null)))) : null);
  }).catch(() => {}); // a store that is busy costs this line
  return box;
}
