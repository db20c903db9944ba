import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { firstDifference } from "../../../cli/commands/verify.ts";
import { leadWorld, type LeadWorld } from "../../support/lead-world.ts";
import { run } from "../../support/program.ts";

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
  const worked = await world.arrive({ facts: { "account.domain": "another-customer.com" } });
  await world.until(worked, (lead) => lead.waiting_on === "outreach");
  await world.act(worked, "accept", {});
  await world.pass(worked, 10 * 86_400_000);
  await world.until(worked, (lead) => lead.stage !== "sal" || lead.step > 4);
});
afterAll(() => world?.close());

async function baton(...args: string[]): Promise<{ code: number | null; text: string }> {
  const program = run(process.execPath, ["cli/baton.mjs", ...args], {
    env: { ...(process.env as Record<string, string>), DATABASE_URL: world.databaseUrl },
  });
  const code = await program.exit;
  return { code, text: program.lines.join("\n") };
}

test("baton report conservation says that nothing is lost, and ends with 1 when something is", async () => {
  const well = await baton("report", "conservation");
  expect(well).toMatchObject({ code: 0 });
  expect(well.text).toContain("3 leads taken in = 3 open + 0 closed; residue 0.");
  expect(well.text).toContain("Leads without a next step: 0");
  expect(well.text).toContain("0 flags of accounts handed off = 0 open + 0 closed; residue 0.");
  const { pool } = world;
  await pool.query("update process set next_step = '' where subject_id = $1", [id]);
  const ill = await baton("report", "conservation");
  await pool.query("update process set next_step = 'manager' where subject_id = $1", [id]);
  expect(ill).toMatchObject({ code: 1 });
  expect(ill.text).toContain(`Leads without a next step: 1 (${id})`);

  // A flag that nobody hands off, though it was handed off once.
  await pool.query(
    "insert into account (id, domain, facts, created_at) values ('ac_lost', 'lost.com', '{}', now())",
  );
  await pool.query(
    "insert into account_flag (id, account_id, agreement_id, tier, contacts, trace, raised_at) " +
      "select 'af_1', 'ac_lost', id, 1, 3, '[]', now() from agreement_version",
  );
  await pool.query(
    "insert into transition (subject_kind, subject_id, cycle, step, to_stage, because, at) " +
      "values ('account', 'ac_lost', 1, 0, 'new', 'flagged', now())",
  );
  const lost = await baton("report", "conservation");
  await pool.query("delete from transition where subject_id = 'ac_lost'");
  await pool.query("delete from account where id = 'ac_lost'");
  expect(lost).toMatchObject({ code: 1 });
  expect(lost.text).toContain("1 flags of accounts handed off = 0 open + 0 closed; residue 1.");
  expect(lost.text).toContain(
    "Accounts not where their last move, flag or handoff says: 1 (ac_lost)",
  );
});

describe("baton explain", () => {
  test("tells what was decided, from which values, who was considered, and the clocks", async () => {
    const { code, text } = await baton("explain", id);
    expect(code).toBe(0);
    for (const words of [
      `${id} is in stage mql`,
      "waiting on manager",
      "account.employees = 200  (form,",
      "arrived in stage new",
      "did demo_request",
      "decided arrived (cycle 1, agreement ag_",
      "hand-off: ",
      "band A",
      "lead type demo-request (path fast, priority 1)",
      "gate required-fields: held",
      "yes leadTypes[0].when",
      "decided routed",
      "round 1 goes to rp_",
      "considered rp_",
      "decided logOutreach",
      "decided reject",
      "contested: ",
      "stage new -> mql",
      "offered to rp_",
      "lead clock outreach: start",
      "reject by rp_",
      "contested, a manager decides",
      "task contested",
    ])
      expect(text).toContain(words);
  });

  test("says on whose hours the clocks run, in which zone, and whether they run now", async () => {
    const [worked] = (await world.pool.query("select id from lead_standing where stage = 'sal'"))
      .rows;
    const lines = (await baton("explain", worked.id)).text.split("\n");
    const from = lines.indexOf("Hours:");
    expect(lines.slice(from + 1, lines.indexOf("", from))).toEqual([
      expect.stringMatching(/^  rp_\w+: those of the pool$/),
      "  pool americas-sdr: those of the agreement",
      "  the agreement: mon-sun 00:00-24:00 (America/New_York)",
      "  Now it is within hours: clocks run.",
    ]);
    expect(lines[1]).toMatch(/^Next: .*Z \(\d{4}-\d\d-\d\d [\d:]+ America\/New_York\)/);
  });

  test("finds a lead by e-mail, and says which fact was missing", async () => {
    expect((await baton("explain", "Kim@Example-Customer.com")).text).toContain(
      `${id} is in stage mql`,
    );
    const [poor] = (
      await world.pool.query("select id from lead_standing where waiting_on = 'data'")
    ).rows;
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
  const count = async (query: string) => (await world.pool.query(query)).rows[0].n as number;

  test(
    "takes every stored decision again, of every kind, routes every assignment again, and " +
      "finds no difference",
    async () => {
      const [judged, routings] = [
        await count("select count(*)::int as n from decision"),
        await count("select count(*)::int as n from assignment where via <> 'manager'"),
      ];
      const kinds = (
        await world.pool.query('select distinct kind collate "C" as kind from decision order by 1')
      ).rows.map((row) => row.kind);
      expect(kinds).toEqual(["accept", "arrived", "logOutreach", "reject", "routed", "time"]);
      expect(routings).toBeGreaterThanOrEqual(2);
      const { code, text } = await baton("verify", "--json");
      expect([code, JSON.parse(text)]).toMatchObject([
        0,
        { judged, routings, older: 0, differences: [], audit: { brokenAt: null, lost: [] } },
      ]);
    },
  );

  test("counts decisions from before 0.2 apart: they have no situation, and are no differences", async () => {
    await world.pool.query(
      `
      insert into decision (subject_kind, subject_id, cycle, step, kind, at, agreement_id, input,
        output, result)
      select 'lead', $1, 0, 1, 'assess', now(), agreement_id, '{"facts":{}}',
        '{"qualification":{}}', '{}' from decision limit 1`,
      [id],
    );
    const judged = await count(
      "select count(*)::int as n from decision where situation is not null",
    );
    const { code, text } = await baton("verify");
    expect(code).toBe(0);
    expect(text).toMatch(
      new RegExp(
        `^${judged} decisions taken again, \\d+ assignments routed again, 0 differences\\.\n1 ` +
          `decisions are older than 0\\.2: not judged\\.\nThe audit trail is whole: \\d+ rows, ` +
          `none of them noted outside of the database\\.\\n\\d+ accounts counted anew, 0 differences\\.$`,
      ),
    );
  });

  test("a gate that is newer than a decision is no difference where the verdict is the same", async () => {
    const { code, text } = await changed(
      "arrived",
      "output",
      "jsonb_set(output, '{found,qualification,gates}', (output#>'{found,qualification,gates}') - 1)",
    );
    expect(text).toContain(" 0 differences.");
    expect(code).toBe(0);
  });

  /** Changes one stored decision, verifies, and puts it back. */
  async function changed(
    kind: string,
    column: string,
    to: string,
  ): Promise<{ code: number | null; text: string }> {
    const which = [id, kind];
    const {
      rows: [before],
    } = await world.pool.query(
      `
        select step, ${column} as was from decision where subject_id = $1 and kind = $2
          order by step limit 1`,
      which,
    );
    await world.pool.query(
      `
        update decision set ${column} = ${to} where subject_id = $1 and kind = $2
          and step = ${before.step}`,
      which,
    );
    const found = await baton("verify");
    await world.pool.query(
      `
        update decision set ${column} = $3 where subject_id = $1 and kind = $2
          and step = ${before.step}`,
      [...which, JSON.stringify(before.was)],
    );
    return found;
  }

  test.each([
    [
      "arrived",
      "output",
      "jsonb_set(output, '{found,qualification,fit}', '99')",
      "found.qualification.fit was 99 and is 40",
    ],
    ["arrived", "changes", "changes - 0", "changes.0."],
    [
      "routed",
      "input",
      "jsonb_set(input, '{territory}', '\"nowhere\"')",
      'changes.0.set.territory was "americas" and is "nowhere"',
    ],
    [
      "routed",
      "situation",
      "jsonb_set(situation, '{facts,account.country}', '\"DE\"')",
      'territory was "americas" and is "dach"',
    ],
    [
      "logOutreach",
      "output",
      "jsonb_set(output, '{because}', '\"no reason\"')",
      'because was "no reason" and is "connected by call"',
    ],
    [
      "reject",
      "answer",
      "jsonb_set(answer, '{onTime}', 'false')",
      "answer.onTime was false and is true",
    ],
    [
      "reject",
      "situation",
      "jsonb_set(situation, '{calendars}', '[\"cal_gone\"]')",
      "is an error: the kept calendar cal_gone is not there",
    ],
  ])(
    "finds what was changed in a decision %s (%s) and says where",
    async (kind, column, to, says) => {
      const { code, text } = await changed(kind, column, to);
      expect(code).toBe(1);
      expect(text).toMatch(new RegExp(`lead/${id} cycle 1 step \\d+ \\(${kind}\\): `));
      expect(text).toContain(says);
      expect(text).toContain("1 differences.");
    },
  );

  test("finds an assignment that routing would not have made", async () => {
    const to =
      "update assignment a set rep_id = $2 from handoff h where h.id = a.handoff_id and " +
      "h.subject_id = $1 and a.round = 1";
    const {
      rows: [{ rep_id: rep }],
    } = await world.pool.query(
      "select a.rep_id from assignment a join handoff h on h.id = a.handoff_id where " +
        "h.subject_id = $1 and a.round = 1",
      [id],
    );
    await world.pool.query(to, [id, rep === "rp_one" ? "rp_two" : "rp_one"]);
    const { code, text } = await baton("verify");
    await world.pool.query(to, [id, rep]);
    expect(code).toBe(1);
    expect(text).toContain(`lead/${id} cycle 1 round 1 (routing): routed.repId was`);
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
