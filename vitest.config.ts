import { defineConfig } from "vitest/config";

/** Each lives through weeks or outages and has the machine to itself, after all others. */
const alone = [
  "test/proof/quarter.test.ts",
  "test/chaos/rehearsal.test.ts",
  "test/chaos/pauses.test.ts",
];

export default defineConfig({
  test: {
    pool: "forks",
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 90_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    env: { TZ: "UTC" },
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: ["test/**/*.test.ts"],
          exclude: alone,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "alone", include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
