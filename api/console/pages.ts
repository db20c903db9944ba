import { actions, type ActionName } from "../../handoff/stage.ts";
import { accountActions, actionPlaces, type AccountAction } from "../action-places.ts";

/** The actions that ask for something more than a click, each with a page of its own. */
export const withForm: readonly ActionName[] = [
  "reject",
  "logOutreach",
  "handBack",
  "advance",
  "reassign",
  "pause",
];

/** Of an account's those with a page of their own; the others are answered on its page. */
export const accountForms: readonly AccountAction[] = ["advance", "reassign", "pause"];

/**
 * Which request of the API each page shows and each form sends. Who may do that may open the page,
 * and reaches as far: the authorisation table takes the row of the request.
 */
export const pages: Readonly<Record<string, string>> = {
  "GET /console/queue": "GET /queue",
  "GET /console/leads": "GET /leads",
  "GET /console/leads/{id}": "GET /leads/{id}",
  "GET /console/leads/{id}/facts": "PATCH /leads/{id}",
  "POST /console/leads/{id}/facts": "PATCH /leads/{id}",
  "POST /console/leads/{id}/reopen": "POST /leads/{id}/reopen",
  ...ofActions(),
  "GET /console/board": "GET /board",
  "GET /console/board/{list}": "GET /board/{list}",
  "GET /console/tasks": "GET /tasks",
  "POST /console/tasks/{id}/done": "POST /tasks/{id}/done",
  "POST /console/tasks/{id}/facts": "PATCH /leads/{id}",
  "POST /console/tasks/{id}/conflict-decision": "POST /tasks/{id}/conflict-decision",
  "GET /console/system": "GET /system",
  "GET /console/live": "GET /queue",
  "GET /console/imports": "GET /imports",
  "POST /console/imports": "POST /imports",
  "GET /console/imports/{id}": "GET /imports/{id}",
  "GET /console/imports/{id}/errors.csv": "GET /imports/{id}/errors.csv",
  "GET /console/simulate": "GET /simulate",
  "POST /console/simulate": "POST /simulate",
  "GET /console/roster": "GET /roster/weeks",
  "POST /console/roster/absences": "POST /roster/absences",
  "POST /console/roster/absences/withdraw": "POST /roster/absences/withdraw",
  "GET /console/roster/pools/{id}": "PATCH /roster/pools/{id}",
  "POST /console/roster/pools/{id}": "PATCH /roster/pools/{id}",
  "GET /console/roster/reps/{id}": "PATCH /roster/reps/{id}",
  "POST /console/roster/reps/{id}": "PATCH /roster/reps/{id}",
  "GET /console/accounts": "GET /accounts",
  "GET /console/accounts/{id}": "GET /accounts/{id}",
  ...ofAccountActions(),
  "POST /console/accounts/{id}/aliases": "POST /accounts/{id}/aliases",
  "GET /console/accounts/{id}/merge": "POST /accounts/{id}/merge",
  "POST /console/accounts/{id}/merge": "POST /accounts/{id}/merge",
  "GET /console/leads/{id}/move-account": "POST /leads/{id}/move-account",
  "POST /console/leads/{id}/move-account": "POST /leads/{id}/move-account",
  "GET /console/figures": "GET /reports/funnel",
  // A report about single people asks for the row of its own request besides.
  "GET /console/reports/{name}": "GET /reports",
  "GET /console/reports/{name}/picture": "GET /reports",
  "GET /console/reports/{name}/table": "GET /reports",
  "GET /console/reviews": "GET /reviews",
  "GET /console/reviews/{id}": "GET /reviews/{id}",
  "GET /console/reviews/{id}/pictures/{section}": "GET /reviews/{id}",
  "POST /console/reviews/{id}/sign": "POST /reviews/{id}/sign",
  "POST /console/reviews/{id}/resolutions": "POST /reviews/{id}/resolutions",
  "POST /console/reviews/{id}/decisions": "POST /reviews/{id}/decisions",
  "POST /console/resolutions/{id}/close": "POST /resolutions/{id}/close",
  "POST /console/resolutions/{id}/carry-on": "POST /resolutions/{id}/carry-on",
  "GET /console/agreement": "GET /agreement",
  "GET /console/agreement/draft": "POST /agreement/versions/propose",
  "POST /console/agreement/draft": "POST /agreement/versions/propose",
  "GET /console/agreement/versions/{id}": "GET /agreement/versions/{id}",
  "POST /console/agreement/versions/{id}/plan": "POST /agreement/versions/{id}/plan",
  "POST /console/agreement/versions/{id}/plan/cancel": "POST /agreement/versions/{id}/plan/cancel",
  "POST /console/agreement/versions/{id}/sign": "POST /agreement/versions/{id}/sign",
  "POST /console/agreement/versions/{id}/activate": "POST /agreement/versions/{id}/activate",
  "POST /console/agreement/versions/{id}/rollback": "POST /agreement/versions/{id}/rollback",
};

/** Every action has its form's address; those that ask for more than a click a page there, too. */
function ofActions(): Record<string, string> {
  return Object.fromEntries(
    actions.flatMap((name) => {
      const request = `POST /leads/{id}/${actionPlaces[name]}`;
      const page = `/console/leads/{id}/${actionPlaces[name]}`;
      return [
        [`POST ${page}`, request],
        ...(withForm.includes(name) ? [[`GET ${page}`, request] as const] : []),
      ];
    }),
  );
}

/** The same of the actions on an account's handoff. */
function ofAccountActions(): Record<string, string> {
  return Object.fromEntries(
    accountActions.flatMap((name) => {
      const place = `/accounts/{id}/${actionPlaces[name]}`;
      return [
        [`POST /console${place}`, `POST ${place}`],
        ...(accountForms.includes(name)
          ? [[`GET /console${place}`, `POST ${place}`] as const]
          : []),
      ];
    }),
  );
}
