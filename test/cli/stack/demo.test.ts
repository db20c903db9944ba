import { expect, test } from "vitest";
import { seedIfEmpty } from "../../../agreement/seed.ts";
import { loadDemo, playDemo } from "../../../cli/stack/demo.ts";
import type { ApiClient } from "../../../cli/api-client.ts";
import { withDatabase } from "../../support/database.ts";
import { insertLead } from "../../support/lead-rows.ts";

const now = Date.parse("2026-11-20T10:30:00Z");
const tables = ["lead", "account", "process", "transition", "agreement_version", "rep", "pool"];
const db = withDatabase({ empties: [...tables, "outbox", "handoff"] });

function listening() {
  const lines: string[] = [];
  const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
  return { io, lines };
}

test("a demonstration is refused where a real lead is", async () => {
  await seedIfEmpty(db.pool, now);
  await insertLead(db.pool, new Date(now), { id: "ld_1", next_step: "something" });
  await expect(loadDemo(db.pool, now, listening().io)).rejects.toThrow("it holds leads");
});

test("started again, it goes on with the company that is there", async () => {
  await seedIfEmpty(db.pool, now);
  await loadDemo(db.pool, now, listening().io);
  const leads = async () => (await db.pool.query("select from lead")).rowCount;
  expect(await leads()).toBe(10_000);
  const { io, lines } = listening();
  await loadDemo(db.pool, now + 86_400_000, io);
  expect(lines).toEqual(["The sample company of an earlier start is here already."]);
  expect(await leads()).toBe(10_000);
});

test("a refusal of the API ends the demonstration with what was refused", async () => {
  const api: ApiClient = async () => ({ status: 503, body: { detail: "try later" } as never });
  await expect(playDemo(api, now, listening().io)).rejects.toThrow("(503): try later");
});

test("what is being stopped begins nothing more", async () => {
  const asked: string[] = [];
  const api: ApiClient = async (method, path) => {
    asked.push(`${method} ${path}`);
    return { status: 201, body: { id: "ld_1", waitingOn: "hold" } as never };
  };
  const { io, lines } = listening();
  await playDemo(api, now, io, () => asked.length >= 3);
  expect(asked).toEqual(["POST /leads", "POST /leads", "POST /leads"]);
  expect(lines).toEqual([]);
});
