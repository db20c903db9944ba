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
