import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Long and seeded: `npm run proof`. They join the others when any seed has been seen to pass on a busy machine.
    exclude: process.env["BATON_PROOF"] === "1" ? [] : ["test/proof/quarter.test.ts", "test/chaos/rehearsal.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 90_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    env: { TZ: "UTC" },
  },
});
