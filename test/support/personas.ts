import type { CalendarDef, Instant } from "../../handoff/time/calendar.ts";
import { isClosed, type ActionName } from "../../handoff/stage.ts";
import { inTransaction, type Pool } from "../../store/postgres/db.ts";
import { putAbsences, putPools, putReps } from "../../store/routing/roster-edit.ts";
import type { RepRecord } from "../../store/routing/roster.ts";
import type { ActionBodies } from "../../handoff/process/event.ts";
import type { LeadRow } from "../../store/process/subject.ts";

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];

const weekdays = (
  zone: string,
  hours: readonly string[],
  exceptions: Record<string, readonly string[]>,
  friday = hours,
): CalendarDef => ({
  zone,
  week: { mon: hours, tue: hours, wed: hours, thu: hours, fri: friday },
  exceptions,
});

/** Three zones, each with its holidays of the quarter and its own change to winter time. */
export const zones = {
  newYork: weekdays("America/New_York", ["09:00-17:00"], {
    "2030-11-28": [],
    "2030-11-29": ["09:00-13:00"],
    "2030-12-25": [],
    "2031-01-01": [],
  }),
  berlin: weekdays(
    "Europe/Berlin",
    ["09:00-12:30", "13:30-18:00"],
    { "2030-10-03": [], "2030-12-25": [], "2030-12-26": [], "2031-01-01": [] },
    ["09:00-15:00"],
  ),
  london: weekdays("Europe/London", ["08:30-17:30"], {
    "2030-12-25": [],
    "2030-12-26": [],
    "2031-01-01": [],
  }),
} as const;

/**
 * What a rep is like: `fast` acts within the hour, `slow` in hours or days, `absent` hardly ever,
 * `wrong` does what is not agreed.
 */
export type Manner = "fast" | "slow" | "absent" | "wrong";
export interface Person {
  readonly id: string;
  readonly manner: Manner;
  readonly hours: CalendarDef;
  readonly pool: string;
}

export const people: readonly Person[] = [
  { id: "rp_ny_fast", manner: "fast", hours: zones.newYork, pool: "americas-sdr" },
  { id: "rp_ny_slow", manner: "slow", hours: zones.newYork, pool: "americas-sdr" },
  { id: "rp_ny_absent", manner: "absent", hours: zones.newYork, pool: "americas-sdr" },
  { id: "rp_ny_wrong", manner: "wrong", hours: zones.newYork, pool: "americas-sdr" },
  { id: "rp_de_fast", manner: "fast", hours: zones.berlin, pool: "dach-sdr" },
  { id: "rp_de_slow", manner: "slow", hours: zones.berlin, pool: "dach-sdr" },
  { id: "rp_de_wrong", manner: "wrong", hours: zones.berlin, pool: "dach-sdr" },
  { id: "rp_uk_fast", manner: "fast", hours: zones.london, pool: "emea-sdr" },
  { id: "rp_uk_absent", manner: "absent", hours: zones.london, pool: "emea-sdr" },
  { id: "rp_big_fast", manner: "fast", hours: zones.newYork, pool: "enterprise-ae" },
  { id: "rp_big_slow", manner: "slow", hours: zones.london, pool: "enterprise-ae" },
];
/** The sales manager, who stays, and the one for Europe, who leaves. */
export const managerId = "rp_boss";
const leavingManagerId = "rp_chief";
const managerOf = (pool: string): string =>
  pool === "dach-sdr" || pool === "emea-sdr" ? leavingManagerId : managerId;
const poolHours: Readonly<Record<string, CalendarDef | null>> = {
  "americas-sdr": zones.newYork,
  "dach-sdr": zones.berlin,
  "emea-sdr": zones.london,
  "enterprise-ae": null,
};

/** The roster as the quarter begins: caps on some, two vacations. */
export async function hire(pool: Pool, now: Instant): Promise<void> {
  const at = (date: string) => Date.parse(`${date}T00:00:00Z`);
  await inTransaction(pool, async (tx) => {
    await putReps(
      tx,
      [
        rep(managerId, "manager", null, zones.newYork),
        rep(leavingManagerId, "manager", managerId, zones.berlin),
        ...people.map((one) => rep(one.id, "rep", managerOf(one.pool), one.hours)),
      ],
      now,
    );
    await putPools(
      tx,
      Object.entries(poolHours).map(([id, hours]) => ({
        id,
        hours,
        members: Object.fromEntries(
          people.filter((one) => one.pool === id).map((one, n) => [one.id, 1 + (n % 2)]),
        ),
      })),
      now,
    );
    await putAbsences(
      tx,
      {
        rp_ny_absent: [
          { from: at("2030-10-14"), to: at("2030-10-19"), reason: "vacation" },
          { from: at("2030-12-02"), to: at("2030-12-14"), reason: "vacation" },
        ],
        rp_de_slow: [{ from: at("2030-10-21"), to: at("2030-11-02"), reason: "vacation" }],
      },
      now,
    );
  });
}

function rep(
  id: string,
  role: RepRecord["role"],
  boss: string | null,
  hours: CalendarDef,
): RepRecord {
  const caps = id.endsWith("slow")
    ? { open: 6, perDay: 8 }
    : id.endsWith("wrong")
      ? { perHour: 3 }
      : {};
  return {
    id,
    name: `Person ${id}`,
    email: `${id}@example.com`,
    role,
    managerId: boss,
    active: true,
    hours,
    languages: [],
    products: [],
    motions: [],
    caps,
    crmId: null,
  };
}

/** Somebody leaves for good, and the weights of a pool change. */
export async function reorganise(pool: Pool, now: Instant): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await putReps(
      tx,
      [{ ...rep("rp_de_wrong", "rep", managerOf("dach-sdr"), zones.berlin), active: false }],
      now,
    );
    await putPools(
      tx,
      [
        {
          id: "americas-sdr",
          hours: zones.newYork,
          members: { rp_ny_fast: 3, rp_ny_slow: 2, rp_ny_absent: 0, rp_ny_wrong: 1 },
        },
      ],
      now,
    );
  });
}

/** A manager leaves for good; for some days people are still said to be led by them. */
export async function managerLeaves(pool: Pool, now: Instant): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const gone = rep(leavingManagerId, "manager", managerId, zones.berlin);
    await putReps(tx, [{ ...gone, active: false }], now);
  });
}

/** Whoever was led by the manager who left is led by the other one. */
export async function managerIsReplaced(pool: Pool, now: Instant): Promise<void> {
  const theirs = people.filter((one) => managerOf(one.pool) === leavingManagerId);
  await inTransaction(pool, (tx) =>
    putReps(
      tx,
      theirs.map(({ id, hours }) => ({
        ...rep(id, "rep", managerId, hours),
        active: id !== "rp_de_wrong",
      })),
      now,
    ),
  );
}

/** What somebody means to do next, and when. */
export interface Intention {
  readonly at: Instant;
  readonly by: string;
  readonly role: "rep" | "manager" | "marketing" | "operator";
  readonly deed:
    | {
        readonly [A in ActionName]: { readonly name: A; readonly body: ActionBodies[A] };
      }[ActionName]
    | { readonly name: "fixData" }
    | { readonly name: "reopen" };
}

type Deed = Intention["deed"];

/**
 * What whoever must act on the lead means to do; null when nobody ever will, or the process waits
 * for time alone. `open` are the kinds of the open tasks, each with who has it.
 */
export function intend(
  lead: LeadRow,
  open: ReadonlyMap<string, string | null>,
  now: Instant,
  random: () => number,
): Intention | null {
  const by = (id: string, role: Intention["role"], inMs: number, deed: Deed): Intention => ({
    at: now + Math.round(inMs),
    by: id,
    role,
    deed,
  });
  const soon = () => (0.2 + random() * 3) * hour + (random() < 0.2 ? 2 * day : 0);
  if (isClosed(lead.stage)) {
    const asked = open.get("hand-raise");
    if (asked === undefined || random() < 0.3) return null;
    return by(asked ?? "tn_operator", "operator", soon(), { name: "reopen" });
  }
  const boss = open.get("contested") ?? open.get("escalated") ?? managerId;
  switch (lead.waiting_on) {
    case "data":
      return random() < 0.15 ? null : by("tn_marketing", "marketing", soon(), { name: "fixData" });
    case "queue":
      return by("tn_sales_ops", "operator", soon(), {
        name: "reassign",
        body: random() < 0.8 ? { to: pick(people, random).id } : {},
      });
    case "manager":
      if (open.has("contested"))
        return by(boss, "manager", soon(), {
          name: "decideContest",
          body: { decision: random() < 0.5 ? "uphold" : "overturn" },
        });
      return by(boss, "manager", soon(), {
        name: "reassign",
        body: random() < 0.8 ? { to: pick(people, random).id } : {},
      });
    case "review":
    case "signal":
    case "return":
      return lead.waiting_on === "review" || open.has("renurture-review")
        ? reviewed(lead, by, random)
        : null;
    case "outreach":
    case "answer":
    case "attempts":
    case "meeting":
    case "opportunity":
      return repMeans(lead, now, random);
    case "assessment":
    case "hold":
    case "nothing":
      return null;
  }
}

function reviewed(
  lead: LeadRow,
  by: (id: string, role: Intention["role"], inMs: number, deed: Deed) => Intention,
  random: () => number,
): Intention | null {
  const dice = random();
  if (dice < 0.15) return null;
  const decision =
    dice < 0.5 ? "keep" : dice < 0.75 && lead.stage === "renurture" ? "return" : "retire";
  return by("tn_marketing", "marketing", random() * 8 * day, {
    name: "decideReview",
    body: { decision },
  });
}

function repMeans(lead: LeadRow, now: Instant, random: () => number): Intention | null {
  const person = people.find((one) => one.id === lead.owner_id);
  if (!person) return null;
  const { manner } = person;
  if (manner === "absent" && random() < 0.85) return null;
  const reaction =
    manner === "fast"
      ? (2 + random() * 45) * minute
      : manner === "slow"
        ? (0.5 + random() * random() * 30) * hour
        : (0.1 + random() * 4) * hour;
  const pace = lead.stage === "mql" ? reaction : reaction + random() * 4 * day;
  return {
    at: atWork(person.hours.zone, now + Math.round(pace)),
    by: person.id,
    role: "rep",
    deed: repDeed(lead, manner, now, random),
  };
}

const neverAgreed: readonly Deed[] = [
  { name: "reject", body: { reason: "not ready" } },
  { name: "reject", body: { reason: "dated-timing" } },
  { name: "reject", body: { reason: "unreachable" } },
  { name: "pause", body: { reason: "holiday" } },
  { name: "advance", body: { to: "opportunity" } },
  { name: "decideContest", body: { decision: "overturn" } },
  { name: "resume", body: {} },
];

function repDeed(lead: LeadRow, manner: Manner, now: Instant, random: () => number): Deed {
  if (manner === "wrong" && random() < 0.4) return pick(neverAgreed, random);
  const dice = random();
  const log: Deed = {
    name: "logOutreach",
    body: {
      channel: pick(["call", "email", "message", "meeting"] as const, random),
      outcome: pick(
        ["attempted", "no_answer", "no_answer", "connected", "meeting_booked"] as const,
        random,
      ),
    },
  };
  switch (lead.waiting_on) {
    case "outreach":
      if (dice < 0.7) return log;
      if (dice < 0.78) return { name: "pause", body: { reason: "lead-asked-to-wait" } };
      return dice < 0.9 ? { name: "accept", body: {} } : rejection(now, random);
    case "answer":
      if (dice < 0.55) return { name: "accept", body: { fitRating: 1 + Math.floor(random() * 5) } };
      return dice < 0.85
        ? rejection(now, random)
        : dice < 0.93
          ? log
          : { name: "handBack", body: {} };
    case "attempts":
      return dice < 0.8
        ? log
        : dice < 0.9
          ? { name: "advance", body: { to: "sql" } }
          : rejection(now, random);
    case "meeting":
      return dice < 0.7
        ? { name: "advance", body: { to: "sql" } }
        : dice < 0.85
          ? log
          : { name: "handBack", body: {} };
    default:
      return dice < 0.7
        ? { name: "advance", body: { to: "opportunity", amountMinor: 100_000, currency: "USD" } }
        : dice < 0.8
          ? log
          : { name: "handBack", body: {} };
  }
}

function rejection(now: Instant, random: () => number): Deed {
  const reason = pick(
    [
      "below-company-size",
      "outside-geography",
      "unsupported-use-case",
      "no-intent-signals",
      "wrong-role",
      "no-authority",
      "bad-contact-data",
      "already-customer",
      "dated-timing",
    ] as const,
    random,
  );
  const revisitOn = new Date(now + (5 + random() * 40) * day).toISOString().slice(0, 10);
  return { name: "reject", body: reason === "dated-timing" ? { reason, revisitOn } : { reason } };
}

/**
 * The next moment at which somebody in the zone is likely at the desk: 8 to 18 o'clock, Monday to
 * Friday.
 */
function atWork(zone: string, from: Instant): Instant {
  const read = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    hourCycle: "h23",
  });
  for (let at = from; ; at += 40 * minute) {
    const parts = Object.fromEntries(read.formatToParts(at).map((part) => [part.type, part.value]));
    if (
      Number(parts["hour"]) >= 8 &&
      Number(parts["hour"]) < 18 &&
      parts["weekday"] !== "Sat" &&
      parts["weekday"] !== "Sun"
    )
      return at;
  }
}

function pick<T>(all: readonly T[], random: () => number): T {
  return all[Math.floor(random() * all.length)]!;
}
