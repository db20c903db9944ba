import { actions, allowed, becauseOf, stages, transitions, waits, type Stage } from "./stage.ts";

/**
 * The text of docs/stages.md, derived from the transition table so that it cannot say anything
 * else.
 */
export function stageDocument(): string {
  return [
    "# Stages",
    "",
    "Made from `handoff/stage.ts`; a test keeps them equal (`npx vitest run " +
      "test/handoff/stage.test.ts -u` writes it anew).",
    "",
    "```mermaid",
    "stateDiagram-v2",
    "  [*] --> new: taken in",
    ...stages.flatMap((from) =>
      transitions[from].map((to) => `  ${from} --> ${to}: ${reason(from, to)}`),
    ),
    "  opportunity --> [*]",
    "```",
    "",
    "| Stage | Waits for | What people can do meanwhile | May go to |",
    "|---|---|---|---|",
    ...stages.flatMap((stage) => waits[stage].map((wait, n) => row(stage, wait, n === 0))),
    "",
    `Actions: ${actions.join(", ")}. Anything that is not listed for a stage and wait is ` +
      "refused with 409 and the state that stands.",
    "",
  ].join("\n");
}

function reason(from: Stage, to: Stage): string {
  return (becauseOf[from] as Readonly<Record<string, string>>)[to] ?? "";
}

function row(stage: Stage, wait: string, isFirst: boolean): string {
  const possible = (allowed[stage] as Readonly<Record<string, readonly string[]>>)[wait] ?? [];
  return (
    `| ${isFirst ? `\`${stage}\`` : ""} | ${wait} | ${possible.join(", ") || "-"} | ` +
    `${isFirst ? transitions[stage].join(", ") || "-" : ""} |`
  );
}
