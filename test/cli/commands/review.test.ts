import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rows, sql } from "../../../store/postgres/db.ts";
import { reviewWorkflowId } from "../../../workflows/contract.ts";
import { leadWorld, type LeadWorld } from "../../support/lead-world.ts";
import { signBoth, untilReview } from "../../support/review-world.ts";
import { run } from "../../support/program.ts";
import { temporalServer } from "../../support/world.ts";

const baton = fileURLToPath(new URL("../../../cli/baton.mjs", import.meta.url));
let world: LeadWorld;
let address: string;
beforeAll(async () => {
  world = await leadWorld();
  ({ address } = await temporalServer());
});
afterAll(() => world.close());

async function review(
  args: string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; said: string }> {
  const program = run(process.execPath, [baton, "review", ...args], {
    env: {
      PATH: process.env["PATH"] ?? "",
      DATABASE_URL: world.databaseUrl,
      TEMPORAL_ADDRESS: address,
      BATON_TASK_QUEUE: world.taskQueue,
      ...env,
    },
  });
  const code = await program.exit;
  return { code, said: program.lines.join("\n") };
}

test("an operator opens the review of a period; it is held, and the second time the command says so", async () => {
  const id = reviewWorkflowId("quarterly", "2034-Q2");
  expect(await review(["open", "quarterly", "--period", "2034-Q2"])).toEqual({
    code: 0,
    said: `${id} is open; its packet: npx baton review list, or Reviews in the console.`,
  });
  // The pool is empty, so signatures close it.
  await signBoth(world.pool, (await untilReview(world, "2034-Q2", () => true)).id);
  await world.client.workflow.getHandle(id).result();
  expect(await rows(world.pool, sql`select kind, period, state from review`)).toEqual([
    { kind: "quarterly", period: "2034-Q2", state: "closed" },
  ]);
  expect(await review(["open", "quarterly", "--period", "2034-Q2"])).toEqual({
    code: 1,
    said: "The quarterly review 2034-Q2 is closed; a period is reviewed once.",
  });
});

test.each([
  [["open", "yearly"], {}, /has no review "yearly"; it has weekly, monthly, quarterly/],
  [
    ["open", "quarterly", "--period", "2034-Q5"],
    {},
    /--period is "2034-Q5"; expected one such as 2026-Q4/,
  ],
  [["open"], {}, /Say what to do: `baton review list`/],
  [
    ["open", "quarterly", "--period", "2034-Q3"],
    { TEMPORAL_ADDRESS: "127.0.0.1:1" },
    /Temporal at 127\.0\.0\.1:1 does not answer/,
  ],
  [
    ["open", "quarterly"],
    { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" },
    /^Postgres does not answer/,
  ],
])("%o with %o is refused in a sentence", async (args, env, sentence) => {
  const { code, said } = await review(args, env);
  expect(code).toBe(1);
  expect(said).toMatch(sentence);
});
