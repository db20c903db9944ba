import { afterAll, beforeAll, expect, test } from "vitest";
import { firstRow, rows, sql } from "../../store/postgres/db.ts";
import type { ActionResult } from "../../handoff/process/words.ts";
import { seededRandom } from "../support/generated-leads.ts";
import { alwaysOpen, leadWorld, type LeadWorld } from "../support/lead-world.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1_000_000));
const [trials, atOnce] = [300, 15];
/**
 * The process looks at a deadline this long after it (docs/process.md, "One time decides
 * lateness").
 */
const journeyMs = 2_000;

let world: LeadWorld;
beforeAll(async () => {
  // Accepting answers the outreach clock, so that a deadline of an hour is raced for.
  world = await leadWorld({
    agreement: (text) => alwaysOpen(text).replace("acceptBy: status", "acceptBy: outreach"),
    reps: ["rp_one", "rp_two", "rp_three", "rp_four"],
  });
}, 120_000);
afterAll(() => world?.close(), 60_000);

interface Trial {
  readonly id: string;
  readonly dueAt: number;
  readonly receivedAt: number;
  readonly result: ActionResult;
}

/**
 * An accept stamped `offset` ms after the deadline, sent up to 1.5 s after that, so that it meets
 * the process's own waking.
 */
async function race(offset: number, journey: number): Promise<Trial> {
  const id = await world.arrive();
  const dueAt = (await world.until(id, (lead) => lead.waiting_on === "outreach")).due_at!.getTime();
  await world.pass(id, dueAt - world.now(id) - 1_500);
  const receivedAt = dueAt + offset;
  const wait = receivedAt + journey - world.now(id);
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  return { id, dueAt, receivedAt, result: await world.act(id, "accept", {}, { receivedAt }) };
}

test(
  `${trials} accepts at -50 to +50 ms around a deadline have one outcome each, and everything ` +
    "on record agrees with it",
  async () => {
    process.stdout.write(`deadline race: SEED=${seed}\n`);
    const random = seededRandom(seed);
    const offsets = Array.from({ length: trials }, (_, n) =>
      n < 101 ? n - 50 : Math.floor(random() * 101) - 50,
    );
    const journeys = offsets.map(() => random() * 1_500);
    const done: Trial[] = [];
    for (let n = 0; n < trials; n += atOnce)
      done.push(
        ...(await Promise.all(
          offsets.slice(n, n + atOnce).map((offset, i) => race(offset, journeys[n + i]!)),
        )),
      );

    let late = 0;
    let longJourneys = 0;
    for (const { id, dueAt, receivedAt, result } of done) {
      const inTime = receivedAt <= dueAt;
      if (!inTime) late += 1;
      expect(result, `${id} at ${receivedAt - dueAt} ms`).toMatchObject({
        done: true,
        stage: "sal",
        onTime: inTime,
      });

      // One outcome: one answer, one move, one decision, one end of the clock.
      expect(
        await rows(
          world.pool,
          sql`
          select kind, on_time from answer a join handoff h on h.id = a.handoff_id
            where h.subject_id = ${id}`,
        ),
      ).toEqual([{ kind: "accept", on_time: inTime }]);
      expect(await world.path(id)).toEqual(["new>mql", "mql>sal"]);
      const [settle, ...more] = await rows<{ at: Date }>(
        world.pool,
        sql`select at from decision where subject_id = ${id} and kind = 'accept'`,
      );
      expect(more).toEqual([]);
      const clocks = await rows<{
        scope: string;
        state: string;
        breached_at: Date | null;
        ended_at: Date;
        stops: number;
      }>(
        world.pool,
        sql`
      select c.scope, c.state, c.breached_at, c.ended_at, (select count(*)::int from clock_event e
        where e.clock_id = c.id and e.kind in ('stop', 'cancel')) as stops
      from clock c join handoff h on h.id = c.handoff_id where h.subject_id = ${id}
        and c.kind = 'outreach' order by c.scope`,
      );
      const rep = clocks.find((clock) => clock.scope === "rep");
      expect(rep, `${id} at ${receivedAt - dueAt} ms`).toMatchObject({
        state: inTime ? "met" : "breached",
        ended_at: new Date(receivedAt),
        breached_at: inTime ? null : new Date(dueAt),
        stops: 1,
      });
      expect(clocks.every((clock) => clock.stops === 1)).toBe(true);

      const mails = (await world.mails(id)).map((mail) => mail.what);
      expect(mails.filter((what) => what === "breach").length).toBeLessThanOrEqual(1);
      // An action that was on its way for longer than the process waits finds the breach announced
      // already.
      if (settle!.at.getTime() > dueAt + journeyMs) longJourneys += 1;
      else
        expect(
          mails.filter((what) => what === "breach" || what === "escalation"),
          `${id} at ${receivedAt - dueAt} ms`,
        ).toEqual([]);
      expect(
        await firstRow(
          world.pool,
          sql`
          select count(*)::int as n from assignment a join handoff h on h.id = a.handoff_id
            where h.subject_id = ${id}`,
        ),
      ).toEqual({ n: 1 });
    }
    process.stdout.write(
      `deadline race: ${trials - late} in time, ${late} late, ${longJourneys} on their way for ` +
        `more than ${journeyMs} ms\n`,
    );
    expect(late).toBeGreaterThan(trials / 4);
    expect(trials - late).toBeGreaterThan(trials / 4);
  },
  900_000,
);
