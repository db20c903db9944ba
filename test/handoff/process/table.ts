/**
 * What must follow, for every stage and wait and everything that can happen: `outcome <- what
 * happens`. `stays` keeps stage and wait; an outcome that begins with `refused` changes nothing.
 * A line that begins with `|` goes on with the one before.
 */
export const table: Readonly<Record<string, string>> = {
  "new/assessment": `
    mql/assessment <- arrived, facts, facts: completed, engaged, time: early, policy
    disqualified/nothing <- facts: opted out, merged, erased
    nurture/signal <- time: a year on
    stays <- roster, roster: owner left, seenInCrm, routed
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest, decideReview
  `,
  "new/data": `
    stays <- arrived, facts, engaged, time: early, time: a year on, policy, roster, roster: owner
    | left, seenInCrm, routed
    mql/assessment <- facts: completed
    disqualified/nothing <- facts: opted out, merged, erased
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest, decideReview
  `,
  "nurture/signal": `
    stays <- arrived, facts, facts: completed, time: early, policy, roster, roster: owner left,
    | seenInCrm, routed, decideReview
    disqualified/nothing <- facts: opted out, merged, erased
    mql/assessment <- engaged
    nurture/review <- time: a year on
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest
  `,
  "nurture/review": `
    stays <- arrived, facts, facts: completed, time: early, time: a year on, policy, roster,
    | roster: owner left, seenInCrm, routed
    disqualified/nothing <- facts: opted out, merged, erased
    mql/assessment <- engaged
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest
    nurture/signal <- decideReview
  `,
  "nurture/data": `
    stays <- arrived, facts, engaged, time: early, time: a year on, policy, roster, roster: owner
    | left, seenInCrm, routed, decideReview
    nurture/signal <- facts: completed
    disqualified/nothing <- facts: opted out, merged, erased
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest
  `,
  "mql/assessment": `
    stays <- arrived, facts, facts: completed, engaged, time: early, time: a year on, policy,
    | roster, roster: owner left, seenInCrm
    disqualified/nothing <- facts: opted out, merged, erased
    mql/outreach <- routed
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest, decideReview
  `,
  "mql/hold": `
    stays <- arrived, facts, facts: completed, engaged, policy, seenInCrm
    disqualified/nothing <- facts: opted out, merged, erased
    mql/assessment <- time: early, time: a year on, roster, roster: owner left, reassign
    mql/outreach <- routed
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack, pause,
    | resume, decideContest, decideReview
  `,
  "mql/outreach": `
    stays <- arrived, facts, facts: completed, engaged, time: early, policy, roster, seenInCrm,
    | routed, pause
    disqualified/nothing <- facts: opted out, merged, erased
    mql/assessment <- time: a year on, roster: owner left, reassign
    refused not-possible-now <- reopened, advance, decideContest, decideReview
    mql/answer <- logOutreach
    sal/attempts <- accept
    renurture/return <- reject, handBack
    refused not-paused <- resume
  `,
  "mql/answer": `
    stays <- arrived, facts, facts: completed, engaged, time: early, policy, roster, seenInCrm,
    | routed, logOutreach, pause
    disqualified/nothing <- facts: opted out, merged, erased
    mql/assessment <- time: a year on, roster: owner left, reassign
    refused not-possible-now <- reopened, advance, decideContest, decideReview
    sal/attempts <- accept
    renurture/return <- reject, handBack
    refused not-paused <- resume
  `,
  "mql/manager": `
    stays <- arrived, facts, facts: completed, engaged, time: early, time: a year on, policy,
    | roster, roster: owner left, seenInCrm, routed
    disqualified/nothing <- facts: opted out, merged, erased
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack, pause,
    | resume, decideReview
    mql/assessment <- reassign, decideContest
  `,
  "mql/queue": `
    stays <- arrived, facts, facts: completed, engaged, time: early, time: a year on, policy,
    | roster, roster: owner left, seenInCrm, routed
    disqualified/nothing <- facts: opted out, merged, erased
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack, pause,
    | resume, decideContest, decideReview
    mql/assessment <- reassign
  `,
  "sal/attempts": `
    stays <- arrived, facts, facts: completed, engaged, time: early, time: a year on, policy,
    | roster, roster: owner left, routed, logOutreach, reassign
    disqualified/nothing <- facts: opted out, merged, erased
    opportunity/nothing <- seenInCrm
    refused not-possible-now <- reopened, accept, pause, resume, decideContest, decideReview
    renurture/return <- reject, handBack
    sql/opportunity <- advance
  `,
  "sal/meeting": `
    stays <- arrived, facts, facts: completed, engaged, time: early, time: a year on, policy,
    | roster, roster: owner left, routed, logOutreach, reassign
    disqualified/nothing <- facts: opted out, merged, erased
    opportunity/nothing <- seenInCrm
    refused not-possible-now <- reopened, accept, pause, resume, decideContest, decideReview
    renurture/return <- reject, handBack
    sql/opportunity <- advance
  `,
  "sql/opportunity": `
    stays <- arrived, facts, facts: completed, engaged, time: early, time: a year on, policy,
    | roster, roster: owner left, routed, logOutreach, reassign
    disqualified/nothing <- facts: opted out, merged, erased
    opportunity/nothing <- seenInCrm, advance
    refused not-possible-now <- reopened, accept, pause, resume, decideContest, decideReview
    renurture/return <- reject, handBack
  `,
  "opportunity/nothing": `
    stays <- arrived, facts, facts: completed, facts: opted out, engaged, time: early, time: a
    | year on, policy, roster, roster: owner left, merged, erased, seenInCrm, routed
    mql/assessment <- reopened
    refused not-possible-now <- logOutreach, accept, reject, advance, handBack, reassign, pause,
    | resume, decideContest, decideReview
  `,
  "renurture/return": `
    stays <- arrived, facts, facts: completed, time: early, policy, roster, roster: owner left,
    | seenInCrm, routed, decideReview
    disqualified/nothing <- facts: opted out, merged, erased
    mql/assessment <- engaged, time: a year on
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest
  `,
  "renurture/review": `
    stays <- arrived, facts, facts: completed, time: early, policy, roster, roster: owner left,
    | seenInCrm, routed
    disqualified/nothing <- facts: opted out, merged, erased
    mql/assessment <- engaged, time: a year on
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest
    renurture/return <- decideReview
  `,
  "renurture/data": `
    stays <- arrived, facts, engaged, time: early, time: a year on, policy, roster, roster: owner
    | left, seenInCrm, routed
    mql/assessment <- facts: completed
    disqualified/nothing <- facts: opted out, merged, erased
    refused not-possible-now <- reopened, logOutreach, accept, reject, advance, handBack,
    | reassign, pause, resume, decideContest
    renurture/return <- decideReview
  `,
  "disqualified/nothing": `
    stays <- arrived, facts, facts: completed, facts: opted out, engaged, time: early, time: a
    | year on, policy, roster, roster: owner left, merged, erased, seenInCrm, routed
    nurture/signal <- reopened
    refused not-possible-now <- logOutreach, accept, reject, advance, handBack, reassign, pause,
    | resume, decideContest, decideReview
  `,
};
