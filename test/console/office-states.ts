import { flaggedAccount } from "../support/flagged-account.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { lookAtAccounts } from "../../store/accounts/look.ts";
import type { LoginWish } from "../../store/access/logins.ts";
import { sql } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { exampleAgreement, type PeopleWorld } from "../support/people-world.ts";
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
  {
    name: "account-handed-off",
    person: rep,
    seed: async (world) => {
      const { id, rep: has } = await flaggedAccount(world);
      await world.pool.query(
        sql`update process set owner_id = 'rp_one' where subject_id = ${id} and ${has} = 'two'`,
      );
      return `/console/accounts/${id}`;
    },
  },
  ...accountHandoffs(),
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
  { name: "roster", person: operator, seed: async (world) => staffed(world) },
  { name: "roster-nobody-away", person: operator, seed: () => Promise.resolve("/console/roster") },
  { name: "roster-marketing", person: marketing, seed: async (world) => staffed(world) },
  { name: "roster-of-team", person: boss, seed: async (world) => staffed(world) },
  { name: "roster-own", person: rep, seed: async (world) => staffed(world) },
  {
    name: "roster-nobody",
    person: { role: "leader", party: "marketing", repId: "rp_mark" },
    seed: () => Promise.resolve("/console/roster"),
    status: 403,
  },
  {
    name: "roster-pool",
    person: operator,
    seed: async (world) => `${await staffed(world)}?pool=americas-sdr`,
  },
  {
    name: "roster-fifty",
    person: operator,
    seed: async (world) => {
      await world.pool.query(sql`
        insert into rep (id, name, email, role, updated_at)
          select 'rp_many_' || n, 'Person ' || n, n || '@example.com', 'rep', now()
          from generate_series(10, 70) n`);
      await world.pool.query(sql`
        insert into pool_member (pool_id, rep_id, weight)
          select 'dach-sdr', 'rp_many_' || n, 1 from generate_series(10, 70) n`);
      return "/console/roster";
    },
  },
  {
    name: "roster-refused",
    person: rep,
    seed: async (world) => staffed(world),
    form: "aside form",
    sent: { firstDay: "2026-12-24", lastDay: "2026-12-20", reason: "vacation" },
    status: 422,
  },
  {
    name: "roster-changed-meanwhile",
    person: rep,
    seed: async (world) => staffed(world),
    sent: { from: "2026-12-01T00:00:00Z" },
    status: 409,
  },
  {
    name: "roster-weights",
    person: operator,
    seed: async (world) => `${await staffed(world)}/pools/americas-sdr`,
  },
  {
    name: "roster-weights-refused",
    person: operator,
    seed: async (world) => `${await staffed(world)}/pools/americas-sdr`,
    sent: { "weight:rp_two": "many" },
    status: 422,
  },
  {
    name: "roster-weights-unknown",
    person: operator,
    seed: () => Promise.resolve("/console/roster/pools/nowhere"),
    status: 404,
  },
  {
    name: "roster-weights-forbidden",
    person: boss,
    seed: () => Promise.resolve("/console/roster/pools/americas-sdr"),
    status: 403,
  },
  {
    name: "roster-caps",
    person: operator,
    seed: async (world) => `${await staffed(world)}/reps/rp_two`,
  },
  {
    name: "roster-caps-refused",
    person: operator,
    seed: async (world) => `${await staffed(world)}/reps/rp_two`,
    sent: { open: "-1" },
    status: 422,
  },
  { name: "simulate", person: marketing, seed: () => Promise.resolve("/console/simulate") },
  {
    name: "simulate-forbidden",
    person: rep,
    seed: () => Promise.resolve("/console/simulate"),
    status: 403,
  },
  {
    name: "simulate-like",
    person: operator,
    seed: async (world) => `/console/simulate?lead=${(await warm(world)).lead}`,
  },
  {
    name: "simulate-like-nobody",
    person: operator,
    seed: () => Promise.resolve("/console/simulate?lead=ld_nobody"),
    status: 404,
  },
  {
    name: "simulate-handed-off",
    person: operator,
    seed: async (world) => {
      await staffed(world);
      return `/console/simulate?lead=${(await warm(world)).lead}`;
    },
    form: "form[method=post]",
    sent: {
      "fact:lead.source": "google",
      "fact:lead.timeline": "now",
      "fact:lead.role": "operations",
    },
  },
  {
    name: "simulate-nurture",
    person: operator,
    seed: () => Promise.resolve("/console/simulate"),
    form: "form[method=post]",
    sent: {
      "fact:account.name": "Small",
      "fact:account.domain": "small.example.com",
      "fact:account.employees": "3",
      "fact:lead.name": "Kim Example",
      "fact:lead.email": "jo@small.example.com",
      "fact:lead.role": "operations",
      "fact:lead.source": "google",
    },
  },
  {
    name: "simulate-refused",
    person: operator,
    seed: () => Promise.resolve("/console/simulate"),
    form: "form[method=post]",
    sent: { "fact:lead.email": "jo@x.com", "fact:account.employees": "<b>many</b>" },
    status: 422,
  },
  {
    name: "simulate-draft",
    person: marketing,
    seed: async (world) => {
      await warm(world);
      return "/console/simulate";
    },
    form: "details form",
    sent: {
      what: "draft",
      draft: exampleAgreement
        .replace(
          "account.employees: { atLeast: 50, atMost: 5000 }",
          "account.employees: { atLeast: 4999 }",
        )
        .replace("pool: dach-sdr", "pool: alps-sdr"),
    },
  },
  {
    name: "simulate-draft-refused",
    person: marketing,
    seed: () => Promise.resolve("/console/simulate"),
    form: "details form",
    sent: { what: "draft", draft: "version: <b>none</b>" },
    status: 422,
  },
  { name: "imports-empty", person: marketing, seed: () => Promise.resolve("/console/imports") },
  { name: "imports", person: marketing, seed: async (world) => imported(world, "") },
  {
    name: "imports-forbidden",
    person: rep,
    seed: () => Promise.resolve("/console/imports"),
    status: 403,
  },
  {
    name: "imports-without-file",
    person: marketing,
    seed: () => Promise.resolve("/console/imports"),
    form: "form[method=post]",
    sent: { map: "columns: { E-mail: lead.email }" },
    status: 422,
  },
  {
    name: "imports-same-map",
    person: marketing,
    seed: async (world) => imported(world, "?map=im_2"),
  },
  {
    name: "import-running",
    person: marketing,
    seed: async (world) => imported(world, "/im_1"),
  },
  { name: "import-refused", person: marketing, seed: async (world) => imported(world, "/im_2") },
  {
    name: "import-again",
    person: marketing,
    seed: async (world) => imported(world, "/im_2?again=1"),
  },
  { name: "import-stopped", person: operator, seed: async (world) => imported(world, "/im_3") },
  {
    name: "import-unknown",
    person: operator,
    seed: () => Promise.resolve("/console/imports/im_nothing"),
    status: 404,
  },
];

/** Imports: one that runs, one with refused rows, one that stopped; and the address of a page. */
async function imported(world: PeopleWorld, page: string): Promise<string> {
  const at = new Date(world.now());
  await world.pool.query(sql`
    insert into import (id, file_hash, map_hash, map, state, rows_done, rows_total, created, merged,
      unchanged, refused, not_understood, started_at, finished_at, problem, file_name, map_text)
    values
      ('im_1', 'a', 'a', '{}', 'running', 3500, 8000, 3400, 60, 40, 0, '{}', ${at}, null, null,
        'fair-berlin.csv', 'columns: { E-mail: lead.email }'),
      ('im_2', 'b', 'a', '{}', 'done', 8000, 8000, 7000, 900, 40, 60,
        '{"account.country": 12}', ${at}, ${at}, null,
        ${`<b>Wolfeschlegelsteinhausenbergerdorff.csv`}, 'columns: { E-mail: lead.email }'),
      ('im_3', 'c', 'a', '{}', 'failed', 500, null, 500, 0, 0, 0, '{}', ${at}, ${at},
        'line 501: the bytes are no text; it stopped there', null, null)`);
  await world.pool.query(sql`
    insert into import_error (import_id, line, "column", message, raw)
      select 'im_2', n, 'Employees', 'expected a number, found "<b>many</b>"', 'x'
      from generate_series(2, 61) n`);
  return `/console/imports${page}`;
}

/** People with hours, weights and caps; some of them away, one with a hostile name. */
async function staffed(world: PeopleWorld): Promise<string> {
  const named = async (id: string, name: string) =>
    world.pool.query(sql`update rep set name = ${name} where id = ${id}`);
  await named("rp_one", "Kim Reyes");
  await named("rp_two", `O'Brien & Sons <b>${"Wolfeschlegelsteinhausen".repeat(4)}</b>`);
  await world.pool.query(sql`update rep set max_open = 25, max_per_day = 10, deputy_id = 'rp_one'
    where id = 'rp_two'`);
  await world.pool.query(sql`update pool_member set weight = 2 where rep_id = 'rp_two'`);
  const week = Object.fromEntries(
    ["mon", "tue", "wed", "thu", "fri"].map((day) => [day, ["09:00-17:00"]]),
  );
  await world.pool.query(
    sql`update pool set hours = ${JSON.stringify({
      zone: "America/New_York",
      week,
    })} where id = 'americas-sdr'`,
  );
  const absences = {
    rp_one: [
      { from: "2026-11-26T05:00:00Z", to: "2026-11-28T05:00:00Z", reason: "Thanksgiving <b>" },
      { from: "2026-12-15T18:00:00Z", to: "2026-12-15T22:00:00Z", reason: "dentist" },
    ],
    rp_two: [{ from: "2026-11-20T05:00:00Z", to: "2026-12-08T05:00:00Z", reason: "parental" }],
    rp_other: [{ from: "2026-12-07T00:00:00Z", to: "2026-12-12T00:00:00Z", reason: "vacation" }],
  };
  const put = await world.ask("PUT", "/roster/absences", { body: { absences } });
  if (put.status !== 200) throw new Error(JSON.stringify(put.body));
  return "/console/roster";
}

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

/** What a manager meets on the way of an account's own handoff. */
function accountHandoffs(): readonly State[] {
  const state = (
    name: string,
    place: string,
    doing: (
      world: PeopleWorld,
      act: (what: string, body: object) => Promise<void>,
    ) => Promise<void>,
  ): State => ({
    name,
    person: boss,
    seed: async (world) => {
      const { id, rep: has } = await flaggedAccount(world);
      await doing(world, async (what, body) => {
        await world.ask("POST", `/accounts/${id}/${what}`, { as: has, body });
      });
      // No clock has whole hours left: they would tick while pages are compared.
      world.setNow(world.now() + 10 * 60_000);
      return place === "board" ? "/console/board" : `/console/accounts/${id}${place}`;
    },
  });
  const nothing = () => Promise.resolve();
  return [
    state("account-of-manager", "", nothing),
    state("account-reassign", "/reassign", nothing),
    state("account-pause", "/pause", nothing),
    state("account-paused", "", (_, act) => act("pause", { reason: "legal-review" })),
    state("account-advance", "/advance", (_, act) => act("accept", {})),
    state("account-advance-not-now", "/advance", nothing),
    state("account-contested", "", (_, act) => act("reject", { reason: "below-company-size" })),
    state("account-on-board", "board", (_, act) => act("reject", { reason: "below-company-size" })),
  ];
}
