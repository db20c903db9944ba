import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize, relative } from "node:path";

/** What the files of one place may import. Everything that is not listed is forbidden. */
type Rule = {
  /** Folders or files of ours that may be used; its own folder is always allowed. */
  readonly ours: readonly string[];
  /** Those of which only types may be used, with the reason beside the rule. */
  readonly types?: readonly string[];
  /** npm packages, value or type; a package stands for its subpaths. */
  readonly packages: readonly string[];
  /** May it use `node:` modules? */
  readonly node: boolean;
  /** Exceptions from all of these, own folder included. */
  readonly never?: readonly string[];
  /** Words that must not occur, with the reason. */
  readonly words?: readonly (readonly [RegExp, string])[];
};

const CLOCKS: Rule["words"] = [
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, "reads the clock; time is an argument"],
  [/\bMath\.random\(/, "draws a random number; a decision must be repeatable"],
  // Node's `process`; a situation has a field of that name.
  [
    /(?<![.\w])process\.(?:env|exit|exitCode|argv|cwd|hrtime|nextTick|std\w+|on|once|pid|platform|versions?|uptime|memoryUsage)\b|\bglobalThis\b|\bfetch\(|\bconsole\./,
    "touches the world; rules are pure",
  ],
];

/** SQL stands where its subject lives in the store; everybody else asks by name. */
const SQL: NonNullable<Rule["words"]> = [
  [/\bsql(?:<[^>`]*>)?`/, "writes SQL, which stands in store/ alone"],
  // A Temporal handle has a `query` too, which asks a workflow; of a request it is of the address.
  [/(?<!\bhandle|\breq)\.query\s*[(<]/, "runs a statement, which store/ alone does"],
  [
    /\bimport\s*\{[^}]*\b(?:sql|rows|firstRow|send)\b[^}]*\}\s*from\s*"[^"]*store\/postgres\/db\.ts"/,
    "takes what statements are run with, which is for store/ alone",
  ],
];

/**
 * Two local activities side by side give a history that cannot be replayed: they begin in one
 * place, one at a time.
 */
const LOCALS: Rule["words"] = [
  [
    /\b(proxyLocalActivities|scheduleLocalActivity)\b/,
    "begins local activities; that is for workflows/proxies.ts alone",
  ],
];

/** What a port says: words over those of the rules, for whoever stands above or below it. */
const PORT: Rule = { ours: ["handoff/"], packages: [], node: false };

/** A connection to Temporal without the settings of TLS and keys works on one machine only. */
const CONNECTS: NonNullable<Rule["words"]> = [
  [
    /\b(?:Native)?Connection\.(?:connect|lazy)\(/,
    "connects to Temporal, which temporal/ alone does",
  ],
];

const WORKFLOWS: Rule = {
  ours: ["handoff/"],
  packages: ["@temporalio/workflow", "@temporalio/common"],
  node: false,
  never: ["handoff/time/calendar.ts", "handoff/time/deadline.ts"],
};

const API: Rule = {
  ours: [
    "handoff/",
    "spellings/",
    "workflows/contract.ts",
    "crm/",
    "messages/",
    "store/",
    "agreement/",
    "settings/",
    "temporal/",
    "words/",
  ],
  never: ["temporal/native.ts"],
  packages: [
    "hono",
    "@hono/node-server",
    "@hono/zod-openapi",
    "zod",
    "@temporalio/client",
    "@temporalio/common",
    "pino",
    "prom-client",
    "@fastify/busboy",
    "piscina",
    "rate-limiter-flexible",
    "openid-client",
  ],
  node: true,
};

/** By place; the longest matching prefix of a file's path counts. */
const RULES: Readonly<Record<string, Rule>> = {
  "handoff/": {
    ours: [],
    packages: [],
    node: false,
    words: CLOCKS,
  },
  // A made-up company: as pure as the rules that it is made by.
  "sample/": { ours: ["handoff/"], packages: [], node: false, words: CLOCKS },
  // Sentences about what was decided, for the command, mails and pages: as pure as the rules.
  "words/": { ours: ["handoff/"], packages: [], node: false, words: CLOCKS },
  // How people write what facts hold in one form; needs lists that the rules must not carry.
  "spellings/": {
    ours: ["handoff/"],
    packages: ["i18n-iso-countries", "@cospired/i18n-iso-languages", "iso-3166", "tldts"],
    node: true,
  },
  "agreement/": { ours: ["handoff/", "spellings/"], packages: ["yaml", "zod"], node: true },
  "agreement/seed.ts": { ours: ["agreement/", "handoff/", "store/"], packages: [], node: true },
  // Puts a roster file where it is kept, for the command and the API.
  "agreement/publish-roster.ts": {
    ours: ["agreement/", "handoff/", "store/"],
    packages: [],
    node: true,
  },
  "workflows/": { ...WORKFLOWS, words: LOCALS },
  // A proxy is typed by the activities that it calls; nothing of them gets into the bundle.
  "workflows/proxies.ts": { ...WORKFLOWS, types: ["activities/index.ts"] },
  // The store keeps what the ports say, so it reads their words; these import the rules alone.
  "store/": {
    ours: ["handoff/", "spellings/"],
    types: [
      "crm/action.ts",
      "crm/change.ts",
      "crm/crm.ts",
      "messages/message.ts",
      "messages/mail/mail.ts",
      "sample/model.ts",
    ],
    packages: ["pg", "zod"],
    node: true,
  },
  "crm/action.ts": { ...PORT, never: ["crm/house/"] },
  "crm/change.ts": { ...PORT, never: ["crm/house/"] },
  "crm/crm.ts": { ...PORT, never: ["crm/house/"] },
  "crm/names.ts": { ...PORT, never: ["crm/house/"] },
  "messages/message.ts": PORT,
  // Node for the hash in a Message-ID.
  "messages/mail/mail.ts": { ...PORT, node: true },
  "crm/": { ours: ["handoff/", "store/"], packages: [], node: true },
  // Every connection to a Temporal server is made here.
  "temporal/": {
    ours: ["settings/"],
    packages: ["@temporalio/client", "@temporalio/envconfig"],
    node: true,
    never: ["temporal/native.ts"],
  },
  // Apart, because the SDK's worker brings its native core along.
  "temporal/native.ts": { ours: ["temporal/"], packages: ["@temporalio/worker"], node: false },
  // Known of the others: what an address is, and which crash points there are.
  "settings/": {
    ours: ["crm/names.ts", "crm/webhook.ts", "messages/link.ts", "store/postgres/crash-point.ts"],
    packages: [],
    node: true,
  },
  // How a process logs, for the two that do.
  "settings/logger.ts": { ours: [], packages: ["pino"], node: true },
  "messages/": {
    ours: ["handoff/", "store/", "words/"],
    packages: ["nodemailer", "@resvg/resvg-js"],
    node: true,
  },
  // Rows in, SVG out: of the store it knows what a report is, and never asks it.
  "messages/pictures/": {
    ours: ["handoff/", "words/"],
    types: ["store/reports/"],
    packages: [],
    node: false,
    never: ["messages/mail/"],
    words: CLOCKS,
  },
  // The pool, the CRM and the mailer arrive as arguments; known here are the verbs of store, which
  // take the pool, the interfaces of the other two, and how a message is written.
  "activities/": {
    ours: ["handoff/", "workflows/contract.ts", "store/", "crm/crm.ts", "messages/"],
    never: ["messages/mail/smtp.ts", "messages/mail/kept.ts"],
    packages: ["@temporalio/activity", "@temporalio/common"],
    node: true,
  },
  "api/": API,
  // A page is a view of what the API answers: it asks the API's functions, never the store.
  "api/console/": {
    ...API,
    ours: API.ours.filter((one) => one !== "store/"),
    types: ["store/"],
    packages: ["hono"],
  },
  "worker/": {
    ours: [
      "handoff/",
      "spellings/",
      "agreement/",
      "workflows/",
      "activities/",
      "crm/",
      "messages/",
      "store/",
      "settings/",
      "temporal/",
    ],
    packages: [
      "@temporalio/worker",
      "@temporalio/client",
      "@temporalio/common",
      "@temporalio/activity",
      "pino",
      "prom-client",
      "pg",
      "zod",
    ],
    node: true,
  },
  // Measures the whole, so it may use all of it; nothing imports it.
  "bench/": {
    ours: [
      "handoff/",
      "agreement/",
      "api/planning/planner.ts",
      "workflows/contract.ts",
      "activities/",
      "crm/",
      "messages/",
      "store/",
      "worker/inbox.ts",
      "worker/relay.ts",
      "worker/wanted-effects.ts",
      "cli/",
      "test/support/",
    ],
    packages: [
      "playwright-core",
      "@temporalio/worker",
      "@temporalio/client",
      "@temporalio/common",
      "@temporalio/workflow",
      "hono",
      "@hono/node-server",
      "luxon",
      "pg",
      "pino",
      "piscina",
    ],
    node: true,
  },
  "cli/": {
    ours: [
      "handoff/",
      "sample/",
      "spellings/",
      "agreement/",
      "workflows/contract.ts",
      "crm/",
      "messages/",
      "store/",
      "settings/",
      "temporal/",
      "words/",
    ],
    never: ["temporal/native.ts"],
    packages: ["@temporalio/client", "@temporalio/common", "yaml", "zod", "pino", "tsx"],
    node: true,
  },
  // These commands are the programs.
  "cli/commands/worker.ts": { ours: ["cli/", "worker/main.ts"], packages: [], node: true },
  "cli/commands/api.ts": { ours: ["cli/", "api/server.ts"], packages: [], node: true },
  "tools/": { ours: ["agreement/"], packages: [], node: true },
  // Rehearsals: everything from outside, as an operator would start and ask it; the checks read the
  // rows.
  "chaos/": {
    ours: [
      "handoff/",
      "workflows/contract.ts",
      "messages/mail/mail.ts",
      "store/",
      "cli/",
      "test/support/",
    ],
    packages: ["@temporalio/client", "@temporalio/worker", "yaml"],
    node: true,
  },
};

const FOLDERS = [
  ...new Set(Object.keys(RULES).map((prefix) => prefix.slice(0, prefix.indexOf("/") + 1))),
];

/** Entry points: they read the environment, nobody imports them. */
const ENVIRONMENT = [
  /^cli\//,
  /^bench\//,
  /^worker\/main\.ts$/,
  /^api\/server\.ts$/,
  /^chaos\/run\.ts$/,
  /(^|\/)env\.ts$/,
];
/** The store, and what measures and rehearses from outside. */
const MAY_SQL = ["store/", "bench/", "chaos/"];
/** Also what measures and rehearses, on servers of its own. */
const MAY_CONNECT = ["temporal/", "bench/", "chaos/"];
const NOBODY_IMPORTS = ["worker/", "api/", "chaos/"];

/**
 * Every breach of the import rules under `root`, one sentence each, beginning with the file's path.
 */
export function violations(root: string): string[] {
  return FOLDERS.flatMap((folder) => sources(join(root, folder))).flatMap((file) =>
    judge(root, relative(root, file)),
  );
}

/**
 * Files of ours that import each other in a circle, types included, one line for each knot: the
 * files of a knot reach each other.
 */
export function circles(root: string): string[] {
  const imports = new Map<string, string[]>();
  for (const folder of [...FOLDERS, "test/"])
    for (const file of sources(join(root, folder))) {
      const path = relative(root, file);
      const targets = importsOf(readFileSync(file, "utf8"))
        .filter(({ from }) => from.startsWith("."))
        .map(({ from }) => normalize(join(dirname(path), from)));
      imports.set(path, targets);
    }
  return knots(imports).map((files) => `${files.join(", ")} import each other`);
}

/** Tarjan's strongly connected components: those of more than one file, and whoever imports itself. */
function knots(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  function visit(file: string): number {
    let low = order.size;
    order.set(file, low);
    const own = low;
    open.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!imports.has(next)) continue;
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (open.includes(next)) low = Math.min(low, lowest.get(next) ?? order.get(next)!);
    }
    lowest.set(file, low);
    if (low < own) return low;
    const knot = open.splice(open.indexOf(file));
    if (knot.length > 1 || imports.get(file)?.includes(file)) found.push(knot.sort());
    return low;
  }
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return found;
}

function judge(root: string, path: string): string[] {
  const source = readFileSync(join(root, path), "utf8");
  const rule = ruleFor(path);
  const found = importsOf(source).flatMap((one) => refuse(path, rule, one) ?? []);
  const code = withoutComments(source);
  const words = [
    ...(rule.words ?? []),
    ...(MAY_SQL.some((one) => path.startsWith(one)) ? [] : SQL),
    ...(MAY_CONNECT.some((one) => path.startsWith(one)) ? [] : CONNECTS),
  ]
    .filter(([word]) => word.test(code))
    .map(([, why]) => why);
  if (/\bprocess\.env\b/.test(code) && !ENVIRONMENT.some((entry) => entry.test(path)))
    words.push("reads process.env, which only entry points do");
  return [...found, ...words].map((what) => `${path} ${what}`);
}

function ruleFor(path: string): Rule {
  const prefix = Object.keys(RULES)
    .filter((one) => path.startsWith(one))
    .sort((a, b) => b.length - a.length)[0];
  return RULES[prefix ?? ""] as Rule;
}

type Import = { readonly from: string; readonly typeOnly: boolean };

function refuse(path: string, rule: Rule, { from, typeOnly }: Import): string | undefined {
  if (!from.startsWith(".")) return refusePackage(rule, from);
  const target = normalize(join(dirname(path), from));
  const own = path.slice(0, path.indexOf("/") + 1);
  const within = (places: readonly string[]) => places.some((place) => target.startsWith(place));
  const what = typeOnly ? "imports types of" : "imports";
  const isProgram = rule.ours.includes(target);
  if (!target.startsWith(own) && own !== "bench/" && !isProgram && within(NOBODY_IMPORTS))
    return `${what} ${target}, which nobody may`;
  if (within(rule.never ?? [])) return `${what} ${target}, which is closed to ${own}`;
  if (target.startsWith(own) || within(rule.ours) || target === "package.json") return undefined;
  if (typeOnly && within(rule.types ?? [])) return undefined;
  return `${what} ${target}, which is not listed for ${own}`;
}

function refusePackage(rule: Rule, from: string): string | undefined {
  if (from.startsWith("node:") || builtinModules.includes(from))
    return rule.node ? undefined : `imports ${from}, but may not use Node`;
  const name = from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
  return rule.packages.includes(name)
    ? undefined
    : `imports the package ${name}, which is not listed for it`;
}

/**
 * All import and re-export statements and `import()` calls. An `import { type A }` still loads the
 * file.
 */
function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const statements = [
    ...code.matchAll(
      /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^;"'`]*?\s+from\s+)?["']([^"']+)["']/gm,
    ),
  ];
  const calls = [...code.matchAll(/(typeof\s+)?\bimport\(\s*["']([^"']+)["']/g)];
  return [...statements, ...calls].map(([, type, from]) => ({
    from: from ?? "",
    typeOnly: type !== undefined,
  }));
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[\s;{}()])\/\/.*$/gm, "$1");
}

function sources(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return /\.tsx?$/.test(name) ? [path] : [];
  });
}
