import { randomUUID } from "node:crypto";
import { acceptedBody, type ApiClient } from "../api-client.ts";
import { CommandError, type Io } from "../command.ts";

/** What a command of a review is given. */
export interface Meeting {
  readonly api: ApiClient;
  /** Of a review or a resolution; empty where none is named. */
  readonly id: string;
  readonly given: Readonly<Record<string, string | boolean | undefined>>;
  readonly io: Io;
}

/** What is read of the API's answers. */
interface Review {
  readonly id: string;
  readonly kind: string;
  readonly period: string;
  readonly state: string;
  readonly dueInWords: string;
  readonly undecided: number;
  readonly signaturesNeeded: number;
  readonly signatures: readonly { readonly party: string; readonly by: string }[];
}
interface Resolution {
  readonly id: string;
  readonly text: string;
  readonly owner: string;
  readonly dueOn: string;
  readonly state: string;
  readonly overdue: boolean;
}
interface WholeReview extends Review {
  readonly carried: readonly Resolution[];
  readonly resolutions: readonly Resolution[];
  readonly figures: {
    readonly proposals: readonly {
      readonly kind: string;
      readonly about: string;
      readonly title: string;
      readonly because: string;
    }[];
    readonly sections: readonly { readonly title: string; readonly paragraph: string }[];
  } | null;
}
interface Lines {
  readonly lines: {
    readonly items: readonly {
      readonly lead: string;
      readonly waits: boolean;
      readonly found: { readonly suggestion: string } | null;
    }[];
    readonly next: string | null;
  };
}

/** The commands of a meeting, by their verb; each asks the API. */
export const inMeeting = { list, show, sign, decide, resolve, close, carry } as const;

async function list({ api, given, io }: Meeting): Promise<number> {
  const query = ["kind", "state"].flatMap((name) => {
    const value = given[name];
    return typeof value === "string" ? [`${name}=${encodeURIComponent(value)}`] : [];
  });
  const answer = acceptedBody(
    await api<{ items: readonly Review[] }>("GET", `/reviews?${query.join("&")}`),
  );
  if (given["json"]) io.out(JSON.stringify(answer));
  else if (answer.items.length === 0) io.out("There is no review.");
  else for (const one of answer.items) io.out(lineOf(one));
  return 0;
}

async function show({ api, id, given, io }: Meeting): Promise<number> {
  if (given["html"]) {
    io.out(acceptedBody(await api<string>("GET", `/reviews/${path(id)}.html`)));
    return 0;
  }
  const review = acceptedBody(await api<WholeReview>("GET", `/reviews/${path(id)}`));
  if (given["json"]) io.out(JSON.stringify(review));
  else for (const line of linesOf(review)) io.out(line);
  return 0;
}

async function sign({ api, id, given, io }: Meeting): Promise<number> {
  const review = acceptedBody(await api<Review>("POST", `/reviews/${path(id)}/sign`, {}));
  io.out(given["json"] ? JSON.stringify(review) : lineOf(review));
  return 0;
}

const decisions = ["keep", "return", "retire", "suggested"];
/** So many leads the API decides in one request. */
const atOnce = 50;

/** Page by page, so that thousands are decided by one command; each lead has its own answer. */
async function decide({ api, id, given, io }: Meeting): Promise<number> {
  const wanted = decisions.find((one) => one === given["pool"]);
  if (wanted === undefined)
    throw new CommandError(
      `--pool is ${given["pool"] === undefined ? "missing" : `"${String(given["pool"])}"`}; ` +
        `expected one of ${decisions.join(", ")}.`,
    );
  const results: { lead: string; status: number; problem?: { detail: string } }[] = [];
  for (let after = ""; ;) {
    const page = acceptedBody(
      await api<Lines>("GET", `/reviews/${path(id)}?waits=true&limit=${atOnce}${after}`),
    );
    const asked = page.lines.items.filter(
      ({ lead }) => given["lead"] === undefined || lead === given["lead"],
    );
    const body = asked.flatMap(({ lead: leadId, found }) => {
      const decision = wanted === "suggested" ? found?.suggestion : wanted;
      return decision === undefined ? [] : [{ leadId, decision }];
    });
    if (body.length > 0) {
      const answer = acceptedBody(
        await api<{ results: typeof results }>(
          "POST",
          `/reviews/${path(id)}/decisions`,
          { decisions: body },
          randomUUID(),
        ),
      );
      results.push(...answer.results);
      if (!given["json"]) io.err(`${results.length} decided`);
    }
    if (page.lines.next === null) break;
    after = `&cursor=${encodeURIComponent(page.lines.next)}`;
  }
  if (given["lead"] !== undefined && results.length === 0)
    throw new CommandError(
      `--lead is "${String(given["lead"])}"; expected one of the leads that wait in this review.`,
    );
  const refused = results.filter(({ status }) => status >= 300);
  if (given["json"]) io.out(JSON.stringify({ results }));
  else {
    for (const { lead, problem } of refused) io.out(`${lead}: ${problem?.detail ?? "refused"}`);
    io.out(`${results.length - refused.length} decided, ${refused.length} refused.`);
  }
  return refused.length === 0 ? 0 : 1;
}

async function resolve({ api, id, given, io }: Meeting): Promise<number> {
  const { owner, due: dueOn, text, proposal } = given;
  const made = acceptedBody(
    await api<Resolution>(
      "POST",
      `/reviews/${path(id)}/resolutions`,
      { owner, dueOn, text, proposal },
      randomUUID(),
    ),
  );
  io.out(given["json"] ? JSON.stringify(made) : resolutionLine(made));
  return 0;
}

async function close({ api, id, given, io }: Meeting): Promise<number> {
  const { state, note } = given;
  const closed = acceptedBody(
    await api<Resolution>("POST", `/resolutions/${path(id)}/close`, { state, note }, randomUUID()),
  );
  io.out(given["json"] ? JSON.stringify(closed) : resolutionLine(closed));
  return 0;
}

async function carry({ api, id, given, io }: Meeting): Promise<number> {
  const carried = acceptedBody(
    await api<Resolution>(
      "POST",
      `/resolutions/${path(id)}/carry-on`,
      { dueOn: given["due"] },
      randomUUID(),
    ),
  );
  io.out(given["json"] ? JSON.stringify(carried) : resolutionLine(carried));
  return 0;
}

const path = encodeURIComponent;

function lineOf(review: Review): string {
  const { id, kind, period, state, dueInWords, undecided, signatures, signaturesNeeded } = review;
  const signed = signatures.map(({ party, by }) => `${party} (${by})`).join(", ");
  return [
    `${id}  ${kind} ${period}  ${state}`,
    ...(state === "open" ? [dueInWords] : []),
    ...(signaturesNeeded === 0 ? [] : [`signed by ${signed || "nobody"}`]),
    ...(undecided === 0 ? [] : [`${undecided} leads undecided`]),
  ].join(", ");
}

function linesOf(review: WholeReview): string[] {
  const { carried, resolutions, figures } = review;
  return [
    lineOf(review),
    ...titled("Open from before", carried.map(resolutionLine)),
    ...titled(
      "Proposals",
      (figures?.proposals ?? []).map(
        ({ kind, about, title, because }) => `${kind}/${about}  ${title} (${because})`,
      ),
    ),
    ...titled(
      "Figures",
      (figures?.sections ?? []).map(({ title, paragraph }) => `${title}: ${paragraph}`),
    ),
    ...titled("Resolved", resolutions.map(resolutionLine)),
  ];
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
}

function resolutionLine({ id, text, owner, dueOn, state, overdue }: Resolution): string {
  return `${id}  ${state}${overdue ? ", overdue" : ""}  ${owner}, by ${dueOn}: ${text}`;
}
