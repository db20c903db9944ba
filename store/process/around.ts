import type { FactValue } from "../../handoff/facts/facts.ts";
import type { AnyAction } from "../../handoff/process/event.ts";
import type { OpenOffer, OpenTask } from "../../handoff/process/situation.ts";
import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import { fragment } from "../postgres/db.ts";
import type { KnownAbsence } from "../routing/roster.ts";
import type { HandoffJson } from "./rows.ts";
import { shownDecisions } from "./standing.ts";

/** What stands around a subject's process row, as Postgres gives it. */
export interface Around {
  readonly facts: StoredFacts;
  readonly account_facts: StoredFacts | null;
  readonly pipeline: number;
  readonly is_flagged: boolean;
  /** Of a lead: the open handoff of its account. */
  readonly account_handoff: string | null;
  /** Of an account: how many people its flag names. */
  readonly flag_contacts: number | null;
  readonly source: string | null;
  readonly campaign: string | null;
  readonly arrived_at: Date;
  readonly erased_at: Date | null;
  readonly merge_into: string | null;
  readonly agreement_id: string | null;
  readonly handoff: HandoffJson | null;
  readonly rejection_revisit_on: string | null;
  readonly last_lead_type: string | null;
  readonly engagements: readonly EngagementJson[] | null;
  readonly others: number;
  readonly clocks: readonly ClockJson[] | null;
  readonly tasks: readonly TaskJson[] | null;
  readonly offers: readonly OpenOffer[] | null;
  readonly out_of_pool: boolean;
  /** Whoever has it has left, is away, or is no longer in its pool. */
  readonly is_rep_gone: boolean;
  readonly people: readonly PersonJson[] | null;
  readonly pool: { readonly hours: CalendarDef | null } | null;
  readonly answered_at: Date | null;
  readonly last_activity_at: Date | null;
  readonly stalled_at: Date | null;
  /** Of the author of the action, within two days. */
  readonly recent_rejections: readonly string[] | null;
  readonly opportunity: { readonly id: string; readonly createdAt: string } | null;
  readonly own_opportunity: {
    readonly id: string;
    readonly ownerId: string | null;
    readonly wonAt: string | null;
    readonly lostAt: string | null;
  } | null;
  readonly hand_raised_at: Date | null;
  readonly has_open_effects: boolean;
  readonly recent:
    | readonly { readonly kind: string; readonly at: string; readonly because: string | null }[]
    | null;
}

type StoredFacts = Readonly<Record<string, { readonly value: FactValue; readonly at: string }>>;
export interface EngagementJson {
  readonly id: string;
  readonly type: string;
  readonly topic: string | null;
  readonly at: string;
}
export interface ClockJson {
  readonly id: string;
  readonly kind: "outreach" | "status";
  readonly scope: "lead" | "rep";
  readonly round: number;
  readonly warned: number;
  readonly rung: number;
  readonly breached: boolean;
  readonly events: readonly { kind: string; at: string; detail: Record<string, unknown> }[];
}
export type TaskJson = Omit<OpenTask, "since" | "dueAt" | "remindAt"> & {
  readonly since: string;
  readonly dueAt: string | null;
  readonly remindAt: string | null;
};
interface PersonJson {
  readonly id: string;
  readonly active: boolean;
  readonly role: string;
  readonly managerId: string | null;
  readonly deputyId: string | null;
  readonly hours: CalendarDef | null;
  readonly absences: readonly KnownAbsence[] | null;
}

/**
 * What is read of every kind of subject, in a statement that names its process row `p`, its open
 * handoff `h` and its open tasks `t`; `above` are its people.
 */
export const agreementAround =
  fragment(`coalesce((select agreement_id from h), (select id from agreement_version
        where state = 'active')) as agreement_id`);
export const revisitAround =
  fragment(`(select revisit_on from answer where handoff_id = p.handoff_id and kind = 'reject'
        order by received_at desc limit 1) as rejection_revisit_on`);
export const clocksAround =
  fragment(`(select json_agg(json_build_object('id', c.id, 'kind', c.kind, 'scope', c.scope, 'round',
        c.round,
          'warned', c.warned, 'rung', c.rung, 'breached', c.breached_at is not null,
          'events', (select json_agg(json_build_object('kind', e.kind, 'at', e.at, 'detail',
            e.detail) order by e.n)
            from clock_event e where e.clock_id = c.id)) order by c.kind, c.scope desc)
        from clock c join h on c.handoff_id = h.id where c.round in (0, h.round)) as clocks`);
export const tasksAround =
  fragment(`(select json_agg(json_build_object('kind', t.kind, 'handoffId', t.handoff_id, 'role', t.role,
          'assigneeId', t.assignee_id, 'since', t.since, 'dueAt', t.due_at,
          'remindAt', t.remind_at, 'reminded', t.reminded, 'detail', t.detail)
            order by t.since, t.kind)
        from t) as tasks`);
export const outOfPoolAround =
  fragment(`exists (select from h join assignment s on s.handoff_id = h.id and s.round = h.round
        where s.rep_id = h.rep_id and s.ended_at is null and s.via <> 'manager'
          and s.pool is not null
          and not exists (select from pool_member m where m.pool_id = s.pool
            and m.rep_id = s.rep_id)) as out_of_pool`);
export const personsAbove =
  fragment(`select json_agg(json_build_object('id', r.id, 'active', r.active, 'role', r.role,
          'managerId', r.manager_id, 'deputyId', r.deputy_id,
          'hours', r.hours, 'absences', (
            select json_agg(json_build_object('from',
              floor(extract(epoch from b.from_at) * 1000)::bigint,
              'to', floor(extract(epoch from b.to_at) * 1000)::bigint, 'reason', b.reason,
              'knownAt', floor(extract(epoch from b.known_at) * 1000)::bigint,
              'deputyId', b.deputy_id)
                order by b.from_at, b.id)
            from absence b where b.rep_id = r.id)) order by r.id) from above r`);
export const poolAround = fragment(
  `(select json_build_object('hours', pool.hours) from pool join h on pool.id = h.pool) as pool`,
);
export const activityAround =
  fragment(`(select greatest((select max(received_at) from outreach where handoff_id = p.handoff_id),
        (select max(received_at) from answer where handoff_id = p.handoff_id))) as last_activity_at`);
export const offersAround =
  fragment(`(select json_agg(json_build_object('handoffId', s.handoff_id, 'round', s.round, 'repId',
        s.rep_id, 'pool', s.pool)
          order by s.handoff_id, s.round)
        from handoff x join assignment s on s.handoff_id = x.id
        where x.subject_kind = p.subject_kind and x.subject_id = p.subject_id
          and s.ended_at is null) as offers`);
export const recentAround = fragment(`(select json_agg(json_build_object('kind', d.kind, 'at', d.at,
          'because', d.output ->> 'because') order by d.cycle desc, d.step desc)
        from (select cycle, step, kind, at, output from decision
          where decision.subject_kind = p.subject_kind and decision.subject_id = p.subject_id
          order by cycle desc, step desc limit ${shownDecisions}) d) as recent`);

/** People whom the action names: its author, and whom a manager chose. */
export function namedBy(action: AnyAction | undefined): string[] {
  if (!action) return [];
  return action.name === "reassign" && action.body.to !== undefined
    ? [action.by, action.body.to]
    : [action.by];
}

/** Of a subject's latest engagements so many are looked at. */
export const mostEngagements = 500;

export interface LookAround {
  readonly now: Instant;
  /** The action to be decided: its author's and its target's rows are loaded too. */
  readonly action?: AnyAction;
}

/** The time in which rejections by the author of the action count, whatever the day is there. */
export function twoDaysTo({ now, action }: LookAround): [from: Date, to: Date] {
  const to = action?.receivedAt ?? now;
  return [new Date(to - 2 * 86_400_000), new Date(to)];
}
