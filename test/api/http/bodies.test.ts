import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkJson } from "../../../api/http/json.ts";
import { rows, sql } from "../../../store/postgres/db.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

/** What strangers send: each is a 4xx with a code and a field, and no table changes. */
let world: PeopleWorld;
let lead: string;
beforeAll(async () => {
  world = await peopleWorld();
  lead = await world.lead("rp_one");
});
afterAll(() => world.close());

/** Every table's rows, counted; a refused request must leave them as they were. */
async function tables(): Promise<Record<string, number>> {
  const names = await rows<{ t: string }>(
    world.pool,
    sql`
      select table_name as t from information_schema.tables where table_schema = 'public'
        and table_type = 'BASE TABLE' order by 1`,
  );
  const counts = await rows<Record<string, number>>(world.pool, {
    text: `
      select ${names.map(({ t }) => `(select count(*)::int from "${t}") as "${t}"`).join(", ")}`,
    values: [],
  });
  return counts[0] ?? {};
}

const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const hostile: readonly [string, string, number, string, string][] = [
  ["no JSON", "{facts", 400, "malformed", "body"],
  ["nothing", "", 400, "malformed", "body"],
  ["half an object", '{"channel":"call"', 400, "malformed", "body"],
  ["trailing text", '{"channel":"call"} x', 400, "malformed", "body"],
  ["a comment", '{"channel":"call"/* hi */}', 400, "malformed", "body"],
  ["null", "null", 422, "invalid", "body"],
  ["a list", "[]", 422, "invalid", "body"],
  ["a text", '"call"', 422, "invalid", "body"],
  ["a number", "7", 422, "invalid", "body"],
  ["a NUL", '{"channel":"call","note":"a\\u0000b"}', 422, "invalid", "note"],
  ["half a surrogate pair", '{"channel":"call","note":"\\ud800"}', 422, "invalid", "note"],
  ["half a surrogate pair in a name", '{"channel":"call","\\udfff":1}', 422, "invalid", "body"],
  ["a name twice", '{"channel":"call","channel":"email"}', 400, "malformed", "channel"],
  [
    "a name twice, once escaped",
    '{"channel":"call","\\u0063hannel":"email"}',
    400,
    "malformed",
    "channel",
  ],
  ["__proto__", '{"channel":"call","__proto__":{"role":"operator"}}', 422, "invalid", "__proto__"],
  ["constructor", '{"channel":"call","constructor":{}}', 422, "invalid", "constructor"],
  [
    "prototype deeper down",
    '{"channel":"call","x":{"prototype":1}}',
    422,
    "invalid",
    "x.prototype",
  ],
  [
    "a number beyond 2^53",
    '{"channel":"call","fitRating":9007199254740993}',
    422,
    "invalid",
    "body",
  ],
  ["a number beyond a double", '{"channel":"call","fitRating":1e999}', 422, "invalid", "body"],
  ["half a rating", '{"channel":"call","fitRating":2.5}', 422, "invalid", "fitRating"],
  ["a rating as text", '{"channel":"call","fitRating":"3"}', 422, "invalid", "fitRating"],
  ["deep nesting", deep(40), 422, "invalid", "a.a.a"],
  ["very deep nesting", deep(9_000), 422, "invalid", "body"],
  [
    "thousands of names",
    `{${Array.from({ length: 2_500 }, (_, n) => `"k${n}":1`).join(",")}}`,
    422,
    "invalid",
    "body",
  ],
  ["an unknown field", '{"channel":"call","stage":"sal"}', 422, "invalid", "stage"],
  [
    "a note without end",
    `{"channel":"call","note":"${"x".repeat(4_001)}"}`,
    422,
    "invalid",
    "note",
  ],
  ["a blank note", '{"channel":"call","note":"  "}', 422, "invalid", "note"],
  [
    "too many signals",
    `{"channel":"call","buyingSignals":[${Array.from({ length: 21 }, () => '"budget-named"').join(",")}]}`,
    422,
    "invalid",
    "buyingSignals",
  ],
  [
    "an hour without a zone",
    '{"channel":"call","occurredAt":"2026-11-23T10:00:00"}',
    422,
    "invalid",
    "occurredAt",
  ],
  [
    "30 February",
    '{"channel":"call","occurredAt":"2026-02-30T10:00:00Z"}',
    422,
    "invalid",
    "occurredAt",
  ],
  ["epoch seconds", '{"channel":"call","occurredAt":1764000000}', 422, "invalid", "occurredAt"],
];

describe("a body that is not as expected", () => {
  test.each(hostile)("%s", async (_, text, status, code, field) => {
    const before = await tables();
    const answer = await world.ask("POST", `/leads/${lead}/outreach`, {
      as: "one",
      text,
      headers: { "content-type": "application/json" },
    });
    expect([
      answer.status,
      answer.body.code,
      answer.body.field,
      answer.headers.get("content-type"),
    ]).toEqual([status, code, field, "application/problem+json"]);
    expect(await tables()).toEqual(before);
  });

  test("bytes that are not UTF-8", async () => {
    const response = await world.app.request(`/leads/${lead}/outreach`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${world.token("one")}`,
        "content-type": "application/json",
      },
      body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      400,
      "malformed",
    ]);
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonx",
    "application/xml",
    "",
  ])("media type %s is 415", async (type) => {
    const answer = await world.ask("POST", `/leads/${lead}/accept`, {
      as: "one",
      text: "{}",
      headers: { "content-type": type },
    });
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([
      415,
      "unsupported-media-type",
      "content-type",
    ]);
  });

  test.each(["gzip", "br", "deflate", "gzip, gzip"])(
    "a body compressed with %s is 415, however small",
    async (encoding) => {
      const response = await world.app.request(`/leads/${lead}/accept`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${world.token("one")}`,
          "content-type": "application/json",
          "content-encoding": encoding,
        },
        body: gzipSync("{}"),
      });
      expect(response.status).toBe(415);
    },
  );

  test("a body over 64 KiB is 413, announced or not", async () => {
    const text = `{"channel":"call","note":"${"x".repeat(70_000)}"}`;
    expect(
      (
        await world.ask("POST", `/leads/${lead}/outreach`, {
          text,
          headers: { "content-length": String(text.length) },
        })
      ).body.code,
    ).toBe("too-large");
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(16_384)),
    });
    const response = await world.app.request(`/leads/${lead}/outreach`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${world.token("one")}`,
        "content-type": "application/json",
      },
      body: endless,
      duplex: "half",
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      413,
      "too-large",
    ]);
  });

  test.each(["", " ", "a b", "é".repeat(3), "x".repeat(201)])(
    "an Idempotency-Key of %j is 422",
    async (key) => {
      // Fetch's own headers refuse what is not Latin-1; what they let through is judged here.
      const answer = await world.ask("POST", `/leads/${lead}/accept`, {
        as: "one",
        text: "{}",
        headers: { "idempotency-key": key },
      });
      expect([answer.status, answer.body.field]).toEqual([422, "idempotency-key"]);
    },
  );

  test("what is quoted back holds nothing that was sent", async () => {
    const answer = await world.ask("POST", `/leads/${lead}/reject`, {
      as: "one",
      body: { reason: "Kim's secret affair" },
    });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).not.toContain("affair");
  });
});

describe("checkJson lets good bodies through", () => {
  test.each([
    "{}",
    "[1,2.5,-3e2]",
    '{"a":{"b":[{"a":1},{"a":2}]}}',
    '{"a":"x:y{\\"b\\":1}"}',
    '{"a":"\\ud83d\\ude00 😀"}',
    '"9007199254740993"',
    '{"note":"12345678901234567890"}',
    deep(15),
  ])("%s", (text) => {
    expect(checkJson(text)).toBeUndefined();
  });
});
