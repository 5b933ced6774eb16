// The audit page in real Chromium: axe-core, requests, overflow, screenshots, the printed PDF.
// Usage: node page.mjs CHROMIUM OUTPUT_DIRECTORY PAGE…
import { createServer } from "node:http";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { createRequire } from "node:module";

const require = createRequire(resolve(process.env.NODE_MODULES_OF ?? ".", "package.json"));
const puppeteer = require("puppeteer-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [chromium, output, ...pages] = process.argv.slice(2);
mkdirSync(output, { recursive: true });

let failures = 0;
const begun = Date.now();
const note = (words) => process.env.TIMES && console.log(`${((Date.now() - begun) / 1000).toFixed(1)} s ${words}`);
const fail = (page, words) => {
  failures += 1;
  console.log(`FAILED ${page}: ${words}`);
};

// Each page comes from a server that notes everything it is asked for.
let served = "";
let asked = [];
const server = createServer((request, response) => {
  asked.push(request.url);
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(request.url === "/page" ? served : "");
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const address = `http://127.0.0.1:${server.address().port}/page`;

const browser = await puppeteer.launch({
  executablePath: chromium,
  protocolTimeout: 900000,
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
});

// Elements that stick out of the window or whose text is cut.
const sticksOut = () => {
  const found = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("svg, script, style, .skip-link, .plain > thead, .frame")) continue;
    const box = element.getBoundingClientRect();
    if (box.width > 0 && (box.right > width + 1 || box.left < -1)) found.push(`<${element.tagName} ${element.className}> ${element.textContent.slice(0, 40)}`);
  }
  return [...new Set(found)].slice(0, 8);
};

const open = async (file, { width, scheme, script, bypass }) => {
  const tab = await browser.newPage();
  const requests = [];
  await tab.setBypassCSP(bypass);
  await tab.setJavaScriptEnabled(script);
  await tab.setViewport({ width, height: 900 });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  tab.on("request", (request) => requests.push(request.url()));
  tab.on("dialog", (dialog) => { fail(basename(file), "a dialog opened"); dialog.dismiss(); });
  tab.on("pageerror", (error) => fail(basename(file), `error ${error}`));
  tab.on("console", (message) => { if (!bypass) fail(basename(file), `console: ${message.text()}`); });
  served = readFileSync(file);
  asked = [];
  await tab.goto(address, { waitUntil: "load", timeout: 60000 });
  return { tab, requests };
};

const violations = async (tab, name, place) => {
  const result = await tab.evaluate(async () => await window.axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  for (const violation of result.violations) {
    fail(name, `axe ${place}: ${violation.id}: ${violation.help}: ${violation.nodes.length} × ${violation.nodes[0].html.slice(0, 160)} ${violation.nodes[0].failureSummary ?? ""}`);
  }
};
const examine = async (tab, name) => {
  await tab.evaluate(axeSource);
  await violations(tab, name, "as a whole");
};

// A thousand machines: chosen by status without any script, searched with the page's own, printed.
const fleet = async (file, name) => {
  const shown = () => [...document.querySelectorAll(".machines tbody tr")].filter((row) => row.getClientRects().length).length;
  const lines = () => [...document.querySelectorAll(".cells tbody tr")].filter((row) => row.getClientRects().length).length;
  const start = Date.now();
  const still = await open(file, { width: 1400, scheme: "light", script: false, bypass: false });
  const loaded = Date.now() - start;
  const all = await still.tab.evaluate(shown);
  const failing = Number(await still.tab.evaluate(() => document.querySelector("#show-fail").parentElement.textContent.match(/\d+/)[0]));
  await still.tab.click("#show-fail");
  if ((await still.tab.evaluate(shown)) !== failing || failing === 0 || all < 1000) fail(name, `without scripts ${await still.tab.evaluate(shown)} of ${failing} failing machines are shown`);
  if (await still.tab.evaluate(() => document.querySelector("#search").getClientRects().length)) fail(name, "a search is offered that cannot work without scripts");
  await still.tab.close();
  const { tab } = await open(file, { width: 1400, scheme: "light", script: true, bypass: false });
  const before = Date.now();
  await tab.type("#words", "customer-7.example");
  const found = await tab.evaluate(shown);
  const said = await tab.evaluate(() => document.querySelector("#found").textContent);
  const searched = Date.now() - before;
  if (found < 20 || found > 40 || !said.startsWith(`${found} of `)) fail(name, `the search found ${found}: ${said}`);
  if ((await tab.evaluate(lines)) > found) fail(name, "the matrix shows what the search left out");
  await tab.click("#show-pass");
  const chosen = await tab.evaluate(shown);
  const told = await tab.evaluate(() => document.querySelector("#found").textContent);
  if (chosen >= found || !told.startsWith(`${chosen} of `)) fail(name, `of ${found} found machines ${chosen} pass: ${told}`);
  const [cause, words] = await tab.evaluate(() => {
    const button = document.querySelector("#causes button");
    button.click();
    return [parseInt(button.parentElement.textContent, 10), document.querySelector("#words").value];
  });
  if ((await tab.evaluate(shown)) !== cause) fail(name, `${await tab.evaluate(shown)} machines are shown for ${words}, which ${cause} have`);
  await tab.evaluate(() => { document.querySelector("#words").value = "customer-7.example"; document.querySelector("#words").dispatchEvent(new Event("input")); });
  await tab.screenshot({ path: `${output}/${name}-searched.png` });
  writeFileSync(`${output}/${name}-searched.pdf`, await tab.pdf({ format: "A4", printBackground: false, preferCSSPageSize: true, timeout: 120000 }));
  await tab.evaluate(() => { document.querySelector("#words").value = ""; document.querySelector("#words").dispatchEvent(new Event("input")); });
  if ((await tab.evaluate(shown)) !== all) fail(name, "an emptied search does not show every machine again");
  // A `:has()` that looks through a thousand rows makes minutes of it.
  const printing = Date.now();
  writeFileSync(`${output}/${name}.pdf`, await tab.pdf({ format: "A4", printBackground: false, preferCSSPageSize: true, timeout: 300000 }));
  const printed = Date.now() - printing;
  if (printed > 60000) fail(name, `printing took ${printed} ms`);
  await tab.close();
  console.log(`${name}: loaded in ${loaded} ms, ${all} machines, searched in ${searched} ms, printed in ${printed} ms`);
};

for (const file of pages) {
  const name = basename(file, ".html");
  if (name === "large") {
    // 2,000 findings: looked at as a reader does, not element by element.
    const start = Date.now();
    const { tab } = await open(file, { width: 1400, scheme: "light", script: false, bypass: false });
    const loaded = Date.now() - start;
    await tab.evaluate(() => document.querySelector("#signature").scrollIntoView());
    await tab.screenshot({ path: `${output}/${name}-end.png` });
    console.log(`${name}: loaded in ${loaded} ms, at its end after ${Date.now() - start} ms`);
    await tab.close();
    // Minutes on a busy machine: only where it is asked for.
    if (process.env.AXE_LARGE) {
      const examined = await open(file, { width: 1400, scheme: "light", script: true, bypass: true });
      await examine(examined.tab, name);
      console.log(`${name}: examined by axe after ${Date.now() - start} ms`);
      await examined.tab.close();
    }
    continue;
  }
  if (name === "thousand") {
    await fleet(file, name);
    continue;
  }
  for (const width of [390, 1400]) {
    for (const scheme of ["light", "dark"]) {
      // As a reader has it: no scripts, the page's own policy in force.
      const { tab, requests } = await open(file, { width, scheme, script: false, bypass: false });
      const outside = await tab.evaluate(sticksOut);
      if (outside.length) fail(name, `at ${width} px: ${outside.join("; ")}`);
      if (!process.env.NO_SCREENSHOTS) {
        await tab.screenshot({ path: `${output}/${name}-${width}-${scheme}.png`, fullPage: name !== "hostile" });
      }
      const others = [...requests, ...asked.map((url) => `asked ${url}`)].filter((url) => url !== address && url !== "asked /page" && url !== "asked /favicon.ico" && !url.endsWith("/favicon.ico"));
      if (others.length) fail(name, `requests: ${others.join(" ")}`);
      await tab.close();
      note(`${name} ${width} ${scheme} seen`);

      const examined = await open(file, { width, scheme, script: true, bypass: true });
      await examined.tab.evaluate(axeSource);
      await examined.tab.evaluate(() => { for (const part of document.querySelectorAll("details")) part.open = true; });
      const unfolded = await examined.tab.evaluate(sticksOut);
      if (unfolded.length) fail(name, `unfolded at ${width} px: ${unfolded.join("; ")}`);
      await violations(examined.tab, name, `${width} px ${scheme}`);
      await examined.tab.close();
      note(`${name} ${width} ${scheme} examined`);
    }
  }
  const { tab } = await open(file, { width: 1000, scheme: "dark", script: false, bypass: false });
  await tab.emulateMediaType("print");
  const hidden = await tab.evaluate(() => [...document.querySelectorAll("details:not([open]) > :not(summary)")].filter((part) => part.getBoundingClientRect().height === 0).length);
  if (hidden) fail(name, `${hidden} parts stay folded in print`);
  writeFileSync(`${output}/${name}.pdf`, await tab.pdf({ format: "A4", printBackground: false, preferCSSPageSize: true, timeout: 120000 }));
  await tab.close();
}

// Even if markup came through, the page's policy would let it load and run nothing.
{
  const tab = await browser.newPage();
  served = readFileSync(pages[0], "utf8").replace("<main>", `<main><img src="/leak"><script>document.title = "ran"; fetch("/leak")</script><link rel="stylesheet" href="/leak"><p style="background:url(/leak)">x</p><iframe src="/leak"></iframe><form id="leak" action="/leak"></form>`);
  asked = [];
  await tab.goto(address, { waitUntil: "load" });
  await tab.evaluate(() => document.querySelector("#leak").submit());
  await new Promise((ready) => setTimeout(ready, 500));
  const leaked = asked.filter((url) => url.includes("leak"));
  if (!served.includes("/leak")) fail("policy", "nothing was put in");
  if (leaked.length || (await tab.title()) === "ran") fail("policy", `the policy let through: ${leaked.join(" ")} ${await tab.title()}`);
  await tab.close();
}
await browser.close();
server.close();
console.log(`${pages.length} pages, ${failures} failures`);
process.exit(failures ? 1 : 0);
