import type { Agreement, Condition, Territory } from "../handoff/agreement.ts";
import type { SourcePlace } from "./place.ts";
import type { Shape } from "./shape.ts";
import { language, name, role, uniqueNames } from "./names.ts";
import { from, list, may, need, object, oneOf, orElse } from "./shape.ts";

/** Who gets a lead: owners, segments, a tree of territories, and a queue for the rest. */
export function routing(condition: Shape<Condition>): Shape<Agreement["routing"]> {
  const territory = territoryShape(condition);
  return from(
    object({
      owners: orElse(
        oneOf(["keep", "ignore"]),
        "keep",
        "whether an existing owner of the account gets the lead",
      ),
      territories: need(
        from(
          list({ ...territory, schema: { $ref: "#/$defs/territory" } }, "territories", {
            min: 1,
            max: 200,
          }),
          (tree, place) => {
            checkUnique(tree, place);
            return tree;
          },
        ),
        "a tree; the most specific match wins",
      ),
      segments: orElse(
        list(
          from(
            object({
              name: need(name("segment"), "the segment's name"),
              when: need(condition, "which leads belong to it"),
              pool: need(name("pool"), "who takes its leads"),
            }),
            (segment, place) => ({ ...segment, at: place.path }),
          ),
          "segments",
          { max: 100 },
        ),
        [],
        "asked before the territories",
      ),
      hold: orElse(
        oneOf(["until-open", "follow-the-sun"]),
        "until-open",
        "what happens outside all hours",
      ),
      fallback: need(role, "a named human queue; nothing is ever unrouted"),
    }),
    (given, place) => {
      uniqueNames(
        place.child("segments", null),
        given.segments.map((one) => one.name),
        "segment",
      );
      return given;
    },
  );
}

/** One branch of the tree; `$ref` points back at it because it contains itself. */
export function territoryShape(condition: Shape<Condition>): Shape<Territory> {
  const again: Shape<Territory> = {
    schema: { $ref: "#/$defs/territory" },
    read: (node, place) => territory.read(node, place),
  };
  const territory: Shape<Territory> = from(
    object({
      name: need(name("territory"), "the territory's name"),
      when: may(condition, "which leads belong to it; without it, all others"),
      pool: may(name("pool"), "who takes its leads"),
      language: may(language, "a language the rep must speak"),
      within: orElse(list(again, "territories", { max: 200 }), [], "smaller territories inside it"),
    }),
    (given, place) => {
      if (given.pool === undefined && given.within.length === 0)
        place.wrong("expected `pool:` or `within:` in a territory");
      return { ...given, at: place.path };
    },
  );
  return territory;
}

/** Decisions name territories, so each name stands once in the whole tree. */
function checkUnique(tree: readonly Territory[], place: SourcePlace): void {
  const seen = new Set<string>();
  const visit = (branch: readonly Territory[]): void => {
    for (const territory of branch) {
      if (seen.has(territory.name))
        place.reading.report(
          "problems",
          territory.at,
          `expected a territory name that stands once, found "${territory.name}" again`,
        );
      seen.add(territory.name);
      visit(territory.within);
    }
  };
  visit(tree);
}
