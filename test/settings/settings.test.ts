import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  settings,
  settingsOf,
  webhookSecretsOf,
  type SettingReader,
} from "../../settings/settings.ts";
import { temporalProfileOf } from "../../temporal/profile.ts";

const needed = { DATABASE_URL: "postgres://x", TEMPORAL_ADDRESS: "127.0.0.1:7233" };
const readers: readonly SettingReader[] = ["baton", "worker", "api"];

describe("a variable that is set but empty counts as not set", () => {
  test.each(readers)("for each variable that %s reads", (reader) => {
    const unset = settingsOf(reader, needed);
    for (const [name, { by }] of Object.entries(settings)) {
      if (!(by as readonly SettingReader[]).includes(reader) || name in needed) continue;
      for (const blank of ["", "  ", "\t"])
        expect(settingsOf(reader, { ...needed, [name]: blank })).toEqual(unset);
    }
  });

  test.each(readers)("for any of them at once that %s reads", (reader) => {
    const unset = settingsOf(reader, needed);
    const names = Object.keys(settings).filter((name) => !(name in needed));
    const blanks = fc.dictionary(
      fc.constantFrom(...names),
      fc.string({ unit: fc.constantFrom("", " ", "\t", "\n"), maxLength: 3 }),
    );
    fc.assert(
      fc.property(blanks, (blank) => {
        expect(settingsOf(reader, { ...needed, ...blank })).toEqual(unset);
        expect(temporalProfileOf({ ...needed, ...blank })).toEqual(temporalProfileOf(needed));
      }),
    );
  });

  test.each(["worker", "api"] as const)("also where %s cannot do without it", (reader) => {
    expect(() => settingsOf(reader, { ...needed, DATABASE_URL: " " })).toThrow(
      "DATABASE_URL is not set; give the address of a Postgres database.",
    );
  });
});

describe("a wrong value is named with what was expected", () => {
  test.each<[SettingReader, Record<string, string>, string]>([
    ["baton", { PORT: "0" }, 'PORT is "0"; give a port number from 1 to 65535.'],
    ["api", { PORT: "70000" }, 'PORT is "70000"; give a port number from 1 to 65535.'],
    ["api", { RATE_LIMIT_TOKEN: "-1" }, "give requests per second, or 0 for no limit."],
    ["api", { TRUSTED_PROXIES: "10.0.0.0/8, here" }, "give addresses or networks such as"],
    ["api", { TRUSTED_PROXIES: "10.0.0.0/33" }, "give addresses or networks such as"],
    ["api", { BATON_REHEARSE: "true" }, 'BATON_REHEARSE is "true"; give yes or no.'],
    ["worker", { OPERATOR_MAIL: "a@x, b@y" }, "give one plain mail address."],
    ["worker", { LOG_LEVEL: "loud" }, 'LOG_LEVEL is "loud"; give one of fatal, error, warn,'],
    ["baton", { LOG_LEVEL: "loud" }, 'LOG_LEVEL is "loud"; give one of fatal, error, warn,'],
    [
      "worker",
      { TEMPORAL_ADDRESS: "https://temporal.example" },
      'TEMPORAL_ADDRESS is "https://temporal.example"; give host and port of a Temporal server.',
    ],
    ["baton", { TEMPORAL_TLS: "yes" }, 'TEMPORAL_TLS is "yes"; give true or false.'],
    [
      "worker",
      { WORKER_CACHED_WORKFLOWS: "1" },
      'WORKER_CACHED_WORKFLOWS is "1"; give a number from 2 to 100000.',
    ],
    [
      "worker",
      { WORKER_ACTIVITY_POLLERS: "1e9" },
      'WORKER_ACTIVITY_POLLERS is "1e9"; give a number from 1 to 100.',
    ],
    ["worker", { PUBLIC_URL: "baton.example" }, "give an address such as https://baton.example."],
    ["api", { BATON_CRASH_AT: "here" }, 'BATON_CRASH_AT is "here"; give the name of a crash'],
  ])("%s, %j", (reader, env, sentence) => {
    expect(() => settingsOf(reader, { ...needed, ...env })).toThrow(sentence);
  });

  test("all of them at once, with the program that cannot start", () => {
    expect(() => settingsOf("worker", { PUBLIC_URL: "nowhere" })).toThrow(
      "the worker cannot start: DATABASE_URL is not set; give the address of a Postgres database. " +
        "TEMPORAL_ADDRESS is not set; give host and port of a Temporal server. " +
        'PUBLIC_URL is "nowhere"; give an address such as https://baton.example.',
    );
  });

  test("a secret is not repeated", () => {
    expect(() => settingsOf("baton", { OPERATOR_TOKEN: "hunter2" })).toThrow(
      "OPERATOR_TOKEN is not as expected; give bt_ and at least 20 random characters.",
    );
  });

  test("what a program does not read cannot stop it", () => {
    expect(
      settingsOf("worker", { ...needed, PORT: "abc", OPERATOR_TOKEN: "x" }),
    ).not.toHaveProperty("PORT");
  });
});

test.each([
  [undefined, "http://127.0.0.1:3000"],
  ["", "http://127.0.0.1:3000"],
  ["https://baton.example", "https://baton.example"],
  ["https://baton.example/", "https://baton.example"],
])("links begin with PUBLIC_URL, %j, without a slash at its end", (given, address) => {
  for (const reader of readers)
    expect(settingsOf(reader, { ...needed, PUBLIC_URL: given }).PUBLIC_URL).toBe(address);
});

test("without PUBLIC_URL links go to the port of the API", () => {
  expect(settingsOf("api", { ...needed, PORT: "3100" })).toMatchObject({
    PORT: 3100,
    HOST: "127.0.0.1",
    PUBLIC_URL: "http://127.0.0.1:3100",
  });
});

test("secrets of webhooks go by source, several while one is replaced", () => {
  const [one, two] = [7, 8].map((byte) => `whsec_${Buffer.alloc(24, byte).toString("base64")}`);
  const env = { WEBHOOK_SECRET_HUB_SPOT: `${one} ${two}`, WEBHOOK_SECRET_HOUSE: " ", OTHER: "x" };
  expect(webhookSecretsOf(env)).toEqual({ "hub-spot": [one, two] });
});

test("a webhook secret of another form stops the start by its name, and is not repeated", () => {
  const good = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
  for (const wrong of ["secret", "whsec_", "whsec_c2hvcnQ=", `${good} whsec_not base64`]) {
    const read = () => webhookSecretsOf({ WEBHOOK_SECRET_HUB_SPOT: wrong });
    expect(read).toThrow(
      "the API cannot start: WEBHOOK_SECRET_HUB_SPOT: expected whsec_ and base64",
    );
    expect(read).not.toThrow("c2hvcnQ=");
  }
});

test("docs/running.md lists every setting with its default and its readers", () => {
  const guide = readFileSync(new URL("../../docs/running.md", import.meta.url), "utf8");
  const rows = [...guide.matchAll(/^\| `([A-Z_]+)` \| ([^|]*)\| ([^|]+) \|/gm)].map(
    ([, name, fallback, by]) => [name, fallback?.trim().replaceAll("`", "") || null, by],
  );
  const expected = Object.entries(settings).map(([name, { fallback, by }]) => [
    name,
    fallback,
    by.join(", "),
  ]);
  expect(expected.length).toBeGreaterThan(15);
  expect(rows).toEqual(expected);
});
