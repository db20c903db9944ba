import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeInBrowser, launchBrowser } from "../support/browser.ts";

const sheet = fileURLToPath(new URL("../../api/console/console.css", import.meta.url));

/** Cells narrower than a word of theirs of usual length. */
const squeezed = `[...document.querySelectorAll("td, th")].flatMap((cell) => {
  const longest = Math.max(...cell.innerText.split(/[\\s-]+/).map((word) => word.length));
  const size = parseFloat(getComputedStyle(cell).fontSize);
  const isShown = cell.getClientRects().length > 0;
  return isShown && cell.clientWidth < Math.min(longest, 10) * 0.4 * size ? [cell.innerText] : [];
})`;

const board = `<table class="cards board"><thead><tr><th>Due</th><th>Lead</th><th>With</th>
  <th>Then</th><th>Act</th></tr></thead><tbody><tr class="is-late">
  <td data-urgency><span class="clock late">17 min late</span> Mon 09:42</td>
  <td class="who"><a href="#">Aaliyah Vance</a><span class="more">Northwind Labs</span></td>
  <td>Kim Reyes</td><td>outreach due</td>
  <td class="acts"><a class="button">Give to…</a></td></tr></tbody></table>`;
const clocks = `<div class="columns"><div><table class="cards"><thead><tr><th>Clock</th><th>Due</th>
  <th>Used</th><th>Of</th></tr></thead><tbody><tr><td>outreach, Kim's, offer 1</td>
  <td data-urgency><span class="clock">in 2 d</span> Wed 10:00</td><td>10 min</td>
  <td>5 business days</td></tr></tbody></table><details class="ledger">
  <summary>How it was counted</summary><p>1 business hour</p></details></div><aside></aside></div>`;
const weeks = `<table class="weeks cards"><thead><tr><th>Person</th><th>Takes leads</th>
  <th class="week">23 to 29 Nov</th><th class="week">30 Nov to 6 Dec</th>
  <th class="week">7 to 13 Dec</th><th class="week">14 to 20 Dec</th><th>Act</th></tr></thead>
  <tbody><tr><th scope="row">Jo Wolfeschlegel manager</th><td>americas-sdr at most 25 open</td>
  <td class="away">away</td><td></td><td></td><td></td>
  <td class="acts"><a class="button">Caps…</a></td></tr></tbody></table>`;
const forms = `<section><h2>Send a file</h2><form method="post"><button>Send</button></form>
  <p>Former</p></section><section><h2>The lead</h2><form class="filters"></form>
  <form method="post"><button>Try it</button></form></section><section><h2>Another</h2>
  <details open><summary>Paste a draft</summary><form>Draft</form></details></section>
  <section><h2 id="what-changes">Changes</h2><p>Against version 1</p></section>`;

describeInBrowser("a page of A4", () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 688, height: 1017 } });
    await page.emulateMedia({ media: "print" });
  });
  afterAll(() => browser?.close());

  const print = (body: string) =>
    page.setContent(`<style>${readFileSync(sheet, "utf8")}</style><main>${body}</main>`);

  test.each([
    ["the board", board],
    ["clocks beside what is known", clocks],
    ["the weeks of the roster", weeks],
  ])("breaks no word of %s, and has no column for buttons", async (_, table) => {
    await print(table);
    expect(await page.evaluate(squeezed)).toEqual([]);
    expect(await page.innerText("main")).not.toMatch(/Act|Give to|Caps/);
  });

  test("names what is folded on a screen", async () => {
    await print(clocks);
    expect(await page.innerText("main")).toMatch(/How it was counted\s+1 business hour/);
  });

  test("leaves out what stands over forms alone", async () => {
    await print(forms);
    expect((await page.innerText("main")).split(/\s*\n\s*/)).toEqual([
      "Former",
      "Changes",
      "Against version 1",
    ]);
  });
});
