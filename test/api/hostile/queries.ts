import { reports } from "../../../store/reports/registry.ts";

export interface QueryRoute {
  readonly path: string;
  /** It takes `limit` and `cursor`. */
  readonly pages: boolean;
  /** Values that a parameter does not take. */
  readonly bad?: Readonly<Record<string, readonly string[]>>;
  /** Keys that other lists refuse are good ones here. */
  readonly cursors?: readonly string[];
}

const badTimes = [
  "now",
  "2026-02-30T00:00:00Z",
  "2026-13-01",
  "infinity",
  "",
  "99999-01-01",
  "1764000000",
  "2026-11-23T25:00:00Z",
  "2026-11-23T09:00:00+99:00",
];
const times = { from: badTimes, to: badTimes, asOf: badTimes };
const badWords = ["nope", "", "OPEN", "open,done", "__proto__", "constructor", "toString"];

/** Every route that takes a query. */
export const queryRoutes: readonly QueryRoute[] = [
  {
    path: "/leads",
    pages: true,
    bad: {
      stage: badWords,
      waitingOn: badWords,
      overdue: ["yes", "1", "", "TRUE"],
      owner: ["", "%20", "x".repeat(61)],
      q: ["", "%09", "x".repeat(201)],
    },
  },
  { path: "/leads/{lead}/history", pages: true },
  { path: "/queue", pages: true },
  {
    path: "/tasks",
    pages: true,
    bad: { kind: badWords, state: ["nope", "", "OPEN"], lead: ["x".repeat(61)] },
  },
  { path: "/reviews", pages: true, bad: { kind: badWords, state: ["nope", "", "OPEN"] } },
  { path: "/reviews/{review}", pages: true, bad: { waits: ["false", "", "1"] } },
  { path: "/mail", pages: true, bad: { lead: ["x".repeat(61)] } },
  {
    path: "/house/leads",
    pages: true,
    bad: { status: ["x".repeat(201)], owner: ["x".repeat(201)], q: ["x".repeat(201)] },
  },
  { path: "/house/accounts", pages: true },
  { path: "/house/tasks", pages: true, bad: { state: badWords, lead: ["x".repeat(201)] } },
  { path: "/house/notes", pages: true, bad: { lead: ["x".repeat(201)] } },
  { path: "/house/opportunities", pages: true, bad: { stage: badWords } },
  { path: "/imports", pages: true },
  // Its place is a name, which may be any text.
  {
    path: "/roster/weeks",
    pages: true,
    cursors: ["no time", "no month", "digits"],
    bad: { pool: ["", "x".repeat(81)], rep: ["", "nope"] },
  },
  { path: "/reports/conservation", pages: false, bad: times },
  { path: "/reports/conservation.csv", pages: false, bad: times },
  { path: "/reports", pages: false },
  ...reports.flatMap(({ name, dimensions, picture }) =>
    ["", ".csv", ...(picture === null ? [] : [".svg"])].map((form) => ({
      path: `/reports/${name}${form}`,
      pages: false,
      bad: {
        ...times,
        knowledge: badWords,
        groupBy: [...badWords, "source;drop"],
        ...Object.fromEntries(dimensions.map((one) => [one, ["", "x".repeat(301)]])),
      },
    })),
  ),
];

const cursor = (key: unknown) =>
  Buffer.from(typeof key === "string" ? key : JSON.stringify(key)).toString("base64url");

/** Keys of a next page that no page gave. */
export const badCursors: readonly (readonly [string, string])[] = [
  ["empty", ""],
  ["no base64", "%25%25%25"],
  ["no JSON", cursor("{")],
  ["null", cursor("null")],
  ["an object", cursor({ a: 1 })],
  ["an empty list", cursor([])],
  ["too many parts", cursor(["a", "b", "c", "d"])],
  ["nulls", cursor([null, null, null])],
  ["a NUL", cursor(["\u0000"])],
  ["a NUL in a place", cursor(["2026-11-23 15:00:00+00", "\u0000"])],
  ["half a surrogate pair", cursor('["\\ud800"]')],
  ["a NUL in a history", cursor(["2026-11-23 15:00:00+00", 1, "\u0000"])],
  ["a NUL in mail", cursor([1_764_000_000_000, "\u0000"])],
  ["no time", cursor(["----------", "x"])],
  ["no month", cursor(["2026-13-45 00:00:00", "x"])],
  ["digits", cursor(["9999999999999999", "x"])],
  ["colons in a history", cursor([":::::::::::", 1, "x"])],
  ["30 February in a history", cursor(["2026-02-30 00:00:00+00", 1, "x"])],
  ["a number too large for a step", cursor(["2026-11-23 15:00:00+00", 9e15, "x"])],
  ["a fraction", cursor(["2026-11-23 15:00:00+00", 1.5, "x"])],
  ["a time beyond time", cursor([1e300, "x"])],
  ["a time beyond dates", cursor([8.64e15 + 1, "x"])],
  ["a time before Postgres's", cursor([-8.64e15, "x"])],
  ["deep nesting", cursor("[".repeat(200) + "]".repeat(200))],
  ["too long", "x".repeat(401)],
];

/** Encodings that no text has, and names that no query has. */
export const badQueries = [
  "x=1",
  "__proto__=1",
  "constructor=1",
  "LIMIT=10",
  "limit[]=1",
  "limit=1&limit=2",
  "😀=1",
  "limit=10&x",
];
export const badLimits = [
  "0",
  "-1",
  "101",
  "1e2",
  "ten",
  "",
  "50.5",
  "９",
  "1%20",
  "999999999999",
  "0x10",
  "+5",
  "null",
  "1;drop",
  "true",
];
