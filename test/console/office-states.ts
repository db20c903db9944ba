import { agreementOf } from "../../agreement/stored.ts";
import { lookAtAccounts } from "../../store/accounts/look.ts";
import type { LoginWish } from "../../store/access/logins.ts";
import { sql } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import type { PeopleWorld } from "../support/people-world.ts";
import type { State } from "./states.ts";

const rep: LoginWish = { role: "rep", repId: "rp_one" };
const boss: LoginWish = { role: "manager", repId: "rp_boss" };
const operator: LoginWish = { role: "operator" };
const marketing: LoginWish = { role: "marketing" };

/** The pages of accounts, the roster, trials and imports in the states that somebody meets. */
export const officeStates: readonly State[] = [
  { name: "accounts-empty", person: operator, seed: () => Promise.resolve("/console/accounts") },
  { name: "accounts-empty-rep", person: rep, seed: () => Promise.resolve("/console/accounts") },
  { name: "accounts", person: marketing, seed: async (world) => (await warm(world)).list },
  {
    name: "accounts-none",
    person: marketing,
    seed: async (world) => `${(await warm(world)).list}?q=nobody&flagged=true&tier=9`,
  },
  {
    name: "accounts-wrong",
    person: marketing,
    seed: () => Promise.resolve("/console/accounts?tier=first"),
    status: 422,
  },
  {
    name: "accounts-fifty",
    person: operator,
    seed: async (world) => {
      await world.pool.query(
        sql`insert into account (id, domain, facts, created_at)
          select 'ac_' || lpad(n::text, 4, '0'), 'company-' || n || '.example',
            jsonb_build_object('account.name', jsonb_build_object('value', 'Company ' || n)), now()
          from generate_series(1, 60) n`,
      );
      return "/console/accounts";
    },
  },
  { name: "account", person: marketing, seed: async (world) => (await warm(world)).engaged },
  { name: "account-of-rep", person: rep, seed: async (world) => (await warm(world)).engaged },
  { name: "account-cold", person: operator, seed: async (world) => (await warm(world)).cold },
  { name: "account-hostile", person: operator, seed: async (world) => (await warm(world)).hostile },
  {
    name: "account-merged",
    person: operator,
    seed: async (world) => {
      const { engaged, cold } = await warm(world);
      const [into, other] = [engaged, cold].map((path) => path.split("/").at(-1) ?? "");
      await world.ask("POST", `/accounts/${into}/merge`, { body: { other } });
      return cold;
    },
  },
  {
    name: "account-unknown",
    person: operator,
    seed: () => Promise.resolve("/console/accounts/ac_nobody"),
    status: 404,
  },
  {
    name: "account-not-mine",
    person: boss,
    seed: async (world) => (await warm(world)).cold,
    status: 404,
  },
  {
    name: "account-name-refused",
    person: marketing,
    seed: async (world) => (await warm(world)).engaged,
    sent: { kind: "domain", name: "gmail.com" },
    status: 422,
  },
  {
    name: "account-name-taken",
    person: marketing,
    seed: async (world) => (await warm(world)).engaged,
    sent: { kind: "domain", name: "quiet-foods.com" },
    status: 409,
  },
  {
    name: "account-merge",
    person: marketing,
    seed: async (world) => `${(await warm(world)).engaged}/merge?q=quiet`,
  },
  {
    name: "account-merge-first",
    person: marketing,
    seed: async (world) => `${(await warm(world)).engaged}/merge`,
  },
  {
    name: "account-merge-none",
    person: marketing,
    seed: async (world) => `${(await warm(world)).engaged}/merge?q=zzz`,
  },
  {
    name: "account-merge-forbidden",
    person: rep,
    seed: async (world) => `${(await warm(world)).engaged}/merge`,
    status: 403,
  },
  {
    name: "account-merge-refused",
    person: marketing,
    seed: async (world) => `${(await warm(world)).engaged}/merge?q=quiet`,
    form: "form[method=post]",
    sent: { other: "ac_nobody" },
    status: 422,
  },
  {
    name: "account-move",
    person: marketing,
    seed: async (world) => `/console/leads/${(await warm(world)).lead}/move-account`,
  },
  {
    name: "account-move-refused",
    person: marketing,
    seed: async (world) => `/console/leads/${(await warm(world)).lead}/move-account`,
    sent: { to: "gmail.com" },
    status: 422,
  },
];

/** Three accounts: one that is engaged and flagged, one where nobody did anything, a hostile one. */
async function warm(world: PeopleWorld) {
  const takeIn = async (email: string, engagements: object[], more: object): Promise<string> => {
    const facts = { "lead.email": email, ...more };
    return (await world.ask("POST", "/leads", { body: { facts, engagements }, as: "marketing" }))
      .body.id;
  };
  const icp = {
    "account.name": "Northwind Labs",
    "account.employees": 900,
    "account.industry": "Software",
    "account.country": "US",
  };
  const leads: string[] = [];
  for (const [n, name] of ["Aaliyah Vance", "Jörg Müller", "Ngozi Okafor", "Wei Zhang"].entries())
    leads.push(
      await takeIn(
        `p${n}@northwind.com`,
        n === 3 ? [] : [{ id: `e${n}`, type: "demo_request", topic: "routing" }],
        { ...icp, "lead.name": name, "lead.title": "VP Operations" },
      ),
    );
  const quiet = await takeIn("wei@quiet.example.com", [], { "account.domain": "quiet-foods.com" });
  const hostile = await takeIn("x@hostile-names.com", [], {
    "lead.name": "O'Brien & Sons <b>bold</b>",
    "account.name": "Wolfeschlegelsteinhausenbergerdorff".repeat(5),
  });
  await world.pool.query(sql`update process set owner_id = 'rp_one', stage = 'sal'
    where subject_id = ${leads[0]}`);
  await world.pool.query(sql`
    insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
      priority, band, fit, intent, icp, pool, rep_id, round, mql_at, offered_at)
    select 'ho_warm', 'lead', ${leads[0]}, 1, a.id, 'demo-request', 'fast', 1, 'A', 40, 40, true,
      'americas-sdr', 'rp_one', 1, ${new Date(world.now())}, ${new Date(world.now())}
      from agreement_version a where state = 'active'`);
  const of = async (lead: string) =>
    `/console/accounts/${(await world.ask("GET", `/leads/${lead}`)).body.account.id}`;
  const engaged = await of(leads[0] ?? "");
  await world.ask("POST", `${engaged.replace("/console", "")}/aliases`, {
    body: { domain: "northwind.de" },
  });
  const agreements = createAgreements(agreementOf);
  await lookAtAccounts({ pool: world.pool, agreements }, world.now());
  return {
    list: "/console/accounts",
    lead: leads[0] ?? "",
    engaged,
    cold: await of(quiet),
    hostile: await of(hostile),
  };
}
