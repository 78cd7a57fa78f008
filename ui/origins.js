// Where the values of a span come from: which key won a field, what was left unmapped, what was
// masked before it was kept.

import {h, bdi, chip, put} from "./dom.js";
import {get} from "./api.js";
import {textOf} from "./model.js";

const MASK = /\*{3,}|\b[A-Z][A-Z_]+_[0-9a-f]{12}\b/; // docs/privacy.md
const AROUND = 40; // characters shown before and after what was masked

/** The flat list of /api/explain as {fields, kept} by span id. */
function bySpan(list) {
  const spans = new Map();
  let span = null, field = null;
  for (const [what, name, more] of list) {
    if (what === "span") spans.set(name, span = {kind: more, fields: [], kept: []});
    else if (what === "field") span.fields.push(field = {name, rows: []});
    else if (what === "kept") span.kept.push(name);
    else field.rows.push({verdict: what, key: name, place: more});
  }
  for (const one of spans.values()) one.fields = one.fields.filter(({rows}) => rows.some(({verdict}) => verdict === "won" || verdict === "took"));
  return spans;
}

/** Asked for once a trace, when a span wants it. */
export function origins(model) {
  model.origins ??= get("/api/explain", {id: model.json.trace_id}).then(bySpan, () => new Map());
  return model.origins;
}

function originRow({name, rows}) {
  const won = rows.filter(({verdict}) => verdict === "won" || verdict === "took");
  const lost = [...new Map(rows.filter(({verdict, key}) => verdict === "lost" && !won.some(one => one.key === key)).map(one => [one.key, one])).values()];
  const line = (one, what) => h(`div.${what}`, {title: what === "won" ? "its value is the field's" : "offered a value, another went before it"}, bdi(one.key), h("span.row-of", null, one.place));
  return h("div.origin", null, h("div.field", null, bdi(name)), h("div", null, won.map(one => line(one, "won")), lost.map(one => line(one, "lost"))));
}

/** What fills a section when it has come. */
function later(model, span, fill) {
  const box = h("div", null, h("p.dim", null, "…"));
  origins(model).then(all => put(box, fill(all.get(span.id))));
  return box;
}

export const whichKeyWon = (model, span) => later(model, span, one => one?.fields.length
  ? [h("p.dim", null, "Field, the key that won it, those that lost, and the row of the table that says so."), one.fields.map(originRow)]
  : h("p.dim", null, "Not known: the trace was kept without it, or its values came from nowhere else."));

export const leftUnmapped = (model, span) => later(model, span, one => one?.kept.length
  ? [h("p.dim", null, "No row of any convention takes these; they go out under their own keys."), h("div.chips", null, one.kept.map(key => chip(key)))]
  : h("p.dim", null, one ? "Nothing: every attribute has a field." : "Not known: the trace was kept without it."));

// ---- masked

/** "RULE KEY" lines of the trace as [{rule, key}]. */
export function maskedOf(model) {
  const list = model.json.attributes?.["noveum.gateway.redacted"];
  return (Array.isArray(list) ? list : []).map(line => ({rule: line.slice(0, line.indexOf(" ")), key: line.slice(line.indexOf(" ") + 1)}));
}

/** The text around what was masked, which is marked. */
function excerpt(text) {
  const found = MASK.exec(text);
  if (!found) return null;
  const from = Math.max(0, found.index - AROUND), to = Math.min(text.length, found.index + found[0].length + AROUND);
  return h("span", {dir: "auto"}, from ? "…" : "", text.slice(from, found.index), h("mark.masked", null, found[0]), text.slice(found.index + found[0].length, to), to < text.length ? "…" : "");
}

/** What was masked in this span: the rule, the key, and what stands around it; [] for nothing. */
export function maskedIn(model, span) {
  const places = [span.attributes, span.json.otel ?? {}, ...(span.json.events ?? []).map(event => event.attributes ?? {})];
  const out = [];
  for (const {rule, key} of maskedOf(model))
    for (const attributes of places) {
      if (!Object.hasOwn(attributes, key)) continue;
      const shown = excerpt(textOf(attributes[key]));
      if (shown) out.push({rule, key, shown});
    }
  return out;
}

export const maskedRows = list => h("table.facts", null, h("tbody", null, list.map(({rule, key, shown}) =>
  h("tr", null, h("td", null, h("code", null, bdi(key)), h("div.dim", null, `rule ${rule}`)), h("td", null, shown)))));
