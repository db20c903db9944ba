import type { Child, FC } from "hono/jsx";
import type { ActionName } from "../../../handoff/stage.ts";
import { actionPlaces } from "../../action-places.ts";
import { Hidden } from "../form.tsx";
import { paths, withQuery } from "../paths.ts";

/** What a page showed of a lead, to be decided for. */
export interface SeenHere {
  readonly stage: string;
  readonly cycle: number;
  readonly round: number;
}

/** A lead, or an account that is handed off as a whole. */
export interface SubjectHere {
  readonly kind: "lead" | "account";
  readonly id: string;
}

/** Where an action on it is sent, and its form is. */
function placeOf({ kind, id }: SubjectHere, action: ActionName): string {
  const place = actionPlaces[action];
  return kind === "lead" ? paths.act(id, place) : paths.actOnAccount(id, place);
}

interface FormOfAction {
  readonly action: ActionName;
  readonly seen: SeenHere | null;
  /** Where the browser goes when it is done. */
  readonly back: string;
  readonly children?: Child;
}

/** A form that does one action, for what the page showed. */
export const ActOn: FC<FormOfAction & { readonly subject: SubjectHere }> = (props) => (
  <form method="post" action={placeOf(props.subject, props.action)}>
    <Hidden back={props.back} />
    <SeenFields seen={props.seen} />
    {props.children}
  </form>
);

/** The same of a lead. */
export const Act: FC<FormOfAction & { readonly lead: string }> = ({ lead, ...form }) => (
  <ActOn subject={{ kind: "lead", id: lead }} {...form} />
);

/** What the page showed, as fields of a form. */
export const SeenFields: FC<{ readonly seen: SeenHere | null }> = ({ seen }) =>
  seen === null ? null : (
    <>
      <input type="hidden" name="stage" value={seen.stage} />
      <input type="hidden" name="cycle" value={String(seen.cycle)} />
      <input type="hidden" name="round" value={String(seen.round)} />
    </>
  );

interface LinkToForm {
  readonly action: ActionName;
  readonly back: string;
  readonly dataKey?: string | undefined;
  readonly name: string;
  readonly children?: Child;
}

/** A link to the form of an action, which comes back to `back`. */
export const ToFormOf: FC<LinkToForm & { readonly subject: SubjectHere }> = (props) => (
  <a
    class="button"
    href={withQuery(placeOf(props.subject, props.action), { back: props.back })}
    data-key={props.dataKey}
    aria-label={props.name}
  >
    {props.children}
  </a>
);

/** The same of a lead. */
export const ToForm: FC<LinkToForm & { readonly lead: string }> = ({ lead, ...link }) => (
  <ToFormOf subject={{ kind: "lead", id: lead }} {...link} />
);

/** What the stage forbids, with the reason; it says so and does nothing. */
export const Forbidden: FC<{ readonly words: string; readonly because: string }> = ({
  words,
  because,
}) => (
  <span class="not-now">
    <button type="button" aria-disabled="true">
      {words}
    </button>
    <small class="dim">{because}</small>
  </span>
);

/** The page of `back`, told what was done to which lead or account. */
export function afterDoing(back: string, action: string, id: string): string {
  const url = new URL(back, "http://console.invalid");
  url.searchParams.set("did", action);
  url.searchParams.set("to", id);
  return url.pathname + url.search;
}
