// Virtual scrolling: only rows that are seen are in the document, however many there are.

import {h} from "./dom.js";

const SPARE = 8; // rows above and below that are drawn too

/**
 * A scroller of rows of one height. `draw(index)` makes a row; `near()` is called when the end comes
 * near. Rows are kept while they are seen, so that focus and selection stay.
 */
export class Rows {
  constructor(height, draw, near) {
    this.height = height;
    this.drawRow = draw;
    this.near = near;
    this.count = 0;
    this.drawn = new Map();
    this.space = h("div.rows-space");
    this.element = h("div.rows", {onscroll: () => this.request()}, this.space);
    new ResizeObserver(() => this.request()).observe(this.element);
  }

  /** There are `count` rows now. `same`: those that are drawn still show what they did. */
  update(count, same = false) {
    this.count = count;
    this.space.style.height = `${count * this.height}px`;
    if (!same) this.clear();
    this.draw();
  }

  clear() {
    for (const row of this.drawn.values()) row.remove();
    this.drawn.clear();
  }

  request() {
    this.wanted ??= requestAnimationFrame(() => { this.wanted = null; this.draw(); });
  }

  draw() {
    const {scrollTop, clientHeight} = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - SPARE);
    const last = Math.min(this.count, Math.ceil((scrollTop + clientHeight) / this.height) + SPARE);
    for (const [index, row] of this.drawn)
      if (index < first || index >= last) {
        row.remove();
        this.drawn.delete(index);
      }
    for (let index = first; index < last; index++) {
      if (this.drawn.has(index)) continue;
      const row = this.drawRow(index);
      row.style.transform = `translateY(${index * this.height}px)`;
      this.drawn.set(index, row);
      this.space.append(row);
    }
    if (this.near && last > this.count - 30) this.near();
  }

  /** Scrolls as little as is needed for row `index` to be seen. */
  reveal(index) {
    const top = index * this.height;
    const {scrollTop, clientHeight} = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.element.scrollTop = top + this.height - clientHeight;
    this.draw();
  }
}

// ---- blocks of differing heights

const CHUNK = 12; // blocks that come and go together
const GUESS = 90; // height of a block that was never seen
const NEAR = "800px 0px"; // what is so near is drawn too
const inside = new WeakMap(); // box of a chunk -> {make, nodes: kept while it is not drawn, drawn}

const near = new IntersectionObserver(entries => {
  for (const {target, isIntersecting} of entries) if (isIntersecting) drawChunk(target);
    else leaveChunk(target);
}, {rootMargin: NEAR, scrollMargin: NEAR});

function drawChunk(box) {
  const chunk = inside.get(box);
  if (chunk.drawn) return;
  chunk.drawn = true;
  box.style.height = "";
  if (chunk.nodes) box.append(...chunk.nodes);
  else box.append(...chunk.make());
  chunk.nodes = null;
}

function leaveChunk(box) {
  const chunk = inside.get(box);
  const height = box.offsetHeight; // 0: in something that is folded or not drawn itself
  if (!chunk.drawn || height === 0 || box.contains(document.activeElement)) return;
  chunk.drawn = false;
  chunk.nodes = [...box.childNodes];
  box.style.height = `${height}px`;
  box.replaceChildren();
}

/**
 * Boxes for blocks that `makers` make, of which only those near what is seen are in the document,
 * however many there are. `made(box)` is called when blocks were made.
 */
export function chunks(makers, made = () => {}) {
  const boxes = [];
  for (let at = 0; at < makers.length; at += CHUNK) {
    const few = makers.slice(at, at + CHUNK);
    const box = h("div.chunk", {style: {height: `${few.length * GUESS}px`}});
    const make = () => {
      const blocks = h("div", null, few.map(maker => maker()));
      made(blocks);
      return [...blocks.childNodes];
    };
    inside.set(box, {make, nodes: null, drawn: false});
    if (at === 0) drawChunk(box);
    near.observe(box);
    boxes.push(box);
  }
  return boxes;
}

/** What is not drawn now is made anew when it is. */
export function forgetChunks(element) {
  for (const box of element.querySelectorAll(".chunk")) inside.get(box).nodes = null;
}
