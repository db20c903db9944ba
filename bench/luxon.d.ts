/** The few parts of luxon that the comparison in `calendar.ts` uses; the package ships no types. */
declare module "luxon" {
  export class DateTime {
    static fromMillis(ms: number, options: { zone: string }): DateTime;
    readonly weekday: number;
    plus(amount: { days: number }): DateTime;
    startOf(unit: "day"): DateTime;
    set(time: { hour: number; minute: number }): DateTime;
    toISODate(): string;
    toMillis(): number;
  }
}
