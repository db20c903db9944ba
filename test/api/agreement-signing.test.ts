import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { activate as activateAtOnce } from "../../store/process/agreements.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { eventually } from "../support/eventually.ts";
import {
  peopleWorld,
  type Answer,
  type Persona,
  type PeopleWorld,
} from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

let edits = 0;
/** Another text at each call, which changes one deadline. */
const later = () =>
  world.agreementText
    .replace("status: same day", "status: 1 business day")
    .concat(`\n# edit ${++edits}\n`);
/** Makes a version active, as the first one of an installation is. */
const publish = (content: string) =>
  inTransaction(world.pool, (tx) => activateAtOnce(tx, content, "test", world.now()));
const read = (id: string) => world.ask("GET", `/agreement/versions/${id}/plan`);
/** Proposes, and waits until the plan is made. */
async function propose(content: string, as: Persona = "revops"): Promise<Answer> {
  const made = await world.ask("POST", "/agreement/versions/propose", { as, body: { content } });
  if (made.status >= 300) return made;
  return { ...made, body: await planned(made.body.id) };
}
async function planned(id: string): Promise<Answer["body"]> {
  await eventually(120, async () => (await read(id)).body.planning?.state !== "making");
  const { body } = await read(id);
  expect(body.planning).toMatchObject({ state: "made", failure: null });
  return body;
}
interface Signable {
  readonly id: string;
  readonly contentHash: string;
  readonly plan: { readonly hash: string } | null;
}
const sign = ({ id, contentHash, plan }: Signable, as: Persona) =>
  world.ask("POST", `/agreement/versions/${id}/sign`, {
    as,
    body: { contentHash, planHash: plan?.hash ?? "0".repeat(64) },
  });
const activate = (id: string, as: Persona = "revops") =>
  world.ask("POST", `/agreement/versions/${id}/activate`, { as, body: {} });
const activeId = async () => (await world.ask("GET", "/agreement")).body.id as string;

beforeEach(async () => {
  const content = world.agreementText.concat(`\n# published ${++edits}\n`);
  await publish(content);
});

describe("a version that both parties sign", { timeout: 180_000 }, () => {
  test("is proposed with its plan, signed by two people, and activated", async () => {
    const before = await activeId();
    const made = await propose(later());
    expect(made).toMatchObject({
      status: 201,
      body: {
        state: "proposed",
        signatures: [],
        plan: {
          against: before,
          changes: [{ about: "status of demo-request", change: "same day -> 1 business day" }],
          missingPools: expect.any(Array),
        },
      },
    });
    expect(await activeId()).toBe(before);
    expect(await sign(made.body, "leader")).toMatchObject({
      status: 200,
      body: { state: "proposed", signatures: [{ party: "marketing" }] },
    });
    expect((await activate(made.body.id)).body).toMatchObject({ code: "conflict" });
    expect((await sign(made.body, "salesLeader")).body).toMatchObject({
      state: "signed",
      signatures: [{ party: "marketing" }, { party: "sales", signedBy: "rp_chief" }],
    });
    expect(await activate(made.body.id)).toMatchObject({ status: 200, body: { state: "active" } });
    expect(await activeId()).toBe(made.body.id);
    expect(
      await rows(
        world.pool,
        sql`select what from audit where subject = ${made.body.id} order by at, id`,
      ),
    ).toEqual([
      { what: "agreement.proposed" },
      { what: "agreement.planning" },
      { what: "agreement.planned" },
      { what: "agreement.signed" },
      { what: "agreement.signed" },
      { what: "agreement.published" },
    ]);
    const [old] = await rows<{ state: string }>(
      world.pool,
      sql`select state from agreement_version where id = ${before}`,
    );
    expect(old?.state).toBe("retired");
  });

  test("is the same one when it is proposed, signed or activated again", async () => {
    const content = later();
    const [first, again] = [await propose(content), await propose(content)];
    expect([again.status, again.body.id]).toEqual([200, first.body.id]);
    await sign(first.body, "leader");
    expect((await sign(first.body, "leader")).body.signatures).toHaveLength(1);
    await sign(first.body, "salesLeader");
    await activate(first.body.id);
    expect((await activate(first.body.id)).status).toBe(200);
    expect((await sign(first.body, "leader")).status).toBe(200);
  });

  test("has one winner when two are activated at once; the other is proposed again", async () => {
    const made = [await propose(later()), await propose(later())];
    for (const { body } of made) {
      await sign(body, "leader");
      await sign(body, "salesLeader");
    }
    const done = await Promise.all(made.map(({ body }) => activate(body.id)));
    expect(done.filter(({ status }) => status === 200)).toHaveLength(1);
    const winner = done.find(({ status }) => status === 200)?.body.id;
    expect(await activeId()).toBe(winner);
    expect(done.find(({ status }) => status !== 200)?.body).toMatchObject({
      code: "conflict",
      active: winner,
      detail: expect.stringMatching(/make it again/),
    });
  });
});

describe("what is not signed", { timeout: 180_000 }, () => {
  test("is published at once only where nobody signs, today or then", async () => {
    const ask = (content: string) =>
      world.ask("POST", "/agreement/versions", { as: "revops", body: { content } });
    const before = await activeId();
    for (const signedBy of ["[marketing, sales]", "[marketing]", "[]"]) {
      const refused = await ask(later().replace("[marketing, sales]", signedBy));
      expect([refused.status, refused.body.signaturesNeeded]).toEqual([409, 2]);
      expect(refused.body.detail).toMatch(/one signature of each party .* propose it/);
    }
    expect(await activeId()).toBe(before);
    await publish(later().replace("[marketing, sales]", "[]"));
    expect((await ask(later().replace("[marketing, sales]", "[]"))).status).toBe(201);
    expect((await ask(later().replace("[marketing, sales]", "[sales]"))).body).toMatchObject({
      code: "conflict",
      signaturesNeeded: 1,
    });
  });

  test("of one party needs one signature, and a version that asks fewer is signed by today's", async () => {
    const alone = () => later().replace("[marketing, sales]", "[marketing]");
    const two = (await propose(alone())).body;
    expect(two.signaturesNeeded).toBe(2);
    await publish(alone());
    const one = (await propose(alone())).body;
    expect(one.signaturesNeeded).toBe(1);
    expect((await activate(one.id)).body.detail).toMatch(/it needs one signature/);
    expect((await sign(one, "salesLeader")).body.state).toBe("signed");
    expect((await activate(one.id)).body.state).toBe("active");
  });

  test("is asked for by mail, once, with what changes", async () => {
    const content = later();
    const { body } = await propose(content);
    await propose(content);
    const asked = await rows<{ key: string; payload: unknown }>(
      world.pool,
      sql`select key, payload from effect where subject_kind = 'agreement'
        and subject_id = ${body.id}`,
    );
    expect(asked).toEqual([
      {
        key: `agreement/${body.id}/signature-asked/${body.plan.hash}`,
        payload: {
          versionId: body.id,
          number: body.number,
          needed: 2,
          changes: [{ about: "status of demo-request", change: "same day -> 1 business day" }],
          more: 0,
        },
      },
    ]);
  });

  test("versions are listed, the newest first, page by page", async () => {
    const { body } = await propose(later());
    const first = await world.ask("GET", "/agreement/versions?limit=1", { as: "one" });
    expect(first.body.items).toMatchObject([{ id: body.id, state: "proposed" }]);
    expect(first.body.items[0].content).toBeUndefined();
    const rest = await world.ask("GET", `/agreement/versions?cursor=${first.body.next}`);
    expect(rest.body.items[0].number).toBe(body.number - 1);
    expect((await world.ask("GET", "/agreement/versions?cursor=x")).status).toBe(422);
  });
});

describe("a rollback", { timeout: 180_000 }, () => {
  const rollback = (id: string, as: Persona = "revops") =>
    world.ask("POST", `/agreement/versions/${id}/rollback`, { as, body: {} });

  test("is a new version with the old content, by the same plan and signatures", async () => {
    const before = await activeId();
    const old = (await world.ask("GET", `/agreement/versions/${before}`)).body;
    expect((await rollback(before)).body).toMatchObject({ code: "conflict", state: "active" });
    const looser = (await propose(later())).body;
    expect((await rollback(looser.id)).body).toMatchObject({ state: "proposed" });
    await sign(looser, "leader");
    await sign(looser, "salesLeader");
    await activate(looser.id);
    const made = await rollback(before);
    expect(made.status).toBe(201);
    expect(made.body.id).not.toBe(before);
    const back = await planned(made.body.id);
    expect(back.plan.changes).toEqual([
      { about: "status of demo-request", change: "1 business day -> same day" },
    ]);
    expect((await activate(back.id)).body.code).toBe("conflict");
    await sign(back, "salesLeader");
    await sign(back, "leader");
    expect((await activate(back.id)).body.state).toBe("active");
    const now = (await world.ask("GET", "/agreement")).body;
    expect(now).toMatchObject({
      id: back.id,
      content: old.content,
      note: `rollback to version ${old.number}`,
    });
    // What was, stands: the old version is retired, and there are two of that content.
    expect((await world.ask("GET", `/agreement/versions/${before}`)).body.state).toBe("retired");
    expect((await rollback("ag_none")).status).toBe(404);
    expect((await rollback(before, "one")).status).toBe(403);
  });
});

describe("what does not count", { timeout: 180_000 }, () => {
  test("only who leads a party signs, and nobody without a plan of today", async () => {
    const { body } = await propose(later());
    for (const as of ["revops", "marketing", "boss", "one"] as const)
      expect((await sign(body, as)).status).toBe(403);
    await publish(world.agreementText.concat(`\n# meanwhile ${++edits}\n`));
    expect(await sign(body, "leader")).toMatchObject({
      status: 409,
      body: { active: await activeId() },
    });
  });

  test("who read another content, and a version that needs no signature", async () => {
    const { body } = await propose(later());
    const other = { ...body, contentHash: "0".repeat(64) };
    expect((await sign(other, "leader")).body.detail).toMatch(/hash of this version's content/);
    const published = (await world.ask("GET", "/agreement")).body;
    expect((await sign({ ...published, plan: null }, "leader")).body).toMatchObject({
      state: "active",
    });
    expect((await world.ask("GET", `/agreement/versions/${published.id}/plan`)).body).toMatchObject(
      { plan: null, signatures: [] },
    );
    expect((await activate("ag_none")).status).toBe(404);
    expect(
      (await sign({ id: "ag_none", contentHash: "0".repeat(64), plan: null }, "leader")).status,
    ).toBe(404);
  });

  test("reps neither propose nor activate; text that is no agreement is 422 with its line", async () => {
    expect((await propose(later(), "one")).status).toBe(403);
    const { body } = await propose(later());
    expect((await activate(body.id, "marketing")).status).toBe(403);
    const broken = await propose(world.agreementText.replace("path: fast", "path: quick"));
    expect([broken.status, broken.body.field]).toEqual([422, "content"]);
    expect(broken.body.detail).toMatch(/^line \d+: /);
  });
});
