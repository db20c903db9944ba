import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { signOffer } from "../messages/offer-link.ts";
import { makeLink } from "../store/access/sign-in-links.ts";
import { signingKey } from "../store/access/signing-key.ts";
import { ensureLogin, type LoginWish } from "../store/access/logins.ts";
import { launchBrowser } from "../test/support/chromium.ts";
import type { Governance } from "./console-governance.ts";
import type { ConsoleWorld, OfferOfBench } from "./console-world.ts";
import { median, type Figure } from "./numbers.ts";

/** A person at a page, whose clicks and keys are counted. */
interface Hand {
  readonly page: Page;
  readonly click: (where: Locator) => Promise<void>;
  readonly press: (key: string) => Promise<void>;
}

interface Task {
  readonly name: string;
  readonly person: LoginWish;
  /** At most so many clicks, and seconds from the first click to the shown answer. */
  readonly clicks: number;
  readonly seconds: number;
  /** Where the person is before it. */
  readonly at: (about: string) => string;
  /** What each try is about, instead of an open offer; as many tries as there are. */
  readonly about?: readonly string[];
  /** `about`: the lead of an open offer, unless the task says otherwise. */
  readonly work: (hand: Hand, about: string) => Promise<unknown>;
}

const manager: LoginWish = { role: "manager", repId: "rp_bench_boss" };
const operator: LoginWish = { role: "operator" };
const revops: LoginWish = { role: "revops" };
const leaders = {
  marketing: { role: "leader", party: "marketing", repId: "rp_bench_marketing" },
  sales: { role: "leader", party: "sales", repId: "rp_bench_boss" },
} as const satisfies Record<string, LoginWish>;

/** Every task of the table, so many times, in a window of its own: its clicks, and the seconds in the middle. */
export async function consoleTasks(
  world: ConsoleWorld,
  { open, governance }: { open: readonly OfferOfBench[]; governance: Governance },
  times: number,
): Promise<Figure[]> {
  const browser = await launchBrowser();
  const figures: Figure[] = [];
  try {
    const rep = busiest(open);
    const own = open.filter((one) => one.rep === rep).map(({ lead }) => lead);
    const all = [
      ...tasks({ role: "rep", repId: rep }, await links(world, rep)),
      ...officeTasks(governance),
    ];
    for (const task of all) {
      const took: number[] = [];
      let clicks = 0;
      for (let n = 0; n < (task.about?.length ?? times); n++) {
        const isOfRep = task.person.role === "rep";
        const about = task.about?.[n] ?? (isOfRep ? own.shift() : open.at(-1 - n)?.lead);
        if (about === undefined) throw new Error("there are too few open offers for the tasks");
        const done = await doTask(browser, world, task, about).catch(() => null);
        // A machine that is too busy to answer says nothing of the page; said as missing below.
        if (done === null) continue;
        took.push(done.seconds);
        clicks = done.clicks;
      }
      if (took.length === 0) {
        figures.push({ name: `${task.name}: was not done`, value: 0, unit: "of the tries" });
        continue;
      }
      figures.push(
        { name: task.name, value: clicks, unit: "clicks", goal: { atMost: task.clicks } },
        { name: task.name, value: median(took), unit: "s", goal: { atMost: task.seconds } },
      );
    }
    return figures;
  } finally {
    await browser.close();
  }
}

/** Who has the most offers open, for a task takes one. */
function busiest(open: readonly OfferOfBench[]): string {
  const counts = new Map<string, number>();
  for (const { rep } of open) counts.set(rep, (counts.get(rep) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

async function doTask(
  browser: Browser,
  world: ConsoleWorld,
  task: Task,
  lead: string,
): Promise<{ clicks: number; seconds: number }> {
  const context = await window(browser, world, task.person);
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    // A person has been there before: style sheet and script are known.
    await page.goto(`${world.url}/console/me`);
    const path = task.at(lead);
    await page.goto(path.startsWith("data:") ? path : `${world.url}${path}`);
    let clicks = 0;
    let began = performance.now();
    const counted = async (doIt: () => Promise<void>) => {
      if (clicks === 0) began = performance.now();
      clicks += 1;
      await doIt();
    };
    await task.work(
      {
        page,
        click: (where) => counted(() => where.click()),
        press: (key) => counted(() => page.keyboard.press(key)),
      },
      lead,
    );
    return { clicks, seconds: (performance.now() - began) / 1_000 };
  } finally {
    await context.close();
  }
}

async function window(
  browser: Browser,
  world: ConsoleWorld,
  person: LoginWish,
): Promise<BrowserContext> {
  const context = await browser.newContext();
  await context.addCookies([{ ...(await world.cookieOf(person)), url: world.url }]);
  return context;
}

/** Pages that stand for a mail: one link. */
interface Links {
  readonly offer: (lead: string) => string;
  readonly signIn: () => Promise<string>;
}

async function links({ pool, url }: ConsoleWorld, repId: string): Promise<Links> {
  const secret = await signingKey(pool, Date.now());
  return {
    offer(leadId) {
      const until = Date.now() + 86_400_000;
      const token = signOffer(secret, { repId, leadId, cycle: 1, round: 1, until });
      return `data:text/html,<a href="${url}/console/offer/${token}">Answer</a>`;
    },
    async signIn() {
      const login = await ensureLogin(pool, operator, Date.now());
      return `${url}/console/in/${await makeLink(pool, login.id, "printed", Date.now())}`;
    },
  };
}

const row = (page: Page, lead: string) => page.locator(`[id="${lead}"]`);
const reason = (page: Page) => page.locator("button[value=unsupported-use-case]");
const status = (page: Page) => page.locator("#status:not(.empty)");
const answer = (page: Page) => page.getByRole("link", { name: "Answer" });
const button = (page: Page, name: RegExp | string) => page.getByRole("button", { name }).first();

function tasks(rep: LoginWish, { offer, signIn }: Links): Task[] {
  const queue = () => "/console/queue";
  return [
    {
      name: "rep accepts in the queue",
      person: rep,
      clicks: 1,
      seconds: 1,
      at: queue,
      async work({ page, click }, lead) {
        await click(row(page, lead).getByRole("button", { name: /^Accept/ }));
        await status(page).waitFor();
      },
    },
    {
      name: "rep accepts by keys",
      person: rep,
      clicks: 1,
      seconds: 1,
      at: queue,
      async work({ page, press }, lead) {
        await row(page, lead).locator("[data-key=Enter]").focus();
        await press("a");
        await status(page).waitFor();
      },
    },
    {
      name: "rep accepts from a mail",
      person: rep,
      clicks: 2,
      seconds: 2,
      at: offer,
      async work({ page, click }) {
        await click(answer(page));
        await click(button(page, /^Accept/));
        await page.getByText("SAL").first().waitFor();
      },
    },
    {
      name: "rep rejects with a reason in the queue",
      person: rep,
      clicks: 2,
      seconds: 1.5,
      at: queue,
      async work({ page, click }, lead) {
        await click(row(page, lead).getByRole("link", { name: /^Reject/ }));
        await click(reason(page));
        await status(page).waitFor();
      },
    },
    {
      name: "rep rejects by keys",
      person: rep,
      clicks: 2,
      seconds: 1.5,
      at: queue,
      async work({ page, press }, lead) {
        await row(page, lead).locator("[data-key=Enter]").focus();
        await press("r");
        await page.locator("h1", { hasText: "Reject" }).waitFor();
        await press("3");
        await status(page).waitFor();
      },
    },
    {
      name: "rep rejects from a mail",
      person: rep,
      clicks: 2,
      seconds: 1.5,
      at: offer,
      async work({ page, click }) {
        await click(answer(page));
        await click(reason(page));
        await page
          .getByText(/disqualified/i)
          .first()
          .waitFor();
      },
    },
    {
      name: "rep logs a call",
      person: rep,
      clicks: 2,
      seconds: 1.5,
      at: queue,
      async work({ page, click }, lead) {
        await click(row(page, lead).getByRole("link", { name: /^Log/ }));
        await click(button(page, /no answer/i));
        await status(page).waitFor();
      },
    },
    {
      name: "rep sees why me, and until when",
      person: rep,
      clicks: 1,
      seconds: 1,
      at: queue,
      async work({ page, click }, lead) {
        await click(row(page, lead).locator("[data-key=Enter]"));
        await page
          .getByText(/considered/)
          .first()
          .waitFor();
        await page.locator(".clocks, #clocks").first().waitFor();
      },
    },
    {
      name: "manager sees what breaks next",
      person: manager,
      clicks: 0,
      seconds: 1,
      at: () => "/console/me",
      async work({ page }) {
        await page.goto(new URL("/console", page.url()).href);
        await page.locator("h1", { hasText: "Board" }).waitFor();
        await page.locator("[data-row]").first().waitFor();
      },
    },
    {
      name: "manager gives a lead away",
      person: manager,
      clicks: 2,
      seconds: 2,
      at: () => "/console/board",
      async work({ page, click }) {
        await click(page.getByRole("link", { name: /^Give to/ }).first());
        await click(page.locator("button[name=to]").first());
        await status(page).waitFor();
      },
    },
    {
      name: "operator's first page after the start",
      person: rep,
      clicks: 1,
      seconds: 5,
      at: () => "/console/me",
      async work({ page, click }) {
        await page.context().clearCookies();
        await page.goto(await signIn());
        await click(page.locator("main button").first());
        await page.locator("h1", { hasText: "System" }).waitFor();
      },
    },
    {
      name: "operator finds a stuck lead, and its process",
      person: operator,
      clicks: 1,
      seconds: 2,
      at: () => "/console/me",
      async work({ page, click }) {
        await click(page.getByRole("link", { name: "System" }));
        await page.locator("h1", { hasText: "System" }).waitFor();
        await page.locator("#stuck").first().waitFor();
      },
    },
  ];
}

const link = (page: Page, href: string) => page.locator(`main a[href="${href}"]`).first();
const told = (page: Page, words: string) => page.locator("#status", { hasText: words });

/** What marketing, RevOps and leaders do; each version and each review is for one try. */
function officeTasks({ versions, reviews }: Governance): Task[] {
  const sign = (party: "marketing" | "sales"): Task => ({
    name: `leader of ${party} signs a version`,
    person: leaders[party],
    clicks: 2,
    seconds: 3,
    at: () => "/console/agreement",
    about: versions,
    async work({ page, click }, version) {
      await click(link(page, version));
      await click(button(page, `Sign for ${party}`));
      await told(page, "Signed").waitFor();
    },
  });
  return [
    {
      name: "marketing finds the top reason for a no, and its leads",
      person: { role: "marketing" },
      clicks: 2,
      seconds: 2,
      at: () => "/console/me",
      async work({ page, click }) {
        await click(page.getByRole("link", { name: "Figures", exact: true }));
        await click(page.locator('main a[href^="/console/leads?ids="]').first());
        await page.locator("[data-row]").first().waitFor();
      },
    },
    {
      name: "RevOps reads what a version changes, and its plan",
      person: revops,
      clicks: 1,
      seconds: 3,
      at: () => "/console/agreement",
      about: versions,
      async work({ page, click }, version) {
        await click(link(page, version));
        await page.locator("#plan").waitFor();
        await page.locator("dl.changes").first().waitFor();
      },
    },
    sign("marketing"),
    sign("sales"),
    {
      name: "RevOps activates a version",
      person: revops,
      clicks: 2,
      seconds: 3,
      at: () => "/console/agreement",
      // The plans of the others are of the version before it.
      about: versions.slice(0, 1),
      async work({ page, click }, version) {
        await click(link(page, version));
        await click(button(page, "Activate"));
        await page.locator("#activated").waitFor();
      },
    },
    {
      name: "leader decides and signs in a review",
      person: leaders.marketing,
      clicks: 3,
      seconds: 3,
      at: () => "/console/reviews",
      about: reviews,
      async work({ page, click }, review) {
        await click(link(page, review));
        // By keys, as people fill in a form; the clicks are those of the buttons.
        await page.locator("#what").fill("Raise the size floor");
        await page.locator("#new-owner").selectOption("marketing");
        await page.locator("#new-due").fill("2032-02-01");
        await click(page.locator("form.decide button"));
        await told(page, "Written down").waitFor();
        await click(button(page, "Sign for marketing"));
        await told(page, "Signed").waitFor();
      },
    },
  ];
}

/** "Fast 4G" as the browser's tools have it. */
const fast4G = {
  offline: false,
  latency: 165,
  downloadThroughput: (9 * 1024 * 1024 * 0.9) / 8,
  uploadThroughput: (1.5 * 1024 * 1024 * 0.9) / 8,
};

interface Seen {
  readonly lcp: number;
  readonly cls: number;
}

/** The queue as a browser loads it that has never been there, on a slow line and a slow processor. */
export async function firstLoad(
  world: ConsoleWorld,
  open: readonly OfferOfBench[],
  times: number,
): Promise<Figure[]> {
  const browser = await launchBrowser();
  try {
    const found: (Seen & { bytes: number; requests: number })[] = [];
    for (let n = 0; n < times; n++) {
      const context = await window(browser, world, { role: "rep", repId: busiest(open) });
      const page = await context.newPage();
      const bodies: Promise<number>[] = [];
      page.on("response", (response) => {
        const isStream = /event-stream/.test(response.headers()["content-type"] ?? "");
        bodies.push(isStream ? Promise.resolve(0) : sizeOf(response.body()));
      });
      const devtools = await context.newCDPSession(page);
      await devtools.send("Network.enable");
      await devtools.send("Network.emulateNetworkConditions", fast4G);
      await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
      await page.addInitScript(observe);
      await page.goto(`${world.url}/console/queue`);
      await page.waitForTimeout(1_500);
      const seen = await page.evaluate<Seen>("globalThis.benchSeen");
      const sizes = await Promise.all(bodies);
      found.push({
        ...seen,
        requests: sizes.length,
        bytes: sizes.reduce((sum, size) => sum + size, 0),
      });
      await context.close();
    }
    const middle = (pick: (one: (typeof found)[number]) => number) => median(found.map(pick));
    return [
      {
        name: "first load, requests",
        value: middle((one) => one.requests),
        unit: "",
        goal: { atMost: 4 },
      },
      {
        name: "first load, gzip",
        value: middle((one) => one.bytes) / 1024,
        unit: "KB",
        goal: { atMost: 25 },
      },
      {
        name: "LCP, Fast 4G, processor / 4",
        value: middle((one) => one.lcp) / 1_000,
        unit: "s",
        goal: { atMost: 1.5 },
      },
      { name: "CLS", value: middle((one) => one.cls), unit: "", goal: { atMost: 0 } },
    ];
  } finally {
    await browser.close();
  }
}

async function sizeOf(body: Promise<Buffer>): Promise<number> {
  return gzipSync(await body).length;
}

/** Runs in the page, before it. */
const observe = `
  globalThis.benchSeen = { lcp: 0, cls: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) globalThis.benchSeen.lcp = entry.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput) globalThis.benchSeen.cls += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
`;
