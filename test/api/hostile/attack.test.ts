import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rows, sql } from "../../../store/postgres/db.ts";
import { headersOf, mark, marks, type Attack, type Group, type Target } from "./attack/attacks.ts";
import { oddJson, wrongTypes } from "./attack/fields.ts";
import { headers, paths } from "./attack/lines.ts";
import { addresses } from "./attack/people.ts";
import { goodProofs, links, tokens, webhooks } from "./attack/proofs.ts";
import {
  heldTimes,
  probeHealth,
  serveApart,
  type Health,
  type Reply,
  type Served,
} from "./attack/served.ts";
import { documents, tiringFiles, uploads } from "./attack/uploads.ts";
import { hostileWorld, type HostileWorld } from "./world.ts";

/**
 * An API as a process of its own, over Postgres, under attack: it refuses, repeats nobody's name,
 * writes nothing and goes on answering. `BATON_ATTACK=long` tries everything everywhere.
 */
const isLong = process.env["BATON_ATTACK"] === "long";

let world: HostileWorld;
let api: Served;
let target: Target;
let endProbe: () => Promise<Health>;
let begun: number;
const figures = { sent: 0, refused: 0, changed: 0 };
const sent: { readonly what: string; readonly from: number; readonly to: number }[] = [];

beforeAll(async () => {
  world = await hostileWorld();
  api = await serveApart(world.people.databaseUrl, {
    WEBHOOK_SECRET_HOUSE: world.secret,
    RATE_LIMIT_TOKEN: "0",
    RATE_LIMIT_ADDRESS: "0",
  });
  target = { world, api, isLong };
  // What is valid beside it; also what the first of its kind leaves behind for ever, as a key does.
  for (const one of await goodProofs(target)) {
    let reply = await one.send();
    // A busy machine may not answer in time: what it says then is to ask again.
    for (let n = 0; reply.status === 503 && n < 20; n++) reply = await one.send();
    expect(reply.status, `${one.what}: ${reply.text}`).toBeLessThan(300);
  }
  begun = Date.now();
  endProbe = probeHealth(api.port);
});

afterAll(async () => {
  await api.stop();
  await world.close();
});

/** What is wrong with an answer to something that must be refused; null when nothing is. */
function wrongWith({ status, headers: told, text }: Reply): string | null {
  const isLater = status === 503 && told["retry-after"] !== undefined;
  if ((status < 400 || status > 499) && !isLater) return `answered ${status} ${text.slice(0, 200)}`;
  if (status === 429 && told["retry-after"] === undefined) return "does not say when to come again";
  if (marks.test(text)) return `repeats whom it was about: ${text.slice(0, 300)}`;
  return null;
}

async function attack(attacks: readonly Attack[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const one of attacks) {
    const reply = await timed(one);
    const isCut = one.isEndless && reply.status === 0;
    const why = isCut ? null : wrongWith(reply);
    if (why === null) figures.refused++;
    else wrong.push(`${one.what}: ${why}`);
  }
  return wrong;
}

/** The tables that are not as they were. */
function changedTables(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): string[] {
  return Object.keys(now).filter((name) => now[name] !== before[name]);
}

const groups: readonly [string, (target: Target) => Group | Promise<Group>][] = [
  ["uploads", uploads],
  ["agreements, drafts and rosters", documents],
  ["e-mail addresses", addresses],
  ["wrong types", wrongTypes],
  ["odd JSON", oddJson],
  ["headers", headers],
  ["paths and queries", paths],
  ["tokens", tokens],
  ["webhooks", webhooks],
  ["links of mails", links],
];

describe("is refused, names nobody and changes no table:", () => {
  test.each(groups)("%s", { timeout: isLong ? 1_800_000 : 90_000 }, async (_, make) => {
    const { attacks } = await make(target);
    const before = await world.snapshot();
    const wrong = await attack(attacks);
    expect(wrong).toEqual([]);
    const changed = changedTables(before, await world.snapshot());
    figures.changed += changed.length;
    expect(changed).toEqual([]);
  });
});

describe("files that tire are read to their end, and no row is a lead:", () => {
  test("tried out", { timeout: 900_000 }, async () => {
    const before = await world.snapshot();
    const wrong: string[] = [];
    for (const one of tiringFiles(target, { dryRun: true }).attacks) {
      const { status, text } = await timed(one);
      if (status === 422 || status === 413) figures.refused++;
      else if (status !== 200) wrong.push(`${one.what}: answered ${status} ${text.slice(0, 200)}`);
      if (marks.test(text)) wrong.push(`${one.what}: repeats whom it was about`);
    }
    expect(wrong).toEqual([]);
    expect(changedTables(before, await world.snapshot())).toEqual([]);
  });

  test("imported", { timeout: 900_000 }, async () => {
    const before = await world.snapshot();
    const wrong: string[] = [];
    for (const one of tiringFiles(target, { dryRun: false }).attacks) {
      const from = Date.now();
      const { status, text } = await timed(one);
      if (status === 202) await imported(JSON.parse(text) as { id: string });
      else if (status < 400 || status > 499)
        wrong.push(`${one.what}: answered ${status} ${text.slice(0, 200)}`);
      sent.push({ what: `${one.what}, imported`, from, to: Date.now() });
    }
    expect(wrong).toEqual([]);
    // What an import leaves behind, and its refused rows, which are to be corrected.
    expect(changedTables(before, await world.snapshot())).toEqual(["import", "import_error"]);
    const told = await rows(
      world.people.pool,
      sql`
        select state, sum(created + merged)::int as taken from import
          where id <> ${world.things.import} group by state`,
    );
    expect(told).toEqual([{ state: "done", taken: 0 }]);
    const quoted = await rows(
      world.people.pool,
      sql`select message from import_error where message ~* 'quillfeather|7654321' limit 3`,
    );
    expect(quoted).toEqual([]);
  });
});

/** Waits until an import is over. */
async function imported({ id }: { readonly id: string }): Promise<void> {
  for (;;) {
    const { text } = await api.send("GET", `/imports/${id}`, { headers: headersOf(target) });
    if ((JSON.parse(text) as { state: string }).state !== "running") return;
    await pause(20);
  }
}

async function timed(one: Attack): Promise<Reply> {
  const from = Date.now();
  const reply = await one.send();
  sent.push({ what: one.what, from, to: Date.now() });
  figures.sent++;
  return reply;
}

describe("an API with limits", () => {
  let limited: Served;
  beforeAll(async () => {
    limited = await serveApart(world.people.databaseUrl, {
      WEBHOOK_SECRET_HOUSE: world.secret,
      RATE_LIMIT_TOKEN: "20",
      RATE_LIMIT_ADDRESS: "100",
    });
  });
  afterAll(() => limited.stop());

  test("closes what stalls with a 408, and says when too much may be asked again", async () => {
    const before = await world.snapshot();
    const line = (path: string, more: string, as: string | null = world.people.token("operator")) =>
      `POST ${path} HTTP/1.1\r\nHost: ` +
      `x\r\n${as === null ? "" : `Authorization: Bearer ${as}\r\n`}${more}\r\n\r\n`;
    const json = "Content-Type: application/json\r\n";
    const stalled = Promise.all(
      [
        `${line("/leads", `${json}Content-Length: 200`)}{"facts":{"lead.name":"${mark.name}"`,
        `${line("/leads", `${json}Transfer-Encoding: chunked`)}5\r\n{"fac\r\n`,
        line("/imports", "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900"),
        `${line("/console/offer/x.y", `Origin: http://127.0.0.1:${limited.port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 90`, null)}a`,
        `GET /leads HTTP/1.1\r\nHost: x\r\nX-Begun: `,
      ].map((bytes) => limited.say(bytes, 25_000)),
    );
    const asked: Reply[] = [];
    for (let n = 0; n < 260; n++)
      asked.push(await limited.send("GET", "/agreement", { headers: headersOf(target) }));
    for (let n = 0; n < 60; n++)
      asked.push(
        await limited.send("GET", "/leads", { headers: { authorization: `Bearer baton_${n}` } }),
      );
    const late = asked.filter(({ status }) => status === 429);
    expect(late.length).toBeGreaterThan(50);
    expect(late.map(({ headers: told }) => told["retry-after"])).not.toContain(undefined);
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([200, 401, 429]));
    const over = await stalled;
    expect(over.map(({ status }) => status)).toEqual(over.map(() => 408));
    expect(over.map(({ headers: told }) => told["connection"])).toEqual(over.map(() => "close"));
    figures.sent += asked.length + over.length;
    figures.refused += late.length + over.length;
    expect(changedTables(before, await world.snapshot())).toEqual([]);
    expect(limited.program.lines.filter((one) => marks.test(one))).toEqual([]);
  });
});

test("the whole attack is three hundred inputs and more, and left nothing in any table or log", async () => {
  const health = await endProbe();
  const held = heldTimes(api.program)
    .filter(({ at, held: ms }) => at - ms >= begun)
    .map(({ at, ...one }) => ({
      ...one,
      during:
        sent.find(({ from, to }) => at >= from && at - one.held <= to)?.what ??
        `second ${Math.round((at - begun) / 1_000)}`,
    }));
  const most = held.toSorted((a, b) => b.cpu - a.cpu).slice(0, isLong ? 30 : 8);
  const seconds = Math.round((Date.now() - begun) / 1000);
  process.stdout.write(
    `attack: ${JSON.stringify({ ...figures, seconds, health })}\nheld: ` +
      `${JSON.stringify(most, null, 1)}\n`,
  );
  if (process.env["BATON_ATTACK_TIMES"])
    for (const { what, from, to } of sent
      .toSorted((a, b) => b.to - b.from - (a.to - a.from))
      .slice(0, 40))
      process.stdout.write(`${to - from} ms ${what}\n`);
  expect(figures.sent).toBeGreaterThan(isLong ? 3_000 : 300);
  expect(health.failed).toBe(0);
  expect(api.program.lines.filter((line) => marks.test(line))).toEqual([]);
  expect(api.program.lines.filter((line) => /a request broke|"level":[56]0/.test(line))).toEqual(
    [],
  );
});
