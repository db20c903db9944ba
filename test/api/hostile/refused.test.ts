import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountActions, actionPlaces } from "../../../api/action-places.ts";
import { isConsole } from "../../../api/console/paths.ts";
import { bodyRoutes } from "./bodies.ts";
import { bodyFamilies, fieldFamilies, type Invalid } from "./values.ts";
import { clientCodes, hostileWorld, type HostileWorld, type Told } from "./world.ts";

let world: HostileWorld;
beforeAll(async () => {
  world = await hostileWorld();
});
afterAll(() => world.close());

/** Why the answer is not what a stranger should get; null when it is. */
function wrongWith(told: Told, field: string | null): string | null {
  const { status, body } = told;
  if (status < 400 || status > 499) return `answered ${status} ${told.text.slice(0, 200)}`;
  if (!clientCodes.has(body.code)) return `has the code ${body.code}`;
  if (typeof body.field !== "string" || body.field === "")
    return `${body.code} names no field: ${body.detail}`;
  if (
    field !== null &&
    body.field !== "body" &&
    !body.field.startsWith(field) &&
    !field.startsWith(body.field)
  )
    return `names ${body.field}, not ${field}`;
  return null;
}

async function wrongOnes(invalid: readonly Invalid[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { what, route, text, field } of invalid) {
    const told = await world.send(route.route.split(" ")[0] ?? "", world.at(route.path), {
      body: text,
    });
    const why = wrongWith(told, field);
    if (why) wrong.push(`${route.route} ${field ?? "body"} = ${what}: ${why}`);
  }
  return wrong;
}

const families = Object.entries({ ...fieldFamilies(bodyRoutes), ...bodyFamilies(bodyRoutes) }).map(
  ([family, invalid]) => ({ family, invalid, count: invalid.length }),
);

test("every route that takes JSON is in the table", () => {
  const taking = Object.keys(
    world.app.routes.reduce<Record<string, true>>(
      (all, { method, path }) => ({
        ...all,
        ...(["POST", "PUT", "PATCH"].includes(method)
          ? { [`${method} ${path.replace(/:(\w+)/g, "{$1}")}`]: true }
          : {}),
      }),
      {},
    ),
  );
  const without = [
    "PUT /roster",
    // The same body (test/api/roster-preview.test.ts).
    "POST /roster/preview",
    "POST /imports",
    // Good only for an absence that stands (test/api/roster-weeks.test.ts).
    "POST /roster/absences/withdraw",
    "POST /webhooks/{source}",
    "POST /house/tasks/{id}/done",
    // The bodies of the same actions on leads (test/api/account-actions.test.ts).
    ...accountActions.map((name) => `POST /accounts/{id}/${actionPlaces[name]}`),
    // Nobody but a leader gets so far (test/api/review-signing.test.ts).
    "POST /reviews/{id}/sign",
    // The same, and one with an empty body (test/api/agreement-signing.test.ts).
    "POST /agreement/versions/{id}/sign",
    "POST /agreement/versions/{id}/activate",
    "POST /agreement/versions/{id}/rollback",
    "POST /agreement/versions/{id}/plan",
    "POST /agreement/versions/{id}/plan/cancel",
  ];
  expect(
    taking
      // Forms of the console: test/console/forms.test.ts.
      .filter((route) => !isConsole(route.slice(route.indexOf(" ") + 1)))
      .filter((route) => !bodyRoutes.some((one) => one.route === route))
      .toSorted(),
  ).toEqual(without.toSorted());
});

describe("refused with a code and the field, and no table changes:", () => {
  test.each(families)(
    "$family ($count bodies)",
    async ({ invalid }) => {
      expect(invalid.length).toBeGreaterThan(0);
      const before = await world.snapshot();
      expect(await wrongOnes(invalid)).toEqual([]);
      expect(await world.snapshot()).toEqual(before);
    },
    120_000,
  );
});
