// A browser on the page for tests: what it says wrong is kept, and each fact is one check.
import {createRequire} from "node:module";

export const require = createRequire(`${process.env.NODE_PATH}/`);
const {chromium} = require("playwright-core");

export async function begin(origin, executablePath) {
  const report = {console: [], outside: [], violations: [], facts: {}};
  const browser = await chromium.launch({executablePath, args: ["--no-sandbox"]});
  return {
    report,
    async open(options = {}) {
      // bypassCSP stays off: the page must work under its own policy
      const page = await browser.newPage({viewport: {width: 1440, height: 900}, locale: "en-GB", ...options});
      page.on("console", message => ["error", "warning"].includes(message.type()) && report.console.push(message.text()));
      page.on("pageerror", error => report.console.push(String(error)));
      page.on("request", request => { if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin) report.outside.push(request.url()); });
      page.on("dialog", dialog => { report.console.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
      page.setDefaultTimeout(10000);
      await page.addInitScript(() => {
        globalThis.violations = [];
        document.addEventListener("securitypolicyviolation", event => globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
      });
      return page;
    },
    async go(page, hash, selector) {
      await page.goto(`${origin}/${hash}`);
      await page.waitForSelector(selector);
    },
    async check(name, work) {
      try {
        report.facts[name] = await work();
      } catch (error) {
        report.facts[name] = `failed: ${error.message.split("\n")[0]}`;
      }
    },
    async end(page) {
      report.violations.push(...await page.evaluate(() => globalThis.violations));
      await browser.close();
      console.log(JSON.stringify(report));
    },
  };
}
