import pg from "pg";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";
import { signedIn, type Visitor } from "../../support/visitor.ts";

let world: PeopleWorld;
let lead: string;
let rep: Visitor;
let boss: Visitor;
// Whatever a connection is asked passes there.
const spy = vi.spyOn(pg.Client.prototype, "query");
beforeAll(async () => {
  world = await peopleWorld();
  for (let n = 0; n < 3; n++) lead = await world.lead("rp_one", { waitingOn: "answer" });
  const served = { ...world, now: world.now() };
  rep = await signedIn(served, { role: "rep", repId: "rp_one" });
  boss = await signedIn(served, { role: "manager", repId: "rp_boss" });
});
beforeEach(() => {
  spy.mockClear();
});
afterAll(async () => {
  vi.restoreAllMocks();
  await world.close();
});

const asked = () =>
  spy.mock.calls.map(([first]: readonly unknown[]) => {
    const { text = String(first), values = [] } = first as { text?: string; values?: unknown[] };
    return `${text.replaceAll(/\s+/g, " ").trim()} ${JSON.stringify(values)}`;
  });
/** Settings of a connection that was opened meanwhile are no question of the page's. */
const questions = () => asked().filter((one) => !one.startsWith("set "));
/** Which version is active is asked for each answer that rests on it. */
const twice = (all: readonly string[]) =>
  all.filter((one, n) => all.indexOf(one) !== n && !one.endsWith("where state = 'active' []"));

/** Pages, who opens them, and how many statements they may ask. */
const pages = [
  ["the queue of a rep", () => rep, () => "/console/queue", 6],
  ["the queue of a manager", () => boss, () => "/console/queue", 7],
  ["a lead's page", () => rep, () => `/console/leads/${lead}?from=queue`, 16],
  ["the board", () => boss, () => "/console/board", 9],
  ["the list of leads", () => boss, () => "/console/leads?stage=mql", 7],
] as const;

describe.each(pages)("%s", (_, who, path, most) => {
  test(`asks nothing twice, and at most ${most} statements`, async () => {
    const { status } = await who().get(path());
    const all = questions();
    expect([status, twice(all)]).toEqual([200, []]);
    expect(all.length, all.join("\n")).toBeLessThanOrEqual(most);
  });

  test("is the same zipped and as it is", async () => {
    const plain = await who().get(path(), { "accept-encoding": "gzip;q=0, identity" });
    const { name, value } = who().cookie;
    const zipped = await world.app.request(`http://baton.test${path()}`, {
      headers: { cookie: `${name}=${value}`, "accept-encoding": "br, gzip" },
    });
    const encodings = [plain, zipped].map(({ headers }) => headers.get("content-encoding"));
    expect(encodings).toEqual([null, "gzip"]);
    expect(plain.headers.get("vary")).toBe("Accept-Encoding");
    const text = gunzipSync(Buffer.from(await zipped.arrayBuffer())).toString("utf8");
    expect(withoutKeys(text)).toBe(withoutKeys(plain.text));
  });
});

/** Each form has a key of its own. */
const withoutKeys = (text: string) => text.replaceAll(/value="[\w-]{20,}"/g, "");

test("an action locks the process row of its lead once", async () => {
  const { status } = await rep.post(`/console/leads/${lead}/accept`, { back: "/console/queue" });
  expect(status).toBe(303);
  const locks = asked().filter((one) => /from process .* for update/.test(one));
  expect(locks.length).toBe(1);
  expect(asked().some((one) => one.includes("set local plan_cache_mode"))).toBe(true);
});
