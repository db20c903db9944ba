import { capital, spoken } from "../../../messages/words.ts";
import type { FC } from "hono/jsx";
import { sayAsked } from "../../../words/asked.ts";
import { whyOfTask } from "../../../messages/asked.ts";
import { paths } from "../paths.ts";

import { Clock, type ReadAt } from "./clock.tsx";

/** A task of a lead, on its page: what is asked, why, until when. */
export const TaskLine: FC<{
  readonly task: {
    readonly id: string;
    readonly kind: string;
    readonly role: string;
    readonly assignee: string | null;
    readonly assigneeName: string | null;
    readonly due: string | null;
    readonly detail: Readonly<Record<string, unknown>>;
  };
  /** Whether the reader may open the list of tasks. */
  readonly opens: boolean;
  readonly reading: ReadAt;
}> = ({ task, opens, reading }) => {
  const why = whyOfTask(task.detail);
  const asked = capital(sayAsked({ waitingOn: null, task: task.kind }));
  return (
    <li>
      {opens ? <a href={`${paths.tasks}#${task.id}`}>{asked}</a> : asked}{" "}
      <Clock due={task.due} reading={reading} />{" "}
      <span class="dim">{`for ${task.assigneeName ?? task.assignee ?? spoken(task.role)}${why === null ? "" : `; ${why}`}`}</span>
    </li>
  );
};
