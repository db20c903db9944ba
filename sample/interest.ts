import type { Instant } from "../handoff/time/calendar.ts";
import type { SampleEngagement } from "./model.ts";
import type { Dice } from "./random.ts";

const day = 86_400_000;
const minute = 60_000;

const assets: Readonly<Record<string, readonly string[]>> = {
  buyers_guide: ["guide-to-routing", "guide-to-agreements"],
  roi_calculator: ["calculator"],
  webinar_attended: ["webinar-response-times", "webinar-renurture"],
  blog_view: ["blog-mql", "blog-sla", "blog-bands"],
};

/** What people did before they arrived, by what brought them: of a hundred leads so many. */
const kinds = { demo: 17, trial: 9, pricing: 16, reading: 15, glance: 24, quiet: 19 } as const;

/** What one person did, in order of time; the last of it made them known. */
export function sampleInterest(lead: string, arrivedAt: Instant, dice: Dice): SampleEngagement[] {
  const did: SampleEngagement[] = [];
  const add = (type: string, daysAgo: number) => {
    did.push({
      id: `${lead}-${did.length}`,
      type,
      occurredAt: arrivedAt - minute - Math.floor(daysAgo * day),
      topic: dice.chance(0.6) ? dice.pick(["routing", "sla", "pricing"]) : null,
      asset: type in assets ? dice.pick(assets[type] ?? []) : null,
    });
  };
  const before = (p: number, type: string, most: number) => {
    if (dice.chance(p)) add(type, dice.between(0.5, most));
  };
  switch (dice.weighted(kinds)) {
    case "demo":
      add("demo_request", 0);
      before(0.35, "pricing_page", 10);
      before(0.3, "buyers_guide", 20);
      before(0.2, "webinar_attended", 25);
      break;
    case "trial":
      add("trial_active", dice.between(0, 3));
      before(0.5, "trial_started", 6);
      before(0.3, "roi_calculator", 20);
      break;
    case "pricing":
      add("pricing_page", dice.between(0, 4));
      before(0.5, "buyers_guide", 15);
      before(0.25, "webinar_attended", 20);
      break;
    case "reading":
      add("buyers_guide", dice.between(0, 3));
      add("roi_calculator", dice.between(0, 6));
      before(0.5, "webinar_attended", 20);
      break;
    case "glance":
      add(dice.pick(["webinar_attended", "buyers_guide"]), dice.between(0, 5));
      break;
    case "quiet":
      add("blog_view", 0);
      break;
  }
  for (let n = dice.whole(0, 3); n > 0; n--) add("blog_view", dice.between(1, 40));
  return did.sort((a, b) => a.occurredAt - b.occurredAt);
}
