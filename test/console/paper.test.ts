import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeInBrowser, launchBrowser } from "../support/browser.ts";

const sheet = fileURLToPath(new URL("../../api/console/console.css", import.meta.url));

/** Words of usual length that go on in another line. */
const broken = `[...document.querySelectorAll("td, th")].flatMap((cell) => {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode())
    for (const { 0: word, index } of node.data.matchAll(/(?<![^\\s-])[^\\s-]{2,12}(?![^\\s-])/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) found.push(word);
    }
  return found;
})`;
const long = "Wolfeschlegelsteinhausen".repeat(8);

const board = `<table class="cards board"><thead><tr><th>Due</th><th>Lead</th><th>With</th>
  <th>Then</th><th>Act</th></tr></thead><tbody><tr class="is-late">
  <td data-urgency><span class="clock late">17 min late</span> Mon 09:42</td>
  <td class="who"><a href="#">Aaliyah Vance</a><span class="more">Northwind Labs</span></td>
  <td>Kim Reyes</td><td>outreach due</td>
  <td class="acts"><a class="button">Give to…</a></td></tr></tbody></table>`;
const clocks = `<div class="columns"><div><table class="cards clocks"><thead><tr><th>Clock</th><th>Due</th>
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
const pools = `<table class="cards"><thead><tr><th>Pool</th><th>Who takes turns</th>
  <th>Hours</th><th>Act</th></tr></thead><tbody><tr><th scope="row">enterprise-ae</th>
  <td>${long}</td><td class="dim">the agreement's hours</td>
  <td class="acts"><a class="button">Caps…</a></td></tr></tbody></table>`;
const queue = `<table class="cards queue"><thead><tr><th>Due</th><th>Lead</th><th>Asked of you</th>
  <th>Act</th></tr></thead><tbody><tr><td class="due"><span class="clock">in 6 d 6 h</span> Sun 29
  Nov 16:00</td><td class="who"><a href="#">${long}</a></td>
  <td class="asked"><span class="tag">task</span> correct its data</td>
  <td class="acts"><a class="button">Caps…</a></td></tr></tbody></table>`;
const found = `<table class="cards"><thead><tr><th>Lead</th><th>Stage</th><th>With</th><th>Due</th>
  <th>Arrived</th></tr></thead><tbody><tr><td class="who"><a href="#">${long}</a></td>
  <td>MQL<span class="more">offered by itself</span></td><td>queue americas-sdr</td>
  <td data-urgency><span class="clock">in 6 d 6 h</span> Sun 29 Nov 16:00</td><td>Mon 10:00</td>
  </tr></tbody></table>`;
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
    ["the pools of the roster", pools],
    ["a queue beside a long name", queue],
    ["leads beside a long name", found],
  ])("breaks no word of %s, and has no column for buttons", async (_, table) => {
    await print(table);
    expect(await page.evaluate(broken)).toEqual([]);
    expect(await page.innerText("main")).not.toMatch(/Act|Give to|Caps/);
  });

  test("lets a section of a packet begin on any sheet, and keeps its sentence whole", async () => {
    await print(`<section class="packet"><h3>Rejections</h3><p>16 to 22 Nov</p>
      <p>Nothing was rejected.</p></section>`);
    const breaks = `[...document.querySelectorAll(".packet > *")].map((one) => {
      const { breakAfter, breakInside } = getComputedStyle(one);
      return [breakAfter, breakInside];
    })`;
    expect(await page.evaluate(breaks)).toEqual([
      ["avoid", "auto"],
      ["avoid", "avoid"],
      ["auto", "avoid"],
    ]);
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
