import { parseArgs } from "node:util";
import { periodExamples, reviewKinds } from "../../handoff/reviews/review.ts";
import { apiClient, apiOptions } from "../api-client.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { openReviewEarly } from "../open-review-early.ts";
import { inMeeting } from "./review-meeting.ts";

const usage = `baton review list [--kind KIND] [--state open|closed] [--json]
baton review show ID [--json | --html]
baton review sign ID
baton review decide ID --pool keep|return|retire|suggested [--lead LEAD]
baton review resolve ID --owner OWNER --due DAY (--text TEXT | --proposal PROPOSAL)
baton review close RESOLUTION --state done|dropped [--note TEXT]
baton review carry RESOLUTION --due DAY
baton review open KIND [--period PERIOD]

list, show      the reviews; one with its proposals, resolutions and signatures, or its page to be printed
sign            with --token of a leader: signs for that leader's party
decide          every lead of the re-nurture pool that waits, or one; "suggested" does what the packet suggests for each
resolve         OWNER is a person of the roster or a role such as marketing-ops, DAY is 2026-12-31, PROPOSAL is the
                packet's, as kind/about
close           ends a resolution (rs_...)
carry           carries an open resolution on to a later day
open            without waiting for the day: KIND is ${reviewKinds.join(", ")}, whichever the agreement asks for; PERIOD is
                ${Object.values(periodExamples).join(", ")}, today's when absent. A review that runs is left alone; one that is open without a
                process gets one again. Works on DATABASE_URL and TEMPORAL_ADDRESS, else on the servers of the Baton that
                runs in BATON_HOME
  --json          the answer as JSON
  --url, --token  the API and a token; else the operator's on the Baton that runs on BATON_HOME and PORT`;

export const command: Command = {
  name: "review",
  summary: "read, decide and sign reviews; open one before its day",
  usage,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        period: { type: "string" },
        json: { type: "boolean", default: false },
        html: { type: "boolean", default: false },
        kind: { type: "string" },
        state: { type: "string" },
        pool: { type: "string" },
        lead: { type: "string" },
        owner: { type: "string" },
        due: { type: "string" },
        text: { type: "string" },
        proposal: { type: "string" },
        note: { type: "string" },
        ...apiOptions,
      },
    });
    const [verb = "", about, ...rest] = positionals;
    const meeting = verb in inMeeting ? inMeeting[verb as keyof typeof inMeeting] : undefined;
    const isAsked = verb === "list" ? about === undefined : about !== undefined;
    if (!isAsked || rest.length > 0 || (verb !== "open" && !meeting))
      throw new CommandError(
        `Say what to do: ${[...Object.keys(inMeeting), "open"].map((one) => `\`baton review ${one}\``).join(", ")}; --help says how.`,
      );
    if (!meeting) return open(about ?? "", values, io);
    const api = await apiClient(readSettings(), values);
    return meeting({ api, id: about ?? "", given: values, io });
  },
};

async function open(
  kind: string,
  asked: { period?: string | undefined; json: boolean },
  io: Io,
): Promise<number> {
  const { id, opened } = await openReviewEarly(readSettings(), kind, asked.period);
  if (asked.json) io.out(JSON.stringify({ id, opened }));
  else
    io.out(
      opened
        ? `${id} is open; its packet: npx baton review list, or Reviews in the console.`
        : `${id} is open already.`,
    );
  return 0;
}
