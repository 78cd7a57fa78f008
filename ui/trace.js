// One trace: head, and four ways to look at it.

import {h, icon, put, bdi, number, counted, inOut, short, duration, money, moment, kindIcon, copyButton, curlButton, download, stat, empty} from "./dom.js";
import {address, ApiError, get, getText, link, readRoute, remember, rememberSoon, every} from "./api.js";
import {leavesIn} from "./list.js";
import {markdownSwitch} from "./markdown.js";
import {maskedOf} from "./origins.js";
import {rawJson} from "./chat.js";
import {digest, inSession} from "./digest.js";
import {readTrace, criticalPath} from "./model.js";
import {Rows} from "./scroll.js";
import {spanPanel} from "./span.js";
import {transcript} from "./transcript.js";
import {traceGraph} from "./agents.js";

const ROW = 30;
const TABS = [["timeline", "Timeline"], ["transcript", "Transcript"], ["agents", "Agents"], ["json", "JSON"]];
const MARKS = 5; // of the axis
const LOOK_MS = 5000; // at a trace that waits, besides when it is told that something has come

export class TraceView extends HTMLElement {
  async connectedCallback() {
    this.folded = new Set();
    this.id = this.start.rest[0];
    put(this, h("div.loading", null, "…"));
    try {
      const held = this.start.parameters.held && await this.readHeld();
      const sent = held ? "" : await this.readSent();
      if (!held && sent === null && !await this.readHeld()) throw new ApiError(404, "");
    } catch (error) {
      put(this, empty(error.status === 404 ? "This trace is not here" : "The trace can't be shown",
        h("p", null, error.status === 404 ? "It is no longer kept, or it never came." : error.message), h("p", null, h("a", {href: link("traces")}, "All traces"))));
      return;
    }
    this.route(readRoute());
    if (this.wait) every(this, LOOK_MS, () => this.heldNews());
  }

  /** What is held has changed; one look at a time. */
  async heldNews() {
    if (!this.wait || !this.model) return;
    this.lookAgain = this.looking;
    if (this.looking) return;
    this.looking = true;
    await this.follow().catch(() => {}); // of a gateway that was away: the next look may be answered
    this.looking = false;
    if (this.lookAgain) this.heldNews();
  }

  news() {
    this.heldNews();
  }

  /** `chosen`: id of the span that stays chosen. */
  read(text, chosen = this.chosen) {
    this.text = text;
    this.model = readTrace(JSON.parse(text));
    this.path = criticalPath(this.model);
    this.zoom = this.zoomOf(readRoute().parameters.zoom);
    this.shown = null;
    this.span = null;
    this.draw();
    if (chosen) this.route(readRoute());
  }

  /** "20-35", in ms from the trace's begin; all of it where that is none. */
  zoomOf(text) {
    const {start, end} = this.model;
    const [from, to] = (text ?? "").split("-").map(Number);
    return to > from && start + from < end ? [start + from, start + to] : [start, end];
  }

  setZoom(from, to) {
    const {start, end} = this.model;
    this.zoom = [from, to];
    this.rows.update(this.visible.length);
    this.drawAxis();
    rememberSoon({zoom: from === start && to === end ? "" : `${(from - start).toFixed(3)}-${(to - start).toFixed(3)}`});
  }

  /** The trace as it left; null: it is not in the store. */
  async readSent() {
    try {
      const text = await getText("/api/trace", {id: this.id});
      this.wait = null;
      this.read(text);
      return text;
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  /** A trace that waits is shown as far as it has come. False: it does not wait. */
  async readHeld() {
    const {wait, trace} = await get("/api/held", {id: this.id});
    const more = !this.wait || wait?.spans !== this.wait.spans || wait?.log_records !== this.wait.log_records;
    if (!wait) return false;
    this.wait = wait;
    if (trace && (more || !this.model)) this.read(JSON.stringify(trace), this.span?.id);
    else if (!this.model) throw new Error("It is held, and too large to be shown before it leaves.");
    else this.drawWait();
    return true;
  }

  /** Until it has left and is in the store. */
  async follow() {
    if (await this.readHeld()) return;
    const {traces} = await get("/api/traces", {source: this.model.json.otel.trace_id, limit: 1});
    if (!traces.length) return; // on its way
    this.chosen = this.span?.id;
    await this.readSent();
    remember({held: ""});
  }

  drawWait() {
    put(this.waiting, this.wait ? h("div.held-note", null, icon("clock"), h("strong", null, "Held, not sent yet."), h("span", null, this.wait.text),
      h("span.dim", null, `${this.wait.spans} spans so far; it ${leavesIn(this.wait)} unless more comes`)) : null);
  }

  route({parameters}) {
    if (!this.model) return;
    const wanted = this.model.byId.get(parameters.span) ?? this.model.spans.find(span => span.failed && span.children.length === 0) ?? this.model.spans[0];
    this.tab = TABS.some(([name]) => name === parameters.view) ? parameters.view : localStorage.getItem("tab") ?? "timeline";
    if (this.tab === "agents" && !this.hasAgents()) this.tab = "timeline";
    if (wanted) this.span = wanted; // before what searches looks for one
    this.showTab();
    if (this.find && this.shown === "timeline" && this.find.value !== (parameters.find ?? "")) {
      this.find.value = parameters.find ?? "";
      this.search();
    }
    if (parameters.find && !parameters.span) return; // the first match is chosen
    if (wanted) this.select(wanted, true);
  }

  // ---- head

  draw() {
    const {json, totals, spans, start, end} = this.model;
    const meta = json.metadata ?? {};
    const masked = maskedOf(this.model);
    const service = json.otel?.resource?.["service.name"];
    const prompts = promptsOf(spans);
    document.title = `${json.name} · Noveum gateway`;
    this.tabs = h("div.tabs", {role: "tablist"}, TABS.filter(([name]) => name !== "agents" || this.hasAgents()).map(([name, label]) =>
      h("button", {type: "button", role: "tab", data: {name}, onclick: () => this.setTab(name)}, label)));
    const markdown = markdownSwitch(() => this.again());
    this.body = h("div.trace-body");
    this.waiting = h("div", {role: "status"});
    put(this,
      h("div.trace-head", null,
        h("div.title", null, h("a.quiet.button", {href: link("traces"), title: "All traces (Esc)", "aria-label": "All traces", onclick: event => this.back(event)}, icon("back")),
          h("h1", {title: json.name}, bdi(json.name)), this.wait ? h("span.badge.wait", null, "held") : totals.failed ? h("span.badge.bad", null, `${totals.failed} failed`) : h("span.badge.good", null, "ok"),
          h("div.actions", null, h("a.quiet.button", {href: link("traces", [], {compare: json.trace_id}), title: "Compare with another trace"}, icon("compare"), h("span", null, "compare")), copyButton("link", () => location.href), curlButton(address("/api/trace", {id: json.trace_id})),
            copyButton("JSON", () => this.text),
            h("button.quiet", {type: "button", title: "Download as JSON", onclick: () => download(`${json.trace_id}.json`, this.text)}, icon("save"), h("span", null, "save")))),
        h("div.stats", null, stat("duration", duration(end - start)), stat("spans", number(spans.length)), stat("model calls", number(totals.calls)), stat("tool calls", number(totals.tools)),
          stat("tokens", inOut(totals.input, totals.output), "in → out"),
          totals.cached ? stat("cached", number(totals.cached), "of the input") : null,
          stat("cost", money(totals.cost)), totals.firstToken !== null ? stat("first token", duration(totals.firstToken)) : null, stat("began", moment(start)),
          service ? stat("service", bdi(service)) : null,
          prompts.length ? stat(prompts.length > 1 ? "prompts" : "prompt", bdi(prompts.slice(0, 2).join(", ") + (prompts.length > 2 ? ", …" : "")), prompts.join("\n")) : null,
          masked.length ? stat("masked", counted(masked.length, "place"), masked.map(({rule, key}) => `${key} (${rule})`).join("\n")) : null,
          meta.session_id ? stat("session", h("a", {href: link("session", [meta.session_id])}, bdi(meta.session_id))) : null,
          meta.user_id ? stat("user", h("a", {href: link("traces", [], {user: meta.user_id})}, bdi(meta.user_id))) : null)),
      h("div.glance", null, digest(this.model, span => this.show(span)), inSession(this.model)), this.waiting, h("div.tab-line", null, this.tabs, markdown), this.body);
    this.drawWait();
  }

  hasAgents() {
    return this.model.spans.some(span => span.attributes["agent_graph.nodes"]?.length);
  }

  back(event) {
    if (history.length < 2) return;
    event?.preventDefault();
    history.back();
  }

  /** Draws the tab anew, with the same span chosen. */
  again() {
    this.shown = null;
    this.showTab();
  }

  setTab(name) {
    this.tab = name;
    localStorage.setItem("tab", name);
    remember({view: name});
    this.showTab();
  }

  showTab() {
    for (const button of this.tabs.children) button.setAttribute("aria-selected", button.dataset.name === this.tab);
    if (this.shown === this.tab) return;
    this.shown = this.tab;
    const select = span => this.show(span);
    if (this.tab === "transcript") put(this.body, transcript(this.model, select));
    else if (this.tab === "agents" && this.hasAgents()) put(this.body, traceGraph(this.model, select));
    else if (this.tab === "json") put(this.body, rawJson(this.model.json, 2000000, "pre.raw.whole"));
    else this.drawTimeline();
  }

  show(span) {
    if (this.tab !== "timeline") this.setTab("timeline");
    this.select(span, true);
  }

  // ---- timeline: tree and waterfall in one row a span

  drawTimeline() {
    this.shown = "timeline";
    this.rows = new Rows(ROW, index => this.drawRow(this.visible[index]));
    this.rows.element.setAttribute("role", "tree");
    this.rows.element.setAttribute("aria-label", "Spans");
    this.axis = h("div.axis-marks");
    this.panel = h("aside.panel", {"aria-label": "Span", tabindex: 0});
    this.find = h("input", {type: "search", placeholder: "Find", "aria-label": "Find in trace", oninput: () => this.search()});
    this.found = h("span.dim.found", {role: "status"});
    put(this.body, h("div.split", null,
      h("div.timeline", null,
        h("div.axis", null, h("div.axis-tools", null, h("label.search", null, icon("search"), this.find, this.found),
          h("button.quiet", {type: "button", title: "Previous match (p)", "aria-label": "Previous match", onclick: () => this.step(-1)}, icon("up")),
          h("button.quiet", {type: "button", title: "Next match (n)", "aria-label": "Next match", onclick: () => this.step(1)}, icon("down")),
          h("button.quiet", {type: "button", title: "Zoom to the span (z)", onclick: () => this.zoomTo(this.span)}, "zoom"),
          h("button.quiet", {type: "button", title: "Whole trace (0)", onclick: () => this.zoomTo(null)}, "all")), this.axis),
        this.rows.element),
      this.panel));
    this.rows.element.addEventListener("wheel", event => this.wheel(event), {passive: false});
    this.fold();
    if (this.span) this.select(this.span, true);
    this.find.value = readRoute().parameters.find ?? "";
    if (this.find.value) this.search();
  }

  fold() {
    this.visible = [];
    let under = Infinity;
    for (const span of this.model.spans) {
      if (span.depth > under) continue;
      under = this.folded.has(span) ? span.depth : Infinity;
      this.visible.push(span);
    }
    this.places = new Map(this.visible.map((span, index) => [span, index]));
    this.rows.update(this.visible.length);
    this.drawAxis();
  }

  drawAxis() {
    const [from, to] = this.zoom;
    put(this.axis, Array.from({length: MARKS}, (_, i) => h("span", {style: {left: `${100 * i / MARKS}%`}}, duration(from - this.model.start + (to - from) * i / MARKS))));
  }

  drawRow(span) {
    const [from, to] = this.zoom;
    const share = at => 100 * (at - from) / (to - from);
    const left = Math.max(0, share(span.start));
    const width = Math.max(0.25, Math.min(100, share(span.end)) - left);
    const outside = span.end < from || span.start > to;
    const folded = this.folded.has(span);
    return h(`div.span-row${span === this.span ? ".selected" : ""}${span.failed ? ".failed" : ""}${this.hits?.has(span) ? ".match" : ""}`, {
      role: "treeitem", "aria-level": span.depth + 1, "aria-selected": span === this.span, "aria-expanded": span.children.length ? !folded : null,
      tabindex: 0, onclick: () => this.select(span), onkeydown: event => event.key === "Enter" && event.target === event.currentTarget && this.select(span)},
      h("div.span-name", {style: {"padding-left": `${Math.min(span.depth, 24) * 14 + 4}px`}},
        span.children.length ? h("button.fold", {type: "button", "aria-label": folded ? "Unfold" : "Fold", onclick: event => { event.stopPropagation(); this.toggle(span); }}, icon(folded ? "right" : "down")) : h("span.fold"),
        kindIcon(span.kind), bdi(span.name, "bdi.name"), folded ? h("span.dim", null, `… ${number(below(span))} more`) : null,
        span.failed ? h("span.bad-mark", {title: span.json.status_message ?? "failed"}, icon("error")) : null,
        span.input !== null || span.output !== null ? h("span.dim.tokens", null, short((span.input ?? 0) + (span.output ?? 0))) : null),
      h("div.span-time", null, outside ? null : [
        h(`i.bar.k-${span.kind}${this.path.has(span) ? ".critical" : ""}`, {style: {left: `${left}%`, width: `${width}%`}}),
        span.firstToken !== null ? h("i.first-token", {title: `first token after ${duration(span.firstToken)}`, style: {left: `${share(span.start + span.firstToken)}%`}}) : null,
        left + width <= 78 ? h("span.bar-label", {style: {left: `${left + width}%`}}, duration(span.duration))
          : left >= 16 ? h("span.bar-label", {style: {right: `${100 - left}%`}}, duration(span.duration))
            : h("span.bar-label.inside", {style: {right: `${100 - left - width}%`}}, duration(span.duration))]));
  }

  select(span, reveal = false) {
    this.span = span;
    if (!this.rows || this.shown !== "timeline") return;
    for (let up = span.parent; up; up = up.parent) if (this.folded.delete(up)) reveal = "fold";
    if (reveal === "fold") this.fold();
    for (const row of this.rows.drawn.values()) row.classList.remove("selected");
    const index = this.places.get(span);
    if (reveal) this.rows.reveal(index);
    const row = this.rows.drawn.get(index);
    row?.classList.add("selected");
    if (this.rows.element.contains(document.activeElement)) row?.focus({preventScroll: true});
    put(this.panel, spanPanel(this.model, span));
    this.panel.scrollTop = 0;
    rememberSoon({span: span.id});
  }

  toggle(span, fold = !this.folded.has(span)) {
    const focused = this.rows.element.contains(document.activeElement) ? document.activeElement.classList.contains("fold") ? ".fold" : "" : null;
    if (fold) this.folded.add(span);
    else this.folded.delete(span);
    this.fold();
    const row = this.rows.drawn.get(this.places.get(span)); // drawn anew
    if (focused !== null) (focused ? row?.querySelector(focused) : row)?.focus({preventScroll: true});
  }

  zoomTo(span) {
    const {start, end} = this.model;
    if (span) this.setZoom(span.start, Math.max(span.end, span.start + 0.001));
    else this.setZoom(start, end);
  }

  /** Ctrl and the wheel zoom around the pointer. */
  wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const box = this.axis.getBoundingClientRect();
    const at = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const [from, to] = this.zoom;
    const factor = event.deltaY > 0 ? 1.25 : 0.8;
    const width = Math.min(this.model.end - this.model.start, Math.max(0.001, (to - from) * factor));
    const left = Math.max(this.model.start, Math.min(this.model.end - width, from + at * (to - from) - at * width));
    this.setZoom(left, left + width);
  }

  // ---- find in trace, also in what is folded or not drawn

  search() {
    const text = this.find.value.trim().toLowerCase();
    this.order = text ? this.model.spans.filter(span => (span.haystack ??= JSON.stringify(span.json).toLowerCase()).includes(text)) : [];
    this.hits = new Set(this.order);
    remember({find: text});
    this.rows.update(this.visible.length);
    if (this.order.length) this.select(this.order.includes(this.span) ? this.span : this.order[0], true);
    this.drawFound();
  }

  drawFound() {
    const text = this.find.value.trim();
    this.found.textContent = text ? this.order.length ? `${this.order.indexOf(this.span) + 1}/${this.order.length}` : "none" : "";
  }

  step(by) {
    if (!this.order?.length) return;
    const at = this.order.indexOf(this.span);
    this.select(this.order[(at + by + this.order.length) % this.order.length], true);
    this.drawFound();
  }

  key(event) {
    const index = this.places?.get(this.span) ?? 0;
    const move = to => this.visible?.[to] && this.select(this.visible[to], true);
    const keys = {
      j: () => move(index + 1), ArrowDown: () => move(index + 1), k: () => move(index - 1), ArrowUp: () => move(index - 1),
      h: () => this.span?.children.length && !this.folded.has(this.span) ? this.toggle(this.span, true) : this.span?.parent && this.select(this.span.parent, true),
      l: () => this.span && this.toggle(this.span, false), n: () => this.step(1), p: () => this.step(-1), z: () => this.zoomTo(this.span), 0: () => this.zoomTo(null),
      t: () => this.setTab(this.tab === "transcript" ? "timeline" : "transcript"), Escape: () => this.back() ?? (history.length < 2 && (location.hash = link("traces"))),
    };
    if (!keys[event.key] || !this.model) return false;
    keys[event.key]();
    return true;
  }
}

/** "name version 3" of each prompt that spans name. */
function promptsOf(spans) {
  const named = spans.map(({attributes: a}) => [a["llm.prompt.name"], a["llm.prompt.version"] === undefined ? undefined : `version ${a["llm.prompt.version"]}`].filter(one => one !== undefined).join(" "));
  return [...new Set(named.filter(Boolean))];
}

function below(span) {
  let count = 0;
  const stack = [...span.children];
  while (stack.length) {
    const one = stack.pop();
    count++;
    stack.push(...one.children);
  }
  return count;
}

