/** A lead whose intake was acknowledged with a 2xx. */
export interface TakenInRecord {
  readonly key: string;
  readonly id: string;
  readonly email: string;
}
/** A person's action with the answer that was given for it. */
export interface ActedRecord {
  readonly key: string;
  readonly lead: string;
  readonly name: string;
  readonly by: string;
  readonly done: boolean;
  readonly status: number;
  /** The action's id, when it was done. */
  readonly id: string | null;
}
/** A fact that somebody corrected, acknowledged. */
export interface ToldRecord {
  readonly lead: string;
  readonly fact: string;
  readonly value: string;
}

/** What the outside was told. The checks hold the system to it. */
export class RehearsalLedger {
  readonly leads: TakenInRecord[] = [];
  readonly actions: ActedRecord[] = [];
  readonly facts: ToldRecord[] = [];
  /** Of two that meant the same, with different keys: keys of the pair. */
  readonly pairs: (readonly [string, string])[] = [];
  /** Breaches seen by those who ask, in words. */
  readonly breaches: string[] = [];
  /** Requests without a final answer yet. */
  readonly open = new Set<string>();
  readonly figures = {
    requests: 0,
    answered: 0,
    unavailable: 0,
    broken: 0,
    repeated: 0,
    slowestMs: 0,
  };

  breach(words: string): void {
    if (this.breaches.length < 50) this.breaches.push(words);
  }
}
