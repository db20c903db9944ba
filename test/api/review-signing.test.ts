import { afterAll, beforeAll, expect, test } from "vitest";
import { sendDigests } from "../../activities/reminders.ts";
import type { Mail, MailPort } from "../../messages/mail/mail.ts";
import { lookAtReview, openReview } from "../../activities/review.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { ReviewKind } from "../../handoff/reviews/review.ts";
import { createToken } from "../../store/access/tokens.ts";
import { checkAudit } from "../../store/postgres/audit.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { remindResolutions } from "../../store/reviews/resolutions.ts";
import { peopleWorld, type PeopleWorld, type Persona } from "../support/people-world.ts";
import { somePeriod } from "../support/review-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

const deps = () => ({ pool: world.pool, agreements: createAgreements(agreementOf) });
const pass = (ms: number) => world.setNow(world.now() + ms);
async function opened(kind: ReviewKind = "quarterly", period = somePeriod()): Promise<string> {
  return (await openReview(deps(), { kind, period, now: world.now() })).reviewId;
}
const sign = (id: string, as: Persona | null, headers = {}) =>
  world.ask("POST", `/reviews/${id}/sign`, { as, body: {}, headers });
const resolve = (id: string, body: unknown, as: Persona = "leader") =>
  world.ask("POST", `/reviews/${id}/resolutions`, { as, body });
const close = (id: string, body: unknown, as: Persona = "boss") =>
  world.ask("POST", `/resolutions/${id}/close`, { as, body });
const read = async (id: string, as: Persona = "leader") =>
  (await world.ask("GET", `/reviews/${id}`, { as })).body;
const tomorrow = () => new Date(world.now() + 86_400_000).toISOString().slice(0, 10);

test(
  "two leaders sign, each for a party; who, when and what was signed stand in the audit trail, " +
    "and the review closes",
  async () => {
    const id = await opened();
    const first = await sign(id, "leader");
    expect(first).toMatchObject({
      status: 200,
      body: { state: "open", signaturesNeeded: 2, signatures: [{ party: "marketing" }] },
    });
    // The same again is the same signature.
    expect((await sign(id, "leader")).body).toEqual(first.body);
    const second = await sign(id, "salesLeader");
    expect(second.body.signatures).toMatchObject([
      { party: "marketing", name: "leader" },
      { party: "sales", by: "rp_chief", at: new Date(world.now()).toISOString() },
    ]);
    const trail = await rows<{ detail: Record<string, unknown> }>(
      world.pool,
      sql`select detail from audit where what = 'review.signed' and subject = ${id} order by id`,
    );
    expect(trail.map(({ detail }) => [detail["party"], detail["by"]])).toEqual([
      ["marketing", expect.stringMatching(/^tn_/)],
      ["sales", "rp_chief"],
    ]);
    const [kept] = await rows<{ hash: string; again: string }>(
      world.pool,
      sql`
      select hash, encode(sha256(convert_to(figures::text, 'UTF8')), 'hex') as again
      from review_figures where review_id = ${id}`,
    );
    expect(kept?.hash).toBe(kept?.again);
    expect(trail.every(({ detail }) => detail["figures"] === kept?.hash)).toBe(true);
    expect((await checkAudit(world.pool)).brokenAt).toBeNull();
    // Its process is told, and closes it.
    expect(
      await rows(
        world.pool,
        sql`select 1 from outbox where message = 'decided'
      and payload ->> 'id' = ${id}`,
      ),
    ).toHaveLength(2);
    expect(await lookAtReview(deps(), id, world.now())).toMatchObject({ state: "closed" });
    expect((await sign(id, "salesLeader")).status).toBe(200);
  },
);

test(
  "one person signs for one party only, and a second leader of the party does not sign over " +
    "the first",
  async () => {
    const id = await opened();
    await sign(id, "salesLeader");
    const other = async (party: "marketing" | "sales", repId?: string) => {
      const wish = { role: "leader" as const, party, label: "another", repId };
      const { secret } = await createToken(world.pool, wish, world.now());
      return sign(id, null, { authorization: `Bearer ${secret}` });
    };
    // The same person of the roster, with a token for the other party.
    expect(await other("marketing", "rp_chief")).toMatchObject({
      status: 409,
      body: { code: "conflict", detail: expect.stringContaining("another person") },
    });
    expect(await other("sales")).toMatchObject({
      status: 409,
      body: { code: "already-answered", detail: "the party has signed: rp_chief" },
    });
    expect((await read(id)).signatures).toHaveLength(1);
  },
);

test("nobody but a leader signs: not a rep, not a manager, not an operator", async () => {
  const id = await opened();
  for (const as of ["one", "boss", "operator", "revops", "marketing", "crm"] as const)
    expect([as, (await sign(id, as)).status]).toEqual([as, 403]);
  expect((await world.ask("GET", `/reviews/${id}`, { as: "one" })).status).toBe(403);
  expect((await sign("rv_nothing", "leader")).status).toBe(404);
  expect((await read(id)).signatures).toEqual([]);
});

test(
  "what is resolved has an owner and a day, is carried to the next review of its kind until it " +
    "is closed, and not to others",
  async () => {
    const first = await opened("weekly", "2027-W10");
    const made = await resolve(first, {
      text: "Tighten the ICP to 100 employees",
      owner: "rp_one",
      dueOn: tomorrow(),
    });
    expect(made).toMatchObject({
      status: 201,
      body: { review: first, period: "2027-W10", state: "open", overdue: false, proposal: null },
    });
    const { id } = made.body;
    pass(7 * 86_400_000);
    const second = await opened("weekly", "2027-W11");
    const monthly = await opened("monthly", "2027-04");
    expect((await read(second)).carried).toMatchObject([{ id, state: "open", overdue: true }]);
    expect((await read(monthly)).carried).toEqual([]);
    expect((await read(first)).resolutions).toMatchObject([{ id }]);
    pass(3_600_000);
    expect((await close(id, { state: "done", note: "since Monday" })).body).toMatchObject({
      state: "done",
      closedBy: "rp_boss",
      note: "since Monday",
    });
    // Again it is the same; another end of it is refused.
    expect((await close(id, { state: "done" })).status).toBe(200);
    expect(await close(id, { state: "dropped" })).toMatchObject({
      status: 409,
      body: { code: "already-answered" },
    });
    pass(7 * 86_400_000);
    expect((await read(await opened("weekly", "2027-W12"))).carried).toEqual([]);
    // In the review that found it open it is shown with what became of it.
    expect((await read(second)).carried).toMatchObject([{ id, state: "done" }]);
  },
);

test(
  "whoever owns a resolution whose day is over is reminded, from the second time on with those " +
    "above; who closed it is not",
  async () => {
    const id = await opened();
    const dueOn = new Date(world.now()).toISOString().slice(0, 10);
    const make = async () =>
      (await resolve(id, { text: "Call them", owner: "rp_one", dueOn })).body.id as string;
    const [late, done] = [await make(), await make()];
    await close(done, { state: "dropped" });
    const readers = async () =>
      (
        await rows<{ reader: string }>(
          world.pool,
          sql`select reader from reminder where resolution_id = ${late} order by id`,
        )
      ).map(({ reader }) => reader);
    await remindResolutions(world.pool, world.now());
    expect(await readers()).toEqual([]);
    pass(2 * 86_400_000);
    await Promise.all([1, 2].map(() => remindResolutions(world.pool, world.now())));
    expect(await readers()).toEqual(["rp_one"]);
    pass(86_400_000);
    await remindResolutions(world.pool, world.now());
    expect(await readers()).toEqual(["rp_one", "rp_one", "rp_boss"]);
    expect(
      await rows(world.pool, sql`select 1 from reminder where resolution_id = ${done}`),
    ).toEqual([]);
  },
);

test(
  "what is carried on has a later day, is asked for no more until then, and says how often; what " +
    "is closed stays closed",
  async () => {
    const carry = (id: string, body: object, as: Persona = "boss") =>
      world.ask("POST", `/resolutions/${id}/carry-on`, { as, body });
    const day = (days: number) =>
      new Date(world.now() + days * 86_400_000).toISOString().slice(0, 10);
    const first = await opened();
    const { id } = (
      await resolve(first, { text: "Raise the floor", owner: "rp_one", dueOn: day(0) })
    ).body;
    pass(2 * 86_400_000);
    await remindResolutions(world.pool, world.now());
    for (const dueOn of [day(-1), day(-2), "2027-02-30", "soon"])
      expect(await carry(id, { dueOn })).toMatchObject({ status: 422, body: { field: "dueOn" } });
    expect((await carry(id, { dueOn: day(7) }, "one")).status).toBe(403);
    expect((await carry("rs_nothing", { dueOn: day(7) })).status).toBe(404);
    expect(await carry(id, { dueOn: day(7) })).toMatchObject({
      status: 200,
      body: {
        state: "open",
        dueOn: day(7),
        overdue: false,
        carried: 1,
        carriedBy: "Person rp_boss",
      },
    });
    // What waits to be mailed about the day before is not sent, and nothing is asked until the new one.
    const mail = sentMail();
    const here = {
      pool: world.pool,
      mail,
      publicUrl: "http://baton.test",
      clock: () => world.now(),
    };
    const told = () => mail.sent.filter(({ text }) => text.includes("Raise the floor"));
    await sendDigests(here);
    pass(86_400_000);
    await remindResolutions(world.pool, world.now());
    await sendDigests(here);
    expect(told()).toEqual([]);
    pass(7 * 86_400_000);
    await remindResolutions(world.pool, world.now());
    await sendDigests(here);
    expect(told()).toHaveLength(1);
    expect((await carry(id, { dueOn: day(7) })).body).toMatchObject({ carried: 2 });
    expect((await read(first)).resolutions).toMatchObject([{ id, carried: 2, dueOn: day(7) }]);
    await close(id, { state: "done" });
    expect(await carry(id, { dueOn: day(9) })).toMatchObject({
      status: 409,
      body: { code: "already-answered", detail: "it is closed already: done" },
    });
  },
);

/** A mail server that keeps what it was given. */
function sentMail(): MailPort & { readonly sent: Mail[] } {
  const sent: Mail[] = [];
  return { name: "kept", sent, send: (mail) => Promise.resolve(void sent.push(mail)) };
}

test("a resolution that is not as described is refused by the field", async () => {
  const id = await opened();
  const good = { text: "Call them", owner: "marketing-ops", dueOn: tomorrow() };
  for (const [body, field] of [
    [{ ...good, owner: "rp_nobody" }, "owner"],
    [{ ...good, owner: "everybody" }, "owner"],
    [{ ...good, dueOn: "2020-01-01" }, "dueOn"],
    [{ ...good, dueOn: "2027-02-30" }, "dueOn"],
    [{ ...good, text: undefined }, "text"],
    [{ ...good, proposal: "recurring-reason/nothing" }, "proposal"],
    [{ ...good, by: "me" }, "by"],
  ] as const)
    expect(await resolve(id, body)).toMatchObject({ status: 422, body: { field } });
  expect((await resolve(id, good, "one")).status).toBe(403);
  expect((await close("rs_nothing", { state: "done" })).status).toBe(404);
  expect((await read(id)).resolutions).toEqual([]);
});

test("figures about single people are left out for whoever may not read them elsewhere", async () => {
  const id = await opened();
  const reportsFor = async (as: Persona) =>
    (await read(id, as)).figures.sections.map(({ report }: { report: string }) => report);
  expect(await reportsFor("leader")).toContain("reps");
  expect(await reportsFor("operator")).toContain("reps");
  for (const as of ["marketing", "boss"] as const)
    expect(await reportsFor(as)).not.toContain("reps");
});

test("people are called by their names on the page of a review, and kept by their ids", async () => {
  const id = await opened();
  await world.pool.query("update rep set name = 'Kim Reyes' where id = 'rp_one'");
  const { body } = await resolve(id, {
    text: "rp_one is given fewer leads",
    owner: "marketing-ops",
    dueOn: tomorrow(),
  });
  expect(body.text).toBe("rp_one is given fewer leads");
  expect((await read(id, "leader")).people).toMatchObject({ rp_one: "Kim Reyes" });
  const page = await world.ask("GET", `/reviews/${id}.html`, { as: "leader" });
  expect(page.body).toContain("Kim Reyes is given fewer leads");
  expect(page.body).not.toContain("rp_one is given");
});

test("the page of a review is HTML of which nothing runs", async () => {
  const id = await opened();
  const { status, headers } = await world.ask("GET", `/reviews/${id}.html`, { as: "leader" });
  expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=UTF-8"]);
  const policy = headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toMatch(/style-src 'sha256-[^']+' 'sha256-[^']+';/);
  expect((await world.ask("GET", "/reviews/rv_nothing.html", { as: "leader" })).status).toBe(404);
});

test("where the agreement says so, one signature closes a review", async () => {
  const text = world.agreementText.replace("\nreviews:\n", "\nreviews:\n  signedBy: one party\n");
  await inTransaction(world.pool, (tx) => activate(tx, text, "test", world.now()));
  const id = await opened();
  expect((await sign(id, "salesLeader")).body).toMatchObject({ signaturesNeeded: 1 });
  expect(await lookAtReview(deps(), id, world.now())).toMatchObject({ state: "closed" });
  expect(await sign(id, "leader")).toMatchObject({ status: 409, body: { code: "conflict" } });
});
