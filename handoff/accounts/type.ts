import type { Agreement, LeadType } from "../agreement.ts";

const mostPriority = 5;

/**
 * How a flagged account is handed off, as a lead type: with a name, an SLA row and the priority of
 * its tier. Undefined where the agreement asks for no engaged accounts.
 */
export function accountType({ accounts }: Pick<Agreement, "accounts">): LeadType | undefined {
  if (accounts === null) return undefined;
  const { leadType: name, tier, when, outreach, status, tiers } = accounts;
  const told = Object.hasOwn(tiers, String(tier)) ? tiers[String(tier)]?.priority : undefined;
  const priority = told ?? Math.min(tier, mostPriority);
  return { name, path: "fast", priority, when, outreach, status };
}
