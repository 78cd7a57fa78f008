// Elements, and how numbers and times are written.
//
// Nothing here or elsewhere in the page parses markup: texts of traces become text nodes, attributes
// are set from fixed names. That is the whole defence against what a prompt may hold, and the policy
// in gateway/admin/page.c sees to it that it stays so.

const SVG = "http://www.w3.org/2000/svg";

/** An element: h("div.name", {title: "x", onclick: f}, child, "text", [more]). */
export function h(what, properties, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  return fill(element, properties, children);
}

/** The same in SVG. */
export function svg(what, properties, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElementNS(SVG, tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  return fill(element, properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || (value === false && !name.startsWith("aria-"))) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
  }
  add(element, children);
  return element;
}

/** Appends elements, texts and lists of them; null and false are nothing. */
function add(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** Replaces all that is in an element. */
export function put(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

/** A text of a client's, kept from turning the text around it (bidi marks). */
export const bdi = (text, what = "bdi") => h(what, {dir: "auto"}, text);

// ---- icons: paths of a 16 by 16 grid, drawn with currentColor

const ICONS = {
  llm: "M8 1.5l1.7 4.3 4.3 1.7-4.3 1.7L8 13.5 6.300 9.200 2 7.500l4.300-1.700z",
  agent: "M5 6.500h6a2 2 0 0 1 2 2v3a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-3a2 2 0 0 1 2-2zM8 6.500V3.500M8 2.500v.5M6 9.500v1M10 9.500v1",
  tool: "M10.500 2.500a3.500 3.500 0 0 0-3.300 4.700L2.500 11.900l1.600 1.600 4.700-4.700a3.500 3.500 0 0 0 4.500-4.500L11.200 6.400 9.600 4.800l2.100-2.100a3.500 3.500 0 0 0-1.200-.2z",
  retrieval: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l3.500 3.500",
  embedding: "M3 3h4v4H3zM9 3h4v4H9zM3 9h4v4H3zM9 9h4v4H9z",
  rerank: "M3 4h10M3 8h7M3 12h4",
  chain: "M6.500 9.500l3-3M7 4.500l1.500-1.500a2.800 2.800 0 0 1 4 4L11 8.500M9 11.500L7.500 13a2.800 2.800 0 0 1-4-4L5 7.500",
  span: "M2.500 8h3l1.500-4 2.500 8 1.500-4h2.500",
  stt: "M8 2.500v7M5.500 5v2.500M10.500 5v2.500M3 6v.5M13 6v.5M8 9.500v4",
  tts: "M3 6.500v3h2.500L9 12.500v-9L5.500 6.500zM11 6a3 3 0 0 1 0 4",
  session: "M2.500 4a1.500 1.500 0 0 1 1.500-1.500h8A1.500 1.500 0 0 1 13.500 4v5A1.500 1.500 0 0 1 12 10.500H7L4 13v-2.500A1.500 1.500 0 0 1 2.500 9z",
  list: "M2.500 4h11M2.500 8h11M2.500 12h11",
  chart: "M2.500 13.500h11M4.500 11V7.500M8 11V3.500M11.500 11V6",
  gateway: "M8 2.500v3M8 10.500v3M2.500 8h3M10.500 8h3M8 5.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
  graph: "M4 5.500a1.700 1.700 0 1 0 0-3.400 1.700 1.700 0 0 0 0 3.400zM12 9.700a1.700 1.700 0 1 0 0-3.400 1.700 1.700 0 0 0 0 3.400zM4 13.900a1.700 1.700 0 1 0 0-3.400 1.700 1.700 0 0 0 0 3.400zM5.600 4.500l4.800 2.800M5.600 11.600l4.800-2.900",
  error: "M8 2.500l6 10.500H2zM8 6.500v3M8 11v.5",
  back: "M9.500 3.500L5 8l4.500 4.500",
  text: "M2.500 12.500v-9l3 4 3-4v9M12 4.500v7.500M9.800 9.800l2.200 2.200 2.200-2.200",
  up: "M4 10l4-4 4 4",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.500 5.500h7v7h-7zM3.500 10.500v-7h7",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l3.500 3.500",
  user: "M8 8a2.700 2.700 0 1 0 0-5.400A2.700 2.700 0 0 0 8 8zM3 13.500a5 5 0 0 1 10 0",
  gear: "M3 4.500h6M12 4.500h1M3 11.500h1M7 11.500h6M10.500 3v3M5.500 10v3",
  theme: "M8 2.500a5.500 5.500 0 1 0 5.500 6.300A4.300 4.300 0 0 1 8 2.500z",
  help: "M6 6a2 2 0 1 1 2.700 1.900c-.5.200-.7.600-.7 1.100v.5M8 11.700v.3",
  clock: "M8 2.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11zM8 5v3.200l2.200 1.300",
  compare: "M2.500 3.500h4.500v9H2.500zM9 3.500h4.500v9H9z",
  shield: "M8 2l5 2v3.500c0 3-2 5.300-5 6.500-3-1.200-5-3.500-5-6.500V4z",
  retry: "M13 8a5 5 0 1 1-1.500-3.500M13 2.500v2.800h-2.800",
  drop: "M3.500 4.500h9M6.500 4.500v-1.500h3v1.500M4.800 4.500l.5 8.500h5.400l.5-8.500",
  save: "M8 2.500v7M5 7l3 3 3-3M3 13h10",
};

/** An icon; it says nothing to screen readers. */
export function icon(name) {
  return svg("svg.icon", {viewBox: "0 0 16 16", "aria-hidden": "true", data: {icon: name}},
    svg("path", {d: ICONS[name] ?? ICONS.span}));
}

// ---- numbers

export const number = n => n === null || n === undefined ? "–" : Math.round(n).toLocaleString("en-US");

/** "1 span", "2 spans". */
export const counted = (n, what) => `${number(n)} ${what}${n === 1 ? "" : "s"}`;

/** 1,234 as 1.2k: for what is read at a glance. */
export function short(n) {
  if (n === null || n === undefined) return "–";
  if (n < 1000) return String(Math.round(n));
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (n >= size) return (n / size).toFixed(n < 10 * size ? 1 : 0).replace(/\.0$/, "") + unit;
  return String(n);
}

/** "120 → 45", tokens in and out; a dash where neither is known. */
export const inOut = (input, output, write = number) => (input ?? output ?? null) === null ? "–" : `${write(input ?? 0)} → ${write(output ?? 0)}`;

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 0.001) return "0 ms";
  if (ms < 1) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
  if (ms < 3600000) return `${Math.floor(ms / 60000)} min ${Math.round(ms % 60000 / 1000)} s`;
  if (ms >= 48 * 3600000) return `${number(ms / 86400000)} days`;
  return `${Math.floor(ms / 3600000)} h ${Math.round(ms % 3600000 / 60000)} min`;
}

/** Dollars; what is not known is a dash, what is small keeps two digits that count. */
export function money(usd) {
  if (usd === null || usd === undefined) return "–";
  if (usd === 0) return "$0";
  if (usd >= 100) return "$" + usd.toLocaleString("en-US", {maximumFractionDigits: 0});
  if (usd >= 0.01) return "$" + usd.toFixed(usd < 1 ? 3 : 2);
  const digits = Math.min(9, 1 - Math.floor(Math.log10(usd)));
  return "$" + usd.toFixed(digits);
}

export function bytes(n) {
  if (n === null || n === undefined) return "–";
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]])
    if (n >= size) return `${(n / size).toFixed(1)} ${unit}`;
  return `${n} B`;
}

// ---- times, in the reader's zone

export const clock = ms => new Date(ms).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit"});
export const day = ms => new Date(ms).toLocaleDateString([], {day: "numeric", month: "short"});
export const moment = ms => new Date(ms).toLocaleString([], {dateStyle: "medium", timeStyle: "medium"});

function ago(ms) {
  const s = (Date.now() - ms) / 1000;
  if (s < 0) return moment(ms);
  if (s < 60) return s < 5 ? "now" : `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return `${day(ms)}, ${clock(ms).slice(0, 5)}`;
}

export const when = ms => h("time", {datetime: new Date(ms).toISOString(), title: moment(ms)}, ago(ms));

// ---- small pieces that several views have

export const chip = (text, properties, name = "span.chip") => h(name, {title: text, ...properties}, bdi(text));
export const kindIcon = kind => h(`span.kind.k-${kind}`, {title: kind}, icon(kind));
export const stat = (label, value, title) => h("div.stat", {title}, h("span.stat-label", null, label), h("span.stat-value", null, value));
export const empty = (title, ...more) => h("div.empty", null, h("p.empty-title", null, title), more);

/** A button that copies what `make` gives and says so. */
export function copyButton(label, make) {
  const button = h("button.quiet", {
    type: "button", title: `Copy ${label}`,
    async onclick(event) {
      event.stopPropagation();
      await navigator.clipboard.writeText(await make());
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 1200);
    },
  }, icon("copy"), h("span", null, label));
  return button;
}

/** The same request in a shell; `path` is of api.js' address(), which leaves no quote in it. */
export const curlButton = path => copyButton("curl", () => `curl '${location.origin}${path}'`);

export const download = (name, text) => saveFile(name, text, "application/json");

export function saveFile(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], {type}));
  h("a", {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
