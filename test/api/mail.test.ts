import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mailRoutes } from "../../api/mail.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { createToken } from "../../store/access/tokens.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
let world: ApiWorld;
let ann: string;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [mailRoutes]);
  await world.pool.query(
    "insert into rep (id, name, email, updated_at) values ('rp_ann', 'Ann', 'ann@sales.test', " +
      "now()), ('rp_bob', 'Bob', 'bob@sales.test', now())",
  );
  ann = (await createToken(world.pool, { role: "rep", repId: "rp_ann", label: "test" }, now))
    .secret;
  for (let n = 0; n < 5; n++) {
    await keepMail(
      world.pool,
      {
        messageId: `<mail-${n}@baton>`,
        to: n % 2 === 0 ? "ann@sales.test" : "bob@sales.test",
        subject: `Lead ${n} <b>`,
        text: "Call.",
        html: "<p>Call.</p><script>alert(1)</script>",
        headers: {},
        about: { leadId: `ld_${n}`, repId: n % 2 === 0 ? "rp_ann" : "rp_bob" },
      },
      now + Math.floor(n / 2),
    );
  }
});
afterAll(() => world.close());

const as = async (token: string, path: string, accept = "application/json") => {
  const response = await world.app.request(path, {
    headers: { authorization: `Bearer ${token}`, accept },
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
};
const ids = (text: string) => JSON.parse(text).items.map((mail: { id: string }) => mail.id);

describe("kept mail", () => {
  test("is listed newest first, page by page, each message once", async () => {
    const first = await world.ask("GET", "/mail?limit=2");
    const second = await world.ask("GET", `/mail?limit=2&cursor=${first.body.next}`);
    const third = await world.ask("GET", `/mail?limit=2&cursor=${second.body.next}`);
    expect(
      [...first.body.items, ...second.body.items, ...third.body.items].map((mail) => mail.id),
    ).toEqual([4, 3, 2, 1, 0].map((n) => `mail-${n}@baton`));
    expect(third.body.next).toBeNull();
    expect(first.body.items[0]).toEqual({
      id: "mail-4@baton",
      to: "ann@sales.test",
      repId: "rp_ann",
      leadId: "ld_4",
      subject: "Lead 4 <b>",
      sentAt: "2026-11-20T12:00:00.002Z",
    });
  });

  test("is read whole by its id", async () => {
    expect((await world.ask("GET", "/mail/mail-1%40baton")).body).toMatchObject({
      id: "mail-1@baton",
      text: "Call.",
      html: expect.stringContaining("<p>Call.</p>"),
    });
    expect((await world.ask("GET", "/mail/none%40baton")).status).toBe(404);
  });

  test("of one lead can be asked for", async () => {
    expect(
      (await world.ask("GET", "/mail?lead=ld_3")).body.items.map((mail: { id: string }) => mail.id),
    ).toEqual(["mail-3@baton"]);
  });

  test("shows a rep their own only; another's looks missing", async () => {
    expect(ids((await as(ann, "/mail")).text)).toEqual([
      "mail-4@baton",
      "mail-2@baton",
      "mail-0@baton",
    ]);
    expect((await as(ann, "/mail/mail-0%40baton")).status).toBe(200);
    expect((await as(ann, "/mail/mail-1%40baton")).status).toBe(404);
    expect((await world.ask("GET", "/mail", undefined, "marketing")).status).toBe(403);
  });

  test("a browser gets a page that escapes what it shows and runs nothing", async () => {
    const list = await as(world.token("operator"), "/mail", "text/html,application/xhtml+xml");
    expect(list.headers.get("content-type")).toMatch(/text\/html/);
    expect(list.text).toContain("Lead 4 &lt;b&gt;");
    expect(list.text).toContain('href="/mail/mail-4%40baton"');
    const one = await as(world.token("operator"), "/mail/mail-4%40baton", "text/html");
    expect(one.text).not.toContain("<script>");
    expect(one.text).toMatch(/<iframe\s+sandbox\b/);
    expect(one.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test("a message id is kept once", async () => {
    await keepMail(
      world.pool,
      {
        messageId: "<mail-0@baton>",
        to: "eve@evil.test",
        subject: "other",
        text: "",
        html: "",
        headers: {},
        about: { leadId: null, repId: null },
      },
      now,
    );
    expect((await world.ask("GET", "/mail/mail-0%40baton")).body).toMatchObject({
      subject: "Lead 0 <b>",
    });
  });
});
