import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { intakeRoutes } from "../../api/intake.ts";
import { apiWorld, type ApiWorld } from "../support/api-world.ts";
import { smallAgreement } from "../support/small-agreement.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld(smallAgreement, [intakeRoutes]);
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.pool.query("truncate lead, account, outbox, transition cascade");
});
const count = async (table: string) =>
  (await world.pool.query(`select count(*)::int as n from ${table}`)).rows[0].n;

describe("who may set which fact", () => {
  const everything = {
    "lead.email": "jo@acme.com",
    "lead.doNotContact": false,
    "account.domain": "acme.com",
    "account.owner": "rp_one",
    "account.customer": true,
    "account.competitor": false,
    "account.openOpportunities": 1,
    "account.tier": 2,
  };
  test.each(["operator", "marketing", "crm"] as const)(
    "%s sets facts of the person and the company, owner and suppressions among them",
    async (role) => {
      expect((await world.ask("POST", "/leads", { facts: everything }, role)).status).toBe(201);
      const [stored] = (
        await world.pool.query(
          "select a.facts || l.facts as facts from lead l join account a on a.id = account_id",
        )
      ).rows;
      for (const [field, value] of Object.entries(everything))
        expect(stored.facts[field], field).toMatchObject({
          value,
          from: role === "crm" ? "crm" : "form",
        });
    },
  );

  test.each(["lead.emailKind", "score.intent", "band"])(
    "%s is worked out: 422 naming it, and nothing is stored",
    async (field) => {
      for (const role of ["operator", "crm"] as const) {
        const answer = await world.ask(
          "POST",
          "/leads",
          { facts: { ...everything, [field]: "business" } },
          role,
        );
        expect([answer.status, answer.body.field, answer.body.detail]).toEqual([
          422,
          `facts.${field}`,
          expect.stringContaining("nobody sets it"),
        ]);
      }
      expect(await count("lead")).toBe(0);
    },
  );

  test(
    "a move to another company is in the audit trail with the token that moved; a first " +
      "company is no move",
    async () => {
      const { body } = await world.ask("POST", "/leads", {
        facts: { "lead.email": "jo@gmail.com" },
      });
      const moves = async () =>
        (
          await world.pool.query(
            "select actor, subject, detail from audit where what = 'lead.moved' and subject = $1 " +
              "order by id",
            [body.id],
          )
        ).rows;
      const place = (domain: string, minute: number, role?: "crm") =>
        world.ask(
          "POST",
          "/leads",
          {
            id: body.id,
            facts: { "account.domain": domain },
            occurredAt: `2026-11-20T11:0${minute}:00Z`,
          },
          role,
        );
      await place("first.com", 1);
      expect(await moves()).toEqual([]);
      await place("second.com", 3, "crm");
      await place("late-news.com", 2);
      const ids = Object.fromEntries(
        (await world.pool.query("select domain, id from account")).rows.map(({ domain, id }) => [
          domain,
          id,
        ]),
      );
      const crm = (await world.pool.query("select id from token where role = 'crm'")).rows[0].id;
      expect(await moves()).toEqual([
        { actor: crm, subject: body.id, detail: { from: ids["first.com"], to: ids["second.com"] } },
      ]);
    },
  );
});
