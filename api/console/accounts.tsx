import type { FC } from "hono/jsx";
import { called } from "../../words/called.ts";
import { sayDay } from "../../words/clock.ts";
import { accountsQuery, readAccounts } from "../accounts.ts";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { asDescribed } from "../http/errors.ts";
import { filtersOf, type ListFilters } from "./filters.ts";
import { frameOf, Page, show, type Frame } from "./page.tsx";
import type { ReadAt } from "./parts/clock.tsx";
import { List, More } from "./parts/list.tsx";
import { paths } from "./paths.ts";

type Accounts = Awaited<ReturnType<typeof readAccounts>>;

/** GET /console/accounts: where an account is, and how warm. The filters are the address. */
export function accountsPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.accounts, async (c) => {
    const given = filtersOf(c, ["q", "flagged", "tier", "cursor", "ids"]);
    const query = asDescribed(accountsQuery, given);
    const [page, frame] = await Promise.all([readAccounts(deps, c, query), frameOf(deps, c)]);
    const reading = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
    return show(c, <AccountsPage page={page} given={given} frame={frame} reading={reading} />);
  });
  return routes;
}

const tiers = ["1", "2", "3", "4"];

const AccountsPage: FC<{
  readonly page: Accounts;
  readonly given: ListFilters;
  readonly frame: Frame;
  readonly reading: ReadAt;
}> = ({ page, given, frame, reading }) => {
  const { cursor, ...filters } = given;
  return (
    <Page title="Accounts" frame={frame}>
      <h1>Accounts</h1>
      <form method="get" action={paths.accounts} class="filters" role="search">
        <span class="field">
          <label for="q">Beginning of a name or domain, or an id</label>
          <input
            id="q"
            name="q"
            type="search"
            value={given["q"] ?? ""}
            data-key="/"
            maxlength={200}
          />
        </span>
        <span class="field">
          <label for="flagged">Flag</label>
          <select id="flagged" name="flagged">
            <option value="">any</option>
            <option value="true" selected={given["flagged"] === "true"}>
              flagged
            </option>
            <option value="false" selected={given["flagged"] === "false"}>
              not flagged
            </option>
          </select>
        </span>
        <span class="field">
          <label for="tier">Tier</label>
          <select id="tier" name="tier">
            <option value="">any</option>
            {[...new Set([...tiers, ...(given["tier"] === undefined ? [] : [given["tier"]])])].map(
              (tier) => (
                <option value={tier} selected={given["tier"] === tier}>
                  {tier}
                </option>
              ),
            )}
          </select>
        </span>
        <button class="main">Show</button>
      </form>
      {given["ids"] === undefined ? null : (
        <p class="lead">
          The accounts that a report counts. <a href={paths.accounts}>All accounts</a>
        </p>
      )}
      {page.items.length === 0 ? (
        <p>{whyNone(frame, Object.keys(filters).length > 0)}</p>
      ) : (
        <List caption="Accounts, the newest first" heads={["Account", "Engaged", "Tier", "Flag"]}>
          {page.items.map((account) => (
            <tr data-row>
              <td class="who">
                <a href={paths.account(account.id)} data-key="Enter">
                  <bdi>{called(account)}</bdi>
                </a>
                <bdi class="more dim">
                  {account.domain === null
                    ? "known by no domain"
                    : account.name === null
                      ? "its name is not known"
                      : account.domain}
                </bdi>
              </td>
              <td>
                {account.engaged ? (
                  <>
                    <strong>engaged</strong>
                    {`, ${peopleOf(account.contacts)}`}
                  </>
                ) : (
                  <span class="dim">{peopleOf(account.contacts)}</span>
                )}
              </td>
              <td data-label="Tier">{account.tier === null ? "" : String(account.tier)}</td>
              <td>
                {account.flag === null ? (
                  ""
                ) : (
                  <>
                    <strong>flagged</strong>
                    <span class="dim">
                      {` since ${sayDay(Date.parse(account.flag.raisedAt), reading.now, reading.zone)}`}
                    </span>
                  </>
                )}
              </td>
            </tr>
          ))}
        </List>
      )}
      <More path={paths.accounts} query={filters} next={page.next} isFirst={cursor === undefined} />
    </Page>
  );
};

function peopleOf(contacts: number): string {
  if (contacts === 0) return "nobody yet";
  return `${contacts} ${contacts === 1 ? "person" : "people"}`;
}

function whyNone({ caller }: Frame, isNarrowed: boolean): string {
  if (isNarrowed)
    return "No account is like that. A name or domain is found by its beginning, another domain of it as a whole.";
  if (caller.role === "rep") return "No account yet. Those of your leads appear here.";
  if (caller.role === "manager") return "No account yet. Those of your people's leads appear here.";
  return "No accounts yet. One comes with the first lead that has a company's domain.";
}
