import type { Instant } from "../../handoff/time/calendar.ts";
import type { Db } from "../postgres/db.ts";
import type { Agreements, AgreementVersion } from "../process/agreements.ts";
import type { PacketKind } from "./packets.ts";

/** What a packet is compiled of. */
export interface PacketAsk {
  readonly db: Db;
  readonly agreements: Agreements;
  readonly version: AgreementVersion;
  readonly kind: PacketKind;
  /** `2026-W48`, `2026-11` or `2026-Q4`: the review's own name for its period. */
  readonly period: string;
  readonly asOf: Instant;
  readonly from: Instant;
  /** Not included. */
  readonly to: Instant;
}
