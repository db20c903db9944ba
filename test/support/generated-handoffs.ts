import type { Pool } from "../../store/postgres/db.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const steps = [
  "offered",
  "first_outreach",
  "connected",
  "meeting",
  "sal",
  "sql",
  "opportunity",
  "won",
  "lost",
  "rejected",
  "closed",
] as const;
export type Step = (typeof steps)[number] | "mql";

export interface MadeAnswer {
  readonly id: string;
  readonly kind: string;
  readonly by: string;
  readonly at: number;
  readonly told: number;
  readonly reason: string | null;
  readonly contested: boolean;
  readonly openMs: number | null;
  readonly rating: number | null;
  readonly timeline: string | null;
  readonly heard: readonly string[];
}

export interface MadeClock {
  readonly kind: "outreach" | "status";
  readonly scope: "lead" | "rep";
  readonly rep: string | null;
  readonly round: number;
  readonly state: string;
  readonly startedAt: number;
  readonly dueAt: number | null;
  readonly endedAt: number | null;
  readonly breachedAt: number | null;
  readonly usedMs: number | null;
}

export interface MadeHandoff {
  readonly id: string;
  readonly lead: string;
  readonly cycle: number;
  readonly source: string | null;
  readonly campaign: string | null;
  readonly band: string;
  readonly leadType: string;
  readonly territory: string | null;
  readonly rep: string | null;
  readonly icp: boolean;
  readonly role: string | null;
  readonly techMatch: boolean | null;
  /** Rules of the example's agreement that held. */
  readonly held: readonly string[] | null;
  readonly signals: readonly string[] | null;
  readonly assets: readonly string[] | null;
  readonly firstTouch: number | null;
  readonly firstSignal: number | null;
  readonly at: Readonly<Partial<Record<Step, number>>>;
  readonly told: Readonly<Partial<Record<Step, number>>>;
  readonly outcome: string | null;
  readonly systemMs: number | null;
  readonly humanMs: number | null;
  readonly answers: readonly MadeAnswer[];
  readonly clocks: readonly MadeClock[];
  readonly outreach: readonly { readonly at: number; readonly told: number }[];
  readonly offers: readonly {
    readonly rep: string | null;
    readonly via: string;
    readonly at: number;
  }[];
  /** States of its opportunity, in order. */
  readonly deal: readonly {
    readonly stage: string;
    readonly dealStage: string | null;
    readonly amount: number | null;
    readonly currency: string | null;
    readonly at: number;
    readonly told: number;
  }[];
  readonly moves: readonly {
    readonly from: string;
    readonly to: string;
    readonly cycle: number;
    readonly because: string;
    readonly at: number;
  }[];
}

export const reasonGroups: Readonly<Record<string, string>> = {
  "wrong-role": "no-access",
  "below-company-size": "no-fit",
  "bad-contact-data": "data",
  "dated-timing": "timing",
};

/** Handoffs of ninety days from `begin`, with whatever reports look at; `random` gives 0 to 1. */
export function generateHandoffs(
  random: () => number,
  begin: number,
  count: number,
): MadeHandoff[] {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const chance = (p: number) => random() < p;
  const whole = (most: number) => Math.floor(random() * most);
  return Array.from({ length: count }, (_, n) => {
    const id = `ho_${String(n).padStart(5, "0")}`;
    const lead = `ld_${String(n).padStart(5, "0")}`;
    const mql = begin + whole(90 * DAY);
    const at: Partial<Record<Step, number>> = { mql };
    const after = (from: number, days: number) => from + 1 + whole(days * DAY);
    const isOffered = chance(0.9);
    const rep = isOffered ? pick(["rp_a", "rp_b", "rp_c", "rp_d"]) : null;
    const answers: MadeAnswer[] = [];
    const answer = (kind: string, when: number, more: Partial<MadeAnswer> = {}) =>
      answers.push({
        id: `ax_${n}_${answers.length}`,
        kind,
        by: rep ?? "rp_boss",
        at: when,
        told: when + (chance(0.3) ? whole(20 * DAY) : 0),
        reason: null,
        contested: false,
        openMs: kind === "accept" || kind === "reject" ? whole(40 * HOUR) : null,
        rating: chance(0.4) ? 1 + whole(5) : null,
        timeline: chance(0.4) ? pick(["now", "this-quarter", "later"]) : null,
        heard: ["budget-named", "problem-named"].filter(() => chance(0.3)),
        ...more,
      });
    let outcome: string | null = null;
    const deal: MadeHandoff["deal"][number][] = [];
    const tellOf = (one: Omit<(typeof deal)[number], "told">) =>
      deal.push({ ...one, told: one.at + (chance(0.4) ? whole(20 * DAY) : 0) });
    const moves: MadeHandoff["moves"][number][] = [
      { from: "new", to: "mql", cycle: 1, because: "a lead type matched", at: mql },
    ];
    const move = (from: string, to: string, because: string, when: number, cycle = 1) =>
      moves.push({ from, to, cycle, because, at: when });
    if (isOffered) {
      at.offered = chance(0.3) ? mql : after(mql, 1);
      if (chance(0.8)) {
        // Some were called before the offer came.
        at.first_outreach = chance(0.1) ? mql : after(at.offered, 3);
        if (chance(0.5)) at.connected = after(at.first_outreach, 3);
        if (chance(0.3)) at.meeting = after(at.first_outreach, 6);
      }
      const answered = after(at.offered, 6);
      const fate = random();
      if (fate < 0.45) {
        at.sal = answered;
        answer("accept", answered);
        move("mql", "sal", "the owner accepted", answered);
        if (chance(0.5)) {
          at.sql = after(answered, 10);
          move("sal", "sql", "confirmed", at.sql);
          if (chance(0.6)) {
            at.opportunity = after(at.sql, 10);
            at.closed = at.opportunity;
            outcome = "opportunity";
            move("sql", "opportunity", "opportunity exists in the CRM", at.opportunity);
            const currency = pick(["USD", "EUR"]);
            // Without a throw of the dice: what is made of a seed stays as it is.
            const first = n % 3 === 0 ? null : "Discovery";
            const opened = { stage: "open", amount: null, currency: null, at: at.opportunity };
            tellOf({ ...opened, dealStage: first });
            const priced = after(at.opportunity, 4);
            if (chance(0.8))
              tellOf({
                stage: "open",
                dealStage: n % 4 === 0 ? first : "Proposal",
                amount: 1_000 + whole(9_000),
                currency,
                at: priced,
              });
            const end = random();
            if (end < 0.6) {
              const stage = end < 0.35 ? "won" : "lost";
              const done = after(priced, 30);
              at[stage] = done;
              const amount = 1_000 + whole(9_000);
              tellOf({ stage, dealStage: null, amount, currency, at: done });
            }
          }
        }
      } else if (fate < 0.85) {
        const reason = pick(Object.keys(reasonGroups));
        const contested = chance(0.3);
        at.rejected = answered;
        answer("reject", answered, { reason, contested });
        const decided = contested ? after(answered, 3) : answered;
        const verdict = contested ? pick(["upheld", "overturned", null]) : "upheld";
        if (contested && verdict) answer(`contest-${verdict}`, decided, { by: "rp_boss" });
        if (verdict === "upheld") {
          at.closed = decided;
          outcome = `rejected: ${reason}`;
          if (reason === "below-company-size") move("mql", "disqualified", outcome, decided);
          else {
            move("mql", "renurture", outcome, decided);
            if (chance(0.4)) move("renurture", "mql", "came back", after(decided, 30), 2);
            else if (chance(0.2))
              move("renurture", "disqualified", "retired in review", after(decided, 30), 2);
          }
        } else if (verdict === "overturned" && chance(0.5)) {
          at.sal = after(decided, 3);
          answer("accept", at.sal);
          move("mql", "sal", "the owner accepted", at.sal);
        }
      } else if (chance(0.3)) {
        at.closed = after(answered, 5);
        outcome = "suppressed: do-not-contact";
        move("mql", "disqualified", outcome, at.closed);
      }
    }
    const told: Partial<Record<Step, number>> = {};
    for (const step of Object.keys(at) as Step[])
      if (chance(0.7)) told[step] = (at[step] ?? 0) + (chance(0.4) ? whole(20 * DAY) : 0);
    const clocks = isOffered ? clocksOf(at, rep, { whole, chance }) : [];
    const signals = chance(0.9)
      ? ["demo_request", "pricing_page", "webinar_attended"].filter(() => chance(0.45))
      : null;
    const firstTouch = chance(0.8) ? mql - whole(40 * DAY) : null;
    return {
      id,
      lead,
      cycle: 1,
      source: pick(["web", "fair", null]),
      campaign: pick(["spring", "autumn", null]),
      band: pick(["A", "B", "C", "D"]),
      leadType: pick(["demo-request", "standard-mql"]),
      territory: pick(["americas", "dach", null]),
      rep,
      icp: chance(0.7),
      role: pick(["buyer", "user", null]),
      techMatch: pick([true, false, null]),
      held: chance(0.85)
        ? ["icp", "checklist: role fit", "fit[0]", "fit[2]"].filter(() => chance(0.5))
        : null,
      signals,
      assets: signals === null ? null : ["guide", "calculator"].filter(() => chance(0.4)),
      firstTouch,
      firstSignal: signals !== null && signals.length > 0 ? mql - whole(45 * DAY) : null,
      at,
      told,
      outcome,
      systemMs: at.first_outreach === undefined || chance(0.1) ? null : whole(5 * HOUR),
      humanMs: at.first_outreach === undefined ? null : whole(20 * HOUR),
      answers,
      clocks,
      outreach:
        at.first_outreach === undefined
          ? []
          : Array.from({ length: 1 + whole(7) }, (_unused, k) => {
              const when = (at.first_outreach ?? 0) + k * whole(2 * DAY);
              return { at: when, told: when + whole(2 * DAY) };
            }),
      offers: isOffered
        ? Array.from({ length: 1 + whole(3) }, (_unused, k) => ({
            rep: chance(0.8) ? rep : null,
            via: chance(0.2) ? "fallback" : "territory",
            at: (at.offered ?? 0) + k * HOUR,
          }))
        : [],
      deal,
      moves,
    };
  });
}

function clocksOf(
  at: Partial<Record<Step, number>>,
  rep: string | null,
  { whole, chance }: { whole: (most: number) => number; chance: (p: number) => boolean },
): MadeClock[] {
  const made: MadeClock[] = [];
  for (const kind of ["outreach", "status"] as const)
    for (const scope of ["lead", "rep"] as const) {
      const startedAt = (scope === "lead" ? at.mql : at.offered) ?? 0;
      const due = startedAt + 1 + whole(3 * DAY);
      const stop = kind === "outreach" ? at.first_outreach : (at.sal ?? at.rejected);
      const endedAt = stop === undefined ? null : Math.max(stop, startedAt);
      const isLate = endedAt !== null && endedAt > due;
      const isCancelled = endedAt === null && at.closed !== undefined;
      made.push({
        kind,
        scope,
        rep: scope === "rep" ? rep : null,
        round: scope === "rep" ? 1 : 0,
        state: isCancelled
          ? "cancelled"
          : endedAt === null
            ? "running"
            : isLate
              ? "breached"
              : "met",
        startedAt,
        dueAt: isCancelled || (endedAt === null && chance(0.2)) ? null : due,
        endedAt: isCancelled ? Math.max(at.closed ?? 0, startedAt) : endedAt,
        breachedAt: isLate ? due : null,
        usedMs: whole(30 * HOUR),
      });
    }
  return made;
}

const date = (at: number | null | undefined) => (at == null ? null : new Date(at));

/** The agreement, the calendar and the people that generated handoffs name. */
export async function insertWhatHandoffsName(pool: Pool): Promise<void> {
  await pool.query(`
    insert into agreement_version (id, number, content, content_hash, state, created_at, created_by)
      values ('ag_1', 1, '', '', 'active', now(), 'test');
    insert into calendar_version (id, definition, tz_version, created_at)
      values ('cal_1', '{}', 'x', now());
    insert into rep (id, name, email, manager_id, updated_at) values
      ('rp_boss', 'b', 'b@team.example', null, now()),
      ('rp_a', 'a', 'a@team.example', 'rp_boss', now()),
        ('rp_b', 'b', 'b2@team.example', null, now()),
      ('rp_c', 'c', 'c@team.example', null, now()), ('rp_d', 'd', 'd@team.example', null, now())`);
}

/** Writes them as the product would have; what they name must be there. */
export async function insertHandoffs(pool: Pool, made: readonly MadeHandoff[]): Promise<void> {
  const put = async (table: string, rows: readonly Record<string, unknown>[]) => {
    if (rows.length === 0) return;
    const names = Object.keys(rows[0] ?? {});
    await pool.query(
      `insert into ${table} (${names.join(", ")})
        select ${names.join(", ")} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      [JSON.stringify(rows)],
    );
  };
  await put(
    "lead",
    made.map(({ lead, source, campaign, at }) => ({
      id: lead,
      facts: {},
      source,
      campaign,
      arrived_at: date((at.mql ?? 0) - DAY),
      imported: false,
    })),
  );
  await put(
    "handoff",
    made.map((h) => ({
      id: h.id,
      subject_kind: "lead",
      subject_id: h.lead,
      cycle: h.cycle,
      agreement_id: "ag_1",
      lead_type: h.leadType,
      path: "fast",
      priority: 1,
      band: h.band,
      fit: 1,
      intent: 1,
      icp: h.icp,
      source: h.source,
      campaign: h.campaign,
      territory: h.territory,
      rep_id: h.rep,
      state: h.at.closed === undefined ? "open" : "closed",
      round: 1,
      attempts: h.outreach.length,
      reassignments: 0,
      imported: false,
      role: h.role,
      tech_match: h.techMatch,
      held: h.held,
      signals: h.signals,
      assets: h.assets,
      first_touch_at: date(h.firstTouch),
      first_signal_at: date(h.firstSignal),
      outcome: h.outcome,
      response_system_ms: h.systemMs,
      response_human_ms: h.humanMs,
      ...Object.fromEntries(
        (["mql", ...steps] as const).flatMap((step) => [
          [`${step}_at`, date(h.at[step])],
          [`${step}_told_at`, date(h.told[step])],
        ]),
      ),
    })),
  );
  await put(
    "answer",
    made.flatMap((h) =>
      h.answers.map((one) => ({
        id: one.id,
        handoff_id: h.id,
        round: 1,
        kind: one.kind,
        by_id: one.by,
        reason: one.reason,
        reason_group: one.reason === null ? null : reasonGroups[one.reason],
        fit_rating: one.rating,
        timeline: one.timeline,
        buying_signals: one.heard,
        contested: one.contested,
        received_at: date(one.at),
        told_at: date(one.told),
        open_ms: one.openMs,
      })),
    ),
  );
  await put(
    "clock",
    made.flatMap((h) =>
      h.clocks.map((one) => ({
        id: `${h.id}/${one.kind}/${one.scope === "lead" ? "lead" : `rep/${one.round}`}`,
        handoff_id: h.id,
        kind: one.kind,
        scope: one.scope,
        round: one.round,
        rep_id: one.rep,
        target: {},
        calendar_id: "cal_1",
        started_at: date(one.startedAt),
        due_at: date(one.dueAt),
        state: one.state,
        ended_at: date(one.endedAt),
        breached_at: date(one.breachedAt),
        used_ms: one.usedMs,
        warned: 0,
        rung: 0,
      })),
    ),
  );
  await put(
    "outreach",
    made.flatMap((h) =>
      h.outreach.map((one, n) => ({
        id: `ou_${h.id}_${n}`,
        handoff_id: h.id,
        rep_id: h.rep ?? "rp_a",
        channel: "call",
        occurred_at: date(one.at),
        received_at: date(one.told),
        told_at: date(one.told),
      })),
    ),
  );
  await put(
    "assignment",
    made.flatMap((h) =>
      h.offers.map((one, n) => ({
        handoff_id: h.id,
        round: n + 1,
        rep_id: one.rep,
        queue: one.rep === null ? "sales-ops" : null,
        via: one.via,
        candidates: [],
        at: date(one.at),
      })),
    ),
  );
  const deals = made.filter(({ deal }) => deal.length > 0);
  await put(
    "opportunity",
    deals.map(({ id, lead, deal }) => ({
      id: `op_${id}`,
      lead_id: lead,
      handoff_id: id,
      stage: deal.at(-1)?.stage,
      created_at: date(deal[0]?.at),
      changed_at: date(deal.at(-1)?.at),
    })),
  );
  await put(
    "opportunity_stage",
    deals.flatMap(({ id, deal }) =>
      deal.map((one) => ({
        opportunity_id: `op_${id}`,
        stage: one.stage,
        deal_stage: one.dealStage,
        amount_minor: one.amount,
        currency: one.currency,
        happened_at: date(one.at),
        told_at: date(one.told),
      })),
    ),
  );
  await put(
    "transition",
    made.flatMap(({ lead, moves }) =>
      moves.map((one, n) => ({
        subject_kind: "lead",
        subject_id: lead,
        cycle: one.cycle,
        step: n + 1,
        from_stage: one.from,
        to_stage: one.to,
        because: one.because,
        at: date(one.at),
      })),
    ),
  );
}
