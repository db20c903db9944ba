import { evaluate, type TraceLine } from "../qualify/condition.ts";
import { leadTypeOf, qualify, type Qualification } from "../qualify/qualify.ts";
import { because, finding, plus, withCrmSync, type Course } from "./course.ts";
import { disqualify } from "./ending.ts";
import { handOff } from "./judging.ts";
import { seenOpportunity } from "./opportunity.ts";
import type { Situation } from "./situation.ts";

/**
 * A flagged account is handed off at once, whatever the state of any of its people; what the
 * agreement suppresses is not. An account that is closed waits for its next flag.
 */
export function judgeFlagged(course: Course): Course {
  const { judged, unwanted } = judgedAccount(course.at);
  const found = finding(because(course, judged.because), { qualification: judged });
  const why = course.at.accountFlag === undefined ? "no flag of it stands" : unwanted;
  if (why !== null) return disqualify(found, why);
  const type = leadTypeOf(course.at.agreement, course.at.agreement.accounts?.leadType ?? "");
  return handOff(plus(found, { do: "stand", set: { band: judged.band } }), judged, type);
}

/**
 * Under an open handoff: an opportunity of one of its people is what the handoff was for. Otherwise
 * only what the company has become counts.
 */
export function lookAtAccount(course: Course): Course {
  const { process, opportunity } = course.at;
  if (opportunity !== null && process.stage !== "mql") return seenOpportunity(course);
  const { judged, unwanted } = judgedAccount(course.at);
  const found = finding(course, { qualification: judged });
  return unwanted === null ? withCrmSync(found) : disqualify(found, unwanted);
}

/** The account by the agreement, and why it is not to be handed off; null: it is. */
function judgedAccount({ agreement, facts, engagements, now, accountFlag }: Situation): {
  readonly judged: Qualification;
  readonly unwanted: string | null;
} {
  const known = { facts, engagements, now };
  const scored = qualify(agreement, { ...known, matches: 1 });
  const asked = asksFor();
  const contacts = accountFlag?.contacts ?? 0;
  const judged: Qualification = {
    ...scored,
    // Gates, checklist and lead types ask for a person, and an account is none.
    verdict: "hand-off",
    because: `${contacts} ${contacts === 1 ? "person" : "people"} engaged; band ${scored.band}`,
    missing: [],
    gates: [],
    checklist: [],
    trace: [...scored.trace, ...asked.trace],
    nextChangeAt: null,
  };
  return {
    judged,
    unwanted:
      scored.suppression === undefined ? asked.unwanted : `suppressed: ${scored.suppression}`,
  };

  function asksFor(): { readonly trace: readonly TraceLine[]; readonly unwanted: string | null } {
    const { accounts } = agreement;
    if (accounts === null)
      return { trace: [], unwanted: "the agreement asks for no engaged accounts" };
    // The flag says that it is engaged, and outlives the engagement.
    const { result, trace } = evaluate(accounts.when, { ...known, engaged: true }, agreement);
    const unwanted = "the company is no longer one that the agreement asks for";
    return { trace, unwanted: result === true ? null : unwanted };
  }
}
