import type { Instant } from "../../handoff/time/calendar.ts";
import type { Subject } from "../../handoff/process/words.ts";
import { firstRow, rows, send, sql, type Db } from "../postgres/db.ts";
import { numbered, coalesce } from "../postgres/coalesce.ts";

export type EffectKind = "sync-crm" | "mail";

type Value = string | number | boolean | null;
type Flat = Readonly<Record<string, Value | Readonly<Record<string, Value>>>>;
/** Ids, instants in epoch milliseconds and words of the glossary; never a name or an address. */
export type EffectPayload = Readonly<
  Record<string, Value | readonly string[] | Flat | readonly Flat[]>
>;

/** Something to be done outside. `what` is the mail's template, or "lead" for a sync. */
export interface NewEffect {
  /** `subject/cycle/what/n`: the same key is one effect, however often it is added. */
  readonly key: string;
  readonly subject: Subject;
  readonly handoffId?: string | null;
  readonly kind: EffectKind;
  readonly what: string;
  readonly payload: EffectPayload;
}

export interface Effect {
  readonly id: number;
  readonly key: string;
  readonly subject: Subject;
  readonly handoffId: string | null;
  readonly kind: EffectKind;
  readonly what: string;
  readonly payload: EffectPayload;
  readonly createdAt: Instant;
  /** This try included. */
  readonly attempts: number;
}

/** Writes what must be done for one subject; see `addEffects`. */
export async function addEffect(db: Db, effect: NewEffect, now: Instant): Promise<void> {
  await addEffects(db, effect.subject, [effect], now);
}

/**
 * Writes what must be done for a subject, in order, in the transaction of the decision that wants
 * it. A repeat of a key changes nothing. A sync reads what Postgres says when it runs, so a new one
 * replaces those that still wait; one that is running stays.
 */
export async function addEffects(
  db: Db,
  subject: Subject,
  effects: readonly Omit<NewEffect, "subject">[],
  now: Instant,
): Promise<void> {
  if (effects.length === 0) return;
  const at = new Date(now);
  await send(
    db,
    sql`
    with added as (
      insert into effect (key, subject_kind, subject_id, handoff_id, kind, what, payload,
        created_at)
      select e.key, ${subject.kind}::text, ${subject.id}::text, e."handoffId", e.kind, e.what,
        e.payload, ${at}::timestamptz
      from rows from (jsonb_to_recordset(${JSON.stringify(effects)}::jsonb)
        as (key text, "handoffId" text, kind text, what text, payload jsonb))
        with ordinality as e(key, "handoffId", kind, what, payload, n) order by e.n
      on conflict (key) do nothing returning kind)
    update effect set state = 'withdrawn', done_at = ${at}::timestamptz,
      error = 'a newer sync does its work'
    where exists (select from added where added.kind = 'sync-crm')
      and subject_kind = ${subject.kind} and subject_id = ${subject.id} and kind = 'sync-crm'
      and state = 'open' and key <> all(${effects.map((one) => one.key)})
        and (claimed_until is null or claimed_until <= ${at})`,
  );
}

/**
 * The CRM is made equal to the rows of these leads, because of something that no decision has
 * changed; `why` makes a repeat one. They are found by the worker's next look.
 */
export async function wantCrmSyncs(
  db: Db,
  leadIds: readonly string[],
  why: string,
  now: Instant,
): Promise<void> {
  if (leadIds.length === 0) return;
  await send(
    db,
    sql`
    insert into effect (key, subject_kind, subject_id, kind, what, payload, created_at)
    select 'lead/' || id || '/' || ${why}::text || '/sync-crm', 'lead', id, 'sync-crm', 'lead',
      jsonb_build_object('leadId', id), ${new Date(now)}::timestamptz
    from unnest(${leadIds}::text[]) as id order by id on conflict (key) do nothing`,
  );
}

/** The subject's effects that are still to be done, in order. */
export async function openEffects(db: Db, subject: Subject): Promise<Effect[]> {
  const found = await rows<EffectRow>(
    db,
    sql`
    select * from effect where subject_kind = ${subject.kind} and subject_id = ${subject.id}
      and state = 'open' order by id limit 1000`,
  );
  return found.map(effectOf);
}

/** An effect that a run has taken; `isLast`: no other one of its kind was waiting behind it. */
export type ClaimedEffect = Effect & { readonly isLast: boolean };

/** What a run takes at once, and what it finds on the way. */
export interface Claimed {
  readonly effects: readonly ClaimedEffect[];
  /** Each kind that is open is among them: nobody else is at work on this subject. */
  readonly isAll: boolean;
  /** The lead was erased, or merged into another one. */
  readonly isGone: boolean;
  /** The connection was paused and not opened again (store/effects/connections.ts). */
  readonly isPaused: boolean;
}

export interface EffectClaim {
  readonly kinds: readonly EffectKind[];
  readonly now: Instant;
  readonly until: Instant;
  /** The connection over which syncs go. */
  readonly connection: string;
}

/**
 * Takes the subject's first open effect of each kind for one run, until `until`; of a kind that
 * another run has at work, none. Order holds within a kind: a CRM that is away keeps no mail back.
 */
export async function claimEffects(db: Db, subject: Subject, claim: EffectClaim): Promise<Claimed> {
  return claimTogether(db, { subject, ...claim });
}

const claimTogether = coalesce(
  async (
    db,
    asked: readonly (EffectClaim & { readonly subject: Subject })[],
  ): Promise<Claimed[]> => {
    const given = asked.map(({ subject, kinds, now, until, connection }) => ({
      kind: subject.kind,
      id: subject.id,
      kinds,
      at: new Date(now),
      until: new Date(until),
      connection,
    }));
    const found = await rows<ClaimedRow>(
      db,
      sql`
    with asked as materialized (
      select * from jsonb_to_recordset(${numbered(given)}::jsonb) as
        a(n int, kind text, id text, kinds jsonb, at timestamptz, until timestamptz,
        connection text)),
    first as materialized (
      select distinct on (a.n, e.kind) a.n, e.id from asked a join effect e
        on e.subject_kind = a.kind and e.subject_id = a.id
      where e.state = 'open' and e.subject_id = any(${given.map(({ id }) => id)}::text[])
        and a.kinds ? e.kind order by a.n, e.kind, e.id)
    update effect set claimed_until = a.until, attempts = attempts + 1
    from first f join asked a using (n)
    where effect.id = f.id and effect.state = 'open'
      and (claimed_until is null or claimed_until <= a.at)
    returning effect.*, a.n,
      not exists (select from effect later where later.subject_kind = effect.subject_kind
        and later.subject_id = effect.subject_id
        and later.kind = effect.kind and later.state = 'open' and later.id > effect.id) as is_last,
      (select count(*)::int from first one where one.n = a.n) as kinds,
      (select erased_at is not null or merged_into is not null from lead_standing l
        where a.kind = 'lead' and l.id = a.id) as is_gone,
      exists (select from connection where name = a.connection and since is not null) as is_paused`,
    );
    return asked.map((_, n) => claimedOf(found.filter((row) => row.n === n)));
  },
);

type ClaimedRow = EffectRow & {
  n: number;
  is_last: boolean;
  kinds: number;
  is_gone: boolean | null;
  is_paused: boolean;
};

function claimedOf(found: readonly ClaimedRow[]): Claimed {
  const [one] = found;
  return {
    effects: found.map((row) => ({ ...effectOf(row), isLast: row.is_last })),
    isAll: one !== undefined && found.length === one.kinds,
    isGone: one?.is_gone ?? false,
    isPaused: one?.is_paused ?? false,
  };
}

/**
 * What a sync has written from: of which lead, and all that the CRM shows of it, as one word
 * (store/effects/crm-sync.ts).
 */
export interface SyncedLead {
  readonly leadId: string;
  readonly shown: string;
}

/**
 * How an effect ended: done; withdrawn because nobody needs it any more; failed because it can
 * never be done.
 */
export type EffectEnd =
  | { readonly state: "done"; readonly seen?: SyncedLead }
  | { readonly state: "withdrawn" | "failed"; readonly why: string };

export async function endEffect(db: Db, id: number, end: EffectEnd, now: Instant): Promise<void> {
  await endTogether(db, {
    id,
    state: end.state,
    why: end.state === "done" ? null : end.why,
    at: new Date(now),
  });
}

const endTogether = coalesce(
  async (
    db,
    asked: readonly {
      readonly id: number;
      readonly state: EffectEnd["state"];
      readonly why: string | null;
      readonly at: Date;
    }[],
  ): Promise<void[]> => {
    await db.query(sql`
    update effect set state = e.state, done_at = e.at, claimed_until = null, error = e.why
    from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as e(id bigint, state text, why text,
      at timestamptz)
    where effect.id = e.id and effect.id = any(${asked.map(({ id }) => id)}::bigint[])
      and effect.state = 'open'`);
    return asked.map(() => undefined);
  },
);

/** Gives a claimed effect back: it stays open and the next run tries again. */
export async function releaseEffect(db: Db, id: number, why: string): Promise<void> {
  await db.query(
    sql`update effect set claimed_until = null, error = ${why} where id = ${id} and state = 'open'`,
  );
}

/** Withdraws the subject's open effects, except the mails with these templates. Gives how many. */
export async function withdrawEffects(
  db: Db,
  subject: Subject,
  why: string,
  except: readonly string[],
  now: Instant,
): Promise<number> {
  const { rowCount } = await db.query(sql`
    update effect set state = 'withdrawn', done_at = ${new Date(now)}, claimed_until = null,
      error = ${why}
    where subject_kind = ${subject.kind} and subject_id = ${subject.id} and state = 'open'
      and not (kind = 'mail' and what = any(${except}))`);
  return rowCount ?? 0;
}

/**
 * Versions of the agreement with mail that is still to be sent: they have no process that would try
 * again what failed, so it is tried less and less often here.
 */
export async function openAgreementEffects(db: Db, now: Instant): Promise<string[]> {
  const found = await rows<{ id: string }>(
    db,
    sql`
    select distinct subject_id as id from effect where state = 'open'
      and subject_kind = 'agreement' and (claimed_until is null or claimed_until < ${new Date(now)})
      and created_at + least(attempts * attempts, 360) * interval '5 seconds' <= ${new Date(now)}
    limit 100`,
  );
  return found.map(({ id }) => id);
}

/**
 * Leads and accounts with effects that stand open since before `before`, in nobody's hands; one that was tried
 * and failed says why, and its process tries on.
 */
export async function forgottenEffects(
  db: Db,
  {
    before,
    now,
    limit,
  }: { readonly before: Instant; readonly now: Instant; readonly limit: number },
): Promise<Subject[]> {
  return rows<Subject>(
    db,
    sql`
    select distinct subject_kind as kind, subject_id as id from effect
    where state = 'open' and subject_kind in ('lead', 'account') and error is null
      and created_at < ${new Date(before)}
      and (claimed_until is null or claimed_until < ${new Date(now)})
    limit ${limit}`,
  );
}

/** How many of the subject's effects are still to be done. */
export async function countOpenEffects(db: Db, subject: Subject): Promise<number> {
  const row = await firstRow<{ n: number }>(
    db,
    sql`
    select count(*)::int as n from effect where subject_kind = ${subject.kind}
      and subject_id = ${subject.id} and state = 'open'`,
  );
  return row?.n ?? 0;
}

type EffectRow = {
  id: number;
  key: string;
  subject_kind: Subject["kind"];
  subject_id: string;
  handoff_id: string | null;
  kind: EffectKind;
  what: string;
  payload: EffectPayload;
  created_at: Date;
  attempts: number;
};

function effectOf(row: EffectRow): Effect {
  return {
    id: row.id,
    key: row.key,
    subject: { kind: row.subject_kind, id: row.subject_id },
    handoffId: row.handoff_id,
    kind: row.kind,
    what: row.what,
    payload: row.payload,
    createdAt: row.created_at.getTime(),
    attempts: row.attempts,
  };
}
