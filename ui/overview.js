// Numbers over time, drawn as SVG; and what was slow, dear and wrong.

import {h, svg, put, bdi, number, short, inOut, duration, money, clock, day, empty, stat, kindIcon} from "./dom.js";
import {get, link, remember} from "./api.js";
import {LiveView} from "./live.js";

const TIMES = [["15m", "15 min", 900e3], ["1h", "1 hour", 3600e3], ["24h", "24 hours", 86400e3], ["7d", "7 days", 7 * 86400e3], ["30d", "30 days", 30 * 86400e3]];
const SLICES = 48;

/** The chosen one of TIMES, and buttons for all of them. */
export const lengthOf = time => (TIMES.find(([name]) => name === time) ?? TIMES[2])[2];
export const timeButtons = (time, choose) => h("div.segments", {role: "group", "aria-label": "Time"}, TIMES.map(([name, label]) =>
  h("button", {type: "button", "aria-pressed": name === time, onclick: () => { remember({time: name}); choose(name); }}, label)));
const SIZE = {width: 640, height: 150, left: 62, bottom: 20, top: 14};

const BEFORE = 12; // slices that a slice is compared with
const BEFORE_MIN = 8;

const middle = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/**
 * Slices that stand out: far above the median of those before them, by how far those are mostly
 * from it. As {index: how many times the median}.
 */
export function anomalies(values) {
  const found = {};
  values.forEach((value, i) => {
    const before = values.slice(0, i).filter(v => v !== null).slice(-BEFORE);
    if (value === null || before.length < BEFORE_MIN) return;
    const usual = middle(before);
    const spread = Math.max(1.4826 * middle(before.map(v => Math.abs(v - usual))), 0.25 * usual);
    if (usual > 0 && value > 2.5 * usual && value > usual + 4 * spread) found[i] = value / usual;
  });
  return found;
}

/** Bars, or a line, of one number a slice; `second`: the part of it that is marked. */
function plot(title, slices, {value, second, format, line, span, whole}) {
  const values = slices.map(slice => slice ? value(slice) : null);
  const largest = Math.max(...values.filter(v => v !== null), 0) || 1;
  const most = whole && largest < 10 ? 2 * Math.ceil(largest / 2) : largest; // half of it is a tick
  const {width, height, left, bottom, top} = SIZE;
  const step = (width - left - 6) / SLICES;
  const y = v => height - bottom - (height - bottom - top) * v / most;
  const picture = svg("svg.plot", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: at most ${format(most)}`});
  for (const share of [0, 0.5, 1])
    picture.append(svg("line.grid", {x1: left, x2: width, y1: y(most * share), y2: y(most * share)}), svg("text.tick", {x: left - 6, y: y(most * share) + 3, "text-anchor": "end"}, format(most * share)));
  const at = i => span.since + (span.until - span.since) * i / SLICES;
  const label = span.until - span.since > 2 * 86400e3 ? day : ms => clock(ms).slice(0, 5);
  for (let i = 0; i <= 4; i++)
    picture.append(svg("text.tick", {x: left + step * SLICES * i / 4, y: height - 5, "text-anchor": i === 0 ? "start" : i === 4 ? "end" : "middle"}, label(at(SLICES * i / 4))));
  const odd = anomalies(values);
  if (line) {
    const points = values.map((v, i) => v === null ? null : [left + step * (i + 0.5), y(v)]).filter(Boolean);
    picture.append(svg("path.line", {d: points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("")}));
    for (const [px, py] of points) picture.append(svg("circle.dot", {cx: px, cy: py, r: 2.5}));
  } else {
    values.forEach((v, i) => {
      if (v === null) return;
      const x = left + step * i + 0.5;
      const bar = svg("rect.column", {x, y: y(v), width: Math.max(1, step - 1.5), height: Math.max(0, height - bottom - y(v)), rx: 1.5}, svg("title", null, `${label(at(i))}: ${format(v)}`));
      picture.append(bar);
      const bad = second ? second(slices[i]) : 0;
      if (bad) picture.append(svg("rect.column.bad", {x, y: y(bad), width: Math.max(1, step - 1.5), height: height - bottom - y(bad), rx: 1.5}));
    });
  }
  for (const [i, times] of Object.entries(odd)) {
    const x = left + step * (Number(i) + 0.5), top = Math.max(1, y(values[i]) - 9);
    picture.append(svg("path.odd", {d: `M${x - 4} ${top}h8l-4 7z`}, svg("title", null, `${label(at(Number(i)))}: ${format(values[i])}, ${times.toFixed(1)} times the median of the slices before`)));
  }
  const count = Object.keys(odd).length;
  return h("figure.card", null, h("figcaption", null, title, count ? h("span.badge.wait", {title: "Marked: far above the median of the slices before"}, `${count} unusual`) : null), picture);
}

/** Bars of the percentiles of whole traces, and of the time to the first token. */
function percentiles(latency, first) {
  const groups = [["whole trace", latency], ["first token", first]].filter(([, one]) => one?.p50 !== null && one?.p50 !== undefined);
  const most = Math.max(...groups.map(([, one]) => Math.max(...Object.values(one))), 0) || 1;
  return h("figure.card", null, h("figcaption", null, "Percentiles"), h("div.percentiles", null, groups.map(([title, one]) => h("div.bars", null, h("h3", null, title),
    Object.entries(one).map(([name, ms]) => h("div.bar-row", null, h("span", null, name), h("span.bar-space", null, h("i", {style: {width: `${Math.max(0.5, 100 * ms / most)}%`}})), h("span.bar-count", null, duration(ms))))))));
}

function names(title, list, kind) {
  if (!list.length) return null;
  const dearest = Math.max(...list.map(one => one.cost ?? 0), 0);
  return h("section.card", null, h("h2", null, title), h("div.table-frame", {tabindex: 0, role: "region", "aria-label": title}, h("table.wide.names", null,
    h("thead", null, h("tr", null, [title.replace(/s$/, ""), kind === "agent" ? "Spans" : "Calls", "Tokens in → out", "Cost", "Mean time", "Failed"].map((name, i) => h(i ? "th.right" : "th", null, name)))),
    h("tbody", null, list.slice(0, 12).map(one => h("tr", null,
      h("td", null, h("a", {href: link("traces", [], {[kind]: one.name})}, bdi(one.name))), h("td.right", null, number(one.calls)),
      h("td.right", null, inOut(one.input_tokens, one.output_tokens, short)),
      h("td.right.meter", null, dearest && one.cost ? h("i", {style: {width: `${60 * one.cost / dearest}px`}}) : null, money(one.cost)),
      h("td.right", null, duration(one.duration_ms / one.calls)), h("td.right", null, one.errors ? h("span.bad-text", null, `${number(one.errors)} (${Math.round(100 * one.errors / one.calls)} %)`) : "0")))))));
}

function traces(title, list, show) {
  if (!list.length) return null;
  return h("section.card", null, h("h2", null, title), h("ol.top", null, list.map(trace => h("li", null,
    h("a", {href: link("trace", [trace.trace_id])}, kindIcon(trace.kind || "span"), bdi(trace.name, "bdi.name"), h("span.dim.brief", null, trace.question ?? ""), h("span.push", null, show(trace)))))));
}

export class OverviewView extends LiveView {
  connectedCallback() {
    this.time = this.start.parameters.time ?? "24h";
    super.connectedCallback();
  }

  async load() {
    const until = Date.now() + 1;
    const span = {since: until - lengthOf(this.time), until};
    const within = {min_start: span.since, max_start: span.until, limit: 6};
    let data, slow, dear, failed;
    try {
      [data, slow, dear, failed] = await Promise.all([get("/api/overview", {since: span.since, until: span.until, slices: SLICES}),
        get("/api/traces", {...within, sort: "duration"}), get("/api/traces", {...within, sort: "cost"}), get("/api/traces", {...within, sort: "arrival", status: "error"})]);
    } catch (error) {
      put(this, empty("The overview can't be read", h("p", null, error.message)));
      return;
    }
    this.draw(span, data, {slow: slow.traces, dear: dear.traces.filter(trace => trace.cost), failed: failed.traces});
  }

  draw(span, data, lists) {
    const [total] = data.total, [latency] = data.latency, [first] = data.first_token;
    const slices = Array(SLICES).fill(null);
    for (const slice of data.slices) if (slice.slice < SLICES) slices[slice.slice] = slice;
    const choose = timeButtons(this.time, name => { this.time = name; this.load(); });
    put(this, h("div.page", null, h("div.title", null, h("h1", null, "Overview"), h("div.push", null, choose)),
      total.traces === 0 ? empty("No traces in this time", h("p", null, "Choose a longer one.")) : [
        h("div.stats.big", null, stat("traces", number(total.traces)), stat("spans", short(total.spans)), stat("with errors", `${number(total.errors)} (${(100 * total.errors / total.traces).toFixed(1)} %)`),
          stat("tokens", inOut(total.input_tokens, total.output_tokens, short), "in → out"), stat("cost", money(total.cost)),
          stat("time, median", duration(latency?.p50)), stat("time, p95", duration(latency?.p95)), stat("first token, median", duration(first?.p50))),
        h("div.plots", null,
          plot("Traces, with errors", slices, {value: s => s.traces, second: s => s.errors, format: short, whole: true, span}),
          plot("Cost", slices, {value: s => s.cost ?? 0, format: money, span}),
          plot("Tokens", slices, {value: s => s.tokens ?? 0, format: short, span}),
          plot("Mean time of a trace", slices, {value: s => s.mean_ms, format: duration, line: true, span}),
          plot("Error rate", slices, {value: s => s.traces ? 100 * s.errors / s.traces : null, format: v => `${Math.round(v)} %`, line: true, span}),
          plot("Spans", slices, {value: s => s.spans, format: short, whole: true, span}),
          slices.some(s => s?.first_token_ms !== null && s?.first_token_ms !== undefined) ? plot("Time to first token, mean", slices, {value: s => s.first_token_ms ?? null, format: duration, line: true, span}) : null,
          percentiles(latency, first)),
        h("div.columns", null, names("Models", data.model, "model"), names("Agents", data.agent, "agent"), names("Tools", data.tool, "tool")),
        h("div.columns", null, traces("Slowest", lists.slow, trace => duration(trace.duration_ms)), traces("Dearest", lists.dear, trace => money(trace.cost)),
          traces("Failed lately", lists.failed, trace => trace.status_message?.slice(0, 60) || `${trace.error_count} errors`))]));
  }
}
