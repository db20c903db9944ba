/**
 * What happens to open handoffs when a version becomes active: they keep everything of the version
 * that they began under, or their clocks go on by the targets and hours of this one.
 */
export const treatments = ["keep", "re-judge clocks"] as const;
export type Treatment = (typeof treatments)[number];
