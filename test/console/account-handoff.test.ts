import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { flaggedAccount } from "../support/flagged-account.ts";
import { formsIn } from "../support/forms.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, type Shown, type Visitor } from "../support/visitor.ts";

let world: PeopleWorld;
let path: string;
let rep: Visitor;
let boss: Visitor;
let repName: "one" | "two";
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
let made = 0;
beforeEach(async () => {
  const flagged = await flaggedAccount(world, `company-${++made}.com`);
  path = `/console/accounts/${flagged.id}`;
  repName = flagged.rep;
  boss = await signedIn({ ...world, now: world.now() }, { role: "manager", repId: "rp_boss" });
  rep = await signedIn({ ...world, now: world.now() }, { role: "rep", repId: `rp_${flagged.rep}` });
});
const formOf = (page: Shown, place: string) =>
  formsIn(page.text).find(({ action }) => action === `${path}/${place}`)?.fields;

test("an account in the queue leads to its page, where it is logged, accepted and handed back", async () => {
  const queue = await rep.get("/console/queue");
  expect(queue.text).toContain(`href="${path}"`);
  const page = await rep.get(path);
  expect(page.text).toContain("with you.");
  expect(page.text).toContain("with you. Reach out.");
  const board = (await boss.get("/console/board")).text.replace(/<[^>]*>/g, "");
  expect(board).toMatch(new RegExp(`Person rp_${repName} \\d* ?(?:leads?, )?1 account`));
  const logged = await rep.post(`${path}/outreach`, { ...formOf(page, "outreach"), did: "call" });
  expect(logged.location).toBe(`${path}?saved=logOutreach`);
  expect((await rep.get(logged.location ?? "")).text).toContain("The attempt is logged.");
  const fields = formOf(await rep.get(path), "accept") ?? {};
  const accepted = await rep.post(`${path}/accept`, fields);
  expect(accepted.location).toBe(`${path}?saved=accept`);
  // The same form again is the same action.
  expect((await rep.post(`${path}/accept`, fields)).location).toBe(`${path}?saved=accept`);
  const after = await rep.get(path);
  expect(after.text).toContain("SAL, with you.");
  expect(formOf(after, "accept")).toBeUndefined();
  const { key: _, ...again } = fields;
  const late = await rep.post(`${path}/accept`, again);
  expect([late.status, late.text]).toEqual([409, expect.stringContaining("Not done.")]);
  await rep.post(`${path}/hand-back`, formOf(after, "hand-back") ?? {});
  expect((await rep.get(path)).text).toContain("It ended:");
});

test("it is rejected by the reason itself; what the agreement does not know is refused on the page", async () => {
  const page = await rep.get(path);
  const fields = formOf(page, "reject") ?? {};
  const wrong = await rep.post(`${path}/reject`, { ...fields, reason: "bored" });
  expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining("Not done.")]);
  const { key: _, ...again } = fields;
  const tried = await rep.post(`${path}/outreach`, {
    ...formOf(page, "outreach"),
    did: "call/no_answer",
  });
  expect(tried.status).toBe(303);
  const done = await rep.post(`${path}/reject`, { ...again, reason: "outside-geography" });
  expect([done.status, done.location ?? done.text]).toEqual([303, `${path}?saved=reject`]);
});

test("who may look and not act sees where it stands, and no form", async () => {
  const marketing = await signedIn({ ...world, now: world.now() }, { role: "marketing" });
  const page = await marketing.get(path);
  expect(page.text).toContain("Its handoff");
  for (const place of ["accept", "reject", "outreach", "hand-back"])
    expect(formOf(page, place)).toBeUndefined();
  expect((await marketing.post(`${path}/accept`, {})).status).toBe(403);
});

test("a manager pauses it, lets it run on, and gives it away; the board comes back to itself", async () => {
  const page = await boss.get(path);
  expect(page.text).toContain(`${path}/reassign?back=`);
  const form = await boss.get(`${path}/pause`);
  const fields = formOf(form, "pause") ?? {};
  const wrong = await boss.post(`${path}/pause`, { ...fields, reason: "lunch" });
  expect([wrong.status, wrong.text]).toEqual([422, expect.stringContaining('role="alert"')]);
  expect(formOf(wrong, "pause")).toBeDefined();
  const paused = await boss.post(`${path}/pause`, { ...fields, reason: "legal-review" });
  expect(paused.location).toBe(`${path}?saved=pause`);
  const still = await boss.get(paused.location ?? "");
  expect(still.text).toContain("Its clocks stand still until");
  expect(formOf(still, "resume")).toBeDefined();
  expect(still.text).not.toContain(`${path}/pause?back=`);
  const on = await boss.post(`${path}/resume`, formOf(still, "resume") ?? {});
  expect(on.location).toBe(`${path}?saved=resume`);
  const running = await boss.get(path);
  expect(running.text).not.toContain("stand still until");
  expect(running.text).toContain(`${path}/pause?back=`);

  const to = repName === "one" ? "rp_two" : "rp_one";
  const choose = await boss.get(`${path}/reassign?back=%2Fconsole%2Fboard`);
  expect(choose.text).toContain(`value="${to}"`);
  const given = await boss.post(`${path}/reassign`, { ...formOf(choose, "reassign"), to });
  const id = path.split("/").at(-1);
  expect(given.location).toBe(`/console/board?did=reassign&to=${id}`);
  const board = await boss.get(given.location ?? "");
  expect(board.text).toContain(`href="${path}"`);
  expect(board.text).toContain(`it is MQL, with Person ${to}`);
  // Whoever had it has it no longer, and is told so with the page as it stands.
  const late = await rep.post(`${path}/accept`, { ...formOf(page, "accept"), key: "0".repeat(32) });
  expect([403, 404, 409]).toContain(late.status);
});

test("it is advanced with the form of a lead, and only where it can be", async () => {
  const early = await rep.get(`${path}/advance`);
  expect([early.status, early.text]).toEqual([
    200,
    expect.stringContaining("This is not possible where the account stands now."),
  ]);
  await rep.post(`${path}/accept`, formOf(await rep.get(path), "accept") ?? {});
  const sal = await rep.get(`${path}/advance`);
  const sql = await rep.post(`${path}/advance`, { ...formOf(sal, "advance"), to: "sql" });
  expect(sql.location).toBe(`${path}?saved=advance`);
  // Whose opportunity it is, one of its people says.
  const page = await rep.get(path);
  expect(page.text).toContain("An opportunity is opened for one of its people.");
  expect(page.text).not.toContain(`${path}/advance`);
  const refused = await rep.post(`${path}/advance`, {
    ...formOf(sal, "advance"),
    key: "1".repeat(32),
    stage: "sql",
    to: "opportunity",
  });
  expect(refused.status).toBe(422);
  expect(refused.text).toMatch(/opened for one of its people/);
});

test("a contested rejection is decided by the manager on its page", async () => {
  const page = await rep.get(path);
  await rep.post(`${path}/reject`, { ...formOf(page, "reject"), reason: "below-company-size" });
  const asked = await boss.get(path);
  // A clock is called by whose offer it was, not by who has the account now.
  expect(asked.text).toMatch(/outreach, Person rp_(one|two)&#39;s, offer 1/);
  const decided = await boss.post(`${path}/contest-decision`, {
    ...formOf(asked, "contest-decision"),
    decision: "overturn",
  });
  expect(decided.location).toBe(`${path}?saved=decideContest`);
  expect((await boss.get(path)).text).toMatch(/MQL, with Person rp_(one|two)\./);
  expect((await rep.post(`${path}/reassign`, { to: "rp_one" })).status).toBe(403);
  expect((await rep.get(`${path}/reassign`)).status).toBe(403);
});
