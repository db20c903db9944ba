/** How a lead's process fails to do its work. */
export type StuckState = "broken" | "missing" | "late";

/** What to do about a lead that is stuck, as a sentence. */
export function remedyOf(state: StuckState, leadId: string): string {
  const repair = `\`baton stuck --repair ${leadId}\``;
  switch (state) {
    case "broken":
      return `deploy the code that can go on with it, or start it again: ${repair}`;
    case "missing":
      return `the reconciler starts it again within five minutes, ${repair} at once`;
    case "late":
      return `see that the worker is ready (\`baton doctor\`); if it is, start it again: ${repair}`;
    default:
      return state satisfies never;
  }
}

/** Why a lead counts as late. */
export const whyLate = "its next step is overdue though its process runs";
