/**
 * The SDK stops workflow code that has not come to rest after five seconds of the clock, and on
 * Node 20 that ends the whole process (decision 0058). A process that was paused meanwhile has run
 * for none of them. The SDK takes this option without listing it.
 */
export const executionTimeout = { isolateExecutionTimeout: "10 minutes" } as const;
