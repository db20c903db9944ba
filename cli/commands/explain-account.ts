import { agreementOf } from "../../agreement/stored.ts";
import { windowText } from "../../handoff/qualify/condition.ts";
import { tellAccount, type AccountTold } from "../../store/accounts/told.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { seeAccount } from "../../store/views/accounts.ts";
import { handoffOfAccount } from "../../store/views/leads.ts";
import { CommandError, type Io } from "../command.ts";
import { clocksInLines } from "./explain-clocks.ts";
import { readSettings } from "../env.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

/** Prints who is at an account, how it stands and why, its flags, and what its clocks counted. */
export async function explainAccount(
  id: string,
  asked: { readonly json: boolean; readonly clocks: boolean },
  io: Io,
): Promise<number> {
  const { told, clocks } = await withPool(databaseUrlOf(readSettings()), async (pool) => {
    const account = await seeAccount(pool, id, { kind: "all" });
    if (!account) throw new CommandError("No account has this id; `GET /accounts?q=` finds it.");
    const handoff = asked.clocks ? await handoffOfAccount(pool, id) : undefined;
    return {
      told: await tellAccount(pool, createAgreements(agreementOf), account, Date.now()),
      clocks: handoff === undefined ? [] : await clocksInLines(pool, handoff, "the account"),
    };
  });
  if (asked.json) io.out(JSON.stringify({ ...told, ...(asked.clocks ? { clocks } : {}) }, null, 2));
  else
    for (const line of [
      ...accountInLines(told),
      ...(clocks.length > 0 ? ["", "Clocks:", ...clocks] : []),
    ])
      io.out(line);
  return 0;
}

/** An account as lines of text. */
export function accountInLines(told: AccountTold): string[] {
  const { account, standing, asked, names } = told;
  return [
    `${account.id} is ${account.domain ?? "known by no domain"}; ` +
      `owner ${told.owner ?? "nobody"}${told.tier === null ? "" : `, tier ${told.tier}`}.`,
    ...(account.merged_into === null ? [] : [`It is part of ${account.merged_into}.`]),
    ...(names.length === 0
      ? []
      : [`Also: ${names.map(({ kind, name }) => `${kind} ${name}`).join(", ")}.`]),
    ...(standing === null || asked === null
      ? ["The agreement has no account rules."]
      : [
          `${standing.contacts} of ${asked.contacts} people have engaged, ${asked.depth} or deeper, ` +
            `within ${windowText(asked.withinMs)}: ${standing.engaged ? "engaged" : "not engaged"}` +
            `${standing.nextChangeAt === null ? "" : `, until ${time(standing.nextChangeAt)}`}.`,
          ...standing.trace.map(
            ({ at, field, value, expected, result }) =>
              `  ${at}: ${field === undefined ? "" : `${field} is ${JSON.stringify(value ?? null)}, `}` +
              `expected ${expected}: ${String(result)}`,
          ),
        ]),
    "",
    `People (${told.people.length}):`,
    ...told.people.map(
      ({ id, stage, owner_id: owner, depth, intent, last_at: last, placed_by: by }) =>
        `  ${id} ${stage}${owner === null ? "" : `, with ${owner}`}; deepest ${depth ?? "nothing"}, ` +
        `intent ${intent}${last === null ? "" : `, last ${time(last.getTime())}`}` +
        (by === null ? "" : `; placed by ${by}`),
    ),
    "",
    "Flags:",
    ...told.flags.map(
      (one) =>
        `  ${one.id} raised ${time(one.raised_at.getTime())} by ${one.contacts} people` +
        (one.ended_at === null
          ? ", open"
          : `, ended ${time(one.ended_at.getTime())}: ${one.ended_how ?? ""}`),
    ),
    "",
    "Handoffs of it and its leads:",
    ...told.handoffs.map(
      (one) =>
        `  ${one.id} of ${one.lead_id ?? account.id}: ${one.lead_type ?? "imported"}, ${one.state}` +
        `${one.rep_id === null ? "" : `, ${one.rep_id}`}, since ${time(one.mql_at.getTime())}`,
    ),
  ];
}

function time(at: number): string {
  return new Date(at).toISOString();
}
