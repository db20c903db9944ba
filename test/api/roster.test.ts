import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { peopleWorld, type PeopleWorld, type Persona } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.pool.query("delete from absence");
});

const ann = { id: "rp_ann", name: "Rep Nine", email: "nine@example.com" };
const put = (path: string, body: unknown, as: Persona = "operator") =>
  world.ask("PUT", `/roster/${path}`, { body, as });
const get = async (path: string, as: Persona = "operator") =>
  (await world.ask("GET", `/roster/${path}`, { as })).body;
const audited = async () =>
  (await world.pool.query("select actor, what, detail from audit order by id desc limit 1"))
    .rows[0];

describe("people", () => {
  test("are created, changed, and stay when others are put; every change is audited by id", async () => {
    const hours = {
      zone: "Europe/Berlin",
      week: { mon: ["09:00-12:00", "13:00-17:00"] },
      exceptions: { "2026-12-25": [] },
    };
    const created = await put("reps", {
      reps: [{ ...ann, hours, languages: ["de"], caps: { open: 20 }, managerId: "rp_boss" }],
    });
    expect(created.status).toBe(200);
    const shown = () =>
      get("reps").then(({ reps }) => reps.find((one: { id: string }) => one.id === "rp_ann"));
    const full = {
      ...ann,
      role: "rep",
      managerId: "rp_boss",
      deputyId: null,
      active: true,
      hours,
      languages: ["de"],
      products: [],
      motions: [],
      caps: { open: 20 },
      crmId: null,
    };
    expect(await shown()).toEqual(full);
    expect(await audited()).toMatchObject({ what: "roster.reps", detail: { reps: ["rp_ann"] } });
    // What was read can be put back as it is.
    expect((await put("reps", { reps: [{ ...(await shown()), active: false }] })).status).toBe(200);
    expect(await shown()).toEqual({ ...full, active: false });
    expect((await get("reps")).reps.length).toBeGreaterThan(1);
  });

  test.each([
    ["reps.0.email", { ...ann, email: "nine@example.com, ten@example.com" }],
    ["reps.0.id", { ...ann, id: "nine" }],
    ["reps.0.name", { ...ann, name: " " }],
    ["reps.0.managerId", { ...ann, managerId: "rp_nobody" }],
    ["reps.0.managerId", { ...ann, managerId: "rp_ann" }],
    ["reps.0.hours.zone", { ...ann, hours: { zone: "Mars/Olympus", week: {} } }],
    ["reps.0.hours.zone", { ...ann, hours: { zone: "EST", week: {} } }],
    ["reps.0.hours.zone", { ...ann, hours: { zone: "Singapore", week: {} } }],
    ["reps.0.hours.week.mon.0", { ...ann, hours: { zone: "UTC", week: { mon: ["9-17"] } } }],
    ["reps.0.hours.week.funday", { ...ann, hours: { zone: "UTC", week: { funday: [] } } }],
    ["reps.0.caps.open", { ...ann, caps: { open: -1 } }],
    ["reps.0.caps.perYear", { ...ann, caps: { perYear: 1 } }],
    ["reps.0.nickname", { ...ann, nickname: "nine" }],
  ])("%s is refused by name, and nothing changes", async (field, body) => {
    const before = await get("reps");
    const { status, body: problem } = await put("reps", { reps: [body] });
    expect([status, problem.code, problem.field]).toEqual([422, "invalid", field]);
    expect(await get("reps")).toEqual(before);
  });

  test(
    "two thousand of them in one body are taken, with their hours",
    { timeout: 120_000 },
    async () => {
      const hours = {
        zone: "Europe/Berlin",
        week: { mon: ["09:00-17:00"], tue: ["09:00-17:00"], wed: ["09:00-12:00", "13:00-17:00"] },
        exceptions: { "2026-12-25": [], "2026-12-26": [] },
      };
      const many = Array.from({ length: 2_000 }, (_, n) => ({
        id: `rp_many_${n}`,
        name: `Rep ${n}`,
        email: `rep.${n}@example.com`,
        hours,
        languages: ["de", "en"],
        caps: { open: 20, perDay: 5 },
        managerId: n === 0 ? null : "rp_many_0",
        crmId: `many-${n}`,
        active: false,
      }));
      const answer = await put("reps", { reps: many });
      expect([answer.status, answer.body.code]).toEqual([200, undefined]);
      const shown = new Set(answer.body.reps.map(({ id }: { id: string }) => id));
      expect(many.every(({ id }) => shown.has(id))).toBe(true);
      const more = await put("reps", { reps: [...many, { ...many[0], id: "rp_one_more" }] });
      expect([more.status, more.body.field]).toEqual([422, "reps"]);
    },
  );

  test("the same id twice, or a CRM id that belongs to somebody, is refused", async () => {
    expect((await put("reps", { reps: [ann, ann] })).body).toMatchObject({
      code: "invalid",
      field: "reps.1.id",
    });
    await put("reps", { reps: [{ ...ann, crmId: "crm-9" }] });
    expect(
      (await put("reps", { reps: [{ ...ann, id: "rp_ten", crmId: "crm-9" }] })).body,
    ).toMatchObject({
      code: "invalid",
      field: "reps.0.crmId",
      detail: "this CRM id belongs to rp_ann",
    });
  });

  test("two who swap their CRM ids in one request may", async () => {
    const ten = { ...ann, id: "rp_ten" };
    await put("reps", {
      reps: [
        { ...ann, crmId: "crm-a" },
        { ...ten, crmId: "crm-b" },
      ],
    });
    expect(
      (
        await put("reps", {
          reps: [
            { ...ann, crmId: "crm-b" },
            { ...ten, crmId: "crm-a" },
          ],
        })
      ).status,
    ).toBe(200);
  });
});

describe("pools", () => {
  test("members become exactly those given", async () => {
    await put("reps", { reps: [ann] });
    await put("pools", { pools: [{ id: "dach-sdr", members: { rp_ann: 2, rp_one: 1 } }] });
    const answer = await put("pools", {
      pools: [{ id: "dach-sdr", hours: { zone: "UTC", week: {} }, members: { rp_ann: 0 } }],
    });
    expect(answer.body.pools.find((one: { id: string }) => one.id === "dach-sdr")).toEqual({
      id: "dach-sdr",
      hours: { zone: "UTC", week: {} },
      members: { rp_ann: 0 },
    });
  });

  test.each([
    ["pools.0.members.rp_nobody", { id: "dach-sdr", members: { rp_nobody: 1 } }],
    ["pools.0.members.rp_one", { id: "dach-sdr", members: { rp_one: 1.5 } }],
    ["pools.0.members.rp_one", { id: "dach-sdr", members: { rp_one: -1 } }],
    ["pools.0.id", { id: "", members: {} }],
  ])("%s is refused by name", async (field, body) => {
    expect((await put("pools", { pools: [body] })).body).toMatchObject({ code: "invalid", field });
  });
});

describe("absences", () => {
  const away = {
    from: "2026-12-01T00:00:00-05:00",
    to: "2026-12-08T00:00:00-05:00",
    reason: "leave",
  };
  const shown = {
    from: "2026-12-01T05:00:00.000Z",
    to: "2026-12-08T05:00:00.000Z",
    reason: "leave",
  };

  test("replace those of the reps named that are not over; past ones stay, others are not touched", async () => {
    await world.pool.query(
      "insert into absence (rep_id, from_at, to_at, reason) values ('rp_one', '2026-10-01', " +
        "'2026-10-02', 'past'), ('rp_two', '2026-12-24', '2026-12-31', 'leave')",
    );
    await put("absences", { absences: { rp_one: [away] } });
    await put("absences", { absences: { rp_one: [away] } });
    expect((await get("absences")).absences).toEqual({
      rp_one: [
        { from: "2026-10-01T00:00:00.000Z", to: "2026-10-02T00:00:00.000Z", reason: "past" },
        shown,
      ],
      rp_two: [
        { from: "2026-12-24T00:00:00.000Z", to: "2026-12-31T00:00:00.000Z", reason: "leave" },
      ],
    });
    await put("absences", { absences: { rp_one: [] } });
    expect((await get("absences")).absences.rp_one).toHaveLength(1);
    // Why somebody is away is theirs; the audit trail says whose absences changed.
    expect(await audited()).toMatchObject({
      what: "roster.absences",
      detail: { reps: ["rp_one"] },
    });
  });

  test("a rep sets and sees their own, a manager the team's; the rest looks missing", async () => {
    expect((await put("absences", { absences: { rp_one: [away] } }, "one")).status).toBe(200);
    expect((await put("absences", { absences: { rp_two: [away] } }, "boss")).body.absences).toEqual(
      { rp_one: [shown], rp_two: [shown] },
    );
    for (const [as, rep] of [
      ["one", "rp_two"],
      ["boss", "rp_other"],
      ["operator", "rp_nobody"],
    ] as const) {
      expect((await put("absences", { absences: { [rep]: [away] } }, as)).body).toMatchObject({
        code: "invalid",
        field: `absences.${rep}`,
        detail: "there is no such rep, or you may not change their absences",
      });
    }
    expect(await get("absences", "one")).toEqual({ absences: { rp_one: [shown] } });
    expect(await get("absences", "other")).toEqual({ absences: {} });
  });

  test.each([
    ["absences.rp_one.0.to", { ...away, to: away.from }],
    ["absences.rp_one.0.from", { ...away, from: "2026-12-01" }],
    ["absences.rp_one.0.from", { ...away, from: "2026-02-30T00:00:00Z" }],
    ["absences.rp_one.0.reason", { ...away, reason: "" }],
  ])("%s is refused by name", async (field, body) => {
    expect((await put("absences", { absences: { rp_one: [body] } })).body).toMatchObject({
      code: "invalid",
      field,
    });
  });
});

test("a rep may not read or change people and pools", async () => {
  for (const path of ["reps", "pools"]) {
    expect((await world.ask("GET", `/roster/${path}`, { as: "one" })).status).toBe(403);
    expect((await put(path, {}, "boss")).status).toBe(403);
  }
});

describe("who is concerned by an edit", () => {
  const told = async () =>
    (
      await world.pool.query<{ lane: number; workflow_id: string; payload: unknown }>(
        "select lane, workflow_id, payload from outbox where message = 'rosterChanged' order " +
          "by workflow_id",
      )
    ).rows;
  const shown = async (id: string) =>
    (await get("reps")).reps.find((one: { id: string }) => one.id === id);
  beforeEach(async () => {
    await world.pool.query("update handoff set state = 'closed'");
    await world.pool.query("update assignment set ended_at = now() where ended_at is null");
    await world.pool.query("update process set stage = 'disqualified', owner_id = null");
    await world.pool.query("delete from outbox");
  });

  test("a leaver's leads are told in the same transaction, by id, and the tokens end at once", async () => {
    const [mine] = [await world.lead("rp_two"), await world.lead("rp_one")];
    expect((await world.ask("GET", "/leads", { as: "two" })).status).toBe(200);
    const left = await put("reps", { reps: [{ ...(await shown("rp_two")), active: false }] });
    expect(left.status).toBe(200);
    expect(await told()).toEqual([{ lane: 1, workflow_id: `lead/${mine}`, payload: { id: mine } }]);
    expect((await world.ask("GET", "/leads", { as: "two" })).status).toBe(401);
    expect((await world.ask("GET", "/leads", { as: "one" })).status).toBe(200);
    expect(await audited()).toMatchObject({
      what: "token.revoked",
      detail: { because: "its person has left" },
    });
    // Whoever comes back gets a new token: the old one may be in other hands.
    expect(
      (await put("reps", { reps: [{ ...(await shown("rp_two")), active: true }] })).status,
    ).toBe(200);
    expect((await world.ask("GET", "/leads", { as: "two" })).status).toBe(401);
  });

  test("one's own absence tells one's own leads; one that is refused tells nobody", async () => {
    const mine = await world.lead("rp_one");
    await world.lead("rp_other");
    const away = { from: "2026-12-01T00:00:00Z", to: "2026-12-08T00:00:00Z", reason: "leave" };
    for (const absences of [
      { rp_other: [away] },
      { rp_one: [{ ...away, to: away.from }] },
      { rp_one: [away], rp_other: [away] },
    ]) {
      expect((await put("absences", { absences }, "one")).status).toBe(422);
    }
    expect(await told()).toEqual([]);
    expect((await put("absences", { absences: { rp_one: [away] } }, "one")).status).toBe(200);
    expect((await told()).map((one) => one.workflow_id)).toEqual([`lead/${mine}`]);
    await put("absences", { absences: { rp_one: [away] } }, "one");
    expect(await told()).toHaveLength(1);
  });

  test("a pool that is refused for one of its members changes and tells nothing", async () => {
    await world.lead("rp_one");
    const hours = { zone: "UTC", week: {} };
    const pools = [
      { id: "americas-sdr", hours, members: { rp_one: 1 } },
      { id: "emea-sdr", members: { rp_nobody: 1 } },
    ];
    expect((await put("pools", { pools })).body).toMatchObject({
      code: "invalid",
      field: "pools.1.members.rp_nobody",
    });
    expect(await told()).toEqual([]);
    expect((await put("pools", { pools: pools.slice(0, 1) })).status).toBe(200);
  });

  test("many give way to everything else", async () => {
    for (let n = 0; n < 101; n++) await world.lead("rp_one");
    await put("reps", {
      reps: [
        { ...(await shown("rp_one")), hours: { zone: "UTC", week: { mon: ["09:00-17:00"] } } },
      ],
    });
    const found = await told();
    expect([found.length, new Set(found.map(({ lane }) => lane))]).toEqual([101, new Set([2])]);
  });
});

describe("the whole roster as a file", () => {
  const ask = (method: string, as: Persona, more: object = {}) =>
    world.ask(method, "/roster", { as, ...more });

  test("is read by the office, put by operators, and the same again changes nothing", async () => {
    const { status, body } = await ask("GET", "revops");
    expect(status).toBe(200);
    const put = await ask("PUT", "operator", { body });
    expect([put.status, put.body]).toEqual([
      200,
      { changed: false, told: 0, released: 0, untouched: [] },
    ]);
    expect((await ask("GET", "revops")).body).toEqual(body);
    expect((await ask("GET", "one")).status).toBe(403);
    expect((await ask("PUT", "one", { body })).status).toBe(403);
  });

  test("comes as YAML to who asks for it, and put back it changes nothing", async () => {
    const yaml = await ask("GET", "revops", { headers: { accept: "application/yaml" } });
    expect(yaml.headers.get("content-type")).toBe("application/yaml");
    const headers = { "content-type": "application/yaml" };
    const put = await ask("PUT", "operator", { text: yaml.body, headers });
    expect([put.status, put.body.changed]).toEqual([200, false]);
  });

  test("every mistake comes back with its line, and nothing is put", async () => {
    const { body } = await ask("GET", "operator");
    const people = {
      rp_x: { name: "X", email: "x" },
      rp_y: { name: "Y", email: "y", manager: "rp_z" },
    };
    const refused = await ask("PUT", "operator", { body: { people } });
    expect([refused.status, refused.body.code]).toEqual([422, "invalid"]);
    const paths = refused.body.problems.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["people.rp_x.email", "people.rp_y.email", "people.rp_y.manager"]),
    );
    expect((await ask("GET", "operator")).body).toEqual(body);
  });
});
