import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { apiClient, apiOptions } from "../api-client.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { readSettings } from "../env.ts";

export const command: Command = {
  name: "play",
  summary: "play reps and managers through the API, for a demonstration",
  usage: `baton play [--seed N] [--rounds N] [--url URL] [--token TOKEN]

Goes through all open leads, round by round, and does what a rep or manager might do next: log outreach, accept, reject,
advance, hand back, settle contested rejections, decide reviews. The same seed decides the same for the same lead and round.
It acts on real leads with the operator's rights: use it on a system for trying things out.
  --url, --token  the API and an operator's token; else those of the Baton that runs on BATON_HOME and PORT`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: {
        seed: { type: "string", default: "1" },
        rounds: { type: "string", default: "5" },
        ...apiOptions,
      },
    });
    const [seed, rounds] = [Number(values.seed), Number(values.rounds)];
    if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(rounds) || rounds < 1 || rounds > 1000)
      throw new CommandError("--seed takes a whole number and --rounds one from 1 to 1000.");
    const settings = readSettings();
    const client = await apiClient(settings, values);
    const api: Api = (method, path, body, key) => client<Answer>(method, path, body, key);
    for (let round = 1; round <= rounds; round++)
      io.out(`round ${round}: ${await playRound(api, { seed, round }, io)}`);
    return 0;
  },
};

interface Lead {
  readonly id: string;
  readonly stage: string;
  readonly waitingOn: string;
}
interface Move {
  readonly action: string;
  readonly body: Record<string, unknown>;
}
/** Only what is read of the answers. */
interface Answer {
  readonly items?: readonly Lead[];
  readonly next?: string | null;
  readonly code?: string;
  readonly detail?: string;
  readonly agreement?: {
    readonly answers: { readonly reasons: Readonly<Record<string, ReasonRule>> };
  };
}
interface ReasonRule {
  readonly requires?: { readonly attempts?: number; readonly revisitOn?: boolean };
}
type Api = (
  method: string,
  path: string,
  body?: unknown,
  key?: string,
) => Promise<{ status: number; body: Answer }>;

/** One look at every open lead; gives what was done, in words. */
async function playRound(
  api: Api,
  { seed, round }: { seed: number; round: number },
  io: Io,
): Promise<string> {
  const reasons = Object.entries(
    (await api("GET", "/agreement")).body.agreement?.answers.reasons ?? {},
  );
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const todo: Lead[] = [];
  for (const stage of ["mql", "sal", "sql", "renurture", "nurture"])
    todo.push(...(await leadsIn(api, stage)));
  const work = async () => {
    for (let lead = todo.pop(); lead; lead = todo.pop()) {
      const dice = diceFor(`${seed}/${round}/${lead.id}`);
      const move = moveFor(lead, dice, reasons);
      if (!move) continue;
      const answer = await api(
        "POST",
        `/leads/${lead.id}/${move.action}`,
        move.body,
        `play-${seed}-${round}-${lead.id}`,
      );
      count(
        answer.status < 300
          ? move.action
          : `${move.action} refused (${answer.body.code ?? answer.status})`,
      );
      if (answer.status >= 500 && answer.status !== 503)
        io.err(`${lead.id}: ${move.action} gave ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return (
    [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, n]) => `${n} ${what}`)
      .join(", ") || "nothing to do"
  );
}

async function leadsIn(api: Api, stage: string): Promise<Lead[]> {
  const all: Lead[] = [];
  for (let cursor = ""; ;) {
    const { status, body } = await api("GET", `/leads?stage=${stage}&limit=100${cursor}`);
    if (status !== 200)
      throw new CommandError(
        `The API does not list leads (status ${status}${body.detail ? `: ${body.detail}` : ""}).`,
      );
    all.push(...(body.items ?? []));
    if (!body.next) return all;
    cursor = `&cursor=${encodeURIComponent(body.next)}`;
  }
}

/** What somebody does next, or nothing. */
function moveFor(
  lead: Lead,
  dice: () => number,
  reasons: readonly (readonly [string, ReasonRule])[],
): Move | null {
  const roll = dice();
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(dice() * list.length)];
  const outreach = (outcomes: readonly string[]): Move => ({
    action: "outreach",
    body: { channel: pick(["call", "email", "message"]), outcome: pick(outcomes) },
  });
  const inWeeks = () =>
    new Date(Date.now() + Math.ceil(1 + dice() * 90) * 86_400_000).toISOString().slice(0, 10);
  switch (`${lead.stage}/${lead.waitingOn}`) {
    case "mql/outreach":
      return roll < 0.75
        ? outreach(["attempted", "no_answer", "connected", "replied"])
        : roll < 0.9
          ? rejection()
          : null;
    case "mql/answer":
      return roll < 0.55
        ? { action: "accept", body: { fitRating: 1 + Math.floor(dice() * 5) } }
        : roll < 0.85
          ? rejection()
          : roll < 0.9
            ? { action: "hand-back", body: { revisitOn: inWeeks() } }
            : null;
    case "mql/manager":
      return { action: "contest-decision", body: { decision: roll < 0.6 ? "uphold" : "overturn" } };
    case "mql/queue":
      return { action: "reassign", body: {} };
    case "sal/attempts":
      return roll < 0.7
        ? outreach(["no_answer", "connected", "meeting_booked"])
        : roll < 0.85
          ? { action: "advance", body: { to: "sql" } }
          : { action: "hand-back", body: {} };
    case "sal/meeting":
      return roll < 0.6 ? { action: "advance", body: { to: "sql" } } : null;
    case "sql/opportunity":
      return roll < 0.6
        ? {
            action: "advance",
            body: {
              to: "opportunity",
              amountMinor: Math.ceil(dice() * 500) * 10_000,
              currency: "USD",
            },
          }
        : null;
    case "renurture/review":
    case "renurture/return":
      return roll < 0.1
        ? { action: "review-decision", body: { decision: pick(["keep", "return", "retire"]) } }
        : null;
    case "nurture/review":
      return { action: "review-decision", body: { decision: pick(["keep", "retire"]) } };
    default:
      return null;
  }
  function rejection(): Move {
    const [reason, rule] = pick(reasons) ?? ["no-authority", {}];
    return {
      action: "reject",
      body: { reason, ...(rule.requires?.revisitOn ? { revisitOn: inWeeks() } : {}) },
    };
  }
}

/** Numbers from 0 to 1 that depend on nothing but the name. */
function diceFor(name: string): () => number {
  let n = 0;
  return () => createHash("sha256").update(`${name}/${n++}`).digest().readUInt32BE(0) / 2 ** 32;
}
