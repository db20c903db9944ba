import { OpenAPIHono } from "@hono/zod-openapi";
import type { Logger } from "pino";
import type { parseAgreement } from "../agreement/parse.ts";
import type { Instant } from "../handoff/calendar.ts";
import type { Agreements } from "../store/agreements.ts";
import type { CrashHook } from "../store/crash-point.ts";
import type { Pool } from "../store/db.ts";
import type { Role } from "../store/tokens.ts";
import { defaultHook } from "./errors.ts";
import type { TemporalPort } from "./temporal.ts";

/** What the API needs from outside; `server.ts` builds the real ones, tests pass theirs. */
export interface ApiDeps {
  readonly pool: Pool;
  readonly agreements: Agreements;
  /** Text to agreement; the API itself knows no YAML. */
  readonly parseAgreement: typeof parseAgreement;
  readonly temporal: TemporalPort;
  readonly clock: () => Instant;
  /** Where people reach us, without a slash at the end; for links. */
  readonly publicUrl: string;
  readonly log: Logger;
  /** Secrets (`whsec_…`) by source; several while one is being replaced. A source without one does not exist. */
  readonly webhookSecrets?: Readonly<Record<string, readonly string[]>>;
  /** Rehearsals only. */
  readonly crashPoint?: CrashHook | undefined;
}

/** Who asks. A rep or manager has a `repId`; machines and operators have none. */
export interface Caller {
  readonly tokenId: string;
  readonly role: Role;
  readonly repId: string | null;
}

/** How far a role reaches on a route: what is the caller's, what is the team's, everything. */
export type Scope = "own" | "team" | "all";

export interface AppEnv {
  Variables: {
    caller: Caller;
    /** The caller's reach on this route, from the authorisation table. */
    scope: Scope;
    /** Stamped when the request came in, before anything was read: the one clock that decides lateness. */
    receivedAt: Instant;
    /** The route as the authorisation table names it: "GET /leads/{id}". */
    route: string;
  };
}

/** A route module: describes its routes with `createRoute` and is mounted by `createApp`. */
export type Routes = OpenAPIHono<AppEnv>;

/** An empty route module whose refusals come out as problem+json with the field's name. */
export function newRoutes(): Routes {
  return new OpenAPIHono<AppEnv>({ defaultHook });
}
