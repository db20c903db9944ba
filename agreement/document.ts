import type { Agreement, Condition } from "../handoff/agreement.ts";
import type { SourcePlace } from "./place.ts";
import type { Shape, Values } from "./shape.ts";
import type { YamlNode } from "./source.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { isMap } from "yaml";
import { accounts } from "./accounts.ts";
import { nurture, renurture, tasks, tasksByDefault, working } from "./afterwards.ts";
import { answers } from "./answers.ts";
import { openCalendar } from "./calendars.ts";
import { clocks } from "./clocks.ts";
import { conditionShape } from "./conditions.ts";
import { exploration } from "./exploration.ts";
import { name, uniqueNames } from "./names.ts";
import {
  bands,
  declaredFields,
  emailDomains,
  fieldName,
  leadType,
  nullWords,
  parties,
  signals,
} from "./qualification.ts";
import { absences, absencesByDefault, leavers, leaversByDefault } from "./people.ts";
import { reviews } from "./reviews.ts";
import { routing } from "./routing.ts";
import {
  from,
  list,
  may,
  meantNames,
  named,
  need,
  number,
  object,
  orElse,
  plainName,
  text,
} from "./shape.ts";
import { keyText } from "./source.ts";

/** What the file may contain, in the order in which people read it aloud. */
function sections(words: Vocabulary) {
  const counter = { count: 0 };
  const condition = conditionShape(words, counter);
  const reason = object({
    reason: need(name("suppression"), "the reason"),
    when: need(condition, "who must not be handed off"),
  });
  const fitRow = object({
    points: need(number("points", { min: -1000, max: 1000 }), "points, also negative"),
    when: need(condition, "for whom"),
  });
  return {
    name: need(text("the agreement's name"), "what the agreement is called"),
    signedBy: need(
      parties,
      "the parties: every version needs a signature from each of two, one from whoever leads a single one, none where the list is empty",
    ),
    calendars: need(
      from(named(openCalendar, "calendars", calendarName), (all, place) =>
        Object.keys(all).length > 0 ? all : place.wrong("expected at least one calendar"),
      ),
      "business hours by name",
    ),
    fields: orElse(declaredFields, {}, "facts beyond the built-in ones, with their types"),
    nullWords: orElse(nullWords, [""], "words that mean no answer"),
    emailDomains: may(emailDomains, "mail providers to add to the built-in lists"),
    requiredFields: need(
      list(fieldName(words), "fields", { max: 200 }),
      "facts without which nothing is handed off",
    ),
    suppress: orElse(
      from(list(reason, "suppressions", { max: 100 }), (all, place) => {
        uniqueNames(
          place,
          all.map((one) => one.reason),
          "suppression",
        );
        return all;
      }),
      [],
      "who is never handed off; checked before anything else",
    ),
    icp: need(condition, "the ideal customer profile"),
    conditions: orElse(
      named(condition, "named conditions", conditionName),
      {},
      "more conditions by name",
    ),
    checklist: orElse(checklist(condition), [], "the minimum qualification checklist"),
    signals: need(signals, "what people do, and what it means"),
    fit: orElse(list(fitRow, "rows", { max: 200 }), [], "points for who they are"),
    bands: need(bands, "cells of fit and intent; the first row that holds"),
    leadTypes: need(
      list(leadType(condition), "lead types", { min: 1, max: 100 }),
      "first match wins; no match means nurture",
    ),
    exploration: may(
      exploration(condition),
      "a share of the leads in nurture that is handed off all the same, to learn from it; absent: none",
    ),
    accounts: may(
      accounts(conditionShape(words, counter, true)),
      "when a whole account is handed off",
    ),
    clocks: need(clocks(words.calendars), "how time is counted"),
    routing: need(routing(condition), "who gets a lead"),
    answers: need(answers(condition), "what a rep may answer"),
    working: need(working, "the work after acceptance"),
    renurture: need(renurture(words), "what brings a lead back"),
    leavers: orElse(leavers, leaversByDefault, "what happens to the work of people who leave"),
    absences: orElse(absences, absencesByDefault, "what happens to it during a long absence"),
    nurture: need(nurture, "who looks after leads that wait"),
    tasks: orElse(tasks, tasksByDefault, "the tasks of people"),
    reviews: orElse(reviews(words.calendars), {}, "the meetings that sign off the figures"),
  };
}

/** The whole file as one shape. */
export function documentShape(words: Vocabulary): Shape<Agreement> {
  return from(
    object(sections(words)),
    ({ icp, conditions, accounts: account, emailDomains: domains, ...rest }) => ({
      ...rest,
      ...(domains ? { emailDomains: domains } : {}),
      named: { icp, ...conditions },
      accounts: account ?? null,
    }),
  );
}

/**
 * The sections that can be read of a file that is wrong elsewhere, so that they are checked as well.
 * What is wrong with the others is noted at the place, as `documentShape` notes it.
 */
export function readableSections(
  words: Vocabulary,
  root: YamlNode,
  place: SourcePlace,
): Partial<Agreement> & Pick<Agreement, "named"> {
  if (!isMap(root)) return { named: {} };
  const pairs = new Map(root.items.map((pair) => [keyText(pair.key) ?? "", pair]));
  const found: Record<string, unknown> = {};
  const all = Object.entries(sections(words));
  const meant = meantNames(
    [...pairs.keys()],
    all.map(([section]) => section),
  );
  for (const [section, field] of all) {
    const pair = pairs.get(section);
    if (!pair && field.presence === "else" && !meant.has(section)) found[section] = field.fallback;
    const value = pair && field.shape.read(pair.value as YamlNode, place.child(section, pair.key));
    if (value !== undefined) found[section] = value;
  }
  // Each was read by the shape of its own section.
  const { icp, conditions, ...rest } = found as Partial<Values<ReturnType<typeof sections>>>;
  return { ...rest, named: { ...(icp ? { icp } : {}), ...conditions } };
}

/** Its order is the order in which it is shown, so it becomes a list. */
function checklist(condition: Shape<Condition>): Shape<Agreement["checklist"]> {
  return from(named(condition, "checks"), (checks) =>
    Object.entries(checks).map(([title, when]) => ({ name: title, when })),
  );
}

/** `clocks.calendar` has words of its own: a calendar of that name could never be named there. */
function calendarName(word: string): string | null {
  return word === "assignee" || word === "pool"
    ? "another name (`clocks.calendar` means whose hours by this one)"
    : plainName(word);
}

function conditionName(word: string): string | null {
  return word === "icp" || word === "engaged"
    ? "another name (this one has its own place)"
    : plainName(word);
}
