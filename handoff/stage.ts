/** Where a lead is (docs/process.md, "Stages"). This is what the CRM shows and reports count. */
export const stages = [
  "new",
  "nurture",
  "mql",
  "sal",
  "sql",
  "opportunity",
  "renurture",
  "disqualified",
] as const;
export type Stage = (typeof stages)[number];

/** What a lead in a stage waits for; exactly one at any moment. */
export const waits = {
  new: ["assessment", "data"],
  nurture: ["signal", "review", "data"],
  mql: ["assessment", "hold", "outreach", "answer", "manager", "queue"],
  sal: ["attempts", "meeting"],
  sql: ["opportunity"],
  opportunity: ["nothing"],
  renurture: ["return", "review", "data"],
  disqualified: ["nothing"],
} as const satisfies Record<Stage, readonly string[]>;
export type WaitingOn = (typeof waits)[Stage][number];

/**
 * The transition table. Validators, API refusals, buttons and docs/stages.md are derived from it.
 */
export const transitions = {
  new: ["nurture", "mql", "disqualified"],
  nurture: ["mql", "disqualified"],
  mql: ["sal", "renurture", "disqualified", "new"],
  sal: ["sql", "renurture", "disqualified"],
  sql: ["opportunity", "renurture", "disqualified"],
  opportunity: ["new"],
  renurture: ["mql", "disqualified"],
  disqualified: ["new"],
} as const satisfies Record<Stage, readonly Stage[]>;

/** Why a lead goes from one stage to another; the labels of the diagram. */
export const becauseOf: {
  readonly [From in Stage]: { readonly [To in (typeof transitions)[From][number]]: string };
} = {
  new: {
    nurture: "gates passed, no lead type matched",
    mql: "a lead type matched",
    disqualified: "suppressed",
  },
  nurture: { mql: "a threshold was crossed", disqualified: "suppressed, or retired in review" },
  mql: {
    sal: "the owner accepted",
    renurture: "rejected with a returning reason, or handed back",
    disqualified: "disqualifying reason, or suppressed",
    new: "bad data",
  },
  sal: {
    sql: "fit, need and timing confirmed",
    renurture: "no response, or handed back",
    disqualified: "disqualifying reason, or suppressed",
  },
  sql: {
    opportunity: "opportunity exists in the CRM",
    renurture: "handed back",
    disqualified: "disqualifying reason, or suppressed",
  },
  opportunity: { new: "reopened, audited" },
  renurture: {
    mql: "a return condition held, or review",
    disqualified: "retired in review, or suppressed",
  },
  disqualified: { new: "reopened, audited" },
};

export function mayGo(from: Stage, to: Stage): boolean {
  return (transitions[from] as readonly Stage[]).includes(to);
}

/** What a person can do to a lead (docs/process.md, "People's actions"). */
export const actions = [
  "logOutreach",
  "accept",
  "reject",
  "advance",
  "handBack",
  "reassign",
  "pause",
  "resume",
  "decideContest",
  "decideReview",
] as const;
export type ActionName = (typeof actions)[number];

/**
 * Which action is possible while a lead in this stage waits for this. Anything unlisted is refused.
 */
export const allowed: {
  readonly [S in Stage]: { readonly [W in (typeof waits)[S][number]]: readonly ActionName[] };
} = {
  new: { assessment: [], data: [] },
  nurture: { signal: ["decideReview"], review: ["decideReview"], data: ["decideReview"] },
  mql: {
    assessment: [],
    hold: ["reassign"],
    outreach: ["logOutreach", "accept", "reject", "handBack", "reassign", "pause", "resume"],
    answer: ["logOutreach", "accept", "reject", "handBack", "reassign", "pause", "resume"],
    manager: ["decideContest", "reassign"],
    queue: ["reassign"],
  },
  sal: {
    attempts: ["logOutreach", "reject", "advance", "handBack", "reassign"],
    meeting: ["logOutreach", "reject", "advance", "handBack", "reassign"],
  },
  sql: { opportunity: ["logOutreach", "reject", "advance", "handBack", "reassign"] },
  // Until it is won or lost, it has an owner who can leave.
  opportunity: { nothing: ["reassign"] },
  renurture: { return: ["decideReview"], review: ["decideReview"], data: ["decideReview"] },
  disqualified: { nothing: [] },
};

/** Actions that settle what is asked of a rep or manager: of two that conflict, the first wins. */
export const decisive: readonly ActionName[] = [
  "accept",
  "reject",
  "advance",
  "handBack",
  "reassign",
  "decideContest",
  "decideReview",
];

export function mayAct(stage: Stage, waitingOn: WaitingOn, action: ActionName): boolean {
  const byWait: Readonly<Record<string, readonly ActionName[]>> = allowed[stage];
  return byWait[waitingOn]?.includes(action) ?? false;
}

/** Stages in which the process has ended: nothing more happens by itself. */
export function isClosed(stage: Stage): boolean {
  return stage === "opportunity" || stage === "disqualified";
}
