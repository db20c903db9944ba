import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { violations } from "./support/layers.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

test("every source file imports only what its layer may", () => {
  expect(violations(ROOT)).toEqual([]);
});

describe("a planted breach is found", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "baton-layers-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function plant(path: string, source: string): string[] {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), source);
    return violations(root);
  }

  test.each([
    [
      "handoff/a.ts",
      'import { openPool } from "../store/db.ts";',
      "imports store/db.ts, which is closed to handoff/",
    ],
    [
      "handoff/a.ts",
      'import type { Pool } from "../store/db.ts";',
      "imports types of store/db.ts, which is closed to handoff/",
    ],
    [
      "handoff/a.ts",
      'import { z } from "zod";',
      "imports the package zod, which is not listed for it",
    ],
    [
      "handoff/a.ts",
      'import { join } from "node:path";',
      "imports node:path, but may not use Node",
    ],
    ["handoff/a.ts", 'import fs from "fs";', "imports fs, but may not use Node"],
    [
      "handoff/a.ts",
      "export const now = () => Date.now();",
      "reads the clock; time is an argument",
    ],
    ["handoff/deep/a.ts", "export const now = new Date();", "reads the clock; time is an argument"],
    ["handoff/a.ts", "export const zone = process.cwd();", "touches the world; rules are pure"],
    [
      "workflows/a.ts",
      'import {\n  open,\n} from "../handoff/calendar.ts";',
      "imports handoff/calendar.ts, which is closed to workflows/",
    ],
    [
      "workflows/a.ts",
      'import { Hono } from "hono";',
      "imports the package hono, which is not listed for it",
    ],
    [
      "workflows/a.ts",
      'import type pg from "pg";',
      "imports the package pg, which is not listed for it",
    ],
    [
      "workflows/a.ts",
      'export * from "../activities/index.ts";',
      "imports activities/index.ts, which is not listed for workflows/",
    ],
    [
      "workflows/a.ts",
      'import { type Activities } from "../activities/index.ts";',
      "imports activities/index.ts, which is not listed for workflows/",
    ],
    [
      "activities/a.ts",
      'import { house } from "../crm/house.ts";',
      "imports crm/house.ts, which is not listed for activities/",
    ],
    [
      "activities/a.ts",
      'import { smtp } from "../mail/smtp.ts";',
      "imports mail/smtp.ts, which is closed to activities/",
    ],
    [
      "agreement/a.ts",
      'import pg from "pg";',
      "imports the package pg, which is not listed for it",
    ],
    [
      "store/a.ts",
      'import { parse } from "yaml";',
      "imports the package yaml, which is not listed for it",
    ],
    [
      "store/a.ts",
      "export const url = process.env.DATABASE_URL;",
      "reads process.env, which only entry points do",
    ],
    [
      "api/a.ts",
      'import type { Activities } from "../activities/index.ts";',
      "imports types of activities/index.ts, which is closed to api/",
    ],
    [
      "api/a.ts",
      'const x = await import("../workflows/lead-handoff.ts");',
      "imports workflows/lead-handoff.ts, which is not listed for api/",
    ],
    [
      "cli/a.ts",
      'import { createApp } from "../api/app.ts";',
      "imports api/app.ts, which nobody may",
    ],
    ["mail/a.ts", 'import "../worker/relay.ts";', "imports worker/relay.ts, which nobody may"],
  ])("%s: %s", (path, source, breach) => {
    expect(plant(path, source)).toEqual([`${path} ${breach}`]);
  });

  test.each([
    [
      "workflows/a.ts",
      'import type { Activities } from "../activities/index.ts";\nimport { proxyActivities } from "@temporalio/workflow";',
    ],
    [
      "handoff/a.ts",
      '// as process.env and new Date() would not be\nimport { stage } from "./stage.ts";\nexport const at = (now: number) => new Date(now);',
    ],
    ["api/server.ts", "export const port = process.env.PORT;"],
    ["worker/env.ts", "export const level = process.env.LOG_LEVEL;"],
    ["activities/a.ts", 'import type { Crm } from "../crm/crm.ts";'],
    ["workflows/a.ts", 'import type { Instant } from "../handoff/calendar.ts";'],
  ])("and what is allowed is not: %s", (path, source) => {
    expect(plant(path, source)).toEqual([]);
  });
});
