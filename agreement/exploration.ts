import type { Condition, ExplorationRules } from "../handoff/agreement.ts";
import type { Shape } from "./shape.ts";
import { name } from "./names.ts";
import { from, may, need, object, standingIn, text } from "./shape.ts";

const mostShare = 0.5;

const share = standingIn(
  from(
    text("a percentage from 0% to 50%, such as 2%"),
    (value, place, node) => {
      const found = Number(/^(\d{1,2}(?:\.\d+)?) ?%$/.exec(value)?.[1] ?? NaN) / 100;
      return found <= mostShare
        ? found
        : place.expected("a percentage from 0% to 50%, such as 2%", node);
    },
    { type: "string", pattern: "^\\d{1,2}(\\.\\d+)? ?%$" },
  ),
  () => NaN,
);

/** Whom no lead type lets through and who is handed off all the same. */
export function exploration(condition: Shape<Condition>): Shape<ExplorationRules> {
  return object({
    share: need(share, "how many of them; 0% is as if it were not there"),
    leadType: need(name("lead type"), "the lead type on whose terms: path, priority, targets"),
    when: may(
      condition,
      "among whom; else among all that no suppression or missing fact holds back",
    ),
  });
}
