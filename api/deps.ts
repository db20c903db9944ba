import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Logger } from "pino";
import type { Party } from "../handoff/reviews/review.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import type { FieldPath } from "../handoff/facts/facts.ts";
import type { Agreements } from "../store/process/agreements.ts";
import type { CrashHook } from "../store/postgres/crash-point.ts";
import type { Db } from "../store/postgres/db.ts";
import type { ApiPools } from "../store/postgres/pools.ts";
import type { SchemaWatch } from "../store/postgres/schema.ts";
import type { RoutingDispatcher } from "../store/routing/dispatcher.ts";
import type { RepeatableRequest } from "../store/access/idempotency.ts";
import type { Session } from "../store/access/sessions.ts";
import type { Role } from "../store/access/tokens.ts";
import { defaultHook, type Problem } from "./http/errors.ts";
import type { Live } from "./live.ts";
import type { MailLinks } from "../messages/link.ts";
import type { Oidc } from "./oidc.ts";
import type { Planner } from "./planning/planner.ts";
import type { TemporalPort } from "./temporal.ts";

/** What the API needs from outside; `server.ts` builds the real ones, tests pass theirs. */
export interface ApiDeps extends ApiPools {
  /** Of the database, for the thread that makes plans; absent: none are made. */
  readonly url?: string;
  readonly agreements: Agreements;
  readonly temporal: TemporalPort;
  readonly clock: () => Instant;
  /** Where people reach us, without a slash at the end; for links. */
  readonly publicUrl: string;
  /** Where operators look at processes, without a slash at the end; absent: nobody said. */
  readonly temporalUi?: { readonly url: string; readonly namespace: string } | undefined;
  readonly log: Logger;
  /** What is known of the database's migrations; absent: that they are this version's. */
  readonly schema?: Pick<SchemaWatch, "fit">;
  /** What links in mails may do: act (when absent), only show, or nothing. */
  readonly mailLinks?: MailLinks | undefined;
  /**
   * Secrets (`whsec_…`) by source; several while one is being replaced. A source without one does
   * not exist.
   */
  readonly webhookSecrets?: Readonly<Record<string, readonly string[]>>;
  /** The provider by which people sign in to the console; absent: they do by mail. */
  readonly oidc?: Oidc | undefined;
  /** The open pages that hear of changes; absent: none does. */
  readonly live?: Live;
  /** How much one sender may ask; absent: as much as it likes. */
  readonly rates?: RateLimits;
  /** How long a body may take to begin, and a file to go on; ten seconds when absent. */
  readonly timeoutMs?: number;
  /** How long a request may read where it needs longer than usual; 20 seconds when absent. */
  readonly readMs?: number;
  /** Whether an outage of the built-in CRM may be rehearsed (`PUT /house/trouble`). */
  readonly mayRehearse?: boolean;
  /** Rehearsals only. */
  readonly crashPoint?: CrashHook | undefined;
}

/** How much one sender may ask; 0 is no limit. */
export interface RateLimits {
  /** Requests a second of one token, over ten seconds. */
  readonly perToken: number;
  /** The same of one address, whatever its tokens. */
  readonly perAddress: number;
  /** Proxies whose `X-Forwarded-For` is believed: addresses and networks. */
  readonly trustedProxies: readonly string[];
}

/** Reads that may take longer than a request's time, as those of reports over years do. */
export interface LongReads {
  /**
   * Reads on one connection, as all stood at one moment. When the request's time is over it may go
   * on, beside few others. Throws a 503 when others do, when it takes too long even so, and when
   * Postgres falls silent meanwhile; what it was at is cancelled then, as when the caller has gone.
   */
  read<T>(request: Request, work: (db: Db) => Promise<T>): Promise<T>;
}

/** What route modules are given: dispatcher, planner and long reads are one for the whole app. */
export interface AppDeps extends ApiDeps {
  readonly dispatcher: RoutingDispatcher;
  /** Makes plans of versions; undefined: none are made here. */
  readonly planner: Planner | undefined;
  /** For what may take longer to read than a request's time. */
  readonly longReads: LongReads;
  /** Throws a 429 when mails to sign in are asked for too often. */
  readonly signInMail: (c: Context<AppEnv>, mailAddress: string) => Promise<void>;
  /** Puts a denial on record that the answer only tells of; one that is thrown is noted anyway. */
  readonly noteDenied: (c: Context<AppEnv>, problem: Problem) => void;
}

/** Who asks. A rep or manager has a `repId`; machines and operators have none. */
export interface Caller {
  /** Of the token, or of the login whose session this is. */
  readonly tokenId: string;
  readonly role: Role;
  readonly repId: string | null;
  /** For which party a leader signs. */
  readonly party?: Party | null;
  /** How the request came, where it did not come with a token. */
  readonly via?: "mail" | "console";
}

/** How far a role reaches on a route: what is the caller's, what is the team's, everything. */
export type Scope = "own" | "team" | "all";

export interface AppEnv {
  Variables: {
    caller: Caller;
    /** Whose console this is; not there for a request of the API. */
    session?: Session;
    /** The caller's reach on this route, from the authorisation table. */
    scope: Scope;
    /**
     * Stamped when the request came in, before anything was read: the one clock that decides
     * lateness.
     */
    receivedAt: Instant;
    /** The route as the authorisation table names it: "GET /leads/{id}". */
    route: string;
    /** This request by its Idempotency-Key, where it has one. */
    repeatable?: RepeatableRequest;
    /** Its answer was stored in the transaction that did what was asked. */
    isAnswerKept?: boolean;
    /** Fields of the facts that this request told and may not set, for the figures. */
    refusedFacts?: readonly FieldPath[];
  };
}

/**
 * Who asks, how far they reach and when they asked: what an answer is read for. A request's context
 * is one; a page that shows answers to several requests has one for each (`asking`).
 */
export interface Asker {
  readonly var: Pick<AppEnv["Variables"], "caller" | "scope" | "receivedAt">;
}

/** A route module: describes its routes with `createRoute` and is mounted by `createApp`. */
export type Routes = OpenAPIHono<AppEnv>;

/** An empty route module whose refusals come out as problem+json with the field's name. */
export function newRoutes(): Routes {
  return new OpenAPIHono<AppEnv>({ defaultHook });
}
