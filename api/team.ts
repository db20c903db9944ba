import { createRoute, z } from "@hono/zod-openapi";
import { presenceAt } from "../handoff/routing/presence.ts";
import { agreementHours, repHours } from "../handoff/time/applied-calendar.ts";
import type { CalendarDef, Instant } from "../handoff/time/calendar.ts";
import { mostCounted, mostPeople, teamOf, type TeamMember } from "../store/views/team.ts";
import { newRoutes, type ApiDeps, type Asker, type Routes } from "./deps.ts";
import { problemResponses } from "./http/errors.ts";
import { iso } from "./http/format.ts";
import { reachHere } from "./http/reach.ts";

const instant = z.string().openapi({ format: "date-time" });

const personSchema = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    pools: z.array(z.string()),
    leads: z
      .number()
      .int()
      .openapi({
        description: `that they were given and still have; of each person ${mostCounted} handoffs are counted`,
      }),
    accounts: z.number().int().openapi({ description: "the same of accounts" }),
    late: z.number().int().openapi({ description: "of these leads and accounts" }),
    offers: z.number().int().openapi({ description: "not worked on yet: what the cap counts" }),
    cap: z.number().int().nullable(),
    zone: z.string(),
    works: z.boolean().openapi({ description: "at this moment" }),
    opens: instant.nullable().openapi({ description: "when they work next; null: never" }),
    closes: instant.nullable().openapi({ description: "the end of the working day, while it is" }),
    awayUntil: instant.nullable(),
  })
  .openapi("TeamMember");

const teamSchema = z.object({ at: instant, people: z.array(personSchema) }).openapi("Team");

const read = createRoute({
  method: "get",
  path: "/team",
  tags: ["tasks"],
  summary: "Who can take leads: what they have, and when they work",
  description: `The active reps of the manager's team, or everybody's; at most ${mostPeople}.`,
  responses: {
    200: { description: "The people", content: { "application/json": { schema: teamSchema } } },
    ...problemResponses,
  },
});

/** The people of a team with their load. */
export function teamRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(read, async (c) => c.json(await readTeam(deps, c), 200));
  return app;
}

/** Who can take leads, within the caller's reach. */
export async function readTeam(deps: ApiDeps, c: Asker): Promise<z.output<typeof teamSchema>> {
  const now = c.var.receivedAt;
  const [reach, active] = await Promise.all([
    reachHere(deps.keyed, c),
    deps.agreements.active(deps.keyed),
  ]);
  const people = await teamOf(deps.keyed, reach, now);
  const base = active === null ? null : agreementHours(active.agreement);
  return { at: iso(now), people: people.map((person) => personShown(person, base, now)) };
}

function personShown(
  person: TeamMember,
  base: CalendarDef | null,
  now: Instant,
): z.output<typeof personSchema> {
  const { id, name, pools, leads, accounts, late, offers, hours, absences } = person;
  const pool = person.pool_hours === null ? null : { hours: person.pool_hours };
  const applied = repHours({ hours, absences }, pool, base ?? { zone: "UTC", week: {} });
  const { zone, opensAt, dayEndsAt, absentTo } = presenceAt(applied, now);
  const works = opensAt !== null && opensAt <= now;
  return {
    id,
    name,
    pools: [...pools],
    leads,
    accounts,
    late,
    offers,
    cap: person.max_open ?? null,
    zone,
    works,
    opens: iso(opensAt),
    closes: works ? iso(dayEndsAt) : null,
    awayUntil: iso(absentTo),
  };
}
