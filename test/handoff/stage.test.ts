import { expect, test } from "vitest";
import { stageDocument } from "../../handoff/stage-diagram.ts";
import {
  actions,
  allowed,
  isClosed,
  mayAct,
  mayGo,
  stages,
  transitions,
  waits,
} from "../../handoff/stage.ts";

test("docs/stages.md says what the table says", async () => {
  await expect(stageDocument()).toMatchFileSnapshot("../../docs/stages.md");
});

test("every stage can be reached, and only closed stages let nothing happen by itself", () => {
  const reached = new Set<string>(["new"]);
  for (let before = 0; before !== reached.size;) {
    before = reached.size;
    for (const from of stages)
      if (reached.has(from)) for (const to of transitions[from]) reached.add(to);
  }
  expect([...reached].sort()).toEqual([...stages].sort());
  expect(stages.filter(isClosed)).toEqual(["opportunity", "disqualified"]);
});

test("every wait of every stage says what is possible, and of a closed lead only an opportunity is given to somebody else", () => {
  for (const stage of stages) {
    expect(Object.keys(allowed[stage]).sort()).toEqual([...waits[stage]].sort());
    if (isClosed(stage))
      for (const wait of waits[stage])
        for (const action of actions)
          expect(mayAct(stage, wait, action)).toBe(
            stage === "opportunity" && action === "reassign",
          );
  }
});

test("a closed lead comes back only to new, whatever closed it", () => {
  expect(stages.filter((to) => mayGo("disqualified", to))).toEqual(["new"]);
  expect(stages.filter((to) => mayGo("opportunity", to))).toEqual(["new"]);
});
