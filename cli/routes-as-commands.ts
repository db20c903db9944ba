/** What to type for a request that the API's answers name, by its route. */
const commands: readonly (readonly [route: RegExp, command: string])[] = [
  [/POST \/agreement\/versions\/([\w-]+)\/(plan|sign|activate)\b/g, "npx baton agreement $2 $1"],
  [/POST \/agreement\/versions\/propose\b/g, "npx baton agreement propose FILE"],
  [/GET \/readyz\b/g, "npx baton doctor"],
];

/**
 * A sentence of the API for somebody at a terminal: what it says to request is named as the command
 * that does it. `it needs one signature: POST /agreement/versions/ag_1/sign` becomes `…: npx baton
 * agreement sign ag_1`.
 */
export function routesAsCommands(sentence: string): string {
  return commands.reduce((text, [route, command]) => text.replace(route, command), sentence);
}
