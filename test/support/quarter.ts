import type { Engagement } from "../../handoff/facts/facts.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { isClosed } from "../../handoff/stage.ts";
import { activate } from "../../store/process/agreements.ts";
import { mergeLeads } from "../../store/process/merge.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { erasePerson } from "../../store/intake/erasure.ts";
import { saveFacts, takeIn } from "../../store/intake/intake.ts";
import { leadSignal, enqueue } from "../../store/postgres/outbox.ts";
import { reopenLead } from "../../store/process/reopen.ts";
import type { LeadRow } from "../../store/process/subject.ts";
import { leadWorkflowId } from "../../workflows/contract.ts";
import { exampleText } from "./example-agreement.ts";
import { generatedLeads, seededRandom, type GeneratedLead } from "./generated-leads.ts";
import {
  hire,
  intend,
  managerIsReplaced,
  managerLeaves,
  reorganise,
  type Intention,
} from "./personas.ts";
import { quarterWorld, type QuarterWorld } from "./quarter-world.ts";
import { signBoth } from "./review-world.ts";

const [hour, day] = [3_600_000, 86_400_000];

/**
 * A Monday; two first business days of a quarter, the end of summer time on both sides of the
 * ocean, and the holidays follow.
 */
export const quarterFrom = Date.parse("2030-09-23T06:00:00Z");
export const quarterTo = Date.parse("2031-01-10T06:00:00Z");

/** The example agreement with the holidays of this quarter. */
const agreementText = exampleText.replace(
  /exceptions: \{ 2026-11-26[^}]*\}/,
  'exceptions: { 2030-11-28: [], 2030-11-29: ["09:00-13:00"], 2030-12-25: [], 2031-01-01: [] }',
);

/** How many happenings may be under way at once, and how far apart in time. */
const atOnce = 32;
const window = 8 * hour;

interface Happening {
  readonly at: Instant;
  readonly subject: string;
  readonly version?: number;
  readonly run: () => Promise<void>;
}

/**
 * One lead of the quarter: its own stream of chance, what else will befall it, and what somebody
 * means to do.
 */
interface Life {
  readonly id: string;
  readonly random: () => number;
  /** In order of time. */
  readonly fate: { at: Instant; befall: (at: Instant) => Promise<void> }[];
  intention: { state: string; next: Intention | null } | null;
  version: number;
}

export interface Counts {
  done: number;
  refused: number;
}

export interface Quarter {
  readonly world: QuarterWorld;
  readonly leads: readonly string[];
  /** How many actions were carried out, and how many were refused. */
  readonly actions: Counts;
  /** The same of clicks in the CRM on what its record showed some time before. */
  readonly clicks: Counts;
  readonly happenings: number;
}

/**
 * Lives through the quarter: leads arrive, people act in their own manner and at their own time,
 * reviews are held. A simulation of events: what comes next is done next, several at once as long
 * as they lie within a few hours. `look` is called about once a simulated day.
 */
export async function liveThroughQuarter(
  seed: number,
  count: number,
  look: (world: QuarterWorld, now: Instant) => Promise<void>,
): Promise<Quarter> {
  const world = await quarterWorld(agreementText, quarterFrom);
  await hire(world.pool, quarterFrom);
  const quarter = new Simulation(world, seed);
  quarter.foresee(count, look);
  await quarter.run();
  return {
    world,
    leads: [...quarter.lives.keys()],
    actions: quarter.actions,
    clicks: quarter.clicks,
    happenings: quarter.happenings,
  };
}

class Simulation {
  readonly lives = new Map<string, Life>();
  readonly actions: Counts = { done: 0, refused: 0 };
  readonly clicks: Counts = { done: 0, refused: 0 };
  happenings = 0;
  private readonly world: QuarterWorld;
  private readonly seed: number;
  private queue: Happening[] = [];
  private readonly running = new Map<string, Instant>();

  constructor(world: QuarterWorld, seed: number) {
    this.world = world;
    this.seed = seed;
    world.onNews((leadId) => this.touch(leadId));
  }

  foresee(count: number, look: (world: QuarterWorld, now: Instant) => Promise<void>): void {
    const chance = seededRandom(this.seed);
    let taken = 0;
    generatedLeads(this.seed, count * 2, quarterFrom).forEach((lead, n) => {
      const at = quarterFrom + Math.floor(chance() * 85 * day);
      this.add(at, `arrival ${n}`, async () => {
        if (taken >= count) return;
        taken += 1;
        if (!(await this.arrive(lead, n, at))) taken -= 1;
      });
    });
    for (let at = quarterFrom + day; at < quarterTo; at += day)
      this.add(at, `look ${at}`, async () => {
        await this.world.lookAtClosed(at);
        await look(this.world, at);
      });
    for (const first of ["2030-10-01T13:00:00Z", "2031-01-01T14:00:00Z"]) {
      // As the Schedule does: every day at the agreed hour until the review has begun.
      for (let n = 0; n < 4; n++)
        this.add(Date.parse(first) + n * day, `schedule ${first}`, () =>
          this.askForReview(Date.parse(first) + n * day),
        );
    }
    const changeOfPolicy = Date.parse("2030-11-14T15:00:00Z");
    this.add(
      changeOfPolicy,
      "policy",
      async () =>
        void (await inTransaction(this.world.pool, (tx) =>
          activate(
            tx,
            agreementText
              .replace("maxReassignments: 2", "maxReassignments: 1")
              .replace("within: 14 days } }]", "within: 20 days } }]"),
            "test",
            changeOfPolicy,
          ),
        )),
    );
    const departure = Date.parse("2030-11-25T15:00:00Z");
    this.add(departure, "roster", () => reorganise(this.world.pool, departure));
    const left = Date.parse("2030-12-09T15:00:00Z");
    this.add(left, "roster", () => managerLeaves(this.world.pool, left));
    this.add(left + 3 * day, "roster", () => managerIsReplaced(this.world.pool, left + 3 * day));
  }

  async run(): Promise<void> {
    const failures: unknown[] = [];
    let wake = () => {};
    while (failures.length === 0) {
      const next = this.takeNext();
      if (!next && this.running.size === 0) break;
      if (!next) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      this.running.set(next.subject, next.at);
      this.happenings += 1;
      void next
        .run()
        .catch((error: unknown) => failures.push(error))
        .finally(() => {
          this.running.delete(next.subject);
          wake();
        });
    }
    while (this.running.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    if (failures.length > 0) throw failures[0];
    await this.finish();
  }

  private takeNext(): Happening | undefined {
    if (this.running.size >= atOnce) return undefined;
    const limit = Math.min(...this.running.values()) + window;
    const n = this.queue.findIndex((one) => !this.running.has(one.subject));
    const next = this.queue[n];
    if (!next || next.at > limit) return undefined;
    this.queue.splice(n, 1);
    return next.version !== undefined && this.lives.get(next.subject)?.version !== next.version
      ? this.takeNext()
      : next;
  }

  private add(at: Instant, subject: string, run: () => Promise<void>, version?: number): void {
    if (at >= quarterTo) return;
    let n = this.queue.length;
    while (n > 0 && this.queue[n - 1]!.at > at) n -= 1;
    this.queue.splice(n, 0, { at, subject, run, ...(version === undefined ? {} : { version }) });
  }

  private async arrive(lead: GeneratedLead, n: number, at: Instant): Promise<boolean> {
    const { pool, agreements } = this.world;
    const agreement = (await agreements.active(pool))!.agreement;
    const shifted = (one: Engagement) => ({
      messageId: one.id,
      type: one.type,
      occurredAt: one.occurredAt + at - quarterFrom,
      ...(one.topic === undefined ? {} : { topic: one.topic }),
    });
    const facts = {
      ...lead.facts,
      ...(lead.facts["lead.firstTouchAt"] === undefined
        ? {}
        : { "lead.firstTouchAt": new Date(at - day).toISOString() }),
    };
    const random = seededRandom(this.seed * 1_000 + n);
    const [taken] = await inTransaction(pool, async (tx) => {
      const answers = await takeIn(
        tx,
        [{ externalId: `person-${n}`, facts, engagements: lead.engagements.map(shifted) }],
        { now: at, from: "form", lane: 1, agreement },
      );
      const id = answers[0] && "leadId" in answers[0] ? answers[0].leadId : null;
      const other = [...this.lives.keys()].at(-1);
      if (id && other && lead.kind === "ambiguous")
        await tx.query(
          sql`
            insert into lead_conflict (lead_id, other_id, kind, since)
              values (${id}, ${other}, 'external', ${new Date(at)})`,
        );
      return answers;
    });
    if (!taken || !("leadId" in taken) || this.lives.has(taken.leadId)) return false;
    this.lives.set(taken.leadId, {
      id: taken.leadId,
      random,
      intention: null,
      version: 0,
      fate: this.fateOf(taken.leadId, at, random),
    });
    this.touch(taken.leadId, at);
    return true;
  }

  /**
   * What befalls a lead from outside: engagements now and then; rarely a suppression, an erasure, a
   * merge, a reopening.
   */
  private fateOf(id: string, arrivedAt: Instant, random: () => number): Life["fate"] {
    const { pool, agreements } = this.world;
    const fate: Life["fate"] = [];
    const later = (befall: (at: Instant) => Promise<void>, afterDays = 0.2) => {
      const at = arrivedAt + Math.round((afterDays + random() * 60) * day);
      fate.push({ at, befall });
    };
    const engages = (type: string, n: number, afterDays?: number) =>
      later(async (at) => {
        const agreement = (await agreements.active(pool))!.agreement;
        await inTransaction(pool, (tx) =>
          takeIn(
            tx,
            [{ id, facts: {}, engagements: [{ messageId: `${id}-${n}`, type, occurredAt: at }] }],
            { now: at, from: "tracking", lane: 1, agreement },
          ),
        );
      }, afterDays);
    for (let n = Math.floor(random() * 3); n > 0; n--)
      engages(
        [
          "blog_view",
          "pricing_page",
          "buyers_guide",
          "trial_started",
          "webinar_attended",
          "demo_request",
        ][Math.floor(random() * 6)]!,
        n,
      );
    // By then most are closed.
    if (random() < 0.4) engages("demo_request", 9, 25);
    const rarely = random();
    if (rarely < 0.03) later((at) => this.learn(id, { "lead.doNotContact": true }, at));
    else if (rarely < 0.06)
      later((at) =>
        inTransaction(pool, async (tx) => void (await erasePerson(tx, id, "tn_operator", at))),
      );
    else if (rarely < 0.09) later((at) => this.mergeAway(id, at));
    else if (rarely < 0.25) later((at) => this.reopen(id, "tn_operator", at));
    return fate.sort((a, b) => a.at - b.at);
  }

  private async reopen(id: string, by: string, at: Instant): Promise<void> {
    const { pool, agreements } = this.world;
    await inTransaction(pool, (tx) =>
      reopenLead(tx, agreements, id, { by, why: "asked again" }, at),
    );
  }

  private async mergeAway(id: string, at: Instant): Promise<void> {
    const survivor = [...this.lives.keys()].find((one) => one !== id);
    const gone =
      survivor &&
      (await firstRow(
        this.world.pool,
        sql`
          select 1 from lead where id = ${survivor}
            and (merge_into is not null or erased_at is not null)`,
      ));
    if (!survivor || gone) return;
    await inTransaction(this.world.pool, async (tx) => {
      const leads = [id, survivor] as const;
      await mergeLeads(
        tx,
        this.world.agreements,
        { leads, wished: survivor, by: "test", crm: null },
        at,
      );
    });
  }

  private async learn(
    id: string,
    facts: Record<string, string | number | boolean>,
    at: Instant,
  ): Promise<void> {
    await inTransaction(this.world.pool, async (tx) => {
      await saveFacts(
        tx,
        id,
        Object.fromEntries(
          Object.entries(facts).map(([path, value]) => [
            path,
            { value, from: "person" as const, at: new Date(at).toISOString() },
          ]),
        ),
        at,
        (await this.world.agreements.active(tx))!,
      );
      await enqueue(tx, leadSignal(id, "signal", "factsChanged", { id: "test" }, 1), at);
    });
  }

  /** Something was said to the lead's process: what comes next for it is asked anew. */
  private touch(leadId: string, at = this.world.now(leadWorkflowId(leadId))): void {
    const life = this.lives.get(leadId);
    if (!life) return;
    life.version += 1;
    this.add(Math.max(at, quarterFrom), leadId, () => this.plan(life), life.version);
  }

  private async plan(life: Life): Promise<void> {
    const lead = await this.world.settled(life.id);
    const now = this.world.now(leadWorkflowId(life.id));
    const befalls = life.fate[0];
    const wakes = lead.next_at === null ? null : Math.max(lead.next_at.getTime(), now) + 1_000;
    const means = await this.intentionOf(life, lead, now);
    if (lead.stage === "mql" && lead.owner_id !== null && life.random() < 0.1)
      await this.leaveOpenInCrm(life, lead, now);
    const next = Math.min(befalls?.at ?? Infinity, wakes ?? Infinity, means?.at ?? Infinity);
    if (next === Infinity) return;
    life.version += 1;
    this.add(
      next,
      life.id,
      async () => {
        if (!isClosed(lead.stage)) await this.world.bring(leadWorkflowId(life.id), next);
        if (next === befalls?.at) {
          life.fate.shift();
          // The lead's own time may have gone on a little.
          await befalls.befall(Math.max(next, this.world.now(leadWorkflowId(life.id))));
        } else if (means && next === means.at) await this.carryOut(life, means, next);
        await this.plan(life);
      },
      life.version,
    );
  }

  /** The owner has the record open in the CRM, and clicks hours later on what it showed. */
  private async leaveOpenInCrm(life: Life, lead: LeadRow, now: Instant): Promise<void> {
    const by = lead.owner_id!;
    const handoff = await firstRow<{ round: number }>(
      this.world.pool,
      sql`select round from handoff where id = ${lead.handoff_id}`,
    );
    if (!handoff) return;
    const seen = { stage: lead.stage, cycle: lead.cycle, round: handoff.round };
    const accepts = life.random() < 0.5;
    life.fate.push({
      at: now + Math.round(life.random() * 60 * hour),
      befall: async () => {
        const who = { by, role: "rep" };
        const { done } = accepts
          ? await this.world.act(life.id, "accept", {}, who, seen)
          : await this.world.act(life.id, "reject", { reason: "wrong-role" }, who, seen);
        this.clicks[done ? "done" : "refused"] += 1;
      },
    });
    life.fate.sort((a, b) => a.at - b.at);
  }

  private async intentionOf(life: Life, lead: LeadRow, now: Instant): Promise<Intention | null> {
    const tasks = await rows<{ kind: string; due: Date | null; who: string | null }>(
      this.world.pool,
      sql`
        select kind, due_at as due, assignee_id as who from task where subject_kind = 'lead'
          and subject_id = ${life.id}
          and state = 'open' order by kind`,
    );
    const attempts = await firstRow<{ n: number }>(
      this.world.pool,
      sql`select count(*)::int as n from action where lead_id = ${life.id}`,
    );
    const state = [
      lead.stage,
      lead.waiting_on,
      lead.owner_id,
      lead.cycle,
      attempts?.n,
      ...tasks.map((task) => `${task.kind} ${task.due?.getTime()}`),
    ].join(" ");
    if (life.intention?.state !== state)
      life.intention = {
        state,
        next: intend(lead, new Map(tasks.map((task) => [task.kind, task.who])), now, life.random),
      };
    const { next } = life.intention;
    return next && next.at <= now ? { ...next, at: now + 1_000 } : next;
  }

  private async carryOut(life: Life, { deed, by, role }: Intention, at: Instant): Promise<void> {
    life.intention = null;
    if (deed.name === "fixData") {
      return this.learn(
        life.id,
        {
          "lead.email": `mended.${life.id}@mended-${life.id.slice(-6).replaceAll("_", "")}.example`,
          "lead.role": "buyer",
          "lead.source": "webinar",
          "lead.name": "Mended Person",
          "account.name": "Mended Company",
          "account.domain": `mended-${life.id.slice(-6).replaceAll("_", "")}.example`,
          "account.industry": "Software",
          "account.employees": 300,
          "account.country": "DE",
          "lead.firstTouchAt": new Date(at - day).toISOString(),
        },
        at,
      );
    }
    if (deed.name === "reopen") return this.reopen(life.id, by, at);
    const result = await this.world.act(life.id, deed.name, deed.body, { by, role });
    this.actions[result.done ? "done" : "refused"] += 1;
  }

  private async askForReview(at: Instant): Promise<void> {
    const asking = `quarter-review-due/${this.world.taskQueue}/${at}`;
    await this.world.begin("openDueReview", asking, at, ["quarterly"]);
    const { opened } = await this.world.client.workflow
      .getHandle<() => Promise<{ opened: readonly string[] }>>(asking)
      .result();
    for (const one of opened) {
      this.world.adopt(one, asking);
      this.followReview(one, at + 60_000);
    }
  }

  /** A review's clock goes on with ours; leads on its list now wait for a person. */
  private followReview(workflowId: string, at: Instant): void {
    this.add(at, workflowId, async () => {
      await this.world.bring(workflowId, at);
      const period = workflowId.split("/").at(-1)!;
      const review = await firstRow<{ id: string; state: string }>(
        this.world.pool,
        sql`select id, state from review where kind = 'quarterly' and period = ${period}`,
      );
      if (!review) throw new Error(`${workflowId} was not opened`);
      await signBoth(this.world.pool, review.id, at);
      const listed = await rows<{ id: string }>(
        this.world.pool,
        sql`
          select subject_id as id from review_decision where review_id = ${review.id}
            and decision is null`,
      );
      for (const { id } of listed) this.touch(id);
      if (review.state === "open") this.followReview(workflowId, at + day);
    });
  }

  /**
   * Everybody who still lives is brought to the last moment, so that all verdicts are of the same
   * time.
   */
  private async finish(): Promise<void> {
    const open = await rows<{ id: string }>(
      this.world.pool,
      sql`select id from lead_standing where stage not in ('opportunity', 'disqualified')`,
    );
    for (let n = 0; n < open.length; n += atOnce) {
      await Promise.all(
        open.slice(n, n + atOnce).map(async ({ id }) => {
          await this.world.bring(leadWorkflowId(id), quarterTo);
          await this.world.settled(id);
        }),
      );
    }
  }
}
