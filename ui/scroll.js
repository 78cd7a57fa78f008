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
