import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rows, sql } from "../../store/postgres/db.ts";
import { calendarVersion } from "../../store/process/calendars.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
const hour = 3_600_000;

describe("GET /leads/{id}", () => {
  test("says where it stands, whose it is, what comes next and when, and what the caller can do", async () => {
    const id = await world.lead("rp_one", { dueAt: world.now() + hour });
    const { status, body } = await world.ask("GET", `/leads/${id}`, { as: "one" });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      url: `http://baton.test/leads/${id}`,
      stage: "mql",
      waitingOn: "outreach",
      owner: { id: "rp_one", name: "Person rp_one" },
      next: { step: "outreach due", at: "2026-11-23T16:00:00.000Z" },
      due: "2026-11-23T16:00:00.000Z",
      dueInWords: "due in 1 h",
      overdue: false,
      facts: {
        "lead.name": { value: "Kim Example", from: "form", at: "2026-11-23T15:00:00.000Z" },
      },
      handoff: { leadType: "demo-request", round: 1, state: "open" },
    });
    expect(body.actions.find((one: { name: string }) => one.name === "accept")).toEqual({
      name: "accept",
      url: `http://baton.test/leads/${id}/accept`,
    });
  });

  test("offers marketing no action that is sales', and nobody one on what is not theirs any more", async () => {
    const id = await world.lead("rp_one");
    expect((await world.ask("GET", `/leads/${id}`, { as: "marketing" })).body.actions).toEqual([]);
    await world.pool.query(sql`update process set owner_id = 'rp_two' where subject_id = ${id}`);
    const past = await world.ask("GET", `/leads/${id}`, { as: "one" });
    expect([past.status, past.body.actions]).toEqual([200, []]);
  });

  test.each([
    "ld_",
    "LD_1",
    "ho_0123",
    "ld_0000000000zzzzzzzzzz",
    "ld_' or 1=1",
    "x".repeat(500),
    "%F0%28%8C%28",
  ])("%s is the same 404", async (id) => {
    expect(
      (await world.ask("GET", `/leads/${encodeURIComponent(id).replaceAll("%25", "%")}`)).body,
    ).toMatchObject({
      status: 404,
      code: "not-found",
      detail: "there is no such object, or you may not see it",
    });
  });
});

describe("GET /leads", () => {
  let ids: string[];
  beforeAll(async () => {
    await world.pool.query("truncate lead, process, handoff, task cascade");
    ids = [];
    for (let n = 0; n < 7; n++)
      ids.push(
        await world.lead(n % 2 ? "rp_one" : "rp_two", {
          dueAt: world.now() + (n - 3) * hour,
          email: `person${n}@list-customer.com`,
        }),
      );
    ids.push(await world.lead(null, { email: "nobody@list-customer.com" }));
  });
  const found = async (query: string, as: "operator" | "one" | "boss" = "operator") =>
    (await world.ask("GET", `/leads?${query}`, { as })).body.items.map(
      (item: { id: string }) => item.id,
    );

  test("goes through all of them by cursor, none twice, none left out", async () => {
    const seen: string[] = [];
    let cursor: string | null = "";
    for (let page = 0; cursor !== null && page < 9; page++) {
      const { body } = await world.ask("GET", `/leads?limit=3${cursor ? `&cursor=${cursor}` : ""}`);
      seen.push(...body.items.map((item: { id: string }) => item.id));
      cursor = body.next;
    }
    expect(seen).toEqual(ids.toSorted().toReversed());
  });

  test.each([
    ["owner=rp_one", [1, 3, 5]],
    ["owner=none", [7]],
    ["overdue=true", [0, 1, 2]],
    ["waitingOn=queue", [7]],
    ["stage=sal", []],
    ["owner=rp_two&overdue=false", [4, 6]],
    ["q=person3@list", [3]],
    ["q=PERSON4@LIST-customer.com", [4]],
    ["q=nobody", [7]],
    ["q=%25", []],
  ])("%s", async (query, places) => {
    expect(new Set(await found(query))).toEqual(new Set(places.map((place) => ids[place])));
  });

  test("a manager's list has what lies in the queue, a rep's has not", async () => {
    expect(await found("waitingOn=queue", "boss")).toEqual([ids[7]]);
    expect(await found("waitingOn=queue", "one")).toEqual([]);
  });

  test.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=ten", "limit"],
    ["stage=won", "stage"],
    ["waitingOn=godot", "waitingOn"],
    ["overdue=yes", "overdue"],
    ["colour=red", "colour"],
    ["cursor=abc", "cursor"],
    ["cursor=W10", "cursor"],
    ["q=", "q"],
    ["q=a%00b", "url"],
    ["stage=mql&stage=sal", "stage"],
  ])("%s is 422 naming %s", async (query, field) => {
    const answer = await world.ask("GET", `/leads?${query}`);
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([422, "invalid", field]);
  });
});

describe("GET /leads/{id}/history", () => {
  test("pages through everything in order, as one list would", async () => {
    const id = await world.lead("rp_one");
    for (let n = 0; n < 5; n++) {
      await world.pool.query(
        sql`
          insert into engagement (message_id, lead_id, type, occurred_at, received_at)
            values (${`${id}-${n}`}, ${id}, 'pricing_page', ${new Date(world.now() - n * hour)},
            ${new Date(world.now())})`,
      );
    }
    const whole = (await world.ask("GET", `/leads/${id}/history?limit=100`)).body.items;
    expect(
      whole.map((entry: { kind: string; what: string }) => `${entry.kind} ${entry.what}`),
    ).toEqual([
      ...Array.from({ length: 5 }, () => "engagement pricing_page"),
      "transition new",
      "transition mql",
      "assignment rp_one",
    ]);
    const paged: unknown[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: { items: unknown[]; next: string | null } = (
        await world.ask("GET", `/leads/${id}/history?limit=3${cursor ? `&cursor=${cursor}` : ""}`)
      ).body;
      paged.push(...page.items);
      cursor = page.next;
    }
    expect(paged).toEqual(whole);
  });
});

describe("PATCH /leads/{id}", () => {
  test("corrects facts with their source, tells the process, and is audited without the values", async () => {
    const id = await world.lead("rp_one");
    const answer = await world.ask("PATCH", `/leads/${id}`, {
      as: "one",
      body: { facts: { "lead.title": " Head of Operations ", "lead.phone": "+44 1" } },
    });
    expect(answer).toMatchObject({ status: 200, body: { id } });
    expect(answer.body.changed.toSorted()).toEqual(["lead.phone", "lead.title"]);
    const page = await world.ask("GET", `/leads/${id}`);
    expect(page.body.facts["lead.title"]).toMatchObject({
      value: "Head of Operations",
      from: "person",
    });
    expect(
      await rows(world.pool, sql`select message from outbox where workflow_id = ${`lead/${id}`}`),
    ).toEqual([{ message: "factsChanged" }]);
    const [trail] = await rows<{ actor: string; detail: unknown }>(
      world.pool,
      sql`select actor, detail from audit where subject = ${id}`,
    );
    expect([trail?.actor, JSON.stringify(trail?.detail).includes("Operations")]).toEqual([
      "rp_one",
      false,
    ]);
  });

  test("says what was not understood and is kept as it came", async () => {
    const id = await world.lead("rp_one");
    const answer = await world.ask("PATCH", `/leads/${id}`, {
      body: { facts: { "lead.country": "Atlantis", "account.country": "Deutschland" } },
    });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        notUnderstood: [
          {
            field: "facts.lead.country",
            message: expect.stringContaining("expected a country by its name or ISO 3166 code"),
          },
        ],
      },
    });
  });

  test("what is known already changes nothing and tells nobody", async () => {
    const id = await world.lead("rp_one");
    await world.ask("PATCH", `/leads/${id}`, { body: { facts: { "lead.name": "Kim Example" } } });
    expect(
      await rows(world.pool, sql`select from outbox where workflow_id = ${`lead/${id}`}`),
    ).toEqual([]);
    expect(await rows(world.pool, sql`select from audit where subject = ${id}`)).toEqual([]);
  });

  test.each([
    [{ facts: {} }, "facts"],
    [{}, "facts"],
    [{ facts: { "lead.shoe": "42" } }, "facts.lead.shoe"],
    [{ facts: { "account.employees": "many" } }, "facts.account.employees"],
    [{ facts: { "lead.name": "-" } }, "facts.lead.name"],
    [{ facts: { "lead.name": null } }, "facts.lead.name"],
    [{ facts: { "lead.title": "x" }, stage: "sal" }, "stage"],
    [{ facts: [] }, "facts"],
  ])("%j is 422 naming %s", async (body, field) => {
    const id = await world.lead("rp_one");
    const answer = await world.ask("PATCH", `/leads/${id}`, { body });
    expect([answer.status, answer.body.field]).toEqual([422, field]);
  });

  test("an erased person has no facts to correct", async () => {
    const id = await world.lead("rp_one");
    await world.ask("DELETE", `/people/${id}`);
    expect(
      await world.ask("PATCH", `/leads/${id}`, { body: { facts: { "lead.title": "x" } } }),
    ).toMatchObject({ status: 409, body: { code: "not-possible-now" } });
  });
});

describe("what somebody may not see", () => {
  const denials = () =>
    rows<{ actor: string; subject: string; detail: unknown }>(
      world.pool,
      sql`select actor, subject, detail from audit where what = 'access.denied' order by id`,
    );

  test("is on record when it exists, once, and not when it does not", async () => {
    const id = await world.lead("rp_one");
    await world.pool.query(
      sql`
        insert into task (id, kind, subject_kind, subject_id, role, assignee_id, since)
          values ('tk_foreign', 'stalled', 'lead', ${id}, 'rep', 'rp_one', now())`,
    );
    await world.pool.query(
      sql`
        insert into kept_mail (message_id, to_rep, recipient, subject, body_text, body_html,
          sent_at)
          values ('<foreign@baton>', 'rp_one', 'one@example.com', 'A', 'B', 'C', now())`,
    );
    const before = (await denials()).length;
    const ask = async (method: string, path: string, body?: object) =>
      (await world.ask(method, path, { as: "other", ...(body ? { body } : {}) })).status;
    const said = [
      await ask("GET", "/leads/ld_nobody"),
      await ask("POST", "/tasks/tk_nobody/done", { how: "x" }),
      await ask("GET", `/leads/${id}`),
      await ask("GET", `/leads/${id}`),
      await ask("POST", `/leads/${id}/accept`, {}),
      await ask("POST", "/tasks/tk_foreign/done", { how: "x" }),
      await ask("GET", "/mail/foreign@baton"),
    ];
    expect(said).toEqual(Array<number>(7).fill(404));
    await expect.poll(async () => (await denials()).length).toBe(before + 4);
    const entry = (subject: string, kind: string, route: string) => ({
      actor: "rp_other",
      subject,
      detail: { kind, route },
    });
    const found = (await denials()).slice(before);
    expect(found).toHaveLength(4);
    expect(found).toEqual(
      expect.arrayContaining([
        entry(id, "lead", "GET /leads/{id}"),
        entry(id, "lead", "POST /leads/{id}/accept"),
        entry("tk_foreign", "task", "POST /tasks/{id}/done"),
        entry("foreign@baton", "mail", "GET /mail/{id}"),
      ]),
    );
  });
});

describe("GET /leads/{id}/clocks", () => {
  /** A clock of the lead's handoff: ten minutes before closing on a Friday. */
  async function withClock(rep: string): Promise<string> {
    const id = await world.lead(rep);
    const friday = Date.parse("2026-11-20T21:50:00Z");
    const hours = {
      zone: "America/New_York",
      week: { mon: ["09:00-17:00"], fri: ["09:00-17:00"] },
    };
    const calendar = await calendarVersion(world.pool, { hours, minus: [], from: "pool" }, friday);
    const detail = { target: { kind: "business", ms: hour }, calendar };
    const { rows: of } = await world.pool.query(
      sql`select handoff_id as id from process where subject_id = ${id}`,
    );
    const handoff = of[0].id as string;
    const clock = `${handoff}/outreach/lead`;
    await world.pool.query(sql`
      insert into clock (id, handoff_id, kind, scope, round, target, calendar_id, started_at, state)
      values (${clock}, ${handoff}, 'outreach', 'lead', 0, ${JSON.stringify(detail.target)}::jsonb,
        ${calendar}, ${new Date(friday)}, 'running') on conflict (id) do nothing`);
    await world.pool.query(sql`
      insert into clock_event (clock_id, n, kind, at, detail, tz_version)
      values (${clock}, 1, 'start', ${new Date(friday)}, ${JSON.stringify(detail)}::jsonb,
        'test')`);
    return id;
  }

  test("gives every counted interval, and the deadline as one would count it", async () => {
    const id = await withClock("rp_one");
    const { status, body } = await world.ask("GET", `/leads/${id}/clocks`, { as: "one" });
    expect(status).toBe(200);
    expect(body.clocks).toMatchObject([
      {
        kind: "outreach",
        scope: "lead",
        round: 0,
        rep: null,
        repName: null,
        target: "1 business hour",
        zone: "America/New_York",
        due: "2026-11-23T14:50:00.000Z",
        inWords:
          "1 business hour of opening hours from 2026-11-20 16:50: 0:10:00 on 2026-11-20, " +
          "0:50:00 on 2026-11-23; so until 2026-11-23 09:50 (America/New_York)",
        ledger: expect.arrayContaining([
          {
            kind: "counted",
            from: "2026-11-20T21:50:00.000Z",
            to: "2026-11-20T22:00:00.000Z",
            counted: "PT10M",
            total: "PT10M",
          },
        ]),
      },
    ]);
  });

  test("is for whoever may see the lead, and empty before the first handoff", async () => {
    const id = await withClock("rp_one");
    expect((await world.ask("GET", `/leads/${id}/clocks`, { as: "two" })).status).toBe(404);
    expect((await world.ask("GET", "/leads/ld_none/clocks")).status).toBe(404);
    const fresh = await world.lead(null);
    await world.pool.query(sql`update process set handoff_id = null where subject_id = ${fresh}`);
    await world.pool.query(sql`delete from handoff where subject_id = ${fresh}`);
    expect((await world.ask("GET", `/leads/${fresh}/clocks`)).body).toEqual({ clocks: [] });
  });
});
