// What the gateway itself does: where every span is, what waits and why, what could not be
// delivered, who was refused.

import {h, icon, put, bdi, number, counted, short, bytes, duration, moment, when, stat, empty, chip, kindIcon} from "./dom.js";
import {get, getText, link, post, every} from "./api.js";
import {rawJson} from "./chat.js";
import {leavesIn} from "./list.js";

const PLACES = [["delivered", "good"], ["queued", "wait"], ["held", "wait"], ["dropped", "dim"], ["dead_lettered", "bad"]];
const WORDS = {delivered: "delivered", queued: "on their way", held: "waiting for their trace", dropped: "dropped on purpose", dead_lettered: "dead letters"};
const EVERY_MS = 2000;

/** noveum_x{reason="y"} 3 as [y, 3], those that are not 0. */
function reasons(metrics, name) {
  return [...metrics.matchAll(new RegExp(`^${name}\\{\\w+="([^"]*)"\\} (\\d+)`, "gm"))].map(([, reason, count]) => [reason, Number(count)]).filter(([, count]) => count > 0);
}

const words = text => text.replaceAll("_", " ");
const table = (heads, rows) => h("div.table-frame", {tabindex: 0, role: "region", "aria-label": heads[0]}, h("table.wide", null, h("thead", null, h("tr", null, heads.map(name => h("th", {scope: "col"}, name)))), h("tbody", null, rows)));
const card = (title, note, ...content) => h("section.card", null, h("div.card-head", null, h("h2", null, title), note ? h("span.dim", null, note) : null), content);

export class GatewayView extends HTMLElement {
  connectedCallback() {
    this.advance = h("span.dim", {role: "status"}); // of what is done to all dead letters
    every(this, EVERY_MS, () => this.load());
  }

  async load() {
    try {
      const [status, metrics, dead, held, refused, names] = await Promise.all([get("/status"), getText("/metrics"), get("/api/dead"), get("/api/held"), get("/api/refused"), get("/api/names")]);
      this.draw(status, metrics, dead, held.held, refused.refused, names);
    } catch (error) {
      put(this, empty("The gateway does not answer", h("p", null, error.message)));
    }
  }

  draw(status, metrics, dead, held, refused, names) {
    const shape = JSON.stringify([dead, refused, held.map(({wait, ...row}) => [row, wait.reason])]);
    const opened = [...this.querySelectorAll("details")].map(box => box.open);
    const focused = document.activeElement?.dataset?.act;
    const scrolled = this.scrollTop;
    // tables that did not change stay, so that what one points at or has selected stays, too
    if (shape !== this.shape || !this.tables) {
      this.tables = {held: this.drawHeld(held), dead: this.drawDead(dead), refused: this.drawRefused(refused)};
      this.shape = shape;
      this.waits = held;
    }
    for (const [index, cell] of this.tables.held.querySelectorAll(".left").entries()) if (held[index]) cell.textContent = leavesIn(held[index].wait);
    put(this, h("div.page", null, this.drawHead(status), this.drawSpans(status),
      h("div.columns.three", null, this.drawDelivery(status), this.drawRequests(status, metrics), this.drawDisk(status, metrics)),
      this.tables.held, this.tables.dead, this.tables.refused, this.drawSeen(status, metrics, names),
      h("details.section", null, h("summary", null, "All of /status"), rawJson(status))));
    [...this.querySelectorAll("details")].forEach((box, i) => { box.open = opened[i] ?? false; });
    if (focused) this.querySelector(`[data-act="${CSS.escape(focused)}"]`)?.focus({preventScroll: true});
    this.scrollTop = scrolled;
  }

  drawHead(status) {
    return h("div.title", null, h("h1", null, "Gateway"), h(`span.badge.${status.ready ? "good" : "bad"}`, null, status.ready ? "ready" : status.ready_reason),
      h("span.push.dim", null, `version ${status.version} · up ${duration(status.uptime_ms)} · ${status.mode === "local" ? "local mode" : "delivers to Noveum"}`));
  }

  drawSpans({spans}) {
    const total = Math.max(1, spans.received);
    return card("Spans", `${number(spans.received)} received`,
      h("div.ledger", {role: "img", "aria-label": PLACES.map(([place]) => `${WORDS[place]}: ${spans[place]}`).join(", ")},
        PLACES.map(([place, tone]) => spans[place] ? h(`i.t-${tone}`, {title: `${WORDS[place]}: ${number(spans[place])}`, style: {flex: `${Math.max(spans[place] / total, 0.01)} 0 0`}}) : null)),
      h("div.stats.even", null, PLACES.map(([place, tone]) => h("div.stat", null, h("span.stat-label", null, h(`i.swatch.t-${tone}`), WORDS[place]), h("span.stat-value", null, number(spans[place])))),
        spans.rejected ? stat("rejected at the door", number(spans.rejected)) : null));
  }

  drawDelivery({exporter, mode, spans}) {
    return card(mode === "local" ? "Files" : "Delivery", null,
      h("div.stats", null, stat("state", words(exporter.state)), stat("in the queue", number(exporter.queued_traces), "traces"), stat("on disk", number(exporter.outbox_records), "traces"), stat("dead letters", number(spans.dead_lettered), "spans"),
        exporter.last_delivery_time ? stat("last delivered", when(Date.parse(exporter.last_delivery_time))) : null,
        exporter.next_try_ms ? stat("next try in", duration(exporter.next_try_ms)) : null),
      exporter.reason ? h("p.problem", null, exporter.reason) : null,
      exporter.last_error ? h("p.dim", null, "last error: ", bdi(exporter.last_error), exporter.last_error_time ? [", ", when(Date.parse(exporter.last_error_time))] : null) : null);
  }

  drawRequests(status, metrics) {
    const counts = reasons(metrics, "noveum_requests_refused_total");
    return card("Requests", null,
      h("div.stats", null, stat("over HTTP", number(status.receiver.requests)), stat("over gRPC", number(status.receiver_grpc.requests)), stat("refused", number(counts.reduce((sum, [, n]) => sum + n, 0))),
        stat("connections", number(status.receiver.connections + status.receiver_grpc.connections))),
      h("p.dim.addresses", null, status.listen.http ? ["OTLP/HTTP ", h("code", null, status.listen.http), " "] : null, status.listen.grpc ? ["gRPC ", h("code", null, status.listen.grpc)] : null));
  }

  drawDisk({journal}, metrics) {
    const one = name => Number(new RegExp(`^${name} (\\d+)`, "m").exec(metrics)?.[1] ?? 0);
    return card("Disk", journal.encrypted ? "encrypted" : null,
      h("div.stats", null, stat("journal", bytes(journal.bytes)), stat("live records", number(journal.records)), journal.damaged ? stat("damaged", number(journal.damaged)) : null,
        stat("kept for this page", short(one("noveum_store_traces_total")), "traces since the start"), one("noveum_store_dropped_total") ? stat("missed by it", short(one("noveum_store_dropped_total"))) : null),
      journal.refusing ? h("p.problem", null, String(journal.refusing)) : null);
  }

  // ---- what waits, what failed, who was refused

  drawHeld(held) {
    if (!held.length) return card("Held traces", null, h("p.dim", null, "None. A trace is held until nothing of it can be missing; that is mostly a second after its last span."));
    return card("Held traces", `${number(held.length)}${held.length >= 50 ? " newest" : ""}`, table(["Trace", "Why it waits", "Has come", "Last span", "Unless more comes"], held.map(one => h("tr", null,
      h("td", null, h("a.with-icon", {href: link("trace", [one.trace_id], {held: "yes"})}, kindIcon(one.kind || "span"), bdi(one.name)), one.service ? h("div.dim", null, bdi(one.service)) : null),
      h("td.long", null, one.wait.text), h("td", null, `${counted(one.wait.spans, "span")}${one.wait.log_records ? `, ${number(one.wait.log_records)} log records` : ""}, ${bytes(one.wait.bytes)}`),
      h("td", null, when(one.wait.last_ms)), h("td", {title: moment(one.wait.until_ms)}, h("span.left", null, leavesIn(one.wait)))))));
  }

  /** All dead letters, a slice after the other, so that one sees how far it is. */
  async actOnAll(verb) {
    let done = 0, slice = {after: 0, last: 0, left: 1};
    this.acting = true; // buttons stay disabled when the table is drawn anew
    try {
      while (slice.left > 0) {
        slice = await post(`/api/dead/${verb}`, {id: "all", after: slice.after, last: slice.last});
        done += slice.done;
        this.advance.textContent = `${verb === "drop" ? "Drop" : "Retry"}: ${number(done)} done, ${number(slice.left)} left`;
      }
    } finally {
      this.acting = false;
    }
  }

  async act(verb, id, button) {
    const row = button.closest("tr, .card-head");
    for (const other of row.querySelectorAll("button")) other.disabled = true;
    try {
      if (id === "all") await this.actOnAll(verb);
      else await post(`/api/dead/${verb}`, {id});
      this.shape = null;
      await this.load();
    } catch (error) {
      for (const other of row.querySelectorAll("button")) other.disabled = false;
      button.after(h("p.problem", {role: "alert"}, error.message));
    }
  }

  /** What can't be undone asks twice: the button itself becomes the question. */
  button(verb, id, label, sure) {
    const button = h(`button.small${verb === "drop" ? ".danger" : ""}`, {
      type: "button", data: {act: `${verb}-${id}`},
      onclick: () => {
        if (!sure || button.dataset.sure) return this.act(verb, id, button);
        button.dataset.sure = "yes";
        button.lastChild.textContent = sure;
        setTimeout(() => { delete button.dataset.sure; button.lastChild.textContent = label; }, 4000);
      }}, icon(verb), h("span", null, label));
    return button;
  }

  drawDead({letters, total}) {
    if (!total) return card("Dead letters", null, this.advance, h("p.dim", null, "None. What can't be delivered as it is, because it was refused or can't be translated, is kept here until somebody decides."));
    const section = card("Dead letters", `${number(total)}${total > letters.length ? `, the oldest ${letters.length} are shown` : ""}`, table(["Trace", "Why", "What was said", "Spans", "Since", ""], letters.map(one => h("tr", null,
      h("td", null, h("a", {href: link("trace", [one.trace_id])}, bdi(one.name || one.trace_id))), h("td", null, words(one.reason)), h("td.long", null, bdi(one.why)), h("td", null, number(one.spans)),
      h("td", null, when(Date.parse(one.time))), h("td.acts", null, this.button("retry", one.id, "Retry"), this.button("drop", one.id, "Drop", "Drop for good?"))))));
    section.querySelector(".card-head").append(h("span.push.acts", null, this.advance, this.button("retry", "all", "Retry all"), this.button("drop", "all", "Drop all", `Drop ${number(total)} for good?`)));
    if (this.acting) for (const button of section.querySelectorAll("button")) button.disabled = true;
    return section;
  }

  drawRefused(refused) {
    if (!refused.length) return card("Refused requests", null, h("p.dim", null, "None since the start."));
    return card("Refused requests", "the newest, of this process", table(["Sender", "What was wrong, and what to do", "Times", "Last"], refused.map(one => h("tr", null,
      h("td", null, one.sender ? bdi(one.sender) : h("span.dim", null, "not known"), h("div.dim", null, one.protocol === "grpc" ? "gRPC" : "HTTP")),
      h("td.long", null, chip(words(one.reason)), " ", bdi(one.message)), h("td", null, number(one.count)), h("td", null, when(one.last_ms))))));
  }

  // ---- who sends

  drawSeen({services}, metrics, names) {
    const masked = reasons(metrics, "noveum_redacted_total");
    return h("div.columns", null,
      names.convention?.length ? card("Conventions seen", "by traces", h("div.bars", null, names.convention.map(one => bar(one.name, one.traces, names.convention[0].traces, link("traces", [], {convention: one.name}))))) : null,
      masked.length ? card("Masked", "by rule, since the start", h("div.bars", null, masked.sort((a, b) => b[1] - a[1]).slice(0, 12).map(([rule, count]) => bar(rule, count, Math.max(...masked.map(([, n]) => n)))))) : null,
      services.length ? card("Services", `${number(services.length)}`, table(["Service", "Seen", "Learned"], services.slice(0, 100).map(service => h("tr", null, h("td", null, bdi(service.name)), h("td", null, `${duration(service.seen_ms_ago)} ago`),
        h("td.dim", null, [service.logs ? "sends log records" : null, service.distributed ? "has parts elsewhere" : null, service.remote_parents_missing ? "parents never come" : null].filter(Boolean).join(", ") || "–"))))) : null);
  }
}

function bar(name, count, most, href) {
  return h("div.bar-row", null, href ? h("a", {href}, bdi(name)) : bdi(name), h("span.bar-space", null, h("i", {style: {width: `${Math.max(2, 100 * count / most)}%`}})), h("span.bar-count", null, number(count)));
}
