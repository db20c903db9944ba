import type { ReviewKind } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Db } from "../postgres/db.ts";
import type { Agreements, AgreementVersion } from "../process/agreements.ts";

/** Placeholder: what a packet's figures are is defined where they are compiled. */
export interface PacketFigures {
  readonly sections: readonly { readonly title: string }[];
  readonly proposals: readonly { readonly id: string }[];
}

/** Placeholder: nothing is compiled yet. */
export function compilePacket(_: {
  readonly db: Db;
  readonly agreements: Agreements;
  readonly version: AgreementVersion;
  readonly kind: ReviewKind;
  readonly period: string;
  readonly asOf: Instant;
  readonly from: Instant;
  readonly to: Instant;
}): Promise<PacketFigures> {
  return Promise.resolve({ sections: [], proposals: [] });
}
