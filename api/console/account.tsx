import type { Context } from "hono";
import type { FC } from "hono/jsx";
import type { Stage } from "../../handoff/stage.ts";
import { capital, spoken } from "../../messages/words.ts";
import { called } from "../../words/called.ts";
import { sayEngaged, sayPlaced } from "../../words/account.ts";
import { stageWords } from "../../words/actions.ts";
import { sayQueue } from "../../words/asked.ts";
import { sayMoment } from "../../words/clock.ts";
import { accountActions, actionPlaces } from "../action-places.ts";
import {
  aliasBody,
  giveName,
  mergeBody,
  mergeInto,
  moveBody,
  moveToAccount,
  readAccount,
  readAccounts,
} from "../accounts.ts";
import { readAccountClocks } from "../clocks.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { asDescribed, type Problem } from "../http/errors.ts";
import { readLead } from "../leads.ts";
import { answerForAccount, OwnHandoff, showAccountForm } from "./account-handoff.tsx";
import { accountName, leadName, ownerOfHandoff } from "./done.tsx";
import { Hidden, once, orAgain, readForm, statusOf, type Form } from "./form.tsx";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { Moment, type ReadAt } from "./parts/clock.tsx";
import { Clocks } from "./parts/ledger.tsx";
import { FactList } from "./parts/facts.tsx";
import { Field, NotDone, NotDoneAbove } from "./parts/field.tsx";
import { looksAt, Trace } from "./parts/trace.tsx";
import { accountForms } from "./pages.ts";
import { backTo, paths, withQuery } from "./paths.ts";

type Account = Awaited<ReturnType<typeof readAccount>>;

/** What the address says was done here, in words. */
const doneWords: Readonly<Record<string, string>> = {
  name: "Taken in: leads that come under that name belong here from now on.",
  merged: "They are one account now.",
  moved: "The lead was moved.",
  logOutreach: "The attempt is logged.",
  accept: "Accepted.",
  reject: "Rejected.",
  handBack: "Handed back.",
  advance: "Advanced.",
  reassign: "Given away.",
  pause: "Its clocks stand still.",
  resume: "Its clocks run on.",
  decideContest: "Decided.",
};

/** GET /console/accounts/{id}, and what RevOps and marketing may put right about accounts. */
export function accountPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get("/console/accounts/:id", (c) => showAccount(deps, c, c.req.param("id"), null));
  routes.post("/console/accounts/:id/aliases", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const { kind = "", name = "" } = form.fields;
    const field = kind === "crmId" ? "crmId" : "domain";
    return orAgain(
      () =>
        once(deps, c, form, async () => {
          await giveName(deps, c, id, asDescribed(aliasBody, { [field]: name }));
          return withQuery(paths.account(id), { saved: "name" });
        }),
      (problem) => showAccount(deps, c, id, { problem, given: form.fields }),
    );
  });
  for (const name of accountActions) {
    const place = `/console/accounts/:id/${actionPlaces[name]}` as const;
    if (accountForms.includes(name))
      routes.get(place, (c) => showAccountForm(deps, c, name, c.req.param("id") ?? ""));
    routes.post(place, async (c) => {
      const id = c.req.param("id") ?? "";
      return orAgain(
        () => answerForAccount(deps, c, name, id),
        (problem) => showAccount(deps, c, id, { problem, given: {} }),
      );
    });
  }
  routes.get("/console/accounts/:id/merge", (c) => showMerge(deps, c, c.req.param("id"), null));
  routes.post("/console/accounts/:id/merge", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    return orAgain(
      () =>
        once(deps, c, form, async () => {
          const { other } = asDescribed(mergeBody, { other: form.fields["other"] });
          await mergeInto(deps, c, id, other);
          return withQuery(paths.account(id), { saved: "merged" });
        }),
      (problem) => showMerge(deps, c, id, problem),
    );
  });
  routes.get("/console/leads/:id/move-account", (c) =>
    showMove(deps, c, c.req.param("id"), null, {}),
  );
  routes.post("/console/leads/:id/move-account", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    return orAgain(
      () =>
        once(deps, c, form, async () => {
          const to = form.fields["to"] ?? "";
          const body = to.startsWith("ac_") ? { account: to } : { domain: to };
          const { account } = await moveToAccount(deps, c, id, asDescribed(moveBody, body));
          return withQuery(paths.account(account), { saved: "moved" });
        }),
      (problem) => showMove(deps, c, id, problem, form.fields),
    );
  });
  return routes;
}

/** A form of the page that was refused. */
interface Refused {
  readonly problem: Problem;
  readonly given: Form["fields"];
}

async function showAccount(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  refused: Refused | null,
): Promise<Response> {
  const [account, frame] = await Promise.all([
    readAccount(deps, asking(c, "GET /accounts/{id}"), id),
    frameOf(deps, c),
  ]);
  const clocks =
    account.handoff === null || account.mergedInto !== null
      ? []
      : await readAccountClocks(deps, asking(c, "GET /accounts/{id}/clocks"), id);
  const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  const saved = refused === null ? doneWords[c.req.query("saved") ?? ""] : undefined;
  return show(
    c,
    <AccountPage {...{ account, clocks, frame, reading, refused, saved }} />,
    statusOf(refused?.problem ?? null),
  );
}

interface AccountProps {
  readonly account: Account;
  /** Of its own handoff. */
  readonly clocks: Awaited<ReturnType<typeof readAccountClocks>>;
  readonly frame: Frame;
  readonly reading: ReadAt;
  readonly refused: Refused | null;
  readonly saved: string | undefined;
}

const AccountPage: FC<AccountProps> = ({ account, clocks, frame, reading, refused, saved }) => {
  const name = accountName(account);
  const { role } = frame.caller;
  // Clocks of earlier offers are over; these still count.
  const current = clocks.filter(
    ({ round }) => round === 0 || round === account.handoff?.seen.round,
  );
  const mayName = scopeOf("POST /accounts/{id}/aliases", role) !== undefined;
  const mayMerge = scopeOf("POST /accounts/{id}/merge", role) !== undefined;
  const mayMove = scopeOf("POST /leads/{id}/move-account", role) !== undefined;
  return (
    <Page title={name} frame={frame} status={saved}>
      <p class="dim">
        <a href={paths.accounts} data-key="u">
          Accounts
        </a>
      </p>
      <h1>
        <bdi>{name}</bdi>
      </h1>
      {account.mergedInto === null ? null : (
        <p class="notice">
          {"It is part of "}
          <a href={paths.account(account.mergedInto)}>another account</a>
          {" now: its leads and names are there."}
        </p>
      )}
      {account.mergedInto === null ? (
        <Standing account={account} me={frame.caller.repId} reading={reading} />
      ) : null}
      <div class="columns">
        <div>
          {account.mergedInto === null ? (
            <>
              {account.handoff === null ? null : (
                <section aria-labelledby="own">
                  <h2 id="own">Its handoff</h2>
                  {refused === null || isOfNames(refused) ? null : (
                    <NotDone problem={refused.problem} />
                  )}
                  <OwnHandoff
                    account={account.id}
                    handoff={account.handoff}
                    who={whoHas(account, frame.caller.repId)}
                    reading={reading}
                  />
                  {current.length === 0 ? null : (
                    <Clocks
                      clocks={current}
                      reading={reading}
                      me={frame.caller.repId}
                      of="account"
                    />
                  )}
                </section>
              )}
              <section aria-labelledby="warm">
                <h2 id="warm">How warm</h2>
                <Score account={account} reading={reading} />
              </section>
              <section aria-labelledby="people">
                <h2 id="people">People</h2>
                <People {...{ account, reading, mayMove }} me={frame.caller.repId} />
              </section>
            </>
          ) : null}
          {account.handoffs.length === 0 ? null : (
            <section aria-labelledby="handoffs">
              <h2 id="handoffs">Handoffs</h2>
              <Handoffs account={account} me={frame.caller.repId} reading={reading} />
            </section>
          )}
        </div>
        <aside>
          <h2>Known</h2>
          {Object.keys(account.facts).length === 0 ? (
            <p class="dim">Nothing but its domain.</p>
          ) : (
            <FactList facts={account.facts} missing={[]} reading={reading} />
          )}
          <h2>Names</h2>
          <Names account={account} />
          {mayName && account.mergedInto === null ? (
            <NameForm account={account.id} refused={isOfNames(refused) ? refused : null} />
          ) : null}
          {mayMerge && account.mergedInto === null ? (
            <p>
              <a class="button" href={paths.mergeAccounts(account.id)}>
                Merge another into it…
              </a>
            </p>
          ) : null}
        </aside>
      </div>
    </Page>
  );
};

/** Whether what was refused is the form of names. */
function isOfNames(refused: Refused | null): boolean {
  return refused !== null && "name" in refused.given;
}

/** Who has the account's own handoff, or what it waits for. */
function whoHas(account: Account, me: string | null): string {
  const owner = ownerOfHandoff(account);
  if (owner !== null) return staff(owner.id, owner.name, me);
  const queue = account.handoff === null ? null : sayQueue(account.handoff);
  return queue === null ? "with nobody" : `in the ${queue}`;
}

/** "northwind.example, tier 1, with Kim R. Flagged since Mon 09:00." */
const Standing: FC<{
  readonly account: Account;
  readonly me: string | null;
  readonly reading: ReadAt;
}> = ({ account, me, reading }) => {
  const { domain, tier, owner, ownerName, flags } = account;
  const flag = flags.find(({ endedAt }) => endedAt === null);
  const parts = [
    domain === null ? "known by no domain" : domain === accountName(account) ? null : domain,
    tier === null ? null : `tier ${tier}`,
    account.handoff?.owner != null
      ? whoHas(account, me)
      : owner === null
        ? "with nobody in sales yet"
        : staff(owner, ownerName, me),
  ].filter((part) => part !== null);
  return (
    <p class="standing">
      <bdi>{`${parts.join(", ")}.`}</bdi>
      {flag === undefined ? null : (
        <>
          {" "}
          <strong>Flagged</strong>
          {` since ${sayMoment(Date.parse(flag.raisedAt), reading.now, reading.zone)}: ${people(flag.contacts)} had engaged.`}
        </>
      )}
    </p>
  );
};

function people(n: number): string {
  return `${n} ${n === 1 ? "person" : "people"}`;
}

/** Whether the account counts as engaged and why, rule by rule. */
const Score: FC<{ readonly account: Account; readonly reading: ReadAt }> = ({
  account: { score },
  reading,
}) => {
  if (score === null)
    return <p>The agreement has no rules for accounts, so none is engaged or flagged.</p>;
  const lines = looksAt(score.trace);
  const held = lines.filter(({ result }) => result === true).length;
  const until =
    score.changesAt === null
      ? ""
      : ` ${score.engaged ? "Without more of it this ends" : "It is judged again"} ${sayMoment(Date.parse(score.changesAt), reading.now, reading.zone)}.`;
  return (
    <>
      <p>
        {`${sayEngaged(score)}. Intent ${rounded(score.intent)} over the people below.${until}`}
      </p>
      {lines.length === 0 ? null : (
        <details open>
          <summary>
            {`What the agreement asks of the company before it is flagged: ${held} of ${lines.length} hold`}
          </summary>
          <Trace lines={lines} reading={reading} />
        </details>
      )}
    </>
  );
};

const People: FC<{
  readonly account: Account;
  readonly me: string | null;
  readonly mayMove: boolean;
  readonly reading: ReadAt;
}> = ({ account, me, mayMove, reading }) =>
  account.people.length === 0 ? (
    <p>Nobody is here any more. Who comes next under its domain belongs to it.</p>
  ) : (
    <table class="cards" aria-labelledby="people" data-list>
      <thead>
        <tr>
          <th scope="col">Person</th>
          <th scope="col">Stage</th>
          <th scope="col">Engaged</th>
          {mayMove ? <th scope="col">Act</th> : null}
        </tr>
      </thead>
      <tbody>
        {account.people.map((one) => (
          <tr data-row>
            <td class="who">
              <a href={paths.lead(one.id)} data-key="Enter">
                <bdi>{called(one)}</bdi>
              </a>
              <bdi class="more dim">
                {[one.title, sayPlaced(one.placedBy)].filter(Boolean).join(" · ")}
              </bdi>
            </td>
            <td>
              {capital(stageWords[one.stage as Stage])}
              <span class="more dim">{staff(one.owner, one.ownerName, me)}</span>
            </td>
            <td>
              {one.depth === null ? (
                <span class="dim">
                  {one.lastEngagedAt === null ? "not yet" : "nothing that counts"}
                </span>
              ) : (
                `${one.depth} depth, intent ${rounded(one.intent)}`
              )}
              <span class="more">
                {one.lastEngagedAt === null ? null : (
                  <Moment at={one.lastEngagedAt} reading={reading} />
                )}
              </span>
            </td>
            {mayMove ? (
              <td class="acts">
                <a
                  class="button"
                  href={withQuery(paths.moveAccount(one.id), { back: paths.account(account.id) })}
                  aria-label={`Move… ${called(one)}`}
                >
                  Move…
                </a>
              </td>
            ) : null}
          </tr>
        ))}
      </tbody>
    </table>
  );

function staff(id: string | null, name: string | null, me: string | null): string {
  if (id === null) return "";
  return `with ${id === me ? "you" : (name ?? id)}`;
}

function rounded(intent: number): string {
  return String(Math.round(intent * 10) / 10);
}

const Handoffs: FC<{
  readonly account: Account;
  readonly me: string | null;
  readonly reading: ReadAt;
}> = ({ account, me, reading }) => (
  <table class="cards" aria-labelledby="handoffs">
    <thead>
      <tr>
        <th scope="col">Since</th>
        <th scope="col">Lead</th>
        <th scope="col">Type</th>
        <th scope="col">Outcome</th>
      </tr>
    </thead>
    <tbody>
      {account.handoffs.map((one) => (
        <tr>
          <td>
            <Moment at={one.mqlAt} reading={reading} />
          </td>
          <td class="who">
            {one.lead === null ? (
              <span>the account itself</span>
            ) : (
              <a href={paths.lead(one.lead)}>
                <bdi>
                  {called(account.people.find(({ id }) => id === one.lead) ?? { id: one.lead })}
                </bdi>
              </a>
            )}
          </td>
          <td data-label="Type">{one.leadType === null ? "imported" : spoken(one.leadType)}</td>
          <td>
            {one.outcome === null ? one.state : spoken(one.outcome)}
            <span class="more dim">{staff(one.rep, one.repName, me)}</span>
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

const Names: FC<{ readonly account: Account }> = ({ account: { domain, names } }) => {
  const others = names.filter(({ name }) => name !== domain);
  return others.length === 0 ? (
    <p class="dim">{domain === null ? "None." : "None but its domain."}</p>
  ) : (
    <ul class="names">
      {others.map(({ kind, name }) => (
        <li>
          {kind === "account" ? <a href={paths.account(name)}>{name}</a> : <bdi>{name}</bdi>}{" "}
          <span class="dim">{kindWords[kind]}</span>
        </li>
      ))}
    </ul>
  );
};

const kindWords: Readonly<Record<Account["names"][number]["kind"], string>> = {
  domain: "domain",
  crm: "id in the CRM",
  account: "account that became part of it",
};

const NameForm: FC<{ readonly account: string; readonly refused: Refused | null }> = ({
  account,
  refused,
}) => (
  <details open={refused !== null}>
    <summary>Add a name</summary>
    <form method="post" action={paths.aliases(account)} class="fields">
      <Hidden />
      <NotDoneAbove problem={refused?.problem ?? null} unless={["domain", "crmId"]} />
      <div class="field">
        <label for="kind">What it is</label>
        <select id="kind" name="kind">
          <option value="domain">another domain</option>
          <option value="crmId" selected={refused?.given["kind"] === "crmId"}>
            an id in the CRM
          </option>
        </select>
      </div>
      <Field
        name="name"
        label="Name"
        value={refused?.given["name"]}
        refused={refused?.problem ?? null}
        as={["domain", "crmId"]}
        maxlength={300}
        required
      />
      <p>
        <button class="main">Add it</button>
      </p>
    </form>
  </details>
);

/** GET /console/accounts/{id}/merge: another account is looked for, and its button merges it. */
async function showMerge(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  problem: Problem | null,
): Promise<Response> {
  const q = c.req.query("q")?.trim() ?? "";
  const [account, frame, found] = await Promise.all([
    readAccount(deps, asking(c, "GET /accounts/{id}"), id),
    frameOf(deps, c),
    q === "" ? null : readAccounts(deps, asking(c, "GET /accounts"), { q: q.slice(0, 200) }),
  ]);
  const others = found?.items.filter((one) => one.id !== account.id) ?? [];
  const name = accountName(account);
  return show(
    c,
    <Page title={`Merge into ${name}`} frame={frame}>
      <div class="choose">
        <p class="dim">
          <a href={paths.account(id)} data-key="u">
            Back
          </a>
        </p>
        <h1>
          {"Merge into "}
          <bdi>{name}</bdi>
        </h1>
        <p class="lead">
          The other account's people and names come here. Who works on its leads goes on with them.
          It cannot be taken back.
        </p>
        <NotDone problem={problem} />
        <form method="get" action={paths.mergeAccounts(id)} class="filters" role="search">
          <span class="field">
            <label for="q">Which other: beginning of its name or domain, or its id</label>
            <input
              id="q"
              name="q"
              type="search"
              value={q}
              data-key="/"
              maxlength={200}
              autofocus={q === ""}
            />
          </span>
          <button>Look for it</button>
        </form>
        {found === null ? null : others.length === 0 ? (
          <p>No other account is like that.</p>
        ) : (
          <form method="post" action={paths.mergeAccounts(id)}>
            <Hidden />
            <ul class="answers">
              {others.map((one) => (
                <li>
                  <button name="other" value={one.id}>
                    {"Merge "}
                    <strong>
                      <bdi>{called(one)}</bdi>
                    </strong>{" "}
                    <bdi class="dim">
                      {[
                        one.name === null ? null : (one.domain ?? one.id),
                        one.contacts === 0
                          ? "nobody engaged yet"
                          : `${people(one.contacts)} engaged`,
                      ]
                        .filter(Boolean)
                        .join(", ")}
                    </bdi>
                  </button>
                </li>
              ))}
            </ul>
          </form>
        )}
      </div>
    </Page>,
    statusOf(problem),
  );
}

/** GET /console/leads/{id}/move-account: to which company somebody belongs instead. */
async function showMove(
  deps: AppDeps,
  c: Context<AppEnv>,
  id: string,
  problem: Problem | null,
  given: Form["fields"],
): Promise<Response> {
  const [lead, frame] = await Promise.all([
    readLead(deps, asking(c, "GET /leads/{id}"), id),
    frameOf(deps, c),
  ]);
  const name = leadName(lead);
  const back = backTo(given["back"] ?? c.req.query("back"), paths.lead(id));
  const now = lead.account;
  return show(
    c,
    <Page title={`Move ${name}`} frame={frame}>
      <div class="choose">
        <p class="dim">
          <a href={back} data-key="u">
            Back
          </a>
        </p>
        <h1>
          {"Move "}
          <bdi>{name}</bdi>
        </h1>
        <p class="lead">
          {now === null ? "Not at any company yet." : `Now at ${now.domain ?? now.id}.`}
          {
            " An open handoff stays with who has it; from then on only a person or the CRM moves the lead."
          }
        </p>
        <NotDoneAbove problem={problem} unless={["account", "domain"]} />
        <form method="post" action={paths.moveAccount(id)} class="fields">
          <Hidden back={back} />
          <Field
            name="to"
            label="The company's domain, or the account's id"
            value={given["to"]}
            refused={problem}
            as={["account", "domain"]}
            maxlength={255}
            hint="An account that is not there yet is made for a domain such as company.com."
            required
          />
          <p>
            <button class="main">Move it there</button>
          </p>
        </form>
      </div>
    </Page>,
    statusOf(problem),
  );
}
