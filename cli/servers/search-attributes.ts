import { temporalConnection, temporalTrouble, unansweredBy } from "../../temporal/connection.ts";
import type { TemporalProfile } from "../../temporal/profile.ts";
import { CommandError } from "../command.ts";

/** Temporal's own numbers for the value types we use (`IndexedValueType`). */
const TYPE = { keyword: 2, int: 3, datetime: 6 } as const;

/**
 * What the Temporal UI can filter leads by. Ids and codes only: search attributes are stored in
 * the clear.
 */
export const SEARCH_ATTRIBUTES = {
  LeadStage: TYPE.keyword,
  LeadWaitingOn: TYPE.keyword,
  LeadOwner: TYPE.keyword,
  LeadType: TYPE.keyword,
  LeadBand: TYPE.keyword,
  LeadSource: TYPE.keyword,
  LeadTerritory: TYPE.keyword,
  LeadDueAt: TYPE.datetime,
  LeadStageSince: TYPE.datetime,
  LeadCycle: TYPE.int,
  LeadStep: TYPE.int,
} as const;

/**
 * Makes the search attributes that the namespace does not have yet. The server's start-up flags
 * would not do: they only count when the namespace is made. Throws a `CommandError` when one
 * exists with another type or may not be added, or the server does not answer.
 */
export async function ensureSearchAttributes(
  profile: TemporalProfile,
  withinMs = 20_000,
): Promise<void> {
  const { namespace } = profile;
  const connection = temporalConnection(profile, { connectTimeoutMs: withinMs });
  try {
    await connection.withDeadline(Date.now() + withinMs, async () => {
      const { customAttributes } = await connection.operatorService.listSearchAttributes({
        namespace,
      });
      for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES)) {
        const existing: number | undefined = customAttributes?.[name];
        if (existing !== undefined && existing !== type) {
          throw new CommandError(
            `Search attribute ${name} of namespace ${namespace} has another type; remove it ` +
              "there or use another TEMPORAL_NAMESPACE.",
          );
        }
      }
      const missing = Object.entries(SEARCH_ATTRIBUTES).filter(
        ([name]) => customAttributes?.[name] === undefined,
      );
      if (missing.length === 0) return;
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing),
      });
    });
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const trouble = await temporalTrouble(profile, 3_000);
    if (trouble !== null) throw new CommandError(unansweredBy(profile, trouble), { cause: error });
    const names = Object.keys(SEARCH_ATTRIBUTES).join(", ");
    throw new CommandError(
      `The search attributes of namespace ${namespace} could not be set up ` +
        `(${error instanceof Error ? error.message : String(error)}); create ${names} by hand.`,
    );
  } finally {
    await connection.close();
  }
}
