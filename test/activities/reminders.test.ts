import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sendDigests } from "../../activities/reminders.ts";
import type { Of } from "../../messages/message.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import { MailDown, type MailPort } from "../../messages/mail/mail.ts";
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
    "select to_rep, recipient, subject, body_text as text from kept_mail order by sent_at, message_id",
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
      /Name of ld_bea: +stalled work; answer by Friday 20 November 2026, 12:10 \(UTC\)/,
    );
    expect(digest.text).toMatch(
      /Name of ld_cleo: +a raised hand; answer by Friday 20 November 2026, 13:10 \(UTC\)/,
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
