// Views that are read anew when traces have come.

const NEWS_MS = 1000; // a burst of news is one load, so long after the last of it

/** `load()` reads and draws the view. */
export class LiveView extends HTMLElement {
  connectedCallback() {
    this.load();
  }

  news() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.isConnected && this.load(), NEWS_MS);
  }
}
