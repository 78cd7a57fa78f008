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

// CPU time of the page's own thread: what the machine does besides does not count in it
const devtools = await page.context().newCDPSession(page);
await devtools.send("Performance.setTimeDomain", {timeDomain: "threadTicks"});
await devtools.send("Performance.enable");
const spent = async () => 1000 * (await devtools.send("Performance.getMetrics")).metrics.find(one => one.name === "TaskDuration").value;

/** From the change of the address until `selector` is there and two frames were drawn. */
async function until(hash, selector) {
  await page.evaluate(() => { location.hash = "#/trace/none"; });
  await page.waitForSelector(".empty-title");
  const before = await spent();
  const ms = await page.evaluate(([to, what]) => new Promise(done => {
    const began = performance.now();
    const look = () => {
      if (document.querySelector(what)) requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
      else setTimeout(look, 1);
    };
    location.hash = to;
    look();
  }), [hash, selector]);
  return {ms, cpu: await spent() - before};
}

/** The middle of some, and the CPU time of the page in it. */
async function tellMedian(name, hash, selector) {
  const looks = [];
  for (let i = 0; i < RUNS; i++) looks.push(await until(hash, selector));
  tell(name, middle(looks.map(look => look.ms)));
  tell(`  ${name}, CPU`, middle(looks.map(look => look.cpu)));
}

const began = Date.now();
await page.goto(`${origin}/#/traces`);
await page.waitForSelector(".trace-row");
tell("page opened, cold", Date.now() - began);
await tellMedian("list in the browser", "#/traces", ".trace-row");
tell("nodes, list", await nodes(), "");
await tellMedian("trace of 1,000 spans, to interactive", `#/trace/${id}?view=timeline`, ".span-row.selected");
tell("nodes, trace of 1,000 spans", await nodes(), "");
await tellMedian("sessions in the browser", "#/sessions", ".session-card");
await tellMedian("overview in the browser", "#/overview", ".plot .column");

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
