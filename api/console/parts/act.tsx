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

interface ActProps {
  readonly lead: string;
  readonly action: ActionName;
  readonly seen: SeenHere | null;
  /** Where the browser goes when it is done. */
  readonly back: string;
  readonly children?: Child;
}

/** A form that does one action to a lead, for what the page showed. */
export const Act: FC<ActProps> = ({ lead, action, seen, back, children }) => (
  <form method="post" action={paths.act(lead, actionPlaces[action])}>
    <Hidden back={back} />
    <SeenFields seen={seen} />
    {children}
  </form>
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

/** A link to the form of an action, which comes back to `back`. */
export const ToForm: FC<{
  readonly lead: string;
  readonly action: ActionName;
  readonly back: string;
  readonly dataKey?: string | undefined;
  readonly name: string;
  readonly children?: Child;
}> = ({ lead, action, back, dataKey, name, children }) => (
  <a
    class="button"
    href={withQuery(paths.act(lead, actionPlaces[action]), { back })}
    data-key={dataKey}
    aria-label={name}
  >
    {children}
  </a>
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

/** The page of `back`, told what was done to which lead. */
export function afterDoing(back: string, action: string, lead: string): string {
  const url = new URL(back, "http://console.invalid");
  url.searchParams.set("did", action);
  url.searchParams.set("to", lead);
  return url.pathname + url.search;
}
