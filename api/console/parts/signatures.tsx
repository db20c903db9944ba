import type { Child, FC } from "hono/jsx";
import { signingParties, type Party } from "../../../handoff/reviews/review.ts";
import { sayMoment } from "../../../words/clock.ts";
import { Hidden } from "../form.tsx";
import { paths, withQuery } from "../paths.ts";
import type { ReadAt } from "./clock.tsx";

/** A signature that was given. */
interface Given {
  readonly party: Party;
  readonly by: string;
  readonly name: string | null;
  readonly at: string;
}

/** Who may sign here, and how. */
interface Signing {
  /** For which the reader signs; null: the reader leads none. */
  readonly party: Party | null;
  /** The person of the reader: nobody signs for both. null: a login that names none cannot sign. */
  readonly me: string | null;
  /** Signed in lately enough. */
  readonly isFresh: boolean;
  /** Where the form is sent to. */
  readonly action: string;
  /** The page, to come back to. */
  readonly back: string;
  /** It is closed, active or past: who has not signed signs no more. */
  readonly isOver: boolean;
  /** Why nobody can sign at the moment; null: they can. */
  readonly because: string | null;
}

/** A line for each party: who signed and when, the form of who may, or an empty line for a pen. */
export const Signatures: FC<{
  readonly given: readonly Given[];
  readonly needed: number;
  readonly signing: Signing;
  readonly reading: ReadAt;
  readonly children?: Child;
}> = ({ given, needed, signing, reading, children }) => (
  <>
    <p class="dim">{neededWords(needed)}</p>
    <ul class="signatures">
      {signingParties.map((party) => {
        const one = given.find((found) => found.party === party);
        return (
          <li>
            <span>{`for ${party}`}</span>{" "}
            {one === undefined ? (
              <Open party={party} given={given} signing={signing}>
                {children}
              </Open>
            ) : (
              <span>
                <strong>
                  <bdi>{one.name ?? one.by}</bdi>
                </strong>
                {`, ${sayMoment(Date.parse(one.at), reading.now, reading.zone)}`}
              </span>
            )}
          </li>
        );
      })}
    </ul>
  </>
);

function neededWords(needed: number): string {
  if (needed === 0) return "It needs no signature.";
  return needed === 1 ? "It needs one signature." : "It needs two signatures, by two people.";
}

const Open: FC<{
  readonly party: Party;
  readonly given: readonly Given[];
  readonly signing: Signing;
  readonly children?: Child;
}> = ({ party, given, signing, children }) => {
  const { party: own, me, isFresh, action, back, isOver, because } = signing;
  if (isOver) return <span class="dim">not signed</span>;
  if (own !== party) return <span class="dim">open</span>;
  if (because !== null) return <span class="dim">{`open; ${because}`}</span>;
  if (me === null)
    return (
      <span class="dim">
        {"open; a signature is a person's, and you are signed in as nobody by name: "}
        <code>{`baton sign-in rp_… --party ${party}`}</code>
      </span>
    );
  if (given.some(({ by }) => by === me))
    return <span class="dim">open; somebody else than you signs for it</span>;
  if (!isFresh)
    return (
      <span>
        <span class="dim">open; you signed in more than 12 hours ago</span>{" "}
        <a class="button" href={withQuery(paths.in, { to: back })}>
          Sign in again
        </a>
      </span>
    );
  return (
    <form method="post" action={action}>
      <Hidden back={back} />
      {children}
      <button class="main">{`Sign for ${party}`}</button>
    </form>
  );
};
