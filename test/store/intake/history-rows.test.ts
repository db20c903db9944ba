import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseHistoryMap } from "../../../agreement/import-map.ts";
import { pastFields } from "../../../handoff/facts/past.ts";
import { conservation } from "../../../store/reports/conservation.ts";
import { recountAll } from "../../../store/reports/recount.ts";
import { tally } from "../../../store/reports/tallies.ts";
import { importErrors } from "../../../store/intake/imports.ts";
import { checkImport } from "../../../store/intake/run-import.ts";
import { fileOf } from "../../support/import-files.ts";
import { pastMap } from "../../support/past-handoffs.ts";
import {
  agreement,
  header,
  historyWorld,
  line,
  now,
  rejected,
  won,
} from "../../support/history-world.ts";

const { db, wish, run, all, count, endState } = historyWorld();

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

describe("columns of when a deal came to a stage of the CRM", () => {
  const map = pastMap.replace(
    "columns:\n",
    "columns:\n  Discovery: handoff.dealStages.Discovery\n" +
      "  Entered proposal: { to: handoff.dealStages.Proposal sent, date: dd.MM.yyyy }\n",
  );
  const rowOf = (given: Parameters<typeof line>[0], discovery: string, proposal: string) =>
    `${header},Discovery,Entered proposal\n${line(given)},${discovery},${proposal}\n`;
  const history = () =>
    all(`select stage, deal_stage, amount_minor::int as amount,
      to_char(happened_at at time zone 'UTC', 'YYYY-MM-DD') as on
      from opportunity_stage order by happened_at`);

  test("are its history, with the amount of its end at the end alone", async () => {
    const content = rowOf(won, won.opportunity, "20.03.2025");
    expect(await run(content, map)).toMatchObject({ created: 1 });
    const none = { amount: null };
    expect(await history()).toEqual([
      { stage: "open", deal_stage: "Discovery", ...none, on: won.opportunity },
      { stage: "open", deal_stage: "Proposal sent", ...none, on: "2025-03-20" },
      { stage: "won", deal_stage: null, amount: 1_000, on: won.end },
    ]);
    expect(await run(content, map)).toMatchObject({ created: 0, unchanged: 1 });
  });

  test("of one that is open the last is where it stands, with its amount", async () => {
    const open = { ...won, Outcome: "open", end: "" };
    expect(await run(rowOf(open, "", "20.03.2025"), map)).toMatchObject({ created: 1 });
    expect(await history()).toEqual([
      { stage: "open", deal_stage: null, amount: 1_000, on: won.opportunity },
      { stage: "open", deal_stage: "Proposal sent", amount: 1_000, on: "2025-03-20" },
    ]);
    expect(
      await all("select stage, deal_stage, changed_at::date::text as on from opportunity"),
    ).toEqual([{ stage: "open", deal_stage: "Proposal sent", on: "2025-03-20" }]);
  });

  test.each([
    ["before there was a deal", won, "2025-01-02", "", "Discovery", /not before opportunityAt/],
    ["after its end", won, "2026-01-02", "", "Discovery", /not after its end/],
    ["that lies ahead", won, "2026-12-24", "", "Discovery", /time that has passed/],
    ["that is none", won, "soon", "", "Discovery", /expected a date such as/],
    ["of two stages at once", won, "2025-03-20", "20.03.2025", "Entered proposal", /of its own/],
    ["without a deal", rejected, "2025-03-20", "", "Discovery", /there was no opportunity/],
  ])(
    "a time %s is refused by its line",
    async (_what, given, discovery, proposal, column, message) => {
      const row = await run(rowOf(given, discovery, proposal), map);
      expect(row).toMatchObject({ created: 0, refused: 1 });
      const [told] = await importErrors(db.pool, row.id, { line: -1, message: "" }, 10);
      expect(told).toMatchObject({ line: 2, column });
      expect(told?.message).toMatch(message);
    },
  );

  test("that have no name are no field", () => {
    const parsed = parseHistoryMap("{ columns: { A: handoff.dealStages. } }", agreement);
    expect(parsed.ok).toBe(false);
  });
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

  const engaged =
    `${pastMap}\nengagements: [{ column: Demo, type: demo_request }, { column: Asked, type: ` +
    `pricing_page, at: Asked at }]\n`;

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
        "truncate lead, process, account, transition, handoff, opportunity, engagement, import " +
          "cascade",
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
    const content =
      `${header},Demo,Demo ` +
      `at\n${line(won)},yes,2025-02-20\n${line({ ...won, Id: "P-2" })},yes,2025-03-20\n`;
    expect(await run(content, map)).toMatchObject({ created: 2 });
    expect(await all("select signals, first_signal from handoff order by signals desc")).toEqual([
      { signals: ["demo_request"], first_signal: "demo_request" },
      { signals: [], first_signal: null },
    ]);
    expect(await count("outbox")).toBe(0);
  });
});
