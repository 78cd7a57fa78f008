// The list of traces: live, filtered, sorted, paged by keyset.

import {h, icon, put, bdi, chip, kindIcon, number, short, duration, money, when, empty, stat} from "./dom.js";
import {get, link, remember} from "./api.js";
import {Rows} from "./scroll.js";

const PAGE = 200;
const ROW = 58;
const FILTERS = [["status", "Status"], ["kind", "Kind"], ["model", "Model"], ["agent", "Agent"], ["tool", "Tool"], ["service", "Service"]];
const RANGES = [["min_ms", "≥ ms"], ["max_ms", "≤ ms"], ["min_cost", "≥ $"], ["max_cost", "≤ $"]];
const SORTS = [["arrival", "Newest"], ["time", "Start"], ["duration", "Duration"], ["cost", "Cost"], ["tokens", "Tokens"]];
const OTHERS = ["session", "user", "project", "environment"]; // by links from elsewhere, shown as chips

export class TraceList extends HTMLElement {
  connectedCallback() {
    this.traces = [];
    this.selected = -1;
    this.last = 0;
    this.rows = new Rows(ROW, index => this.drawRow(index), () => this.more());
    this.toolbar = h("div.toolbar");
    this.totals = h("div.totals", {role: "status"});
    this.pill = h("button.pill", {type: "button", hidden: true, onclick: () => this.load()});
    this.note = h("div.note");
    this.rows.element.setAttribute("role", "list");
    this.rows.element.setAttribute("aria-label", "Traces");
    put(this, this.toolbar, h("div.list-head", null, this.totals), this.pill, this.note, this.rows.element);
    this.route(this.start);
  }

  route({parameters}) {
    const changed = JSON.stringify(parameters) !== JSON.stringify(this.filters);
    this.filters = parameters;
    if (!changed) return;
    this.drawToolbar();
    this.load();
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
    this.loadNames();
  }

  drawChips() {
    const set = [...FILTERS.map(([name]) => name), ...OTHERS].filter(name => this.filters[name]);
    put(this.chips, set.map(name => h("button.chip.removable", {
      type: "button", title: `Remove the filter by ${name}`,
      onclick: () => {
        for (const select of this.selects) if (select.dataset.name === name) select.value = "";
        this.set(name, "");
      }}, `${name}: `, bdi(this.filters[name]), icon("close"))));
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
      this.selected = -1;
      this.pill.hidden = true;
      this.rows.element.scrollTop = 0;
      this.rows.update(this.traces.length);
      this.drawTotals();
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
      this.rows.update(this.traces.length, true);
    } finally {
      this.loading = false;
    }
  }

  /** There are traces up to id `last`: they go on top, or wait behind a button when one reads below. */
  async news(last) {
    if (last <= this.last || !this.total) return;
    const inOrder = !this.filters.sort || this.filters.sort === "arrival";
    const page = await get("/api/traces", this.query({newer: this.last, limit: 500, sort: "arrival"}));
    this.last = last;
    if (page.traces.length === 0) return;
    if (!inOrder || page.next || this.rows.element.scrollTop > ROW) {
      this.waiting = (this.pill.hidden ? 0 : this.waiting) + page.traces.length;
      put(this.pill, `${page.next ? "500+" : this.waiting} new — show`);
      this.pill.hidden = false;
      return;
    }
    const known = new Set(page.traces.map(trace => trace.trace_id));
    this.traces = [...page.traces, ...this.traces.filter(trace => !known.has(trace.trace_id))];
    this.fresh = new Set(page.traces.map(trace => trace.id));
    if (this.selected >= 0) this.selected += page.traces.length;
    for (const trace of page.traces) {
      this.total.traces++;
      this.total.errors += trace.error_count > 0 ? 1 : 0;
      this.total.tokens += (trace.input_tokens ?? 0) + (trace.output_tokens ?? 0);
      if (trace.cost !== null) this.total.cost = (this.total.cost ?? 0) + trace.cost;
    }
    this.rows.update(this.traces.length);
    this.drawTotals();
  }

  drawTotals() {
    const {traces, errors, tokens, cost} = this.total;
    const filtered = Object.keys(this.filters).some(name => name !== "sort");
    put(this.totals, stat("traces", number(traces)), stat("with errors", number(errors)), stat("tokens", short(tokens)), stat("cost", money(cost)));
    if (traces > 0) put(this.note);
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
    const trace = this.traces[index];
    const tokens = trace.input_tokens !== null || trace.output_tokens !== null;
    const error = trace.error_count > 0 || trace.status !== "ok";
    return h(`a.trace-row${index === this.selected ? ".selected" : ""}${error ? ".failed" : ""}${this.fresh?.has(trace.id) ? ".fresh" : ""}`, {
      href: link("trace", [trace.trace_id]), role: "listitem", onfocus: () => this.select(index, false)},
      kindIcon(trace.kind || "span"),
      h("div.who", null,
        h("div.line", null, bdi(trace.name, "bdi.name"), error ? h("span.badge.bad", {title: trace.status_message || "has errors"}, trace.error_count > 1 ? `${trace.error_count} errors` : "error") : null),
        h("div.line.dim", null, trace.service ? bdi(trace.service) : "unknown service", trace.session ? h("span.in-session", {title: `session ${trace.session}`}, icon("session"), bdi(trace.session)) : null)),
      h("div.what", null,
        trace.question ? h("div.line", null, h("span.said", null, "Q"), bdi(trace.question.replace(/\s+/g, " "))) : h("div.line.dim", null, trace.status_message ? bdi(trace.status_message) : ""),
        trace.answer ? h("div.line.dim", null, h("span.said", null, "A"), bdi(trace.answer.replace(/\s+/g, " "))) : null),
      h("div.model", null, trace.model ? chip(trace.model) : null),
      h("div.num", {title: tokens ? `${number(trace.input_tokens)} in, ${number(trace.output_tokens)} out` : null},
        tokens ? h("div", null, `${short(trace.input_tokens ?? 0)} → ${short(trace.output_tokens ?? 0)}`) : h("div.dim", null, "–"), h("div.dim", null, "tokens")),
      h("div.num", null, h("div", null, money(trace.cost)), h("div.dim", null, "cost")),
      h("div.num", null, h("div", null, duration(trace.duration_ms)),
        h("div.dim", null, trace.first_token_ms !== null ? `first ${duration(trace.first_token_ms)}` : `${number(trace.span_count)} span${trace.span_count === 1 ? "" : "s"}`)),
      h("div.num.when", null, when(trace.start_ms)));
  }

  select(index, reveal = true) {
    if (index < 0 || index >= this.traces.length) return;
    this.rows.drawn.get(this.selected)?.classList.remove("selected");
    this.selected = index;
    if (reveal) this.rows.reveal(index);
    const row = this.rows.drawn.get(index);
    row?.classList.add("selected");
    if (reveal) row?.focus({preventScroll: true});
  }

  key(event) {
    if (event.key === "j" || event.key === "ArrowDown") this.select(this.selected + 1);
    else if (event.key === "k" || event.key === "ArrowUp") this.select(Math.max(0, this.selected - 1));
    else if (event.key === "Escape" && this.filters.search) location.hash = link("traces");
    else return false;
    return true;
  }
}
