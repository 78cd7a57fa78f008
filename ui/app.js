// The frame: bar, views by address, keys, theme.

import {h, icon, put} from "./dom.js";
import {follow, onTokenWanted, readRoute, link} from "./api.js";
import {TraceList} from "./list.js";
import {TraceView} from "./trace.js";
import {CompareView} from "./compare.js";
import {SessionList, SessionView} from "./session.js";
import {AgentsView} from "./agents.js";
import {OverviewView} from "./overview.js";
import {GatewayView} from "./gateway.js";
import {showHelp, showTokenDialog} from "./dialogs.js";

const VIEWS = {
  traces: {element: TraceList, tag: "trace-list", title: "Traces", icon: "list"},
  sessions: {element: SessionList, tag: "session-list", title: "Sessions", icon: "session"},
  overview: {element: OverviewView, tag: "overview-view", title: "Overview", icon: "chart"},
  agents: {element: AgentsView, tag: "agents-view", title: "Agents", icon: "graph"},
  gateway: {element: GatewayView, tag: "gateway-view", title: "Gateway", icon: "gateway"},
  trace: {element: TraceView, tag: "trace-view", title: "Trace", under: "traces"},
  compare: {element: CompareView, tag: "compare-view", title: "Compare", under: "traces"},
  session: {element: SessionView, tag: "session-view", title: "Session", under: "sessions"},
};

for (const view of Object.values(VIEWS)) customElements.define(view.tag, view.element);

const bar = document.getElementById("bar");
const main = document.getElementById("main");
let current = null;
let currentKey = "";

// ---- theme: the system's, unless chosen otherwise

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function toggleTheme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("theme", dark ? "light" : "dark");
  setTheme(localStorage.getItem("theme"));
}

setTheme(localStorage.getItem("theme"));

// ---- bar

const live = h("span.live", {role: "status", title: "New traces appear by themselves"}, h("i"), h("span", null, "connecting"));

function drawBar(active) {
  const items = Object.entries(VIEWS).filter(([, view]) => view.icon).map(([name, view]) =>
    h("a.nav", {href: link(name), "aria-current": name === active ? "page" : null}, icon(view.icon), h("span", null, view.title)));
  put(bar,
    h("a.brand", {href: link("traces"), title: "Noveum OpenTelemetry gateway"},
      h("img", {src: "/ui/icon.svg", alt: "", width: 22, height: 22}), h("span", null, "Noveum gateway")),
    h("nav", {"aria-label": "Views"}, items),
    h("div.bar-end", null, live,
      h("button.quiet", {type: "button", title: "Light or dark", "aria-label": "Light or dark", onclick: toggleTheme}, icon("theme")),
      h("button.quiet", {type: "button", title: "Keys (?)", "aria-label": "Help", onclick: showHelp}, icon("help"))));
}

function setLive(state) {
  live.classList.toggle("on", state === "live");
  live.classList.toggle("lost", state === "lost");
  live.lastChild.textContent = state === "live" ? "live" : "no connection";
}

// ---- views

function show() {
  const route = readRoute();
  const view = VIEWS[route.view] ?? VIEWS.traces;
  const key = [route.view, ...route.rest].join("/");
  drawBar(view.under ?? route.view);
  document.title = `${view.title} · Noveum gateway`;
  if (key === currentKey && current?.route) {
    current.route(route);
    return;
  }
  currentKey = key;
  current = document.createElement(view.tag);
  current.start = route;
  put(main, current);
}

addEventListener("hashchange", show);

// ---- keys: each view has its own, see dialogs.js for the list

addEventListener("keydown", event => {
  const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typing) {
    if (event.key !== "Escape") return;
    event.preventDefault(); // a browser would empty the field
    event.target.blur();
    return;
  }
  if (event.key === "?") showHelp();
  else if (event.key === "/" && main.querySelector("input[type=search]")) main.querySelector("input[type=search]").focus();
  else if (!current?.key?.(event)) return;
  event.preventDefault();
});

onTokenWanted(showTokenDialog);
show();
follow({traces: last => current?.news?.(last), held: () => current?.heldNews?.(), state: setLive}, new AbortController().signal);
