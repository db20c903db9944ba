import type { FieldPath, FieldType } from "../handoff/facts/facts.ts";
import type { YamlNode } from "./source.ts";
import { isMap, isScalar, isSeq } from "yaml";
import { builtInFields } from "../handoff/facts/facts.ts";
import { scalarText } from "./shape.ts";
import { keyText } from "./source.ts";

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
    signals: entries(section(root, "signals")).map(([name]) => name),
    names: ["icp", ...entries(section(root, "conditions")).map(([name]) => name)],
    calendars: entries(section(root, "calendars")).map(([name]) => name),
    nullWords: words(section(root, "nullWords")),
  };
}

function section(root: YamlNode, name: string): YamlNode {
  return entries(root).find(([key]) => key === name)?.[1] ?? null;
}

function words(node: YamlNode): string[] {
  return isSeq(node) ? node.items.flatMap((item) => scalarText(item as YamlNode) ?? []) : [];
}

function entries(node: YamlNode): [string, YamlNode][] {
  return isMap(node)
    ? node.items.map((pair) => [keyText(pair.key) ?? "", pair.value as YamlNode])
    : [];
}
