import { expect, test } from "vitest";
import { peopleIn, rowsWithNames, withNames } from "../../words/people.ts";

const people = { rp_one: "Kim Reyes", rp_one_b: "O'Brien $& Sons" };

test("the ids of people are found wherever they stand, each once", () => {
  const answer = { rows: [{ rep: "rp_one", of: null }], inWords: "rp_one-b and rp_one, not rp_" };
  expect(peopleIn(answer)).toEqual(["rp_one", "rp_one-b"]);
  expect(peopleIn(undefined)).toEqual([]);
});

test("whoever acts by a token or a login has an id to be named, too", () => {
  const login = `lg_${"0".repeat(20)}`;
  expect(peopleIn({ by: login, of: "lg_short", lead: `ld_${"0".repeat(20)}` })).toEqual([login]);
  expect(withNames(`by ${login}`, { [login]: "leader of sales" })).toBe("by leader of sales");
});

test("an id is written as its name, a longer one is another person's, and who has no name keeps it", () => {
  expect(withNames("rp_one, rp_one_b; rp_gone and corp_one", people)).toBe(
    "Kim Reyes, O'Brien $& Sons; rp_gone and corp_one",
  );
});

test("in rows only text is named, and what was given stays as it was", () => {
  const rows = [{ rep: "rp_one", handoffs: 3, leads: ["ld_1"], rate: null }];
  expect(rowsWithNames(rows, people)).toEqual([{ ...rows[0], rep: "Kim Reyes" }]);
  expect(rows[0]?.rep).toBe("rp_one");
});
