import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { firstRow, type Pool } from "../store/postgres/db.ts";
import { startApplication, type Application } from "./application.ts";
import { usageOf } from "./cpu.ts";
import { spread, type Report } from "./numbers.ts";
import { watchOffers } from "./offers.ts";
import { demoRequest } from "./opening.ts";
import type { BenchStack } from "./stack.ts";

const map =
  "columns:\n  Id: externalId\n  Name: lead.name\n  E-mail: lead.email\n  Role: lead.role\n  " +
  "Company: account.name\n  Domain: account.domain\n  Size: account.employees\n  Source: " +
  "lead.source\n  First: lead.firstTouchAt\nrequired: [Id]\n";

/**
 * A file of leads imported while a demo request comes in every five seconds, and worker and API are
 * killed on the way. The requests go on for `afterMs` more, while the imported leads' processes
 * start. Nothing may be lost: every row is a lead, and every lead has a process or a telling that
 * will start one.
 */
export async function benchImport(
  stack: BenchStack,
  { leads = 100_000, everyMs = 5_000, afterMs = 60_000 } = {},
): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "baton-import-"));
  const app = await startApplication(stack);
  const watched = await watchOffers(app);
  const memory = sampleMemory(app);
  try {
    const file = join(folder, "leads.csv");
    await writeLeads(file, leads);
    writeFileSync(join(folder, "map.yaml"), map);
    const token = await app.token("operator");
    const asked: string[] = [];
    let retried = 0;
    const asking = new AbortController();
    const requests = (async () => {
      for (let n = 0; !asking.signal.aborted; n++) {
        const body = demoRequest("demo", n, Date.now());
        // Whoever fills in a form while the API is down sends it again.
        for (;;) {
          const answer = await app.post("/leads", body, token).catch(() => null);
          if (answer && answer.status < 300) {
            asked.push(String(answer.body["id"]));
            break;
          }
          retried += 1;
          await pause(500);
        }
        await pause(everyMs, undefined, { signal: asking.signal }).catch(() => undefined);
      }
    })();

    const began = performance.now();
    const importing = runImport(app, file, join(folder, "map.yaml"));
    memory.watch("import", importing.child.pid ?? 0);
    let killed = 0;
    await until(app.pool, "select rows_done::int as n from import", leads / 2, () =>
      importing.isOver(),
    );
    for (const name of ["worker", "api"] as const) {
      await app.kill(name);
      killed += 1;
    }
    for (const name of ["worker", "api"] as const) await app.start(name);
    await importing.done;
    const acceptedS = (performance.now() - began) / 1000;
    await pause(afterMs);
    asking.abort();
    await requests;
    for (
      let waited = 0;
      waited < 20_000 && asked.some((id) => !watched.offerAt.has(id));
      waited += 100
    )
      await pause(100);

    const count = async (query: string) =>
      (await firstRow<{ n: number }>(app.pool, { text: query, values: [] }))?.n ?? 0;
    const imported = await count("select count(*)::int as n from lead where imported");
    const waiting = await count(
      "select count(*)::int as n from outbox where done_at is null and kind = 'start'",
    );
    const lost = await count(
      `
        select count(*)::int as n from lead l
          where not exists (select from outbox o where o.workflow_id = 'lead/' || l.id
          and o.kind = 'start')`,
    );
    const begun = await count("select count(distinct subject_id)::int as n from decision");
    const offers = asked.flatMap((id) => {
      const [from, to] = [watched.intakeAt.get(id), watched.offerAt.get(id)];
      return from === undefined || to === undefined ? [] : [to - from];
    });
    const peaks = memory.stop();
    return {
      figures: [
        {
          name: `import of ${leads} leads accepted after`,
          value: acceptedS,
          unit: "s",
          goal: { atMost: 180 },
        },
        {
          name: "imported leads that are missing",
          value: leads - imported,
          unit: "",
          goal: { atMost: 0 },
        },
        { name: "leads without a start", value: lost, unit: "", goal: { atMost: 0 } },
        ...spread("demo request to offer beside the import", offers, 2_000),
        {
          name: "demo requests without an offer",
          value: asked.filter((id) => !watched.offerAt.has(id)).length,
          unit: "",
          goal: { atMost: 0 },
        },
        ...[...peaks].map(([name, bytes]) => ({
          name: `largest memory of ${name}`,
          value: bytes / 2 ** 20,
          unit: "MiB",
          goal: { atMost: 1_024 },
        })),
      ],
      notes: [
        `${asked.length} demo requests, ${retried} sent again; ${killed} processes killed in ` +
          "the middle",
        `${begun} leads judged when it ended, ${waiting} starts still waiting in the import lane`,
      ],
    };
  } finally {
    memory.stop();
    await watched.close();
    await app.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** People of a thousand companies who have done nothing yet: they go to nurture. */
async function writeLeads(file: string, leads: number): Promise<void> {
  const out = createWriteStream(file);
  out.write("Id,Name,E-mail,Role,Company,Domain,Size,Source,First\n");
  for (let n = 0; n < leads; n++) {
    const company = n % 1_000;
    if (
      !out.write(
        `X-${n},Person ${n},person.${n}@import-${company}.example,user,Company ` +
          `${company},import-${company}.example,${50 + company},webinar,2026-10-01T08:00:00Z\n`,
      )
    )
      await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
}

/** The command that people use, in a process of its own. */
function runImport(
  app: Application,
  file: string,
  mapFile: string,
): { child: ChildProcess; done: Promise<void>; isOver(): boolean } {
  const script = fileURLToPath(new URL("../cli/baton.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, "import", file, "--map", mapFile, "--json"], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "/",
      DATABASE_URL: app.databaseUrl,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      said = `${said}${String(chunk)}`.slice(-2_000);
    });
  let over = false;
  const done = new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => {
      over = true;
      if (code === 0) resolve();
      else reject(new Error(`the import ended with ${code}: ${said}`));
    });
  });
  done.catch(() => undefined);
  return { child, done, isOver: () => over };
}

async function until(
  pool: Pool,
  query: string,
  atLeast: number,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const row = await firstRow<{ n: number }>(pool, { text: query, values: [] });
    if ((row?.n ?? 0) >= atLeast) return;
    await pause(200);
  }
}

/** The largest resident memory of each process, looked at four times a second. */
function sampleMemory(app: Application): {
  watch(name: string, pid: number): void;
  stop(): ReadonlyMap<string, number>;
} {
  const peaks = new Map<string, number>();
  const others = new Map<string, number>();
  const timer = setInterval(() => {
    for (const [name, pid] of [
      ["worker", app.pid("worker")],
      ["api", app.pid("api")],
      ...others,
    ] as const) {
      peaks.set(name, Math.max(peaks.get(name) ?? 0, usageOf(pid)?.rss ?? 0));
    }
  }, 250);
  return {
    watch: (name, pid) => void others.set(name, pid),
    stop: () => {
      clearInterval(timer);
      return peaks;
    },
  };
}
