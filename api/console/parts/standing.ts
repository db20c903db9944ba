import type { Stage } from "../../../handoff/stage.ts";
import { sayAsked, sayQueue } from "../../../words/asked.ts";
import { stageWords } from "../../../words/actions.ts";

/** Where a lead stands, as half a sentence: "SAL, with Kim R., to go on reaching out". */
export function sayStanding(
  lead: {
    readonly stage: string;
    readonly waitingOn: string;
    readonly owner: { readonly id: string; readonly name: string | null } | null;
    readonly queue: string | null;
  },
  me: string | null = null,
): string {
  const { stage, waitingOn, owner } = lead;
  const queue = sayQueue(lead);
  const asked = sayAsked({ waitingOn, task: null });
  const who =
    owner === null
      ? queue === null
        ? null
        : `in the ${queue}`
      : `with ${owner.id === me ? "you" : (owner.name ?? owner.id)}`;
  return [`it is ${stageWords[stage as Stage]}`, who, asked === "" ? null : asked]
    .filter((part) => part !== null)
    .join(", ");
}
