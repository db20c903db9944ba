import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ensureLogin, type LoginWish } from "../../store/access/logins.ts";
import { makeLink } from "../../store/access/sign-in-links.ts";
import { describeInBrowser, launchBrowser } from "../support/browser.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { serving, type Serving } from "../support/serving.ts";

const rep: LoginWish = { role: "rep", repId: "rp_one" };

describeInBrowser("in a browser", () => {
  let browser: Browser;
  let world: PeopleWorld;
  let served: Serving;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    world = await peopleWorld();
    served = await serving(world.app);
    context = await browser.newContext();
    page = await context.newPage();
  });
  afterEach(async () => {
    await context?.close();
    served?.close();
    await world?.close();
  });

  const at = (path: string) => `http://127.0.0.1:${served.port}${path}`;
  async function link(): Promise<string> {
    const login = await ensureLogin(world.pool, rep, world.now());
    return at(`/console/in/${await makeLink(world.pool, login.id, "printed", world.now())}`);
  }
  const count = async (table: string) =>
    Number((await world.pool.query(`select count(*) from ${table}`)).rows[0].count);

  test("signs in by a link and out again, by keyboard alone", async () => {
    await page.goto(await link());
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/console\/(?!in\/)/);
    await page.goto(at("/console/me"));
    expect(await page.textContent("h1")).toBe("Person rp_one");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Skip to the page");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Sign out");
    await page.keyboard.press("Enter");
    await page.waitForURL(at("/console/in"));
    // Whoever goes back sees nothing of what was there.
    await page.goBack();
    await page.waitForURL((url) => url.search === "?to=%2Fconsole%2Fme");
    expect(await page.textContent("h1")).toBe("Sign in");
  });

  test("a form that another site sends with the browser's cookie is refused", async () => {
    await page.goto(await link());
    await page.click("button");
    await page.waitForURL(/\/console\/(?!in\/)/);
    // Another port is another origin, of the same site: the cookie goes along.
    await page.route("http://127.0.0.1:1/**", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${at("/console/out")}">
          <input name="key" value="${"a".repeat(32)}"><button>Win</button></form>`,
      }),
    );
    await page.goto("http://127.0.0.1:1/");
    const [answer] = await Promise.all([page.waitForNavigation(), page.click("button")]);
    expect(answer?.status()).toBe(403);
    await page.goto(at("/console/me"));
    expect(await page.textContent("h1")).toBe("Person rp_one");
  });

  test("a double click asks for one mail", async () => {
    await page.goto(at("/console/in"));
    await page.fill("#email", "rp_one@example.com");
    await page.dblclick("button");
    await page.waitForURL(at("/console/in?asked=1"));
    expect(await count("sign_in_mail")).toBe(1);
  });

  test("asks again by itself while the outcome is not known, and arrives", async () => {
    await page.goto(await link());
    const other = await world.pool.connect();
    try {
      await other.query("begin");
      await other.query("select from sign_in_link for update");
      await page.click("button");
      await page.getByText("Not known yet whether it took effect").waitFor();
      await other.query("rollback");
    } finally {
      other.release();
    }
    await page.waitForURL((url) => !url.pathname.startsWith("/console/in"));
    await page.goto(at("/console/me"));
    expect(await page.textContent("h1")).toBe("Person rp_one");
    expect(await count("session where ended_at is null")).toBe(1);
  });

  test("a first load is three requests and few bytes", async () => {
    const sizes: number[] = [];
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      sizes.push(encodedDataLength);
    });
    await page.goto(at("/console/in"), { waitUntil: "networkidle" });
    expect(sizes.length).toBeLessThanOrEqual(4);
    expect(sizes.reduce((sum, one) => sum + one, 0)).toBeLessThan(25 * 1024);
  });
});

function focused(page: Page): Promise<string> {
  return page.evaluate("document.activeElement.textContent.trim()");
}
