// Markdown of a model's answer, where one asks for it: headings, lists, quotes, tables, code,
// emphasis. A text is never parsed as HTML: each piece becomes a text node in an element that is
// made here. A link shows its text and its target, as text; an image the same: nothing is loaded
// and nothing leads elsewhere.

import {h, icon} from "./dom.js";

const INLINE = /(`+)([\s\S]+?)\1|\*\*([^\s*](?:[\s\S]*?[^\s*])?)\*\*|__([^\s_](?:[\s\S]*?[^\s_])?)__|\*([^\s*](?:[^*]*?[^\s*])?)\*|!?\[([^\]\n]*)\]\(([^)\s]*)(?:\s+"[^"]*")?\)/g;
const INLINE_MAX = 5000; // of one paragraph; a longer one stays as it is
const DEPTH_MAX = 6;
const LINE_MAX = 2000; // a longer line has no form: what tells forms may look at each pair of its characters

function inline(text, depth = 0) {
  if (text.length > INLINE_MAX || depth > DEPTH_MAX) return [text];
  const out = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > at) out.push(text.slice(at, found.index));
    const [whole, , code, strong, strong2, soft, label, target] = found;
    if (code !== undefined) out.push(h("code", null, code.trim() || code));
    else if (strong ?? strong2) out.push(h("strong", null, inline(strong ?? strong2, depth + 1)));
    else if (soft !== undefined) out.push(h("em", null, inline(soft, depth + 1)));
    else out.push(h("span.md-link", null, label || target), label && target ? h("span.dim", null, ` (${target})`) : null);
    at = found.index + whole.length;
  }
  if (at < text.length) out.push(text.slice(at));
  return out;
}

const cells = line => line.trim().replace(/^\||\|$/g, "").split("|").map(cell => cell.trim());

/** Lines from `at` on while `is` holds. */
function run(lines, at, is) {
  let end = at;
  while (end < lines.length && is(lines[end])) end++;
  return lines.slice(at, end);
}

const FENCE = /^\s{0,3}(```+|~~~+)\s*([\w+#.-]*)\s*$/;
const HEADING = /^(#{1,6})\s+(\S.*)$/s;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const TABLE_LINE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function list(items) {
  const numbered = /\d/.test(ITEM.exec(items[0])[2]);
  return h(numbered ? "ol" : "ul", null, items.map(line => {
    const [, space, , text] = ITEM.exec(line);
    return h("li", {style: {"margin-left": `${Math.min(6, space.length / 2) * 12}px`}}, inline(text));
  }));
}

const is = (form, line) => line.length <= LINE_MAX && form.test(line);

/** The elements of a text. */
export function markdown(text) {
  const lines = text.split(/\r?\n/);
  const out = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at];
    const fence = is(FENCE, line) && FENCE.exec(line);
    if (fence) {
      const body = run(lines, at + 1, one => !one.trim().startsWith(fence[1]));
      out.push(h("pre.md-code", {tabindex: 0}, body.join("\n")));
      at += body.length + 2;
    } else if (is(HEADING, line)) {
      const [, marks, title] = HEADING.exec(line);
      out.push(h("p.md-heading", {role: "heading", "aria-level": Math.min(6, marks.length + 2)}, inline(title.replace(/\s*#*$/, ""))));
      at++;
    } else if (is(ITEM, line)) {
      const items = run(lines, at, one => is(ITEM, one));
      out.push(list(items));
      at += items.length;
    } else if (line.startsWith(">")) {
      const quoted = run(lines, at, one => one.startsWith(">"));
      out.push(h("blockquote", null, inline(quoted.map(one => one.replace(/^>\s?/, "")).join("\n"))));
      at += quoted.length;
    } else if (line.includes("|") && is(TABLE_LINE, lines[at + 1] ?? "")) {
      const rows = run(lines, at + 2, one => one.includes("|"));
      out.push(h("table.md-table", null, h("thead", null, h("tr", null, cells(line).map(cell => h("th", null, inline(cell))))), h("tbody", null, rows.map(row => h("tr", null, cells(row).map(cell => h("td", null, inline(cell))))))));
      at += rows.length + 2;
    } else if (!line.trim()) {
      at++;
    } else {
      const paragraph = run(lines, at, one => one.trim() && !is(FENCE, one) && !is(HEADING, one) && !is(ITEM, one));
      out.push(h("p", null, inline((paragraph.length ? paragraph : [line]).join("\n"))));
      at += Math.max(1, paragraph.length);
    }
  }
  return h("div.markdown", {dir: "auto"}, out);
}

export const markdownOn = () => localStorage.getItem("markdown") === "on";

/** The switch, which is remembered; `changed` draws anew. */
export function markdownSwitch(changed) {
  const button = h("button.quiet.switch", {
    type: "button", "aria-pressed": markdownOn(), title: "Texts as they are, or as Markdown. Links and images stay text.",
    onclick() {
      localStorage.setItem("markdown", markdownOn() ? "off" : "on");
      button.setAttribute("aria-pressed", markdownOn());
      changed();
    },
  }, icon("text"), h("span", null, "Markdown"));
  return button;
}
