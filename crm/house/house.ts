import type { HouseAnswer, HouseTables, HouseTrouble } from "../../store/house/house.ts";
import {
  CrmBusy,
  CrmDown,
  CrmGone,
  CrmMerged,
  CrmRefused,
  CrmUnauthorized,
  type CrmPort,
  type CrmRef,
} from "../crm.ts";
import { houseWebhooks } from "./inward.ts";

/**
 * The built-in CRM behind the port: no network, but the same answers, and the troubles one can
 * rehearse. Having found no trouble it looks for one again after `calmForMs`: a sync makes half a
 * dozen calls within a few milliseconds.
 */
export function createHouseCrm(tables: HouseTables, { calmForMs = 0 } = {}): CrmPort {
  let calmUntil = 0;
  const look = async (signal: AbortSignal | undefined): Promise<void> => {
    const began = performance.now();
    if (began < calmUntil) return;
    const trouble = await tables.trouble();
    if (trouble) await suffer(trouble, signal);
    else calmUntil = began + calmForMs;
  };
  const call = async <T>(signal: AbortSignal | undefined, ask: () => Promise<T>): Promise<T> => {
    try {
      await look(signal);
      return await ask();
    } catch (error) {
      throw asCrmError(error);
    }
  };
  const write = async (
    signal: AbortSignal | undefined,
    ask: () => Promise<HouseAnswer>,
  ): Promise<CrmRef> => refOf(await call(signal, ask));

  return {
    name: "house",
    ...houseWebhooks,
    upsertAccount: (account, signal) => write(signal, () => tables.upsertAccount(account)),
    upsertLead: (lead, signal) => write(signal, () => tables.upsertLead(lead)),
    upsertTask: (task, signal) => write(signal, () => tables.upsertTask(task)),
    closeTask: (key, signal) => call(signal, () => tables.closeTask(key)),
    addNote: (note, signal) => write(signal, () => tables.addNote(note)),
    upsertOpportunity: (opportunity, signal) =>
      write(signal, () => tables.upsertOpportunity(opportunity)),
    findLead: (by, signal) =>
      call(signal, () =>
        tables.findLead("email" in by ? { email: by.email.trim().toLowerCase() } : by),
      ),
    async readLead(crmId, signal) {
      const found = await call(signal, () => tables.readLead(crmId));
      if ("kind" in found) throw errorOf(found);
      return found;
    },
    async changesSince(cursor, limit, signal) {
      const found = await call(signal, () => tables.changesAfter(Number(cursor ?? "0"), limit));
      return {
        // What is not known here is passed over: the inbox has had it from whoever wrote it.
        changes: found.flatMap(({ change }) => change ?? []),
        cursor: found.at(-1)?.n.toString() ?? cursor,
        more: found.length === limit,
      };
    },
  };
}

/** What a CRM in trouble does with every call. */
async function suffer(trouble: HouseTrouble, signal: AbortSignal | undefined): Promise<void> {
  switch (trouble.kind) {
    case "down":
      throw new CrmDown("an outage is being rehearsed");
    case "busy":
      throw new CrmBusy(trouble.waitMs);
    case "unauthorized":
      throw new CrmUnauthorized();
    case "refused":
      throw new CrmRefused(
        trouble.field ?? "lead.name",
        "something else: a refusal is being rehearsed",
      );
    case "slow":
      return wait(trouble.waitMs, signal);
  }
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new CrmDown("there was no time to wait for it"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

function refOf(answer: HouseAnswer): CrmRef {
  if (answer.kind === "written") return answer.ref;
  throw errorOf(answer);
}

function errorOf(answer: Exclude<HouseAnswer, { kind: "written" }>): Error {
  switch (answer.kind) {
    case "gone":
      return new CrmGone(answer.crmId);
    case "merged":
      return new CrmMerged(answer.crmId, answer.into);
    case "refused":
      return new CrmRefused(answer.field, answer.expected);
  }
}

/**
 * Whatever else goes wrong goes wrong in Postgres: for the caller the CRM is away. Its texts can
 * quote values and stay in `cause`.
 */
function asCrmError(error: unknown): Error {
  const isOurs =
    error instanceof CrmBusy ||
    error instanceof CrmDown ||
    error instanceof CrmRefused ||
    error instanceof CrmUnauthorized ||
    error instanceof CrmGone ||
    error instanceof CrmMerged;
  return isOurs ? error : new CrmDown("its tables cannot be reached", error);
}
