import { parseArgs } from "node:util";
import { signingParties, type Party } from "../../handoff/reviews/review.ts";
import { leaderOf } from "../../store/access/leaders.ts";
import {
  loginRoles,
  personWithMail,
  roleToSignIn,
  type Login,
  type LoginRole,
} from "../../store/access/logins.ts";
import { minutesOfLink } from "../../store/access/sign-in-links.ts";
import type { Pool } from "../../store/postgres/db.ts";
import { CommandError, type Command } from "../command.ts";
import { readSettings } from "../env.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";
import { printedLink } from "../stack/console-link.ts";

const rolesWithoutPerson = loginRoles.filter((role) => role !== "rep" && role !== "manager");

export const command: Command = {
  name: "sign-in",
  summary: "print a link that signs in to the console",
  usage: `baton sign-in [rp_… | E-MAIL | ROLE] [--party PARTY] [--label TEXT] [--json]

Prints a link for the console. Whoever opens it first, within ${minutesOfLink("printed")} minutes, is signed in: as the operator; as a rep or manager
of the roster, named by id or e-mail; or as ROLE, one of ${rolesWithoutPerson.join(", ")}.
  --party   marketing or sales, for which a leader signs; with rp_… that person signs in as a leader. "leader"
            without rp_… is the person who led the party before, where that is one; else a login that names nobody:
            it reads, and cannot sign
  --label   tells people of one role apart who are not on the roster, such as two of revops
Works on DATABASE_URL, else on the database of BATON_HOME.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        party: { type: "string" },
        label: { type: "string" },
        json: { type: "boolean", default: false },
      },
    });
    const [who = "operator", ...rest] = positionals;
    if (rest.length > 0)
      throw new CommandError(
        "Name one person or role: `baton sign-in rp_…` or `baton sign-in revops`.",
      );
    const party = signingParties.find((known): known is Party => known === values.party);
    if (values.party !== undefined && !party)
      throw new CommandError(
        `--party is "${values.party}"; expected ${signingParties.join(" or ")}.`,
      );
    const label = values.label?.trim();
    const settings = readSettings();
    const { url, login } = await withPool(databaseUrlOf(settings), async (pool) => {
      try {
        const wish = { ...(await named(pool, who, party)), party, label };
        return await printedLink(pool, settings.publicUrl, wish, Date.now());
      } catch (error) {
        if (error instanceof RangeError) throw new CommandError(`${error.message}.`);
        throw error;
      }
    });
    if (values.json) io.out(JSON.stringify({ login: login.id, role: login.role, url }));
    else
      io.out(
        `${url}\nIt signs in as ${login.role} once, within ${minutesOfLink("printed")} minutes.${asWhom(login)}`,
      );
    return 0;
  },
};

/** As whom a leader's link signs in, and what to do where that is nobody. */
function asWhom({ role, repId, party }: Login): string {
  if (role !== "leader") return "";
  return repId === null
    ? `\nThis login names no person, so it cannot sign: \`baton sign-in rp_… --party ${party}\` does.`
    : `\n${repId} signs for ${party}.`;
}

/** Who is meant: a person of the roster by id or mail address, else a role. */
async function named(
  pool: Pool,
  given: string,
  party: Party | undefined,
): Promise<{ role: LoginRole; repId?: string }> {
  const who = given.includes("@") ? (await personWithMail(pool, given))?.repId : given;
  if (who === undefined)
    throw new CommandError("No one active rep or manager of the roster has this e-mail address.");
  if (!who.startsWith("rp_")) {
    const role = rolesWithoutPerson.find((known) => known === who);
    if (role === undefined)
      throw new CommandError(
        `There is no role "${who}" to sign in as; expected rp_…, an e-mail address of the roster, or one of ${rolesWithoutPerson.join(", ")}.`,
      );
    const leads = role === "leader" && party !== undefined ? await leaderOf(pool, party) : null;
    return leads === null ? { role } : { role, repId: leads };
  }
  if (party !== undefined) return { role: "leader", repId: who };
  const role = await roleToSignIn(pool, who);
  if (role === null)
    throw new CommandError(
      `${who} is no active rep or manager of the roster; nobody else signs in by id.`,
    );
  return { role, repId: who };
}
