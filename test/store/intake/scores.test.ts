import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../../agreement/stored.ts";
import type { Agreement } from "../../../handoff/agreement.ts";
import { qualify } from "../../../handoff/qualify/qualify.ts";
import { moveLead } from "../../../store/accounts/move.ts";
import { scoreAndSignal, storeEngagements } from "../../../store/intake/engagements.ts";
import { erasePerson } from "../../../store/intake/erasure.ts";
import { saveFacts, takeIn, type Arrival } from "../../../store/intake/intake.ts";
import { track, type TrackedMessage } from "../../../store/intake/tracking.ts";
import { inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { mergeLeads } from "../../../store/process/merge.ts";
import { flatFacts, type AccountRow, type LeadRow } from "../../../store/process/subject.ts";
import { again, take } from "../../../store/process/take.ts";
import { withCompany } from "../../../spellings/domain.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

const hour = 3_600_000;
const day = 24 * hour;
const agreements = createAgreements(agreementOf);
let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());

/** The same numbers for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

type Row = Pick<LeadRow, "id" | "facts"> & {
  readonly account_facts: AccountRow["facts"] | null;
  readonly fit: number | null;
  readonly intent: number | null;
  readonly band: string | null;
  readonly at: Date | null;
  readonly did:
    readonly { readonly id: string; readonly type: string; readonly at: string }[] | null;
};

/** Every lead that stands, its score as it is kept, and everything that it ever did. */
const everyLead = () =>
  rows<Row>(
    world.pool,
    sql`
    select l.id, l.facts, a.facts as account_facts, s.fit, s.intent, s.band, s.at,
      (select json_agg(json_build_object('id', e.message_id, 'type', e.type, 'at', e.occurred_at))
        from engagement e where e.lead_id = l.id) as did
    from lead_standing l left join account a on a.id = l.account_id
      left join score s on s.lead_id = l.id
    where l.merged_into is null and l.erased_at is null order by l.id`,
  );

/** The sum of all that a lead did, added up one by one as the reference says it is. */
function intentInFull({ signals }: Agreement, did: NonNullable<Row["did"]>, at: number): number {
  const sum = did.reduce((points, one) => {
    const signal = Object.hasOwn(signals, one.type) ? signals[one.type] : undefined;
    const age = at - Date.parse(one.at);
    if (signal === undefined || age < 0) return points;
    const halfLife = signal.halfLifeMs;
    return points + signal.points * (halfLife === undefined ? 1 : 2 ** -(age / halfLife));
  }, 0);
  return sum;
}

/** Where what is kept is not what everything together says; nothing where all is well. */
async function differences(agreement: Agreement, now: number): Promise<unknown[]> {
  return (await everyLead()).flatMap((lead): unknown[] => {
    const { id, fit, intent, band, at } = lead;
    if (at === null || intent === null) return [{ id, why: "no score" }];
    const did = lead.did ?? [];
    const inFull = intentInFull(agreement, did, at.getTime());
    if (Math.abs(inFull - intent) > 2e-6) return [{ id, intent, inFull }];
    // What colleagues tell of the company counts for whoever is looked at next.
    if (at.getTime() !== now) return [];
    const company = lead.account_facts === null ? undefined : { facts: lead.account_facts };
    const judged = qualify(agreement, {
      facts: withCompany(flatFacts({ facts: lead.facts }, company), agreement.emailDomains),
      engagements: did.map(({ id, type, at }) => ({ id, type, occurredAt: Date.parse(at) })),
      now,
      matches: 1,
    });
    return judged.fit === fit && judged.band === band
      ? []
      : [{ id, kept: { fit, band }, inFull: { fit: judged.fit, band: judged.band } }];
  });
}

test.each([1, 2, 3, 4])(
  "a lead's score that is kept up is that of everything counted anew: late, repeated and early " +
    "engagements, visitors who say who they are, corrections, moves, merges, erasures (seed %i)",
  async (seed) => {
    await world.pool.query("truncate lead, account, process, handoff, outbox, effect cascade");
    let now = world.now();
    const roll = dice(seed);
    const of = <T>(list: readonly T[]): T => list[roll(list.length)]!;
    const { agreement } = (await agreements.active(world.pool))!;
    const types = [...Object.keys(agreement.signals), "unheard_of"];
    const deps = { pool: world.pool, agreements };
    const leads: string[] = [];
    let made = 0;
    const did = () => ({
      // Now and then one that was told before.
      messageId: `s${seed}-${roll(5) === 0 ? roll(made + 1) : (made += 1)}`,
      type: of(types),
      occurredAt: now + hour - roll(60) * day - roll(hour),
    });
    const some = (most: number) => Array.from({ length: 1 + roll(most) }, did);
    const company = () => ({
      "account.employees": of([20, 200, 9_000]),
      "account.industry": of(["Software", "Mining"]),
      "account.country": of(["US", "DE", "BR"]),
    });
    const arrive = async (arrival: Arrival) => {
      const context = { now, from: "form" as const, lane: 1 as const, agreement };
      const [taken] = await inTransaction(world.pool, (tx) => takeIn(tx, [arrival], context));
      if (!taken || !("leadId" in taken) || leads.includes(taken.leadId)) return;
      leads.push(taken.leadId);
    };
    const address = () => `p${roll(20)}@${of(["acme.com", "beta.com", "gmail.com"])}`;
    const tracked = (...messages: TrackedMessage[]) =>
      inTransaction(world.pool, (tx) => track(tx, messages, { now, agreement }));
    const visitor = () => ({ anonymousId: `v${roll(6)}` });
    const deeds: readonly (() => Promise<unknown>)[] = [
      () => arrive({ email: address(), facts: roll(2) ? company() : {}, engagements: some(3) }),
      () =>
        inTransaction(world.pool, async (tx) => {
          const done = some(5).map((one) => ({ ...one, who: { leadId: of(leads) } }));
          await scoreAndSignal(tx, await storeEngagements(tx, done, now), agreement, now);
        }),
      () =>
        tracked(
          ...some(4).map((engagement) => ({
            kind: "engagement" as const,
            who: visitor(),
            engagement,
          })),
        ),
      () =>
        tracked({
          kind: "identify",
          who: visitor(),
          facts: { "lead.email": address() },
          occurredAt: now - roll(day),
        }),
      () =>
        inTransaction(world.pool, (tx) => {
          const at = new Date(now).toISOString();
          const title = { value: of(["VP Sales", "Intern", ""]), from: "form" as const, at };
          return saveFacts(tx, of(leads), { "lead.title": title }, now, { agreement });
        }),
      () =>
        inTransaction(world.pool, (tx) =>
          moveLead(
            tx,
            { leadId: of(leads), to: { domain: of(["acme.com", "beta.com"]) }, by: "t" },
            now,
          ),
        ),
      () => {
        const pair = [of(leads), of(leads)] as const;
        const merging = { leads: pair, wished: null, by: "t", crm: null };
        return inTransaction(world.pool, (tx) => mergeLeads(tx, agreements, merging, now));
      },
      async () => {
        if (roll(4) === 0)
          await inTransaction(world.pool, (tx) => erasePerson(tx, of(leads), "t", now));
      },
      // Its process looks, as after a signal.
      () =>
        take(
          deps,
          {
            subject: { kind: "lead", id: of(leads) },
            key: randomBytes(8).toString("hex"),
            now,
            by: "elsewhere",
          },
          { kind: of(["engaged", "facts", "time"] as const) },
        ).catch(() => undefined),
      async () => {
        now += roll(9) * day + roll(1_000);
      },
    ];
    while (leads.length === 0) await deeds[0]!();
    for (let step = 0; step < 150; step += 1) {
      const deed = of(roll(3) === 0 ? deeds : deeds.slice(0, 4));
      now += 1 + roll(hour);
      await again(async () => void (await deed()));
      expect([step, await differences(agreement, now)]).toEqual([step, []]);
    }
    expect(leads.length).toBeGreaterThan(10);
  },
  120_000,
);
