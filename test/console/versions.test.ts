import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chaptersOf } from "../../api/console/agreement.tsx";
import type { LoginWish } from "../../store/access/logins.ts";
import { eventually } from "../support/eventually.ts";
import { formsIn } from "../support/forms.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, type Shown, type Visitor } from "../support/visitor.ts";

const hour = 3_600_000;
const marketing: LoginWish = { role: "leader", party: "marketing", repId: "rp_mark" };
const sales: LoginWish = { role: "leader", party: "sales", repId: "rp_chief" };
const revops: LoginWish = { role: "revops" };

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

const as = (wish: LoginWish): Promise<Visitor> => signedIn({ ...world, now: world.now() }, wish);

let made = 0;
let hours = 1;
/** A text that no other version has, and that allows less for outreach than for the status. */
function changed(): string {
  hours = 2 + (made++ % 3);
  const text = world.agreementText.replace(
    "outreach: 1 business hour",
    `outreach: ${hours} business hours`,
  );
  return `${text}# the change number ${made}\n`;
}

/** Sends the form of a draft as a browser does. */
async function propose(visitor: Visitor, fields: Record<string, string | File>): Promise<Shown> {
  const form = new FormData();
  form.set("key", crypto.randomUUID().replaceAll("-", ""));
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  const response = await world.app.request("http://baton.test/console/agreement/draft", {
    method: "POST",
    body: form,
    headers: {
      cookie: `${visitor.cookie.name}=${visitor.cookie.value}`,
      origin: "http://baton.test",
      "sec-fetch-site": "same-origin",
    },
  });
  const location = response.headers.get("location");
  const { status, headers } = response;
  return { status, headers, text: await response.text(), location };
}

const pathOf = ({ location }: Shown) => (location ?? "").split("?")[0] ?? "";
const standing = async (path: string) =>
  (await world.ask("GET", `${path.replace("/console", "")}/plan`)).body;
const planned = (path: string) =>
  eventually(80, async () => {
    const body = await standing(path);
    return body.planning?.state === "made" && body;
  });
const formOf = (page: Shown, path: string) =>
  formsIn(page.text).find(({ action }) => action === path)?.fields;

describe("a change of the agreement", () => {
  test("is proposed, planned, signed by two and activated, each on a page", async () => {
    const [ops, ours, theirs] = [await as(revops), await as(marketing), await as(sales)];
    const before = (await world.ask("GET", "/agreement")).body;
    const sent = await propose(ops, { content: changed(), note: "More time <for> reps" });
    expect(sent.status).toBe(303);
    const path = pathOf(sent);
    await planned(path);
    const page = await ops.get(path);
    expect(page.text).toContain("outreach of demo-request");
    expect(page.text).toContain("1 business hour → 2 business hours");
    expect(page.text).toContain("More time &lt;for&gt; reps");
    expect(page.text).toContain("waits for marketing and sales");
    // Before it is signed nobody can activate it, with the page's form or without.
    const early = await ops.post(`${path}/activate`, { openHandoffs: "keep" });
    expect([early.status, early.text]).toEqual([409, expect.stringContaining("It needs")]);
    expect(early.text).not.toContain("POST /");
    for (const [leader, party] of [
      [ours, "marketing"],
      [theirs, "sales"],
    ] as const) {
      const signing = await leader.get(path);
      expect(signing.text).toContain(`Sign for ${party}`);
      const fields = formOf(signing, `${path}/sign`) ?? {};
      expect((await leader.post(`${path}/sign`, fields)).location).toBe(`${path}?did=sign`);
    }
    const ready = await ops.get(path);
    expect(ready.text).toContain("Person rp_chief");
    const none = await ops.post(`${path}/activate`, {});
    expect([none.status, none.text]).toEqual([422, expect.stringContaining("open handoffs do")]);
    expect((await ops.post(`${path}/activate`, { openHandoffs: "keep" })).status).toBe(303);
    expect((await world.ask("GET", "/agreement")).body.id).toBe(path.split("/").at(-1));
    expect((await ops.get(path)).text).toContain("Open handoffs go on by the version");
    // And back, as a version of its own.
    const old = `/console/agreement/versions/${before.id}`;
    // It was active before anybody signed, and nobody is asked to now.
    expect((await theirs.get(old)).text).toContain("not signed");
    const back = await ops.post(`${old}/rollback`, {});
    expect(pathOf(back)).not.toBe(old);
    expect((await ops.get(pathOf(back))).text).toContain("rollback to version 1");
  });

  test("with mistakes is refused with each of its lines, and nothing is lost of it", async () => {
    const content = world.agreementText.replace("leadTypes:", "leedTypes:");
    const line = content.split("\n").findIndex((one) => one.startsWith("leedTypes:")) + 1;
    const { status, text } = await propose(await as(revops), {
      content,
      note: "Try",
      // A browser sends the field of a file that nobody chose, too.
      file: new File([], ""),
    });
    expect(status).toBe(422);
    expect(text).toContain(`<strong>Line ${line}</strong>`);
    expect(text).toMatch(/<textarea[^>]*autofocus/);
    expect(text).toContain("leedTypes:");
    expect(text).toContain('value="Try"');
    const empty = await propose(await as(revops), { content: "" });
    expect([empty.status, empty.text]).toEqual([422, expect.stringContaining("Choose a file")]);
  });

  test("can be a file, which counts instead of the text; one that is no text is refused", async () => {
    const ops = await as(revops);
    const file = new File([changed()], "agreement.yaml", { type: "text/yaml" });
    const sent = await propose(ops, { content: "name: other", file });
    expect(sent.status).toBe(303);
    expect((await ops.get(pathOf(sent))).text).toContain(`${hours} business hours`);
    const bytes = new File([new Uint8Array([0xff, 0xfe, 0x00])], "a.yaml");
    expect((await propose(ops, { content: "", file: bytes })).status).toBe(400);
    const large = new File(["#".repeat(600_000)], "a.yaml");
    expect((await propose(ops, { content: "", file: large })).status).toBe(413);
  });

  test("is proposed by nobody who may not: not a rep, not a manager", async () => {
    for (const wish of [
      { role: "rep", repId: "rp_one" },
      { role: "manager", repId: "rp_boss" },
    ] as const) {
      const visitor = await as(wish);
      expect((await propose(visitor, { content: changed() })).status).toBe(403);
      expect((await visitor.get("/console/agreement")).text).not.toContain("Propose a change");
    }
  });
});

describe("signing a version", () => {
  test("is of the plan that was read, and of a session of the last 12 hours", async () => {
    const path = pathOf(await propose(await as(revops), { content: changed() }));
    await planned(path);
    const leader = await as(marketing);
    const fields = formOf(await leader.get(path), `${path}/sign`) ?? {};
    const other = await leader.post(`${path}/sign`, { ...fields, planHash: "0".repeat(64) });
    expect(other.status).toBe(409);
    expect(other.text).toContain("This is how it stands");
    const before = world.now();
    try {
      world.setNow(before + 12 * hour);
      const page = await leader.get(path);
      expect(formOf(page, `${path}/sign`)).toBeUndefined();
      const late = await leader.post(`${path}/sign`, fields);
      expect([late.status, late.text]).toEqual([
        403,
        expect.stringContaining("Nothing was signed"),
      ]);
      expect((await standing(path)).signatures).toEqual([]);
    } finally {
      world.setNow(before);
    }
    const { key: _, ...again } = fields;
    expect((await leader.post(`${path}/sign`, again)).status).toBe(303);
    // Somebody else of the party comes second.
    const second = await as({ ...marketing, repId: "rp_boss" });
    const late = await second.post(`${path}/sign`, again);
    expect([late.status, late.text]).toEqual([409, expect.stringContaining("has signed")]);
    expect((await standing(path)).signatures).toHaveLength(1);
  });

  test("a plan that is being made can be stopped, and made again", async () => {
    const path = pathOf(await propose(await as(revops), { content: changed() }));
    await planned(path);
    await world.pool.query(`update agreement_plan set run_state = 'making', done = 1, of = 9,
      beat_at = clock_timestamp(), plan = null, plan_hash = null, against = null, made_at = null
      where version_id = '${path.split("/").at(-1)}'`);
    const ops = await as(revops);
    expect((await ops.get(path)).text).toContain("1 of 9 leads and handoffs looked at");
    expect((await ops.post(`${path}/plan/cancel`, {})).status).toBe(303);
    const stopped = await ops.get(path);
    expect(stopped.text).toContain("was stopped by somebody");
    expect((await ops.post(`${path}/plan/cancel`, {})).status).toBe(409);
    expect((await ops.post(`${path}/plan`, {})).status).toBe(303);
    expect((await planned(path)).plan).not.toBeNull();
  });
});

test("a rep reads the agreement and its changes, and neither plans nor what rules let through", async () => {
  const rep = await as({ role: "rep", repId: "rp_one" });
  const page = await rep.get("/console/agreement");
  expect(page.status).toBe(200);
  expect(page.text).not.toContain("Let through");
  const { body } = await world.ask("GET", "/agreement");
  const version = await rep.get(`/console/agreement/versions/${body.id}`);
  expect(version.status).toBe(200);
  expect(version.text).not.toContain("Signatures");
});

test("the chapters are the whole text, none of it twice", () => {
  const joined = chaptersOf(world.agreementText).map(({ text }) => text);
  const lines = (text: string) => text.split("\n").filter((line) => line.trim() !== "");
  expect(joined.flatMap(lines)).toEqual(lines(world.agreementText));
  expect(chaptersOf(world.agreementText).map(({ key }) => key)).toContain("leadTypes");
});
