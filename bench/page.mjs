// What a person waits for, in Chromium: a line of JSON [name, value, unit] for each figure; the
// line "burst" asks bench/page.py for 1,000 traces.
//
// usage: node page.mjs ORIGIN CHROMIUM TRACE_ID
import {createRequire} from "node:module";

const require = createRequire(`${process.env.NODE_PATH}/`);
const {chromium} = require("playwright-core");
const [origin, executablePath, id] = process.argv.slice(2);
const RUNS = 5;

const tell = (name, value, unit = "ms") => console.log(JSON.stringify([name, value, unit]));
const middle = list => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
const browser = await chromium.launch({executablePath, args: ["--no-sandbox"]});
const page = await browser.newPage({viewport: {width: 1440, height: 900}});
const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);

/** From the change of the address until `selector` is there and two frames were drawn. */
async function until(hash, selector) {
  await page.evaluate(() => { location.hash = "#/agents"; });
  await page.waitForSelector("agents-view");
  return page.evaluate(([to, what]) => new Promise(done => {
    const began = performance.now();
    const look = () => {
      if (document.querySelector(what)) requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
      else setTimeout(look, 1);
    };
    location.hash = to;
    look();
  }), [hash, selector]);
}

async function median(hash, selector) {
  const times = [];
  for (let i = 0; i < RUNS; i++) times.push(await until(hash, selector));
  return middle(times);
}

const began = Date.now();
await page.goto(`${origin}/#/traces`);
await page.waitForSelector(".trace-row");
tell("page opened, cold", Date.now() - began);
tell("list in the browser", await median("#/traces", ".trace-row"));
tell("nodes, list", await nodes(), "");
tell("trace of 1,000 spans, to interactive", await median(`#/trace/${id}?view=timeline`, ".span-row.selected"));
tell("nodes, trace of 1,000 spans", await nodes(), "");
tell("sessions in the browser", await median("#/sessions", ".session-card"));
tell("overview in the browser", await median("#/overview", ".plot .column"));

// a burst: the list stays where one reads it, and takes the new ones without a reload
await until("#/traces", ".trace-row");
let lists = 0;
page.on("request", request => { if (/\/api\/traces\?(?!.*newer=)/.test(request.url())) lists++; });
await page.evaluate(() => new Promise(drawn => {
  const rows = document.querySelector(".rows");
  rows.addEventListener("scroll", () => requestAnimationFrame(drawn), {once: true});
  rows.scrollTop = 3000;
}));
const seen = () => page.evaluate(() => document.elementFromPoint(700, 500).closest(".trace-row").getAttribute("href"));
const before = await seen();
console.log("burst");
await page.waitForSelector(".pill:not([hidden])", {timeout: 120000});
await page.waitForFunction(() => /^(\d{3,}|500\+)/.test(document.querySelector(".pill").textContent), null, {timeout: 120000});
tell("lists asked anew in a burst of 1,000", lists, "");
tell("rows that moved in the burst", before === await seen() ? 0 : 1, "");
tell("nodes after the burst", await nodes(), "");
await browser.close();
