import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { sql } from "../../store/postgres/db.ts";
import type { LoginWish } from "../../store/access/logins.ts";
import { describeInBrowser, launchBrowser } from "../support/browser.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { serving, type Serving } from "../support/serving.ts";
import { signedIn } from "../support/visitor.ts";

describeInBrowser("what RevOps, marketing and a rep do without a script", () => {
  let browser: Browser;
  let world: PeopleWorld;
  let served: Serving;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    world = await peopleWorld();
    served = await serving(world.app);
  });
  afterEach(async () => {
    served?.close();
    await world?.close();
  });

  const at = (path: string) => `http://127.0.0.1:${served.port}${path}`;
  async function as(wish: LoginWish, javaScriptEnabled = false): Promise<Page> {
    const { cookie } = await signedIn({ ...world, now: world.now() }, wish);
    const context = await browser.newContext({ javaScriptEnabled });
    await context.addCookies([{ ...cookie, url: at("") }]);
    return context.newPage();
  }
  const press = (page: Page, name: string | RegExp) =>
    page.getByRole("button", { name }).first().click();
  const status = (page: Page) => page.locator("#status").innerText();

  test("a rep gives their own absence in three fields, and takes it back", async () => {
    const page = await as({ role: "rep", repId: "rp_one" });
    await page.goto(at("/console/roster"));
    await page.getByLabel("First day away").fill("2026-12-01");
    await page.getByLabel("Last day away").fill("2026-12-04");
    await page.getByLabel("Why, as in vacation").fill("vacation");
    await press(page, "Add it");
    expect(await status(page)).toContain("The absence is kept");
    expect(await page.innerText("main")).toContain("You, Tue 1 Dec to Fri 4 Dec");
    const kept = async () =>
      (await world.pool.query("select rep_id, reason from absence")).rows as unknown[];
    expect(await kept()).toEqual([{ rep_id: "rp_one", reason: "vacation" }]);
    await press(page, /^Take back/);
    expect(await status(page)).toContain("taken back");
    expect(await kept()).toEqual([]);
    await page.context().close();
  });

  test("RevOps changes weights and a cap, and the roster says so", async () => {
    const page = await as({ role: "revops" });
    await page.goto(at("/console/roster"));
    await page.getByRole("link", { name: "Weights… americas-sdr" }).click();
    await page.getByLabel("Person rp_two").fill("3");
    await press(page, "Keep these weights");
    expect(await page.innerText("main")).toContain("Person rp_one 1 of 4, Person rp_two 3 of 4");
    await page.getByRole("link", { name: "Caps… Person rp_one" }).click();
    await page.getByLabel("Leads a day").fill("12");
    await press(page, "Keep these caps");
    expect(await page.innerText("main")).toContain("at most 12 a day");
    await page.getByRole("link", { name: "Caps… Person rp_one" }).click();
    await page.getByLabel("Leads a day").fill("-1");
    await press(page, "Keep these caps");
    expect(await page.innerText("main")).toContain(
      "Not done. Expected a whole number from 0 to 100000.",
    );
    await page.getByLabel("Leads a day").fill("");
    await press(page, "Keep these caps");
    expect(await page.innerText("main")).not.toContain("at most");
    await page.context().close();
  });

  test("marketing names an account, merges another into it, and moves somebody away", async () => {
    const lead = async (email: string, name: string): Promise<string> =>
      (
        await world.ask("POST", "/leads", {
          body: {
            facts: { "lead.email": email, "lead.name": name, "account.name": `The ${name}` },
          },
          as: "marketing",
        })
      ).body.id;
    const acme = await lead("a@acme.com", "Acme");
    await lead("b@beta.com", "Beta");
    const page = await as({ role: "marketing" });
    await page.goto(at("/console/accounts?q=the%20acme"));
    await page.getByRole("link", { name: "The Acme" }).click();
    await page.getByText("Add a name").click();
    await page.getByLabel("Name", { exact: true }).fill("acme.de");
    await press(page, "Add it");
    expect(await page.innerText("aside")).toContain("acme.de");
    await page.getByRole("link", { name: "Merge another into it…" }).click();
    await page.getByLabel(/^Which other/).fill("beta.com");
    await press(page, "Look for it");
    await press(page, /^Merge The Beta/);
    expect(await status(page)).toContain("one account now");
    expect(await page.locator("tbody").first().innerText()).toContain("Beta");
    await page.getByRole("link", { name: "Move… Acme" }).click();
    await page.getByLabel(/^The company's domain/).fill("other-company.com");
    await press(page, "Move it there");
    expect(await page.innerText("h1")).toBe("other-company.com");
    const { account } = (await world.ask("GET", `/leads/${acme}`)).body;
    expect(account.domain).toBe("other-company.com");
    await page.context().close();
  });

  test("what a lead would come to is tried, and nothing is written", async () => {
    const page = await as({ role: "marketing" });
    await page.goto(at("/console/simulate"));
    for (const [label, value] of [
      ["E-mail (required)", "jo@tried-company.com"],
      ["Name (required)", "Jo Tried"],
      ["Role (required)", "Operations"],
      ["Company (required)", "Tried Company"],
      ["Title", "VP Operations"],
      ["Source (required)", "google"],
      ["Employees of the company", "900"],
      ["Industry of the company", "Software"],
      ["Country of the company", "US"],
    ] as const)
      await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByLabel("They did").selectOption("demo_request");
    await press(page, "Try it");
    const said = await page.innerText(".result");
    expect(said).toContain("It would be handed to sales");
    expect(said).toMatch(/Outreach due\s+in/);
    expect(said).toMatch(/Who was considered: \d/);
    expect(await page.getByLabel("E-mail (required)", { exact: true }).inputValue()).toBe(
      "jo@tried-company.com",
    );
    expect((await world.pool.query("select from lead")).rowCount).toBe(0);
    await page.context().close();
  });

  const map = "columns:\n  E-mail: lead.email\n  Employees: account.employees\n";
  const rowsOfFile = (n: number) =>
    Array.from({ length: n }, (_, i) => `p${i}@company-${i}.com,${i === 3 ? "many" : 100 + i}`);
  const file = (n: number) => ({
    name: "fair.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(["E-mail,Employees", ...rowsOfFile(n)].join("\n")),
  });

  test("a file is checked, imported, its refused rows come as a file, and a second run finds all known", async () => {
    const page = await as({ role: "marketing" });
    const sendFile = async (button: string) => {
      await page.goto(at("/console/imports"));
      await page.getByLabel(/^The file/).setInputFiles(file(20));
      await page
        .getByLabel("Or the map as a file")
        .setInputFiles({ name: "map.yaml", mimeType: "text/plain", buffer: Buffer.from(map) });
      await press(page, button);
    };
    await sendFile("Only check it");
    expect(await page.innerText("main")).toContain("19 of 20 rows can be taken in");
    expect((await world.pool.query("select from import")).rowCount).toBe(0);
    await sendFile("Import it");
    expect(await page.innerText("h1")).toBe("fair.csv");
    await expect
      .poll(
        async () => {
          await page.reload();
          return page.innerText("main");
        },
        { timeout: 60_000 },
      )
      .toContain("20 rows: 19 new, 0 known (0 changed), 1 refused");
    expect(await page.innerText("tbody")).toMatch(/5\s+Employees/);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download the refused rows" }).click(),
    ]);
    const text = readFileSync(await download.path(), "utf8");
    expect(text.split("\n")[0]).toBe("Baton line,Baton column,Baton expected,E-mail,Employees");
    expect(text).toContain("p3@company-3.com,many");
    await sendFile("Import it");
    expect(await status(page)).toContain("20 rows: 0 new, 19 known (0 changed), 1 refused");
    const { rows } = await world.pool.query(sql`select file_name, map_text from import`);
    expect(rows).toEqual([{ file_name: "fair.csv", map_text: map.trim() }]);
    await page.getByRole("link", { name: "Send another file with the same map" }).click();
    expect(await page.getByLabel("Which column is which fact").inputValue()).toBe(map.trim());
    await page.context().close();
  });

  test("a map that does not fit is refused at its field, and keeps what was written", async () => {
    const page = await as({ role: "marketing" });
    await page.goto(at("/console/imports"));
    await page.getByLabel(/^The file/).setInputFiles(file(2));
    await page.getByLabel("Which column is which fact").fill("columns: { E-mail: lead.nothing }");
    const [answer] = await Promise.all([page.waitForNavigation(), press(page, "Import it")]);
    expect(answer?.status()).toBe(422);
    expect(await page.locator("[aria-invalid]").getAttribute("name")).toBe("map");
    expect(await page.getByLabel("Which column is which fact").inputValue()).toContain("nothing");
    await page.context().close();
  });

  test("with a script the page of an import goes on by itself until it is done", async () => {
    await world.pool.query(sql`
      insert into import (id, file_hash, map_hash, map, state, rows_done, rows_total, started_at)
        values ('im_slow', 'a', 'a', '{}', 'running', 10, 20, ${new Date(world.now())})`);
    const page = await as({ role: "marketing" }, true);
    await page.clock.install();
    await page.goto(at("/console/imports/im_slow"));
    expect(await page.innerText("main")).toContain("so far 10 rows");
    await world.pool.query("update import set state = 'done', rows_done = 20");
    await Promise.all([page.waitForNavigation(), page.clock.runFor(3_500)]);
    expect(await page.innerText("main")).toContain("Done");
    expect(await page.locator("[data-refresh]").count()).toBe(0);
    await page.context().close();
  });

  test("by keyboard: / searches accounts, j and Enter open one, u goes back", async () => {
    await world.ask("POST", "/leads", {
      body: { facts: { "lead.email": "a@acme.com" } },
      as: "marketing",
    });
    const page = await as({ role: "marketing" }, true);
    await page.goto(at("/console/accounts"));
    await page.keyboard.press("/");
    await page.keyboard.type("acme");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    await page.keyboard.press("j");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    expect(await page.innerText("h1")).toBe("acme.com");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("u")]);
    expect(new URL(page.url()).pathname).toBe("/console/accounts");
    await page.context().close();
  });
});
