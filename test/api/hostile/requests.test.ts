import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scopeOf } from "../../../api/http/authorisation.ts";
import { routeKey } from "../../../api/http/route-key.ts";
import { signWebhook } from "../../../crm/webhook.ts";
import { peopleMap } from "../../support/import-files.ts";
import { bodyRoutes } from "./bodies.ts";
import { badCursors, badLimits, badQueries, queryRoutes } from "./queries.ts";
import { clientCodes, hostileWorld, type HostileWorld, type Sent, type Told } from "./world.ts";

let world: HostileWorld;
beforeAll(async () => {
  world = await hostileWorld();
});
afterAll(() => world.close());

/**
 * One request that must be refused: with this status, or any 4xx; naming a field unless `null` is
 * expected.
 */
interface Hostile {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly sent?: () => Sent;
  readonly status?: number;
  readonly field?: string | null;
}

function wrongWith({ status, body, text }: Told, hostile: Hostile): string | null {
  if (status < 400 || status > 499 || (hostile.status !== undefined && status !== hostile.status))
    return `answered ${status} ${text.slice(0, 160)}`;
  if (!clientCodes.has(body.code)) return `has the code ${body.code}`;
  // Missing and forbidden look the same, and neither says which part of the address was meant.
  if (status === 404 || status === 401 || status === 405) return null;
  if (
    hostile.field === undefined
      ? typeof body.field !== "string" || body.field === ""
      : body.field !== hostile.field
  )
    return `names the field ${body.field}`;
  return null;
}

async function refusedWithoutTrace(all: readonly Hostile[]): Promise<void> {
  expect(all.length).toBeGreaterThan(0);
  const before = await world.snapshot();
  const wrong: string[] = [];
  for (const hostile of all) {
    const why = wrongWith(
      await world.send(hostile.method, world.at(hostile.path), hostile.sent?.()),
      hostile,
    );
    if (why) wrong.push(`${hostile.method} ${hostile.path.slice(0, 120)} ${hostile.what}: ${why}`);
  }
  expect(wrong).toEqual([]);
  expect(await world.snapshot()).toEqual(before);
}

const methodOf = (route: string) => route.split(" ")[0] ?? "";
const eachBody = (
  list: (good: string) => readonly {
    readonly what: string;
    readonly sent: () => Sent;
    readonly status: number;
    readonly field: string;
  }[],
): Hostile[] =>
  bodyRoutes.flatMap((route) =>
    list(JSON.stringify(route.good())).map((one) => ({
      ...one,
      method: methodOf(route.route),
      path: route.path,
    })),
  );
const endless = () =>
  new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(0x20)),
  });
describe("refused with a code and the field, and no table changes:", () => {
  test(
    "compressed bodies and bombs",
    () =>
      refusedWithoutTrace([
        ...eachBody((good) =>
          [
            ["gzip", gzipSync],
            ["br", brotliCompressSync],
            ["deflate", deflateSync],
            ["gzip, gzip", gzipSync],
            ["GZIP", gzipSync],
            ["x-unknown", (text: string) => Buffer.from(text)],
          ].map(([encoding, pack]) => ({
            what: String(encoding),
            status: 415,
            field: "content-encoding",
            sent: () => ({
              headers: { "content-type": "application/json", "content-encoding": String(encoding) },
              body: new Uint8Array((pack as typeof gzipSync)(good)),
            }),
          })),
        ),
        {
          what: "a bomb for an import",
          method: "POST",
          path: "/imports",
          status: 415,
          field: "content-encoding",
          sent: () => ({
            headers: {
              "content-type": "multipart/form-data; boundary=x",
              "content-encoding": "gzip",
            },
            body: new Uint8Array(gzipSync(Buffer.alloc(100 << 20))),
          }),
        },
        {
          what: "a bomb for a webhook",
          method: "POST",
          path: "/webhooks/house",
          status: 415,
          field: "content-encoding",
          sent: () => ({
            as: null,
            headers: { "content-encoding": "gzip" },
            body: new Uint8Array(gzipSync(Buffer.alloc(10 << 20))),
          }),
        },
      ]),
    60_000,
  );

  test(
    "other media types",
    () =>
      refusedWithoutTrace(
        eachBody((good) =>
          [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/jsonp",
            "application/json-patch+json",
            "application/problem+json",
            "text/json",
            "json",
            "*/*",
            "application/json, text/plain",
          ].map((type) => ({
            what: type,
            status: 415,
            field: "content-type",
            sent: () => ({ headers: { "content-type": type }, body: good }),
          })),
        ),
      ),
    60_000,
  );

  test(
    "bytes that are not UTF-8",
    () =>
      refusedWithoutTrace(
        eachBody((good) =>
          [
            [0xff],
            [0xc0, 0xaf],
            [0xed, 0xa0, 0x80],
            [0xf5, 0x80, 0x80, 0x80],
            [0xe2, 0x82],
            [0xfe, 0xff, 0x00, 0x7b],
          ].map((bytes) => ({
            what: bytes.map((one) => one.toString(16)).join(" "),
            status: 400,
            field: "body",
            sent: () => ({
              headers: { "content-type": "application/json" },
              body: new Uint8Array(
                Buffer.concat([
                  Buffer.from(`${good.slice(0, -1)},"x":"`),
                  Buffer.from(bytes),
                  Buffer.from('"}'),
                ]),
              ),
            }),
          })),
        ),
      ),
    60_000,
  );

  test(
    "huge bodies, announced or not, and endless ones",
    () =>
      refusedWithoutTrace(
        eachBody((good) => {
          const huge = `${good.slice(0, -1)},"x":"${"x".repeat(4_300_000)}"}`;
          return [
            {
              what: "announced",
              status: 413,
              field: "body",
              sent: () => ({ headers: { "content-length": String(huge.length) }, body: huge }),
            },
            { what: "not announced", status: 413, field: "body", sent: () => ({ body: huge }) },
            {
              what: "endless",
              status: 413,
              field: "body",
              sent: () => ({ headers: { "content-type": "application/json" }, body: endless() }),
            },
          ];
        }),
      ),
    60_000,
  );

  test(
    "endless uploads and webhooks",
    () =>
      refusedWithoutTrace([
        {
          what: "an upload without end",
          method: "POST",
          path: "/imports",
          status: 413,
          field: "file",
          sent: () => ({
            headers: { "content-type": "multipart/form-data; boundary=x" },
            body: endless(),
          }),
        },
        {
          what: "a webhook without end",
          method: "POST",
          path: "/webhooks/house",
          status: 413,
          field: "body",
          sent: () => ({ as: null, body: endless() }),
        },
      ]),
    60_000,
  );

  test(
    "cursors that are none of ours",
    () =>
      refusedWithoutTrace(
        queryRoutes
          .filter(({ pages }) => pages)
          .flatMap(({ path, cursors }) =>
            badCursors
              .filter(([what]) => !cursors?.includes(what))
              .map(([what, key]) => ({
                what,
                method: "GET",
                path: `${path}?cursor=${key}`,
                field: "cursor",
              })),
          ),
      ),
    60_000,
  );

  test(
    "queries with unknown, repeated and foreign names",
    () =>
      refusedWithoutTrace([
        ...queryRoutes.flatMap(({ path, pages }) =>
          badQueries
            .filter((query) => pages || !query.startsWith("limit="))
            .map((query) => ({ what: "", method: "GET", path: `${path}?${query}` })),
        ),
        ...queryRoutes
          .filter(({ pages }) => pages)
          .flatMap(({ path }) =>
            badLimits.map((limit) => ({
              what: "",
              method: "GET",
              path: `${path}?limit=${limit}`,
              field: "limit",
            })),
          ),
        ...queryRoutes.flatMap(({ path, bad = {} }) =>
          Object.entries(bad).flatMap(([name, values]) =>
            values.map((value) => ({
              what: "",
              method: "GET",
              path: `${path}?${name}=${value}`,
              field: name,
            })),
          ),
        ),
        ...queryRoutes.flatMap(({ path }) =>
          ["%00", "a%00b"].map((value) => ({
            what: "",
            method: "GET",
            path: `${path}?q=${value}`,
            field: "url",
          })),
        ),
      ]),
    60_000,
  );

  test(
    "ids that look like SQL, paths and worse",
    () =>
      refusedWithoutTrace(
        world.app.routes
          // A page of a mail says to a person what is wrong with its link.
          .filter(({ path }) => !path.startsWith("/console/"))
          .filter(({ method, path }) => method !== "ALL" && path.includes(":"))
          // Whoever may not use a route at all hears nothing about an id.
          .filter(({ method, path }) => scopeOf(routeKey(method, path), "operator") !== undefined)
          .flatMap(({ method, path }) => {
            const good =
              bodyRoutes
                .find(({ route }) => route === `${method} ${path.replace(/:(\w+)/g, "{$1}")}`)
                ?.good() ?? {};
            return [
              "' or '1'='1",
              "ld_1;drop table lead",
              "../../etc/passwd",
              "..%2f..%2fetc",
              "%2500",
              "😀",
              "__proto__",
              "constructor",
              "ld_",
              "x".repeat(5_000),
              "null",
              "undefined",
              "-1",
              "1e9",
              "ld_0000000000zzzzzzzzzz",
              "%ff",
              "%E0%A4%A",
              "*",
              "${7*7}",
              "<script>",
            ].map((id) => ({
              what: "",
              method,
              path: `${path.replace(/:\w+(\{.*\})?/g, encodeURI(id).replace(/%25(?=2500|2f|ff|E0|A4)/g, "%"))}${method === "DELETE" && path.startsWith("/house") ? "?by=rp_one" : ""}`,
              ...(method === "GET" || method === "DELETE"
                ? {}
                : { sent: () => ({ body: JSON.stringify(good) }) }),
            }));
          }),
      ),
    60_000,
  );

  test("addresses with a NUL in them", () =>
    refusedWithoutTrace(
      [
        "/leads/%00",
        "/leads/ld_%00",
        "/house/leads/%00/status",
        "/nowhere%00",
        "/reports/funnel?source=%00",
      ].map((path) => ({ what: "", method: "GET", path, field: "url" })),
    ));

  test("idempotency keys of another form", () =>
    refusedWithoutTrace(
      bodyRoutes
        .filter(({ route }) => route.startsWith("POST ") && !route.includes("/v1/"))
        .flatMap(({ route, path, good }) =>
          [
            "",
            " ",
            "a b",
            "é",
            "x".repeat(201),
            "a\tb",
            "a, b",
            "ключ".replace(/./g, "\u00ff"),
            "\u007f",
          ].map((key) => ({
            what: JSON.stringify(key),
            method: methodOf(route),
            path,
            status: 422,
            field: "idempotency-key",
            sent: () => ({ headers: { "idempotency-key": key }, body: JSON.stringify(good()) }),
          })),
        ),
    ));

  test("tokens that are none", () =>
    refusedWithoutTrace(
      [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x y",
        "bearer baton_",
        "Basic x",
        "Basic !!!!",
        "Digest a",
        "Bearer ' or '1'='1",
        "Bearer \u00ff",
        `Bearer ${"x".repeat(513)}`,
        "Bearer baton_x, Bearer baton_y",
        "null",
        `Basic ${Buffer.from("\u0000:").toString("base64")}`,
      ].flatMap((authorization) =>
        ["/leads", "/mail", "/reports/funnel"].map((path) => ({
          what: authorization,
          method: "GET",
          path,
          status: 401,
          sent: () => ({ as: null, headers: { authorization } }),
        })),
      ),
    ));

  test(
    "agreements that are none, and bombs of aliases",
    () =>
      refusedWithoutTrace(
        [
          "[",
          "a: b",
          "a: &a [*a]",
          "&a a: *a",
          "- 1",
          "%YAML 9",
          "!!js/function 'x'",
          "a: 1\na: 2",
          "---\na: 1\n---\nb: 2",
          "x",
          "\t",
          "{}",
          "__proto__: 1",
          "agreement: 9007199254740993",
          `x: ${"[".repeat(2_000)}`,
          `a: &a [x,x]\n${Array.from({ length: 30 }, (_, n) => `b${n}: &b${n} [*${n ? `b${n - 1}` : "a"},*${n ? `b${n - 1}` : "a"}]`).join("\n")}`,
          "clocks: { outreach: -4h }",
          "clocks: { outreach: 4 fortnights }",
          "clocks: { outreach: PT99999999999H }",
        ].map((content) => ({
          what: content.slice(0, 30),
          method: "POST",
          path: "/agreement/versions",
          field: "content",
          sent: () => ({ body: JSON.stringify({ content }) }),
        })),
      ),
    60_000,
  );

  test("webhooks without a proof, or with one for something else", () =>
    refusedWithoutTrace([
      ...(() => {
        const body = '{"id":"x"}';
        const signed = signWebhook(world?.secret ?? "whsec_AAAA", {
          id: "evt_1",
          at: Date.parse("2026-11-23T15:00:00Z"),
          body,
        });
        return [
          {},
          { ...signed, "webhook-signature": "" },
          { ...signed, "webhook-signature": "v1," },
          { ...signed, "webhook-signature": `v1,${"A".repeat(44)}` },
          { ...signed, "webhook-id": "evt_2" },
          { ...signed, "webhook-id": "" },
          { ...signed, "webhook-timestamp": "now" },
          { ...signed, "webhook-timestamp": "1e9" },
          { ...signed, "webhook-timestamp": "-1" },
          { ...signed, "webhook-timestamp": "99999999999999999999" },
          { ...signed, "webhook-signature": "v1,".repeat(2_000) },
        ].map((headers, n) => ({
          what: String(n),
          method: "POST",
          path: "/webhooks/house",
          status: 401,
          sent: () => ({ as: null, headers, body }),
        }));
      })(),
      ...[
        "nowhere",
        "house2",
        "HOUSE",
        "a_b",
        "..",
        "constructor",
        "__proto__",
        "x".repeat(50),
      ].map((source) => ({
        what: "",
        method: "POST",
        path: `/webhooks/${source}`,
        ...(/^[a-z][a-z0-9-]{0,40}$/.test(source) ? { status: 404 } : {}),
        sent: () => ({ as: null, body: "{}" }),
      })),
    ]));

  test("signed webhooks that cannot be stored as they are", () =>
    refusedWithoutTrace(
      [
        "",
        "x",
        "{",
        '{"a":1,"a":2}',
        '{"__proto__":1}',
        '"\\u0000"',
        '{"a":"\\ud800"}',
        '{"a":9007199254740993}',
        `${"[".repeat(60)}${"]".repeat(60)}`,
      ].map((body, n) => ({
        what: body,
        method: "POST",
        path: "/webhooks/house",
        sent: () => ({
          as: null,
          headers: {
            ...signWebhook(world.secret, { id: `evt_${n}`, at: world.people.now(), body }),
          },
          body,
        }),
      })),
    ));
});

const edge = "----batonTestFormBoundary7MA4YWxkTrZu0gW";

/** A form as bytes: also such as no browser makes. */
const form = (parts: readonly string[], boundary = edge, end = `--${edge}--\r\n`) =>
  `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join("")}${end}`;
const file = (content: string, head = 'form-data; name="file"; filename="leads.csv"') =>
  `Content-Disposition: ${head}\r\nContent-Type: text/csv\r\n\r\n${content}`;
const field = (name: string, content: string) =>
  `Content-Disposition: form-data; name="${name}"\r\n\r\n${content}`;
const csv = "Id,Name,E-mail,Size,Source\n1,Ann,ann@acme.com,3,Web\n";
const upload = (
  what: string,
  body: string | Uint8Array<ArrayBuffer>,
  expected: { field: string; status?: number },
  type = `multipart/form-data; boundary=${edge}`,
): Hostile => ({
  what,
  method: "POST",
  path: "/imports",
  ...expected,
  sent: () => ({
    headers: { "content-type": type },
    body: typeof body === "string" ? new Uint8Array(Buffer.from(body)) : body,
  }),
});

describe("uploads refused with a code and the field, and no table changes:", () => {
  test(
    "tricks with forms",
    () =>
      refusedWithoutTrace([
        upload("JSON", "{}", { field: "content-type", status: 415 }, "application/json"),
        upload("no type", "", { field: "content-type", status: 415 }, ""),
        upload(
          "urlencoded",
          "file=a&map=b",
          { field: "content-type", status: 415 },
          "application/x-www-form-urlencoded",
        ),
        upload(
          "a type that begins alike",
          form([file(csv), field("map", peopleMap)]),
          { field: "content-type", status: 415 },
          `multipart/form-datax; boundary=${edge}`,
        ),
        upload(
          "no boundary",
          form([file(csv), field("map", peopleMap)]),
          { field: "content-type" },
          "multipart/form-data",
        ),
        upload(
          "another boundary",
          form([file(csv), field("map", peopleMap)]),
          { field: "body" },
          "multipart/form-data; boundary=----anotherBoundaryThanTheOneInTheForm",
        ),
        upload("nothing", "", { field: "body" }),
        upload("no parts", `--${edge}--\r\n`, { field: "file" }),
        upload("cut off", form([file(csv), field("map", peopleMap)], edge, ""), { field: "body" }),
        upload("no file", form([field("map", peopleMap)]), { field: "file" }),
        upload("a file that is a text", form([field("file", csv), field("map", peopleMap)]), {
          field: "file",
        }),
        upload("no map", form([file(csv)]), { field: "map" }),
        upload(
          "a map as a file and as a text",
          form([
            file(csv),
            file(peopleMap, 'form-data; name="map"; filename="map.yaml"'),
            field("map", peopleMap),
          ]),
          { field: "map" },
        ),
        upload("two files", form([file(csv), file(csv), field("map", peopleMap)]), {
          field: "file",
        }),
        upload("two maps", form([file(csv), field("map", peopleMap), field("map", peopleMap)]), {
          field: "map",
        }),
        upload(
          "an unknown field",
          form([file(csv), field("map", peopleMap), field("role", "operator")]),
          { field: "role" },
        ),
        upload(
          "a dry run that is none",
          form([file(csv), field("map", peopleMap), field("dryRun", "yes")]),
          { field: "dryRun" },
        ),
        upload(
          "thousands of parts",
          form([
            file(csv),
            field("map", peopleMap),
            ...Array.from({ length: 3_000 }, (_, n) => field(`f${n}`, "x")),
          ]),
          { field: "body" },
        ),
        upload(
          "__proto__ as a field",
          form([file(csv), field("map", peopleMap), field("__proto__", "x")]),
          { field: "__proto__" },
        ),
      ]),
    60_000,
  );

  test(
    "maps that are none",
    () =>
      refusedWithoutTrace(
        [
          "[",
          "",
          "x",
          "columns:",
          "columns: []",
          "columns: { Id: lead.nothing }",
          "columns: { Id: __proto__ }",
          "columns: { __proto__: lead.email }",
          "columns: { Id: externalId }\nzone: Mars",
          "columns: { Id: externalId }\ndelimiter: x",
          "columns: &a { Id: externalId }\nb: *a",
          "columns: { Id: externalId }\nrole: operator",
          "columns: { Id: { to: externalId, date: yyyy-yyyy } }",
          "columns: { Id: externalId }\nconstants: { lead.nothing: x }",
          `columns: ${"[".repeat(500)}`,
          `# ${"x".repeat(257 * 1024)}`,
          "\u0000",
        ].map((map) =>
          upload(map.slice(0, 40), form([file(csv), field("map", map)]), { field: "map" }),
        ),
      ),
    60_000,
  );

  test("files that are no CSV", () =>
    refusedWithoutTrace(
      [
        "",
        "\n\n",
        "Id,Name\n",
        "Id,Id,Name,E-mail,Size,Source\n",
        '"Id,Name,E-mail,Size,Source\n',
        "PK\u0003\u0004\u0000\u0000",
        "%PDF-1.7",
        "<html>",
      ].map((content) =>
        upload(content, form([file(content), field("map", peopleMap)]), { field: "file" }),
      ),
    ));

  test("a column whose name holds a NUL, in map and file alike", () =>
    refusedWithoutTrace([
      upload(
        "begun",
        form([file("a\u0000b\n1\n"), field("map", 'columns: { "a\\0b": externalId }')]),
        { field: "map" },
      ),
    ]));

  test("a file that is UTF-16 cut in half", () =>
    refusedWithoutTrace([
      upload(
        "half a character",
        new Uint8Array(
          Buffer.concat([
            Buffer.from(
              `--${edge}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`,
            ),
            Buffer.from([0xff, 0xfe, 0x00, 0xd8]),
            Buffer.from(`\r\n--${edge}\r\n${field("map", peopleMap)}\r\n--${edge}--\r\n`),
          ]),
        ),
        { field: "file" },
      ),
    ]));
});
