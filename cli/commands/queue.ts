import { acceptedBody, apiClient, listArgs } from "../api-client.ts";
import type { Command, Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { called } from "../../words/called.ts";

export const command: Command = {
  name: "queue",
  summary: "print what waits for somebody, the earliest due first",
  usage: `baton queue [--limit N] [--json] [--url URL] [--token TOKEN]

Prints what waits for whoever the token belongs to: what to do, with whom, why and until when. With a rep's token the
rep's own leads and tasks, with a manager's also the team's clocks of today, with the operator's all that is late.
A token for somebody of the roster: \`baton token create --role rep --rep rp_… --label TEXT\`.
  --limit N       entries, 1 to 100; 20 when absent
  --json          the answer of GET /queue
  --url, --token  the API and a token; else the operator's on the Baton that runs on BATON_HOME and PORT`,
  async run(args, io) {
    const given = listArgs(args, 20);
    const api = await apiClient(readSettings(), given);
    const queue = acceptedBody(await api<Page>("GET", `/queue?limit=${given.limit}`));
    if (given.json) io.out(JSON.stringify(queue));
    else print(queue, io);
    return 0;
  },
};

/** What is read of the answer of GET /queue. */
interface Page {
  readonly items: readonly {
    readonly kind: string;
    readonly id: string;
    readonly lead: string | null;
    readonly name: string | null;
    readonly email: string | null;
    readonly company: string | null;
    readonly phone: string | null;
    readonly asked: string;
    readonly why: string | null;
    readonly due: string | null;
    readonly dueLocal: string | null;
    readonly dueInWords: string;
  }[];
  readonly next: string | null;
}

function print({ items, next }: Page, io: Io): void {
  if (items.length === 0) io.out("Nothing waits.");
  for (const entry of items) {
    const { id, lead, company, phone, asked, why, due, dueLocal, dueInWords } = entry;
    const whom = called({ ...entry, id: lead ?? id });
    const who = [...new Set([whom, company, phone])].filter(Boolean).join(", ");
    io.out(`${due === null ? dueInWords : `${dueInWords} (${dueLocal})`}: ${who}`);
    io.out(`  ${asked}${why === null ? "" : ` Why: ${why}.`} ${id}`);
  }
  if (next !== null) io.out("There are more; --limit shows them.");
}
