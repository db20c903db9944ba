import { createHash } from "node:crypto";
import type { Agreement } from "../../handoff/agreement.ts";
import type { RuleChange } from "../../handoff/governance/rule-change.ts";
import { signaturesNeeded, type SignaturesNeeded } from "../../handoff/governance/signers.ts";
import type { Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { DraftTrial } from "../intake/trial.ts";
import { addEffect } from "../effects/effects.ts";
import { mailEffect } from "../effects/mail-message.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, rows, sql, type Db, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import {
  activate,
  lockAgreement,
  storedVersion,
  tellLeadsUnderNoHandoff,
  type Agreements,
  type StoredVersion,
} from "../process/agreements.ts";
import { besideSignatures, type SignatureRefusal, type Signer } from "../reviews/signatures.ts";

/** What a proposed version would change, as it was when it was proposed. */
export interface VersionPlan {
  /** The version that was active. */
  readonly against: string;
  readonly changes: readonly RuleChange[];
  readonly trial: DraftTrial;
  /** Pools that the version names and the roster lacks. */
  readonly missingPools: readonly string[];
}

/** A signature that a version has. */
export interface VersionSignature {
  readonly party: Party;
  readonly signedBy: string;
  readonly signedAt: Date;
}

/** Why something cannot be done with a version. */
export type NotNow =
  /** It is not in the state that this needs. */
  | { readonly why: "state"; readonly state: StoredVersion["state"] }
  /** Another version became active since: its plan says nothing of that one. */
  | { readonly why: "stale"; readonly active: string | null }
  | { readonly why: "other-content"; readonly hash: string }
  | NeedsSignatures
  | SignatureRefusal;

/** It becomes active only when it was proposed and signed. */
export interface NeedsSignatures {
  readonly why: "needs-signatures";
  readonly needed: SignaturesNeeded;
}

/**
 * Makes a text the active version at once, which nobody signs: refused where the active version or
 * this one names who signs. The content that is active already changes nothing.
 */
export async function publishUnsigned(
  tx: Tx,
  agreements: Agreements,
  { content, agreement }: { readonly content: string; readonly agreement: Agreement },
  { by, note }: { readonly by: string; readonly note?: string | undefined },
  now: Instant,
): Promise<{ readonly id: string; readonly isNew: boolean } | NeedsSignatures> {
  await lockAgreement(tx);
  const active = await agreements.active(tx);
  const needed = signaturesNeeded(active?.agreement ?? null, agreement);
  const stored = active && (await storedVersion(tx, active.id));
  if (stored?.content_hash === hashOf(content)) return { id: stored.id, isNew: false };
  if (needed > 0) return { why: "needs-signatures", needed };
  const { id } = await activate(tx, content, by, now, note);
  const detail = { signed: false };
  await audit(tx, { actor: by, what: "agreement.published", subject: id, detail }, now);
  return { id, isNew: true };
}

function hashOf(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/**
 * Stores a version for both parties to sign, with its plan. The same content that waits already is
 * the same version.
 */
export async function proposeVersion(
  tx: Tx,
  content: string,
  plan: VersionPlan,
  {
    by,
    note,
    needed,
  }: {
    readonly by: string;
    readonly note: string | null;
    readonly needed: SignaturesNeeded;
  },
  now: Instant,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  await lockAgreement(tx);
  const hash = hashOf(content);
  const known = await firstRow<{ id: string }>(
    tx,
    sql`
    select v.id from agreement_version v join agreement_plan p on p.version_id = v.id
    where v.content_hash = ${hash} and v.state in ('proposed', 'signed')
      and p.against = ${plan.against}
    order by v.number desc limit 1`,
  );
  if (known) return { id: known.id, isNew: false };
  const id = newId("ag", now);
  const at = new Date(now);
  await tx.query(sql`
    insert into agreement_version (id, number, content, content_hash, state, created_at, created_by,
      note)
    select ${id}, coalesce(max(number), 0) + 1, ${content}, ${hash}, 'proposed', ${at}, ${by},
      ${note} from agreement_version`);
  await tx.query(sql`
    insert into agreement_plan (version_id, against, plan, made_at)
    values (${id}, ${plan.against}, ${JSON.stringify(plan)}::jsonb, ${at})`);
  await askForSignatures(tx, id, plan.changes, needed, now);
  const detail = { against: plan.against, hash, changes: plan.changes.length };
  await audit(tx, { actor: by, what: "agreement.proposed", subject: id, detail }, now);
  return { id, isNew: true };
}

/** A mail names so many changes; the plan has all. */
const mostSaid = 40;
const mostLetters = 300;

/** Whoever signs for a party hears of a version, and what it changes. */
async function askForSignatures(
  tx: Tx,
  id: string,
  changes: readonly RuleChange[],
  needed: SignaturesNeeded,
  now: Instant,
): Promise<void> {
  if (needed === 0) return;
  const number = (await storedVersion(tx, id))?.number ?? 0;
  const subject = { kind: "agreement" as const, id };
  const message = {
    what: "signature-asked" as const,
    versionId: id,
    number,
    needed,
    changes: changes.slice(0, mostSaid).map(({ about, change }) => ({
      about: about.slice(0, mostLetters),
      change: change.slice(0, mostLetters),
    })),
    more: Math.max(0, changes.length - mostSaid),
  };
  const effect = { key: `agreement/${id}/signature-asked`, subject, ...mailEffect(message) };
  await addEffect(tx, effect, now);
}

/**
 * Signs what a proposed version says, by its hash. The same person again is the same signature.
 * With as many as are needed, of two people where it is two, it is signed.
 */
export async function signVersion(
  tx: Tx,
  id: string,
  {
    party,
    tokenId,
    repId,
    hash,
    needed,
  }: Signer & { readonly hash: string; readonly needed: SignaturesNeeded },
  now: Instant,
): Promise<{ readonly isNew: boolean } | NotNow> {
  const version = await locked(tx, id);
  if (version.content_hash !== hash) return { why: "other-content", hash: version.content_hash };
  const by = repId ?? tokenId;
  const given = await versionSignatures(tx, id);
  const asked = besideSignatures(given, party, by);
  if (asked === "same") return { isNew: false };
  if (asked !== "new") return asked;
  if (version.state !== "proposed") return { why: "state", state: version.state };
  const stale = await staleness(tx, id);
  if (stale) return stale;
  await tx.query(sql`
    insert into agreement_signature
      (version_id, party, signed_by, token_id, content_hash, signed_at)
    values (${id}, ${party}, ${by}, ${tokenId}, ${hash}, ${new Date(now)})`);
  if (given.length + 1 === Math.max(needed, 1))
    await tx.query(sql`update agreement_version set state = 'signed' where id = ${id}`);
  const detail = { party, by, hash };
  await audit(tx, { actor: tokenId, what: "agreement.signed", subject: id, detail }, now);
  return { isNew: true };
}

/**
 * Makes a signed version the active one and retires the one before. Open handoffs keep the version
 * that they began under; leads without one are judged again.
 */
export async function activateSigned(
  tx: Tx,
  id: string,
  { by, needed }: { readonly by: string; readonly needed: SignaturesNeeded },
  now: Instant,
): Promise<{ readonly isNew: boolean } | NotNow> {
  const version = await locked(tx, id);
  if (version.state === "active") return { isNew: false };
  if (version.state === "proposed" && needed > 0) return { why: "needs-signatures", needed };
  if (version.state !== "signed" && version.state !== "proposed")
    return { why: "state", state: version.state };
  const stale = await staleness(tx, id);
  if (stale) return stale;
  const at = new Date(now);
  await tx.query(sql`update agreement_version set state = 'retired' where state = 'active'`);
  await tx.query(sql`
    update agreement_version set state = 'active', activated_at = ${at}, activated_by = ${by}
    where id = ${id}`);
  await tellLeadsUnderNoHandoff(tx, id, at);
  const detail = { signed: needed > 0, hash: version.content_hash };
  await audit(tx, { actor: by, what: "agreement.published", subject: id, detail }, now);
  return { isNew: true };
}

/** The signatures of a version, marketing's first. */
export async function versionSignatures(db: Db, id: string): Promise<VersionSignature[]> {
  return rows(
    db,
    sql`
    select party, signed_by as "signedBy", signed_at as "signedAt" from agreement_signature
    where version_id = ${id} order by party`,
  );
}

/** What was planned with a version; undefined for one that was published without signatures. */
export async function versionPlan(
  db: Db,
  id: string,
): Promise<(VersionPlan & { readonly madeAt: Date }) | undefined> {
  const row = await firstRow<{ plan: VersionPlan; made_at: Date }>(
    db,
    sql`select plan, made_at from agreement_plan where version_id = ${id}`,
  );
  return row && { ...row.plan, madeAt: row.made_at };
}

/** The version by an id that is known to exist, while no other version can become active. */
async function locked(tx: Tx, id: string): Promise<StoredVersion> {
  await lockAgreement(tx);
  const version = await storedVersion(tx, id);
  if (!version) throw new Error(`there is no agreement version ${id}`);
  return version;
}

async function staleness(tx: Tx, id: string): Promise<NotNow | null> {
  const row = await firstRow<{ against: string | null; active: string | null }>(
    tx,
    sql`
    select (select against from agreement_plan where version_id = ${id}) as against,
      (select id from agreement_version where state = 'active') as active`,
  );
  return row && row.against === row.active ? null : { why: "stale", active: row?.active ?? null };
}
