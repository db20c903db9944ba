import { randomBytes } from "node:crypto";
import { html } from "hono/html";
import type { Agreement, RejectionReason } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { channels, outcomes } from "../../handoff/process/outreach.ts";
import type { ActionName, Stage } from "../../handoff/stage.ts";
import type { MailNames } from "../../messages/message.ts";
import { when } from "../../messages/when.ts";
import { leadRows, spoken, stageName, whom } from "../../messages/words.ts";
import { channelWords, consequences, outcomeWords, sayNeeds } from "../../words/answers.ts";
import { inWords } from "../http/format.ts";
import type { PagePart } from "./frame.ts";

/** What the page of an offer shows. */
export interface OfferView {
  readonly names: MailNames;
  readonly stage: Stage;
  readonly dueAt: Instant | null;
  readonly now: Instant;
  readonly attempts: number;
  readonly acceptedAt: Instant | null;
  /** What the reader can do here now. */
  readonly possible: readonly ActionName[];
  readonly reasons: Agreement["answers"]["reasons"];
  /** The fields of a form that was refused, to be corrected. */
  readonly given: Readonly<Record<string, string>>;
}

/** The page of an offer that stands: whom to call, why, by when, and the answers. */
export function offerBody(view: OfferView, problem: string | null): PagePart {
  const { names, possible } = view;
  const may = (name: ActionName) => possible.includes(name);
  return html`<h1>${whom(names)}</h1>
    ${problem === null ? "" : html`<p class="note" role="alert">${problem}</p>`} ${standing(view)}
    <h2>What is known</h2>
    <dl>
      ${leadRows(names)
        .filter(([label]) => label !== "Lead")
        .map(
          ([label, value]) =>
            html`<dt>${label}</dt>
              <dd>${linked(label, value)}</dd>`,
        )}
    </dl>
    ${may("accept") ? acceptForm(view) : ""} ${may("logOutreach") ? logForm(view) : ""}
    ${may("reject") ? rejectForm(view) : ""}
    ${
      possible.length === 0
        ? html`<p class="dim">Answer in the CRM, or with your token in Baton.</p>`
        : ""
    }`;
}

/** A page that only says something. */
export function sayingBody(title: string, ...sentences: readonly string[]): PagePart {
  return html`<h1>${title}</h1>
    ${sentences.map((sentence) => html`<p>${sentence}</p>`)}`;
}

/** The answer is not known: the same form again, under the same key. */
export function askAgainBody(fields: Readonly<Record<string, string>>): PagePart {
  return html`<h1>Not known yet</h1>
    <p role="alert">
      The database did not answer, so it is not known whether this took effect. Sending it again
      cannot do it twice.
    </p>
    <form method="post">
      ${Object.entries(fields).map(
        ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
      )}
      <button class="main">Send it again</button>
    </form>`;
}

function standing({ names, stage, dueAt, now, attempts, acceptedAt }: OfferView): PagePart {
  const { zone } = names.reader;
  const asked = dueAt === null ? null : askedBy(stage, attempts);
  return html`<p>
      It is ${stageName(stage)}, and with you.
      ${acceptedAt === null ? "" : html`You accepted it on ${when(acceptedAt, zone)}.`}
      ${
        dueAt === null || asked === null
          ? html`No deadline is running for it.`
          : html`${asked} by ${when(dueAt, zone)} (<span class="${dueAt < now ? "late" : ""}"
                >${inWords(dueAt, now)}</span
              >).`
      }
    </p>
    <p class="dim">
      ${attempts === 0 ? "No attempt to reach them is logged yet." : `Attempts logged: ${attempts}.`}
    </p>`;
}

function askedBy(stage: Stage, attempts: number): string {
  if (stage !== "mql") return "The next step is due";
  return attempts === 0 ? "Reach out, and log it," : "Accept or reject it";
}

/** A telephone number and an address can be followed from a telephone. */
function linked(label: string, value: string): PagePart | string {
  if (label === "Telephone")
    return html`<a href="tel:${value.replace(/[^\d+]/g, "")}">${value}</a>`;
  if (label === "E-mail") return html`<a href="mailto:${encodeURIComponent(value)}">${value}</a>`;
  return value;
}

/** Each form has a key of its own: sent twice it is one action. */
function hidden(action: ActionName, { stage }: OfferView): PagePart {
  return html`<input type="hidden" name="action" value="${action}" />
    <input type="hidden" name="key" value="${randomBytes(16).toString("hex")}" />
    <input type="hidden" name="stage" value="${stage}" />`;
}

function acceptForm(view: OfferView): PagePart {
  return html`<h2>Your answer</h2>
    <form method="post">
      ${hidden("accept", view)}
      <button class="main">Accept: it becomes SAL</button>
    </form>`;
}

function logForm(view: OfferView): PagePart {
  return html`<h2>Log an attempt</h2>
    <form method="post">
      ${hidden("logOutreach", view)}
      <label for="channel">How</label>
      <select id="channel" name="channel">
        ${channels.map((one) => html`<option value="${one}">${channelWords[one]}</option>`)}
      </select>
      <fieldset>
        <legend class="dim">What came of it</legend>
        ${outcomes.map(
          (one) => html`<button name="outcome" value="${one}">${outcomeWords[one]}</button>`,
        )}
      </fieldset>
    </form>`;
}

function rejectForm(view: OfferView): PagePart {
  const { given } = view;
  const reasons = Object.entries(view.reasons);
  const wantsDay = reasons.some(([, reason]) => reason.requires.revisitOn === true);
  const isRefused = given["action"] === "reject";
  return html`<details ${isRefused ? "open" : ""}>
    <summary>Reject, with a reason</summary>
    <form method="post">
      ${hidden("reject", view)}
      ${
        wantsDay
          ? html`<label for="revisitOn">Day to come back, where the reason needs one</label>
              <input
                id="revisitOn"
                name="revisitOn"
                type="date"
                value="${given["revisitOn"] ?? ""}"
              />`
          : ""
      }
      <label for="note">Note for whoever looks at it next (optional)</label>
      <textarea id="note" name="note" rows="2" maxlength="4000">${given["note"] ?? ""}</textarea>
      <fieldset>
        <legend class="dim">The reason; choosing it rejects the lead</legend>
        ${reasons.map(
          ([name, reason]) =>
            html`<button name="reason" value="${name}">
              ${spoken(name)}: ${consequences[reason.then]}${needs(reason)}
            </button>`,
        )}
      </fieldset>
    </form>
  </details>`;
}

function needs(reason: RejectionReason): string {
  const wanted = sayNeeds(reason);
  return wanted === "" ? "" : ` (needs ${wanted})`;
}
