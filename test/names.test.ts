import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = [
  "activities",
  "agreement",
  "api",
  "bench",
  "chaos",
  "cli",
  "crm",
  "handoff",
  "messages",
  "sample",
  "settings",
  "spellings",
  "store",
  "temporal",
  "tools",
  "worker",
  "workflows",
];
/** Every file of `cli/commands/` exports its command under this name. */
const SHARED = new Set(["command"]);

test("one exported name means one thing", () => {
  const places = new Map<string, Set<string>>();
  for (const folder of FOLDERS)
    for (const file of sources(folder))
      for (const name of exportedNames(readFileSync(join(ROOT, file), "utf8")))
        places.set(name, (places.get(name) ?? new Set()).add(file));
  const twice = [...places].filter(([name, files]) => files.size > 1 && !SHARED.has(name));
  expect(twice.map(([name, files]) => `${name}: ${[...files].join(", ")}`)).toEqual([]);
});

test("a name that is exported twice is found, whatever it names", () => {
  const source = `
    export async function one() {}
    export type Two = 1;
    export abstract class Three {}
    export const four = 4, none = 0;
    const five = 5;
    export { five, type Six as Seven };
    export type { Eight, Nine as Ten } from "./eight.ts";`;
  expect(exportedNames(source)).toEqual(["one", "Two", "Three", "four", "five", "Seven", "Ten"]);
});

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name));
}

/** Names that a file defines and exports; what it passes on from elsewhere is defined there. */
function exportedNames(source: string): string[] {
  const defined = [
    ...source.matchAll(
      /^\s*export (?:async )?(?:abstract )?(?:function\*?|const|let|interface|type|class|enum) (\w+)/gm,
    ),
  ].map(([, name]) => name as string);
  // A name that is passed on unchanged is defined elsewhere; a new name for it is defined here.
  const listed = [...source.matchAll(/^\s*export (?:type )?\{([^}]*)\}(\s*from)?/gm)].flatMap(
    ([, names, from]) =>
      (names as string)
        .split(",")
        .map((one) => one.trim().replace(/^type /, ""))
        .filter((one) => one !== "" && (from === undefined || one.includes(" as ")))
        .map((one) => one.split(" as ").at(-1) as string),
  );
  return [...defined, ...listed];
}
