import { afterAll, beforeAll, expect, test } from "vitest";
import { firstRow, rows, sql } from "../../store/postgres/db.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { keepHistory } from "../support/record.ts";

/**
 * Hours of one window a day, some hours ahead of now, so that nobody is there when leads arrive.
 */
function opensLater(text: string): string {
  const hour = (new Date().getUTCHours() + 5) % 24;
  const two = (n: number) => String(n).padStart(2, "0");
  const to = hour + 2 > 24 ? 24 : hour + 2;
  return (
    text
      .replace("zone: America/New_York", "zone: UTC")
      .replace(
        /week: \{ mon-fri: \["09:00-17:00"\] \}/,
        `week: { mon-sun: ["${two(hour)}:00-${two(to)}:00"] }`,
      )
      .replace(/exceptions: \{ 2026-11-26[^\n]*\n/, "\n")
      // With two open hours a day, outreach within four of them comes after 24 hours.
      .replaceAll("status: 24 hours", "status: 5 business days")
  );
}

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld({ agreement: opensLater, reps: ["rp_one", "rp_two"] });
});
afterAll(() => world?.close());

test(
  "outside all hours leads are held, and released at opening in order of priority, due time " +
    "and arrival",
  async () => {
    const standard = await world.arrive({
      engagements: ["buyers_guide", "roi_calculator", "webinar_attended"].map((type) => ({
        messageId: `s-${type}`,
        type,
        occurredAt: Date.now() - 60_000,
      })),
    });
    await world.until(standard, (lead) => lead.waiting_on === "hold");
    const hot = await world.arrive();
    const held = await world.until(hot, (lead) => lead.waiting_on === "hold");
    expect(held.next_step).toContain("opens");
    // Whoever looks in the CRM meanwhile finds the lead, in whose queue it waits and until when.
    const clock = await firstRow<{ due_at: Date }>(
      world.pool,
      sql`select c.due_at from clock c join handoff h on h.id = c.handoff_id
        where h.subject_id = ${hot} and c.kind = 'outreach' and c.scope = 'lead'`,
    );
    expect(clock?.due_at).toBeInstanceOf(Date);
    await expect
      .poll(
        () =>
          firstRow(
            world.pool,
            sql`select status, owner_id, queue, sla_state, due_at from house_lead
              where external_id = ${hot}`,
          ),
        { timeout: 20_000 },
      )
      .toEqual({
        status: "mql",
        owner_id: null,
        queue: held.queue,
        sla_state: "running",
        due_at: clock?.due_at,
      });
    expect(
      await rows(
        world.pool,
        sql`
        select h.lead_type from held d join handoff h on h.id = d.handoff_id
          order by d.priority, d.due_at, d.arrived_at`,
      ),
    ).toEqual([{ lead_type: "demo-request" }, { lead_type: "standard-mql" }]);
    // The standard lead's clock comes first to the opening; the hot one is offered first all the
    // same.
    await world.passTo(standard, held.next_at!);
    await world.until(standard, (lead) => lead.waiting_on === "outreach");
    await world.until(hot, (lead) => lead.waiting_on === "outreach");
    const order = await rows<{ lead_type: string; via: string }>(
      world.pool,
      sql`
      select h.lead_type, a.via from assignment a join handoff h on h.id = a.handoff_id
        order by a.at, h.priority`,
    );
    expect(order.map((row) => row.lead_type)).toEqual(["demo-request", "standard-mql"]);
    expect(await firstRow(world.pool, sql`select count(*)::int as n from held`)).toEqual({ n: 0 });
    await keepHistory(world, standard, "held-and-released");
  },
);

test(
  "when nobody is left who could take it, a lead goes to the fallback queue with a task, never " +
    "nowhere",
  async () => {
    await world.pool.query("update rep set active = false where role = 'rep'");
    const id = await world.arrive();
    expect(await world.until(id, (lead) => lead.waiting_on === "queue")).toMatchObject({
      queue: "sales-ops",
      owner_id: null,
    });
    expect(
      await firstRow(world.pool, sql`select kind, role, state from task where subject_id = ${id}`),
    ).toEqual({ kind: "fallback", role: "sales-ops", state: "open" });
    await world.pool.query("update rep set active = true");
    expect(await world.act(id, "reassign", { to: "rp_one" }, { by: "tn_ops" })).toMatchObject({
      done: true,
      owner: "rp_one",
      waitingOn: "outreach",
    });
    expect(
      await firstRow(world.pool, sql`select state, done_by from task where subject_id = ${id}`),
    ).toEqual({ state: "done", done_by: "tn_ops" });
    await keepHistory(world, id, "fallback-then-assigned");
  },
);

test("a lead that waits for room is offered as soon as somebody answers another one", async () => {
  await world.pool.query(
    'update rep set max_open = 1, hours = \'{"zone":"UTC","week":{"mon":["00:00-24:00"],"tue":["00:00-24:00"],"wed":["00:00-24:00"],"thu":["00:00-24:00"],"fri":["00:00-24:00"],"sat":["00:00-24:00"],"sun":["00:00-24:00"]}}\' where id = \'rp_two\'',
  );
  await world.pool.query("update rep set active = false where id = 'rp_one'");
  await world.pool.query("update pool set hours = (select hours from rep where id = 'rp_two')");
  await world.pool.query("update handoff set state = 'closed' where state = 'open'");
  const first = await world.arrive();
  await world.until(first, (lead) => lead.waiting_on === "outreach");
  const second = await world.arrive();
  expect((await world.until(second, (lead) => lead.waiting_on === "hold")).next_step).toContain(
    "room",
  );
  await world.act(first, "logOutreach", { channel: "call" });
  expect(await world.until(second, (lead) => lead.waiting_on === "outreach")).toMatchObject({
    owner_id: "rp_two",
  });
  await keepHistory(world, second, "held-for-room");
});
