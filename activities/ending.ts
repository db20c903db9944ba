import type { RejectionGroup, RejectionReason } from "../handoff/agreement.ts";
import { intentScore } from "../handoff/score.ts";
import { rows, send, sql } from "../store/db.ts";
import { appendEvent } from "../store/clocks.ts";
import { saveHandoff } from "../store/handoffs.ts";
import { endTasks, openTask } from "../store/human-tasks.ts";
import { endAssignments, releaseHeld, reverseCredit } from "../store/routing.ts";
import { engagementsOf, moveTo, setState } from "../store/subject.ts";
import { mail, syncCrm, type Case } from "./case.ts";

/** A lead that was erased, or merged into another, ends here whatever its stage. Says whether it did. */
export async function endIfGone(c: Case): Promise<boolean> {
  if (c.lead.stage === "disqualified" || c.lead.stage === "opportunity") return true;
  if (c.lead.erased_at !== null) {
    await disqualify(c, "erased");
    return true;
  }
  if (c.lead.merge_into !== null && c.lead.merged_into === null) {
    c.lead.merged_into = c.lead.merge_into;
    await disqualify(c, `merged into ${c.lead.merge_into}`);
    return true;
  }
  return false;
}

/** Ends the process in `disqualified`: the offer is withdrawn and the rep told, tasks are withdrawn, the CRM is made equal. */
export async function disqualify(c: Case, because: string): Promise<void> {
  if (c.handoff) await closeHandoff(c, because, "withdrawn");
  await moveTo(c.tx, c.lead, "disqualified", because, c.key);
  c.lead.closed_reason = because;
  setState(c.lead, {
    waitingOn: "nothing",
    nextStep: "nothing; reopen it to start again",
    nextAt: null,
    owner: null,
    queue: null,
  });
  await endTasks(c.tx, c.subject, "all", { state: "withdrawn", by: "baton", how: because }, c.now);
  await syncCrm(c);
}

/** Into the re-nurture pool: this cycle ends, the next one waits for a return condition. */
export async function renurture(c: Case, because: string, revisitOn: string | null): Promise<void> {
  const engagements = (await engagementsOf(c.tx, c.lead.id)).map((row) => ({
    id: row.message_id,
    type: row.type,
    occurredAt: row.occurred_at.getTime(),
  }));
  if (c.handoff) await closeHandoff(c, because, "answered");
  await moveTo(c.tx, c.lead, "renurture", because, c.key);
  c.lead.exit_at = new Date(c.now);
  c.lead.exit_intent = intentScore(engagements, c.agreement.signals, c.now);
  c.lead.exit_reason = because;
  c.lead.revisit_on = revisitOn;
  setState(c.lead, {
    waitingOn: "return",
    nextStep: "its return conditions are looked at",
    nextAt: c.now,
    owner: null,
    queue: null,
  });
  c.nextCycle = true;
  await syncCrm(c);
}

/** Back to `new`, waiting for data: the handoff failed on what we know of the lead. */
export async function backForData(c: Case, because: string): Promise<void> {
  if (c.handoff) await closeHandoff(c, because, "answered");
  await moveTo(c.tx, c.lead, "new", because, c.key);
  const role = c.agreement.nurture.reviewer;
  setState(c.lead, {
    waitingOn: "data",
    nextStep: "facts to be corrected",
    nextAt: null,
    owner: null,
    queue: role,
  });
  await openTask(
    c.tx,
    {
      kind: "fix-data",
      subject: c.subject,
      handoffId: c.handoff?.id ?? null,
      role,
      detail: { because },
    },
    c.now,
  );
  c.nextCycle = true;
  await syncCrm(c);
}

/** What follows from a rejection that stands (agreement.md, `answers.reasons`). */
export async function rejectionStands(
  c: Case,
  reason: string,
  rule: Pick<RejectionReason, "group" | "then">,
  revisitOn: string | null,
): Promise<void> {
  const because = `rejected: ${reason}`;
  if (c.handoff && leadsFault.includes(rule.group))
    await reverseCredit(c.tx, c.handoff.id, c.handoff.round, c.now);
  switch (rule.then) {
    case "disqualify":
      return disqualify(c, because);
    case "renurture":
      return renurture(c, because, revisitOn);
    case "fix-data":
      if (c.lead.stage === "mql") return backForData(c, because);
      // After acceptance there is no way back to `new`: the lead waits in the pool and a person mends its facts.
      await renurture(c, because, revisitOn);
      return openTask(
        c.tx,
        {
          kind: "fix-data",
          subject: c.subject,
          role: c.agreement.nurture.reviewer,
          detail: { because },
        },
        c.now,
      );
  }
}

// Such a rejection was not the rep's choice, so it does not count as a turn (routing.md, "Picking").
const leadsFault: readonly RejectionGroup[] = ["data", "no-fit", "existing-customer"];

/** Closes the open handoff: clocks end, every open assignment ends, capacity is free for leads on hold. */
export async function closeHandoff(
  c: Case,
  outcome: string,
  how: "answered" | "withdrawn",
): Promise<void> {
  const h = c.handoff;
  if (!h) return;
  h.state = "closed";
  h.outcome = outcome;
  h.closed_at = new Date(c.now);
  await cancelClocks(c);
  await send(c.tx, sql`delete from held where handoff_id = ${h.id}`);
  const ended = await endAssignments(c.tx, h.id, c.now, outcome);
  if (h.rep_id !== null && how === "withdrawn")
    await mail(c, "withdrawn", h.round, { repId: h.rep_id, because: outcome });
  await endTasks(
    c.tx,
    c.subject,
    ["contested", "fallback", "escalated", "stalled"],
    { state: how === "withdrawn" ? "withdrawn" : "done", by: "baton", how: outcome },
    c.now,
  );
  await freeCapacity(
    c,
    ended.map((one) => one.pool),
  );
}

/** Ends the clocks that still run; what they showed stays in their events. */
export async function cancelClocks(c: Case): Promise<void> {
  if (!c.handoff) return;
  const open = await c.tx.query<{ id: string }>(
    sql`select id from clock where handoff_id = ${c.handoff.id} and ended_at is null`,
  );
  for (const { id } of open.rows) await appendEvent(c.tx, id, { kind: "cancel", at: c.now });
  await send(
    c.tx,
    sql`
    update clock set state = case when breached_at is null then 'cancelled' else 'breached' end, ended_at = ${new Date(c.now)}, due_at = null
    where handoff_id = ${c.handoff.id} and ended_at is null`,
  );
}

/** Offers held leads of the handoff's pool, and of `alsoIn`, to whoever has room now, in their order; their processes are told. */
export async function freeCapacity(
  c: Case,
  alsoIn: readonly (string | null)[] = [],
): Promise<void> {
  const h = c.handoff;
  if (!h) return;
  const waiting = await rows<{ pool: string }>(
    c.tx,
    sql`select distinct pool from held where pool = any(${[h.pool, ...alsoIn].filter((pool) => pool !== null)}::text[])`,
  );
  if (waiting.length === 0) return;
  // Who has room is counted from rows, so what this decision changed is written first.
  await saveHandoff(c.tx, h);
  await releaseHeld(
    c.tx,
    waiting.map((one) => one.pool),
    c.now,
  );
}
