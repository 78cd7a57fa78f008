// Sessions, and one session as a conversation across its traces.

import {h, icon, put, bdi, number, counted, short, duration, money, moment, when, empty, stat, chip, kindIcon, copyButton, curlButton, download} from "./dom.js";
import {address, get, getText, link} from "./api.js";
import {longText} from "./chat.js";
import {LiveView} from "./live.js";
import {chunks} from "./scroll.js";

export class SessionList extends LiveView {
  async load() {
    let sessions;
    try {
      ({sessions} = await get("/api/sessions"));
    } catch (error) {
      put(this, empty("Sessions can't be read", h("p", null, error.message)));
      return;
    }
    if (sessions.length === 0) {
      put(this, empty("No sessions yet", h("p", null, "A session is what several traces name as the same conversation: the attribute ", h("code", null, "session.id"), " or ", h("code", null, "gen_ai.conversation.id"), ".")));
      return;
    }
    put(this, h("div.page", null, h("h1", null, "Sessions"), h("div.cards", null, chunks(sessions.map(one => () => h("a.session-card", {href: link("session", [one.session])},
      h("div.line", null, icon("session"), bdi(one.session, "bdi.name"), one.errors ? h("span.badge.bad", null, `${one.errors} with errors`) : null, h("span.push.dim", null, when(one.last_ms))),
      one.question ? h("div.line.dim", null, h("span.said", null, "Q"), bdi(one.question.replace(/\s+/g, " "))) : null,
      h("div.line.dim.facts-line", null, h("span", null, counted(one.traces, "trace")), h("span", null, `${short(one.tokens)} tokens`), h("span", null, money(one.cost)),
        one.user ? h("span", null, "user ", bdi(one.user)) : null, one.service ? bdi(one.service) : null)))))));
  }
}

export class SessionView extends LiveView {
  async load() {
    const session = this.start.rest[0];
    let page;
    try {
      page = await get("/api/traces", {session, sort: "time", order: "asc", limit: 500});
    } catch (error) {
      put(this, empty("The session can't be read", h("p", null, error.message)));
      return;
    }
    const {traces, total, next} = page;
    if (traces.length === 0) {
      put(this, empty("This session is not here", h("p", null, "No trace that is kept names it."), h("a", {href: link("sessions")}, "All sessions")));
      return;
    }
    put(this, h("div.page.narrow", null,
      h("div.title", null, h("a.quiet.button", {href: link("sessions"), "aria-label": "All sessions"}, icon("back")), h("h1", null, bdi(session)),
        h("div.actions", null, h("a.quiet.button", {href: link("traces", [], {session})}, icon("list"), h("span", null, "as a list")), copyButton("link", () => location.href),
          curlButton(address("/api/traces", {session, sort: "time", order: "asc"})),
          h("button.quiet", {type: "button", title: "Download its traces as JSON", onclick: event => this.save(event.currentTarget, session, traces)}, icon("save"), h("span", null, "save")))),
      h("div.stats", null, stat("traces", number(total.traces)), stat("with errors", number(total.errors)), stat("tokens", number(total.tokens)), stat("cost", money(total.cost)),
        stat("from", moment(traces[0].start_ms)), stat("to", moment(traces.at(-1).start_ms))),
      h("div.turns", null, chunks(traces.map(trace => () => this.turn(trace)))), next ? h("p.dim", null, "Only the first 500 traces are shown.") : null));
  }

  /** All its traces as one JSON array, asked for one after the other. */
  async save(button, session, traces) {
    const label = button.lastChild;
    const texts = [];
    for (const [index, trace] of traces.entries()) {
      label.textContent = `${index + 1} of ${traces.length}`;
      const text = await getText("/api/trace", {id: trace.trace_id}).catch(() => null); // it may have gone meanwhile
      if (text !== null) texts.push(text);
    }
    download(`session-${session.replace(/[^\w.-]+/g, "_").slice(0, 80)}.json`, `[${texts.join(",\n")}]\n`);
    label.textContent = "save";
  }

  turn(trace) {
    const failed = trace.error_count > 0 || trace.status !== "ok";
    return h("section.turn-pair", null,
      h("a.turn-head", {href: link("trace", [trace.trace_id])}, kindIcon(trace.kind || "span"), bdi(trace.name, "bdi.name"), failed ? h("span.badge.bad", null, "error") : null, trace.model ? chip(trace.model) : null,
        h("span.push.dim", null, `${duration(trace.duration_ms)} · ${money(trace.cost)} · `, when(trace.start_ms))),
      trace.question ? h("div.bubble.r-user", null, h("div.bubble-head", null, icon("user"), h("span.role", null, "user")), longText(trace.question)) : null,
      trace.answer ? h("div.bubble.r-assistant", null, h("div.bubble-head", null, icon("llm"), h("span.role", null, "assistant")), longText(trace.answer)) : null,
      !trace.question && !trace.answer ? h("p.dim", null, trace.status_message || "no text") : null);
  }
}
