import { breach, contested, escalation, stalled } from "./manager.ts";
import { crmPaused, fallbackQueue, nurtureReview, renurtureReview } from "./operations.ts";
import { resolutionWaits, reviewOpened, reviewWaits } from "./signing.ts";
import { reminders, taskWaits } from "./tasks.ts";
import {
  actionRefused,
  contestDecided,
  merged,
  offer,
  reassignedAway,
  warning,
  withdrawn,
} from "./rep.ts";
import type { Draft, MailKind, MailMessage, MailNames, Of } from "./message.ts";
import { render, type Rendered } from "./mail/render.ts";
import { nameOf } from "./words.ts";

type Template<Kind extends MailKind> = (message: Of<Kind>, names: MailNames) => Draft;

const templates: { readonly [Kind in MailKind]: Template<Kind> } = {
  offer: offer,
  warning: warning,
  breach: breach,
  escalation: escalation,
  "reassigned-away": reassignedAway,
  withdrawn: withdrawn,
  merged: merged,
  contested: contested,
  "contest-decided": contestDecided,
  "fallback-queue": fallbackQueue,
  "nurture-review": nurtureReview,
  stalled: stalled,
  "task-waits": taskWaits,
  reminders: reminders,
  "action-refused": actionRefused,
  "renurture-review": renurtureReview,
  "review-opened": reviewOpened,
  "review-waits": reviewWaits,
  "resolution-waits": resolutionWaits,
  "crm-paused": crmPaused,
};

/**
 * The mail of a message for one reader: subject, plain text and HTML. What it claims comes from the
 * message, whom it names from `names`; every time is told in the reader's zone.
 */
export function compose(message: MailMessage, names: MailNames): Rendered {
  const template = templates[message.what] as Template<MailKind>;
  const draft = template(message, names);
  const { meantFor } = names.reader;
  return render(
    meantFor === null
      ? draft
      : { ...draft, rows: [...draft.rows, ["Meant for", nameOf(names, meantFor)]] },
  );
}
