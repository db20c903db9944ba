import { fold } from "./text.ts";

/** Most senior first; `staff` is a title that names no rank. */
export const seniorities = ["c-level", "vp", "director", "manager", "staff"] as const;
export type Seniority = (typeof seniorities)[number];

/**
 * How senior a job title is. The first rule that fits decides, so that a vice president is not a
 * president and a CEO's assistant is not a CEO. Undefined when the title says nothing at all.
 */
export function seniorityOf(title: string): Seniority | undefined {
  const words = fold(title)
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  if (!words) return undefined;
  return rules.find(([, pattern]) => pattern.test(` ${words} `))?.[0] ?? "staff";
}

// Each pattern reads the title as words between single spaces.
const rules: readonly (readonly [Seniority, RegExp])[] = [
  [
    "staff",
    / (?:executive|personal) assistant | assistant to | assistentin? | office of | intern | trainee | student | apprentice | werkstudent(?:in)? | praktikant(?:in)? /,
  ],
  ["vp", / (?:[se]?vp|avp|rvp|vice president|vice presidente) /],
  [
    "c-level",
    / c[a-z]o | chief [\p{L} ]*officer | chief of staff | (?:co )?(?:founder|owner) | cofounder | president | presidente | managing (?:director|partner) | geschäftsführer(?:in)? | vorstand | inhaber(?:in)? | gründer(?:in)? | pdg | directeur général | directrice générale | director general /u,
  ],
  [
    "director",
    / director | head | directeur | directrice | direktor(?:in)? | leiter(?:in)? | \p{L}+leiter(?:in)? | bereichsleit\p{L}* | principal /u,
  ],
  [
    "manager",
    / manager(?:in)? | mgr | team lead | lead | supervisor | gerente | responsable | teamleit\p{L}* /u,
  ],
];
