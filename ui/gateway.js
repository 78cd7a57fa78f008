// What the gateway itself does: where every span is, what waits, who was refused.

import {h, put, bdi, number, short, bytes, duration, moment, stat, empty} from "./dom.js";
import {get, getText, link} from "./api.js";

const PLACES = [["delivered", "good"], ["queued", "wait"], ["held", "wait"], ["dropped", "dim"], ["dead_lettered", "bad"]];
const WORDS = {delivered: "delivered", queued: "on their way", held: "waiting for their trace", dropped: "dropped on purpose", dead_lettered: "dead letters"};
const EVERY_MS = 2000;

export class GatewayView extends HTMLElement {
  connectedCallback() {
    this.poll();
  }

  async poll() {
    while (this.isConnected) {
      if (!document.hidden) {
        try {
          const [status, metrics, dead] = await Promise.all([get("/status"), getText("/metrics"), get("/api/dead")]);
          this.draw(status, metrics, dead);
        } catch (error) {
          put(this, empty("The gateway does not answer", h("p", null, error.message)));
        }
      }
      await new Promise(done => setTimeout(done, EVERY_MS));
    }
  }

  /** noveum_x{reason="y"} 3 as [y, 3], those that are not 0. */
  reasons(metrics, name) {
    return [...metrics.matchAll(new RegExp(`^${name}\\{\\w+="([^"]*)"\\} (\\d+)`, "gm"))].map(([, reason, count]) => [reason, Number(count)]).filter(([, count]) => count > 0);
  }

  draw(status, metrics, dead) {
    const {spans, exporter, assembly, journal} = status;
    const one = name => Number(new RegExp(`^${name} (\\d+)`, "m").exec(metrics)?.[1] ?? 0);
    const total = Math.max(1, spans.received);
    const refused = this.reasons(metrics, "noveum_requests_refused_total");
    const opened = [...this.querySelectorAll("details")].map(box => box.open);
    put(this, h("div.page", null,
      h("div.title", null, h("h1", null, "Gateway"), h(`span.badge.${status.ready ? "good" : "bad"}`, null, status.ready ? "ready" : status.ready_reason), h("span.push.dim", null, `version ${status.version}, up ${duration(status.uptime_ms)}`)),
      h("section.card", null, h("h2", null, `${number(spans.received)} spans received`),
        h("div.ledger", {role: "img", "aria-label": PLACES.map(([place]) => `${WORDS[place]}: ${spans[place]}`).join(", ")},
          PLACES.map(([place, tone]) => spans[place] ? h(`i.t-${tone}`, {title: `${WORDS[place]}: ${number(spans[place])}`, style: {flex: `${Math.max(spans[place] / total, 0.01)} 0 0`}}) : null)),
        h("div.stats", null, PLACES.map(([place]) => stat(WORDS[place], number(spans[place]))), spans.rejected ? stat("rejected", number(spans.rejected)) : null)),
      h("div.columns", null,
        h("section.card", null, h("h2", null, "Waiting"),
          h("div.stats", null, stat("open traces", number(assembly.open_traces)), stat("their spans", number(assembly.held_spans)), stat("bytes", bytes(assembly.held_bytes)),
            assembly.open_traces ? stat("oldest for", duration(assembly.oldest_age_ms)) : null),
          h("p.dim", null, "A trace is held until nothing of it can be missing: its root has ended, no parent is awaited and its services are quiet.")),
        h("section.card", null, h("h2", null, status.mode === "local" ? "Files" : "Delivery"),
          h("div.stats", null, stat("state", exporter.state), stat("traces in the queue", number(exporter.queued_traces)), stat("on disk", number(exporter.outbox_records)), stat("dead letters", number(spans.dead_lettered)),
            exporter.last_delivery_time ? stat("last delivered", moment(Date.parse(exporter.last_delivery_time))) : null),
          exporter.reason ? h("p.problem", null, exporter.reason) : null, exporter.last_error ? h("p.dim", null, "last error: ", bdi(exporter.last_error)) : null),
        h("section.card", null, h("h2", null, "Requests"),
          h("div.stats", null, stat("over HTTP", number(status.receiver.requests)), stat("over gRPC", number(status.receiver_grpc.requests)), stat("refused", number(refused.reduce((sum, [, n]) => sum + n, 0)))),
          refused.length ? h("table.facts", null, h("tbody", null, refused.map(([reason, count]) => h("tr", null, h("td", null, reason.replaceAll("_", " ")), h("td.right", null, number(count)))))) : null,
          refused.length ? h("p.dim", null, "The log of the gateway names who sent them and why.") : null),
        h("section.card", null, h("h2", null, "Disk"),
          h("div.stats", null, stat("journal", bytes(journal.bytes)), stat("records", number(journal.records)), stat("damaged", number(journal.damaged)),
            stat("kept for this page", short(one("noveum_store_traces_total"))), stat("missed by it", short(one("noveum_store_dropped_total")))),
          journal.refusing ? h("p.problem", null, String(journal.refusing)) : null)),
      dead.total ? h("section.card", null, h("h2", null, `Dead letters (${number(dead.total)})`), h("table.wide", null,
        h("thead", null, h("tr", null, ["Id", "Trace", "Reason", "What was said", "Spans", "When"].map(name => h("th", null, name)))),
        h("tbody", null, dead.letters.map(one => h("tr", null, h("td", null, String(one.id)), h("td", null, h("a", {href: link("trace", [one.trace_id])}, bdi(one.name))), h("td", null, one.reason.replaceAll("_", " ")),
          h("td", {title: one.why}, bdi(one.why)), h("td", null, number(one.spans)), h("td", null, moment(Date.parse(one.time))))))),
        h("p.dim", null, h("code", null, "noveum-gateway dead retry ID"), " gives one another try, ", h("code", null, "dead drop ID"), " removes it for good.")) : null,
      status.services.length ? h("section.card", null, h("h2", null, "Services"), h("table.wide", null,
        h("thead", null, h("tr", null, ["Service", "Seen", "Content as log records", "Parts elsewhere"].map(name => h("th", null, name)))),
        h("tbody", null, status.services.slice(0, 100).map(service => h("tr", null, h("td", null, bdi(service.name)), h("td", null, `${duration(service.seen_ms_ago)} ago`),
          h("td", null, service.logs ? "yes" : "no"), h("td", null, service.distributed ? "yes" : "no")))))) : null,
      h("details.section", null, h("summary", null, "All of /status"), h("pre.raw", null, JSON.stringify(status, null, 2)))));
    [...this.querySelectorAll("details")].forEach((box, i) => { box.open = opened[i] ?? false; });
  }
}
