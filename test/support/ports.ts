import { holdPort } from "../../cli/servers/ports.ts";

/**
 * Below every range of ports that systems give to outgoing connections (Linux: from 32768), and small
 * enough for Temporal's server, which keeps its ports in a signed column of two bytes.
 */
const [lowest, count] = [20_000, 12_000];

let step = process.pid * 97;

/**
 * A free port on 127.0.0.1 for a server that a test starts later: no outgoing connection is given
 * it meanwhile, and no other test.
 */
export async function testPort(): Promise<number> {
  for (let tries = 0; tries < count; tries++) {
    const port = lowest + (step++ % count);
    if ((await holdPort(port)) !== undefined) return port;
  }
  throw new Error(`no free port from ${lowest} to ${lowest + count}`);
}
