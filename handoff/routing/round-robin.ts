/**
 * The credit ledger of one pool and lead type (docs/routing.md, "Turns"). At each pick every
 * eligible member gains their share of one lead, the largest credit wins, and the winner pays one.
 * Whole millionths, so a pool sums to exactly 0.
 */

/** One lead, in millionths. */
export const ONE_LEAD = 1_000_000;

/**
 * Credit by rep. `lastPick` is the number of the rep's latest pick in this ledger, 0 before the
 * first.
 */
export type CreditLedger = Readonly<
  Record<string, { readonly millionths: number; readonly lastPick: number }>
>;

/** Changes by rep, in millionths; they sum to 0. */
export type Deltas = Readonly<Record<string, number>>;

export interface Weighted {
  readonly repId: string;
  /** A whole number, 0 or more. */
  readonly weight: number;
}

/**
 * Whose turn it is among the eligible, and what that costs. Ties go to whoever was picked longest
 * ago, then to the smaller id. Null when nobody has a weight above 0.
 */
export function pick(
  ledger: CreditLedger,
  eligible: readonly Weighted[],
): { readonly winner: string; readonly deltas: Deltas } | null {
  const sharing = eligible.filter((one) => one.weight > 0);
  if (sharing.length === 0) return null;
  const gains = shares(ONE_LEAD, sharing, ledger);
  const credit = (id: string) => creditOf(ledger, id) + (gains[id] ?? 0);
  const winner = sharing
    .map((one) => one.repId)
    .reduce((best, id) =>
      (credit(best) - credit(id) || longestAgo(ledger, id, best)) < 0 ? id : best,
    );
  return { winner, deltas: { ...gains, [winner]: (gains[winner] ?? 0) - ONE_LEAD } };
}

/**
 * What happens to the credit of those who are no longer members: it goes to the rest by weight
 * (evenly when all weights are 0). Null when nobody left with a credit, or when nobody is there to
 * take it.
 */
export function spreadLeavers(ledger: CreditLedger, members: readonly Weighted[]): Deltas | null {
  const staying = new Set(members.map((one) => one.repId));
  const leavers = Object.keys(ledger).filter(
    (id) => !staying.has(id) && creditOf(ledger, id) !== 0,
  );
  if (leavers.length === 0 || members.length === 0) return null;
  const left = leavers.reduce((sum, id) => sum + creditOf(ledger, id), 0);
  const weighted = members.some((one) => one.weight > 0)
    ? members.filter((one) => one.weight > 0)
    : members.map((one) => ({ ...one, weight: 1 }));
  const gains = shares(left, weighted, ledger);
  return { ...gains, ...Object.fromEntries(leavers.map((id) => [id, -creditOf(ledger, id)])) };
}

/** The deltas that undo these. */
export function reversed(deltas: Deltas): Deltas {
  return Object.fromEntries(
    Object.entries(deltas).map(([id, change]) => [id, change === 0 ? 0 : -change]),
  );
}

/**
 * The ledger after an entry. `pickedAs` is given when the entry is a pick: who won, and the entry's
 * number.
 */
export function applyDeltas(
  ledger: CreditLedger,
  deltas: Deltas,
  pickedAs?: { readonly winner: string; readonly entry: number },
): CreditLedger {
  const after: Record<string, { millionths: number; lastPick: number }> = { ...ledger };
  for (const [id, change] of Object.entries(deltas)) {
    const lastPick = pickedAs?.winner === id ? pickedAs.entry : (ledger[id]?.lastPick ?? 0);
    after[id] = { millionths: creditOf(ledger, id) + change, lastPick };
  }
  return after;
}

/** The ledger that a history of entries gives; what is stored must equal it. */
export function replay(
  entries: readonly {
    readonly id: number;
    readonly deltas: Deltas;
    readonly winner: string | null;
  }[],
): CreditLedger {
  return entries.reduce<CreditLedger>(
    (ledger, { id, deltas, winner }) =>
      applyDeltas(ledger, deltas, winner === null ? undefined : { winner, entry: id }),
    {},
  );
}

function creditOf(ledger: CreditLedger, id: string): number {
  return ledger[id]?.millionths ?? 0;
}

function longestAgo(ledger: CreditLedger, a: string, b: string): number {
  return (ledger[a]?.lastPick ?? 0) - (ledger[b]?.lastPick ?? 0) || (a < b ? -1 : 1);
}

/**
 * Divides `total` by weight into whole millionths: rounded down, what is over goes to the largest
 * remainders.
 */
function shares(
  total: number,
  members: readonly Weighted[],
  ledger: CreditLedger,
): Record<string, number> {
  const sum = members.reduce((weights, one) => weights + one.weight, 0);
  const sign = Math.sign(total);
  // A weight may be any whole number: exact also where the product passes what a double holds.
  const isSmall = Math.abs(total) * sum <= Number.MAX_SAFE_INTEGER;
  const parts = members.map(({ repId, weight }) => ({
    repId,
    ...(isSmall
      ? divided(Math.abs(total), weight, sum)
      : dividedExactly(Math.abs(total), weight, sum)),
  }));
  let over = Math.abs(total) - parts.reduce((given, part) => given + part.whole, 0);
  const order =
    over === 0
      ? []
      : [...parts].sort((a, b) =>
          a.remainder === b.remainder
            ? longestAgo(ledger, a.repId, b.repId)
            : a.remainder > b.remainder
              ? -1
              : 1,
        );
  for (const part of order) {
    if (over === 0) break;
    part.whole += 1;
    over -= 1;
  }
  const given: Record<string, number> = {};
  for (const { repId, whole } of parts) given[repId] = whole === 0 ? 0 : sign * whole;
  return given;
}

type Part = { whole: number; readonly remainder: number | bigint };

/** `total * weight / sum` */
function divided(total: number, weight: number, sum: number): Part {
  const product = total * weight;
  const remainder = product % sum;
  return { whole: (product - remainder) / sum, remainder };
}

function dividedExactly(total: number, weight: number, sum: number): Part {
  const product = BigInt(total) * BigInt(weight);
  return { whole: Number(product / BigInt(sum)), remainder: product % BigInt(sum) };
}
