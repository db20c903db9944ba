import { beforeAll, describe, expect, test } from "vitest";
import type { Rate } from "../../../handoff/reviews/figures.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { acceptanceReport } from "../../../store/reports/acceptance.ts";
import { reports } from "../../../store/reports/registry.ts";
import type { PacketAsk } from "../../../store/reviews/packet-ask.ts";
import { compilePacket } from "../../../store/reviews/packet.ts";
import { packetEntries, type PacketKind } from "../../../store/reviews/packets.ts";
import { withDatabase } from "../../support/database.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import {
  generateHandoffs,
  insertHandoffs,
  insertWhatHandoffsName,
} from "../../support/generated-handoffs.ts";
import { seededRandom } from "../../support/generated-leads.ts";

const DAY = 86_400_000;
const begin = Date.parse("2026-06-01T00:00:00Z");
const kinds = Object.keys(packetEntries) as PacketKind[];
const db = withDatabase();
const agreements = createAgreements(() => exampleAgreement());

beforeAll(async () => {
  await insertWhatHandoffsName(db.pool);
  await insertHandoffs(db.pool, generateHandoffs(seededRandom(11), begin, 500));
});

function asked(kind: PacketKind, from: number, to: number): PacketAsk {
  return {
    db: db.pool,
    agreements,
    version: { id: "ag_1", number: 1, agreement: exampleAgreement() },
    kind,
    period: "some period",
    from,
    to,
    asOf: to + 9 * 3_600_000,
  };
}

const packet = (kind: PacketKind, from = begin + 30 * DAY, to = begin + 60 * DAY) =>
  compilePacket(asked(kind, from, to));

test.each(
  kinds.flatMap((kind) => packetEntries[kind].map((one) => [kind, one.title, one] as const)),
)(
  "of the %s packet, “%s” names a report, a dimension and columns that there are",
  (_kind, _title, { report: name, groupBy, shown }) => {
    const report = reports.find((one) => one.name === name);
    expect(Object.keys(report?.columns ?? {})).toEqual(expect.arrayContaining([...shown]));
    expect(report?.dimensions).toEqual(expect.arrayContaining(groupBy === null ? [] : [groupBy]));
  },
);

describe.each(kinds)("the %s packet", (kind) => {
  test("is plain data: what is read later is what was compiled", async () => {
    const compiled = await packet(kind);
    expect(compiled.sections).toHaveLength(packetEntries[kind].length);
    expect(JSON.parse(JSON.stringify(compiled))).toEqual(compiled);
  });

  test("is compiled of a time in which nothing happened", async () => {
    const { sections } = await packet(kind, begin - 500 * DAY, begin - 470 * DAY);
    expect(sections.map(({ title }) => title)).toEqual(
      packetEntries[kind].map(({ title }) => title),
    );
  });
});

test("what is compared with the period before is seen at the same age", async () => {
  const [from, to] = [begin + 30 * DAY, begin + 60 * DAY];
  const accepted = async (question: { from: number; to: number; asOf: number }) => {
    const found = await acceptanceReport.rows({
      ...question,
      db: db.pool,
      agreements,
      knowledge: "now",
      filters: {},
      groupBy: null,
      repIds: null,
    });
    const rate = found[0]?.["acceptanceRate"] as Rate;
    return `${rate.numerator} of ${rate.denominator}`;
  };
  // Looked at at once, the period before is seen as it was at its own end, not as it stands now.
  const { sections } = await compilePacket({ ...asked("weekly", from, to), asOf: to });
  const paragraph = sections.find(({ report }) => report === "acceptance")?.paragraph;
  const before = { from: begin, to: from };
  const [then, now] = [
    await accepted({ ...before, asOf: from }),
    await accepted({ ...before, asOf: to }),
  ];
  expect(then).not.toBe(now);
  expect(paragraph).toContain(then);
  expect(paragraph).not.toContain(now);
});
