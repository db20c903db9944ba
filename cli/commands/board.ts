import { formatLocal } from "../../handoff/time/calendar.ts";
import { acceptedBody, apiClient, listArgs } from "../api-client.ts";
import type { Command, Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { called } from "../../words/called.ts";

export const command: Command = {
  name: "board",
  summary: "print what breaks next: leads by clock",
  usage: `baton board [--limit N] [--json] [--url URL] [--token TOKEN]

Prints the open leads by clock: past their deadline, due within the hour, due today, paused, waiting for a manager, on
hold. With a manager's token those of the team. A lead is in one list, what breaks first before the rest.
  --limit N       leads of each list, 1 to 100; 10 when absent
  --json          the answer of GET /board
  --url, --token  the API and a token; else the operator's on the Baton that runs on BATON_HOME and PORT`,
  async run(args, io) {
    const given = listArgs(args, 10);
    const api = await apiClient(readSettings(), given);
    const board = acceptedBody(await api<Board>("GET", `/board?limit=${given.limit}`));
    if (given.json) io.out(JSON.stringify(board));
    else print(board, io);
    return 0;
  },
};

/** What is read of the answer of GET /board. */
interface Board {
  readonly at: string;
  readonly zone: string;
  readonly lists: readonly {
    readonly list: string;
    readonly count: number;
    readonly orMore: boolean;
    readonly items: readonly Entry[];
  }[];
}
interface Entry {
  readonly id: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly company: string | null;
  readonly owner: { readonly id: string; readonly name: string | null } | null;
  readonly queue: string | null;
  readonly asked: string;
  readonly dueInWords: string;
  readonly due: string | null;
  readonly dueLocal: string | null;
  readonly until: string | null;
  readonly zone: string;
}

const titles: Readonly<Record<string, string>> = {
  breached: "Overdue",
  hour: "Due within the hour",
  today: "Due later today",
  paused: "Paused",
  manager: "Waiting for a manager",
  held: "On hold",
};

function print({ zone, lists }: Board, io: Io): void {
  const all = lists.reduce((sum, { count }) => sum + count, 0);
  if (all === 0) {
    io.out("Nothing is about to break: no lead is overdue, due today, paused, held or waiting.");
    return;
  }
  for (const { list, count, orMore, items } of lists) {
    if (count === 0) continue;
    io.out(`${titles[list] ?? list}: ${count}${orMore ? " or more" : ""}`);
    for (const entry of items) io.out(`  ${line(entry)}`);
    if (count > items.length) io.out(`  ... and ${count - items.length} more; --limit shows them`);
  }
  io.out(`Today is that of ${zone}.`);
}

function line(entry: Entry): string {
  const { id, company, owner, queue } = entry;
  const who = [...new Set([called(entry), company])].filter(Boolean).join(", ");
  const holder = owner ? (owner.name ?? owner.id) : queue ? `queue ${queue}` : "nobody";
  const when =
    entry.due !== null
      ? `${entry.dueInWords} (${entry.dueLocal})`
      : entry.until !== null
        ? `until ${formatLocal(entry.zone, Date.parse(entry.until))}`
        : "no deadline";
  return `${when}: ${who}; ${holder}. ${entry.asked} ${id}`;
}
