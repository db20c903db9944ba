import type { Node, ParsedNode, YAMLError, YAMLMap } from "yaml";
import { CST, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument } from "yaml";
import { isStorable } from "../handoff/facts/text.ts";

/** Something wrong at a place of the file. The message says what was expected there. */
export interface AgreementProblem {
  readonly line: number;
  readonly column: number;
  /** Where it stands in the document: `leadTypes[0].when.all[1]`. */
  readonly path: string;
  readonly message: string;
}

export type YamlNode = ParsedNode | Node | null;

/** A YAML file that is only data: one document, plain mappings, lists and scalars. */
export interface Source {
  readonly root: YamlNode;
  /** Line and column (from 1) of a place in the text. */
  readonly position: (offset: number) => { line: number; column: number };
}

/** How much a file may hold; more is made to be slow, or belongs into several files. */
export interface SourceLimits {
  readonly characters: number;
  /** Scalars, lists, mappings, anchors and aliases. */
  readonly values: number;
}

const usualLimits: SourceLimits = { characters: 262_144, values: 20_000 };
const deepest = 48;
/** Escapes such as "\\0" make characters that no database stores. */
const unstorable = "expected text without NUL characters or broken surrogates";

/**
 * Reads YAML and refuses everything that can mislead a reader or a machine: aliases and anchors (a
 * file of a few lines can unfold to gigabytes), tags, keys given twice, keys that are not text,
 * several documents.
 */
export function readSource(
  text: string,
  limits: SourceLimits = usualLimits,
): { readonly source: Source } | { readonly problems: AgreementProblem[] } {
  if (text.length > limits.characters)
    return {
      problems: [
        at(1, 1, "", `expected at most ${limits.characters} characters, found ${text.length}`),
      ],
    };
  const crowded = crowding(text) ?? overfull(text, limits.values);
  if (crowded) return { problems: [crowded] };
  const lines = new LineCounter();
  const position = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problem = (offset: number, path: string, message: string): AgreementProblem => ({
    ...position(offset),
    path,
    message,
  });
  const odd = oddSpaces(text);
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      uniqueKeys: false,
      merge: false,
      logLevel: "error",
      prettyErrors: false,
      version: "1.2",
      schema: "core",
    });
    if (odd.length > 0)
      return {
        problems: odd.map((offset) =>
          problem(offset, "", "expected spaces here, found a no-break space or one like it"),
        ),
      };
    const told = firstMistakes([...document.errors, ...document.warnings]);
    if (told.length > 0)
      return {
        problems: told.map((error) =>
          problem(error.pos[0], "", yamlSentence(error.code, error.message)),
        ),
      };
    const problems = notPlain(document.contents, problem);
    return problems.length > 0 ? { problems } : { source: { root: document.contents, position } };
  } catch (error) {
    // The YAML reader is recursive; a text nested beyond its stack ends here.
    if (error instanceof RangeError)
      return { problems: [at(1, 1, "", `expected at most ${deepest} levels of nesting`)] };
    throw error;
  }
}

/** `leadTypes[0].when`, `checklist["role fit"]` */
export function joinPath(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path ? `${path}.${key}` : key;
}

/** The text of a key. Numbers such as the tiers 1 and 2 count as text. */
export function keyText(key: unknown): string | null {
  if (!isScalar(key) || key.value === null) return null;
  return typeof key.value === "string" ? key.value : (key.source ?? plainText(key.value));
}

/** Text, numbers, true and false as text; null for everything else. */
export function plainText(value: unknown): string | null {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}

/** Every word that stands as a value somewhere below, in lists too; keys are none. */
export function wordsOf(node: YamlNode, words = new Set<string>()): ReadonlySet<string> {
  if (isSeq(node)) for (const item of node.items) wordsOf(item as YamlNode, words);
  else if (isMap(node)) for (const { value } of node.items) wordsOf(value as YamlNode, words);
  else if (isScalar(node)) words.add(plainText(node.value)?.trim() ?? "");
  return words;
}

export function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

/**
 * Stops texts that are made to be slow before the YAML reader sees them: brackets or dashes nested
 * beyond any agreement. Counting quoted brackets too is fine; a thousand open ones are no prose.
 */
function crowding(text: string): AgreementProblem | null {
  let depth = 0;
  let line = 1;
  let lineStart = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "\n") [line, lineStart] = [line + 1, i + 1];
    else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth = Math.max(0, depth - 1);
    if (depth > 500)
      return at(line, i - lineStart + 1, "", `expected at most ${deepest} levels of nesting`);
  }
  const dashes = /^[ \t]*(?:[-?:][ \t]+){64}/m.exec(text);
  return dashes
    ? at(
        text.slice(0, dashes.index).split("\n").length,
        1,
        "",
        `expected at most ${deepest} levels of nesting`,
      )
    : null;
}

const valueTokens: ReadonlySet<string | null> = new Set([
  "scalar",
  "single-quoted-scalar",
  "double-quoted-scalar",
  "flow-map-start",
  "flow-seq-start",
  "seq-item-ind",
  "explicit-key-ind",
  "alias",
  "anchor",
]);

/**
 * The YAML reader's time grows faster than the number of values in some texts. The lexer's does
 * not, so it counts them first, and stops where there are too many.
 */
function overfull(text: string, most: number): AgreementProblem | null {
  // No text has more values than characters.
  if (text.length <= most) return null;
  let found = 0;
  for (const token of new Lexer().lex(text)) {
    if (valueTokens.has(CST.tokenType(token))) found++;
    if (found > most)
      return at(1, 1, "", `expected at most ${most} values (texts, lists, mappings), found more`);
  }
  return null;
}

function notPlain(
  root: YamlNode,
  problem: (offset: number, path: string, message: string) => AgreementProblem,
): AgreementProblem[] {
  const problems: AgreementProblem[] = [];
  const visit = (node: YamlNode, path: string, depth: number): void => {
    if (node === null || problems.length >= 20) return;
    const offset = startOf(node);
    if (depth > deepest)
      return void problems.push(
        problem(offset, path, `expected at most ${deepest} levels of nesting`),
      );
    if (isAlias(node))
      return void problems.push(
        problem(
          offset,
          path,
          `expected the value itself; aliases (*${node.source}) are not allowed`,
        ),
      );
    if (node.anchor)
      problems.push(
        problem(
          offset,
          path,
          `expected no anchor; remove &${node.anchor} and name conditions under ` +
            `\`conditions:\` instead`,
        ),
      );
    if (node.tag && !node.tag.startsWith("tag:yaml.org,2002:"))
      problems.push(problem(offset, path, `expected a plain value without the tag ${node.tag}`));
    if (isScalar(node) && typeof node.value === "string" && !isStorable(node.value))
      problems.push(problem(offset, path, unstorable));
    if (isSeq(node))
      node.items.forEach((item, i) => visit(item as YamlNode, joinPath(path, i), depth + 1));
    if (isMap(node)) visitMap(node, path, depth);
  };
  const visitMap = (map: YAMLMap, path: string, depth: number): void => {
    const seen = new Map<string, number>();
    for (const pair of map.items) {
      const key = keyText(pair.key);
      const offset = startOf(pair.key) || startOf(map);
      if (key === null) {
        problems.push(problem(offset, path, "expected a word before the colon"));
        continue;
      }
      const first = seen.get(key);
      if (first !== undefined)
        problems.push(
          problem(
            offset,
            joinPath(path, key),
            `expected "${key}" once; it stands here already on line ${problem(first, "", "").line}`,
          ),
        );
      seen.set(key, offset);
      if (!isStorable(key)) problems.push(problem(offset, path, unstorable));
      if (Object.hasOwn(Object.prototype, key) || key === "prototype")
        problems.push(problem(offset, joinPath(path, key), `expected another name than "${key}"`));
      visit(pair.value as YamlNode, joinPath(path, key), depth + 1);
    }
  };
  visit(root, "", 0);
  return problems;
}

/**
 * A text that is no YAML is read wrongly from its first mistake on, and what the reader says of the
 * rest follows from it. Only tabs are each a mistake of their own.
 */
function firstMistakes(errors: readonly YAMLError[]): readonly YAMLError[] {
  const inOrder = errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  const tabs = inOrder.filter(({ code }) => code === "TAB_AS_INDENT");
  return tabs.length > 0 ? tabs.slice(0, 20) : inOrder.slice(0, 1);
}

/**
 * Where the line of a key has spaces, before it or behind its colon, that are none to YAML: they
 * come with what is copied from a page. At most twenty.
 */
function oddSpaces(text: string): number[] {
  return [...text.matchAll(oddSpace)]
    .slice(0, 20)
    .map(({ 0: found, index }) => index + found.length - 1);
}

const oddSpace =
  /^ *(?:[\w.-]+:[\u00a0\u2000-\u200b\u202f\u3000]|[\u00a0\u2000-\u200b\u202f\u3000](?=[^"'#\n]*:))/gm;

/** The reader's own sentences, where ours help more. */
function yamlSentence(code: string, message: string): string {
  if (code === "MULTIPLE_DOCS") return "expected one document in the file, found a second one";
  if (code === "TAB_AS_INDENT") return "expected spaces at the start of the line, found a tab";
  if (code === "TAG_RESOLVE_FAILED") return "expected a plain value without the tag";
  return `expected valid YAML: ${message.split("\n")[0]}`;
}

function at(line: number, column: number, path: string, message: string): AgreementProblem {
  return { line, column, path, message };
}
