import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { consoleRoutes } from "../../api/console/app.tsx";
import { deviceOf } from "../../api/sign-in.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import { createSmtpMail } from "../../messages/mail/smtp.ts";
import { ensureLogin } from "../../store/access/logins.ts";
import { makeLink } from "../../store/access/sign-in-links.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { sweep, usualDays } from "../../store/inbox/sweep.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { putReps } from "../../store/routing/roster-edit.ts";
import { sendSignInMails } from "../../worker/sign-in-mails.ts";
import { apiWorld } from "../support/api-world.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";
import { smtpSink, type SmtpSink } from "../support/smtp-sink.ts";
import { signedIn, visiting } from "../support/visitor.ts";

const minute = 60_000;
const day = 86_400_000;
let world: PeopleWorld;
let sink: SmtpSink;
beforeEach(async () => {
  [world, sink] = await Promise.all([peopleWorld(), smtpSink()]);
});
afterEach(async () => {
  await Promise.all([world.close(), sink.close()]);
});

const anybody = () => visiting(world);
const later = (ms: number) => world.setNow(world.now() + ms);
const rowsOf = async (table: string) =>
  rows(world.pool, { text: `select * from ${table}`, values: [] });
const trail = () =>
  rows<{ actor: string; what: string; subject: string; detail: Record<string, string> }>(
    world.pool,
    sql`select actor, what, subject, detail from audit where what like 'session.%' order by id`,
  );

/** A link as a terminal prints it, as the path of the console. */
async function link(role: "operator" | "rep" = "rep"): Promise<string> {
  const wish = role === "rep" ? { role, repId: "rp_one" } : { role };
  const login = await ensureLogin(world.pool, wish, world.now());
  return `/console/in/${await makeLink(world.pool, login.id, "printed", world.now())}`;
}

/** Follows a link to its end; gives the cookie. */
async function takeLink(path: string) {
  const taken = await anybody().post(path, {});
  expect([taken.status, taken.location]).toEqual([303, "/console"]);
  const set = taken.headers.get("set-cookie") ?? "";
  const [name = "", value = ""] = set.split(";")[0]?.split("=") ?? [];
  return { set, ...visiting(world, { name, value }) };
}

const smtp = () => ({
  pool: world.pool,
  mail: createSmtpMail({ url: sink.url, from: "baton@company.example" }),
  publicUrl: "http://baton.test",
  clock: () => world.now(),
});

describe("a link", () => {
  test("says whom it signs in, changes nothing when it is opened, and is good once", async () => {
    const path = await link();
    const before = await rowsOf("sign_in_link");
    for (let n = 0; n < 2; n++) {
      const page = await anybody().get(path);
      expect([page.status, page.headers.get("set-cookie")]).toEqual([200, null]);
      expect(page.text).toContain("Sign in as Person rp_one");
    }
    expect([await rowsOf("sign_in_link"), await rowsOf("session")]).toEqual([before, []]);
    const { set, get } = await takeLink(path);
    expect(set).toMatch(/^baton-80=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
    expect((await get("/console/me")).text).toContain("Person rp_one");
    for (const again of [await anybody().get(path), await anybody().post(path, {})])
      expect([again.status, again.text]).toEqual([
        404,
        expect.stringContaining("This link is over"),
      ]);
  });

  test("of two who take it at once, one is signed in", async () => {
    const path = await link();
    const both = await Promise.all([anybody().post(path, {}), anybody().post(path, {})]);
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 404]);
  });

  test("the form that took it may be sent again, for its answer can be lost; one session is left", async () => {
    const path = await link();
    const key = "c".repeat(32);
    const sent = [
      await anybody().post(path, { key }),
      ...(await Promise.all([anybody().post(path, { key }), anybody().post(path, { key })])),
    ];
    expect(sent.map(({ status }) => status)).toEqual([303, 303, 303]);
    const works = await Promise.all(
      sent.map(async ({ headers }) => {
        const value = /=([^;]+)/.exec(headers.get("set-cookie") ?? "")?.[1] ?? "";
        return (await visiting(world, { name: "baton-80", value }).get("/console/me")).status;
      }),
    );
    expect(works.filter((status) => status === 200).length).toBe(1);
    expect((await anybody().post(path, { key: "d".repeat(32) })).status).toBe(404);
    later(10 * minute);
    expect((await anybody().post(path, { key })).status).toBe(404);
  });

  test("is over after ten minutes, and when its person has left", async () => {
    const path = await link();
    later(10 * minute);
    expect((await anybody().post(path, {})).status).toBe(404);
    const next = await link();
    await leave("rp_one");
    expect((await anybody().post(next, {})).status).toBe(404);
  });

  test("nonsense is no link", async () => {
    for (const secret of ["x", "a".repeat(43), "%00", "a".repeat(3000)])
      expect([404, 422]).toContain((await anybody().get(`/console/in/${secret}`)).status);
  });

  test("leads to the page that was asked for, and to none elsewhere", async () => {
    const to = "/console/queue?cursor=abc";
    const page = await anybody().get(`${await link()}?to=${encodeURIComponent(to)}`);
    expect(page.text).toContain(`name="to" value="${to}"`);
    const taken = await anybody().post(await link(), { to });
    expect(taken.location).toBe(to);
    for (const wrong of [
      "https://evil.example/console",
      "//evil.example",
      "/console\\..\\..\\evil",
      "/consolee",
      "/leads",
      "javascript:alert(1)",
      "/console/\t/evil",
    ])
      expect((await anybody().post(await link(), { to: wrong })).location, wrong).toBe("/console");
  });
});

describe("a session", () => {
  test("is on record from sign-in to sign-out, and over after that", async () => {
    const { get, post } = await takeLink(await link());
    const out = await post("/console/out", {});
    expect([out.status, out.location]).toEqual([303, "/console/in"]);
    expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await get("/console/me")).location).toBe("/console/in?to=%2Fconsole%2Fme");
    const [session] = await rowsOf("session");
    const { id: subject, login_id: login } = session as { id: string; login_id: string };
    expect(await trail()).toEqual([
      {
        actor: "rp_one",
        what: "session.started",
        subject,
        detail: { login, role: "rep", way: "printed" },
      },
      { actor: "rp_one", what: "session.ended", subject, detail: { because: "signed out" } },
    ]);
  });

  test("ends when it is not used for seven days, and lives on while it is", async () => {
    const { get } = await takeLink(await link());
    for (let n = 0; n < 3; n++) {
      later(6 * day);
      expect((await get("/console/me")).status).toBe(200);
    }
    later(7 * day);
    expect((await get("/console/me")).status).toBe(303);
  });

  test("ends after thirty days however much it is used, an operator's after twelve hours", async () => {
    const rep = await takeLink(await link());
    const operator = await takeLink(await link("operator"));
    later(12 * 60 * minute - 1);
    expect((await operator.get("/console/me")).status).toBe(200);
    later(1);
    expect((await operator.get("/console/me")).status).toBe(303);
    for (let n = 0; n < 29; n++) {
      later(day);
      expect((await rep.get("/console/me")).status).toBe(200);
    }
    later(day);
    expect((await rep.get("/console/me")).status).toBe(303);
  });

  test("its secret lies nowhere in the database", async () => {
    const { set } = await takeLink(await link());
    const secret = /=([\w-]{43})/.exec(set)?.[1] ?? "none";
    expect(JSON.stringify([await rowsOf("session"), await rowsOf("audit")])).not.toContain(secret);
  });

  test("ends with its person's leaving, and stays over when they come back", async () => {
    const { get } = await takeLink(await link());
    await leave("rp_one");
    expect((await get("/console/me")).status).toBe(303);
    await leave("rp_one", true);
    expect((await get("/console/me")).status).toBe(303);
  });

  test("ends with the role that it was started in: who is no manager any more reads as none", async () => {
    const boss = await signedIn(
      { ...world, now: world.now() },
      { role: "manager", repId: "rp_boss" },
    );
    expect((await boss.get("/console/me")).status).toBe(200);
    const demoted = sql`update rep set role = 'rep' where id = 'rp_boss'`;
    const back = sql`update rep set role = 'manager' where id = 'rp_boss'`;
    await world.pool.query(demoted);
    expect((await boss.get("/console/me")).status).toBe(303);
    await world.pool.query(back);
    expect((await boss.get("/console/me")).status).toBe(200);
  });

  test("is listed for its owner, who can end it, and for nobody else", async () => {
    const [one, other] = [await takeLink(await link()), await takeLink(await link())];
    const boss = await signedIn(
      { ...world, now: world.now() },
      { role: "manager", repId: "rp_boss" },
    );
    const [first] = (await rowsOf("session")) as { id: string }[];
    const end = `/console/me/sessions/${first?.id}/end`;
    expect((await other.get("/console/me")).text).toContain(end);
    expect((await boss.get("/console/me")).text).not.toContain(end);
    expect((await boss.post(end, {})).status).toBe(404);
    expect((await one.get("/console/me")).status).toBe(200);
    expect((await other.post(end, {})).location).toBe("/console/me");
    expect((await one.get("/console/me")).status).toBe(303);
    expect((await other.get("/console/me")).status).toBe(200);
    expect((await trail()).at(-1)).toMatchObject({
      actor: "rp_one",
      what: "session.ended",
      detail: { because: "ended by its owner" },
    });
  });

  test("whoever signs in anew leaves no session behind", async () => {
    const { get } = await takeLink(await link());
    const [{ name, value }] = [await cookieOf(await link())];
    const path = await link("operator");
    await visiting(world, { name, value }).post(path, {});
    expect((await visiting(world, { name, value }).get("/console/me")).status).toBe(303);
    expect((await get("/console/me")).status).toBe(200);
  });

  test("a cookie that is none of ours is as good as none", async () => {
    for (const value of ["", "x", "a".repeat(43), "a".repeat(4000), "%00"])
      expect((await visiting(world, { name: "baton-80", value }).get("/console/me")).status).toBe(
        303,
      );
  });
});

async function cookieOf(path: string) {
  const { set } = await takeLink(path);
  const [name = "", value = ""] = set.split(";")[0]?.split("=") ?? [];
  return { name, value };
}

describe("a mail with a link", () => {
  const ask = (email: string, headers?: Record<string, string>) =>
    anybody().post("/console/in", { email }, headers);
  const linkIn = (data: string) =>
    /\/console\/in\/[\w-]{43}(?:\?to=[\w%]+)?/.exec(
      data.replace(/=\r\n/g, "").replaceAll("=3D", "="),
    )?.[0] ?? "";

  test("reaches a rep of the roster, is good once and for 15 minutes", async () => {
    expect((await ask(" RP_one@Example.com ")).location).toBe("/console/in?asked=1");
    expect(await sendSignInMails(smtp())).toEqual([]);
    expect(sink.received.map(({ to }) => to)).toEqual([["rp_one@example.com"]]);
    const path = linkIn(sink.received[0]?.data ?? "");
    expect(JSON.stringify(await rowsOf("sign_in_link"))).not.toContain(path.slice(-43));
    expect((await anybody().get(path)).text).toContain("Sign in as Person rp_one");
    const { get } = await takeLink(path);
    expect((await get("/console/me")).text).toContain("Person rp_one");
    later(2 * minute);
    await ask("rp_one@example.com");
    await sendSignInMails(smtp());
    later(15 * minute);
    expect((await anybody().get(linkIn(sink.received[1]?.data ?? ""))).status).toBe(404);
  });

  test("leads to the page that was asked for", async () => {
    await anybody().post("/console/in", { email: "rp_one@example.com", to: "/console/queue" });
    await sendSignInMails(smtp());
    expect(linkIn(sink.received[0]?.data ?? "")).toMatch(/\?to=%2Fconsole%2Fqueue$/);
  });

  test("an unknown address, and one of somebody who left, hear the same and get none", async () => {
    await leave("rp_two");
    const answers = [];
    for (const email of ["rp_one@example.com", "nobody@example.com", "rp_two@example.com"]) {
      const { status, location, text } = await ask(email);
      answers.push({ status, location, text });
    }
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    await sendSignInMails(smtp());
    expect(sink.received.map(({ to }) => to)).toEqual([["rp_one@example.com"]]);
  });

  test("a double click is one mail", async () => {
    await Promise.all([ask("rp_one@example.com"), ask("rp_one@example.com")]);
    await ask("rp_one@example.com");
    await Promise.all([sendSignInMails(smtp()), sendSignInMails(smtp())]);
    expect(sink.received.length).toBe(1);
  });

  test("is asked for five times an hour for each address, known or not, and twenty from a host", async () => {
    for (const email of ["rp_one@example.com", "nobody@example.com"]) {
      for (let n = 0; n < 5; n++) expect((await ask(email)).status).toBe(303);
      const refused = await ask(email.toUpperCase());
      expect([refused.status, Number(refused.headers.get("retry-after")) > 0]).toEqual([429, true]);
    }
    let taken = 0;
    for (let n = 0; n < 20; n++) taken += (await ask(`n${n}@example.com`)).status === 303 ? 1 : 0;
    expect(taken).toBe(20 - 12);
  });

  test.each(["", "x", "a@b, c@d", "a@b\r\nBcc: c@d", `${"a".repeat(300)}@b.example`])(
    "%j is no address: the form comes back",
    async (email) => {
      const answer = await ask(email);
      expect([answer.status, answer.text]).toEqual([422, expect.stringContaining("one plain")]);
    },
  );

  test("a mail server that is away is tried again; an old wish is not", async () => {
    await ask("rp_one@example.com");
    sink.answers.set("MESSAGE", "451 later");
    await expect(sendSignInMails(smtp())).rejects.toThrow("mail cannot be sent now");
    sink.answers.delete("MESSAGE");
    await sendSignInMails(smtp());
    expect(sink.received.length).toBe(1);
    later(2 * minute);
    await ask("rp_one@example.com");
    later(16 * minute);
    await sendSignInMails(smtp());
    expect(sink.received.length).toBe(1);
  });

  test("where mail is kept and others read it there is no link in it", async () => {
    await ask("rp_one@example.com");
    const mail = createKeptMail((message) => keepMail(world.pool, message, world.now()));
    await sendSignInMails({ ...smtp(), mail });
    const [kept] = await rowsOf("kept_mail");
    expect(JSON.stringify(kept)).toContain("npx baton sign-in rp_one");
    expect([JSON.stringify(kept).includes("/console/in/"), await rowsOf("sign_in_link")]).toEqual([
      false,
      [],
    ]);
  });
});

test("by https the cookie is of this host and of TLS alone", async () => {
  const publicUrl = "https://baton.example";
  const secure = await apiWorld(smallAgreement, [consoleRoutes], { publicUrl });
  try {
    const login = await ensureLogin(secure.pool, { role: "operator" }, world.now());
    const at = Date.parse("2026-11-20T12:00:00Z");
    const path = `/console/in/${await makeLink(secure.pool, login.id, "printed", at)}`;
    const taken = await visiting({ ...secure, publicUrl }).post(path, {});
    const set = taken.headers.get("set-cookie") ?? "";
    expect(set).toMatch(
      /^__Host-baton=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(taken.headers.get("strict-transport-security")).toBe("max-age=31536000");
    const value = set.slice("__Host-baton=".length, set.indexOf(";"));
    for (const [name, status] of [["__Host-baton", 200] as const, ["baton-443", 303] as const])
      expect(
        (await visiting({ ...secure, publicUrl }, { name, value }).get("/console/me")).status,
      ).toBe(status);
  } finally {
    await secure.close();
  }
});

test("keys are switched off for whoever wants that, on every page and in every session", async () => {
  const [one, other] = [await takeLink(await link()), await takeLink(await link())];
  expect((await one.get("/console/me")).text).not.toContain("data-keys");
  await one.post("/console/me/keys", { keys: "off" });
  expect((await other.get("/console/me")).text).toContain('data-keys="off"');
  await one.post("/console/me/keys", { keys: "on" });
  expect((await other.get("/console/me")).text).not.toContain("data-keys");
});

test("what is over is removed after thirty days", async () => {
  await takeLink(await link("operator"));
  await link();
  await anybody().post("/console/in", { email: "rp_one@example.com" });
  later(31 * day);
  await sweep(world.pool, usualDays, { most: 100 }, world.now());
  expect(await Promise.all(["session", "sign_in_link", "sign_in_mail"].map(rowsOf))).toEqual([
    [],
    [],
    [],
  ]);
});

test.each([
  [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Chrome on Linux",
  ],
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Firefox on Windows",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
    "Safari on iOS",
  ],
  ["curl/8", "a browser"],
  [undefined, "a browser"],
])("%s is %s", (userAgent, device) => {
  expect(deviceOf(userAgent)).toBe(device);
});

/** Has somebody of the roster leave, or come back. */
async function leave(id: string, active = false): Promise<void> {
  const person = {
    id,
    name: `Person ${id}`,
    email: `${id}@example.com`,
    role: "rep" as const,
    managerId: "rp_boss",
    active,
    hours: null,
    languages: ["en"],
    products: [],
    motions: [],
    caps: {},
    crmId: null,
  };
  await inTransaction(world.pool, (tx) => putReps(tx, [person], world.now()));
}
