import { defineConfig } from "vitest/config";

/**
 * The tests that need no server: `npm run test:fast`. There is no global setup, so a test that asks
 * for Postgres or Temporal fails here at once. `npm test` runs these and all others.
 */
export default defineConfig({
  test: {
    // In threads Node 20 ended one run in three with a segmentation fault, after all had passed.
    pool: "forks",
    maxWorkers: 2,
    // Nothing here keeps state in a module, so the rules are loaded once for all files.
    isolate: false,
    testTimeout: 60_000,
    // A short walk; the whole one is part of `npm test`.
    env: { TZ: "UTC", BATON_WALK_STEPS: process.env["BATON_WALK_STEPS"] ?? "5000" },
    include: [
      "test/*.test.ts",
      "test/{agreement,handoff,messages,settings,words}/**/*.test.ts",
      "test/sample/{company,live}.test.ts",
      "test/activities/crm-timeout.test.ts",
      "test/api/http/{format,timeout}.test.ts",
      "test/chaos/{plan,standings}.test.ts",
      "test/cli/commands/{agreement,report}.test.ts",
      "test/cli/servers/{cluster-url,temporal-ui}.test.ts",
      "test/store/postgres/{batch,pace}.test.ts",
      "test/store/reports/{metrics,paragraphs}.test.ts",
      "test/worker/{at-rate,every,parts,poll-loop,ready-file,upkeep}.test.ts",
      "test/workflows/one-at-a-time.test.ts",
    ],
    exclude: ["test/{alerts,replay}.test.ts"],
  },
});
