import { beforeEach, describe, expect, test } from "vitest";
import { verifyDecisions } from "../../../cli/commands/verify.ts";
import { readPast } from "../../../handoff/facts/read-past.ts";
import { rateOf } from "../../../handoff/reviews/figures.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import { conservation } from "../../../store/reports/conservation.ts";
import { recountAll } from "../../../store/reports/recount.ts";
import { reports } from "../../../store/reports/registry.ts";
import type { ReportAsk } from "../../../store/reports/report.ts";
import { foldProcessCounts, tally } from "../../../store/reports/tallies.ts";
import { takeInPast } from "../../../store/intake/history.ts";
import { runImport, type ImportFile } from "../../../store/intake/run-import.ts";
import { fileOf } from "../../support/import-files.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import {
  instantOfStep,
  makePast,
  pastBegin,
  pastCsv,
  type MadePast,
  type PastStep,
} from "../../support/past-handoffs.ts";
import { agreement, agreements, historyWorld, now } from "../../support/history-world.ts";

const seed = Number(process.env["SEED"] ?? 5_311);
const DAY = 86_400_000;
const { db, wish, run, all, count, endState } = historyWorld();

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
    for (const { name } of reports) {
      const found = await report(name, { knowledge: "then" });
      const known = found.filter((row) =>
        Object.values(row).some(
          (cell) =>
            (typeof cell === "number" && cell > 0) ||
            ((cell as { denominator?: number } | null)?.denominator ?? 0) > 0,
        ),
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
