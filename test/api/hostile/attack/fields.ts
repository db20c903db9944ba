import { bodyRoutes } from "../bodies.ts";
import { asks, mark, some, type Attack, type Group, type Target } from "./attacks.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly nullable?: boolean;
}
interface Operation {
  readonly requestBody?: {
    readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
  };
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const types = ["null", "boolean", "number", "string", "array", "object"] as const;
type JsonType = (typeof types)[number];
const ofType: Readonly<Record<JsonType, readonly unknown[]>> = {
  null: [null],
  boolean: [true, false],
  number: [7.5, -1, 1e308, 0],
  string: [mark.word, "", "7", "[]"],
  array: [[], [[]], [null], [mark.email]],
  object: [{}, { a: 1 }, { toString: "x" }],
};

/** The types that a schema takes; undefined: anything. */
function takes(schema: Schema, all: Description): ReadonlySet<JsonType> | undefined {
  const one = resolved(schema, all);
  const parts = one.anyOf ?? one.oneOf;
  if (parts) {
    const each = parts.map((part) => takes(part, all));
    return each.includes(undefined)
      ? undefined
      : new Set(each.flatMap((part) => [...(part ?? [])]));
  }
  const named = one.type === undefined ? [] : [one.type].flat();
  const valued = [...(one.enum ?? []), ...("const" in one ? [one.const] : [])].map(typeOf);
  const found = named.length > 0 ? named : valued;
  if (found.length === 0) return undefined;
  return new Set(
    [...found, ...(one.nullable ? ["null"] : [])].map(
      (name) => (name === "integer" ? "number" : name) as JsonType,
    ),
  );
}

function typeOf(value: unknown): JsonType {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : (typeof value as JsonType);
}

function resolved(schema: Schema, all: Description): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : resolved(all.components?.schemas?.[name] ?? {}, all);
}

type Path = readonly (string | number)[];

/** Every field of a schema, with what it takes. */
function fieldsOf(
  schema: Schema,
  all: Description,
  path: Path = [],
): { readonly path: Path; readonly takes: ReadonlySet<JsonType> | undefined }[] {
  if (path.length > 8) return [];
  const one = resolved(schema, all);
  const inner = [
    ...(one.allOf ?? []).flatMap((part) => fieldsOf(part, all, path)),
    ...(one.anyOf ?? one.oneOf ?? []).flatMap((part) =>
      // What a field of several forms takes inside depends on which of them it is.
      resolved(part, all).properties ? [] : fieldsOf(part, all, path),
    ),
    ...Object.entries(one.properties ?? {}).flatMap(([name, part]) =>
      fieldsOf(part, all, [...path, name]),
    ),
    ...(one.items ? fieldsOf(one.items, all, [...path, 0]) : []),
  ];
  return path.length === 0 ? inner : [{ path, takes: takes(one, all) }, ...inner];
}

/** A copy with one value replaced; undefined where the way to it is not there. */
function replaced(body: unknown, path: Path, value: unknown): object | undefined {
  const copy = structuredClone(body) as Record<string | number, unknown>;
  let place = copy;
  for (const name of path.slice(0, -1)) {
    const next = place[name];
    if (typeof next !== "object" || next === null) return undefined;
    place = next as Record<string | number, unknown>;
  }
  place[path.at(-1) ?? ""] = value;
  return copy;
}

/** Wrong types in every field of every JSON body that the description of the API knows. */
export async function wrongTypes(target: Target): Promise<Group & { readonly fields: number }> {
  const told = await target.api.send("GET", "/openapi.json");
  const all = JSON.parse(told.text) as Description;
  const attacks: Attack[] = [];
  let fields = 0;
  for (const [path, operations] of Object.entries(all.paths))
    for (const [method, operation] of Object.entries(operations)) {
      const schema = operation.requestBody?.content?.["application/json"]?.schema;
      const route = `${method.toUpperCase()} ${path}`;
      // What trackers send is open: what is odd in it is passed over, and answered 200.
      if (!schema || path.startsWith("/v1/")) continue;
      const known = bodyRoutes.find((one) => one.route === route);
      for (const field of fieldsOf(schema, all)) {
        if (field.takes === undefined) continue;
        const wrong = types.flatMap((type) => (field.takes?.has(type) ? [] : ofType[type]));
        const good = known?.good() ?? {};
        if (replaced(good, field.path, 0) === undefined) continue;
        fields++;
        attacks.push(
          ...some(target, wrong, wrong.length, fields).flatMap((value) => {
            const body = replaced(good, field.path, value);
            return body === undefined
              ? []
              : [
                  asks(
                    target,
                    `${route} ${field.path.join(".")} = ${JSON.stringify(value)}`,
                    method.toUpperCase(),
                    known?.path ?? path.replace(/\{\w+\}/g, "x"),
                    { body },
                  ),
                ];
          }),
        );
      }
    }
  return { name: "wrong types in every field that OpenAPI lists", attacks, fields };
}

/** JSON that is no answer to any question. */
export function oddJson(target: Target): Group {
  const facts = `{"facts":{"lead.email":"${mark.email}","lead.name":"${mark.name}"}`;
  const texts: readonly (readonly [string, string])[] = [
    ["40 levels", `${facts},"x":${'{"a":'.repeat(40)}1${"}".repeat(40)}}`],
    ["30,000 lists, never closed", "[".repeat(30_000)],
    ["30,000 objects, never closed", '{"a":'.repeat(10_000)],
    ["a number of 60,000 digits", `${facts},"occurredAt":${"9".repeat(60_000)}}`],
    ["a number beyond numbers", `{"facts":{"account.employees":1e999}}`],
    ["a number that is not kept", `{"facts":{"account.employees":9007199254740993}}`],
    ["a tiny number", `{"facts":{"account.employees":1e-400,"lead.name":"${mark.name}"}}`],
    ["a name twice", `${facts},"facts":{}}`],
    ["a name twice, escaped", `${facts},"\\u0066acts":{}}`],
    ["a fact twice", `{"facts":{"lead.email":"${mark.email}","lead.email":"${mark.email}"}}`],
    ["__proto__", `${facts},"__proto__":{"role":"operator"}}`],
    ["__proto__ among the facts", `{"facts":{"__proto__":{"lead.email":"${mark.email}"}}}`],
    ["__proto__, escaped", `${facts},"\\u005f_proto__":1}`],
    ["constructor", `${facts},"constructor":{"prototype":{"role":"operator"}}}`],
    ["toString as a fact", `{"externalId":"x","facts":{"toString":"x"}}`],
    ["hasOwnProperty as a fact", `{"externalId":"x","facts":{"hasOwnProperty":1}}`],
    ["no facts", "{}"],
    ["a list", `[${facts}}]`],
    ["two bodies", `${facts}}${facts}}`],
    ["a comma too many", `${facts},}`],
    ["a comment", `/* x */${facts}}`],
    ["NaN", `{"facts":{"account.employees":NaN}}`],
    ["Infinity", `{"facts":{"account.employees":-Infinity}}`],
    ["hexadecimal", `{"facts":{"account.employees":0x10}}`],
    ["an octal number", `{"facts":{"account.employees":010}}`],
    ["single quotes", `{'facts':{'lead.email':'${mark.email}'}}`],
    ["a line break in a text", `{"facts":{"lead.name":"${mark.name}\n"}}`],
    ["a NUL in a text", `{"externalId":"x","facts":{"lead.name":"${mark.name}\\u0000"}}`],
    ["half a character", `{"externalId":"x","facts":{"lead.name":"${mark.name}\\ud800"}}`],
    ["the other half", `{"externalId":"\\udfff","facts":{"lead.name":"${mark.name}"}}`],
    ["a fact of nobody's", `{"externalId":"x","facts":{"lead.nothing":"${mark.name}"}}`],
    ["an id of somebody", `{"id":"ld_0000000000zzzzzzzzzz","facts":{"lead.name":"${mark.name}"}}`],
    ["an id that is none", `{"id":"' or 1=1--","facts":{"lead.name":"${mark.name}"}}`],
    [
      "a time before everything",
      `{"externalId":"x","facts":{},"occurredAt":"-009999-01-01T00:00:00Z"}`,
    ],
    ["a time that is none", `{"externalId":"x","facts":{},"occurredAt":"2026-02-30T00:00:00Z"}`],
    ["a time of words", `{"externalId":"x","facts":{},"occurredAt":"yesterday ${mark.word}"}`],
    [
      "an engagement without a type",
      `{"externalId":"x","facts":{},"engagements":[{"id":"${mark.word}"}]}`,
    ],
    [
      "101 engagements",
      `{"externalId":"x","facts":{},"engagements":[${Array.from({ length: 101 }, (_, n) => `{"id":"${n}","type":"demo_request"}`).join(",")}]}`,
    ],
    [
      "5,000 facts",
      `{"externalId":"x","facts":{${Array.from({ length: 5_000 }, (_, n) => `"lead.f${n}":1`).join(",")}}}`,
    ],
    [
      "a list of 20,000 words",
      `{"externalId":"x","facts":{"account.techStack":[${'"x",'.repeat(16_000)}"x"]}}`,
    ],
    ["a long text", `{"externalId":"x","facts":{"lead.name":"${mark.name.repeat(1_000)}"}}`],
    ["a mark of byte order", `\ufeff${facts}`],
    ["UTF-7", "+AHs-"],
    ["XML with an entity", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`],
  ];
  const elsewhere: readonly (readonly [string, string, string])[] = [
    ["POST", "/leads/{lead}/accept", '{"note":{"$ne":1}}'],
    ["POST", "/leads/{lead}/outreach", '{"channel":["call"],"outcome":"connected"}'],
    ["POST", "/leads/{lead}/reject", `{"reason":"${mark.word}"}`],
    ["PATCH", "/leads/{lead}", `{"facts":{"account.employees":"${mark.name}"}}`],
    ["PATCH", "/leads/{lead}", `{"facts":{"lead.email":null}}`],
    ["PATCH", "/leads/{lead}", `{"facts":{"lead.stage":"sql"}}`],
    ["POST", "/simulate", `{"facts":{"lead.email":"${mark.email}"},"at":"0001-01-01T00:00:00Z"}`],
    ["POST", "/simulate", `{"draft":"x","facts":{"lead.email":"${mark.email}"}}`],
    ["POST", "/tasks/{task}/done", `{"how":"${"x".repeat(501)}"}`],
    ["POST", "/house/leads/{houseLead}/owner", `{"by":"${mark.word}","owner":"rp_two"}`],
    ["POST", "/house/leads/{houseLead}/merge", `{"by":"rp_one","into":"${mark.word}"}`],
    [
      "POST",
      "/reviews/{review}/decisions",
      `{"decisions":[{"leadId":"${mark.word}","decision":"keep"},{}]}`,
    ],
  ];
  return {
    name: "odd JSON",
    attacks: [
      ...texts.map(([what, text]) => asks(target, what, "POST", "/leads", { body: text })),
      ...elsewhere.map(([method, path, text]) =>
        asks(target, `${method} ${path} ${text.slice(0, 40)}`, method, path, { body: text }),
      ),
    ],
  };
}
