import { parseArgs } from "node:util";
import { audit } from "../store/audit.ts";
import { inTransaction } from "../store/db.ts";
import { createToken, revokeToken, roles, type Role } from "../store/tokens.ts";
import { Problem, type Command, type Io } from "./command.ts";
import { readSettings } from "./env.ts";
import { databaseUrlOf } from "./running-database.ts";
import { withPool } from "./servers.ts";

export const command: Command = {
  name: "token",
  summary: "make or revoke a token for the API",
  usage: `baton token create --role ROLE [--rep ID] --label TEXT [--json]
baton token revoke ID [--json]

ROLE is one of ${roles.join(", ")}. A rep or a manager is somebody of the roster, named by --rep.
The secret is shown once and only its hash is kept. Works on DATABASE_URL, else on the database of BATON_HOME.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        role: { type: "string" },
        rep: { type: "string" },
        label: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const [verb, id, ...rest] = positionals;
    if (verb === "create" && id === undefined) return create(values, io);
    if (verb === "revoke" && id !== undefined && rest.length === 0)
      return revoke(id, values.json, io);
    throw new Problem(
      `Say what to do: \`baton token create --role ROLE --label TEXT\` or \`baton token revoke ID\`.`,
    );
  },
};

async function create(
  values: {
    role?: string | undefined;
    rep?: string | undefined;
    label?: string | undefined;
    json: boolean;
  },
  io: Io,
): Promise<number> {
  const role = roles.find((known): known is Role => known === values.role);
  if (!role)
    throw new Problem(
      `--role is ${values.role === undefined ? "missing" : `"${values.role}"`}; expected one of ${roles.join(", ")}.`,
    );
  const label = values.label?.trim();
  if (!label) throw new Problem("--label is missing; say who or what the token is for.");
  const made = await onDatabase(async (pool) =>
    inTransaction(pool, async (tx) => {
      const token = await createToken(tx, { role, repId: values.rep, label }, Date.now());
      await audit(
        tx,
        { actor: "cli", what: "token.created", subject: token.id, detail: { role } },
        Date.now(),
      );
      return token;
    }),
  );
  if (values.json) io.out(JSON.stringify({ id: made.id, role, token: made.secret }));
  else
    io.out(
      `${made.id} (${role})\n${made.secret}\nKeep it: it is not shown again. Revoke it with \`baton token revoke ${made.id}\`.`,
    );
  return 0;
}

async function revoke(id: string, json: boolean, io: Io): Promise<number> {
  const revoked = await onDatabase(async (pool) =>
    inTransaction(pool, async (tx) => {
      const done = await revokeToken(tx, id, Date.now());
      if (done) await audit(tx, { actor: "cli", what: "token.revoked", subject: id }, Date.now());
      return done;
    }),
  );
  if (!revoked) throw new Problem(`There is no live token ${id}.`);
  io.out(json ? JSON.stringify({ id, revoked: true }) : `${id} is revoked.`);
  return 0;
}

async function onDatabase<T>(work: Parameters<typeof withPool<T>>[1]): Promise<T> {
  try {
    return await withPool(databaseUrlOf(readSettings()), work);
  } catch (error) {
    if (error instanceof RangeError) throw new Problem(`${error.message}.`);
    if (error instanceof Error && /ECONNREFUSED|ENOENT|timeout/.test(error.message))
      throw new Problem(
        "The database does not answer; is Baton running? Start it with `baton start`.",
      );
    throw error;
  }
}
