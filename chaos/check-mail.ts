import { messageIdOf } from "../messages/mail/mail.ts";
import { rows, sql, type Pool } from "../store/postgres/db.ts";
import type { Received } from "../test/support/smtp-sink.ts";

/**
 * Mail may come twice after an unknown outcome, but one message has one Message-ID: each that came
 * belongs to one effect and one reader, each effect that is done has come, and a repeat has the
 * same reader.
 */
export async function checkMail(pool: Pool, received: readonly Received[]): Promise<string[]> {
  const effects = await rows<{ key: string; what: string; state: string; reader: string | null }>(
    pool,
    sql`
    select key, what, state, payload->>'repId' as reader from effect where kind = 'mail'`,
  );
  const people = (await rows<{ id: string }>(pool, sql`select id from rep`)).map((row) => row.id);
  const known = new Map(
    effects.flatMap((effect) =>
      people.map((reader) => [messageIdOf(effect.key, reader), { effect, reader }] as const),
    ),
  );
  const came = new Map<string, Set<string>>();
  const found: string[] = [];
  for (const letter of received) {
    const id = /^message-id:\s*(<[^>]*>)/im.exec(letter.data)?.[1] ?? "none";
    if (!known.has(id)) found.push(`a mail came with Message-ID ${id}, which is no effect's`);
    came.set(id, (came.get(id) ?? new Set()).add(letter.to.join()));
  }
  for (const [id, readers] of came)
    if (readers.size > 1) found.push(`Message-ID ${id} came to ${readers.size} readers`);
  for (const { key, state, reader } of effects) {
    if (
      state === "done" &&
      reader !== null &&
      people.includes(reader) &&
      !came.has(messageIdOf(key, reader))
    )
      found.push(`mail ${key} is done and never came`);
    const readers = people.filter((one) => came.has(messageIdOf(key, one)));
    if (reader !== null && readers.length > 1)
      found.push(`mail ${key} came under ${readers.length} Message-IDs`);
  }
  const offers = effects.filter((one) => one.what === "offer" && one.state === "done");
  if (offers.length === 0) found.push("no offer was mailed");
  return found.slice(0, 10);
}
