import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { flaggedAccount } from "../support/flagged-account.ts";
import { formsIn } from "../support/forms.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, type Shown, type Visitor } from "../support/visitor.ts";

let world: PeopleWorld;
let path: string;
let rep: Visitor;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
let made = 0;
beforeEach(async () => {
  const flagged = await flaggedAccount(world, `company-${++made}.com`);
  path = `/console/accounts/${flagged.id}`;
  rep = await signedIn({ ...world, now: world.now() }, { role: "rep", repId: `rp_${flagged.rep}` });
});
const formOf = (page: Shown, place: string) =>
  formsIn(page.text).find(({ action }) => action === `${path}/${place}`)?.fields;

test("an account in the queue leads to its page, where it is logged, accepted and handed back", async () => {
  const queue = await rep.get("/console/queue");
  expect(queue.text).toContain(`href="${path}"`);
  const page = await rep.get(path);
  expect(page.text).toContain("with you.");
  expect(page.text).toContain("To be done: reach out");
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
