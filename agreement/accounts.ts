import type { Condition, Depth } from "../handoff/agreement.ts";
import type { Shape } from "./shape.ts";
import { depths } from "./conditions.ts";
import { elapsedMs, target, twoTargets } from "./durations.ts";
import { name } from "./names.ts";
import {
  from,
  may,
  named,
  need,
  number,
  object,
  oneOf,
  orElse,
  standingIn,
  unreadWord,
} from "./shape.ts";

/** When a whole account is handed off, whatever the state of its people. */
export function accounts(condition: Shape<Condition>) {
  const tier = object({
    priority: may(
      number("a priority", { min: 1, max: 5, whole: true }),
      "priority of leads of its accounts",
    ),
    outreach: may(target, "first outreach of leads of its accounts"),
    status: may(target, "answer on leads of its accounts"),
    pool: may(name("pool"), "who takes leads of its accounts, before segment and territory"),
  });
  return from(
    object({
      engaged: need(
        standingIn(
          object({
            contacts: need(
              number("a count of people", { min: 1, max: 1000, whole: true }),
              "how many distinct people",
            ),
            depth: need(oneOf(depths), "of this depth or deeper"),
            within: need(elapsedMs, "in this time"),
          }),
          (path) => ({ contacts: NaN, depth: unreadWord(path) as Depth, within: NaN }),
        ),
        "when an account is engaged",
      ),
      leadType: need(name("lead type"), "the name an account handoff goes by"),
      tier: need(
        number("a tier", { min: 1, max: 9, whole: true }),
        "the tier a flagged account is treated as",
      ),
      when: need(condition, "when an account is flagged"),
      ...twoTargets,
      coolDown: need(elapsedMs, "how long before it can be flagged again"),
      tiers: orElse(
        named(tier, "tiers", (key) => (/^[1-9]$/.test(key) ? null : "a tier from 1 to 9")),
        {},
        "what a tier changes for leads of its accounts",
      ),
    }),
    ({ engaged, coolDown, ...rest }) => ({
      ...rest,
      engaged: { contacts: engaged.contacts, depth: engaged.depth, withinMs: engaged.within },
      coolDownMs: coolDown,
    }),
  );
}
