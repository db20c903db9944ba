import { setTimeout as pause } from "node:timers/promises";
import { signingParties, type Party } from "../../handoff/reviews/review.ts";
import { leaderOf } from "../../store/access/leaders.ts";
import { ensureLogin } from "../../store/access/logins.ts";
import { holdsSample } from "../../store/sample/write.ts";
import type { Pool } from "../../store/postgres/db.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { patternNames, type SampleOptions } from "../../sample/patterns.ts";
import { liveLeads, type LiveLead } from "../../sample/live.ts";
import { acceptedBody, type ApiClient } from "../api-client.ts";
import type { Io } from "../command.ts";
import { sampleLines, writeSampleCompany } from "../sample-company.ts";

/** What a demonstration starts with. */
const options: SampleOptions = { leads: 10_000, months: 12, seed: 1, plant: patternNames };

/** Who leads a party of the sample company, where nobody was named to. */
const leaders: Readonly<Record<Party, string>> = {
  marketing: "rp_marketing_ops",
  sales: "rp_manager_americas",
};

/** Has somebody lead each party, so that two people can sign. Whoever has left leads nothing. */
async function nameLeaders(pool: Pool, now: Instant): Promise<void> {
  for (const party of signingParties) {
    if ((await leaderOf(pool, party)) !== null) continue;
    try {
      await ensureLogin(pool, { role: "leader", party, repId: leaders[party] }, now);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
}

/**
 * The sample company, where the installation is empty; one that holds a sample already goes on with
 * it. Each party has a leader then. Throws a `CommandError` where it holds anything real.
 */
export async function loadDemo(pool: Pool, now: Instant, io: Io): Promise<void> {
  if (await holdsSample(pool)) {
    io.out("The sample company of an earlier start is here already.");
  } else {
    io.out("Writing a sample company; this takes a moment");
    const done = await writeSampleCompany(pool, options, now);
    for (const line of sampleLines(done, options)) io.out(line);
  }
  await nameLeaders(pool, now);
}

/** So long a lead is waited for until it is offered; whoever is in no hours is held. */
const offeredWithinMs = 45_000;
const lookEveryMs = 500;

/**
 * Has leads arrive through the API, and somebody act on those that are offered, so that clocks run,
 * a task waits for a manager and one deadline is about to be missed. `tag` makes its requests its
 * own. Stops when `isOver` says so.
 */
export async function playDemo(
  api: ApiClient,
  now: Instant,
  io: Io,
  isOver: () => boolean = () => false,
): Promise<void> {
  const leads = liveLeads(now);
  const ids: string[] = [];
  for (const [n, { body }] of leads.entries()) {
    if (isOver()) return;
    const key = `demo-${now}-${n}`;
    ids.push(acceptedBody(await api<{ id: string }>("POST", "/leads", body, key)).id);
  }
  const told = await Promise.all(
    leads.map((lead, n) => playLead(api, lead, ids[n] ?? "", { now, isOver })),
  );
  if (isOver()) return;
  io.out("Alive now:");
  for (const line of told) io.out(`  ${line}`);
  const { owner } = acceptedBody(
    await api<{ owner: { readonly id: string } | null }>("GET", `/leads/${ids[0] ?? ""}`),
  );
  if (owner) io.out(`As the rep who has the first of them: npx baton sign-in ${owner.id}`);
  io.out("As a manager: npx baton sign-in rp_manager_chat");
}

async function playLead(
  api: ApiClient,
  { shows, deeds }: LiveLead,
  id: string,
  { now, isOver }: { readonly now: Instant; readonly isOver: () => boolean },
): Promise<string> {
  if (deeds.length > 0 && !(await isOffered(api, id, isOver)))
    return `${id}  ${shows} (it is not offered yet, so nothing was done)`;
  for (const [n, { action, body }] of deeds.entries())
    acceptedBody(await api("POST", `/leads/${id}/${action}`, body, `demo-${now}-${id}-${n}`));
  return `${id}  ${shows}`;
}

async function isOffered(api: ApiClient, id: string, isOver: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < offeredWithinMs && !isOver(); waited += lookEveryMs) {
    const { waitingOn } = acceptedBody(await api<{ waitingOn: string }>("GET", `/leads/${id}`));
    if (waitingOn === "outreach") return true;
    await pause(lookEveryMs);
  }
  return false;
}
