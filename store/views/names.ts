/** What the person of a lead `l` is called: by the facts, the whole name else its parts; null: unknown. */
export const nameOfLead = `coalesce(l.facts #>> '{lead.name,value}', nullif(concat_ws(' ',
  l.facts #>> '{lead.firstName,value}', l.facts #>> '{lead.lastName,value}'), ''))`;

/** The e-mail address of a lead `l`, by which it is called where its name is unknown. */
export const emailOfLead = "coalesce(l.email, l.facts #>> '{lead.email,value}')";

/** The name of the person of the roster to whom a task `t` is named. */
export const nameOfAssignee = "(select r.name from rep r where r.id = t.assignee_id)";
