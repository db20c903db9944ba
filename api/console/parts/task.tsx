import { capital } from "../../../messages/words.ts";
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
  readonly lead: string;
  readonly reading: ReadAt;
}> = ({ task, reading }) => {
  const why = whyOfTask(task.detail);
  return (
    <li>
      <a href={`${paths.tasks}#${task.id}`}>
        {capital(sayAsked({ waitingOn: null, task: task.kind }))}
      </a>{" "}
      <Clock due={task.due} reading={reading} />{" "}
      <span class="dim">{`for ${task.assigneeName ?? task.assignee ?? task.role}${why === null ? "" : `; ${why}`}`}</span>
    </li>
  );
};
