import { capital } from "../../messages/words.ts";
import type { FC } from "hono/jsx";
import { stages, type Stage } from "../../handoff/stage.ts";
import { called } from "../../words/called.ts";
import { stageWords } from "../../words/actions.ts";
import { sayAsked, sayQueue } from "../../words/asked.ts";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { asDescribed } from "../http/errors.ts";
import { listQuery, readLeads } from "../leads.ts";
import { filtersOf, type ListFilters } from "./filters.ts";
import { Changes } from "./live.tsx";
import { frameOf, Page, show, type Frame } from "./page.tsx";
import { Clock, Moment, rowClass, type ReadAt } from "./parts/clock.tsx";
import { List, More } from "./parts/list.tsx";
import { paths, withQuery } from "./paths.ts";

/** GET /console/leads: where a lead is. The filters are the address. */
export function leadsPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.leads, async (c) => {
    const given = filtersOf(c, known);
    const query = asDescribed(listQuery, given);
    const [page, frame] = await Promise.all([readLeads(deps, c, query), frameOf(deps, c)]);
    const reading = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
    return show(c, <LeadsPage page={page} given={given} frame={frame} reading={reading} />);
  });
  return routes;
}

const known = ["q", "stage", "waitingOn", "owner", "overdue", "dueBefore", "sort", "cursor", "ids"];

const LeadsPage: FC<{
  readonly page: Awaited<ReturnType<typeof readLeads>>;
  readonly given: ListFilters;
  readonly frame: Frame;
  readonly reading: ReadAt;
}> = ({ page, given, frame, reading }) => {
  const { cursor, ...filters } = given;
  return (
    <Page title="Leads" frame={frame}>
      <h1>Leads</h1>
      <form method="get" action={paths.leads} class="filters" role="search">
        <span class="field">
          <label for="q">Id, e-mail address or domain</label>
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
          <label for="stage">Stage</label>
          <select id="stage" name="stage">
            <option value="">any</option>
            {stages.map((stage) => (
              <option value={stage} selected={given["stage"] === stage}>
                {stageWords[stage]}
              </option>
            ))}
          </select>
        </span>
        <span class="field">
          <label for="overdue">Deadline</label>
          <select id="overdue" name="overdue">
            <option value="">any</option>
            <option value="true" selected={given["overdue"] === "true"}>
              late
            </option>
            <option value="false" selected={given["overdue"] === "false"}>
              not late
            </option>
          </select>
        </span>
        <span class="field">
          <label for="sort">Order</label>
          <select id="sort" name="sort">
            <option value="">newest first</option>
            <option value="due" selected={given["sort"] === "due"}>
              earliest due first
            </option>
          </select>
        </span>
        <button class="main">Show</button>
      </form>
      <Changes frame={frame} page={withQuery(paths.leads, given)} />
      {given["ids"] === undefined ? null : (
        <p class="lead">
          The leads that a report counts. <a href={paths.leads}>All leads</a>
        </p>
      )}
      {page.items.length === 0 ? (
        <p>
          {Object.keys(filters).length === 0
            ? "No leads yet. They come by form, import, tracking or the CRM."
            : "No lead is like that. Names are not searched; an id, the beginning of an e-mail address, and a domain are."}
        </p>
      ) : (
        <List caption="Leads" heads={["Lead", "Stage", "With", "Due", "Arrived"]}>
          {page.items.map((lead) => (
            <tr id={lead.id} data-row class={rowClass(lead.due, reading.now)}>
              <td class="who">
                <a href={paths.lead(lead.id)} data-key="Enter">
                  <bdi>{whomOf(lead)}</bdi>
                </a>
                <bdi class="more dim">
                  {[
                    lead.account === whomOf(lead) ? null : lead.account,
                    lead.leadType,
                    lead.band && `band ${lead.band}`,
                    lead.source,
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </bdi>
              </td>
              <td>
                {capital(stageWords[lead.stage as Stage])}
                <span class="more dim">{sayAsked({ waitingOn: lead.waitingOn, task: null })}</span>
              </td>
              <td class="dim">{lead.ownerName ?? lead.owner ?? sayQueue(lead) ?? ""}</td>
              <td data-urgency>
                {lead.due === null ? null : <Clock due={lead.due} reading={reading} />}
              </td>
              <td data-label="arrived">
                <Moment at={lead.arrivedAt} reading={reading} />
              </td>
            </tr>
          ))}
        </List>
      )}
      <More path={paths.leads} query={filters} next={page.next} isFirst={cursor === undefined} />
    </Page>
  );
};

function whomOf(lead: Awaited<ReturnType<typeof readLeads>>["items"][number]): string {
  return called({ ...lead, domain: lead.account });
}
