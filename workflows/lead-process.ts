import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from "@temporalio/workflow";
import type { SearchAttributePair, SearchAttributeUpdatePair } from "@temporalio/common";
import { actions, decisive, isClosed, mayAct, type ActionName } from "../handoff/stage.ts";
import {
  effectsLeft,
  news,
  newsNames,
  searchAttributes,
  standing,
  updates,
  type ActionNotice,
  type ActionResult,
  type DecisionKey,
  type LeadStart,
  type NewsName,
  type Refusal,
  type Standing,
  type Subject,
} from "./contract.ts";
import { decideLater, decideNow, keepTrying, tryNow, type Decisions } from "./proxies.ts";

type Settled = Awaited<ReturnType<Decisions["settle"]>>;

/** What the main line waits for: something a person did, something heard from outside, or a time that has come. */
export type LeadEvent =
  | { readonly kind: "action"; readonly action: ActionNotice }
  | { readonly kind: "news"; readonly heard: readonly NewsName[] }
  | { readonly kind: "wake" }
  /** The history is long: go on in the next run. */
  | { readonly kind: "continue" };

// A run stays far below the server's limits (process.md, "History budget").
const mostEvents = 1_500;

/** One lead's process between two decisions: handlers note what comes in, the main line takes it from here one at a time. */
export class LeadProcess {
  at: Standing = unknownYet;
  readonly cycle: number;
  private readonly start: LeadStart;
  private readonly subject: Subject;
  private step: number;
  private isLong = false;

  private readonly inbox: ActionNotice[] = [];
  private readonly heard = new Set<NewsName>();
  private settling: ActionNotice | null = null;
  /** Answers become visible when the main line rests, so that a reassignment names the new owner. */
  private readonly settled = new Map<string, ActionResult>();
  private readonly answered = new Map<string, ActionResult>();

  private timer: { readonly at: number; fired: boolean; readonly scope: CancellationScope } | null =
    null;
  private wakes = { at: 0, count: 0 };
  private shown = new Map<string, unknown>();
  private effectsOpen = false;
  private carrying: Promise<void> | null = null;

  constructor(start: LeadStart) {
    this.start = start;
    this.cycle = start.cycle;
    this.step = start.step;
    if (start.at) this.at = start.at;
    this.effectsOpen = this.at.effects;
    for (const name of start.heard ?? []) this.heard.add(name);
    this.subject = { kind: "lead", id: start.leadId };
    for (const name of actions) this.listenFor(name);
    for (const name of newsNames) setHandler(news[name], () => void this.heard.add(name));
    setHandler(effectsLeft, () => {
      this.effectsOpen = true;
      this.carryOutEffects();
    });
    setHandler(standing, () => (this.at === unknownYet ? null : this.at));
  }

  /** The first decision: a lead that arrives is assessed; one that goes on stands where the earlier run left it, or where Postgres says. */
  async begin(): Promise<void> {
    if (this.start.at) return;
    if (this.start.from === "intake" || this.start.from === "reopen") return this.assess();
    await this.decide("hear", (key, by) => by.hear(key, []));
    // What was said while no process ran was heard by nobody: everything is looked at once more.
    for (const name of newsNames) this.heard.add(name);
  }

  isOver(): boolean {
    return (this.at.nextCycle || this.isLong) && !isClosed(this.at.stage);
  }

  async assess(): Promise<void> {
    await this.decide("assess", this.assessOnce);
  }

  async route(): Promise<void> {
    await this.decide("route", (key, by) => by.route(key));
  }

  /** The usual answer to an event: actions are settled, news is heard, a time that has come is looked at. */
  async answer(event: LeadEvent): Promise<void> {
    switch (event.kind) {
      case "action": {
        const { result } = await this.decide("settle", (key, by) =>
          by.settle(key, event.action.id),
        );
        this.settled.set(event.action.id, result);
        this.settling = null;
        return;
      }
      case "news":
        await this.decide("hear", (key, by) => by.hear(key, event.heard));
        return;
      case "wake":
        await this.decide("checkClocks", (key, by) => by.checkClocks(key));
        return;
      case "continue":
        this.isLong = true;
    }
  }

  /** Shows where the lead stands, starts its effects, and waits for the next event. Actions come first, then news, then time. */
  async next(): Promise<LeadEvent> {
    this.show(false);
    this.releaseAnswers();
    for (;;) {
      const action = this.inbox.shift();
      if (action) {
        this.settling = action;
        return { kind: "action", action };
      }
      if (this.heard.size > 0) {
        const heard = [...this.heard].sort();
        this.heard.clear();
        return { kind: "news", heard };
      }
      if (this.wakeAt() <= Date.now()) return this.wake();
      if (this.historyIsLong()) return { kind: "continue" };
      this.carryOutEffects();
      this.setTimer();
      await condition(
        () => this.inbox.length > 0 || this.heard.size > 0 || this.timer?.fired === true,
      );
      if (this.timer?.fired) {
        this.timer = null;
        this.show(true);
      }
    }
  }

  /** Before the run ends: nobody is left without an answer, and everybody outside has been told. */
  async rest(): Promise<void> {
    this.show(true);
    this.releaseAnswers();
    this.carryOutEffects();
    while (this.carrying && !this.isNothingLeft()) await this.carrying;
    do {
      // What comes in now belongs to the next run; an update that is left unanswered would fail.
      for (const action of this.inbox.splice(0)) this.answered.set(action.id, this.tryAgain());
      await condition(() => this.inbox.length > 0 || allHandlersFinished());
    } while (this.inbox.length > 0);
  }

  nextStart(): LeadStart {
    const { leadId, priority, continueAfterEvents } = this.start;
    const heard = [...this.heard].sort();
    const rest = {
      leadId,
      priority,
      ...(continueAfterEvents === undefined ? {} : { continueAfterEvents }),
      ...(heard.length === 0 ? {} : { heard }),
    };
    const at = { ...this.at, nextCycle: false, effects: this.effectsOpen };
    return this.at.nextCycle
      ? { ...rest, cycle: this.cycle + 1, step: 0, from: "cycle", at }
      : { ...rest, cycle: this.cycle, step: this.step, from: "resume", at };
  }

  /** What the Temporal UI can search for, as the next run begins with it. */
  attributes(): SearchAttributePair[] {
    return this.pairs().filter((pair): pair is SearchAttributePair => pair.value !== null);
  }

  /** Every attribute; a value that is not known is null, which takes it away. */
  private pairs(): SearchAttributeUpdatePair[] {
    const { at } = this;
    const date = (ms: number | null) => (ms === null ? null : new Date(ms));
    return [
      { key: searchAttributes.stage, value: at.stage },
      { key: searchAttributes.waitingOn, value: at.waitingOn },
      { key: searchAttributes.owner, value: at.owner },
      { key: searchAttributes.leadType, value: at.leadType },
      { key: searchAttributes.band, value: at.band },
      { key: searchAttributes.source, value: at.source },
      { key: searchAttributes.territory, value: at.territory },
      { key: searchAttributes.dueAt, value: date(at.dueAt) },
      { key: searchAttributes.stageSince, value: new Date(at.stageSince) },
      { key: searchAttributes.cycle, value: this.cycle },
    ];
  }

  private assessOnce = (key: DecisionKey, by: Decisions) =>
    by.assess(key, { reopen: this.start.from === "reopen" && key.step === this.start.step + 1 });

  /** Takes the next decision: at once, or when the database is back. */
  private async decide<R extends Standing | Settled>(
    kind: string,
    take: (key: DecisionKey, by: Decisions) => Promise<R>,
  ): Promise<R> {
    this.step += 1;
    const key: DecisionKey = {
      subject: this.subject,
      cycle: this.cycle,
      step: this.step,
      now: Date.now(),
    };
    const decided = await take(key, decideNow).catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      log.warn("a decision could not be taken at once; the server retries it", {
        kind,
        step: key.step,
      });
      return take(key, decideLater);
    });
    this.at = "standing" in decided ? decided.standing : decided;
    this.step = Math.max(this.step, this.at.step ?? 0);
    this.effectsOpen ||= this.at.effects;
    return decided;
  }

  private listenFor(name: ActionName): void {
    setHandler(
      updates[name],
      async (notice) => {
        this.inbox.push(notice); // before the first await: the first valid answer wins
        await condition(() => this.answered.has(notice.id));
        const result = this.answered.get(notice.id) ?? this.tryAgain();
        this.answered.delete(notice.id);
        return result;
      },
      {
        validator: (notice) => {
          const refusal = this.refusalOf(name, notice);
          if (refusal) throw ApplicationFailure.nonRetryable(refusal.message, "Refused", refusal);
        },
      },
    );
  }

  private refusalOf(name: ActionName, notice: ActionNotice): Refusal | null {
    const { stage, waitingOn, owner } = this.at;
    const refuse = (code: Refusal["code"], message: string): Refusal => ({
      code,
      stage,
      waitingOn,
      owner,
      message,
    });
    if (!mayAct(stage, waitingOn, name))
      return refuse(
        "not-possible-now",
        `${name} is not possible: the lead is ${stage}, waiting on ${waitingOn}`,
      );
    if (notice.role === "rep" && owner !== notice.by)
      return refuse("not-yours", "the lead is with somebody else");
    const rival = decisive.includes(name)
      ? [this.settling, ...this.inbox].find((other) => other && decisive.includes(other.name))
      : undefined;
    if (rival && rival.id !== notice.id)
      return refuse("already-answered", `${rival.name} by ${rival.by} came first`);
    return null;
  }

  private releaseAnswers(): void {
    const { stage, waitingOn, owner } = this.at;
    for (const [id, result] of this.settled)
      this.answered.set(id, result.done ? { ...result, stage, waitingOn, owner } : result);
    this.settled.clear();
  }

  private tryAgain(): ActionResult {
    const { stage, waitingOn, owner } = this.at;
    return {
      done: false,
      code: "try-again",
      message: "the lead is moving on; send the same action again",
      stage,
      waitingOn,
      owner,
    };
  }

  private wakeAt(): number {
    const { wakeAt } = this.at;
    if (wakeAt === null) return Number.POSITIVE_INFINITY;
    // A decision that asks to be woken at once, again and again, is slowed down instead of filling the history.
    return this.wakes.count < 5 ? wakeAt : Math.max(wakeAt, this.wakes.at + 60_000);
  }

  private wake(): LeadEvent {
    const now = Date.now();
    this.wakes = { at: now, count: now - this.wakes.at < 1_000 ? this.wakes.count + 1 : 1 };
    return { kind: "wake" };
  }

  /** One timer at a time. An earlier one is kept: it costs nothing, and when it fires the next one is set. */
  private setTimer(): void {
    const at = this.wakeAt();
    if (at === Number.POSITIVE_INFINITY || (this.timer && this.timer.at <= at)) return;
    this.timer?.scope.cancel();
    const scope = new CancellationScope();
    const timer = { at, fired: false, scope };
    this.timer = timer;
    const summary =
      this.at.owner === null ? this.at.wakeFor : `${this.at.wakeFor}, rep ${this.at.owner}`;
    const ring = async (): Promise<void> => {
      await sleep(at - Date.now(), { summary: summary.slice(0, 190) });
      timer.fired = true;
    };
    scope.run(ring).catch(() => undefined); // cancelled: another timer took its place
  }

  /** Details cost nothing and are always current. Attributes cost an event: on a new stage or owner, and whenever the timer has fired. */
  private show(all: boolean): void {
    setCurrentDetails(this.at.details);
    const changed = this.pairs().filter(
      (pair) => this.shown.get(pair.key.name) !== plain(pair.value),
    );
    const matters =
      all ||
      changed.some(
        ({ key }) =>
          key.name === searchAttributes.stage.name || key.name === searchAttributes.owner.name,
      );
    if (changed.length === 0 || !matters) return;
    // Taking away what was never set is an event for nothing.
    const sent = changed.filter((pair) => pair.value !== null || this.shown.has(pair.key.name));
    if (sent.length > 0) upsertSearchAttributes(sent);
    for (const pair of changed) this.shown.set(pair.key.name, plain(pair.value));
  }

  private carryOutEffects(): void {
    if (!this.effectsOpen || this.carrying) return;
    this.carrying = this.carryOutAll()
      .catch((error: unknown) => {
        if (!isCancellation(error)) log.error("effects were left", { error });
      })
      .finally(() => {
        this.carrying = null;
      });
  }

  /** A decision that ends the run has carried out what was left; an activity that waits out its pause would find nothing. */
  private isNothingLeft(): boolean {
    return (
      (isClosed(this.at.stage) || this.at.nextCycle) && !this.at.effects && patched("nothing-left")
    );
  }

  private async carryOutAll(): Promise<void> {
    while (this.effectsOpen) {
      this.effectsOpen = false;
      const left = await tryNow.carryOut(this.subject).then(
        (carried: { left: number }) => carried.left,
        () => 1,
      );
      if (left > 0) await keepTrying.carryOut(this.subject);
    }
  }

  private historyIsLong(): boolean {
    const info = workflowInfo();
    return (
      info.continueAsNewSuggested ||
      info.historyLength > (this.start.continueAfterEvents ?? mostEvents)
    );
  }
}

function plain(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value;
}

/** Before the first decision nothing is known and nothing is possible. */
const unknownYet: Standing = {
  stage: "new",
  stageSince: 0,
  waitingOn: "assessment",
  handoffId: null,
  owner: null,
  contested: false,
  wakeAt: null,
  wakeFor: "",
  dueAt: null,
  leadType: null,
  band: null,
  source: null,
  territory: null,
  details: "",
  effects: false,
  nextCycle: false,
};
