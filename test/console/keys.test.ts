import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { sql } from "../../store/postgres/db.ts";
import { describeInBrowser, launchBrowser } from "../support/browser.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { serving, type Serving } from "../support/serving.ts";
import { signedIn } from "../support/visitor.ts";

const minute = 60_000;

describeInBrowser("by keyboard", () => {
  let browser: Browser;
  let world: PeopleWorld;
  let served: Serving;
  let context: BrowserContext;
  let page: Page;
  let leads: string[];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    world = await peopleWorld();
    served = await serving(world.app);
    const { cookie } = await signedIn(
      { ...world, now: world.now() },
      { role: "rep", repId: "rp_one" },
    );
    context = await browser.newContext();
    await context.addCookies([{ ...cookie, url: `http://127.0.0.1:${served.port}` }]);
    page = await context.newPage();
    leads = [];
    for (let n = 0; n < 3; n++)
      leads.push(
        await world.lead("rp_one", {
          dueAt: world.now() + (n * 20 + 1.5) * minute,
          waitingOn: "answer",
        }),
      );
  });
  afterEach(async () => {
    await context?.close();
    served?.close();
    await world?.close();
  });

  const open = (path: string) => page.goto(`http://127.0.0.1:${served.port}${path}`);
  const stageOf = async (id: string | undefined) =>
    (await world.pool.query(sql`select stage, waiting_on from process where subject_id = ${id}`))
      .rows[0];
  const focusedRow = () =>
    page.evaluate("document.activeElement.closest('[data-row]')?.id ?? null");
  const pressed = async (key: string) => {
    await Promise.all([page.waitForNavigation(), page.keyboard.press(key)]);
  };

  test("j and k walk the rows, a accepts the one with the focus, and the next has it then", async () => {
    await open("/console/queue");
    await page.keyboard.press("j");
    expect(await focusedRow()).toBe(leads[0]);
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    expect(await focusedRow()).toBe(leads[1]);
    await pressed("a");
    expect(await stageOf(leads[1])).toMatchObject({ stage: "sal" });
    expect(await stageOf(leads[0])).toMatchObject({ stage: "mql" });
    expect(await focusedRow()).toBe(leads[2]);
  });

  test("r and a digit reject; l and a digit log; what is disabled does nothing", async () => {
    await open("/console/queue");
    await pressed("r");
    expect(await page.textContent("h1")).toContain("Reject");
    // Unreachable needs attempts that were not logged.
    await page.keyboard.press("7");
    expect(await stageOf(leads[0])).toMatchObject({ stage: "mql" });
    await pressed("3");
    expect(new URL(page.url()).pathname).toBe("/console/queue");
    expect(await stageOf(leads[0])).toMatchObject({ stage: "disqualified" });
    expect(await focusedRow()).toBe(leads[1]);
    await pressed("l");
    await pressed("1");
    const { rows } = await world.pool.query("select channel, outcome from outreach");
    expect(rows).toEqual([{ channel: "call", outcome: "no_answer" }]);
  });

  test("Enter opens, n and p go on, u back, g and a letter to another page, ? tells the keys", async () => {
    await open("/console/queue");
    await page.keyboard.press("j");
    await pressed("Enter");
    expect(new URL(page.url()).pathname).toBe(`/console/leads/${leads[0]}`);
    await pressed("n");
    expect(new URL(page.url()).pathname).toBe(`/console/leads/${leads[1]}`);
    await pressed("p");
    expect(new URL(page.url()).pathname).toBe(`/console/leads/${leads[0]}`);
    await page.keyboard.press("?");
    expect(await page.textContent("dialog")).toMatch(/a\s*Accept/);
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await pressed("u");
    expect(new URL(page.url()).pathname).toBe("/console/queue");
    await page.keyboard.press("g");
    await pressed("t");
    expect(new URL(page.url()).pathname).toBe("/console/tasks");
  });

  test("a field keeps the letters that are written in it, and keys can be switched off", async () => {
    await open(`/console/leads/${leads[0]}/reject`);
    await page.click("summary");
    await page.fill("#note", "");
    await page.type("#note", "u 3 a");
    expect(await page.inputValue("#note")).toBe("u 3 a");
    expect(await stageOf(leads[0])).toMatchObject({ stage: "mql" });
    await open("/console/queue");
    await page.evaluate("document.documentElement.dataset.keys = 'off'");
    await page.keyboard.press("a");
    await page.keyboard.press("j");
    expect(await focusedRow()).toBe(null);
    expect(await stageOf(leads[0])).toMatchObject({ stage: "mql" });
  });

  test("minutes go on counting, and a deadline that passes says so", async () => {
    await page.clock.install();
    await open("/console/queue");
    const first = page.locator("tbody tr").first();
    expect(await first.locator("time").textContent()).toBe("in 1 min");
    await page.clock.runFor(4 * minute);
    expect(await first.locator("time").textContent()).toBe("2 min late");
    expect(await first.getAttribute("class")).toBe("is-late");
    expect(await first.locator("time").getAttribute("class")).toBe("late");
  });

  test("a queue of fifty is four requests and 25 KB", async () => {
    for (let n = 0; n < 50; n++) await world.lead("rp_one", { waitingOn: "answer" });
    const bodies: Promise<Buffer>[] = [];
    page.on("response", (response) => bodies.push(response.body()));
    await open("/console/queue");
    await page.waitForLoadState("networkidle");
    const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
    expect(await page.locator("[data-row]").count()).toBe(50);
    expect(sizes.length).toBeLessThanOrEqual(4);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(25 * 1024);
  });
});
