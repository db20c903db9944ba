import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { activate as activateAtOnce } from "../../store/process/agreements.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { peopleWorld, type Persona, type PeopleWorld } from "../support/people-world.ts";

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
const propose = (content: string, as: Persona = "revops") =>
  world.ask("POST", "/agreement/versions/propose", { as, body: { content } });
const sign = (version: { id: string; contentHash: string }, as: Persona) =>
  world.ask("POST", `/agreement/versions/${version.id}/sign`, {
    as,
    body: { contentHash: version.contentHash },
  });
const activate = (id: string, as: Persona = "revops") =>
  world.ask("POST", `/agreement/versions/${id}/activate`, { as, body: {} });
const activeId = async () => (await world.ask("GET", "/agreement")).body.id as string;

beforeEach(async () => {
  const content = world.agreementText.concat(`\n# published ${++edits}\n`);
  await publish(content);
});

describe("a version that both parties sign", () => {
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
      detail: expect.stringMatching(/propose it again/),
    });
  });
});

describe("what is not signed", () => {
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
        key: `agreement/${body.id}/signature-asked`,
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

describe("what does not count", () => {
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
    const other = { id: body.id, contentHash: "0".repeat(64) };
    expect((await sign(other, "leader")).body.detail).toMatch(/hash of this version's content/);
    const published = (await world.ask("GET", "/agreement")).body;
    expect((await sign(published, "leader")).body).toMatchObject({ state: "active" });
    expect((await world.ask("GET", `/agreement/versions/${published.id}/plan`)).body).toMatchObject(
      { plan: null, signatures: [] },
    );
    expect((await activate("ag_none")).status).toBe(404);
    expect((await sign({ id: "ag_none", contentHash: "0".repeat(64) }, "leader")).status).toBe(404);
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
