import { parseCrmChange } from "../../store/inbox/crm-change.ts";
import type { CrmWebhooks } from "../crm.ts";
import { verifyWebhook } from "../webhook.ts";

/**
 * What comes in from the built-in CRM: one change for each webhook, in Baton's own form, signed as
 * standard-webhooks says. Systems that speak this form need no adapter of their own.
 */
export const houseWebhooks: CrmWebhooks = {
  verify: ({ header, body }, secrets, now) =>
    verifyWebhook(
      secrets,
      {
        "webhook-id": header("webhook-id"),
        "webhook-timestamp": header("webhook-timestamp"),
        "webhook-signature": header("webhook-signature"),
      },
      body,
      now,
    ),
  translate: (payload) => [parseCrmChange(payload)],
};
