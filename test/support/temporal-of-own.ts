import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, type Child } from "../../cli/stack/child.ts";
import { readSettings } from "../../cli/env.ts";
import { testPort } from "./ports.ts";
import { ensureSearchAttributes } from "../../cli/servers/search-attributes.ts";
import { temporalChild } from "../../cli/servers/temporal-server.ts";
import { getTemporal } from "../../cli/servers/temporal.ts";

/** A Temporal server that a test may end and start again; what it knew is in its file. */
export interface OwnTemporal {
  readonly address: string;
  readonly namespace: string;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it on its file again, and resolves when it answers. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function temporalOfOwn(): Promise<OwnTemporal> {
  const folder = await mkdtemp(join(tmpdir(), "baton-test-temporal-"));
  const { cache, temporalCli } = readSettings();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const cli = await getTemporal({
    temporalCli,
    cache,
    path: process.env["PATH"] ?? "",
    progress: say,
  });
  const [port, namespace] = [await testPort(), "default"];
  const address = `127.0.0.1:${port}`;
  const place = {
    port,
    uiPort: undefined,
    namespace,
    databaseFile: join(folder, "temporal.db"),
    logFile: join(folder, "temporal.log"),
  };
  let child: Child | null = null;
  const start = async (): Promise<void> => {
    child = await launch(temporalChild(cli, place));
    await child.ready;
  };
  const kill = async (): Promise<void> => {
    child?.kill();
    await child?.exited;
    child = null;
  };
  await start();
  await ensureSearchAttributes({ address, namespace });
  return {
    address,
    namespace,
    kill,
    start,
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
