import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openReview } from "../../../activities/review.ts";
import { agreementOf } from "../../../agreement/stored.ts";
import type { ApiClient } from "../../../cli/api-client.ts";
import { inMeeting } from "../../../cli/commands/review-meeting.ts";
import { rows, sql } from "../../../store/postgres/db.ts";
import { newId } from "../../../store/postgres/ids.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { insertLead } from "../../support/lead-rows.ts";
import { peopleWorld, type PeopleWorld, type Persona } from "../../support/people-world.ts";
import { somePeriod } from "../../support/review-world.ts";

/** More than two pages; `LEADS=2000` measures. */
const count = Number(process.env["LEADS"] ?? 120);
let world: PeopleWorld;
let id: string;
beforeAll(async () => {
  world = await peopleWorld();
  const at = new Date(world.now() - 86_400_000);
  for (let n = 0; n < count; n++) {
    const lead = newId("ld", at.getTime() + n);
    await insertLead(world.pool, at, {
      id: lead,
      email: `kim@customer-${n}.example`,
      facts: {},
      stage: "renurture",
      waiting_on: "return",
      cycle: 2,
      exit_at: at,
      exit_intent: 0,
      exit_reason: "rejected: wrong-role",
    });
  }
  const start = { kind: "quarterly" as const, period: somePeriod(), now: world.now() };
  const deps = { pool: world.pool, agreements: createAgreements(agreementOf) };
  id = (await openReview(deps, start)).reviewId;
}, 300_000);
afterAll(() => world.close());

/** Speaks to the API as the command does. */
const apiAs =
  (as: Persona): ApiClient =>
  async (method, path, body, key) => {
    const headers = key === undefined ? {} : { "idempotency-key": key };
    for (;;) {
      const { status, body: reply } = await world.ask(method, path, { as, body, headers });
      const isNotYet = status === 503 || reply.code === "still-running";
      if (key === undefined || !isNotYet) return { status, body: reply };
      await setTimeout(200);
    }
  };
async function meet(
  verb: keyof typeof inMeeting,
  given: Readonly<Record<string, string | boolean>> = {},
  { as = "marketing", about = id }: { as?: Persona; about?: string } = {},
): Promise<{ code: number; said: string[] }> {
  const said: string[] = [];
  const io = { out: (line: string) => said.push(line), err: () => undefined };
  const code = await inMeeting[verb]({ api: apiAs(as), id: about, given, io });
  return { code, said };
}

test(
  "one command decides the whole pool page by page, each lead with its own answer, and each " +
    "lead's process hears of it",
  async () => {
    const began = performance.now();
    const { code, said } = await meet("decide", { pool: "suggested", json: true });
    const { results } = JSON.parse(said[0]!) as { results: { lead: string; status: number }[] };
    process.stdout.write(`${count} leads decided in ${Math.round(performance.now() - began)} ms\n`);
    expect(code).toBe(0);
    expect(results).toHaveLength(count);
    expect(new Set(results.map(({ lead }) => lead)).size).toBe(count);
    expect(results.every(({ status }) => status === 200)).toBe(true);
    const [told] = await rows<{ leads: number; decided: number }>(
      world.pool,
      sql`
      select (select count(distinct workflow_id)::int from outbox where workflow_id like 'lead/%')
        as leads, (select count(*)::int from review_decision where decision is not null)
          as decided`,
    );
    expect(told).toEqual({ leads: count, decided: count });
    // Nothing is left, so nothing is asked for twice.
    expect((await meet("decide", { pool: "retire" })).said).toEqual(["0 decided, 0 refused."]);
  },
  300_000,
);

test("what a meeting does is said in lines: resolved, signed, closed, listed", async () => {
  const dueOn = new Date(world.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  const resolved = await meet("resolve", { owner: "rp_one", due: dueOn, text: "Call them" });
  expect(resolved.said[0]).toMatch(new RegExp(`^rs_\\w+ {2}open {2}rp_one, by ${dueOn}: Call`));
  const [about = ""] = resolved.said[0]!.split(" ");
  expect((await meet("sign", {}, { as: "salesLeader" })).said[0]).toContain(
    "signed by sales (rp_chief)",
  );
  const { said } = await meet("show");
  expect(said[0]).toMatch(/^rv_\w+ {2}quarterly \d+-Q\d {2}open, due in .*, signed by sales/);
  expect(said).toContain("Resolved:");
  const due = "2040-12-31";
  expect((await meet("carry", { due }, { about })).said[0]).toContain(`by ${due}`);
  expect((await meet("close", { state: "done" }, { about })).said[0]).toContain("done");
  expect((await meet("list", { kind: "quarterly" })).said).toHaveLength(1);
  expect((await meet("list", { kind: "weekly" })).said).toEqual(["There is no review."]);
});

test("what the API refuses is an error with its reason", async () => {
  await expect(meet("sign", {}, { as: "operator" })).rejects.toThrow("(403)");
  await expect(meet("decide", { pool: "postpone" })).rejects.toThrow(
    '--pool is "postpone"; expected one of keep, return, retire, suggested',
  );
  await expect(meet("decide", { pool: "keep", lead: "ld_nope" })).rejects.toThrow(
    '--lead is "ld_nope"; expected one of the leads that wait in this review',
  );
  await expect(meet("show", {}, { about: "rv_nothing" })).rejects.toThrow("(404)");
});
