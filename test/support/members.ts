import type { CreditLedger } from "../../handoff/routing/round-robin.ts";
import type { Member } from "../../handoff/routing/eligibility.ts";
import type { PoolInput, RouteInput } from "../../handoff/routing/route.ts";

/** Wednesday 2026-11-18 10:00 in New York. */
export const wednesdayMorning = Date.parse("2026-11-18T15:00:00Z");
export const hour = 3_600_000;

const today = { opensAt: wednesdayMorning, dayEndsAt: wednesdayMorning + 7 * hour, absentTo: null };
/** Outside hours until tomorrow 09:00. */
export const tomorrow = {
  zone: "America/New_York",
  opensAt: wednesdayMorning + 23 * hour,
  dayEndsAt: wednesdayMorning + 31 * hour,
  absentTo: null,
};
/** Away until 2 December. */
export const away = {
  zone: "America/New_York",
  opensAt: Date.parse("2026-12-02T14:00:00Z"),
  dayEndsAt: wednesdayMorning + 7 * hour,
  absentTo: Date.parse("2026-12-02T05:00:00Z"),
};

/** A rep at work with nothing on the desk, unless told otherwise. */
export function member(
  repId: string,
  other: Omit<Partial<Member>, "load"> & { load?: Partial<Member["load"]> } = {},
): Member {
  const { load, ...rest } = other;
  return {
    repId,
    weight: 1,
    active: true,
    languages: [],
    products: [],
    motions: [],
    caps: {},
    presence: { zone: "America/New_York", ...today },
    ...rest,
    load: {
      open: 0,
      today: 0,
      thisHour: 0,
      dayTo: wednesdayMorning + 14 * hour,
      hourTo: wednesdayMorning + hour,
      ...load,
    },
  };
}

export function poolOf(members: readonly Member[], ledger: CreditLedger = {}): PoolInput {
  return { members, ledger };
}

/** A lead due at noon, for territory pools looked in one after the other. */
export function routing(
  pools: Readonly<Record<string, PoolInput>>,
  other: Partial<RouteInput> = {},
): RouteInput {
  return {
    kind: "route",
    now: wednesdayMorning,
    dueAt: wednesdayMorning + 2 * hour,
    evidence: null,
    chosen: null,
    owners: [],
    followTheSun: false,
    fallback: "sales-ops",
    needs: { language: null, product: null, motion: null, exclude: [] },
    place: {
      territory: "east",
      segment: null,
      trace: [],
      steps: Object.keys(pools).map((pool, i) => ({
        pool,
        via: i === 0 ? "territory" : "parent",
        language: null,
        siblings: [],
      })),
    },
    pools,
    ...other,
  };
}
