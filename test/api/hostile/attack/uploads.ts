import { headersOf, mark, some, type Attack, type Group, type Target } from "./attacks.ts";

const edge = "----batonAttackBoundary7MA4YWxkTrZu0gW";
type Piece = string | Uint8Array;

const person =
  "columns: { E-mail: lead.email, Name: lead.name, Phone: lead.phone, Id: externalId }";
const mail = "columns: { E-mail: lead.email }";

function part(name: string, content: string, file?: string): string {
  const named = file === undefined ? "" : `; filename="${file}"`;
  return `--${edge}\r\nContent-Disposition: form-data; name="${name}"${named}\r\n\r\n${content}\r\n`;
}

/** A form for POST /imports. A file that is a function is sent piece by piece. */
function sendForm(
  target: Target,
  what: string,
  file: string | (() => Iterable<Piece>),
  map: string,
  { dryRun = false, type = `multipart/form-data; boundary=${edge}`, end = `--${edge}--\r\n` } = {},
): Attack {
  const head = part("map", map) + (dryRun ? part("dryRun", "true") : "");
  const headers = headersOf(target, "operator", { "content-type": type });
  if (typeof file === "string") {
    const body = `${head}${part("file", file, "leads.csv")}${end}`;
    return { what, send: () => target.api.send("POST", "/imports", { headers, body }) };
  }
  const body = function* (): Iterable<Piece> {
    yield `${head}--${edge}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n`;
    yield* file();
    yield `\r\n${end}`;
  };
  return {
    what,
    isEndless: true,
    send: () => target.api.send("POST", "/imports", { headers, body }),
  };
}

function* endless(piece: string): Iterable<Piece> {
  const bytes = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  for (;;) yield bytes;
}

/** Files and forms. Each names a person, whom no answer may repeat. */
export function uploads(target: Target): Group {
  const send = (what: string, file: string | (() => Iterable<Piece>), map = mail, more = {}) =>
    sendForm(target, what, file, map, more);
  const rows = (row: string, count: number) => `E-mail\n${row.repeat(count)}`;
  const boundary = (what: string, type: string) =>
    send(what, `E-mail\n${mark.email}\n`, mail, { type });
  return {
    name: "uploads",
    attacks: [
      send("100,000 columns", `E-mail${",x".repeat(99_999)}\n${mark.email}\n`),
      send("100,000 columns, all quoted", `E-mail${',"x"'.repeat(99_999)}\n${mark.email}\n`),
      send("400,000 short rows", rows("a\n", 400_000)),
      send("400,000 short rows with carriage returns", rows("a\r\n", 400_000)),
      send("one line of eight million characters", `E-mail${"x".repeat(8_000_000)}`),
      send("a header of separators", ",".repeat(200_000)),
      send("a header of semicolons and commas", ";,".repeat(100_000)),
      send("nothing but separators of lines", "\r".repeat(500_000)),
      send("a header that stands twice", `E-mail,E-mail\n${mark.email},${mark.email}\n`),
      send("no column of the map", `Name\n${mark.name}\n`),
      send("an archive", "PK\u0003\u0004\u0014\u0000\u0006\u0000"),
      send("a spreadsheet", "\u00d0\u00cf\u0011\u00e0\u00a1\u00b1\u001a\u00e1"),
      send("a picture", "\u0089PNG\r\n\u001a\n"),
      send("a page", `<!doctype html><p>${mark.name}</p>`),
      send("JSON", `{"E-mail":"${mark.email}"}`),
      send("nothing", ""),
      send("blank lines", "\n\n \n\t\n"),
      send("NUL all over", "\u0000".repeat(100_000)),
      send("a mark of byte order and nothing", "\ufeff"),
      // Endless ones are cut off at the bound.
      send("rows without end", () => endless("x@example.com\n")),
      send("one line without end", () => endless("x")),
      send("quotes without end that never stop", () => endless('""')),
      send("boundaries without end", () => endless(`\r\n--${edge.slice(0, -1)}`)),
      boundary("no boundary", "multipart/form-data"),
      boundary("an empty boundary", "multipart/form-data; boundary="),
      boundary("another boundary", "multipart/form-data; boundary=another"),
      boundary(
        "a boundary of 10,000 characters",
        `multipart/form-data; boundary=${"x".repeat(10_000)}`,
      ),
      boundary("a boundary of one character", "multipart/form-data; boundary=-"),
      boundary("multipart/mixed", `multipart/mixed; boundary=${edge}`),
      boundary("a list of types", `multipart/form-data, application/json`),
      send("cut off before its end", `E-mail\n${mark.email}`, mail, { end: "" }),
      send("with a map of empty lists", "E-mail\n", "[]".repeat(100_000)),
      send("with a map of aliases", "E-mail\n", aliases()),
      send("with a map that is deep", "E-mail\n", `columns: ${"[".repeat(5_000)}`),
      send("with a map of flow maps", "E-mail\n", `columns: ${"{a: ".repeat(3_000)}`),
      send("with a map of tags", "E-mail\n", `columns: !!js/function '${mark.name}'`),
      send("with a map for a field that is none", "E-mail\n", `columns: { E-mail: lead.nothing }`),
      send("with a map of a million anchors", "E-mail\n", "&a ".repeat(80_000)),
      send("with a map of colons", "E-mail\n", ":".repeat(200_000)),
      send("with a map of dashes", "E-mail\n", "- ".repeat(100_000)),
      send("with a map of question marks", "E-mail\n", "? ".repeat(100_000)),
      send("with a map of quotes", "E-mail\n", "'".repeat(200_000)),
      send("with a map of comments", "E-mail\n", "# x\n".repeat(60_000)),
      send("with a map of percent signs", "E-mail\n", "%x\n".repeat(60_000)),
      send("with a map of spaces", "E-mail\n", `a: ${" ".repeat(200_000)}b: c`),
      send("with a map of block texts", "E-mail\n", "a: |\n x\n".repeat(20_000)),
      send(
        "with a constant that is none",
        "E-mail\n",
        `${mail}\nconstants: { lead.phone: [[${mark.phone}]] }`,
      ),
    ],
  };
}

const textFields = [
  "lead.name",
  "lead.title",
  "lead.role",
  "lead.source",
  "lead.phone",
  "lead.country",
  "lead.language",
  "lead.timeline",
  "lead.favouriteTool",
  "account.name",
  "account.industry",
  "account.domain",
];

/** Files that are read to their end, row by row, none of which is a lead: as trials or imports. */
export function tiringFiles(target: Target, { dryRun }: { readonly dryRun: boolean }): Group {
  const trial = (what: string, file: string, map = person) =>
    sendForm(target, what, file, map, { dryRun });
  const each = (count: number, row: (n: number) => string) =>
    `Id,E-mail,Name,Phone\n${Array.from({ length: count }, (_, n) => row(n)).join("\n")}\n`;
  const cell = (text: string, count = 30) =>
    each(count, (n) => `,"${text}${n}","${mark.name}","${mark.phone}"`);
  const many = target.isLong ? 5 : 1;
  const all = [
    trial("200,000 empty rows", `E-mail\n${"\n".repeat(200_000)}`, mail),
    trial("a quote without end", `E-mail\n"${"x".repeat(900_000)}`, mail),
    trial("a quote that never ends, of quotes", `E-mail\n"${'""'.repeat(400_000)}`, mail),
    trial("rows of 30,000 quotes", cell('""'.repeat(15_000), 30 * many)),
    trial("rows of 30,000 apostrophes", cell("'".repeat(30_000), 30 * many)),
    trial("rows of spaces", cell(`a${" ".repeat(30_000)}b`, 30 * many)),
    trial("rows of no-break spaces", cell(`a${"\u00a0".repeat(30_000)}b`, 30 * many)),
    trial("rows of narrow spaces", cell(`a${"\u202f".repeat(30_000)}b`, 30 * many)),
    trial("rows of dots", cell(`a${".".repeat(30_000)}@b`, 30 * many)),
    trial("rows of a.a.a.", cell(`${"a.".repeat(15_000)}@`, 30 * many)),
    trial("rows of ats", cell("@".repeat(30_000), 30 * many)),
    trial("rows of hyphens", cell(`x@${"a-".repeat(15_000)}`, 30 * many)),
    trial("rows of labels", cell(`x@${"a.".repeat(15_000)}`, 30 * many)),
    trial("rows of xn--", cell(`x@${"xn--a.".repeat(5_000)}com`, 30 * many)),
    trial("rows of rare letters", cell("\u1e9e\ufb03\u0130\u0149".repeat(7_000), 30 * many)),
    trial("rows of letters that fold", cell("\u{1d400}\u{1d7d8}".repeat(7_000), 30 * many)),
    trial("rows of marks that combine", cell(`e${"\u0301".repeat(30_000)}`, 30 * many)),
    trial("rows of marks in turn", cell(`e${"\u0301\u0323".repeat(15_000)}`, 30 * many)),
    trial("rows of Hangul", cell("\u1100\u1161\u11a8".repeat(10_000), 30 * many)),
    trial("rows of halves of characters", cell("\ud800".repeat(10_000), 30 * many)),
    trial("rows of NUL", cell("\u0000".repeat(10_000), 30 * many)),
    trial("rows of right to left", cell("\u202e\u2066\u200f".repeat(10_000), 30 * many)),
    trial("rows of zero width", cell("\u200b\u200d\ufeff".repeat(10_000), 30 * many)),
    trial("rows of =", cell(`${"=".repeat(30_000)}cmd`, 30 * many)),
    trial("rows of emoji", cell("\u{1f469}\u200d\u{1f467}".repeat(6_000), 30 * many)),
    trial(
      "a row of nothing but marks",
      `${textFields.join(",")}\n${textFields.map(() => `e${"\u0301".repeat(30_000)}`).join(",")}\n`.repeat(
        many,
      ),
      `columns: { ${textFields.map((field) => `${field}: ${field}`).join(", ")} }`,
    ),
    trial(
      "thousands of rows of nothing known",
      each(4_000 * many, () => `,,"${mark.name}","${mark.phone}"`),
    ),
    trial(
      "numbers without end",
      `Id,Size\n${`,${"9".repeat(30_000)}\n`.repeat(20)}`,
      "columns: { Id: externalId, Size: account.employees }",
    ),
    trial(
      "numbers of points and commas",
      `Id,Size\n${`,"${"1.1,".repeat(7_000)}"\n`.repeat(20)}`,
      "columns: { Id: externalId, Size: { to: account.employees, decimal: comma } }",
    ),
    trial(
      "times of digits",
      `Id,At\n${`,${"1-".repeat(10_000)}\n`.repeat(20)}`,
      "columns: { Id: externalId, At: { to: lead.firstTouchAt, date: d MMMM yyyy } }",
    ),
  ];
  // In a short run each is tried or imported.
  return { name: "files that tire", attacks: some(target, all, 2, dryRun ? 0 : 1) };
}

/** Texts of YAML and large JSON for the agreement, drafts and the roster. */
export function documents(target: Target): Group {
  const { world, api } = target;
  const yaml = (what: string, body: string): Attack => ({
    what: `a roster: ${what}`,
    send: () =>
      api.send("PUT", "/roster", {
        headers: headersOf(target, "operator", { "content-type": "application/yaml" }),
        body,
      }),
  });
  const json = (what: string, method: string, path: string, body: unknown): Attack => ({
    what,
    send: () =>
      api.send(method, world.at(path), {
        headers: headersOf(target, "operator", { "content-type": "application/json" }),
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
  });
  const texts: readonly (readonly [string, string])[] = [
    ["[] x 131,000", "[]".repeat(131_000)],
    ["{} x 131,000", "{}".repeat(131_000)],
    ["billion laughs", aliases()],
    ["an alias of itself", "a: &a [*a, *a]"],
    ["aliases of a list, many times", `a: &a [1,2,3]\nb: [${"*a,".repeat(60_000)}]`],
    ["deep lists", "[".repeat(100_000)],
    ["deep blocks", Array.from({ length: 300 }, (_, n) => `${" ".repeat(n)}a:`).join("\n")],
    ["keys of keys", "? ".repeat(50_000)],
    ["dashes", "- ".repeat(100_000)],
    ["one name, very often", "a: 1\n".repeat(50_000)],
    ["names that differ", Array.from({ length: 19_000 }, (_, n) => `k${n}: 1`).join("\n")],
    ["a name of 200,000 characters", `${"x".repeat(200_000)}: 1`],
    ["quotes", '"'.repeat(200_001)],
    ["double quotes with escapes", `a: "${"\\u0041".repeat(30_000)}\\x"`],
    ["spaces before a colon", `a${" ".repeat(150_000)}: b`],
    ["tabs", "\t".repeat(150_000)],
    ["comments that never end", "#".repeat(200_000)],
    ["documents", "---\na: 1\n".repeat(20_000)],
    ["merges", `a: &a {x: 1}\n${"b: {<<: *a}\n".repeat(10_000)}`],
    ["a billion in a number", `agreement: ${"9".repeat(100_000)}`],
    ["a time without end", `agreement: 2026-${"1".repeat(100_000)}`],
    ["base 60", `agreement: ${"1:".repeat(60_000)}1`],
    ["a tag", `agreement: !<tag:yaml.org,2002:js/function> '${mark.name}'`],
    ["a person's name where a number belongs", `agreement: { ${mark.word}: ${mark.email} }`],
    ["a folded text", `a: >\n${" x\n".repeat(60_000)}`],
    ["windows' line ends", "a: 1\r\n".repeat(40_000)],
    ["NUL", `a: ${"\u0000".repeat(100)}`],
    ["rare letters", `a: ${"\u1e9e\ufb03".repeat(40_000)}\na: b`],
  ];
  const big = (field: string, one: string, count: number) =>
    `{"${field}":[${Array.from({ length: count }, () => one).join(",")}]}`;
  return {
    name: "agreements, drafts and rosters",
    attacks: [
      ...texts.flatMap(([what, text], n) => {
        const agreement = json(`an agreement: ${what}`, "POST", "/agreement/versions", {
          content: text,
        });
        const draft = json(`a draft: ${what}`, "POST", "/simulate", { draft: text });
        const roster = yaml(what, text);
        // Each text everywhere in the long form, else in one place, in turn.
        return target.isLong
          ? [agreement, draft, roster]
          : [([agreement, draft, roster] as const)[n % 3] ?? agreement];
      }),
      json("reps who are nothing", "PUT", "/roster/reps", big("reps", "{}", 2_001)),
      json("900,000 empty lists as reps", "PUT", "/roster/reps", big("reps", "[]", 900_000)),
      json("pools that are null", "PUT", "/roster/pools", big("pools", "null", 501)),
      json("reps of one id", "PUT", "/roster/reps", {
        reps: Array.from({ length: 2_000 }, () => ({
          id: "rp_mark",
          name: mark.name,
          email: mark.email,
          role: "rep",
        })),
      }),
      json("an absence of a stranger", "PUT", "/roster/absences", {
        absences: {
          rp_nobody: [
            { from: "2027-01-01T00:00:00Z", to: "2027-01-02T00:00:00Z", reason: mark.name },
          ],
        },
      }),
      json("a name that is a megabyte", "PUT", "/roster/reps", {
        reps: [{ id: "rp_x", name: mark.name.repeat(50_000), email: mark.email, role: "rep" }],
      }),
    ],
  };
}

/** A text of a few hundred bytes that stands for millions of values. */
function aliases(): string {
  const lines = Array.from({ length: 30 }, (_, n) => {
    const before = n === 0 ? "x" : `*b${n - 1}`;
    return `b${n}: &b${n} [${Array.from({ length: 10 }, () => before).join(",")}]`;
  });
  return lines.join("\n");
}
