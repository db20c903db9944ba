import { parseArgs } from "node:util";
import { agreementOf } from "../../agreement/stored.ts";
import { clocksInLines } from "./explain-clocks.ts";
import { explainAccount } from "./explain-account.ts";
import type { Placed } from "../../handoff/accounts/placing.ts";
import { checkEmail } from "../../handoff/facts/email.ts";
import { normalEmail } from "../../spellings/email.ts";
import type { Pool } from "../../store/postgres/db.ts";
import { leadHistory, type HistoryEntry, type HistoryPlace } from "../../store/views/history.ts";
import { findLeads, identityKey, type Identity } from "../../store/intake/identities.ts";
import { unplacedBy } from "../../store/intake/people.ts";
import { accountOf, leadStanding, placedOf, type LeadRow } from "../../store/process/subject.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { hoursOnRoster } from "../../store/routing/roster.ts";
import { currentHandoff } from "../../store/views/leads.ts";
import { CommandError, type Command } from "../command.ts";
import { readSettings } from "../env.ts";
import { sayHappened } from "../../words/history.ts";
import { explainHours, zoneOfHours, type HoursTold } from "../../words/hours.ts";
import { byRecord, utc, utcAndLocal } from "../../words/reader.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

export const command: Command = {
  name: "explain",
  summary: "tell why a lead, or an account, is where it is",
  usage: `baton explain LEAD [--clocks] [--json]
baton explain ACCOUNT [--clocks] [--json]

LEAD is our id (ld_…), an id of the CRM or of the sender, or an e-mail address. Prints where the lead stands, what is known
about it, and everything that happened: what was decided and when, from which values, what was missing, who was
considered and why not, the clocks, and on whose hours they run. Times are UTC; what is ahead is also told in the zone
of those hours. --clocks also prints every interval that each clock of the current handoff counted, and how its
deadline comes about.
ACCOUNT is our id (ac_…): who is there, who of them has engaged, how it stands and when that changes, and its flags;
--clocks as for a lead, of its own handoff.
Works on DATABASE_URL, else on the database of BATON_HOME.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        clocks: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    const [name, ...more] = positionals;
    if (name?.startsWith("ac_") && more.length === 0) return explainAccount(name, values, io);
    if (name === undefined || more.length > 0)
      throw new CommandError("Name one lead: `baton explain ld_…`, or give an e-mail address.");
    const told = await withPool(databaseUrlOf(readSettings()), async (pool) => {
      const lead = await find(pool, name);
      return {
        lead,
        account: await accountOf(pool, lead),
        placed: await placedOf(pool, lead.id),
        unplaced: unplacedBy(
          lead,
          (await createAgreements(agreementOf).active(pool))?.agreement.emailDomains,
        ),
        entries: await everything(pool, lead.id),
        hours: await hoursOfLead(pool, lead),
        clocks: values.clocks ? await clocksOfLead(pool, lead) : [],
      };
    });
    if (values.json)
      io.out(
        JSON.stringify(
          {
            lead: told.lead,
            account: told.account ?? null,
            placed: told.placed,
            history: told.entries,
            ...(values.clocks ? { clocks: told.clocks } : {}),
          },
          null,
          2,
        ),
      );
    else for (const line of explain(told)) io.out(line);
    return 0;
  },
};

interface Told {
  readonly lead: LeadRow;
  readonly account: Awaited<ReturnType<typeof accountOf>>;
  /** How it came to its account; null where that was not kept. */
  readonly placed: Placed | null;
  /** What could have named an account, of a lead that is at none. */
  readonly unplaced: Placed["candidates"];
  readonly entries: readonly HistoryEntry[];
  /** Null while no handoff is open. */
  readonly hours: HoursTold | null;
  /** What each clock counted, as text; empty when nobody asked. */
  readonly clocks: readonly string[];
}

/** The lead's story as lines of text. */
export function explain({
  lead,
  account,
  placed,
  unplaced,
  entries,
  hours,
  clocks,
}: Told): string[] {
  const who = lead.owner_id
    ? `owner ${lead.owner_id}`
    : lead.queue
      ? `queue ${lead.queue}`
      : "nobody answers for it";
  const ahead = (at: Date) => utcAndLocal(at, hours && zoneOfHours(hours));
  const head = [
    `${lead.id} is in stage ${lead.stage} since ${utc(lead.stage_since)}, waiting on ` +
      `${lead.waiting_on}; ${who}.`,
    `Next: ${lead.next_step ?? "nothing"}${lead.next_at ? `, ${ahead(lead.next_at)}` : ""}${lead.due_at ? `; due ${ahead(lead.due_at)}` : ""}.`,
    ...(lead.merged_into ? [`It was merged into ${lead.merged_into}.`] : []),
    ...(lead.erased_at
      ? [`The person was erased on ${utc(lead.erased_at)}; what was known is gone.`]
      : []),
    ...(lead.closed_reason ? [`It ended because: ${lead.closed_reason}.`] : []),
  ];
  const known = [
    ...Object.entries(lead.facts),
    ...Object.entries(account?.facts ?? {}).filter(([field]) => !Object.hasOwn(lead.facts, field)),
  ];
  return [
    ...head,
    ...(hours ? ["", ...explainHours(hours)] : []),
    ...(clocks.length > 0 ? ["", "Clocks:", ...clocks] : []),
    "",
    ...(account === undefined ? explainUnplaced(unplaced) : explainPlaced(account, placed)),
    `Known${account ? ` (account ${account.id})` : ""}:`,
    ...known
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([field, fact]) =>
          `  ${field} = ${JSON.stringify(fact.value)}  (${fact.from}, ${utc(new Date(fact.at))})`,
      ),
    "",
    "What happened:",
    ...entries.flatMap(explainEntry),
  ];
}

/** One thing that happened: a line, and what stood behind it indented below. */
function explainEntry(entry: HistoryEntry): string[] {
  const { said, behind } = sayHappened(entry, byRecord);
  return [`${utc(entry.at)}  ${said}`, ...behind.map((line) => `    ${line}`)];
}

const words = {
  person: "a person",
  "crm-id": "the CRM",
  "told-domain": "a told domain",
  "email-domain": "its address",
} as const;

/** Why the lead is at no account. */
function explainUnplaced(candidates: Placed["candidates"]): string[] {
  return [
    `At no account${candidates.length === 0 ? ": nothing that is known names one" : ""}.`,
    ...candidates.map(
      ({ by, name, passedOver }) =>
        `  passed over: ${words[by]}, ${name}: ${passedOver ?? "not yet"}`,
    ),
    "",
  ];
}

/** By what the lead came to its account, and what else could have named one. */
function explainPlaced(account: Told["account"], placed: Placed | null): string[] {
  if (account === undefined || placed === null) return [];
  const [, ...others] = placed.candidates;
  return [
    `At account ${account.id} by ${words[placed.by]}: ${placed.name}` +
      `${placed.isAlias ? " (another name of the account)" : ""}, ${utc(new Date(placed.at))}` +
      `${placed.who === undefined ? "" : `, ${placed.who}`}.`,
    ...others.map(
      ({ by, name, passedOver }) => `  passed over: ${words[by]}, ${name}: ${passedOver ?? ""}`,
    ),
    "",
  ];
}

async function find(pool: Pool, name: string): Promise<LeadRow> {
  const kinds: Identity["kind"][] = checkEmail(normalEmail(name)).ok
    ? ["email", "user"]
    : ["lead", "crm", "external", "user"];
  const names = kinds.map((kind) => ({ kind, value: kind === "email" ? normalEmail(name) : name }));
  const found = await findLeads(pool, names);
  // Our own id means that very lead, also when it was merged into another.
  const id = name.startsWith("ld_")
    ? name
    : names.map((one) => found.get(identityKey(one))).find((one) => one !== undefined);
  const lead = id === undefined ? undefined : await leadStanding(pool, id);
  if (!lead)
    throw new CommandError(
      "No lead is known by this name; give our id (ld_…), the CRM's or the sender's id, or the " +
        "e-mail address.",
    );
  return lead;
}

/** Whose hours count for the open handoff; of the roster as it is now. */
async function hoursOfLead(pool: Pool, lead: LeadRow): Promise<HoursTold | null> {
  const handoff = lead.handoff_id === null ? undefined : await currentHandoff(pool, lead);
  if (!handoff) return null;
  // One after the other: to parse an agreement takes longer than a connection waits to be made.
  const found = await hoursOnRoster(pool, lead.owner_id, handoff.pool);
  const { agreement } = await createAgreements(agreementOf).version(pool, handoff.agreement_id);
  return {
    agreement,
    rep: lead.owner_id !== null && found.rep ? { ...found.rep, id: lead.owner_id } : null,
    pool: handoff.pool !== null && found.pool ? { ...found.pool, id: handoff.pool } : null,
    now: Date.now(),
  };
}

/** Every clock of the current handoff as lines that can be checked by hand. */
async function clocksOfLead(pool: Pool, lead: LeadRow): Promise<string[]> {
  const handoff = await currentHandoff(pool, lead);
  return handoff === undefined ? [] : clocksInLines(pool, handoff, "the lead");
}

async function everything(pool: Pool, leadId: string): Promise<HistoryEntry[]> {
  const all: HistoryEntry[] = [];
  for (let after: HistoryPlace | undefined; ;) {
    const page = await leadHistory(pool, leadId, { after, limit: 500 });
    all.push(...page);
    const last = page.at(-1);
    if (!last || page.length < 500) return all;
    after = { at: last.place, n: last.n, id: last.id };
  }
}
