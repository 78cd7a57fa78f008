// The API of docs/api.md: requests, the token, and the stream of events.

let token = sessionStorage.getItem("token") ?? "";
let askForToken = null;

/** `ask` is called when the port wants a token; it gives one, or null. */
export function onTokenWanted(ask) {
  askForToken = ask;
}

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(path, options = {}) {
  const headers = token ? {Authorization: `Bearer ${token}`} : {};
  let reply;
  try {
    reply = await fetch(path, {...options, headers: {...headers, ...options.headers}});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The gateway does not answer. Is it running?");
  }
  if (reply.status === 401 && askForToken) {
    token = await askForToken(token !== "") ?? "";
    sessionStorage.setItem("token", token);
    return request(path, options);
  }
  if (!reply.ok) {
    const body = await reply.text();
    let message = body.trim();
    try {
      message = JSON.parse(body).error ?? message;
    } catch { /* a text is good enough */ }
    throw new ApiError(reply.status, message || `status ${reply.status}`);
  }
  return reply;
}

/** "/api/traces" and {search: "x", model: undefined} as an address. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export const getText = async (path, parameters, options) => (await request(address(path, parameters), options)).text();
export const getBytes = async (path, parameters) => new Uint8Array(await (await request(address(path, parameters))).arrayBuffer());
export const get = async (path, parameters, options) => (await request(address(path, parameters), options)).json();

let pageToken = null;

/** What changes something: `path` with `parameters`, and the token that only this origin can read. */
export async function post(path, parameters) {
  for (let again = pageToken !== null; ; again = false) {
    pageToken ??= (await get("/api/dead")).token;
    try {
      return await (await request(address(path, parameters), {method: "POST", headers: {"X-Noveum-Token": pageToken}})).json();
    } catch (error) {
      pageToken = null; // perhaps of a gateway that was started again meanwhile: its own is asked for once
      if (error.status !== 403 || !again) throw error;
    }
  }
}

/** Until somebody looks at the page: a browser has six connections for it, of all its tabs. */
async function seen() {
  while (document.hidden) await new Promise(changed => document.addEventListener("visibilitychange", changed, {once: true}));
}

/** Calls `work` every `ms` while `element` is in the document and somebody looks at it. */
export async function every(element, ms, work) {
  while (element.isConnected) {
    await seen();
    if (element.isConnected) await work();
    await pause(ms);
  }
}

const CROWD_MS = 2000; // an answer without news that comes sooner: too many wait already

/**
 * Calls `news.traces(last)` whenever there are traces past the last one, and `news.held()` when what
 * is held has changed, until `signal` aborts; `news.state` hears "live" and "lost". A page that nobody
 * looks at does not ask: a browser has six connections for it.
 */
export async function follow(news, signal) {
  let after = 0, held = 0, lost = false;
  while (!signal.aborted) {
    lost ||= document.hidden;
    await seen();
    try {
      const asked = Date.now();
      const text = await getText("/api/events", {after: lost ? 0 : after, held}, {signal});
      news.state("live");
      const data = /^data: (.*)$/m.exec(text);
      const told = data ? JSON.parse(data[1]) : {last: after, held};
      if (told.last < after) location.reload(); // another gateway, with a store of its own, and perhaps another page
      lost = false;
      const [more, other] = [told.last > after, told.held !== held];
      ({last: after, held} = told);
      if (other) news.held();
      if (more) await news.traces(after);
      await pause(data || Date.now() - asked > CROWD_MS ? 150 : CROWD_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      news.state("lost");
      lost = true;
      await pause(2000, signal);
    }
  }
}

function pause(ms, signal) {
  return new Promise(done => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); done(); }, {once: true});
  });
}

// ---- addresses of views: #/trace/ID?span=...

export function readRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/").map(decodeURIComponent);
  return {view: view || "traces", rest, parameters: Object.fromEntries(new URLSearchParams(query ?? ""))};
}

export const link = (view, rest = [], parameters = {}) =>
  address("#/" + [view, ...rest].map(encodeURIComponent).join("/"), parameters);

const OFTEN_MS = 150; // browsers take 20 changes of the address a second and no more
let changed = 0, later = null, pending = {};

/** Changes the parameters of the view's address in place, without a step in the history. */
export function remember(changes) {
  const {view, rest, parameters} = readRoute();
  clearTimeout(later);
  history.replaceState(null, "", link(view, rest, {...parameters, ...pending, ...changes}));
  pending = {};
  changed = Date.now();
}

/** The same of what changes with each key: at once, or a moment later when it just has. */
export function rememberSoon(changes) {
  if (Date.now() - changed > OFTEN_MS) return remember(changes);
  const place = location.hash.split("?")[0];
  clearTimeout(later);
  pending = {...pending, ...changes};
  later = setTimeout(() => {
    if (location.hash.split("?")[0] === place) remember({});
    pending = {};
  }, OFTEN_MS);
}

addEventListener("hashchange", () => { clearTimeout(later); pending = {}; });
