import type { Instant } from "../handoff/time/calendar.ts";
import { houseTables, troubleCacheMs } from "../store/house/house.ts";
import type { Pool } from "../store/postgres/db.ts";
import type { CrmPort, CrmWebhooks } from "./crm.ts";
import { createHouseCrm } from "./house/house.ts";
import { houseWebhooks } from "./house/inward.ts";
import { crmNames, type CrmName } from "./names.ts";

const adapters: Readonly<
  Record<
    CrmName,
    {
      readonly webhooks: CrmWebhooks;
      readonly create: (pool: Pool, clock: () => Instant) => CrmPort;
    }
  >
> = {
  house: {
    webhooks: houseWebhooks,
    create: (pool, clock) =>
      createHouseCrm(houseTables(pool, clock), { calmForMs: troubleCacheMs }),
  },
};

/** The CRM that the settings choose. */
export function createCrm(name: CrmName, pool: Pool, clock: () => Instant): CrmPort {
  return adapters[name].create(pool, clock);
}

/** How webhooks of a source are read: by the adapter of its name, else in Baton's own form. */
export function webhooksOf(source: string): CrmWebhooks {
  const name = crmNames.find((one) => one === source);
  return name === undefined ? houseWebhooks : adapters[name].webhooks;
}
