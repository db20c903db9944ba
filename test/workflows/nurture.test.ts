import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstRow, sql } from "../../store/postgres/db.ts";
import { alwaysOpen, leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";

const day = 86_400_000;
let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld();
});
afterAll(() => world?.close());

const nothingYet = { engagements: [] };
async function engages(id: string, type: string, at = Date.now()): Promise<void> {
  await world.arrive({
    id,
    facts: {},
    engagements: [{ messageId: randomBytes(8).toString("hex"), type, occurredAt: at }],
  });
}
async function inPool(): Promise<string> {
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await world.act(id, "reject", { reason: "wrong-role" });
  await world.until(
    id,
    (lead) =>
      lead.stage === "renurture" &&
      lead.cycle === 2 &&
      lead.next_step !== "its return conditions are looked at",
  );
  return id;
}

test(
  "a lead that matches no lead type is nurtured, and the signal that crosses a threshold hands " +
    "it off",
  async () => {
    const id = await world.arrive(nothingYet);
    expect(await world.until(id, (lead) => lead.stage === "nurture")).toMatchObject({
      waiting_on: "signal",
    });
    await engages(id, "blog_view");
    await engages(id, "pricing_page");
    expect(await world.until(id, (lead) => lead.waiting_on === "outreach")).toMatchObject({
      lead_type: "high-intent-mql",
    });
    expect(await world.path(id)).toEqual(["new>nurture", "nurture>mql"]);
    await keepHistory(world, id, "nurture-to-mql");
  },
);

test("a standard lead type takes the standard path", async () => {
  const id = await world.arrive(nothingYet);
  await world.until(id, (lead) => lead.stage === "nurture");
  for (const type of ["buyers_guide", "roi_calculator", "webinar_attended"])
    await engages(id, type);
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  expect(
    await firstRow(
      world.pool,
      sql`select lead_type, path, band from handoff where subject_id = ${id}`,
    ),
  ).toEqual({ lead_type: "standard-mql", path: "standard", band: "B" });
  await keepHistory(world, id, "standard-path");
});

test("nobody ages out unseen: after the agreed window a person keeps or retires", async () => {
  const id = await world.arrive(nothingYet);
  await world.until(id, (lead) => lead.stage === "nurture");
  await world.pass(id, 61 * day);
  await world.until(id, (lead) => lead.waiting_on === "review");
  expect(
    await firstRow(world.pool, sql`select kind, role, state from task where subject_id = ${id}`),
  ).toEqual({ kind: "nurture-review", role: "marketing-ops", state: "open" });
  expect(
    await world.act(id, "decideReview", { decision: "return" }, { by: "tn_ops" }),
  ).toMatchObject({ done: false, field: "decision" });
  expect(await world.act(id, "decideReview", { decision: "keep" }, { by: "tn_ops" })).toMatchObject(
    { done: true, stage: "nurture", waitingOn: "signal" },
  );
  await world.pass(id, 61 * day);
  await world.until(id, (lead) => lead.waiting_on === "review");
  expect(
    await world.act(id, "decideReview", { decision: "retire" }, { by: "tn_ops" }),
  ).toMatchObject({ done: true, stage: "disqualified" });
  await world.handle(id).result();
  await keepHistory(world, id, "nurture-reviewed");
});

test("a new signal brings a lead back from the pool", async () => {
  const id = await inPool();
  await engages(id, "trial_started", Date.now());
  expect(await world.until(id, (lead) => lead.waiting_on === "outreach")).toMatchObject({
    stage: "mql",
    cycle: 2,
  });
  await keepHistory(world, id, "returned-by-signal");
});

test("a rise of the score brings a lead back from the pool", async () => {
  const id = await inPool();
  for (const type of ["buyers_guide", "roi_calculator", "webinar_attended"])
    await engages(id, type, Date.now());
  expect(await world.until(id, (lead) => lead.waiting_on === "outreach")).toMatchObject({
    stage: "mql",
    cycle: 2,
  });
});

test("a person returns a lead from the pool, or retires it", async () => {
  const returned = await inPool();
  expect(
    await world.act(returned, "decideReview", { decision: "return" }, { by: "tn_ops" }),
  ).toMatchObject({ done: true, stage: "mql", waitingOn: "outreach" });
  await keepHistory(world, returned, "returned-by-review");
  const retired = await inPool();
  expect(
    await world.act(retired, "decideReview", { decision: "retire" }, { by: "tn_ops" }),
  ).toMatchObject({ done: true, stage: "disqualified" });
});

test("after the agreed cycles only a person returns it", async () => {
  const id = await inPool();
  for (let cycle = 2; cycle <= 3; cycle++) {
    await engages(id, "trial_started", Date.now());
    await world.until(id, (lead) => lead.waiting_on === "outreach" && lead.cycle === cycle);
    await world.act(id, "reject", { reason: "wrong-role" });
    await world.until(
      id,
      (lead) =>
        lead.stage === "renurture" &&
        lead.cycle === cycle + 1 &&
        lead.next_step !== "its return conditions are looked at",
    );
  }
  await engages(id, "trial_started", Date.now());
  await world.until(id, (lead) => lead.step >= 1);
  expect(await world.lead(id)).toMatchObject({ stage: "renurture", cycle: 4 });
  expect((await world.lead(id)).next_step).toContain("used up");
  expect(
    await world.act(id, "decideReview", { decision: "return" }, { by: "tn_ops" }),
  ).toMatchObject({ stage: "mql" });
  await keepHistory(world, id, "four-cycles");
});

test(
  "a new version of the agreement judges leads in nurture again; an open handoff keeps its " +
    "version",
  async () => {
    const open = await world.arrive();
    const before = await world.until(open, (lead) => lead.waiting_on === "outreach");
    const id = await world.arrive(nothingYet);
    await world.until(id, (lead) => lead.stage === "nurture");
    await engages(id, "blog_view");
    const version = await world.publish((text) =>
      alwaysOpen(text).replace(
        "signal: pricing_page, within: 14 days",
        "signal: blog_view, within: 14 days",
      ),
    );
    expect(await world.until(id, (lead) => lead.waiting_on === "outreach")).toMatchObject({
      lead_type: "high-intent-mql",
    });
    expect(
      await firstRow(world.pool, sql`select agreement_id from handoff where subject_id = ${id}`),
    ).toEqual({ agreement_id: version });
    expect(
      await firstRow(
        world.pool,
        sql`select agreement_id = ${version} as moved from handoff where id = ${before.handoff_id}`,
      ),
    ).toEqual({ moved: false });
    await keepHistory(world, id, "policy-changed");
  },
);
