import type { Agreement, LeadType } from "../agreement.ts";
import type { TraceLine } from "../qualify/condition.ts";
import { printTarget } from "../time/deadline.ts";

/** Under which terms a handoff stands. */
export type LeadTerms = Pick<LeadType, "priority" | "outreach" | "status">;

/** What the agreement says of the leads of a tier; undefined: nothing. */
export function tierRules(
  { accounts }: Pick<Agreement, "accounts">,
  tier: number | undefined,
): NonNullable<Agreement["accounts"]>["tiers"][string] | undefined {
  const name = String(tier);
  const tiers = accounts?.tiers ?? {};
  return tier !== undefined && Object.hasOwn(tiers, name) ? tiers[name] : undefined;
}

/**
 * The terms of a lead type for a lead of an account of this tier. An account's own handoff has its
 * own SLA row, whatever tiers make of leads.
 */
export function tierTerms(
  agreement: Pick<Agreement, "accounts">,
  type: LeadType,
  tier: number | undefined,
): LeadTerms {
  const { priority, outreach, status } = type;
  if (type.name === agreement.accounts?.leadType) return { priority, outreach, status };
  const rules = tierRules(agreement, tier);
  return {
    priority: rules?.priority ?? priority,
    outreach: rules?.outreach ?? outreach,
    status: rules?.status ?? status,
  };
}

/** What the tier changes, as a line of the decision's trace; none where it changes nothing. */
export function tierTrace(
  agreement: Pick<Agreement, "accounts">,
  tier: number | undefined,
): TraceLine[] {
  const rules = tierRules(agreement, tier);
  if (rules === undefined || tier === undefined) return [];
  const { priority, outreach, status, pool } = rules;
  const changes = [
    ...(priority === undefined ? [] : [`priority ${priority}`]),
    ...(outreach === undefined ? [] : [`outreach ${printTarget(outreach)}`]),
    ...(status === undefined ? [] : [`status ${printTarget(status)}`]),
    ...(pool === undefined ? [] : [`pool ${pool}`]),
  ];
  return [
    {
      at: `accounts.tiers.${tier}`,
      field: "account.tier",
      value: tier,
      expected: changes.join(", ") || "what the lead type says",
      result: true,
    },
  ];
}
