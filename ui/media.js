// Media of which a mark stands in the trace: what is a file of media.directory is fetched where it
// is looked at, and shown as a picture, played, or saved.
//
// What a file is says its mark; of that only pictures of the list here are drawn, from a blob that
// is nobody's address. Anything else is never opened by the page.

import {h, icon, put, bytes as size, saveFile} from "./dom.js";
import {getBytes} from "./api.js";
import {player} from "./audio.js";

const PICTURE = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;
const SOUND = /^audio\//;
const AT_ONCE = 20; // media of one text that are shown

const wanted = new WeakMap(); // element -> what is to be done when it is seen
const seen = new IntersectionObserver(entries => {
  for (const {target, isIntersecting} of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    wanted.get(target)();
  }
}, {rootMargin: "300px"});

const fetched = mark => getBytes("/api/media", {file: mark.file});
const named = mark => `${mark.mime}, ${size(mark.bytes)}`;
const problem = error => error.status === 404 ? "no longer kept in media.directory" : error.message;

function picture(mark) {
  const box = h("div.media", null, named(mark));
  wanted.set(box, async () => {
    try {
      const url = URL.createObjectURL(new Blob([await fetched(mark)], {type: mark.mime}));
      const done = () => URL.revokeObjectURL(url);
      const image = h("img.picture", {src: url, alt: `Picture of the trace: ${named(mark)}`, onload: done, onerror: () => { done(); put(box, `${named(mark)}: this browser can't show it `, saveButton(mark)); image.replaceWith(box); }});
      box.replaceWith(image);
    } catch (error) {
      put(box, `${named(mark)}: ${problem(error)}`);
    }
  });
  seen.observe(box);
  return box;
}

function saveButton(mark) {
  const note = h("span.dim", {role: "status"});
  return [h("button.quiet", {type: "button", title: "Download the file", async onclick() {
    try {
      saveFile(mark.file, await fetched(mark), "application/octet-stream");
    } catch (error) {
      put(note, problem(error));
    }
  }}, icon("save"), h("span", null, "save")), note];
}

/** What stands for a medium; `mark` is of marksOf(). */
export function medium(mark) {
  if (!mark.file) return h("div.media", null, `${named(mark)}${mark.cut ? ", cut by its sender" : ""}: not kept here`);
  if (PICTURE.test(mark.mime)) return picture(mark);
  if (SOUND.test(mark.mime)) return player({mime: mark.mime, load: () => fetched(mark)});
  return h("div.media", null, `${named(mark)} `, saveButton(mark));
}

/** Media whose marks stand in a text. */
export const mediaOf = marks => marks.slice(0, AT_ONCE).map(medium);
