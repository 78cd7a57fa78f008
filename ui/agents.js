// Graphs of agents: of one trace, and of all traces lately.

import {h, svg, put, bdi, number, counted, money, inOut, duration, empty, kindIcon} from "./dom.js";
import {get, link} from "./api.js";
import {inputMessages, outputMessages, inputOutput, isBelow} from "./model.js";
import {bubble, value} from "./chat.js";
import {LiveView} from "./live.js";

const HANDOVERS_MAX = 100; // shown of one trace
const BOX = {width: 190, height: 66, gapX: 90, gapY: 26};

/** Ranks by the longest way from a beginning, circles cut where they close. */
function ranksOf(nodes, edges) {
  const rank = new Map(nodes.map(node => [node.name, 0]));
  for (let round = 0, moved = true; moved && round < nodes.length; round++) {
    moved = false;
    for (const {from, to} of edges) {
      if (from === to || !rank.has(from) || !rank.has(to) || rank.get(to) > rank.get(from)) continue;
      if (rank.get(from) + 1 >= nodes.length) continue;
      rank.set(to, rank.get(from) + 1);
      moved = true;
    }
  }
  return rank;
}

/** An SVG of boxes and arrows, from left to right. */
function drawGraph(nodes, edges, open) {
  const rank = ranksOf(nodes, edges);
  const columns = [];
  for (const node of nodes) (columns[rank.get(node.name)] ??= []).push(node);
  const filled = columns.filter(Boolean);
  const tallest = Math.max(...filled.map(column => column.length));
  const height = tallest * (BOX.height + BOX.gapY);
  const width = filled.length * (BOX.width + BOX.gapX) - BOX.gapX + 20;
  const place = new Map();
  filled.forEach((column, x) => column.forEach((node, y) => place.set(node.name, {
    x: 10 + x * (BOX.width + BOX.gapX), y: (height - column.length * (BOX.height + BOX.gapY)) / 2 + y * (BOX.height + BOX.gapY) + BOX.gapY / 2})));
  const picture = svg("svg.graph", {viewBox: `0 0 ${width} ${height + 30}`, width, height: height + 30, role: "group", "aria-label": "Graph of agents"},
    svg("defs", null, svg("marker", {id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto"}, svg("path.arrow", {d: "M0 0L8 4L0 8z"}))));
  for (const edge of edges) picture.append(...arrow(edge, place));
  for (const node of nodes) picture.append(box(node, place.get(node.name), open));
  return h("div.graph-frame", {tabindex: 0, role: "region", "aria-label": "Graph"}, picture);
}

function arrow(edge, place) {
  const from = place.get(edge.from), to = place.get(edge.to);
  if (!from || !to) return [];
  const ahead = to.x > from.x;
  const x1 = ahead ? from.x + BOX.width : from.x + BOX.width / 2, y1 = ahead ? from.y + BOX.height / 2 : from.y + BOX.height;
  const x2 = ahead ? to.x : to.x + BOX.width / 2, y2 = ahead ? to.y + BOX.height / 2 : to.y + BOX.height;
  const bend = ahead ? Math.max(30, (x2 - x1) / 2) : 0;
  const path = ahead ? `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` : `M${x1} ${y1}C${x1} ${y1 + 34} ${x2} ${y2 + 34} ${x2} ${y2}`;
  return [svg(`path.edge.e-${edge.type}`, {d: path, "marker-end": "url(#arrow)"}, svg("title", null, `${edge.from} → ${edge.to}: ${edge.type}, ${edge.count} times`)),
    svg("text.edge-label", {x: (x1 + x2) / 2, y: (y1 + y2) / 2 + (ahead ? -6 : 32), "text-anchor": "middle"}, `${edge.type}${edge.count > 1 ? ` ×${edge.count}` : ""}`)];
}

function box(node, at, open) {
  const tools = node.tools ?? [];
  const cut = text => text.length > 24 ? text.slice(0, 23) + "…" : text;
  return svg("g.agent-box", {
    transform: `translate(${at.x} ${at.y})`, tabindex: 0, role: "button", onclick: () => open(node), onkeydown: event => event.key === "Enter" && open(node)},
    svg(`rect${node.errors ? ".failed" : ""}`, {width: BOX.width, height: BOX.height, rx: 10}), svg("title", null, `${node.name}${tools.length ? `\ntools: ${tools.join(", ")}` : ""}`),
    svg("text.agent-name", {x: 14, y: 25}, cut(node.name)),
    svg("text.agent-facts", {x: 14, y: 44}, `${counted(node.runs, "run")} · ${counted(node.calls, "model call")}${node.errors ? ` · ${node.errors} failed` : ""}`),
    svg("text.agent-facts", {x: 14, y: 58}, tools.length ? cut(tools.join(", ")) : ""));
}

// ---- one trace

function costsOf(model) {
  const costs = new Map();
  for (const span of model.spans) {
    let name = null;
    for (let at = span; at && !name; at = at.parent) name = at.attributes["agent.name"] ?? null;
    if (!name) continue;
    const sum = costs.get(name) ?? {cost: null, input: 0, output: 0, duration: 0, tools: 0, failed: 0};
    if (span.cost !== null) sum.cost = (sum.cost ?? 0) + span.cost;
    sum.input += span.input ?? 0;
    sum.output += span.output ?? 0;
    sum.tools += span.kind === "tool" ? 1 : 0;
    sum.failed += span.failed ? 1 : 0;
    if (span.kind === "agent") sum.duration += span.duration;
    costs.set(name, sum);
  }
  return costs;
}

const agentOf = span => span.kind === "agent" ? span.attributes["agent.name"] ?? span.name : null;

/** Agents that ran below another one: what they were given, and what they gave back. */
function handovers(model) {
  const out = [];
  for (const span of model.spans) {
    const to = agentOf(span);
    let above = span.parent;
    while (above && !agentOf(above)) above = above.parent;
    if (!to || !above) continue;
    if (out.length === HANDOVERS_MAX) break;
    const calls = model.spans.filter(one => one.kind === "llm" && isBelow(one, span));
    const {input, output} = inputOutput(span);
    const asked = calls.length ? inputMessages(calls[0]).filter(one => one.role !== "system").at(-1) : null;
    const said = calls.flatMap(outputMessages).findLast(one => one.parts.length);
    out.push({from: agentOf(above), to, span, got: input !== undefined ? value(input) : asked ? bubble(asked) : null, gave: output !== undefined ? value(output) : said ? bubble(said) : null});
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
  const costs = costsOf(model);
  const open = node => {
    const span = model.spans.find(one => one.attributes["agent.name"] === node.name);
    if (span) select(span);
  };
  return h("div.agents-pane", null,
    drawGraph(nodes, edges, open),
    nodes.length > 1 && edges.length === 0 ? h("p.dim", null, "How these agents called each other is not known: the trace does not say.") : null,
    h("table.wide", null, h("thead", null, h("tr", null, ["Agent", "Runs", "Model calls", "Tool calls", "Tokens", "Cost", "Time", "Failed"].map((name, i) => h(i ? "th.right" : "th", null, name)))),
      h("tbody", null, nodes.map(node => {
        const sum = costs.get(node.name) ?? {};
        return h("tr", {onclick: () => open(node)}, h("td", null, kindIcon("agent"), bdi(node.name)), h("td.right", null, number(node.runs)), h("td.right", null, number(node.calls)),
          h("td.right", null, number(sum.tools ?? 0)), h("td.right", null, inOut(sum.input, sum.output)), h("td.right", null, money(sum.cost ?? null)),
          h("td.right", null, duration(sum.duration ?? null)), h("td.right", null, number(sum.failed ?? 0)));
      }))),
    handovers(model).map(one => handoverCard(one, select)));
}

// ---- all traces

export class AgentsView extends LiveView {
  async load() {
    const {agents = []} = await get("/agents").catch(error => ({error}));
    if (agents.length === 0) {
      put(this, empty("No agents yet", h("p", null, "Agents that traces name show here with how they call each other.")));
      return;
    }
    const projects = new Map(agents.map(agent => [agent.project, []]));
    for (const agent of agents) projects.get(agent.project).push(agent);
    const shown = [...projects].sort((a, b) => b[1].length - a[1].length).slice(0, 60);
    put(this, h("div.page", null, h("h1", null, "Agents, in the last hour"), shown.map(([project, list]) => {
      const nodes = [...new Map(list.map(agent => [agent.name, agent])).values()].slice(0, 60);
      const edges = nodes.flatMap(agent => agent.connections.map(one => ({from: agent.name, ...one})));
      return h("section.card", null, h("h2", null, bdi(project)), drawGraph(nodes, edges, node => { location.hash = link("traces", [], {agent: node.name, project}); }));
    })));
  }
}
