import { readFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { verifyDecisions } from "../../../cli/commands/verify.ts";
import { checkHeader, parseHistoryMap } from "../../../agreement/import-map.ts";
import { pastFields } from "../../../handoff/facts/past.ts";
import { readPast } from "../../../handoff/facts/read-past.ts";
import { rateOf } from "../../../handoff/reviews/figures.ts";
import { inTransaction, type Tx } from "../../../store/postgres/db.ts";
import { activate, createAgreements } from "../../../store/process/agreements.ts";
import { take, takeReopening } from "../../../store/process/take.ts";
import { conservation } from "../../../store/reports/conservation.ts";
import { recountAll } from "../../../store/reports/recount.ts";
import { reports } from "../../../store/reports/registry.ts";
import type { ReportAsk } from "../../../store/reports/report.ts";
import { foldProcessCounts, holdTallies, tally } from "../../../store/reports/tallies.ts";
import { erasePerson } from "../../../store/intake/erasure.ts";
import { rosterByName, takeInPast } from "../../../store/intake/history.ts";
import { importErrors } from "../../../store/intake/imports.ts";
import { takeIn } from "../../../store/intake/intake.ts";
import { checkImport, runImport, type ImportFile } from "../../../store/intake/run-import.ts";
import { exampleAgreement, exampleText } from "../../support/example-agreement.ts";
import { fileOf } from "../../support/import-files.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import {
  instantOfStep,
  makePast,
  pastBegin,
  pastCsv,
  pastMap,
  type MadePast,
  type PastStep,
} from "../../support/past-handoffs.ts";
import { tracesIn } from "../../support/traces.ts";
import { withDatabase } from "../../support/database.ts";

const seed = Number(process.env["SEED"] ?? 5_311);
const DAY = 86_400_000;
const now = Date.parse("2026-11-20T12:00:00Z");
const agreement = exampleAgreement();
const agreements = createAgreements(() => agreement);
const db = withDatabase({
  empties: [
    "lead",
    "process",
    "account",
    "outbox",
    "transition",
    "handoff",
    "opportunity",
    "engagement",
    "decision",
    "import",
    "erased_person",
  ],
});
beforeAll(async () => {
  await inTransaction(db.pool, (tx) => activate(tx, exampleText, "test", now));
  await db.pool.query(`
    insert into rep (id, name, email, manager_id, active, crm_id, updated_at) values
      ('rp_boss', 'Boss', 'boss@team.example', null, true, null, now()),
      ('rp_a', 'Rep a', 'a@team.example', 'rp_boss', true, '7001', now()),
      ('rp_b', 'Rep b', 'b@team.example', null, true, null, now()),
      ('rp_c', 'Rep c', 'c@team.example', null, false, null, now()),
      ('rp_d', 'Rep twice', 'd@team.example', null, true, null, now()),
      ('rp_e', 'Rep twice', 'e@team.example', null, true, null, now())`);
});
beforeEach(async () => {
  await db.pool.query("update tallied set until = '-infinity'");
});

async function wish(file: ImportFile, map = pastMap) {
  const parsed = parseHistoryMap(map, agreement);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join("; "));
  const history = { ownerOf: await rosterByName(db.pool), agreements };
  return { file, map: parsed.map, agreement, checkHeader, clock: () => now, history };
}
const run = async (content: string, map = pastMap) =>
  runImport(db.pool, await wish(fileOf(content), map));
const all = async (query: string) => (await db.pool.query(query)).rows as Record<string, unknown>[];
const count = async (table: string) =>
  Number((await all(`select count(*) as n from ${table}`))[0]?.["n"]);

/** Everything that an import leaves, without ids, which are random, and without its own times. */
async function endState(): Promise<string> {
  const found = await all(`
    select (select value from lead_alias a where a.lead_id = l.id and kind = 'external') as name,
      l.arrived_at, l.facts, l.source, p.stage, p.stage_since, p.owner_id, p.cycle, p.step,
      p.closed_reason, p.origin,
      (select jsonb_agg(to_jsonb(h) - 'id' - 'subject_id' order by cycle) from handoff h
        where h.subject_id = l.id) as handoffs,
      (select jsonb_agg(to_jsonb(t) - 'subject_id' order by cycle, step) from transition t
        where t.subject_id = l.id) as moves,
      (select jsonb_agg(to_jsonb(a) - 'id' - 'handoff_id' order by received_at, kind) from answer a
        join handoff h on h.id = a.handoff_id where h.subject_id = l.id) as answers,
      (select jsonb_agg(to_jsonb(s) - 'opportunity_id' order by happened_at, s.stage)
        from opportunity_stage s join opportunity o on o.id = s.opportunity_id
        where o.lead_id = l.id) as opportunities
    from lead l join process p on p.subject_id = l.id order by 1`);
  return JSON.stringify(found);
}

describe("figures on the first day", () => {
  const made = makePast(seededRandom(seed), 700);
  const question = {
    from: pastBegin + 20 * DAY,
    to: pastBegin + 100 * DAY,
    asOf: pastBegin + 115 * DAY,
    knowledge: "now" as const,
    filters: {},
    groupBy: null,
    repIds: null,
  };
  const report = async (name: string, more: Partial<ReportAsk> = {}) => {
    const found = reports.find((one) => one.name === name);
    if (!found) throw new Error(`there is no report ${name}`);
    return found.rows({ ...question, db: db.pool, agreements, ...more });
  };
  /** By hand: who began in the period, and what had happened to them by then. */
  const cohort = made.filter((one) => {
    const at = instantOfStep(one, "mql") ?? 0;
    return at >= question.from && at < question.to;
  });
  const took = (one: MadePast, step: PastStep) => {
    const at = instantOfStep(one, step);
    return at !== null && at <= question.asOf;
  };
  const ended = (one: MadePast, ...as: readonly string[]) =>
    took(one, "end") && as.includes(one.outcome);
  const n = (of: readonly MadePast[], is: (one: MadePast) => boolean) => of.filter(is).length;

  beforeEach(async () => {
    expect(await run(pastCsv(made))).toMatchObject({ created: made.length, refused: 0 });
  });

  test("the funnel counts every step as the file tells it", async () => {
    const steps: Readonly<Record<string, (one: MadePast) => boolean>> = {
      mql: () => true,
      "handed-off": (one) => took(one, "handedOff"),
      "first-outreach": (one) => took(one, "outreach"),
      connected: (one) => took(one, "connected"),
      meeting: (one) => took(one, "meeting"),
      sal: (one) => took(one, "sal"),
      sql: (one) => took(one, "sql"),
      opportunity: (one) => took(one, "opportunity"),
      won: (one) => ended(one, "won"),
    };
    const counted = Object.entries(steps).map(([step, is]) => ({ step, count: n(cohort, is) }));
    const found = await report("funnel");
    expect(
      found.map(({ step, count: many }) => ({ step, count: many })),
      `SEED=${seed}`,
    ).toEqual([{ step: "leads-created", count: cohort.length }, ...counted]);
  });

  test("bands, acceptance and rejections count what became of the handoffs", async () => {
    const bands = await report("bands");
    for (const band of ["A", "B", "C", null]) {
      const of = cohort.filter((one) => one.band === band && took(one, "handedOff"));
      const row = bands.find((one) => one["band"] === band);
      expect(row, `band ${band} SEED=${seed}`).toMatchObject({
        handedOff: of.length,
        winRate: rateOf(
          n(of, (one) => ended(one, "won")),
          of.length,
        ),
        closeRate: rateOf(
          n(of, (one) => ended(one, "won")),
          n(of, (one) => ended(one, "won", "lost")),
        ),
      });
    }
    const offered = cohort.filter((one) => took(one, "handedOff"));
    expect(await report("acceptance")).toMatchObject([
      {
        handedOff: offered.length,
        accepted: n(offered, (one) => took(one, "sal")),
        rejected: n(offered, (one) => !took(one, "sal") && ended(one, "rejected")),
      },
    ]);
    const { from, to, asOf } = question;
    const rejected = made.filter((one) => {
      const at = instantOfStep(one, "end") ?? 0;
      const isBefore = one.outcome === "rejected" && one.at.sal === undefined;
      return isBefore && at >= from && at < to && at <= asOf;
    });
    const found = await report("rejections");
    expect(found.find(({ reason }) => reason === null)).toMatchObject({ count: rejected.length });
    expect(found.find(({ reason }) => reason === "wrong-role")).toMatchObject({
      count: n(rejected, ({ reason }) => reason === "wrong-role"),
      reasonGroup: "no-access",
    });
  });

  test("win rates by rep and team, time to win, and open opportunities are the file's", async () => {
    const median = (of: readonly number[]) => {
      const sorted = of.toSorted((a, b) => a - b);
      const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[sorted.length >> 1] ?? 0];
      return (low + high) / 2;
    };
    const byRep = await report("bands", { groupBy: "rep", filters: { band: "A" } });
    for (const rep of ["rp_a", "rp_b", "rp_c"]) {
      const of = cohort.filter(
        (one) => one.rep === rep && one.band === "A" && took(one, "handedOff"),
      );
      const won = of.filter((one) => ended(one, "won"));
      const days = won.map((one) => ((one.at.end ?? 0) - (one.at.mql ?? 0)) / 4);
      const row = byRep.find(({ group }) => group === rep);
      expect(row, `${rep} SEED=${seed}`).toMatchObject({ winRate: rateOf(won.length, of.length) });
      expect(row?.["medianCycle"]).toBeCloseTo(median(days), 6);
    }
    const team = await report("acceptance", { groupBy: "team" });
    expect(team.find(({ group }) => group === "rp_boss")).toMatchObject({
      handedOff: n(cohort, (one) => one.rep === "rp_a" && took(one, "handedOff")),
    });
    const opportunities = made.filter((one) => {
      const at = instantOfStep(one, "opportunity");
      return at !== null && at >= question.from && at < question.to;
    });
    const [row] = (await report("stages")).filter(({ stage }) => stage === "opportunity");
    const left = opportunities.filter((one) => ended(one, "won", "lost"));
    const stalled = opportunities.filter(
      (one) =>
        !left.includes(one) && question.asOf - (instantOfStep(one, "opportunity") ?? 0) > 14 * DAY,
    );
    expect(row).toMatchObject({
      entered: opportunities.length,
      left: left.length,
      stalledRate: rateOf(stalled.length, opportunities.length - left.length),
    });
    const [score] = await report("scorecard");
    const wonMinor = cohort
      .filter((one) => ended(one, "won"))
      .reduce((sum, { amount }) => sum + Math.round((amount ?? 0) * 100), 0);
    expect(score?.["won"]).toEqual([{ currency: "EUR", amountMinor: wonMinor }]);
  });

  test("what was told today was not known then", async () => {
    for (const name of ["funnel", "bands", "acceptance", "rejections", "campaigns"]) {
      const found = await report(name, { knowledge: "then" });
      const handoffs = found.filter(({ step }) => step !== "leads-created");
      const known = handoffs.filter((row) =>
        Object.values(row).some((cell) => typeof cell === "number" && cell > 0),
      );
      expect(known, name).toEqual([]);
    }
  });

  test("every report can be asked, grouped by whatever it can be grouped by", async () => {
    for (const { name, dimensions } of reports)
      for (const groupBy of [null, ...dimensions.filter((one) => ["rep", "band"].includes(one))])
        await expect(
          report(name, { groupBy, asOf: now }),
          `${name} ${groupBy}`,
        ).resolves.toBeDefined();
  });

  test("what nobody logged or measured is in no rate", async () => {
    expect(await report("follow-up")).toEqual([]);
    const [first] = await report("first-response");
    expect(first).toMatchObject({ staleRate: { denominator: 0 }, medianOpen: null });
    expect(first?.["responded"]).toBe(n(cohort, (one) => took(one, "outreach")));
    const [routing] = await report("routing");
    expect(routing).toMatchObject({ fallbackRate: { denominator: 0 }, reroutes: null });
    expect(await report("sla")).toEqual([]);
    expect(await report("fit")).toMatchObject([{ icpRate: { denominator: 0 } }]);
    expect(await report("engagement")).toMatchObject([{ recorded: 0 }]);
  });

  test("nothing is lost: in is open and closed on every day, and the recount finds no difference", async () => {
    const whole = { from: pastBegin, to: pastBegin + 400 * DAY, asOf: now };
    for (const tallied of [false, true]) {
      if (tallied) {
        while (await tally(db.pool, now)) continue;
        while (await foldProcessCounts(db.pool)) continue;
      }
      for (const asOf of [pastBegin + 37 * DAY, now]) {
        const found = await conservation(db.pool, { ...whole, asOf }, new Set(), new Set());
        expect(found.days.filter(({ residue }) => residue !== 0)).toEqual([]);
        expect(found.totals.residue).toBe(0);
        expect(found.astray.count).toBe(0);
        expect([found.withoutOwner.count, found.withoutNextStep.count]).toEqual([0, 0]);
        expect(found.withoutProcess?.count).toBe(0);
      }
    }
    const { totals } = await conservation(db.pool, whole, new Set(), new Set());
    expect(totals).toEqual({ takenIn: made.length, open: 0, closed: made.length, residue: 0 });
    expect(await recountAll(db.pool, now)).toMatchObject({ leads: made.length, differences: 0 });
    expect(await verifyDecisions(db.pool)).toMatchObject({ judged: 0, differences: [] });
  });

  test("what is tallied meanwhile does not pass over rows that are being written", async () => {
    const told = { externalId: "LATE", facts: {}, occurredAt: pastBegin };
    await inTransaction(db.pool, async (tx) => {
      const [first] = made.filter(({ outcome }) => outcome === "won");
      const at = (step: PastStep) => (first ? (instantOfStep(first, step) ?? 0) : 0);
      const past = readPast(
        {
          "handoff.mqlAt": new Date(at("mql")).toISOString(),
          "handoff.outcome": "disqualified",
          "handoff.endedAt": new Date(at("end")).toISOString(),
        },
        { agreement, zone: "UTC", now, ownerOf: () => [] },
      );
      if (!("past" in past)) throw new Error(JSON.stringify(past.problems));
      const context = { now, from: "import" as const, lane: 2 as const, agreement };
      await takeInPast(tx, [{ arrival: told, past: past.past }], context, agreements);
      expect(await tally(db.pool, now)).toBe(false);
    });
    while (await tally(db.pool, now)) continue;
    expect(await recountAll(db.pool, now)).toMatchObject({
      leads: made.length + 1,
      differences: 0,
    });
  });

  test("no process starts, nobody is told, nothing is to be done outside", async () => {
    expect(await count("outbox")).toBe(0);
    expect(await count("effect")).toBe(0);
    expect(await count("task")).toBe(0);
    expect(await all("select distinct origin from process")).toEqual([{ origin: "history" }]);
  });
});

describe("again", () => {
  const made = makePast(seededRandom(seed + 1), 700);
  const file = pastCsv(made);

  test("the same file, and the same rows in another file, change nothing", async () => {
    const first = await run(file);
    const before = await endState();
    expect(await run(file)).toEqual({ ...first, created: 0, unchanged: 700 });
    const others = pastCsv(makePast(seededRandom(seed + 2), 30)).replaceAll(/^P-/gm, "Q-");
    const more = others
      .replaceAll(/p-(\d+)@/g, "q-$1@")
      .split("\n")
      .slice(1)
      .join("\n");
    expect(await run(`${file}${more}`)).toMatchObject({ created: 30, unchanged: 700, refused: 0 });
    await db.pool.query(
      "delete from lead where id in (select lead_id from lead_alias where value like 'Q-%')",
    );
    expect(await endState()).toBe(before);
  });

  test("broken off between two batches and called again, it comes to the same", async () => {
    await run(file);
    const whole = await endState();
    await db.pool.query(
      "truncate lead, process, account, transition, handoff, opportunity, import cascade",
    );
    const source = fileOf(file);
    const broken: ImportFile = {
      fileHash: source.fileHash,
      async *bytes() {
        let sent = 0;
        for await (const piece of source.bytes()) {
          if ((sent += piece.length) > file.length * 0.8) throw new Error("the disk went away");
          yield piece;
        }
      },
    };
    await expect(wish(broken).then((one) => runImport(db.pool, one))).rejects.toThrow("disk");
    expect(await count("handoff")).toBe(500);
    expect(await run(file)).toMatchObject({ state: "done", created: 700, refused: 0 });
    expect(await endState()).toBe(whole);
  });
});

const header = pastCsv([]).trim();
/** A row by the columns of the generated file; what is not named is empty. */
function line(cells: Readonly<Record<string, string>>): string {
  return header
    .split(",")
    .map((name) => cells[name] ?? "")
    .join(",");
}
const won = {
  Id: "P-1",
  Owner: "rp_a",
  Outcome: "won",
  mql: "2025-03-01",
  handedOff: "2025-03-02",
  sal: "2025-03-03",
  sql: "2025-03-04",
  opportunity: "2025-03-05",
  end: "2025-04-01",
  Amount: "10",
};
const rejected = {
  Id: "P-1",
  Owner: "7001",
  Outcome: "rejected",
  Reason: "wrong-role",
  mql: "2025-03-01",
  handedOff: "2025-03-02",
  end: "2025-03-05",
};

describe("a row that cannot have happened is refused by its line", () => {
  test.each([
    [
      "its end lies before its start",
      { ...won, end: "2025-02-01" },
      "end",
      /endedAt: expected a time not before opportunityAt/,
    ],
    [
      "steps are out of order",
      { ...won, sal: "2025-03-01" },
      "sal",
      /salAt: expected a time not before handedOffAt/,
    ],
    [
      "it is won without a date",
      { ...won, end: "" },
      "end",
      /endedAt: expected when it ended: it is won/,
    ],
    [
      "a null word stands for the date",
      { ...won, end: "Select" },
      "end",
      /endedAt: expected when it ended/,
    ],
    [
      "it is won without an opportunity",
      { ...won, opportunity: "" },
      "opportunity",
      /opportunityAt: expected a time: it is won/,
    ],
    [
      "a step between is missing",
      { ...won, sql: "" },
      "sql",
      /sqlAt: expected a time: opportunityAt says/,
    ],
    [
      "nobody says when it began",
      { ...won, mql: "" },
      "mql",
      /mqlAt: expected a time: every handoff begins/,
    ],
    [
      "its end lies ahead",
      { ...won, end: "2026-11-21" },
      "end",
      /endedAt: expected a time that has passed/,
    ],
    ["it has no real date", { ...won, end: "2025-02-30" }, "end", /endedAt: expected a date/],
    [
      "it is rejected for no reason",
      { ...rejected, Reason: "" },
      "Reason",
      /reason: expected why it was rejected: below-company-size/,
    ],
    [
      "its reason is not agreed",
      { ...rejected, Reason: "not ready" },
      "Reason",
      /reason: expected a reason of the active agreement/,
    ],
    [
      "it is won for a reason to reject",
      { ...won, Reason: "wrong-role" },
      "Reason",
      /reason: expected no reason: it is won/,
    ],
    [
      "it is rejected and has an opportunity",
      { ...rejected, sal: "2025-03-03", sql: "2025-03-03", opportunity: "2025-03-03" },
      "opportunity",
      /opportunityAt: expected no time here/,
    ],
    [
      "nobody rejected it",
      { ...rejected, handedOff: "", Owner: "" },
      "handedOff",
      /handedOffAt: expected a time: only a handoff that was put/,
    ],
    [
      "its owner is unknown",
      { ...won, Owner: "Somebody" },
      "Owner",
      /owner: expected somebody of the roster/,
    ],
    [
      "two people have its owner's name",
      { ...won, Owner: "Rep  Twice" },
      "Owner",
      /owner: expected one person/,
    ],
    [
      "it was handed to nobody",
      { ...won, Owner: "" },
      "Owner",
      /owner: expected whom it was handed off to/,
    ],
    [
      "its outcome is unknown",
      { ...won, Outcome: "Closed" },
      "Outcome",
      /outcome: expected one of won, lost, open/,
    ],
    [
      "nothing says how it ended",
      { ...won, Outcome: "" },
      "Outcome",
      /outcome: expected how it ended/,
    ],
    [
      "it is open and has an end",
      { ...won, Outcome: "open" },
      "end",
      /endedAt: expected no time here: it is open/,
    ],
    [
      "it is open, and nothing says as what it was handed off",
      { ...won, Outcome: "open", end: "", opportunity: "", Amount: "" },
      null,
      /leadType: expected what it was handed off as/,
    ],
    [
      "its amount is no number",
      { ...won, Amount: "ten" },
      "Amount",
      /expected a number with the decimal sign/,
    ],
    [
      "it has a year where no time was known",
      { ...won, mql: "0001-01-01" },
      "mql",
      /mqlAt: expected a time after 1970/,
    ],
    [
      "it has the first instant of computers",
      { ...won, mql: "1970-01-01T00:00:00Z" },
      "mql",
      /mqlAt: expected a time after 1970/,
    ],
    [
      "its year does not exist",
      { ...won, handedOff: "0000-06-01" },
      "handedOff",
      /handedOffAt: expected a date/,
    ],
    [
      "it is open, and somebody was in touch before anybody had it",
      { Id: "P-1", Outcome: "open", mql: "2025-03-01", outreach: "2025-03-02" },
      "handedOff",
      /handedOffAt: expected a time: firstOutreachAt says that somebody had it/,
    ],
    [
      "its amount has too many decimals",
      { ...won, Amount: "1.999" },
      "Amount",
      /amount: expected at most 2 decimals/,
    ],
    [
      "there is an amount and no opportunity",
      { ...rejected, Amount: "5" },
      "Amount",
      /amount: expected no amount/,
    ],
    [
      "its band is unknown",
      { ...won, Band: "Z" },
      "Band",
      /band: expected one of the active agreement: A, B, C/,
    ],
    [
      "outreach came after the rejection",
      { ...rejected, outreach: "2025-03-06" },
      "outreach",
      /firstOutreachAt: expected a time not after its end/,
    ],
    ["nobody is named", { ...won, Id: "-" }, null, /expected a value that says who it is/],
  ])("%s", async (_, cells, column, message) => {
    const content = `${header}\n${line({ ...rejected, Id: "P-0" })}\n${line(cells)}\n`;
    const checked = await checkImport(await wish(fileOf(content)));
    const row = await run(content);
    expect(row).toMatchObject({ created: 1, refused: 1 });
    const errors = await importErrors(db.pool, row.id, { line: -1, message: "" }, 100);
    const told = errors.find((one) => message.test(one.message));
    expect(told, JSON.stringify(errors)).toMatchObject({ line: 3, column });
    expect(new Set(checked.errors.map((one) => one.message))).toEqual(
      new Set(errors.map((one) => one.message)),
    );
    expect(await count("handoff")).toBe(1);
    expect(await count("lead")).toBe(1);
  });

  test("an amount without a currency, or in one that does not exist", async () => {
    const content = `${header}\n${line(won)}\n`;
    for (const currency of ["", "constants: { handoff.currency: EURO }"]) {
      const map = pastMap.replace("constants: { handoff.currency: EUR }", currency);
      const row = await run(content, map);
      const errors = await importErrors(db.pool, row.id, { line: -1, message: "" }, 10);
      expect(errors).toMatchObject([{ line: 2, message: /currency of the amount/ }]);
    }
  });
});

test("times without an offset are meant in the map's zone, amounts in the currency's own decimals", async () => {
  const map = `zone: Europe/Berlin\n${pastMap}`.replace("currency: EUR", "currency: JPY");
  const cells = { ...won, mql: "2025-03-30 12:00", handedOff: "2025-03-30T12:00:00Z" };
  const later = { sal: "2025-03-31", sql: "2025-03-31", opportunity: "2025-03-31" };
  expect(await run(`${header}\n${line({ ...cells, ...later })}\n`, map)).toMatchObject({
    created: 1,
  });
  expect(await all("select mql_at, offered_at, sal_at from handoff")).toEqual([
    {
      mql_at: new Date("2025-03-30T10:00:00Z"),
      offered_at: new Date("2025-03-30T12:00:00Z"),
      sal_at: new Date("2025-03-30T22:00:00Z"),
    },
  ]);
  expect(await all("select amount_minor, currency from opportunity")).toEqual([
    { amount_minor: 10, currency: "JPY" },
  ]);
});

test("large amounts are kept to the cent", async () => {
  const amounts = ["1234567890.13", "693439570022.92", "9493187713613.12"];
  const lines = amounts.map((Amount, n) => line({ ...won, Id: `P-${n}`, Amount }));
  expect(await run(`${header}\n${lines.join("\n")}\n`)).toMatchObject({ created: 3, refused: 0 });
  const minor = "amount_minor::text as minor";
  expect(await all(`select ${minor} from opportunity order by amount_minor`)).toEqual([
    { minor: "123456789013" },
    { minor: "69343957002292" },
    { minor: "949318771361312" },
  ]);
});

test("a first touch that was not told is in no figure, and the person's is when they arrived", async () => {
  const map = pastMap
    .replace("columns:", "columns:\n  Arrived: handoff.arrivedAt\n  Touch: lead.firstTouchAt")
    .concat("engagements: [{ column: Demo, type: demo_request }]\n");
  const content = `${header},Arrived,Touch,Demo\n${line(won)},2025-02-01,,yes\n${line({ ...won, Id: "P-2" })},2025-02-01,2025-01-15,yes\n`;
  expect(await run(content, map)).toMatchObject({ created: 2, refused: 0 });
  expect(
    await all(`select h.first_touch_at as frozen, l.facts->'lead.firstTouchAt'->>'value' as touch
      from handoff h join lead l on l.id = h.subject_id order by frozen nulls first`),
  ).toMatchObject([
    { frozen: null, touch: "2025-02-01T00:00:00.000Z" },
    { frozen: new Date("2025-01-15T00:00:00Z"), touch: expect.stringMatching(/^2025-01-15/) },
  ]);
});

describe("several handoffs of one person", () => {
  const first = { ...rejected, mql: "2024-01-01", handedOff: "2024-01-02", end: "2024-02-01" };
  const second = rejected;
  const third = {
    ...won,
    mql: "2025-03-05",
    handedOff: "2025-03-05",
    sal: "2025-03-05",
    sql: "2025-03-05",
  };
  const orders = [
    [first, second, third],
    [third, first, second],
    [second, third, first],
  ];

  test("are cycles in the order of time, in whatever order and however many files they come", async () => {
    const states: string[] = [];
    for (const order of orders) {
      for (const apart of [false, true]) {
        await db.pool.query(
          "truncate lead, process, account, transition, handoff, opportunity, import cascade",
        );
        const files = apart ? order.map((one) => [one]) : [order];
        for (const rows of files) {
          const row = await run(`${header}\n${rows.map(line).join("\n")}\n`);
          expect(row).toMatchObject({ created: rows.length, refused: 0 });
        }
        // Of the person's facts the first touch that was told stands; no figure rests on it.
        const state = JSON.parse(await endState()) as Record<string, unknown>[];
        states.push(JSON.stringify(state.map((one) => ({ ...one, facts: null }))));
        const asked = { from: first.mql, to: won.end };
        const { days, totals } = await conservation(
          db.pool,
          { from: Date.parse(asked.from), to: Date.parse(asked.to), asOf: now },
          new Set(),
          new Set(),
        );
        expect(days.filter(({ residue }) => residue !== 0)).toEqual([]);
        expect(totals).toEqual({ takenIn: 1, open: 0, closed: 1, residue: 0 });
        while (await tally(db.pool, now)) continue;
        expect(await recountAll(db.pool, now)).toMatchObject({ differences: 0 });
      }
    }
    expect(new Set(states).size).toBe(1);
    expect(await all("select cycle, outcome from handoff order by cycle")).toEqual([
      { cycle: 1, outcome: "rejected: wrong-role" },
      { cycle: 2, outcome: "rejected: wrong-role" },
      { cycle: 3, outcome: "opportunity" },
    ]);
    expect(await all("select stage, cycle from process")).toEqual([
      { stage: "opportunity", cycle: 3 },
    ]);
  });

  const engaged = `${pastMap}\nengagements: [{ column: Demo, type: demo_request }, { column: Asked, type: pricing_page, at: Asked at }]\n`;

  test("have an engagement each where the file tells no time of it", async () => {
    const content = `${header},Demo,Asked,Asked at\n${line(first)},yes,,\n${line(third)},yes,,\n`;
    expect(await run(content, engaged)).toMatchObject({ created: 2, refused: 0 });
    expect(await all("select occurred_at from engagement order by 1")).toEqual([
      { occurred_at: new Date(first.mql) },
      { occurred_at: new Date(third.mql) },
    ]);
    expect(await all("select signals from handoff")).toEqual([
      { signals: ["demo_request"] },
      { signals: ["demo_request"] },
    ]);
  });

  test("freeze what their own row tells was done, in whatever order they come", async () => {
    const rows = [`${line(first)},yes,,`, `${line(third)},,yes,2025-01-10`];
    for (const order of [rows, rows.toReversed()]) {
      await db.pool.query(
        "truncate lead, process, account, transition, handoff, opportunity, engagement, import cascade",
      );
      for (const row of order)
        expect(await run(`${header},Demo,Asked,Asked at\n${row}\n`, engaged)).toMatchObject({
          created: 1,
        });
      expect(await all("select signals from handoff order by cycle")).toEqual([
        { signals: ["demo_request"] },
        { signals: ["pricing_page"] },
      ]);
    }
  });

  test.each([
    [
      "that lie over each other",
      { ...second, mql: "2024-01-15", handedOff: "2024-01-16" },
      /one ends before the next begins/,
    ],
    [
      "that contradict what is known",
      { ...first, end: "2024-01-30" },
      /expected the same as before/,
    ],
  ])("%s are refused", async (_, other, message) => {
    expect(await run(`${header}\n${line(first)}\n`)).toMatchObject({ created: 1 });
    const before = await endState();
    const row = await run(`${header}\n${line(other)}\n`);
    expect(row).toMatchObject({ created: 0, refused: 1 });
    expect(await importErrors(db.pool, row.id, { line: -1, message: "" }, 10)).toMatchObject([
      { line: 2, column: "mql", message },
    ]);
    expect(await endState()).toBe(before);
  });
});

describe("a handoff that is open", () => {
  const type = agreement.leadTypes[0]?.name ?? "";
  const map = pastMap.replace("constants: {", `constants: { handoff.leadType: ${type},`);
  const begun = { Owner: "rp_a", Outcome: "open", mql: "2025-03-01", handedOff: "2025-03-02" };
  const accepted = { ...begun, sal: "2025-03-03" };
  const rowsOf = {
    fresh: begun,
    reached: { ...begun, outreach: "2025-03-02" },
    nobodys: { Outcome: "open", mql: "2025-03-01" },
    left: { ...begun, Owner: "rp_c" },
    accepted,
    met: { ...accepted, outreach: "2025-03-02", connected: "2025-03-04", meeting: "2025-03-05" },
    confirmed: { ...accepted, sql: "2025-03-06" },
  };
  const content = `${header}\n${Object.entries(rowsOf)
    .map(([Id, cells]) => line({ Id, ...cells }))
    .join("\n")}\n`;
  const standing = () =>
    all(`select a.value as name, p.stage, p.waiting_on as wait, p.owner_id as owner,
      p.next_at is not null as has_next, coalesce(p.next_at > '${new Date(now).toISOString()}', false) as later,
      (select string_agg(c.kind || ' ' || c.scope || ' ' || c.state, ', ' order by c.kind, c.scope)
        from clock c where c.handoff_id = p.handoff_id) as clocks
      from process p join lead_alias a on a.lead_id = p.subject_id and a.kind = 'external'
      order by p.stage, name`);
  const taken = {
    fresh: "outreach lead running, outreach rep running, status lead running, status rep running",
    reached:
      "outreach lead cancelled, outreach rep cancelled, status lead running, status rep running",
  };

  test("goes on in its stage, with its owner and clocks that run from now, and its process starts", async () => {
    expect(await run(content, map)).toMatchObject({ created: 7, refused: 0 });
    const mine = { owner: "rp_a", has_next: true, later: true };
    const free = { stage: "mql", wait: "assessment", owner: null, has_next: true, later: false };
    expect(await standing()).toEqual([
      { name: "fresh", stage: "mql", wait: "outreach", ...mine, clocks: taken.fresh },
      { name: "left", ...free, clocks: null },
      { name: "nobodys", ...free, clocks: null },
      { name: "reached", stage: "mql", wait: "answer", ...mine, clocks: taken.reached },
      { name: "accepted", stage: "sal", wait: "attempts", ...mine, clocks: null },
      { name: "met", stage: "sal", wait: "meeting", ...mine, clocks: null },
      { name: "confirmed", stage: "sql", wait: "opportunity", ...mine, clocks: null },
    ]);
    expect(await all("select distinct started_at from clock")).toEqual([
      { started_at: new Date(now) },
    ]);
    expect(
      await all(
        "select kind, lane, payload->>'from' as from, count(*)::int as n from outbox where message <> 'priority' group by 1, 2, 3",
      ),
    ).toEqual([{ kind: "start", lane: 2, from: "resume", n: 7 }]);
    expect(await all("select distinct kind from effect")).toEqual([{ kind: "sync-crm" }]);
    expect(await count("task")).toBe(0);
    expect(await verifyDecisions(db.pool)).toMatchObject({ judged: 7, differences: [] });
    const period = { from: pastBegin, to: now + DAY, asOf: now + 1 };
    const { days, totals, withoutOwner, withoutNextStep, astray } = await conservation(
      db.pool,
      period,
      null,
      null,
    );
    expect(totals).toEqual({ takenIn: 7, open: 7, closed: 0, residue: 0 });
    expect(days.filter(({ residue }) => residue !== 0)).toEqual([]);
    expect([withoutOwner.count, withoutNextStep.count, astray.count]).toEqual([0, 0, 0]);
    expect(await run(`${content}\n`, map)).toMatchObject({ created: 0, unchanged: 7 });
    expect(await count("decision")).toBe(7);
  });

  test("has missed nothing yet: a look at the time tells nobody, and what is late later is", async () => {
    await run(content, map);
    const look = async (at: number) => {
      for (const { id } of await all(
        "select subject_id as id from process where owner_id is not null",
      ))
        await take(
          { pool: db.pool, agreements },
          {
            subject: { kind: "lead", id: String(id) },
            key: `look/${at}`,
            now: at,
            by: "process",
          },
          { kind: "time" },
        );
    };
    const told = () =>
      all(
        "select what, count(*)::int as n from effect where kind <> 'sync-crm' group by 1 order by 1",
      );
    await look(now + 60_000);
    expect(await told()).toEqual([]);
    expect(await count("task")).toBe(0);
    await look(now + 60 * DAY);
    expect((await told()).map(({ what }) => what)).toContain("breach");
    expect(
      await all("select kind, count(*)::int as n from task where kind = 'stalled' group by 1"),
    ).toEqual([{ kind: "stalled", n: 3 }]);
    expect(await verifyDecisions(db.pool)).toMatchObject({ differences: [] });
  });

  test("whose handoff was not told of is its owner's from now on", async () => {
    const { handedOff: _, ...unsaid } = begun;
    expect(await run(`${header}\n${line({ Id: "P-1", ...unsaid })}\n`, map)).toMatchObject({
      created: 1,
      refused: 0,
    });
    expect(await all("select rep_id, round, offered_at, offered_told_at from handoff")).toEqual([
      { rep_id: "rp_a", round: 1, offered_at: new Date(now), offered_told_at: new Date(now) },
    ]);
    expect(await all("select rep_id, round from assignment where ended_at is null")).toEqual([
      { rep_id: "rp_a", round: 1 },
    ]);
    expect(await verifyDecisions(db.pool)).toMatchObject({ judged: 1, differences: [] });
  });

  test("is taken over after all that ended, wherever it stands in the file", async () => {
    const older = { ...rejected, mql: "2024-01-01", handedOff: "2024-01-02", end: "2024-02-01" };
    const between = Array.from({ length: 510 }, (_, n) => line({ ...won, Id: `Q-${n}` }));
    const rows = [line({ ...begun, Id: "P-1" }), ...between, line(older)];
    expect(await run(`${header}\n${rows.join("\n")}\n`, map)).toMatchObject({
      rowsDone: 512,
      created: 512,
      refused: 0,
    });
    expect(
      await all(
        "select outcome, state from handoff where lead_type is not null and outcome is distinct from 'opportunity' order by cycle",
      ),
    ).toEqual([
      { outcome: "rejected: wrong-role", state: "closed" },
      { outcome: null, state: "open" },
    ]);
  });

  test("is taken over in small steps, each with its count, so that nobody waits for many", async () => {
    const rows = Array.from({ length: 60 }, (_, n) => line({ ...begun, Id: `P-${n}` }));
    const content = `${header}\n${rows.join("\n")}\n`;
    const whole = await wish(fileOf(content), map);
    const steps: number[] = [];
    const stopped = {
      ...whole,
      progress: ({ rowsDone }: { readonly rowsDone: number }) => {
        steps.push(rowsDone);
        if (rowsDone >= 50) throw new Error("it was killed");
      },
    };
    await expect(runImport(db.pool, stopped)).rejects.toThrow("killed");
    expect(steps).toEqual([25, 50]);
    expect(await count("decision")).toBe(50);
    expect(await run(content, map)).toMatchObject({ created: 60, refused: 0, rowsDone: 60 });
    expect(await count("decision")).toBe(60);
  });

  test("is in the figures with its age, and answers of Baton's own count beside it", async () => {
    await run(content, map);
    const aging = reports.find(({ name }) => name === "aging");
    const ask = {
      from: pastBegin,
      to: now,
      asOf: now,
      knowledge: "now",
      filters: {},
      groupBy: null,
      repIds: null,
      db: db.pool,
      agreements,
    } as const;
    const rows = (await aging?.rows(ask)) ?? [];
    expect(
      rows.map(({ age, isContacted, sla, count: many }) => [age, isContacted, sla, many]),
    ).toEqual([
      ["10 days and more", false, "in time", 1],
      ["10 days and more", false, "none", 2],
      ["10 days and more", true, "none", 1],
    ]);
    for (const { name, rows: asked } of reports)
      await expect(asked({ ...ask, asOf: now + DAY }), name).resolves.toBeDefined();
  });

  test("is among what Baton routed once Baton has routed it", async () => {
    await run(content, map);
    const routing = reports.find(({ name }) => name === "routing");
    const ask = {
      from: pastBegin,
      to: now,
      asOf: now + DAY,
      knowledge: "now",
      filters: {},
    } as const;
    const rate = async () => {
      const asked = { ...ask, groupBy: null, repIds: null, db: db.pool, agreements };
      const [row] = (await routing?.rows(asked)) ?? [];
      return row?.["fallbackRate"];
    };
    expect(await rate()).toMatchObject({ numerator: 0, denominator: 0 });
    await db.pool.query(`
      insert into assignment (handoff_id, round, queue, via, candidates, at)
      select id, round + 1, 'fallback', 'fallback', '[]', '${new Date(now).toISOString()}' from handoff
      where rep_id is null`);
    expect(await rate()).toMatchObject({ numerator: 2, denominator: 2 });
  });

  test("of a person with a closed one before it is their last cycle, and after it nothing is told", async () => {
    const before = { ...rejected, mql: "2024-01-01", handedOff: "2024-01-02", end: "2024-02-01" };
    const rows = [{ ...begun, Id: "P-1" }, before].map(line).join("\n");
    expect(await run(`${header}\n${rows}\n`, map)).toMatchObject({ created: 2, refused: 0 });
    expect(await all("select cycle, state from handoff order by cycle")).toEqual([
      { cycle: 1, state: "closed" },
      { cycle: 2, state: "open" },
    ]);
    expect(await all("select cycle, stage from process")).toEqual([{ cycle: 2, stage: "mql" }]);
    const older = { ...before, mql: "2023-01-01", handedOff: "2023-01-01", end: "2023-01-02" };
    const row = await run(`${header}\n${line(older)}\n`, map);
    expect(row).toMatchObject({ created: 0, refused: 1 });
  });
});

describe("a person", () => {
  const errorsOf = async (id: string) => importErrors(db.pool, id, { line: -1, message: "" }, 10);
  const arrive = async (tx: Tx) =>
    takeIn(tx, [{ externalId: "P-1", facts: { "lead.name": "Kim Example" } }], {
      now,
      from: "form",
      lane: 1,
      agreement,
    });

  test("whose process is Baton's own has no past to be told", async () => {
    await inTransaction(db.pool, arrive);
    const row = await run(`${header}\n${line(won)}\n`);
    expect(row).toMatchObject({ created: 0, refused: 1 });
    expect(await errorsOf(row.id)).toMatchObject([
      { line: 2, column: "Id", message: /this person's process is Baton's own/ },
    ]);
    expect(await count("handoff")).toBe(0);
  });

  test("who arrives while history waits for the tally does not wait", async () => {
    const other = await db.pool.connect();
    try {
      await other.query("begin");
      await holdTallies(other);
      const importing = run(`${header}\n${line({ ...won, Id: "P-1" })}\n`);
      const waiting = async () =>
        (await all("select from pg_locks where locktype = 'advisory' and not granted")).length;
      await expect.poll(waiting, { timeout: 20_000, interval: 20 }).toBe(1);
      const [told] = await inTransaction(db.pool, async (tx) => {
        await tx.query("set local lock_timeout = '5s'");
        return arrive(tx);
      });
      expect(told).toMatchObject({ outcome: "created" });
      await other.query("rollback");
      // Whoever came first decides: this process is Baton's own by now.
      expect(await importing).toMatchObject({ created: 0, refused: 1 });
    } finally {
      await other.query("rollback");
      other.release();
    }
  });

  test("who was refused is taken in by the same command once the roster is mended", async () => {
    const content = `${header}\n${line(won)}\n${line({ ...won, Id: "P-2", Owner: "rp_late" })}\n`;
    const row = await run(content);
    expect(row).toMatchObject({ created: 1, unchanged: 0, refused: 1 });
    expect(await run(content)).toMatchObject({ created: 0, unchanged: 1, refused: 1, rowsDone: 2 });
    expect(await errorsOf(row.id)).toHaveLength(1);
    await db.pool.query(`insert into rep (id, name, email, active, updated_at)
      values ('rp_late', 'Late', 'late@team.example', true, now())`);
    try {
      expect(await run(content)).toMatchObject({
        id: row.id,
        state: "done",
        created: 1,
        unchanged: 1,
        refused: 0,
      });
      expect(await errorsOf(row.id)).toEqual([]);
      expect(await count("handoff")).toBe(2);
      expect(await run(content)).toMatchObject({ created: 0, unchanged: 2, refused: 0 });
    } finally {
      await db.pool.query("truncate handoff, process cascade");
      await db.pool.query("delete from rep where id = 'rp_late'");
    }
  });

  test("of the past who arrives again is known, and begins again only when a person says so", async () => {
    await run(`${header}\n${line(rejected)}\n`);
    const [told] = await inTransaction(db.pool, arrive);
    expect(told).toMatchObject({ outcome: "merged", stage: "disqualified" });
    expect(await count("outbox")).toBe(0);
    const { leadId } = told as { leadId: string };
    const subject = { kind: "lead" as const, id: leadId };
    const { standing } = await inTransaction(db.pool, (tx) =>
      takeReopening(tx, agreements, subject, "tn_1", now),
    );
    expect(standing).toMatchObject({ cycle: 2, stage: "new" });
    expect(await verifyDecisions(db.pool)).toMatchObject({ judged: 1, differences: [] });
    const again = await run(`${header}\n${line(rejected)}\n\n`);
    expect(again).toMatchObject({ unchanged: 1, refused: 0 });
    const more = await run(
      `${header}\n${line({ ...rejected, mql: "2024-01-01", handedOff: "2024-01-01", end: "2024-01-02" })}\n`,
    );
    expect(await errorsOf(more.id)).toMatchObject([{ message: /its past is closed/ }]);
    const { totals } = await conservation(
      db.pool,
      { from: now - DAY, to: now + DAY, asOf: now + 1 },
      null,
      null,
    );
    expect(totals).toEqual({ takenIn: 1, open: 1, closed: 0, residue: 0 });
  });

  test("that two leads' names point to is not guessed", async () => {
    await run(
      `${header}\n${line({ ...won, "E-mail": "kim@a.com" })}\n${line({ ...won, Id: "P-2", "E-mail": "jo@a.com" })}\n`,
    );
    const row = await run(
      `${header}\n${line({ ...rejected, mql: "2024-01-01", handedOff: "2024-01-01", end: "2024-01-02", Id: "P-2", "E-mail": "kim@a.com" })}\n`,
    );
    expect(await errorsOf(row.id)).toMatchObject([{ message: /expected names of one person/ }]);
  });

  test("who is erased leaves no trace, keeps the counts, and does not come back", async () => {
    const map = pastMap.replace(
      "columns:",
      "columns:\n  Name: lead.name\n  Title: lead.title\n  Deal: handoff.opportunityCrmId",
    );
    const named = `${header},Name,Title,Deal`;
    const kim = { ...won, Id: "KIM-0815", "E-mail": "kim.example@a.com" };
    const content = `${named}\n${line(kim)},Kim Example,Head of Kimonos,D-1\n${line({ ...kim, Owner: "x", Amount: "y" })},Kim Example,,\n`;
    expect(await run(content, map)).toMatchObject({ created: 1, refused: 1 });
    const [lead] = await all("select id from lead");
    await inTransaction(db.pool, (tx) => erasePerson(tx, String(lead?.["id"]), "tn_1", now));
    expect(await tracesIn(db.pool, ["kim.example", "KIM-0815", "Kim Example", "Kimonos"])).toEqual(
      [],
    );
    expect(await all("select count(won_at)::int as won from handoff")).toEqual([{ won: 1 }]);
    const again = await run(`${content}${line(kim)},Kim Example,,\n`, map);
    expect(again.created).toBe(0);
    expect((await errorsOf(again.id)).map(({ message }) => message)).toContain(
      "this person asked to be erased; nothing was stored",
    );
    expect(await tracesIn(db.pool, ["kim.example", "KIM-0815", "Kim Example", "Kimonos"])).toEqual(
      [],
    );
  });
});

describe("the map", () => {
  test.each([
    ["{ columns: { A: handoff.mqlAtt } }", /handoff\.mqlAtt.*handoff\.mqlAt/],
    [
      "{ columns: { A: externalId }, constants: { handoff.amount: much } }",
      /handoff\.amount: expected a number/,
    ],
  ])("%s is refused", (text, message) => {
    const parsed = parseHistoryMap(text, agreement);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? "" : parsed.problems.map((one) => one.message).join()).toMatch(message);
  });

  test("of the documentation can be used as it stands", () => {
    const docs = readFileSync(new URL("../../../docs/import.md", import.meta.url), "utf8");
    const text = /## Handoffs of the past[^]*?```yaml\n([^]*?)```/.exec(docs)?.[1] ?? "";
    const parsed = parseHistoryMap(text, agreement);
    expect(parsed.ok ? [] : parsed.problems).toEqual([]);
    for (const field of Object.keys(pastFields))
      expect(docs, field).toMatch(new RegExp(`\\b${field.replace("handoff.", "")}\\b`));
  });

  test("may tell engagements, which are frozen on the handoff as they stood at its beginning", async () => {
    const map = `${pastMap}\nengagements: [{ column: Demo, type: demo_request, at: Demo at }]\n`;
    const content = `${header},Demo,Demo at\n${line(won)},yes,2025-02-20\n${line({ ...won, Id: "P-2" })},yes,2025-03-20\n`;
    expect(await run(content, map)).toMatchObject({ created: 2 });
    expect(await all("select signals, first_signal from handoff order by signals desc")).toEqual([
      { signals: ["demo_request"], first_signal: "demo_request" },
      { signals: [], first_signal: null },
    ]);
    expect(await count("outbox")).toBe(0);
  });
});
