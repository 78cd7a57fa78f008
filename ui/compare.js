// Two traces side by side: what differs in numbers, what ran how often, what was said.

import {h, icon, put, bdi, chip, kindIcon, number, duration, money, moment, empty} from "./dom.js";
import {get, link} from "./api.js";
import {readTrace, inputMessages, outputMessages, inputOutput} from "./model.js";
import {bubble, spoken} from "./chat.js";

const FACTS = [["duration", m => m.end - m.start, duration], ["cost", m => m.totals.cost, money], ["tokens in", m => m.totals.input, number], ["tokens out", m => m.totals.output, number],
  ["cached tokens", m => m.totals.cached, number], ["first token", m => m.totals.firstToken, duration], ["spans", m => m.spans.length, number], ["model calls", m => m.totals.calls, number],
  ["tool calls", m => m.totals.tools, number], ["failed", m => m.totals.failed, number]];

/** "+12 %": of b against a; nothing where one of them is not known. */
function change(a, b) {
  if (a === null || b === null || a === b) return h("span.dim", null, a === b && a !== null ? "same" : "–");
  if (a === 0) return h("span.up", null, "new");
  const share = Math.round(100 * (b - a) / a);
  return h(`span.${b > a ? "up" : "down"}`, null, share === 0 ? "about the same" : share > 900 ? `×${Math.round(b / a)}` : `${share > 0 ? "+" : "−"}${Math.abs(share)} %`);
}

/** Spans by kind and name, with how often, how long and what they cost. */
function groups(model) {
  const found = new Map();
  for (const span of model.spans) {
    const key = `${span.kind} ${span.name}`;
    const one = found.get(key) ?? {kind: span.kind, name: span.name, count: 0, ms: 0, cost: null, failed: 0, tokens: 0};
    one.count++;
    one.ms += span.duration;
    one.failed += span.failed ? 1 : 0;
    one.tokens += (span.input ?? 0) + (span.output ?? 0);
    if (span.cost !== null) one.cost = (one.cost ?? 0) + span.cost;
    found.set(key, one);
  }
  return found;
}

/** Question and answer: the first input and the last output of a model call, else the root's own. */
function said(model) {
  const calls = model.spans.filter(span => span.kind === "llm");
  const question = calls.flatMap(inputMessages).find(one => one.role === "user");
  const answer = [...calls].sort((a, b) => a.end - b.end).flatMap(outputMessages).findLast(one => one.parts.length);
  const {input, output} = model.roots[0] ? inputOutput(model.roots[0]) : {};
  return {question: question ? bubble(question) : input !== undefined ? spoken(input) : null, answer: answer ? bubble(answer) : output !== undefined ? spoken(output) : null};
}

const models = model => [...new Set(model.spans.map(span => span.model).filter(Boolean))];

export class CompareView extends HTMLElement {
  async connectedCallback() {
    const ids = this.start.rest;
    put(this, h("div.loading", null, "…"));
    try {
      const [a, b] = await Promise.all(ids.slice(0, 2).map(async id => readTrace(await get("/api/trace", {id}))));
      this.draw(a, b);
    } catch (error) {
      put(this, empty("These two can't be compared", h("p", null, error.message), h("p", null, h("a", {href: link("traces")}, "All traces"))));
    }
  }

  draw(a, b) {
    const side = (model, letter) => h("div.side-head", null, h("span.letter", null, letter), h("a.name", {href: link("trace", [model.json.trace_id])}, bdi(model.json.name)), models(model).slice(0, 3).map(name => chip(name)),
      h("span.dim", null, moment(model.start)), model.totals.failed ? h("span.badge.bad", null, `${model.totals.failed} failed`) : null);
    const [first, second] = [said(a), said(b)];
    const pair = (title, left, right) => left || right ? h("section", null, h("h2", null, title), h("div.sides", null, h("div", null, left ?? h("p.dim", null, "nothing")), h("div", null, right ?? h("p.dim", null, "nothing")))) : null;
    put(this, h("div.page", null,
      h("div.title", null, h("a.quiet.button", {href: link("traces"), "aria-label": "All traces"}, icon("back")), h("h1", null, "Compare"),
        h("a.push", {href: link("compare", [b.json.trace_id, a.json.trace_id])}, "swap")),
      h("div.sides", null, side(a, "A"), side(b, "B")),
      h("section.card", null, h("h2", null, "In numbers"), h("table.wide", null, h("thead", null, h("tr", null, h("th", null, ""), h("th.right", null, "A"), h("th.right", null, "B"), h("th.right", null, "B against A"))),
        h("tbody", null, FACTS.map(([name, of, show]) => h("tr", null, h("th", {scope: "row"}, name), h("td.right", null, show(of(a))), h("td.right", null, show(of(b))), h("td.right", null, change(of(a), of(b)))))))),
      pair("Question", first.question, second.question), pair("Answer", first.answer, second.answer),
      this.drawSpans(groups(a), groups(b))));
  }

  drawSpans(a, b) {
    const keys = [...new Set([...a.keys(), ...b.keys()])];
    const weight = key => Math.max(a.get(key)?.ms ?? 0, b.get(key)?.ms ?? 0);
    const rows = keys.sort((x, y) => weight(y) - weight(x)).slice(0, 200).map(key => {
      const [left, right] = [a.get(key), b.get(key)];
      const {kind, name} = left ?? right;
      const cell = one => one ? [one.count > 1 ? `${one.count} × ` : "", duration(one.ms), one.failed ? h("span.bad-text", null, ` ${one.failed} failed`) : null] : h("span.dim", null, "–");
      return h("tr", null, h("td", null, kindIcon(kind), bdi(name)), h("td.right", null, cell(left)), h("td.right", null, cell(right)), h("td.right", null, left && right ? change(left.ms, right.ms) : h("span.dim", null, left ? "only in A" : "only in B")),
        h("td.right", null, left?.cost === undefined && right?.cost === undefined ? "" : `${money(left?.cost)} → ${money(right?.cost)}`));
    });
    return h("section.card", null, h("h2", null, "Spans by name"), h("table.wide", null, h("thead", null, h("tr", null, ["Span", "A", "B", "time, B against A", "cost"].map((name, i) => h(i ? "th.right" : "th", null, name)))), h("tbody", null, rows)),
      keys.length > 200 ? h("p.dim", null, "The 200 that took longest.") : null);
  }

  key(event) {
    if (event.key !== "Escape") return false;
    history.back();
    return true;
  }
}
