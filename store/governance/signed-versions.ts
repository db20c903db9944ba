import { createHash } from "node:crypto";
import type { Agreement } from "../../handoff/agreement.ts";
import type { RuleChange } from "../../handoff/governance/rule-change.ts";
import { signaturesNeeded, type SignaturesNeeded } from "../../handoff/governance/signers.ts";
import type { Treatment } from "../../handoff/governance/treatment.ts";
import type { Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { actorNames } from "../access/actors.ts";
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
import { activationOf, beginActivation } from "./activations.ts";
import { besideSignatures, type SignatureRefusal, type Signer } from "../reviews/signatures.ts";

/** A signature that a version has. */
export interface VersionSignature {
  readonly party: Party;
  readonly signedBy: string;
  /** What whoever signed is called; null where nothing says it. */
  readonly name: string | null;
  readonly signedAt: Date;
}

/** Why something cannot be done with a version. */
export type NotNow =
  /** It is not in the state that this needs. */
  | { readonly why: "state"; readonly state: StoredVersion["state"] }
  /** It has no plan, or another version became active since: it says nothing of that one. */
  | { readonly why: "no-plan" }
  | { readonly why: "stale"; readonly active: string | null }
  | { readonly why: "other-plan"; readonly hash: string }
  | { readonly why: "other-content"; readonly hash: string }
  /** It is active already, and open handoffs were treated otherwise. */
  | { readonly why: "activated"; readonly treatment: Treatment }
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
 * Stores a version for its parties to sign. The same content that waits already is the same
 * version.
 */
export async function proposeVersion(
  tx: Tx,
  content: string,
  { by, note }: { readonly by: string; readonly note: string | null },
  now: Instant,
): Promise<{ readonly id: string; readonly isNew: boolean }> {
  await lockAgreement(tx);
  const hash = hashOf(content);
  const known = await firstRow<{ id: string }>(
    tx,
    sql`
    select id from agreement_version where content_hash = ${hash}
      and state in ('proposed', 'signed') order by number desc limit 1`,
  );
  if (known) return { id: known.id, isNew: false };
  const id = newId("ag", now);
  await tx.query(sql`
    insert into agreement_version (id, number, content, content_hash, state, created_at, created_by,
      note)
    select ${id}, coalesce(max(number), 0) + 1, ${content}, ${hash}, 'proposed', ${new Date(now)},
      ${by}, ${note} from agreement_version`);
  await audit(tx, { actor: by, what: "agreement.proposed", subject: id, detail: { hash } }, now);
  return { id, isNew: true };
}

/** A mail names so many changes; the plan has all. */
const mostSaid = 40;
const mostLetters = 300;

/** Whoever signs for a party hears of a version, and what it changes; once for each plan. */
export async function askForSignatures(
  tx: Tx,
  id: string,
  {
    changes,
    needed,
    planHash,
  }: {
    readonly changes: readonly RuleChange[];
    readonly needed: SignaturesNeeded;
    readonly planHash: string;
  },
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
  const effect = {
    key: `agreement/${id}/signature-asked/${planHash}`,
    subject,
    ...mailEffect(message),
  };
  await addEffect(tx, effect, now);
}

/**
 * Signs what a proposed version says and what its plan shows, by their hashes. The same person
 * again is the same signature. With as many as are needed, of two people where it is two, it is
 * signed. A plan that is made again asks for new signatures.
 */
export async function signVersion(
  tx: Tx,
  id: string,
  { party, tokenId, repId: by, hash, planHash, needed }: VersionSigner,
  now: Instant,
): Promise<{ readonly isNew: boolean } | NotNow> {
  const version = await locked(tx, id);
  if (version.content_hash !== hash) return { why: "other-content", hash: version.content_hash };
  const plan = await planState(tx, id);
  if (plan !== undefined && plan.hash !== planHash) return { why: "other-plan", hash: plan.hash };
  const given = await versionSignatures(tx, id);
  const asked = besideSignatures(given, party, by);
  if (asked === "same") return { isNew: false };
  if (asked !== "new") return asked;
  if (version.state !== "proposed") return { why: "state", state: version.state };
  const stale = staleness(plan);
  if (stale) return stale;
  await tx.query(sql`
    insert into agreement_signature
      (version_id, party, signed_by, token_id, content_hash, plan_hash, signed_at)
    values (${id}, ${party}, ${by}, ${tokenId}, ${hash}, ${planHash}, ${new Date(now)})`);
  if (given.length + 1 === Math.max(needed, 1))
    await tx.query(sql`update agreement_version set state = 'signed' where id = ${id}`);
  const detail = { party, by, hash, planHash };
  await audit(tx, { actor: tokenId, what: "agreement.signed", subject: id, detail }, now);
  return { isNew: true };
}

/** Who signs a version, having read which content and plan. */
interface VersionSigner extends Signer {
  readonly hash: string;
  readonly planHash: string;
  readonly needed: SignaturesNeeded;
}

/**
 * Makes a signed version the active one and retires the one before. Open handoffs keep the version
 * that they began under, or their clocks go on by this one; leads without one are judged again.
 */
export async function activateSigned(
  tx: Tx,
  id: string,
  {
    by,
    needed,
    treatment,
  }: {
    readonly by: string;
    readonly needed: SignaturesNeeded;
    readonly treatment: Treatment;
  },
  now: Instant,
): Promise<{ readonly isNew: boolean } | NotNow> {
  const version = await locked(tx, id);
  if (version.state === "active") {
    const before = (await activationOf(tx, id))?.treatment ?? "keep";
    return before === treatment ? { isNew: false } : { why: "activated", treatment: before };
  }
  if (version.state === "proposed" && needed > 0) return { why: "needs-signatures", needed };
  if (version.state !== "signed" && version.state !== "proposed")
    return { why: "state", state: version.state };
  const plan = await planState(tx, id);
  const stale = staleness(plan);
  if (stale) return stale;
  const at = new Date(now);
  await tx.query(sql`update agreement_version set state = 'retired' where state = 'active'`);
  await tx.query(sql`
    update agreement_version set state = 'active', activated_at = ${at}, activated_by = ${by}
    where id = ${id}`);
  await tellLeadsUnderNoHandoff(tx, id, at);
  await beginActivation(tx, id, { treatment, by }, now);
  const detail = {
    signed: needed > 0,
    hash: version.content_hash,
    planHash: plan?.hash ?? null,
    openHandoffs: treatment,
  };
  await audit(tx, { actor: by, what: "agreement.published", subject: id, detail }, now);
  return { isNew: true };
}

/** The signatures of a version on the plan that stands, marketing's first. */
export async function versionSignatures(db: Db, id: string): Promise<VersionSignature[]> {
  const found = await rows<Omit<VersionSignature, "name">>(
    db,
    sql`
    select s.party, s.signed_by as "signedBy", s.signed_at as "signedAt"
    from agreement_signature s join agreement_plan p on p.version_id = s.version_id
      and p.plan_hash = s.plan_hash
    where s.version_id = ${id} order by s.party`,
  );
  const names = await actorNames(
    db,
    found.map(({ signedBy }) => signedBy),
  );
  return found.map((one) => ({ ...one, name: names[one.signedBy] ?? null }));
}

/** The version by an id that is known to exist, while no other version can become active. */
async function locked(tx: Tx, id: string): Promise<StoredVersion> {
  await lockAgreement(tx);
  const version = await storedVersion(tx, id);
  if (!version) throw new Error(`there is no agreement version ${id}`);
  return version;
}

interface PlanState {
  readonly hash: string;
  readonly against: string;
  readonly active: string | null;
}

/** The plan that stands, beside the version that is active; undefined where none was made. */
async function planState(tx: Tx, id: string): Promise<PlanState | undefined> {
  return firstRow<PlanState>(
    tx,
    sql`
    select plan_hash as hash, against,
      (select id from agreement_version where state = 'active') as active
    from agreement_plan where version_id = ${id} and plan_hash is not null`,
  );
}

function staleness(plan: PlanState | undefined): NotNow | null {
  if (plan === undefined) return { why: "no-plan" };
  return plan.against === plan.active ? null : { why: "stale", active: plan.active };
}
