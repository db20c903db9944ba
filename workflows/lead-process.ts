import {
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
  type ContinueAsNewOptions,
} from "@temporalio/workflow";
import type { SearchAttributePair, SearchAttributeUpdatePair } from "@temporalio/common";
import {
  isNewer,
  newsNames,
  toldNames,
  type NewsName,
  type Standing,
  type Subject,
} from "../handoff/process/words.ts";
import { isClosed } from "../handoff/stage.ts";
import {
  effectsLeft,
  news,
  pageMemo,
  searchAttributes,
  standing,
  told,
  type DecisionAsk,
  type ProcessStart,
} from "./contract.ts";
import { decideLater, decideNow, drainNow, keepTrying, type Decisions } from "./proxies.ts";

/** What the main line waits for. */
export type LeadEvent =
  /** Something was decided elsewhere, and the standing is taken over. */
  | { readonly kind: "told" }
  | { readonly kind: "news"; readonly heard: readonly NewsName[] }
  | { readonly kind: "wake" }
  /** The history is long: go on in the next run. */
  | { readonly kind: "continue" };

// A run stays far below the server's limits.
const mostEvents = 1_500;

interface LeadTimer {
  readonly at: number;
  /** Whom its summary names. */
  readonly owner: string | null;
  fired: boolean;
  readonly scope: CancellationScope;
}

/**
 * The process of one lead, or of one handoff of an account, between two decisions. Handlers note what comes in and do nothing else; the
 * main line takes it from here, one decision at a time.
 */
export class LeadProcess {
  at: Standing;
  readonly cycle: number;
  private readonly start: ProcessStart;
  private readonly subject: Subject;
  private readonly runId = workflowInfo().runId;
  private asked = 0;
  private isLong = false;
  /** A local activity has ended in this workflow task. */
  private isBehindLocal = false;

  private readonly news = new Set<NewsName>();
  /** News that came in this run, repeats as well. */
  private noted = 0;
  /** The newest standing that was told and is not taken over yet. */
  private newest: Standing | null = null;

  private timer: LeadTimer | null = null;
  private wakes = { at: 0, count: 0 };
  private readonly shown = new Map<string, unknown>();
  /** Null until there is news while the process ends. */
  private decidesLateNews: boolean | null = null;
  private effectsOpen = false;
  private carrying: Promise<void> | null = null;

  constructor(subject: Subject, start: ProcessStart) {
    this.subject = subject;
    this.start = start;
    this.cycle = start.cycle;
    this.at = start.at ?? unknownYet;
    this.effectsOpen = start.at?.effects ?? false;
    for (const name of start.heard ?? []) this.news.add(name);
    for (const name of toldNames) setHandler(told[name], ({ standing: at }) => this.note(at));
    for (const name of newsNames) setHandler(news[name], () => this.noteNews(name));
    setHandler(effectsLeft, () => {
      this.effectsOpen = true;
    });
    setHandler(standing, () => (this.at === unknownYet ? null : this.at));
  }

  /** The first decision: a lead that arrives is judged; one that goes on stands where it stood. */
  async begin(): Promise<void> {
    if (this.start.at) return;
    if (this.start.from === "intake") return this.decide("arrive", (ask, by) => by.arrive(ask));
    await this.decide("look", (ask, by) => by.look(ask));
    // What was said while no process ran was heard by nobody: everything is looked at once more.
    for (const name of newsNames) this.news.add(name);
  }

  isOver(): boolean {
    return (this.isNextCycle() || this.isLong) && !isClosed(this.at.stage);
  }

  /** Another cycle has begun: it is the next run's. */
  private isNextCycle(): boolean {
    return this.at.cycle > this.cycle;
  }

  async route(): Promise<void> {
    await this.decide("route", (ask, by) => by.route(ask));
  }

  /** News is heard, a time that has come is looked at; what was told was decided already. */
  async answer(event: LeadEvent): Promise<void> {
    switch (event.kind) {
      case "told":
        return;
      case "news":
        // A task that is lost runs again, perhaps with more news: the answer that was stored before
        // that came does not hold for it.
        return this.decide(`news-${this.noted}`, (ask, by) => by.takeNews(ask, event.heard));
      case "wake":
        return this.decide("checkTime", (ask, by) => by.checkTime(ask));
      case "continue":
        this.isLong = true;
    }
  }

  /**
   * Shows where the lead stands and waits: for what was told first, then for news, then for time.
   */
  async next(): Promise<LeadEvent> {
    if (this.takeOver()) return { kind: "told" };
    this.show(false);
    for (;;) {
      if (this.news.size > 0) {
        const heard = [...this.news].sort();
        this.news.clear();
        return { kind: "news", heard };
      }
      this.carryOutEffects();
      this.setTimer();
      // Time and length are read where a task begins: behind a local activity of the same task a
      // replay may see others.
      const beginsTask = !this.isAsked();
      await condition(() => this.isAsked());
      if (beginsTask) this.isBehindLocal = false;
      // What has come in goes along to the next run.
      if (beginsTask && this.historyIsLong()) return { kind: "continue" };
      const hasCome = beginsTask && this.timer?.fired === true && this.wakeAt() <= Date.now();
      if (this.timer?.fired) {
        this.timer = null;
        this.show(true);
      }
      if (this.takeOver()) return { kind: "told" };
      if (hasCome && this.news.size === 0) return this.wake();
    }
  }

  private isAsked(): boolean {
    return (
      this.newest !== null || this.news.size > 0 || this.timer?.fired === true || this.mayCarryOut()
    );
  }

  /**
   * Before the process ends everybody outside has been told, however long that takes. News that
   * concerns a closed lead is decided meanwhile, as it is decided once the process has ended.
   */
  async rest(): Promise<void> {
    this.show(true);
    this.effectsOpen ||= this.at.effects;
    for (;;) {
      await this.takeLateNews();
      if (!(this.effectsOpen || this.carrying !== null) || this.isReopened()) return;
      if ((await this.isNothingLeft()) && !this.hasLateNews()) return;
      this.carryOutEffects();
      for (;;) {
        await condition(() => this.carrying === null || this.isReopened() || this.hasLateNews());
        if (!this.hasLateNews()) break;
        await this.takeLateNews();
      }
    }
  }

  /** News that a closed lead is told of; of any other its next process hears. */
  private hasLateNews(): boolean {
    return (
      this.decidesLateNews !== false &&
      !this.isReopened() &&
      lateNews.some((name) => this.news.has(name))
    );
  }

  /** The patch is asked for only when there is such news: it is a marker in the history. */
  private async takeLateNews(): Promise<void> {
    while (this.hasLateNews()) {
      this.decidesLateNews ??= patched("news-while-ending");
      if (!this.decidesLateNews) return;
      const heard = lateNews.filter((name) => this.news.delete(name));
      await this.decide(`news-${this.noted}`, (ask, by) => by.takeNews(ask, heard));
      // As in `handOver`: a run ends only in a task without a local activity.
      await sleep(1, { summary: "the process ends" });
      this.isBehindLocal = false;
    }
  }

  /**
   * The next run begins at once and goes on with effects that are this process's: a lead is not
   * kept from what comes next by a system that is away.
   *
   * The server refuses the end of a run for which a signal has come in, and the task runs again.
   * Then a replay can be past a local activity before it sees that signal, and end the run without
   * it. So a run that goes on in another one ends only in a task without a local activity.
   */
  async handOver(): Promise<void> {
    this.effectsOpen ||= this.carrying !== null;
    if (this.isBehindLocal) await sleep(1, { summary: "the next run begins" });
  }

  /** A person began it again while the earlier end was being told. */
  isReopened(): boolean {
    return this.newest !== null && isNewer(this.newest, this.at) && !isClosed(this.newest.stage);
  }

  nextStart(): ProcessStart {
    const { priority, continueAfterEvents } = this.start;
    const heard = [...this.news].sort();
    // What was told while the run was ending is newer than where it stood.
    const at = this.newest !== null && isNewer(this.newest, this.at) ? this.newest : this.at;
    return {
      priority,
      cycle: at.cycle,
      from: "resume",
      at: { ...at, effects: this.effectsOpen },
      ...(continueAfterEvents === undefined ? {} : { continueAfterEvents }),
      ...(heard.length === 0 ? {} : { heard }),
    };
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
      { key: searchAttributes.cycle, value: at.cycle },
      { key: searchAttributes.step, value: at.step },
    ];
  }

  /** Takes the next decision: at once, or when the database is back. */
  private async decide(
    kind: string,
    take: (ask: DecisionAsk, by: Decisions) => Promise<Standing>,
  ): Promise<void> {
    this.asked += 1;
    const key = `${this.runId}/${this.asked}/${kind}`;
    const ask: DecisionAsk = { subject: this.subject, key, now: Date.now() };
    const at = await take(ask, decideNow).catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      log.warn("a decision could not be taken at once; the server retries it", { kind, key });
      return take(ask, decideLater);
    });
    this.isBehindLocal = true;
    // A stored answer can be older than what was told meanwhile.
    if (this.at === unknownYet || !isNewer(this.at, at)) this.at = at;
    this.effectsOpen ||= at.effects;
  }

  private noteNews(name: NewsName): void {
    this.noted += 1;
    this.news.add(name);
  }

  private note(at: Standing): void {
    if (this.newest === null || isNewer(at, this.newest)) this.newest = at;
  }

  /** Takes a standing that was decided elsewhere and is newer; a repeat or a late one is older. */
  private takeOver(): boolean {
    const { newest } = this;
    this.newest = null;
    if (newest === null || !isNewer(newest, this.at)) return false;
    this.at = newest;
    // Shown in full: the attribute `LeadStep` says that the process has heard.
    this.show(true);
    return true;
  }

  private wakeAt(): number {
    const { wakeAt } = this.at;
    if (wakeAt === null) return Number.POSITIVE_INFINITY;
    // A decision that asks to be woken at once, again and again, is slowed down instead of filling
    // the history.
    return this.wakes.count < 5 ? wakeAt : Math.max(wakeAt, this.wakes.at + 60_000);
  }

  private wake(): LeadEvent {
    const now = Date.now();
    this.wakes = { at: now, count: now - this.wakes.at < 1_000 ? this.wakes.count + 1 : 1 };
    return { kind: "wake" };
  }

  /**
   * The timer would say that somebody is waited for who has the lead no more. Asked in this order:
   * the patch is a marker in the history, and most leads never come here.
   */
  private namesAnother(): boolean {
    const named = this.timer?.owner ?? null;
    return named !== null && named !== this.at.owner && patched("timer-names-owner");
  }

  /**
   * One timer at a time. An earlier one is kept, unless it names somebody who has the lead no more:
   * when it fires the next one is set.
   */
  private setTimer(): void {
    const at = this.wakeAt();
    if (this.namesAnother()) {
      this.timer?.scope.cancel();
      this.timer = null;
    }
    if (at === Number.POSITIVE_INFINITY || (this.timer && this.timer.at <= at)) return;
    this.timer?.scope.cancel();
    const scope = new CancellationScope();
    const { owner, wakeFor } = this.at;
    const timer = { at, owner, fired: false, scope };
    this.timer = timer;
    const summary = owner === null ? wakeFor : `${wakeFor}, rep ${owner}`;
    const ring = async (): Promise<void> => {
      await sleep(Math.max(at - Date.now(), 1), { summary: summary.slice(0, 190) });
      timer.fired = true;
    };
    scope.run(ring).catch(() => undefined); // cancelled: another timer took its place
  }

  /**
   * Details cost nothing and are always current. Attributes cost an event: they are set on a new
   * stage or owner, after the timer has fired, and when something was told.
   */
  private show(all: boolean): void {
    const page = workflowInfo().memo?.[pageMemo];
    const link = typeof page === "string" ? `\n- [the ${this.subject.kind}](${page})` : "";
    setCurrentDetails(`${this.at.details}${link}`);
    const changed = this.pairs().filter(
      (pair) => this.shown.get(pair.key.name) !== plain(pair.value),
    );
    const { stage, owner } = searchAttributes;
    const matters =
      all || changed.some(({ key }) => key.name === stage.name || key.name === owner.name);
    if (changed.length === 0 || !matters) return;
    // Taking away what was never set is an event for nothing.
    const sent = changed.filter((pair) => pair.value !== null || this.shown.has(pair.key.name));
    if (sent.length > 0) upsertSearchAttributes(sent);
    for (const pair of changed) this.shown.set(pair.key.name, plain(pair.value));
  }

  /**
   * Effects were left over by the queue beside the process, and nothing of ours is at work on them.
   */
  private mayCarryOut(): boolean {
    return this.effectsOpen && this.carrying === null;
  }

  /** A remote activity, which is not waited for: the server repeats it for as long as it takes. */
  private carryOutEffects(): void {
    if (!this.mayCarryOut()) return;
    this.effectsOpen = false;
    this.carrying = keepTrying
      .carryOut(this.subject)
      .then(() => undefined)
      .catch((error: unknown) => {
        if (!isCancellation(error)) log.error("effects were left", { error });
      })
      .finally(() => {
        this.carrying = null;
      });
  }

  /**
   * One short look, also while an activity of ours waits out a pause: the queue beside the process
   * may have done it all.
   */
  private async isNothingLeft(): Promise<boolean> {
    this.effectsOpen = false;
    this.isBehindLocal = true;
    const left = await drainNow.drain(this.subject).then(
      (carried) => carried.left,
      () => 1,
    );
    this.effectsOpen ||= left > 0;
    return !this.effectsOpen;
  }

  private historyIsLong(): boolean {
    const info = workflowInfo();
    return (
      info.continueAsNewSuggested ||
      info.historyLength > (this.start.continueAfterEvents ?? mostEvents)
    );
  }
}

/** What the next run begins with beside its input. */
export function carriedOver(lead: LeadProcess): Omit<ContinueAsNewOptions, "workflowType"> {
  const { memo } = workflowInfo();
  return { typedSearchAttributes: lead.attributes(), ...(memo === undefined ? {} : { memo }) };
}

function plain(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value;
}

/** What concerns a lead whose process has ended too (worker/ended.ts). */
const lateNews = ["engaged", "rosterChanged"] as const satisfies readonly NewsName[];

/** Before the first decision nothing is known. */
const unknownYet: Standing = {
  cycle: 0,
  step: 0,
  stage: "new",
  stageSince: 0,
  waitingOn: "assessment",
  handoffId: null,
  owner: null,
  wakeAt: null,
  wakeFor: "",
  dueAt: null,
  leadType: null,
  band: null,
  source: null,
  territory: null,
  details: "",
  effects: false,
};
