import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** What a text is checked against. */
export interface Shelf {
  /** Every file and folder of the repository, by its path from the root. */
  readonly files: ReadonlySet<string>;
  readonly read: (path: string) => string;
}

const skipped = new Set([".git", ".baton", "node_modules"]);

/** The repository's own files. */
export function shelfOf(root: string): Shelf {
  const files = readdirSync(root, { withFileTypes: true }).flatMap((entry): string[] => {
    if (skipped.has(entry.name)) return [];
    if (!entry.isDirectory()) return [entry.name];
    const inside = readdirSync(join(root, entry.name), { recursive: true, encoding: "utf8" });
    return [entry.name, ...inside.map((name) => join(entry.name, name))];
  });
  return { files: new Set(files), read: (path) => readFileSync(join(root, path), "utf8") };
}

/** What the comments of a source file cite and the repository does not hold. */
export function brokenCitations(source: string, shelf: Shelf): string[] {
  const said = commentsOf(source);
  const cited = [
    ...said.matchAll(/[\w./-]+\.md\b/g),
    ...source.matchAll(/\bdocs\/[\w./-]+\.md\b/g),
  ];
  const missing = cited.map(([path]) => path).filter((path) => !shelf.files.has(path));
  const headings = [...said.matchAll(/(docs\/[\w-]+\.md), "([^"]+)"/g)]
    .filter(([, path, heading]) => !headingsOf(path ?? "", shelf).includes(heading ?? ""))
    .map(([all]) => all);
  return [...new Set([...missing, ...headings, ...brokenDecisions(said, shelf)])];
}

/** Links, headings, paths and decisions that a document names and the repository does not hold. */
export function brokenReferences(path: string, shelf: Shelf): string[] {
  const text = shelf.read(path);
  const prose = text.replace(/```[\s\S]*?```/g, "");
  const links = [...prose.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#[^)\s]*)?\)/g)]
    .map(([, target]) => target ?? "")
    .filter((target) => target !== "" && !exists(shelf, normalize(join(dirname(path), target))));
  const headings = [...prose.matchAll(/\[[^\]]*\]\(([^)#\s]+\.md)\), "([^"]+)"/g)]
    .filter(([, target, heading]) => {
      const to = normalize(join(dirname(path), target ?? ""));
      return shelf.files.has(to) && !headingsOf(to, shelf).includes(heading ?? "");
    })
    .map(([all]) => all);
  // A record of a decision tells of the files of its day.
  const paths = path.startsWith("docs/decisions/") ? [] : brokenPaths(prose, shelf);
  return [...new Set([...links, ...headings, ...paths, ...brokenDecisions(prose, shelf)])];
}

/** Paths in backticks. An ending of the name may be left out, and `{a,b}` names several. */
function brokenPaths(prose: string, shelf: Shelf): string[] {
  const folders = new Set([...shelf.files].map((file) => file.split("/")[0] ?? ""));
  return [...prose.matchAll(/`([\w.-]+\/[\w./{},-]*)`/g)]
    .map(([, path]) => path ?? "")
    .filter((path) => folders.has(path.split("/")[0] ?? ""))
    .flatMap(alternatives)
    .filter((path) => !exists(shelf, path));
}

function alternatives(path: string): string[] {
  const [, before = "", list = "", after = ""] = /^(.*)\{([^}]*)\}(.*)$/.exec(path) ?? [];
  return list === "" ? [path] : list.split(",").map((one) => before + one + after);
}

function exists({ files }: Shelf, path: string): boolean {
  const name = path.replace(/\/$/, "");
  return ["", ".ts", ".test.ts"].some((ending) => files.has(name + ending));
}

function brokenDecisions(text: string, { files }: Shelf): string[] {
  const numbers = new Set(
    [...files].flatMap((file) => /^docs\/decisions\/(\d{4})-/.exec(file)?.[1] ?? []),
  );
  return [...text.matchAll(/\bdecisions? \[?(\d{4})\b/gi)]
    .filter(([, number]) => !numbers.has(number ?? ""))
    .map(([all]) => all);
}

function headingsOf(path: string, shelf: Shelf): string[] {
  if (!shelf.files.has(path)) return [];
  return [...shelf.read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading ?? "").replaceAll("`", ""),
  );
}

/** The text of all comments, each on one line, without their stars. */
function commentsOf(source: string): string {
  return [
    ...source.matchAll(
      /\/\*[\s\S]*?\*\/|(?<=^|\s)(?:\/\/|--|#)[^\n]*(?:\n\s*(?:\/\/|--|#)[^\n]*)*/g,
    ),
  ]
    .map(([comment]) =>
      comment.replace(/\n\s*(?:\*(?!\/)|\/\/|--|#)?/g, " ").replace(/ {2,}/g, " "),
    )
    .join("\n");
}
