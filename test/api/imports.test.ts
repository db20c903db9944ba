import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { importRoutes } from "../../api/imports.ts";
import { createToken } from "../../store/access/tokens.ts";
import type { Pool } from "../../store/postgres/db.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import type { SchemaFit } from "../../store/postgres/schema.ts";
import { peopleCsv, peopleMap } from "../support/import-files.ts";
import { smallAgreement } from "../support/small-agreement.ts";

let world: ApiWorld;
const fits: SchemaFit = { state: "fits" };
let look: () => SchemaFit;
/** Where imports stop while it is closed: when they are begun, and before each batch. */
const beginning = door();
const taking = door();
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [importRoutes], ({ pool }) => ({
    pool: doored(pool),
    schema: { fit: () => look() },
  }));
});
afterAll(() => world.close());
beforeEach(async () => {
  look = () => fits;
  await world.pool.query("truncate lead, process, account, outbox, transition, import cascade");
});

function door() {
  let opened = Promise.resolve();
  let open = () => {};
  let waiting = 0;
  return {
    breaks: false,
    close: () => {
      opened = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: () => open(),
    waiting: () => waiting,
    async pass() {
      if (this.breaks) throw Object.assign(new Error("away"), { code: "ECONNREFUSED" });
      waiting++;
      await opened;
      waiting--;
    },
  };
}

/** Closes both until the test is over, whatever comes of it. */
function closeDoors() {
  onTestFinished(() => {
    beginning.open();
    taking.open();
  });
  beginning.close();
  taking.close();
}

/** The same pool behind both doors: no lock of Postgres, so none of its timeouts either. */
function doored(pool: Pool): Pool {
  const query = async (statement: string | { text: string }) => {
    const text = typeof statement === "string" ? statement : statement.text;
    if (/^\s*insert into import /.test(text)) await beginning.pass();
    return pool.query(statement);
  };
  const connect = async () => {
    await taking.pass();
    return pool.connect();
  };
  return new Proxy(pool, {
    get(target, name) {
      if (name === "query") return query;
      if (name === "connect") return connect;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function send(
  content: string,
  fields: Record<string, string | Blob> = { map: peopleMap },
  role: "marketing" | "crm" = "marketing",
  token = world.token(role),
) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("file", new Blob([content]), "leads.csv");
  const answer = await world.app.request("/imports", {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: form,
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}
/** Sends a file with a token of its own, again while the threads that read files are taken. */
async function sendAsSomebody(content: string) {
  const { secret } = await createToken(
    world.pool,
    { role: "marketing", label: "somebody" },
    Date.parse("2026-11-20T12:00:00Z"),
  );
  for (;;) {
    const answer = await send(content, { map: peopleMap }, "marketing", secret);
    if (answer.status !== 503 || !/files and texts are being read/.test(answer.body.detail))
      return answer;
  }
}
async function finished(id: string) {
  await expect
    .poll(async () => (await world.ask("GET", `/imports/${id}`)).body.state, { timeout: 60_000 })
    .toMatch(/^(done|failed)$/);
  return (await world.ask("GET", `/imports/${id}`)).body;
}
async function allFinished() {
  const { rows } = await world.pool.query("select id from import");
  for (const { id } of rows) expect((await finished(id)).state).toBe("done");
}
/** A place is free soon after an import is done. */
async function sendUntilBegun(content: string) {
  let last = await sendAsSomebody(content);
  await expect
    .poll(async () => (last.status === 503 ? (last = await sendAsSomebody(content)) : last), {
      timeout: 60_000,
    })
    .toMatchObject({ status: 202 });
  await finished(last.body.id);
}

// The first of them waits for a thread, which on a busy machine takes seconds to begin.
describe("POST /imports", { timeout: 90_000 }, () => {
  test("begins at once, can be followed, and gives the refused rows as CSV", async () => {
    const answer = await send(`${peopleCsv(800)}P-x,Broken,x@acme.com,lots,=cmd()\n`);
    expect([answer.status, answer.body.state]).toEqual([202, "running"]);
    expect(await finished(answer.body.id)).toMatchObject({
      state: "done",
      rows: 801,
      rowsTotal: 801,
      created: 800,
      refused: 1,
      problem: null,
      fileName: "leads.csv",
    });
    const errors = await world.ask("GET", `/imports/${answer.body.id}/errors.csv`);
    expect(errors.headers.get("content-type")).toContain("text/csv");
    expect(errors.body).toBe(
      "Baton line,Baton column,Baton " +
        'expected,Id,Name,E-mail,Size,Source\n1602,Size,"account.employees: expected a number ' +
        "such as 250 or 1,250.5\",P-x,Broken,x@acme.com,lots,'=cmd()\n",
    );
  });

  test(
    "is 503 while four are begun or carried out, also for who comes in the same moment; a " +
      "repeat needs no place",
    async () => {
      const before = await sendAsSomebody(peopleCsv(6));
      await finished(before.body.id);
      closeDoors();
      const sent = [1, 2, 3, 4].map((n) => sendAsSomebody(peopleCsv(n)));
      await expect.poll(beginning.waiting, { timeout: 60_000 }).toBe(4);
      const whileBegun = await sendAsSomebody(peopleCsv(5));
      expect(whileBegun).toMatchObject({ status: 503, body: { code: "unavailable" } });
      expect(whileBegun.body.detail).toContain("4 imports are being carried out here");
      beginning.open();
      const begun = await Promise.all(sent);
      expect(begun.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
      expect((await sendAsSomebody(peopleCsv(5))).status).toBe(503);
      const again = await sendAsSomebody(peopleCsv(1));
      expect([again.status, again.body.id]).toEqual([202, begun[0]?.body.id]);
      const done = await sendAsSomebody(peopleCsv(6));
      expect([done.status, done.body.id, done.body.unchanged]).toEqual([200, before.body.id, 6]);
      // Nothing of who was refused says that it is running.
      const ids = (await world.pool.query("select id from import")).rows.map(({ id }) => id);
      expect(new Set(ids)).toEqual(new Set([before, ...begun].map(({ body }) => body.id)));
      taking.open();
      for (const { body } of begun)
        expect(await finished(body.id)).toMatchObject({ state: "done", problem: null });
      await sendUntilBegun(peopleCsv(5));
    },
  );

  test("of one file by two in the same moment is one import with one place", async () => {
    closeDoors();
    const sent = [1, 1, 2].map((n) => sendAsSomebody(peopleCsv(n)));
    await expect.poll(beginning.waiting, { timeout: 60_000 }).toBe(3);
    beginning.open();
    const [one, same] = await Promise.all(sent);
    expect([one?.status, same?.status, same?.body.id]).toEqual([202, 202, one?.body.id]);
    const others = [];
    for (const n of [3, 4, 5]) others.push((await sendAsSomebody(peopleCsv(n))).status);
    expect(others).toEqual([202, 202, 503]);
    taking.open();
    await allFinished();
  });

  test("that could not be begun leaves its place to others", async () => {
    onTestFinished(() => void (beginning.breaks = false));
    beginning.breaks = true;
    for (const n of [1, 2, 3, 4, 5])
      expect((await sendAsSomebody(peopleCsv(n))).body.detail).toBe("the database does not answer");
    beginning.breaks = false;
    closeDoors();
    beginning.open();
    for (const n of [1, 2, 3, 4]) expect((await sendAsSomebody(peopleCsv(n))).status).toBe(202);
    taking.open();
    await allFinished();
  });

  test(
    "takes in no more batches once a newer version has closed the database, and can be gone on " +
      "with",
    async () => {
      let looks = 0;
      // Asked for the request, and before each batch.
      look = () =>
        ++looks <= 2 ? fits : { state: "closed", sentence: "A newer version has migrated." };
      const { status, body } = await send(peopleCsv(1200));
      expect(status).toBe(202);
      const kept = async () =>
        (
          await world.pool.query(
            "select state, problem, rows_done, (select count(*)::int from lead) as leads from " +
              "import where id = $1",
            [body.id],
          )
        ).rows[0];
      await expect.poll(async () => (await kept()).state, { timeout: 60_000 }).toBe("failed");
      expect(await kept()).toMatchObject({
        problem: "it stopped; send the file again to go on",
        rows_done: 500,
        leads: 500,
      });
      look = () => fits;
      expect((await send(peopleCsv(1200))).body.id).toBe(body.id);
      expect(await finished(body.id)).toMatchObject({ state: "done", rows: 1200, created: 1200 });
    },
  );

  test("of the same file again is 200 and changes nothing", async () => {
    const first = await send(peopleCsv(100));
    await finished(first.body.id);
    const again = await send(peopleCsv(100));
    expect([again.status, again.body.id, again.body.created, again.body.unchanged]).toEqual([
      200,
      first.body.id,
      0,
      100,
    ]);
  });

  test("as a dry run stores nothing and names what is wrong", async () => {
    const answer = await send(
      "Id,Name,E-mail,Size,Source\n1,a,a@acme.com,lots,Web\n2,b,b@acme.com,3,Web\n",
      { map: peopleMap, dryRun: "true" },
    );
    expect([answer.status, answer.body]).toMatchObject([
      200,
      { rows: 2, refused: 1, errors: [{ line: 2, column: "Size" }] },
    ]);
    expect(
      (await world.pool.query("select id from lead union all select id from import")).rows,
    ).toEqual([]);
  });

  test("takes the map as a file too, as `curl -F map=@map.yaml` sends it", async () => {
    const answer = await send(peopleCsv(1), { map: new Blob([peopleMap]), dryRun: "true" });
    expect([answer.status, answer.body]).toMatchObject([200, { rows: 1, refused: 0 }]);
  });

  test.each<[string, string, Record<string, string | Blob>, string, string]>([
    ["without a map", peopleCsv(1), {}, "map", "column map"],
    [
      "with a map that is no text",
      peopleCsv(1),
      { map: new Blob([Buffer.of(0xff)]) },
      "map",
      "UTF-8",
    ],
    [
      "with a map that is a file too large",
      peopleCsv(1),
      { map: new Blob(["#".repeat(262_145)]) },
      "map",
      "at most 256 KiB",
    ],
    [
      "with a map that names an unknown field",
      peopleCsv(1),
      { map: "columns: { Id: externalID2 }" },
      "map",
      "line 1",
    ],
    [
      "with a map to a fact that is worked out",
      peopleCsv(1),
      { map: "columns: { Id: externalId, Name: lead.emailKind }" },
      "map",
      "nobody sets it",
    ],
    [
      "without a column of the map",
      "Id,Name\n1,a\n",
      { map: peopleMap },
      "file",
      "the map names the column",
    ],
    ["that is empty", "", { map: peopleMap }, "file", "the file is empty"],
  ])("%s is 422", async (_, content, fields, field, words) => {
    const answer = await send(content, fields);
    expect([answer.status, answer.body.field, answer.body.detail]).toEqual([
      422,
      field,
      expect.stringContaining(words),
    ]);
  });

  test("that turns out to be no text says so in its state", async () => {
    const form = new FormData();
    form.set("map", "columns: { E-mail: lead.email }");
    form.set(
      "file",
      new Blob([
        `E-mail\n${"x@acme.com\n".repeat(8000)}`,
        new Uint8Array([0xff, 0xfe, 0xff]),
        "\n",
      ]),
      "leads.csv",
    );
    const answer = await world.app.request("/imports", {
      method: "POST",
      headers: { authorization: `Bearer ${world.token("marketing")}` },
      body: form,
    });
    expect(answer.status).toBe(202);
    expect(await finished(JSON.parse(await answer.text()).id)).toMatchObject({
      state: "failed",
      problem: expect.stringContaining("expected UTF-8"),
    });
  });

  test("needs a form, and a role that may import", async () => {
    expect((await world.ask("POST", "/imports", { file: "x" })).status).toBe(415);
    expect((await send(peopleCsv(1), { map: peopleMap }, "crm")).status).toBe(403);
    expect((await world.ask("GET", "/imports/im_unknown")).status).toBe(404);
  });
});
