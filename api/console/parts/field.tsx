import type { FC } from "hono/jsx";
import { capital } from "../../../messages/words.ts";
import type { Problem } from "../../http/errors.ts";

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly value?: string | undefined;
  /** What the form was refused for, and by which name of the API this field is meant. */
  readonly refused: Problem | null;
  readonly as?: readonly string[];
  /** `number` and `decimal` are written as text, so that what is none stays to be mended. */
  readonly type?: "text" | "date" | "datetime-local" | "number" | "decimal" | "search";
  readonly hint?: string;
  readonly maxlength?: number;
  readonly required?: boolean;
  readonly list?: string;
}

/** A field with its label; refused, with the message and the focus. */
export const Field: FC<FieldProps> = (props) => {
  const { name, label, value, refused, as = [name], hint, type = "text" } = props;
  const field = refused?.parts.field;
  const isWrong = field !== undefined && as.includes(field);
  const hintId = hint === undefined ? null : `${name}-hint`;
  const described = [isWrong ? `${name}-problem` : null, hintId].filter((one) => one !== null);
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        type={type === "number" || type === "decimal" ? "text" : type}
        inputmode={type === "number" ? "numeric" : type === "decimal" ? "decimal" : undefined}
        value={value ?? ""}
        maxlength={type === "text" ? (props.maxlength ?? 500) : undefined}
        required={props.required}
        list={props.list}
        aria-invalid={isWrong ? "true" : undefined}
        aria-describedby={described.length === 0 ? undefined : described.join(" ")}
        autofocus={isWrong}
      />
      {hintId === null ? null : (
        <p class="dim hint" id={hintId}>
          {hint}
        </p>
      )}
      {isWrong ? <NotDone problem={refused} id={`${name}-problem`} /> : null}
    </div>
  );
};

/** Why a form was refused. */
export const NotDone: FC<{ readonly problem: Problem | null; readonly id?: string }> = ({
  problem,
  id,
}) =>
  problem === null ? null : (
    <p class="error" role="alert" id={id}>
      {`Not done. ${capital(problem.parts.detail.replace(/^(?:lead|account)\.\w+: /, ""))}.`}
    </p>
  );

/** The same above a form, where none of its fields says it. */
export const NotDoneAbove: FC<{
  readonly problem: Problem | null;
  /** The fields that say it themselves. */
  readonly unless: readonly string[];
}> = ({ problem, unless }) =>
  problem === null || unless.includes(problem.parts.field ?? "") ? null : (
    <NotDone problem={problem} />
  );
