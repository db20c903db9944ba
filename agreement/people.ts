import type { AbsenceRules, LeaverRules } from "../handoff/agreement.ts";
import type { Shape } from "./shape.ts";
import { span } from "./durations.ts";
import { object, oneOf, orElse } from "./shape.ts";

export const leaversByDefault: LeaverRules = { offers: "route-again", accepted: "deputy" };

/** A day off is waited for; whoever is away longer has no open offer. */
export const absencesByDefault: AbsenceRules = {
  longerThan: { kind: "business-days", days: 1 },
  offers: "route-again",
  accepted: "deputy",
};

/** Inactive, or out of the pool whose turn it was. */
export const leavers: Shape<LeaverRules> = object({
  offers: orElse(oneOf(["route-again"]), leaversByDefault.offers, "offers are routed at once"),
  accepted: orElse(
    oneOf(["deputy", "manager"]),
    leaversByDefault.accepted,
    "who gets accepted leads; without a named deputy it is the manager",
  ),
});

/** Away for longer than `longerThan`, from the moment it is known. */
export const absences: Shape<AbsenceRules> = object({
  longerThan: orElse(span, absencesByDefault.longerThan, "an absence that work waits for"),
  offers: orElse(
    oneOf(["route-again", "keep"]),
    absencesByDefault.offers,
    "what happens to offers during a longer one",
  ),
  accepted: orElse(
    oneOf(["deputy", "manager", "keep"]),
    absencesByDefault.accepted,
    "who gets accepted leads; without a named deputy the manager is shown them",
  ),
});
