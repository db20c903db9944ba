import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pino } from "pino";
import { createApp } from "../../../api/app.ts";
import { agreementOf } from "../../../agreement/stored.ts";
import { connectTemporal } from "../../../api/temporal.ts";
import { signOffer, type OfferLink } from "../../../messages/offer-link.ts";
import { signingKey } from "../../../store/access/signing-key.ts";
import { erasePerson } from "../../../store/intake/erasure.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
  await world.pool.query(
    `update rep
      set name = 'Rep One', hours = '{"zone":"Europe/Berlin","week":{"mon":["00:00-24:00"]}}'
     where id = 'rp_one'`,
  );
});
afterAll(() => world.close());

const day = 86_400_000;
/** The word of a link to the offer that `rp_one` has. */
async function linkTo(leadId: string, more: Partial<OfferLink> = {}): Promise<string> {
  const link = {
    repId: "rp_one",
    leadId,
    cycle: 1,
    round: 1,
    until: world.now() + day,
    ...more,
  };
  return signOffer(await signingKey(world.pool, world.now()), link);
}
async function offered(): Promise<{ id: string; token: string }> {
  const id = await world.lead("rp_one");
  return { id, token: await linkTo(id) };
}

interface Page {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}
async function open(token: string, method = "GET"): Promise<Page> {
  const answer = await world.app.request(`/console/offer/${token}`, { method });
  return { status: answer.status, text: plain(await answer.text()), headers: answer.headers };
}
/** The fields of the first form with this action, as a browser would send them. */
async function formOf(token: string, action: string): Promise<Record<string, string>> {
  const answer = await world.app.request(`/console/offer/${token}`);
  const form = (await answer.text())
    .split("<form")
    .find((one) => one.includes(`name="action" value="${action}"`));
  return Object.fromEntries(
    [...(form ?? "").matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)].map(
      ([, name, value]) => [name, value],
    ),
  );
}
async function send(
  token: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Page> {
  const answer = await world.app.request(`/console/offer/${token}`, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      origin: "http://baton.test",
      ...headers,
    },
    body: new URLSearchParams(fields).toString(),
  });
  return { status: answer.status, text: plain(await answer.text()), headers: answer.headers };
}
const plain = (text: string) => text.replace(/\s+/g, " ");
const press = async (token: string, action: string, more: Record<string, string> = {}) =>
  send(token, { ...(await formOf(token, action)), ...more });
const standing = async (id: string) =>
  (await world.pool.query("select stage, owner_id, step from process where subject_id = $1", [id]))
    .rows[0];
const actionsOf = async (id: string) =>
  (
    await world.pool.query(
      "select name, by_id, role, via, body, result from action where lead_id = $1 order by " +
        "received_at, id",
      [id],
    )
  ).rows;

describe("the page that a mail leads to", () => {
  test("opens without a sign-in and says whom, why, by when in the reader's zone, and how to call", async () => {
    const { id, token } = await offered();
    await world.pool.query(
      `update lead
        set facts = facts ||
          '{"lead.phone":{"value":"+49 30 1","from":"form","at":"2026-11-20T11:00:00Z"},
        "lead.name":{"value":"Kim <b>Example</b>","from":"form","at":"2026-11-20T11:00:00Z"}}'
       where id = $1`,
      [id],
    );
    const { status, text, headers } = await open(token);
    expect(status).toBe(200);
    expect(text).toContain("<h1>Kim &lt;b&gt;Example&lt;/b&gt;</h1>");
    expect(text).toContain('href="tel:+49301"');
    expect(text).toContain("a lead type matched");
    expect(text).toContain("Monday 23 November 2026, 17:00 (Europe/Berlin)");
    expect(text).toContain("due in 1 h");
    expect(headers.get("cache-control")).toBe("no-store");
    // With no-referrer a browser would not say where the form came from, either.
    expect(headers.get("referrer-policy")).toBe("same-origin");
    const policy = headers.get("content-security-policy") ?? "";
    for (const rule of ["default-src 'none'", "script-src 'none'", "style-src 'self'"])
      expect(policy.split("; ")).toContain(rule);
    expect(policy).not.toContain("unsafe");
    expect(text).not.toMatch(/<script|javascript:| on\w+=| style=/i);
  });

  test("to open it changes nothing, however often and by whatever program", async () => {
    const { id, token } = await offered();
    const before = await standing(id);
    for (const method of ["GET", "HEAD", "GET"])
      expect((await open(token, method)).status).toBe(200);
    expect(await standing(id)).toEqual(before);
    expect(await actionsOf(id)).toEqual([]);
  });

  test("accepts with one button, once, and says so afterwards", async () => {
    const { id, token } = await offered();
    const form = await formOf(token, "accept");
    expect(await send(token, form)).toMatchObject({ status: 303 });
    expect((await send(token, form)).status).toBe(303);
    expect(await actionsOf(id)).toMatchObject([
      { name: "accept", by_id: "rp_one", role: "rep", via: "mail", result: { done: true } },
    ]);
    expect(await standing(id)).toMatchObject({ stage: "sal", owner_id: "rp_one" });
    const { text } = await open(token);
    expect(text).toContain("You accepted it on Monday 23 November 2026, 16:00 (Europe/Berlin).");
    expect(text).not.toContain('value="accept"');
  });

  test("logs an attempt, and counts it", async () => {
    const { id, token } = await offered();
    const call = { channel: "call", outcome: "no_answer" };
    expect((await press(token, "logOutreach", call)).status).toBe(303);
    expect(await actionsOf(id)).toMatchObject([{ name: "logOutreach", body: call, via: "mail" }]);
    expect((await open(token)).text).toContain("Attempts logged: 1.");
  });

  test("rejects with a reason of the agreement; what a reason lacks is said, and nothing is stored", async () => {
    const { id, token } = await offered();
    const note = "In <b>spring</b>";
    const missing = await press(token, "reject", { reason: "dated-timing", note });
    expect(missing.status).toBe(422);
    // What was typed is there to be corrected.
    expect(missing.text).toContain('<details open="">');
    expect(missing.text).toContain(">In &lt;b&gt;spring&lt;/b&gt;</textarea>");
    expect(missing.text).toMatch(/role="alert">Not done: expected the date to come back on/);
    const unknown = await press(token, "reject", { reason: "not-ready" });
    expect([unknown.status, unknown.text]).toEqual([
      422,
      expect.stringContaining("&quot;not ready&quot; is not a reason"),
    ]);
    expect(await actionsOf(id)).toEqual([]);
    const told = { reason: "dated-timing", revisitOn: "2027-01-31", note: "Asked for spring" };
    expect((await press(token, "reject", told)).status).toBe(303);
    expect(await actionsOf(id)).toMatchObject([{ name: "reject", body: told }]);
    expect((await open(token)).text).toContain(
      "You rejected it on Monday 23 November 2026, 16:00 (Europe/Berlin), because: dated " +
        "timing. It is in re-nurture now",
    );
  });
});

describe("a link that is over says in a sentence what happened, and can do nothing", () => {
  test("another round: the lead went to somebody else, or came back by a later mail", async () => {
    const { id, token } = await offered();
    const form = await formOf(token, "accept");
    await world.pool.query(
      "update handoff set round = 2, rep_id = 'rp_two' where subject_id = $1",
      [id],
    );
    await world.pool.query("update process set owner_id = 'rp_two' where subject_id = $1", [id]);
    await world.pool.query(
      `update assignment set ended_at = '2026-11-23T14:30:00Z', ended_why = 'outreach SLA missed'
       where handoff_id = (select id from handoff where subject_id = $1)`,
      [id],
    );
    const { status, text } = await open(token);
    expect(status).toBe(200);
    expect(text).toContain(
      "It was taken back on Monday 23 November 2026, 15:30 (Europe/Berlin): outreach SLA " +
        "missed. It is MQL now, with Person rp_two.",
    );
    expect(text).not.toMatch(/<form|tel:|mailto:/);
    expect((await send(token, form)).status).toBe(409);
    expect(await standing(id)).toMatchObject({ stage: "mql", owner_id: "rp_two" });
    await world.pool.query(
      "update handoff set round = 3, rep_id = 'rp_one' where subject_id = $1",
      [id],
    );
    await world.pool.query("update process set owner_id = 'rp_one' where subject_id = $1", [id]);
    expect((await open(token)).text).toContain("with you again: a later mail leads to it");
    expect((await send(token, form)).status).toBe(409);
    expect(await actionsOf(id)).toEqual([]);
  });

  test("expired: who has the lead still is told where to answer", async () => {
    const { id } = await offered();
    const token = await linkTo(id, { until: world.now() });
    const { text } = await open(token);
    expect(text).toContain("was good until Monday 23 November 2026, 16:00 (Europe/Berlin)");
    expect(text).toContain("The lead is still with you");
    const form = { action: "accept", key: "a".repeat(32), stage: "mql" };
    expect((await send(token, form)).status).toBe(409);
    expect(await standing(id)).toMatchObject({ stage: "mql" });
  });

  test("a page that was open while another answer won is told what stands", async () => {
    const { id, token } = await offered();
    const form = await formOf(token, "reject");
    await press(token, "accept");
    const late = await send(token, { ...form, reason: "wrong-role" });
    expect(late.status).toBe(409);
    expect(late.text).toContain("Not done: the lead was mql and is sal now.");
    expect(await standing(id)).toMatchObject({ stage: "sal" });
  });

  test("who has left can do nothing and is shown nobody's data", async () => {
    const { id, token } = await offered();
    const form = await formOf(token, "accept");
    await world.pool.query("update rep set active = false where id = 'rp_one'");
    const page = await open(token);
    expect(page.text).toContain("somebody who has left");
    expect(page.text).not.toContain("Kim");
    await send(token, form);
    await world.pool.query("update rep set active = true where id = 'rp_one'");
    expect(await standing(id)).toMatchObject({ stage: "mql" });
  });

  test("an erased person is named no more", async () => {
    const { id, token } = await offered();
    await inTransaction(world.pool, (tx) => erasePerson(tx, id, "tn_operator", world.now()));
    const { text } = await open(token);
    expect(text).toContain("The person was erased; nothing is kept about them.");
    expect(text).not.toContain("Kim");
  });

  test.each([
    ["nobody's", () => "abc"],
    ["without its signature", (token: string) => token.split(".")[0]!],
    ["with one letter changed", (token: string) => `${token.slice(0, -2)}AA`],
    [
      "of another lead under this signature",
      (token: string, other: string) => `${other.split(".")[0]}.${token.split(".")[1]}`,
    ],
    ["longer than any", (token: string) => `${token}${"a".repeat(600)}`],
  ])("one that is %s is none", async (_, forge) => {
    const [one, other] = [await offered(), await offered()];
    const forged = forge(one.token, other.token);
    expect((await open(forged)).status).toBe(404);
    const form = await formOf(one.token, "accept");
    expect((await send(forged, form)).status).toBe(404);
    expect(await standing(one.id)).toMatchObject({ stage: "mql" });
  });
});

test("a form that another page sends is refused, and so is one without its key", async () => {
  const { id, token } = await offered();
  const form = await formOf(token, "accept");
  expect((await send(token, form, { "sec-fetch-site": "cross-site" })).status).toBe(403);
  for (const origin of ["null", "http://baton.test.evil.example", "https://baton.test"])
    expect((await send(token, form, { origin })).status, origin).toBe(403);
  expect((await send(token, { action: "accept" })).status).toBe(422);
  expect((await send(token, { ...form, action: "reassign" })).status).toBe(422);
  expect(await standing(id)).toMatchObject({ stage: "mql" });
  expect((await send(token, form, { "sec-fetch-site": "same-origin" })).status).toBe(303);
});

test(
  "links only show, or are none, where the settings say so; what breaks is logged without its " +
    "address",
  async () => {
    const { id, token } = await offered();
    const lines: string[] = [];
    const app = (mailLinks: "view" | "off", agreements = createAgreements(agreementOf)) =>
      createApp({
        ...world.pools,
        agreements,
        temporal: connectTemporal({
          address: "127.0.0.1:1",
          namespace: "default",
          reachableMs: 40,
        }),
        clock: () => world.now(),
        publicUrl: "http://baton.test",
        log: pino({ level: "trace" }, { write: (line: string) => void lines.push(line) }),
        mailLinks,
      });
    const form = new URLSearchParams({ action: "accept", key: "b".repeat(32), stage: "mql" });
    const post = { method: "POST", body: form, headers: { origin: "http://baton.test" } };
    const shown = await app("view").request(`/console/offer/${token}`);
    expect([shown.status, (await shown.text()).includes("<form")]).toEqual([200, false]);
    expect((await app("view").request(`/console/offer/${token}`, post)).status).toBe(403);
    expect((await app("off").request(`/console/offer/${token}`)).status).toBe(404);
    const broken = { version: () => Promise.reject(new TypeError("broken")) } as never;
    expect((await app("view", broken).request(`/console/offer/${token}`)).status).toBe(500);
    expect(lines.join("")).toContain("GET /console/offer/{token}");
    expect(lines.join("")).not.toContain(token);
    expect(await standing(id)).toMatchObject({ stage: "mql" });
  },
);
