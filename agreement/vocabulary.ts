import type { FieldPath, FieldType } from "../handoff/facts/facts.ts";
import type { YamlNode } from "./source.ts";
import { isMap, isScalar, isSeq } from "yaml";
import { builtInFields } from "../handoff/facts/facts.ts";
import { scalarText } from "./shape.ts";
import { keyText } from "./source.ts";
import { nearest } from "./words.ts";

/**
 * The words an agreement defines and uses elsewhere: fields, signals, named conditions, calendars.
 */
export interface Vocabulary {
  readonly fields: Readonly<Record<FieldPath, FieldType>>;
  readonly signals: readonly string[];
  readonly names: readonly string[];
  readonly calendars: readonly string[];
  readonly nullWords: readonly string[];
}

export const fieldTypes: readonly FieldType[] = ["text", "number", "boolean", "date", "list"];

/**
 * Collected before the file is read in earnest, so that a condition may use what stands below it.
 * Lenient: whatever is wrong in these sections is reported when they are read.
 */
export function vocabularyOf(root: YamlNode): Vocabulary {
  const declared = entries(section(root, "fields")).flatMap(([field, node]) => {
    const type = fieldTypes.find((one) => isScalar(node) && node.value === one);
    return [[field, type ?? "text"] as const];
  });
  return {
    fields: { ...Object.fromEntries(declared), ...builtInFields },
    signals: namesUnder(root, "signals"),
    names: ["icp", ...namesUnder(root, "conditions")],
    calendars: namesUnder(root, "calendars"),
    nullWords: words(section(root, "nullWords")),
  };
}

/** The names that a section of a file defines. */
export function namesUnder(root: YamlNode, name: string): string[] {
  return entries(section(root, name)).map(([key]) => key);
}

/** Also by a misspelt name, so that not everything which uses the section is a mistake as well. */
function section(root: YamlNode, name: string): YamlNode {
  const all = entries(root).slice(0, 100);
  const found =
    all.find(([key]) => key === name) ?? all.find(([key]) => nearest(key, [name]) === name);
  return found?.[1] ?? null;
}

function words(node: YamlNode): string[] {
  return isSeq(node) ? node.items.flatMap((item) => scalarText(item as YamlNode) ?? []) : [];
}

function entries(node: YamlNode): [string, YamlNode][] {
  return isMap(node)
    ? node.items.map((pair) => [keyText(pair.key) ?? "", pair.value as YamlNode])
    : [];
}
