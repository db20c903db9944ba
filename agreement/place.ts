import type { AgreementProblem, Source, YamlNode } from "./source.ts";
import { isMap, isScalar, isSeq } from "yaml";
import { joinPath, plainText, startOf } from "./source.ts";

const mostProblems = 100;
/** Of a word that nothing defines, besides its first line. */
const mostLines = 20;

/**
 * What is collected while one file is read: problems, warnings, and where each part of the document
 * stands.
 */
export class Reading {
  readonly problems: AgreementProblem[] = [];
  readonly warnings: AgreementProblem[] = [];
  /** Names of conditions that were most likely meant where none is named. */
  readonly meant = new Set<string>();
  /** A stored version was accepted by what was checked then. */
  readonly isStored: boolean;
  readonly #source: Source;
  readonly #offsets = new Map<string, number>();
  readonly #unknown = new Map<string, { told: AgreementProblem; lines: readonly number[] }>();

  constructor(source: Source, { isStored = false }: { readonly isStored?: boolean } = {}) {
    this.#source = source;
    this.isStored = isStored;
  }

  place(): SourcePlace {
    return new SourcePlace(this, "");
  }

  mark(path: string, offset: number): void {
    this.#offsets.set(path, offset);
  }

  /**
   * Reports at an offset, or where the path (or the nearest part above it that was read) stands.
   */
  report(kind: "problems" | "warnings", path: string, message: string, offset?: number): void {
    if (this[kind].length >= mostProblems) return;
    const found = this.#source.position(offset ?? this.#offsetOf(path));
    // What is read for several days is one mistake where it stands.
    const isSaid = this[kind].some(
      (one) => one.line === found.line && one.column === found.column && one.message === message,
    );
    if (!isSaid) this[kind].push({ ...found, path, message });
  }

  /**
   * Reports a word that nothing defines. Where it stands several times one mistake is told once, of
   * all lines: most likely its definition has another name.
   */
  reportUnknown(path: string, message: string, offset: number): void {
    const known = this.#unknown.get(message);
    const told = this.problems.indexOf(known?.told as AgreementProblem);
    if (!known || told < 0) {
      this.report("problems", path, message, offset);
      const last = this.problems.at(-1);
      if (last?.message === message) this.#unknown.set(message, { told: last, lines: [] });
      return;
    }
    const { line } = this.#source.position(offset);
    const isEnough = known.lines.length >= mostLines;
    if (isEnough || line === known.told.line || known.lines.includes(line)) return;
    const lines = [...known.lines, line];
    const also = `; also on line${lines.length > 1 ? "s" : ""} ${lines.join(", ")}`;
    this.problems[told] = { ...known.told, message: message + also };
    this.#unknown.set(message, { told: this.problems[told], lines });
  }

  #offsetOf(path: string): number {
    for (
      let part = path;
      part !== "";
      part = part.replace(/(?:^|\.)[\w-]+$|\[(?:\d+|"(?:[^"\\]|\\.)*")\]$/, "")
    ) {
      const offset = this.#offsets.get(part);
      if (offset !== undefined) return offset;
      if (!/(?:^|\.)[\w-]+$|\[(?:\d+|"(?:[^"\\]|\\.)*")\]$/.test(part)) break;
    }
    return 0;
  }
}

/** A part of the document by its path. */
export class SourcePlace {
  readonly reading: Reading;
  readonly path: string;

  constructor(reading: Reading, path: string) {
    this.reading = reading;
    this.path = path;
  }

  /** A part of this part; `node` is where it stands, null when that is noted already. */
  child(key: string | number, node: unknown): SourcePlace {
    const path = joinPath(this.path, key);
    if (node) this.reading.mark(path, startOf(node));
    return new SourcePlace(this.reading, path);
  }

  /** Notes what was expected here and what was found; the reader goes on elsewhere. */
  expected(what: string, node: YamlNode): undefined {
    return this.wrong(`expected ${what}, found ${described(node)}`, node);
  }

  /** The same with a sentence of its own. */
  wrong(message: string, node?: unknown): undefined {
    const offset = node === undefined || node === null ? undefined : startOf(node);
    this.reading.report("problems", this.path, message, offset);
    return undefined;
  }

  /** The same of a word that nothing defines, which may stand in several places. */
  unknown(message: string, node: unknown): undefined {
    this.reading.reportUnknown(this.path, message, startOf(node));
    return undefined;
  }

  /**
   * Whether the reader may go on with a value that a new document must not have, though it can be
   * read: notes it, unless the document is a stored version. Rules that came after versions were
   * stored are demands, since leads run under those versions.
   */
  letsPass(message: string, node?: unknown): boolean {
    if (!this.reading.isStored) this.wrong(message, node);
    return this.reading.isStored;
  }

  warn(message: string, node?: unknown): void {
    const offset = node === undefined || node === null ? undefined : startOf(node);
    this.reading.report("warnings", this.path, message, offset);
  }
}

function described(node: YamlNode): string {
  if (node === null) return "nothing";
  if (isMap(node)) return "a mapping";
  if (isSeq(node)) return "a list";
  if (!isScalar(node) || node.value === null) return "nothing";
  const text = node.source ?? plainText(node.value) ?? "";
  return `"${text.length > 60 ? `${text.slice(0, 57)}...` : text}"`;
}
