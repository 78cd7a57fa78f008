// What the page fetches and does, for test_page_acts.py: files of media behind a token, and all dead
// letters at once. One JSON object on standard output.
//
// usage: node page_acts.mjs ORIGIN CHROMIUM TOKEN TRACE_ID
import {readFileSync} from "node:fs";
import {begin} from "./page_kit.mjs";

const [origin, executablePath, token, trace] = process.argv.slice(2);
const {open, check, end} = await begin(origin, executablePath);
const page = await open();
const ask = line => console.error(line); // the test does it
const text = selector => page.locator(selector).first().innerText();
const show = async (hash, selector) => {
  await page.evaluate(there => { location.hash = there; }, hash);
  await page.waitForSelector(selector);
};

await check("the token is asked for", async () => {
  await page.goto(`${origin}/#/trace/${trace}?view=transcript`);
  await page.locator("dialog input").fill(token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".bubble");
  return page.locator("dialog").count();
});
await check("a picture of media.directory is shown", async () => {
  await page.waitForFunction(() => document.querySelector(".bubble img.picture")?.naturalWidth > 1);
  return page.evaluate(() => { const one = document.querySelector("img.picture"); return [one.naturalWidth, one.naturalHeight, one.alt]; });
});
await check("a sound of it is played", async () => {
  await page.locator(".sound .play").click();
  await page.waitForFunction(() => document.querySelector(".sound .play").textContent.includes("stop"));
  await page.waitForFunction(() => document.querySelector(".sound .play").textContent.includes("play"));
  return text(".sound [role=status]");
});
await check("a file of it is saved", async () => {
  const file = page.waitForEvent("download");
  await page.locator(".media", {hasText: "application/pdf"}).getByRole("button", {name: "save"}).click();
  const saved = await file;
  return [saved.suggestedFilename().replace(/^[0-9a-f-]{36}/, ""), readFileSync(await saved.path(), "utf8").slice(0, 9)];
});
await check("a mark inside of a text is shown too", async () => {
  await show(`#/trace/${trace}?view=timeline`, ".panel");
  await page.waitForFunction(() => [...document.querySelectorAll(".panel details img.picture")].length === 0);
  await page.locator(".panel summary", {hasText: /^Attributes/}).click();
  await page.waitForFunction(() => document.querySelector(".panel .pairs img.picture")?.naturalWidth > 1);
  return page.locator(".panel .pairs .text", {hasText: "[media: image/png"}).count();
});
await check("a picture that is gone says so", async () => {
  ask("gone");
  await page.waitForFunction(async ([id, bearer]) => { // until the file is away
    const file = /file ([0-9a-f-]{36}\.png)/.exec(await (await fetch(`/api/trace?id=${id}`, {headers: {Authorization: bearer}})).text())[1];
    return (await fetch(`/api/media?file=${file}`, {headers: {Authorization: bearer}})).status === 404;
  }, [trace, `Bearer ${token}`]);
  await show("#/traces", ".trace-row");
  await show(`#/trace/${trace}?view=transcript`, ".bubble .media");
  await page.waitForFunction(() => document.querySelector(".bubble .media").textContent.includes("no longer kept"));
  return text(".bubble .media");
});

// ---- all dead letters

const letters = ".card:has(h2:text-is('Dead letters'))";
await check("retry of all says how far it is", async () => {
  await show("#/gateway", "[data-act=retry-all]");
  const before = await text(`${letters} .card-head .dim`);
  await page.locator("[data-act=retry-all]").click();
  await page.waitForSelector("[data-act=retry-all]", {state: "detached"});
  return [before, await text(letters)];
});

// ---- a gateway that is started again, with a store of its own

await check("a page left open shows the store of the next gateway", async () => {
  await show("#/traces", ".trace-row");
  await page.waitForFunction(() => document.querySelector(".live.on"));
  ask("again");
  await page.waitForFunction(() => {
    const names = [...document.querySelectorAll(".trace-row .name")].map(name => name.textContent);
    return names.length === 1 && names[0].includes("of the next") && document.querySelector(".live.on");
  }, null, {timeout: 60000}); // whether it met the moment between the two or not
  return text(".trace-row .name");
});
await check("what it did before it does again", async () => { // with the token of the next
  ask("letter");
  await show("#/gateway", "[data-act=retry-all]");
  await page.locator("[data-act=retry-all]").click();
  await page.waitForSelector("[data-act=retry-all]", {state: "detached"});
  return page.locator(".problem").count();
});
await end(page);
