import { mergeDatedFacts, type DatedFacts } from "../facts/merge-facts.ts";

/** What stays the survivor's own where it is known of both: its names, and who has it. */
const own = ["account.domain", "account.name", "account.owner"];

/**
 * What is known of two companies that are one. The later word counts, but for the survivor's own
 * names and owner; a customer or competitor stays one whichever of the two it was.
 */
export function factsOfMergedAccount(survivor: DatedFacts, loser: DatedFacts): DatedFacts {
  const { facts } = mergeDatedFacts(survivor, loser);
  const kept = Object.entries(survivor).filter(([field]) => own.includes(field));
  const suppressing = ["account.customer", "account.competitor"].flatMap((field) => {
    const held = [survivor[field], loser[field]].find((fact) => fact?.value === true);
    return held ? [[field, held] as const] : [];
  });
  return { ...facts, ...Object.fromEntries([...kept, ...suppressing]) };
}
