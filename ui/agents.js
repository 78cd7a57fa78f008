// Graphs of agents: of one trace, and of all traces lately.

import {h, svg, put, bdi, number, counted, money, inOut, duration, empty, kindIcon} from "./dom.js";
import {get, link} from "./api.js";
import {inputMessages, outputMessages, inputOutput, isBelow} from "./model.js";
import {bubble, spoken} from "./chat.js";
import {LiveView} from "./live.js";
import {chunks} from "./scroll.js";
import {lengthOf, timeButtons} from "./overview.js";

const HANDOVERS_MAX = 100; // shown of one trace
const NODES_MAX = 60; // drawn
const ROWS_MAX = 200; // of the table of one trace
const BOX = {width: 190, height: 66, gapX: 110, gapY: 26};

/**
 * Ranks by the longest way from a beginning. An edge that leads back to an agent on the way to it
 * closes a circle and does not count.
 */
export function ranksOf(nodes, edges) {
  const next = new Map(nodes.map(node => [node.name, []]));
  for (const {from, to} of edges) if (from !== to && next.has(from) && next.has(to)) next.get(from).push(to);
  const state = new Map(); // 1: on the way, 2: done
  const order = []; // from the ends to the beginnings
  const ahead = new Map(nodes.map(node => [node.name, []]));
  const called = new Set(edges.filter(({from, to}) => from !== to).map(({to}) => to));
  const walk = name => {
    state.set(name, 1);
    for (const to of next.get(name)) {
      if (state.get(to) === 1) continue;
      ahead.get(name).push(to);
      if (!state.has(to)) walk(to);
    }
    state.set(name, 2);
    order.push(name);
  };
  for (const {name} of [...nodes].sort((a, b) => called.has(a.name) - called.has(b.name))) if (!state.has(name)) walk(name);
  const rank = new Map(nodes.map(node => [node.name, 0]));
  for (const name of order.reverse()) for (const to of ahead.get(name)) rank.set(to, Math.max(rank.get(to), rank.get(name) + 1));
  return rank;
}

/** Each column in the order of the middles of those that lead to it: fewer edges cross. */
function untangle(columns, edges) {
  const row = new Map();
  for (const column of columns) {
    const middle = node => {
      const rows = edges.filter(edge => edge.to === node.name && row.has(edge.from)).map(edge => row.get(edge.from));
      return rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : Infinity;
    };
    const middles = new Map(column.map(node => [node, middle(node)]));
    column.sort((a, b) => middles.get(a) === middles.get(b) ? 0 : middles.get(a) - middles.get(b));
    column.forEach((node, index) => row.set(node.name, index - column.length / 2));
  }
}

/** An SVG of boxes and arrows, from left to right. */
function drawGraph(nodes, edges, open, openEdge) {
  const rank = ranksOf(nodes, edges);
  const columns = [];
  for (const node of nodes) (columns[rank.get(node.name)] ??= []).push(node);
  const filled = columns.filter(Boolean);
  untangle(filled, edges);
  const tallest = Math.max(...filled.map(column => column.length));
  const height = tallest * (BOX.height + BOX.gapY);
  const width = filled.length * (BOX.width + BOX.gapX) - BOX.gapX + 20;
  const place = new Map();
  filled.forEach((column, x) => column.forEach((node, y) => place.set(node.name, {
    x: 10 + x * (BOX.width + BOX.gapX), y: (height - column.length * (BOX.height + BOX.gapY)) / 2 + y * (BOX.height + BOX.gapY) + BOX.gapY / 2})));
  const picture = svg("svg.graph", {viewBox: `0 0 ${width} ${height + 30}`, width, height: height + 30, role: "group", "aria-label": "Graph of agents"},
    svg("defs", null, svg("marker", {id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto"}, svg("path.arrow", {d: "M0 0L8 4L0 8z"}))));
  for (const edge of edges) picture.append(...arrow(edge, place, openEdge));
  for (const node of nodes) picture.append(box(node, place.get(node.name), open));
  return h("div.graph-frame", {tabindex: 0, role: "region", "aria-label": "Graph"}, picture);
}

function arrow(edge, place, open) {
  const from = place.get(edge.from), to = place.get(edge.to);
  if (!from || !to) return [];
  const ahead = to.x > from.x;
  const x1 = ahead ? from.x + BOX.width : from.x + BOX.width / 2, y1 = ahead ? from.y + BOX.height / 2 : from.y + BOX.height;
  const x2 = ahead ? to.x : to.x + BOX.width / 2, y2 = ahead ? to.y + BOX.height / 2 : to.y + BOX.height;
  const bend = ahead ? Math.max(30, (x2 - x1) / 2) : 0;
  const path = ahead ? `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` : `M${x1} ${y1}C${x1} ${y1 + 34} ${x2} ${y2 + 34} ${x2} ${y2}`;
  return [svg(`path.edge.e-${edge.type}`, {d: path, "marker-end": "url(#arrow)"}, svg("title", null, `${edge.from} → ${edge.to}: ${edge.type}, ${edge.count} times`)),
    svg(`text.edge-label${open ? ".opens" : ""}`, {x: (x1 + x2) / 2, y: (y1 + y2) / 2 + (ahead ? -6 : 32), "text-anchor": "middle", ...(open ? {tabindex: 0, role: "link", onclick: () => open(edge),
      onkeydown: event => event.key === "Enter" && open(edge)} : {})}, `${edge.type}${edge.count > 1 ? ` ×${number(edge.count)}` : ""}`)];
}

function box(node, at, open) {
  const tools = node.tools ?? [];
  const cut = text => text.length > 24 ? text.slice(0, 23) + "…" : text;
  return svg("g.agent-box", {
    transform: `translate(${at.x} ${at.y})`, tabindex: 0, role: "button", onclick: () => open(node), onkeydown: event => event.key === "Enter" && open(node)},
    svg(`rect${node.errors ? ".failed" : ""}`, {width: BOX.width, height: BOX.height, rx: 10}), svg("title", null, `${node.name}${tools.length ? `\ntools: ${tools.join(", ")}` : ""}`),
    svg("text.agent-name", {x: 14, y: 25}, cut(node.name)),
    svg("text.agent-facts", {x: 14, y: 44}, node.facts ?? `${counted(node.runs, "run")} · ${counted(node.calls, "model call")}${node.errors ? ` · ${node.errors} failed` : ""}`),
    svg("text.agent-facts", {x: 14, y: 58}, node.more ?? (tools.length ? cut(tools.join(", ")) : "")));
}

// ---- one trace

/** Sums by agent of the graph: a span is of the nearest one that it or those above it name. */
function costsOf(model, nodes) {
  const known = new Set(nodes.map(node => node.name));
  const costs = new Map();
  for (const span of model.spans) {
    let at = span;
    while (at && !known.has(at.attributes["agent.name"])) at = at.parent;
    if (!at) continue;
    const name = at.attributes["agent.name"];
    const sum = costs.get(name) ?? {cost: null, input: null, output: null, duration: 0, tools: 0, failed: 0};
    for (const of of ["cost", "input", "output"]) if (span[of] !== null) sum[of] = (sum[of] ?? 0) + span[of];
    sum.tools += span.kind === "tool" ? 1 : 0;
    sum.failed += span.failed ? 1 : 0;
    if (span.kind === "agent") sum.duration += span.duration;
    costs.set(name, sum);
  }
  return costs;
}

const agentOf = span => span.kind === "agent" ? span.attributes["agent.name"] ?? span.name : null;

/** Who called the agent of `span`: the one that it ran below, else the last that ran before it and leads to it in the graph. */
function callerOf(span, agents, edges) {
  let above = span.parent;
  while (above && !agentOf(above)) above = above.parent;
  if (above) return agentOf(above);
  const callers = new Set(edges.filter(edge => edge.to === agentOf(span)).map(edge => edge.from));
  const before = agents.filter(one => one !== span && one.start <= span.start && callers.has(agentOf(one)));
  return before.length ? agentOf(before.reduce((last, one) => one.start >= last.start ? one : last)) : null;
}

/** Agents that another one called: what they were given, and what they gave back. */
function handovers(model, edges) {
  const out = [];
  const agents = model.spans.filter(agentOf);
  for (const span of agents) {
    const to = agentOf(span), from = callerOf(span, agents, edges);
    if (!from) continue;
    if (out.length === HANDOVERS_MAX) break;
    const calls = model.spans.filter(one => one.kind === "llm" && isBelow(one, span));
    const {input, output} = inputOutput(span);
    const asked = calls.length ? inputMessages(calls[0]).filter(one => one.role !== "system").at(-1) : null;
    const said = calls.flatMap(outputMessages).findLast(one => one.parts.length);
    out.push({from, to, span, got: input !== undefined ? spoken(input) : asked ? bubble(asked) : null, gave: output !== undefined ? spoken(output) : said ? bubble(said) : null});
  }
  return out;
}

function handoverCard({from, to, span, got, gave}, select) {
  return h("section.card.handover", null,
    h("div.card-head", null, h("h2", null, bdi(from), " → ", bdi(to)), h("span.dim", null, duration(span.duration)), span.failed ? h("span.badge.bad", null, "failed") : null,
      h("button.quiet.push", {type: "button", onclick: () => select(span)}, "in the timeline")),
    h("div.sides", null, h("div", null, h("h3", null, bdi(to), " got"), got ?? h("p.dim", null, "not told")), h("div", null, h("h3", null, "and gave back"), gave ?? h("p.dim", null, "nothing that is told"))));
}

export function traceGraph(model, select) {
  const root = model.spans.find(span => span.attributes["agent_graph.nodes"]?.length);
  const nodes = root.attributes["agent_graph.nodes"];
  const edges = root.attributes["agent_graph.connections"] ?? [];
  const costs = costsOf(model, nodes);
  const drawn = nodes.length > NODES_MAX ? [...nodes].sort((a, b) => b.runs + b.calls - a.runs - a.calls).slice(0, NODES_MAX) : nodes;
  const open = node => {
    const span = model.spans.find(one => agentOf(one) === node.name) ?? model.spans.find(one => one.attributes["agent.name"] === node.name);
    if (span) select(span);
  };
  return h("div.agents-pane", null,
    drawGraph(drawn, edges, open),
    drawn.length < nodes.length ? h("p.dim", null, `${number(nodes.length - drawn.length)} more agents are not drawn.`) : null,
    nodes.length > 1 && edges.length === 0 ? h("p.dim", null, "How these agents called each other is not known: the trace does not say.") : null,
    h("table.wide", null, h("thead", null, h("tr", null, ["Agent", "Runs", "Model calls", "Tool calls", "Tokens", "Cost", "Time", "Failed"].map((name, i) => h(i ? "th.right" : "th", null, name)))),
      h("tbody", null, nodes.slice(0, ROWS_MAX).map(node => {
        const sum = costs.get(node.name) ?? {};
        return h("tr", {onclick: () => open(node)}, h("td", null, kindIcon("agent"), bdi(node.name)), h("td.right", null, number(node.runs)), h("td.right", null, number(node.calls)),
          h("td.right", null, number(sum.tools ?? 0)), h("td.right", null, inOut(sum.input ?? null, sum.output ?? null)), h("td.right", null, money(sum.cost ?? null)),
          h("td.right", null, duration(sum.duration ?? null)), h("td.right", null, number(sum.failed ?? 0)));
      }))),
    nodes.length > ROWS_MAX ? h("p.dim", null, `${number(nodes.length - ROWS_MAX)} more agents are not listed.`) : null,
    chunks(handovers(model, edges).map(one => () => handoverCard(one, select))));
}

// ---- all traces

/** Edges by their names in the store, ["from","to","type"] as JSON; of more than NODES_MAX agents the most called. */
export function graphOf(data) {
  const edges = data.edge.map(({name, calls, traces}) => {
    const [from, to, type] = JSON.parse(name);
    return {from, to, type, count: calls, traces, name};
  });
  const agents = new Map(data.agent.map(agent => [agent.name, agent]));
  for (const {from, to} of edges) for (const name of [from, to]) if (!agents.has(name)) agents.set(name, {name, calls: null, traces: null, cost: null, errors: 0});
  const nodes = [...agents.values()].slice(0, NODES_MAX).map(agent => ({...agent,
    facts: agent.traces === null ? "" : `${counted(agent.traces, "trace")}${agent.errors ? ` · ${counted(agent.errors, "failed span")}` : ""}`, more: agent.cost === null ? "" : money(agent.cost)}));
  const known = new Set(nodes.map(node => node.name));
  return {nodes, edges: edges.filter(edge => known.has(edge.from) && known.has(edge.to)), left: agents.size - nodes.length};
}

export class AgentsView extends LiveView {
  connectedCallback() {
    this.time = this.start.parameters.time ?? "24h";
    super.connectedCallback();
  }

  async load() {
    const until = Date.now() + 1;
    let data;
    try {
      data = await get("/api/overview", {since: until - lengthOf(this.time), until, slices: 1});
    } catch (error) {
      put(this, empty("Agents can't be read", h("p", null, error.message)));
      return;
    }
    const {nodes, edges, left} = graphOf(data);
    const focused = this.contains(document.activeElement);
    put(this, h("div.page", null, h("div.title", null, h("h1", null, "Agents"), h("div.push", null, timeButtons(this.time, name => { this.time = name; this.load(); }))),
      nodes.length === 0 ? empty("No agents in this time", h("p", null, "Agents that traces name show here, with how they call each other.")) : [
        h("section.card", null, h("div.card-head", null, h("h2", null, "Who calls whom"), h("span.dim", null, "across all traces of this time")),
          drawGraph(nodes, edges, node => { location.hash = link("traces", [], {agent: node.name}); }, edge => { location.hash = link("traces", [], {edge: edge.name}); }),
          nodes.length > 1 && edges.length === 0 ? h("p.dim", null, "How these agents call each other is not known: the traces do not say.") : null,
          left > 0 ? h("p.dim", null, `${number(left)} more agents are not drawn.`) : null),
        h("section.card", null, h("h2", null, "Agents"), h("div.table-frame", {tabindex: 0, role: "region", "aria-label": "Agents"}, h("table.wide", null,
          h("thead", null, h("tr", null, ["Agent", "Traces", "Spans", "Tokens in → out", "Cost", "Failed spans"].map((name, i) => h(i ? "th.right" : "th", {scope: "col"}, name)))),
          h("tbody", null, nodes.map(node => h("tr", null, h("td", null, kindIcon("agent"), h("a", {href: link("traces", [], {agent: node.name})}, bdi(node.name))), h("td.right", null, number(node.traces)),
            h("td.right", null, number(node.calls)), h("td.right", null, inOut(node.input_tokens ?? null, node.output_tokens ?? null)), h("td.right", null, money(node.cost)), h("td.right", null, number(node.errors))))))))]));
    if (focused) this.querySelector("[aria-pressed=true]")?.focus({preventScroll: true});
  }
}
