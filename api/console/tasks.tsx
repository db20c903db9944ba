import { capital, spoken } from "../../messages/words.ts";
import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { whyOfTask } from "../../messages/asked.ts";
import { enumerated } from "../../handoff/reviews/words.ts";
import { called } from "../../words/called.ts";
import { sayAsked } from "../../words/asked.ts";
import { sayDay } from "../../words/clock.ts";
import { fieldInFull, fieldWords, ofCompany, withFieldNames } from "../../words/trace.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { Problem } from "../http/errors.ts";
import { correctFacts } from "../leads.ts";
import { conflictBody, doneBody, endTask, readTasks, settleTask } from "../tasks.ts";
import { Hidden, once, readForm, refusalOf, statusOf, type Form } from "./form.tsx";
import { Changes } from "./live.tsx";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { Act, ToForm } from "./parts/act.tsx";
import { Clock, type ReadAt } from "./parts/clock.tsx";
import { expectedOf, missingIn } from "./parts/facts.tsx";
import { More } from "./parts/list.tsx";
import { doneHere, DoneNotice, type Done } from "./done.tsx";
import { paths, withQuery } from "./paths.ts";

type Tasks = Awaited<ReturnType<typeof readTasks>>;
type Task = Tasks["items"][number];

/** GET /console/tasks: what waits for a person, and the form that ends it. */
export function tasksPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.tasks, (c) => showTasks(deps, c, null));
  routes.post("/console/tasks/:id/done", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    return answered(deps, c, form, id, async () => {
      const said = doneBody.safeParse({ how: form.fields["how"] });
      if (!said.success)
        throw new Problem("invalid", { field: "how", detail: "say what was done about it" });
      await endTask(deps, c, id, said.data.how);
    });
  });
  routes.post("/console/tasks/:id/conflict-decision", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    return answered(deps, c, form, id, async () => {
      const { decision = "", other = "" } = form.fields;
      const said = conflictBody.safeParse({ decision, ...(other === "" ? {} : { other }) });
      if (!said.success)
        throw new Problem("invalid", { field: "decision", detail: "say whether they are one" });
      await settleTask(deps, c, id, said.data);
    });
  });
  routes.post("/console/tasks/:id/facts", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const facts = Object.fromEntries(
      Object.entries(form.fields).flatMap(([name, value]) =>
        name.startsWith("fact:") && value !== "" ? [[name.slice("fact:".length), value]] : [],
      ),
    );
    return answered(deps, c, form, id, async () => {
      if (Object.keys(facts).length === 0)
        throw new Problem("invalid", { field: "facts", detail: "fill in at least one of them" });
      await correctFacts(deps, c, form.fields["lead"] ?? "", facts);
    });
  });
  return routes;
}

/** What a task's form was refused for. */
interface Refused {
  readonly task: string;
  readonly problem: Problem;
  readonly given: Form["fields"];
}

/** Does it once and comes back to the list; refused, the same form with the message. */
async function answered(
  deps: AppDeps,
  c: Context<AppEnv>,
  form: Form,
  task: string,
  work: () => Promise<void>,
): Promise<Response> {
  try {
    return await once(deps, c, form, async () => {
      await work();
      return withQuery(form.back(paths.tasks), { done: task });
    });
  } catch (error) {
    const problem = refusalOf(error);
    if (problem === undefined) throw error;
    return showTasks(deps, c, { task, problem, given: form.fields });
  }
}

async function showTasks(
  deps: AppDeps,
  c: Context<AppEnv>,
  refused: Refused | null,
): Promise<Response> {
  const cursor = c.req.query("cursor");
  const about = c.req.query("lead")?.slice(0, 60) || undefined;
  const [tasks, frame, done] = await Promise.all([
    readTasks(deps, asking(c, "GET /tasks"), {
      ...(cursor === undefined ? {} : { cursor }),
      ...(about === undefined ? {} : { lead: about }),
    }),
    frameOf(deps, c),
    doneHere(deps, c),
  ]);
  const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  const props = { tasks, frame, done, reading, refused, cursor, about };
  const ended = refused === null ? (c.req.query("done") ?? null) : null;
  return show(c, <TasksPage {...props} ended={ended} />, statusOf(refused?.problem ?? null));
}

const TasksPage: FC<{
  readonly tasks: Tasks;
  readonly frame: Frame;
  readonly done: Done | null;
  readonly reading: ReadAt;
  readonly refused: Refused | null;
  readonly cursor: string | undefined;
  /** Only those about this lead or account, as mails lead here. */
  readonly about: string | undefined;
  /** The task that was ended just now. */
  readonly ended: string | null;
}> = ({ tasks, frame, done, reading, refused, cursor, about, ended }) => {
  const { items, next } = tasks;
  const isGone = refused !== null && !items.some(({ id }) => id === refused.task);
  return (
    <Page
      title="Tasks"
      frame={frame}
      status={
        done ? (
          <DoneNotice done={done} reading={reading} me={frame.caller.repId} />
        ) : ended !== null ? (
          items.some(({ id }) => id === ended) ? (
            "Taken in. The task goes from the list in a moment."
          ) : (
            "Taken in."
          )
        ) : null
      }
    >
      <h1>Tasks</h1>
      <p class="lead">
        {items.length === 0
          ? about === undefined
            ? "No task waits for you. What needs a person appears here."
            : `No task about ${about} waits for you; it was done, or is somebody else's.`
          : `${items.length}${next === null ? "" : " and more"} ${items.length === 1 ? "task" : "tasks"}, the earliest due first.`}
        {about === undefined ? null : (
          <>
            {" "}
            <a href={paths.tasks}>All tasks</a>
          </>
        )}
      </p>
      <Changes frame={frame} page={withQuery(paths.tasks, { lead: about, cursor })} />
      {isGone ? (
        <p class="notice refused" role="alert">
          {`Not done. ${capital(withFieldNames(refused.problem.parts.detail))}.`}
        </p>
      ) : null}
      <ul class="task-list" data-list>
        {items.map((task) => (
          <Item
            task={task}
            frame={frame}
            reading={reading}
            refused={refused?.task === task.id ? refused : null}
            isAlone={items.length === 1}
          />
        ))}
      </ul>
      <More
        path={paths.tasks}
        query={about === undefined ? {} : { lead: about }}
        next={next}
        isFirst={cursor === undefined}
      />
    </Page>
  );
};

const Item: FC<{
  readonly task: Task;
  readonly frame: Frame;
  readonly reading: ReadAt;
  readonly refused: Refused | null;
  readonly isAlone: boolean;
}> = ({ task, frame, reading, refused, isAlone }) => {
  const why = whyOfTask(task.detail);
  const lead = task.subject.kind === "lead" ? task.subject.id : null;
  return (
    <li id={task.id} data-row data-of={task.subject.id}>
      <h2>
        {lead === null ? (
          <a href={paths.account(task.subject.id)} data-key="Enter">
            <bdi>{called({ ...task, id: task.subject.id })}</bdi>
          </a>
        ) : (
          <a href={paths.lead(lead)} data-key="Enter">
            <bdi>{called({ ...task, id: lead })}</bdi>
          </a>
        )}
        {`: ${sayAsked({ waitingOn: null, task: task.kind })}`}
      </h2>
      <p>
        <Clock due={task.due} reading={reading} />{" "}
        <span class="dim">
          {`· since ${sayDay(Date.parse(task.since), reading.now, reading.zone)}`}
          {task.assignee === null
            ? `, for the queue ${spoken(task.role)}`
            : task.assignee === frame.caller.repId
              ? ", for you"
              : `, for ${task.assigneeName ?? task.assignee}`}
        </span>
      </p>
      {why === null ? null : <p>{`${capital(why)}.`}</p>}
      {task.note === null ? null : (
        <p class="dim">
          {"The rep wrote: "}
          <bdi>{task.note}</bdi>
        </p>
      )}
      {refused === null ? null : (
        <p class="error" role="alert" id={`${task.id}-problem`}>
          {`Not done. ${capital(withFieldNames(refused.problem.parts.detail))}.`}
        </p>
      )}
      <Ends task={task} lead={lead} frame={frame} refused={refused} isAlone={isAlone} />
    </li>
  );
};

/** The form that ends the task, for whoever may send it. */
const Ends: FC<{
  readonly task: Task;
  readonly lead: string | null;
  readonly frame: Frame;
  readonly refused: Refused | null;
  /** No other task stands beside it, so its form stands open. */
  readonly isAlone: boolean;
}> = ({ task, lead, frame, refused, isAlone }) => {
  const may = (request: string) => scopeOf(request, frame.caller.role) !== undefined;
  const whom = called({ ...task, id: task.subject.id });
  if (task.kind === "conflict") return may(task.endsBy ?? "") ? <Settle task={task} /> : null;
  if (task.kind === "fix-data" && lead !== null) {
    const fields = missingIn(task.detail);
    const dataIsRight =
      task.detail["reason"] === undefined ? null : (
        <DoneForm task={task} refused={refused} label="Or the data is right: say so" />
      );
    if (fields.length === 0)
      return (
        <>
          <p>
            <a class="button" href={withQuery(paths.facts(lead), { back: paths.tasks })}>
              Correct…
            </a>
          </p>
          {dataIsRight}
        </>
      );
    return (
      <details open={isAlone || refused !== null}>
        <summary>{`Fill in ${enumerated(fields.map(fieldInFull))}`}</summary>
        <FixData task={task} lead={lead} fields={fields} refused={refused} />
        {dataIsRight}
      </details>
    );
  }
  if (task.endsBy === null) return <DoneForm task={task} refused={refused} label="What was done" />;
  if (lead === null || !may(task.endsBy)) return null;
  const back = paths.tasks;
  switch (task.endsBy) {
    case "POST /leads/{id}/contest-decision":
      return (
        <Act lead={lead} action="decideContest" seen={null} back={back}>
          <button
            class="main"
            name="decision"
            value="uphold"
            aria-label={`Uphold the rejection, ${whom}`}
          >
            Uphold the rejection
          </button>{" "}
          <button name="decision" value="overturn" aria-label={`Overturn it, ${whom}`}>
            Overturn it
          </button>
        </Act>
      );
    case "POST /leads/{id}/reassign":
      return (
        <p>
          <ToForm lead={lead} action="reassign" back={back} dataKey="m" name={`Give to… ${whom}`}>
            Give to…
          </ToForm>
        </p>
      );
    case "POST /leads/{id}/review-decision":
      return (
        <Act lead={lead} action="decideReview" seen={null} back={back}>
          <button name="decision" value="keep" aria-label={`Keep ${whom}`}>
            Keep
          </button>{" "}
          {task.kind === "renurture-review" ? (
            <button name="decision" value="return" aria-label={`Return ${whom} to sales`}>
              Return to sales
            </button>
          ) : null}{" "}
          <button name="decision" value="retire" aria-label={`Retire ${whom}`}>
            Retire
          </button>
        </Act>
      );
    default:
      return null;
  }
};

/** The facts that are missing, as fields. */
const FixData: FC<{
  readonly task: Task;
  readonly lead: string;
  readonly fields: readonly string[];
  readonly refused: Refused | null;
}> = ({ task, lead, fields, refused }) => {
  const wrong = refused?.problem.parts.field;
  return (
    <form method="post" action={paths.taskFacts(task.id)} class="fields">
      <Hidden back={paths.tasks} />
      <input type="hidden" name="lead" value={lead} />
      {fields.map((path) => {
        const id = `${task.id}-${path}`;
        const isWrong = wrong === `facts.${path}`;
        const expected = expectedOf(task.detail, path);
        return (
          <div class="field">
            <label for={id}>
              {capital(fieldWords(path))}
              {ofCompany(path) === "" ? null : <span class="dim">{ofCompany(path)}</span>}
            </label>
            <input
              id={id}
              name={`fact:${path}`}
              value={refused?.given[`fact:${path}`] ?? ""}
              maxlength={2_000}
              aria-invalid={isWrong ? "true" : undefined}
              aria-describedby={
                [isWrong ? `${task.id}-problem` : "", expected === null ? "" : `${id}-hint`]
                  .filter((one) => one !== "")
                  .join(" ") || undefined
              }
              autofocus={isWrong}
            />
            {expected === null ? null : (
              <span id={`${id}-hint`} class="dim">{`expected: ${expected}`}</span>
            )}
          </div>
        );
      })}
      <p>
        <button class="main">Save</button>
      </p>
    </form>
  );
};

const DoneForm: FC<{
  readonly task: Task;
  readonly refused: Refused | null;
  readonly label: string;
}> = ({ task, refused, label }) => {
  const isWrong = refused?.problem.parts.field === "how";
  const id = `${task.id}-how`;
  return (
    <form method="post" action={paths.taskDone(task.id)}>
      <Hidden back={paths.tasks} />
      <label for={id}>{label}</label>
      <input
        id={id}
        name="how"
        maxlength={500}
        value={refused?.given["how"] ?? ""}
        aria-invalid={isWrong ? "true" : undefined}
        aria-describedby={isWrong ? `${task.id}-problem` : undefined}
        autofocus={isWrong}
      />{" "}
      <button>End the task</button>
    </form>
  );
};

/** Two leads side by side, and the question whether they are one person. */
const Settle: FC<{ readonly task: Task }> = ({ task }) => {
  const others = Array.isArray(task.detail["others"]) ? task.detail["others"].map(String) : [];
  return (
    <form method="post" action={paths.settle(task.id)}>
      <Hidden back={paths.tasks} />
      <ul class="side-by-side">
        {(task.people ?? []).map((person) => (
          <li>
            <a href={paths.lead(person.lead)}>
              <bdi>{called({ ...person, id: person.lead })}</bdi>
            </a>
            <bdi class="more dim">
              {[person.email, person.phone, person.title, person.company, person.stage]
                .filter(Boolean)
                .join(" · ")}
            </bdi>
          </li>
        ))}
      </ul>
      {others.length === 1 ? (
        <input type="hidden" name="other" value={others[0]} />
      ) : (
        <>
          <label for={`${task.id}-other`}>Which of the others</label>
          <select id={`${task.id}-other`} name="other">
            {others.map((one) => (
              <option value={one}>
                {task.people?.find(({ lead }) => lead === one)?.name ?? one}
              </option>
            ))}
          </select>
        </>
      )}
      <p>
        <button name="decision" value="one-person">
          One person: merge them
        </button>{" "}
        <button name="decision" value="two-people">
          Two people
        </button>
      </p>
    </form>
  );
};
