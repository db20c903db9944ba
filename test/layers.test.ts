import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { circles, violations } from "./support/layers.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

test("every source file imports only what its layer may", () => {
  expect(violations(ROOT)).toEqual([]);
});

test("no files import each other in a circle, types included", () => {
  expect(circles(ROOT)).toEqual([]);
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

  test("a circle is found, of values or of types, and what only leads to it is no part of it", () => {
    plant("handoff/a.ts", 'import type { B } from "./b.ts";');
    plant("handoff/b.ts", 'export { c } from "./deep/c.ts";');
    plant("handoff/deep/c.ts", 'export type A = import("../a.ts").A;');
    plant("handoff/d.ts", 'import { a } from "./a.ts";');
    plant("api/e.tsx", 'import { f } from "./f.ts";');
    plant("api/f.ts", 'import { e } from "./e.tsx";\nimport { a } from "../handoff/a.ts";');
    plant("store/g.ts", 'import type { G } from "./g.ts";');
    plant("store/h.ts", '// import { h } from "./h.ts";');
    expect(circles(root).sort()).toEqual([
      "api/e.tsx, api/f.ts import each other",
      "handoff/a.ts, handoff/b.ts, handoff/deep/c.ts import each other",
      "store/g.ts import each other",
    ]);
  });

  test.each([
    [
      "handoff/a.ts",
      'import { openPool } from "../store/postgres/db.ts";',
      "imports store/postgres/db.ts, which is not listed for handoff/",
    ],
    [
      "api/a.ts",
      'const one = Connection.lazy({ address: "127.0.0.1:7233" });',
      "connects to Temporal, which temporal/ alone does",
    ],
    [
      "worker/a.ts",
      "const one = await NativeConnection.connect({ address });",
      "connects to Temporal, which temporal/ alone does",
    ],
    [
      "api/a.ts",
      'import { nativeConnection } from "../temporal/native.ts";',
      "imports temporal/native.ts, which is closed to api/",
    ],
    [
      "cli/commands/start.ts",
      'await import("../../worker/main.ts");',
      "imports worker/main.ts, which nobody may",
    ],
    [
      "handoff/a.ts",
      'import type { Pool } from "../store/postgres/db.ts";',
      "imports types of store/postgres/db.ts, which is not listed for handoff/",
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
      'import {\n  open,\n} from "../handoff/time/calendar.ts";',
      "imports handoff/time/calendar.ts, which is closed to workflows/",
    ],
    [
      "workflows/a.ts",
      'import type { Instant } from "../handoff/time/calendar.ts";',
      "imports types of handoff/time/calendar.ts, which is closed to workflows/",
    ],
    [
      "workflows/a.ts",
      'import type { Activities } from "../activities/index.ts";',
      "imports types of activities/index.ts, which is not listed for workflows/",
    ],
    [
      "workflows/proxies.ts",
      'import { createActivities } from "../activities/index.ts";',
      "imports activities/index.ts, which is not listed for workflows/",
    ],
    [
      "store/a.ts",
      'import type { LeadStart } from "../workflows/contract.ts";',
      "imports types of workflows/contract.ts, which is not listed for store/",
    ],
    [
      "store/a.ts",
      'import { actionOf } from "../crm/action.ts";',
      "imports crm/action.ts, which is not listed for store/",
    ],
    [
      "crm/crm.ts",
      'import type { Pool } from "../store/postgres/db.ts";',
      "imports types of store/postgres/db.ts, which is not listed for crm/",
    ],
    [
      "crm/change.ts",
      'import type { House } from "./house/house.ts";',
      "imports types of crm/house/house.ts, which is closed to crm/",
    ],
    [
      "api/console/a.tsx",
      'import type { Activities } from "../../activities/index.ts";',
      "imports types of activities/index.ts, which is not listed for api/",
    ],
    ["api/console/a.tsx", "const x = sql`select 1`;", "writes SQL, which stands in store/ alone"],
    [
      "api/console/a.tsx",
      'import { queueOf } from "../../store/views/queue.ts";',
      "imports store/views/queue.ts, which is not listed for api/",
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
      "workflows/a.ts",
      'import { proxyLocalActivities } from "@temporalio/workflow";',
      "begins local activities; that is for workflows/proxies.ts alone",
    ],
    [
      "workflows/a.ts",
      "export const now = scheduleLocalActivity({});",
      "begins local activities; that is for workflows/proxies.ts alone",
    ],
    [
      "activities/a.ts",
      'import { house } from "../crm/house/house.ts";',
      "imports crm/house/house.ts, which is not listed for activities/",
    ],
    [
      "activities/a.ts",
      'import { smtp } from "../messages/mail/smtp.ts";',
      "imports messages/mail/smtp.ts, which is closed to activities/",
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
      "imports types of activities/index.ts, which is not listed for api/",
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
    ["api/a.ts", "const x = sql`select 1`;", "writes SQL, which stands in store/ alone"],
    ["worker/a.ts", "const x = sql<Row>`select 1`;", "writes SQL, which stands in store/ alone"],
    ["cli/a.ts", 'await pool.query("select 1");', "runs a statement, which store/ alone does"],
    ["activities/a.ts", "await tx\n.query<Row>(x);", "runs a statement, which store/ alone does"],
    [
      "crm/house/a.ts",
      'import { inTransaction, rows } from "../../store/postgres/db.ts";',
      "takes what statements are run with, which is for store/ alone",
    ],
    ["messages/a.ts", 'import "../worker/relay.ts";', "imports worker/relay.ts, which nobody may"],
  ])("%s: %s", (path, source, breach) => {
    expect(plant(path, source)).toEqual([`${path} ${breach}`]);
  });

  test.each([
    [
      "workflows/proxies.ts",
      'import type { Activities } from "../activities/index.ts";\nimport { proxyActivities } ' +
        'from "@temporalio/workflow";',
    ],
    ["store/a.ts", 'import type { CrmChange } from "../crm/change.ts";'],
    [
      "handoff/a.ts",
      "// as process.env and new Date() would not be\nimport { stage } from " +
        '"./stage.ts";\nexport const at = (now: number) => new Date(now);',
    ],
    ["store/a.ts", "export const x = (db) => db.query(sql`select 1`);"],
    ["bench/a.ts", "export const x = (db) => db.query(sql`select 1`);"],
    ["chaos/a.ts", "export const x = (db) => db.query(sql`select 1`);"],
    ["worker/a.ts", "export const x = (handle) => handle.query(standing);"],
    ["cli/a.ts", 'import { inTransaction, type Pool } from "../store/postgres/db.ts";'],
    ["api/console/a.tsx", 'export const to = (c) => c.req.query("to");'],
    ["api/console/a.tsx", 'import type { Role } from "../../store/access/tokens.ts";'],
    ["api/server.ts", "export const port = process.env.PORT;"],
    ["cli/env.ts", "export const level = process.env.LOG_LEVEL;"],
    ["activities/a.ts", 'import type { Crm } from "../crm/crm.ts";'],
    ["workflows/proxies.ts", 'import { proxyLocalActivities } from "@temporalio/workflow";'],
  ])("and what is allowed is not: %s", (path, source) => {
    expect(plant(path, source)).toEqual([]);
  });
});
