import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize, relative } from "node:path";

/** What the files of one place may import. Everything that is not listed is forbidden. */
type Rule = {
  /** Folders or files of ours whose values may be used; its own folder is always allowed. */
  readonly ours: readonly string[];
  /** npm packages, value or type; a package stands for its subpaths. */
  readonly packages: readonly string[];
  /** May it use `node:` modules? */
  readonly node: boolean;
  /** Exceptions from `ours`; with `evenTypes`, for types as well. */
  readonly never?: readonly string[];
  readonly evenTypes?: boolean;
  /** Words that must not occur, with the reason. */
  readonly words?: readonly (readonly [RegExp, string])[];
};

const CLOCKS: Rule["words"] = [
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, "reads the clock; time is an argument"],
  [/\bMath\.random\(/, "draws a random number; a decision must be repeatable"],
  [/\bprocess\.|\bglobalThis\b|\bfetch\(|\bconsole\./, "touches the world; rules are pure"],
];

/** Style, section 2. The longest matching prefix of a file's path counts. */
const RULES: Readonly<Record<string, Rule>> = {
  "handoff/": {
    ours: [],
    packages: [],
    node: false,
    never: ["agreement/", "store/", "crm/", "mail/", "activities/", "workflows/", "cli/"],
    evenTypes: true,
    words: CLOCKS,
  },
  "agreement/": { ours: ["handoff/"], packages: ["yaml", "zod"], node: true },
  "agreement/seed.ts": { ours: ["agreement/", "handoff/", "store/"], packages: [], node: true },
  "workflows/": {
    ours: ["handoff/"],
    packages: ["@temporalio/workflow", "@temporalio/common"],
    node: false,
    never: ["handoff/calendar.ts", "handoff/target.ts"],
  },
  "store/": { ours: ["handoff/"], packages: ["pg", "zod"], node: true },
  "crm/": { ours: ["handoff/", "store/"], packages: [], node: true },
  "mail/": { ours: ["handoff/", "store/"], packages: ["nodemailer"], node: true },
  // The pool, the CRM and the mailer arrive as arguments; known here are the verbs of store, which
  // take the pool, the interfaces of the other two, and how a message is written.
  "activities/": {
    ours: ["handoff/", "workflows/contract.ts", "store/", "crm/crm.ts", "mail/"],
    never: ["mail/smtp.ts", "mail/kept.ts"],
    packages: ["@temporalio/activity", "@temporalio/common"],
    node: true,
  },
  "api/": {
    ours: ["handoff/", "workflows/contract.ts", "crm/", "mail/", "store/", "agreement/"],
    packages: [
      "hono",
      "@hono/node-server",
      "@hono/zod-openapi",
      "zod",
      "@temporalio/client",
      "@temporalio/common",
      "pino",
      "prom-client",
    ],
    node: true,
    never: ["activities/"],
    evenTypes: true,
  },
  "worker/": {
    ours: ["handoff/", "agreement/", "workflows/", "activities/", "crm/", "mail/", "store/"],
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
      "workflows/contract.ts",
      "activities/",
      "crm/",
      "mail/",
      "store/",
      "worker/inbox.ts",
      "worker/relay.ts",
      "cli/",
      "test/support/",
    ],
    packages: [
      "@temporalio/worker",
      "@temporalio/client",
      "@temporalio/common",
      "@temporalio/workflow",
      "hono",
      "@hono/node-server",
      "luxon",
      "pg",
      "pino",
    ],
    node: true,
  },
  "cli/": {
    ours: ["handoff/", "agreement/", "workflows/contract.ts", "crm/", "mail/", "store/"],
    packages: ["@temporalio/client", "@temporalio/common", "yaml", "zod", "pino", "tsx"],
    node: true,
  },
  // Rehearsals: everything from outside, as an operator would start and ask it; the checks read the rows.
  "chaos/": {
    ours: ["handoff/", "workflows/contract.ts", "mail/mail.ts", "store/", "cli/", "test/support/"],
    packages: ["@temporalio/client"],
    node: true,
  },
};

/** Entry points: they read the environment, nobody imports them. */
const ENVIRONMENT = [
  /^cli\//,
  /^bench\//,
  /^worker\/main\.ts$/,
  /^api\/server\.ts$/,
  /^chaos\/run\.ts$/,
  /(^|\/)env\.ts$/,
];
const NOBODY_IMPORTS = ["worker/", "api/", "chaos/"];

/** Every breach of the import rules under `root`, one sentence each, beginning with the file's path. */
export function violations(root: string): string[] {
  const folders = [
    ...new Set(Object.keys(RULES).map((prefix) => prefix.slice(0, prefix.indexOf("/") + 1))),
  ];
  return folders
    .flatMap((folder) => sources(join(root, folder)))
    .flatMap((file) => judge(root, relative(root, file)));
}

function judge(root: string, path: string): string[] {
  const source = readFileSync(join(root, path), "utf8");
  const rule = ruleFor(path);
  const found = importsOf(source).flatMap((one) => refuse(path, rule, one) ?? []);
  const code = withoutComments(source);
  const words = (rule.words ?? []).filter(([word]) => word.test(code)).map(([, why]) => why);
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
  if (!target.startsWith(own) && own !== "bench/" && within(NOBODY_IMPORTS))
    return `${what} ${target}, which nobody may`;
  if ((!typeOnly || rule.evenTypes) && within(rule.never ?? []))
    return `${what} ${target}, which is closed to ${own}`;
  if (typeOnly || target.startsWith(own) || within(rule.ours) || target === "package.json")
    return undefined;
  return `imports ${target}, which is not listed for ${own}`;
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

/** All import and re-export statements and `import()` calls. An `import { type A }` still loads the file. */
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
    return name.endsWith(".ts") ? [path] : [];
  });
}
