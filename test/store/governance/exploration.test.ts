import { afterAll, beforeAll, expect, test } from "vitest";
import { drawOf } from "../../../handoff/qualify/exploration.ts";
import { rows, sql } from "../../../store/postgres/db.ts";
import { exampleAgreement } from "../../support/people-world.ts";
import { planWorld, type PlanWorld } from "../../support/plan-world.ts";

const exploring = exampleAgreement.replace(
  "\naccounts:",
  "\nexploration: { share: 50%, leadType: standard-mql, when: icp }\n\naccounts:",
);
const day = 86_400_000;
let world: PlanWorld;
const readers: string[] = [];
beforeAll(async () => {
  world = await planWorld({ agreement: exploring });
  const end = world.now();
  world.setNow(end - 3 * day);
  for (let n = 0; n < 12; n++) readers.push(await world.arrive({ did: ["buyers_guide"] }));
  readers.push(await world.arrive({ facts: { "account.employees": 5 }, did: ["buyers_guide"] }));
  world.setNow(end - 3 * day + 15 * 60_000);
  for (const id of drawn().slice(0, 2))
    expect((await world.act(id, "accept", {})).status).toBe(200);
  world.setNow(end);
}, 240_000);
afterAll(() => world.close());

const drawn = () => readers.slice(0, 12).filter((id) => drawOf(id) < 0.5);

test("who is drawn is handed off with the propensity on record, and nobody else is", async () => {
  const found = await rows<{ id: string; propensity: number | null; type: string }>(
    world.pool,
    sql`
    select subject_id as id, propensity, lead_type as type from handoff order by subject_id`,
  );
  expect(found).toEqual(
    drawn()
      .toSorted()
      .map((id) => ({ id, propensity: 0.5, type: "standard-mql" })),
  );
  expect(drawn().length).toBeGreaterThan(0);
  expect(drawn().length).toBeLessThan(12);
});

test("the lead's page and its history say that it explores", async () => {
  const [id] = drawn();
  const { body } = await world.ask("GET", `/leads/${id}`);
  expect(body.handoff.propensity).toBe(0.5);
  const history = await world.ask("GET", `/leads/${id}/history`);
  expect(JSON.stringify(history.body)).toContain(
    "handed off to explore, as 50 % of such leads are",
  );
});

test("the plan of a version that lets them through estimates from those who were drawn", async () => {
  const looser = exploring.replace(
    "  - name: standard-mql",
    `  - name: reader
    path: standard
    priority: 4
    when: { all: [icp, { signal: buyers_guide, within: 30 days }] }
    outreach: 24 hours
    status: 48 hours
  - name: standard-mql`,
  );
  const { plan } = await world.proposed(looser);
  const decided = Math.min(2, drawn().length);
  expect(plan.history).toMatchObject({
    handoffs: drawn().length,
    kept: { handoffs: 0 },
    dropped: { handoffs: 0 },
    added: {
      handoffs: 12,
      explored: { handoffs: drawn().length, of: 12, decided, accepted: decided, rate: 1 },
    },
  });
  expect(plan.history.added.explored.low).toBeLessThan(0.7);
  expect(plan.history.inWords.join(" ")).toContain("drawn and handed off to explore");
}, 180_000);

test("a plan says whom a new share would draw of today's leads", async () => {
  const { plan } = await world.proposed(exploring.replace("when: icp }", "when: icp } # wider"));
  expect(plan.trial.leads).toBe(plan.trial.same);
  const none = await world.proposed(exploring.replace("share: 50%", "share: 0%"));
  expect(none.plan.changes).toEqual([
    { about: "exploration", change: "50 % of the leads in nurture -> none" },
  ]);
}, 180_000);
