import type { FC } from "hono/jsx";
import { signingParties } from "../../handoff/reviews/review.ts";
import { counted, enumerated } from "../../handoff/reviews/words.ts";
import { scopeOf } from "../http/authorisation.ts";
import { Hidden } from "./form.tsx";
import { Forbidden } from "./parts/act.tsx";
import { paths } from "./paths.ts";
import type { VersionStood } from "./version-plan.tsx";

/** The form that makes it the active version, with what it waits for; or what its activation does. */
export const Activate: FC<Pick<VersionStood, "standing" | "version" | "frame">> = ({
  standing,
  version,
  frame,
}) => {
  const { state, activation, signaturesNeeded, signatures, plan } = standing;
  if (activation !== null) {
    const { openHandoffs, looked, state: how } = activation;
    return (
      <section aria-labelledby="activated">
        <h2 id="activated">Activated</h2>
        <p>
          {openHandoffs === "keep"
            ? "Open handoffs go on by the version that they began under."
            : `The clocks of open handoffs are judged again: ${counted(looked, "handoff")} looked at, ${how === "going on" ? "going on" : how === "over" ? "done" : "ended by a newer version"}.`}
        </p>
      </section>
    );
  }
  if (state !== "proposed" && state !== "signed") return null;
  if (scopeOf("POST /agreement/versions/{id}/activate", frame.caller.role) === undefined)
    return null;
  const missing = signingParties.filter((party) => signatures.every((one) => one.party !== party));
  const waits =
    plan === null
      ? "waits for its plan"
      : plan.isOutOfDate
        ? "waits for a plan of today"
        : state === "signed" || signatures.length >= signaturesNeeded
          ? null
          : `waits for ${signaturesNeeded === 1 ? "a signature" : enumerated(missing)}`;
  return (
    <section class="screen-only" aria-labelledby="activate">
      <h2 id="activate">Activate</h2>
      <form method="post" action={paths.ofVersion(version.id, "activate")} class="activate">
        <Hidden back={paths.version(version.id)} />
        <fieldset>
          <legend>Open handoffs</legend>
          <label>
            <input type="radio" name="openHandoffs" value="keep" checked />
            {" keep the version that they began under"}
          </label>
          <label>
            <input type="radio" name="openHandoffs" value="re-judge clocks" />
            {" go on by the targets and hours of this one; used time stays used"}
          </label>
        </fieldset>
        {waits === null ? (
          <button class="main">{`Activate version ${version.number}`}</button>
        ) : (
          <Forbidden words="Activate" because={waits} />
        )}
      </form>
    </section>
  );
};

/** The form that proposes a version again that is active no more. */
export const RollBack: FC<Pick<VersionStood, "version" | "frame">> = ({ version, frame }) => {
  const isOver = version.state === "retired" && version.activatedAt !== null;
  const request = "POST /agreement/versions/{id}/rollback";
  if (!isOver || scopeOf(request, frame.caller.role) === undefined) return null;
  return (
    <section class="screen-only" aria-labelledby="rollback">
      <h2 id="rollback">Go back to it</h2>
      <p>It is proposed as a new version, with a plan and signatures of its own.</p>
      <form method="post" action={paths.ofVersion(version.id, "rollback")}>
        <Hidden back={paths.version(version.id)} />
        <button>{`Propose version ${version.number} again`}</button>
      </form>
    </section>
  );
};
