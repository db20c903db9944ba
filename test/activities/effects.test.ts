import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readOffer } from "../../messages/offer-link.ts";
import { signingKey } from "../../store/access/signing-key.ts";
import { MailDown, MailRefused, type Mail, type MailPort } from "../../messages/mail/mail.ts";
import {
  setHouseTrouble,
  deleteHouseLead,
  finishHouseTask,
  mergeHouseLeads,
  setHouseFacts,
} from "../../store/house/user.ts";
import { mailEffect } from "../../store/effects/mail-message.ts";
import { effectWorld, type EffectWorld } from "../support/effect-world.ts";
import { insertLead } from "../support/lead-rows.ts";

let world: EffectWorld;
beforeAll(async () => {
  world = await effectWorld();
});
afterAll(() => world.close());
beforeEach(() => world.reset());

const sync = (n: number) =>
  world.add({ key: `lead/ld_ada/1/sync-crm/${n}`, kind: "sync-crm", what: "lead", payload: {} });
const offer = () => world.add({ key: "lead/ld_ada/1/offer/1" });
const states = async () =>
  (await world.all("select key, state from effect order by id")).map(
    (row) => `${row.key.split("/").slice(3).join("/")} ${row.state}`,
  );
const houseLead = async () => (await world.all("select * from house_lead order by id"))[0];
const openTasks = () => world.all("select kind, subject_id, detail from task where state = 'open'");

/** A mail server that answers as told and remembers what it took. */
function mailServer(
  answer: (mail: Mail) => Promise<void> = () => Promise.resolve(),
): MailPort & { taken: Mail[] } {
  const taken: Mail[] = [];
  return {
    name: "test",
    taken,
    async send(mail) {
      await answer(mail);
      taken.push(mail);
    },
  };
}

describe("carrying out", () => {
  test(
    "the CRM shows what Postgres says, with the rep's task and what sales needs to know; the " +
      "rep gets one mail",
    async () => {
      await sync(1);
      await offer();
      expect(await world.carryOut()).toEqual({ done: 2, left: 0 });
      expect(await houseLead()).toMatchObject({
        external_id: "ld_ada",
        status: "mql",
        owner_id: "rp_ann",
        lead_type: "demo-request",
        band: "A",
        email: "ada@engines.test",
      });
      expect(await world.all("select subject, owner_id, state from house_task")).toEqual([
        { subject: "Call by 2026-11-20 10:00 America/New_York", owner_id: "rp_ann", state: "open" },
      ]);
      expect(await world.all("select body from house_note")).toEqual([
        { body: "Handed to sales as demo-request (fast path): band A, fit 30, intent 40." },
      ]);
      expect(
        await world.all("select facts->'account.name'->>'value' as name from house_account"),
      ).toEqual([{ name: "Analytical Engines" }]);
      expect(await world.all("select recipient, to_rep, lead_id from kept_mail")).toEqual([
        { recipient: "ann@sales.test", to_rep: "rp_ann", lead_id: "ld_ada" },
      ]);
      expect(
        await world.all("select crm_id = (select id from house_lead) as known from lead"),
      ).toEqual([{ known: true }]);
      expect(await world.all("select * from inbox")).toEqual([]);
    },
  );

  test("twice is once", async () => {
    await sync(1);
    await offer();
    await world.carryOut();
    const before = await houseLead();
    expect(await world.carryOut()).toEqual({ done: 0, left: 0 });
    await sync(2);
    await world.carryOut();
    expect((await houseLead()).version).toBe(before.version);
    expect(await world.all("select count(*)::int as n from kept_mail")).toEqual([{ n: 1 }]);
    expect(await world.all("select count(*)::int as n from house_note")).toEqual([{ n: 1 }]);
  });

  test("of ten runs at once each effect is carried out by one, and none is lost", async () => {
    const server = mailServer(
      () =>
        new Promise((resolve) => {
          setTimeout(resolve, 20);
        }),
    );
    for (let n = 1; n <= 5; n++) await world.add({ key: `lead/ld_ada/1/offer/${n}` });
    await sync(1);
    await Promise.allSettled(Array.from({ length: 10 }, () => world.carryOut({ mail: server })));
    await world.carryOut({ mail: server }).catch(() => undefined);
    expect(server.taken.map((mail) => mail.messageId).length).toBe(5);
    expect(new Set(server.taken.map((mail) => mail.messageId)).size).toBe(5);
    expect((await states()).every((state) => state.endsWith("done"))).toBe(true);
    expect(await world.all("select count(*)::int as n from house_lead")).toEqual([{ n: 1 }]);
  });

  test("a newer sync does the work of those that still wait", async () => {
    await sync(1);
    await sync(2);
    await sync(3);
    expect(await states()).toEqual([
      "sync-crm/1 withdrawn",
      "sync-crm/2 withdrawn",
      "sync-crm/3 open",
    ]);
  });

  test("a run that died gives its effect up when its claim ends, not before", async () => {
    await offer();
    await world.pool.query("update effect set claimed_until = $1", [
      new Date(world.now() + 10_000),
    ]);
    expect((await world.failure()).type).toBe("NotAllDone");
    world.setNow(world.now() + 10_001);
    expect(await world.carryOut()).toEqual({ done: 1, left: 0 });
  });

  test("a local run begins nothing more when its second is nearly over, and says what is left", async () => {
    const slow = mailServer(
      () =>
        new Promise((resolve) => {
          setTimeout(resolve, 300);
        }),
    );
    for (let n = 1; n <= 8; n++) await world.add({ key: `lead/ld_ada/1/offer/${n}` });
    const { done, left } = await world.carryOut({ isLocal: true, mail: slow });
    expect(done + left).toBe(8);
    expect(done).toBeLessThanOrEqual(3);
    expect(await world.carryOut({ mail: slow })).toEqual({ done: left, left: 0 });
  });

  test("a run that is cut short while the CRM is slow ends at once and gives its claim back", async () => {
    await setHouseTrouble(world.pool, { kind: "slow", waitMs: 60_000 });
    await sync(1);
    const began = performance.now();
    expect((await world.failure({ isLocal: true, cancelAfterMs: 200 })).type).toBe("CrmDown");
    expect(performance.now() - began).toBeLessThan(2_000);
    await setHouseTrouble(world.pool, null);
    expect(await world.carryOut()).toEqual({ done: 1, left: 0 });
  });

  test.each([
    ["a short run", true, 10_950],
    ["a long one", false, 35_000],
  ])(
    "%s that dies with its worker keeps its effects from others for a while",
    async (_, isLocal, ms) => {
      let takes = () => {};
      const taken = new Promise<void>((resolve) => {
        takes = resolve;
      });
      // Whoever dies gives nothing back: this one hangs in a call that heeds no signal.
      const deaf = {
        ...world.crm,
        findLead: () =>
          new Promise<never>(() => {
            takes();
          }),
      };
      await sync(1);
      void world.carryOut({ isLocal, crm: deaf });
      await taken;
      expect(
        await world.all(
          "select round(extract(epoch from claimed_until) * 1000)::float8 - $1::float8 as ms " +
            "from effect",
          [world.now()],
        ),
      ).toEqual([{ ms }]);
      world.setNow(world.now() + ms - 1);
      expect((await world.failure()).type).toBe("NotAllDone");
      world.setNow(world.now() + 1);
      expect(await world.carryOut()).toEqual({ done: 1, left: 0 });
    },
  );

  test("a call that is never answered is given up long before the run ends, and tried again soon", async () => {
    await setHouseTrouble(world.pool, { kind: "slow", waitMs: 60_000 });
    await sync(1);
    expect(await world.failure({ timeoutMs: 100 })).toMatchObject({
      type: "CrmDown",
      nextRetryDelay: 1_000,
    });
    await setHouseTrouble(world.pool, null);
    expect(await world.carryOut({ timeoutMs: 5_000 })).toEqual({ done: 1, left: 0 });
  });

  test("a CRM that is slow in each of its answers, though none is too late, is brought up to date", async () => {
    await setHouseTrouble(world.pool, { kind: "slow", waitMs: 250 });
    await sync(1);
    const began = performance.now();
    expect(await world.carryOut({ timeoutMs: 1_000 })).toEqual({ done: 1, left: 0 });
    expect(performance.now() - began).toBeGreaterThan(1_000);
  });
});

describe("when the CRM is away", () => {
  test(
    "the rep's mail goes out all the same, and the sync is made up for later with what is true " +
      "then",
    async () => {
      await setHouseTrouble(world.pool, { kind: "down" });
      await sync(1);
      await offer();
      const failure = await world.failure();
      expect(failure).toMatchObject({ type: "CrmDown", nonRetryable: false });
      expect(await states()).toEqual(["sync-crm/1 open", "offer/1 done"]);
      expect(await world.all("select attempts, error from effect where kind = 'sync-crm'")).toEqual(
        [{ attempts: 1, error: "the CRM does not answer: an outage is being rehearsed" }],
      );
      await world.pool.query(
        "update process set stage = 'sal', waiting_on = 'attempts', owner_id = 'rp_bob'",
      );
      await setHouseTrouble(world.pool, null);
      await world.carryOut();
      expect(await houseLead()).toMatchObject({ status: "sal", owner_id: "rp_bob" });
    },
  );

  test("its Retry-After is the delay of the next try", async () => {
    await setHouseTrouble(world.pool, { kind: "busy", waitMs: 7_000 });
    await sync(1);
    expect(await world.failure()).toMatchObject({ type: "CrmBusy", nextRetryDelay: 7_000 });
  });

  test(
    "refused credentials pause the connection once, with one alert, and one run at a time " +
      "finds out whether it works again",
    async () => {
      await setHouseTrouble(world.pool, { kind: "unauthorized" });
      await sync(1);
      expect(await world.failure()).toMatchObject({
        type: "ConnectionPaused",
        nextRetryDelay: 60_000,
      });
      await setHouseTrouble(world.pool, { kind: "slow", waitMs: 60_000 });
      const began = performance.now();
      expect((await world.failure()).type).toBe("ConnectionPaused");
      expect(performance.now() - began).toBeLessThan(2_000);
      expect(await world.all("select recipient, subject from kept_mail")).toEqual([
        { recipient: "sales-ops", subject: "The connection crm:house is paused" },
      ]);

      await setHouseTrouble(world.pool, { kind: "unauthorized" });
      world.setNow(world.now() + 6 * 60_000);
      expect((await world.failure()).type).toBe("ConnectionPaused");
      await setHouseTrouble(world.pool, null);
      world.setNow(world.now() + 6 * 60_000);
      expect(await world.carryOut()).toMatchObject({ left: 0 });
      expect(await world.all("select since, paused_until from connection")).toEqual([
        { since: null, paused_until: null },
      ]);
      expect(
        await world.all("select what from audit where subject = 'crm:house' order by id"),
      ).toEqual([{ what: "connection.paused" }, { what: "connection.resumed" }]);
      expect(await world.all("select count(*)::int as n from kept_mail")).toEqual([{ n: 1 }]);
    },
  );
});

describe("a mail says what was decided, not what has become of it", () => {
  const mail = async () =>
    (await world.all("select recipient, subject, body_text from kept_mail"))[0];

  test("deadline and reason are the message's; names, terms and the reader's zone are looked up", async () => {
    await world.pool.query(
      "insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, " +
        "because, at) values ('lead', 'ld_ada', 1, 1, 'new', 'mql', 'demo-request holds; band " +
        "A', now())",
    );
    await offer();
    await world.pool.query(
      "update process set due_at = now() + interval '9 days', lead_type = 'other', band = 'D'",
    );
    await world.carryOut();
    const { subject, body_text: text } = await mail();
    expect(subject).toBe(
      "New lead: Ada <Lovelace> (Analytical Engines), outreach due Friday 20 November 2026, " +
        "10:00 (America/New_York)",
    );
    expect(text).toMatch(/^Ann Rep, Ada <Lovelace> \(Analytical Engines\) is yours/);
    expect(text).toMatch(/Telephone: +\+44 1/);
    expect(text).toMatch(/Why this lead: +demo-request holds; band A/);
    expect(text).toMatch(/Lead type: +demo request/);
    expect(text).toContain("/console/leads/ld_ada");
    expect(text).not.toContain("/console/offer/");
  });

  test(
    "its rep is led to the page of the offer, until a week after the deadline; a manager and " +
      "whoever had it to its page in the console",
    async () => {
      await offer();
      for (const message of [
        { what: "stalled", repId: "rp_ann", because: "quiet" },
        { what: "reassigned-away", repId: "rp_bob", because: "outreach SLA missed" },
      ] as const)
        await world.add({ key: `lead/ld_ada/1/${message.what}/1`, ...mailEffect(message) });
      const server = mailServer();
      await world.carryOut({ mail: server });
      const to = (address: string) => server.taken.find((one) => one.to === address)!;
      const ann = to("ann@sales.test");
      const token = /http:\/\/baton\.test\/console\/offer\/(\S+)/.exec(ann.text)?.[1] ?? "";
      expect(ann.html).toContain(`href="http://baton.test/console/offer/${token}"`);
      expect(readOffer(await signingKey(world.pool, 0), token)).toEqual({
        repId: "rp_ann",
        leadId: "ld_ada",
        cycle: 1,
        round: 1,
        until: world.now() + 3 * 3_600_000 + 7 * 86_400_000,
      });
      expect(to("mia@sales.test").text).toContain("http://baton.test/console/leads/ld_ada");
      for (const other of ["mia@sales.test", "bob@sales.test"])
        expect(to(other).text + to(other).html).not.toContain("/console/offer/");
      expect(JSON.stringify(await world.all("select * from effect"))).not.toContain(token);
    },
  );

  test("what is said beside it goes out in the same mail, and leads where the first is asked no more", async () => {
    const offer_ = {
      what: "offer",
      repId: "rp_mia",
      stage: "sal",
      clock: "outreach",
      dueAt: world.now() + 3_600_000,
      again: true,
    } as const;
    const asks = {
      what: "escalation",
      repId: "rp_ann",
      clock: null,
      rung: 0,
      because: "the owner has left",
      waits: true,
      dueAt: null,
      next: null,
    } as const;
    const sendBoth = async (n: number) => {
      await world.add({ key: `lead/ld_ada/1/offer/${n}`, ...mailEffect(offer_, [asks]) });
      await world.carryOut();
      return world.all("select recipient, subject, body_text from kept_mail order by sent_at, 2");
    };
    await world.pool.query("update handoff set rep_id = 'rp_mia', state = 'open'");
    const [one, ...more] = await sendBoth(7);
    expect(more).toEqual([]);
    expect(one.recipient).toBe("mia@sales.test");
    expect(one.subject).toMatch(/^Handed to you, needs you: Ada/);
    expect(one.body_text).toMatch(/Last with: +Ann Rep/);
    // Somebody else has it by now: the manager is still asked to see to it.
    await world.pool.query("delete from kept_mail");
    await world.pool.query("update handoff set rep_id = 'rp_bob'");
    const [asked] = await sendBoth(8);
    expect(asked.subject).toMatch(/^Needs you: Ada/);
    expect(asked.body_text).not.toContain("is yours");
    // The handoff is over: nobody hears anything.
    await world.pool.query("delete from kept_mail");
    await world.pool.query("update handoff set state = 'closed'");
    expect(await sendBoth(9)).toEqual([]);
  });

  test("the owner is the one of the decision, by name", async () => {
    await world.add({
      key: "lead/ld_ada/1/stalled/1",
      ...mailEffect({ what: "stalled", repId: "rp_ann", because: "quiet" }),
    });
    await world.pool.query("update handoff set rep_id = 'rp_bob', round = 2");
    await world.carryOut();
    expect(await mail()).toMatchObject({
      recipient: "mia@sales.test",
      subject: "Stalled: Ada <Lovelace> (Analytical Engines), Ann Rep",
    });
  });

  test("a merged record's mail leads to the survivor, when its reader may open it", async () => {
    await insertLead(world.pool, new Date(), { id: "ld_bea", owner_id: "rp_ann" });
    await insertLead(world.pool, new Date(), { id: "ld_cleo", owner_id: "rp_bob" });
    for (const [n, mergedInto] of ["ld_bea", "ld_cleo"].entries()) {
      await world.add({
        key: `lead/ld_ada/1/withdrawn/${n}`,
        ...mailEffect({ what: "withdrawn", repId: "rp_ann", because: "merged", mergedInto }),
      });
    }
    await world.carryOut();
    const texts = (await world.all("select body_text from kept_mail order by message_id")).map(
      (row) => row.body_text,
    );
    expect(texts.filter((text) => text.includes("/console/leads/ld_bea"))).toHaveLength(1);
    expect(texts.filter((text) => text.includes("/console/leads/"))).toHaveLength(1);
  });

  test("what the ledger holds in another form becomes a person's task that names the field", async () => {
    await world.add({ key: "lead/ld_ada/1/offer/1", payload: { repId: "rp_ann" } });
    await world.carryOut();
    expect(await states()).toEqual(["offer/1 failed"]);
    expect(await openTasks()).toMatchObject([
      { kind: "dead-letter", detail: { why: expect.stringContaining("stage: ") } },
    ]);
    expect(await world.all("select * from kept_mail")).toEqual([]);
  });
});

describe("what can never be done", () => {
  test("a refused field becomes a person's task that names it, and the next effect goes on", async () => {
    await world.pool.query("update lead set facts = facts || $1", [
      { "lead.title": { value: "x".repeat(3_000), from: "form", at: "2026-11-20T11:00:00Z" } },
    ]);
    await sync(1);
    await offer();
    await world.carryOut();
    expect(await states()).toEqual(["sync-crm/1 failed", "offer/1 done"]);
    expect(await openTasks()).toMatchObject([
      { kind: "dead-letter", subject_id: "ld_ada", detail: { field: "lead.title" } },
    ]);
    expect(JSON.stringify(await openTasks())).not.toContain("xxx");
  });

  test("a record deleted in the CRM is not made again, then or later; a person is told", async () => {
    await sync(1);
    await world.carryOut();
    await deleteHouseLead(world.pool, (await houseLead()).id, "rp_ann", world.now());
    await sync(2);
    await world.carryOut();
    expect(await openTasks()).toMatchObject([{ kind: "crm-drift", subject_id: "ld_ada" }]);
    await sync(3);
    await world.carryOut();
    expect(await states()).toEqual([
      "sync-crm/1 done",
      "sync-crm/2 failed",
      "sync-crm/3 withdrawn",
    ]);
    expect(await world.all("select count(*)::int as n from house_lead")).toEqual([{ n: 1 }]);
  });

  test("an address with a second recipient in it is never handed to the mail server", async () => {
    await world.pool.query("update rep set email = $1 where id = 'rp_ann'", [
      "ann@sales.test, eve@evil.test",
    ]);
    await offer();
    const server = mailServer();
    await world.carryOut({ mail: server });
    expect(server.taken).toEqual([]);
    expect(await openTasks()).toMatchObject([
      { kind: "dead-letter", detail: { why: "rp_ann: expected one plain e-mail address" } },
    ]);
  });

  test(
    "a mail that the server refuses for good becomes a task without the address; one it puts " +
      "off is tried again under the same id",
    async () => {
      await offer();
      const ids: string[] = [];
      const later = mailServer((mail) => {
        ids.push(mail.messageId);
        return Promise.reject(new MailDown("the server answered 451"));
      });
      expect((await world.failure({ mail: later })).type).toBe("MailDown");
      const never = mailServer((mail) => {
        ids.push(mail.messageId);
        return Promise.reject(new MailRefused("the server answered 550"));
      });
      expect(await world.carryOut({ mail: never })).toMatchObject({ left: 0 });
      expect(new Set(ids).size).toBe(1);
      expect(JSON.stringify(await openTasks())).not.toContain("ann@");
    },
  );
});

describe("a lead that is gone", () => {
  test("erased: nothing goes out any more but the withdrawal, which names nobody", async () => {
    await sync(1);
    await offer();
    await world.add({
      key: "lead/ld_ada/1/withdrawn/1",
      ...mailEffect({ what: "withdrawn", repId: "rp_ann", because: "erased", mergedInto: null }),
    });
    await world.pool.query("update lead set erased_at = now(), facts = '{}', email = null");
    await world.carryOut();
    expect(await states()).toEqual([
      "sync-crm/1 withdrawn",
      "offer/1 withdrawn",
      "withdrawn/1 done",
    ]);
    const [mail] = await world.all("select subject, body_text, body_html from kept_mail");
    expect(JSON.stringify(mail)).not.toMatch(/Ada|Lovelace|engines/);
    expect(await houseLead()).toBeUndefined();
  });

  test("an offer held up until somebody else has the lead is not sent", async () => {
    await offer();
    await world.pool.query("update handoff set rep_id = 'rp_bob', round = 2");
    await world.carryOut();
    expect(await states()).toEqual(["offer/1 withdrawn"]);
    expect(await world.all("select * from kept_mail")).toEqual([]);
  });

  test.each([
    ["a request", { what: "stalled", repId: "rp_ann", because: "quiet" }, "withdrawn"],
    [
      "what the rep must hear",
      { what: "reassigned-away", repId: "rp_ann", because: "handed over" },
      "done",
    ],
  ] as const)("%s about a handoff that is over is %s", async (_, message, state) => {
    await world.add({ key: "lead/ld_ada/1/mail/1", ...mailEffect(message) });
    await world.pool.query(
      "update handoff set state = 'closed', closed_at = now(), outcome = 'handed back'",
    );
    await world.carryOut();
    expect(await states()).toEqual([`mail/1 ${state}`]);
  });

  test("a record merged into a stranger's is followed: the survivor becomes the lead's", async () => {
    await sync(1);
    await world.carryOut();
    const record = (await houseLead()).id;
    await world.pool.query(
      "insert into house_lead (id, status, status_since, changed_at) values ('HL-new', 'new', " +
        "now(), now())",
    );
    await mergeHouseLeads(world.pool, record, "HL-new", "rp_ann", world.now());
    await sync(2);
    await world.carryOut();
    expect(await world.all("select crm_id from crm_link where kind = 'lead'")).toEqual([
      { crm_id: "HL-new" },
    ]);
    expect(
      await world.all("select status, external_id from house_lead where id = 'HL-new'"),
    ).toEqual([{ status: "mql", external_id: "ld_ada" }]);
  });

  test("a record merged into another lead's asks that lead to take over", async () => {
    await sync(1);
    await world.carryOut();
    await insertLead(world.pool, new Date(), { id: "ld_bea" });
    const survivor = await world.crm.upsertLead({
      leadId: "ld_bea",
      crmId: null,
      accountCrmId: null,
      status: "new",
      statusSince: world.now(),
      cycle: 1,
      round: null,
      ownerId: null,
      queue: null,
      leadType: null,
      band: null,
      fit: null,
      intent: null,
      slaState: null,
      territory: null,
      dueAt: null,
      reason: null,
      agreement: null,
      facts: {},
    });
    await world.pool.query(
      "insert into crm_link (crm, kind, our_id, crm_id) values ('house', 'lead', 'ld_bea', $1)",
      [survivor.crmId],
    );
    await mergeHouseLeads(
      world.pool,
      (await world.all("select id from house_lead where external_id = 'ld_ada'"))[0].id,
      survivor.crmId,
      "rp_ann",
      world.now(),
    );
    await sync(2);
    await world.carryOut();
    // Told twice, by the CRM's own news and by this sync, it is one merge.
    expect(
      await world.all("select payload -> 'what' as what from inbox where processed_at is null"),
    ).toEqual([
      { what: { kind: "merged", into: survivor.crmId } },
      { what: { kind: "merged", into: survivor.crmId } },
    ]);
  });
});

describe("making the CRM equal", () => {
  test("a task is closed when the lead moves on, and one that the rep ticked off stays so", async () => {
    await sync(1);
    await world.carryOut();
    await world.pool.query("update process set waiting_on = 'answer'");
    await sync(2);
    await world.carryOut();
    expect(
      (await world.all("select subject, state from house_task order by id")).map((row) => [
        row.subject.split(" by")[0],
        row.state,
      ]),
    ).toEqual([
      ["Call", "done"],
      ["Accept or reject", "open"],
    ]);
    await finishHouseTask(
      world.pool,
      (await world.all("select id from house_task where state = 'open'"))[0].id,
      world.now(),
    );
    await sync(3);
    await world.carryOut();
    expect(
      await world.all("select count(*)::int as n from house_task where state = 'open'"),
    ).toEqual([{ n: 0 }]);
  });

  test("a run that wrote what was true before writes again what is true now", async () => {
    await sync(1);
    const slow = {
      ...world.crm,
      upsertLead: async (...args: Parameters<typeof world.crm.upsertLead>) => {
        const ref = await world.crm.upsertLead(...args);
        // While this run was writing, the rep accepted.
        await world.pool.query(
          "update process set stage = 'sal', waiting_on = 'attempts' where stage = 'mql'",
        );
        return ref;
      },
    };
    await world.carryOut({ crm: slow });
    expect(await houseLead()).toMatchObject({ status: "sal" });
  });

  test("a fact that a rep changed in the CRM survives the next sync", async () => {
    await sync(1);
    await world.carryOut();
    await setHouseFacts(
      world.pool,
      (await houseLead()).id,
      "rp_ann",
      { "lead.phone": "+44 2" },
      world.now() + 1_000,
    );
    await sync(2);
    await world.carryOut();
    expect((await houseLead()).facts["lead.phone"].value).toBe("+44 2");
  });

  test("an opportunity opened in Baton appears in the CRM, once, and is known by its id there", async () => {
    await world.pool.query("update process set stage = 'opportunity', waiting_on = 'nothing'");
    await world.pool.query(
      "insert into opportunity (id, lead_id, handoff_id, stage, amount_minor, currency, " +
        "created_at, changed_at) values ('op_1', 'ld_ada', 'ho_1', 'open', 5000, 'USD', now(), " +
        "now())",
    );
    await sync(1);
    await world.carryOut();
    await sync(2);
    await world.carryOut();
    expect(
      await world.all("select external_id, stage, amount_minor, currency from house_opportunity"),
    ).toEqual([{ external_id: "op_1", stage: "open", amount_minor: 5000, currency: "USD" }]);
    expect(await world.all("select crm_id is not null as known from opportunity")).toEqual([
      { known: true },
    ]);
  });
});

test("no failure and no ledger row names a person", async () => {
  await sync(1);
  await world.add({
    key: "lead/ld_ada/1/breach/1",
    ...mailEffect({
      what: "breach",
      repId: "rp_ann",
      clock: "outreach",
      dueAt: world.now(),
      next: null,
    }),
  });
  const broken: MailPort = {
    name: "broken",
    send: () => Promise.reject(new Error("cannot reach ada@engines.test")),
  };
  const failure = await world.failure({ mail: broken });
  expect(failure.message).toBe("it broke: Error");
  expect(JSON.stringify(await world.all("select key, payload, error from effect"))).not.toMatch(
    /ada@|Lovelace|ann@/,
  );
});
