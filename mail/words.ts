import type { MailFacts, Message } from "./message.ts";
import { when } from "./when.ts";

/** "Ada Lovelace (Analytical Engines)", or the id when nobody told us a name, or after erasure. */
export function whom({ lead }: MailFacts): string {
  if (!lead) return "a lead";
  const name = lead.name ?? `lead ${lead.id}`;
  return lead.company ? `${name} (${lead.company})` : name;
}

/** The deadline in the reader's zone. */
export function due({ dueAt, reader }: MailFacts): string {
  return dueAt === null ? "no deadline is running" : when(dueAt, reader.zone);
}

/** What the reader must know about the lead before picking up the telephone; what is unknown is left out. */
export function leadRows(facts: MailFacts): Message["rows"] {
  const { lead } = facts;
  return known([
    ["Lead", lead && whom(facts)],
    ["Title", lead?.title],
    ["Telephone", lead?.phone],
    ["E-mail", lead?.email],
    ["Source", lead?.source],
    ["Lead type", facts.leadType],
    ["Band", facts.band],
  ]);
}

export function known(
  rows: readonly (readonly [string, string | null | undefined])[],
): Message["rows"] {
  return rows.filter(
    (row): row is readonly [string, string] =>
      row[1] !== null && row[1] !== undefined && row[1] !== "",
  );
}

export function leadLink({ lead, publicUrl }: MailFacts): Message["link"] {
  return (
    lead && { words: "Open the lead", url: `${publicUrl}/leads/${encodeURIComponent(lead.id)}` }
  );
}

/** A word that the effect carries, or what stands in for it. */
export function said(facts: MailFacts, key: string, otherwise: string): string {
  const value = facts.said[key];
  return value === null || value === undefined || value === "" ? otherwise : String(value);
}

/** "no-intent-signals" as a person says it. */
export function spoken(name: string): string {
  return name.replaceAll("-", " ");
}
