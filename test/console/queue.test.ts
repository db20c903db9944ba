import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sql } from "../../store/postgres/db.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, type Visitor } from "../support/visitor.ts";
import { formsIn, type SentForm } from "../support/forms.ts";

const minute = 60_000;
let world: PeopleWorld;
let one: Visitor;
let two: Visitor;
let boss: Visitor;
beforeAll(async () => {
  world = await peopleWorld();
  const served = { ...world, now: world.now() };
  one = await signedIn(served, { role: "rep", repId: "rp_one" });
  two = await signedIn(served, { role: "rep", repId: "rp_two" });
  boss = await signedIn(served, { role: "manager", repId: "rp_boss" });
});
afterAll(() => world?.close());
beforeEach(async () => {
  await world.pool.query("truncate lead, process, handoff, task, held cascade");
});

const standing = async (id: string) =>
  (await world.pool.query(sql`select stage, owner_id, step from process where subject_id = ${id}`))
    .rows[0];
/** The form of a page that is sent to this place of a lead. */
async function formTo(visitor: Visitor, page: string, to: string): Promise<SentForm> {
  const { text, status } = await visitor.get(page);
  expect(status).toBe(200);
  const form = formsIn(text).find(({ action }) => action.endsWith(to));
  if (!form) throw new Error(`${page} has no form to ${to}`);
  return form;
}

describe("the queue", () => {
  test("shows what waits by due time, counts what is late and soon, and offers what is possible", async () => {
    const now = world.now();
    const later = await world.lead("rp_one", { dueAt: now + 101 * minute, waitingOn: "answer" });
    const soon = await world.lead("rp_one", { dueAt: now + 16 * minute });
    const late = await world.lead("rp_one", { dueAt: now - 18 * minute });
    await world.lead("rp_two", { dueAt: now - minute });
    const { text } = await one.get("/console/queue");
    const order = [...text.matchAll(/<tr id="(ld_\w+)"/g)].map(([, id]) => id);
    expect(order).toEqual([late, soon, later]);
    expect(text).toContain("3 leads, the earliest due first. 1 late, 1 due within 30 minutes.");
    for (const words of ["18 min late", "Mon 09:42", "in 16 min", "in 1 h 41 min", "reach out"])
      expect(text).toContain(words);
    expect(formsIn(text).map(({ action }) => action)).toEqual(
      [late, soon, later].map((id) => `/console/leads/${id}/accept`),
    );
  });

  test("accepts with one form, once, and goes on at the next row", async () => {
    const now = world.now();
    const first = await world.lead("rp_one", { dueAt: now + minute, waitingOn: "answer" });
    const next = await world.lead("rp_one", { dueAt: now + 2 * minute });
    const form = await formTo(one, "/console/queue", `${first}/accept`);
    const sent = await one.post(form.action, form.fields);
    expect(sent.status).toBe(303);
    expect(await standing(first)).toMatchObject({ stage: "sal", owner_id: "rp_one" });
    // A double click is the same action.
    expect((await one.post(form.action, form.fields)).location).toBe(sent.location);
    expect((await standing(first)).step).toBe(1);
    const { text } = await one.get(sent.location ?? "");
    expect(text).toContain("it is SAL, with you");
    const row = text.slice(text.indexOf(`<tr id="${next}"`));
    expect(row.slice(0, row.indexOf("</tr>"))).toMatch(/data-key="a"[^>]*autofocus/);
  });

  test("says who came first where two answer at once, and what stands", async () => {
    const lead = await world.lead("rp_one", { waitingOn: "answer" });
    const form = await formTo(one, "/console/queue", `${lead}/accept`);
    const other = await formTo(one, "/console/queue", `${lead}/accept`);
    const answers = await Promise.all([
      one.post(form.action, form.fields),
      one.post(other.action, other.fields),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 409]);
    const late = answers.find(({ status }) => status === 409)?.text ?? "";
    expect(late).toContain("Not done. You accepted it, Mon 10:00.");
    expect(late).toContain("<strong>SAL</strong>");
  });

  test("of an unknown outcome offers to ask again with the same key, which does it once", async () => {
    const lead = await world.lead("rp_one", { waitingOn: "answer" });
    const form = await formTo(one, "/console/queue", `${lead}/accept`);
    const other = await world.pool.connect();
    let unknown;
    try {
      await other.query("begin");
      await other.query(sql`select from process where subject_id = ${lead} for update`);
      unknown = await one.post(form.action, form.fields);
    } finally {
      await other.query("rollback");
      other.release();
    }
    expect(unknown.status).toBe(503);
    expect(unknown.text).toContain(
      "Not known yet whether it took effect; asking again cannot do it twice.",
    );
    const [again] = formsIn(unknown.text);
    expect(again).toMatchObject({ action: form.action, fields: form.fields });
    expect((await one.post(again!.action, again!.fields)).status).toBe(303);
    expect(await standing(lead)).toMatchObject({ stage: "sal", step: 1 });
  });

  test("is not a rep's whose lead it is not; a forged key or no key does nothing", async () => {
    const lead = await world.lead("rp_one", { waitingOn: "answer" });
    const form = await formTo(one, "/console/queue", `${lead}/accept`);
    expect((await two.post(form.action, form.fields)).status).toBe(404);
    for (const key of ["", "x", "00", "Z".repeat(32)])
      expect((await one.post(form.action, { ...form.fields, key })).status).toBe(422);
    expect(await standing(lead)).toMatchObject({ stage: "mql", step: 0 });
  });

  test("says of a clock that stands still why, until when, and what is left", async () => {
    const now = world.now();
    const paused = await world.lead("rp_one");
    const closed = await world.lead("rp_one", { dueAt: now + 26 * 60 * minute });
    const hours = {
      from: "agreement",
      minus: [],
      hours: { zone: "America/New_York", week: { tue: ["09:00-17:00"] } },
    };
    await world.pool.query(sql`insert into calendar_version (id, definition, tz_version, created_at)
      values ('cal_test', ${JSON.stringify(hours)}, 'x', ${new Date(now)})
      on conflict (id) do nothing`);
    const target = { kind: "business", ms: 60 * minute };
    for (const lead of [paused, closed]) {
      const handoff = (
        await world.pool.query(sql`select handoff_id from process where subject_id = ${lead}`)
      ).rows[0].handoff_id;
      const id = `${handoff}/outreach/rep/1`;
      await world.pool.query(sql`
        insert into clock (id, handoff_id, kind, scope, round, rep_id, target, calendar_id,
          started_at, state) values (${id}, ${handoff}, 'outreach', 'rep', 1, 'rp_one',
          ${JSON.stringify(target)}, 'cal_test', ${new Date(now)}, 'running')`);
      const events = [
        { kind: "start", detail: { target, calendar: "cal_test" } },
        ...(lead === paused ? [{ kind: "pause", detail: { reason: "lead-asked-to-wait" } }] : []),
      ];
      for (const [n, { kind, detail }] of events.entries())
        await world.pool.query(sql`
          insert into clock_event (clock_id, n, kind, at, detail, tz_version)
          values (${id}, ${n}, ${kind}, ${new Date(now)}, ${JSON.stringify(detail)}, 'x')`);
    }
    await world.pool.query(sql`update process set due_at = null where subject_id = ${paused}`);
    await world.pool.query(
      sql`update handoff set paused_until = ${new Date(now + 3_600_000)}
        where subject_id = ${paused}`,
    );
    const { text } = await one.get("/console/queue");
    expect(text).toContain("paused: lead asked to wait until Mon 11:00, 1 h left");
    expect(text).toContain("stands still until Tue 09:00, 3 h left");
  });

  test("a manager gives away what breaks with others, and is not asked to answer it", async () => {
    await world.lead("rp_one", { dueAt: world.now() - minute });
    const { text } = await boss.get("/console/queue");
    expect(text).toContain("with Person rp_one");
    expect(text).toContain("Give to…");
    expect(formsIn(text)).toEqual([]);
  });

  test("of nothing says what comes next", async () => {
    expect((await one.get("/console/queue")).text).toContain("Nothing waits.");
    const held = await world.lead(null, { waitingOn: "hold", queue: "americas-sdr" });
    await world.pool.query(sql`
      insert into held (handoff_id, pool, round, lead_type, request, priority, due_at, arrived_at,
        until_at, since) select id, 'americas-sdr', 1, 'demo-request', '{}', 1, mql_at, mql_at,
        ${new Date(Date.parse("2026-11-24T14:00:00Z"))}, mql_at from handoff
        where subject_id = ${held}`);
    expect((await one.get("/console/queue")).text).toContain(
      "Nothing waits. 1 lead is held for Tue 09:00.",
    );
  });

  test("writes hostile names as text", async () => {
    const names = ["<b>Bob</b> & <script>x</script>", "\u202eevil\u202d", "x".repeat(300)];
    for (const name of names) {
      const id = await world.lead("rp_one");
      await world.pool.query(
        sql`update lead set facts = facts || ${JSON.stringify({
          "lead.name": { value: name, from: "form", at: "2026-11-23T00:00:00Z" },
        })}::jsonb where id = ${id}`,
      );
    }
    const { text } = await one.get("/console/queue");
    expect(text).not.toContain("<b>Bob");
    expect(text).toContain("&lt;b&gt;Bob&lt;/b&gt; &amp; &lt;script&gt;x&lt;/script&gt;");
    expect(text).toContain("<bdi>\u202eevil");
    expect(text).toContain("x".repeat(300));
  });
});

describe("reject", () => {
  test("each reason is the button and says what it does; a contradicted one goes to the manager", async () => {
    const lead = await world.lead("rp_one", { waitingOn: "answer" });
    await world.pool.query(
      sql`update lead set facts = facts || ${JSON.stringify({
        "account.employees": { value: 900, from: "crm", at: "2026-11-03T00:00:00Z" },
      })}::jsonb where id = ${lead}`,
    );
    const page = await one.get(`/console/leads/${lead}/reject`);
    const said = page.text.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
    expect(said).toContain("below company size to the manager: employees is 900");
    expect(said).toContain("unsupported use case ends it");
    expect(said).toContain("wrong role it comes back later");
    expect(said).toContain("bad contact data its data is corrected first");
    expect(said).toMatch(/unreachable .* not now: expected at least 3 logged attempts/);
    const [form] = formsIn(page.text);
    const sent = await one.post(form!.action, { ...form!.fields, reason: "below-company-size" });
    expect(sent.status).toBe(303);
    expect(
      (await world.pool.query(sql`select waiting_on from process where subject_id = ${lead}`))
        .rows[0],
    ).toEqual({ waiting_on: "manager" });
    const queue = await boss.get("/console/queue");
    expect(queue.text).toContain("Overturn");
  });

  test("a day that is missing or past is said at its field, what was written stays, and the same form does it once", async () => {
    const lead = await world.lead("rp_one", { waitingOn: "answer" });
    const form = await formTo(one, `/console/leads/${lead}/reject?back=/console/queue`, "reject");
    const asked = { ...form.fields, reason: "dated-timing", note: "call <me>" };
    for (const revisitOn of ["", "2026-11-01", "2026-02-30"]) {
      const refused = await one.post(form.action, { ...asked, revisitOn });
      expect([revisitOn, refused.status]).toEqual([revisitOn, 422]);
      expect(refused.text).toMatch(/name="revisitOn"[^>]*aria-invalid="true"[^>]*autofocus/);
      expect(refused.text).toMatch(
        /autofocus[^>]*><p class="error" role="alert" id="revisitOn-problem">Not done\. Expected/,
      );
      expect(refused.text).toContain("call &lt;me&gt;");
    }
    expect(await standing(lead)).toMatchObject({ stage: "mql", step: 0 });
    const sent = await one.post(form.action, { ...asked, revisitOn: "2027-01-31" });
    expect([sent.status, sent.location]).toEqual([303, `/console/queue?did=reject&to=${lead}`]);
    expect(await standing(lead)).toMatchObject({ stage: "renurture" });
  });

  test("a reason that is none is refused, and the page leads nowhere else", async () => {
    const lead = await world.lead("rp_one", { waitingOn: "answer" });
    const form = await formTo(
      one,
      `/console/leads/${lead}/reject?back=${encodeURIComponent("https://evil.example/")}`,
      "reject",
    );
    expect(form.fields["back"]).toBe(`/console/leads/${lead}`);
    expect((await one.post(form.action, { ...form.fields, reason: "not ready" })).status).toBe(422);
  });
});

test("an attempt is logged with one button", async () => {
  const lead = await world.lead("rp_one");
  const form = await formTo(one, `/console/leads/${lead}/outreach?back=/console/queue`, "outreach");
  const sent = await one.post(form.action, { ...form.fields, did: "call/no_answer" });
  expect(sent.status).toBe(303);
  const logged = await world.pool.query("select channel, outcome from outreach");
  expect(logged.rows).toEqual([{ channel: "call", outcome: "no_answer" }]);
  expect((await one.post(form.action, { ...form.fields, did: "shouting/x" })).status).toBe(422);
});
