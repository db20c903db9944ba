import type { Logger } from "pino";
import type { Db } from "../store/postgres/db.ts";
import { watchSchema, type SchemaFit, type SchemaWatch } from "../store/postgres/schema.ts";
import { databaseTrouble } from "../store/postgres/trouble.ts";

/**
 * Resolves when the database says that it has been migrated for this version: work begins then. A
 * database that does not answer is waited for. `closed` is called, now or later, when it was
 * migrated by a version beside which this one may not work.
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
    (error) => {
      const why = databaseTrouble(error) ?? (error instanceof Error ? error.name : "error");
      log.warn(`Work begins when the database says which migrations it has seen: ${why}`);
    },
  );
  const state = watch.fit()?.state;
  if (state !== "fits" && state !== "ahead") await waiting;
  return watch;
}
