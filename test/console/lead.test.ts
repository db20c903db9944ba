import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sql } from "../../store/postgres/db.ts";
import { openTask } from "../../store/process/human-tasks.ts";
import { formsIn } from "../support/forms.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, type Visitor } from "../support/visitor.ts";

const minute = 60_000;
let world: PeopleWorld;
let one: Visitor;
let two: Visitor;
let boss: Visitor;
let revops: Visitor;
beforeAll(async () => {
  world = await peopleWorld();
  const served = { ...world, now: world.now() };
  one = await signedIn(served, { role: "rep", repId: "rp_one" });
  two = await signedIn(served, { role: "rep", repId: "rp_two" });
  boss = await signedIn(served, { role: "manager", repId: "rp_boss" });
  revops = await signedIn(served, { role: "revops" });
});
afterAll(() => world?.close());
beforeEach(async () => {
  await world.pool.query("truncate lead, process, handoff, task, held cascade");
});

const plain = (html: string) => html.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
const page = async (visitor: Visitor, path: string) => {
  const { status, text } = await visitor.get(path);
  return { status, text, said: plain(text), forms: formsIn(text) };
};
const formTo = async (visitor: Visitor, path: string, to: string) => {
  const form = (await page(visitor, path)).forms.find(({ action }) => action.endsWith(to));
  if (!form) throw new Error(`${path} has no form to ${to}`);
  return form;
};
const factsOf = async (id: string) =>
  (await world.pool.query(sql`select facts from lead where id = ${id}`)).rows[0].facts;

describe("a lead's page", () => {
  test("says where it stands, whose it is and what follows, and what happened in words", async () => {
    const lead = await world.lead("rp_one", { dueAt: world.now() - 18 * minute });
    const { status, said } = await page(one, `/console/leads/${lead}`);
    expect(status).toBe(200);
    for (const words of [
      "MQL , reach out, with you. Due 18 min late Mon 09:42 . Next: outreach due, Mon 09:42.",
      "Lead type demo-request, band A",
      "Stage New → MQL: a lead type matched",
      "Offered to you (round 1, by territory)",
      "Correct…",
    ])
      expect(said).toContain(words);
  });

  test("keeps what the stage forbids, with its reason, and leaves out what the role never has", async () => {
    const lead = await world.lead("rp_one");
    const mine = await page(one, `/console/leads/${lead}`);
    expect(mine.text).toMatch(/aria-disabled="true"[^>]*>\s*Advance/);
    expect(mine.said).toContain("Advance only once accepted");
    expect(mine.said).not.toContain("Give to…");
    expect((await page(boss, `/console/leads/${lead}`)).said).toContain("Give to…");
    const office = await page(revops, `/console/leads/${lead}`);
    expect(office.forms).toEqual([]);
    await world.pool.query(sql`update process set stage = 'sal', waiting_on = 'attempts'
      where subject_id = ${lead}`);
    const accepted = await page(one, `/console/leads/${lead}`);
    expect(accepted.said).toContain("Accept only while it is MQL");
    expect(accepted.said).toContain("Advance…");
  });

  test("goes on to the next lead of the queue after an answer, and to the one before", async () => {
    const now = world.now();
    const [first, second, third] = [
      await world.lead("rp_one", { dueAt: now + minute, waitingOn: "answer" }),
      await world.lead("rp_one", { dueAt: now + 2 * minute, waitingOn: "answer" }),
      await world.lead("rp_one", { dueAt: now + 3 * minute, waitingOn: "answer" }),
    ];
    const path = `/console/leads/${second}?from=queue`;
    const { said, text } = await page(one, path);
    expect(said).toContain("2 of 3");
    expect(text).toContain(`href="/console/leads/${first}?from=queue" data-key="p"`);
    expect(text).toContain(`href="/console/leads/${third}?from=queue" data-key="n"`);
    const form = await formTo(one, path, "/accept");
    const sent = await one.post(form.action, form.fields);
    expect(sent.location).toBe(`/console/leads/${third}?from=queue&did=accept&to=${second}`);
    const next = await page(one, sent.location ?? "");
    expect(next.said).toContain("Kim Example : it is SAL, with you");
    expect(next.said).toContain("2 of 3");
  });

  test("of somebody else's is not there, and of one that was mine may only be looked at", async () => {
    const lead = await world.lead("rp_one");
    expect((await page(two, `/console/leads/${lead}`)).status).toBe(404);
    await world.pool.query(sql`update process set owner_id = 'rp_two' where subject_id = ${lead}`);
    const past = await page(one, `/console/leads/${lead}`);
    expect([past.status, past.forms]).toEqual([200, []]);
    expect(past.said).not.toContain("Correct…");
    expect((await page(one, `/console/leads/${lead}/reject`)).said).toContain(
      "This is not possible where the lead stands now.",
    );
  });

  test("says who decided and when, after an action that came too late", async () => {
    const lead = await world.lead("rp_one", { waitingOn: "answer" });
    const stale = await formTo(one, `/console/leads/${lead}`, "/accept");
    const taken = await formTo(boss, `/console/leads/${lead}/reassign`, "/reassign");
    expect((await boss.post(taken.action, { ...taken.fields, to: "rp_two" })).status).toBe(303);
    const late = await one.post(stale.action, stale.fields);
    expect(late.status).toBe(409);
    expect(plain(late.text)).toContain("Not done. Person rp_boss gave it away, Mon 10:00.");
    expect(late.text).toContain('role="alert"');
    const theirs = (await page(two, `/console/leads/${lead}`)).said;
    expect(theirs).toContain(
      "Person rp_boss gave it away (manager, via console): done, reassigned to you",
    );
  });

  test("of an erased person says so, and offers nothing", async () => {
    const lead = await world.lead("rp_one");
    await world.pool.query(sql`update lead set facts = '{}', email = null,
      erased_at = ${new Date(world.now())} where id = ${lead}`);
    const { said, forms } = await page(one, `/console/leads/${lead}`);
    expect(said).toContain("The person was erased; it is gone.");
    expect(forms).toEqual([]);
  });

  test("a closed lead is reopened by who may, once, with a reason", async () => {
    const lead = await world.lead(null, { stage: "disqualified", waitingOn: "nothing" });
    await world.pool.query(sql`update process set handoff_id = null, queue = null,
      next_step = null, next_at = null, due_at = null where subject_id = ${lead}`);
    await world.pool.query(sql`update handoff set state = 'closed', closed_at = mql_at,
      outcome = 'rejected' where subject_id = ${lead}`);
    expect((await page(boss, `/console/leads/${lead}`)).said).not.toContain("Reopen");
    const form = await formTo(revops, `/console/leads/${lead}`, "/reopen");
    expect((await revops.post(form.action, { ...form.fields, why: " " })).status).toBe(422);
    const sent = await revops.post(form.action, { ...form.fields, why: "asked again" });
    expect(sent.status).toBe(303);
    expect((await revops.post(form.action, { ...form.fields, why: "asked again" })).status).toBe(
      303,
    );
    const again = await revops.post(form.action, {
      ...form.fields,
      key: "ab".repeat(16),
      why: "asked again",
    });
    expect(again.status).toBe(409);
    const count = await world.pool.query(sql`select count(*)::int as n from reopening`);
    expect(count.rows[0].n).toBe(1);
  });
});

describe("correcting facts", () => {
  test("changes what was changed, and nothing else", async () => {
    const lead = await world.lead("rp_one");
    const form = await formTo(one, `/console/leads/${lead}/facts`, "/facts");
    expect(Object.keys(form.fields).filter((name) => name.startsWith("fact:account."))).toEqual([]);
    const sent = await one.post(form.action, { ...form.fields, "fact:lead.phone": "+1 555 0100" });
    expect([sent.status, sent.location]).toEqual([303, `/console/leads/${lead}?saved=yes`]);
    expect((await page(one, sent.location ?? "")).said).toContain("Saved.");
    const facts = await factsOf(lead);
    expect(facts["lead.phone"]).toMatchObject({ value: "+1 555 0100", from: "person" });
    expect(facts["lead.email"]).toMatchObject({ from: "form" });
  });

  test("says at the field what was expected, and keeps what was written", async () => {
    const lead = await world.lead("rp_one");
    const form = await formTo(revops, `/console/leads/${lead}/facts`, "/facts");
    const refused = await revops.post(form.action, {
      ...form.fields,
      "fact:account.employees": "<many>",
      "fact:lead.title": "CTO",
    });
    expect(refused.status).toBe(422);
    expect(refused.text).toMatch(
      /name="fact:account\.employees"[^>]*value="&lt;many&gt;"[^>]*aria-invalid="true"/,
    );
    expect(refused.text).toContain('value="CTO"');
    expect(refused.text).toContain("Employees of the company: expected a number");
    expect((await factsOf(lead))["lead.title"]).toBeUndefined();
  });

  test("a fact that is for others is refused, whatever the form says", async () => {
    const lead = await world.lead("rp_one");
    const form = await formTo(one, `/console/leads/${lead}/facts`, "/facts");
    const refused = await one.post(form.action, {
      ...form.fields,
      "fact:account.customer": "true",
    });
    expect(refused.status).toBe(403);
    expect(plain(refused.text)).toContain("is set by");
  });
});

describe("tasks", () => {
  const fixData = async (lead: string) =>
    openTask(
      world.pool,
      {
        kind: "fix-data",
        subject: { kind: "lead", id: lead },
        role: "rep",
        assigneeId: "rp_one",
        dueAt: world.now() + 40 * minute,
        detail: { missing: [{ field: "lead.role", expected: "text" }] },
      },
      world.now(),
    );

  test("stand by due time with why and the form that ends them; missing facts are fields", async () => {
    const lead = await world.lead("rp_one");
    await fixData(lead);
    const { said, forms } = await page(one, "/console/tasks");
    expect(said).toContain("1 task, the earliest due first.");
    expect(said).toContain("Missing: role.");
    expect(said).toContain("Fill in role");
    expect(said).not.toContain("lead.role");
    // A mail leads to those about its lead.
    const about = await page(one, `/console/tasks?lead=${lead}`);
    expect(about.forms[0]!.action).toBe(forms[0]!.action);
    expect(about.said).toContain("All tasks");
    const other = await page(one, `/console/tasks?lead=${await world.lead("rp_one")}`);
    expect(other.said).toMatch(/No task about ld_\w+ waits for you/);
    const [form] = forms;
    expect(form!.action).toMatch(/^\/console\/tasks\/tk_\w+\/facts$/);
    expect((await one.post(form!.action, form!.fields)).status).toBe(422);
    const sent = await one.post(form!.action, { ...form!.fields, "fact:lead.role": "executive" });
    expect(sent.status).toBe(303);
    expect((await factsOf(lead))["lead.role"]).toMatchObject({ value: "executive" });
    expect((await page(one, "/console/queue")).said).toContain("task correct its data");
  });

  test("fold their fields where several stand together, and unfold where one is refused", async () => {
    const folds = (html: string) => html.match(/<details[^>]*><summary>Fill in/g);
    const [first, second] = [await world.lead("rp_one"), await world.lead("rp_one")];
    await fixData(first);
    const alone = await page(one, "/console/tasks");
    expect(folds(alone.text)).toEqual(['<details open=""><summary>Fill in']);
    await fixData(second);
    const both = await page(one, "/console/tasks");
    expect(folds(both.text)).toEqual(["<details><summary>Fill in", "<details><summary>Fill in"]);
    const [form] = both.forms;
    const refused = await one.post(form!.action, form!.fields);
    expect(folds(refused.text)).toEqual([
      '<details open=""><summary>Fill in',
      "<details><summary>Fill in",
    ]);
    // Until it is decided about, the task still stands there, and the page says why.
    const sent = await one.post(form!.action, { ...form!.fields, "fact:lead.role": "executive" });
    expect((await page(one, sent.location ?? "")).said).toContain("goes from the list in a moment");
  });

  test("of others are not mine to end", async () => {
    const lead = await world.lead("rp_one");
    await fixData(lead);
    const [form] = (await page(one, "/console/tasks")).forms;
    expect((await page(two, "/console/tasks")).said).toContain("No task waits for you.");
    const sent = await two.post(form!.action, { ...form!.fields, "fact:lead.role": "executive" });
    expect(sent.status).toBe(404);
  });

  test("one that a person ends is ended once, with what was done", async () => {
    const lead = await world.lead("rp_boss");
    await openTask(
      world.pool,
      {
        kind: "stalled",
        subject: { kind: "lead", id: lead },
        role: "manager",
        assigneeId: "rp_boss",
        dueAt: world.now(),
      },
      world.now(),
    );
    const [form] = (await page(boss, "/console/tasks")).forms;
    const empty = await boss.post(form!.action, { ...form!.fields, how: "" });
    expect(empty.status).toBe(422);
    expect(empty.text).toMatch(/name="how"[^>]*aria-invalid="true"/);
    expect((await boss.post(form!.action, { ...form!.fields, how: "asked" })).status).toBe(303);
    const late = await boss.post(form!.action, {
      ...form!.fields,
      key: "cd".repeat(16),
      how: "asked again",
    });
    expect([late.status, plain(late.text)]).toEqual([
      409,
      expect.stringContaining("Not done. The task is not open any more"),
    ]);
  });
});

describe("the board", () => {
  test("shows what breaks next, who has how much, and gives a lead away in two steps", async () => {
    const now = world.now();
    const late = await world.lead("rp_one", { dueAt: now - 12 * minute });
    await world.lead("rp_two", { dueAt: now + 20 * minute });
    const board = await page(boss, "/console/board");
    expect(board.said).toContain("1 late, 1 within the hour.");
    expect(board.said).toMatch(/Person rp_one 1 lead, 1 late , to Mon 17:00/);
    const form = await formTo(
      boss,
      `/console/leads/${late}/reassign?back=/console/board`,
      "reassign",
    );
    const sent = await boss.post(form.action, { ...form.fields, to: "rp_two" });
    expect([sent.status, sent.location]).toEqual([303, `/console/board?did=reassign&to=${late}`]);
    const owner = await world.pool.query(
      sql`select owner_id from process where subject_id = ${late}`,
    );
    expect(owner.rows[0]).toEqual({ owner_id: "rp_two" });
    expect((await one.get("/console/board")).status).toBe(403);
    expect((await boss.get("/console/board/nothing")).status).toBe(404);
    expect((await page(boss, "/console/board/hour")).said).toContain("Kim Example");
  });

  test("of a quiet team says so", async () => {
    expect((await page(boss, "/console/board")).said).toContain(
      "Nothing is late, and nothing runs out today.",
    );
  });
});

describe("the list of leads", () => {
  test("filters by its address, in pages of fifty", async () => {
    const lead = await world.lead("rp_one", { email: "find.me@northwind.example" });
    for (let n = 0; n < 50; n++) await world.lead("rp_two");
    const all = await page(revops, "/console/leads");
    expect(all.text.match(/data-row/g)).toHaveLength(50);
    const next = /href="([^"]*cursor=[^"]*)"/.exec(all.text)?.[1]?.replaceAll("&amp;", "&");
    const second = await page(revops, next ?? "");
    expect(second.text.match(/data-row/g)).toHaveLength(1);
    const found = await page(revops, "/console/leads?q=find.me&stage=&overdue=&sort=");
    expect(found.text.match(/data-row/g)).toHaveLength(1);
    expect(found.text).toContain(`/console/leads/${lead}`);
    expect((await page(revops, "/console/leads?q=nobody")).said).toContain("No lead is like that.");
    for (const wrong of ["stage=nope", "cursor=x", `q=${"x".repeat(300)}`])
      expect([wrong, (await revops.get(`/console/leads?${wrong}`)).status]).toEqual([wrong, 422]);
    expect((await page(one, "/console/leads")).text.match(/data-row/g)).toHaveLength(1);
  });
});
