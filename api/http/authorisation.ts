import type { Teller } from "../../handoff/facts/fact-rights.ts";
import { pages } from "../console/pages.ts";
import { roles, type Role } from "../../store/access/tokens.ts";
import { reports } from "../../store/reports/registry.ts";
import type { Scope } from "../deps.ts";

/**
 * The one table of who may do what: route x role x reach. A role without an entry may not use the
 * route at all (403); an object outside the reach looks like a missing one (404). `createApp`
 * refuses a route without a row.
 *
 * - `own`: leads that the rep has or has had; the rep's own tasks and queue.
 * - `team`: the same for everybody who reports to the manager, and what waits for the manager.
 * - `all`: everything.
 * - `public`: asked without a token. The proof of a webhook and of a mail's link is a signature.
 */
export type Row = Partial<Record<Role, Scope>> | "public";

/**
 * Whose word a role's facts are; which facts those may be is the table of `handoff/fact-
 * rights.ts`.
 */
export const tellerOfRole: Readonly<Record<Role, Teller>> = {
  operator: "office",
  revops: "office",
  marketing: "office",
  manager: "sales",
  rep: "sales",
  leader: "office",
  crm: "crm",
  tracking: "tracking",
};

/**
 * The roles behind these tellers, for an answer that says who may set a fact. Not leaders: no route
 * of theirs takes facts.
 */
export function rolesOf(tellers: readonly Teller[]): Role[] {
  return roles.filter((role) => role !== "leader" && tellers.includes(tellerOfRole[role]));
}

const operator = { operator: "all" } as const;
const office = { operator: "all", revops: "all", marketing: "all" } as const;
const people = { ...office, manager: "team", rep: "own" } as const;
/** Whoever reads leads and accounts; who leads opens what a figure counts, and changes nothing. */
const readers = { ...people, leader: "all" } as const;
const sales = { operator: "all", manager: "team", rep: "own" } as const;
const managers = { operator: "all", manager: "team" } as const;
const everybody = { ...people, manager: "all", rep: "all", leader: "all" } as const;
/** Who meets in a review. */
const reviewers = { ...office, manager: "all", leader: "all" } as const;
const crm = { operator: "all", crm: "all" } as const;
const tracking = { operator: "all", tracking: "all" } as const;

/** Requests of the API. */
const requests: Readonly<Record<string, Row>> = {
  // leads
  "GET /leads": readers,
  "GET /leads/{id}": readers,
  "GET /leads/{id}/history": readers,
  "GET /leads/{id}/clocks": readers,
  "PATCH /leads/{id}": people,
  "GET /leads/{id}/reasons": sales,

  // which lead belongs to which account, and which accounts are one
  "GET /accounts": readers,
  "GET /accounts/{id}": readers,
  "GET /accounts/{id}/clocks": readers,
  "POST /leads/{id}/move-account": office,
  "POST /accounts/{id}/merge": office,
  "POST /accounts/{id}/aliases": office,

  // a person's actions on the handoff of an account
  "POST /accounts/{id}/outreach": sales,
  "POST /accounts/{id}/accept": sales,
  "POST /accounts/{id}/reject": sales,
  "POST /accounts/{id}/advance": sales,
  "POST /accounts/{id}/hand-back": sales,
  "POST /accounts/{id}/reassign": managers,
  "POST /accounts/{id}/pause": sales,
  "POST /accounts/{id}/resume": sales,
  "POST /accounts/{id}/contest-decision": managers,

  // a person's actions
  "POST /leads/{id}/outreach": sales,
  "POST /leads/{id}/accept": sales,
  "POST /leads/{id}/reject": sales,
  "POST /leads/{id}/advance": sales,
  "POST /leads/{id}/hand-back": sales,
  "POST /leads/{id}/reassign": managers,
  "POST /leads/{id}/pause": sales,
  "POST /leads/{id}/resume": sales,
  "POST /leads/{id}/contest-decision": managers,
  "POST /leads/{id}/review-decision": {
    operator: "all",
    revops: "all",
    marketing: "all",
    manager: "team",
  },
  "POST /leads/{id}/reopen": { operator: "all", revops: "all" },
  "DELETE /people/{id}": operator,

  // what waits for me
  "GET /queue": people,
  "GET /queue/{id}": people,
  "GET /board": { ...office, manager: "team" },
  "GET /board/{list}": { ...office, manager: "team" },
  "GET /team": { ...office, manager: "team" },
  "GET /tasks": people,
  "POST /tasks/{id}/done": people,
  "POST /tasks/{id}/conflict-decision": office,

  // the agreement
  "GET /agreement": everybody,
  "GET /agreement/versions": everybody,
  "GET /agreement/versions/{id}": everybody,
  "GET /agreement/versions/{id}/diff": everybody,
  // both parties sign a version; only who leads one does
  "GET /agreement/versions/{id}/plan": reviewers,
  "POST /agreement/versions/propose": { ...office, leader: "all" },
  "POST /agreement/versions/{id}/rollback": { ...office, leader: "all" },
  "POST /agreement/versions/{id}/plan": { ...office, leader: "all" },
  "POST /agreement/versions/{id}/plan/cancel": { ...office, leader: "all" },
  "POST /agreement/versions/{id}/sign": { leader: "all" },
  "POST /agreement/versions/{id}/activate": { operator: "all", revops: "all", leader: "all" },
  "POST /agreement/versions": { operator: "all", revops: "all" },
  "GET /simulate": office,
  "POST /simulate": office,

  // people; absences also by the reps themselves and for the team
  "GET /roster": office,
  "POST /roster/preview": { operator: "all", revops: "all" },
  "PUT /roster": { operator: "all", revops: "all" },
  "GET /roster/reps": { ...office, manager: "all" },
  "PUT /roster/reps": { operator: "all", revops: "all" },
  "GET /roster/pools": { ...office, manager: "all" },
  "PUT /roster/pools": { operator: "all", revops: "all" },
  "GET /roster/absences": { operator: "all", revops: "all", manager: "team", rep: "own" },
  "PUT /roster/absences": { operator: "all", revops: "all", manager: "team", rep: "own" },
  "GET /roster/weeks": people,
  "POST /roster/absences": { operator: "all", revops: "all", manager: "team", rep: "own" },
  "POST /roster/absences/withdraw": { operator: "all", revops: "all", manager: "team", rep: "own" },
  "PATCH /roster/pools/{id}": { operator: "all", revops: "all" },
  "PATCH /roster/reps/{id}": { operator: "all", revops: "all" },

  // reviews; only who leads a party signs, and nobody in their place
  "GET /reviews": reviewers,
  "GET /reviews/{id}": reviewers,
  "POST /reviews/{id}/sign": { leader: "all" },
  "POST /reviews/{id}/resolutions": reviewers,
  "POST /resolutions/{id}/close": reviewers,
  "POST /resolutions/{id}/carry-on": reviewers,
  "POST /reviews/{id}/decisions": {
    operator: "all",
    revops: "all",
    marketing: "all",
    manager: "team",
  },

  // intake, imports, tracking
  "POST /leads": { ...office, crm: "all" },
  "POST /imports": office,
  "GET /imports": office,
  "GET /imports/{id}": office,
  "GET /imports/{id}/errors": office,
  "GET /imports/{id}/errors.csv": office,
  "POST /v1/track": tracking,
  "POST /v1/identify": tracking,
  "POST /v1/group": tracking,
  "POST /v1/page": tracking,
  "POST /v1/batch": tracking,
  "POST /webhooks/{source}": "public",

  // kept messages: a rep's and a manager's own
  "GET /mail": { operator: "all", revops: "all", manager: "own", rep: "own" },
  "GET /mail/{id}": { operator: "all", revops: "all", manager: "own", rep: "own" },

  // the console: what is of no request of the API; its other pages have the row of theirs
  "GET /console": everybody,
  "GET /console/me": everybody,
  "POST /console/me/sessions/{id}/end": everybody,
  "POST /console/me/keys": everybody,
  "POST /console/out": everybody,
  "GET /console/in": "public",
  "POST /console/in": "public",
  "GET /console/oidc": "public",
  "GET /console/oidc/back": "public",
  "GET /console/in/{secret}": "public",
  "POST /console/in/{secret}": "public",
  "GET /console/assets/{file}": "public",

  // the page that mails lead to: its proof is the signed link
  "GET /console/offer/{token}": "public",
  "POST /console/offer/{token}": "public",

  // the built-in CRM, as its users and machines use it; rehearsing an outage is an operator's
  "GET /house/leads": crm,
  "GET /house/leads/{id}": crm,
  "GET /house/accounts": crm,
  "GET /house/accounts/{id}": crm,
  "POST /house/accounts/{id}/status": crm,
  "POST /house/accounts/{id}/owner": crm,
  "POST /house/accounts/{id}/outreach": crm,
  "GET /house/tasks": crm,
  "GET /house/tasks/{id}": crm,
  "GET /house/notes": crm,
  "GET /house/opportunities": crm,
  "GET /house/opportunities/{id}": crm,
  "POST /house/leads": crm,
  "POST /house/leads/{id}/status": crm,
  "POST /house/leads/{id}/owner": crm,
  "PATCH /house/leads/{id}": crm,
  "POST /house/leads/{id}/outreach": crm,
  "POST /house/leads/{id}/opportunities": crm,
  "PATCH /house/opportunities/{id}": crm,
  "POST /house/leads/{id}/merge": crm,
  "DELETE /house/leads/{id}": crm,
  "POST /house/tasks/{id}/done": crm,
  "PUT /house/trouble": operator,
  "DELETE /house/trouble": operator,

  // figures: one set of numbers for both teams
  "GET /reports/conservation": { ...office, leader: "all" },
  "GET /reports/conservation.csv": { ...office, leader: "all" },
  "GET /reports": reviewers,
  ...rowsOfReports(),

  // operation
  "GET /system": { operator: "all", revops: "all" },
  "GET /healthz": "public",
  "GET /readyz": "public",
  "GET /metrics": "public",
  "GET /openapi.json": "public",
  "GET /docs": "public",
  "GET /docs.js": "public",
};

export const authorisation: Readonly<Record<string, Row>> = { ...requests, ...rowsOfPages() };

/** How far a role reaches on a route; undefined when it may not use it. */
export function scopeOf(route: string, role: Role): Scope | undefined {
  const row = authorisation[route];
  return row === undefined || row === "public" ? undefined : row[role];
}

/** A page may be opened by whoever may send the request that it shows, and reaches as far. */
function rowsOfPages(): Record<string, Row> {
  return Object.fromEntries(
    Object.entries(pages).map(([page, request]) => {
      const row = requests[request];
      if (row === undefined || row === "public")
        throw new Error(`${page} shows ${request}, which is no request with a row of roles`);
      return [page, row];
    }),
  );
}

/**
 * Figures are for both teams; those about single people for revops and leaders, and for
 * managers their team's.
 */
function rowsOfReports(): Record<string, Row> {
  return Object.fromEntries(
    reports.flatMap(({ name, readers, picture }) => {
      const row: Row =
        readers === "both teams"
          ? reviewers
          : { operator: "all", revops: "all", leader: "all", manager: "team" };
      return [
        [`GET /reports/${name}`, row],
        [`GET /reports/${name}.csv`, row],
        ...(picture === null ? [] : [[`GET /reports/${name}.svg`, row] as const]),
      ];
    }),
  );
}
