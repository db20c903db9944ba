import type { Logger } from "pino";
import type { Db } from "../store/postgres/db.ts";
import { watchSchema, type SchemaFit, type SchemaWatch } from "../store/postgres/schema.ts";

/**
 * Resolves when the database has been migrated for this version, or does not answer: work begins
 * then. `closed` is called, now or later, when it was migrated by a version beside which this one
 * may not work.
 */
export async function schemaOfItsOwn(
  db: Db,
  log: Pick<Logger, "info" | "warn">,
  closed: (sentence: string) => void,
  everyMs?: number,
): Promise<SchemaWatch> {
  let migrated = () => {};
  const waiting = new Promise<void>((resolve) => {
    migrated = resolve;
  });
  const watch = await watchSchema(
    db,
    (fit: SchemaFit) => {
      if (fit.state === "closed") return closed(fit.sentence);
      if (fit.state === "fits") log.info("the database has the migrations of this version");
      else log.warn(fit.sentence);
      if (fit.state !== "behind") migrated();
    },
    everyMs,
  );
  if (watch.fit()?.state === "behind") await waiting;
  return watch;
}
