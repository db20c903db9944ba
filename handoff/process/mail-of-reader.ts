import type { Change } from "./change.ts";
import { addresseeOf, type Message } from "./message.ts";
import { activeManagerOf, type Situation } from "./situation.ts";

type Send = Extract<Change, { readonly do: "send" }>;

/** What goes out to one reader: the message that asks for most, and what is said beside it. */
export interface MailToReader extends Pick<Send, "n" | "message"> {
  readonly also: readonly Message[];
}

/**
 * What one decision says, each reader's part together: nobody gets two messages about one lead at
 * one moment. Reminders alone stay apart, because a reader's reminders go out together anyway.
 */
export function mailsToReaders(after: Situation, changes: readonly Change[]): MailToReader[] {
  const byReader = new Map<string, Send[]>();
  for (const change of changes) {
    if (change.do !== "send") continue;
    const reader = whoReads(after, change.message);
    byReader.set(reader, [...(byReader.get(reader) ?? []), change]);
  }
  return [...byReader.values()].flatMap((sends): MailToReader[] => {
    if (sends.every(({ message }) => message.what === "task-waits"))
      return sends.map(({ n, message }) => ({ n, message, also: [] }));
    const [first, ...others] = sends.toSorted((a, b) => demand(b.message) - demand(a.message));
    return first === undefined
      ? []
      : [{ n: first.n, message: first.message, also: others.map(({ message }) => message) }];
  });
}

/** Who reads a message: the id of a person, or a role. */
export function whoReads({ people }: Situation, message: Message): string {
  const addressee = addresseeOf(message);
  switch (addressee.to) {
    case "person":
      return addressee.id;
    case "manager": {
      const { of, from } = addressee;
      const isThere = from === "there" && of !== null && people[of]?.active === true;
      return (isThere ? of : activeManagerOf({ people }, of)) ?? "manager";
    }
    case "role":
      return addressee.role;
    default:
      return addressee satisfies never;
  }
}

/** How much a message asks of its reader; of equals the one that was said first leads. */
function demand(message: Message): number {
  switch (message.what) {
    case "offer":
      return 5;
    case "contested":
    case "fallback-queue":
      return 4;
    case "escalation":
      return message.waits ? 4 : 2;
    case "warning":
    case "stalled":
    case "nurture-review":
      return 3;
    case "breach":
      return 2;
    case "reassigned-away":
    case "withdrawn":
    case "merged":
    case "contest-decided":
    case "action-refused":
      return 1;
    case "task-waits":
      return 0;
    default:
      return message satisfies never;
  }
}
