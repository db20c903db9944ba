const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * What closes a rehearsal's world, once however often it is called. It is called by itself when the
 * process is told to end, so that no server outlives it. The SDK's runtime takes both signals for
 * its own workers, so that neither ends the process by itself.
 */
export function closedOnSignal(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | null = null;
  const once = (): Promise<void> => {
    for (const signal of signals) process.off(signal, end);
    closing ??= close();
    return closing;
  };
  const end = (): void => void once().finally(() => process.exit(1));
  for (const signal of signals) process.once(signal, end);
  return once;
}
