import { describe, expect, test } from "vitest";
import { formatLocal } from "../../handoff/time/calendar.ts";
import { sayHappened, type Happened } from "../../words/history.ts";
import { byRecord, utcAndLocal, type Reader } from "../../words/reader.ts";

const inNewYork: Reader = {
  time: (at) => formatLocal("America/New_York", at.getTime()),
  person: (id) => (id === "rp_1" ? "Rep One" : id),
  stage: (stage) => stage.toUpperCase(),
  action: (action, who) => `${who} did ${action}`,
  code: (said) => said.replaceAll("_", " "),
};

const offer: Happened = {
  kind: "assignment",
  what: "rp_1",
  cycle: 1,
  detail: {
    rep: "rp_1",
    round: 1,
    via: "turn",
    pool: "americas",
    endedAt: "2026-11-23T15:00:00+00:00",
    endedWhy: "reassigned",
    candidates: [
      { repId: "rp_1", pool: "americas", as: "member", eligible: true, why: null, credit: 500_000 },
      { repId: "rp_2", pool: "americas", as: "owner", eligible: false, why: "away" },
    ],
  },
};

test("stages and actions have the reader's names; the arrival is said once", () => {
  const moved: Happened = {
    kind: "transition",
    what: "mql",
    cycle: 1,
    detail: { from: "new", because: "a lead type matched" },
  };
  const arrived: Happened = { ...moved, what: "new", detail: { because: "arrived" } };
  const acted: Happened = { ...moved, kind: "action", what: "accept", detail: { by: "rp_1" } };
  expect(sayHappened(moved, inNewYork).said).toBe("stage NEW -> MQL: a lead type matched");
  expect(sayHappened(moved, byRecord).said).toBe("stage new -> mql: a lead type matched");
  expect(sayHappened(arrived, byRecord).said).toBe("arrived in stage new");
  expect(sayHappened(acted, byRecord).said).toBe("accept by rp_1 (office)");
  expect(sayHappened(acted, inNewYork).said).toBe("Rep One did accept (office)");
});

test("names of the record are said as the reader says them", () => {
  const signal: Happened = { kind: "engagement", what: "chat_request", cycle: null, detail: {} };
  const called: Happened = {
    kind: "action",
    what: "logOutreach",
    cycle: 1,
    detail: { by: "rp_1", result: { done: true, because: "attempt 1: no_answer" } },
  };
  expect(sayHappened(signal, inNewYork).said).toBe("did chat request");
  expect(sayHappened(signal, byRecord).said).toBe("did chat_request");
  expect(sayHappened(called, inNewYork).said).toContain("attempt 1: no answer");
  expect(sayHappened(called, byRecord).said).toContain("attempt 1: no_answer");
});

describe("what happened, for its reader", () => {
  test("the command looks people up by id and reads UTC", () => {
    expect(sayHappened(offer, byRecord)).toEqual({
      said:
        "offered to rp_1 (round 1, by turn, pool americas); ended 2026-11-23 15:00:00Z: " +
        "reassigned",
      behind: [
        "considered rp_1: could take it, credit 0.5",
        "considered rp_2 (owner): not, because away",
      ],
    });
  });

  test("a person reads names and their own wall clock", () => {
    const { said, behind } = sayHappened(offer, inNewYork);
    expect(said).toBe(
      "offered to Rep One (round 1, by turn, pool americas); ended 2026-11-23 10:00 " +
        "America/New_York: reassigned",
    );
    expect(behind[0]).toBe("considered Rep One: could take it, credit 0.5");
  });

  test("a decision says what its rules found, and what was missing", () => {
    const decided = sayHappened(
      {
        kind: "decision",
        what: "arrived",
        cycle: 1,
        detail: {
          agreement: "av_1",
          because: "a fact is missing",
          found: {
            qualification: {
              verdict: "needsData",
              because: "a fact is missing",
              band: "B",
              fit: 10,
              intent: 12.3456,
              leadType: null,
              gates: [{ name: "required", held: false, why: "no role" }],
              missing: [{ field: "lead.role", expected: "text" }],
              checklist: [{ name: "timing", result: "unknown" }],
              trace: [
                {
                  at: "icp.all[0]",
                  field: "account.employees",
                  value: 200,
                  expected: "at least 50",
                  result: true,
                },
                { at: "icp.all[1]", expected: "", result: "unknown", missing: ["lead.role"] },
              ],
              nextChangeAt: Date.parse("2026-12-01T00:00:00Z"),
            },
          },
        },
      },
      inNewYork,
    );
    expect(decided).toEqual({
      said: "decided arrived (cycle 1, agreement av_1): a fact is missing",
      behind: [
        "needsData: a fact is missing",
        "band B, fit 10, intent 12.35",
        "gate required: failed (no role)",
        "missing lead.role: text",
        "checklist: timing unknown",
        "yes icp.all[0]: account.employees at least 50, found 200",
        "?   icp.all[1]: , missing lead.role",
        "time alone can change this at 2026-11-30 19:00 America/New_York",
      ],
    });
  });

  test("a time ahead is told in UTC and on the wall clock of the hours that count", () => {
    const at = new Date("2026-11-23T15:00:00Z");
    expect(utcAndLocal(at, null)).toBe("2026-11-23 15:00:00Z");
    expect(utcAndLocal(at, "Europe/Berlin")).toBe(
      "2026-11-23 15:00:00Z (2026-11-23 16:00 Europe/Berlin)",
    );
  });
});
