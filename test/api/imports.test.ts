import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { importRoutes } from "../../api/imports.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import type { SchemaFit } from "../../store/postgres/schema.ts";
import { peopleCsv, peopleMap } from "../support/import-files.ts";
import { smallAgreement } from "../support/small-agreement.ts";

let world: ApiWorld;
const fits: SchemaFit = { state: "fits" };
let look: () => SchemaFit;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [importRoutes], { schema: { fit: () => look() } });
});
afterAll(() => world.close());
beforeEach(async () => {
  look = () => fits;
  await world.pool.query("truncate lead, process, account, outbox, transition, import cascade");
});

async function send(
  content: string,
  fields: Record<string, string> = { map: peopleMap },
  role: "marketing" | "crm" = "marketing",
) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("file", new Blob([content]), "leads.csv");
  const answer = await world.app.request("/imports", {
    method: "POST",
    headers: { authorization: `Bearer ${world.token(role)}` },
    body: form,
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}
async function finished(id: string) {
  await expect
    .poll(async () => (await world.ask("GET", `/imports/${id}`)).body.state, { timeout: 60_000 })
    .toMatch(/^(done|failed)$/);
  return (await world.ask("GET", `/imports/${id}`)).body;
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
    });
    const errors = await world.ask("GET", `/imports/${answer.body.id}/errors.csv`);
    expect(errors.headers.get("content-type")).toContain("text/csv");
    expect(errors.body).toBe(
      'Baton line,Baton column,Baton expected,Id,Name,E-mail,Size,Source\n1602,Size,"account.employees: expected a number such as 250 or 1,250.5",P-x,Broken,x@acme.com,lots,\'=cmd()\n',
    );
  });

  test("is 503 with a time to wait while four are carried out, and goes on after them", async () => {
    const { pool } = world;
    const lock = await pool.connect();
    await lock.query("begin");
    await lock.query("lock table lead in share mode");
    const begun = [];
    for (const n of [1, 2, 3, 4]) begun.push(await send(peopleCsv(n)));
    expect(begun.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    const fifth = await send(peopleCsv(5));
    expect([fifth.status, fifth.body.code]).toEqual([503, "unavailable"]);
    await lock.query("rollback");
    lock.release();
    for (const { body } of begun) expect((await finished(body.id)).state).toBe("done");
    await expect.poll(async () => (await send(peopleCsv(5))).status).toBeLessThan(300);
    await finished((await send(peopleCsv(5))).body.id);
  });

  test("takes in no more batches once a newer version has closed the database, and can be gone on with", async () => {
    let looks = 0;
    // Asked for the request, and before each batch.
    look = () =>
      ++looks <= 2 ? fits : { state: "closed", sentence: "A newer version has migrated." };
    const { status, body } = await send(peopleCsv(1200));
    expect(status).toBe(202);
    const kept = async () =>
      (
        await world.pool.query(
          "select state, problem, rows_done, (select count(*)::int from lead) as leads from import where id = $1",
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
  });

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

  test.each([
    ["without a map", peopleCsv(1), {}, "map", "column map"],
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
