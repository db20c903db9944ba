import { parseArgs } from "node:util";
import { signingParties, type Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { instantOf } from "../../handoff/time/dates.ts";
import { parseDuration } from "../../handoff/time/deadline.ts";
import { audit } from "../../store/postgres/audit.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import {
  createToken,
  listTokens,
  revokeToken,
  roles,
  type ListedToken,
  type Role,
} from "../../store/access/tokens.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

export const command: Command = {
  name: "token",
  summary: "make, list or revoke tokens for the API",
  usage: `baton token create --role ROLE [--rep ID] [--party PARTY] --label TEXT [--expires WHEN] [--json]
baton token list [--all] [--json]
baton token revoke ID [--json]

ROLE is one of ${roles.join(", ")}. A rep or a manager is somebody of the roster, named by --rep. A leader
signs for a party, --party marketing or --party sales, as the person named by --rep; without --rep it reads alone.
The secret is shown once and only its hash is kept. WHEN is a length such as "90 days", or a time such as
2027-01-31T00:00:00Z; without it a token lives until it is revoked. A token of somebody who leaves is revoked with that.
The list shows tokens that work; --all those that do not, too. Works on DATABASE_URL, else on the database of BATON_HOME.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        role: { type: "string" },
        rep: { type: "string" },
        party: { type: "string" },
        label: { type: "string" },
        expires: { type: "string" },
        all: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    const [verb, id, ...rest] = positionals;
    if (verb === "create" && id === undefined) return create(values, io);
    if (verb === "list" && id === undefined) return list(values, io);
    if (verb === "revoke" && id !== undefined && rest.length === 0)
      return revoke(id, values.json, io);
    throw new CommandError(
      `Say what to do: \`baton token create --role ROLE --label TEXT\`, \`baton token list\` ` +
        `or \`baton token revoke ID\`.`,
    );
  },
};

interface Wanted {
  readonly role?: string | undefined;
  readonly rep?: string | undefined;
  readonly party?: string | undefined;
  readonly label?: string | undefined;
  readonly expires?: string | undefined;
  readonly json: boolean;
}

async function create(values: Wanted, io: Io): Promise<number> {
  const role = roles.find((known): known is Role => known === values.role);
  if (!role)
    throw new CommandError(
      `--role is ${values.role === undefined ? "missing" : `"${values.role}"`}; expected one ` +
        `of ${roles.join(", ")}.`,
    );
  const party = signingParties.find((known): known is Party => known === values.party);
  if (values.party !== undefined && !party)
    throw new CommandError(
      `--party is "${values.party}"; expected ${signingParties.join(" or ")}.`,
    );
  const label = values.label?.trim();
  if (!label) throw new CommandError("--label is missing; say who or what the token is for.");
  const expiresAt = values.expires === undefined ? undefined : endOf(values.expires, Date.now());
  const made = await onDatabase(async (pool) =>
    inTransaction(pool, async (tx) => {
      const token = await createToken(
        tx,
        { role, repId: values.rep, party, label, expiresAt },
        Date.now(),
      );
      await audit(
        tx,
        {
          actor: "cli",
          what: "token.created",
          subject: token.id,
          detail: { role, ...(party ? { party } : {}) },
        },
        Date.now(),
      );
      return token;
    }),
  );
  const expires = expiresAt === undefined ? null : new Date(expiresAt).toISOString();
  if (values.json) io.out(JSON.stringify({ id: made.id, role, token: made.secret, expires }));
  else
    io.out(
      `${made.id} (${role}${expires === null ? "" : `, until ${expires}`})\n${made.secret}\nKeep it: it is not shown again. Revoke it with \`baton token revoke ${made.id}\`.` +
        (role === "leader" && values.rep === undefined
          ? "\nIt names no person (--rep), so it reads and does not sign."
          : ""),
    );
  return 0;
}

/** When a token ends: so long from now, or at a time. */
function endOf(words: string, now: Instant): Instant {
  const at = instantOf(words);
  if (at !== null) return at;
  const length = parseDuration(words);
  if ("ms" in length && length.ms > 0) return now + length.ms;
  throw new CommandError(
    `--expires is "${words}"; expected a length such as "90 days" or a time such as ` +
      "2027-01-31T00:00:00Z.",
  );
}

async function list(
  { all, json }: { readonly all: boolean; readonly json: boolean },
  io: Io,
): Promise<number> {
  const tokens = await onDatabase((pool) => listTokens(pool, Date.now(), all));
  if (json) io.out(JSON.stringify(tokens.map(shown)));
  else if (tokens.length === 0) io.out("There is no token.");
  else for (const one of tokens) io.out(lineOf(one));
  return 0;
}

function shown({
  id,
  role,
  repId: rep,
  party,
  label,
  state,
  ...at
}: ListedToken): Record<string, string | null> {
  const time = (instant: Instant | null) =>
    instant === null ? null : new Date(instant).toISOString();
  return {
    id,
    role,
    rep,
    ...(party === null ? {} : { party }),
    label,
    state,
    created: time(at.createdAt),
    expires: time(at.expiresAt),
    revoked: time(at.revokedAt),
  };
}

const words: Readonly<Record<ListedToken["state"], string>> = {
  live: "works",
  revoked: "revoked",
  expired: "expired",
  left: "its person has left",
};

function lineOf(token: ListedToken): string {
  const until =
    token.expiresAt === null ? "" : `, until ${new Date(token.expiresAt).toISOString()}`;
  const whose = [token.role, token.party, token.repId].filter((one) => one !== null).join(" ");
  const made = new Date(token.createdAt).toISOString().slice(0, 10);
  return `${token.id}  ${whose}  ${words[token.state]}${until}  made ${made}  ${token.label}`;
}

async function revoke(id: string, json: boolean, io: Io): Promise<number> {
  const revoked = await onDatabase(async (pool) =>
    inTransaction(pool, async (tx) => {
      const done = await revokeToken(tx, id, Date.now());
      if (done) await audit(tx, { actor: "cli", what: "token.revoked", subject: id }, Date.now());
      return done;
    }),
  );
  if (!revoked) throw new CommandError(`There is no live token ${id}.`);
  io.out(json ? JSON.stringify({ id, revoked: true }) : `${id} is revoked.`);
  return 0;
}

async function onDatabase<T>(work: Parameters<typeof withPool<T>>[1]): Promise<T> {
  try {
    return await withPool(databaseUrlOf(readSettings()), work);
  } catch (error) {
    if (error instanceof RangeError) throw new CommandError(`${error.message}.`);
    throw error;
  }
}
