import { describe, expect, test } from "vitest";
import { verifyDecisions } from "../../../cli/commands/verify.ts";
import { inTransaction, type Tx } from "../../../store/postgres/db.ts";
import { take, takeReopening } from "../../../store/process/take.ts";
import { conservation } from "../../../store/reports/conservation.ts";
import { reports } from "../../../store/reports/registry.ts";
import { holdTallies } from "../../../store/reports/tallies.ts";
import { erasePerson } from "../../../store/intake/erasure.ts";
import { importErrors } from "../../../store/intake/imports.ts";
import { takeIn } from "../../../store/intake/intake.ts";
import { runImport } from "../../../store/intake/run-import.ts";
import { fileOf } from "../../support/import-files.ts";
import { pastBegin, pastMap } from "../../support/past-handoffs.ts";
import { tracesIn } from "../../support/traces.ts";
import {
  agreement,
  agreements,
  header,
  historyWorld,
  line,
  now,
  rejected,
  won,
} from "../../support/history-world.ts";

const DAY = 86_400_000;
const { db, wish, run, all, count } = historyWorld();

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
      p.next_at is not null as has_next,
        coalesce(p.next_at > '${new Date(now).toISOString()}', false) as later,
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
        "select kind, lane, payload->>'from' as from, count(*)::int as n from outbox where " +
          "message <> 'priority' group by 1, 2, 3",
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
        "select outcome, state from handoff where lead_type is not null and outcome is " +
          "distinct from 'opportunity' order by cycle",
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
      select id, round + 1, 'fallback', 'fallback', '[]', '${new Date(now).toISOString()}'
        from handoff
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
    const content =
      `${named}\n${line(kim)},Kim Example,Head of ` +
      `Kimonos,D-1\n${line({ ...kim, Owner: "x", Amount: "y" })},Kim Example,,\n`;
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
