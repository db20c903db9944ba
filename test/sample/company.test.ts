import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseRoster } from "../../agreement/roster.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { foldClock, type ClockEvent } from "../../handoff/clocks/clock.ts";
import { normalizeFact } from "../../handoff/facts/lead.ts";
import { judgeNow } from "../../handoff/qualify/qualify.ts";
import { mayGo, waits } from "../../handoff/stage.ts";
import { compileYears } from "../../handoff/time/applied-calendar.ts";
import { sampleAgreements, sampleRoster } from "../../sample/agreement.ts";
import { generateCompany } from "../../sample/company.ts";
import type { SampleCompany, SampleVersion } from "../../sample/model.ts";
import { samplePeriods } from "../../sample/periods.ts";
import { patternNames, type PatternName } from "../../sample/patterns.ts";
import { exampleText } from "../support/example-agreement.ts";

const day = 86_400_000;
const until = Date.parse("2026-11-20T10:00:00Z");
const periods = samplePeriods(12, until);

function versionsOf(plant: readonly PatternName[]): SampleVersion[] {
  const since = [periods.begin - 30 * day, periods.quarter.from, periods.quarter.to];
  return sampleAgreements(exampleText, plant).map((text, n) => ({
    agreement: agreementOf(text),
    from: since[n] ?? 0,
  }));
}

function companyOf(seed: number, plant: readonly PatternName[] = patternNames): SampleCompany {
  const file = fileURLToPath(new URL("../../sample/roster.yaml", import.meta.url));
  const parsed = parseRoster(sampleRoster(readFileSync(file, "utf8"), plant));
  if (!parsed.ok) throw new Error("the sample's roster does not parse");
  const { reps, pools } = parsed.roster;
  return generateCompany({
    leads: 1_200,
    months: 12,
    seed,
    plant,
    periods,
    versions: versionsOf(plant) as [SampleVersion, SampleVersion, SampleVersion],
    roster: {
      reps: Object.fromEntries(reps.map((rep) => [rep.id, { ...rep, absences: [] }])),
      pools: Object.fromEntries(pools.map((pool) => [pool.id, pool])),
    },
  });
}

const company = companyOf(11);
const handoffs = company.leads.flatMap((lead) => lead.handoffs.map((h) => ({ lead, h })));

test("the same seed gives the same company, another seed another one", () => {
  expect(companyOf(11)).toEqual(company);
  expect(companyOf(12)).not.toEqual(company);
});

test("nobody real is meant: addresses end in .example, and numbers are kept free for stories", () => {
  for (const { email, facts } of company.leads) {
    expect(email).toMatch(/^[a-z]+\.[a-z]+\.\d+@[a-z0-9-]+\.example$/);
    const phone = facts["lead.phone"]?.value;
    if (phone !== undefined)
      expect(phone).toMatch(/^(\+1 202 555 01\d\d|\+44 20 7946 0\d{3}|\+49 30 23125 \d{3})$/);
  }
  expect(new Set(company.leads.map(({ email }) => email)).size).toBe(company.leads.length);
});

test("every fact is one that intake would have taken", () => {
  const [{ agreement }] = versionsOf(patternNames) as [SampleVersion];
  const all = [...company.leads, ...company.accounts].flatMap(({ facts }) => Object.entries(facts));
  const wrong = all.filter(([path, { value }]) => {
    const normal = normalizeFact(path, value, agreement);
    return !("value" in normal) || JSON.stringify(normal.value) !== JSON.stringify(value);
  });
  expect(wrong.map(([path, { value }]) => `${path}: ${String(value)}`)).toEqual([]);
});

test("leads go only where the stages allow, in order of time, and stand where they went last", () => {
  for (const { id, moves, standing, arrivedAt } of company.leads) {
    expect(moves[0]).toMatchObject({ from: null, to: "new", at: arrivedAt });
    for (const [n, { from, to, at, cycle, step }] of moves.entries()) {
      const before = moves[n - 1];
      if (!before) continue;
      expect(from, id).toBe(before.to);
      expect(mayGo(before.to, to), `${id}: ${from} to ${to}`).toBe(true);
      expect(at, id).toBeGreaterThanOrEqual(before.at);
      expect(at, id).toBeLessThanOrEqual(until);
      expect([cycle, step] > [before.cycle, before.step] || cycle > before.cycle, id).toBe(true);
    }
    expect(standing.stage).toBe(moves.at(-1)?.to);
    expect(waits[standing.stage] as readonly string[]).toContain(standing.waitingOn);
    expect(["nurture", "renurture", "opportunity", "disqualified"]).toContain(standing.stage);
  }
});

test("a handoff takes its steps in order, and all of it is over", () => {
  const order = ["mql", "offered", "sal", "sql", "opportunity"] as const;
  for (const { h } of handoffs) {
    const taken = order.flatMap((step) => h.at[step] ?? []);
    expect(taken, h.id).toEqual([...taken].sort((a, b) => a - b));
    for (const [step, at] of Object.entries(h.at))
      expect(at, `${h.id} ${step}`).toBeLessThanOrEqual(until);
    const touches = h.outreach.map(({ at }) => at);
    expect(touches, h.id).toEqual([...touches].sort((a, b) => a - b));
    if (touches.length > 0) expect(touches[0], h.id).toBe(h.at.firstOutreach);
    expect((h.at.sal === undefined) === (h.rejection !== null), h.id).toBe(true);
  }
});

test("the agreement of the day qualified every lead that was handed off first, and nobody else", () => {
  const versions = versionsOf(patternNames);
  for (const { facts, arrivedAt, engagements, handoffs: own, accountId } of company.leads) {
    const account = company.accounts.find(({ id }) => id === accountId);
    const now = arrivedAt + 1_000;
    const agreement = versions.findLast(({ from }) => from <= now)?.agreement;
    if (!agreement) throw new Error("no agreement was in force");
    const plain = Object.entries({ ...account?.facts, ...facts }).map(([k, v]) => [k, v.value]);
    const judged = judgeNow(agreement, {
      facts: Object.fromEntries(plain),
      engagements: engagements.map(({ topic, ...one }) => ({
        ...one,
        ...(topic === null ? {} : { topic }),
      })),
      now,
    });
    expect(judged.verdict === "hand-off").toBe(own.length > 0);
    if (own[0]) expect(own[0]).toMatchObject({ leadType: judged.leadType, band: judged.band });
  }
});

test("every clock says what its own events say", () => {
  const { agreement } = versionsOf([])[0] as SampleVersion;
  const { elapsedRoll, warnAt } = agreement.clocks;
  let judged = 0;
  for (const { h } of handoffs)
    for (const clock of h.clocks) {
      const applied = company.calendars.get(clock.calendar);
      if (!applied) throw new Error(`there is no calendar ${clock.calendar}`);
      const open = compileYears(applied, { from: 2024, to: 2028 });
      const events: ClockEvent[] = [
        { kind: "start", at: clock.startedAt, target: clock.target, calendar: "c" },
        { kind: clock.state === "cancelled" ? "cancel" : "stop", at: clock.endedAt },
      ];
      const outreach = h.clocks.find((one) => one.kind === "outreach" && one.scope === clock.scope);
      const follows = clock.kind === "status" && outreach ? { outreachDueAt: outreach.dueAt } : {};
      const view = foldClock(events, () => open, { elapsedRoll, warnAt, ...follows }, until);
      expect(view, `${h.id} ${clock.kind} ${clock.scope}`).toMatchObject({
        state: clock.state,
        dueAt: clock.dueAt,
        usedMs: clock.usedMs,
        stoppedAt: clock.endedAt,
      });
      judged++;
    }
  expect(judged).toBe(4 * handoffs.length);
  expect(judged).toBeGreaterThan(1_000);
});

describe("the quarter of changed criteria", () => {
  test.each([
    ["2026-11-20T10:00:00Z", "2026-07-01", "2026-10-01"],
    // Its last handoffs are too young; the one before is old enough.
    ["2026-10-20T10:00:00Z", "2026-04-01", "2026-07-01"],
    ["2027-01-31T00:00:00Z", "2026-10-01", "2027-01-01"],
  ])("at %s it is from %s to %s", (at, from, to) => {
    expect(samplePeriods(9, Date.parse(at)).quarter).toEqual({
      from: Date.parse(from),
      to: Date.parse(to),
    });
  });

  test("lies within the fewest months, whatever the day", () => {
    for (let n = 0; n < 400; n++) {
      const { begin, quarter, until: end } = samplePeriods(9, until + n * day);
      expect(quarter.from - begin).toBeGreaterThan(20 * day);
      expect(end - quarter.to).toBeGreaterThanOrEqual(30 * day);
    }
  });
});

test("an example that has changed is not edited by guess", () => {
  const without = exampleText.replace("  segments:\n", "  sections:\n");
  expect(() => sampleAgreements(without, [])).toThrow("must have this once:   segments:");
});
