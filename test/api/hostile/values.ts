import type { BodyRoute, Kind } from "./bodies.ts";

/** An invalid body: where it goes, what is sent, and the field that the answer must name. */
export interface Invalid {
  readonly what: string;
  readonly route: BodyRoute;
  readonly text: string;
  /** The field, or null where the whole body is meant. */
  readonly field: string | null;
}

/** A value as JSON text, so that also what JSON.stringify would mend can be sent. */
interface Raw {
  readonly what: string;
  readonly json: string;
}

const raw = (what: string, json: string): Raw => ({ what, json });
const values = (list: readonly unknown[]): Raw[] =>
  list.map((one) => raw(JSON.stringify(one).slice(0, 40), JSON.stringify(one)));

const mark = "\u{10fffd}here";

/**
 * The route's good body as JSON with one value replaced. Names of facts hold dots themselves, so
 * the longest name that fits counts.
 */
function withValue(route: BodyRoute, path: string, json: string): string {
  const body = structuredClone(route.good()) as Record<string, unknown>;
  let place = body;
  let rest = path;
  for (;;) {
    const name =
      Object.keys(place)
        .filter((key) => rest === key || rest.startsWith(`${key}.`))
        .toSorted((a, b) => b.length - a.length)[0] ?? rest;
    if (name === rest) {
      place[name] = mark;
      return JSON.stringify(body).replace(`"${mark}"`, () => json);
    }
    place = place[name] as Record<string, unknown>;
    rest = rest.slice(name.length + 1);
  }
}

/** Every field of these kinds of every route with every one of these values. */
function spread(
  routes: readonly BodyRoute[],
  pick: (kind: Kind, nullable: boolean) => readonly Raw[],
): Invalid[] {
  return routes.flatMap((route) =>
    Object.entries(route.fields).flatMap(([name, kind]) => {
      const [field, nullable] = name.endsWith("?") ? [name.slice(0, -1), true] : [name, false];
      return pick(kind, nullable).map(({ what, json }) => ({
        what,
        route,
        text: withValue(route, field, json),
        field,
      }));
    }),
  );
}

const onlyFor = (kinds: readonly Kind["is"][], list: readonly Raw[]) => (kind: Kind) =>
  kinds.includes(kind.is) ? list : [];
const textual = ["text", "one-of", "instant", "day", "rep", "email", "zone", "currency"] as const;

const notDates = [
  "2026-02-30",
  "2026-13-01",
  "2025-02-29",
  "2026-00-10",
  "2026-11-00",
  "2026-11-31",
  "1900-02-29",
  "2026-04-31",
];
const notTimes = ["T24:01:00Z", "T23:60:00Z", "T09:00:61Z"];

/**
 * Families of invalid fields, over all routes. A batch of a tracker lists what is wrong with its
 * entries and is a 200.
 */
export function fieldFamilies(routes: readonly BodyRoute[]): Readonly<Record<string, Invalid[]>> {
  return {
    "text where something else belongs": spread(
      routes,
      onlyFor(["int", "list", "object", "shifts"], values(["seven", "", "[]", "{}", "3"])),
    ),
    "numbers where text belongs": spread(
      routes,
      onlyFor(
        textual.filter((kind) => kind !== "text"),
        values([0, 7, -1.5, 1_764_000_000]),
      ),
    ),
    "numbers where free text belongs": spread(routes, onlyFor(["text"], values([0, 7, -1.5]))),
    "lists and objects where one value belongs": spread(
      routes,
      onlyFor(
        [...textual, "int", "number", "bool", "domain"],
        values([["a", "b"], [[]], { a: 1 }, { $gt: "" }, { toString: "x" }]),
      ),
    ),
    "truth where something else belongs": spread(
      routes,
      onlyFor([...textual, "int", "list", "object", "number"], values([true, false])),
    ),
    "null where a value belongs": spread(routes, (_, nullable) => (nullable ? [] : values([null]))),
    "empty and blank text": spread(routes, (kind) =>
      kind.is === "text" && kind.blank === undefined
        ? values(["", " ", "\t\n", "\u00a0\u2003"])
        : onlyFor(
            ["one-of", "instant", "day", "rep", "email", "zone", "currency"],
            values(["", " "]),
          )(kind),
    ),
    "text that is too long": spread(routes, (kind) =>
      kind.is === "text" && kind.max <= 5_000
        ? [
            raw("a character too many", JSON.stringify("x".repeat(kind.max + 1))),
            raw("an emoji too many", JSON.stringify("😀".repeat(kind.max + 1))),
          ]
        : [],
    ),
    "the NUL character": spread(
      routes,
      onlyFor(textual, [raw("at the end", '"a\\u0000"'), raw("alone", '"\\u0000"')]),
    ),
    "halves of surrogate pairs": spread(
      routes,
      onlyFor(textual, [
        raw("a high one", '"a\\ud800"'),
        raw("a low one", '"\\udfffb"'),
        raw("the wrong way round", '"\\ude00\\ud83d"'),
      ]),
    ),
    "numbers beyond 2^53": spread(
      routes,
      onlyFor(
        ["int", "number"],
        ["9007199254740993", "-9007199254740993", "1e300", "123456789012345678901234567890"].map(
          (one) => raw(one, one),
        ),
      ),
    ),
    "numbers that are none": spread(
      routes,
      onlyFor(
        ["int", "number"],
        ["1e999", "-1e999", "NaN", "Infinity", "0x10", "01", "+1", ".5", "1_000"].map((one) =>
          raw(one, one),
        ),
      ),
    ),
    "numbers out of range": spread(routes, (kind) =>
      kind.is === "int"
        ? [
            raw("too small", String(kind.min - 1)),
            raw("a fraction", String(kind.min + 0.5)),
            ...(kind.max === undefined ? [] : [raw("too large", String(kind.max + 1))]),
          ]
        : [],
    ),
    "dates that do not exist": spread(routes, (kind) =>
      kind.is === "day"
        ? values(notDates)
        : kind.is === "instant"
          ? values([
              ...notDates.map((one) => `${one}T09:00:00Z`),
              ...notTimes.map((one) => `2026-11-23${one}`),
            ])
          : [],
    ),
    "dates of another form": spread(routes, (kind) =>
      kind.is === "day"
        ? values([
            "2026-1-1",
            "20260101",
            "01/02/2026",
            "2026-W03",
            "tomorrow",
            "2026-11-23T00:00:00Z",
            "+002026-11-23",
            "١٢٣٤-٠١-٠١",
          ])
        : kind.is === "instant"
          ? values([
              "now",
              "infinity",
              "-infinity",
              "epoch",
              "23.11.2026 09:00",
              "2026-11-23T09:00:00+99:00",
              "Mon Nov 23 2026",
              "2026-11-23T09:00:00 America/New_York",
              "P1D",
              "99999-01-01T00:00:00Z",
              "2026-11-23T9:00:00Z",
            ])
          : [],
    ),
    "words that are not on the list": spread(routes, (kind) =>
      kind.is === "one-of"
        ? values([
            "nope",
            "NULL",
            `${kind.values[0]} `,
            kind.values[0]?.toUpperCase(),
            kind.values.join(","),
            "__proto__",
            "constructor",
            "toString",
            "hasOwnProperty",
          ])
        : [],
    ),
    "ids of another form": spread(
      routes,
      onlyFor(
        ["rep"],
        values([
          "one",
          "rp_",
          "RP_one",
          "rp_one'--",
          "rp_../../etc/passwd",
          "rp_one\n",
          "ld_one",
          "rp_nobody😀",
          `rp_${"x".repeat(61)}`,
          "' or '1'='1",
          "%00",
          "rp_one;drop table lead",
        ]),
      ),
    ),
    "header injection and other addresses": spread(
      routes,
      onlyFor(
        ["email"],
        values([
          "a@example.com\r\nBcc: b@example.com",
          "a@example.com\nSubject: x",
          "a@example.com, b@example.com",
          "a@example.com;b@example.com",
          "Name <a@example.com>",
          '"a b"@example.com',
          "a@b@example.com",
          "a@",
          "@example.com",
          "a@localhost",
          "a@example",
          "a@-example.com",
          "a..b@example.com",
          ".a@example.com",
          "a@exa mple.com",
          "a\u0009@example.com",
          "a@exam\u2028ple.com",
          "(x)a@example.com",
          "a@[127.0.0.1]",
          `${"a".repeat(65)}@example.com`,
          `a@${"b".repeat(250)}.com`,
          "a@example.com%0d%0aBcc:x",
        ]),
      ),
    ),
    "currencies that are none": spread(
      routes,
      onlyFor(["currency"], values(["usd", "US", "USDX", "$$$", "U SD", "ＵＳＤ"])),
    ),
    "zones and hours that are none": spread(routes, (kind) =>
      kind.is === "zone"
        ? values([
            "Mars/Olympus",
            "Europe",
            "../../etc/passwd",
            "EST5EDT4,M3",
            "Europe/Berlin\n",
            "x".repeat(65),
            "__proto__",
          ])
        : kind.is === "shifts"
          ? values([
              ["9-17"],
              ["25:00-26:00"],
              ["17:00-09:60"],
              ["09:00-09:00"],
              ["09:00"],
              ["09:00-17:00 "],
              [null],
              [7],
              [[]],
              Array.from({ length: 97 }, () => "09:00-10:00"),
              ["09:00-17:00", "x"],
            ])
          : [],
    ),
    "domains that are none": spread(
      routes,
      onlyFor(
        ["domain"],
        values(["nothing", "-.com", "a b.com", "http://", "😀", "..", "x".repeat(300) + ".com"]),
      ),
    ),
    "lists with too much in them": spread(routes, (kind) =>
      kind.is === "list" && kind.max <= 100
        ? [
            raw(
              "one entry too many",
              JSON.stringify(Array.from({ length: kind.max + 1 }, () => "x")),
            ),
          ]
        : [],
    ),
    "lists of other things": spread(
      routes.filter(({ route }) => route !== "POST /v1/batch"),
      onlyFor(["list"], values([[null], [[]], [7]])),
    ),
  };
}

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

/** Families of whole bodies that no route takes. */
export function bodyFamilies(routes: readonly BodyRoute[]): Readonly<Record<string, Invalid[]>> {
  const each = (
    list: (
      route: BodyRoute,
      good: string,
    ) => readonly (readonly [string, string, (string | null)?])[],
  ) =>
    routes.flatMap((route) =>
      list(route, JSON.stringify(route.good())).map(([what, text, field = null]) => ({
        what,
        route,
        text,
        field,
      })),
    );
  const inside = (good: string, more: string) => `${good.slice(0, -1)},${more}}`;
  return {
    "no JSON": each((_, good) => [
      ["half of it", good.slice(0, -2)],
      ["text behind it", `${good} x`],
      ["a comma too many", `${good.slice(0, -1)},}`],
      ["a comment", `/* hi */${good}`],
      ["single quotes", "{'a':1}"],
      ["two of them", `${good}${good}`],
      ["a mark of byte order", `\ufeff${good.slice(0, -1)}`],
      ["XML", '<?xml version="1.0"?><a/>'],
      ["a form", "a=1&b=2"],
      ["undefined", "undefined"],
    ]),
    "JSON that is no object": each(() => [
      ["null", "null"],
      ["a list", "[]"],
      ["a text", '"text"'],
      ["a number", "7"],
      ["truth", "true"],
      ["a list of objects", "[{}]"],
    ]),
    "unknown fields": each((route, good) =>
      route.open
        ? []
        : [
            ["a stage", inside(good, '"stage":"sal"'), "stage"],
            ["an empty name", inside(good, '"":1')],
            ["another case", inside(good, '"FACTS":{}'), "FACTS"],
            ["a role", inside(good, '"role":"operator"'), "role"],
            ["an emoji", inside(good, '"😀":1'), "😀"],
          ],
    ),
    "names of the prototype": each((_, good) => [
      ["__proto__", inside(good, '"__proto__":{"role":"operator"}'), "__proto__"],
      ["constructor", inside(good, '"constructor":{"prototype":{"x":1}}'), "constructor"],
      ["prototype", inside(good, '"prototype":1'), "prototype"],
      ["escaped", inside(good, '"\\u005f_proto__":1'), "__proto__"],
      ["deeper down", inside(good, '"x":[{"__proto__":1}]'), "x.0.__proto__"],
    ]),
    "names that stand twice": each((route, good) => {
      const [first = ""] = Object.keys(route.good());
      return [
        ["the first", inside(good, `${JSON.stringify(first)}:1`), first],
        [
          "escaped",
          inside(good, `"\\u00${first.charCodeAt(0).toString(16)}${first.slice(1)}":1`),
          first,
        ],
        ["deeper down", inside(good, '"x":{"y":1,"y":2}'), "y"],
      ];
    }),
    "deep nesting": each((_, good) => [
      ["forty levels", inside(good, `"x":${deep(40)}`), "x"],
      ["thousands of lists", inside(good, `"x":${"[".repeat(5_000)}${"]".repeat(5_000)}`), "x"],
      ["never closed", "[".repeat(30_000)],
    ]),
    // A batch of five hundred messages has more of them than one message.
    "thousands of names": each(({ route }, good) => {
      const length = route === "POST /v1/batch" ? 26_000 : 2_500;
      const more = Array.from({ length }, (_one, k) => `"k${k}":1`).join(",");
      return [[`${length}`, inside(good, more)]];
    }),
    nothing: each((route) =>
      /\/(accept|advance|hand-back|reassign|resume)$/.test(route.route)
        ? []
        : [
            ["an empty object", "{}"],
            ["white space", "  \n"],
          ],
    ),
  };
}
