import { z } from "@hono/zod-openapi";
import { knowledges, type ColumnKind, type ReportFile } from "../store/reports/report.ts";

const rateSchema = z.strictObject({
  numerator: z.int(),
  denominator: z.int(),
  rate: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  isSmall: z.boolean(),
});

const cellSchemas: Readonly<Record<ColumnKind, z.ZodType>> = {
  text: z.string().nullable(),
  count: z.int(),
  rate: rateSchema,
  number: z.number().nullable(),
  hours: z.number().nullable(),
  openHours: z.number().nullable(),
  days: z.number().nullable(),
  money: z.array(z.strictObject({ currency: z.string(), amountMinor: z.int() })),
  flag: z.boolean(),
  list: z.array(z.string()),
};

/** What a column can hold. */
export const columnKinds = Object.keys(cellSchemas) as [ColumnKind, ...ColumnKind[]];

/** Exactly what the JSON of a report looks like. */
export function reportSchema({ columns }: ReportFile): z.ZodObject {
  return z.strictObject({
    report: z.string(),
    from: z.string(),
    to: z.string(),
    asOf: z.string(),
    knowledge: z.enum(knowledges),
    filters: z.record(z.string(), z.string()),
    groupBy: z.string().nullable(),
    before: z
      .strictObject({ from: z.string(), to: z.string(), asOf: z.string() })
      .nullable()
      .openapi({ description: "the time with which `inWords` compares; null: with none" }),
    inWords: z.string().openapi({ description: "what the rows say, in a sentence or two" }),
    people: z
      .record(z.string(), z.string())
      .openapi({ description: "names of the people whose ids stand in the rows, by id" }),
    rows: z.array(
      z.strictObject(
        Object.fromEntries(
          Object.entries(columns).map(([name, { kind, meaning }]) => [
            name,
            cellSchemas[kind].openapi({ description: meaning }),
          ]),
        ),
      ),
    ),
  });
}
