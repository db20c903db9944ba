/** The CRMs that Baton has an adapter for. */
export const crmNames = ["house"] as const;
export type CrmName = (typeof crmNames)[number];
