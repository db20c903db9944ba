import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { actionPlaces } from "../../api/action-places.ts";
import { createApp } from "../../api/app.ts";
import { accountForms, withForm } from "../../api/console/pages.ts";
import { isConsole } from "../../api/console/paths.ts";
import type { Routes } from "../../api/deps.ts";
import { authorisation } from "../../api/http/authorisation.ts";
import { works, type World } from "../../bench/growth.ts";
import { reports } from "../../store/reports/registry.ts";
import { boardLists } from "../../store/views/board.ts";
import { signOffer } from "../../messages/offer-link.ts";
import { createToken, type Role } from "../../store/access/tokens.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import {
  inTransaction,
  openPool,
  reportSession,
  rows,
  type Pool,
} from "../../store/postgres/db.ts";
import { recountAll } from "../../store/reports/recount.ts";
import { tally } from "../../store/reports/tallies.ts";
import { reachOf } from "../../store/views/reach.ts";
import { withDatabase } from "../support/database.ts";
import { grow, grownLead, grownPeople } from "../support/grown-database.ts";
import { carriedOut, recordStatements, type Sent } from "../support/plans.ts";
import { signedIn, type Visitor } from "../support/visitor.ts";
import { smallAgreement } from "../support/small-agreement.ts";

const leads = 20_000;
const now = Date.parse("2026-11-20T12:00:00Z");
type Asked = readonly [Role, string];

/** A step of a plan looks at no more rows of one table, however many there are. */
const mostVisited = 2_500;

const db = withDatabase();
let pool: Pool;
let growing: ReadonlySet<string> = new Set();
const tokens = new Map<Role, string>();
let app: Routes;

beforeAll(async () => {
  pool = openPool(db.url, { max: 4, session: reportSession });
  await grow(pool, { leads, now });
  while (await tally(pool, now));
  await recountAll(pool, now);
  // A table that grows with the leads is one that has many rows by now.
  const large = await rows<{ name: string }>(pool, {
    text: "select relname as name from pg_class where relkind = 'r' and reltuples >= 500",
    values: [],
  });
  growing = new Set(large.map(({ name }) => name).filter((name) => !name.startsWith("pg_")));
  await inTransaction(pool, (tx) => activate(tx, "the agreement of this test", "test", now));
  await pool.query(
    "insert into signing_key (name, secret, created_at) values ('offer-link', $1, now())",
    [Buffer.from(secret)],
  );
  const people = { rep: grownPeople.rep, manager: grownPeople.manager };
  for (const role of ["operator", "rep", "manager"] as const) {
    const repId = role === "operator" ? undefined : people[role];
    tokens.set(role, (await createToken(pool, { role, label: "test", repId }, now)).secret);
  }
  app = createApp({
    pool,
    keyed: pool,
    routing: pool,
    agreements: createAgreements(() => smallAgreement),
    clock: () => now,
    publicUrl: "http://baton.test",
    log: pino({ level: "silent" }),
    temporal: { reachable: () => Promise.resolve(false), close: () => Promise.resolve() },
  });
  for (const wish of [
    { role: "operator" },
    { role: "rep", repId: people.rep },
    { role: "manager", repId: people.manager },
  ] as const)
    visitors.set(wish.role, await signedIn({ app, pool, now }, wish));
}, 120_000);
afterAll(async () => {
  await pool?.end();
});

const visitors = new Map<Role, Visitor>();
const lead = grownLead(leads / 2);
/** A link of a mail, signed with the secret that this database is given. */
const secret = new Uint8Array(32).fill(7);
const link = signOffer(secret, {
  repId: grownPeople.rep,
  leadId: lead,
  cycle: 1,
  round: 1,
  until: now + 86_400_000,
});
/** Three days of eighty: what counts a period must find it by an index. */
const period = "from=2026-11-17T00:00:00Z";
/** The same as a page of the console has it. */
const daysOfPeriod = "from=2026-11-17&to=2026-11-20";

/**
 * What is asked of a route, by whom, where that is more than its bare address by an operator, or a
 * report of `period`.
 */
const asked: Readonly<Record<string, readonly Asked[]>> = {
  "GET /leads": [
    ["operator", "/leads"],
    ["operator", "/leads?stage=sal"],
    ["operator", "/leads?stage=nurture"],
    ["operator", `/leads?owner=${grownPeople.rep}`],
    ["operator", "/leads?owner=none"],
    ["operator", "/leads?waitingOn=attempts"],
    ["operator", "/leads?overdue=true"],
    ["operator", "/leads?overdue=false"],
    ["operator", "/leads?q=4fa"],
    ["operator", `/leads?q=${lead}`],
    ["operator", "/leads?q=ext-77"],
    ["operator", "/leads?q=company-77.example"],
    ["operator", "/leads?q=nobody"],
    ["operator", "/leads?sort=due&q=4fa"],
    ["operator", "/leads?sort=due&dueBefore=2026-11-21T00:00:00Z"],
    ["rep", "/leads"],
    ["rep", "/leads?stage=sal"],
    ["manager", "/leads"],
    ["manager", "/leads?waitingOn=manager"],
  ],
  "GET /leads/{id}": [
    ["operator", `/leads/${lead}`],
    ["manager", `/leads/${lead}`],
  ],
  "GET /leads/{id}/history": [["operator", `/leads/${lead}/history`]],
  "GET /accounts": [
    ["operator", "/accounts"],
    ["operator", "/accounts?flagged=true"],
    ["operator", "/accounts?flagged=false"],
    ["operator", "/accounts?tier=2"],
    ["operator", "/accounts?q=company-77.example"],
    ["operator", "/accounts?q=Company%2077"],
    ["operator", "/accounts?q=nobody"],
    ["operator", "/accounts?ids=ac_0000000077,ac_0000000078"],
    ["rep", "/accounts"],
    ["manager", "/accounts"],
  ],
  "GET /accounts/{id}/clocks": [["operator", "/accounts/ac_0000000077/clocks"]],
  "GET /accounts/{id}": [
    ["operator", "/accounts/ac_0000000077"],
    ["manager", "/accounts/ac_0000002500"],
  ],
  "GET /leads/{id}/clocks": [["operator", `/leads/${lead}/clocks`]],
  "GET /leads/{id}/reasons": [["operator", `/leads/${lead}/reasons`]],
  "GET /team": [
    ["operator", "/team"],
    ["manager", "/team"],
  ],
  "GET /queue": [
    ["operator", "/queue"],
    ["manager", "/queue"],
    ["rep", "/queue"],
  ],
  "GET /queue/{id}": [
    ["operator", `/queue/${lead}`],
    ["manager", `/queue/${lead}`],
    ["manager", `/queue/${grownLead(leads - 40)}`],
    ["rep", `/queue/${grownLead(leads - 40)}`],
  ],
  "GET /tasks": [
    ["operator", "/tasks"],
    ["operator", "/tasks?state=done"],
    ["operator", "/tasks?kind=contested"],
    ["operator", `/tasks?lead=${lead}`],
    ["manager", "/tasks"],
    ["rep", "/tasks"],
  ],
  "GET /agreement/versions": [["operator", "/agreement/versions"]],
  "GET /agreement/versions/{id}": [["operator", "/agreement/versions/ag_grown"]],
  "GET /agreement/versions/{id}/plan": [["operator", "/agreement/versions/ag_grown/plan"]],
  "GET /agreement/versions/{id}/diff": [["operator", "/agreement/versions/ag_grown/diff"]],
  "GET /reviews/{id}": [
    ["operator", "/reviews/rv_grown"],
    ["operator", "/reviews/rv_grown?waits=true"],
  ],
  "GET /imports/{id}": [["operator", "/imports/im_7"]],
  "GET /imports/{id}/errors": [["operator", "/imports/im_7/errors"]],
  "GET /simulate": [["operator", `/simulate?lead=${lead}`]],
  "GET /console/imports/{id}": [["operator", "/console/imports/im_7"]],
  "GET /console/imports/{id}/errors.csv": [["operator", "/console/imports/im_7/errors.csv"]],
  "GET /console/roster/reps/{id}": [["operator", `/console/roster/reps/${grownPeople.rep}`]],
  "GET /console/roster/pools/{id}": [["operator", "/console/roster/pools/pool_1"]],
  "GET /console/accounts/{id}": [
    ["operator", "/console/accounts/ac_0000000077"],
    ["manager", "/console/accounts/ac_0000002500"],
  ],
  // Forms of an account that is handed off; they show what GET /accounts/{id} does.
  ...Object.fromEntries(
    accountForms.map((name) => [`GET /console/accounts/{id}/${actionPlaces[name]}`, []]),
  ),
  "GET /console/accounts/{id}/merge": [
    ["operator", "/console/accounts/ac_0000000077/merge?q=company-78.example"],
  ],
  "GET /console/leads/{id}/move-account": [["operator", `/console/leads/${lead}/move-account`]],
  "GET /roster/weeks": [
    ["operator", "/roster/weeks"],
    ["operator", "/roster/weeks?pool=pool_1"],
    ["manager", "/roster/weeks"],
    ["rep", "/roster/weeks"],
  ],
  "GET /imports/{id}/errors.csv": [["operator", "/imports/im_7/errors.csv"]],
  "GET /mail": [
    ["operator", "/mail"],
    ["operator", `/mail?lead=${lead}`],
    ["rep", "/mail"],
  ],
  "GET /mail/{id}": [["operator", "/mail/10000@baton"]],
  "GET /console": [],
  "GET /console/in/{secret}": [],
  "GET /console/live": [],
  "GET /console/assets/{file}": [],
  "GET /console/queue": [
    ["operator", "/console/queue"],
    ["manager", "/console/queue"],
    ["rep", "/console/queue"],
  ],
  "GET /console/leads/{id}": [["operator", `/console/leads/${lead}?from=queue`]],
  "GET /console/leads/{id}/facts": [["operator", `/console/leads/${lead}/facts`]],
  ...Object.fromEntries(
    withForm.map((name) => [
      `GET /console/leads/{id}/${actionPlaces[name]}`,
      [["operator", `/console/leads/${lead}/${actionPlaces[name]}`] as const],
    ]),
  ),
  "GET /console/board": [
    ["operator", "/console/board"],
    ["manager", "/console/board"],
  ],
  "GET /console/board/{list}": [["manager", "/console/board/breached"]],
  "GET /console/tasks": [
    ["operator", "/console/tasks"],
    ["rep", "/console/tasks"],
  ],
  "GET /console/figures": [
    ["operator", `/console/figures?${daysOfPeriod}`],
    ["operator", `/console/figures?${daysOfPeriod}&source=event`],
  ],
  "GET /console/reports/{name}": [["operator", `/console/reports/funnel?${daysOfPeriod}`]],
  "GET /console/reports/{name}/picture": [
    ["operator", `/console/reports/funnel/picture?${daysOfPeriod}`],
  ],
  "GET /console/reports/{name}/table": [
    ["operator", `/console/reports/funnel/table?${daysOfPeriod}`],
  ],
  "GET /console/reviews/{id}": [["operator", "/console/reviews/rv_grown"]],
  // The packet of that review has no figures.
  "GET /console/reviews/{id}/pictures/{section}": [],
  "GET /console/agreement/versions/{id}": [["operator", "/console/agreement/versions/ag_grown"]],
  "GET /console/oidc": [],
  "GET /console/oidc/back": [],
  "GET /console/offer/{token}": [["operator", `/console/offer/${link}`]],
  "GET /house/leads": [
    ["operator", "/house/leads"],
    ["operator", "/house/leads?status=sal"],
    ["operator", `/house/leads?owner=${grownPeople.rep}`],
    ["operator", "/house/leads?q=nobody"],
  ],
  "GET /house/leads/{id}": [["operator", "/house/leads/HL-10000"]],
  "GET /house/accounts/{id}": [["operator", "/house/accounts/HA-77"]],
  "GET /house/tasks": [
    ["operator", "/house/tasks"],
    ["operator", "/house/tasks?state=open"],
    ["operator", "/house/tasks?lead=HL-10000"],
  ],
  "GET /house/tasks/{id}": [["operator", "/house/tasks/HT-10000"]],
  "GET /house/notes": [["operator", "/house/notes?lead=HL-10000"]],
  "GET /house/opportunities": [
    ["operator", "/house/opportunities"],
    ["operator", "/house/opportunities?stage=won"],
  ],
  "GET /house/opportunities/{id}": [["operator", "/house/opportunities/HO-12"]],
  "GET /board/{list}": boardLists.flatMap((list): Asked[] => [
    ["operator", `/board/${list}`],
    ["manager", `/board/${list}`],
  ]),
  "GET /reports/conservation": [
    ["operator", "/reports/conservation"],
    ["operator", "/reports/conservation?from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00Z"],
    ["operator", "/reports/conservation?asOf=2026-11-01T07:00:00Z"],
  ],
  "GET /reports/funnel": [
    ["operator", `/reports/funnel?${period}`],
    ["operator", `/reports/funnel?${period}&groupBy=source`],
    ["operator", `/reports/funnel?${period}&source=event&band=B`],
  ],
};

/** All but the one that counts the MQLs that are open, which never are many. */
const ofPeriods = reports.map(({ name }) => name).filter((name) => name !== "aging");

/** What may look at many rows, of which tables, and why that does not grow with the tables. */
const mayReadMany: readonly {
  readonly of: RegExp;
  readonly tables: readonly string[];
  readonly because: string;
}[] = [
  {
    of: /search within|house\/leads\?q=/,
    tables: ["house_lead"],
    because: "the built-in CRM looks within names and addresses, for want of another CRM",
  },
  {
    of: /\/reviews/,
    tables: ["review_decision"],
    because: "it counts the leads of the reviews on the page, and there is one review here",
  },
  {
    of: /^funnel/,
    tables: ["handoff", "lead"],
    because:
      "it counts what began in the period, and medians are not sums: by the index of the time",
  },
  {
    of: new RegExp(
      `^(operator (/console)?/reports/)?(${ofPeriods.join("|")})\\b|/console/(figures|agreement$)`,
    ),
    tables:
      "account answer assignment clock engagement handoff lead opportunity outreach process score transition".split(
        " ",
      ),
    because:
      "a report joins what hangs on the handoffs of its period, at this size by whole tables: " +
      "how it grows is measured and not promised (docs/benchmarks.md)",
  },
];

function tooMuch(
  of: string,
  sent: Sent,
  scans: readonly { table: string; how: string; visited: number }[],
) {
  return scans
    .filter(({ visited }) => visited > 0)
    .filter(
      ({ table, how, visited }) =>
        growing.has(table) && (how === "Seq Scan" || visited > mostVisited),
    )
    .filter(
      ({ table }) => !mayReadMany.some((one) => one.of.test(of) && one.tables.includes(table)),
    )
    .map(
      ({ table, how, visited }) => `${of}: ${how} on ${table}, ${visited} rows, of ${short(sent)}`,
    );
}

function short({ text }: Sent): string {
  return text.replace(/\s+/g, " ").trim().slice(0, 160);
}

async function lookAt(of: string, work: () => Promise<unknown>): Promise<string[]> {
  const recorded = recordStatements(pool);
  await work().finally(() => recorded.stop());
  const found: string[] = [];
  for (const sent of recorded.sent)
    found.push(...tooMuch(of, sent, (await carriedOut(pool, sent))?.scans ?? []));
  return found;
}

test("the tables that grow with the leads are known to this test", () => {
  expect([...growing]).toEqual(
    expect.arrayContaining(
      "account action answer assignment audit clock clock_event crm_link decision effect engagement \
handoff house_lead inbox kept_mail lead lead_alias outbox outreach process score task transition".split(
        " ",
      ),
    ),
  );
});

const readable = Object.keys(authorisation).filter((route) => route.startsWith("GET "));

test("every route that reads something by its id is asked for one here, and none that is no more", () => {
  const withId = readable.filter((route) => route.includes("{"));
  expect(withId.filter((route) => !(route in asked))).toEqual([]);
  expect(Object.keys(asked).filter((route) => !readable.includes(route))).toEqual([]);
});

function askedOf(route: string): readonly Asked[] {
  const path = route.slice("GET ".length);
  const bare = path.startsWith("/reports/") ? `${path}?${period}` : path;
  return asked[route] ?? [["operator", bare]];
}

describe("no list, page, search or report reads a table that grows", () => {
  test.each(readable)("%s", async (route) => {
    const found: string[] = [];
    for (const [role, path] of askedOf(route))
      found.push(
        ...(await lookAt(`${role} ${path}`, async () => {
          const cookie = visitors.get(role)?.cookie;
          const headers: Record<string, string> = isConsole(path)
            ? { cookie: `${cookie?.name}=${cookie?.value}` }
            : { authorization: `Bearer ${tokens.get(role)}` };
          const answer = await app.request(path, { headers });
          expect([path, answer.status]).toEqual([path, 200]);
          await answer.text();
        })),
      );
    expect(found).toEqual([]);
  });
});

describe("nothing that the worker does for each lead or each minute reads a table that grows", () => {
  test.each(Object.keys(works))("%s", async (name) => {
    const team = await reachOf(pool, "team", grownPeople.manager);
    const world: World = { pool, leads, now, team };
    expect(await lookAt(name, async () => works[name]?.(world))).toEqual([]);
  });
});

test("the rule holds for what would break it", async () => {
  const found = await lookAt("a search without an index", () =>
    pool.query("select id from lead where facts ->> 'lead.name' = $1", ["x"]),
  );
  expect(found).toEqual([
    expect.stringMatching(/^a search without an index: Seq Scan on lead, 20000 rows/),
  ]);
  const walked = await lookAt("a walk along an index", () =>
    pool.query("select count(*) from (select id from lead order by id) one"),
  );
  expect(walked).not.toEqual([]);
});
