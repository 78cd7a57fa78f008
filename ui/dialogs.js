// Dialogs: the keys, and the token that a guarded port asks for.

import {h, icon} from "./dom.js";

const KEYS = [
  ["/", "search"], ["j  k", "next, previous row or span"], ["Enter", "open"], ["h  l", "fold, unfold"],
  ["n  p", "next, previous match"], ["t", "timeline or transcript"], ["z  0", "zoom to the span, whole trace"], ["c", "compare two traces of the list"], ["Esc", "back"], ["?", "this list"],
];

function dialog(title, ...content) {
  const box = h("dialog", {"aria-label": title, onclose: () => box.remove(), onclick: event => event.target === box && box.close()},
    h("div.dialog", null,
      h("div.dialog-head", null, h("h2", null, title),
        h("button.quiet", {type: "button", "aria-label": "Close", onclick: () => box.close()}, icon("close"))),
      content));
  document.body.append(box);
  box.showModal();
  return box;
}

export function showHelp() {
  dialog("Keys", h("table.keys", null, h("tbody", null, KEYS.map(([keys, does]) =>
    h("tr", null, h("td", null, keys.split("  ").map(key => h("kbd", null, key))), h("td", null, does))))));
}

let asked = null;

/** One dialog for all requests that wait for the token. */
export function showTokenDialog(wrong) {
  asked ??= new Promise(done => {
    const input = h("input", {type: "password", autocomplete: "off", "aria-label": "Token", required: true});
    const box = dialog("This port asks for a token",
      h("form", {method: "dialog", onsubmit: () => { asked = null; done(input.value); }},
        h("p", null, wrong ? "That token is not the right one. " : "", "It is admin.token of the gateway's configuration, and is kept until this tab closes."),
        h("div.row", null, input, h("button.main", {type: "submit"}, "Continue"))));
    box.addEventListener("cancel", event => event.preventDefault());
    input.focus();
  });
  return asked;
}
