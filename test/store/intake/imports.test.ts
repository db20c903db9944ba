import { describe, expect, test } from "vitest";
import { checkHeader, parseImportMap } from "../../../agreement/import-map.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import {
  csvRecord,
  errorHeader,
  errorPages,
  errorRecords,
  importErrors,
  readImport,
  unguarded,
} from "../../../store/intake/imports.ts";
import { takeIn } from "../../../store/intake/intake.ts";
import {
  checkImport,
  ImportStopped,
  runImport,
  type ImportFile,
} from "../../../store/intake/run-import.ts";
import { fileOf, peopleCsv, peopleMap } from "../../support/import-files.ts";
import { smallAgreement } from "../../support/small-agreement.ts";
import { withDatabase } from "../../support/database.ts";
import { countsOfImport } from "../../../words/imports.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const db = withDatabase({
  empties: ["lead", "process", "account", "outbox", "transition", "engagement", "import"],
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
  runImport(db.pool, wish(fileOf(content), map));
const errorsOf = (id: string) => importErrors(db.pool, id, { line: -1, message: "" }, 1000);
const all = async (query: string) => (await db.pool.query(query)).rows;
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
        "select count(*)::int as n, min(lane) as first, min((payload->>'priority')::int) as " +
          "best from outbox where kind = 'start'",
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
    await db.pool.query("truncate outbox");
    expect(await run(peopleCsv(700))).toEqual({ ...first, created: 0, unchanged: 700 });
    expect(await all("select id, facts::text from lead order by id")).toEqual(before);
    expect(await all("select * from outbox")).toEqual([]);
  });

  test("with rows seen before in another file merges them and tells nobody about what is the same", async () => {
    await run(peopleCsv(600));
    await db.pool.query("truncate outbox");
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
    await expect(runImport(db.pool, wish(broken))).rejects.toThrow("disk");
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

  test("stops before the batch that must not be taken in, and goes on when it is sent again", async () => {
    const file = fileOf(peopleCsv(1200));
    let asked = 0;
    const whyStop = () => (++asked === 2 ? "A newer version has migrated." : null);
    await expect(runImport(db.pool, { ...wish(file), whyStop })).rejects.toThrow(
      new ImportStopped("A newer version has migrated."),
    );
    const kept = "select count(*)::int as n from lead";
    expect(await all(`select state, problem, rows_done, (${kept}) as leads from import`)).toEqual([
      {
        state: "failed",
        problem: "it stopped; send the file again to go on",
        rows_done: 500,
        leads: 500,
      },
    ]);
    expect(await runImport(db.pool, { ...wish(file), whyStop })).toMatchObject({
      state: "done",
      problem: null,
      rowsDone: 1200,
      created: 1200,
    });
    expect([asked, await all(kept)]).toEqual([4, [{ n: 1200 }]]);
  });

  test("of long rows is taken in few at a time, refused or not", async () => {
    const note = "x".repeat(30_000);
    const rows = Array.from({ length: 60 }, (_, n) => `${n % 2 ? "" : `p${n}@acme.com`},${note}`);
    const file = fileOf(`E-mail,Note\n${rows.join("\n")}\n`);
    const seen: number[] = [];
    const progress = ({ rowsDone }: { readonly rowsDone: number }) => void seen.push(rowsDone);
    const row = await runImport(db.pool, {
      ...wish(file, simple.replace(", Name: lead.name", "")),
      progress,
    });
    expect(row).toMatchObject({ created: 30, refused: 30 });
    const steps = seen.map((done, n) => done - (seen[n - 1] ?? 0));
    expect(Math.max(...steps)).toBeLessThan(20);
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
      await db.pool.query("truncate lead, process, account, import cascade");
      await runImport(db.pool, wish(fileOf(bytes, size), simple));
      expect(await all("select email, facts->'lead.name'->>'value' as name from lead")).toEqual([
        { email: "jo@acme.com", name: "Jürgen Größe" },
      ]);
    }
  });

  test.each([
    ["UTF-16", utf16.subarray(2)],
    ["UTF-32", utf32.subarray(4)],
  ])("%s without its mark is refused as such, not for its columns", async (_, bytes) => {
    await expect(runImport(db.pool, wish(fileOf(bytes, 3), simple))).rejects.toThrow(
      /near line 1: expected UTF-8, or UTF-16 or UTF-32 with a byte order mark/,
    );
  });

  test("a workbook is refused as one", async () => {
    for (const begin of [Buffer.from("PK\u0003\u0004"), Buffer.from([0xd0, 0xcf, 0x11, 0xe0])])
      await expect(run(Buffer.concat([begin, Buffer.alloc(99, 7)]), simple)).rejects.toThrow(
        /found a workbook; save the sheet as CSV UTF-8/,
      );
  });

  test("a NUL costs its row, wherever it stands", async () => {
    const row = await run(`${text}a@acme.com;A\0B\r\nb@acme.com;B\r\n`, simple);
    expect(row).toMatchObject({ state: "done", created: 2, refused: 1 });
    expect(await errorsOf(row.id)).toMatchObject([{ line: 3, column: "Name" }]);
  });

  test.each([
    ["an empty line", "\r\n"],
    ["a title", "Trade fair 2026\r\n\r\n"],
    ["a title of a sheet", "Trade fair 2026;\r\n;\r\n"],
    ["what columns have in common", "Person;\r\n"],
    ["sep= and a title", "sep=;\r\nTrade fair, 2026\r\n"],
  ])("%s before the header is passed over", async (_, before) => {
    for (const size of [3, 1000]) {
      await db.pool.query("truncate lead, process, account, import cascade");
      const file = fileOf(Buffer.from(`${before}${text}x;Y\r\n`), size);
      const row = await runImport(db.pool, wish(file, simple));
      expect(row).toMatchObject({ created: 1, refused: 1 });
      const line = before.split("\n").length + 2;
      expect(await errorsOf(row.id)).toMatchObject([{ line, column: "E-mail" }]);
    }
  });

  test("where no line has every column of the map, the nearest one is refused with its line", async () => {
    const map = "columns: { E-mail: lead.email, Name: lead.name, Title: lead.title }";
    await expect(run("Trade fair\nE-mail;Nmae;Title;Title\na@acme.com;A;\n", map)).rejects.toThrow(
      'line 2: the column "Title" stands twice; give each column its own name\n' +
        'the map names the column "Name", which the file does not have',
    );
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
        "2,too few",
        "2b,far,z@acme.com,5,Web,too,many,,",
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
    expect(row).toMatchObject({ state: "done", rowsDone: 10, created: 5, refused: 5 });
    expect(await errorsOf(row.id)).toEqual([
      {
        line: 4,
        column: null,
        message: "expected 5 columns, found 9",
        raw: "2b,far,z@acme.com,5,Web,too,many,,",
      },
      {
        line: 5,
        column: null,
        message: "expected quotes around the whole cell, and quotes inside it doubled",
        raw: '3,"broken" quote,b@acme.com,5,Web',
      },
      {
        line: 6,
        column: "Id",
        message: "expected a value; the map requires this column",
        raw: ",nobody,c@acme.com,5,Web",
      },
      {
        line: 7,
        column: "Size",
        message: "account.employees: expected a number such as 250 or 1,250.5",
        raw: '5,"two\nlines",d@acme.com,many,Web',
      },
      {
        line: 12,
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
    ["a mapped column twice", "E-mail,Name,Name\n", 'the column "Name" stands twice'],
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
      "a@acme.com;Ja;24.12.2025 18:30;1.250;Demo;25.12.2025;Hammer",
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
      `
        select email, ${value("lead.doNotContact")} as out, ${value("lead.favouriteTool")} as tool,
          ${value("lead.source")} as source, l.facts->'lead.email'->>'at' as at,
          a.facts->'account.employees'->'value' as size from lead l join account a
          on a.id = account_id order by email`,
    ),
  ).toEqual([
    {
      email: "a@acme.com",
      out: "true",
      tool: "hammer",
      source: "fair",
      at: "2025-12-24T17:30:00.000Z",
      size: 1250,
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

test("what nobody sees is no part of a cell, an id or a column's name", async () => {
  const row = await run(
    "Id\u200b,E‑mail,Name,Opt out,Touch\n" +
      "C-1,a@acme.com,\u200f-\u2060,Ja\u200b,2026-11-01 09:00\u200b\n" +
      "\u2066C-1\u2069,a@acme.com,Jo,Ja,2026-11-01 09:00\n",
    "columns: { Id: externalId, E-mail: lead.email, Name: lead.name, " +
      "Opt out: { to: lead.doNotContact, yes: [Ja] }, Touch: lead.firstTouchAt }",
  );
  expect(row).toMatchObject({ created: 1, merged: 1, refused: 0 });
  const value = (field: string) => `facts->'${field}'->'value'`;
  expect(
    await all(
      `select ${value("lead.name")} as name, ${value("lead.doNotContact")} as out from lead`,
    ),
  ).toEqual([{ name: "Jo", out: true }]);
});

test("the header again, as in files put together from several, is nobody", async () => {
  const row = await run(
    "Id,Name\nC-1,Jo\nId,Name\nC-2,Al\n",
    "columns: { Id: externalId, Name: lead.name }",
  );
  expect(row).toMatchObject({ created: 2, refused: 1 });
  expect(await errorsOf(row.id)).toMatchObject([
    { line: 3, message: "expected a row, found the names of the columns again" },
  ]);
});

test("a time of any date fact is of the map's zone, and one that cannot be read asks for `date:`", async () => {
  const parsed = parseImportMap(
    "zone: Europe/Berlin\ncolumns: { Mail: lead.email, Renewal: lead.renewal }",
    { ...smallAgreement, fields: { "lead.renewal": "date" } },
  );
  if (!parsed.ok) throw new Error("no map");
  const row = await runImport(db.pool, {
    ...wish(
      fileOf(
        "Mail,Renewal\na@acme.com,2027-01-31 09:00\nb@acme.com,31.01.2027\nc@acme.com,2027-01-31\n",
      ),
    ),
    map: parsed.map,
    agreement: { ...smallAgreement, fields: { "lead.renewal": "date" } },
  });
  expect(
    await all("select facts->'lead.renewal'->>'value' as at from lead order by email"),
  ).toEqual([{ at: "2027-01-31T08:00:00.000Z" }, { at: "2027-01-31" }]);
  expect(await errorsOf(row.id)).toMatchObject([
    { line: 3, column: "Renewal", message: expect.stringContaining("say `date:`") },
  ]);
});

test("a row whose year does not exist, or in which nothing can have happened, is refused by its line", async () => {
  const row = await run(
    "Mail,When,Seen,Touch\na@acme.com,0001-01-01,,\nb@acme.com,,0000-05-01,\nc@acme.com,,,0000-05-01\nd@acme.com,0001-05-01,,\ne@acme.com,1900-01-01,,\nf@acme.com,,1970-01-01 00:00,\ng@acme.com,1971-01-02,1971-01-02,1900-05-01\n",
    `
zone: Europe/Berlin
columns: { Mail: lead.email, When: occurredAt, Touch: lead.firstTouchAt }
engagements: [{ column: Mail, type: demo_request, at: { column: Seen } }]
`,
  );
  expect(row).toMatchObject({ created: 1, refused: 6 });
  expect(await all('select line, "column" from import_error order by line')).toEqual([
    { line: 2, column: "When" },
    { line: 3, column: "Seen" },
    { line: 4, column: "Touch" },
    { line: 5, column: "When" },
    { line: 6, column: "When" },
    { line: 7, column: "Seen" },
  ]);
});

describe("files as programs write them", () => {
  const leads = async () =>
    await all("select email, facts->'lead.name'->>'value' as name from lead order by email");

  test("`sep=;`, repeated columns that nobody reads, short rows, surplus empty cells, empty lines", async () => {
    const row = await run(
      "sep=;\r\nE-mail;Note;Note;Name\r\na@acme.com;x;y;Ann;;\r\nb@acme.com\r\n;;;\r\n",
      simple,
    );
    expect(row).toMatchObject({ rowsDone: 2, created: 2, refused: 0 });
    expect(await leads()).toEqual([
      { email: "a@acme.com", name: "Ann" },
      { email: "b@acme.com", name: null },
    ]);
  });

  test.each([1, 2, 5, 6, 7, 1000])("`sep=` is read in pieces of %i bytes", async (size) => {
    await runImport(
      db.pool,
      wish(fileOf("sep=;\r\nE-mail;Name\r\na@acme.com;A, B\r\n", size), simple),
    );
    expect(await leads()).toEqual([{ email: "a@acme.com", name: "A, B" }]);
  });

  test("narrow spaces in headers and numbers", async () => {
    const row = await run(
      "E-mail,No\u202fof\u00a0people\na@acme.com,1\u202f250\nb@b.com,10\u00a0001 – 50\u00a0000\n",
      "columns: { E-mail: lead.email, No of people: account.employees }",
    );
    expect(row).toMatchObject({ created: 2, refused: 0 });
    expect(
      await all("select (facts->'account.employees'->>'value')::int as n from account order by 1"),
    ).toEqual([{ n: 1250 }, { n: 10001 }]);
  });

  test("one column fills two fields, two columns make one", async () => {
    await run(
      "E-mail,First Name,Last Name,Country\na@acme.com,Ada,Lovelace,Deutschland\nb@b.com,,Byron,-\n",
      `
columns:
  E-mail: lead.email
  Country: [lead.country, { to: account.country }]
joined: [{ columns: [First Name, Last Name], to: lead.name }]
`,
    );
    expect(
      await all(
        "select l.facts->'lead.name'->>'value' as name, l.facts->'lead.country'->>'value' as " +
          "lead, a.facts->'account.country'->>'value' as account from lead l join account a on " +
          "a.id = l.account_id order by email",
      ),
    ).toEqual([
      { name: "Ada Lovelace", lead: "DE", account: "DE" },
      { name: "Byron", lead: null, account: null },
    ]);
  });

  test("names of months and offsets", async () => {
    await run(
      [
        "E-mail;When",
        "a@acme.com;24. Dez. 2025 18:30 +0200",
        "b@acme.com;1. März 2026 09:00 Z",
        "c@acme.com;3. sept. 2026 10:00 -05:00",
      ].join("\n"),
      'columns: { E-mail: lead.email, When: { to: occurredAt, date: "d. MMM yyyy HH:mm XXX" } }',
    );
    expect(await all("select facts->'lead.email'->>'at' as at from lead order by email")).toEqual([
      { at: "2025-12-24T16:30:00.000Z" },
      { at: "2026-03-01T09:00:00.000Z" },
      { at: "2026-09-03T15:00:00.000Z" },
    ]);
  });

  test("a time of another form is refused with what the map can say of it", async () => {
    const map =
      "columns: { E-mail: lead.email, When: occurredAt }\n" +
      "engagements: [{ column: Did, type: demo_request, at: { column: On } }]";
    const row = await run("E-mail;When;Did;On\na@acme.com;23.11.2025;yes;24.11.2025\n", map);
    // Both columns are named, though the same is wrong with them.
    expect(await errorsOf(row.id)).toMatchObject([
      {
        column: "When; On",
        message: expect.stringMatching(/such as 2026-11-23 .* say `date:` for this column/),
      },
    ]);
  });

  test("every required column that lacks is named", async () => {
    const map = "columns: { E-mail: lead.email, A: lead.role, B: lead.title }\nrequired: [A, B]";
    const row = await run("E-mail;A;B\na@acme.com;;\n", map);
    expect(await errorsOf(row.id)).toMatchObject([{ line: 2, column: "A; B" }]);
  });

  test.each([
    ["1.250", "expected a number that can be read in one way; say `decimal:`"],
    ["1.001-5.000", "expected a number that can be read in one way; say `decimal:`"],
    ["1.250,00", "expected a number that can be read in one way; say `decimal:`"],
    ["12,5", "expected a number that can be read in one way; say `decimal:`"],
    ["-5", "account.employees: expected a whole number"],
    ["2.5", "account.employees: expected a whole number"],
  ])("%s people are refused", async (size, message) => {
    const map = "columns: { E-mail: lead.email, Size: account.employees }";
    const row = await run(`E-mail;Size\na@acme.com;${size}\n`, map);
    expect(await errorsOf(row.id)).toMatchObject([
      { column: "Size", message: expect.stringContaining(message) },
    ]);
  });

  test.each([
    ["1.250", ",", 1250],
    ["1.250,0", ",", 1250],
    ["1,250", ".", 1250],
    ["1.001-5.000", ",", 1001],
  ])("%s with the decimal sign %s is %i", async (size, decimal, value) => {
    const map = `columns: { E-mail: lead.email, Size: { to: account.employees, decimal: "${decimal}" } }`;
    await run(`E-mail;Size\na@acme.com;${size}\n`, map);
    expect(await all("select facts->'account.employees'->'value' as n from account")).toEqual([
      { n: value },
    ]);
  });

  test.each(["1.2.3", "12.34", "1,2,3"])("%s is no number with a decimal comma", async (size) => {
    const map = `columns: { E-mail: lead.email, Size: { to: account.employees, decimal: "," } }`;
    const row = await run(`E-mail;Size\na@acme.com;${size}\n`, map);
    expect(row).toMatchObject({ created: 0, refused: 1 });
  });

  test("of rows of one company and time the larger number counts, in whatever order they stand", async () => {
    for (const sizes of [
      [9, 10],
      [10, 9],
    ]) {
      await db.pool.query("truncate lead, process, account, import cascade");
      const rows = sizes.map((size, n) => `p${n}@acme.com,${size}`).join("\n");
      await run(
        `E-mail,Size\n${rows}\n`,
        "columns: { E-mail: lead.email, Size: account.employees }",
      );
      expect(await all("select facts->'account.employees'->'value' as n from account")).toEqual([
        { n: 10 },
      ]);
    }
  });

  test("words that no list knows are kept, and counted by field", async () => {
    const map = "columns: { E-mail: lead.email, Country: lead.country }";
    const file = fileOf(
      "E-mail,Country\na@acme.com,Atlantis\nb@acme.com,USA\nc@acme.com,Lemuria\n",
    );
    expect((await checkImport(wish(file, map))).notUnderstood).toEqual({ "lead.country": 2 });
    expect((await runImport(db.pool, wish(file, map))).notUnderstood).toEqual({
      "lead.country": 2,
    });
  });

  test("the address of a row must be one, unless another name says who it is", async () => {
    const row = await run('E-mail,Name\n"a@acme.com, b@acme.com",Ann\nnobody,Bo\n', simple);
    expect(await errorsOf(row.id)).toMatchObject([
      { line: 2, column: "E-mail", message: expect.stringContaining("expected exactly one @") },
      { line: 3, column: "E-mail", message: expect.stringContaining("expected exactly one @") },
    ]);
    expect(await run("Id,Name,E-mail,Size,Source\n1,Ann,nobody,5,Web\n")).toMatchObject({
      created: 1,
    });
  });
});

describe("refused rows", () => {
  const bad = [
    "Id;Name;E-mail;Size;Opt out",
    '1;"=1+1; ""x""";a@acme.com;many;perhaps',
    "2;Bo;b@acme.com;7;no",
    "3;Cy;c@acme.com;-1;no",
    '4;"broken" quote;d@acme.com;7;no',
  ].join("\n");
  const map = `
delimiter: ";"
columns: { Id: externalId, Name: lead.name, E-mail: lead.email, Size: account.employees, Opt out: { to: lead.doNotContact, yes: ["yes"], no: ["no"] } }
`;
  async function errorFile(id: string): Promise<string> {
    const row = await readImport(db.pool, id);
    if (!row) throw new Error("no import");
    let text = errorHeader(row);
    for await (const page of errorPages(db.pool, id)) text += errorRecords(page, row);
    return text;
  }

  test(
    "stand under the file's header, each once with all that is wrong, and are imported when " +
      "corrected",
    async () => {
      const row = await run(bad, map);
      expect(row).toMatchObject({ created: 1, refused: 3 });
      const file = await errorFile(row.id);
      const [header, first, , third] = file.split("\n");
      expect(header).toBe("Baton line;Baton column;Baton expected;Id;Name;E-mail;Size;Opt out");
      expect(first).toMatch(
        /^2;"Size; Opt out";"account\.employees: expected .*; expected one of yes, no";/,
      );
      expect(first).toContain(`;1;"'=1+1; ""x""";a@acme.com;many;perhaps`);
      expect(third).toContain(';4;"""broken"" quote";d@acme.com;7;no');

      const corrected = file
        .replace(";many;perhaps", ";5;yes")
        .replace(";-1;no", ";1;no")
        .replace('"""broken"" quote"', "whole");
      expect(await run(corrected, map)).toMatchObject({ created: 3, refused: 0 });
      expect(
        await all("select facts->'lead.name'->>'value' as name from lead order by email"),
      ).toEqual([{ name: '=1+1; "x"' }, { name: "Bo" }, { name: "Cy" }, { name: "whole" }]);
    },
  );

  test("of a file of refused rows keep the first file's header", async () => {
    const first = await errorFile((await run(bad, map)).id);
    const again = await run(first, map);
    expect(again).toMatchObject({ created: 1, refused: 2, unchanged: 0 });
    const second = await errorFile(again.id);
    expect(second.split("\n")[0]).toBe(first.split("\n")[0]);
    expect(second).toContain(`;1;"'=1+1; ""x""";a@acme.com;many;perhaps`);
  });

  test("are written without tearing a row's faults apart, however many there are", async () => {
    const rows = Array.from({ length: 1201 }, (_, n) => `${n};x;p${n}@acme.com;many;perhaps`);
    const row = await run(`Id;Name;E-mail;Size;Opt out\n${rows.join("\n")}\n`, map);
    expect((await errorFile(row.id)).trimEnd().split("\n")).toHaveLength(1202);
  });
});

test("a person somebody corrected since is not set back when an interrupted import goes on", async () => {
  const row = await run("Id,Name,E-mail,Size,Source\n1,Old,a@acme.com,5,Web\n");
  await inTransaction(db.pool, (tx) =>
    takeIn(tx, [{ externalId: "1", facts: { "lead.name": "Corrected" } }], {
      now: now + 1000,
      from: "person",
      lane: 1,
      agreement: smallAgreement,
    }),
  );
  await db.pool.query("update import set rows_done = 0, state = 'running' where id = $1", [row.id]);
  await runImport(db.pool, {
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

test(
  "a formula behind characters that nobody sees is put behind an apostrophe, and comes back as " +
    "it was",
  () => {
    const hidden = [
      "\u200b=1",
      "\ufeff=1",
      "\u00a0+1",
      "\u2060@x",
      "\u3164-x",
      "\u2800=x",
      "﹦1",
      "\u202e=1",
      "'=1",
      "''@x",
      "=1",
    ];
    for (const cell of hidden) {
      const written = csvRecord([cell]).trimEnd();
      expect(written).toBe(`'${cell}`);
      expect(unguarded(written)).toBe(cell);
    }
    for (const cell of ["a=b", "'tis", "-5", "jo@acme.com"]) {
      expect(csvRecord([cell]).trimEnd()).toBe(cell);
      expect(unguarded(cell)).toBe(cell);
    }
  },
);

test("a second run says that everybody is known", () => {
  const counts = { created: 0, merged: 0, unchanged: 8000, refused: 0 };
  expect(countsOfImport(counts, 8000)).toBe(
    "8,000 rows: 0 new, 8,000 known (0 changed), 0 refused",
  );
});

describe("a map", () => {
  test.each([
    ["columns: { Mail: lead.mail }", 1, 'found "lead.mail" (did you mean "lead.email"?)'],
    [
      "columns:\n  Mail: lead.email\n  When: { to: occurredAt, date: dd.MMMMM.yyy }",
      3,
      "a date pattern",
    ],
    ["columns: { Mail: lead.email }\nzone: Europe/Berlim", 2, "the zone of a place such as"],
    ["columns: { Mail: lead.email }\nzone: EST", 2, "the zone of a place such as"],
    [
      "columns: { Id: externalId }\nconstants: { lead.email: jo@acme.com }",
      2,
      "a constant would be one person",
    ],
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
    [
      "columns:\n  First: lead.name\n  Last: lead.name",
      3,
      "expected one column for lead.name; say under `joined:`",
    ],
    [
      'columns:\n  E-mail: lead.email\n  "E‑mail\u00a0": lead.name',
      3,
      'expected "E-mail" once; kinds of spaces and hyphens do not count',
    ],
    ["columns: { A: lead.name }\njoined: [{ columns: [B], to: lead.title }]", 2, "2"],
    ["column: { Mail: lead.email }", 1, 'found "column" (did you mean "columns"?)'],
  ])("%j is refused on line %i", (text, line, message) => {
    const parsed = parseImportMap(text, smallAgreement);
    expect(parsed.ok ? [] : parsed.problems.map((one) => [one.line, one.message])).toContainEqual([
      line,
      expect.stringContaining(message),
    ]);
  });
});
