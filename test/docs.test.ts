import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { brokenCitations, brokenReferences, shelfOf, type Shelf } from "./support/citations.ts";

const shelf = shelfOf(fileURLToPath(new URL("..", import.meta.url)));
const paths = [...shelf.files].sort();

test("whatever a comment cites is in this repository", () => {
  // The planted ones below are no citations.
  const sources = paths.filter(
    (path) => /\.(?:ts|mjs|js|sql|ya?ml)$|^Dockerfile$/.test(path) && path !== "test/docs.test.ts",
  );
  expect(sources.length).toBeGreaterThan(400);
  const broken = sources.flatMap((path) =>
    brokenCitations(shelf.read(path), shelf).map((one) => `${path}: ${one}`),
  );
  expect(broken).toEqual([]);
});

test("whatever a document links to or names by its path is in this repository", () => {
  const documents = paths.filter((path) => path.endsWith(".md"));
  expect(documents).toContain("docs/decisions/0030-credit-ledger.md");
  const broken = documents.flatMap((path) =>
    brokenReferences(path, shelf).map((one) => `${path}: ${one}`),
  );
  expect(broken).toEqual([]);
});

test("the glossary names every table", () => {
  const glossary = shelf.read("docs/glossary.md");
  const tables = paths
    .filter((path) => /^store\/migrations\/\d{4}_\w+\.sql$/.test(path))
    .flatMap((path) => [...shelf.read(path).matchAll(/create table (?:if not exists )?(\w+)/g)])
    .map(([, table]) => table ?? "");
  expect(tables).toContain("process");
  expect(tables.filter((table) => !glossary.includes(`\`${table}\``))).toEqual([]);
});

describe("a planted citation is found", () => {
  const texts: Record<string, string> = {
    "docs/clocks.md": "# Clocks\n## Late\n",
    "docs/decisions/0004-deadlines.md": "# Deadlines\n",
    "handoff/clocks/run.ts": "",
    "test/handoff/clocks/clock.test.ts": "",
  };
  const small: Shelf = {
    files: new Set([...Object.keys(texts), "docs/decisions", "handoff/clocks"]),
    read: (path) => texts[path] ?? "",
  };

  test.each([
    ["/** On time (clocks.md). */", ["clocks.md"]],
    ["// see docs/times.md", ["docs/times.md"]],
    ["-- see docs/times.md", ["docs/times.md"]],
    ["const usage = `see docs/times.md`;", ["docs/times.md"]],
    ['/**\n * On time (docs/clocks.md,\n * "Early").\n */', ['docs/clocks.md, "Early"']],
    ["// as decision 0005 says", ["decision 0005"]],
    ['/** On time (docs/clocks.md, "Late"); decision 0004. */', []],
    ['const file = "../clocks.md"; // docs/clocks.md', []],
  ])("in the source %j", (source, broken) => {
    expect(brokenCitations(source, small)).toEqual(broken);
  });

  test.each([
    ["[times](times.md)", ["times.md"]],
    ["[times](../docs/times.md#late)", ["../docs/times.md"]],
    ['[clocks](clocks.md), "Early"', ['[clocks](clocks.md), "Early"']],
    ["`handoff/clocks/walk.ts`", ["handoff/clocks/walk.ts"]],
    ["`handoff/clocks/{run,walk}.ts`", ["handoff/clocks/walk.ts"]],
    ["Decision [0005](decisions/0005-a.md)", ["decisions/0005-a.md", "Decision [0005"]],
    [
      '[clocks](clocks.md#late), "Late"; [why](decisions/0004-deadlines.md); ' +
        "`handoff/clocks/`, `handoff/clocks/{run}.ts`, `test/handoff/clocks/clock`, `GET /a/b`, " +
        "[out](https://baton.example/x.md)",
      [],
    ],
  ])("in the document %j", (text, broken) => {
    const read = (path: string) => (path === "docs/a.md" ? text : small.read(path));
    expect(brokenReferences("docs/a.md", { ...small, read })).toEqual(broken);
  });
});
