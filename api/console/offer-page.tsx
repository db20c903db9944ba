import type { FC } from "hono/jsx";
import type { RejectionReason } from "../../handoff/agreement.ts";
import { channels, outcomes } from "../../handoff/process/outreach.ts";
import type { ActionName, Stage } from "../../handoff/stage.ts";
import { when } from "../../messages/when.ts";
import { leadRows, spoken, stageName, whom } from "../../messages/words.ts";
import { channelWords, consequences, outcomeWords, sayNeeds } from "../../words/answers.ts";
import { inWords } from "../http/format.ts";
import type { OfferView } from "../offer.ts";
import { Hidden } from "./form.tsx";
import { mailto, tel } from "./paths.ts";

type Given = Readonly<Record<string, string>>;

/** The page of an offer that stands: whom to call, why, by when, and the answers. */
export const OfferBody: FC<{
  readonly view: OfferView;
  readonly problem: string | null;
  /** The fields of a form that was refused, to be corrected. */
  readonly given: Given;
}> = ({ view, problem, given }) => {
  const { names, possible } = view;
  const may = (name: ActionName) => possible.includes(name);
  return (
    <>
      <h1>{whom(names)}</h1>
      {problem === null ? null : (
        <p class="notice wrong" role="alert">
          {problem}
        </p>
      )}
      <Standing view={view} />
      <h2>What is known</h2>
      <dl>
        {leadRows(names)
          .filter(([label]) => label !== "Lead")
          .map(([label, value]) => (
            <>
              <dt>{label}</dt>
              <dd>
                <Linked label={label} value={value} />
              </dd>
            </>
          ))}
      </dl>
      {may("accept") ? <AcceptForm view={view} /> : null}
      {may("logOutreach") ? <LogForm view={view} /> : null}
      {may("reject") ? <RejectForm view={view} given={given} /> : null}
      {possible.length === 0 ? <p class="dim">Answer in the CRM, or sign in to Baton.</p> : null}
    </>
  );
};

/** A page that only says something. */
export const Saying: FC<{ readonly title: string; readonly sentences: readonly string[] }> = ({
  title,
  sentences,
}) => (
  <>
    <h1>{title}</h1>
    {sentences.map((sentence) => (
      <p>{sentence}</p>
    ))}
  </>
);

const Standing: FC<{ readonly view: OfferView }> = ({ view }) => {
  const { names, stage, dueAt, now, attempts, acceptedAt } = view;
  const { zone } = names.reader;
  const asked = dueAt === null ? null : askedBy(stage, attempts);
  return (
    <>
      <p>
        {`It is ${stageName(stage)}, and with you. `}
        {acceptedAt === null ? null : `You accepted it on ${when(acceptedAt, zone)}. `}
        {dueAt === null || asked === null ? (
          "No deadline is running for it."
        ) : (
          <>
            {`${asked} by ${when(dueAt, zone)} (`}
            <span class={dueAt < now ? "late" : undefined}>{inWords(dueAt, now)}</span>
            {")."}
          </>
        )}
      </p>
      <p class="dim">
        {attempts === 0
          ? "No attempt to reach them is logged yet."
          : `Attempts logged: ${attempts}.`}
      </p>
    </>
  );
};

function askedBy(stage: Stage, attempts: number): string {
  if (stage !== "mql") return "The next step is due";
  return attempts === 0 ? "Reach out, and log it," : "Accept or reject it";
}

/** A telephone number and an address can be followed from a telephone. */
const Linked: FC<{ readonly label: string; readonly value: string }> = ({ label, value }) => {
  if (label === "Telephone") return <a href={tel(value)}>{value}</a>;
  if (label === "E-mail") return <a href={mailto(value)}>{value}</a>;
  return <>{value}</>;
};

/** What each form of an offer says besides its fields. */
const HiddenOfOffer: FC<{ readonly action: ActionName; readonly stage: Stage }> = ({
  action,
  stage,
}) => (
  <>
    <input type="hidden" name="action" value={action} />
    <Hidden />
    <input type="hidden" name="stage" value={stage} />
  </>
);

const AcceptForm: FC<{ readonly view: OfferView }> = ({ view }) => (
  <>
    <h2>Your answer</h2>
    <form method="post">
      <HiddenOfOffer action="accept" stage={view.stage} />
      <button class="main">Accept: it becomes SAL</button>
    </form>
  </>
);

const LogForm: FC<{ readonly view: OfferView }> = ({ view }) => (
  <>
    <h2>Log an attempt</h2>
    <form method="post">
      <HiddenOfOffer action="logOutreach" stage={view.stage} />
      <label for="channel">How</label>
      <select id="channel" name="channel">
        {channels.map((one) => (
          <option value={one}>{channelWords[one]}</option>
        ))}
      </select>
      <fieldset class="choices">
        <legend>What came of it</legend>
        {outcomes.map((one) => (
          <button name="outcome" value={one}>
            {outcomeWords[one]}
          </button>
        ))}
      </fieldset>
    </form>
  </>
);

const RejectForm: FC<{ readonly view: OfferView; readonly given: Given }> = ({ view, given }) => {
  const reasons = Object.entries(view.reasons);
  const wantsDay = reasons.some(([, reason]) => reason.requires.revisitOn === true);
  return (
    <details open>
      <summary>Reject, with a reason</summary>
      <form method="post">
        <HiddenOfOffer action="reject" stage={view.stage} />
        {wantsDay ? (
          <>
            <label for="revisitOn">Day to come back, where the reason needs one</label>
            <input id="revisitOn" name="revisitOn" type="date" value={given["revisitOn"] ?? ""} />
          </>
        ) : null}
        <label for="note">Note for whoever looks at it next (optional)</label>
        <textarea id="note" name="note" rows={2} maxlength={4000}>
          {given["note"] ?? ""}
        </textarea>
        <fieldset class="choices">
          <legend>The reason; choosing it rejects the lead</legend>
          {reasons.map(([name, reason]) => (
            <button name="reason" value={name}>
              {`${spoken(name)}: ${consequences[reason.then]}${needs(reason)}`}
            </button>
          ))}
        </fieldset>
      </form>
    </details>
  );
};

function needs(reason: RejectionReason): string {
  const wanted = sayNeeds(reason);
  return wanted === "" ? "" : ` (needs ${wanted})`;
}
