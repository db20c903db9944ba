import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountActions, actionPlaces } from "../../../api/action-places.ts";
import { createApp } from "../../../api/app.ts";
import { authorisation } from "../../../api/http/authorisation.ts";
import { isConsole } from "../../../api/console/paths.ts";
import { newRoutes, type ApiDeps } from "../../../api/deps.ts";
import { routeKey } from "../../../api/http/route-key.ts";
import { rows, sql } from "../../../store/postgres/db.ts";
import { reports } from "../../../store/reports/registry.ts";
import { roles, type Role } from "../../../store/access/tokens.ts";
import {
  peopleWorld,
  personas,
  type Answer,
  type PeopleWorld,
  type Persona,
} from "../../support/people-world.ts";

let world: PeopleWorld;
/**
 * Leads by whose they are: the rep's and manager's own, a colleague's in the team, somebody else's,
 * nobody's at all.
 */
const leads: Record<"own" | "team" | "other" | "missing", string> = {
  own: "",
  team: "",
  other: "",
  missing: "ld_0000000000zzzzzzzzzz",
};
beforeAll(async () => {
  world = await peopleWorld();
  leads.own = await world.lead("rp_one");
  leads.team = await world.lead("rp_two");
  leads.other = await world.lead("rp_other");
});
afterAll(() => world.close());

/** Who speaks for a role: `one` owns `own`, whose manager is `boss`. */
const speaker: Readonly<Record<Role, Persona>> = {
  operator: "operator",
  revops: "revops",
  marketing: "marketing",
  manager: "boss",
  rep: "one",
  leader: "leader",
  crm: "crm",
  tracking: "tracking",
};

const table = Object.entries(authorisation).map(([route, row]) => {
  const [method = "", path = ""] = route.split(" ");
  return { route, method, path, row };
});
// Pages of the console know no token: test/console/access.test.ts.
const guarded = table.filter(({ row, path }) => row !== "public" && !isConsole(path));
const aboutLeads = guarded.filter(({ path }) => /^\/(?:leads|people|queue)\/\{id\}/.test(path));

/**
 * An empty object gets past the gate wherever a body is needed, and is refused by the route for a
 * reason of its own.
 */
const send = (method: string, path: string, as: Persona | null): Promise<Answer> =>
  world.ask(method, path, {
    as,
    ...(method === "GET" || method === "DELETE" ? {} : { text: "{}" }),
  });
const mounted = () =>
  new Set(
    world.app.routes
      .filter((route) => route.method !== "ALL")
      .map((route) => routeKey(route.method, route.path)),
  );
const address = (path: string, id = "nothing") => path.replace(/\{\w+\}/g, id);

test("every mounted route has a row, and every row a route", () => {
  expect([...mounted()].filter((route) => !(route in authorisation))).toEqual([]);
  expect(Object.keys(authorisation).filter((route) => !mounted().has(route))).toEqual([]);
});

test("a route without a row keeps the API from starting", () => {
  const stray = (_deps: ApiDeps) =>
    newRoutes().get("/stray/:id", (c) => c.text("open")) as unknown as ReturnType<typeof newRoutes>;
  expect(() => createApp({ pool: world.pool } as unknown as ApiDeps, [stray])).toThrow(
    "no row in api/http/authorisation.ts: GET /stray/{id}",
  );
});

describe("without a valid token", () => {
  test.each(guarded)("$route is 401", async ({ method, path }) => {
    const answers = [
      await send(method, address(path), null),
      await world.ask(method, address(path), {
        as: null,
        headers: { authorization: "Bearer baton_wrong" },
      }),
    ];
    for (const answer of answers)
      expect([answer.status, answer.body.code, answer.headers.get("www-authenticate")]).toEqual([
        401,
        "unauthenticated",
        "Bearer",
      ]);
  });

  test("a revoked token is worth nothing", async () => {
    const { createToken, revokeToken } = await import("../../../store/access/tokens.ts");
    const { id, secret } = await createToken(
      world.pool,
      { role: "operator", label: "soon gone" },
      world.now(),
    );
    const ask = () =>
      world.ask("GET", "/leads", { as: null, headers: { authorization: `Bearer ${secret}` } });
    expect((await ask()).status).toBe(200);
    await revokeToken(world.pool, id, world.now());
    expect((await ask()).status).toBe(401);
  });

  test(
    "of those who ask at one moment each is let in by its own token, and the revoked one is " +
      "refused from the next request on",
    async () => {
      const { createToken, revokeToken } = await import("../../../store/access/tokens.ts");
      const made = await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          createToken(
            world.pool,
            { role: n % 2 ? "operator" : "tracking", label: `token ${n}` },
            world.now(),
          ),
        ),
      );
      const askAll = async () =>
        (
          await Promise.all(
            made.map(({ secret }) =>
              world.ask("GET", "/leads", {
                as: null,
                headers: { authorization: `Bearer ${secret}` },
              }),
            ),
          )
        ).map((one) => one.status);
      expect(await askAll()).toEqual(made.map((_, n) => (n % 2 ? 200 : 403)));
      const under = askAll();
      await revokeToken(world.pool, made[5]?.id ?? "", world.now());
      expect(await askAll()).toEqual(made.map((_, n) => (n === 5 ? 401 : n % 2 ? 200 : 403)));
      await under;
    },
  );

  test("Basic is for trackers alone", async () => {
    const basic = {
      authorization: `Basic ${Buffer.from(`${world.token("operator")}:`).toString("base64")}`,
    };
    expect((await world.ask("GET", "/leads", { as: null, headers: basic })).status).toBe(401);
    expect(
      (
        await world.ask("POST", "/v1/track", {
          as: null,
          text: "{}",
          headers: {
            authorization: `Basic ${Buffer.from(`${world.token("tracking")}:`).toString("base64")}`,
          },
        })
      ).status,
    ).toBe(422);
  });
});

describe("a role without an entry", () => {
  test.each(
    guarded.flatMap(({ route, method, path, row }) =>
      roles
        .filter((role) => row !== "public" && row[role] === undefined)
        .map((role) => ({ route, method, path, role })),
    ),
  )("$route is 403 for $role, whatever it names", async ({ method, path, role }) => {
    const answers = await Promise.all(
      [leads.own, leads.missing].map((id) => send(method, address(path, id), speaker[role])),
    );
    for (const answer of answers)
      expect([answer.status, answer.body.code]).toEqual([403, "forbidden"]);
    expect(answers[0]?.body).toEqual(answers[1]?.body);
  });
});

test("who leads reads leads, accounts and what is lost, and does nothing to a lead", async () => {
  const read = [
    ...["", "/history", "/clocks"].map((of) => `/leads/${leads.other}${of}`),
    "/leads?sort=due",
    "/accounts",
    "/reports/conservation",
    "/reports/conservation.csv",
  ];
  for (const as of ["leader", "salesLeader"] as const) {
    for (const path of read)
      expect([path, (await world.ask("GET", path, { as })).status]).toEqual([path, 200]);
    // No button, and no fact to correct.
    const { body } = await world.ask("GET", `/leads/${leads.other}`, { as });
    expect([body.actions, body.correctable]).toEqual([[], []]);
  }
  const does = table.filter(
    ({ method, path }) => method !== "GET" && /^\/(?:leads|accounts|people|tasks)\b/.test(path),
  );
  expect(does.length).toBeGreaterThan(20);
  expect(does.filter(({ row }) => row !== "public" && row.leader !== undefined)).toEqual([]);
});

/** Bodies that are good, so that only the reach decides. */
const goodBodies: Readonly<Record<string, unknown>> = {
  outreach: { channel: "call" },
  reject: { reason: "unsupported-use-case" },
  pause: { reason: "legal-review" },
  "contest-decision": { decision: "uphold" },
  "review-decision": { decision: "keep" },
  reopen: { why: "a test" },
};

describe("a role with an entry reaches as far as it says", () => {
  const reaches = { own: ["own"], team: ["own", "team"], all: ["own", "team", "other"] } as const;
  const cases = aboutLeads.flatMap(({ route, method, path, row }) =>
    roles.flatMap((role) => {
      const scope = row === "public" ? undefined : row[role];
      return scope === undefined
        ? []
        : (["own", "team", "other", "missing"] as const).map((whose) => ({
            route,
            method,
            path,
            role,
            whose,
            inside: (reaches[scope] as readonly string[]).includes(whose),
          }));
    }),
  );

  // Erasing is real: it is tried on what lies outside, and inside by its own tests.
  test.each(cases.filter(({ method, inside }) => !(method === "DELETE" && inside)))(
    "$route, $role, $whose: inside $inside",
    async ({ method, path, role, whose, inside }) => {
      const body =
        method === "GET" || method === "DELETE"
          ? undefined
          : method === "PATCH"
            ? { facts: { "lead.title": "CFO" } }
            : (goodBodies[path.split("/").at(-1) ?? ""] ?? {});
      const answer = await world.ask(method, address(path, leads[whose]), {
        as: speaker[role],
        ...(body === undefined ? {} : { body }),
      });
      if (inside) expect([401, 403, 404]).not.toContain(answer.status);
      else
        expect([answer.status, answer.body]).toEqual([
          404,
          {
            type: "/docs#not-found",
            title: expect.any(String),
            status: 404,
            code: "not-found",
            detail: "there is no such object, or you may not see it",
          },
        ]);
    },
  );

  /**
   * Things other than leads whose reach ends before "all": one of each for the rep, a colleague,
   * and another team's rep.
   */
  const owned = [
    {
      route: "GET /mail/{id}",
      make: (whose: string, rep: string) =>
        world.pool.query(
          sql`
            insert into kept_mail (message_id, to_rep, recipient, subject, body_text, body_html,
              sent_at) values (${`<m-${whose}>`}, ${rep}, 'x', 'x', 'x', 'x', now()) on conflict
              do nothing`,
        ),
      id: (whose: string) => `m-${whose}`,
      body: undefined,
    },
    {
      route: "POST /tasks/{id}/done",
      make: (whose: string, rep: string) =>
        world.pool.query(
          sql`
            insert into task (id, kind, subject_kind, subject_id, role, assignee_id, since)
              values (${`tk_${whose}`}, 'stalled', 'account', ${`ac_${whose}`}, 'rep', ${rep},
              now()) on conflict (id) do update set state = 'open'`,
        ),
      id: (whose: string) => `tk_${whose}`,
      body: { how: "seen to" },
    },
    ...["GET /accounts/{id}", "GET /accounts/{id}/clocks"].map((route) => ({
      route,
      make: async (whose: string, rep: string) => {
        const id = accountNamed(whose);
        await world.pool.query(
          sql`
            insert into account (id, created_at) values (${id}, now()) on conflict do nothing`,
        );
        await world.pool.query(
          sql`
            insert into task (id, kind, subject_kind, subject_id, role, assignee_id, since)
              values (${`tk_${id}`}, 'account-engaged', 'account', ${id}, 'rep', ${rep}, now())
              on conflict (id) do nothing`,
        );
      },
      id: (whose: string) => accountNamed(whose),
      body: undefined,
    })),
    // A handoff that is over: only the reach decides whether the answer says so.
    ...accountActions.map((name) => ({
      route: `POST /accounts/{id}/${actionPlaces[name]}`,
      make: async (whose: string, rep: string) => {
        const id = accountNamed(`${whose}-handed-off`);
        await world.pool.query(
          sql`
            insert into account (id, created_at) values (${id}, now()) on conflict do nothing`,
        );
        await world.pool.query(
          sql`
            insert into process (subject_kind, subject_id, stage, stage_since, waiting_on, owner_id)
              values ('account', ${id}, 'disqualified', now(), 'nothing', ${rep})
              on conflict do nothing`,
        );
      },
      id: (whose: string) => accountNamed(`${whose}-handed-off`),
      body: goodBodies[actionPlaces[name]] ?? {},
    })),
  ];
  function accountNamed(whose: string): string {
    return `ac_${whose.replaceAll("-", "")}`;
  }
  const whoseRep = { own: "rp_one", team: "rp_two", other: "rp_other" } as const;
  test.each(
    owned.flatMap(({ route, make, id, body }) =>
      roles.flatMap((role) => {
        const row = authorisation[route];
        const scope = row === "public" ? undefined : row?.[role];
        return scope === undefined
          ? []
          : (["own", "team", "other", "missing"] as const).map((whose) => ({
              route,
              make,
              id,
              body,
              role,
              whose,
              scope,
            }));
      }),
    ),
  )(
    "$route, $role, $whose (reach: $scope)",
    async ({ route, make, id, body, role, whose, scope }) => {
      // A manager's mail is their own: `own` there means what was sent to them.
      const rep =
        whose === "own" && scope === "own"
          ? (personas[speaker[role]].rep ?? "rp_one")
          : whoseRep[whose === "missing" ? "other" : whose];
      const key = `${whose}-${role}`;
      if (whose !== "missing") await make(key, rep);
      const [method = "", path = ""] = route.split(" ");
      const answer = await world.ask(method, address(path, id(key)), {
        as: speaker[role],
        ...(body === undefined ? {} : { body }),
      });
      const inside = whose !== "missing" && (reaches[scope] as readonly string[]).includes(whose);
      // Offices see the tasks of reps, and leave their end to them.
      const isTheirs = route !== "POST /tasks/{id}/done" || !["revops", "marketing"].includes(role);
      const isOver = route.startsWith("POST /accounts/");
      const expected = !inside ? 404 : isOver ? 409 : isTheirs ? 200 : 403;
      expect(answer.status, JSON.stringify(answer.body)).toBe(expected);
    },
  );

  const anAbsence = (rep: string) => ({
    absences: {
      [rep]: [{ from: "2026-12-21T00:00:00Z", to: "2026-12-22T00:00:00Z", reason: "vacation" }],
    },
  });
  test.each(
    (["operator", "revops", "manager", "rep"] as const).flatMap((role) =>
      (["own", "team", "other", "missing"] as const).map((whose) => ({ role, whose })),
    ),
  )("PUT /roster/absences, $role, $whose", async ({ role, whose }) => {
    const row = authorisation["PUT /roster/absences"];
    const scope = row === "public" ? undefined : row?.[role];
    const rep = whose === "missing" ? "rp_nobody" : whoseRep[whose];
    const inside =
      whose !== "missing" &&
      scope !== undefined &&
      (reaches[scope] as readonly string[]).includes(whose);
    const answer = await world.ask("PUT", "/roster/absences", {
      as: speaker[role],
      body: anAbsence(rep),
    });
    expect([answer.status, answer.body.field]).toEqual(
      inside ? [200, undefined] : [422, `absences.${rep}`],
    );
  });

  test("every address with an id is tried for its reach here, or has no reach but all", () => {
    const tried = new Set([
      ...aboutLeads.map(({ route }) => route),
      ...owned.map(({ route }) => route),
      "POST /reviews/{id}/decisions",
    ]);
    const narrow = guarded.filter(
      ({ path, row }) =>
        path.includes("{id}") && Object.values(row).some((scope) => scope !== "all"),
    );
    expect(narrow.map(({ route }) => route).filter((route) => !tried.has(route))).toEqual([]);
  });

  test.each(
    guarded
      .filter(
        ({ path, row }) =>
          path.includes("{id}") &&
          !path.startsWith("/leads") &&
          !path.startsWith("/people") &&
          Object.values(row).includes("all"),
      )
      .flatMap(({ route, method, path, row }) =>
        roles
          .filter((role) => (row as Record<string, string>)[role] === "all")
          .map((role) => ({ route, method, path, role })),
      ),
  )(
    "$route of something missing is 404 for $role, or its body is judged first",
    async ({ method, path, role }) => {
      const answer = await send(
        method,
        `${address(path)}${method === "DELETE" ? "?by=rp_one" : ""}`,
        speaker[role],
      );
      expect([404, 422], JSON.stringify(answer.body)).toContain(answer.status);
    },
  );

  test("a decision in a review reaches as far as the lead it is about", async () => {
    await world.pool.query(
      sql`
        insert into review (id, kind, period, state, packet, opened_at, due_at)
          values ('rv_reach', 'quarterly', '2026-Q4', 'open', '{}', now(), now())`,
    );
    for (const id of [leads.own, leads.other])
      await world.pool.query(
        sql`insert into review_decision (review_id, subject_id) values ('rv_reach', ${id})`,
      );
    const decide = async (leadId: string) =>
      await world.ask("POST", "/reviews/rv_reach/decisions", {
        as: "boss",
        body: { decisions: [{ leadId, decision: "keep" }] },
      });
    expect((await decide(leads.other)).body.results[0].status).toBe(404);
    expect((await decide(leads.missing)).body.results[0].status).toBe(404);
    const own = await decide(leads.own);
    expect([own.status, own.body.results[0].status], JSON.stringify(own.body)).toEqual([200, 409]);
  });

  test("a denial that an answer tells of among others, or as a field, is on record", async () => {
    const denied = async () =>
      (
        await rows<{ actor: string; subject: string; route: string }>(
          world.pool,
          sql`select actor, subject, detail->>'route' as route from audit
            where what = 'access.denied' and actor = 'rp_chief' order by id`,
        )
      ).map(({ subject, route }) => [subject, route]);
    const route = "POST /reviews/{id}/decisions";
    await world.pool.query(
      sql`
        insert into review (id, kind, period, state, packet, opened_at, due_at)
          values ('rv_denied', 'quarterly', '2026-Q3', 'open', '{}', now(), now())`,
    );
    await world.pool.query(
      sql`insert into review_decision (review_id, subject_id) values ('rv_denied', ${leads.own})`,
    );
    const decisions = [leads.own, leads.missing].map((leadId) => ({ leadId, decision: "keep" }));
    const decided = await world.ask("POST", "/reviews/rv_denied/decisions", {
      as: "chief",
      body: { decisions },
    });
    expect(decided.body.results.map(({ status }: { status: number }) => status)).toEqual([
      404, 404,
    ]);
    for (const rep of ["rp_one", "rp_nobody"])
      await world.ask("PUT", "/roster/absences", { as: "chief", body: anAbsence(rep) });
    await expect.poll(denied).toEqual([
      [leads.own, route],
      ["rp_one", "PUT /roster/absences"],
    ]);
  });

  const began = async () => {
    for (const [lead, rep] of [
      [leads.own, "rp_one"],
      [leads.other, "rp_other"],
    ])
      await world.pool.query(
        sql`update handoff set rep_id = ${rep}, mql_at = ${new Date(world.now() - 3_600_000)}
          where subject_id = ${lead}`,
      );
  };
  const byRep = reports.filter(({ dimensions }) => dimensions.includes("rep"));
  test.each(byRep.map(({ name }) => ({ name })))(
    "the report $name by rep is the team's for a manager, and not for marketing",
    async ({ name }) => {
      await began();
      for (const path of [`/reports/${name}`, `/reports/${name}.csv`])
        for (const query of ["groupBy=rep", "rep=rp_other"]) {
          const answer = await world.ask("GET", `${path}?${query}`, { as: "marketing" });
          expect([answer.status, answer.body.field]).toEqual([403, query.split("=")[0]]);
        }
      const asked = async (as: Persona, query: string) => {
        const { status, body } = await world.ask("GET", `/reports/${name}?${query}`, { as });
        expect(status, JSON.stringify(body)).toBe(200);
        return body.rows as { group?: string | null }[];
      };
      const foreign = ({ group }: { group?: string | null }) => group === "rp_other";
      expect((await asked("boss", "groupBy=rep")).filter(foreign)).toEqual([]);
      expect(await asked("boss", "rep=rp_other")).toEqual(await asked("boss", "rep=rp_nobody"));
      expect((await world.ask("GET", `/reports/${name}`, { as: "marketing" })).status).toBe(200);
    },
  );

  test("and revops sees every rep", async () => {
    await began();
    const { body } = await world.ask("GET", "/reports/acceptance?groupBy=rep", { as: "revops" });
    const groups = body.rows.map((row: { group: string }) => row.group);
    expect(groups).toEqual(expect.arrayContaining(["rp_one", "rp_other"]));
    const team = await world.ask("GET", "/reports/acceptance?groupBy=rep", { as: "boss" });
    expect(team.body.rows.map((row: { group: string }) => row.group)).toContain("rp_one");
  });

  test("lists hold what is within reach and nothing else", async () => {
    const ids = async (as: Persona) =>
      (await world.ask("GET", "/leads", { as })).body.items.map((item: { id: string }) => item.id);
    expect(await ids("one")).toEqual([leads.own]);
    expect((await ids("boss")).toSorted()).toEqual([leads.own, leads.team].toSorted());
    expect(await ids("chief")).toEqual([leads.other]);
    expect(await ids("operator")).toHaveLength(3);
  });
});

describe("what nobody has described", () => {
  test("an unknown address is 404, a known one with another method 405", async () => {
    expect((await world.ask("GET", "/nowhere")).body).toMatchObject({
      status: 404,
      code: "not-found",
    });
    const answer = await world.ask("DELETE", "/leads");
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
      405,
      "method-not-allowed",
      "expected: GET or POST",
    ]);
  });
});
