import type { FC } from "hono/jsx";
import { sayDay, sayInstant } from "../../../words/clock.ts";
import { capital } from "../../../messages/words.ts";
import { fieldWords, valueWords } from "../../../words/trace.ts";
import { mailto, tel } from "../paths.ts";
import type { ReadAt } from "./clock.tsx";

/** A fact with where it came from and when. */
export interface KnownFact {
  readonly value: unknown;
  readonly from: string;
  readonly at: string;
}
export type KnownFacts = Readonly<Record<string, KnownFact>>;

/** What is known, each with its origin and its day; and what somebody still asks for. */
export const FactList: FC<{
  readonly facts: KnownFacts;
  readonly missing: readonly string[];
  readonly reading: ReadAt;
}> = ({ facts, missing, reading }) => (
  <dl class="known">
    {Object.entries(facts)
      .toSorted(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1))
      .map(([path, fact]) => (
        <>
          <dt>{capital(fieldWords(path))}</dt>
          <dd>
            <Value path={path} value={fact.value} reading={reading} />{" "}
            <span class="dim origin">
              {`${fact.from === "person" ? "corrected" : fact.from}, ${sayDay(Date.parse(fact.at), reading.now, reading.zone)}`}
            </span>
          </dd>
        </>
      ))}
    {missing
      .filter((path) => !Object.hasOwn(facts, path))
      .map((path) => (
        <>
          <dt>{capital(fieldWords(path))}</dt>
          <dd class="dim">unknown</dd>
        </>
      ))}
  </dl>
);

const Value: FC<{
  readonly path: string;
  readonly value: unknown;
  readonly reading: ReadAt;
}> = ({ path, value, reading }) => {
  const text = sayInstant(valueWords(value), reading.now, reading.zone);
  if (path === "lead.email") return <a href={mailto(text)}>{text}</a>;
  if (path === "lead.phone") return <a href={tel(text)}>{text}</a>;
  return <bdi>{text}</bdi>;
};

const first = ["lead.phone", "lead.email", "lead.title", "lead.role", "account.employees"];

/** What is needed before a call comes first, the person before the company. */
function order(path: string): number {
  const place = first.indexOf(path);
  if (place >= 0) return place;
  return path.startsWith("lead.") ? first.length : first.length + 1;
}

/** What a task expects of a field that it asks for, in words; null where it does not say. */
export function expectedOf(detail: Readonly<Record<string, unknown>>, path: string): string | null {
  const missing = Array.isArray(detail["missing"]) ? (detail["missing"] as unknown[]) : [];
  for (const one of missing)
    if (typeof one === "object" && one !== null && "field" in one && one.field === path)
      // That it is text says nothing beside a field.
      return "expected" in one && typeof one.expected === "string" && one.expected !== "text"
        ? one.expected
        : null;
  return null;
}

/** The fields that a task asks for. */
export function missingIn(detail: Readonly<Record<string, unknown>>): string[] {
  const missing = Array.isArray(detail["missing"]) ? (detail["missing"] as unknown[]) : [];
  const named = missing.flatMap((one) => {
    const field: unknown =
      typeof one === "object" && one !== null && "field" in one ? one.field : one;
    return typeof field === "string" ? [field] : [];
  });
  return typeof detail["field"] === "string" ? [...named, detail["field"]] : named;
}
