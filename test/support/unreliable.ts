import type { Client } from "@temporalio/client";
import { toldNames } from "../../handoff/process/words.ts";

/** What became of the signals that went through. */
export interface Fates {
  sent: number;
  lost: number;
  doubled: number;
  late: number;
}

/** A late signal comes so much later at most: behind several that were sent after it. */
const latestMs = 2_500;

/**
 * A client for a relay, through which signals are lost, doubled or overtaken by later ones, by a
 * seeded chance. Only what tells a process where it stands is lost: news asks for a decision that
 * is not taken yet, and has no standing to be compared with.
 */
export function unreliable(client: Client, random: () => number, fates: Fates): Client {
  const signal = async (workflowId: string, message: string, payload: unknown): Promise<void> => {
    const handle = client.workflow.getHandle(workflowId);
    const send = () => handle.signal(message, payload);
    const chance = random();
    const canBeLost = (toldNames as readonly string[]).includes(message);
    if (chance < 0.2 && canBeLost) {
      fates.lost += 1;
      return;
    }
    if (chance < 0.4) {
      fates.doubled += 1;
      await send();
      return send();
    }
    if (chance < 0.6) {
      fates.late += 1;
      // A process that has ended meanwhile needs it no more.
      setTimeout(() => void send().catch(() => undefined), random() * latestMs);
      return;
    }
    fates.sent += 1;
    return send();
  };
  const workflow = {
    start: client.workflow.start.bind(client.workflow),
    signalWithStart: client.workflow.signalWithStart.bind(client.workflow),
    getHandle: (workflowId: string) => ({
      signal: (message: string, payload: unknown) => signal(workflowId, message, payload),
    }),
  };
  const withDeadline = client.withDeadline.bind(client);
  return { workflow, withDeadline } as unknown as Client;
}
