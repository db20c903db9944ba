/** What to type for a request that the API's answers name, by its route. */
const commands: readonly (readonly [route: RegExp, command: string])[] = [
  [/POST \/agreement\/versions\/([\w-]+)\/(plan|sign|activate)\b/g, "npx baton agreement $2 $1"],
  [/POST \/agreement\/versions\/propose\b/g, "npx baton agreement propose FILE"],
];

/**
 * A sentence of the API for somebody at a terminal: what it says to request is named as the command
 * that does it. `it needs one signature: POST /agreement/versions/ag_1/sign` becomes `…: npx baton
 * agreement sign ag_1`. The doctor looks at this machine: of an API on another one, at `origin`, the
 * address is named.
 */
export function routesAsCommands(sentence: string, origin?: string): string {
  const isHere = origin === undefined || thisMachine.has(new URL(origin).hostname);
  return commands
    .reduce((text, [route, command]) => text.replace(route, command), sentence)
    .replace(/GET \/readyz\b/g, isHere ? "npx baton doctor" : `${origin}/readyz`);
}

const thisMachine: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);
