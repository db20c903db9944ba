import pg from "pg";
import type { Application } from "./application.ts";

/**
 * When an intake and its offer were committed, by `performance.now()` of the listener; one clock
 * for both.
 */
export interface Watched {
  readonly intakeAt: ReadonlyMap<string, number>;
  readonly offerAt: ReadonlyMap<string, number>;
  /** Told of every offer, with the lead and the rep who has it. */
  onOffer(listener: (leadId: string, repId: string) => void): void;
  close(): Promise<void>;
}

/**
 * Has the database tell of each intake and each offer when it is committed: NOTIFY is delivered
 * then and not before.
 */
export async function watchOffers(app: Application): Promise<Watched> {
  await app.pool.query(`
    create or replace function bench_tell() returns trigger language plpgsql as $$ begin
      if tg_table_name = 'outbox' then
        if new.kind = 'start' and new.lane = 1
          then perform pg_notify('bench', 'intake ' || substr(new.workflow_id, 6)); end if;
      elsif new.rep_id is not null then
        perform pg_notify('bench', 'offer ' || (select subject_id from handoff
          where id = new.handoff_id) || ' ' || new.rep_id);
      end if;
      return null;
    end $$`);
  await app.pool.query(
    "create or replace trigger bench_intake after insert on outbox for each row execute " +
      "function bench_tell()",
  );
  await app.pool.query(
    "create or replace trigger bench_offer after insert on assignment for each row execute " +
      "function bench_tell()",
  );
  const client = new pg.Client({ connectionString: app.databaseUrl });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("listen bench");
  const [intakeAt, offerAt] = [new Map<string, number>(), new Map<string, number>()];
  let listener: (leadId: string, repId: string) => void = () => undefined;
  client.on("notification", ({ payload = "" }) => {
    const [what, leadId = "", repId = ""] = payload.split(" ");
    (what === "intake" ? intakeAt : offerAt).set(leadId, performance.now());
    if (what === "offer") listener(leadId, repId);
  });
  return {
    intakeAt,
    offerAt,
    onOffer: (next) => {
      listener = next;
    },
    close: () => client.end(),
  };
}
