import type { JsonSchema } from "./shape.ts";

/** The parts of a JSON Schema that our shapes use. */
interface Part {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly (string | number | boolean)[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Part;
  readonly properties?: Readonly<Record<string, Part>>;
  readonly additionalProperties?: boolean | Part;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Part[];
  readonly $ref?: string;
}

/**
 * Every key of an agreement as a Markdown page, made from its JSON Schema: where it stands, what it
 * holds, what it means.
 */
export function agreementReference(schema: JsonSchema): string {
  const { properties = {}, required = [] } = schema as Part;
  const sections = Object.entries(properties).map(([key, part]) =>
    [
      `## ${key}`,
      "",
      `${capital(part.description ?? "")}${required.includes(key) ? ". Required" : ""}.`,
      "",
      "| Key | Holds | Means |",
      "|---|---|---|",
      ...rowsOf(key, part, false).map((row) => `| ${row.join(" | ")} |`),
    ].join("\n"),
  );
  return [
    "# Keys of the agreement",
    "",
    "What the rules mean, with examples: [agreement.md](agreement.md). `<name>` is a name that " +
      "the file chooses, `[]` stands for each entry of a list, **bold** keys are required in " +
      "their place.",
    "",
    "Made from `agreement/agreement.schema.json` by `node --import tsx " +
      "tools/agreement-schema.ts`; a test checks that it is current.",
    "",
    ...sections.flatMap((section) => [section, ""]),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

type Row = readonly [key: string, holds: string, means: string];

/** A part, and what lies in it, as rows; `path` leads to it. */
function rowsOf(path: string, part: Part, isRequired: boolean): Row[] {
  const name = isRequired ? `**\`${path}\`**` : `\`${path}\``;
  return [
    [name, cell(formOf(part)), cell(part.description ?? "")],
    ...Object.entries(part.properties ?? {}).flatMap(([key, inner]) =>
      rowsOf(`${path}.${key}`, inner, part.required?.includes(key) ?? false),
    ),
    ...within(`${path}.<name>`, entryOf(part.additionalProperties)),
    ...within(`${path}[]`, part.items),
    ...(part.anyOf ?? []).flatMap((one) => within(path, one)),
  ];
}

/** Of a list's or map's entries only those that have keys of their own are worth rows. */
function within(path: string, part: Part | undefined): Row[] {
  if (part === undefined) return [];
  return rowsOf(path, part, false).slice(1);
}

function entryOf(part: boolean | Part | undefined): Part | undefined {
  return typeof part === "object" ? part : undefined;
}

/** What may stand there, in words. */
function formOf(part: Part): string {
  const { items, additionalProperties: entries, anyOf, $ref } = part;
  if ($ref !== undefined) return `a ${spoken($ref)}`;
  if (anyOf) return [...new Set(anyOf.map(formOf))].join(", or ");
  if (part.enum) return part.enum.map((word) => `\`${String(word)}\``).join(", ");
  if (items) return `a list of ${formOf(items)}${countOf(part)}`;
  if (typeof entries === "object") return `by name: ${formOf(entries)}`;
  if (part.properties) return "keys";
  if (part.pattern !== undefined) return patternOf(part.pattern);
  const types = [part.type ?? "anything"].flat();
  if (types.includes("string"))
    return types.includes("boolean") ? "text, number or yes/no" : "text";
  if (types.includes("boolean")) return "`true` or `false`";
  return `${types.includes("integer") ? "a whole number" : types.join(" or ")}${rangeOf(part)}`;
}

function countOf({ minItems, maxItems }: Part): string {
  if (minItems !== undefined && minItems === maxItems) return `, ${minItems} of them`;
  return minItems === undefined ? "" : `, at least ${minItems}`;
}

function rangeOf({ minimum, maximum, exclusiveMinimum }: Part): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, at least ${minimum}`;
  if (maximum !== undefined) return `, at most ${maximum}`;
  return exclusiveMinimum === undefined ? "" : `, more than ${exclusiveMinimum}`;
}

/** What a pattern with this part stands for; the first that is found counts. */
const samples: readonly (readonly [part: string, sample: string])[] = [
  ["same day", "a time such as `1 business hour`, `24 hours`, `2 business days`, `same day`"],
  ["business", "business time such as `30 business minutes`, `4 business hours`"],
  ["hour", "a time such as `30 minutes`, `24 hours`, `90 days`"],
  ["%", "a share such as `20 %`"],
  ["-", "two numbers such as `2-4`"],
];

/** Texts of a set form, by what a reader would write. */
function patternOf(pattern: string): string {
  const sample = samples.find(([part]) => pattern.includes(part))?.[1];
  if (sample !== undefined) return sample;
  return `text of the form \`${pattern}\``;
}

function spoken(ref: string): string {
  return ref
    .slice(ref.lastIndexOf("/") + 1)
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}
