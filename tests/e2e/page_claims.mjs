// What the page promises beyond single views, for test_page_claims.py: search, addresses, keys alone,
// few nodes, sounds, the graph of agents, events, narrow screens. One JSON object on standard output.
//
// usage: node page_claims.mjs ORIGIN CHROMIUM JSON_OF_TERMS
import {readFileSync} from "node:fs";
import {begin, require} from "./page_kit.mjs";

const [origin, executablePath, asked] = process.argv.slice(2);
const terms = JSON.parse(asked);
const {report, open, go, check, end} = await begin(origin, executablePath);
const page = await open();
const ask = line => console.error(line); // the test does it
const text = selector => page.locator(selector).first().innerText();
const total = () => page.locator(".totals .stat-value").first().textContent();
const query = () => Object.fromEntries(new URLSearchParams(new URL(page.url()).hash.split("?")[1] ?? ""));
const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
const row = service => page.evaluate(async name => (await (await fetch(`/api/traces?service=${name}&limit=1`)).json()).traces[0].trace_id, service);

await check("search is literal", async () => {
  const found = {};
  for (const term of terms) {
    await go(page, "#/overview", ".plot .column");
    await go(page, "#/traces", ".trace-row");
    const answer = page.waitForResponse(reply => new URL(reply.url()).searchParams.get("search") === term);
    await page.fill("input[type=search]", term);
    await answer;
    await page.waitForFunction(() => document.querySelectorAll(".trace-row, .empty-title").length < 10);
    found[term] = await page.locator(".trace-row .what").allInnerTexts();
  }
  return found;
});
await check("Escape leaves what was typed", async () => {
  await page.locator("input[type=search]").press("Escape");
  return [await page.inputValue("input[type=search]"), await page.evaluate(() => document.activeElement === document.body)];
});

// ---- addresses: each is opened anew

const again = async selector => {
  const url = page.url();
  await page.goto("about:blank");
  await page.goto(url);
  await page.waitForSelector(selector);
};
await check("filters are in the address", async () => {
  await go(page, "#/traces?status=error&agent=writer&min_ms=10&max_cost=5&sort=duration&session=desk-4100&search=order&tool=get_order", ".trace-row");
  await page.waitForFunction(() => document.querySelector("select[data-name=agent]").value);
  return [await page.locator(".filters select").evaluateAll(list => list.map(one => one.value)), await page.locator(".range").evaluateAll(list => list.map(one => one.value)), await page.inputValue("input[type=search]"),
    await page.locator(".chip.removable").allTextContents()];
});
await check("a chosen row is in the address", async () => {
  await go(page, "#/traces?service=support-desk&sort=time", ".trace-row");
  for (let i = 0; i < 30; i++) await page.keyboard.press("j");
  const chosen = await page.locator(".trace-row.selected").getAttribute("href");
  await page.waitForFunction(href => location.hash.includes(`row=${href.split("/")[2]}`), chosen);
  await again(".trace-row.selected");
  return chosen === await page.locator(".trace-row.selected").getAttribute("href");
});
await check("span, zoom and what was searched are in the address", async () => {
  await go(page, `#/trace/${await row("support-desk")}?view=timeline`, ".span-row");
  await page.keyboard.press("/");
  await page.keyboard.type("writer");
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await page.keyboard.press("z");
  await page.waitForFunction(() => /zoom=.*/.test(location.hash) && /span=/.test(location.hash));
  const look = async () => [await text(".panel h2"), await text(".found"), await text(".axis-marks"), Object.keys(query()).sort()];
  const before = await look();
  await again(".found");
  return [before, await look()];
});
await check("Tab and Enter suffice", async () => {
  await go(page, "#/traces?status=error", ".trace-row");
  const tab = async wanted => {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(selector => document.activeElement.matches(selector), wanted)) return;
    }
    throw new Error(`no ${wanted} by Tab`);
  };
  await tab(".trace-row");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".span-row");
  await tab("[role=tab][data-name=timeline]");
  await page.keyboard.press("Enter");
  await tab("button.fold");
  const rows = await page.locator(".span-row").count();
  await page.keyboard.press("Enter");
  const folded = await page.locator(".span-row").count();
  await page.keyboard.press("Enter");
  await tab(".span-row");
  await page.keyboard.press("Enter");
  return [rows > folded, await page.locator(".span-row").count() === rows, await page.evaluate(() => document.activeElement.matches(".span-row.selected"))];
});

await check("a name of any length leaves room", async () => {
  await page.setViewportSize({width: 400, height: 700});
  await go(page, `#/trace/${await row("long")}?view=timeline`, ".span-row");
  const place = await page.evaluate(() => document.querySelector(".tabs").getBoundingClientRect().top);
  await page.setViewportSize({width: 1440, height: 900});
  return place < 600;
});

// ---- much of it

const large = await row("large");
for (const view of ["timeline", "transcript", "agents"]) {
  await check(`nodes of 5,000 spans, ${view}`, async () => {
    await go(page, `#/trace/${large}?view=${view}`, view === "timeline" ? ".span-row" : view === "transcript" ? ".transcript .chunk > *" : ".agent-box");
    return nodes();
  });
}
const deep = await row("deep");
for (const view of ["timeline", "transcript", "agents"]) {
  await check(`nodes of 1,500 agents in each other, ${view}`, async () => {
    await go(page, `#/trace/${deep}?view=${view}`, view === "timeline" ? ".span-row" : view === "transcript" ? ".transcript .chunk > *" : ".agent-box");
    return nodes();
  });
}
await check("what lies deep is there", () => page.evaluate(async id => {
  const {readTrace} = await import("/ui/model.js");
  const {transcript} = await import("/ui/transcript.js");
  const box = transcript(readTrace(await (await fetch(`/api/trace?id=${id}`)).json()), () => {});
  document.body.append(box);
  for (let open = 0; open < 200; open++) { // each card has the next one inside
    for (const one of box.querySelectorAll("details:not([open])")) one.open = true;
    for (const one of box.querySelectorAll(".transcript, .chunk")) one.scrollTop = one.scrollHeight;
    box.scrollIntoView({block: "end"});
    await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    if (/deep question 1499/.test(box.textContent)) break;
  }
  const found = /deep question 1499/.test(box.textContent);
  box.remove();
  return found;
}, deep));
await check("a tool call that is none", async () => {
  await go(page, `#/trace/${deep}?view=timeline&find=deep question 1499`, ".span-row.match");
  const first = await text(".panel h2"); // what an address looks for is chosen
  await page.keyboard.press("n");
  await page.waitForFunction(() => /chat 1499/.test(document.querySelector(".panel h2").textContent));
  return [first, await text(".panel h2")];
});
await check("a transcript is drawn where one looks", async () => {
  await go(page, `#/trace/${large}?view=transcript`, ".transcript .chunk > *");
  await page.locator(".transcript-tools button").click(); // open all, and remembered
  await page.waitForFunction(() => { // what comes is higher than was guessed: the end moves
    const box = document.querySelector(".transcript");
    box.scrollTop = box.scrollHeight;
    return /answer 49\.98/.test(box.innerText);
  });
  const most = await nodes();
  await again(".transcript details[open]");
  await page.locator(".transcript-tools button").click();
  return most;
});
await check("a thousand at once", async () => {
  await go(page, "#/traces", ".trace-row");
  const before = Number((await total()).replace(",", ""));
  await page.evaluate(() => {
    globalThis.asked = [];
    const plain = globalThis.fetch;
    globalThis.fetch = (url, options) => { globalThis.asked.push(url); return plain(url, options); };
  });
  ask("thousand");
  await page.waitForFunction(count => Number(document.querySelector(".totals .stat-value").textContent.replace(",", "")) >= count, before + 1000, {timeout: 30000}).catch(() => {});
  const lists = await page.evaluate(() => globalThis.asked.filter(url => url.startsWith("/api/traces")));
  return [Number((await total()).replace(",", "")) - before, lists.length > 0 && lists.every(url => url.includes("newer=")), await nodes()];
});

// ---- what is heard, who calls whom, what is held

await check("a sound is played", async () => {
  await go(page, `#/trace/${await row("sounds")}?view=transcript`, ".sound");
  const button = page.locator(".sound .play").first();
  await button.click();
  await page.waitForFunction(() => document.querySelector(".sound .play").textContent.includes("stop"));
  await page.waitForFunction(() => document.querySelector(".sound .play").textContent.includes("play")); // by itself, at its end
  await page.locator(".sound .play").nth(1).click(); // samples without a header
  await page.waitForFunction(() => document.querySelectorAll(".sound [role=status]")[1].textContent.includes(" of "));
  await page.locator(".sound .play").nth(2).click();
  await page.waitForFunction(() => document.querySelectorAll(".sound [role=status]")[2].textContent.includes("can't play"));
  return [await page.locator(".sound").count(), await page.locator(".sound [role=status]").first().textContent()];
});
await check("who calls whom, across traces", async () => {
  await go(page, "#/agents?time=7d", ".agent-box");
  const labels = await page.locator(".edge-label").allTextContents();
  await page.locator(".edge-label", {hasText: "×"}).first().click();
  await page.waitForSelector(".trace-row");
  return [labels, await page.locator(".chip.removable").innerText(), await total()];
});
await check("layers of agents", () => page.evaluate(async () => {
  const {ranksOf} = await import("/ui/agents.js");
  const names = text => [...text].map(name => ({name}));
  const edges = text => text.split(" ").map(([from, to]) => ({from, to}));
  return [Object.fromEntries(ranksOf(names("abcd"), edges("ab bc ac cd"))), Object.fromEntries(ranksOf(names("cba"), edges("ab ba bc cc")))];
}));
await check("what is held comes by events", async () => {
  await go(page, "#/traces", ".trace-row");
  await page.waitForFunction(() => document.querySelector(".live.on"));
  const looked = () => page.evaluate(() => performance.getEntriesByType("resource").filter(one => one.name.includes("/api/held")).length);
  const before = await looked();
  ask("held");
  await page.waitForSelector(".trace-row.held");
  ask("more");
  await page.waitForFunction(() => /2 spans/.test(document.querySelector(".trace-row.held").innerText));
  return await looked() - before;
});

// ---- what screen readers are told and narrow screens, of all that test_page_browser.py does not open

let axe = null;
try {
  axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
} catch { /* without it nothing is looked at */ }
report.axe = axe ? {} : null;
report.wider = {};
const two = await page.evaluate(async () => (await (await fetch("/api/traces?service=support-desk&limit=2")).json()).traces.map(one => one.trace_id));
const sound = await row("sounds");
const views = {list: ["#/traces?status=error&agent=writer", ".trace-row"], held: ["#/traces", ".trace-row.held"], timeline: [`#/trace/${two[0]}?view=timeline`, ".span-row"], sound: [`#/trace/${sound}?view=transcript`, ".sound"], json: [`#/trace/${two[0]}?view=json`, "pre"],
  compare: [`#/compare/${two.join("/")}`, ".sides"], sessions: ["#/sessions", ".session-card"], session: ["#/session/desk-4100", ".turn-pair"], agents: ["#/agents?time=7d", ".agent-box"], overview: ["#/overview", ".plot .column"], gateway: ["#/gateway", ".ledger i"]};
for (const colorScheme of ["light", "dark"]) {
  const looked = await open({colorScheme});
  for (const [name, [hash, selector]] of Object.entries(views)) {
    await looked.setViewportSize({width: 1440, height: 900});
    await go(looked, hash, selector);
    if (axe) {
      await looked.evaluate(`(() => { ${axe} })()`);
      const result = await looked.evaluate(() => axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}));
      report.axe[`${name} ${colorScheme}`] = result.violations.map(one => `${one.id}: ${one.nodes.map(node => node.target.join(" ")).slice(0, 3).join("; ")}`);
    }
    await looked.setViewportSize({width: 320, height: 640}); // WCAG 1.4.10
    report.wider[`${name} ${colorScheme}`] = await looked.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }
  report.violations.push(...await looked.evaluate(() => globalThis.violations));
  await looked.close();
}
await end(page);
