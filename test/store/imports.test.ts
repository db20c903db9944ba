import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkHeader, parseImportMap } from "../../agreement/import-map.ts";
import { inTransaction, openPool, type Pool } from "../../store/db.ts";
import { csvRecord, importErrors } from "../../store/imports.ts";
import { takeIn } from "../../store/intake.ts";
import { checkImport, runImport, type ImportFile } from "../../store/run-import.ts";
import { fileOf, peopleCsv, peopleMap } from "../support/import-files.ts";
import { smallAgreement } from "../support/small-agreement.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
let database: FreshDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await freshDatabase();
  pool = openPool(database.url);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(async () => {
  await pool.query("truncate lead, account, outbox, transition, engagement, import cascade");
});

function mapOf(text: string) {
  const parsed = parseImportMap(text, smallAgreement);
  if (!parsed.ok) throw new Error(parsed.problems.map((one) => one.message).join("; "));
  return parsed.map;
}
const wish = (file: ImportFile, map = peopleMap) => ({
  file,
  map: mapOf(map),
  agreement: smallAgreement,
  checkHeader,
  clock: () => now,
});
const run = (content: string | Uint8Array, map = peopleMap) =>
  runImport(pool, wish(fileOf(content), map));
const errorsOf = (id: string) => importErrors(pool, id, { line: -1, message: "" }, 1000);
const all = async (query: string) => (await pool.query(query)).rows;
const simple = "columns: { E-mail: lead.email, Name: lead.name }";

describe("a file", () => {
  test("becomes one lead for each person, behind everybody else, and says who it came from", async () => {
    const row = await run(peopleCsv(1200));
    expect(row).toMatchObject({
      state: "done",
      rowsDone: 1200,
      rowsTotal: 1200,
      created: 1200,
      merged: 0,
      unchanged: 0,
      refused: 0,
    });
    expect(
      await all(
        "select count(*)::int as n, min(lane) as first, min((payload->>'priority')::int) as best from outbox where kind = 'start'",
      ),
    ).toEqual([{ n: 1200, first: 2, best: 5 }]);
    const [lead] = await all(
      "select facts->'lead.name' as name, source, imported from lead where email = 'p7@company7.com'",
    );
    expect(lead).toEqual({
      name: {
        value: 'Jo "7", the first\nof the line',
        from: "import",
        at: "2026-11-20T12:00:00.000Z",
      },
      source: "Web",
      imported: true,
    });
  });

  test("twice changes nothing", async () => {
    const first = await run(peopleCsv(700));
    const before = await all("select id, facts::text from lead order by id");
    await pool.query("truncate outbox");
    expect(await run(peopleCsv(700))).toEqual(first);
    expect(await all("select id, facts::text from lead order by id")).toEqual(before);
    expect(await all("select * from outbox")).toEqual([]);
  });

  test("with rows seen before in another file merges them and tells nobody about what is the same", async () => {
    await run(peopleCsv(600));
    await pool.query("truncate outbox");
    const row = await run(
      peopleCsv(650)
        .replace("P-3,", "P-3,")
        .replace(",p3@company3.com,3,Web", ",p3@company3.com,3,Fair"),
    );
    expect(row).toMatchObject({ created: 50, merged: 0, unchanged: 600 });
    expect(await all("select kind, count(*)::int as n from outbox group by kind")).toEqual([
      { kind: "start", n: 50 },
    ]);
  });

  test("that broke off half way goes on where it stopped and neither loses nor doubles a row", async () => {
    const whole = peopleCsv(2300);
    const file = fileOf(whole);
    const broken: ImportFile = {
      fileHash: file.fileHash,
      async *bytes() {
        let sent = 0;
        for await (const piece of file.bytes()) {
          if ((sent += piece.length) > whole.length * 0.6) throw new Error("the disk went away");
          yield piece;
        }
      },
    };
    await expect(runImport(pool, wish(broken))).rejects.toThrow("disk");
    const [half] = await all("select rows_done, state from import");
    expect(half.rows_done).toBeGreaterThan(500);
    expect(half.rows_done).toBeLessThan(2300);
    expect(await run(whole)).toMatchObject({
      state: "done",
      rowsDone: 2300,
      created: 2300,
      refused: 0,
    });
    expect(await all("select count(*)::int as n from lead")).toEqual([{ n: 2300 }]);
    expect(await all("select count(*)::int as n from outbox where kind = 'start'")).toEqual([
      { n: 2300 },
    ]);
  });

  test("imported by two at once is carried out by one of them", async () => {
    const results = await Promise.allSettled([run(peopleCsv(3000)), run(peopleCsv(3000))]);
    const failed = results.filter((one) => one.status === "rejected");
    for (const one of failed)
      expect(String(one.reason)).toContain("another process is carrying out this import");
    expect(failed.length).toBeLessThan(2);
    expect(
      await all("select created, rows_done, (select count(*)::int from lead) as leads from import"),
    ).toEqual([{ created: 3000, rows_done: 3000, leads: 3000 }]);
  });
});

describe("encodings and delimiters", () => {
  const text = "E-mail;Name\r\njo@acme.com;Jürgen Größe\r\n";
  const utf16 = Buffer.from(`\ufeff${text}`, "utf16le");
  const utf32 = Buffer.concat([
    Buffer.from([0xff, 0xfe, 0, 0]),
    ...Array.from(text, (char) => {
      const four = Buffer.alloc(4);
      four.writeUInt32LE(char.codePointAt(0) ?? 0);
      return four;
    }),
  ]);
  test.each([
    ["UTF-8", Buffer.from(text)],
    ["UTF-8 with a mark", Buffer.from(`\ufeff${text}`)],
    ["UTF-16", utf16],
    ["UTF-16 the other way", Buffer.from(utf16).swap16()],
    ["UTF-32", utf32],
    ["tabs", Buffer.from(text.replaceAll(";", "\t"))],
    ["bars", Buffer.from(text.replaceAll(";", "|"))],
    [
      "commas and old Macintosh line ends",
      Buffer.from(text.replaceAll(";", ",").replaceAll("\r\n", "\r")),
    ],
  ])("%s is read, in pieces of any size", async (_, bytes) => {
    for (const size of [1, 3, 7, 1000]) {
      await pool.query("truncate lead, account, import cascade");
      await runImport(pool, wish(fileOf(bytes, size), simple));
      expect(await all("select email, facts->'lead.name'->>'value' as name from lead")).toEqual([
        { email: "jo@acme.com", name: "Jürgen Größe" },
      ]);
    }
  });

  test("anything else is refused with the line, and what came before it is kept", async () => {
    const latin1 = Buffer.concat([
      Buffer.from(
        `E-mail,Name\n${Array.from({ length: 600 }, (_, n) => `p${n}@acme.com,x\n`).join("")}`,
      ),
      Buffer.from("j@acme.com,J\xfcrgen\n", "latin1"),
    ]);
    await expect(run(latin1, simple)).rejects.toThrow(/near line 60\d: expected UTF-8/);
    expect(await all("select state, rows_done from import")).toEqual([
      { state: "failed", rows_done: 500 },
    ]);
  });
});

describe("bad rows", () => {
  test("cost themselves and no other row, each with its line, column and what was expected", async () => {
    const row = await run(
      [
        "Id,Name,E-mail,Size,Source",
        "1,ok,a@acme.com,5,Web",
        "2,too,few",
        '3,"broken" quote,b@acme.com,5,Web',
        ",nobody,c@acme.com,5,Web",
        '5,"two',
        'lines",d@acme.com,many,Web',
        "",
        "6,ok,e@acme.com,7,Web",
        '7,never "closed,f@acme.com,7,Web',
        '8,"never closed,g@acme.com,7,Web',
        "9,ok,h@acme.com,7,Web",
      ].join("\n"),
    );
    expect(row).toMatchObject({ state: "done", rowsDone: 9, created: 4, refused: 5 });
    expect(await errorsOf(row.id)).toEqual([
      { line: 3, column: null, message: "expected 5 columns, found 3", raw: "2,too,few" },
      {
        line: 4,
        column: null,
        message: "expected quotes around the whole cell, and quotes inside it doubled",
        raw: '3,"broken" quote,b@acme.com,5,Web',
      },
      {
        line: 5,
        column: "Id",
        message: "expected a value; the map requires this column",
        raw: ",nobody,c@acme.com,5,Web",
      },
      {
        line: 6,
        column: "Size",
        message: "account.employees: expected a number such as 250 or 1,250.5",
        raw: '5,"two\nlines",d@acme.com,many,Web',
      },
      {
        line: 11,
        column: null,
        message: "expected a closing quote; the record begins on this line",
        raw: '8,"never closed,g@acme.com,7,Web',
      },
    ]);
  });

  test("a dry run finds the same ones and stores nothing", async () => {
    const found = await checkImport(
      wish(
        fileOf(
          "Id,Name,E-mail,Size,Source\n1,a,a@acme.com,5,Web\n2,b,b@acme.com,x,Web\n,c,c@acme.com,5,Web\n",
        ),
      ),
    );
    expect(found).toMatchObject({
      rows: 3,
      refused: 2,
      errors: [
        { line: 3, column: "Size" },
        { line: 4, column: "Id" },
      ],
    });
    expect(await all("select id from lead union all select id from import")).toEqual([]);
  });

  test.each([
    ["an empty file", "", "the file is empty"],
    ["a column twice", "E-mail,Name,Name\n", 'the column "Name" stands twice'],
    [
      "a column the map names and the file lacks",
      "E-Mail,Name\n",
      'the map names the column "E-mail", which the file does not have (did you mean "E-Mail"?)',
    ],
  ])("%s is refused before a row is read", async (_, content, message) => {
    await expect(run(content, simple)).rejects.toThrow(message);
    expect(await all("select id from import")).toEqual([]);
  });
});

test("cells become facts as the map says", async () => {
  await run(
    [
      "Mail;Opt out;Created;Size;Activity;When;Tool",
      "a@acme.com;Ja;24.12.2025 18:30;1.250,5;Demo;25.12.2025;Hammer",
      "b@b.com;Nein;01.07.2026 09:00;12;Nothing;;Select",
    ].join("\n"),
    `
zone: Europe/Berlin
columns:
  Mail: lead.email
  Opt out: { to: lead.doNotContact, yes: [Ja], no: [Nein] }
  Created: { to: occurredAt, date: dd.MM.yyyy HH:mm }
  Size: { to: account.employees, decimal: "," }
  Tool: { to: lead.favouriteTool, words: { Hammer: hammer } }
constants: { lead.source: fair }
engagements:
  - { column: Activity, types: { Demo: demo_request }, at: { column: When, date: dd.MM.yyyy }, topic: routing }
`,
  );
  const value = (field: string) => `l.facts->'${field}'->>'value'`;
  expect(
    await all(
      `select email, ${value("lead.doNotContact")} as out, ${value("lead.favouriteTool")} as tool, ${value("lead.source")} as source, l.facts->'lead.email'->>'at' as at, a.facts->'account.employees'->'value' as size from lead l join account a on a.id = account_id order by email`,
    ),
  ).toEqual([
    {
      email: "a@acme.com",
      out: "true",
      tool: "hammer",
      source: "fair",
      at: "2025-12-24T17:30:00.000Z",
      size: 1250.5,
    },
    {
      email: "b@b.com",
      out: "false",
      tool: null,
      source: "fair",
      at: "2026-07-01T07:00:00.000Z",
      size: 12,
    },
  ]);
  expect(await all("select type, topic, occurred_at from engagement")).toEqual([
    { type: "demo_request", topic: "routing", occurred_at: new Date("2025-12-24T23:00:00Z") },
  ]);
});

test("a person somebody corrected since is not set back when an interrupted import goes on", async () => {
  const row = await run("Id,Name,E-mail,Size,Source\n1,Old,a@acme.com,5,Web\n");
  await inTransaction(pool, (tx) =>
    takeIn(tx, [{ externalId: "1", facts: { "lead.name": "Corrected" } }], {
      now: now + 1000,
      from: "person",
      lane: 1,
      agreement: smallAgreement,
    }),
  );
  await pool.query("update import set rows_done = 0, state = 'running' where id = $1", [row.id]);
  await runImport(pool, {
    ...wish(fileOf("Id,Name,E-mail,Size,Source\n1,Old,a@acme.com,5,Web\n")),
    clock: () => now + 5000,
  });
  expect(await all("select facts->'lead.name'->>'value' as name from lead")).toEqual([
    { name: "Corrected" },
  ]);
});

test("a cell that a spreadsheet would run is made text; numbers stay numbers", () => {
  expect(csvRecord(["=1+1", "@x", "-5", "-5.5", "-x", "+49 30", "a,b", 'say "hi"', null, 7])).toBe(
    '\'=1+1,\'@x,-5,-5.5,\'-x,\'+49 30,"a,b","say ""hi""",,7\n',
  );
});

describe("a map", () => {
  test.each([
    ["columns: { Mail: lead.mail }", 1, 'found "lead.mail" (did you mean "lead.email"?)'],
    [
      "columns:\n  Mail: lead.email\n  When: { to: occurredAt, date: dd.MMMM.yy }",
      3,
      "a date pattern",
    ],
    ["columns: { Mail: lead.email }\nzone: Europe/Berlim", 2, "a zone such as Europe/Berlin"],
    [
      "columns: { Mail: lead.email }\nconstants: { account.employees: many }",
      2,
      "expected a number",
    ],
    [
      "columns: { Mail: lead.email }\nengagements: [{ column: A }]",
      2,
      "either `type:` or `types:`",
    ],
    ["column: { Mail: lead.email }", 1, 'found "column" (did you mean "columns"?)'],
  ])("%j is refused on line %i", (text, line, message) => {
    const parsed = parseImportMap(text, smallAgreement);
    expect(parsed.ok ? [] : parsed.problems.map((one) => [one.line, one.message])).toContainEqual([
      line,
      expect.stringContaining(message),
    ]);
  });
});
