import { parseArgs } from "node:util";
import { agreementOf } from "../../agreement/stored.ts";
import {
  fromStored,
  outcomeOf,
  placeAgain,
  type StoredOutcome,
} from "../../handoff/process/stored.ts";
import { routeAgain } from "../../handoff/routing/route.ts";
import { readAnchors } from "../../store/postgres/anchor-file.ts";
import { checkAudit, lostAnchors, type AuditAnchor } from "../../store/postgres/audit.ts";
import { compareAccounts } from "../../store/accounts/recount.ts";
import { createAgreements, type Agreements } from "../../store/process/agreements.ts";
import { calendarDefinitions } from "../../store/process/calendars.ts";
import type { Pool } from "../../store/postgres/db.ts";
import {
  storedDecisions,
  storedRoutings,
  type StoredDecision,
  type StoredRouting,
} from "../../store/process/decision-log.ts";
import { CommandError, type Command } from "../command.ts";
import { readSettings, type Settings } from "../env.ts";
import { homeAt } from "../home.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPatientPool } from "../servers/servers.ts";

export const command: Command = {
  name: "verify",
  summary: "take every stored decision again, and check the audit trail",
  usage: `baton verify [--anchor ID:HASH]... [--json]

Takes every decision of every kind again: the situation in which it was taken, what had happened, the version of the
agreement and the calendars come from the database, and because, found, changes and answer are compared with what was
stored. Every assignment is routed again from what routing was given. Prints how many were judged and where the answers
differ. Decisions from before 0.2 were stored without their situation; they are counted, not judged.
The audit trail is read from its beginning: each row holds the hash of the one before. Its heads are noted outside
of the database, in AUDIT_ANCHORS (audit-anchors.jsonl of BATON_HOME) and in a daily mail to OPERATOR_MAIL; every row
that the file names, and those that --anchor gives from a mail, must be there unchanged.
What accounts are judged by is counted anew from every engagement and compared.
Ends with 0 when nothing differs, with 1 otherwise. Works on DATABASE_URL, else on the database of BATON_HOME.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        anchor: { type: "string", multiple: true, default: [] },
      },
    });
    if (positionals.length > 0)
      throw new CommandError("`baton verify` takes no file or id; it judges everything.");
    const settings = readSettings();
    const anchors = [...(await anchorsOf(anchorFile(settings))), ...values.anchor.map(anchorGiven)];
    const { found, audit, accounts } = await withPatientPool(
      databaseUrlOf(settings),
      async (pool) => ({
        audit: await verifyAudit(pool, anchors),
        found: await verifyDecisions(pool),
        accounts: await compareAccounts(
          { pool, agreements: createAgreements(agreementOf) },
          Date.now,
        ),
      }),
    );
    if (values.json) io.out(JSON.stringify({ ...found, audit, accounts }));
    else {
      for (const { of, at, stored, now } of found.differences)
        io.err(`${of}: ${at} was ${stored} and is ${now}`);
      for (const line of auditFaults(audit)) io.err(line);
      for (const line of summary(found)) io.out(line);
      io.out(auditSummary(audit));
      for (const { what, of } of accounts.differences)
        io.err(
          `${of}: ${what === "latest" ? "its latest engagements are" : "it stands"} otherwise ` +
            "than its engagements say",
        );
      io.out(
        `${accounts.accounts} accounts counted anew, ${accounts.differences.length} differences.`,
      );
    }
    const isWrong = found.differences.length + accounts.differences.length > 0;
    return isWrong || auditFaults(audit).length > 0 ? 1 : 0;
  },
};

/** What became of the audit trail. */
export interface AuditReport {
  readonly rows: number;
  /** The first row that does not fit the one before, or its own hash. */
  readonly brokenAt: number | null;
  readonly anchors: number;
  /** Rows that were noted outside of the database and are not there as they were. */
  readonly lost: readonly number[];
}

/** Reads the whole trail, and compares it with what was noted of it outside of the database. */
export async function verifyAudit(
  pool: Pool,
  anchors: readonly AuditAnchor[],
): Promise<AuditReport> {
  const { rows, brokenAt } = await checkAudit(pool);
  const lost: number[] = [];
  for (let n = 0; n < anchors.length; n += 1_000)
    lost.push(...(await lostAnchors(pool, anchors.slice(n, n + 1_000))).map(({ id }) => id));
  return { rows, brokenAt, anchors: anchors.length, lost };
}

function auditFaults({ brokenAt, lost }: AuditReport): string[] {
  const [first] = lost;
  return [
    ...(brokenAt === null
      ? []
      : [`audit row ${brokenAt}: it was changed, or what stood before it was removed`]),
    ...(first === undefined
      ? []
      : [
          `audit row ${first}: it was noted outside of the database and is not there as it was ` +
            `(${lost.length} of the noted rows); the trail was cut, or worked out anew`,
        ]),
  ];
}

function auditSummary(audit: AuditReport): string {
  const state = auditFaults(audit).length === 0 ? "whole" : "not whole";
  const noted =
    audit.anchors === 0
      ? "none of them noted outside of the database"
      : `${audit.anchors - audit.lost.length} of ${audit.anchors} noted heads are there`;
  return `The audit trail is ${state}: ${audit.rows} rows, ${noted}.`;
}

/** The anchors of the data folder are those of its own database. */
function anchorFile({ auditAnchors, databaseUrl, home }: Settings): string | undefined {
  return auditAnchors ?? (databaseUrl === undefined ? homeAt(home).auditAnchors : undefined);
}

async function anchorsOf(path: string | undefined): Promise<AuditAnchor[]> {
  if (path === undefined) return [];
  try {
    return await readAnchors(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(`${path} cannot be read: ${why}.`);
  }
}

function anchorGiven(text: string): AuditAnchor {
  const [, id, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (id === undefined || hash === undefined)
    throw new CommandError(
      "--anchor: expected the id of an audit row and its hash, as a mail gives them: 12:9f86d0…",
    );
  return { id: Number(id), hash };
}

export interface Difference {
  /** `lead/ld_… cycle 1 step 3 (reject)`, or `… round 1 (routing)` for an assignment. */
  readonly of: string;
  /** Where in the answer: `found.qualification.fit`. */
  readonly at: string;
  readonly stored: string;
  readonly now: string;
}

export interface VerifyReport {
  /** Decisions that were taken again. */
  readonly judged: number;
  /** Assignments that were routed again. */
  readonly routings: number;
  /** Decisions from before 0.2, stored without their situation. */
  readonly older: number;
  readonly differences: readonly Difference[];
}

function summary({ judged, routings, older, differences }: VerifyReport): string[] {
  return [
    `${judged} decisions taken again, ${routings} assignments routed again, ` +
      `${differences.length} differences.`,
    ...(older > 0 ? [`${older} decisions are older than 0.2: not judged.`] : []),
  ];
}

/** Takes every stored decision again, and every routing; a few hundred are in memory at a time. */
export async function verifyDecisions(pool: Pool): Promise<VerifyReport> {
  const agreements = createAgreements(agreementOf);
  const differences: Difference[] = [];
  let [judged, older, routings] = [0, 0, 0];
  for await (const decision of storedDecisions(pool)) {
    if (decision.situation === null) {
      older++;
      continue;
    }
    judged++;
    const { subject, cycle, step, kind } = decision;
    const place = await compareDecision(decision, agreements, pool);
    if (place)
      differences.push({ of: `${subject} cycle ${cycle} step ${step} (${kind})`, ...place });
  }
  for await (const routing of storedRoutings(pool)) {
    routings++;
    const { subject, cycle, round } = routing;
    const place = compareRouting(routing);
    if (place)
      differences.push({ of: `${subject} cycle ${cycle} round ${round} (routing)`, ...place });
  }
  return { judged, routings, older, differences };
}

type Place = Omit<Difference, "of">;

async function compareDecision(
  { situation, event, agreementId, outcome }: StoredDecision,
  agreements: Agreements,
  pool: Pool,
): Promise<Place | null> {
  const { agreement } = await agreements.version(pool, agreementId);
  const kept = await calendarDefinitions(pool, situation.calendars);
  return (
    compared(outcome, () => {
      const before = fromStored(situation, agreement, kept);
      return withGatesOf(outcome, outcomeOf(before, event));
    }) ??
    (event.kind === "routed" && event.placedNow
      ? compared({ territory: event.territory, segment: event.segment }, () =>
          placeAgain(fromStored(situation, agreement, kept)),
        )
      : null)
  );
}

/**
 * What was found now, with the gates that were asked then: a gate that is newer than the decision
 * is a difference only where it changes what was decided.
 */
export function withGatesOf(stored: StoredOutcome, now: StoredOutcome): StoredOutcome {
  const asked = stored.found.qualification?.gates?.map(({ name }) => name);
  const { qualification } = now.found;
  if (asked === undefined || qualification === undefined) return now;
  const gates = qualification.gates.filter(({ name }) => asked.includes(name));
  return { ...now, found: { ...now.found, qualification: { ...qualification, gates } } };
}

function compareRouting({ input, answer }: StoredRouting): Place | null {
  const { territory, segment } = input.place;
  return compared({ ...answer, territory, segment }, () => routeAgain(input));
}

/** An answer that can no longer be worked out differs as a whole. */
function compared(stored: unknown, again: () => unknown): Place | null {
  try {
    // Stored answers went through JSON; what they are compared with must too.
    return firstDifference(stored, JSON.parse(JSON.stringify(again())), "");
  } catch (error) {
    const now = `an error: ${error instanceof Error ? error.message : String(error)}`;
    return { at: "the answer", stored: brief(stored), now };
  }
}

/**
 * The first place where two JSON values differ; null when they are equal. The order of names does
 * not count.
 */
export function firstDifference(stored: unknown, now: unknown, at: string): Place | null {
  if (stored === now) return null;
  if (
    typeof stored === "object" &&
    typeof now === "object" &&
    stored !== null &&
    now !== null &&
    Array.isArray(stored) === Array.isArray(now)
  ) {
    const [a, b] = [stored as Record<string, unknown>, now as Record<string, unknown>];
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = firstDifference(a[name], b[name], at === "" ? name : `${at}.${name}`);
      if (found) return found;
    }
    return null;
  }
  return { at: at || "the answer", stored: brief(stored), now: brief(now) };
}

function brief(value: unknown): string {
  const text = value === undefined ? "absent" : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
