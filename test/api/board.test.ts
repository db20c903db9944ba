import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sql } from "../../store/postgres/db.ts";
import { openTask } from "../../store/process/human-tasks.ts";
import { flaggedAccount } from "../support/flagged-account.ts";
import { peopleWorld, type PeopleWorld, type Persona } from "../support/people-world.ts";

const minute = 60_000;
const hour = 60 * minute;
let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  // Monday, 10:00 in New York.
  world.setNow(Date.parse("2026-11-23T15:00:00Z"));
  await world.pool.query("truncate lead, account, process, handoff, task cascade");
});

interface BoardAnswer {
  zone: string;
  lists: { list: string; count: number; orMore: boolean; items: { id: string }[]; next: string }[];
}
async function board(as: Persona, query = ""): Promise<BoardAnswer> {
  const answer = await world.ask("GET", `/board${query}`, { as });
  expect(answer.status).toBe(200);
  return answer.body;
}
/** Ids by list; lists without leads are left out. */
async function listed(as: Persona): Promise<Record<string, string[]>> {
  const { lists } = await board(as);
  return Object.fromEntries(
    lists
      .filter(({ count }) => count > 0)
      .map(({ list, items }) => [list, items.map(({ id }) => id)]),
  );
}
const pause = async (lead: string, until: number) => {
  await world.pool.query(sql`update process set due_at = null where subject_id = ${lead}`);
  await world.pool.query(
    sql`update handoff set paused_until = ${new Date(until)} where subject_id = ${lead}`,
  );
};

describe("GET /board", () => {
  test("a manager sees the team's leads by clock, each once, what breaks first before the rest", async () => {
    const now = world.now();
    const later = await world.lead("rp_two", { dueAt: now + 5 * hour });
    const soon = await world.lead("rp_one", { dueAt: now + 59 * minute, waitingOn: "answer" });
    const late = await world.lead("rp_one", { dueAt: now - minute });
    const later2 = await world.lead("rp_one", { dueAt: now + 4 * hour });
    const latest = await world.lead("rp_two", { dueAt: now - 2 * hour });
    const paused = await world.lead("rp_one");
    await pause(paused, now + 30 * hour);
    const contested = await world.lead("rp_boss", { waitingOn: "manager", dueAt: now - hour });
    await openTask(
      world.pool,
      {
        kind: "contested",
        subject: { kind: "lead", id: contested },
        role: "manager",
        assigneeId: "rp_boss",
        dueAt: now - hour,
      },
      now,
    );
    const queued = await world.lead(null);
    const held = await world.lead(null, { waitingOn: "hold", queue: "americas-sdr" });
    await world.pool.query(
      sql`update handoff set pool = 'americas-sdr' where subject_id = ${held}`,
    );
    // Neither what is due tomorrow, nor what nobody is asked about, nor another team's.
    await world.lead("rp_one", { dueAt: now + 20 * hour });
    await world.lead("rp_one", { stage: "opportunity", waitingOn: "nothing", dueAt: now + hour });
    const others = await world.lead("rp_other", { dueAt: now - hour });

    expect(await listed("boss")).toEqual({
      breached: [latest, late],
      hour: [soon],
      today: [later2, later],
      paused: [paused],
      manager: [contested, queued],
      held: [held],
    });
    expect(await listed("chief")).toEqual({ breached: [others], manager: [queued] });
    const all = await listed("operator");
    expect(all["breached"]).toEqual([latest, others, late]);
    const ids = Object.values(all).flat();
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("an entry says who has it, what is asked, until when in its zone, and what follows", async () => {
    const now = world.now();
    const late = await world.lead("rp_one", { dueAt: now - hour });
    const { zone, lists } = await board("boss");
    expect(zone).toBe("America/New_York");
    expect(lists[0]).toMatchObject({
      list: "breached",
      count: 1,
      orMore: false,
      next: null,
      items: [
        {
          id: late,
          url: `http://baton.test/leads/${late}`,
          name: "Kim Example",
          owner: { id: "rp_one", name: "Person rp_one" },
          stage: "mql",
          waitingOn: "outreach",
          asked: "Reach out and log the attempt, then accept or reject with a reason.",
          due: "2026-11-23T14:00:00.000Z",
          dueLocal: "2026-11-23 09:00 America/New_York",
          zone: "America/New_York",
          dueInWords: "overdue by 1 h",
          overdue: true,
          next: { step: "outreach due", at: "2026-11-23T14:00:00.000Z" },
        },
      ],
    });
  });

  test("today ends at midnight where the reader is", async () => {
    await world.pool.query(sql`
      update rep set hours = ${{ zone: "Asia/Tokyo", week: { "mon-fri": ["09:00-17:00"] } }}
      where id = 'rp_boss'`);
    // Midnight in Tokyo is 15:00 UTC: of these two only the first is due before the next one.
    const today = await world.lead("rp_one", { dueAt: world.now() + 24 * hour - 1 });
    await world.lead("rp_one", { dueAt: world.now() + 24 * hour });
    expect(await listed("boss")).toEqual({ today: [today] });
    expect((await board("boss")).zone).toBe("Asia/Tokyo");
    await world.pool.query("update rep set hours = null where id = 'rp_boss'");
  });

  test("a list goes on by cursor through every lead, and counts are of the whole list", async () => {
    const ids: string[] = [];
    // Two have the same deadline: the id parts them.
    for (const n of [3, 1, 2, 2, 5])
      ids.push(await world.lead("rp_one", { dueAt: world.now() - n * hour }));
    for (let n = 0; n < 3; n++) await world.lead("rp_one", { dueAt: world.now() + minute });
    const first = (await board("boss", "?limit=2")).lists[0]!;
    expect(first).toMatchObject({ list: "breached", count: 5 });
    const seen = first.items.map(({ id }) => id);
    for (let cursor = first.next; cursor !== null;) {
      const { body } = await world.ask("GET", `/board/breached?limit=2&cursor=${cursor}`, {
        as: "boss",
      });
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.next;
    }
    expect(seen).toHaveLength(5);
    expect(seen[0]).toBe(ids[4]);
    expect(new Set(seen)).toEqual(new Set(ids));
  });

  test.each(["paused", "manager", "held"])("%s goes on by cursor as well", async (list) => {
    for (let n = 0; n < 3; n++) {
      const lead =
        list === "paused"
          ? await world.lead("rp_one")
          : await world.lead(null, list === "held" ? { waitingOn: "hold" } : {});
      if (list === "paused") await pause(lead, world.now() + hour);
    }
    const { body } = await world.ask("GET", `/board/${list}?limit=2`, { as: "operator" });
    const rest = await world.ask("GET", `/board/${list}?limit=2&cursor=${body.next}`, {
      as: "operator",
    });
    expect([body.items.length, rest.body.items.length, rest.body.next]).toEqual([2, 1, null]);
  });

  test("an account that is handed off is there once, beside leads, by its own clock", async () => {
    const { id, rep } = await flaggedAccount(world, "board.example.com");
    const owner = `rp_${rep}`;
    const due = async (at: number) =>
      world.pool.query(sql`update process set due_at = ${new Date(at)} where subject_id = ${id}`);
    const now = world.now();
    const lead = await world.lead("rp_one", { dueAt: now - 2 * hour });
    await due(now - hour);
    const [late] = (await board("boss")).lists;
    expect(late).toMatchObject({
      count: 2,
      items: [
        { kind: "lead", id: lead, url: `http://baton.test/leads/${lead}` },
        {
          kind: "account",
          id,
          url: `http://baton.test/accounts/${id}`,
          name: null,
          company: "Acme Ltd",
          owner: { id: owner },
          leadType: "account-flag",
          dueInWords: "overdue by 1 h",
          next: { step: expect.stringMatching(/^outreach/) },
          seen: { stage: "mql", round: 1 },
          actions: expect.arrayContaining([
            { name: "reassign", url: `http://baton.test/accounts/${id}/reassign` },
          ]),
        },
      ],
    });
    await due(now + 30 * minute);
    expect(await listed("boss")).toEqual({ breached: [lead], hour: [id] });
    // A page goes on behind it, whatever it is.
    await world.lead("rp_two", { dueAt: now + 40 * minute });
    const first = await world.ask("GET", "/board/hour?limit=1", { as: "boss" });
    expect(first.body.items).toMatchObject([{ id }]);
    const rest = await world.ask("GET", `/board/hour?limit=1&cursor=${first.body.next}`, {
      as: "boss",
    });
    expect(rest.body).toMatchObject({ items: [{ kind: "lead" }], next: null });
    // Another team's manager does not see it.
    expect(await listed("chief")).toEqual({});
    const paused = await world.ask("POST", `/accounts/${id}/pause`, {
      as: rep,
      body: { reason: "lead-asked-to-wait" },
    });
    expect(paused.status).toBe(200);
    expect((await listed("boss"))["paused"]).toEqual([id]);
  });

  test("an account that waits for its manager says why", async () => {
    const { id, rep } = await flaggedAccount(world, "contested.example.com");
    const { body } = await world.ask("POST", `/accounts/${id}/reject`, {
      as: rep,
      body: { reason: "below-company-size" },
    });
    expect(body).toMatchObject({ waitingOn: "manager" });
    const list = (await board("boss")).lists.find((one) => one.list === "manager");
    expect(list).toMatchObject({
      count: 1,
      items: [{ kind: "account", id, task: "contested", why: expect.any(String) }],
    });
  });

  test("is not a rep's, and refuses what it does not know by name", async () => {
    expect((await world.ask("GET", "/board", { as: "one" })).status).toBe(403);
    expect((await world.ask("GET", "/board/breached", { as: "one" })).status).toBe(403);
    expect((await world.ask("GET", "/board/soon", { as: "boss" })).status).toBe(422);
    const broken = await world.ask("GET", "/board/hour?cursor=nonsense", { as: "boss" });
    expect([broken.status, broken.body.field]).toEqual([422, "cursor"]);
  });
});

describe("GET /leads by deadline", () => {
  const ids = async (query: string, as: Persona = "boss") =>
    (await world.ask("GET", `/leads?${query}`, { as })).body.items.map(
      ({ id }: { id: string }) => id,
    );

  test("dueBefore leaves out what is due later or never; sort=due puts the earliest first", async () => {
    const now = world.now();
    const second = await world.lead("rp_one", { dueAt: now + 2 * hour });
    const first = await world.lead("rp_two", { dueAt: now - hour, waitingOn: "answer" });
    const third = await world.lead("rp_one", { dueAt: now + 3 * hour });
    const paused = await world.lead("rp_one");
    await pause(paused, now + hour);
    await world.lead("rp_other", { dueAt: now });
    expect(await ids("sort=due")).toEqual([first, second, third]);
    const before = new Date(now + 3 * hour).toISOString();
    expect(await ids(`sort=due&dueBefore=${before}`)).toEqual([first, second]);
    expect(await ids(`dueBefore=${before}`)).toEqual([first, second].toSorted().toReversed());
    expect(await ids(`sort=due&waitingOn=answer`)).toEqual([first]);
    expect(await ids(`sort=due&overdue=false&owner=rp_one`)).toEqual([second, third]);
    expect(await ids(`sort=due`, "one")).toEqual([second, third]);
    expect(await ids("")).toContain(paused);
  });

  test("sort=due goes on by cursor; a cursor of the other order is refused", async () => {
    for (const n of [2, 1, 1]) await world.lead("rp_one", { dueAt: world.now() + n * hour });
    const first = await world.ask("GET", "/leads?sort=due&limit=2", { as: "boss" });
    const rest = await ids(`sort=due&limit=2&cursor=${first.body.next}`);
    expect(rest).toHaveLength(1);
    expect(first.body.items.map(({ id }: { id: string }) => id)).not.toContain(rest[0]);
    const newest = await world.ask("GET", "/leads?limit=2", { as: "boss" });
    const mixed = await world.ask("GET", `/leads?sort=due&cursor=${newest.body.next}`, {
      as: "boss",
    });
    expect([mixed.status, mixed.body.field]).toEqual([422, "cursor"]);
  });

  test.each(["tomorrow", "2026-11-23", "2026-02-30T10:00:00Z"])(
    "dueBefore=%s is refused",
    async (at) => {
      const answer = await world.ask("GET", `/leads?dueBefore=${at}`, { as: "boss" });
      expect([answer.status, answer.body.field]).toEqual([422, "dueBefore"]);
    },
  );
});
