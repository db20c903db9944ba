import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openReview } from "../../activities/review.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { ReviewKind } from "../../handoff/reviews/review.ts";
import type { LoginWish } from "../../store/access/logins.ts";
import { sql } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { formsIn } from "../support/forms.ts";
import { pastMonths } from "../support/past-months.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, type Shown, type Visitor } from "../support/visitor.ts";

const hour = 3_600_000;
const marketing: LoginWish = { role: "leader", party: "marketing", repId: "rp_mark" };
const sales: LoginWish = { role: "leader", party: "sales", repId: "rp_chief" };

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
  await pastMonths(world, 200);
});
afterAll(() => world.close());

const as = (wish: LoginWish): Promise<Visitor> => signedIn({ ...world, now: world.now() }, wish);
let weeks = 40;
async function opened(kind: ReviewKind = "weekly", period?: string): Promise<string> {
  const deps = { pool: world.pool, agreements: createAgreements(agreementOf) };
  const of = period ?? `2027-W${weeks++}`;
  return `/console/reviews/${(await openReview(deps, { kind, period: of, now: world.now() })).reviewId}`;
}
const signatures = async (path: string) =>
  (await world.ask("GET", path.replace("/console", ""))).body.signatures as { party: string }[];
const actionsOf = ({ text }: Shown) => formsIn(text).map(({ action }) => action);
const tomorrow = () => new Date(world.now() + 24 * hour).toISOString().slice(0, 10);

describe("signing a review", () => {
  test("two leaders sign, each for a party, and both see who did", async () => {
    const path = await opened();
    const [ours, theirs] = [await as(marketing), await as(sales)];
    expect(actionsOf(await ours.get(path))).toContain(`${path}/sign`);
    const signed = await ours.post(`${path}/sign`, { back: path });
    expect([signed.status, signed.location]).toEqual([303, `${path}?did=sign`]);
    // A party signs once, and its leader is asked no more.
    expect(actionsOf(await ours.get(path))).not.toContain(`${path}/sign`);
    expect((await theirs.get(path)).text).toContain("Sign for sales");
    expect((await theirs.post(`${path}/sign`, { back: path })).status).toBe(303);
    expect((await signatures(path)).map(({ party }) => party)).toEqual(["marketing", "sales"]);
    const shown = (await ours.get(path)).text;
    expect(shown).toContain("Person rp_chief");
    expect(shown).toContain("Person rp_mark");
    // Nobody is called by the id of a login.
    expect(shown).not.toMatch(/\b(?:tn|lg)_[0-9a-z]{20}/);
  });

  test("who comes second for a party reads who signed, and it stands", async () => {
    const path = await opened();
    await (await as(sales)).post(`${path}/sign`, {});
    const late = await (await as({ ...sales, repId: "rp_boss" })).post(`${path}/sign`, {});
    expect(late.status).toBe(409);
    expect(late.text).toContain("The party has signed: rp_chief");
    expect(await signatures(path)).toHaveLength(1);
  });

  test("wants a session of the last 12 hours, and says how to go on", async () => {
    const path = await opened();
    const leader = await as(marketing);
    const before = world.now();
    try {
      world.setNow(before + 12 * hour - 1);
      expect(actionsOf(await leader.get(path))).toContain(`${path}/sign`);
      world.setNow(before + 12 * hour);
      const page = await leader.get(path);
      expect(actionsOf(page)).not.toContain(`${path}/sign`);
      expect(page.text).toContain("you signed in more than 12 hours ago");
      // Sent from a page that was opened before.
      const refused = await leader.post(`${path}/sign`, {});
      expect(refused.status).toBe(403);
      expect(refused.text).toContain("Nothing was signed");
      expect(refused.text).toContain(`href="/console/in?to=${encodeURIComponent(path)}"`);
      expect(await signatures(path)).toEqual([]);
      // Signed in anew it goes; a token of the API has no session that could be old.
      expect((await (await as(marketing)).post(`${path}/sign`, {})).status).toBe(303);
      const api = await world.ask("POST", `${path.replace("/console", "")}/sign`, {
        as: "salesLeader",
        body: {},
      });
      expect(api.status).toBe(200);
    } finally {
      world.setNow(before);
    }
  });

  test("is a person's: who leads a party and is nobody by name reads how to sign, and cannot", async () => {
    const path = await opened();
    const nobody = await as({ role: "leader", party: "marketing" });
    const page = await nobody.get(path);
    expect(actionsOf(page)).not.toContain(`${path}/sign`);
    expect(page.text).toContain("baton sign-in rp_… --party marketing");
    expect((await nobody.post(`${path}/sign`, {})).status).toBe(403);
  });

  test("is for leaders alone", async () => {
    const path = await opened();
    for (const wish of [{ role: "revops" }, { role: "manager", repId: "rp_boss" }] as const) {
      const visitor = await as(wish);
      expect(actionsOf(await visitor.get(path))).not.toContain(`${path}/sign`);
      expect((await visitor.post(`${path}/sign`, {})).status).toBe(403);
    }
  });
});

describe("what a review decides", () => {
  test("is written down once, with who and by when, and comes first in the next one", async () => {
    const path = await opened();
    const leader = await as(marketing);
    const sent = { key: "a".repeat(32), text: "Raise the floor", owner: "rp_boss" };
    const form = { ...sent, dueOn: tomorrow(), back: path };
    const twice = await Promise.all([1, 2].map(() => leader.post(`${path}/resolutions`, form)));
    expect(twice.map(({ status }) => status)).toEqual([303, 303]);
    const { resolutions } = (await world.ask("GET", path.replace("/console", ""))).body;
    expect(resolutions).toMatchObject([{ text: "Raise the floor", ownerName: "Person rp_boss" }]);
    world.setNow(world.now() + 2 * 24 * hour);
    const next = await opened();
    const page = await leader.get(next);
    expect(page.text).toMatch(/Open since last time[\s\S]*Raise the floor[\s\S]*, late/);
    const close = `/console/resolutions/${resolutions[0].id}/close`;
    expect(actionsOf(page)).toContain(close);
    const closed = await leader.post(close, { state: "done", back: next });
    expect(closed.location).toBe(`${next}?did=closed`);
    // Somebody else ends it otherwise: it stays as it was ended.
    const other = await (await as(sales)).post(close, { state: "dropped", back: next });
    expect([other.status, other.text]).toEqual([
      409,
      expect.stringContaining("It is closed already: done"),
    ]);
  });

  test("is carried on to a later day with the button that says so, and by whom stands there", async () => {
    const path = await opened();
    const leader = await as(marketing);
    await leader.post(`${path}/resolutions`, {
      text: "Ask for the role",
      owner: "rp_boss",
      dueOn: tomorrow(),
    });
    const { id } = (await world.ask("GET", path.replace("/console", ""))).body.resolutions[0];
    world.setNow(world.now() + 2 * 24 * hour);
    const next = await opened();
    const page = await leader.get(next);
    const action = `/console/resolutions/${id}/carry-on`;
    const form = formsIn(page.text).find((one) => one.action === action);
    // The day that it proposes: a week on.
    const week = new Date(world.now() + 7 * 24 * hour).toISOString().slice(0, 10);
    expect(form?.fields["dueOn"]).toBe(week);
    const early = await leader.post(action, { dueOn: "2020-01-01", back: next });
    expect(early.status).toBe(422);
    expect(early.text).toMatch(
      /<input[^>]*name="dueOn"[^>]*value="2020-01-01"[^>]*aria-invalid="true"[^>]*>/,
    );
    const carried = await leader.post(action, { dueOn: week, back: next });
    expect([carried.status, carried.location]).toEqual([303, `${next}?did=carried#${id}`]);
    const shown = (await leader.get(next)).text.replace(/<[^>]*>/g, "");
    expect(shown).toMatch(
      /Ask for the role[^.]*due [^,]*(?:, from [^,]*)?, carried on once, last by/,
    );
    expect(shown).not.toMatch(/Ask for the role[^.]*, late/);
    // A rep reads no reviews, and carries nothing on.
    const rep = await as({ role: "rep", repId: "rp_one" });
    expect((await rep.post(action, { dueOn: "2030-01-01" })).status).toBe(403);
  });

  test("that is not as it must be comes back as it was written, the focus at the field", async () => {
    const path = await opened();
    const leader = await as(marketing);
    const given = { text: "Raise <b>the floor</b>", owner: "rp_boss", dueOn: tomorrow() };
    const wrong = [
      ["dueOn", { ...given, dueOn: "2020-01-01" }, "Expected today or later."],
      ["dueOn", { ...given, dueOn: "soon" }, null],
      ["owner", { ...given, owner: "rp_nobody" }, "Expected somebody active"],
      ["text", { ...given, text: "" }, "Say what is decided."],
    ] as const;
    for (const [field, fields, words] of wrong) {
      const { status, text } = await leader.post(`${path}/resolutions`, fields);
      expect(status).toBe(422);
      const tag = new RegExp(`<(?:input|select)[^>]*name="${field}"[^>]*autofocus[^>]*>`).exec(
        text.slice(text.indexOf("Add a decision")),
      );
      expect(tag, field).not.toBeNull();
      if (words !== null) expect(text).toContain(words);
      if (fields.text !== "") expect(text).toContain("Raise &lt;b&gt;the floor&lt;/b&gt;");
    }
  });

  test("a proposal becomes a decision by its name", async () => {
    const path = await opened();
    const id = path.split("/").at(-1);
    const kept = { kind: "empty-campaign", about: "summer", title: "Stop <summer>", rules: [] };
    const more = {
      because: "Of 40 none, rp_one says; rp_gone too.",
      wouldHaveChanged: "40 fewer.",
      report: "campaigns",
    };
    await world.pool.query(sql`update review_figures set figures = jsonb_set(figures, '{proposals}',
      ${JSON.stringify([{ ...kept, ...more, readers: "both teams", weight: 4 }])}::jsonb)
      where review_id = ${id}`);
    const leader = await as(marketing);
    expect((await leader.get(path)).text).toContain(
      "Of 40 none, Person rp_one says; rp_gone too. 40 fewer.",
    );
    const form = { proposal: "empty-campaign/summer", owner: "marketing", dueOn: tomorrow() };
    expect((await leader.post(`${path}/resolutions`, form)).status).toBe(303);
    const page = (await leader.get(path)).text;
    expect(page).toContain("Decided, see below.");
    expect(page).toContain("Stop &lt;summer&gt;");
  });
});

test("the pool is decided row by row; what was decided elsewhere is told", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) {
    const id = await world.lead(null, { stage: "renurture", waitingOn: "review" });
    ids.push(id);
    await world.pool.query(sql`update process set queue = null, exit_intent = 1,
      exit_reason = 'dated-timing', exit_at = ${new Date(world.now() - hour)}
      where subject_id = ${id}`);
  }
  const path = await opened("quarterly", "2027-Q1");
  const revops = await as({ role: "revops" });
  const page = await revops.get(path);
  expect(page.text).toContain("Kim Example");
  const nothing = await revops.post(`${path}/decisions`, {});
  expect(nothing.status).toBe(422);
  expect(nothing.text).toContain("Choose for at least one lead");
  const { location } = await revops.post(`${path}/decisions`, { [`decision:${ids[0]}`]: "keep" });
  expect(location).toBe(`${path}?did=pool&decided=1#pool`);
  expect((await revops.get(location!.replace("#pool", ""))).text).toContain("1 lead decided.");
  // Each that is not decided says why, by name; the others are.
  await world.pool.query(sql`update lead set email = null, facts = facts - 'lead.email'
    where id = ${ids[2]}`);
  const key = "b".repeat(32);
  const form = {
    key,
    [`decision:${ids[0]}`]: "retire",
    [`decision:${ids[2]}`]: "retire",
    "decision:ld_unknown": "keep",
  };
  for (let n = 0; n < 2; n++) {
    const refused = await revops.post(`${path}/decisions`, form);
    expect(refused.status).toBe(409);
    const words = refused.text.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
    expect(words).toContain("1 lead decided, 2 not:");
    expect(words).toContain("Kim Example : it was decided already: keep.");
    expect(words).toMatch(/ld_unknown : [^.]*there is no/i);
  }
  const { body } = await world.ask("GET", path.replace("/console", ""));
  const of = (id: string | undefined) =>
    body.lines.items.find(({ lead }: { lead: string }) => lead === id);
  expect(ids.map((id) => of(id).decision)).toEqual(["keep", null, "retire"]);
});

test("a picture of a packet is of the reader's sections, and of nothing else", async () => {
  const path = await opened("quarterly", "2026-Q4");
  const leader = await as(marketing);
  const office = await as({ role: "marketing" });
  const sections = (page: Shown) => [...page.text.matchAll(/src="([^"]*\/pictures\/\d+)"/g)];
  const [all, fewer] = [sections(await leader.get(path)), sections(await office.get(path))];
  expect(all.length).toBeGreaterThan(fewer.length);
  const picture = await leader.get(all[0]?.[1] ?? "");
  expect(picture.headers.get("content-type")).toContain("image/svg+xml");
  expect(picture.headers.get("content-security-policy")).toContain("sandbox");
  expect((await leader.get(`${path}/pictures/99`)).status).toBe(404);
  // Figures about single people are in no picture for whoever may not read them.
  for (const [, src] of fewer) expect((await office.get(src ?? "")).text).not.toContain("Past rp_");
  expect((await (await as({ role: "rep", repId: "rp_one" })).get(all[0]?.[1] ?? "")).status).toBe(
    403,
  );
});
