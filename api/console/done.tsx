import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { called } from "../../words/called.ts";
import { isDone } from "../../words/actions.ts";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { readAccount } from "../accounts.ts";
import { asProblem } from "../http/errors.ts";
import { readLead } from "../leads.ts";
import { asking } from "./page.tsx";
import { Clock, type ReadAt } from "./parts/clock.tsx";
import { paths } from "./paths.ts";
import { sayStanding } from "./parts/standing.ts";

type Lead = Awaited<ReturnType<typeof readLead>>;

/** A lead or account that an action was just done to, as it stands now. */
export interface Done {
  readonly path: string;
  readonly name: string;
  readonly standing: Parameters<typeof sayStanding>[0];
  readonly due: string | null;
}

/** What the address says was done, with what it was done to as it stands; null when it says nothing. */
export async function doneHere(deps: ApiDeps, c: Context<AppEnv>): Promise<Done | null> {
  const action = c.req.query("did");
  const id = c.req.query("to");
  if (action === undefined || id === undefined || !isDone(action)) return null;
  try {
    if (id.startsWith("ac_")) {
      const account = await readAccount(deps, asking(c, "GET /accounts/{id}"), id);
      const { handoff } = account;
      if (handoff === null) return null;
      const standing = { ...handoff, owner: ownerOfHandoff(account) };
      const path = paths.account(account.id);
      return { path, name: accountName(account), standing, due: handoff.dueAt };
    }
    const lead = await readLead(deps, asking(c, "GET /leads/{id}"), id);
    return { path: paths.lead(lead.id), name: leadName(lead), standing: lead, due: lead.due };
  } catch (error) {
    // It went out of the reader's reach by what was done.
    if (asProblem(error)?.status === 404) return null;
    throw error;
  }
}

/** Says how it stands since. */
export const DoneNotice: FC<{
  readonly done: Done;
  readonly reading: ReadAt;
  readonly me: string | null;
}> = ({ done, reading, me }) => {
  const { path, name, standing, due } = done;
  return (
    <>
      <a href={path}>
        <bdi>{name}</bdi>
      </a>
      {`: ${sayStanding(standing, me)}.`}
      {due === null ? null : (
        <>
          {" Due "}
          <Clock due={due} reading={reading} />.
        </>
      )}
    </>
  );
};

/** What a lead is called on its pages. */
export function leadName({ id, facts, accountFacts, account }: Lead): string {
  const text = (path: string) => {
    const value = facts[path]?.value ?? accountFacts[path]?.value;
    return typeof value === "string" && value !== "" ? value : null;
  };
  const parts = [text("lead.firstName"), text("lead.lastName")].filter((part) => part !== null);
  const name = text("lead.name") ?? parts.join(" ");
  const [email, company] = [text("lead.email"), text("account.name")];
  return called({ id, name, email, company, domain: account?.domain ?? null });
}

type Account = Awaited<ReturnType<typeof readAccount>>;

/** What an account is called on its pages. */
export function accountName({
  id,
  domain,
  facts,
}: Pick<Account, "id" | "domain" | "facts">): string {
  const name = facts["account.name"]?.value;
  return called({ id, name: typeof name === "string" ? name : null, domain });
}

/** Who has the account's own handoff; null: nobody, or there is none. */
export function ownerOfHandoff({ handoff, handoffs }: Account): Lead["owner"] {
  if (handoff === null || handoff.owner === null) return null;
  const { owner: id } = handoff;
  return { id, name: handoffs.find(({ rep }) => rep === id)?.repName ?? null };
}
