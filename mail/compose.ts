import { breach, contested, escalation, stalled } from "./compose-manager.ts";
import { crmPaused, fallbackQueue, nurtureReview, renurtureReview } from "./compose-ops.ts";
import { contestDecided, offer, reassignedAway, warning, withdrawn } from "./compose-rep.ts";
import type { MailFacts, MailKind, Message } from "./message.ts";
import { render, type Rendered } from "./render.ts";

const messages: Readonly<Record<MailKind, (facts: MailFacts) => Message>> = {
  offer: offer,
  warning: warning,
  breach: breach,
  escalation: escalation,
  "reassigned-away": reassignedAway,
  withdrawn: withdrawn,
  contested: contested,
  "contest-decided": contestDecided,
  "fallback-queue": fallbackQueue,
  "nurture-review": nurtureReview,
  "renurture-review": renurtureReview,
  stalled: stalled,
  "crm-paused": crmPaused,
};

/** The message of this kind for one reader: subject, plain text, HTML; every time in the reader's zone. */
export function compose(kind: MailKind, facts: MailFacts): Rendered {
  return render(messages[kind](facts));
}
