// The list of traces: live, filtered, sorted, paged by keyset.

import {h, icon, put, bdi, chip, kindIcon, number, counted, short, inOut, duration, money, when, moment, empty, stat} from "./dom.js";
import {get, link, remember, rememberSoon, every} from "./api.js";
import {Rows} from "./scroll.js";

const PAGE = 200;
const ROW = 58;
const NEWS_PAGES = 4; // of 500 traces: what is added to the list at once
const TICK_MS = 1000; // between two looks at how long held traces still wait
const TICKS = 10; // of which one asks anew: reasons to wait change without a span
const FILTERS = [["status", "Status"], ["kind", "Kind"], ["model", "Model"], ["agent", "Agent"], ["tool", "Tool"], ["service", "Service"]];
const RANGES = [["min_ms", "≥ ms"], ["max_ms", "≤ ms"], ["min_cost", "≥ $"], ["max_cost", "≤ $"]];
const SORTS = [["arrival", "Newest"], ["time", "Start"], ["duration", "Duration"], ["cost", "Cost"], ["tokens", "Tokens"]];
const OTHERS = ["session", "user", "project", "environment", "convention", "edge"]; // by links from elsewhere, shown as chips

export class TraceList extends HTMLElement {
  connectedCallback() {
    this.traces = [];
    this.held = []; // on top of the list: what has come of traces that wait
    this.marked = null; // the first of two to compare
    this.selected = -1;
    this.last = this.told = 0;
    this.rows = new Rows(ROW, index => this.drawRow(index), () => this.more());
    this.toolbar = h("div.toolbar");
    this.totals = h("div.totals", {role: "status"});
    this.pill = h("button.pill", {type: "button", hidden: true, onclick: () => this.load()});
    this.note = h("div.note");
    this.rows.element.setAttribute("role", "list");
    this.rows.element.setAttribute("aria-label", "Traces");
    this.comparing = h("div.comparing", {role: "status"});
    put(this, this.toolbar, h("div.list-head", null, this.totals, this.comparing), this.pill, this.note, this.rows.element);
    this.route(this.start);
    let ticks = 0;
    every(this, TICK_MS, () => this.total && (this.held.length && ++ticks % TICKS === 0 ? this.loadHeld() : this.tick()));
  }

  route({parameters: {compare, row, ...parameters}}) {
    this.row = row ?? ""; // the chosen one
    this.marked = compare ? {trace_id: compare, name: `${compare.slice(0, 8)}…`} : null;
    this.drawComparing();
    const changed = JSON.stringify(parameters) !== JSON.stringify(this.filters);
    this.filters = parameters;
    if (!changed) return;
    this.drawToolbar();
    this.load().then(() => this.loadNames()); // one after the other: the list is what one waits for
  }

  // ---- filters

  set(name, value) {
    this.filters = {...this.filters, [name]: value || undefined};
    if (!value) delete this.filters[name];
    remember({[name]: value || ""});
    this.drawChips();
    this.load();
  }

  drawToolbar() {
    const search = h("input", {
      type: "search", placeholder: "Search prompts, answers, tools, errors …   /", "aria-label": "Search", value: this.filters.search ?? "",
      oninput: () => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.set("search", search.value), 180);
      },
    });
    this.selects = FILTERS.map(([name, label]) => h("select", {
      "aria-label": label, data: {name}, onchange: event => this.set(name, event.target.value)}, h("option", {value: ""}, label)));
    const sort = h("select", {"aria-label": "Sort", onchange: event => this.set("sort", event.target.value === "arrival" ? "" : event.target.value)},
      SORTS.map(([name, label]) => h("option", {value: name, selected: (this.filters.sort ?? "arrival") === name}, label)));
    const ranges = RANGES.map(([name, label]) => h("input.range", {
      type: "number", min: 0, step: "any", placeholder: label, "aria-label": label, value: this.filters[name] ?? "",
      onchange: event => this.set(name, event.target.value)}));
    this.chips = h("div.chips");
    put(this.toolbar,
      h("label.search", null, icon("search"), search),
      h("div.filters", null, this.selects, h("details.ranges", {open: RANGES.some(([name]) => this.filters[name])}, h("summary", null, "Ranges"), h("div.range-box", null, ranges)),
        h("label.sort", null, "Sort", sort)),
      this.chips);
    this.drawChips();
  }

  drawChips() {
    const set = [...FILTERS.map(([name]) => name), ...OTHERS].filter(name => this.filters[name]);
    put(this.chips, set.map(name => h("button.chip.removable", {
      type: "button", title: `Remove the filter by ${name}`,
      onclick: () => {
        for (const select of this.selects) if (select.dataset.name === name) select.value = "";
        this.set(name, "");
      }}, `${name}: `, bdi(name === "edge" ? edgeText(this.filters[name]) : this.filters[name]), icon("close"))));
  }

  async loadNames() {
    const names = await get("/api/names").catch(() => ({}));
    for (const select of this.selects) {
      const name = select.dataset.name;
      const chosen = this.filters[name] ?? "";
      const options = names[name] ?? [];
      put(select, h("option", {value: ""}, FILTERS.find(([key]) => key === name)[1]),
        options.map(option => h("option", {value: option.name}, `${option.name} (${number(option.traces)})`)));
      if (chosen && !options.some(option => option.name === chosen)) select.append(h("option", {value: chosen}, chosen));
      select.value = chosen;
      select.disabled = options.length === 0;
    }
  }

  // ---- traces

  query(more) {
    return {sort: "arrival", ...this.filters, limit: PAGE, ...more};
  }

  count() {
    return this.held.length + this.traces.length;
  }

  indexOf(id) {
    return Array.from({length: this.count()}, (_, i) => this.at(i).trace_id).indexOf(id);
  }

  at(index) {
    return index < this.held.length ? this.held[index] : this.traces[index - this.held.length];
  }

  /** Traces that are held stand on top, newest first, as far as they have come. */
  async loadHeld() {
    const plain = Object.keys(this.filters).every(name => name === "sort") && (this.filters.sort ?? "arrival") === "arrival";
    const asked = this.heldAsked = {};
    const held = plain ? (await get("/api/held").catch(() => ({held: []}))).held : [];
    if (asked !== this.heldAsked) return; // another look has begun since
    const shape = list => JSON.stringify(list.map(({wait, ...row}) => [row, wait.reason, wait.until_ms > Date.now() + 60000]));
    const chosen = this.at(this.selected);
    const changed = shape(held) !== shape(this.held);
    const more = held.length - this.held.length, top = this.rows.element.scrollTop;
    this.held = held;
    if (!changed) return this.tick();
    this.selected = chosen ? this.indexOf(chosen.trace_id) : -1;
    this.rows.update(this.count());
    if (top > ROW && more) { // what one reads stays where it is
      this.rows.element.scrollTop = top + more * ROW;
      this.rows.draw();
    }
    if (this.total) this.drawTotals();
  }

  heldNews() {
    if (this.total) this.loadHeld();
  }

  /** How long they still wait, without drawing anything else. */
  tick() {
    for (const [index, row] of this.rows.drawn)
      if (index < this.held.length) row.querySelector(".left").textContent = leavesIn(this.held[index].wait);
  }

  async load() {
    const asked = this.asked = {};
    this.aborter?.abort();
    this.aborter = new AbortController();
    try {
      const page = await get("/api/traces", this.query(), {signal: this.aborter.signal});
      if (asked !== this.asked) return;
      this.traces = page.traces;
      this.next = page.next;
      this.total = page.total;
      this.last = Math.max(this.last, ...page.traces.map(trace => trace.id), 0);
      this.pill.hidden = true;
      this.rows.element.scrollTop = 0;
      this.selected = this.row ? this.indexOf(this.row) : -1;
      this.rows.update(this.count());
      if (this.selected >= 0) this.rows.reveal(this.selected);
      this.drawTotals();
      this.loadHeld();
    } catch (error) {
      if (error.name !== "AbortError") put(this.note, h("p.problem", {role: "alert"}, error.message));
    }
  }

  async more() {
    if (!this.next || this.loading) return;
    this.loading = true;
    const asked = this.asked;
    try {
      const page = await get("/api/traces", this.query({after: this.next}));
      if (asked !== this.asked) return;
      this.traces.push(...page.traces);
      this.next = page.next;
      this.rows.update(this.count(), true);
    } finally {
      this.loading = false;
    }
  }

  /** There are traces up to id `last`. They are read in turn: what is told meanwhile is read after it. */
  async news(last) {
    this.told = Math.max(this.told, last);
    if (this.reading || !this.total) return;
    this.reading = true;
    try {
      while (this.told > this.last) await this.readNews();
    } finally {
      this.reading = false;
    }
  }

  /** New traces go on top, or wait behind a button when one reads below or there are too many to add. */
  async readNews() {
    const {asked, told} = this;
    const traces = [];
    let next;
    for (let pages = 0; pages < NEWS_PAGES && (pages === 0 || next); pages++) {
      const page = await get("/api/traces", this.query({newer: this.last, limit: 500, sort: "arrival", ...next && {after: next}}));
      if (asked !== this.asked) return;
      traces.push(...page.traces);
      next = page.next;
    }
    this.last = Math.max(told, ...traces.map(trace => trace.id)); // more have come since it was told
    if (traces.length === 0) return;
    const inOrder = !this.filters.sort || this.filters.sort === "arrival";
    if (!inOrder || next || this.rows.element.scrollTop > ROW) {
      this.waiting = (this.pill.hidden ? 0 : this.waiting) + traces.length;
      put(this.pill, `${this.waiting}${next ? "+" : ""} new — show`);
      this.pill.hidden = false;
      return;
    }
    this.addOnTop(traces);
  }

  addOnTop(traces) {
    const known = new Set(traces.map(trace => trace.trace_id));
    this.traces = [...traces, ...this.traces.filter(trace => !known.has(trace.trace_id))];
    this.fresh = new Set(traces.map(trace => trace.id));
    if (this.selected >= this.held.length) this.selected += traces.length;
    for (const trace of traces) {
      this.total.traces++;
      this.total.errors += trace.error_count > 0 ? 1 : 0;
      this.total.tokens += (trace.input_tokens ?? 0) + (trace.output_tokens ?? 0);
      if (trace.cost !== null) this.total.cost = (this.total.cost ?? 0) + trace.cost;
    }
    this.loadHeld();
    this.rows.update(this.count());
    this.drawTotals();
  }

  drawTotals() {
    const {traces, errors, tokens, cost} = this.total;
    const filtered = Object.keys(this.filters).some(name => name !== "sort");
    put(this.totals, stat("traces", number(traces)), stat("with errors", number(errors)), stat("tokens", short(tokens)), stat("cost", money(cost)),
      this.held.length ? h("div.stat.held-count", {title: "Traces of which more is awaited"}, h("span.stat-label", null, "waiting"), h("span.stat-value", null, `${number(this.held.length)}${this.held.length >= 50 ? "+" : ""}`)) : null);
    if (traces > 0 || this.held.length) put(this.note);
    else if (filtered) put(this.note, empty("Nothing matches", h("p", null, "No trace that is kept has all of that.")));
    else put(this.note, this.firstSteps());
  }

  firstSteps() {
    return empty("No traces yet",
      h("p", null, "Point your application's OpenTelemetry exporter at this gateway; a trace shows here by itself, about a second after its root span ended."),
      h("pre", null, `export OTEL_EXPORTER_OTLP_ENDPOINT=http://${location.hostname}:4318\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nexport OTEL_SERVICE_NAME=my-agent`),
      h("p", null, "Or run ", h("code", null, "examples/run.sh"), " in a clone of the gateway. Nothing comes? ", h("a", {href: link("gateway")}, "See what the gateway says"), "."));
  }

  // ---- rows

  drawRow(index) {
    const trace = this.at(index);
    const {wait} = trace;
    const tokens = trace.input_tokens !== null || trace.output_tokens !== null;
    const error = trace.error_count > 0 || trace.status !== "ok";
    return h(`a.trace-row${index === this.selected ? ".selected" : ""}${error ? ".failed" : ""}${wait ? ".held" : ""}${this.fresh?.has(trace.id) ? ".fresh" : ""}${this.marked?.trace_id === trace.trace_id ? ".marked" : ""}`, {
      href: link("trace", [trace.trace_id], wait ? {held: "yes"} : {}), role: "listitem", onfocus: () => this.select(index, false), onclick: event => this.choose(event, trace)},
      kindIcon(trace.kind || "span"),
      h("div.who", null,
        h("div.line", null, bdi(trace.name, "bdi.name"), error ? h("span.badge.bad", {title: trace.status_message || "has errors"}, trace.error_count > 1 ? `${trace.error_count} errors` : "error") : null,
          wait ? h("span.badge.wait", {title: wait.text}, "held") : null),
        h("div.line.dim", null, trace.service ? bdi(trace.service) : "unknown service", trace.session ? h("span.in-session", {title: `session ${trace.session}`}, icon("session"), bdi(trace.session)) : null)),
      h("div.what", null,
        trace.question ? h("div.line", null, h("span.said", null, "Q"), bdi(trace.question.replace(/\s+/g, " "))) : h("div.line.dim", null, trace.status_message ? bdi(trace.status_message) : ""),
        wait ? h("div.line.waits", null, icon("clock"), h("span", null, wait.text))
          : trace.answer ? h("div.line.dim", null, h("span.said", null, "A"), bdi(trace.answer.replace(/\s+/g, " "))) : null),
      h("div.model", null, trace.model ? chip(trace.model) : null),
      h("div.num", {title: tokens ? `${number(trace.input_tokens)} in, ${number(trace.output_tokens)} out` : null},
        h(tokens ? "div" : "div.dim", null, inOut(trace.input_tokens, trace.output_tokens, short)), h("div.dim", null, "tokens")),
      h("div.num", null, h("div", null, money(trace.cost)), h("div.dim", null, "cost")),
      h("div.num", null, h("div", null, duration(trace.duration_ms)),
        h("div.dim", null, trace.first_token_ms !== null ? `first ${duration(trace.first_token_ms)}` : counted(trace.span_count, "span"))),
      h("div.num.when", null, wait ? h("span.left", {title: `unless more comes: at ${moment(wait.until_ms)}`}, leavesIn(wait)) : when(trace.start_ms)));
  }

  /** The first of two is marked, the second opens the comparison. */
  mark() {
    const trace = this.at(this.selected);
    if (!trace || trace.wait) return;
    if (this.marked && this.marked.trace_id !== trace.trace_id) {
      location.hash = link("compare", [this.marked.trace_id, trace.trace_id]);
      return;
    }
    this.setMarked(this.marked ? null : trace);
  }

  setMarked(trace) {
    this.marked = trace;
    remember({compare: trace?.trace_id ?? ""});
    this.drawComparing();
    this.rows.update(this.count());
  }

  drawComparing() {
    put(this.comparing, this.marked ? [icon("compare"), h("span", null, "Compare ", h("strong", null, bdi(this.marked.name)), " with the trace that you choose now"),
      h("button.quiet", {type: "button", onclick: () => this.setMarked(null)}, "cancel")] : null);
  }

  /** While a first one is marked, a click chooses the second. */
  choose(event, trace) {
    if (!this.marked || trace.wait || trace.trace_id === this.marked.trace_id) return;
    event.preventDefault();
    location.hash = link("compare", [this.marked.trace_id, trace.trace_id]);
  }

  select(index, reveal = true) {
    if (index < 0 || index >= this.count()) return;
    this.rows.drawn.get(this.selected)?.classList.remove("selected");
    this.selected = index;
    this.row = this.at(index).trace_id;
    rememberSoon({row: this.row});
    if (reveal) this.rows.reveal(index);
    const row = this.rows.drawn.get(index);
    row?.classList.add("selected");
    if (reveal) row?.focus({preventScroll: true});
  }

  key(event) {
    if (event.key === "j" || event.key === "ArrowDown") this.select(this.selected + 1);
    else if (event.key === "k" || event.key === "ArrowUp") this.select(Math.max(0, this.selected - 1));
    else if (event.key === "c") this.mark();
    else if (event.key === "Escape" && this.filters.search) location.hash = link("traces");
    else return false;
    return true;
  }
}

/** ["triage","writer","handoff"] as "triage → writer, handoff". */
function edgeText(name) {
  try {
    const [from, to, type] = JSON.parse(name);
    return `${from} → ${to}, ${type}`;
  } catch {
    return name;
  }
}

/** "leaves in 9 min": when nothing more comes. */
export function leavesIn(wait) {
  const left = wait.until_ms - Date.now();
  if (left <= 1000) return "leaves now";
  return `leaves in ${left < 60000 ? `${Math.round(left / 1000)} s` : left < 3600000 ? `${Math.round(left / 60000)} min` : `${Math.round(left / 3600000)} h`}`;
}
