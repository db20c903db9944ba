import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeInBrowser, launchBrowser } from "../support/browser.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { serving, type Serving } from "../support/serving.ts";
import { signedIn } from "../support/visitor.ts";
import { figureStates } from "./figure-states.ts";
import { officeStates } from "./office-states.ts";
import { pageStates } from "./page-states.ts";
import { states, type State } from "./states.ts";

/** Pictures to look at; not kept in the repository. */
const shots = fileURLToPath(new URL("../../shots/", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const looks = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
} as const;
/** The pages that most people see: what they say is kept, to be read where it changes. */
const kept = new Set([
  "queue",
  "queue-empty",
  "queue-manager",
  "lead",
  "lead-closed",
  "board",
  "tasks",
  "report-rejections",
  "review-carried",
  "review-half-signed",
  "agreement",
  "version-half-signed",
]);
const narrow = { width: 320, height: 640 };

describeInBrowser("every page in every state", () => {
  let browser: Browser;
  beforeAll(async () => {
    mkdirSync(shots, { recursive: true });
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test.each([...states, ...pageStates, ...officeStates, ...figureStates])(
    "$name",
    async (state) => {
      const world = await peopleWorld();
      const served = await serving(world.app);
      try {
        const path = await state.seed(world);
        const cookie = await cookieOf(world, state);
        const { context, told } = await open(browser, served, cookie);
        const page = await arrive(context, served, path, state);
        for (const [name, { colorScheme, viewport }] of Object.entries(looks)) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize(viewport);
          expect(await violations(page), `axe, ${name}`).toEqual([]);
          await page.screenshot({ path: `${shots}${state.name}-${name}.png`, fullPage: true });
        }
        if ((await page.locator("[data-print]").count()) > 0) await onPaper(page, state.name);
        await page.setViewportSize(narrow);
        expect(await sideways(page), "sideways at 320 px").toEqual([]);
        if (state.isPlain) expect(await page.locator("script").count(), "scripts").toBe(0);
        const text = await page.innerText("main");
        const asKept = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S*/g;
        expect(
          (await page.textContent("main"))?.match(asKept),
          "times as they are kept",
        ).toBeNull();
        await context.close();
        expect(told, "console and policy").toEqual([]);

        const off = await open(browser, served, cookie, { javaScriptEnabled: false });
        const without = await arrive(off.context, served, path, state);
        expect(await without.innerText("main"), "without script").toBe(text);
        if (kept.has(state.name))
          await expect(await heard(without)).toMatchFileSnapshot(`aria/${state.name}.txt`);
        await off.context.close();
      } finally {
        served.close();
        await world.close();
      }
    },
  );
});

/**
 * What a screen reader is told of the page, by roles and names; ids and hashes are drawn anew each
 * time. Without the script, for no minute passes then.
 */
async function heard(page: Page): Promise<string> {
  const tree = await page.locator("body").ariaSnapshot();
  return `${tree.replace(/(?<![a-z_])(ld|ac|ho|rv|ag|rp|rs|tk|tn)_[0-9a-z]{20,}/g, "$1_…").replace(/\b[0-9a-f]{12,64}\b/g, "…")}\n`;
}

async function cookieOf(world: PeopleWorld, { person }: State) {
  if (person === null) return null;
  return (await signedIn({ ...world, now: world.now() }, person)).cookie;
}

/** A window of somebody's browser; `told` has what its console and the policy say. */
async function open(
  browser: Browser,
  { port }: Serving,
  cookie: { readonly name: string; readonly value: string } | null,
  options: BrowserContextOptions = {},
): Promise<{ readonly context: BrowserContext; readonly told: string[] }> {
  const context = await browser.newContext({
    ...options,
    viewport: narrow,
    reducedMotion: "reduce",
  });
  const told: string[] = [];
  // However long the looks take, no minute passes on the page.
  await context.clock.setFixedTime(Date.now());
  if (cookie) await context.addCookies([{ ...cookie, url: `http://127.0.0.1:${port}` }]);
  await context.exposeFunction("toldByPolicy", (what: string) => void told.push(what));
  await context.addInitScript(() => {
    interface Violation {
      violatedDirective: string;
      blockedURI: string;
    }
    const window = globalThis as unknown as {
      addEventListener(name: string, heard: (event: Violation) => void): void;
      toldByPolicy(what: string): void;
    };
    window.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      window.toldByPolicy(`${violatedDirective} ${blockedURI}`),
    );
  });
  context.on("console", (message) => {
    // A browser tells of the page itself when its status is not 200; the test expects that one.
    const isOfPage = message.location().url === message.page()?.url();
    if (!isOfPage || !message.text().startsWith("Failed to load resource"))
      told.push(message.text());
  });
  context.on("weberror", (error) => told.push(error.error().message));
  return { context, told };
}

async function arrive(
  context: BrowserContext,
  { port }: Serving,
  path: string,
  { sent, form: which = "form", status = 200 }: State,
): Promise<Page> {
  const page = await context.newPage();
  let answer = await page.goto(`http://127.0.0.1:${port}${path}`);
  if (sent !== undefined) {
    // Driven as a person would, but for the fields: some of these forms no page offers.
    const form = page.locator(which).first();
    for (const [name, value] of Object.entries(sent)) await put(page, which, name, value);
    [answer] = await Promise.all([
      page.waitForNavigation(),
      form.evaluate((element) => (element as unknown as { submit(): void }).submit()),
    ]);
  }
  expect(answer?.status()).toBe(status);
  return page;
}

/** What comes out of a printer: nothing is wider than an A4 page, and nothing stays folded. */
async function onPaper(page: Page, name: string): Promise<void> {
  await page.setViewportSize({ width: 688, height: 1017 });
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  expect(await sideways(page), "wider than A4").toEqual([]);
  const shown = await page.locator("main :is(form:not(.pool), button)").all();
  for (const one of shown) expect(await one.isVisible(), "a form on paper").toBe(false);
  await page.screenshot({ path: `${shots}${name}-print.png`, fullPage: true });
  const paper = await page.pdf({ path: `${shots}${name}.pdf`, preferCSSPageSize: true });
  const sizes = paper.toString("latin1").match(/\/MediaBox \[[^\]]*\]/g) ?? [];
  expect(new Set(sizes), "pages of A4").toEqual(new Set(["/MediaBox [0 0 594.95996 841.91998]"]));
  await page.emulateMedia({ media: "screen" });
}

/** Sets a field of a form of the page, which need not have it. */
async function put(page: Page, which: string, name: string, value: string): Promise<void> {
  await page
    .locator(which)
    .first()
    .evaluate(
      (form, given) => {
        const document = (form as unknown as { ownerDocument: DocumentLike }).ownerDocument;
        const input = document.createElement("input");
        input.type = "hidden";
        input.name = given.name;
        input.value = given.value;
        for (const one of (form as unknown as FormLike).querySelectorAll(`[name="${given.name}"]`))
          one.remove();
        (form as unknown as FormLike).append(input);
      },
      { name, value },
    );
}

interface DocumentLike {
  createElement(name: string): { type: string; name: string; value: string };
}
interface FormLike {
  querySelectorAll(selector: string): Iterable<{ remove(): void }>;
  append(element: unknown): void;
}

/** What axe finds, one line each: the rule and where. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(document: unknown, options: unknown): Promise<AxeResults> };
    };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { document } = globalThis as unknown as { document: unknown };
    return (await axe.run(document, { runOnly: tags, resultTypes: ["violations"] })).violations;
  });
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
}

/** What is wider than the window, when the page can be moved sideways. */
function sideways(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    interface Element {
      scrollWidth: number;
      clientWidth: number;
      outerHTML: string;
      getBoundingClientRect(): { right: number };
    }
    const { document } = globalThis as unknown as {
      document: { documentElement: Element; querySelectorAll(all: string): Iterable<Element> };
    };
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [...document.querySelectorAll("body *")]
      .filter((one) => one.getBoundingClientRect().right > clientWidth + 0.5)
      .map((one) => one.outerHTML.slice(0, 120));
  });
}
