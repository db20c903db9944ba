import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openReview } from "../../activities/review.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { LoginWish } from "../../store/access/logins.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { describeInBrowser, launchBrowser } from "../support/browser.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { serving, type Serving } from "../support/serving.ts";
import { signedIn } from "../support/visitor.ts";

const revops: LoginWish = { role: "revops" };
const marketing: LoginWish = { role: "leader", party: "marketing", repId: "rp_mark" };
const sales: LoginWish = { role: "leader", party: "sales", repId: "rp_chief" };

describeInBrowser.each([
  ["with a script", true],
  ["without a script", false],
])("two leaders sign by keyboard alone, %s", (_how, javaScriptEnabled) => {
  let browser: Browser;
  let world: PeopleWorld;
  let served: Serving;
  const contexts: BrowserContext[] = [];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    world = await peopleWorld();
    served = await serving(world.app);
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
    served?.close();
    await world?.close();
  });

  /** A window of somebody who has no mouse. */
  async function windowOf(person: LoginWish): Promise<Page> {
    const { cookie } = await signedIn({ ...world, now: world.now() }, person);
    const context = await browser.newContext({ javaScriptEnabled });
    contexts.push(context);
    await context.addCookies([{ ...cookie, url: `http://127.0.0.1:${served.port}` }]);
    return context.newPage();
  }
  const open = (page: Page, path: string) => page.goto(`http://127.0.0.1:${served.port}${path}`);

  /** Moves the focus on by the tab key until it is there. */
  async function tabTo(page: Page, selector: string): Promise<void> {
    const there = page.locator(selector).first();
    await there.waitFor();
    for (let n = 0; n < 200; n++) {
      if ((await page.locator(`${selector}:focus`).count()) > 0) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`the tab key does not come to ${selector}`);
  }
  /** Presses what has the focus; where the API is slow, the script asks again by itself. */
  async function pressOn(page: Page, selector: string, leadsTo: RegExp): Promise<void> {
    await tabTo(page, selector);
    await page.keyboard.press("Enter");
    await page.waitForURL(leadsTo, { timeout: 60_000 });
  }
  const signButton = 'form[action$="/sign"] button';
  const said = (page: Page) => page.locator("#status").innerText();

  test("a version is proposed, planned, signed by one, signed by the other, and activated", async () => {
    for (let n = 0; n < 3; n++) await world.lead("rp_one");
    const office = await windowOf(revops);
    await open(office, "/console/agreement/draft");
    await tabTo(office, "#note");
    await office.keyboard.type("Rejections for company size");
    await tabTo(office, "#content");
    await office.keyboard.press("Control+A");
    const content = world.agreementText.replace(
      "outreach: 1 business hour",
      "outreach: 2 business hours",
    );
    await office.keyboard.insertText(content);
    await pressOn(office, 'form[action="/console/agreement/draft"] button.main', /versions\/ag_/);
    const version = new URL(office.url()).pathname;
    expect(version).toMatch(/^\/console\/agreement\/versions\/ag_/);
    expect(await said(office)).toContain("Proposed");
    // The plan is made meanwhile; the page has a link to look again, the script looks by itself.
    await expect
      .poll(
        async () => {
          await open(office, version);
          return office.locator("#plan ~ *").allInnerTexts();
        },
        { timeout: 60_000, interval: 500 },
      )
      .toContainEqual(expect.stringMatching(/Open leads today/));

    const ours = await windowOf(marketing);
    await open(ours, "/console/agreement");
    await pressOn(ours, `main a[href="${version}"]`, /versions\/ag_/);
    await pressOn(ours, signButton, /did=sign/);
    expect(await said(ours)).toContain("Signed");
    // Who signed for one party is asked nothing more.
    expect(await ours.locator(signButton).count()).toBe(0);
    await open(office, version);
    expect(await office.locator("#activate ~ form").innerText()).toContain("waits for sales");

    const theirs = await windowOf(sales);
    await open(theirs, version);
    expect(await theirs.locator("ul.signatures").innerText()).toMatch(/for marketing/);
    await pressOn(theirs, signButton, /did=sign/);
    expect(await theirs.locator(signButton).count()).toBe(0);
    expect(await theirs.locator("ul.signatures").innerText()).toContain("Person rp_chief");

    await open(office, version);
    await pressOn(office, "form.activate button.main", /did=activate/);
    expect(await office.locator("#activated").count()).toBe(1);
    const { body } = await world.ask("GET", version.replace("/console", ""));
    expect(body.state).toBe("active");
  });

  test("a review is decided in, signed by one, and signed by the other", async () => {
    const deps = { pool: world.pool, agreements: createAgreements(agreementOf) };
    const start = { kind: "weekly", period: "2026-W48", now: world.now() } as const;
    const review = `/console/reviews/${(await openReview(deps, start)).reviewId}`;
    const ours = await windowOf(marketing);
    await open(ours, "/console/reviews");
    await pressOn(ours, `main a[href="${review}"]`, /reviews\/rv_/);
    await tabTo(ours, "#what");
    await ours.keyboard.type("Raise the size floor");
    await tabTo(ours, "#new-owner");
    await ours.keyboard.type("sales-ops");
    await tabTo(ours, "#new-due");
    await ours.keyboard.type("12312026");
    await pressOn(ours, "form.decide button", /did=resolution/);
    expect(await said(ours)).toContain("Written down");
    await pressOn(ours, signButton, /did=sign/);
    expect(await said(ours)).toContain("Signed");
    const theirs = await windowOf(sales);
    await open(theirs, review);
    await pressOn(theirs, signButton, /did=sign/);
    const { body } = await world.ask("GET", review.replace("/console", ""));
    expect(body.signatures.map(({ party }: { party: string }) => party)).toEqual([
      "marketing",
      "sales",
    ]);
    expect(body.resolutions).toMatchObject([{ text: "Raise the size floor", dueOn: "2026-12-31" }]);
  });
});
