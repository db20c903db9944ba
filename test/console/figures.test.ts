import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LoginWish } from "../../store/access/logins.ts";
import { pastMonths } from "../support/past-months.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, type Visitor } from "../support/visitor.ts";
import { rulesIn, withRuleWords } from "../../words/rules.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
  await pastMonths(world, 300);
});
afterAll(() => world.close());

const as = (wish: LoginWish): Promise<Visitor> => signedIn({ ...world, now: world.now() }, wish);
const days = "from=2026-09-01&to=2026-11-23";
const inApi = "from=2026-09-01T00:00:00Z&to=2026-11-24T00:00:00Z";
const unescaped = (text: string) => text.replaceAll("&amp;", "&").replaceAll("&#39;", "'");

describe("the first page", () => {
  test("is figures for marketing, the agreement for RevOps, reviews for who leads", async () => {
    for (const [wish, path] of [
      [{ role: "marketing" }, "/console/figures"],
      [{ role: "revops" }, "/console/agreement"],
      [{ role: "leader", party: "sales" }, "/console/reviews"],
    ] as const) {
      const visitor = await as(wish);
      expect((await visitor.get("/console")).location).toBe(path);
      expect((await visitor.get(path)).status).toBe(200);
    }
  });
});

describe("a report's sentence", () => {
  const words = (text: string) => unescaped(text.replace(/<[^>]*>/g, ""));

  test("compares with as long a time before, as the same query counts it as it stood then", async () => {
    const visitor = await as({ role: "marketing" });
    for (const name of ["acceptance", "funnel", "sla", "rejections"]) {
      const page = words((await visitor.get(`/console/reports/${name}?${days}`)).text);
      const { body } = await world.ask("GET", `/reports/${name}?${inApi}&compare=before`);
      expect(page).toContain(body.inWords);
      expect(body.inWords).toContain("in the period before");
      const length = Date.parse(body.to) - Date.parse(body.from);
      expect(Date.parse(body.from) - Date.parse(body.before.from)).toBe(length);
      expect(Date.parse(body.asOf) - Date.parse(body.before.asOf)).toBe(length);
      expect(page).toContain("Compared with 9 Jun to 31 Aug 2026, as it stood");
      // Without being asked the API compares with nothing.
      const alone = (await world.ask("GET", `/reports/${name}?${inApi}`)).body;
      expect(alone.before).toBeNull();
      expect(alone.rows).toEqual(body.rows);
    }
    // The counts of the time before are those of the same question about it.
    const { body } = await world.ask("GET", `/reports/acceptance?${inApi}&compare=before`);
    const { from, to, asOf } = body.before;
    const earlier = await world.ask(
      "GET",
      `/reports/acceptance?from=${from}&to=${to}&asOf=${asOf}`,
    );
    const { numerator, denominator } = earlier.body.rows[0].acceptanceRate;
    expect(body.inWords).toContain(`${numerator} of ${denominator}`);
  });

  test("claims no change of so few, and compares neither a trend nor what stands at one moment", async () => {
    const visitor = await as({ role: "marketing" });
    const few = words(
      (await visitor.get("/console/reports/acceptance?from=2026-11-20&to=2026-11-23")).text,
    );
    expect(few).not.toMatch(/(?:more|less) than the/);
    const { text: trend } = await visitor.get(`/console/reports/acceptance?${days}&groupBy=month`);
    const { text: stands } = await visitor.get("/console/reports/aging");
    for (const text of [trend, stands]) expect(words(text)).not.toContain("Compared with");
  });
});

describe("figures", () => {
  test("say what the API says, of the days and the source of the address", async () => {
    const visitor = await as({ role: "marketing" });
    const page = await visitor.get(`/console/figures?${days}&source=web`);
    const { body } = await world.ask("GET", `/reports/funnel?${inApi}&source=web`);
    for (const step of ["mql", "sal", "sql"]) {
      const { count } = body.rows.find((row: { step: string }) => row.step === step);
      expect(count).toBeGreaterThan(0);
      expect(page.text).toContain(`<strong>${count}</strong>`);
    }
    expect(page.text).toContain("from web");
    const all = await visitor.get(`/console/figures?${days}`);
    expect(all.text).toContain(`/console/figures?from=2026-09-01&amp;to=2026-11-23&amp;source=web`);
  });

  test("a reason for a no opens the leads that were rejected for it, two clicks from anywhere", async () => {
    const visitor = await as({ role: "marketing" });
    const lead = await world.lead("rp_one");
    await world.pool.query(`
      insert into answer (id, handoff_id, round, kind, by_id, reason, reason_group, contested,
        received_at, told_at) select 'ax_test', handoff_id, 1, 'reject', 'rp_one', 'no-budget',
        'timing', false, now(), now() from process where subject_id = '${lead}'`);
    await world.pool.query(`update answer set received_at = '2026-11-23T12:00:00Z',
      told_at = '2026-11-23T12:00:00Z' where id = 'ax_test'`);
    const page = await visitor.get(`/console/figures?${days}`);
    const [, link] = /<a href="([^"]*)"><bdi>no budget/.exec(page.text) ?? [];
    expect(link).toBe(`/console/leads?ids=${lead}`);
    const leads = await visitor.get(unescaped(link ?? ""));
    expect(leads.text).toContain("Kim Example");
    expect(leads.text.match(/data-row/g)).toHaveLength(1);
  });

  test("open the leads that they count for who leads, and tell nobody what is lost who may not ask", async () => {
    const leader = await as({ role: "leader", party: "sales" });
    const { text } = await leader.get(`/console/figures?${days}`);
    expect(text).toContain("Nothing lost");
    // The lead of the test before, which was rejected for it.
    const [, link] = /<a href="([^"]*)"><bdi>no budget/.exec(text) ?? [];
    const list = await leader.get(unescaped(link ?? ""));
    expect(list.status).toBe(200);
    const [, lead] = /href="(\/console\/leads\/ld_[^"?]*)/.exec(list.text) ?? [];
    const page = await leader.get(lead ?? "");
    expect(page.status).toBe(200);
    // To be read: no form but the one that signs out, and nothing to correct.
    expect(page.text).not.toMatch(/\[?correct\b|action="\/console\/leads/);
    // The queue is not theirs, and an address that says they came from there opens all the same.
    expect((await leader.get(`${lead}?from=queue`)).status).toBe(200);
    const manager = await as({ role: "manager", repId: "rp_boss" });
    expect((await manager.get(`/console/figures?${days}`)).text).not.toContain("Nothing lost");
  });
});

describe("a report", () => {
  test("is the API's, as page, picture and table, for every report there is", async () => {
    const visitor = await as({ role: "operator" });
    const { body } = await world.ask("GET", "/reports");
    expect(body.reports.length).toBeGreaterThan(20);
    for (const { name, question, hasPicture, period } of body.reports) {
      const asked = period.startsWith("nothing") ? "" : inApi;
      const page = await visitor.get(`/console/reports/${name}?${days}`);
      expect([name, page.status]).toEqual([name, 200]);
      expect(unescaped(page.text)).toContain(question);
      const figures = (await world.ask("GET", `/reports/${name}?${asked}&compare=before`)).body;
      expect(unescaped(page.text), name).toContain(
        withRuleWords(figures.inWords, rulesIn(figures.rows)),
      );
      const table = await visitor.get(`/console/reports/${name}/table?${days}`);
      const csv = await world.ask("GET", `/reports/${name}.csv?${asked}`);
      expect(table.text, name).toBe(csv.body);
      expect(table.headers.get("content-disposition")).toContain(`${name}.csv`);
      const picture = await visitor.get(`/console/reports/${name}/picture?${days}`);
      expect([name, picture.status]).toEqual([name, hasPicture ? 200 : 404]);
      if (hasPicture)
        expect(picture.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
  });

  test("about single people is for those who lead them", async () => {
    for (const path of ["/console/reports/reps", "/console/reports/acceptance?groupBy=rep"]) {
      expect((await (await as({ role: "marketing" })).get(path)).status, path).toBe(403);
      expect((await (await as({ role: "revops" })).get(path)).status, path).toBe(200);
    }
    const office = await as({ role: "marketing" });
    expect((await office.get("/console/figures")).text).not.toContain("/console/reports/reps");
    expect((await office.get("/console/reports/acceptance")).text).not.toContain('value="rep"');
  });

  test("calls people by their names, in sentence, picture and table; their ids are for the address", async () => {
    await world.pool.query("update rep set name = 'Kim Reyes' where id = 'rp_one'");
    const { body } = await world.ask("GET", `/reports/acceptance?${inApi}&groupBy=rep`);
    expect(body.people).toMatchObject({ rp_one: "Kim Reyes" });
    expect(body.rows.map(({ group }: { group: string }) => group)).toContain("rp_one");
    const visitor = await as({ role: "revops" });
    const { text } = await visitor.get(`/console/reports/acceptance?${days}&groupBy=rep`);
    expect(text).toContain("Kim Reyes");
    expect(text.replaceAll(/<[^>]*>/g, "")).not.toContain("rp_one");
    const picture = await visitor.get(`/console/reports/acceptance/picture?${days}&groupBy=rep`);
    expect(picture.text).toContain("Kim Reyes");
    expect(picture.text).not.toContain("rp_one");
  });

  test("filters by a click on a group, and takes the filter away by another", async () => {
    const visitor = await as({ role: "marketing" });
    const grouped = await visitor.get(`/console/reports/acceptance?${days}&groupBy=source`);
    const only = `/console/reports/acceptance?${days}&source=web`;
    expect(unescaped(grouped.text)).toContain(`href="${only}"`);
    const one = await visitor.get(only);
    expect(unescaped(one.text)).toContain(`href="/console/reports/acceptance?${days}"`);
  });

  test("that is not there is 404; days that are none are named", async () => {
    const visitor = await as({ role: "marketing" });
    expect((await visitor.get("/console/reports/nothing")).status).toBe(404);
    expect((await visitor.get("/console/reports/nothing/table")).status).toBe(404);
    for (const [query, words] of [
      ["from=2026-02-31", "From: expected a day"],
      ["from=2026-11-23&to=2026-11-01", "From: expected a time before <code>to</code>"],
      ["groupBy=colour", "Group by: "],
    ] as const) {
      const { status, text } = await visitor.get(`/console/reports/funnel?${query}`);
      expect([query, status]).toEqual([query, 422]);
      expect(text).toContain(words);
    }
  });
});

test("leads are listed by their ids, as far as the reader reaches, and by nothing else", async () => {
  const [mine, other] = [await world.lead("rp_one"), await world.lead("rp_other")];
  const listed = async (as: "operator" | "boss", ids: string) =>
    world.ask("GET", `/leads?ids=${ids}`, { as });
  const idsOf = ({ body }: { body: { items: { id: string }[] } }) => body.items.map(({ id }) => id);
  expect(idsOf(await listed("operator", `${mine},${other}`)).toSorted()).toEqual(
    [mine, other].toSorted(),
  );
  expect(idsOf(await listed("boss", `${mine},${other}`))).toEqual([mine]);
  const due = await world.ask("GET", `/leads?sort=due&ids=${other}`);
  expect(idsOf(due)).toEqual([other]);
  for (const wrong of ["", "ld_1;ld_2", `${"ld_1,".repeat(100)}ld_1`])
    expect((await listed("operator", wrong)).status).toBe(422);
});
