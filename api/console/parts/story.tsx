import type { FC } from "hono/jsx";
import { capitalised } from "../../../handoff/reviews/words.ts";
import { capital } from "../../../messages/words.ts";
import { sayDone, stageLabel } from "../../../words/actions.ts";
import { sayBehind, sayHappened } from "../../../words/history.ts";
import { sayMoment, withTimes } from "../../../words/clock.ts";
import { withNames, type People } from "../../../words/people.ts";
import type { Reader } from "../../../words/reader.ts";
import type { readHistory } from "../../leads.ts";
import { Moment, type ReadAt } from "./clock.tsx";

type History = Awaited<ReturnType<typeof readHistory>>;
type Entry = History["items"][number];

/** What people read of the history; the rest stands behind what happened with it. */
const told: readonly Entry["kind"][] = ["engagement", "transition", "assignment", "action", "task"];

/** A name of the record such as `chat_request`; ids stay as they are. */
const codeName = /\b(?!(?:rp|tn|lg|ld|ac)_)[a-z]+(?:_[a-z]+)+\b/g;

/** Everything of one moment: a decision and what it did. */
interface Together {
  readonly at: string;
  readonly heads: readonly Entry[];
  readonly behind: readonly Entry[];
}

/** What happened, the newest first, in words; with who was considered, and which rules held. */
export const Story: FC<{
  readonly history: History;
  readonly reading: ReadAt;
  readonly me: string | null;
}> = ({ history, reading, me }) => {
  const people = me === null ? history.people : { ...history.people, [me]: "you" };
  const reader: Reader = {
    time: (at) => sayMoment(at.getTime(), reading.now, reading.zone),
    person: (id) => people[id] ?? id,
    stage: (stage) => capitalised(stageLabel(stage) ?? stage),
    action: sayDone,
    code: (said) => said.replaceAll(codeName, (name) => name.replaceAll("_", " ")),
  };
  return (
    <ol class="story">
      {together(history.items).map((one) => (
        <Told one={one} reader={reader} people={people} reading={reading} />
      ))}
    </ol>
  );
};

const Told: FC<{
  readonly one: Together;
  readonly reader: Reader;
  readonly people: People;
  readonly reading: ReadAt;
}> = ({ one, reader, people, reading }) => {
  const asRead = (words: string) => withTimes(withNames(words, people), reading.now, reading.zone);
  const stories = [...one.heads, ...one.behind].map((entry) => ({
    entry,
    ...sayHappened(entry, reader),
  }));
  const lines = stories.flatMap(({ entry, said, behind }) =>
    told.includes(entry.kind) ? behind : [said, ...behind],
  );
  const summed = stories.flatMap(({ entry }) => sayBehind(entry) ?? []);
  return (
    <li>
      <Moment at={one.at} reading={reading} />
      <div>
        {stories
          .filter(({ entry }) => told.includes(entry.kind))
          .map(({ said }) => (
            <p>{capital(asRead(said).replaceAll(" -> ", " → "))}</p>
          ))}
        {lines.length === 0 ? null : (
          <details>
            <summary>
              {summed.length === 0 ? "What stood behind it" : [...new Set(summed)].join("; ")}
            </summary>
            <ul>
              {[...new Set(lines)].map((line) => (
                <li>{asRead(line)}</li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </li>
  );
};

/** Entries of one moment, as they caused each other; moments of which nothing is told are left out. */
function together(items: readonly Entry[]): Together[] {
  const moments = new Map<string, Entry[]>();
  for (const entry of items) moments.set(entry.at, [...(moments.get(entry.at) ?? []), entry]);
  return [...moments].flatMap(([at, entries]) => {
    const inOrder = entries.toReversed();
    const heads = inOrder.filter(({ kind }) => told.includes(kind));
    const behind = inOrder.filter(({ kind }) => !told.includes(kind));
    return heads.length === 0 ? [] : [{ at, heads, behind }];
  });
}
