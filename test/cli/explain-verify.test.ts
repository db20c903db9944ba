import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { firstDifference } from "../../cli/verify.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { run } from "../support/program.ts";

let world: LeadWorld;
let id: string;
beforeAll(async () => {
  world = await leadWorld();
  id = await world.arrive({ email: "kim@example-customer.com" });
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  await world.act(id, "logOutreach", { channel: "call", outcome: "connected" });
  await world.act(id, "reject", { reason: "below-company-size" });
  await world.until(id, (lead) => lead.waiting_on === "manager");
  const poor = await world.arrive({ facts: { "lead.role": null } });
  await world.until(poor, (lead) => lead.waiting_on === "data");
});
afterAll(() => world?.close());

async function baton(...args: string[]): Promise<{ code: number | null; text: string }> {
  const program = run(process.execPath, ["cli/baton.mjs", ...args], {
    env: { ...(process.env as Record<string, string>), DATABASE_URL: world.databaseUrl },
  });
  const code = await program.exit;
  return { code, text: program.lines.join("\n") };
}

describe("baton explain", () => {
  test("tells what was decided, from which values, who was considered, and the clocks", async () => {
    const { code, text } = await baton("explain", id);
    expect(code).toBe(0);
    for (const words of [
      `${id} is in stage mql`,
      "waiting on manager",
      "account.employees = 200  (form,",
      "arrived in stage new: arrived",
      "did demo_request",
      "decided assess (cycle 1, agreement ag_",
      "hand-off: ",
      "band A",
      "lead type demo-request (path fast, priority 1)",
      "gate required-fields: held",
      "yes leadTypes[0].when",
      "decided route",
      "considered rp_",
      "stage new -> mql",
      "offered to rp_",
      "lead clock outreach: start",
      "reject by rp_",
      "contested, a manager decides",
      "task contested",
    ])
      expect(text).toContain(words);
  });

  test("finds a lead by e-mail, and says which fact was missing", async () => {
    expect((await baton("explain", "Kim@Example-Customer.com")).text).toContain(
      `${id} is in stage mql`,
    );
    const [poor] = (await world.pool.query("select id from lead where waiting_on = 'data'")).rows;
    expect((await baton("explain", poor.id)).text).toMatch(/missing lead\.role: /);
  });

  test("of nobody says what can be given", async () => {
    expect(await baton("explain", "ld_nobody")).toMatchObject({
      code: 1,
      text: expect.stringContaining("No lead is known by this name"),
    });
  });
});

describe("baton verify", () => {
  test("judges every stored decision again and finds no difference", async () => {
    const stored = (await world.pool.query("select count(*)::int as n from decision")).rows[0].n;
    expect(stored).toBeGreaterThanOrEqual(5);
    expect(await baton("verify", "--json")).toEqual({
      code: 0,
      text: JSON.stringify({ judged: stored, differences: [] }),
    });
  });

  test("finds an answer that was changed, and says where", async () => {
    await world.pool.query(
      `update decision set output = jsonb_set(output, '{qualification,fit}', '99') where subject_id = $1 and kind = 'assess'`,
      [id],
    );
    const { code, text } = await baton("verify");
    expect(code).toBe(1);
    expect(text).toMatch(
      new RegExp(`lead/${id} cycle 1 step \\d+ \\(assess\\): qualification.fit was 99 and is 40`),
    );
  });
});

test.each([
  [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, undefined],
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, undefined],
  [{ a: [1] }, { a: [1, 2] }, "a.1"],
  [{ a: null }, {}, "a"],
  [{ a: 1 }, { a: "1" }, "a"],
  [null, { a: 1 }, "the answer"],
  [[1], { 0: 1 }, "the answer"],
])("%j and %j differ at %s", (stored, now, at) => {
  expect(firstDifference(stored, now, "")?.at).toBe(at);
});
