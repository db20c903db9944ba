import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sendMail } from "../../activities/mail.ts";
import { sendDigests } from "../../activities/reminders.ts";
import type { Of } from "../../messages/message.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import { MailDown, type MailPort } from "../../messages/mail/mail.ts";
import { createToken } from "../../store/access/tokens.ts";
import { openEffects } from "../../store/effects/effects.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { mailEffect } from "../../store/effects/mail-message.ts";
import { effectWorld, type EffectWorld } from "../support/effect-world.ts";
import { insertLead } from "../support/lead-rows.ts";

const minute = 60_000;
let world: EffectWorld;
beforeAll(async () => {
  world = await effectWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.reset();
  await world.pool.query("truncate reminder, digest");
  for (const id of ["ld_bea", "ld_cleo"])
    await insertLead(world.pool, new Date(world.now()), {
      id,
      facts: { "lead.name": { value: `Name of ${id}`, from: "form", at: "2026-11-20T10:00:00Z" } },
    });
});

const waits = (more: Partial<Of<"task-waits">> = {}): Of<"task-waits"> => ({
  what: "task-waits",
  task: "stalled",
  role: "manager",
  assigneeId: "rp_mia",
  tell: "holder",
  since: world.now() - 60 * minute,
  dueAt: world.now(),
  ...more,
});
/** The open task, and the reminder of it that a decision wants sent. */
async function reminded(leadId: string, more: Partial<Of<"task-waits">> = {}): Promise<void> {
  const message = waits(more);
  await world.pool.query(
    `insert into task (id, kind, subject_kind, subject_id, role, assignee_id, since)
     values ($1, $2, 'lead', $3, $4, $5, now()) on conflict do nothing`,
    [`tk_${leadId}_${message.task}`, message.task, leadId, message.role, message.assigneeId],
  );
  await world.add({
    key: `lead/${leadId}/1/task-waits/${message.task}-${world.now()}`,
    subject: { kind: "lead", id: leadId },
    handoffId: null,
    ...mailEffect(message),
  });
}
const deps = (mail?: MailPort) => ({
  pool: world.pool,
  mail: mail ?? createKeptMail((one) => keepMail(world.pool, one, world.now())),
  publicUrl: "http://baton.test",
  clock: world.now,
});
const mails = () =>
  world.all(
    "select to_rep, recipient, subject, body_text as text from kept_mail order by sent_at, " +
      "message_id",
  );

describe("a person for whom several leads wait", () => {
  test("is reminded at once of the first, and then of all others in one mail, an hour later", async () => {
    await reminded("ld_ada");
    await world.carryOutAll();
    expect(await mails()).toMatchObject([
      {
        to_rep: "rp_mia",
        subject: "Waiting for you: stalled work, Ada <Lovelace> (Analytical Engines)",
      },
    ]);
    world.setNow(world.now() + 10 * minute);
    await reminded("ld_bea");
    await reminded("ld_cleo", { task: "hand-raise", dueAt: world.now() + 60 * minute });
    await world.carryOutAll();
    await sendDigests(deps());
    expect(await mails()).toHaveLength(1);
    world.setNow(world.now() + 50 * minute);
    expect(await sendDigests(deps())).toEqual([]);
    const [, digest, ...more] = await mails();
    expect(more).toEqual([]);
    expect(digest).toMatchObject({ to_rep: "rp_mia", subject: "2 tasks wait for you" });
    expect(digest.text).toMatch(
      /Name of ld_bea:\s+stalled work; answer by Friday 20 November 2026, 12:10 \(UTC\)/,
    );
    expect(digest.text).toMatch(
      /Name of ld_cleo:\s+a raised hand; answer by Friday 20 November 2026, 13:10 \(UTC\)/,
    );
    await sendDigests(deps());
    expect(await mails()).toHaveLength(2);
  });

  test("hears nothing of what was done meanwhile, nor of who was erased", async () => {
    await reminded("ld_ada");
    await world.carryOutAll();
    for (const id of ["ld_bea", "ld_cleo"]) await reminded(id);
    await world.carryOutAll();
    await world.pool.query("update task set state = 'done' where subject_id = 'ld_bea'");
    await world.pool.query("update lead set erased_at = now() where id = 'ld_cleo'");
    world.setNow(world.now() + 61 * minute);
    await sendDigests(deps());
    expect(await mails()).toHaveLength(1);
  });

  test("each reader has a window of their own", async () => {
    await reminded("ld_ada");
    await reminded("ld_bea", { assigneeId: "rp_ann" });
    await world.carryOutAll();
    expect(new Set((await mails()).map(({ to_rep }) => to_rep))).toEqual(
      new Set(["rp_ann", "rp_mia"]),
    );
  });

  test("gets it once the mail server is back, under one Message-ID", async () => {
    const ids: string[] = [];
    let isDown = true;
    const server: MailPort = {
      name: "test",
      send: (mail) => {
        ids.push(mail.messageId);
        return isDown ? Promise.reject(new MailDown("away")) : Promise.resolve();
      },
    };
    await reminded("ld_ada");
    await world.failure({ mail: server });
    await expect(sendDigests(deps(server))).rejects.toThrow(MailDown);
    isDown = false;
    await sendDigests(deps(server));
    await sendDigests(deps(server));
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
  });

  test("two workers at once send one mail", async () => {
    await reminded("ld_ada");
    await world.carryOutAll();
    for (const id of ["ld_bea", "ld_cleo"]) await reminded(id);
    await world.carryOutAll();
    world.setNow(world.now() + 61 * minute);
    const sent: string[] = [];
    const server: MailPort = {
      name: "test",
      send: async ({ subject }) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        sent.push(subject);
      },
    };
    await Promise.all([1, 2, 3].map(() => sendDigests(deps(server))));
    expect(sent).toEqual(["2 tasks wait for you"]);
  });
});

describe("a review that is not signed", () => {
  const subject = { kind: "review" as const, id: "rv_unsigned" };
  beforeEach(async () => {
    await world.pool.query("truncate review cascade");
    await world.pool.query(
      `insert into review (id, kind, period, state, packet, opened_at, due_at, signatures_needed)
       values ('rv_unsigned', 'weekly', '2026-W47', 'open', '{}', now(), now(), 2)`,
    );
  });
  const asked = async (n: number, more: Partial<Of<"review-waits">> = {}) => {
    const message: Of<"review-waits"> = {
      what: "review-waits",
      reviewId: subject.id,
      kind: "weekly",
      period: "2026-W47",
      parties: ["sales"],
      undecided: 0,
      dueAt: world.now(),
      tell: "party",
      ...more,
    };
    await world.add({ key: `review/${n}`, subject, handoffId: null, ...mailEffect(message) });
    for (const effect of await openEffects(world.pool, subject)) await sendMail(deps(), effect);
  };

  test(
    "is asked of who leads the party, else of its managers, in one mail with what else waits " +
      "for them",
    async () => {
      await asked(1);
      expect(await mails()).toMatchObject([
        { to_rep: "rp_mia", subject: "Waiting for your signature: weekly review 2026-W47" },
      ]);
      const wish = { role: "leader" as const, party: "sales" as const, label: "leads sales" };
      await createToken(world.pool, { ...wish, repId: "rp_bob" }, world.now());
      await asked(2);
      await reminded("ld_ada", { assigneeId: "rp_bob" });
      await world.carryOutAll();
      // Bob was mailed a moment ago; what came since waits for the hour.
      expect(new Set((await mails()).map(({ to_rep }) => to_rep))).toEqual(
        new Set(["rp_mia", "rp_bob"]),
      );
      await asked(3);
      world.setNow(world.now() + 61 * minute);
      await sendDigests(deps());
      const digest = (await mails()).at(-1)!;
      expect(digest).toMatchObject({ to_rep: "rp_bob", subject: "2 things wait for you" });
      expect(digest.text).toContain("http://baton.test/console/reviews/rv_unsigned");
    },
  );

  test("is asked of nobody any more once the party has signed, or was signed by enough", async () => {
    await asked(1);
    await asked(2, { tell: "above", parties: ["marketing", "sales"] });
    const { id } = await createToken(
      world.pool,
      { role: "leader", party: "sales", label: "leads sales" },
      world.now(),
    );
    await world.pool.query(
      `insert into review_signature (review_id, party, signed_by, token_id, signed_at)
       values ('rv_unsigned', 'sales', $1, $1, now())`,
      [id],
    );
    const before = (await mails()).length;
    await asked(3);
    world.setNow(world.now() + 61 * minute);
    await sendDigests(deps());
    expect(await mails()).toHaveLength(before);
  });
});
