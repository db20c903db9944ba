import type { Db } from "../../store/postgres/db.ts";

/** What a row of `lead` carries; every other column given is one of its process. */
const facts = new Set([
  "id",
  "account_id",
  "email",
  "crm_id",
  "facts",
  "source",
  "campaign",
  "arrived_at",
  "imported",
  "merge_into",
  "erased_at",
]);

/**
 * Writes a lead with its process as it stands in the middle of its life, from the columns of both.
 * Both times are `at` unless given.
 */
export async function insertLead(
  db: Db,
  at: Date,
  columns: Readonly<Record<string, unknown>> & { readonly id: string },
): Promise<void> {
  const given = Object.entries(columns);
  await insert(db, "lead", {
    arrived_at: at,
    ...Object.fromEntries(given.filter(([name]) => facts.has(name))),
  });
  await insert(db, "process", {
    subject_kind: "lead",
    subject_id: columns.id,
    stage_since: at,
    ...Object.fromEntries(given.filter(([name]) => !facts.has(name))),
  });
}

async function insert(
  db: Db,
  table: "lead" | "process",
  row: Readonly<Record<string, unknown>>,
): Promise<void> {
  const names = Object.keys(row);
  await db.query(
    `
      insert into ${table} (${names.join(", ")})
        values (${names.map((_, n) => `$${n + 1}`).join(", ")})`,
    Object.values(row),
  );
}
