import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createLive, type Live } from "../../api/live.ts";
import { signedInOf } from "../../store/access/sessions.ts";
import { listen, type Listening } from "../../store/postgres/listen.ts";
import { sql } from "../../store/postgres/db.ts";
import { changesChannel, tellChanges } from "../../store/process/changed.ts";
import { describeInBrowser, launchBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { peopleWorld, type Persona, type PeopleWorld } from "../support/people-world.ts";
import { serving, type Serving } from "../support/serving.ts";
import { signedIn } from "../support/visitor.ts";

const minute = 60_000;

describeInBrowser("a page that is looked at", () => {
  let browser: Browser;
  let world: PeopleWorld;
  let live: Live;
  let listening: Listening;
  let telling: ReturnType<typeof tellChanges>;
  let served: Serving;
  let context: BrowserContext;
  let page: Page;
  let leads: string[];
  let losses: number;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    losses = 0;
    live = createLive({
      clock: () => world.now(),
      areSignedIn: (ids) => signedInOf(world.pool, ids, world.now()),
      beatMs: 100,
    });
    world = await peopleWorld({ live });
    listening = listen(world.databaseUrl, [changesChannel], (_, payload) => {
      live.heard(payload);
      if (payload === "") losses += 1;
    });
    // The connection stands before anything is told: what is told before is not heard.
    await eventually(20, () => Promise.resolve(losses >= 1));
    const { pool, keyed, routing } = world.pools;
    telling = tellChanges([pool, keyed, routing], keyed);
    await eventually(20, () => Promise.resolve(losses >= 2));
    served = await serving(world.app);
    ({ context, page } = await signIn("rp_one"));
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
    live?.stop();
    served?.close();
    await telling?.stop();
    await listening?.stop();
    await world?.close();
  });

  async function signIn(repId: string) {
    const { cookie } = await signedIn({ ...world, now: world.now() }, { role: "rep", repId });
    const window = await browser.newContext();
    await window.addCookies([{ ...cookie, url: `http://127.0.0.1:${served.port}` }]);
    return { context: window, page: await window.newPage() };
  }
  /** Opens a page and waits until it listens. */
  async function open(path: string, in_ = page) {
    const before = live.size();
    await in_.goto(`http://127.0.0.1:${served.port}${path}`);
    await eventually(20, () => Promise.resolve(live.size() === before + 1));
  }
  async function does(as: Persona, lead: string | undefined, place: string, body: object = {}) {
    const answer = await world.ask("POST", `/leads/${lead}/${place}`, { as, body });
    expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
  }
  const row = (id: string | undefined) => page.locator(`[id="${id}"]`);
  const accept = (id: string | undefined) => row(id).getByRole("button", { name: /^Accept/ });
  const notice = (text: string) => page.locator("#changes", { hasText: text }).waitFor();
  const places = (): Promise<string[]> =>
    page.evaluate(
      `[...document.querySelectorAll("h1, #changes, tr")].map((one) => {
        const { x, y, width } = one.getBoundingClientRect();
        return [one.id, x, y, width].join(" ");
      })`,
    );

  test("shows in place what another window did, and nothing else moves", async () => {
    await open("/console/queue");
    const before = await places();
    const began = performance.now();
    await does("one", leads[1], "accept");
    const committed = performance.now();
    await accept(leads[1]).waitFor({ state: "detached" });
    const shown = performance.now();
    process.stderr.write(
      `a fresh row after ${Math.round(shown - committed)} ms (asked for ${Math.round(committed - began)} ms before)\n`,
    );
    expect(await row(leads[1]).getByText("Log…").count()).toBe(1);
    expect(await places()).toEqual(before);
    expect(await page.textContent("#changes")).toBe("");
  });

  test("is there after four requests, that for its events included", async () => {
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    const refused: string[] = [];
    page.on("console", (message) => refused.push(message.text()));
    await open("/console/queue");
    // What a browser wants for a tab's icon, it wants by now.
    await does("one", leads[1], "accept");
    await accept(leads[1]).waitFor({ state: "detached" });
    expect(asked.slice(0, 4)).toEqual([
      "/console/queue",
      expect.stringMatching(/^\/console\/assets\/console\..{16}\.css$/),
      expect.stringMatching(/^\/console\/assets\/console\.browser\..{16}\.js$/),
      "/console/live",
    ]);
    expect(asked.slice(4)).toEqual(["/console/queue"]);
    expect(refused).toEqual([]);
  });

  test("only counts what came and what went, until it is asked for", async () => {
    await open("/console/queue");
    const before = await places();
    const other = await world.lead("rp_one", { waitingOn: "answer" });
    await does("one", other, "outreach", { channel: "call", outcome: "no_answer" });
    await notice("1 change elsewhere. Show");
    await does("one", leads[0], "reject", { reason: "unsupported-use-case" });
    await notice("2 changes elsewhere. Show");
    await row(leads[0]).getByText("not here any more").waitFor();
    expect(await row(other).count()).toBe(0);
    // The row that went stands where it stood; only the notice has become wider.
    const [, , ...rows] = await places();
    expect(rows).toEqual(before.slice(2));
    await page.getByRole("link", { name: "Show" }).click();
    await row(other).waitFor();
    expect(await row(leads[0]).count()).toBe(0);
    expect(await page.textContent("#changes")).toBe("");
  });

  test("marks a row that has the focus, and puts it right when it has it no more", async () => {
    await open("/console/queue");
    await accept(leads[1]).focus();
    await does("one", leads[1], "accept");
    await row(leads[1]).getByText("changed").waitFor();
    expect(await accept(leads[1]).evaluate((one) => one.matches(":focus"))).toBe(true);
    await accept(leads[0]).focus();
    await accept(leads[1]).waitFor({ state: "detached" });
    expect(await row(leads[1]).getByText("changed").count()).toBe(0);
  });

  test("marks a row that is under the pointer", async () => {
    await open("/console/queue");
    await accept(leads[1]).hover();
    await does("one", leads[1], "accept");
    await row(leads[1]).getByText("changed").waitFor();
    expect(await accept(leads[1]).count()).toBe(1);
    await page.locator("h1").hover();
    await accept(leads[1]).waitFor({ state: "detached" });
  });

  test("changes nothing behind a dialog until it is closed", async () => {
    await open("/console/queue");
    await page.keyboard.press("?");
    await page.locator("dialog").waitFor();
    const answered = page.waitForResponse((response) => response.url().endsWith("/console/queue"));
    const before = await page.innerHTML("main");
    await does("one", leads[1], "accept");
    await (await answered).finished();
    expect(await page.innerHTML("main")).toBe(before);
    await page.keyboard.press("Escape");
    await accept(leads[1]).waitFor({ state: "detached" });
  });

  test("about one lead says that it has changed, and says nothing of what it shows already", async () => {
    await open(`/console/leads/${leads[0]}`);
    await does("one", leads[1], "accept");
    await does("one", leads[0], "accept");
    await notice("This lead has changed. Show");
    // The same hint reaches the new page, which is newer than it.
    const asked = page.waitForResponse((one) => one.request().resourceType() === "xhr");
    await page.getByRole("link", { name: "Show" }).click();
    await page.locator(".standing", { hasText: "SAL" }).waitFor();
    await (await asked).finished();
    expect(await page.textContent("#changes")).toBe("");
  });

  test("that answers a form asks for its own address, not for the form's", async () => {
    await open(`/console/leads/${leads[0]}`);
    await does("one", leads[0], "accept");
    await notice("This lead has changed. Show");
    const [refused] = await Promise.all([
      page.waitForResponse((one) => one.request().method() === "POST"),
      page.getByRole("button", { name: "Accept" }).click(),
    ]);
    expect(refused.status()).toBe(409);
    await eventually(20, () => Promise.resolve(live.size() === 1));
    await does("one", leads[0], "outreach", { channel: "call", outcome: "no_answer" });
    await notice("This lead has changed. Show");
    await page.keyboard.press(".");
    await page.waitForURL(`**/console/leads/${leads[0]}`);
    await page.locator("h1", { hasText: "Kim Example" }).waitFor();
  });

  test("listens only while it is visible, and hears then what it missed", async () => {
    await open("/console/queue");
    const look = async (state: string) =>
      page.evaluate(
        `Object.defineProperty(document, "visibilityState", { configurable: true, value: "${state}" });
        document.dispatchEvent(new Event("visibilitychange"));`,
      );
    await look("hidden");
    await eventually(20, () => Promise.resolve(live.size() === 0));
    await does("one", leads[1], "accept");
    await look("visible");
    await accept(leads[1]).waitFor({ state: "detached" });
    expect(live.size()).toBe(1);
  });

  test("comes back after a lost connection, and hears what it missed", async () => {
    await open("/console/queue");
    served.server.closeAllConnections();
    await eventually(20, () => Promise.resolve(live.size() === 0));
    await does("one", leads[1], "accept");
    await accept(leads[1]).waitFor({ state: "detached" });
  });

  test("comes back where something in between has answered that Baton is away", async () => {
    let asked = 0;
    await page.clock.install();
    await page.route("**/console/live?*", (route) =>
      asked++ === 0 ? route.fulfill({ status: 503, body: "" }) : route.continue(),
    );
    await page.goto(`http://127.0.0.1:${served.port}/console/queue`);
    await eventually(20, () => Promise.resolve(asked === 1));
    await eventually(20, async () => {
      await page.clock.runFor(5_001);
      return live.size() === 1;
    });
  });

  test("asks again for what it heard of where Baton is away for a moment", async () => {
    await open("/console/queue");
    let refused = 0;
    await page.route("**/console/queue*", (route) =>
      refused++ === 0 ? route.fulfill({ status: 503, body: "" }) : route.continue(),
    );
    await does("one", leads[1], "accept");
    await accept(leads[1]).waitFor({ state: "detached" });
    expect(refused).toBe(2);
    expect(await page.textContent("#changes")).toBe("");
  });

  test("is told that something may have changed where it stays away", async () => {
    await open("/console/queue");
    await page.route("**/console/queue*", (route) => route.fulfill({ status: 503, body: "" }));
    await does("one", leads[1], "accept");
    await notice("Something may have changed. Show");
  });

  test("is told that something may have changed when Postgres has cut the listener", async () => {
    await open("/console/queue");
    await world.pool.query(sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like 'listen %'`);
    await notice("Something may have changed. Show");
    // And goes on hearing.
    await does("one", leads[1], "accept");
    await accept(leads[1]).waitFor({ state: "detached" });
    expect(await page.textContent("#changes")).toBe("Something may have changed. Show");
  });

  test("is told so, too, when a process begins whose forerunner may have died with hints", async () => {
    await open("/console/queue");
    const another = tellChanges([], world.pool);
    await notice("Something may have changed. Show");
    await another.stop();
  });

  test("of another rep hears nothing", async () => {
    const other = await signIn("rp_other");
    const asked: string[] = [];
    // From the beginning: the browser tells of a request after the server has heard it.
    other.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await open("/console/queue", other.page);
    await open("/console/queue");
    // That the page heard is enough, however long its answer takes.
    const heard = page.waitForRequest((request) => request.resourceType() === "xhr");
    await does("one", leads[1], "accept");
    await heard;
    expect(asked.filter((path) => path === "/console/queue")).toHaveLength(1);
    expect(await other.page.textContent("#changes")).toBe("");
    await other.context.close();
  });

  test("hears no more when its session ends", async () => {
    await open("/console/queue");
    await world.pool.query("update session set ended_at = now()");
    await eventually(20, () => Promise.resolve(live.size() === 0));
    await does("one", leads[1], "accept");
    // It does not ask again, either: there is nothing to wait for but the next beats.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(live.size()).toBe(0);
    expect(await accept(leads[1]).count()).toBe(1);
  });

  test("in a seventh tab is there like the first", async () => {
    for (let n = 0; n < 7; n++) {
      const tab = await context.newPage();
      await tab.goto(`http://127.0.0.1:${served.port}/console/queue`);
      await tab.locator("h1").waitFor();
    }
    await eventually(20, () => Promise.resolve(live.size() === 4));
    await eventually(20, () => Promise.resolve(live.size() <= 4));
  });
});
