import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readSettings } from "../../../cli/env.ts";
import { testPort } from "../../support/ports.ts";
import { run, type Program } from "../../support/program.ts";

// Whole servers start in here, and ten thousand leads are written, possibly on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 500_000 });

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

let folder: string;
let env: Record<string, string>;
let baton: Program;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-demo-"));
  // As root, Postgres runs as another user, who may pass through here.
  chmodSync(folder, 0o755);
  const [port, temporal, ui] = await Promise.all([testPort(), testPort(), testPort()]);
  env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "/",
    BATON_CACHE: readSettings().cache,
    BATON_HOME: join(folder, "home"),
    PORT: String(port),
    TEMPORAL_PORT: String(temporal),
    TEMPORAL_UI_PORT: String(ui),
  };
  baton = run("npm", ["start", "--silent", "--", "--demo"], { cwd: ROOT, env });
  // Each step has its own patience.
  for (const step of ["Writing a sample", "Planted:", "Temporal server", "API  ", "Alive now:"])
    await baton.until(step);
});
afterAll(async () => {
  baton.signal("SIGTERM");
  await baton.exit;
  rmSync(folder, { recursive: true, force: true });
});

async function get<T>(path: string): Promise<T> {
  const token = readFileSync(join(env["BATON_HOME"] ?? "", "operator-token"), "utf8").trim();
  const answer = await fetch(`http://127.0.0.1:${env["PORT"]}${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status, path).toBe(200);
  return (await answer.json()) as T;
}

interface Items {
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

test("at whatever hour this runs, leads are offered, accepted, qualified and contested", async () => {
  const of = async (stage: string, more = "") =>
    (await get<Items>(`/leads?stage=${stage}${more}`)).items;
  expect((await of("sal")).length).toBe(1);
  expect((await of("sql")).length).toBe(1);
  const withSales = (await of("mql", "&limit=100")).map(({ waitingOn }) => waitingOn);
  // Two whose clocks run out, one that was called, one that a manager decides, one from Canada.
  expect(withSales.filter((one) => one === "outreach").length).toBeGreaterThanOrEqual(2);
  for (const one of ["answer", "manager", "queue"]) expect(withSales).toContain(one);
});

test("says how to come into the console, as the rep who has a lead and as the operator", async () => {
  await baton.until("npx baton sign-in rp_");
  const rep = /npx baton sign-in (rp_\w+)/.exec(baton.lines.join("\n"))?.[1] ?? "";
  await vi.waitFor(() => {
    expect(baton.lines.at(-1)).toMatch(/^Console: http:\/\/127\.0\.0\.1:\d+\/console\/in\//);
  }, 10_000);
  const { items } = await get<Items>("/leads?stage=mql&limit=100");
  expect(items.map(({ owner }) => owner)).toContain(rep);
});

test("a review of each kind is open, with proposals of what was planted, and waits for signatures", async () => {
  await baton.until("Reviews to decide and sign");
  const reviews = await vi.waitFor(async () => {
    const { items } = await get<Items>("/reviews?state=open");
    expect(items.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["monthly", "quarterly", "weekly"]),
    );
    return items;
  }, 50_000);
  const quarterly = reviews.find(({ kind }) => kind === "quarterly");
  const { figures } = await get<{ figures: { proposals: readonly unknown[] } }>(
    `/reviews/${String(quarterly?.["id"])}`,
  );
  expect(figures.proposals.length).toBeGreaterThan(0);
});

test("a manager, sales ops and marketing have a task each", async () => {
  const { items } = await get<Items>("/tasks?limit=100");
  const kinds = items.map(({ kind }) => kind);
  for (const kind of ["contested", "fallback", "fix-data"]) expect(kinds).toContain(kind);
});

test("nothing is lost between the sample and what arrived after it", async () => {
  const { totals, astray, withoutOwner } =
    await get<Record<string, unknown>>("/reports/conservation");
  expect(totals).toMatchObject({ takenIn: 10_013, residue: 0 });
  expect([astray, withoutOwner]).toMatchObject([{ count: 0 }, { count: 0 }]);
});
