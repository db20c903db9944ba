import { availableParallelism } from "node:os";
import { Piscina } from "piscina";
import type { Report } from "./numbers.ts";
import type { JudgedShare, JudgeShare } from "./rescore-work.ts";

/**
 * So many leads judged by an agreement of thirty rules, shared out to as many threads as there are
 * processors (two at most), and in one. Each thread makes its leads up as it goes, a few thousand at a
 * time, and counts only the time in which it judges.
 */
export async function benchRescore({ leads }: { readonly leads: number }): Promise<Report> {
  const threads = Math.min(2, availableParallelism());
  const pool = new Piscina({
    filename: new URL("./rescore-thread.mjs", import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    execArgv: [],
    env: {},
  });
  const judge = (share: JudgeShare) => pool.run(share) as Promise<JudgedShare>;
  try {
    const share = Math.ceil(leads / threads);
    const found = await Promise.all(
      Array.from({ length: threads }, (_, n) => judge({ seed: n, leads: share, how: "judged" })),
    );
    const some = Math.min(leads, 20_000);
    const [alone, explained] = [
      await judge({ seed: 9, leads: some, how: "judged" }),
      await judge({ seed: 9, leads: some, how: "explained" }),
    ];
    const slowest = Math.max(...found.map(({ seconds }) => seconds));
    const each = ({ processorSeconds }: JudgedShare) => (processorSeconds / some) * 1e6;
    return {
      figures: [
        {
          name: `${leads} leads against ${found[0]?.rules} rules, ${threads} threads`,
          value: slowest,
          unit: "s",
          goal: { atMost: (60 * leads) / 1_000_000 },
        },
        {
          name: "processor time of one lead",
          value: each(alone),
          unit: "us",
          beside: [{ name: "with its whole trace", value: each(explained) }],
        },
      ],
      notes: [
        `${found.reduce((sum, one) => sum + one.handOff, 0)} would be handed off, ` +
          `${((found[0]?.engagements ?? 0) / share).toFixed(1)} engagements a lead`,
      ],
    };
  } finally {
    await pool.destroy();
  }
}
