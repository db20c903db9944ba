import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
} from "@temporalio/workflow";

/** A handoff put before one rep. */
export interface NaiveOffer {
  readonly handoffId: string;
  readonly repId: string;
  readonly outreachWithinMs: number;
  readonly answerWithinMs: number;
}

/** An attempt to reach the lead; the id makes a repeat the same attempt. */
export interface NaiveOutreach {
  readonly id: string;
  readonly by: string;
  readonly channel: string;
  readonly outcome: string;
}

/** The rep's acceptance. */
export interface NaiveAnswer {
  readonly by: string;
  readonly fitRating: number;
}

/** The steps of the handoff; each may run twice and changes the rows once. */
export interface NaiveActivities {
  /** True when the lead is marketing qualified. */
  qualify(leadId: string): Promise<boolean>;
  route(leadId: string): Promise<NaiveOffer>;
  writeCrm(leadId: string): Promise<void>;
  mailOffer(handoffId: string): Promise<void>;
  escalate(handoffId: string): Promise<void>;
  logOutreach(handoffId: string, outreach: NaiveOutreach): Promise<void>;
  accept(handoffId: string, answer: NaiveAnswer): Promise<void>;
}

export const naiveOutreach = defineUpdate<void, [NaiveOutreach]>("naiveOutreach");
export const naiveAccept = defineUpdate<void, [NaiveAnswer]>("naiveAccept");

const retry = { initialInterval: "1 second", maximumInterval: "1 minute" } as const;
const remote = proxyActivities<NaiveActivities>({ startToCloseTimeout: "10 seconds", retry });
const local = proxyLocalActivities<NaiveActivities>({ startToCloseTimeout: "10 seconds", retry });

/** The handoff with a remote activity for each step. */
export function naiveRemote(leadId: string): Promise<string> {
  return handOff(leadId, remote);
}

/** The handoff with a local activity for each step. */
export function naiveLocal(leadId: string): Promise<string> {
  return handOff(leadId, local);
}

async function handOff(leadId: string, steps: NaiveActivities): Promise<string> {
  let offer: NaiveOffer | undefined;
  let isWorked = false;
  let isAccepted = false;

  /** An update may arrive before the workflow has the answer of `route`. */
  const offerOf = async (repId: string): Promise<NaiveOffer> => {
    await condition(() => offer !== undefined);
    if (offer?.repId !== repId) throw ApplicationFailure.nonRetryable("not your lead", "Refused");
    return offer;
  };
  setHandler(naiveOutreach, async (outreach) => {
    const { handoffId } = await offerOf(outreach.by);
    await steps.logOutreach(handoffId, outreach);
    isWorked = true;
  });
  setHandler(naiveAccept, async (answer) => {
    const { handoffId } = await offerOf(answer.by);
    if (!isWorked) throw ApplicationFailure.nonRetryable("no outreach is logged", "Refused");
    await steps.accept(handoffId, answer);
    isAccepted = true;
  });

  if (!(await steps.qualify(leadId))) return "nurture";
  const made = await steps.route(leadId);
  offer = made;
  await steps.writeCrm(leadId);
  await steps.mailOffer(made.handoffId);
  await within(
    made.outreachWithinMs,
    () => isWorked,
    () => steps.escalate(made.handoffId),
  );
  await within(
    made.answerWithinMs,
    () => isAccepted,
    () => steps.escalate(made.handoffId),
  );
  await steps.writeCrm(leadId);
  await condition(allHandlersFinished);
  return "sal";
}

/** Waits for `isDone`; when the time runs out it escalates once and goes on waiting. */
async function within(
  ms: number,
  isDone: () => boolean,
  escalate: () => Promise<void>,
): Promise<void> {
  if (await condition(isDone, ms)) return;
  await escalate();
  await condition(isDone);
}
