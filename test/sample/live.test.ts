import { expect, test } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import type { Facts } from "../../handoff/facts/facts.ts";
import { judgeNow } from "../../handoff/qualify/qualify.ts";
import { placeOf } from "../../handoff/routing/territory.ts";
import { sampleAgreements } from "../../sample/agreement.ts";
import { liveLeads } from "../../sample/live.ts";
import { patternNames } from "../../sample/patterns.ts";
import { exampleText } from "../support/example-agreement.ts";

const now = Date.parse("2026-11-22T03:10:00Z");
const agreement = agreementOf(sampleAgreements(exampleText, patternNames)[2]);

/** A body as intake takes it, judged by the agreement of the sample. */
function judged(body: Readonly<Record<string, unknown>>) {
  const told = Object.entries(body["facts"] as Facts).filter(([, value]) => value !== "");
  const engagements = (
    body["engagements"] as { id: string; type: string; occurredAt: string }[]
  ).map((one) => ({ ...one, occurredAt: Date.parse(one.occurredAt) }));
  const known = { facts: Object.fromEntries(told), engagements, now };
  const { verdict, leadType, ...scores } = judgeNow(agreement, known);
  const [step] = placeOf(agreement, { known, scores }).steps;
  return { verdict, leadType, pool: step?.pool };
}

test("most of those who arrive wait in the chat, which somebody answers at every hour", () => {
  const found = liveLeads(now).map(({ body, deeds }) => ({ ...judged(body), deeds: deeds.length }));
  const inChat = found.filter(({ leadType }) => leadType === "chat-request");
  expect(inChat.length).toBe(7);
  expect(new Set(inChat.map(({ pool }) => pool))).toEqual(new Set(["chat-desk"]));
  // Nobody is waited for who may be held until Monday.
  expect(found.filter(({ deeds }) => deeds > 0)).toEqual(inChat.filter(({ deeds }) => deeds > 0));
  expect(inChat.filter(({ deeds }) => deeds === 0)).toHaveLength(2);
});

test("of the others one lacks data, one is not ready, and each office gets one", () => {
  const others = liveLeads(now)
    .map(({ body }) => judged(body))
    .filter(({ leadType }) => leadType !== "chat-request");
  expect(others).toEqual([
    { verdict: "needs-data", leadType: undefined, pool: "chat-desk" },
    { verdict: "hand-off", leadType: "demo-request", pool: "canada-sdr" },
    { verdict: "hand-off", leadType: "demo-request", pool: "americas-sdr" },
    { verdict: "hand-off", leadType: "demo-request", pool: "dach-sdr" },
    { verdict: "hand-off", leadType: "demo-request", pool: "emea-sdr" },
    { verdict: "nurture", leadType: undefined, pool: "americas-sdr" },
  ]);
});

test("another moment brings other people", () => {
  const names = (at: number) => liveLeads(at).map(({ body }) => JSON.stringify(body));
  expect(names(now).filter((one) => names(now + 1).includes(one))).toEqual([]);
});
