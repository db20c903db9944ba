/** Where one lead and its handoff stand, as statements over whole tables copy them. */
export interface Template {
  readonly leadId: string;
  readonly handoffId: string | null;
  /** Tells the copies of one template from those of another: letters and digits. */
  readonly tag: string;
}

/**
 * Statements that copy a lead with all by which it is judged: facts, what it did, the decisions about
 * it, the handoff with its clocks. Copy n is `ld_<tag>n`. Ask them on a connection on which triggers do not
 * fire and keys are not checked.
 */
export function copyLead({ leadId, handoffId, tag }: Template, from: number, to: number): string[] {
  const id = `'${leadId}'`;
  const handoff = handoffId === null ? "null" : `'${handoffId}'`;
  const [lead, copied] = [`'ld_${tag}' || k`, `'ho_${tag}' || k`];
  const ofLead = `t.subject_id = ${id}`;
  const copyOf = (name: string) => `replace(t.${name}, ${handoff}, ${copied})`;
  const tables: readonly (readonly [string, string, string])[] = [
    [
      "lead",
      `t.id = ${id}`,
      `'id', ${lead}, 'email', '${tag}' || k || '@copies.example', 'crm_id', null`,
    ],
    [
      "process",
      ofLead,
      `'subject_id', ${lead}, 'handoff_id', case when t.handoff_id is null then null else ${copied} end`,
    ],
    [
      "engagement",
      `t.lead_id = ${id}`,
      `'lead_id', ${lead}, 'message_id', t.message_id || '${tag}' || k`,
    ],
    ["decision", ofLead, `'subject_id', ${lead}, 'action_id', null`],
    ["transition", ofLead, `'subject_id', ${lead}`],
    ["handoff", ofLead, `'id', ${copied}, 'subject_id', ${lead}`],
    ["clock", `t.handoff_id = ${handoff}`, `'id', ${copyOf("id")}, 'handoff_id', ${copied}`],
    ["clock_event", `t.clock_id like ${handoff} || '/%'`, `'clock_id', ${copyOf("clock_id")}`],
  ];
  return tables.map(
    ([table, where, set]) =>
      `insert into ${table} select c.* from ${table} t
        cross join generate_series(${from}, ${to}) k
        cross join lateral jsonb_populate_record(null::${table},
          to_jsonb(t) || jsonb_build_object(${set})) c where ${where}`,
  );
}
