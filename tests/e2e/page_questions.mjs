// Answers to what people ask of a trace, read from the page as one sees it and never from raw
// JSON, for test_page_questions.py: one JSON object on standard output.
//
// usage: node page_questions.mjs ORIGIN CHROMIUM JSON_OF_TRACE_IDS
import {begin} from "./page_kit.mjs";

const [origin, executablePath, asked] = process.argv.slice(2);
const ids = JSON.parse(asked);
const {open, go, check, end} = await begin(origin, executablePath);
const page = await open();
const text = selector => page.locator(selector).first().innerText();
const ask = line => console.error(line); // the test does it
const trace = (id, view = "timeline") => go(page, `#/trace/${id}?view=${view}`, view === "timeline" ? ".span-row" : view === "transcript" ? ".bubble" : ".agent-box");

await check("what did the user ask", async () => {
  await trace(ids.handoff, "transcript");
  return text(".transcript .r-user");
});
await check("which tool failed and why", async () => {
  await trace(ids.toolError);
  return `${await text(".jump.bad")} ${await text(".panel .error-box")}`;
});
await check("which call was dearest", async () => {
  await trace(ids.dear);
  await page.locator(".jump", {hasText: "dearest"}).click();
  return `${await text(".jump:not(.bad)")} ${await text(".panel-head h2")}`;
});
await check("where did the time go", async () => {
  await trace(ids.handoff);
  return text(".share-words");
});
await check("what did agent B get from A", async () => {
  await trace(ids.handoff, "agents");
  return text(".handover");
});
await check("what did B get from A beside it", async () => {
  await trace(ids.beside, "agents");
  return [await text(".handover"), await text(".agents-pane tbody")];
});
await check("what a handoff asked for", async () => {
  await trace(ids.beside, "transcript");
  return text(".tool-call:has-text('transfer_to_agent')");
});
await check("how many cached tokens", async () => {
  await trace(ids.cached);
  return text(".trace-head .stat:has-text('cached')");
});
await check("which prompt version", async () => {
  await trace(ids.prompt);
  return `${await text(".trace-head .stat:has-text('prompt')")} ${await text(".panel .stat:has-text('prompt')")}`;
});
await check("what came before in this session", async () => {
  await trace(ids.later);
  await page.locator(".earlier summary").click();
  return text(".session-strip");
});
await check("why is this trace not sent yet", async () => {
  await go(page, "#/traces", ".trace-row.held");
  const row = await text(".trace-row.held");
  await page.locator(".trace-row.held").first().click();
  await page.waitForSelector(".held-note");
  return `${row} ${await text(".held-note")}`;
});
await check("a held trace fills and leaves by itself", async () => {
  const before = await page.locator(".span-row").count();
  ask("more");
  await page.waitForFunction(count => document.querySelectorAll(".span-row").length > count, before);
  ask("root");
  await page.waitForSelector(".held-note", {state: "detached"});
  return [before, await page.locator(".span-row").count(), await page.locator(".badge.wait").count()];
});
await check("what was masked", async () => {
  await trace(ids.masked);
  return text(".panel details:has(> summary:has-text('Masked'))");
});
await check("which key won", async () => {
  await page.keyboard.press("j"); // from the root to its model call
  await page.locator(".panel summary", {hasText: "Which key won"}).click();
  await page.waitForSelector(".origin");
  await page.locator(".panel summary", {hasText: "Left unmapped"}).click();
  await page.waitForSelector(".panel .chips .chip");
  return [await text(".origin .won"), await text(".panel .chips")];
});
await check("markdown has no link, no image, no markup", async () => {
  await page.locator(".switch").click();
  await page.locator("[role=tab][data-name=transcript]").click();
  await page.waitForSelector(".markdown strong");
  const found = await page.evaluate(() => [document.querySelectorAll(".markdown a, .markdown img, .markdown script").length, document.querySelector(".markdown li").textContent]);
  await page.locator(".switch").click();
  return found;
});
await check("two are compared", async () => {
  await go(page, "#/traces", ".trace-row:not(.held)");
  await page.keyboard.press("j");
  await page.keyboard.press("c");
  await page.waitForSelector(".comparing strong");
  await page.locator(".trace-row:not(.held):not(.marked)").nth(1).click();
  await page.waitForSelector(".side-head");
  return [await page.locator(".side-head").count(), await text("compare-view table")];
});

// ---- ten thousand spans

await check("a large trace", async () => {
  await trace(ids.large);
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  await page.locator(".axis-tools input").fill("needle");
  await page.waitForFunction(() => document.querySelector(".found").textContent.includes("/"));
  const first = await text(".found");
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  const second = await text(".span-row.selected .name"), address = new URL(page.url()).hash;
  await page.keyboard.press("p");
  return [nodes, first, second, await text(".span-row.selected .name"), /find=needle/.test(address)];
});
await check("its JSON is cut and says so", async () => {
  await page.locator("[role=tab][data-name=json]").click();
  await page.waitForSelector("pre.raw.whole");
  const found = await text(".trace-body > .dim");
  await page.locator("[role=tab][data-name=timeline]").click();
  return found;
});

// ---- what the gateway itself does

await check("a dead letter is tried again", async () => {
  await go(page, "#/gateway", "[data-act^=retry]");
  const said = await text(".card:has(h2:text-is('Dead letters'))");
  await page.locator("[data-act^=retry]:not([data-act=retry-all])").first().click();
  await page.waitForSelector("[data-act^=retry]", {state: "detached"});
  return said;
});
await check("who was refused", () => text(".card:has(h2:text-is('Refused requests'))"));
await check("conventions seen", () => text(".card:has(h2:text-is('Conventions seen'))"));
await check("a burst does not move the list", async () => {
  await go(page, "#/traces", ".trace-row:not(.held)");
  await page.setViewportSize({width: 1440, height: 420});
  await page.locator(".rows").evaluate(rows => new Promise(drawn => {
    rows.addEventListener("scroll", () => requestAnimationFrame(() => requestAnimationFrame(drawn)), {once: true});
    rows.scrollTop = 200;
  }));
  const seen = () => page.evaluate(() => document.elementFromPoint(700, 300).closest(".trace-row").getAttribute("href"));
  const row = await seen();
  ask("burst");
  await page.waitForSelector(".pill:not([hidden])");
  return [row === await seen(), await text(".pill")];
});
await end(page);
