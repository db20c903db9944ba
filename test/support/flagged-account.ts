import { agreementOf } from "../../agreement/stored.ts";
import { lookAtAccounts } from "../../store/accounts/look.ts";
import { takeIn } from "../../store/intake/intake.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { take, takeRoute, type Ask } from "../../store/process/take.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import type { PeopleWorld } from "./people-world.ts";

const agreements = createAgreements(agreementOf);

/** A company three of whose people engaged: flagged, and handed off to the rep that is given. */
export async function flaggedAccount(
  world: PeopleWorld,
  domain = "acme.com",
): Promise<{ readonly id: string; readonly rep: "one" | "two" }> {
  const { pool } = world;
  const now = world.now();
  const agreement = (await agreements.active(pool))!.agreement;
  await inTransaction(pool, (tx) =>
    takeIn(
      tx,
      ["a", "b", "c"].map((name) => ({
        email: `${name}@${domain}`,
        facts: {
          "account.name": "Acme Ltd",
          "account.employees": 200,
          "account.industry": "Software",
          "account.country": "US",
        },
        engagements: [
          { messageId: `m-${name}@${domain}`, type: "buyers_guide", occurredAt: now - 60_000 },
        ],
      })),
      { now, from: "form", lane: 1, agreement },
    ),
  );
  const [id = ""] = (await lookAtAccounts({ pool, agreements }, now)).raised;
  const deps = { pool, agreements, dispatcher: routingDispatcher(world.pools.routing) };
  // What its process would ask for.
  const ask = (key: string): Ask => ({
    subject: { kind: "account", id },
    key,
    now,
    by: "process",
  });
  await take(deps, ask(`${id}/1`), { kind: "arrived" });
  const rep = (await takeRoute(deps, ask(`${id}/2`))).owner === "rp_one" ? "one" : "two";
  return { id, rep };
}
