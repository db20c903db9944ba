/** The version of a task: that of its handoff, else of the decision before it. */
export const versionOfTask = (task: string): string =>
  `coalesce((select h.agreement_id from handoff h where h.id = ${task}.handoff_id),
    (select d.agreement_id from decision d where d.subject_kind = ${task}.subject_kind
      and d.subject_id = ${task}.subject_id and d.at <= ${task}.since order by d.at desc limit 1))`;

/** The version by which a subject was decided about last; both as SQL says them. */
export const versionOfLastDecision = (kind: string, id: string): string =>
  `(select d.agreement_id from decision d where d.subject_kind = ${kind}
      and d.subject_id = ${id} order by d.cycle desc, d.step desc limit 1)`;

/**
 * The version of the agreement that a process stands under: that of its open handoff, else the one
 * by which it was decided about last. Asked of the rows of a page alone.
 */
export const versionOfProcess = (process: string): string =>
  `coalesce((select h.agreement_id from handoff h where h.id = ${process}.handoff_id
      and h.state = 'open'),
    ${versionOfLastDecision(`${process}.subject_kind`, `${process}.subject_id`)})`;
