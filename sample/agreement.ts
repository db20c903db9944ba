import { planted, type PatternName } from "./patterns.ts";

type Edit = readonly [from: string, to: string];

/** The company's own agreement is the example with these lines changed. */
const own: readonly Edit[] = [
  ["name: Inbound and account-based handoff", "name: Sample company"],
  ["requiredFields: [", "emailDomains: { free: [freemail.example] }\n\nrequiredFields: ["],
  [
    "  trial_started: ",
    "  chat_request:     { points: 40, depth: high }      # somebody waits in the chat of the " +
      "website\n  trial_started: ",
  ],
  [
    "leadTypes:                                # first match wins; no match means nurture\n",
    `leadTypes:                                # first match wins; no match means nurture
  - name: chat-request
    path: fast
    priority: 1
    when: { all: [icp, { signal: chat_request, within: 1 days }] }
    outreach: 2 business minutes
    status: same day
`,
  ],
  ["{ after: 30 business minutes, do: reassign }", "{ after: 480 business minutes, do: reassign }"],
  [
    "    - { name: americas, when: { account.country: { in: [US, CA] } }, pool: americas-sdr }",
    `    - { name: ${planted.territory}, when: { account.country: { in: [CA] } }, pool: canada-sdr }
    - { name: americas, when: { account.country: { in: [US] } }, pool: americas-sdr }`,
  ],
  [
    "  segments:\n",
    "  segments:\n    - { name: chat, when: { signal: chat_request, within: 1 days }, pool: " +
      "chat-desk }\n",
  ],
];

/** What the quarter of changed criteria let through: one guide or webinar is enough. */
const loosened: readonly Edit[] = [
  ["- { band: { in: [A, B] } }", "- { band: { in: [A, B, C] } }"],
  ["{ meaningful: 2, within: 30 days }", "{ meaningful: 1, within: 30 days }"],
];

/** Where nothing is planted the quarter has a version of its own, too, that changes no criterion. */
const harmless: readonly Edit[] = [["warnAt: [50%, 80%]", "warnAt: [50%, 90%]"]];

/**
 * The three versions of the sample company's agreement, made from the text of the example: before
 * the quarter of changed criteria, in it, and since. Throws when a line to change is not there.
 */
export function sampleAgreements(
  example: string,
  plant: readonly PatternName[],
): readonly [string, string, string] {
  const text = edited(example, own);
  const between = edited(text, plant.includes("changed-criteria") ? loosened : harmless);
  return [text, between, text];
}

const vacant = "name: Rep Canada 1, ";

/** The roster of the sample company; where the territory's gap is planted, its one rep has left. */
export function sampleRoster(text: string, plant: readonly PatternName[]): string {
  return plant.includes("territory-gap")
    ? edited(text, [[vacant, `${vacant}active: false, `]])
    : text;
}

function edited(text: string, edits: readonly Edit[]): string {
  return edits.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2)
      throw new Error(`the text to make the sample from must have this once: ${from}`);
    return before.replace(from, () => to);
  }, text);
}
