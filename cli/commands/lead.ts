import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Instant } from "../../handoff/time/calendar.ts";
import { acceptedBody, apiClient, apiOptions } from "../api-client.ts";
import { CommandError, type Command } from "../command.ts";
import { readSettings } from "../env.ts";

export const command: Command = {
  name: "lead",
  summary: "hand over one lead: a file, or an example",
  usage: `baton lead FILE [--json] [--url URL] [--token TOKEN]
baton lead --example [--print] [--json] [--url URL] [--token TOKEN]

Sends a lead to POST /leads, the same way in every shell. FILE holds the JSON body (docs/facts.md has the names).
  --example       a made-up buyer who asked for a demo ten minutes ago; each call is another person
  --print         print the body instead of sending it: \`baton lead --example --print > lead.json\`
  --json          the answer of the API
  --url, --token  the API and a token; else the operator's on the Baton that runs on BATON_HOME and PORT`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        example: { type: "boolean", default: false },
        print: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        ...apiOptions,
      },
    });
    const [file, ...more] = positionals;
    if (more.length > 0 || values.example === (file !== undefined))
      throw new CommandError("Name one file, or say `baton lead --example`.");
    const body = file === undefined ? exampleLead(Date.now()) : await readBody(file);
    if (values.print) {
      io.out(JSON.stringify(body, null, 2));
      return 0;
    }
    const api = await apiClient(readSettings(), values);
    const taken = acceptedBody(await api<Taken>("POST", "/leads", body, randomUUID()));
    if (values.json) io.out(JSON.stringify(taken));
    else {
      io.out(`${taken.id} is taken in; it is in stage ${taken.stage}.`);
      for (const { field, message } of taken.notUnderstood) io.out(`${field}: ${message}`);
      io.out(`What becomes of it: npx baton explain ${taken.id}`);
    }
    return 0;
  },
};

/** What is read of the answer of POST /leads. */
interface Taken {
  readonly id: string;
  readonly stage: string;
  readonly notUnderstood: readonly { readonly field: string; readonly message: string }[];
}

/** A lead that the example agreement hands to sales; its times are relative to `now`. */
export function exampleLead(now: Instant): Readonly<Record<string, unknown>> {
  const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();
  const person = now.toString(36);
  return {
    facts: {
      "lead.email": `kim.${person}@customer.example`,
      "lead.name": "Kim Example",
      "lead.role": "buyer",
      "lead.title": "VP Operations",
      "lead.phone": "+1 555 0100",
      "lead.source": "google",
      "lead.firstTouchAt": ago(3 * 24 * 60),
      "account.name": "Customer",
      "account.domain": "customer.example",
      "account.employees": 200,
      "account.industry": "Software",
      "account.country": "US",
    },
    engagements: [{ id: `form-${person}`, type: "demo_request", occurredAt: ago(10) }],
  };
}

async function readBody(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${file} cannot be read (${error.code}); give the path of a JSON file.`);
  });
  try {
    // PowerShell writes a byte order mark in front.
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new CommandError(`${file} is not JSON: ${(error as Error).message}.`);
  }
}
