import { withoutEdges } from "../../handoff/facts/text.ts";
import { normalEmail } from "../../spellings/email.ts";
import { createHash } from "node:crypto";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, send, sql, type Db } from "../postgres/db.ts";
import { identityKey, type Identity } from "./identities.ts";

/**
 * Remembers the names of an erased person, as salted hashes only, so that a late event does not
 * bring them back.
 */
export async function rememberErased(
  db: Db,
  identities: readonly Identity[],
  now: Instant,
): Promise<void> {
  const salt = await saltOf(db);
  await send(
    db,
    sql`
    insert into erased_person (hash, erased_at) select hash, ${new Date(now)}
      from unnest(${identities.map((one) => hashOf(salt, one))}::text[]) as hash
    on conflict (hash) do nothing`,
  );
}

/** Which of these names belong to erased people, by `identityKey`. */
export async function findErased(
  db: Db,
  identities: readonly Identity[],
): Promise<ReadonlySet<string>> {
  if (identities.length === 0 || !(await isAnybodyErased(db))) return new Set();
  const salt = await saltOf(db);
  const byHash = new Map(identities.map((one) => [hashOf(salt, one), identityKey(one)]));
  const found = await rows<{ hash: string }>(
    db,
    sql`select hash from erased_person where hash = any(${[...byHash.keys()]}::text[])`,
  );
  return new Set(found.flatMap(({ hash }) => byHash.get(hash) ?? []));
}

/** Nearly always nobody was: one look instead of hashing every arrival and reading every line. */
async function isAnybodyErased(db: Db): Promise<boolean> {
  return (await firstRow(db, sql`select from erased_person limit 1`)) !== undefined;
}

/**
 * Which of these lines of files tell of erased people: by an address, or by an id that stands alone
 * in a cell.
 */
export async function linesOfErased(
  db: Db,
  lines: readonly string[],
): Promise<ReadonlySet<string>> {
  if (lines.length === 0 || !(await isAnybodyErased(db))) return new Set();
  const named = [...new Set(lines)].map((line) => {
    const cells = new Set(
      [...line.split(/[,;|\t\r\n]+/), ...line.split(/[,;|\s<>()]+/)]
        .map((cell) => withoutEdges(withoutQuotes(withoutEdges(cell))))
        // Nobody is known by a longer name.
        .filter((cell) => cell !== "" && cell.length <= 300),
    );
    return {
      line,
      names: [...cells].flatMap((cell): Identity[] =>
        cell.includes("@")
          ? [{ kind: "email", value: normalEmail(cell) }]
          : [
              { kind: "external", value: cell },
              { kind: "crm", value: cell },
              { kind: "lead", value: cell },
            ],
      ),
    };
  });
  const erased = await findErased(
    db,
    named.flatMap(({ names }) => names),
  );
  return new Set(
    named
      .filter(({ names }) => names.some((name) => erased.has(identityKey(name))))
      .map(({ line }) => line),
  );
}

/** Each end is looked at once: an expression would try every run of quotes within. */
function withoutQuotes(cell: string): string {
  let [from, to] = [0, cell.length];
  while (from < to && isQuote(cell[from])) from++;
  while (to > from && isQuote(cell[to - 1])) to--;
  return cell.slice(from, to);
}

function isQuote(letter: string | undefined): boolean {
  return letter === '"' || letter === "'";
}

async function saltOf(db: Db): Promise<string> {
  const row = await firstRow<{ salt: string }>(db, sql`select salt from erasure_salt`);
  if (!row) throw new Error("the erasure salt is missing");
  return row.salt;
}

function hashOf(salt: string, identity: Identity): string {
  return createHash("sha256")
    .update(`${salt}\n${identityKey(identity)}`)
    .digest("hex");
}
